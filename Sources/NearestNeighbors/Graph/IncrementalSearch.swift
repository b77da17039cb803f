/// The nearest nodes of a graph one after the other, until the caller has enough.
///
/// It is a beam search whose beam is let out by `ef` nodes each time what it found is used up, without
/// forgetting anything in between. The answers come in strict order of distance. What a wider beam
/// finds nearer than the last answer, having been missed before, is held back to the very end: order
/// is kept and nothing is lost.
public struct IncrementalSearch {
    private var search: LayerSearch
    private var ready: BinaryHeap<NearestFirst>
    private var late: GrowableArray<ScoredNode>
    private let ef: Int
    /// The beam of the present continuation; wider than `ef` where estimates are rough.
    private var beam: Int
    private var last: Float = -.infinity
    private var isAtEnd = false

    /// A search with a beam of `ef` nodes, 1 or more.
    public init<Memory: MemorySource>(_ shape: GraphShape, ef: Int, in memory: inout Memory)
        throws(Memory.Failure)
    {
        self.ef = max(ef, 1)
        beam = self.ef
        search = try LayerSearch(shape, ef: self.ef, in: &memory)
        ready = try BinaryHeap(capacity: self.ef, in: &memory)
        late = try GrowableArray(capacity: 16, in: &memory)
    }

    /// Finds the first answers. To be called once, before `next`.
    public mutating func begin<Graph: NeighborGraph>(in graph: inout Graph) throws(Graph.Failure) {
        guard let entry = try graph.entryPoint(),
            let start = try descend(from: entry, to: 0, with: &search, in: &graph)
        else {
            isAtEnd = true
            return
        }
        search.clear()
        try graph.beginVisits()
        _ = try graph.visit(start.node)
        try search.start(start, level: 0, ef: ef, keepsRest: true, in: &graph)
        try search.run(level: 0, ef: ef, keepsRest: true, in: &graph)
        if graph.estimates(0), search.isBlurred(ef: ef) {
            try searchExactly(from: start.node, in: &graph)
        }
        try takeAnswers(in: &graph)
    }

    /// Begins anew without estimates, where those have led to.
    private mutating func searchExactly<Graph: NeighborGraph>(
        from start: NodeReference, in graph: inout Graph
    ) throws(Graph.Failure) {
        graph.stopEstimating()
        var best = start
        search.keepNearest()
        if search.nearest.count > 0 { best = search.nearest.top.node }
        search.clear()
        try graph.beginVisits()
        _ = try graph.visit(best)
        var scored = ScoredNode(distance: 0, node: .none)
        guard try graph.score(&best, count: 1, into: &scored) == 1 else { return }
        try search.start(scored, level: 0, ef: ef, keepsRest: true, in: &graph)
        try search.run(level: 0, ef: ef, keepsRest: true, in: &graph)
    }

    /// The next nearest node, nil when all that can be reached has been answered.
    public mutating func next<Graph: NeighborGraph>(in graph: inout Graph) throws(Graph.Failure)
        -> ScoredNode?
    {
        while true {
            if ready.count > 0 {
                let node = ready.pop()
                last = max(last, node.distance)
                return node
            }
            if isAtEnd { return nil }
            try widen(in: &graph)
            if search.nearest.count == 0 {
                isAtEnd = true
                try answerLate(in: &graph)
            } else {
                try takeAnswers(in: &graph)
            }
        }
    }

    /// Lets the beam out, the farther the less certain it is which nodes are the next.
    private mutating func widen<Graph: NeighborGraph>(in graph: inout Graph) throws(Graph.Failure) {
        while true {
            try search.resume(level: 0, ef: beam, in: &graph)
            try search.run(level: 0, ef: beam, keepsRest: true, in: &graph)
            guard graph.estimates(0) else { return }
            if try search.holdBackUncertain(ef: beam, wanted: (ef &+ 3) / 4, in: &graph) { return }
            beam &*= 2
        }
    }

    /// Adds a node that no link led to. It is answered by the next calls of `next`, after all others.
    public mutating func add<Memory: MemorySource>(_ node: ScoredNode, in memory: inout Memory)
        throws(Memory.Failure)
    {
        try ready.push(node, in: &memory)
    }

    private mutating func takeAnswers<Graph: NeighborGraph>(in graph: inout Graph)
        throws(Graph.Failure)
    {
        try search.moveNearest(to: &ready.nodes, in: &graph)
        var kept = 0
        for index in 0..<ready.count {
            let node = ready.nodes[index]
            if node.distance < last {
                try late.append(node, in: &graph)
            } else {
                ready.nodes[kept] = node
                kept &+= 1
            }
        }
        ready.nodes.count = kept
        ready.reorder()
    }

    private mutating func answerLate<Graph: NeighborGraph>(in graph: inout Graph)
        throws(Graph.Failure)
    {
        for index in 0..<late.count { try ready.push(late[index], in: &graph) }
        late.count = 0
    }
}
