import Testing
import VectorKernels

@testable import NearestNeighbors

/// The answers of a search, one after the other.
@Suite struct GraphSearchTests {
    @Test(
        arguments: [Metric.Kind.squaredEuclidean, .innerProduct, .cosine],
        [Rows.Spread.even, .clustered, .grid])
    func answersComeInOrderAndAreComplete(kind: Metric.Kind, spread: Rows.Spread) {
        let metric = Metric.of(kind)
        let shape = GraphShape(dimensions: 5, links: 6, efConstruction: 32)
        let rows = Rows(1200, 5, spread, seed: 21)
        rows.normalize(with: metric)
        let queries = Rows(12, 5, .even, seed: 22)
        queries.normalize(with: metric)
        var graph = buildGraph(rows, shape, metric, seed: 23)
        let snapshot = graph.snapshot()
        for query in 0..<queries.count {
            graph.query = queries[query]
            let found = answers(in: &graph, ef: [1, 5, 40][query % 3])
            let numbers = found.map { Int($0.node.block) - 1 }
            let answered = Set(numbers)
            #expect(answered.count == found.count)
            #expect(
                found.allSatisfy {
                    $0.distance
                        == metric.distance(
                            queries[query], graph.vector(at: Int($0.node.block) - 1), 5)
                })
            // Once the late ones begin, and they are in order too.
            let steps = zip(found, found.dropFirst())
            #expect(steps.count { $0.distance > $1.distance } <= 1)
            // Nothing that a link leads to is left out.
            #expect(
                numbers.allSatisfy { snapshot.nodes[$0].links[0].allSatisfy(answered.contains) })
            if kind != .innerProduct {
                #expect(Double(found.count) >= 0.999 * Double(graph.count))
            }
        }
    }

    @Test(
        arguments: [Metric.Kind.squaredEuclidean, .innerProduct, .cosine],
        [Rows.Spread.even, .clustered])
    func mostOfTheNearestAreFound(kind: Metric.Kind, spread: Rows.Spread) {
        let metric = Metric.of(kind)
        let shape = GraphShape(dimensions: 16, links: 16, efConstruction: 64)
        let rows = Rows(2500, 16, spread, seed: 24)
        rows.normalize(with: metric)
        // Queries where the rows are.
        let queries = Rows(40, 16, spread, seed: 24)
        for element in 0..<40 * 16 { queries.start[element] += Float(element % 7) * 0.001 }
        queries.normalize(with: metric)
        var graph = buildGraph(rows, shape, metric, seed: 25)
        var hits = 0
        for query in 0..<queries.count {
            graph.query = queries[query]
            let nearest = rows.sortedDistances(from: queries[query], metric)
            hits += answers(in: &graph, ef: 100, limit: 10).count { $0.distance <= nearest[9] }
        }
        #expect(Double(hits) / 400 >= (kind == .innerProduct ? 0.85 : 0.98))
    }

    @Test func addedNodesAreAnsweredToo() {
        let shape = GraphShape(dimensions: 2, links: 4, efConstruction: 8)
        let rows = Rows(20, 2, .even, seed: 26)
        var graph = buildGraph(rows, shape, .of(.squaredEuclidean), seed: 27)
        graph.query = rows[3]
        var search = IncrementalSearch(shape, ef: 3, in: &graph)
        search.begin(in: &graph)
        var count = 0
        while search.next(in: &graph) != nil { count += 1 }
        #expect(count == 20)
        let stray = NodeReference(block: 99, offset: 0)
        search.add(ScoredNode(distance: 1, node: stray), in: &graph)
        let last = (0..<3).map { _ in search.next(in: &graph)?.node }
        #expect(last == [stray, nil, nil])
    }
}
