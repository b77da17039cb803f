import CPostgres
import NearestNeighbors
import PostgresServer

/// Where a check puts what it finds: the rows that `pase_check` returns.
struct CheckReport {
    private let rows: OpaquePointer

    init(_ call: FunctionCallInfo?) throws(ServerError) {
        var rows: OpaquePointer?
        try check(pase_rows_begin(call, &rows))
        guard let rows else { throw ServerError(.internalError, "no place for rows") }
        self.rows = rows
    }

    /// Something for which answers may be wrong.
    func error(_ block: UInt32?, _ item: Int?, _ message: String) throws(ServerError) {
        try add("error", block, item, message)
    }

    /// Something that costs space or time.
    func warning(_ block: UInt32?, _ item: Int?, _ message: String) throws(ServerError) {
        try add("warning", block, item, message)
    }

    /// Reports what is wrong with a copy of a page if `body` finds it by an error of ours.
    ///
    /// - Returns: what `body` does, nil after an error.
    func attempt<Result>(
        _ block: UInt32, _ item: Int?, _ body: () throws(ServerError) -> Result
    ) throws(ServerError) -> Result? {
        do throws(ServerError) {
            return try body()
        } catch {
            guard let message = error.ownMessage else { throw error }
            try self.error(block, item, message)
            return nil
        }
    }

    private func add(
        _ severity: StaticString, _ block: UInt32?, _ item: Int?, _ message: String
    ) throws(ServerError) {
        let block = block.map { Int64($0) } ?? -1
        let item = item.map { Int32(truncatingIfNeeded: $0) } ?? -1
        var succeeded = false
        message.withCString {
            succeeded = pase_rows_add(rows, block, item, cString(severity), $0)
        }
        try check(succeeded)
    }
}

/// How a row of the table is called in messages.
func rowName(_ row: UInt64) -> String { "(\(row >> 16),\(row & 0xFFFF))" }

extension KeyedPlaces {
    /// Adds a row of the table and where the index has it, if it can be a row at all.
    mutating func append(row: UInt64, at place: UInt64, in memory: ServerMemory)
        throws(ServerError) -> Bool
    {
        guard row & 0xFFFF != 0, row >> 16 != UInt64(UInt32.max) else { return false }
        var memory = memory
        try append(Entry(key: row, place: place), in: &memory)
        return true
    }
}
