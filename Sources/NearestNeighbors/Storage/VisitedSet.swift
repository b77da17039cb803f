/// The nodes that a search has seen: a hash set of 64-bit keys other than 0, with linear probing.
///
/// Insertion is O(1) expected. It grows at a load of one half.
public struct VisitedSet {
    private var keys: UnsafeMutablePointer<UInt64>
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
        keys.update(repeating: 0, count: mask &+ 1)
        count = 0
    }

    /// Adds a key.
    ///
    /// - Returns: whether it is new.
    @inline(__always)
    public mutating func insert<Memory: MemorySource>(_ key: UInt64, in memory: inout Memory)
        throws(Memory.Failure) -> Bool
    {
        var slot = Self.slot(of: key, mask)
        while keys[slot] != 0 {
            if keys[slot] == key { return false }
            slot = (slot &+ 1) & mask
        }
        keys[slot] = key
        count &+= 1
        if count &* 2 > mask { try grow(in: &memory) }
        return true
    }

    /// Whether a key is in the set.
    @inline(__always)
    public func contains(_ key: UInt64) -> Bool {
        var slot = Self.slot(of: key, mask)
        while keys[slot] != 0 {
            if keys[slot] == key { return true }
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
        for index in 0..<oldSlots where oldKeys[index] != 0 {
            var slot = Self.slot(of: oldKeys[index], largerMask)
            while larger[slot] != 0 { slot = (slot &+ 1) & largerMask }
            larger[slot] = oldKeys[index]
        }
        keys = larger
        mask = largerMask
        try memory.release(UnsafeMutableRawPointer(oldKeys))
    }
}
