/// Vectors on their way from a table into a graph, each with its row and the level that its node is to have, in
/// the order in which they came.
///
/// They lie in blocks, which whoever takes them out gives back on the way:
///
///     0     header (16 bytes)
///     16    vector: dimensions × Float
public struct VectorCollection<Memory: MemorySource>: NumberedRows {
    /// One vector of the collection.
    public struct Item {
        /// The vector.
        public let vector: UnsafePointer<Float>
        /// Its row.
        public let row: UInt64
        /// The level of its node.
        public let level: Int
        /// The number of its node among the vectors without their equals.
        public let node: Int
    }

    private struct Header: BitwiseCopyable {
        var row: UInt64
        var node: UInt32
        var level: UInt32
    }

    let dimensions: Int
    /// Number of vectors.
    public private(set) var count = 0
    /// How many of them differ, as far as that is known; see `joinEqual`.
    public private(set) var nodes = 0
    /// The levels of those that differ, summed up.
    public private(set) var upperLevels = 0
    /// Bytes taken.
    public private(set) var bytesUsed = 0
    private var blocks: GrowableArray<UnsafeMutableRawPointer>
    private let stride: Int
    private let blockShift: Int

    /// An empty collection.
    public init(dimensions: Int, in memory: inout Memory) throws(Memory.Failure) {
        self.dimensions = dimensions
        let stride = MemoryLayout<Header>.size &+ (dimensions &* 4 &+ 15) / 16 &* 16
        self.stride = stride
        var shift = 0
        while stride << (shift &+ 1) <= 1 << 18 { shift &+= 1 }
        blockShift = shift
        blocks = try GrowableArray(capacity: 64, in: &memory)
    }

    /// Bytes taken as soon as there is one more vector.
    public var bytesWithOneMore: Int {
        bytesUsed &+ (count >> blockShift == blocks.count ? stride << blockShift : 0)
    }

    /// Bytes that so many vectors take, or somewhat more.
    public static func usualBytes(dimensions: Int, count: Int) -> Int {
        count &* (MemoryLayout<Header>.stride &+ dimensions &* 4 &+ 32) &+ (2 << 20)
    }

    @inline(__always)
    private func place(_ index: Int) -> UnsafeMutableRawPointer {
        blocks[index >> blockShift] + (index & (1 << blockShift &- 1)) &* stride
    }

    @inline(__always)
    private func header(_ index: Int) -> UnsafeMutablePointer<Header> {
        place(index).assumingMemoryBound(to: Header.self)
    }

    @inline(__always)
    func row(_ index: Int) -> UnsafePointer<Float> {
        UnsafePointer(
            (place(index) + MemoryLayout<Header>.size).assumingMemoryBound(to: Float.self))
    }

    /// A vector by its number, which `release` has not passed yet.
    public subscript(index: Int) -> Item {
        let header = header(index).pointee
        return Item(
            vector: row(index), row: header.row, level: Int(header.level), node: Int(header.node))
    }

    /// Adds a copy of a vector.
    public mutating func append(
        _ vector: UnsafePointer<Float>, row: UInt64, level: Int, in memory: inout Memory
    ) throws(Memory.Failure) {
        if count >> blockShift == blocks.count {
            try blocks.append(try memory.allocate(bytes: stride << blockShift), in: &memory)
            bytesUsed &+= stride << blockShift
        }
        let index = count
        header(index).initialize(
            to: Header(
                row: row, node: UInt32(truncatingIfNeeded: index),
                level: UInt32(truncatingIfNeeded: level)))
        UnsafeMutablePointer(mutating: self.row(index)).copy(from: vector, count: dimensions)
        count &+= 1
        nodes &+= 1
        upperLevels &+= level
    }

    /// Finds the vectors that equal an earlier one, whose node is theirs then; the others are numbered anew.
    /// O(count · dimensions) expected.
    ///
    /// - Parameter pause: called every few milliseconds, so that it can be interrupted.
    public mutating func joinEqual(
        in memory: inout Memory, pause: () throws(Memory.Failure) -> Void
    ) throws(Memory.Failure) {
        let slotCount = DistinctRows<VectorCollection>.slotCount(capacity: count)
        let slots = try memory.allocate(bytes: slotCount &* MemoryLayout<Int32>.stride)
            .assumingMemoryBound(to: Int32.self)
        let distinct = DistinctRows<VectorCollection>(capacity: count, slots: slots)
        nodes = 0
        upperLevels = 0
        for index in 0..<count {
            if index & 255 == 0 { try pause() }
            let header = header(index)
            if let first = distinct.insert(row(index), at: index, among: self) {
                header.pointee.node = self.header(first).pointee.node
            } else {
                header.pointee.node = UInt32(truncatingIfNeeded: nodes)
                nodes &+= 1
                upperLevels &+= Int(header.pointee.level)
            }
        }
        try memory.release(UnsafeMutableRawPointer(slots))
    }

    /// Says that no vector up to `index` is needed any more. To be called for each number in turn.
    public func release(upTo index: Int, in memory: inout Memory) throws(Memory.Failure) {
        let isLast = index &+ 1 == count
        if isLast || (index &+ 1) & (1 << blockShift &- 1) == 0 {
            try memory.release(blocks[index >> blockShift])
        }
        if isLast { try blocks.free(in: &memory) }
    }
}
