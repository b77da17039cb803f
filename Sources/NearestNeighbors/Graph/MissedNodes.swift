/// Searches for the nodes of a graph, and links those that a search for their own vector misses.
///
/// Where vectors have so many dimensions that all are about equally far from each other, and some are nearer to everything
/// than others, those others are no one's near neighbours, and a link from a parent helps only a search that looks at the
/// parent. Nodes that come later push it out of sight, and what vacuum removes may have been the way. So a sample of nodes is
/// searched for, and where that finds fewer than nearly all, all nodes are, or where only few are missed, those that no near
/// neighbour leads to. To a node that is not found the nearest node that the search came by, and that has a place, gets a
/// link of the backbone.
///
/// Such a link takes the place of another, by which another node may have been found. So where many were missed a sample is
/// searched for once more.
public struct MissedNodes {
    private var insertion: GraphInsertion

    /// One of so many nodes that are searched for may be missed.
    private static var tolerance: Int { 250 }

    /// How many of a node's neighbours are looked at for a link back.
    private static var nearest: Int { 4 }

    /// How often all nodes are searched for at most.
    private let rounds: Int

    /// With the room of insertions.
    ///
    /// - Parameters:
    ///   - candidates: how many a search has at most; no more than an insertion.
    ///   - rounds: how often all nodes are searched for at most.
    public init(_ insertion: GraphInsertion, candidates: Int, rounds: Int) {
        self.insertion = insertion
        self.insertion.shape.efConstruction = min(insertion.shape.efConstruction, candidates)
        self.rounds = rounds
    }

    /// Searches for nodes, and links those that are missed.
    ///
    /// O(nodes in the sample) searches where those are found, else up to `rounds` for each node. Memory for one vector and the
    /// nodes of one piece.
    ///
    /// - Parameters:
    ///   - count: about how many nodes there are.
    ///   - pause: called for each node that is looked at, so that it can be interrupted; no page is locked.
    /// - Returns: how many nodes were linked.
    public mutating func link<Graph: EnumerableGraph>(
        count: Int, in graph: inout Graph, pause: () throws(Graph.Failure) -> Void
    ) throws(Graph.Failure) -> Int {
        // By inner product a vector need not be found by itself.
        guard graph.metric.kind != .innerProduct, count > 1 else { return 0 }
        let room = try Room(graph, in: &graph)
        let isCoarse = graph.isCoarse
        graph.isCoarse = false
        defer { graph.isCoarse = isCoarse }
        var linked = 0
        var round = 0
        while round < rounds {
            round &+= 1
            let sample = try linkSample(count, round, room, in: &graph, pause: pause)
            linked &+= sample.linked
            // After a round that searched for all it takes as many as before to make it worth another one.
            if sample.linked == 0 { break }
            // With more than a few, the search goes astray. A few are such that nothing near them leads to them.
            let looksAtAll = sample.linked &* Self.tolerance > sample.count
            if round > 1, !looksAtAll { break }
            linked &+= try linkAll(looksAtAll, room, in: &graph, pause: pause)
            if !looksAtAll { break }
        }
        try room.free(in: &graph)
        return linked
    }

    /// Searches for nodes of pieces all over the graph.
    private mutating func linkSample<Graph: EnumerableGraph>(
        _ count: Int, _ round: Int, _ room: Room, in graph: inout Graph,
        pause: () throws(Graph.Failure) -> Void
    ) throws(Graph.Failure) -> (count: Int, linked: Int) {
        let pieces = try graph.pieces()
        let size = min(count, max(256, min(count / 64, 4096)))
        let order = ShuffledOrder(count: pieces, seed: 0x5EED &* UInt64(round))
        let each = max((size &+ pieces &- 1) / max(pieces, 1), 1)
        var looked = 0
        var linked = 0
        for place in 0..<pieces {
            if looked >= size { break }
            let nodes = try graph.nodes(of: order[place], into: room.nodes)
            let taken = min(nodes, each)
            for number in 0..<taken {
                try pause()
                looked &+= 1
                if try find(room.nodes[number &* nodes / taken], room, in: &graph) {
                    linked &+= 1
                }
            }
        }
        return (looked, linked)
    }

    /// Searches for all nodes, or those that nothing near them leads to.
    private mutating func linkAll<Graph: EnumerableGraph>(
        _ looksAtAll: Bool, _ room: Room, in graph: inout Graph,
        pause: () throws(Graph.Failure) -> Void
    ) throws(Graph.Failure) -> Int {
        var linked = 0
        for piece in 0..<(try graph.pieces()) {
            let nodes = try graph.nodes(of: piece, into: room.nodes)
            for number in 0..<nodes {
                try pause()
                let node = room.nodes[number]
                if !looksAtAll, try isSeenNearby(node, room, in: &graph) { continue }
                if try find(node, room, in: &graph) { linked &+= 1 }
            }
        }
        return linked
    }

    /// Whether one of the nearest neighbours of a node leads to it, so that who comes near the node sees it.
    private func isSeenNearby<Graph: EnumerableGraph>(
        _ node: NodeReference, _ room: Room, in graph: inout Graph
    ) throws(Graph.Failure) -> Bool {
        let list = insertion.measured.list
        var count = try graph.links(of: node, level: 0, into: list)
        if try graph.keptDistances(of: node, level: 0, into: insertion.measured.distances) {
            for slot in 0..<count {
                insertion.found[slot] = ScoredNode(
                    distance: insertion.measured.distances[slot], node: list.nodes[slot])
            }
        } else {
            guard let vector = try graph.vector(of: node, scratch: room.vector) else {
                return true
            }
            graph.setQuery(vector)
            count = try graph.score(list.nodes, count: count, into: insertion.found)
        }
        ScoredNode.sort(insertion.found, count)
        for slot in 0..<min(Self.nearest, count) {
            let back = try graph.links(of: insertion.found[slot].node, level: 0, into: list)
            for other in 0..<back where list.nodes[other].place == node.place { return true }
        }
        return false
    }

    /// Searches for a node, and links it where the search would have found it; where nobody there has a place, where a
    /// wider one would have.
    ///
    /// - Returns: whether it had to be linked.
    private mutating func find<Graph: EnumerableGraph>(
        _ node: NodeReference, _ room: Room, in graph: inout Graph
    ) throws(Graph.Failure) -> Bool {
        // Somebody may have removed it.
        guard let vector = try graph.vector(of: node, scratch: room.vector) else { return false }
        let width = insertion.shape.efConstruction
        defer { insertion.shape.efConstruction = width }
        // Not even the last of its places may be lost to a node that all are near to.
        let most = graph.shape.groundLinks &* 3 / 4
        while true {
            graph.setQuery(vector)
            graph.beginInsertion()
            let count = try insertion.search(in: &graph)
            for slot in 0..<count where insertion.found[slot].node.place == node.place {
                return false
            }
            for slot in 0..<count
            where try insertion.hasPlace(insertion.found[slot].node, most: most, in: &graph) {
                var target = ScoredNode(distance: insertion.found[slot].distance, node: node)
                target.isBackbone = true
                return try insertion.linkByBackbone(
                    from: insertion.found[slot].node, to: target, vector, in: &graph)
            }
            // None has a place: a wider search may come by one that has.
            guard insertion.shape.efConstruction < graph.shape.efConstruction else { return false }
            insertion.shape.efConstruction = graph.shape.efConstruction
        }
    }

    /// Memory for a vector and the nodes of a piece.
    private struct Room {
        let vector: UnsafeMutablePointer<Float>
        let nodes: UnsafeMutablePointer<NodeReference>

        init<Graph: EnumerableGraph>(_ graph: Graph, in memory: inout Graph)
            throws(Graph.Failure)
        {
            vector = try memory.allocate(bytes: max(graph.shape.dimensions, 1) &* 4)
                .assumingMemoryBound(to: Float.self)
            nodes = try memory.allocate(
                bytes: max(graph.mostNodesInPiece, 1) &* MemoryLayout<NodeReference>.stride
            ).assumingMemoryBound(to: NodeReference.self)
        }

        func free<Memory: MemorySource>(in memory: inout Memory) throws(Memory.Failure) {
            try memory.release(UnsafeMutableRawPointer(vector))
            try memory.release(UnsafeMutableRawPointer(nodes))
        }
    }
}

/// A graph whose nodes can be gone through, in pieces such as its pages.
public protocol EnumerableGraph: MutableNeighborGraph {
    /// How many pieces there are.
    mutating func pieces() throws(Failure) -> Int

    /// The most nodes that a piece may have.
    var mostNodesInPiece: Int { get }

    /// Lists the nodes of a piece that are alive.
    ///
    /// - Returns: how many there are.
    mutating func nodes(of piece: Int, into list: UnsafeMutablePointer<NodeReference>)
        throws(Failure) -> Int

    /// Makes a vector, which stays valid, the current query.
    mutating func setQuery(_ vector: UnsafePointer<Float>)

    /// Makes a link on the ground layer one of the backbone, if there is one from a node to another.
    mutating func makeBackbone(from node: NodeReference, to target: ScoredNode) throws(Failure)
        -> Bool
}
