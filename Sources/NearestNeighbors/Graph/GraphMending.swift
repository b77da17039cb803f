/// Sees to it that each node of a graph in memory can be reached from each other on the ground layer, and is found by a
/// search for its own vector.
///
/// The backbone provides for the first, but where a node's neighbours had no place for one more link of it, or were linked
/// in one batch. The second is a matter of the data; see `MissedNodes`.
public struct GraphMending {
    private var insertion: GraphInsertion

    /// What a graph is like in the end.
    public struct Outcome {
        /// Nodes that cannot be reached from the entry point, or from which that cannot be reached.
        public var unreachable = 0
        /// Nodes that were linked because no link led to them, or none from them.
        public var joined = 0
        /// Nodes that were linked because a search did not find them.
        public var found = 0
    }

    /// With the room of insertions that are over.
    public init(_ insertion: GraphInsertion) { self.insertion = insertion }

    /// Mends a graph. O(links), and the searches of a sample; where that is not found, those of all nodes.
    ///
    /// - Parameter pause: called once for each node, so that it can be interrupted.
    public mutating func mend<Memory: MemorySource>(
        _ graph: inout MemoryGraph<Memory>, pause: () throws(Memory.Failure) -> Void
    ) throws(Memory.Failure) -> Outcome {
        var outcome = Outcome()
        guard let entry = graph.entryIndex?.index, graph.count > 1 else { return outcome }
        var missed = MissedNodes(insertion, candidates: graph.shape.efConstruction, rounds: 2)
        outcome.found = try missed.link(count: graph.count, in: &graph, pause: pause)
        try join(entry, &outcome, in: &graph, pause: pause)
        return outcome
    }

    /// Finds the nearest nodes to a node, as a search for its vector does, and how many they are.
    private mutating func candidates<Memory: MemorySource>(
        _ index: Int, in graph: inout MemoryGraph<Memory>
    ) throws(Memory.Failure) -> Int {
        graph.query = graph.vector(at: index)
        graph.beginInsertion()
        return try insertion.search(in: &graph)
    }

    /// Links a node to the current one by a link of the backbone.
    private func link<Memory: MemorySource>(
        from node: NodeReference, to index: Int, in graph: inout MemoryGraph<Memory>
    ) throws(Memory.Failure) -> Bool {
        var target = ScoredNode(distance: 0, node: graph.node(at: index))
        target.isBackbone = true
        return try insertion.linkByBackbone(
            from: node, to: target, graph.vector(at: index), in: &graph)
    }

    // MARK: Both ways

    private mutating func join<Memory: MemorySource>(
        _ entry: Int, _ outcome: inout Outcome, in graph: inout MemoryGraph<Memory>,
        pause: () throws(Memory.Failure) -> Void
    ) throws(Memory.Failure) {
        var forward = try Reachability(from: entry, in: &graph)
        if forward.count < graph.count {
            for node in 0..<graph.count where !forward.nodes.contains(node) {
                try pause()
                guard try attach(node, to: forward, in: &graph) else { continue }
                outcome.joined &+= 1
                try forward.extend(from: node, in: &graph)
            }
        }
        var backward = try Reachability(to: entry, in: &graph)
        if backward.count < graph.count {
            for node in 0..<graph.count where !backward.nodes.contains(node) {
                try pause()
                guard try leadBack(node, to: backward, in: &graph) else { continue }
                outcome.joined &+= 1
                try backward.extend(to: node, in: &graph)
            }
        }
        outcome.unreachable = graph.count &- min(forward.count, backward.count)
        try backward.free(in: &graph)
        try forward.free(in: &graph)
    }

    /// Links a node that is reached to one that is not: the nearest of its own neighbours, else of what a search finds,
    /// else any.
    private mutating func attach<Memory: MemorySource>(
        _ index: Int, to reached: Reachability, in graph: inout MemoryGraph<Memory>
    ) throws(Memory.Failure) -> Bool {
        graph.query = graph.vector(at: index)
        graph.beginInsertion()
        let own = graph.linkCount(at: index, level: 0)
        for slot in 0..<own {
            let other = graph.link(at: index, level: 0, slot: slot)
            if reached.nodes.contains(other),
                try link(from: graph.node(at: other), to: index, in: &graph)
            {
                return true
            }
        }
        let count = try insertion.search(in: &graph)
        for slot in 0..<count {
            let other = insertion.found[slot].node
            if reached.nodes.contains(graph.index(other)),
                try link(from: other, to: index, in: &graph)
            {
                return try link(from: graph.node(at: index), to: graph.index(other), in: &graph)
            }
        }
        for other in 0..<graph.count where reached.nodes.contains(other) && other != index {
            if try link(from: graph.node(at: other), to: index, in: &graph) {
                return try link(from: graph.node(at: index), to: other, in: &graph)
            }
        }
        return false
    }

    /// Gives a node a link to one from which the entry point is reached.
    private mutating func leadBack<Memory: MemorySource>(
        _ index: Int, to reaching: Reachability, in graph: inout MemoryGraph<Memory>
    ) throws(Memory.Failure) -> Bool {
        let count = try candidates(index, in: &graph)
        for slot in 0..<count {
            let other = graph.index(insertion.found[slot].node)
            if other != index, reaching.nodes.contains(other),
                try link(from: graph.node(at: index), to: other, in: &graph)
            {
                return true
            }
        }
        for other in 0..<graph.count where reaching.nodes.contains(other) && other != index {
            return try link(from: graph.node(at: index), to: other, in: &graph)
        }
        return false
    }
}

extension MemoryGraph {
    /// Makes a link on the ground layer one of the backbone, if there is one from a node to another.
    fileprivate func makeBackbone(_ index: Int, _ other: Int) -> Bool {
        let indices = links(index, 0).indices
        for slot in 0..<linkCount(index, 0)
        where Int(indices[slot] & ~Self.backboneBit) == other {
            indices[slot] |= Self.backboneBit
            return true
        }
        return false
    }
}

extension MemoryGraph: EnumerableGraph {
    /// See `EnumerableGraph`: each node is one.
    public mutating func pieces() throws(Failure) -> Int { count }

    /// See `EnumerableGraph`.
    public var mostNodesInPiece: Int { 1 }

    /// See `EnumerableGraph`.
    public mutating func nodes(of piece: Int, into list: UnsafeMutablePointer<NodeReference>)
        throws(Failure) -> Int
    {
        list[0] = node(at: piece)
        return 1
    }

    /// See `EnumerableGraph`.
    public mutating func setQuery(_ vector: UnsafePointer<Float>) { query = vector }

    /// See `EnumerableGraph`.
    public mutating func makeBackbone(from node: NodeReference, to target: ScoredNode)
        throws(Failure) -> Bool
    {
        makeBackbone(index(node), index(target.node))
    }
}

extension MemoryGraph: NumberedLinks {
    /// See `NumberedLinks`.
    public var nodeCount: Int { count }

    /// See `NumberedLinks`.
    public var mostLinks: Int { shape.groundLinks }

    /// See `NumberedLinks`.
    public mutating func links(of node: Int, into list: UnsafeMutablePointer<UInt32>)
        throws(Failure) -> Int
    {
        let count = linkCount(node, 0)
        let indices = links(node, 0).indices
        for slot in 0..<count { list[slot] = indices[slot] & ~Self.backboneBit }
        return count
    }
}
