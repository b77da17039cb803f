/// The backbone: a tree of all nodes of the ground layer, of which no link ever gives way to another.
///
/// Links are chosen by what they are worth for searches, and a node far from all others is worth a link to nobody: after
/// some insertions nothing leads to it any more. So each node has a parent, the nearest node with a place for it when it
/// was inserted, and both keep their links to each other. Whatever becomes of the other links, each node can be reached
/// from each other, and who looks at the parent of a node sees the node.
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
}
