/// The construction of a graph by several participants without locks.
///
/// The nodes are there from the beginning, without links, and are linked in batches, in an order that looks random: nodes
/// of one batch do not become each other's neighbours, so those that are near each other must not be all in one.
/// Each batch has two steps, and no one begins a step before all are through with the one before:
///
/// 1. The participants share the batch's nodes. Each node's neighbours are searched among the nodes of earlier
///    batches, whose links nobody changes meanwhile, and become the node's links.
/// 2. The participants share the links back. All those that belong to one node are in the same part, and are
///    added in the order of the nodes they lead to.
///
/// So the graph is the same however many participants there are. The nodes of a batch do not see each other; a
/// batch is therefore small compared with what is there. (Batches that grow with the graph are the idea of
/// ParlayANN, Manohar et al. 2024.)
public struct BatchConstruction {
    /// The parts into which the links back of a batch are divided; a power of two.
    public static var parts: Int { 32 }

    /// What the participant searches with; free for other use between batches.
    public private(set) var insertion: GraphInsertion
    private let order: ShuffledOrder

    /// One participant's view of a graph of so many nodes, which uses `insertion` for its searches.
    public init(_ insertion: GraphInsertion, nodes: Int) {
        self.insertion = insertion
        order = ShuffledOrder(count: nodes)
    }

    /// The places in the order of the batch that begins with a place, of so many in all.
    public static func batch(from first: Int, of count: Int) -> Range<Int> {
        first..<min(count, first &+ max(1, min(first / 32, 4096)))
    }

    /// The first step for one node: searches its neighbours and links it to them.
    @inline(__always)
    public mutating func link<Memory: MemorySource>(
        _ place: Int, in graph: inout MemoryGraph<Memory>
    ) throws(Memory.Failure) {
        let index = order[place]
        let vector = graph.vector(at: index)
        graph.query = vector
        // Equal vectors have one node.
        _ = try insertion.choose(
            vector, level: graph.level(at: index), joins: false, in: &graph)
        if place > 0 { try insertion.chooseParent(in: &graph) }
        graph.setLinks(of: index, insertion.lists)
    }

    /// The second step for one part.
    @inline(__always)
    public mutating func linkBack<Memory: MemorySource>(
        _ batch: Range<Int>, part: Int, in graph: inout MemoryGraph<Memory>
    ) throws(Memory.Failure) {
        for place in batch {
            let index = order[place]
            let vector = graph.vector(at: index)
            var level = graph.level(at: index)
            while level >= 0 {
                // These lists change no more in this step: nobody links to the batch's own nodes yet.
                for slot in 0..<graph.linkCount(at: index, level: level) {
                    let link = graph.scoredLink(at: index, level: level, slot: slot)
                    guard (Int(link.node.block) &- 1) & (Self.parts &- 1) == part else { continue }
                    var target = link
                    target.node = graph.node(at: index)
                    // Of a link of the backbone that finds no place `GraphMending` takes care.
                    _ = try insertion.addLink(
                        from: link.node, level: level, to: target, vector, in: &graph)
                }
                level &-= 1
            }
        }
    }

    /// What each participant does for itself after a batch: the entry point may be another.
    public func finish<Memory: MemorySource>(
        _ batch: Range<Int>, in graph: inout MemoryGraph<Memory>
    ) throws(Memory.Failure) {
        for place in batch {
            let index = order[place]
            try graph.promote(graph.node(at: index), level: graph.level(at: index))
        }
    }
}
