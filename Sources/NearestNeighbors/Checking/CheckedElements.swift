/// What a check of a graph knows of some of its elements, to be looked up by place.
///
/// 16 bytes for each. They are added in the order of their places; looking up is O(log n).
public struct CheckedElements {
    /// One element.
    public struct Element: BitwiseCopyable {
        /// The place in the upper 48 bits, then the level, then whether it is live.
        private let word: UInt64
        /// Of its code and the code's factors.
        public let fingerprint: UInt64

        /// An element in a place, of a level up to 255.
        public init(place: UInt64, level: Int, isLive: Bool, fingerprint: UInt64) {
            word = place << 16 | UInt64(UInt8(truncatingIfNeeded: level)) << 8 | (isLive ? 1 : 0)
            self.fingerprint = fingerprint
        }

        /// See `NodeReference.place`.
        public var place: UInt64 { word >> 16 }
        /// The highest level that it is on.
        public var level: Int { Int(UInt8(truncatingIfNeeded: word >> 8)) }
        /// Whether it has a row.
        public var isLive: Bool { word & 1 != 0 }
    }

    private var elements: GrowableArray<Element>

    /// No elements, and room for so many.
    public init<Memory: MemorySource>(capacity: Int, in memory: inout Memory)
        throws(Memory.Failure)
    {
        elements = try GrowableArray(capacity: capacity, in: &memory)
    }

    /// Whether there is room for so many more.
    public func hasRoom(for more: Int) -> Bool { elements.capacity &- count >= more }

    /// Gives the memory back.
    public func free<Memory: MemorySource>(in memory: inout Memory) throws(Memory.Failure) {
        try elements.free(in: &memory)
    }

    /// Forgets all of them.
    public mutating func removeAll() { elements.count = 0 }

    /// How many there are.
    public var count: Int { elements.count }

    /// The element of a number, which the caller keeps within `0..<count`.
    public subscript(number: Int) -> Element { elements[number] }

    /// Adds an element, whose place comes after those of all others.
    ///
    /// - Returns: false, and nothing is added, where it does not, or where there is no room.
    public mutating func append(_ element: Element) -> Bool {
        guard hasRoom(for: 1) else { return false }
        if count > 0, elements[count &- 1].place >= element.place { return false }
        elements.start[count] = element
        elements.count &+= 1
        return true
    }

    /// The number of the element in a place, nil if there is none.
    public func number(at place: UInt64) -> Int? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) / 2
            if elements[middle].place < place { low = middle &+ 1 } else { high = middle }
        }
        return low < count && elements[low].place == place ? low : nil
    }
}

/// A number that two lists of bytes have in common only by an improbable chance, unless they are equal.
public struct Fingerprint {
    /// The number.
    public private(set) var value: UInt64

    /// Of nothing.
    public init() { value = 0x9E37_79B9_7F4A_7C15 }

    /// Adds a number.
    public mutating func add(_ number: UInt64) {
        var mixed = (value ^ number) &* 0xBF58_476D_1CE4_E5B9
        mixed ^= mixed >> 29
        mixed = mixed &* 0x94D0_49BB_1331_11EB
        value = (mixed ^ mixed >> 32) &+ 0x9E37_79B9_7F4A_7C15
    }

    /// Adds bytes, a multiple of 8.
    public mutating func add(_ bytes: UnsafePointer<UInt8>, count: Int) {
        let words = UnsafeRawPointer(bytes)
        for word in 0..<count / 8 {
            add(words.loadUnaligned(fromByteOffset: word &* 8, as: UInt64.self))
        }
    }
}
