import Testing
import VectorKernels

@testable import NearestNeighbors

/// A graph whose links come with estimates of the distances to where they lead, made of one without.
///
/// An estimate is wrong by a share, up to `error` and as the generator has it, of what the distance is above
/// `floor`: of what a code's error depends on, and not on where the metric's zero is.
struct EstimatingGraph<Base: NeighborGraph>: NeighborGraph {
    typealias Failure = Base.Failure

    var base: Base
    let error: Float
    /// The least distance that there is.
    var floor: Float = 0
    /// The highest level with estimates.
    let highest: Int
    /// Nodes whose own distance is asked for, and lists that are read without estimates.
    private(set) var scores = 0
    private(set) var plainLists = 0
    private(set) var expansions = 0
    /// The nodes that may be scored or expanded.
    var limit = Int.max
    var isSpent: Bool { scores + expansions > limit }
    private var random: RandomSource
    /// Of its own: copies of a base would share theirs.
    private var visited: Set<UInt64> = []

    init(_ base: Base, error: Float, highest: Int = .max, seed: UInt64 = 77) {
        self.base = base
        self.error = error
        self.highest = highest
        random = RandomSource(seed: seed)
    }

    var shape: GraphShape { base.shape }

    mutating func allocate(bytes count: Int) throws(Failure) -> UnsafeMutableRawPointer {
        try base.allocate(bytes: count)
    }

    mutating func release(_ memory: UnsafeMutableRawPointer) throws(Failure) {
        try base.release(memory)
    }

    mutating func entryPoint() throws(Failure) -> EntryPoint? { try base.entryPoint() }

    mutating func beginVisits() throws(Failure) { visited.removeAll() }

    mutating func visit(_ node: NodeReference) throws(Failure) -> Bool {
        visited.insert(node.raw).inserted
    }

    mutating func neighbors(
        of node: NodeReference, level: Int, into list: UnsafeMutablePointer<NodeReference>
    ) throws(Failure) -> Int {
        plainLists += 1
        return try base.neighbors(of: node, level: level, into: list)
    }

    mutating func score(
        _ nodes: UnsafePointer<NodeReference>, count: Int,
        into scored: UnsafeMutablePointer<ScoredNode>
    ) throws(Failure) -> Int {
        scores += count
        return try base.score(nodes, count: count, into: scored)
    }

    func estimates(_ level: Int) -> Bool { level <= highest }

    mutating func expand(
        _ node: NodeReference, level: Int, neighbors: UnsafeMutablePointer<NodeReference>,
        into scored: UnsafeMutablePointer<ScoredNode>
    ) throws(Failure) -> (node: ScoredNode?, count: Int) {
        expansions += 1
        var asked = node
        var own = ScoredNode(distance: 0, node: node)
        guard try base.score(&asked, count: 1, into: &own) == 1 else { return (nil, 0) }
        let found = try base.neighbors(of: node, level: level, into: neighbors)
        var new = 0
        for slot in 0..<found where try visit(neighbors[slot]) {
            var end = neighbors[slot]
            var exact = ScoredNode(distance: 0, node: end)
            // The code of a node that is gone stays where the link is; and nobody sees who is dead.
            let isThere = try base.score(&end, count: 1, into: &exact) == 1
            let distance = isThere ? exact.distance : own.distance
            let share = error == 0 ? 0 : Float.random(in: -error...error, using: &random)
            scored[new] = ScoredNode(
                distance: distance + (distance - floor) * share, node: neighbors[slot])
            new += 1
        }
        return (own, new)
    }

    mutating func breathe() throws(Failure) { try base.breathe() }
}

/// Searches that are led by estimates.
@Suite struct GraphEstimateTests {
    private static let kinds = [Metric.Kind.squaredEuclidean, .innerProduct, .cosine]

    /// The nearest nodes on the ground layer, by one search of it.
    private func nearest<Graph: NeighborGraph>(in graph: inout Graph, ef: Int) throws(Graph.Failure)
        -> [ScoredNode]
    {
        guard let entry = try graph.entryPoint() else { return [] }
        var search = try LayerSearch(graph.shape, ef: ef, in: &graph)
        guard let start = try descend(from: entry, to: 0, with: &search, in: &graph) else {
            return []
        }
        search.clear()
        try graph.beginVisits()
        _ = try graph.visit(start.node)
        try search.start(start, level: 0, ef: ef, keepsRest: false, in: &graph)
        try search.run(level: 0, ef: ef, keepsRest: false, in: &graph)
        var sorted = [ScoredNode](
            repeating: ScoredNode(distance: 0, node: .none), count: search.nearest.count)
        let count = sorted.withUnsafeMutableBufferPointer { sorted in
            sorted.baseAddress.map { search.takeSorted(into: $0) } ?? 0
        }
        #expect(count == sorted.count)
        return sorted
    }

    /// Rows near which there are queries, and the graph of the rows.
    private struct Sample {
        let metric: Metric
        let rows: Rows
        let queries: Rows
        let graph: TestGraph

        init(_ kind: Metric.Kind, _ spread: Rows.Spread, rows count: Int, seed: UInt64) {
            metric = .of(kind)
            let shape = GraphShape(dimensions: 12, links: 12, efConstruction: 64)
            rows = Rows(count, 12, spread, seed: seed)
            queries = Rows(24, 12, spread, seed: seed)
            for element in 0..<24 * 12 { queries.start[element] += Float(element % 7) * 0.003 }
            rows.normalize(with: metric)
            queries.normalize(with: metric)
            graph = buildGraph(rows, shape, metric, seed: seed + 1)
        }

        func exact(_ query: Int, _ node: ScoredNode) -> Float {
            metric.distance(queries[query], graph.vector(at: Int(node.node.block) - 1), 12)
        }
    }

    @Test(arguments: kinds, [Rows.Spread.even, .clustered])
    func trueEstimatesFindWhatDistancesFind(kind: Metric.Kind, spread: Rows.Spread) {
        let sample = Sample(kind, spread, rows: 1500, seed: 81)
        // Copies of a graph share what it knows of visits, so there is one that searches by itself.
        var plain = sample.graph
        for highest in [0, Int.max] {
            var led = EstimatingGraph(sample.graph, error: 0, highest: highest)
            for query in 0..<sample.queries.count {
                let ef = [1, 10, 60][query % 3]
                plain.query = sample.queries[query]
                led.base.query = sample.queries[query]
                let wanted = nearest(in: &plain, ef: ef)
                let found = nearest(in: &led, ef: ef)
                #expect(found.count == ef)
                #expect(found.map(\.distance) == wanted.map(\.distance))
                #expect(found.map(\.node) == wanted.map(\.node))
                // One after the other too, as far as the first beam is ahead.
                let many = answers(in: &led, ef: ef, limit: max(ef / 2, 1))
                #expect(many.map(\.node) == wanted.prefix(many.count).map(\.node))
            }
        }
    }

    /// A step reads the node that is expanded and no other.
    @Test func onlyWhatIsExpandedIsRead() {
        let sample = Sample(.squaredEuclidean, .even, rows: 1500, seed: 82)
        var led = EstimatingGraph(sample.graph, error: 0.05)
        for query in 0..<sample.queries.count {
            led.base.query = sample.queries[query]
            _ = nearest(in: &led, ef: 40)
        }
        // The entry point's own distance is all that is asked for besides.
        #expect(led.scores == sample.queries.count)
        #expect(led.plainLists == 0)
        #expect(led.expansions < sample.queries.count * 150)
    }

    /// Estimates on the ground layer alone leave the others as they are.
    @Test func levelsDiffer() {
        let sample = Sample(.squaredEuclidean, .even, rows: 1500, seed: 83)
        var led = EstimatingGraph(sample.graph, error: 0.05, highest: 0)
        led.base.query = sample.queries[0]
        #expect(nearest(in: &led, ef: 30).count == 30)
        #expect(led.plainLists > 0)
        #expect(led.expansions >= 30)
    }

    @Test(arguments: kinds, [Rows.Spread.even, .clustered])
    func roughEstimatesCostLittleRecall(kind: Metric.Kind, spread: Rows.Spread) {
        let sample = Sample(kind, spread, rows: 2000, seed: 84)
        var plain = sample.graph
        var led = EstimatingGraph(sample.graph, error: 0.05)
        var hits = 0
        var plainHits = 0
        for query in 0..<sample.queries.count {
            plain.query = sample.queries[query]
            led.base.query = sample.queries[query]
            let sorted = sample.rows.sortedDistances(from: sample.queries[query], sample.metric)
            let tenth = sorted[9]
            led.floor = sorted[0]
            plainHits += nearest(in: &plain, ef: 40).prefix(10).count { $0.distance <= tenth }
            let found = nearest(in: &led, ef: 60)
            hits += found.prefix(10).count { $0.distance <= tenth }
            #expect(found.allSatisfy { $0.distance == sample.exact(query, $0) })
            #expect(zip(found, found.dropFirst()).allSatisfy { $0.distance <= $1.distance })
            #expect(Set(found.map(\.node.raw)).count == 60)
        }
        let all = Double(10 * sample.queries.count)
        #expect(Double(hits) / all >= Double(plainHits) / all - 0.02)
        #expect(Double(hits) / all >= (kind == .innerProduct ? 0.85 : 0.96))
    }

    @Test(arguments: kinds, [Float(0), 0.05, 0.3])
    func everyReachableNodeIsAnsweredOnceOrLate(kind: Metric.Kind, error: Float) {
        let sample = Sample(kind, .even, rows: 1200, seed: 85)
        var led = EstimatingGraph(sample.graph, error: error)
        var allLate = 0
        var answered = 0
        for query in 0..<12 {
            led.base.query = sample.queries[query]
            led.floor =
                sample.rows.sortedDistances(from: sample.queries[query], sample.metric)[0]
            let (found, late) = answersAndLate(in: &led, ef: [1, 5, 40][query % 3])
            #expect(Set(found.map(\.node.block)).count == found.count)
            #expect(found.allSatisfy { $0.distance == sample.exact(query, $0) })
            #expect(zip(found, found.dropFirst()).allSatisfy { $0.distance <= $1.distance })
            #expect(found.count + late <= sample.graph.count)
            if kind != .innerProduct {
                #expect(Double(found.count + late) >= 0.999 * Double(sample.graph.count))
            }
            // A narrow beam passes by more.
            if query % 3 == 2 {
                answered += found.count
                allLate += late
            }
        }
        #expect(
            Double(allLate) <= (error == 0 ? 0.01 : error < 0.1 ? 0.02 : 0.2) * Double(answered))
    }

    /// What links lead to from the entry point, of what is there.
    private func reachableNodes(of graph: PagedGraph) -> [NodeReference] {
        guard let entry = graph.entryNode else { return [] }
        var seen: Set<UInt64> = [entry.raw]
        var found = [entry]
        var next = 0
        while next < found.count {
            for link in graph.links(of: found[next], 0)
            where graph.isThere(link) && seen.insert(link.raw).inserted { found.append(link) }
            next += 1
        }
        return found
    }

    /// Dead nodes lead on and are no answers; those that are gone are neither.
    @Test(arguments: [Float(0), 0.05])
    func deadNodesLeadOn(error: Float) throws {
        let metric = Metric.of(.squaredEuclidean)
        let shape = GraphShape(dimensions: 4, links: 6, efConstruction: 40, maximumLevel: 4)
        let rows = Rows(600, 4, .even, seed: 86)
        var paged = PagedGraph(shape, metric, query: rows[0])
        var insertion = try GraphInsertion(shape, in: &paged)
        var random = RandomSource(seed: 87)
        for row in 0..<rows.count {
            paged.currentRow = UInt64(row)
            paged.query = rows[row]
            let level = shape.randomLevel(using: &random)
            _ = try insertion.insert(rows[row], level: level, into: &paged)
        }
        for (number, node) in paged.references.enumerated() where number % 3 == 0 {
            paged.bury(node)
        }
        // The entry point too.
        if let entry = paged.entryNode { paged.bury(entry) }
        var led = EstimatingGraph(paged, error: error)
        var plain = paged
        for query in 0..<9 {
            plain.query = rows[query]
            led.base.query = rows[query]
            let live = paged.references.filter { paged.isLive($0) }
            let found = try answers(in: &led, ef: [1, 5, 40][query % 3])
            // Links lead through the dead to all that live.
            #expect(Set(found.map(\.node.raw)) == Set(live.map(\.raw)))
            #expect(found.count == live.count)
            let tenth = live.map { metric.distance(rows[query], paged.vector(of: $0), 4) }
                .sorted()[9]
            let best = try nearest(in: &led, ef: 60).prefix(10)
            let plainBest = try nearest(in: &plain, ef: 60).prefix(10)
            let hits = best.count { $0.distance <= tenth }
            let plainHits = plainBest.count { $0.distance <= tenth }
            #expect(hits >= plainHits - 1)
            #expect(best.allSatisfy { paged.isLive($0.node) })
        }
        // Half of the dead go. Their links and codes remain.
        for (number, node) in paged.references.enumerated()
        where number % 6 == 0 && node != paged.entryNode { paged.remove(node) }
        led = EstimatingGraph(paged, error: error)
        for query in 0..<9 {
            led.base.query = rows[query]
            let found = try answers(in: &led, ef: [1, 5, 40][query % 3])
            #expect(Set(found.map(\.node.raw)).count == found.count)
            #expect(found.allSatisfy { paged.isLive($0.node) })
            let reachable = reachableNodes(of: paged)
            #expect(found.count * 100 >= reachable.count { paged.isLive($0) } * 97)
        }
    }

    /// What is thrown while nodes are expanded comes out, and nothing else happens.
    @Test func failuresComeThrough() throws {
        let metric = Metric.of(.squaredEuclidean)
        let shape = GraphShape(dimensions: 4, links: 4, efConstruction: 20, maximumLevel: 3)
        let rows = Rows(60, 4, .even, seed: 88)
        var paged = PagedGraph(shape, metric, query: rows[0])
        var insertion = try GraphInsertion(shape, in: &paged)
        for row in 0..<rows.count {
            paged.query = rows[row]
            _ = try insertion.insert(rows[row], level: row % 16 == 0 ? 1 : 0, into: &paged)
        }
        var led = EstimatingGraph(paged, error: 0.05)
        let before = led.base.calls
        let whole = try answers(in: &led, ef: 5).count
        let needed = led.base.calls - before
        #expect(whole == 60)
        for calls in stride(from: 0, to: needed, by: 7) {
            led = EstimatingGraph(paged, error: 0.05)
            led.base.callsUntilFailure = calls
            #expect(throws: PagedFailure.injected) { try answers(in: &led, ef: 5) }
        }
    }

    @Test func anEmptyGraphAndOneNode() {
        let shape = GraphShape(dimensions: 2, links: 4, efConstruction: 8)
        let rows = Rows(1, 2, .even, seed: 89)
        let empty = TestGraph(
            shape, .of(.squaredEuclidean), query: rows[0], memory: PooledMemory())
        var led = EstimatingGraph(empty, error: 0.05)
        #expect(answers(in: &led, ef: 10).isEmpty)
        led = EstimatingGraph(
            buildGraph(rows, shape, .of(.squaredEuclidean), seed: 90), error: 0.05)
        #expect(answers(in: &led, ef: 10).map(\.distance) == [0])
    }
}
