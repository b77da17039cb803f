import CPostgres
import NearestNeighbors
import PostgresServer
import VectorKernels

/// A pass over the table of an index scan: the rows that the scan's snapshot sees and the index should have, in the order
/// of the operator's own values.
///
/// It answers what the index cannot: a query of another metric than the index's, and the rest of a scan that has used
/// up its memory, or that has read so much of the index that reading the table costs less than going on.
///
/// As many of the nearest rows as fit `work_mem` (times `hash_mem_multiplier`) are kept. Who wants more of them makes the
/// table be read once more, for the server's sort, which takes what is left to disk.
struct ExactPass {
    private let scan: IndexScanDesc
    private let distance: ExactDistance
    private let encoding: VectorEncoding
    /// Rows that were answered before.
    private let answered: VisitedSet?
    /// What is wanted: rows from `first` on, before `end` if there is one.
    private var first: RowDistance
    private var end: RowDistance?
    /// Rows nearer than this come after all others, in a pass of their own.
    private var late: Double?
    private let scanMemory: ServerMemory
    private var memory: ServerMemory
    private var nearest: NearestRows?
    private var sort: OpaquePointer?
    private var last: RowDistance

    /// Reads the table.
    ///
    /// - Parameters:
    ///   - answered: rows to leave out.
    ///   - lower: only rows at this distance or farther.
    ///   - answersLate: whether the others come after them.
    ///   - memory: what the pass keeps lies in a part of it, until `close`.
    init(
        _ scan: IndexScanDesc, _ distance: ExactDistance, leavingOut answered: VisitedSet? = nil,
        from lower: Double = -.infinity, answersLate: Bool = false, in scanMemory: ServerMemory
    ) throws(ServerError) {
        self.scan = scan
        self.distance = distance
        self.answered = answered
        encoding = try VectorEncoding(ServerRelation(scan.pointee.indexRelation))
        first = RowDistance(distance: lower, row: 0)
        late = answersLate ? lower : nil
        last = RowDistance(key: .min, row: 0)
        self.scanMemory = scanMemory
        memory = try scanMemory.makeChild("pase exact pass")
        try begin()
    }

    private mutating func begin() throws(ServerError) {
        var source = memory
        nearest = try NearestRows(capacity: ExactPass.capacity, in: &source)
        try readTable()
        nearest?.finish()
    }

    /// The next row with its distance, nil after the last.
    mutating func next() throws(ServerError) -> RowDistance? {
        while true {
            if let row = try nextOfPass() { return row }
            guard let late else { return nil }
            self.late = nil
            try close()
            first = RowDistance(distance: -.infinity, row: 0)
            // NaN, the greatest of all, is not before it.
            end = RowDistance(distance: late, row: 0)
            last = RowDistance(key: .min, row: 0)
            memory = try scanMemory.makeChild("pase exact pass")
            try begin()
        }
    }

    private mutating func nextOfPass() throws(ServerError) -> RowDistance? {
        if let row = nearest?.next() {
            last = row
            return row
        }
        if let nearest {
            var source = memory
            try nearest.free(in: &source)
            let isCut = nearest.isCut
            self.nearest = nil
            if isCut { try sortRest() }
        }
        guard let sort else { return nil }
        var found = false
        var key: UInt64 = 0
        var row: UInt64 = 0
        var note: UInt64 = 0
        try check(pase_numbers_next(sort, &found, &key, &row, &note))
        return found ? RowDistance(key: Int64(bitPattern: key), row: row) : nil
    }

    /// Gives back memory and files.
    mutating func close() throws(ServerError) {
        if let sort { try check(pase_numbers_end(sort)) }
        sort = nil
        nearest = nil
        try memory.delete()
    }

    /// Rows that are kept in memory, with room for moving them to a larger place.
    private static var capacity: Int {
        let rows = pase_scan_memory() / Double(MemoryLayout<RowDistance>.stride * 3)
        return max(Int(exactly: rows.rounded(.down)) ?? 1024, 1024)
    }

    /// Sorts the rows behind those that were kept.
    private mutating func sortRest() throws(ServerError) {
        try memory.asCurrent { () throws(ServerError) in
            try check(pase_numbers_begin(pase_work_mem(), &sort))
        }
        try readTable()
        if let sort { try check(pase_numbers_perform(sort)) }
    }

    private mutating func readTable() throws(ServerError) {
        var succeeded = false
        let scan = scan
        withUnsafeMutablePointer(to: &self) { pass in
            succeeded = pase_scan_table(scan, takeRow, UnsafeMutableRawPointer(pass))
        }
        try check(succeeded)
    }

    /// Takes a row of the table.
    fileprivate mutating func take(_ row: UInt64, _ value: Datum) throws(ServerError) {
        let vector: UnsafeBufferPointer<Float>
        switch encoding {
        case .array: vector = try FloatArray(value).elements
        case .base64: vector = try Base64Vector(value, row: row).elements
        }
        guard let start = vector.baseAddress, vector.count > 0 else { return }
        try checkSameDimensions(vector.count, distance.dimensions)
        let found = RowDistance(distance: distance.value(start), row: row)
        guard !RowDistance.isBefore(found, first), RowDistance.isBefore(last, found) else { return }
        if let end, !RowDistance.isBefore(found, end) { return }
        if let answered, answered.contains(row) { return }
        if sort != nil {
            try check(pase_numbers_put(sort, UInt64(bitPattern: found.key), row, 0))
        } else {
            var source = memory
            try nearest?.offer(found, in: &source)
        }
    }
}

/// What an exact pass orders by.
struct ExactDistance {
    private let operation: DistanceOperator
    /// Set where a scan is answered in the order of the index's own distances; see `IndexQuery.isAnswered`.
    private let index: Metric?

    /// - Parameter kind: the index's metric.
    init(_ query: IndexQuery, _ kind: Metric.Kind) {
        operation = query.operation
        index =
            query.metric == .innerProduct && query.isAnswered(by: kind)
            ? Metric(kind, kernels) : nil
    }

    var dimensions: Int { operation.dimensions }

    /// Whether the distances are the operator's values.
    var isOperator: Bool { index == nil }

    @inline(__always)
    func value(_ vector: UnsafePointer<Float>) -> Double {
        if let index {
            return Double(index.distance(vector, operation.query, operation.dimensions))
        }
        return operation.value(vector)
    }

    /// A value in the operator's type.
    func datum(_ value: Double) -> Datum { operation.datum(value) }
}

/// `ExactPass.take` for the server.
private func takeRow(
    _ state: UnsafeMutableRawPointer?, _ row: UInt64, _ value: Datum, _ isNull: Bool
) -> Bool {
    guard let state, !isNull else { return true }
    return entryPoint(fallback: false) { () throws(ServerError) in
        try state.assumingMemoryBound(to: ExactPass.self).pointee.take(row, value)
        return true
    }
}
