import CPostgres
import NearestNeighbors
import PostgresServer

/// The server's sort of rows by list. Each row comes with what its slot in the index will hold: the
/// vector, the factors of its code, and the code.
struct IvfflatSort {
    private static let factorBytes = 12

    private let sort: OpaquePointer
    private let vectorBytes: Int
    private let codeBytes: Int

    /// - Parameters:
    ///   - kilobytes: memory to sort in; more rows go to temporary files.
    ///   - shared: the shared sort that this one belongs to, nil for one of one's own.
    ///   - participants: -1 for the part of a participant; for the merging of all parts their number.
    init(
        _ layout: IvfflatLayout, kilobytes: Int, shared: OpaquePointer? = nil,
        participants: Int32 = 0, in memory: ServerMemory
    ) throws(ServerError) {
        vectorBytes = layout.dimensions * 4
        codeBytes = layout.codeBytes
        var sort: OpaquePointer?
        let payload = vectorBytes + IvfflatSort.factorBytes + codeBytes
        try memory.asCurrent { () throws(ServerError) in
            try check(
                pase_sort_begin(
                    payload, Int32(clamping: max(kilobytes, 64)), shared, participants, &sort))
        }
        guard let sort else { throw ServerError(.internalError, "no sort") }
        self.sort = sort
    }

    /// Adds a row.
    func put(_ entry: IvfflatPages.Entry, list: Int32) throws(ServerError) {
        guard let payload = pase_sort_payload(sort) else { return }
        payload.copyMemory(from: entry.vector, byteCount: vectorBytes)
        payload.put(entry.factors.squaredNorm.bitPattern, at: vectorBytes)
        payload.put(entry.factors.scale.bitPattern, at: vectorBytes + 4)
        payload.put(entry.factors.error.bitPattern, at: vectorBytes + 8)
        (payload + vectorBytes + IvfflatSort.factorBytes).copyMemory(
            from: entry.code, byteCount: codeBytes)
        try check(pase_sort_put(sort, list, entry.row))
    }

    /// Sorts what has been added, or merges what the participants have sorted.
    func perform() throws(ServerError) {
        try check(pase_sort_perform(sort))
    }

    /// The next row, nil after the last. Its pointers are good until the next call.
    func next() throws(ServerError) -> (list: Int, entry: IvfflatPages.Entry)? {
        var found = false
        var list: Int32 = 0
        var row: UInt64 = 0
        var payload: UnsafeRawPointer?
        try check(pase_sort_next(sort, &found, &list, &row, &payload))
        guard found, let payload else { return nil }
        func factor(_ number: Int) -> Float {
            payload.loadUnaligned(fromByteOffset: vectorBytes + number * 4, as: Float.self)
        }
        return (
            Int(list),
            IvfflatPages.Entry(
                row: row, vector: payload.assumingMemoryBound(to: Float.self),
                code: (payload + vectorBytes + IvfflatSort.factorBytes)
                    .assumingMemoryBound(to: UInt8.self),
                factors: CodeFactors(
                    squaredNorm: factor(0), scale: factor(1), error: factor(2)))
        )
    }

    /// Gives back its memory and files.
    func end() throws(ServerError) {
        try check(pase_sort_end(sort))
    }
}
