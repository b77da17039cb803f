import VectorKernels

@testable import NearestNeighbors

/// A failure that a test asked for.
enum PagedFailure: Error { case injected }

/// A graph on pages, as a test imagines them: byte arrays of one size with records of one size, versions
/// that go up where a place is used again, and nodes that are there and dead.
///
/// Every requirement is a storage call. It does all it does or, when it is the one that is to fail,
/// nothing.
struct PagedGraph: RepairableNeighborGraph {
    typealias Failure = PagedFailure

    let shape: GraphShape
    let metric: Metric
    var query: UnsafePointer<Float>
    var currentRow: UInt64 = 0
    /// Storage calls until one fails; never while negative.
    var callsUntilFailure = -1
    /// Of 100 changes of a list, how many come too late because somebody else was faster.
    var interference = 0
    /// Nodes that `isDoomed` names, by place.
    var doomed: Set<UInt64> = []
    /// How often each requirement was called, all together.
    private(set) var calls = 0

    private var pages: [[UInt8]] = []
    /// All records that were ever made, in order; the places of removed ones are used again.
    private(set) var references: [NodeReference] = []
    private var freePlaces: [NodeReference] = []
    private var entry: EntryPoint?
    private var farCount = 0
    private var visited: VisitedSet
    private var memory = PooledMemory()
    private var random = RandomSource(seed: 99)
    private let rowCapacity: Int
    private let recordBytes: Int
    private let recordsPerPage: Int

    init(
        _ shape: GraphShape, _ metric: Metric, query: UnsafePointer<Float>, rowCapacity: Int = 4
    ) {
        self.shape = shape
        self.metric = metric
        self.query = query
        self.rowCapacity = rowCapacity
        visited = VisitedSet(capacity: 10, in: &memory)
        recordBytes =
            Self.rowsOffset + 8 * rowCapacity
            + (0...shape.maximumLevel).reduce(0) { $0 + 8 + 8 * shape.capacity($1) }
            + 4 * shape.dimensions
        recordsPerPage = max(1, 8192 / recordBytes)
    }

    // MARK: Records: version, level, flags, number of rows, rows, lists, vector

    private static let versionOffset = 0
    private static let levelOffset = 2
    private static let isUsedOffset = 3
    private static let isDeadOffset = 4
    private static let rowCountOffset = 6
    private static let rowsOffset = 8

    private func listOffset(_ level: Int) -> Int {
        (0..<level).reduce(Self.rowsOffset + 8 * rowCapacity) { $0 + 8 + 8 * shape.capacity($1) }
    }

    private func get<Value: BitwiseCopyable>(
        _ node: NodeReference, _ offset: Int, _ type: Value.Type
    ) -> Value {
        pages[Int(node.block)].withUnsafeBytes {
            $0.loadUnaligned(fromByteOffset: Int(node.offset) * recordBytes + offset, as: type)
        }
    }

    private mutating func put<Value: BitwiseCopyable>(
        _ node: NodeReference, _ offset: Int, _ value: Value
    ) {
        pages[Int(node.block)].withUnsafeMutableBytes {
            $0.storeBytes(
                of: value, toByteOffset: Int(node.offset) * recordBytes + offset, as: Value.self)
        }
    }

    /// Whether the very node is there, dead or not.
    func isThere(_ node: NodeReference) -> Bool {
        Int(node.block) < pages.count && Int(node.offset) < recordsPerPage
            && get(node, Self.isUsedOffset, UInt8.self) == 1
            && get(node, Self.versionOffset, UInt16.self) == node.version
    }

    func isLive(_ node: NodeReference) -> Bool {
        isThere(node) && get(node, Self.isDeadOffset, UInt8.self) == 0
    }

    func level(of node: NodeReference) -> Int { Int(get(node, Self.levelOffset, UInt8.self)) }

    /// A link as a record has it.
    struct Link: Equatable {
        var node: NodeReference
        var isBackbone: Bool

        private static let backboneBit: UInt64 = 1 << 63

        init(_ node: NodeReference, isBackbone: Bool) {
            self.node = node
            self.isBackbone = isBackbone
        }

        init(_ link: ScoredNode) { self.init(link.node, isBackbone: link.isBackbone) }

        init(word: UInt64) {
            node = NodeReference(raw: word & ~Self.backboneBit)
            isBackbone = word & Self.backboneBit != 0
        }

        var word: UInt64 { node.raw | (isBackbone ? Self.backboneBit : 0) }
    }

    func links(of node: NodeReference, _ level: Int) -> [NodeReference] {
        list(of: node, level).map(\.node)
    }

    func list(of node: NodeReference, _ level: Int) -> [Link] {
        guard isThere(node), level <= self.level(of: node) else { return [] }
        let start = listOffset(level)
        return (0..<Int(get(node, start, UInt64.self))).map {
            Link(word: get(node, start + 8 + 8 * $0, UInt64.self))
        }
    }

    private mutating func setLinks(of node: NodeReference, _ level: Int, _ links: [Link]) {
        precondition(level <= self.level(of: node) && links.count <= shape.capacity(level))
        put(node, listOffset(level), UInt64(links.count))
        for (slot, link) in links.enumerated() {
            put(node, listOffset(level) + 8 + 8 * slot, link.word)
        }
    }

    func vector(of node: NodeReference) -> [Float] {
        let start = listOffset(shape.maximumLevel + 1)
        return (0..<shape.dimensions).map { get(node, start + 4 * $0, Float.self) }
    }

    private func rows(of node: NodeReference) -> [UInt64] {
        (0..<Int(get(node, Self.rowCountOffset, UInt16.self))).map {
            get(node, Self.rowsOffset + 8 * $0, UInt64.self)
        }
    }

    private mutating func count() throws(PagedFailure) {
        calls += 1
        guard callsUntilFailure >= 0 else { return }
        callsUntilFailure -= 1
        if callsUntilFailure < 0 { throw .injected }
    }

    // MARK: What happens to nodes otherwise

    /// Makes a dead node of one: it leads on and is no answer.
    mutating func bury(_ node: NodeReference) {
        put(node, Self.isDeadOffset, UInt8(1))
    }

    /// Removes a node that links may still lead to; its place may be used again.
    mutating func remove(_ node: NodeReference) {
        precondition(node != entry?.node)
        put(node, Self.isUsedOffset, UInt8(0))
        freePlaces.append(node)
    }

    var entryNode: NodeReference? { entry?.node }

    /// Makes the highest of the living nodes the entry point.
    mutating func moveEntryPoint() {
        entry = present.filter(isLive).map { EntryPoint(node: $0, level: level(of: $0)) }
            .max { $0.level < $1.level }
    }

    /// All nodes that are there.
    var present: [NodeReference] { references.filter(isThere) }

    /// Somebody else changes a list: a link moves, goes, or comes again.
    private mutating func isTooLate(_ node: NodeReference, _ level: Int) -> Bool {
        guard Int.random(in: 0..<100, using: &random) < interference else { return false }
        var list = list(of: node, level)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: list.shuffle(using: &random)
        case 1: if let last = list.last, !last.isBackbone { list.removeLast() }
        default: break
        }
        setLinks(of: node, level, list)
        return true
    }

    // MARK: MemorySource

    mutating func allocate(bytes count: Int) throws(PagedFailure) -> UnsafeMutableRawPointer {
        try self.count()
        return memory.allocate(bytes: count)
    }

    mutating func release(_ memory: UnsafeMutableRawPointer) throws(PagedFailure) {
        try count()
    }

    // MARK: NeighborGraph

    mutating func entryPoint() throws(PagedFailure) -> EntryPoint? {
        try count()
        return entry
    }

    mutating func beginVisits() throws(PagedFailure) {
        try count()
        visited.removeAll()
    }

    mutating func visit(_ node: NodeReference) throws(PagedFailure) -> Bool {
        try count()
        return visited.insert(node.place, in: &memory)
    }

    mutating func neighbors(
        of node: NodeReference, level: Int, into list: UnsafeMutablePointer<NodeReference>
    ) throws(PagedFailure) -> Int {
        try count()
        let links = links(of: node, level)
        for (slot, link) in links.enumerated() { list[slot] = link }
        return links.count
    }

    mutating func score(
        _ nodes: UnsafePointer<NodeReference>, count: Int,
        into scored: UnsafeMutablePointer<ScoredNode>
    ) throws(PagedFailure) -> Int {
        try self.count()
        var written = 0
        for slot in 0..<count where isThere(nodes[slot]) {
            let distance = metric.distance(query, vector(of: nodes[slot]), shape.dimensions)
            scored[written] = ScoredNode(
                distance: distance, node: nodes[slot], isLive: isLive(nodes[slot]))
            written += 1
        }
        return written
    }

    mutating func breathe() throws(PagedFailure) { try count() }

    var descentBeam: Int { FarNodes.beam(far: farCount, of: references.count) }

    // MARK: MutableNeighborGraph

    mutating func noteFar() throws(PagedFailure) {
        try count()
        farCount += 1
    }

    mutating func links(of node: NodeReference, level: Int, into list: LinkList)
        throws(PagedFailure) -> Int
    {
        try count()
        let links = self.list(of: node, level)
        for (slot, link) in links.enumerated() {
            list.nodes[slot] = link.node
            list.isBackbone[slot] = link.isBackbone
        }
        return links.count
    }

    mutating func vector(of node: NodeReference, scratch: UnsafeMutablePointer<Float>)
        throws(PagedFailure) -> UnsafePointer<Float>?
    {
        try count()
        guard isThere(node) else { return nil }
        scratch.update(from: vector(of: node), count: shape.dimensions)
        return UnsafePointer(scratch)
    }

    mutating func keptDistances(
        of node: NodeReference, level: Int, into distances: UnsafeMutablePointer<Float>
    ) throws(PagedFailure) -> Bool {
        try count()
        return false
    }

    mutating func addRow(to node: NodeReference) throws(PagedFailure) -> Bool {
        try count()
        guard isLive(node) else { return false }
        let rows = rows(of: node)
        guard rows.count < rowCapacity else { return false }
        put(node, Self.rowsOffset + 8 * rows.count, currentRow)
        put(node, Self.rowCountOffset, UInt16(rows.count + 1))
        return true
    }

    mutating func addNode(level: Int, links lists: LinkLists) throws(PagedFailure)
        -> NodeReference
    {
        try count()
        let node = takePlace()
        put(node, Self.versionOffset, node.version)
        put(node, Self.levelOffset, UInt8(level))
        put(node, Self.isUsedOffset, UInt8(1))
        put(node, Self.isDeadOffset, UInt8(0))
        put(node, Self.rowCountOffset, UInt16(1))
        put(node, Self.rowsOffset, currentRow)
        for level in 0...level { setLinks(of: node, level, lists.list(level).map(Link.init)) }
        for element in 0..<shape.dimensions {
            put(node, listOffset(shape.maximumLevel + 1) + 4 * element, query[element])
        }
        references.append(node)
        return node
    }

    private mutating func takePlace() -> NodeReference {
        if let former = freePlaces.popLast() { return former.withVersion(former.version + 1) }
        let number = references.count
        // Page 0 is left alone, so that no reference is 0.
        let block = number / recordsPerPage + 1
        while pages.count <= block {
            pages.append([UInt8](repeating: 0, count: recordsPerPage * recordBytes))
        }
        return NodeReference(
            block: UInt32(block), offset: UInt16(number % recordsPerPage), version: 1)
    }

    mutating func appendLink(
        from node: NodeReference, level: Int, count: Int, to target: ScoredNode
    ) throws(PagedFailure) -> Bool {
        try self.count()
        guard isThere(node), level <= self.level(of: node), !isTooLate(node, level) else {
            return false
        }
        var list = list(of: node, level)
        if let slot = list.firstIndex(where: { $0.node == target.node }) {
            list[slot].isBackbone = list[slot].isBackbone || target.isBackbone
            setLinks(of: node, level, list)
            return true
        }
        guard list.count == count, count < shape.capacity(level) else { return false }
        setLinks(of: node, level, list + [Link(target)])
        return true
    }

    mutating func replaceLink(
        from node: NodeReference, level: Int, slot: Int, former: NodeReference,
        to target: ScoredNode, takesOver: Bool
    ) throws(PagedFailure) -> Bool {
        try count()
        guard isThere(node), level <= self.level(of: node), !isTooLate(node, level) else {
            return false
        }
        var list = list(of: node, level)
        guard slot < list.count, list[slot].node == former,
            takesOver || !list[slot].isBackbone || isDoomed(former)
        else { return false }
        if list.contains(where: { $0.node == target.node }) { return true }
        list[slot] = Link(target)
        setLinks(of: node, level, list)
        return true
    }

    mutating func promote(_ node: NodeReference, level: Int) throws(PagedFailure) {
        try count()
        if level > entry?.level ?? -1 { entry = EntryPoint(node: node, level: level) }
    }

    // MARK: RepairableNeighborGraph

    func isDoomed(_ node: NodeReference) -> Bool { doomed.contains(node.place) }

    mutating func rewriteLinks(
        of node: NodeReference, level: Int, former: LinkList, formerCount: Int,
        links: UnsafeBufferPointer<ScoredNode>
    ) throws(PagedFailure) -> Bool {
        try count()
        guard isThere(node), level <= self.level(of: node), !isTooLate(node, level),
            list(of: node, level)
                == (0..<formerCount).map({
                    Link(former.nodes[$0], isBackbone: former.isBackbone[$0])
                })
        else { return false }
        setLinks(of: node, level, links.map(Link.init))
        return true
    }
}

extension PagedGraph: EnumerableGraph {
    mutating func pieces() throws(PagedFailure) -> Int {
        try count()
        return pages.count
    }

    var mostNodesInPiece: Int { recordsPerPage }

    mutating func nodes(of piece: Int, into list: UnsafeMutablePointer<NodeReference>)
        throws(PagedFailure) -> Int
    {
        try count()
        let nodes = present.filter { Int($0.block) == piece && isLive($0) }
        for (slot, node) in nodes.enumerated() { list[slot] = node }
        return nodes.count
    }

    mutating func setQuery(_ vector: UnsafePointer<Float>) { query = vector }

    mutating func makeBackbone(from node: NodeReference, to target: ScoredNode)
        throws(PagedFailure) -> Bool
    {
        try appendLink(from: node, level: 0, count: -1, to: target)
    }
}

extension PagedGraph: InspectableGraph {
    /// Nodes that are there, numbered in the order they were made; links that lead nowhere are left
    /// out, as every search does.
    func snapshot() -> GraphSnapshot {
        let present = present
        let numbers = Dictionary(
            uniqueKeysWithValues: present.enumerated().map { ($0.element.raw, $0.offset) })
        return GraphSnapshot(
            nodes: present.map { node in
                let level = level(of: node)
                return .init(
                    level: level,
                    links: (0...level).map { links(of: node, $0).compactMap { numbers[$0.raw] } },
                    rows: rows(of: node).sorted())
            }, entry: entry.flatMap { numbers[$0.node.raw] }, entryLevel: entry?.level)
    }
}
