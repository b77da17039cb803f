import VectorKernels

/// A graph in memory, for building an index: in private memory that grows with it, or in a region of fixed size
/// that several processes see, each at an address of its own.
///
/// All nodes have the same size and lie in chunks that never move:
///
///     0                header (40 bytes)
///     40               ground links: groundLinks each of UInt32 index, Float distance, Float note
///     40 + 12·2·links  vector: dimensions × Float
///
/// The links of the upper layers of a node, one in `links` has any, are a block of their own: per level
/// from 1 a UInt32 count, a UInt32 that says what the notes are, indices, distances and notes. Rows with equal vectors hang on a node as a list.
///
/// Longer vectors are there a second time, rounded and close together; see `CoarseVectors`. As soon as there are
/// enough vectors to take their mean for the centre, searches use those.
///
/// In a region all nodes come first, then the rounded vectors and their centre, then the blocks of upper links. Marks of visits, further rows and the entry
/// point are each process's own.
public struct MemoryGraph<Memory: MemorySource>: MutableNeighborGraph {
    /// See `MemorySource`.
    public typealias Failure = Memory.Failure

    /// See `NeighborGraph`.
    public let shape: GraphShape
    /// See `MutableNeighborGraph`.
    public let metric: Metric
    /// Number of nodes.
    public private(set) var count = 0
    /// Number of rows, which is more where vectors are equal.
    public private(set) var rowCount = 0
    /// Bytes taken so far.
    public private(set) var bytesUsed = 0
    /// The row that `addNode` and `addRow` store.
    public var currentRow: UInt64 = 0
    /// The vector that distances are computed from and `addNode` stores.
    public var query: UnsafePointer<Float>

    private var memory: Memory
    private var chunks: GrowableArray<UnsafeMutableRawPointer>
    private var visits: GrowableArray<UInt32>
    private var round: UInt32 = 0
    private var extraRows: GrowableArray<ExtraRow>
    private var entry: EntryPoint?
    private let stride: Int
    private let vectorOffset: Int
    private let upperLevelBytes: Int
    private let chunkShift: Int
    /// See `MutableNeighborGraph`.
    public let coarseVectors: CoarseVectors?
    private let coarseStride: Int
    private var coarseChunks: GrowableArray<UnsafeMutableRawPointer>
    /// The current vector, rounded.
    private let coarseQuery: UnsafeMutableRawPointer
    /// See `MutableNeighborGraph`.
    public var isCoarse = false
    /// What the places of upper links are relative to: 0, or where this process sees the region.
    private let origin: Int
    /// Where the next upper links go in a region; nil in private memory.
    private var upperCursor: Int?

    private struct Header: BitwiseCopyable {
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
        /// Whether the notes of the ground links come from rounded vectors.
        var groundNotes: UInt8
        var upperPlace: UInt64
    }

    private struct ExtraRow: BitwiseCopyable {
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
        let rounded = region + nodes &* Self.stride(shape)
        let upper = nodes &* (Self.stride(shape) &+ Self.coarseStride(shape))
        try self.init(
            shape, metric, query: UnsafePointer(region.assumingMemoryBound(to: Float.self)),
            origin: Int(bitPattern: region), chunks: links, visits: nodes,
            centre: (region + upper).assumingMemoryBound(to: Float.self), memory: memory)
        for chunk in 0..<links {
            try chunks.append(region + (chunk << chunkShift) &* stride, in: &self.memory)
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
        vectorOffset = Self.vectorOffset(shape)
        stride = Self.stride(shape)
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
        visits = try GrowableArray(capacity: visitCapacity, in: &self.memory)
        extraRows = try GrowableArray(capacity: 16, in: &self.memory)
    }

    /// Bytes of a region with so many nodes for so many rows, whose levels above the ground are so many in all.
    public static func regionBytes(
        _ shape: GraphShape, nodes: Int, rows: Int, upperLevels: Int
    ) -> Int {
        nodes &* (stride(shape) &+ coarseStride(shape)) &+ centreBytes(shape)
            &+ (rows &- nodes) &* MemoryLayout<ExtraRow>.stride
            &+ upperLevels &* upperLevelBytes(shape)
    }

    /// Bytes that a graph of so many nodes takes outside of a region, or somewhat more: levels are random, and
    /// arrays grow by doubling.
    public static func usualBytes(_ shape: GraphShape, nodes: Int) -> Int {
        let chunk = (stride(shape) &+ coarseStride(shape)) << chunkShift(shape)
        let chunks = (nodes >> chunkShift(shape) &+ 1) &* (chunk &+ 32)
        return chunks &+ usualUpperLevels(shape, nodes: nodes) &* upperLevelBytes(shape)
            &+ nodes &* 24 &+ CoarseVectors.roomBytes(shape.dimensions) &+ 65536
    }

    /// Levels above the ground of all nodes together: one node in `links` has one, and so on; and what chance
    /// may add.
    public static func usualUpperLevels(_ shape: GraphShape, nodes: Int) -> Int {
        let expected = Double(nodes) / Double(max(shape.links &- 1, 1))
        return Int(expected + 4 * expected.squareRoot()) &+ shape.maximumLevel
    }

    private static func vectorOffset(_ shape: GraphShape) -> Int {
        (MemoryLayout<Header>.size &+ shape.groundLinks &* 12 &+ 15) / 16 &* 16
    }

    private static func stride(_ shape: GraphShape) -> Int {
        (vectorOffset(shape) &+ shape.dimensions &* 4 &+ 15) / 16 &* 16
    }

    private static func coarseStride(_ shape: GraphShape) -> Int {
        CoarseVectors.suit(shape.dimensions) ? CoarseVectors.bytes(shape.dimensions) : 0
    }

    private static func centreBytes(_ shape: GraphShape) -> Int {
        coarseStride(shape) > 0 ? (shape.dimensions &* 4 &+ 15) / 16 &* 16 : 0
    }

    private static func upperLevelBytes(_ shape: GraphShape) -> Int { 8 &+ shape.links &* 12 }

    /// Chunks of about a quarter of a megabyte, but always a power of two of nodes.
    private static func chunkShift(_ shape: GraphShape) -> Int {
        let stride = stride(shape)
        var shift = 0
        while stride << (shift &+ 1) <= 1 << 18 { shift &+= 1 }
        return shift
    }

    /// Bytes that one more node can take at the most, amortised growth included.
    public var bytesForOneMore: Int {
        var bytes = shape.maximumLevel &* upperLevelBytes
        if count & (1 << chunkShift &- 1) == 0 {
            bytes &+= (stride &+ coarseStride) << chunkShift
        }
        if chunks.count == chunks.capacity { bytes &+= chunks.capacity &* 32 }
        if visits.count == visits.capacity { bytes &+= visits.capacity &* 8 }
        if extraRows.count == extraRows.capacity { bytes &+= extraRows.capacity &* 32 }
        return bytes
    }

    // MARK: Nodes by number

    @inline(__always)
    private func base(_ index: Int) -> UnsafeMutableRawPointer {
        chunks[index >> chunkShift] + (index & (1 << chunkShift &- 1)) &* stride
    }

    @inline(__always)
    private func header(_ index: Int) -> UnsafeMutablePointer<Header> {
        base(index).assumingMemoryBound(to: Header.self)
    }

    @inline(__always)
    private func index(_ node: NodeReference) -> Int { Int(node.block) &- 1 }

    @inline(__always)
    private func reference(_ index: UInt32) -> NodeReference {
        NodeReference(block: index &+ 1, offset: 0)
    }

    /// A node's links on a level.
    private struct Links {
        let indices: UnsafeMutablePointer<UInt32>
        let distances: UnsafeMutablePointer<Float>
        let notes: UnsafeMutablePointer<Float>

        @inline(__always)
        init(at start: UnsafeMutableRawPointer, capacity: Int) {
            indices = start.assumingMemoryBound(to: UInt32.self)
            distances = (start + capacity &* 4).assumingMemoryBound(to: Float.self)
            notes = (start + capacity &* 8).assumingMemoryBound(to: Float.self)
        }
    }

    @inline(__always)
    private func links(_ index: Int, _ level: Int) -> Links {
        if level == 0 {
            return Links(
                at: base(index) + MemoryLayout<Header>.size, capacity: shape.groundLinks)
        }
        return Links(at: upperStart(index, level) + 8, capacity: shape.links)
    }

    /// Only for a node that has the level.
    @inline(__always)
    private func upperStart(_ index: Int, _ level: Int) -> UnsafeMutableRawPointer {
        // A node's upper block is there whenever its level is above 0; `base` stands in for what
        // cannot be.
        let upper = header(index).pointee.upper
        guard upper != 0, let start = UnsafeMutableRawPointer(bitPattern: origin &+ upper) else {
            return base(index)
        }
        return start + (level &- 1) &* upperLevelBytes
    }

    @inline(__always)
    private func linkCount(_ index: Int, _ level: Int) -> Int {
        let header = header(index)
        if level == 0 { return Int(header.pointee.groundCount) }
        if level > Int(header.pointee.level) { return 0 }
        return Int(upperStart(index, level).load(as: UInt32.self))
    }

    @inline(__always)
    private func setLinkCount(_ index: Int, _ level: Int, _ count: Int) {
        if level == 0 {
            header(index).pointee.groundCount = UInt16(truncatingIfNeeded: count)
        } else {
            upperStart(index, level).storeBytes(
                of: UInt32(truncatingIfNeeded: count), as: UInt32.self)
        }
    }

    @inline(__always)
    private func vector(_ index: Int) -> UnsafeMutablePointer<Float> {
        (base(index) + vectorOffset).assumingMemoryBound(to: Float.self)
    }

    // MARK: Rounded vectors

    @inline(__always)
    private func coarseVector(_ index: Int) -> UnsafeMutableRawPointer {
        coarseChunks[index >> chunkShift] + (index & (1 << chunkShift &- 1)) &* coarseStride
    }

    /// So many vectors make a centre.
    private static var centreVectors: Int { 256 }

    /// Sets the centre of a region's rounded vectors, of which there are none yet: the mean of some of the
    /// `count` vectors that are to come.
    public func setCentre(of count: Int, _ vector: (Int) -> UnsafePointer<Float>) {
        let taken = min(count, Self.centreVectors)
        coarseVectors?.setCentre(taken) { vector($0 &* count / taken) }
    }

    /// Rounds the vector of the newest node; and all, once there are enough.
    private mutating func roundNewest() {
        guard let coarse = coarseVectors else { return }
        if isCoarse {
            coarse.round(vector(count &- 1), into: coarseVector(count &- 1))
        } else if count == Self.centreVectors {
            coarse.setCentre(count) { UnsafePointer(vector($0)) }
            for index in 0..<count { coarse.round(vector(index), into: coarseVector(index)) }
            isCoarse = true
        }
    }

    /// See `MutableNeighborGraph`.
    public mutating func beginInsertion() { coarseVectors?.round(query, into: coarseQuery) }

    /// See `MutableNeighborGraph`.
    @inline(__always)
    public func coarseVector(of node: NodeReference) -> UnsafeRawPointer? {
        isCoarse ? UnsafeRawPointer(coarseVector(index(node))) : nil
    }

    // MARK: What writing the pages needs

    /// A node's vector.
    public func vector(at index: Int) -> UnsafePointer<Float> { UnsafePointer(vector(index)) }

    /// A node's highest level.
    public func level(at index: Int) -> Int { Int(header(index).pointee.level) }

    /// The number of links of a node on a level.
    public func linkCount(at index: Int, level: Int) -> Int { linkCount(index, level) }

    /// The node that a link leads to.
    public func link(at index: Int, level: Int, slot: Int) -> Int {
        Int(links(index, level).indices[slot])
    }

    /// Where a node will stand on pages.
    public func place(at index: Int) -> NodeReference {
        NodeReference(raw: header(index).pointee.place)
    }

    /// Where the links of a node's upper layers will stand.
    public func upperPlace(at index: Int) -> NodeReference {
        NodeReference(raw: header(index).pointee.upperPlace)
    }

    /// Notes where a node and its upper links will stand.
    public func setPlace(at index: Int, _ place: NodeReference, upper: NodeReference) {
        header(index).pointee.place = place.raw
        header(index).pointee.upperPlace = upper.raw
    }

    /// The rows of a node: the one it was made for, then those that joined, newest first.
    ///
    /// Start with `cursor` 0; nil after the last.
    public func nextRow(at index: Int, cursor: inout UInt32) -> UInt64? {
        let header = header(index)
        if cursor == 0 {
            cursor = header.pointee.extraRow &+ 1
            return header.pointee.row
        }
        let extra = Int(cursor) &- 2
        guard extra >= 0, extra < extraRows.count else { return nil }
        cursor = extraRows[extra].next &+ 1
        return extraRows[extra].row
    }

    /// The entry point's number and level.
    public var entryIndex: (index: Int, level: Int)? {
        guard let entry else { return nil }
        return (index(entry.node), entry.level)
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
            list[slot] = reference(indices[slot])
            prefetch(visits.start + Int(indices[slot]))
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

    @inline(__always)
    private func scoreCoarsely(
        _ coarse: CoarseVectors, _ nodes: UnsafePointer<NodeReference>, _ count: Int,
        into scored: UnsafeMutablePointer<ScoredNode>
    ) -> Int {
        for slot in 0..<min(CoarseVectors.ahead, count) {
            coarse.prefetch(coarseVector(index(nodes[slot])))
        }
        for slot in 0..<count {
            if slot &+ CoarseVectors.ahead < count {
                coarse.prefetch(coarseVector(index(nodes[slot &+ CoarseVectors.ahead])))
            }
            let distance = coarse.distance(coarseQuery, coarseVector(index(nodes[slot])))
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

    // MARK: MutableNeighborGraph

    /// See `MutableNeighborGraph`.
    @inline(__always)
    public mutating func vector(of node: NodeReference, scratch: UnsafeMutablePointer<Float>)
        throws(Failure) -> UnsafePointer<Float>?
    {
        UnsafePointer(vector(index(node)))
    }

    /// See `MutableNeighborGraph`.
    @inline(__always)
    public mutating func keptDistances(
        of node: NodeReference, level: Int, into distances: UnsafeMutablePointer<Float>
    ) throws(Failure) -> Bool {
        let index = index(node)
        distances.copy(
            from: links(index, level).distances, count: linkCount(index, level))
        return true
    }

    /// See `MutableNeighborGraph`.
    @inline(__always)
    public func linkNotes(of node: NodeReference, level: Int, coarse: Bool)
        -> UnsafeMutablePointer<Float>?
    {
        let index = index(node)
        let notes = links(index, level).notes
        if hasCoarseNotes(index, level) != coarse {
            let kind: UInt8 = coarse ? 1 : 0
            if level == 0 {
                header(index).pointee.groundNotes = kind
            } else {
                upperStart(index, level).storeBytes(of: kind, toByteOffset: 4, as: UInt8.self)
            }
            notes[0] = .nan
        }
        return notes
    }

    /// Whether a list's notes come from rounded vectors.
    @inline(__always)
    func hasCoarseNotes(_ index: Int, _ level: Int) -> Bool {
        if level == 0 { return header(index).pointee.groundNotes == 1 }
        return upperStart(index, level).load(fromByteOffset: 4, as: UInt8.self) == 1
    }

    /// See `MutableNeighborGraph`.
    public mutating func addRow(to node: NodeReference) throws(Failure) -> Bool {
        let header = header(index(node))
        let extra = ExtraRow(row: currentRow, next: header.pointee.extraRow)
        var rows = extraRows
        try rows.append(extra, in: &self)
        extraRows = rows
        header.pointee.extraRow = UInt32(truncatingIfNeeded: rows.count)
        rowCount &+= 1
        return true
    }

    /// See `MutableNeighborGraph`.
    public mutating func addNode(level: Int, links lists: LinkLists) throws(Failure)
        -> NodeReference
    {
        let index = try addUnlinkedNode(level: level)
        setLinks(of: index, lists)
        return reference(UInt32(truncatingIfNeeded: index))
    }

    /// Makes a node for the current row and vector that has no links yet. Its number is the next.
    public mutating func addUnlinkedNode(level: Int) throws(Failure) -> Int {
        let index = count
        if index >> chunkShift == chunks.count {
            let chunk = try allocate(bytes: stride << chunkShift)
            var list = chunks
            try list.append(chunk, in: &self)
            chunks = list
            if coarseStride > 0 {
                let chunk = try allocate(bytes: coarseStride << chunkShift)
                var list = coarseChunks
                try list.append(chunk, in: &self)
                coarseChunks = list
            }
        }
        if index == visits.count {
            var marks = visits
            try marks.append(0, in: &self)
            visits = marks
        }
        header(index).initialize(
            to: Header(
                row: currentRow, place: 0, upper: try upperRoom(level), extraRow: 0,
                groundCount: 0, level: UInt8(truncatingIfNeeded: level), groundNotes: 0,
                upperPlace: 0))
        vector(index).copy(from: query, count: shape.dimensions)
        var layer = 1
        while layer <= level {
            setLinkCount(index, layer, 0)
            layer &+= 1
        }
        count &+= 1
        rowCount &+= 1
        roundNewest()
        return index
    }

    /// Room for the upper links of a node, relative to the origin.
    private mutating func upperRoom(_ level: Int) throws(Failure) -> Int {
        guard level > 0 else { return 0 }
        guard let start = upperCursor else {
            return Int(bitPattern: try allocate(bytes: level &* upperLevelBytes))
        }
        upperCursor = start &+ level &* upperLevelBytes
        return start
    }

    /// Gives a node its own links, which it has none of so far.
    func setLinks(of index: Int, _ lists: LinkLists) {
        let level = level(at: index)
        var layer = 0
        while layer <= level {
            let list = lists.list(layer)
            let own = links(index, layer)
            for slot in 0..<list.count {
                own.indices[slot] = list[slot].node.block &- 1
                own.distances[slot] = list[slot].distance
            }
            own.notes[0] = .nan
            setLinkCount(index, layer, list.count)
            layer &+= 1
        }
    }

    /// The node of a number.
    public func node(at index: Int) -> NodeReference {
        reference(UInt32(truncatingIfNeeded: index))
    }

    /// The links of a node on a level, as node numbers with their distances.
    @inline(__always)
    func links(at index: Int, level: Int) -> (
        nodes: UnsafePointer<UInt32>, distances: UnsafePointer<Float>, count: Int
    ) {
        let own = links(index, level)
        return (
            UnsafePointer(own.indices), UnsafePointer(own.distances), linkCount(index, level)
        )
    }

    /// See `MutableNeighborGraph`.
    @inline(__always)
    public mutating func appendLink(
        from node: NodeReference, level: Int, count: Int, to target: ScoredNode
    ) throws(Failure) -> Bool {
        let index = index(node)
        guard level <= Int(header(index).pointee.level), linkCount(index, level) == count,
            count < shape.capacity(level)
        else { return false }
        let own = links(index, level)
        own.indices[count] = target.node.block &- 1
        own.distances[count] = target.distance
        setLinkCount(index, level, count &+ 1)
        return true
    }

    /// See `MutableNeighborGraph`.
    @inline(__always)
    public mutating func replaceLink(
        from node: NodeReference, level: Int, slot: Int, former: NodeReference,
        to target: ScoredNode
    ) throws(Failure) -> Bool {
        let index = index(node)
        guard slot < linkCount(index, level) else { return false }
        let own = links(index, level)
        guard reference(own.indices[slot]) == former else { return false }
        own.indices[slot] = target.node.block &- 1
        own.distances[slot] = target.distance
        return true
    }

    /// See `MutableNeighborGraph`.
    public mutating func promote(_ node: NodeReference, level: Int) throws(Failure) {
        if entry == nil || level > (entry?.level ?? 0) {
            entry = EntryPoint(node: node, level: level)
        }
    }
}
