/// Links the parts of the backbone that nodes leave behind when they are removed.
///
/// Nodes that are removed and linked with each other by the backbone are looked at together. The nodes that stay and that
/// links of the backbone lead to from these are made a chain. So the backbone is a tree again, without anybody having to
/// know the way to its root.
public struct BackboneRepair {
    private let insertion: GraphInsertion
    private let list: LinkList
    private let secondList: LinkList
    private let one: UnsafeMutablePointer<Float>
    private let other: UnsafeMutablePointer<Float>

    /// Room for repairing graphs of a shape.
    public init<Memory: MemorySource>(_ shape: GraphShape, in memory: inout Memory)
        throws(Memory.Failure)
    {
        insertion = try GraphInsertion(shape, in: &memory)
        list = try LinkList(capacity: max(shape.groundLinks, 1), in: &memory)
        secondList = try LinkList(capacity: max(shape.groundLinks, 1), in: &memory)
        let bytes = max(shape.dimensions, 1) &* 4
        one = try memory.allocate(bytes: bytes).assumingMemoryBound(to: Float.self)
        other = try memory.allocate(bytes: bytes).assumingMemoryBound(to: Float.self)
    }

    /// Links what is left of the backbone without some nodes, which are all that `isDoomed` names.
    ///
    /// 12 bytes of memory for each of them; O(links) and a few distances for each link of the backbone.
    ///
    /// - Parameters:
    ///   - gone: the nodes, in the order of their places.
    ///   - setQuery: makes a vector, which stays valid, the graph's query.
    ///   - pause: called for each node, no page being locked.
    @inline(__always)
    public func repair<Graph: RepairableNeighborGraph>(
        without gone: UnsafeBufferPointer<NodeReference>, in graph: inout Graph,
        setQuery: (inout Graph, UnsafePointer<Float>) -> Void,
        pause: () throws(Graph.Failure) -> Void
    ) throws(Graph.Failure) {
        guard !gone.isEmpty else { return }
        let parts = try Parts(gone, in: &graph)
        for index in 0..<gone.count {
            try pause()
            let count = try graph.links(of: gone[index], level: 0, into: list)
            for slot in 0..<count where list.isBackbone[slot] {
                if let neighbor = parts.number(of: list.nodes[slot]) { parts.join(index, neighbor) }
            }
        }
        for index in 0..<gone.count {
            try pause()
            let count = try graph.links(of: gone[index], level: 0, into: list)
            for slot in 0..<count
            where list.isBackbone[slot] && !graph.isDoomed(list.nodes[slot]) {
                let last = parts.replaceLast(of: index, by: list.nodes[slot])
                if last != .none, last.place != list.nodes[slot].place {
                    try bridge(last, list.nodes[slot], in: &graph, setQuery: setQuery)
                }
            }
        }
        try parts.free(in: &graph)
    }

    /// Links two nodes with each other.
    @inline(__always)
    private func bridge<Graph: RepairableNeighborGraph>(
        _ first: NodeReference, _ second: NodeReference, in graph: inout Graph,
        setQuery: (inout Graph, UnsafePointer<Float>) -> Void
    ) throws(Graph.Failure) {
        guard let one = try graph.vector(of: first, scratch: one),
            let other = try graph.vector(of: second, scratch: other)
        else { return }
        let distance = graph.metric.distance(one, other, graph.shape.dimensions)
        setQuery(&graph, other)
        try link(first, to: ScoredNode(distance: distance, node: second), other, in: &graph)
        setQuery(&graph, one)
        try link(second, to: ScoredNode(distance: distance, node: first), one, in: &graph)
    }

    @inline(__always)
    private func link<Graph: RepairableNeighborGraph>(
        _ node: NodeReference, to end: ScoredNode, _ vector: UnsafePointer<Float>,
        in graph: inout Graph
    ) throws(Graph.Failure) {
        var target = end
        target.isBackbone = true
        let count = try graph.links(of: node, level: 0, into: secondList)
        for slot in 0..<count where secondList.nodes[slot].place == end.node.place {
            _ = try graph.appendLink(from: node, level: 0, count: count, to: target)
            return
        }
        if count == graph.shape.groundLinks {
            for slot in 0..<count where graph.isDoomed(secondList.nodes[slot]) {
                if try graph.replaceLink(
                    from: node, level: 0, slot: slot, former: secondList.nodes[slot], to: target)
                {
                    return
                }
            }
        }
        _ = try insertion.addLink(from: node, level: 0, to: target, vector, in: &graph)
    }

    /// The nodes that go, by their numbers: which ones belong together (union-find), and the last node of the chain that
    /// is made of their neighbours.
    private struct Parts {
        private let gone: UnsafeBufferPointer<NodeReference>
        private let parents: UnsafeMutablePointer<UInt32>
        private let lasts: UnsafeMutablePointer<NodeReference>

        init<Memory: MemorySource>(
            _ gone: UnsafeBufferPointer<NodeReference>, in memory: inout Memory
        ) throws(Memory.Failure) {
            self.gone = gone
            parents = try memory.allocate(bytes: gone.count &* 4)
                .assumingMemoryBound(to: UInt32.self)
            lasts = try memory.allocate(bytes: gone.count &* 8)
                .assumingMemoryBound(to: NodeReference.self)
            for index in 0..<gone.count {
                parents[index] = UInt32(truncatingIfNeeded: index)
                lasts[index] = .none
            }
        }

        func number(of node: NodeReference) -> Int? {
            var low = 0
            var high = gone.count
            while low < high {
                let middle = (low &+ high) / 2
                if gone[middle].place < node.place { low = middle &+ 1 } else { high = middle }
            }
            return low < gone.count && gone[low].place == node.place ? low : nil
        }

        private func root(_ index: Int) -> Int {
            var node = index
            while Int(parents[node]) != node {
                parents[node] = parents[Int(parents[node])]
                node = Int(parents[node])
            }
            return node
        }

        func join(_ one: Int, _ other: Int) {
            parents[root(one)] = UInt32(truncatingIfNeeded: root(other))
        }

        func replaceLast(of index: Int, by node: NodeReference) -> NodeReference {
            let part = root(index)
            let last = lasts[part]
            lasts[part] = node
            return last
        }

        func free<Memory: MemorySource>(in memory: inout Memory) throws(Memory.Failure) {
            try memory.release(UnsafeMutableRawPointer(parents))
            try memory.release(UnsafeMutableRawPointer(lasts))
        }
    }
}
