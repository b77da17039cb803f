import CPostgres
import NearestNeighbors
import PostgresServer

/// What the running statement's plan says of a scan before it begins.
struct ScanWish {
    /// Rows that are wanted, with more than enough for those that the plan's conditions will drop; infinite for all. Nil where
    /// the statement may stop anywhere, as a cursor may.
    let rows: Double?
    /// Whether the statement may stop after any row, as far as the plan says.
    private let mayStop: Bool
    /// Whether the plan has conditions for the rows.
    let isConditional: Bool

    init(_ scan: IndexScanDesc) throws(ServerError) {
        var isFound = false
        var rows = 0.0
        var isConditional = false
        try check(pase_scan_rows_wanted(scan, &isFound, &rows, &isConditional))
        self.rows = isFound && rows >= 0 ? rows : nil
        mayStop = isFound && rows < 0
        self.isConditional = isConditional
    }

    /// Whether a search cannot be gone on with: one that does not know how many rows are wanted finds them bit by bit, and by inner
    /// product the next ones may be nearer than the last, by far and often.
    func needsOrder(_ kind: Metric.Kind) -> Bool { mayStop && kind == .innerProduct }

    /// Whether the plan wants all rows.
    var isForAll: Bool { rows == .infinity }
}
