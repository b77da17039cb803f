/// Sees to it that each node of a graph in memory can be reached from each other on the ground layer, and is found by a
/// search for its own vector.
///
/// The backbone provides for the first, but where a node's neighbours had no place for one more link of it, or were linked
/// in one batch. The second is a matter of the data. Where vectors have so many dimensions that all are about equally far
/// from each other, and some are nearer to everything than others, those others are no one's near neighbours, and a link
/// from a parent helps only a search that looks at the parent. So a sample of nodes is searched for, and where that finds
/// fewer than nearly all, all nodes are, or where only few are missed, those that no near neighbour leads to. To a node that
/// is not found the best place that the search came by gets a link.
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

    /// One of so many nodes that are searched for may be missed.
    private static var tolerance: Int { 250 }

    /// How many of a node's neighbours are looked at for a link back.
    private static var nearest: Int { 4 }

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
        // By inner product a vector need not be found by itself.
        let sample =
            graph.metric.kind == .innerProduct
            ? 0 : min(graph.count, max(512, min(graph.count / 64, 4096)))
        let order = ShuffledOrder(count: graph.count, seed: 0x5EED)
        var missed = 0
        for place in 0..<sample {
            try pause()
            if try find(order[place], in: &graph) { missed &+= 1 }
        }
        outcome.found = missed
        // With more than a few, the search goes astray. A few are such that nothing near them leads to them.
        let looksAtAll = missed &* Self.tolerance > sample
        if missed > 0 {
            for node in 0..<graph.count where looksAtAll || !isSeenNearby(node, in: graph) {
                try pause()
                if try find(node, in: &graph) { outcome.found &+= 1 }
            }
        }
        try join(entry, &outcome, in: &graph, pause: pause)
        return outcome
    }

    /// Whether one of the nearest neighbours of a node leads to it, so that who comes near the node sees it.
    private func isSeenNearby<Memory: MemorySource>(_ index: Int, in graph: MemoryGraph<Memory>)
        -> Bool
    {
        let count = graph.linkCount(at: index, level: 0)
        var limit = -Float.infinity
        for _ in 0..<min(Self.nearest, count) {
            var next = ScoredNode(distance: .infinity, node: .none)
            for slot in 0..<count {
                let link = graph.scoredLink(at: index, level: 0, slot: slot)
                if link.distance > limit, link.distance < next.distance { next = link }
            }
            guard next.node != .none else { return false }
            limit = next.distance
            let neighbor = graph.index(next.node)
            for slot in 0..<graph.linkCount(at: neighbor, level: 0)
            where graph.link(at: neighbor, level: 0, slot: slot) == index {
                return true
            }
        }
        return false
    }

    /// Searches for a node, and links it where the search would have found it.
    ///
    /// - Returns: whether it had to be linked.
    private mutating func find<Memory: MemorySource>(
        _ index: Int, in graph: inout MemoryGraph<Memory>
    ) throws(Memory.Failure) -> Bool {
        let count = try candidates(index, in: &graph)
        let own = graph.node(at: index)
        for slot in 0..<count where insertion.found[slot].node == own { return false }
        // Not even the last of its places may be lost to a node that all are near to.
        let most = graph.shape.groundLinks &* 3 / 4
        for slot in 0..<count
        where try insertion.hasPlace(insertion.found[slot].node, most: most, in: &graph) {
            return try link(from: insertion.found[slot].node, to: index, in: &graph)
        }
        return false
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
        if graph.makeBackbone(graph.index(node), index) { return true }
        let vector = graph.vector(at: index)
        var target = ScoredNode(
            distance: graph.metric.distance(
                vector, graph.vector(at: graph.index(node)), graph.shape.dimensions),
            node: graph.node(at: index))
        target.isBackbone = true
        return try insertion.addLink(from: node, level: 0, to: target, vector, in: &graph)
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
