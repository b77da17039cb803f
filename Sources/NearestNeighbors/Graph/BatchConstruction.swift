/// The construction of a graph by several participants without locks.
///
/// The nodes are there from the beginning, without links, and are linked in batches, in the order of their numbers.
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

    private var insertion: GraphInsertion

    /// One participant's view, which uses `insertion` for its searches.
    public init(_ insertion: GraphInsertion) {
        self.insertion = insertion
    }

    /// The batch that begins with a node, of so many in all.
    public static func batch(from first: Int, of count: Int) -> Range<Int> {
        first..<min(count, first &+ max(1, min(first / 32, 4096)))
    }

    /// The first step for one node: searches its neighbours and links it to them.
    @inline(__always)
    public mutating func link<Memory: MemorySource>(
        _ index: Int, in graph: inout MemoryGraph<Memory>
    ) throws(Memory.Failure) {
        let vector = graph.vector(at: index)
        graph.query = vector
        // Equal vectors have one node.
        _ = try insertion.choose(
            vector, level: graph.level(at: index), joins: false, in: &graph)
        graph.setLinks(of: index, insertion.lists)
    }

    /// The second step for one part.
    @inline(__always)
    public mutating func linkBack<Memory: MemorySource>(
        _ batch: Range<Int>, part: Int, in graph: inout MemoryGraph<Memory>
    ) throws(Memory.Failure) {
        for index in batch {
            let vector = graph.vector(at: index)
            var level = graph.level(at: index)
            while level >= 0 {
                // These lists change no more in this step: nobody links to the batch's own nodes yet.
                let own = graph.links(at: index, level: level)
                for slot in 0..<own.count
                where Int(own.nodes[slot]) & (Self.parts &- 1) == part {
                    try insertion.addLink(
                        from: graph.node(at: Int(own.nodes[slot])), level: level,
                        to: ScoredNode(
                            distance: own.distances[slot], node: graph.node(at: index)),
                        vector, in: &graph)
                }
                level &-= 1
            }
        }
    }

    /// What each participant does for itself after a batch: the entry point may be another.
    public static func finish<Memory: MemorySource>(
        _ batch: Range<Int>, in graph: inout MemoryGraph<Memory>
    ) throws(Memory.Failure) {
        for index in batch {
            try graph.promote(graph.node(at: index), level: graph.level(at: index))
        }
    }
}
