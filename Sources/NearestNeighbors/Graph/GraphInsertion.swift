/// Insertion into a graph (Malkov and Yashunin 2016, algorithm 1), over any storage.
///
/// One instance serves many insertions; its memory stays.
public struct GraphInsertion {
    var shape: GraphShape
    var search: LayerSearch
    let selection: NeighborSelection
    /// Candidates of a layer, nearest first.
    let found: UnsafeMutablePointer<ScoredNode>
    /// How many candidates there were on the layer that was searched last.
    var foundCount = 0
    /// Whether `lookFarther` had to look for more than the nearest candidates.
    var isFar = false
    /// The links that were chosen last.
    let lists: LinkLists
    /// Copies of vectors, for graphs that do not hand out pointers into themselves.
    let vectorScratch: UnsafeMutablePointer<Float>
    /// What a beam on an upper layer has found.
    let upperFound: UnsafeMutablePointer<ScoredNode>
    private let coarseEnds: UnsafeMutablePointer<UnsafeRawPointer?>
    let measured: MeasuredLinks
    /// Room for the links of another node.
    let others: LinkList
    private let eviction: LinkEviction

    /// What became of the row.
    public enum Outcome {
        /// A node was made for it.
        case node(NodeReference)
        /// It joined a node with an equal vector.
        case joined(NodeReference)
    }

    /// Room for insertions into graphs of a shape.
    public init<Memory: MemorySource>(_ shape: GraphShape, in memory: inout Memory)
        throws(Memory.Failure)
    {
        self.shape = shape
        let ef = max(shape.efConstruction, 1)
        search = try LayerSearch(shape, ef: ef, in: &memory)
        // A full list with one more, or all candidates of a layer, whichever is more.
        let most = max(ef, shape.groundLinks &+ 1)
        selection = try NeighborSelection(capacity: most, in: &memory)
        found = try Self.room(most, in: &memory)
        let levels = shape.maximumLevel &+ 1
        lists = LinkLists(
            links: try Self.room(levels &* shape.groundLinks, in: &memory),
            counts: try Self.room(levels, in: &memory), stride: shape.groundLinks)
        vectorScratch = try Self.room(most &* shape.dimensions, in: &memory)
        upperFound = try Self.room(ef, in: &memory)
        coarseEnds = try Self.room(shape.groundLinks &+ 1, in: &memory)
        measured = try MeasuredLinks(capacity: shape.groundLinks &+ 1, in: &memory)
        others = try LinkList(capacity: shape.groundLinks &+ 1, in: &memory)
        eviction = try LinkEviction(capacity: most, in: &memory)
    }

    /// Bytes of the room that an instance needs for vectors, which is most of it.
    public static func vectorRoomBytes(_ shape: GraphShape) -> Int {
        (max(shape.efConstruction, shape.groundLinks &+ 1) &+ 2) &* shape.dimensions &* 4
    }

    /// Vectors that are on their way from memory at the same time.
    @inline(__always)
    private static var vectorsAnnounced: Int { 8 }

    private static func room<Element: BitwiseCopyable, Memory: MemorySource>(
        _ count: Int, in memory: inout Memory
    ) throws(Memory.Failure) -> UnsafeMutablePointer<Element> {
        try memory.allocate(bytes: max(count, 1) &* MemoryLayout<Element>.stride)
            .assumingMemoryBound(to: Element.self)
    }

    /// What was found for a vector.
    enum Choice {
        /// Links were chosen, those above the level of the graph's entry point being empty.
        case links(entryLevel: Int)
        /// Nothing to link to: the graph is empty.
        case none
        /// A node has the very same vector, and the row now.
        case joined(NodeReference)
    }

    /// Inserts the graph's current row, whose vector is both the query of the search and `vector`.
    ///
    /// O(efConstruction · links) distances per layer. The caller has made sure that nobody else makes
    /// the first node, or one of a level above the entry point's, at the same time.
    @inline(__always)
    public mutating func insert<Graph: MutableNeighborGraph>(
        _ vector: UnsafePointer<Float>, level: Int, into graph: inout Graph
    ) throws(Graph.Failure) -> Outcome {
        var entryLevel = -1
        switch try choose(vector, level: level, joins: true, in: &graph) {
        case .joined(let node): return .joined(node)
        case .links(let level): entryLevel = level
        case .none: break
        }
        if entryLevel >= 0 { try chooseParent(in: &graph) }
        let node = try graph.addNode(level: level, links: lists)
        try linkBack(node, vector, levels: min(level, entryLevel), in: &graph)
        if level > entryLevel { try graph.promote(node, level: level) }
        return .node(node)
    }

    /// Links a collected node of a graph in memory; see `MemoryGraph.collect`. Otherwise as `insert`.
    @inline(__always)
    public mutating func link<Memory: MemorySource>(
        _ index: Int, in graph: inout MemoryGraph<Memory>
    ) throws(Memory.Failure) {
        let vector = graph.vector(at: index)
        let level = graph.level(at: index)
        let node = graph.node(at: index)
        graph.query = vector
        var entryLevel = -1
        if case .links(let level) = try choose(vector, level: level, joins: false, in: &graph) {
            entryLevel = level
            try chooseParent(in: &graph)
        }
        graph.setLinks(of: index, lists)
        graph.linkedCount &+= 1
        try linkBack(node, vector, levels: min(level, entryLevel), in: &graph)
        if level > entryLevel { try graph.promote(node, level: level) }
    }

    /// The second half of an insertion: links back to a node from those that its links lead to.
    @inline(__always)
    private func linkBack<Graph: MutableNeighborGraph>(
        _ node: NodeReference, _ vector: UnsafePointer<Float>, levels: Int, in graph: inout Graph
    ) throws(Graph.Failure) {
        var layer = levels
        while layer >= 0 {
            for link in lists.list(layer) {
                var target = ScoredNode(distance: link.distance, node: node)
                target.isBackbone = link.isBackbone
                _ = try addLink(from: link.node, level: layer, to: target, vector, in: &graph)
            }
            layer &-= 1
        }
        if isFar { try graph.noteFar() }
    }

    /// The first half of an insertion: searches a vector's neighbours and chooses its links, which are
    /// then in `lists`. The graph stays as it is, but for a row that joins.
    @inline(__always)
    mutating func choose<Graph: MutableNeighborGraph>(
        _ vector: UnsafePointer<Float>, level: Int, joins: Bool, in graph: inout Graph
    ) throws(Graph.Failure) -> Choice {
        lists.counts.update(repeating: 0, count: shape.maximumLevel &+ 1)
        foundCount = 0
        isFar = false
        graph.beginInsertion()
        guard let entry = try graph.entryPoint(),
            var start = try descend(from: entry, to: level, with: &search, in: &graph)
        else { return .none }
        var layer = min(level, entry.level)
        while layer >= 0 {
            var count = try searchLayer(layer, from: start, in: &graph)
            if graph.isCoarse, try !refine(vector, count, in: &graph) {
                // From the top again: the walk down may have been misled as well.
                graph.isCoarse = false
                let exact = try descend(from: entry, to: layer, with: &search, in: &graph)
                count = try searchLayer(layer, from: exact ?? found[0], in: &graph)
                graph.isCoarse = true
            }
            if count > 0 { start = found[0] }
            if joins, layer == 0, let node = try joinEqual(vector, count, in: &graph) {
                return .joined(node)
            }
            try chooseLinks(count, layer, in: &graph)
            if layer < entry.level,
                let farther = try lookFarther(vector, count, layer, entry, in: &graph)
            {
                count = farther
                try chooseLinks(count, layer, in: &graph)
            }
            foundCount = count
            layer &-= 1
        }
        return .links(entryLevel: entry.level)
    }

    /// Searches the ground layer for the graph's query.
    ///
    /// - Returns: how many nodes there are in `found` then.
    @inline(__always)
    mutating func search<Graph: MutableNeighborGraph>(in graph: inout Graph)
        throws(Graph.Failure) -> Int
    {
        guard let entry = try graph.entryPoint(),
            let start = try descend(from: entry, to: 0, with: &search, in: &graph)
        else { return 0 }
        return try searchLayer(0, from: start, in: &graph)
    }

    /// Finds the candidates of a layer, and how many they are.
    @inline(__always)
    mutating func searchLayer<Graph: MutableNeighborGraph>(
        _ layer: Int, from start: ScoredNode, in graph: inout Graph
    ) throws(Graph.Failure) -> Int {
        search.clear()
        try graph.beginVisits()
        _ = try graph.visit(start.node)
        try search.start(
            start, level: layer, ef: shape.efConstruction, keepsRest: false, in: &graph)
        try search.run(level: layer, ef: shape.efConstruction, keepsRest: false, in: &graph)
        if graph.estimates(layer), search.isBlurred(ef: shape.efConstruction) {
            graph.stopEstimating()
            search.keepNearest()
            let best = search.nearest.top
            search.clear()
            try graph.beginVisits()
            _ = try graph.visit(best.node)
            try search.start(
                best, level: layer, ef: shape.efConstruction, keepsRest: false, in: &graph)
            try search.run(
                level: layer, ef: shape.efConstruction, keepsRest: false, in: &graph)
        }
        return search.takeSorted(into: found)
    }

    /// Replaces the candidates' distances, computed from rounded vectors, by the true ones, and their order.
    ///
    /// - Returns: false if rounding made so much of the difference between them that there may well be nearer ones.
    @inline(__always)
    private func refine<Graph: MutableNeighborGraph>(
        _ vector: UnsafePointer<Float>, _ count: Int, in graph: inout Graph
    ) throws(Graph.Failure) -> Bool {
        guard count > 0 else { return true }
        try loadVectors(count, in: &graph)
        var sum = 0.0
        var squares = 0.0
        var errors = 0.0
        for index in 0..<count {
            if index &+ vectorsAhead < count, let later = selection.vectors[index &+ vectorsAhead] {
                prefetchVector(later, shape.dimensions)
            }
            guard let other = selection.vectors[index] else { continue }
            var node = found[index]
            let estimate = node.distance
            node.distance = graph.metric.distance(vector, other, shape.dimensions)
            let value = Double(node.distance)
            let error = value - Double(estimate)
            sum += value
            squares += value * value
            errors += error * error
            // Hardly anything moves far.
            var place = index
            while place > 0, found[place &- 1].distance > node.distance {
                found[place] = found[place &- 1]
                place &-= 1
            }
            found[place] = node
        }
        // With as few as these the graph is small, or nothing else can be reached.
        guard count >= shape.efConstruction else { return true }
        // By inner product the right ones are not all near each other, so a search that rounding has misled does not come
        // back by itself.
        let margin: Double = graph.metric.kind == .innerProduct ? 256 : 16
        return errors * margin <= squares - sum * sum / Double(count)
    }

    /// Adds the row to a node that has the very same vector, if there is one among the candidates.
    @inline(__always)
    private func joinEqual<Graph: MutableNeighborGraph>(
        _ vector: UnsafePointer<Float>, _ count: Int, in graph: inout Graph
    ) throws(Graph.Failure) -> NodeReference? {
        // The same kernel gives the same bits for the same vectors, so unequal distances tell apart
        // without a look at the vector.
        let same = graph.metric.distance(vector, vector, shape.dimensions)
        for index in 0..<count where found[index].distance == same {
            let node = found[index].node
            guard let other = try graph.vector(of: node, scratch: vectorScratch) else { continue }
            if areEqual(vector, other), try graph.addRow(to: node) { return node }
        }
        // With its version, so that another node that takes its place is not taken for it.
        if var twin = graph.twin, try graph.score(&twin, count: 1, into: upperFound) == 1,
            upperFound[0].isLive,
            let other = try graph.vector(of: upperFound[0].node, scratch: vectorScratch),
            areEqual(vector, other), try graph.addRow(to: upperFound[0].node)
        {
            return upperFound[0].node
        }
        return nil
    }

    private func areEqual(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>) -> Bool {
        for index in 0..<shape.dimensions where a[index] != b[index] { return false }
        return true
    }

    @inline(__always)
    private func chooseLinks<Graph: MutableNeighborGraph>(
        _ count: Int, _ layer: Int, in graph: inout Graph
    ) throws(Graph.Failure) {
        try loadVectors(count, in: &graph)
        lists.counts[layer] = selection.choose(
            found, count: count, limit: shape.capacity(layer), fill: shape.fill(layer),
            metric: graph.metric, dimensions: shape.dimensions,
            into: lists.links + layer &* lists.stride)
    }

    @inline(__always)
    private func loadVectors<Graph: MutableNeighborGraph>(
        _ count: Int, in graph: inout Graph
    ) throws(Graph.Failure) {
        for index in 0..<min(count, Self.vectorsAnnounced) {
            graph.announceVector(of: found[index].node)
        }
        for index in 0..<count {
            if index &+ Self.vectorsAnnounced < count {
                graph.announceVector(of: found[index &+ Self.vectorsAnnounced].node)
            }
            selection.vectors[index] = try graph.vector(
                of: found[index].node, scratch: vectorScratch + index &* shape.dimensions)
        }
    }

    /// Adds a link to a node that is there already, in a free place or in that of the link that can
    /// best be spared. When others change the list meanwhile it is looked at anew.
    ///
    /// A link of the backbone is added in any case but where all links of the list are such.
    ///
    /// - Returns: whether the link is there.
    @inline(__always)
    func addLink<Graph: MutableNeighborGraph>(
        from node: NodeReference, level: Int, to target: ScoredNode,
        _ targetVector: UnsafePointer<Float>, in graph: inout Graph
    ) throws(Graph.Failure) -> Bool {
        // Bounded, so that two backends cannot keep each other busy: a missing link is no error.
        for _ in 0..<16 {
            let isMeasured = graph.measuresLinks(level)
            let count =
                isMeasured
                ? try graph.measureLinks(of: node, level: level, into: measured)
                : try graph.links(of: node, level: level, into: measured.list)
            if count < shape.capacity(level) {
                if try graph.appendLink(from: node, level: level, count: count, to: target) {
                    return true
                }
                continue
            }
            let slot =
                isMeasured
                ? chooseMeasuredSlot(level, count, target, graph.metric.kind)
                : try chooseSlot(of: node, level, count, target, targetVector, in: &graph)
            if slot == count {
                return target.isBackbone ? try takeOver(node, count, target, in: &graph) : false
            }
            if try graph.replaceLink(
                from: node, level: level, slot: slot, former: measured.nodes[slot], to: target,
                takesOver: false)
            {
                return true
            }
        }
        return false
    }

    /// The place of a full list that a further link is worth; the list's length if it is worth none. All
    /// distances are known.
    @inline(__always)
    private func chooseMeasuredSlot(
        _ level: Int, _ count: Int, _ target: ScoredNode, _ kind: Metric.Kind
    ) -> Int {
        let ends = MeasuredEnds(links: measured, kind: kind)
        eviction.distances.copy(from: measured.distances, count: count)
        eviction.distances[count] = target.distance
        eviction.measure(ends, count: count, into: eviction.covers)
        return eviction.choose(
            ends, count: count, isBackbone: measured.list.isBackbone, isWanted: target.isBackbone,
            covers: eviction.covers)
    }

    /// The same, by the vectors.
    @inline(__always)
    private func chooseSlot<Graph: MutableNeighborGraph>(
        of node: NodeReference, _ level: Int, _ count: Int, _ target: ScoredNode,
        _ targetVector: UnsafePointer<Float>, in graph: inout Graph
    ) throws(Graph.Failure) -> Int {
        if graph.isCoarse, let coarse = graph.coarseVectors,
            let slot = try chooseCoarseSlot(coarse, of: node, level, count, target, in: &graph)
        {
            return slot
        }
        for index in 0..<min(count, Self.vectorsAnnounced) {
            graph.announceVector(of: measured.nodes[index])
        }
        for index in 0..<count {
            if index &+ Self.vectorsAnnounced < count {
                graph.announceVector(of: measured.nodes[index &+ Self.vectorsAnnounced])
            }
            selection.vectors[index] = try graph.vector(
                of: measured.nodes[index], scratch: vectorScratch + index &* shape.dimensions)
            // A link that leads nowhere is the one to go.
            if selection.vectors[index] == nil { return index }
        }
        selection.vectors[count] = targetVector
        let ends = VectorEnds(
            vectors: selection.vectors, metric: graph.metric, dimensions: shape.dimensions)
        if try !graph.keptDistances(of: node, level: level, into: eviction.distances) {
            let own = vectorScratch + count &* shape.dimensions
            // A node that is gone needs no link.
            guard let center = try graph.vector(of: node, scratch: own) else { return count }
            for index in 0..<count {
                guard let end = selection.vectors[index] else { continue }
                eviction.distances[index] = graph.metric.distance(center, end, shape.dimensions)
            }
        }
        eviction.distances[count] = target.distance
        let kept = graph.linkCovers(of: node, level: level, coarse: false)
        let covers = kept ?? eviction.covers
        if kept == nil || !covers.areKnown {
            eviction.measure(ends, count: count, into: covers)
        }
        return eviction.choose(
            ends, count: count, isBackbone: measured.list.isBackbone, isWanted: target.isBackbone,
            covers: covers)
    }

    /// The same, by the rounded vectors; nil if these lie too close together for that.
    @inline(__always)
    private func chooseCoarseSlot<Graph: MutableNeighborGraph>(
        _ coarse: CoarseVectors, of node: NodeReference, _ level: Int, _ count: Int,
        _ target: ScoredNode, in graph: inout Graph
    ) throws(Graph.Failure) -> Int? {
        guard let own = graph.coarseVector(of: target.node),
            try graph.keptDistances(of: node, level: level, into: eviction.distances)
        else { return nil }
        eviction.distances[count] = target.distance
        var least = target.distance
        for index in 0..<count { least = min(least, eviction.distances[index]) }
        guard coarse.resolves(least, own, own),
            let covers = graph.linkCovers(of: node, level: level, coarse: true)
        else { return nil }
        for index in 0..<count {
            coarseEnds[index] = graph.coarseVector(of: measured.nodes[index])
        }
        coarseEnds[count] = own
        let ends = CoarseEnds(
            vectors: UnsafePointer(coarseEnds), coarse: coarse, kind: graph.metric.kind)
        if !covers.areKnown { eviction.measure(ends, count: count, into: covers) }
        return eviction.choose(
            ends, count: count, isBackbone: measured.list.isBackbone, isWanted: target.isBackbone,
            covers: covers)
    }
}
