import CPostgres
import NearestNeighbors
import PostgresServer

/// What the metapage of a pase_ivfflat index says.
struct IvfflatMeta {
    private static let format = MetapageItem(
        magic: IvfflatLayout.magic, formatVersion: IvfflatLayout.formatVersion,
        bytes: IvfflatLayout.metaBytes)

    /// 0 until the first vector says.
    var dimensions: Int
    /// Number of lists, 1 or more once there are dimensions.
    var lists: Int
    var metric: Metric.Kind
    var bits: CodeBits
    var rotationSeed: UInt64
    /// Block of the first page of centroids.
    var centroids: UInt32

    var layout: IvfflatLayout { IvfflatLayout(dimensions: dimensions, bits: bits) }

    /// Makes the codes of vectors.
    func encoder(in memory: ServerMemory) throws(ServerError) -> VectorEncoder {
        try VectorEncoder(
            dimensions: dimensions, bits: bits, rotationSeed: rotationSeed, in: memory)
    }

    init(
        dimensions: Int, lists: Int, metric: Metric.Kind, bits: CodeBits, rotationSeed: UInt64,
        centroids: UInt32
    ) {
        self.dimensions = dimensions
        self.lists = lists
        self.metric = metric
        self.bits = bits
        self.rotationSeed = rotationSeed
        self.centroids = centroids
    }

    private init(_ start: UnsafeMutableRawPointer, of index: ServerRelation) throws(ServerError) {
        dimensions = Int(start.u16(6))
        lists = Int(start.u32(8))
        rotationSeed = start.u64(16)
        centroids = start.u32(24)
        guard let metric = Metric.Kind(rawValue: Int32(start.u8(12))),
            dimensions <= IvfflatLayout.maximumDimensions, lists <= IvfflatOptions.maximumLists,
            let bits = CodeBits(rawValue: start.u8(13)),
            dimensions == 0 || (lists > 0 && centroids > 0)
        else { throw MetapageItem.damaged(index) }
        self.metric = metric
        self.bits = bits
    }

    private func write(to start: UnsafeMutableRawPointer) {
        start.put(UInt16(truncatingIfNeeded: dimensions), at: 6)
        start.put(UInt32(truncatingIfNeeded: lists), at: 8)
        start.put(UInt8(truncatingIfNeeded: metric.rawValue), at: 12)
        start.put(bits.rawValue, at: 13)
        start.put(rotationSeed, at: 16)
        start.put(centroids, at: 24)
    }

    /// Reads a copy of the metapage.
    init(in page: IndexPage, of index: ServerRelation) throws(ServerError) {
        try self.init(IvfflatMeta.format.item(of: page, in: index), of: index)
    }

    /// Reads the metapage of an index.
    static func read(_ index: ServerRelation) throws(ServerError) -> IvfflatMeta {
        let locked = try LockedPage.open(
            index, MetapageItem.block, .shared, hints: PageHints(index))
        let meta = try IvfflatMeta(format.item(of: locked.page, in: index), of: index)
        try locked.close()
        return meta
    }

    /// Makes the metapage of a new index.
    func create(_ index: ServerRelation, fork: CPostgres.ForkNumber, _ mode: WriteMode)
        throws(ServerError)
    {
        try IvfflatMeta.format.create(index, fork: fork, mode, fill: write)
    }

    /// Writes the metapage of an index.
    func store(_ index: ServerRelation, _ mode: WriteMode) throws(ServerError) {
        try IvfflatMeta.format.update(index, mode) { (start) throws(ServerError) in
            write(to: start)
        }
    }
}
