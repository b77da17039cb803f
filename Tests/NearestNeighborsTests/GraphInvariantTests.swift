import Testing
import VectorKernels

@testable import NearestNeighbors

/// What holds in every graph that insertion made.
@Suite struct GraphInvariantTests {
    private func check(
        _ graph: inout TestGraph, _ rows: Rows, _ comment: Comment,
        location: SourceLocation = #_sourceLocation
    ) {
        let snapshot = graph.snapshot()
        #expect(snapshot.violations(graph.shape).prefix(3) == [], comment, sourceLocation: location)
        #expect(
            snapshot.rows == (0..<UInt64(rows.count)).map { $0 }, comment, sourceLocation: location)
        #expect(graph.rowCount == rows.count && graph.count == snapshot.nodes.count)
        let areTrue = graph.keepsTrueNumbers()
        #expect(areTrue, comment, sourceLocation: location)
        for (index, node) in snapshot.nodes.enumerated() {
            let vector = rows.elements(of: Int(node.rows[0]))
            let isStored = (0..<rows.dimensions).allSatisfy {
                graph.vector(at: index)[$0] == vector[$0]
            }
            let areEqual = node.rows.allSatisfy { rows.elements(of: Int($0)) == vector }
            if !isStored || !areEqual {
                Issue.record("node \(index) has another vector", sourceLocation: location)
                break
            }
        }
    }

    @Test(arguments: 0..<80) func randomSequences(seed: Int) throws {
        var random = RandomSource(seed: UInt64(seed))
        let shape = GraphShape(
            dimensions: [1, 2, 3, 7, 16, 128].randomElement(using: &random) ?? 1,
            links: [2, 3, 5, 16, 128].randomElement(using: &random) ?? 2,
            efConstruction: [1, 4, 16, 64].randomElement(using: &random) ?? 1,
            maximumLevel: [0, 2, 15].randomElement(using: &random) ?? 15)
        let kinds: [Metric.Kind] = [.squaredEuclidean, .innerProduct, .cosine]
        let metric = Metric.of(kinds[seed % 3])
        let spread = Rows.Spread.allCases.randomElement(using: &random) ?? .even
        let rows = Rows(
            Int.random(in: 1...300, using: &random), shape.dimensions, spread, seed: random.next())
        rows.normalize(with: metric)
        var graph = buildGraph(rows, shape, metric, seed: random.next())
        check(&graph, rows, "\(shape) \(metric.kind) \(spread)")
    }

    @Test(
        arguments: [(1, 16), (2, 16), (3, 16), (128, 16), (16, 2), (16, 128)],
        [Metric.Kind.squaredEuclidean, .cosine])
    func nearlyAllNodesAreReachable(_ shape: (dimensions: Int, links: Int), kind: Metric.Kind) {
        let shape = GraphShape(
            dimensions: shape.dimensions, links: shape.links, efConstruction: 64)
        let metric = Metric.of(kind)
        let rows = Rows(1500, shape.dimensions, .even, seed: 7)
        rows.normalize(with: metric)
        var graph = buildGraph(rows, shape, metric, seed: 8)
        check(&graph, rows, "\(shape) \(kind)")
        // Four links per node on the ground cannot hold everything together.
        let wanted = shape.links == 2 ? 0.9 : 0.999
        #expect(Double(graph.snapshot().reachable) >= wanted * Double(graph.count))
    }

    /// A link to another cluster is long, and yet the one that cannot be spared.
    @Test(arguments: [Metric.Kind.squaredEuclidean, .cosine])
    func tightClustersStayConnected(kind: Metric.Kind) {
        let metric = Metric.of(kind)
        let shape = GraphShape(dimensions: 16, links: 16, efConstruction: 64)
        let rows = Rows(3000, 16, .clustered, seed: 17)
        rows.normalize(with: metric)
        let graph = buildGraph(rows, shape, metric, seed: 18)
        #expect(Double(graph.snapshot().reachable) >= 0.999 * Double(graph.count))
    }

    @Test(arguments: [Metric.Kind.squaredEuclidean, .cosine])
    func equalVectorsAreOneNode(kind: Metric.Kind) {
        let metric = Metric.of(kind)
        let shape = GraphShape(dimensions: 8, links: 4, efConstruction: 16)
        let rows = Rows(1000, 8, .equal, seed: 9)
        rows.normalize(with: metric)
        var graph = buildGraph(rows, shape, metric, seed: 10)
        #expect(graph.count == 1)
        check(&graph, rows, "all equal")
    }

    @Test func fiftyDistinctVectorsAreFiftyNodes() {
        let shape = GraphShape(dimensions: 16, links: 16, efConstruction: 64)
        let rows = Rows(10_000, 16, .fewDistinct, seed: 11)
        var graph = buildGraph(rows, shape, .of(.squaredEuclidean), seed: 12)
        #expect(graph.count == 50)
        check(&graph, rows, "50 distinct")
    }

    @Test func zeroVectorsJoinUnderCosine() {
        let metric = Metric.of(.cosine)
        let shape = GraphShape(dimensions: 8, links: 16, efConstruction: 64)
        let rows = Rows(1000, 8, .withZeros, seed: 13)
        rows.normalize(with: metric)
        let zeros = (0..<rows.count).filter { rows.elements(of: $0).allSatisfy { $0 == 0 } }
        #expect(zeros.count > 100)
        var graph = buildGraph(rows, shape, metric, seed: 14)
        check(&graph, rows, "zeros")
        let zeroNodes = graph.snapshot().nodes.filter { zeros.contains(Int($0.rows[0])) }
        // All vectors are equally far from zero, so a search may miss the zero that is there.
        #expect(zeroNodes.count <= 5)
    }

    @Test func anEmptyGraphAnswersNothing() {
        let shape = GraphShape(dimensions: 1, links: 2, efConstruction: 1)
        let rows = Rows(1, 1)
        var graph = TestGraph(shape, .of(.cosine), query: rows[0], memory: PooledMemory())
        let found = answers(in: &graph, ef: 10)
        #expect(found.isEmpty)
        #expect(graph.snapshot().violations(shape).isEmpty)
    }

    @Test func aNodeTakesNoMoreThanItSays() {
        let shape = GraphShape(dimensions: 200, links: 16, efConstruction: 8)
        let rows = Rows(3000, 200, .even, seed: 15)
        var graph = TestGraph(
            shape, .of(.squaredEuclidean), query: rows[0], memory: PooledMemory())
        var insertion = GraphInsertion(shape, in: &graph)
        var random = RandomSource(seed: 16)
        var growing = graph.bytesUsed
        for row in 0..<rows.count {
            let most = graph.bytesForOneMore
            graph.query = rows[row]
            _ = insertion.insert(
                rows[row], level: shape.randomLevel(using: &random), into: &graph)
            #expect(graph.bytesUsed - growing <= max(most, 1 << 15))
            growing = graph.bytesUsed
        }
    }
}
