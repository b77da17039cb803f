import CPostgres
import PostgresServer

// What pages say of rows goes to the server, which takes a heap TID for granted; a page may be damaged.

/// Answers a scan with a row.
func setHeapRow(_ row: UInt64, of scan: IndexScanDesc) throws(ServerError) {
    try checkHeapRow(row, of: scan.pointee.indexRelation)
    pase_scan_set_heap_tid(scan, row)
}

/// Whether vacuum says of a row that it is dead.
func isDeadRow(
    _ row: UInt64, of index: ServerRelation, _ callback: IndexBulkDeleteCallback?,
    _ state: UnsafeMutableRawPointer?
) throws(ServerError) -> Bool {
    try checkHeapRow(row, of: index.relation)
    var isDead = false
    try check(pase_is_dead(callback, state, row, &isDead))
    return isDead
}

/// Line pointers are counted from 1.
@inline(__always)
private func checkHeapRow(_ row: UInt64, of index: Relation?) throws(ServerError) {
    if row & 0xFFFF != 0 { return }
    let name = try ServerRelation(index).name
    throw ServerError(
        .indexCorrupted, "index \"\(name)\" is damaged",
        detail: "It contains the impossible heap TID (\(row >> 16),0).", hint: "Please REINDEX it.")
}
