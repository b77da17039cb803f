import CPostgres
import NearestNeighbors
import PostgresServer

/// What the running statement's plan says of a scan before it begins.
struct ScanWish {
    /// Rows that are wanted, with more than enough for those that the plan's conditions will drop; infinite for all. Nil where
    /// the statement may stop anywhere, as a cursor may.
    let rows: Double?
    /// Whether the plan has conditions for the rows.
    let isConditional: Bool

    init(_ scan: IndexScanDesc) throws(ServerError) {
        var isFound = false
        var rows = 0.0
        var isConditional = false
        try check(pase_scan_rows_wanted(scan, &isFound, &rows, &isConditional))
        self.rows = isFound && rows >= 0 ? rows : nil
        self.isConditional = isConditional
    }

    /// Whether the plan wants all rows.
    var isForAll: Bool { rows == .infinity }
}
