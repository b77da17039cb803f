/// The numbers from 0 to a count in an order that looks random and is always the same, without memory.
///
/// A Feistel network of four rounds permutes the numbers of an even number of bits; those that are too large are
/// permuted again (Black and Rogaway 2002).
public struct ShuffledOrder: Sendable, BitwiseCopyable {
    /// How many numbers there are.
    public let count: Int
    private let halfBits: UInt64
    private let seed: UInt64

    /// An order of the numbers below `count`.
    public init(count: Int, seed: UInt64 = 0x9E37_79B9) {
        self.count = max(count, 0)
        self.seed = seed
        var bits: UInt64 = 1
        while 1 << (2 &* bits) < UInt64(self.count), bits < 31 { bits &+= 1 }
        halfBits = bits
    }

    /// The number in a place, from 0. O(1) expected: less than four networks for each number.
    @inline(__always)
    public subscript(place: Int) -> Int {
        guard place >= 0, place < count else { return place }
        var number = UInt64(place)
        repeat { number = permute(number) } while number >= UInt64(count)
        return Int(number)
    }

    private func permute(_ number: UInt64) -> UInt64 {
        let mask: UInt64 = 1 << halfBits &- 1
        var left = number >> halfBits
        var right = number & mask
        for round: UInt64 in 1...4 {
            var mixed = (right ^ seed &* round) &* 0xBF58_476D_1CE4_E5B9
            mixed ^= mixed >> 29
            mixed = mixed &* 0x94D0_49BB_1331_11EB
            (left, right) = (right, (left ^ mixed >> 32) & mask)
        }
        return left << halfBits | right
    }
}
