/// Links the parts of the backbone that nodes leave behind when they are removed.
///
/// Nodes that are removed and linked with each other by the backbone are looked at together. The nodes that stay and that
/// links of the backbone lead to from these are made a chain. So the backbone is a tree again, without anybody having to
/// know the way to its root.
public struct BackboneRepair {
    private var insertion: GraphInsertion
    private let list: LinkList
    private let secondList: LinkList
    private let thirdList: LinkList
    private let one: UnsafeMutablePointer<Float>
    private let other: UnsafeMutablePointer<Float>

    /// Room for repairing graphs of a shape.
    public init<Memory: MemorySource>(_ shape: GraphShape, in memory: inout Memory)
        throws(Memory.Failure)
    {
        insertion = try GraphInsertion(shape, in: &memory)
        list = try LinkList(capacity: max(shape.groundLinks, 1), in: &memory)
        secondList = try LinkList(capacity: max(shape.groundLinks, 1), in: &memory)
        thirdList = try LinkList(capacity: max(shape.groundLinks, 1), in: &memory)
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
        // What links of the backbone beyond a tree lead to more than once is linked once.
        var linked = try VisitedSet(capacity: 256, in: &graph)
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
                let node = list.nodes[slot]
                guard try linked.insert(parts.key(of: node, beside: index), in: &graph) else {
                    continue
                }
                // A vacuum that was interrupted leaves links to what it has removed behind.
                guard let vector = try graph.vector(of: node, scratch: other) else { continue }
                let last = parts.replaceLast(of: index, by: node)
                guard last != .none, last.place != node.place else { continue }
                try bridge(last, node, vector, in: &graph, setQuery: setQuery)
            }
        }
        try parts.free(in: &graph)
    }

    /// Links the parts of a graph that no link leads to, or none from, with the rest. There are none but after failures:
    /// of an insertion that met only nodes that were about to go, of a repair that was interrupted.
    ///
    /// Two bits of memory for each node and direction; O(links), and a search for each node that has to be linked.
    ///
    /// - Parameters:
    ///   - entry: the number of the entry point.
    ///   - living: the nodes that are to be joined.
    ///   - setQuery: makes a vector, which stays valid, the graph's query.
    ///   - pause: called for each node that is looked at, no page being locked.
    /// - Returns: how many nodes were linked.
    public mutating func join<Nodes: NumberedGraph>(
        _ nodes: inout Nodes, entry: Int, living: FixedBits,
        setQuery: (inout Nodes.Graph, UnsafePointer<Float>) -> Void,
        pause: () throws(Nodes.Failure) -> Void
    ) throws(Nodes.Failure) -> Int {
        var joined = 0
        var forward = try Reachability(from: entry, in: &nodes)
        var next = living.first(from: 0, notIn: forward.nodes)
        while let number = next {
            try pause()
            if try join(number, to: forward.nodes, in: &nodes, setQuery: setQuery) {
                joined &+= 1
                try forward.extend(from: number, in: &nodes)
            }
            next = living.first(from: number &+ 1, notIn: forward.nodes)
        }
        var backward = try Reachability(to: entry, in: &nodes)
        next = living.first(from: 0, notIn: backward.nodes)
        while let number = next {
            try pause()
            if try join(number, to: backward.nodes, in: &nodes, setQuery: setQuery) {
                joined &+= 1
                try backward.extend(to: number, in: &nodes)
            }
            next = living.first(from: number &+ 1, notIn: backward.nodes)
        }
        try backward.free(in: &nodes)
        try forward.free(in: &nodes)
        return joined
    }

    /// Links a node with the nearest of some others that a search finds.
    private mutating func join<Nodes: NumberedGraph>(
        _ number: Int, to others: FixedBits, in nodes: inout Nodes,
        setQuery: (inout Nodes.Graph, UnsafePointer<Float>) -> Void
    ) throws(Nodes.Failure) -> Bool {
        let node = nodes.reference(of: number)
        guard let vector = try nodes.graph.vector(of: node, scratch: other) else { return false }
        setQuery(&nodes.graph, vector)
        let count = try insertion.search(in: &nodes.graph)
        for slot in 0..<count {
            let candidate = insertion.found[slot].node
            guard candidate.place != node.place, let neighbor = nodes.number(of: candidate),
                others.contains(neighbor)
            else { continue }
            if try connect(candidate, node, vector, in: &nodes.graph, setQuery: setQuery) {
                return true
            }
        }
        return false
    }

    /// Links two nodes with each other. Where the first has no place for a link of the backbone, one that such a link of
    /// its own leads to takes its part.
    @inline(__always)
    private func bridge<Graph: RepairableNeighborGraph>(
        _ first: NodeReference, _ second: NodeReference, _ vector: UnsafePointer<Float>,
        in graph: inout Graph, setQuery: (inout Graph, UnsafePointer<Float>) -> Void
    ) throws(Graph.Failure) {
        if try connect(first, second, vector, in: &graph, setQuery: setQuery) { return }
        let count = try graph.links(of: first, level: 0, into: thirdList)
        for slot in 0..<count
        where thirdList.isBackbone[slot] && !graph.isDoomed(thirdList.nodes[slot])
            && thirdList.nodes[slot].place != second.place
        {
            if try connect(
                thirdList.nodes[slot], second, vector, in: &graph, setQuery: setQuery)
            {
                return
            }
        }
    }

    /// Links two nodes with each other.
    ///
    /// - Parameter vector: the second one's.
    /// - Returns: false if the first has no place.
    @inline(__always)
    private func connect<Graph: RepairableNeighborGraph>(
        _ first: NodeReference, _ second: NodeReference, _ vector: UnsafePointer<Float>,
        in graph: inout Graph, setQuery: (inout Graph, UnsafePointer<Float>) -> Void
    ) throws(Graph.Failure) -> Bool {
        guard let one = try graph.vector(of: first, scratch: one) else { return false }
        let distance = graph.metric.distance(one, vector, graph.shape.dimensions)
        setQuery(&graph, vector)
        guard
            try link(first, to: ScoredNode(distance: distance, node: second), vector, in: &graph)
        else { return false }
        setQuery(&graph, one)
        return try link(second, to: ScoredNode(distance: distance, node: first), one, in: &graph)
    }

    @inline(__always)
    private func link<Graph: RepairableNeighborGraph>(
        _ node: NodeReference, to end: ScoredNode, _ vector: UnsafePointer<Float>,
        in graph: inout Graph
    ) throws(Graph.Failure) -> Bool {
        var target = end
        target.isBackbone = true
        let count = try graph.links(of: node, level: 0, into: secondList)
        for slot in 0..<count where secondList.nodes[slot].place == end.node.place {
            return try graph.appendLink(from: node, level: 0, count: count, to: target)
        }
        if count == graph.shape.groundLinks {
            for slot in 0..<count where graph.isDoomed(secondList.nodes[slot]) {
                if try graph.replaceLink(
                    from: node, level: 0, slot: slot, former: secondList.nodes[slot], to: target,
                    takesOver: false)
                {
                    return true
                }
            }
        }
        return try insertion.addLink(from: node, level: 0, to: target, vector, in: &graph)
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

        /// A number that a node has in common with no other, unless by an improbable chance, and beside other nodes that go
        /// together not with itself.
        func key(of node: NodeReference, beside index: Int) -> UInt64 {
            var fingerprint = Fingerprint()
            fingerprint.add(UInt64(root(index)))
            fingerprint.add(node.place)
            return fingerprint.value >> 16
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

/// A graph whose nodes have numbers, which can be changed.
public protocol NumberedGraph: NumberedLinks {
    /// The graph itself.
    associatedtype Graph: RepairableNeighborGraph where Graph.Failure == Failure

    /// The graph itself.
    var graph: Graph { get set }

    /// The node of a number, of whatever version.
    func reference(of number: Int) -> NodeReference

    /// The number of a node, nil if it has none.
    func number(of node: NodeReference) -> Int?
}
