import CPostgres
import NearestNeighbors
import PostgresServer

/// What the metapage says.
struct HnswMeta {
    private static let format = MetapageItem(
        magic: HnswLayout.magic, formatVersion: HnswLayout.formatVersion,
        bytes: HnswLayout.metaBytes)

    var dimensions: Int
    var links: Int
    var efConstruction: Int
    var metric: Metric.Kind
    /// Bits of the codes beside the ground links; nil for no codes. Set with the dimensions.
    private(set) var bits: CodeBits?
    /// How exactly vectors are kept. Set with the dimensions.
    private(set) var precision: HnswPrecision
    /// With vectors in half precision, a number that no vector's norm exceeds; else 0.
    var largestNorm: Float = 0
    /// Links that a node has room for on the ground layer. Set with the dimensions.
    private(set) var groundLinks: Int
    /// Block of the centre of the codes, 0 if it is zero.
    var centre: UInt32 = 0
    /// How many nodes were far from nearly all others when they were inserted; see `FarNodes`.
    var farNodes: UInt32 = 0
    /// Rows of the table when the graph was last mended as a whole, less two for each row that vacuum has removed since; see
    /// `HnswMending`.
    var mendedRows: UInt64 = 0
    let rotationSeed: UInt64
    var entry: EntryPoint?

    var shape: GraphShape {
        HnswLayout.shape(
            dimensions: dimensions, links: links, groundLinks: groundLinks,
            efConstruction: efConstruction, bits: bits)
    }

    var layout: HnswLayout { HnswLayout(shape, bits: bits, precision) }

    /// The first block that may hold nodes.
    var firstNodeBlock: UInt32 { centre == 0 ? 1 : 2 }

    /// Sets the dimensions, and with them what depends on them: codes of the bits asked for, or those that
    /// are best for the dimensions, with vectors in single precision, or in half precision where only that
    /// leaves room for them; without codes the smallest index there is, but for few dimensions, where
    /// half precision saves little.
    ///
    /// - Parameter codes: the option; the caller has seen that there is room.
    mutating func setDimensions(_ dimensions: Int, codes: HnswOptions.Codes) {
        self.dimensions = dimensions
        groundLinks = links * 2
        var wanted: CodeBits?
        switch codes {
        case .byDimension: wanted = HnswLayout.defaultBits(dimensions: dimensions)
        case .none: wanted = nil
        case .bits(let asked): wanted = asked
        }
        if let wanted {
            for precision in [HnswPrecision.single, .half] {
                guard
                    let fitting = HnswLayout.groundLinks(
                        dimensions: dimensions, links: links, bits: wanted, precision)
                else { continue }
                bits = wanted
                self.precision = precision
                groundLinks = fitting
                return
            }
        }
        bits = nil
        precision = .half
        if case .byDimension = codes, wanted == nil { precision = .single }
    }

    /// Says that there is a centre, as in each index with codes that is built from rows.
    mutating func setCentre() {
        if bits != nil { centre = HnswGraphPlan.centreBlock }
    }

    /// Reads the metapage of an index.
    static func read(_ index: ServerRelation) throws(ServerError) -> HnswMeta {
        let locked = try LockedPage.open(
            index, HnswLayout.metaBlock, .shared, hints: PageHints(index))
        let meta = try HnswMeta(format.item(of: locked.page, in: index), of: index)
        try locked.close()
        return meta
    }

    init(
        dimensions: Int, links: Int, efConstruction: Int, metric: Metric.Kind,
        entry: EntryPoint? = nil
    ) {
        self.dimensions = dimensions
        self.links = links
        self.efConstruction = efConstruction
        self.metric = metric
        self.entry = entry
        groundLinks = links * 2
        precision = .single
        rotationSeed = 0x5041_5345_484E_5357
    }

    /// Reads a copy of the metapage.
    init(in page: IndexPage, of index: ServerRelation) throws(ServerError) {
        try self.init(HnswMeta.format.item(of: page, in: index), of: index)
    }

    /// What a check finds wrong beyond what reading refuses, nil if there is nothing.
    func problem(_ index: ServerRelation) throws(ServerError) -> String? {
        let asked = try indexMetric(index)
        if asked != metric {
            return
                "the metric is \(metric.rawValue), but that of the operator class is \(asked.rawValue)"
        }
        if dimensions == 0 { return bits == nil ? nil : "there are codes, but no dimensions" }
        let fitting =
            bits.map {
                HnswLayout.groundLinks(
                    dimensions: dimensions, links: links, bits: $0, precision)
            } ?? links * 2
        if fitting != groundLinks {
            return "there is room for \(fitting ?? 0) ground links, not \(groundLinks)"
        }
        if !largestNorm.isFinite || largestNorm < 0 || (precision == .single && largestNorm != 0) {
            return "the largest norm is invalid"
        }
        return nil
    }

    /// Reads the fields, and refuses values that this extension does not write.
    private init(_ start: UnsafeMutableRawPointer, of index: ServerRelation) throws(ServerError) {
        dimensions = Int(start.u16(6))
        links = Int(start.u16(8))
        efConstruction = Int(start.u16(10))
        let level = Int(start.u8(13))
        bits = CodeBits(rawValue: start.u8(14))
        groundLinks = Int(start.u16(28))
        centre = start.u32(24)
        rotationSeed = start.u64(32)
        largestNorm = start.f32(40)
        farNodes = start.u32(44)
        mendedRows = start.u64(48)
        precision = HnswPrecision(rawValue: start.u8(15)) ?? .single
        let node = NodeReference(raw: start.u64(16))
        guard let metric = Metric.Kind(rawValue: Int32(start.u8(12))), links >= 2, links <= 128,
            efConstruction >= 1, dimensions <= QueryLimits.maximumDimensions, start.u8(15) <= 1,
            node == .none || (node.block > 0 && dimensions > 0), level <= 15,
            groundLinks >= links, groundLinks <= links * 2, bits != nil || start.u8(14) == 0,
            centre <= 1
        else { throw MetapageItem.damaged(index) }
        self.metric = metric
        entry = node == .none ? nil : EntryPoint(node: node, level: level)
        guard level <= shape.maximumLevel,
            dimensions == 0 || layout.nodeBytes <= HnswLayout.largestItem
        else { throw MetapageItem.damaged(index) }
    }

    /// Writes all fields behind magic number and version.
    private func write(to start: UnsafeMutableRawPointer) {
        start.put(UInt16(truncatingIfNeeded: dimensions), at: 6)
        start.put(UInt16(truncatingIfNeeded: links), at: 8)
        start.put(UInt16(truncatingIfNeeded: efConstruction), at: 10)
        start.put(UInt8(truncatingIfNeeded: metric.rawValue), at: 12)
        start.put(UInt8(truncatingIfNeeded: entry?.level ?? 0), at: 13)
        start.put(bits?.rawValue ?? 0, at: 14)
        start.put(precision.rawValue, at: 15)
        start.put((entry?.node ?? .none).raw, at: 16)
        start.put(centre, at: 24)
        start.put(UInt16(truncatingIfNeeded: groundLinks), at: 28)
        start.put(rotationSeed, at: 32)
        start.put(largestNorm.bitPattern, at: 40)
        start.put(farNodes, at: 44)
        start.put(mendedRows, at: 48)
    }

    /// Makes the metapage of a new index.
    func create(
        _ index: ServerRelation, fork: CPostgres.ForkNumber, _ mode: WriteMode
    ) throws(ServerError) {
        try HnswMeta.format.create(index, fork: fork, mode, fill: write)
    }

    /// Changes the metapage as `change` says, under its exclusive lock.
    static func update(
        _ index: ServerRelation, _ mode: WriteMode, _ change: (inout HnswMeta) -> Void
    ) throws(ServerError) -> HnswMeta {
        var result: HnswMeta?
        try format.update(index, mode) { (start) throws(ServerError) in
            var meta = try HnswMeta(start, of: index)
            change(&meta)
            meta.write(to: start)
            result = meta
        }
        guard let result else { throw MetapageItem.damaged(index) }
        return result
    }
}
