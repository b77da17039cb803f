/// A row of a table with its distance from what is searched for.
public struct RowDistance: BitwiseCopyable, Sendable {
    /// The distance as a number that orders as it does; see `init(distance:row:)`.
    public let key: Int64
    /// The row.
    public let row: UInt64

    /// From parts that `key` and `row` gave.
    @inline(__always)
    public init(key: Int64, row: UInt64) {
        self.key = key
        self.row = row
    }

    /// The keys of distances order as the server orders floating point numbers: both zeros are equal, and NaN is the
    /// greatest.
    @inline(__always)
    public init(distance: Double, row: UInt64) {
        self.row = row
        guard !distance.isNaN else {
            key = .max
            return
        }
        let bits = Int64(bitPattern: (distance + 0).bitPattern)
        key = bits >= 0 ? bits : bits ^ .max
    }

    /// The distance.
    @inline(__always)
    public var distance: Double {
        Double(bitPattern: UInt64(bitPattern: key >= 0 ? key : key ^ .max))
    }

    /// Nearer first, and rows at the same distance in the table's order.
    @inline(__always)
    public static func isBefore(_ a: RowDistance, _ b: RowDistance) -> Bool {
        a.key < b.key || (a.key == b.key && a.row < b.row)
    }
}

/// The nearest of many rows, as many as fit: first all are offered, then they are taken out, nearest first.
///
/// Offering costs O(1) where the row is too far, else O(log n), and so does taking one out. Memory grows with the number
/// of rows, up to that of `capacity`.
public struct NearestRows {
    private var rows: GrowableArray<RowDistance>
    private let capacity: Int
    /// Whether the farthest is on top, as while rows are offered.
    private var isFarthestFirst = false
    /// Whether a row was left out for want of room.
    public private(set) var isCut = false

    /// - Parameter capacity: as many rows are kept; 1 or more.
    public init<Memory: MemorySource>(capacity: Int, in memory: inout Memory)
        throws(Memory.Failure)
    {
        self.capacity = max(capacity, 1)
        rows = try GrowableArray(capacity: min(self.capacity, 1024), in: &memory)
    }

    /// Gives the memory back.
    public func free<Memory: MemorySource>(in memory: inout Memory) throws(Memory.Failure) {
        try rows.free(in: &memory)
    }

    /// Adds a row, or leaves out the farthest.
    @inline(__always)
    public mutating func offer<Memory: MemorySource>(
        _ row: RowDistance, in memory: inout Memory
    ) throws(Memory.Failure) {
        guard rows.count == capacity else { return try rows.append(row, in: &memory) }
        if !isCut {
            isCut = true
            isFarthestFirst = true
            reorder()
        }
        if RowDistance.isBefore(row, rows[0]) { sink(row, from: 0) }
    }

    /// To be called when all rows have been offered. O(n).
    public mutating func finish() {
        isFarthestFirst = false
        reorder()
    }

    /// Takes out the nearest row; nil when there is none.
    public mutating func next() -> RowDistance? {
        guard rows.count > 0 else { return nil }
        let nearest = rows[0]
        rows.count &-= 1
        if rows.count > 0 { sink(rows[rows.count], from: 0) }
        return nearest
    }

    private func reorder() {
        var index = rows.count / 2
        while index > 0 {
            index &-= 1
            sink(rows[index], from: index)
        }
    }

    @inline(__always)
    private func isAbove(_ a: RowDistance, _ b: RowDistance) -> Bool {
        RowDistance.isBefore(a, b) != isFarthestFirst
    }

    private func sink(_ row: RowDistance, from index: Int) {
        let count = rows.count
        var hole = index
        while true {
            var child = hole &* 2 &+ 1
            guard child < count else { break }
            if child &+ 1 < count, isAbove(rows[child &+ 1], rows[child]) { child &+= 1 }
            guard isAbove(rows[child], row) else { break }
            rows[hole] = rows[child]
            hole = child
        }
        rows[hole] = row
    }
}
