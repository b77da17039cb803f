import CPostgres
import NearestNeighbors
import PostgresServer

/// Compares an index that has been checked with its table.
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
    private let rows: KeyedPlaces?
    private let met: FixedBits
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
        rows = checked.rows
        var source = memory
        met = try FixedBits(rows?.count ?? 0, in: &source)
    }

    mutating func run() throws(ServerError) {
        let opened = opened
        var succeeded = false
        withUnsafeMutablePointer(to: &self) { comparison in
            succeeded = pase_checked_scan(opened, compareRow, UnsafeMutableRawPointer(comparison))
        }
        try check(succeeded)
        try lookForOthers()
    }

    /// Takes a row of the table that has to be in the index.
    fileprivate mutating func compare(_ row: UInt64, _ value: Datum) throws(ServerError) {
        guard let vector = try reader.read(value, of: row), let start = vector.baseAddress else {
            return
        }
        guard vector.count == checked.dimensions else {
            return try report.error(
                nil, nil,
                "row \(rowName(row)) of the table has \(vector.count) dimensions, "
                    + "the index has \(checked.dimensions)")
        }
        guard let rows, let number = rows.first(of: row) else {
            return try report.error(
                nil, nil, "row \(rowName(row)) of the table is not in the index")
        }
        _ = met.insert(number)
        let place = rows[number].place
        reader.prepare(start, vector.count, into: prepared)
        _ = rounding?.round(prepared)
        let location = checked.location(place)
        guard try checked.copyVector(at: place, into: kept) else {
            return try report.error(
                location.block, location.item,
                "the vector of row \(rowName(row)) of the table is not there")
        }
        for component in 0..<checked.dimensions where kept[component] != prepared[component] {
            return try report.error(
                location.block, location.item,
                "row \(rowName(row)) of the table has another vector than the index")
        }
    }

    /// Looks at those rows of the index that the snapshot does not see.
    private mutating func lookForOthers() throws(ServerError) {
        guard let rows else { return }
        for number in 0..<rows.count where !met.contains(number) && !rows.repeats(number) {
            try checkInterrupts()
            let row = rows[number].key
            var state = PASE_ROW_PRESENT
            try check(pase_checked_row(opened, row, &state))
            guard state == PASE_ROW_MISSING else { continue }
            // Unless a vacuum has removed it from the index, and then from the table.
            let place = rows[number].place
            guard try checked.holds(row, at: place) else { continue }
            let location = checked.location(place)
            try report.error(
                location.block, location.item,
                "there is no row \(rowName(row)) in the table")
        }
    }
}

private func compareRow(
    _ state: UnsafeMutableRawPointer?, _ row: UInt64, _ value: Datum, _ isNull: Bool
) -> Bool {
    guard let state else { return true }
    return entryPoint(fallback: false) { () throws(ServerError) in
        try checkInterrupts()
        if !isNull {
            try state.assumingMemoryBound(to: HeapComparison.self).pointee.compare(row, value)
        }
        return true
    }
}
