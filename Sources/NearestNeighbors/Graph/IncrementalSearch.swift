/// The nearest nodes of a graph one after the other, until the caller has enough.
///
/// It is a beam search whose beam is let out again and again, each time by twice as many nodes, without forgetting anything
/// in between. It is always ahead of the answers: of the nearest nodes that are found and not answered, half are answered
/// before the beam goes on, or less where nodes have come too late. The answers come in strict order of distance. What turns
/// out to be nearer than the last answer, having been missed before, is left out, and counted.
///
/// Where the graph says that it is spent the answers end; see `NeighborGraph.isSpent`.
public struct IncrementalSearch {
    private var search: LayerSearch
    private let ef: Int
    private let expected: Int
    /// The beam of the present continuation; wider than `ef` where estimates are rough.
    private var beam: Int
    /// How many times as many nodes are found as may be answered; the more the more often nodes come too late.
    private var ahead = 2
    /// How many of the nodes found may be answered before the beam goes on.
    private var allowance = 0
    private var isAtEnd = false
    /// The distance of the last answer.
    public private(set) var last: Float = -.infinity
    /// How many nodes were left out because farther ones had been answered.
    public private(set) var lateCount = 0

    /// The narrowest beam with which a search goes on.
    private static var narrowestBeam: Int { 64 }
    private static var farthestAhead: Int { 4 }

    /// A search with a beam of `ef` nodes, 1 or more.
    ///
    /// - Parameter expected: so many answers, if the beam finds them, come before it goes on.
    public init<Memory: MemorySource>(
        _ shape: GraphShape, ef: Int, expected: Int = 0, in memory: inout Memory
    ) throws(Memory.Failure) {
        self.expected = expected
        self.ef = max(ef, 1)
        beam = max(self.ef &* 2, Self.narrowestBeam)
        search = try LayerSearch(shape, ef: self.ef, in: &memory)
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
        // A beam that is not full has reached all there is.
        let isFull = search.nearest.count >= ef
        let first = isFull ? max(ef / ahead, expected, 1) : ef
        if !graph.isSpent { try takeAnswers(first, in: &graph) }
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

    /// The next nearest node; nil when all that can be reached has been answered, or the graph is spent. O(log n) and the
    /// nodes that are read for it.
    public mutating func next<Graph: NeighborGraph>(in graph: inout Graph) throws(Graph.Failure)
        -> ScoredNode?
    {
        while true {
            while allowance > 0, search.found.count > 0 {
                allowance &-= 1
                let node = search.found.pop()
                if node.distance < last {
                    lateCount &+= 1
                    continue
                }
                last = node.distance
                return node
            }
            if isAtEnd || graph.isSpent { return nil }
            try widen(in: &graph)
        }
    }

    /// Lets the beam out, the farther the less certain it is which nodes are the next.
    private mutating func widen<Graph: NeighborGraph>(in graph: inout Graph) throws(Graph.Failure) {
        while true {
            lateCount &+= try search.resume(level: 0, ef: beam, beyond: last, in: &graph)
            try search.run(level: 0, ef: beam, keepsRest: true, in: &graph)
            if graph.isSpent { return }
            let isFull = search.nearest.count >= beam
            if search.hasNearest(before: last) { ahead = min(ahead &* 2, Self.farthestAhead) }
            var isCertain = true
            if graph.estimates(0) {
                isCertain = try search.holdBackUncertain(
                    ef: beam, wanted: (beam &+ 3) / 4, in: &graph)
            }
            let answerable = isFull ? max(beam / ahead, 1) : beam
            // Who has asked for more once will probably do so again.
            beam &*= 2
            if isCertain { return try takeAnswers(answerable, in: &graph) }
        }
    }

    /// Lets nodes be answered, at most so many of the nearest.
    private mutating func takeAnswers<Graph: NeighborGraph>(
        _ answerable: Int, in graph: inout Graph
    ) throws(Graph.Failure) {
        allowance = min(search.nearest.count, answerable)
        isAtEnd = allowance == 0
        try search.moveNearest(in: &graph)
    }

    /// Ends the search where it is. What has been found is still answered.
    public mutating func stop<Memory: MemorySource>(in memory: inout Memory)
        throws(Memory.Failure)
    {
        isAtEnd = true
        try search.moveNearest(in: &memory)
        try search.moveRest(in: &memory)
        allowance = search.found.count
    }
}
