import CPostgres
import PostgresServer

/// Triples of numbers, brought into the order of their keys and places by the server's sort, which goes to disk where
/// memory does not suffice.
struct NumberSort {
    /// A key, where it was found, and a note on that.
    struct Entry {
        /// What is sorted by first.
        let key: UInt64
        /// What is sorted by next.
        let place: UInt64
        /// Goes along.
        let note: UInt64
    }

    private let numbers: OpaquePointer

    /// A sort in the current memory context.
    init(kilobytes: Int) throws(ServerError) {
        var numbers: OpaquePointer?
        try check(pase_numbers_begin(Int32(clamping: max(kilobytes, 64)), &numbers))
        guard let numbers else { throw ServerError(.internalError, "no sort") }
        self.numbers = numbers
    }

    /// Adds a triple.
    func put(_ key: UInt64, _ place: UInt64, _ note: UInt64) throws(ServerError) {
        try check(pase_numbers_put(numbers, key, place, note))
    }

    /// Sorts what was added; then `next` gives it back.
    func perform() throws(ServerError) { try check(pase_numbers_perform(numbers)) }

    /// The next one, nil after the last.
    func next() throws(ServerError) -> Entry? {
        var found = false
        var key: UInt64 = 0
        var place: UInt64 = 0
        var note: UInt64 = 0
        try check(pase_numbers_next(numbers, &found, &key, &place, &note))
        return found ? Entry(key: key, place: place, note: note) : nil
    }

    /// Gives memory and files back.
    func end() throws(ServerError) { try check(pase_numbers_end(numbers)) }
}
