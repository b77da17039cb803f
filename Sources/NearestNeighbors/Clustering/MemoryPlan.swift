/// The parts of one block of memory. The same plan says how much to allocate and where each part
/// starts. Parts start at multiples of 64 bytes, a cache line.
///
/// Nothing here overflows: a plan beyond what can be addressed needs `Int.max` bytes.
struct MemoryPlan {
    /// Bytes of all parts so far, or `Int.max`.
    private(set) var bytes = 0

    /// Adds a part of `a * b` elements.
    ///
    /// - Returns: where it starts.
    mutating func add<Element>(_ a: Int, _ b: Int = 1, of type: Element.Type) -> Int {
        let start = bytes
        let (elements, tooMany) = max(a, 0).multipliedReportingOverflow(by: max(b, 0))
        let (size, tooLarge) = elements.multipliedReportingOverflow(
            by: MemoryLayout<Element>.stride)
        let (end, tooFar) = start.addingReportingOverflow(size)
        guard !tooMany, !tooLarge, !tooFar, end <= Int.max - 127 else {
            bytes = Int.max
            return 0
        }
        bytes = (end &+ 63) & ~63
        return start
    }

    /// What to allocate so that there is a block of so many bytes at a multiple of 64.
    var bytesToAllocate: Int { bytes > Int.max - 64 ? Int.max : bytes &+ 64 }

    /// The first multiple of 64 in a block.
    static func aligned(_ block: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        block + (-Int(bitPattern: block) & 63)
    }
}
