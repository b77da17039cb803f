/// The backbone: a tree of all nodes of the ground layer, of which no link ever gives way to another.
///
/// Links are chosen by what they are worth for searches, and a node far from all others is worth a link to nobody: after
/// some insertions nothing leads to it any more. So each node has a parent, the nearest node with a place for it when it
/// was inserted, and both keep their links to each other. Whatever becomes of the other links, each node can be reached
/// from each other, and who looks at the parent of a node sees the node.
///
/// Where all nodes that a new one is near to have nothing but links of the backbone, the new one is put between one of them
/// and a neighbour of it.
///
/// A node that is removed leaves as many parts of the tree behind as it had links of the backbone. `BackboneRepair` links
/// them with each other again.
extension GraphInsertion {
    /// Makes one of the links on the ground layer that were chosen the one to the node's parent. Where no end of them has
    /// a place, the nearest candidate that has takes the place of the last.
    @inline(__always)
    func chooseParent<Graph: MutableNeighborGraph>(in graph: inout Graph) throws(Graph.Failure) {
        let count = lists.counts[0]
        guard count > 0 else { return }
        // Nodes that are near to many keep most places for links that searches need, as long as others have some.
        for most in [max(shape.groundLinks / 4, 2), shape.groundLinks] {
            for slot in 0..<count
            where try hasPlace(lists.links[slot].node, most: most, in: &graph) {
                lists.links[slot].isBackbone = true
                return
            }
            for index in 0..<foundCount
            where try hasPlace(found[index].node, most: most, in: &graph) {
                lists.links[count &- 1] = found[index]
                lists.links[count &- 1].isBackbone = true
                return
            }
        }
        for slot in 0..<count where try takeChild(of: slot, in: &graph) { return }
    }

    /// Where nobody has a place: a node that one of those that were chosen has a link of the backbone to becomes the new
    /// node's child, and its place the new node's; see `takeOver`.
    ///
    /// - Returns: false if it has none to a living node.
    @inline(never)
    private func takeChild<Graph: MutableNeighborGraph>(of parent: Int, in graph: inout Graph)
        throws(Graph.Failure) -> Bool
    {
        let count = try graph.links(
            of: lists.links[parent].node, level: 0, into: measured.list)
        let isCoarse = graph.isCoarse
        graph.isCoarse = false
        defer { graph.isCoarse = isCoarse }
        for slot in 0..<count where measured.list.isBackbone[slot] {
            var child = ScoredNode(distance: 0, node: .none)
            var node = measured.nodes[slot]
            guard try graph.score(&node, count: 1, into: &child) == 1, child.isLive else {
                continue
            }
            // Where it is among the chosen ones, behind them, or in the place of the last.
            var place = 0
            while place < lists.counts[0], lists.links[place].node.place != child.node.place {
                place &+= 1
            }
            if place == shape.groundLinks { place &-= 1 }
            if place == parent { continue }
            lists.counts[0] = max(lists.counts[0], place &+ 1)
            lists.links[place] = child
            lists.links[place].isBackbone = true
            lists.links[parent].isBackbone = true
            return true
        }
        return false
    }

    /// Puts a link of the backbone to the new node in the place of one to a node that the new one has such a link to.
    ///
    /// - Parameter count: the length of the list in `measured`, which consists of links of the backbone.
    /// - Returns: false if there is none.
    @inline(never)
    func takeOver<Graph: MutableNeighborGraph>(
        _ node: NodeReference, _ count: Int, _ target: ScoredNode, in graph: inout Graph
    ) throws(Graph.Failure) -> Bool {
        let own = try graph.links(of: target.node, level: 0, into: others)
        for slot in 0..<count {
            for link in 0..<own
            where others.isBackbone[link]
                && others.nodes[link].place == measured.nodes[slot].place
            {
                return try graph.replaceLink(
                    from: node, level: 0, slot: slot, former: measured.nodes[slot], to: target,
                    takesOver: true)
            }
        }
        return false
    }

    /// Whether a node has a place for one more link of the backbone, of which it has fewer than `most`.
    @inline(__always)
    func hasPlace<Graph: MutableNeighborGraph>(
        _ node: NodeReference, most: Int, in graph: inout Graph
    ) throws(Graph.Failure) -> Bool {
        let count = try graph.links(of: node, level: 0, into: measured.list)
        var backbone = 0
        for slot in 0..<count where measured.list.isBackbone[slot] { backbone &+= 1 }
        return backbone < most
    }

    /// Adds a link of the backbone on the ground layer, or makes the one that is there such.
    ///
    /// - Parameters:
    ///   - target: its distance need not be known.
    ///   - vector: of the target.
    /// - Returns: whether the link is there.
    func linkByBackbone<Graph: EnumerableGraph>(
        from node: NodeReference, to target: ScoredNode, _ vector: UnsafePointer<Float>,
        in graph: inout Graph
    ) throws(Graph.Failure) -> Bool {
        if try graph.makeBackbone(from: node, to: target) { return true }
        var exact = target
        // A search may have known it but from rounded vectors.
        if let keeper = try graph.vector(of: node, scratch: vectorScratch) {
            exact.distance = graph.metric.distance(vector, keeper, graph.shape.dimensions)
        }
        return try addLink(from: node, level: 0, to: exact, vector, in: &graph)
    }
}
