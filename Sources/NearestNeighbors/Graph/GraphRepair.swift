/// What repairing a graph needs beyond changing it.
public protocol RepairableNeighborGraph: MutableNeighborGraph {
    /// Whether a node is about to be removed, so that no link may lead to it any more.
    func isDoomed(_ node: NodeReference) -> Bool

    /// Replaces the whole list of a node's links on a level.
    ///
    /// - Parameters:
    ///   - former: the list that the decision was based on, `formerCount` links.
    ///   - links: the new list.
    /// - Returns: false if the list is another by now.
    mutating func rewriteLinks(
        of node: NodeReference, level: Int, former: LinkList, formerCount: Int,
        links: UnsafeBufferPointer<ScoredNode>
    ) throws(Failure) -> Bool
}

/// Leads the links of a graph around nodes that are about to be removed.
///
/// A node that loses a neighbour is offered that neighbour's own neighbours in its place, which is
/// where the way through it led (as in FreshDiskANN, Singh et al. 2021, algorithm 4), and chooses its
/// links anew among those and the ones it keeps.
///
/// Where most of its neighbours go, so do most links that led to it, and its new neighbours are linked to it
/// like those of a new node. Where hardly any stays, the ways to whatever lay behind them are gone as well, and
/// it is searched for like a new node, too. The same for a node without any neighbour: when it came, all
/// nodes were dead.
public struct GraphRepair {
    private let shape: GraphShape
    private var search: LayerSearch
    private let insertion: GraphInsertion
    private let selection: NeighborSelection
    private let scored: UnsafeMutablePointer<ScoredNode>
    private let vectorScratch: UnsafeMutablePointer<Float>
    private let own: UnsafeMutablePointer<Float>
    private let list: LinkList
    private let secondLinks: UnsafeMutablePointer<NodeReference>
    private let chosen: UnsafeMutablePointer<ScoredNode>
    private let capacity: Int

    /// Room for repairing graphs of a shape.
    public init<Memory: MemorySource>(_ shape: GraphShape, in memory: inout Memory)
        throws(Memory.Failure)
    {
        self.shape = shape
        // What a search finds; the neighbours kept and those of a few that go.
        capacity = shape.groundLinks &* 4 &+ shape.efConstruction
        search = try LayerSearch(shape, ef: max(shape.efConstruction, 1), in: &memory)
        insertion = try GraphInsertion(shape, in: &memory)
        selection = try NeighborSelection(capacity: capacity, in: &memory)
        scored = try memory.allocate(bytes: capacity &* MemoryLayout<ScoredNode>.stride)
            .assumingMemoryBound(to: ScoredNode.self)
        vectorScratch = try memory.allocate(bytes: capacity &* shape.dimensions &* 4)
            .assumingMemoryBound(to: Float.self)
        own = try memory.allocate(bytes: shape.dimensions &* 4)
            .assumingMemoryBound(to: Float.self)
        let most = max(shape.groundLinks, shape.links)
        list = try LinkList(capacity: most, in: &memory)
        secondLinks = try memory.allocate(bytes: most &* MemoryLayout<NodeReference>.stride)
            .assumingMemoryBound(to: NodeReference.self)
        chosen = try memory.allocate(bytes: most &* MemoryLayout<ScoredNode>.stride)
            .assumingMemoryBound(to: ScoredNode.self)
    }

    /// Repairs the links of a node that stays, on one level, if any of them leads to a doomed node or there
    /// are none.
    ///
    /// O(links²) distances, and where hardly a neighbour stays those of a search. `setQuery` makes the given
    /// vector, which stays valid, the graph's query.
    ///
    /// - Returns: whether the node's links were changed.
    @inline(__always)
    public mutating func repair<Graph: RepairableNeighborGraph>(
        _ node: NodeReference, level: Int, in graph: inout Graph,
        setQuery: (inout Graph, UnsafePointer<Float>) -> Void
    ) throws(Graph.Failure) -> Bool {
        // Bounded, since insertions may change the list at the same time; they add no link to a doomed
        // node, so a later look finds what is left to do.
        for _ in 0..<100 {
            let count = try graph.links(of: node, level: level, into: list)
            let links = list.nodes
            var doomed = 0
            for slot in 0..<count where graph.isDoomed(links[slot]) { doomed &+= 1 }
            guard doomed > 0 || count == 0 else { return false }
            let isCutOff = doomed &* 4 > count &* 3 || count == 0
            guard let vector = try graph.vector(of: node, scratch: own) else { return false }
            setQuery(&graph, vector)
            var found = isCutOff ? try searchAnew(node, level, in: &graph) : 0
            found = try gather(node, level, count, after: found, in: &graph)
            if found == 0, !isCutOff { found = try searchAnew(node, level, in: &graph) }
            if found == 0, count == 0 { return false }
            ScoredNode.sort(scored, found)
            markBackbone(count, found, in: graph)
            for index in 0..<found {
                selection.vectors[index] = try graph.vector(
                    of: scored[index].node, scratch: vectorScratch + index &* shape.dimensions)
            }
            let kept = selection.choose(
                scored, count: found, limit: shape.capacity(level), metric: graph.metric,
                dimensions: shape.dimensions, into: chosen)
            // A node without any link is a part of the backbone by itself.
            if level == 0, count == 0, kept > 0 { chosen[0].isBackbone = true }
            if try graph.rewriteLinks(
                of: node, level: level, former: list, formerCount: count,
                links: UnsafeBufferPointer(start: chosen, count: kept))
            {
                if isCutOff || doomed &* 2 > count {
                    for index in 0..<kept {
                        try linkBack(chosen[index], level, to: node, vector, in: &graph)
                    }
                }
                return true
            }
        }
        return false
    }

    /// Links a neighbour to a node, which the query's vector is that of.
    private func linkBack<Graph: RepairableNeighborGraph>(
        _ neighbor: ScoredNode, _ level: Int, to node: NodeReference,
        _ vector: UnsafePointer<Float>, in graph: inout Graph
    ) throws(Graph.Failure) {
        var target = ScoredNode(distance: neighbor.distance, node: node)
        target.isBackbone = neighbor.isBackbone
        let count = try graph.neighbors(of: neighbor.node, level: level, into: secondLinks)
        for slot in 0..<count where secondLinks[slot].place == node.place { return }
        // Of a full list a link that goes anyway gives way.
        if count == shape.capacity(level) {
            for slot in 0..<count where graph.isDoomed(secondLinks[slot]) {
                _ = try graph.replaceLink(
                    from: neighbor.node, level: level, slot: slot, former: secondLinks[slot],
                    to: target, takesOver: false)
                return
            }
        }
        _ = try insertion.addLink(
            from: neighbor.node, level: level, to: target, vector, in: &graph)
    }

    /// Says of the candidates which ones links of the backbone lead to.
    private func markBackbone<Graph: RepairableNeighborGraph>(
        _ count: Int, _ found: Int, in graph: Graph
    ) {
        for slot in 0..<count where list.isBackbone[slot] && !graph.isDoomed(list.nodes[slot]) {
            for index in 0..<found where scored[index].node.place == list.nodes[slot].place {
                scored[index].isBackbone = true
            }
        }
    }

    /// Scores the neighbours that stay and those of the neighbours that go, after those that were found already.
    private mutating func gather<Graph: RepairableNeighborGraph>(
        _ node: NodeReference, _ level: Int, _ count: Int, after already: Int,
        in graph: inout Graph
    ) throws(Graph.Failure) -> Int {
        try graph.beginVisits()
        _ = try graph.visit(node)
        for index in 0..<already { _ = try graph.visit(scored[index].node) }
        var found = already
        let links = list.nodes
        for slot in 0..<count where !graph.isDoomed(links[slot]) {
            found = try score(links[slot], after: found, in: &graph)
        }
        for slot in 0..<count where graph.isDoomed(links[slot]) {
            try graph.breathe()
            let second = try graph.neighbors(of: links[slot], level: level, into: secondLinks)
            for slot in 0..<second where !graph.isDoomed(secondLinks[slot]) {
                found = try score(secondLinks[slot], after: found, in: &graph)
            }
        }
        return found
    }

    @inline(__always)
    private func score<Graph: RepairableNeighborGraph>(
        _ candidate: NodeReference, after found: Int, in graph: inout Graph
    ) throws(Graph.Failure) -> Int {
        guard found < capacity, try graph.visit(candidate) else { return found }
        var candidate = candidate
        guard try graph.score(&candidate, count: 1, into: scored + found) == 1,
            scored[found].isLive
        else { return found }
        return found &+ 1
    }

    /// Looks for neighbours as an insertion does.
    private mutating func searchAnew<Graph: RepairableNeighborGraph>(
        _ node: NodeReference, _ level: Int, in graph: inout Graph
    ) throws(Graph.Failure) -> Int {
        guard let entry = try graph.entryPoint(), entry.level >= level,
            let start = try descend(from: entry, to: level, with: &search, in: &graph)
        else { return 0 }
        search.clear()
        try graph.beginVisits()
        _ = try graph.visit(start.node)
        try search.start(
            start, level: level, ef: shape.efConstruction, keepsRest: false, in: &graph)
        try search.run(level: level, ef: shape.efConstruction, keepsRest: false, in: &graph)
        let count = search.takeSorted(into: scored)
        var kept = 0
        for index in 0..<count
        where scored[index].node.place != node.place && !graph.isDoomed(scored[index].node) {
            scored[kept] = scored[index]
            kept &+= 1
        }
        return kept
    }
}
