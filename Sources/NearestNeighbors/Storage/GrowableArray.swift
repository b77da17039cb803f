/// A growing array of trivial values over memory of a `MemorySource`.
///
/// It is what the inner loops use instead of `Array`: no reference counting, no trap, and memory that
/// the server gives back by itself after an error. Copies share the same memory.
public struct GrowableArray<Element: BitwiseCopyable> {
    /// The first element; valid up to `count`. Changes when the array grows.
    public private(set) var start: UnsafeMutablePointer<Element>
    /// Number of elements.
    public var count: Int
    /// Number of elements that fit without growing.
    public private(set) var capacity: Int

    /// An empty array with room for `capacity` elements.
    @inline(__always)
    public init<Memory: MemorySource>(capacity: Int, in memory: inout Memory)
        throws(Memory.Failure)
    {
        self.capacity = max(capacity, 1)
        count = 0
        start = try memory.allocate(bytes: self.capacity &* MemoryLayout<Element>.stride)
            .assumingMemoryBound(to: Element.self)
    }

    /// An array of `count` elements in memory that somebody else owns and that has room for `capacity`; it must not
    /// get more.
    init(at start: UnsafeMutablePointer<Element>, count: Int, capacity: Int) {
        self.start = start
        self.count = count
        self.capacity = capacity
    }

    /// Gives the memory back; the array must not be used any more.
    public func free<Memory: MemorySource>(in memory: inout Memory) throws(Memory.Failure) {
        try memory.release(UnsafeMutableRawPointer(start))
    }

    /// The element at `index`, which the caller keeps within `0..<count`.
    @inline(__always)
    public subscript(index: Int) -> Element {
        get { start[index] }
        nonmutating set { start[index] = newValue }
    }

    /// Adds an element behind the last. Amortised O(1).
    @inline(__always)
    public mutating func append<Memory: MemorySource>(_ element: Element, in memory: inout Memory)
        throws(Memory.Failure)
    {
        if count == capacity {
            try reserve(count &+ 1, in: &memory)
        }
        start[count] = element
        count &+= 1
    }

    /// Makes room for `wanted` elements in all, at least doubling when it has to move.
    @inline(never)
    public mutating func reserve<Memory: MemorySource>(_ wanted: Int, in memory: inout Memory)
        throws(Memory.Failure)
    {
        guard wanted > capacity else { return }
        let larger = max(wanted, capacity &* 2)
        let moved = try memory.allocate(bytes: larger &* MemoryLayout<Element>.stride)
            .assumingMemoryBound(to: Element.self)
        moved.copy(from: start, count: count)
        // Released last: whoever throws must not leave the array with memory that is gone.
        let former = start
        start = moved
        capacity = larger
        try memory.release(UnsafeMutableRawPointer(former))
    }
}
