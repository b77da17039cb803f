import CPostgres
import NearestNeighbors
import PostgresServer

/// Assigns rows to lists, many at a time, sorts them by list, and writes the lists.
struct IvfflatAssignment {
    /// Rows that are compared with all centroids at once.
    private static let batch = 256

    private let index: ServerRelation
    private let meta: IvfflatMeta
    private let centroids: IvfflatCentroids
    private let memory: ServerMemory
    private let encoder: IvfflatEncoder
    private let panels: CentroidPanels
    private let sort: OpaquePointer
    private let vectors: UnsafeMutablePointer<Float>
    private let rotated: UnsafeMutablePointer<Float>
    private let rows: UnsafeMutablePointer<UInt64>
    private let lists: UnsafeMutablePointer<Int32>
    private let scores: UnsafeMutablePointer<Float>
    private var pending = 0
    private var count = 0
    private var hasWarned = false

    init(
        _ index: ServerRelation, _ meta: IvfflatMeta, _ centroids: IvfflatCentroids,
        _ memory: ServerMemory
    ) throws(ServerError) {
        self.index = index
        self.meta = meta
        self.centroids = centroids
        self.memory = memory
        encoder = try IvfflatEncoder(meta, in: memory)
        var source = memory
        panels = try CentroidPanels(
            centroids.start, count: centroids.count, dimensions: meta.dimensions,
            metric: Metric(meta.metric, kernels), in: &source)
        let batch = IvfflatAssignment.batch
        vectors = try memory.allocate(batch * meta.dimensions, of: Float.self)
        rotated = try memory.allocate(batch * meta.dimensions, of: Float.self)
        rows = try memory.allocate(batch, of: UInt64.self)
        lists = try memory.allocate(batch, of: Int32.self)
        scores = try memory.allocate(batch, of: Float.self)
        var sort: OpaquePointer?
        try memory.asCurrent { () throws(ServerError) in
            try check(
                pase_sort_begin(meta.dimensions * 4, pase_maintenance_work_mem(), &sort))
        }
        guard let sort else { throw ServerError(.internalError, "no sort") }
        self.sort = sort
    }

    /// Takes a row of the table.
    mutating func add(_ row: UInt64, _ value: Datum) throws(ServerError) {
        let reader = VectorReader(metric: Metric(meta.metric, kernels), indexName: index.name)
        guard let vector = try reader.read(value), let start = vector.baseAddress else {
            if !hasWarned { try warnOfEmptyVector(index.name) }
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
            try check(
                pase_sort_put(sort, lists[row], rows[row], vectors + row * meta.dimensions))
        }
        count += pending
        pending = 0
        pase_progress(IvfflatProgress.tuplesDone, Int64(count))
    }

    /// Sorts what has been added, and writes centroids and lists.
    ///
    /// - Returns: the number of rows.
    mutating func write() throws(ServerError) -> Int {
        try assign()
        pase_progress(IvfflatProgress.subphase, IvfflatPhase.sorting.rawValue)
        try check(pase_sort_perform(sort))
        pase_progress(IvfflatProgress.subphase, IvfflatPhase.writing.rawValue)
        var writer = try IvfflatWriter(index, meta, centroids, encoder, memory)
        try writer.writeCentroids()
        while true {
            try checkInterrupts()
            var found = false
            var list: Int32 = 0
            var row: UInt64 = 0
            var vector: UnsafeRawPointer?
            try check(pase_sort_next(sort, &found, &list, &row, &vector))
            guard found, let vector else { break }
            try writer.append(row, vector, list: Int(list))
        }
        try writer.finish()
        try check(pase_sort_end(sort))
        return count
    }
}
