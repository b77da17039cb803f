/// The nodes that a search has seen: a hash set of keys below 2⁴⁸, with linear probing.
///
/// Insertion is O(1) expected. It grows at a load of one half. Forgetting all keys is O(1): each is kept with
/// the number of the generation that it belongs to in its upper bits.
public struct VisitedSet {
    private var keys: UnsafeMutablePointer<UInt64>
    /// From 1; 0 is in slots that were never used.
    private var generation: UInt64 = 1
    private var mask: Int
    /// Number of keys in the set.
    public private(set) var count = 0

    /// An empty set with room for `capacity` keys before it grows.
    public init<Memory: MemorySource>(capacity: Int, in memory: inout Memory)
        throws(Memory.Failure)
    {
        var slots = 64
        while slots < capacity &* 2 { slots &*= 2 }
        mask = slots &- 1
        keys = try Self.makeSlots(slots, in: &memory)
    }

    /// Gives the memory back.
    public func free<Memory: MemorySource>(in memory: inout Memory) throws(Memory.Failure) {
        try memory.release(UnsafeMutableRawPointer(keys))
    }

    /// Forgets all keys, keeps the memory.
    public mutating func removeAll() {
        count = 0
        generation &+= 1
        if generation == 1 << 16 {
            keys.update(repeating: 0, count: mask &+ 1)
            generation = 1
        }
    }

    @inline(__always)
    private func isTaken(_ slot: Int) -> Bool { keys[slot] >> 48 == generation }

    /// Adds a key.
    ///
    /// - Returns: whether it is new.
    @inline(__always)
    public mutating func insert<Memory: MemorySource>(_ key: UInt64, in memory: inout Memory)
        throws(Memory.Failure) -> Bool
    {
        let entry = generation << 48 | key
        var slot = Self.slot(of: key, mask)
        while isTaken(slot) {
            if keys[slot] == entry { return false }
            slot = (slot &+ 1) & mask
        }
        keys[slot] = entry
        count &+= 1
        if count &* 2 > mask { try grow(in: &memory) }
        return true
    }

    /// Whether a key is in the set.
    @inline(__always)
    public func contains(_ key: UInt64) -> Bool {
        let entry = generation << 48 | key
        var slot = Self.slot(of: key, mask)
        while isTaken(slot) {
            if keys[slot] == entry { return true }
            slot = (slot &+ 1) & mask
        }
        return false
    }

    @inline(__always)
    private static func slot(of key: UInt64, _ mask: Int) -> Int {
        // Fibonacci hashing: the upper bits of the product are well mixed.
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    }

    private static func makeSlots<Memory: MemorySource>(_ slots: Int, in memory: inout Memory)
        throws(Memory.Failure) -> UnsafeMutablePointer<UInt64>
    {
        let keys = try memory.allocate(bytes: slots &* 8).assumingMemoryBound(to: UInt64.self)
        keys.update(repeating: 0, count: slots)
        return keys
    }

    @inline(never)
    private mutating func grow<Memory: MemorySource>(in memory: inout Memory)
        throws(Memory.Failure)
    {
        let oldKeys = keys
        let oldSlots = mask &+ 1
        let larger = try Self.makeSlots(oldSlots &* 2, in: &memory)
        let largerMask = oldSlots &* 2 &- 1
        for index in 0..<oldSlots where isTaken(index) {
            var slot = Self.slot(of: oldKeys[index] & (1 << 48 &- 1), largerMask)
            while larger[slot] != 0 { slot = (slot &+ 1) & largerMask }
            larger[slot] = oldKeys[index]
        }
        keys = larger
        mask = largerMask
        try memory.release(UnsafeMutableRawPointer(oldKeys))
    }
}
