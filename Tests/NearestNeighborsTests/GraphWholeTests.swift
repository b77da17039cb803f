import Testing
import VectorKernels

@testable import NearestNeighbors

/// Whatever the rows and their order, each node can be reached from each other, and a search for a row finds it.
@Suite struct GraphWholeTests {
    /// Rows that are no benchmark, in an order of their own.
    enum Shape: CaseIterable {
        case line, grid, growing, tightGroups, farFromZero, sparse, sortedByLength, equalInRuns

        func rows(_ count: Int, _ dimensions: Int) -> Rows {
            let rows = Rows(count, dimensions)
            var random = RandomSource(seed: 7)
            func noise() -> Float {
                (0..<4).reduce(0) { sum, _ in sum + Float.random(in: -1...1, using: &random) }
            }
            var centre = [Float](repeating: 0, count: dimensions)
            for row in 0..<count {
                if row % 50 == 0 {
                    for element in 0..<dimensions { centre[element] = 20 * noise() }
                }
                for element in 0..<dimensions {
                    let value: Float =
                        switch self {
                        case .line: element == 0 ? Float(row + 1) : 1
                        case .grid:
                            element == 0 ? Float(row / 40) : element == 1 ? Float(row % 40) : 1
                        case .growing: element == 0 ? 60 * Float(row) : noise()
                        case .tightGroups: centre[element] + 0.1 * noise()
                        case .farFromZero: 10_000 + noise()
                        case .sparse: noise() > 2.4 ? 1 : 0
                        case .sortedByLength: noise() * Float(row) / Float(count)
                        case .equalInRuns:
                            row % 8 == 0 ? noise() : rows[row - 1][element]
                        }
                    rows.start[row * dimensions + element] = value
                }
            }
            return rows
        }
    }

    private static let kinds: [Metric.Kind] = [.squaredEuclidean, .innerProduct, .cosine]

    /// How many nodes cannot be reached from the entry point, or do not lead to it.
    private func cutOff(_ graph: TestGraph) -> Int {
        var graph = graph
        guard let entry = graph.entryIndex?.index else { return graph.count }
        let forward = Reachability(from: entry, in: &graph)
        let backward = Reachability(to: entry, in: &graph)
        return graph.count - min(forward.count, backward.count)
    }

    private func build(_ rows: Rows, _ shape: GraphShape, _ metric: Metric) -> TestGraph {
        var graph = TestGraph(shape, metric, query: rows[0], memory: PooledMemory())
        var insertion = GraphInsertion(shape, in: &graph)
        var random = RandomSource(seed: 3)
        for row in 0..<rows.count {
            graph.currentRow = UInt64(row)
            graph.query = rows[row]
            graph.collect(level: shape.randomLevel(using: &random)) {}
        }
        graph.endCollection {}
        let order = ShuffledOrder(count: graph.count)
        for place in 0..<order.count { insertion.link(order[place], in: &graph) }
        var mending = GraphMending(insertion)
        let outcome = mending.mend(&graph, pause: {})
        #expect(outcome.unreachable == 0)
        return graph
    }

    @Test(arguments: [0, 1, 2, 3, 10, 64, 1000, 65_537]) func shuffledNumbersAreAllThere(count: Int)
    {
        let order = ShuffledOrder(count: count)
        #expect((0..<count).map { order[$0] }.sorted() == Array(0..<count))
        if count >= 1000 {
            // Neighbours in it are no neighbours.
            let near = (1..<count).count { abs(order[$0] - order[$0 - 1]) < count / 20 }
            #expect(near < count / 5)
        }
    }

    @Test(arguments: Shape.allCases, kinds) func aBuiltGraphIsWhole(shape: Shape, kind: Metric.Kind)
    {
        let metric = Metric.of(kind)
        for (links, ef, dimensions) in [(2, 4, 8), (4, 10, 48), (16, 64, 64)] {
            let rows = shape.rows(1200, dimensions)
            rows.normalize(with: metric)
            let parameters = GraphShape(
                dimensions: dimensions, links: links, efConstruction: ef)
            var graph = build(rows, parameters, metric)
            #expect(cutOff(graph) == 0)
            #expect(graph.snapshot().violations(parameters).prefix(3) == [])
            let areTrue = graph.keepsTrueNumbers()
            #expect(areTrue)
            #expect(graph.rowCount == rows.count)
            // Vectors that differ in their last bits are found for each other.
            guard links == 16, kind != .innerProduct else { continue }
            graph.isCoarse = false
            var missed = 0
            for row in stride(from: 0, to: rows.count, by: 3) {
                graph.query = rows[row]
                let own = metric.distance(rows[row], rows[row], dimensions)
                let best = answers(in: &graph, ef: 64, limit: 1).first?.distance ?? .infinity
                if best > own + 1e-4 * abs(own) { missed += 1 }
            }
            #expect(missed <= 2, "\(shape)")
        }
    }

    /// The backbone alone sees to it, without anything being mended.
    @Test(arguments: Shape.allCases, kinds) func rowByRowEachNodeIsReached(
        shape: Shape, kind: Metric.Kind
    ) {
        let metric = Metric.of(kind)
        for (links, ef) in [(2, 4), (3, 10), (16, 64)] {
            let rows = shape.rows(800, 24)
            rows.normalize(with: metric)
            let parameters = GraphShape(dimensions: 24, links: links, efConstruction: ef)
            let graph = buildGraph(rows, parameters, metric, seed: 5)
            #expect(cutOff(graph) == 0, "\(links) links")
        }
    }

    @Test func tightGroupsThatComeOneByOneAreFound() {
        let metric = Metric.of(.squaredEuclidean)
        let rows = Shape.tightGroups.rows(5000, 32)
        let parameters = GraphShape(dimensions: 32, links: 8, efConstruction: 32)
        var graph = buildGraph(rows, parameters, metric, seed: 5)
        #expect(graph.farCount > 50)
        graph.isCoarse = false
        var missed = 0
        for row in stride(from: 0, to: rows.count, by: 10) {
            graph.query = rows[row]
            if answers(in: &graph, ef: 40, limit: 1).first?.distance != 0 { missed += 1 }
        }
        #expect(missed <= 15)
        // And rows without groups are not taken for such.
        #expect(
            buildGraph(Rows(5000, 32, .even, seed: 6), parameters, metric, seed: 5).farCount < 20)
    }

    /// Rows that all are equally near to, among others that all are near to: who comes last hides who came first.
    @Test(arguments: [0, 10]) func whatSearchesOnPagesMissIsLinked(interference: Int) throws {
        let metric = Metric.of(.squaredEuclidean)
        let rows = Shape.sparse.rows(1500, 100)
        let parameters = GraphShape(dimensions: 100, links: 6, efConstruction: 24)
        var graph = PagedGraph(parameters, metric, query: rows[0], rowCapacity: 20)
        var insertion = try GraphInsertion(parameters, in: &graph)
        var random = RandomSource(seed: 4)
        for row in 0..<rows.count {
            graph.currentRow = UInt64(row)
            graph.query = rows[row]
            _ = try insertion.insert(
                rows[row], level: parameters.randomLevel(using: &random), into: &graph)
        }
        // Each vector is in the graph, some once for several rows.
        func missed() throws -> Int {
            var number = 0
            for row in stride(from: 0, to: rows.count, by: 3) {
                graph.query = rows[row]
                if try answers(in: &graph, ef: 24, limit: 1).first?.distance != 0 { number += 1 }
            }
            return number
        }
        let before = try missed()
        #expect(before >= 10)
        graph.interference = interference
        var missedNodes = MissedNodes(insertion, candidates: 40, rounds: 3)
        let linked = try missedNodes.link(count: rows.count, in: &graph) {
            () throws(PagedFailure) in
        }
        #expect(linked >= before)
        graph.interference = 0
        let after = try missed()
        #expect(after * 10 <= before, "\(before) before, \(after) after")
        #expect(isWhole(graph))
        #expect(graph.snapshot().violations(parameters).prefix(3) == [])
        // What is found costs the searches of a sample.
        var looked = 0
        _ = try missedNodes.link(count: 64, in: &graph) { () throws(PagedFailure) in looked += 1 }
        #expect(looked < 200 || after > 0)
    }

    @Test func whatHasNoLinksIsLinked() {
        let metric = Metric.of(.squaredEuclidean)
        let rows = Rows(500, 8, .even, seed: 9)
        let parameters = GraphShape(dimensions: 8, links: 4, efConstruction: 20)
        var graph = buildGraph(rows, parameters, metric, seed: 10)
        let lonely = Rows(30, 8, .even, seed: 11)
        for row in 0..<lonely.count {
            graph.query = lonely[row]
            _ = graph.addUnlinkedNode(level: 0)
        }
        #expect(cutOff(graph) == 30)
        var mending = GraphMending(GraphInsertion(parameters, in: &graph))
        let outcome = mending.mend(&graph, pause: {})
        #expect(outcome.unreachable == 0)
        #expect(outcome.found + outcome.joined >= 30)
        #expect(cutOff(graph) == 0)
        #expect(graph.snapshot().violations(parameters).prefix(3) == [])
    }

    @Test(arguments: kinds, [2, 4, 16]) func removingNodesLeavesTheOthersWhole(
        kind: Metric.Kind, links: Int
    ) throws {
        let metric = Metric.of(kind)
        for (seed, share) in [(20, 3), (21, 10), (22, 30), (23, 60), (24, 90)] {
            let shape = GraphShape(
                dimensions: 8, links: links, efConstruction: 24, maximumLevel: 4)
            let rows = Rows(700, 8, seed % 2 == 0 ? .clustered : .even, seed: UInt64(seed))
            rows.normalize(with: metric)
            var graph = PagedGraph(shape, metric, query: rows[0], rowCapacity: 20)
            var insertion = try GraphInsertion(shape, in: &graph)
            var random = RandomSource(seed: UInt64(seed))
            for row in 0..<rows.count {
                graph.currentRow = UInt64(row)
                graph.query = rows[row]
                _ = try insertion.insert(
                    rows[row], level: shape.randomLevel(using: &random), into: &graph)
            }
            #expect(isWhole(graph))
            for _ in 0..<2 {
                for node in graph.present
                where Int.random(in: 0..<100, using: &random) < share {
                    graph.bury(node)
                    graph.doomed.insert(node.place)
                }
                graph.moveEntryPoint()
                guard graph.entryNode != nil else { break }
                let gone = graph.present.filter { graph.isDoomed($0) }
                    .sorted { $0.place < $1.place }
                try gone.withUnsafeBufferPointer { gone in
                    try BackboneRepair(shape, in: &graph).repair(
                        without: gone, in: &graph, setQuery: { $0.query = $1 },
                        pause: { () throws(PagedFailure) in })
                }
                var repair = try GraphRepair(shape, in: &graph)
                for node in graph.present where !graph.isDoomed(node) {
                    for level in 0...graph.level(of: node) {
                        _ = try repair.repair(node, level: level, in: &graph) { $0.query = $1 }
                    }
                }
                for node in gone { graph.remove(node) }
                graph.doomed = []
                #expect(isWhole(graph), "\(share) % of \(kind), \(links) links")
                #expect(graph.snapshot().violations(shape).prefix(3) == [])
            }
        }
    }

    /// Whether each node can be reached from each other.
    private func isWhole(_ graph: PagedGraph) -> Bool {
        let snapshot = graph.snapshot()
        guard let entry = snapshot.entry else { return snapshot.nodes.isEmpty }
        var links = ListedLinks(
            lists: snapshot.nodes.map { node in node.links[0].map { UInt32($0) } })
        return Reachability(from: entry, in: &links).count == snapshot.nodes.count
            && Reachability(to: entry, in: &links).count == snapshot.nodes.count
    }
}
