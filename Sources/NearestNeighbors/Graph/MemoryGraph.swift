import VectorKernels

/// A graph in memory, for building an index: in private memory that grows with it, or in a region of fixed size
/// that several processes see, each at an address of its own.
///
/// All nodes have the same size and lie in chunks that never move:
///
///     0   header (40 bytes)
///     40  ground links: groundLinks each of UInt32 index, Float distance, and their `LinkCovers`; the highest
///         bit of the index says whether the link is one of the backbone
///
/// The vectors lie apart, in chunks of as many: nodes are linked in a random order, and the closer together is what
/// searches read, the fewer pages of memory they are on.
///
/// The links of the upper layers of a node, one in `links` has any, are a block of their own: per level
/// from 1 a UInt32 count, a UInt32 that says what the covers are, indices, distances and covers. Rows with
/// equal vectors hang on a node as a list.
///
/// Longer vectors are there a second time, rounded and close together; see `CoarseVectors`. As soon as there are
/// enough vectors to take their mean for the centre, searches use those.
///
/// In a region all nodes come first, then the vectors, the rounded vectors and their centre, further rows, and the
/// blocks of upper links. Marks of visits and the entry point are each process's own.
///
/// This file has what it consists of and what searches need; the others of its name have the rest.
public struct MemoryGraph<Memory: MemorySource>: MutableNeighborGraph {
    /// See `MemorySource`.
    public typealias Failure = Memory.Failure

    /// See `NeighborGraph`.
    public let shape: GraphShape
    /// See `MutableNeighborGraph`.
    public let metric: Metric
    /// Number of nodes.
    public internal(set) var count = 0
    /// Number of rows, which is more where vectors are equal.
    public internal(set) var rowCount = 0
    /// Number of nodes that were far from nearly all others when they were inserted; see `FarNodes`.
    public internal(set) var farCount = 0
    /// Number of nodes that were linked; the others are only collected.
    var linkedCount = 0
    /// Bytes taken so far.
    public internal(set) var bytesUsed = 0
    /// The row that `addNode` and `addRow` store.
    public var currentRow: UInt64 = 0
    /// The vector that distances are computed from and `addNode` stores.
    public var query: UnsafePointer<Float>

    private var memory: Memory
    var chunks: GrowableArray<UnsafeMutableRawPointer>
    var vectorChunks: GrowableArray<UnsafeMutableRawPointer>
    var visits: GrowableArray<UInt32>
    private var round: UInt32 = 0
    var extraRows: GrowableArray<ExtraRow>
    /// The vectors of the nodes, while they are collected.
    var distinct: DistinctRows<MemoryGraph>?
    /// Whether nodes are collected, to be rounded and linked when all are there.
    var isCollecting = false
    var entry: EntryPoint?
    let stride: Int
    let vectorStride: Int
    let upperLevelBytes: Int
    let chunkShift: Int
    /// See `MutableNeighborGraph`.
    public let coarseVectors: CoarseVectors?
    let coarseStride: Int
    var coarseChunks: GrowableArray<UnsafeMutableRawPointer>
    /// The current vector, rounded.
    let coarseQuery: UnsafeMutableRawPointer
    /// See `MutableNeighborGraph`.
    public var isCoarse = false
    /// What the places of upper links are relative to: 0, or where this process sees the region.
    let origin: Int
    /// Where the next upper links go in a region; nil in private memory.
    var upperCursor: Int?

    struct Header: BitwiseCopyable {
        /// The heap's row.
        var row: UInt64
        /// Where the node will stand on pages; written by whoever writes the pages.
        var place: UInt64
        /// Where the links of levels 1 and up are, relative to the graph's origin; 0 if there are none.
        var upper: Int
        /// The first of the further rows, as an index from 1 into `extraRows`.
        var extraRow: UInt32
        var groundCount: UInt16
        var level: UInt8
        /// Whether the covers of the ground links come from rounded vectors.
        var groundCovers: UInt8
        var upperPlace: UInt64
    }

    struct ExtraRow: BitwiseCopyable {
        var row: UInt64
        var next: UInt32
    }

    /// An empty graph. `query` may be set later.
    public init(
        _ shape: GraphShape, _ metric: Metric, query: UnsafePointer<Float>, memory: Memory
    ) throws(Failure) {
        try self.init(
            shape, metric, query: query, origin: 0, chunks: 64, visits: 1024, centre: nil,
            memory: memory)
    }

    /// A graph in a region of `regionBytes` bytes, aligned for any type.
    ///
    /// - Parameters:
    ///   - nodes: as many as the region has room for.
    ///   - rows: the same of rows, which are more where vectors are equal.
    ///   - isFilled: whether they are there already; else `addUnlinkedNode` and `addRow` add them.
    public init(
        _ shape: GraphShape, _ metric: Metric, in region: UnsafeMutableRawPointer, nodes: Int,
        rows: Int, isFilled: Bool, memory: Memory
    ) throws(Failure) {
        let links = nodes >> Self.chunkShift(shape) &+ 1
        let vectors = region + nodes &* Self.stride(shape)
        let rounded = vectors + nodes &* Self.vectorStride(shape)
        let upper = nodes &* Self.nodeBytes(shape)
        try self.init(
            shape, metric, query: UnsafePointer(region.assumingMemoryBound(to: Float.self)),
            origin: Int(bitPattern: region), chunks: links, visits: nodes,
            centre: (region + upper).assumingMemoryBound(to: Float.self), memory: memory)
        for chunk in 0..<links {
            try chunks.append(region + (chunk << chunkShift) &* stride, in: &self.memory)
            try vectorChunks.append(
                vectors + (chunk << chunkShift) &* vectorStride, in: &self.memory)
            try coarseChunks.append(
                rounded + (chunk << chunkShift) &* coarseStride, in: &self.memory)
        }
        isCoarse = coarseVectors != nil
        visits.start.update(repeating: 0, count: nodes)
        visits.count = nodes
        count = isFilled ? nodes : 0
        rowCount = isFilled ? rows : 0
        let extra = upper &+ Self.centreBytes(shape)
        extraRows = GrowableArray(
            at: (region + extra).assumingMemoryBound(to: ExtraRow.self),
            count: isFilled ? rows &- nodes : 0, capacity: rows &- nodes)
        upperCursor = extra &+ (rows &- nodes) &* MemoryLayout<ExtraRow>.stride
    }

    private init(
        _ shape: GraphShape, _ metric: Metric, query: UnsafePointer<Float>, origin: Int,
        chunks chunkCapacity: Int, visits visitCapacity: Int,
        centre: UnsafeMutablePointer<Float>?, memory: Memory
    ) throws(Failure) {
        self.shape = shape
        self.metric = metric
        self.query = query
        self.memory = memory
        self.origin = origin
        stride = Self.stride(shape)
        vectorStride = Self.vectorStride(shape)
        upperLevelBytes = Self.upperLevelBytes(shape)
        chunkShift = Self.chunkShift(shape)
        coarseStride = Self.coarseStride(shape)
        coarseQuery = try self.memory.allocate(bytes: max(coarseStride, 16))
        if coarseStride > 0, let kernels = CodeKernelTable.table(for: metric.kernels.level) {
            coarseVectors = try CoarseVectors(
                shape.dimensions, metric, kernels, centre: centre, in: &self.memory)
        } else {
            coarseVectors = nil
        }
        coarseChunks = try GrowableArray(capacity: chunkCapacity, in: &self.memory)
        chunks = try GrowableArray(capacity: chunkCapacity, in: &self.memory)
        vectorChunks = try GrowableArray(capacity: chunkCapacity, in: &self.memory)
        visits = try GrowableArray(capacity: visitCapacity, in: &self.memory)
        extraRows = try GrowableArray(capacity: 16, in: &self.memory)
    }

    // MARK: Nodes by number

    @inline(__always)
    func base(_ index: Int) -> UnsafeMutableRawPointer {
        chunks[index >> chunkShift] + (index & (1 << chunkShift &- 1)) &* stride
    }

    @inline(__always)
    func header(_ index: Int) -> UnsafeMutablePointer<Header> {
        base(index).assumingMemoryBound(to: Header.self)
    }

    @inline(__always)
    func index(_ node: NodeReference) -> Int { Int(node.block) &- 1 }

    @inline(__always)
    func reference(_ index: UInt32) -> NodeReference {
        NodeReference(block: index &+ 1, offset: 0)
    }

    /// The bit of a link that says that it is one of the backbone; the rest is the node's index.
    static var backboneBit: UInt32 { 1 << 31 }

    /// A node's links on a level.
    struct Links {
        /// With `backboneBit`.
        let indices: UnsafeMutablePointer<UInt32>
        let distances: UnsafeMutablePointer<Float>
        let covers: LinkCovers

        @inline(__always)
        init(at start: UnsafeMutableRawPointer, capacity: Int) {
            indices = start.assumingMemoryBound(to: UInt32.self)
            distances = (start + capacity &* 4).assumingMemoryBound(to: Float.self)
            covers = LinkCovers(at: start + capacity &* 8, capacity: capacity)
        }
    }

    @inline(__always)
    func links(_ index: Int, _ level: Int) -> Links {
        if level == 0 {
            return Links(
                at: base(index) + MemoryLayout<Header>.size, capacity: shape.groundLinks)
        }
        return Links(at: upperStart(index, level) + 8, capacity: shape.links)
    }

    /// Only for a node that has the level.
    @inline(__always)
    func upperStart(_ index: Int, _ level: Int) -> UnsafeMutableRawPointer {
        // A node's upper block is there whenever its level is above 0; `base` stands in for what
        // cannot be.
        let upper = header(index).pointee.upper
        guard upper != 0, let start = UnsafeMutableRawPointer(bitPattern: origin &+ upper) else {
            return base(index)
        }
        return start + (level &- 1) &* upperLevelBytes
    }

    @inline(__always)
    func linkCount(_ index: Int, _ level: Int) -> Int {
        let header = header(index)
        if level == 0 { return Int(header.pointee.groundCount) }
        if level > Int(header.pointee.level) { return 0 }
        return Int(upperStart(index, level).load(as: UInt32.self))
    }

    @inline(__always)
    func setLinkCount(_ index: Int, _ level: Int, _ count: Int) {
        if level == 0 {
            header(index).pointee.groundCount = UInt16(truncatingIfNeeded: count)
        } else {
            upperStart(index, level).storeBytes(
                of: UInt32(truncatingIfNeeded: count), as: UInt32.self)
        }
    }

    @inline(__always)
    func vector(_ index: Int) -> UnsafeMutablePointer<Float> {
        let start = vectorChunks[index >> chunkShift]
        return (start + (index & (1 << chunkShift &- 1)) &* vectorStride)
            .assumingMemoryBound(to: Float.self)
    }

    // MARK: MemorySource

    /// See `MemorySource`.
    @inline(__always)
    public mutating func allocate(bytes count: Int) throws(Failure) -> UnsafeMutableRawPointer {
        bytesUsed &+= count
        return try memory.allocate(bytes: count)
    }

    /// See `MemorySource`.
    @inline(__always)
    public mutating func release(_ pointer: UnsafeMutableRawPointer) throws(Failure) {
        try memory.release(pointer)
    }

    // MARK: NeighborGraph

    /// See `NeighborGraph`.
    public mutating func entryPoint() throws(Failure) -> EntryPoint? { entry }

    /// See `NeighborGraph`.
    @inline(__always)
    public mutating func beginVisits() throws(Failure) {
        round &+= 1
        if round == 0 {
            visits.start.update(repeating: 0, count: visits.count)
            round = 1
        }
    }

    /// See `NeighborGraph`.
    @inline(__always)
    public mutating func visit(_ node: NodeReference) throws(Failure) -> Bool {
        let index = index(node)
        if visits[index] == round { return false }
        visits[index] = round
        return true
    }

    /// See `NeighborGraph`.
    @inline(__always)
    public mutating func neighbors(
        of node: NodeReference, level: Int, into list: UnsafeMutablePointer<NodeReference>
    ) throws(Failure) -> Int {
        let index = index(node)
        let count = linkCount(index, level)
        guard count > 0 else { return 0 }
        let indices = links(index, level).indices
        for slot in 0..<count {
            let other = indices[slot] & ~Self.backboneBit
            list[slot] = reference(other)
            prefetch(visits.start + Int(other))
        }
        return count
    }

    /// See `NeighborGraph`.
    @inline(__always)
    public mutating func score(
        _ nodes: UnsafePointer<NodeReference>, count: Int,
        into scored: UnsafeMutablePointer<ScoredNode>
    ) throws(Failure) -> Int {
        if isCoarse, let coarse = coarseVectors {
            return scoreCoarsely(coarse, nodes, count, into: scored)
        }
        for slot in 0..<min(vectorsAhead, count) {
            prefetchVector(vector(index(nodes[slot])), shape.dimensions)
        }
        for slot in 0..<count {
            if slot &+ vectorsAhead < count {
                let later = nodes[slot &+ vectorsAhead]
                prefetchVector(vector(index(later)), shape.dimensions)
            }
            let distance = metric.distance(query, vector(index(nodes[slot])), shape.dimensions)
            scored[slot] = ScoredNode(distance: distance, node: nodes[slot])
        }
        return count
    }

    /// See `NeighborGraph`.
    @inline(__always)
    public func announceLinks(of node: NodeReference) {
        let start = base(index(node))
        prefetch(start)
        prefetch(start + 64)
        prefetch(start + 128)
    }

    /// See `NeighborGraph`.
    @inline(__always)
    public mutating func breathe() throws(Failure) {}
}
