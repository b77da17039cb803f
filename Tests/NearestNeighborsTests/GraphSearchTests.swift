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
        for query in 0..<queries.count {
            graph.query = queries[query]
            let (found, late) = answersAndLate(in: &graph, ef: [1, 5, 40][query % 3])
            let numbers = found.map { Int($0.node.block) - 1 }
            let answered = Set(numbers)
            #expect(answered.count == found.count)
            #expect(
                found.allSatisfy {
                    $0.distance
                        == metric.distance(
                            queries[query], graph.vector(at: Int($0.node.block) - 1), 5)
                })
            #expect(zip(found, found.dropFirst()).allSatisfy { $0.distance <= $1.distance })
            if kind != .innerProduct {
                #expect(Double(found.count + late) >= 0.999 * Double(graph.count))
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

    /// Nearly all rows come, in order; those that do not were found too late, and are counted.
    @Test(arguments: [false, true])
    func answersOfLongSearchesAreInOrder(estimates: Bool) {
        let metric = Metric.of(.squaredEuclidean)
        let shape = GraphShape(dimensions: 12, links: 8, efConstruction: 48)
        let rows = Rows(3000, 12, .even, seed: 41)
        let queries = Rows(6, 12, .even, seed: 42)
        let built = buildGraph(rows, shape, metric, seed: 43)
        var answered = 0
        var late = 0
        for query in 0..<queries.count {
            for ef in [1, 10, 100] {
                var graph = EstimatingGraph(
                    built, error: 0.1, highest: estimates ? .max : -1, seed: 44)
                graph.base.query = queries[query]
                var search = IncrementalSearch(shape, ef: ef, in: &graph)
                search.begin(in: &graph)
                var found: [ScoredNode] = []
                while let node = search.next(in: &graph) { found.append(node) }
                #expect(zip(found, found.dropFirst()).allSatisfy { $0.distance <= $1.distance })
                #expect(Set(found.map(\.node.block)).count == found.count)
                #expect(found.count + search.lateCount <= rows.count)
                #expect(found.count + search.lateCount >= rows.count - 3)
                #expect(found.last?.distance == search.last)
                guard ef == 100 else { continue }
                answered += found.count
                late += search.lateCount
            }
        }
        #expect(late * 1000 <= answered, "\(late) of \(answered)")
    }

    /// A search that is spent ends; what it has found is still there for who asks.
    @Test(arguments: [50, 200, 1000]) func spentSearchesEnd(limit: Int) {
        let metric = Metric.of(.squaredEuclidean)
        let shape = GraphShape(dimensions: 8, links: 8, efConstruction: 32)
        let rows = Rows(2000, 8, .even, seed: 51)
        let built = buildGraph(rows, shape, metric, seed: 52)
        for estimates in [false, true] {
            for ef in [1, 20, 100] {
                var graph = EstimatingGraph(
                    built, error: 0.1, highest: estimates ? .max : -1, seed: 53)
                graph.base.query = rows[7]
                graph.limit = limit
                var search = IncrementalSearch(shape, ef: ef, in: &graph)
                search.begin(in: &graph)
                var found: [ScoredNode] = []
                while let node = search.next(in: &graph) { found.append(node) }
                #expect(graph.isSpent)
                // Nothing is answered that the beam was not ahead of.
                #expect(found.count < limit)
                let first = found.count
                search.stop(in: &graph)
                while let node = search.next(in: &graph) { found.append(node) }
                #expect(found.count > first)
                #expect(zip(found, found.dropFirst()).allSatisfy { $0.distance <= $1.distance })
                #expect(Set(found.map(\.node.block)).count == found.count)
            }
        }
    }
}
