import CPostgres
import NearestNeighbors
import PostgresServer

/// Looks for rows that an index that has been checked has twice, and compares it with its table.
///
/// The snapshot is older than the check, so what it sees was in the index before the check began and cannot
/// be vacuumed away: it has to be there. The other way round, a row of the index that the snapshot does not
/// see may be newer, or deleted and waiting for vacuum; of such a row there is still something in its place in
/// the table, if only a line pointer, since vacuum makes a place free only when no index leads to it any more.
struct HeapComparison {
    private let opened: OpaquePointer
    private let report: CheckReport
    private let reader: VectorReader
    private let rounding: HnswRounding?
    private let prepared: UnsafeMutablePointer<Float>
    private let kept: UnsafeMutablePointer<Float>
    private var checked: CheckedIndex

    init(
        _ opened: OpaquePointer, _ index: ServerRelation, _ checked: CheckedIndex,
        _ report: CheckReport, _ memory: ServerMemory
    ) throws(ServerError) {
        self.opened = opened
        self.report = report
        self.checked = checked
        reader = try VectorReader(index, checked.metric)
        var rounding: HnswRounding?
        if let meta = checked.hnsw?.meta, meta.precision == .half {
            rounding = try HnswRounding(meta, memory)
        }
        self.rounding = rounding
        prepared = try memory.allocate(checked.dimensions, of: Float.self)
        kept = try memory.allocate(checked.dimensions, of: Float.self)
    }

    mutating func run(withTable: Bool) throws(ServerError) {
        if withTable {
            let opened = opened
            var succeeded = false
            withUnsafeMutablePointer(to: &self) { comparison in
                succeeded = pase_checked_scan(
                    opened, compareRow, UnsafeMutableRawPointer(comparison))
            }
            try check(succeeded)
        }
        guard let rows = checked.rows else { return }
        try rows.forEach { (group) throws(ServerError) in
            try checkRepeated(group)
            if withTable { try compare(group) }
        }
    }

    /// Takes a row of the table that has to be in the index.
    fileprivate mutating func take(_ row: UInt64, _ value: Datum) throws(ServerError) {
        guard let vector = try reader.read(value, of: row), let start = vector.baseAddress else {
            return
        }
        guard vector.count == checked.dimensions else {
            return try report.error(
                nil, nil,
                "row \(rowName(row)) of the table has \(vector.count) dimensions, "
                    + "the index has \(checked.dimensions)")
        }
        reader.prepare(start, vector.count, into: prepared)
        _ = rounding?.round(prepared)
        try checked.rows?.add(
            ofTable: row, fingerprint: Fingerprint.of(prepared, checked.dimensions))
    }

    private mutating func checkRepeated(_ group: CheckedRows.Group) throws(ServerError) {
        guard let former = group.place, let place = group.second else { return }
        try checked.settle()
        guard try checked.holds(group.row, at: place, times: former == place ? 2 : 1),
            try checked.holds(group.row, at: former)
        else { return }
        let location = checked.location(place)
        try report.error(
            location.block, location.item,
            "row \(rowName(group.row)) is also at \(checked.name(former))")
    }

    private mutating func compare(_ group: CheckedRows.Group) throws(ServerError) {
        let row = group.row
        guard let ofTable = group.ofTable else {
            if let place = group.place { try lookForRow(row, place) }
            return
        }
        guard let place = group.place else {
            return try report.error(
                nil, nil, "row \(rowName(row)) of the table is not in the index")
        }
        guard ofTable != group.ofIndex else { return }
        let location = checked.location(place)
        guard try checked.copyVector(at: place, into: kept) else {
            return try report.error(
                location.block, location.item,
                "the vector of row \(rowName(row)) of the table is missing")
        }
        guard ofTable != Fingerprint.of(kept, checked.dimensions) else { return }
        try report.error(
            location.block, location.item,
            "row \(rowName(row)) of the table has another vector than the index")
    }

    /// Looks at a row of the index that the snapshot does not see.
    private mutating func lookForRow(_ row: UInt64, _ place: UInt64) throws(ServerError) {
        var state = PASE_ROW_PRESENT
        try check(pase_checked_row(opened, row, &state))
        guard state == PASE_ROW_MISSING else { return }
        // Unless a vacuum has removed it from the index, and then from the table.
        guard try checked.holds(row, at: place) else { return }
        let location = checked.location(place)
        try report.error(
            location.block, location.item, "there is no row \(rowName(row)) in the table")
    }
}

private func compareRow(
    _ state: UnsafeMutableRawPointer?, _ row: UInt64, _ value: Datum, _ isNull: Bool
) -> Bool {
    guard let state else { return true }
    return entryPoint(fallback: false) { () throws(ServerError) in
        try checkInterrupts()
        if !isNull {
            try state.assumingMemoryBound(to: HeapComparison.self).pointee.take(row, value)
        }
        return true
    }
}
