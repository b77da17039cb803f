import CPostgres
import NearestNeighbors
import PostgresServer

/// Assigns rows to lists, many at a time, makes their codes, and hands them to a sort by list.
///
/// In a parallel build each participant has one.
struct IvfflatAssignment {
    /// Rows that are compared with all centroids at once.
    private static let batch = 256

    private let index: ServerRelation
    private let meta: IvfflatMeta
    private let reader: VectorReader
    private let encoder: VectorEncoder
    private let centroids: IvfflatCentroids
    private let panels: CentroidPanels
    private let sort: IvfflatSort
    private let vectors: UnsafeMutablePointer<Float>
    private let rotated: UnsafeMutablePointer<Float>
    private let rows: UnsafeMutablePointer<UInt64>
    private let lists: UnsafeMutablePointer<Int32>
    private let scores: UnsafeMutablePointer<Float>
    private let parallel: ParallelBuild?
    private var pending = 0
    /// Rows that have been assigned here.
    private(set) var count = 0
    private var hasWarned = false

    /// - Parameter kilobytes: memory for centroids and sort together.
    init(
        _ index: ServerRelation, _ meta: IvfflatMeta, _ centroids: IvfflatCentroids,
        kilobytes: Int, _ parallel: ParallelBuild?, _ memory: ServerMemory
    ) throws(ServerError) {
        self.index = index
        self.meta = meta
        self.centroids = centroids
        self.parallel = parallel
        let metric = Metric(meta.metric, kernels)
        reader = try VectorReader(index, meta.metric)
        encoder = try meta.encoder(in: memory)
        var source = memory
        panels = try CentroidPanels(
            centroids.start, count: centroids.count, dimensions: meta.dimensions,
            metric: metric, in: &source)
        let batch = IvfflatAssignment.batch
        vectors = try memory.allocate(batch * meta.dimensions, of: Float.self)
        rotated = try memory.allocate(batch * meta.dimensions, of: Float.self)
        rows = try memory.allocate(batch, of: UInt64.self)
        lists = try memory.allocate(batch, of: Int32.self)
        scores = try memory.allocate(batch, of: Float.self)
        let taken = IvfflatAssignment.bytes(lists: centroids.count, dimensions: meta.dimensions)
        sort = try IvfflatSort(
            meta.layout, kilobytes: kilobytes - taken / 1024, shared: parallel?.sort,
            participants: -1, in: memory)
    }

    /// Memory for the centroids, as they are and in panels, and for a batch of rows.
    static func bytes(lists: Int, dimensions: Int) -> Int {
        (lists + batch) * dimensions * 8
    }

    /// Takes a row of the table.
    mutating func add(_ row: UInt64, _ value: Datum) throws(ServerError) {
        guard let vector = try reader.read(value, of: row), let start = vector.baseAddress else {
            if !hasWarned { try warnOfEmptyVector(index) }
            hasWarned = true
            return
        }
        try reader.checkDimensions(vector.count, expected: meta.dimensions)
        let place = vectors + pending * meta.dimensions
        reader.prepare(start, vector.count, into: place)
        encoder.rotate(place, into: rotated + pending * meta.dimensions)
        rows[pending] = row
        pending += 1
        if pending == IvfflatAssignment.batch { try assign() }
    }

    private mutating func assign() throws(ServerError) {
        guard pending > 0 else { return }
        panels.findNearest(
            of: rotated, strideInFloats: meta.dimensions, rowCount: pending, centroids: lists,
            scores: scores)
        for row in 0..<pending {
            let factors = encoder.encode(
                rotated + row * meta.dimensions,
                from: centroids.start + Int(lists[row]) * meta.dimensions)
            try sort.put(
                IvfflatPages.Entry(
                    row: rows[row], vector: vectors + row * meta.dimensions,
                    code: encoder.bytes, factors: factors),
                list: lists[row])
        }
        count += pending
        let all = parallel?.count(pending) ?? count
        pending = 0
        if parallel?.isLeader ?? true { pase_progress(IvfflatProgress.tuplesDone, Int64(all)) }
    }

    /// Sorts what has been added.
    ///
    /// - Returns: the sort, which the caller reads or, being one part of several, ends.
    mutating func finish() throws(ServerError) -> IvfflatSort {
        try assign()
        if parallel?.isLeader ?? true {
            pase_progress(IvfflatProgress.subphase, IvfflatPhase.sorting.rawValue)
        }
        try sort.perform()
        return sort
    }
}
