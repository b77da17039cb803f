/// Keys, each with the place where it was found: rows, and the nodes that have them.
///
/// 16 bytes for each, and as many again while they are sorted.
public struct KeyedPlaces {
    /// A key and its place.
    public struct Entry: BitwiseCopyable {
        /// What is looked for, below 2⁴⁸.
        public let key: UInt64
        /// Where it was found.
        public let place: UInt64

        /// The entry of both.
        public init(key: UInt64, place: UInt64) {
            self.key = key
            self.place = place
        }
    }

    private var entries: GrowableArray<Entry>

    /// No entries.
    public init<Memory: MemorySource>(in memory: inout Memory) throws(Memory.Failure) {
        entries = try GrowableArray(capacity: 256, in: &memory)
    }

    /// How many there are.
    public var count: Int { entries.count }

    /// The entry of a number, which the caller keeps within `0..<count`.
    public subscript(number: Int) -> Entry { entries[number] }

    /// Adds an entry; `sort` before the next look-up.
    public mutating func append<Memory: MemorySource>(_ entry: Entry, in memory: inout Memory)
        throws(Memory.Failure)
    {
        try entries.append(entry, in: &memory)
    }

    /// Brings the entries into the order of their keys; those of one key stay in the order in which they came.
    /// O(n): six passes, each by one byte.
    public mutating func sort<Memory: MemorySource>(in memory: inout Memory)
        throws(Memory.Failure)
    {
        var from = entries
        var to = try GrowableArray<Entry>(capacity: max(count, 1), in: &memory)
        let starts = try memory.allocate(bytes: 256 &* 8).assumingMemoryBound(to: Int.self)
        for digit in 0..<6 {
            let shift = UInt64(digit &* 8)
            for value in 0..<256 { starts[value] = 0 }
            for index in 0..<count { starts[Int(from[index].key >> shift & 255)] &+= 1 }
            var sum = 0
            for value in 0..<256 {
                let number = starts[value]
                starts[value] = sum
                sum &+= number
            }
            for index in 0..<count {
                let value = Int(from[index].key >> shift & 255)
                to.start[starts[value]] = from[index]
                starts[value] &+= 1
            }
            to.count = count
            let swapped = from
            from = to
            to = swapped
        }
        entries = from
        try to.free(in: &memory)
        try memory.release(UnsafeMutableRawPointer(starts))
    }

    /// The number of the first entry of a key, nil if there is none. O(log n), after `sort`.
    public func first(of key: UInt64) -> Int? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) / 2
            if entries[middle].key < key { low = middle &+ 1 } else { high = middle }
        }
        return low < count && entries[low].key == key ? low : nil
    }

    /// Whether the entry has the same key as the one before it; after `sort`.
    public func repeats(_ number: Int) -> Bool {
        number > 0 && entries[number &- 1].key == entries[number].key
    }
}
