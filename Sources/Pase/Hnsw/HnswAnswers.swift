import CPostgres
import NearestNeighbors
import PostgresServer

/// The rows that a search of the graph answers, and the limits that it keeps to.
struct HnswAnswers {
    /// What the search takes; emptied by `close`.
    private let memory: ServerMemory
    /// What outlives the search.
    private var scanMemory: ServerMemory
    private var search: IncrementalSearch
    private var graph: HnswGraph
    /// Rows of the present node that were read and not answered.
    private var rows: GrowableArray<UInt64>
    private var nextRow = 0
    private var place = HnswRowsPlace()
    /// All rows that were answered.
    private(set) var answered: VisitedSet
    private(set) var hasAnswered = false
    /// The distance of the last row, or of the one that comes.
    private(set) var distance: Float = 0
    private let budget = ScanBudget()
    /// Whether the scan ends with the search; see the setting `pase.max_scan_tuples`.
    private(set) var isComplete = false

    /// Bytes that a node takes that was seen, at the most; see `ScanBudget.bytesPerRow`.
    private static let bytesPerNode = 128.0

    /// Begins the search.
    ///
    /// The beam is as wide as it takes for the rows that are wanted: what a beam finds comes in order, and what another one adds
    /// may come too late.
    ///
    /// - Returns: nil where reading the table takes less than finding as many rows as are wanted, or is the only way to
    ///   answer them in order.
    init?(
        _ index: ServerRelation, _ meta: HnswMeta, _ query: UnsafePointer<Float>, ef: Int,
        _ wish: ScanWish, in scanMemory: ServerMemory
    ) throws(ServerError) {
        self.scanMemory = scanMemory
        memory = try scanMemory.makeChild("pase_hnsw search")
        var source = scanMemory
        answered = try VisitedSet(capacity: 32, in: &source)
        graph = try HnswGraph(index, meta, query: query, mode: .logged, in: memory)
        graph.visitLimit =
            Int(exactly: (budget.memory / HnswAnswers.bytesPerNode).rounded()) ?? .max
        rows = try GrowableArray(capacity: HnswLayout.rowsPerItem, in: &graph)
        // The setting limits what follows a search as wide as the query says.
        let wanted = pase_scan_tuples_limit() == 0 ? wish.rows ?? 0 : 0
        let needsTable = pase_scan_tuples_limit() == 0 && wish.needsOrder(meta.metric)
        if needsTable || graph.timeOfRows(wanted) > Double(graph.timeOfTable) {
            try memory.delete()
            return nil
        }
        let expected = min(clampedInt(wanted), HnswOptions.maximumEf)
        let beam = expected > ef / 2 ? expected + expected / 8 : 0
        search = try IncrementalSearch(
            graph.shape, ef: max(ef, min(beam, HnswOptions.maximumEf)), expected: expected,
            in: &graph)
        try search.begin(in: &graph)
        limitReading(wish.isConditional)
    }

    /// The next nearest row; nil after the last, or when the search has to end.
    mutating func next() throws(ServerError) -> UInt64? {
        graph.hints = PageHints(graph.index)
        while true {
            while nextRow < rows.count {
                let row = rows[nextRow]
                nextRow += 1
                if try answered.insert(row, in: &scanMemory) {
                    hasAnswered = true
                    return row
                }
            }
            nextRow = 0
            if !hasLimit, isOverMemory { return nil }
            if try graph.readRows(&place, into: &rows) { continue }
            guard let node = try nextNode() else { return nil }
            distance = node.distance
            place = HnswRowsPlace(node.node)
        }
    }

    private mutating func nextNode() throws(ServerError) -> ScoredNode? {
        if !isComplete {
            if !isOverMemory, !isMissingRows, let node = try search.next(in: &graph) { return node }
            guard hasLimit else { return nil }
            // Who limits the search wants no more than it has found.
            isComplete = true
            try search.stop(in: &graph)
        }
        return try search.next(in: &graph)
    }

    private var isMissingRows: Bool {
        !hasLimit
            && ScanBudget.isMissingRows(late: search.lateCount, answered: answered.count)
    }

    /// Whether `pase.max_scan_tuples` is set.
    private var hasLimit: Bool { graph.readLimit != .max }

    private var isOverMemory: Bool {
        Double(graph.nodesSeen) * HnswAnswers.bytesPerNode
            + Double(answered.count) * ScanBudget.bytesPerRow > budget.memory
    }

    /// Limits what follows the first search: to the time after which reading the table would have been no worse. Where there
    /// are conditions, the table's rows are asked for those first, which takes less.
    private mutating func limitReading(_ isConditional: Bool) {
        if pase_scan_tuples_limit() > 0 {
            graph.readLimit = Int(pase_scan_tuples_limit())
            return
        }
        graph.timeLimit = isConditional ? graph.timeOfTable / 2 : graph.timeOfTable
    }

    /// Gives back what the search has taken; the rows answered stay.
    func close() throws(ServerError) {
        try memory.delete()
    }

    /// Tells who wants to know how many vectors were left out for the sake of the order.
    func reportLate() throws(ServerError) {
        guard search.lateCount > 0 else { return }
        try check(pase_report_late(graph.index.relation, Int64(search.lateCount)))
    }
}
