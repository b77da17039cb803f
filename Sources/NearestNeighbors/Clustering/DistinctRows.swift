/// Tells which rows of a growing matrix are new: a hash set of row numbers, with linear probing. Rows
/// are equal if all their elements are, −0 and 0 included.
struct DistinctRows {
    private let slots: UnsafeMutablePointer<Int32>
    private let mask: Int
    private let rows: UnsafePointer<Float>
    private let dimensions: Int

    /// Slots for at most so many rows, half of them to stay empty.
    static func slotCount(capacity: Int) -> Int {
        var slots = 16
        while slots / 2 < capacity, slots < Int.max / 4 { slots &*= 2 }
        return slots
    }

    /// An empty set of rows of a matrix; `slots` has room for `slotCount(capacity:)`.
    init(
        of rows: UnsafePointer<Float>, dimensions: Int, capacity: Int,
        slots: UnsafeMutablePointer<Int32>
    ) {
        self.rows = rows
        self.dimensions = dimensions
        self.slots = slots
        mask = Self.slotCount(capacity: capacity) &- 1
        slots.update(repeating: -1, count: mask &+ 1)
    }

    /// Whether a row equals none in the set. If so, the matrix is taken to hold it at `index`, now or
    /// as soon as the caller has written it there. O(dimensions) expected.
    @inline(__always)
    func insert(_ row: UnsafePointer<Float>, at index: Int) -> Bool {
        var slot = hash(row) & mask
        while slots[slot] >= 0 {
            if isEqual(row, rows + Int(slots[slot]) &* dimensions) { return false }
            slot = (slot &+ 1) & mask
        }
        slots[slot] = Int32(truncatingIfNeeded: index)
        return true
    }

    private func hash(_ row: UnsafePointer<Float>) -> Int {
        var hash: UInt64 = 0
        for index in 0..<dimensions {
            // Adding 0 makes −0 a 0.
            hash = (hash ^ UInt64((row[index] + 0).bitPattern)) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 32
        }
        return Int(truncatingIfNeeded: hash >> 1)
    }

    private func isEqual(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>) -> Bool {
        for index in 0..<dimensions where a[index] != b[index] { return false }
        return true
    }
}
