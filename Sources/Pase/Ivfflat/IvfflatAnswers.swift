import CPostgres
import NearestNeighbors
import PostgresServer

/// The rows that a search of the lists answers, and the limits that it keeps to.
struct IvfflatAnswers {
    /// What the search takes; emptied by `close`.
    private let memory: ServerMemory
    /// What outlives the search.
    private var scanMemory: ServerMemory
    private var search: IvfflatSearch
    /// All rows that were answered.
    private(set) var answered: VisitedSet
    /// Whether the scan ends with the search: all rows of all lists have been seen, or as many as the setting
    /// `pase.max_scan_tuples` allows.
    private(set) var isComplete = false
    private let budget = ScanBudget()

    /// Rows of the table that can be read for one row of the index: vectors are read from all over the index, one for
    /// each row, and a table from its beginning to its end.
    private static let tableRowsPerAnswer = 8.0
    /// Reading a table does not pay before so many rows have been answered.
    private static let fewestAnswers = 1000

    init(
        _ pages: IvfflatPages, _ query: UnsafePointer<Float>, perMille: Int,
        expected: Int?, in scanMemory: ServerMemory
    ) throws(ServerError) {
        self.scanMemory = scanMemory
        memory = try scanMemory.makeChild("pase_ivfflat search")
        var source = scanMemory
        answered = try VisitedSet(capacity: 32, in: &source)
        search = try IvfflatSearch(
            pages, query: query, perMille: perMille, expected: expected,
            memoryLimit: clampedInt(budget.memory), in: memory)
    }

    /// The distance of the last row answered, in the index; minus infinity before the first.
    var last: Float { search.last }
    /// Rows that the search left out for the sake of the order.
    var late: Int { search.late }

    /// The next nearest row; nil after the last, or when the search has to end.
    mutating func next() throws(ServerError) -> (row: UInt64, distance: Float)? {
        search.pages.hints = PageHints(search.pages.index)
        let limit = Int(pase_scan_tuples_limit())
        if limit > 0, answered.count >= limit {
            // Who limits the scan wants no more than that.
            isComplete = true
            return nil
        }
        while !isExhausted {
            guard let found = try search.next() else {
                isComplete = !search.isOverMemory || limit > 0
                return nil
            }
            if try answered.insert(found.row, in: &scanMemory) { return found }
        }
        return nil
    }

    /// Whether going on costs more memory than there is, or more time than reading the table, or so many rows come late that
    /// this is no order to go on in.
    private var isExhausted: Bool {
        guard pase_scan_tuples_limit() <= 0 else { return false }
        if ScanBudget.isMissingRows(late: late, answered: answered.count) { return true }
        guard answered.count >= IvfflatAnswers.fewestAnswers else { return false }
        let count = Double(answered.count)
        return count * IvfflatAnswers.tableRowsPerAnswer > search.rowEstimate
            || count * ScanBudget.bytesPerRow > budget.memory / 4
    }

    /// Gives back what the search has taken; the rows answered stay.
    func close() throws(ServerError) {
        try memory.delete()
    }

    /// Tells who wants to know how many rows were left out for the sake of the order.
    func reportLate() throws(ServerError) {
        guard search.late > 0 else { return }
        try check(pase_report_late(search.pages.index.relation, Int64(search.late)))
    }
}
