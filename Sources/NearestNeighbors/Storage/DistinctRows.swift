/// Vectors that are known by their numbers.
protocol NumberedRows {
    /// Elements of each vector.
    var dimensions: Int { get }

    /// A vector.
    func row(_ index: Int) -> UnsafePointer<Float>
}

/// Vectors one behind the other.
struct MatrixRows: NumberedRows {
    let start: UnsafePointer<Float>
    let dimensions: Int

    @inline(__always)
    func row(_ index: Int) -> UnsafePointer<Float> { start + index &* dimensions }
}

/// Tells which rows of a growing number are new: a hash set of row numbers, with linear probing. Rows
/// are equal if all their elements are, −0 and 0 included.
struct DistinctRows<Source: NumberedRows> {
    private var slots: UnsafeMutablePointer<Int32>
    private var mask: Int

    /// Slots for at most so many rows, half of them to stay empty.
    static func slotCount(capacity: Int) -> Int {
        var slots = 16
        while slots / 2 < capacity, slots < Int.max / 4 { slots &*= 2 }
        return slots
    }

    /// How many rows there is room for.
    var capacity: Int { (mask &+ 1) / 2 }

    /// An empty set of rows; `slots` has room for `slotCount(capacity:)`.
    init(capacity: Int, slots: UnsafeMutablePointer<Int32>) {
        self.slots = slots
        mask = Self.slotCount(capacity: capacity) &- 1
        slots.update(repeating: -1, count: mask &+ 1)
    }

    /// The number of a row in the set that equals this one. If there is none, the source is taken to hold it
    /// at `index`, now or as soon as the caller has written it there. O(dimensions) expected.
    @inline(__always)
    func insert(_ row: UnsafePointer<Float>, at index: Int, among rows: Source) -> Int? {
        var slot = hash(row, rows.dimensions) & mask
        while slots[slot] >= 0 {
            let other = Int(slots[slot])
            if isEqual(row, rows.row(other), rows.dimensions) { return other }
            slot = (slot &+ 1) & mask
        }
        slots[slot] = Int32(truncatingIfNeeded: index)
        return nil
    }

    /// Moves the first `count` rows, which are all there are, to a set with room for twice as many.
    mutating func grow<Memory: MemorySource>(
        _ count: Int, among rows: Source, in memory: inout Memory,
        pause: () throws(Memory.Failure) -> Void
    ) throws(Memory.Failure) {
        let former = slots
        let slotCount = Self.slotCount(capacity: capacity &* 2)
        slots = try memory.allocate(bytes: slotCount &* MemoryLayout<Int32>.stride)
            .assumingMemoryBound(to: Int32.self)
        mask = slotCount &- 1
        slots.update(repeating: -1, count: slotCount)
        for index in 0..<count {
            if index & 255 == 0 { try pause() }
            _ = insert(rows.row(index), at: index, among: rows)
        }
        try memory.release(UnsafeMutableRawPointer(former))
    }

    /// Gives the memory back.
    func free<Memory: MemorySource>(in memory: inout Memory) throws(Memory.Failure) {
        try memory.release(UnsafeMutableRawPointer(slots))
    }

    private func hash(_ row: UnsafePointer<Float>, _ dimensions: Int) -> Int {
        var hash: UInt64 = 0
        for index in 0..<dimensions {
            // Adding 0 makes −0 a 0.
            hash = (hash ^ UInt64((row[index] + 0).bitPattern)) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 32
        }
        return Int(truncatingIfNeeded: hash >> 1)
    }

    private func isEqual(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ dimensions: Int
    ) -> Bool {
        for index in 0..<dimensions where a[index] != b[index] { return false }
        return true
    }
}
