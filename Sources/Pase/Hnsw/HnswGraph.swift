import CPostgres
import NearestNeighbors
import PostgresServer

/// The graph of a pase_hnsw index on its pages: the storage that searches and insertions run on.
struct HnswGraph: NeighborGraph {
    typealias Failure = ServerError

    let index: ServerRelation
    let shape: GraphShape
    let layout: HnswLayout
    let metric: Metric
    let mode: WriteMode
    /// Where everything that a statement needs is allocated.
    let memory: ServerMemory
    /// The vector that distances are computed from, and that a new node gets.
    var query: UnsafePointer<Float> {
        didSet {
            codes?.forget()
            isExact = false
        }
    }
    /// The codes beside the ground links; nil in an index without.
    var codes: HnswCodes?
    /// Room for a vector.
    let vectorCopy: UnsafeMutablePointer<Float>
    let patch: PagePatch
    /// The row that a new node gets.
    var currentRow: UInt64 = 0
    /// Nodes whose vectors were read.
    private(set) var nodesRead = 0
    /// What a search may take before it is spent: nodes whose vectors are read, nodes that are seen, and time; see
    /// `HnswScanCost`.
    var readLimit = Int.max
    var visitLimit = Int.max
    var timeLimit = Int.max
    private var time = 0
    let cost: HnswScanCost
    /// Nodes seen by the current search, by place.
    private(set) var visited: VisitedSet
    /// The nodes that a vacuum is about to remove, by place.
    private var doomed: VisitedSet?
    private(set) var blockCount: UInt32
    /// The first block that may hold nodes.
    let firstNodeBlock: UInt32
    let descentBeam: Int
    /// Whether distances are computed for the present query even where there are codes to estimate them.
    private(set) var isExact = false
    /// See `MutableNeighborGraph`; looked for while `ownDistance` is set.
    private(set) var twin: NodeReference?
    /// While a vector is inserted that may not be its own nearest: the distance that a node with the same vector has.
    private var ownDistance: Float?
    /// Where the index's pages are in memory. Whoever keeps a graph from one call of the server's to
    /// the next asks for them anew.
    var hints: PageHints

    init(
        _ index: ServerRelation, _ meta: HnswMeta, query: UnsafePointer<Float>, mode: WriteMode,
        in memory: ServerMemory
    ) throws(ServerError) {
        self.index = index
        shape = meta.shape
        layout = meta.layout
        metric = Metric(meta.metric, kernels)
        self.mode = mode
        self.memory = memory
        self.query = query
        var source = memory
        visited = try VisitedSet(capacity: meta.bits == nil ? 2048 : 1024, in: &source)
        vectorCopy = try memory.allocate(shape.dimensions, of: Float.self)
        patch = try PagePatch(
            index, mode, changes: HnswLayout.linkChanges, bytes: layout.linkBytes, in: memory)
        blockCount = try index.blockCount()
        hints = PageHints(index)
        firstNodeBlock = meta.firstNodeBlock
        cost = HnswScanCost(meta.dimensions)
        let nodesPerPage = max(IndexPage.size / max(meta.layout.nodeBytes, 1), 1)
        descentBeam = FarNodes.beam(
            far: Int(meta.farNodes), of: Int(blockCount) * nodesPerPage)
        if let bits = meta.bits, meta.dimensions > 0 {
            codes = try HnswCodes(index, meta, bits: bits, metric, memory)
        }
    }

    // MARK: Items

    /// Opens the page that a reference from the index leads to.
    ///
    /// For reading, the header is enough to tell a page of ours: the special space would be one more place
    /// of memory to wait for, and items say what they are as well.
    @inline(__always)
    func open(_ reference: NodeReference, _ lock: PageLock) throws(ServerError) -> LockedPage {
        let locked = try LockedPage.open(index, reference.block, lock, hints: hints)
        if lock == .shared {
            try checkForReading(locked.page, reference.block)
        } else if !locked.page.isOurs(HnswLayout.nodesKind) {
            throw damaged(reference.block, "The page is not a page of nodes")
        }
        return locked
    }

    @inline(__always)
    private func checkForReading(_ page: IndexPage, _ block: UInt32) throws(ServerError) {
        guard page.hasSpecial(bytes: MetapageItem.specialBytes) || page.isNew else {
            throw damaged(block, "The page is not a page of nodes")
        }
    }

    /// The item at a reference, if it is of the kind and, where the reference has one, the version;
    /// nil if the place is empty or holds something else by now.
    @inline(__always)
    func item(
        _ reference: NodeReference, _ kind: UInt8, size: Int, in page: IndexPage
    ) throws(ServerError) -> UnsafeMutableRawPointer? {
        guard let item = try page.item(Int(reference.offset)), let start = item.baseAddress,
            item.count >= 8
        else { return nil }
        guard start.u8(0) == kind else { return nil }
        guard reference.version == 0 || reference.version == start.u16(2) else { return nil }
        guard item.count == size else { throw damagedItem(reference, item.count) }
        return start
    }

    @inline(never)
    private func damagedItem(_ reference: NodeReference, _ bytes: Int) -> ServerError {
        damaged(reference.block, "Item \(reference.offset) has \(bytes) bytes")
    }

    @inline(never)
    private func damagedNode(_ reference: NodeReference) -> ServerError {
        damaged(reference.block, "Node \(reference.offset) is not plausible")
    }

    /// The node at a reference.
    @inline(__always)
    func node(_ reference: NodeReference, in page: IndexPage) throws(ServerError)
        -> UnsafeMutableRawPointer?
    {
        guard
            let start = try item(
                reference, HnswLayout.nodeItem, size: layout.nodeBytes, in: page)
        else { return nil }
        guard Int(start.u16(4)) <= shape.groundLinks, start.u8(6) <= HnswLayout.inlineRows,
            Int(start.u8(1)) <= shape.maximumLevel
        else { throw damagedNode(reference) }
        return start
    }

    /// The upper links item at a reference, if it belongs to the node `owner`.
    func upperLinks(_ reference: NodeReference, of owner: NodeReference, in page: IndexPage)
        throws(ServerError) -> UnsafeMutableRawPointer?
    {
        guard let item = try page.item(Int(reference.offset)), let start = item.baseAddress,
            item.count >= HnswLayout.upperHeaderBytes, start.u8(0) == HnswLayout.upperItem,
            reference.version == start.u16(2), start.u64(8) >> 16 == owner.place
        else { return nil }
        guard item.count == layout.upperBytes(level: Int(start.u8(1))) else {
            throw damaged(reference.block, "Item \(reference.offset) has \(item.count) bytes")
        }
        return start
    }

    /// True of a node that still has a row.
    @inline(__always)
    static func isLive(_ node: UnsafeMutableRawPointer) -> Bool {
        node.u8(6) != 0 || node.u64(8) != 0
    }

    @inline(never)
    func damaged(_ block: UInt32, _ what: String) -> ServerError {
        ServerError(
            .indexCorrupted, "index \"\(index.name)\" is damaged at block \(block)",
            detail: "\(what).", hint: "Please REINDEX it.")
    }

    /// Refuses a link that leads out of the index.
    @inline(__always)
    mutating func checkBlock(_ reference: NodeReference, linkedFrom block: UInt32)
        throws(ServerError)
    {
        if reference.block >= blockCount || reference.block < firstNodeBlock {
            try checkBlockAgain(reference, block)
        }
    }

    @inline(never)
    private mutating func checkBlockAgain(_ reference: NodeReference, _ block: UInt32)
        throws(ServerError)
    {
        // Somebody may have extended the index since.
        blockCount = try index.blockCount()
        if reference.block >= blockCount || reference.block < firstNodeBlock {
            throw damaged(
                block,
                "A link leads to block \(reference.block), but the index has \(blockCount) blocks")
        }
    }

    // MARK: Doomed nodes

    /// Adds a node to those that go.
    mutating func doom(_ node: NodeReference) throws(ServerError) {
        var source = memory
        if doomed == nil { doomed = try VisitedSet(capacity: 256, in: &source) }
        _ = try doomed?.insert(node.place, in: &source)
    }

    /// Forgets which nodes go, when they are gone.
    mutating func forgetDoomed() { doomed = nil }

    func isDoomed(_ node: NodeReference) -> Bool { doomed?.contains(node.place) ?? false }

    // MARK: MemorySource

    @inline(__always)
    mutating func allocate(bytes count: Int) throws(ServerError) -> UnsafeMutableRawPointer {
        try memory.allocate(bytes: count)
    }

    @inline(__always)
    mutating func release(_ pointer: UnsafeMutableRawPointer) throws(ServerError) {
        var source = memory
        try source.release(pointer)
    }

    // MARK: NeighborGraph

    mutating func entryPoint() throws(ServerError) -> EntryPoint? {
        let entry = try HnswMeta.read(index).entry
        if let entry { try checkBlock(entry.node, linkedFrom: HnswLayout.metaBlock) }
        return entry
    }

    mutating func beginVisits() throws(ServerError) {
        visited.removeAll()
    }

    @inline(__always)
    mutating func visit(_ node: NodeReference) throws(ServerError) -> Bool {
        var source = memory
        return try visited.insert(node.place, in: &source)
    }

    mutating func neighbors(
        of reference: NodeReference, level: Int, into list: UnsafeMutablePointer<NodeReference>
    ) throws(ServerError) -> Int {
        guard let links = try openLinks(of: reference, level: level) else { return 0 }
        links.copyPlaces(layout, into: list)
        try links.locked.close()
        time &+= cost.links
        let count = links.count
        for slot in 0..<count { try checkBlock(list[slot], linkedFrom: reference.block) }
        return count
    }

    @inline(__always)
    mutating func score(
        _ nodes: UnsafePointer<NodeReference>, count: Int,
        into scored: UnsafeMutablePointer<ScoredNode>
    ) throws(ServerError) -> Int {
        if layout.vector.isInParts {
            let written = try scoreParts(nodes, count: count, into: scored)
            noteScored(written)
            return written
        }
        let bytes = vectorEnd
        for slot in 0..<min(count, HnswGraph.prefetchDistance) {
            prefetch(nodes[slot], bytes: bytes)
        }
        var twin: NodeReference?
        let written = try withUnsafePointer(to: self) { (graph) throws(ServerError) in
            var scoring = Scoring(
                graph: graph, nodes: nodes, count: count, scored: scored, bytes: bytes)
            try withUnsafeMutablePointer(to: &scoring) { (scoring) throws(ServerError) in
                try hints.visit(
                    UnsafeRawPointer(nodes).assumingMemoryBound(to: UInt64.self), count: count,
                    of: index, scorePage, UnsafeMutableRawPointer(scoring))
            }
            if let failure = scoring.failure { throw failure }
            twin = scoring.twin
            return scoring.written
        }
        if let twin { self.twin = twin }
        noteScored(written)
        return written
    }

    @inline(__always)
    private mutating func noteScored(_ nodes: Int) {
        nodesRead &+= nodes
        time &+= nodes &* cost.scoring
    }

    @inline(__always)
    var isSpent: Bool {
        time > timeLimit || visited.count > visitLimit || nodesRead > readLimit
    }

    /// How many nodes the search has seen.
    var nodesSeen: Int { visited.count }

    mutating func beginInsertion() {
        twin = nil
        guard metric.kind == .innerProduct else { return }
        ownDistance = metric.distance(query, query, shape.dimensions)
    }

    /// Looks for the code of the query's own vector among those of a node's neighbours.
    private mutating func lookForTwin(_ array: CodeArray, _ count: Int) -> Int? {
        guard let own = codes?.own(query) else { return nil }
        for slot in 0..<count {
            let factors = array.factors(slot)
            if factors.squaredNorm == own.factors.squaredNorm, factors.scale == own.factors.scale {
                return slot
            }
        }
        return nil
    }

    /// `score` under way.
    fileprivate struct Scoring {
        let graph: UnsafePointer<HnswGraph>
        let nodes: UnsafePointer<NodeReference>
        let count: Int
        let scored: UnsafeMutablePointer<ScoredNode>
        let bytes: Int
        var written = 0
        var failure: ServerError?
        /// See `MutableNeighborGraph`.
        var twin: NodeReference?

        /// Scores the node on the page of the n-th block.
        @inline(__always)
        mutating func score(_ n: Int, _ page: IndexPage) throws(ServerError) {
            let next = n &+ HnswGraph.prefetchDistance
            if next < count { graph.pointee.prefetch(nodes[next], bytes: bytes) }
            let reference = nodes[n]
            try graph.pointee.checkForReading(page, reference.block)
            guard let start = try graph.pointee.node(reference, in: page) else { return }
            scored[written] = ScoredNode(
                distance: graph.pointee.layout.vector.distance(
                    graph.pointee.query, to: start, graph.pointee.metric),
                node: reference.withVersion(start.u16(2)), isLive: HnswGraph.isLive(start))
            if let own = graph.pointee.ownDistance,
                abs(scored[written].distance - own) <= abs(own) * 0x1p-16, scored[written].isLive
            {
                twin = scored[written].node
            }
            written &+= 1
        }
    }

    @inline(__always)
    func estimates(_ level: Int) -> Bool { codes != nil && !isExact }

    mutating func stopEstimating() { isExact = true }

    mutating func expand(
        _ reference: NodeReference, level: Int, neighbors: UnsafeMutablePointer<NodeReference>,
        into scored: UnsafeMutablePointer<ScoredNode>
    ) throws(ServerError) -> (node: ScoredNode?, count: Int) {
        if codes?.isPrepared == false { codes?.prepare(query) }
        guard let codes else { return (nil, 0) }
        var own: ScoredNode?
        let links = try openLinks(of: reference, level: level) { [layout, query, metric] start in
            own = ScoredNode(
                distance: layout.vector.distance(query, to: start, metric),
                node: reference.withVersion(start.u16(2)), isLive: HnswGraph.isLive(start))
        }
        guard let links else { return (own, 0) }
        let count = links.count
        var twinSlot: Int?
        if let array = layout.codes(level, in: links.item) {
            array.estimate(codes.query, count: count, into: codes.estimates)
            if ownDistance != nil { twinSlot = lookForTwin(array, count) }
        }
        links.copyPlaces(layout, into: neighbors)
        try links.locked.close()
        nodesRead &+= 1
        time &+= cost.expansion
        if let twinSlot { twin = neighbors[twinSlot] }
        var new = 0
        for slot in 0..<count {
            try checkBlock(neighbors[slot], linkedFrom: reference.block)
            if try visit(neighbors[slot]) {
                scored[new] = ScoredNode(
                    distance: codes.estimates[slot], node: neighbors[slot])
                new &+= 1
            }
        }
        return (own, new)
    }

    /// The item with a node's links on a level, its page locked for reading.
    struct OpenLinks {
        let locked: LockedPage
        let item: UnsafeMutableRawPointer
        let level: Int
        let count: Int

        @inline(__always)
        func copyPlaces(_ layout: HnswLayout, into list: UnsafeMutablePointer<NodeReference>) {
            let places = item + layout.placesOffset(level)
            for slot in 0..<count { list[slot] = places.place(slot * HnswLayout.placeBytes) }
        }

        func copyLinks(_ layout: HnswLayout, into list: LinkList) {
            let places = item + layout.placesOffset(level)
            for slot in 0..<count {
                list.nodes[slot] = places.place(slot * HnswLayout.placeBytes)
                list.isBackbone[slot] = places.isBackbone(slot * HnswLayout.placeBytes)
            }
        }
    }

    /// Opens the item with a node's links on a level; nil, and no page is locked, where there is none.
    ///
    /// - Parameter look: gets the node itself, if it is there, while its page is locked.
    @inline(__always)
    mutating func openLinks(
        of reference: NodeReference, level: Int,
        _ look: (UnsafeMutableRawPointer) -> Void = { _ in }
    ) throws(ServerError) -> OpenLinks? {
        var locked = try open(reference, .shared)
        guard let start = try node(reference, in: locked.page) else {
            try locked.close()
            return nil
        }
        look(start)
        if level == 0 {
            return OpenLinks(locked: locked, item: start, level: 0, count: Int(start.u16(4)))
        }
        guard
            let upper = try openUpperLinks(
                NodeReference(raw: start.u64(16)), of: reference, level: level, &locked)
        else { return nil }
        return OpenLinks(
            locked: locked, item: upper, level: level,
            count: Int(upper.u16(layout.upperOffset(level))))
    }

    /// Exchanges the locked page of a node for that of its upper links; nil, and no page is locked any
    /// more, where it has none on the level.
    mutating func openUpperLinks(
        _ upper: NodeReference, of owner: NodeReference, level: Int, _ locked: inout LockedPage
    ) throws(ServerError) -> UnsafeMutableRawPointer? {
        try locked.close()
        guard upper != .none else { return nil }
        try checkBlock(upper, linkedFrom: owner.block)
        locked = try open(upper, .shared)
        guard let start = try upperLinks(upper, of: owner, in: locked.page),
            level <= Int(start.u8(1))
        else {
            try locked.close()
            return nil
        }
        guard Int(start.u16(layout.upperOffset(level))) <= shape.links else {
            throw damaged(upper.block, "Item \(upper.offset) has too many links")
        }
        return start
    }

    @inline(__always)
    func announce(_ node: NodeReference) {
        prefetch(node, bytes: layout.nodeBytes)
    }

    /// How many nodes ahead of the one being scored are fetched from memory.
    private static var prefetchDistance: Int { 8 }

    /// Bytes of a node up to its vector's end, or as many of them as it makes sense to fetch ahead.
    @inline(__always)
    var vectorEnd: Int { min(HnswLayout.nodeHeaderBytes &+ layout.vector.nodeBytes, 1024) }

    /// Where a build puts a node: items fill a page from its end. Elsewhere the guess is wrong, which
    /// does no harm.
    @inline(__always)
    func prefetch(_ reference: NodeReference, bytes: Int) {
        let end = IndexPage.size &- MetapageItem.specialBytes
        let offset = end &- Int(reference.offset) &* ((layout.nodeBytes &+ 7) & ~7)
        if offset > 0 {
            hints.prefetch(reference.block, offset: offset, bytes: bytes)
        }
    }

    @inline(__always)
    mutating func breathe() throws(ServerError) {
        try checkInterrupts()
    }
}

/// `Scoring.score` for the server, which has locked the page. An error waits until the page is closed again.
private func scorePage(
    _ state: UnsafeMutableRawPointer?, _ n: Int32, _ page: UnsafeMutablePointer<CChar>?
) -> Bool {
    guard let state, let page else { return false }
    let scoring = state.assumingMemoryBound(to: HnswGraph.Scoring.self)
    do throws(ServerError) {
        try scoring.pointee.score(Int(n), IndexPage(page))
        return true
    } catch {
        scoring.pointee.failure = error
        return false
    }
}

extension ServerMemory: MemorySource {
    /// See `MemorySource`.
    @inline(__always)
    public mutating func allocate(bytes count: Int) throws(ServerError) -> UnsafeMutableRawPointer {
        try allocate(bytes: count, zeroed: false)
    }

    /// See `MemorySource`.
    @inline(__always)
    public mutating func release(_ memory: UnsafeMutableRawPointer) throws(ServerError) {
        free(memory)
    }
}
