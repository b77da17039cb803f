/// The beam search of one layer (Malkov and Yashunin 2016, algorithm 2), and its continuation.
///
/// `nearest` holds the best `ef` live nodes seen, `candidates` those whose neighbours are still to be
/// looked at. With `keepsRest` everything that was seen and is not among the nearest is kept aside, so
/// that the search can go on where it stopped. One instance is used for many searches; its memory
/// stays.
///
/// Where the graph has estimates of its neighbours' distances, candidates are ordered by these, and a node
/// is among the nearest only once it was expanded, with the exact distance that comes with that. Then a
/// step reads one node, not all of its neighbours (the idea of SymphonyQG, Gou et al. 2025).
public struct LayerSearch {
    /// Seen, not yet expanded.
    public private(set) var candidates: BinaryHeap<NearestFirst>
    /// The best so far.
    public private(set) var nearest: BinaryHeap<FarthestFirst>
    /// Seen and not among the best; in no order.
    private var rest: GrowableArray<ScoredNode>
    /// Live nodes whose distances are known, from earlier parts of a search that goes on.
    var found: BinaryHeap<NearestFirst>
    /// The squares of the estimates' errors, summed up, and how many there were.
    private var squaredErrors = 0.0
    private var expansions = 0
    private let neighbors: UnsafeMutablePointer<NodeReference>
    private let scored: UnsafeMutablePointer<ScoredNode>

    /// Room for searches in graphs of the given shape.
    public init<Memory: MemorySource>(_ shape: GraphShape, ef: Int, in memory: inout Memory)
        throws(Memory.Failure)
    {
        candidates = try BinaryHeap(capacity: 512, in: &memory)
        nearest = try BinaryHeap(capacity: ef &+ 1, in: &memory)
        rest = try GrowableArray(capacity: 512, in: &memory)
        found = try BinaryHeap(capacity: 1, in: &memory)
        let list = max(shape.groundLinks, 1)
        neighbors = try memory.allocate(bytes: list &* MemoryLayout<NodeReference>.stride)
            .assumingMemoryBound(to: NodeReference.self)
        scored = try memory.allocate(bytes: list &* MemoryLayout<ScoredNode>.stride)
            .assumingMemoryBound(to: ScoredNode.self)
    }

    /// Forgets everything.
    public mutating func clear() {
        candidates.nodes.count = 0
        nearest.nodes.count = 0
        rest.count = 0
        found.nodes.count = 0
    }

    /// Makes a scored node a starting point. The caller has noted the visit.
    public mutating func start<Graph: NeighborGraph>(
        _ node: ScoredNode, level: Int, ef: Int, keepsRest: Bool, in graph: inout Graph
    ) throws(Graph.Failure) {
        if graph.estimates(level) {
            try candidates.push(node, in: &graph)
        } else {
            try consider(node, ef: ef, keepsRest: keepsRest, in: &graph)
        }
    }

    /// Expands candidates until none is nearer than the `ef`-th best, or none is left.
    ///
    /// Each step reads one node's neighbours and computes the distances of those not yet visited.
    @inline(__always)
    public mutating func run<Graph: NeighborGraph>(
        level: Int, ef: Int, keepsRest: Bool, in graph: inout Graph
    ) throws(Graph.Failure) {
        if graph.estimates(level) {
            return try runEstimating(level: level, ef: ef, keepsRest: keepsRest, in: &graph)
        }
        while candidates.count > 0 {
            if nearest.count >= ef, candidates.top.distance > nearest.top.distance { break }
            if keepsRest, graph.isSpent { break }
            let candidate = candidates.pop()
            try graph.breathe()
            let found = try graph.neighbors(of: candidate.node, level: level, into: neighbors)
            var new = 0
            for index in 0..<found where try graph.visit(neighbors[index]) {
                neighbors[new] = neighbors[index]
                new &+= 1
            }
            let count = try graph.score(neighbors, count: new, into: scored)
            for index in 0..<count {
                try consider(scored[index], ef: ef, keepsRest: keepsRest, in: &graph)
            }
        }
    }

    @inline(__always)
    private mutating func runEstimating<Graph: NeighborGraph>(
        level: Int, ef: Int, keepsRest: Bool, in graph: inout Graph
    ) throws(Graph.Failure) {
        while candidates.count > 0 {
            if nearest.count >= ef, candidates.top.distance > nearest.top.distance { break }
            if keepsRest, graph.isSpent { break }
            let candidate = candidates.pop()
            try graph.breathe()
            // While this one is worked on, what seems to be the next can come from memory.
            if candidates.count > 0 { graph.announce(candidates.top.node) }
            let found = try graph.expand(
                candidate.node, level: level, neighbors: neighbors, into: scored)
            if let node = found.node {
                let error = Double(node.distance - candidate.distance)
                if error.isFinite { squaredErrors += error * error }
                expansions &+= 1
            }
            if let node = found.node, node.isLive {
                try admit(node, ef: ef, keepsRest: keepsRest, in: &graph)
            }
            for index in 0..<found.count {
                if nearest.count < ef || scored[index].distance < nearest.top.distance {
                    try candidates.push(scored[index], in: &graph)
                } else if keepsRest {
                    try rest.append(scored[index], in: &graph)
                }
            }
        }
    }

    /// Takes in an expanded node with its exact distance.
    @inline(__always)
    private mutating func admit<Graph: NeighborGraph>(
        _ expanded: ScoredNode, ef: Int, keepsRest: Bool, in graph: inout Graph
    ) throws(Graph.Failure) {
        var node = expanded
        node.isQueued = true
        if nearest.count < ef {
            try nearest.push(node, in: &graph)
        } else if node.distance < nearest.top.distance {
            if keepsRest { try rest.append(nearest.top, in: &graph) }
            nearest.replaceTop(node)
        } else if keepsRest {
            try rest.append(node, in: &graph)
        }
    }

    @inline(__always)
    private mutating func consider<Graph: NeighborGraph>(
        _ seen: ScoredNode, ef: Int, keepsRest: Bool, in graph: inout Graph
    ) throws(Graph.Failure) {
        var node = seen
        guard node.isLive else {
            // It leads on, and takes nobody's place.
            if nearest.count < ef || node.distance < nearest.top.distance {
                try candidates.push(node, in: &graph)
            } else if keepsRest {
                try rest.append(node, in: &graph)
            }
            return
        }
        if nearest.count < ef {
            node.isQueued = true
            graph.announceLinks(of: node.node)
            try candidates.push(node, in: &graph)
            try nearest.push(node, in: &graph)
        } else if node.distance < nearest.top.distance {
            node.isQueued = true
            graph.announceLinks(of: node.node)
            try candidates.push(node, in: &graph)
            if keepsRest { try rest.append(nearest.top, in: &graph) }
            nearest.replaceTop(node)
        } else if keepsRest {
            try rest.append(node, in: &graph)
        }
    }

    /// Takes the nearest nodes out, nearest first. O(ef log ef).
    ///
    /// - Parameter sorted: room for `nearest.count` nodes.
    public mutating func takeSorted(into sorted: UnsafeMutablePointer<ScoredNode>) -> Int {
        let count = nearest.count
        var index = count
        while index > 0 {
            index &-= 1
            sorted[index] = nearest.pop()
        }
        return count
    }

    /// Drops all of the nearest nodes but the very nearest.
    @inline(__always)
    mutating func keepNearest() {
        while nearest.count > 1 { _ = nearest.pop() }
    }

    /// Moves the nearest nodes to those that were found. O(n) where there are none yet, else O(n log n).
    mutating func moveNearest<Memory: MemorySource>(in memory: inout Memory)
        throws(Memory.Failure)
    {
        if found.count == 0 {
            try found.nodes.reserve(nearest.count, in: &memory)
            for index in 0..<nearest.count {
                try found.nodes.append(nearest.nodes[index], in: &memory)
            }
            found.reorder()
        } else {
            for index in 0..<nearest.count {
                try found.push(nearest.nodes[index], in: &memory)
            }
        }
        nearest.nodes.count = 0
    }

    /// Moves those of the rest whose distances are known to the nodes that were found, and drops the others.
    mutating func moveRest<Memory: MemorySource>(in memory: inout Memory) throws(Memory.Failure) {
        for index in 0..<rest.count where rest[index].isLive && rest[index].isQueued {
            try found.push(rest[index], in: &memory)
        }
        rest.count = 0
    }

    /// Whether one of the nearest nodes is nearer than that.
    func hasNearest(before distance: Float) -> Bool {
        for index in 0..<nearest.count where nearest.nodes[index].distance < distance {
            return true
        }
        return false
    }

    /// Whether the errors of the estimates are so much larger than the differences between the nearest nodes that it was
    /// chance which ones were found: so it is among vectors that lie close together, far from the centre that all
    /// codes are relative to.
    func isBlurred(ef: Int) -> Bool {
        guard nearest.count >= max(ef, 8), expansions > 0 else { return false }
        var sum = 0.0
        var squares = 0.0
        for index in 0..<nearest.count {
            let distance = Double(nearest.nodes[index].distance)
            sum += distance
            squares += distance * distance
        }
        let count = Double(nearest.count)
        let variance = max(squares / count - sum / count * (sum / count), 0)
        return squaredErrors / Double(expansions) > Self.blur * variance
    }

    /// Estimates whose errors are three times the spread of the distances still lead a search well.
    private static var blur: Double { 9 }

    /// Puts those of the nearest nodes aside that may not be the next ones: where candidates are ordered by
    /// estimates, one that was left may be nearer by some times the error that estimates were seen to have.
    ///
    /// With too few that are certain all are put aside, and a wider beam is to tell.
    ///
    /// - Returns: whether enough are left.
    mutating func holdBackUncertain<Memory: MemorySource>(
        ef: Int, wanted: Int, in memory: inout Memory
    )
        throws(Memory.Failure) -> Bool
    {
        // A beam that was never full has expanded all there is.
        guard nearest.count >= ef else { return true }
        let variance = expansions > 0 ? squaredErrors / Double(expansions) : 0
        let limit = nearest.top.distance - Float(3 * variance.squareRoot())
        while nearest.count > 0, nearest.top.distance > limit {
            try rest.append(nearest.pop(), in: &memory)
        }
        guard nearest.count < wanted else { return true }
        while nearest.count > 0 { try rest.append(nearest.pop(), in: &memory) }
        return false
    }

    /// Makes the best `ef` of what was seen the nearest again and queues those that are not expanded, so that `run`
    /// goes on where it stopped. Each node that was seen costs O(log n) once, each of the nearest O(log n).
    ///
    /// - Parameter limit: nodes nearer than this are dropped, though they may still lead on.
    /// - Returns: how many were dropped.
    mutating func resume<Graph: NeighborGraph>(
        level: Int, ef: Int, beyond limit: Float, in graph: inout Graph
    ) throws(Graph.Failure) -> Int {
        let estimates = graph.estimates(level)
        for index in 0..<rest.count {
            let node = rest[index]
            if !node.isLive || (estimates && !node.isQueued) {
                // Expanding it costs little and may lead on; or nothing exact is known of it yet.
                try candidates.push(node, in: &graph)
            } else {
                try found.push(node, in: &graph)
            }
        }
        rest.count = 0
        var dropped = 0
        while nearest.count < ef, found.count > 0 {
            var node = found.pop()
            if !node.isQueued {
                node.isQueued = true
                try candidates.push(node, in: &graph)
            }
            if node.distance < limit {
                dropped &+= 1
            } else {
                try nearest.push(node, in: &graph)
            }
        }
        return dropped
    }
}

/// The walk from the entry point down to a level: on each layer above it the nearest node found
/// starts the search of the next (algorithm 5, first half). A beam wider than one node is what a graph asks for whose
/// nodes lie in many tight groups: it gets past groups that are only the nearest at hand.
@inline(__always)
func descend<Graph: NeighborGraph>(
    from entry: EntryPoint, to level: Int, with search: inout LayerSearch, in graph: inout Graph
) throws(Graph.Failure) -> ScoredNode? {
    var start = entry.node
    var scored = ScoredNode(distance: 0, node: .none)
    guard try graph.score(&start, count: 1, into: &scored) == 1 else { return nil }
    let beam = graph.descentBeam
    var layer = entry.level
    while layer > level {
        search.clear()
        try graph.beginVisits()
        _ = try graph.visit(scored.node)
        // A dead entry point still leads on; `nearest` then holds only what is live.
        try search.start(scored, level: layer, ef: beam, keepsRest: false, in: &graph)
        try search.run(level: layer, ef: beam, keepsRest: false, in: &graph)
        search.keepNearest()
        if search.nearest.count > 0, search.nearest.top.distance <= scored.distance {
            scored = search.nearest.top
        }
        layer &-= 1
    }
    return scored
}
