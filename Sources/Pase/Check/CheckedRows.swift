import CPostgres
import NearestNeighbors
import PostgresServer

/// The rows of an index, with their places and fingerprints of their vectors; beside them, where the two are compared, those
/// of the table.
struct CheckedRows {
    private let sort: NumberSort

    init() throws(ServerError) { sort = try NumberSort(kilobytes: CheckMemory.kilobytes / 4) }

    /// Adds a row of the index, if it can be a row at all.
    func add(_ row: UInt64, at place: UInt64, fingerprint: UInt64) throws(ServerError) -> Bool {
        guard row & 0xFFFF != 0, row >> 16 != UInt64(UInt32.max) else { return false }
        try sort.put(row, place, fingerprint)
        return true
    }

    /// Adds a row of the table.
    func add(ofTable row: UInt64, fingerprint: UInt64) throws(ServerError) {
        // In the index, place 0 is the metapage's.
        try sort.put(row, 0, fingerprint)
    }

    /// Calls `body` with the places of each row, and what the table has of it, in the order of the rows.
    func forEach(_ body: (inout Group) throws(ServerError) -> Void) throws(ServerError) {
        try sort.perform()
        var group: Group?
        while let entry = try sort.next() {
            try checkInterrupts()
            if group?.row != entry.key {
                if var whole = group { try body(&whole) }
                group = Group(row: entry.key)
            }
            if entry.place == 0 {
                group?.ofTable = entry.note
            } else if group?.place == nil {
                group?.place = entry.place
                group?.ofIndex = entry.note
            } else if group?.second == nil {
                group?.second = entry.place
            }
        }
        if var whole = group { try body(&whole) }
        try sort.end()
    }

    /// What there is of one row.
    struct Group {
        let row: UInt64
        /// The fingerprint of the table's vector, nil where the snapshot does not see the row.
        var ofTable: UInt64?
        /// Where the index has it, nil where it has not.
        var place: UInt64?
        /// The fingerprint of the vector there.
        var ofIndex: UInt64 = 0
        /// Where the index has it once more.
        var second: UInt64?

        init(row: UInt64) { self.row = row }
    }
}

/// What a check may take.
enum CheckMemory {
    /// `maintenance_work_mem`.
    static var kilobytes: Int { max(Int(pase_maintenance_work_mem()), 1024) }
}

extension Fingerprint {
    /// That of a vector.
    static func of(_ vector: UnsafePointer<Float>, _ dimensions: Int) -> UInt64 {
        var fingerprint = Fingerprint()
        // Zeros of both signs are equal.
        for component in 0..<dimensions {
            fingerprint.add(UInt64((vector[component] + 0).bitPattern))
        }
        return fingerprint.value
    }
}
