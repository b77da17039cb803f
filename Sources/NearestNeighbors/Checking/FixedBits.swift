/// A fixed number of bits, all clear at first.
public struct FixedBits {
    private let words: UnsafeMutablePointer<UInt64>
    /// The number of bits.
    public let count: Int

    /// As many bits.
    public init<Memory: MemorySource>(_ count: Int, in memory: inout Memory)
        throws(Memory.Failure)
    {
        self.count = max(count, 0)
        let wordCount = self.count / 64 + 1
        words = try memory.allocate(bytes: wordCount &* 8).assumingMemoryBound(to: UInt64.self)
        for word in 0..<wordCount { words[word] = 0 }
    }

    /// Gives the memory back.
    public func free<Memory: MemorySource>(in memory: inout Memory) throws(Memory.Failure) {
        try memory.release(UnsafeMutableRawPointer(words))
    }

    /// Whether a bit is set; false for one that is not there.
    public func contains(_ index: Int) -> Bool {
        guard index >= 0, index < count else { return false }
        return words[index / 64] & 1 << UInt64(index % 64) != 0
    }

    /// Sets a bit.
    ///
    /// - Returns: whether it is there and was clear.
    public func insert(_ index: Int) -> Bool {
        guard index >= 0, index < count, !contains(index) else { return false }
        words[index / 64] |= 1 << UInt64(index % 64)
        return true
    }

    /// The first bit from one on that is set here and clear in `others`, which are as many; nil if there is none.
    public func first(from index: Int, notIn others: FixedBits) -> Int? {
        guard index >= 0, index < count else { return nil }
        var word = index / 64
        var left = words[word] & ~others.words[word] & ~0 << UInt64(index % 64)
        while left == 0 {
            word &+= 1
            if word &* 64 >= count { return nil }
            left = words[word] & ~others.words[word]
        }
        return word &* 64 &+ left.trailingZeroBitCount
    }
}
