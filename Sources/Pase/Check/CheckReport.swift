import CPostgres
import NearestNeighbors
import PostgresServer

/// Where a check puts what it finds: the rows that `pase_check` returns. Of messages that differ in numbers only, a hundred
/// are returned, and then how many more there are.
struct CheckReport {
    /// Messages that differ in numbers only.
    private struct Kind: BitwiseCopyable {
        let fingerprint: UInt64
        var count: Int
        let isError: Bool
        /// The first of them.
        let first: UnsafeMutablePointer<CChar>
    }

    /// The most that are returned of a kind.
    private static var mostOfAKind: Int { 100 }
    /// The most kinds that are told apart; all others are one more.
    private static var mostKinds: Int { 200 }
    /// Bytes of a message that are kept.
    private static var keptBytes: Int { 200 }

    private let rows: OpaquePointer
    private let memory: ServerMemory
    private let kinds: UnsafeMutablePointer<Kind>
    private let kindCount: UnsafeMutablePointer<Int>

    init(_ call: FunctionCallInfo?, _ memory: ServerMemory) throws(ServerError) {
        self.memory = memory
        kinds = try memory.allocate(CheckReport.mostKinds + 1, of: Kind.self)
        kindCount = try memory.allocate(1, of: Int.self, zeroed: true)
        var rows: OpaquePointer?
        try check(pase_rows_begin(call, &rows))
        guard let rows else { throw ServerError(.internalError, "no place for rows") }
        self.rows = rows
    }

    /// Something for which answers may be wrong.
    func error(_ block: UInt32?, _ item: Int?, _ message: String) throws(ServerError) {
        try add(true, block, item, message)
    }

    /// Something that costs space or time.
    func warning(_ block: UInt32?, _ item: Int?, _ message: String) throws(ServerError) {
        try add(false, block, item, message)
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
        _ isError: Bool, _ block: UInt32?, _ item: Int?, _ message: String
    ) throws(ServerError) {
        let number = try kind(of: message, isError)
        kinds[number].count += 1
        guard kinds[number].count <= CheckReport.mostOfAKind else { return }
        try put(
            isError, block.map { Int64($0) } ?? -1,
            item.map { Int32(truncatingIfNeeded: $0) } ?? -1, message)
    }

    /// The number of the kind that a message is of.
    private func kind(of message: String, _ isError: Bool) throws(ServerError) -> Int {
        var fingerprint = Fingerprint()
        fingerprint.add(isError ? 1 : 0)
        for byte in message.utf8 where byte < 48 || byte > 57 { fingerprint.add(UInt64(byte)) }
        let count = kindCount.pointee
        for number in 0..<count where kinds[number].fingerprint == fingerprint.value {
            return number
        }
        guard count <= CheckReport.mostKinds else { return CheckReport.mostKinds }
        let first = try memory.allocate(CheckReport.keptBytes, of: CChar.self, zeroed: true)
        var position = 0
        for byte in message.utf8 where position < CheckReport.keptBytes - 1 {
            first[position] = CChar(bitPattern: byte)
            position += 1
        }
        kinds[count] = Kind(
            fingerprint: fingerprint.value, count: 0, isError: isError, first: first)
        kindCount.pointee = count + 1
        return count
    }

    /// Says how much was not returned.
    func finish() throws(ServerError) {
        for number in 0..<kindCount.pointee {
            let more = kinds[number].count - CheckReport.mostOfAKind
            guard more > 0 else { continue }
            let like =
                number == CheckReport.mostKinds
                ? "of other kinds" : "like \"\(String(cString: kinds[number].first))\""
            try put(kinds[number].isError, -1, -1, "\(more) more \(like)")
        }
    }

    private func put(_ isError: Bool, _ block: Int64, _ item: Int32, _ message: String)
        throws(ServerError)
    {
        var succeeded = false
        message.withCString {
            succeeded = pase_rows_add(
                rows, block, item, cString(isError ? "error" : "warning"), $0)
        }
        try check(succeeded)
    }
}

/// How a row of the table is called in messages.
func rowName(_ row: UInt64) -> String { "(\(row >> 16),\(row & 0xFFFF))" }
