import NearestNeighbors
import Testing
import VectorKernels

private let levels: [KernelTable] = InstructionLevel.supported.compactMap {
    KernelTable.table(for: $0)
}

/// Centroids and what is looked up in them.
private struct PanelCase {
    var memory = CountingMemory()
    let panels: CentroidPanels
    let centroids: [[Float]]
    let metric: Metric

    init(_ centroids: [[Float]], _ kind: Metric.Kind, _ level: Int) throws {
        metric = Metric(kind, levels[level])
        self.centroids = centroids
        panels = try CentroidPanels(
            centroids.flatMap { $0 }, count: centroids.count, dimensions: centroids[0].count,
            metric: metric, in: &memory)
    }

    func distance(_ query: [Float], _ centroid: Int) -> Double {
        metric.kind == .squaredEuclidean
            ? squaredDistance(query, centroids[centroid])
            : -zip(query, centroids[centroid]).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }

    func nearest(_ query: [Float], _ wanted: Int) -> [CentroidScore] {
        var found = [CentroidScore](
            repeating: CentroidScore(score: 0, centroid: -1), count: wanted)
        let count = panels.findNearest(of: query, wanted: wanted, into: &found)
        return Array(found.prefix(count))
    }

    func next(_ last: CentroidScore, _ wanted: Int) -> [CentroidScore] {
        var found = [CentroidScore](
            repeating: CentroidScore(score: 0, centroid: -1), count: wanted)
        let count = panels.findNext(after: last, wanted: wanted, into: &found)
        return Array(found.prefix(count))
    }

    func lists(_ rows: [[Float]]) -> [Int32] {
        var lists = [Int32](repeating: -1, count: rows.count)
        var scores = [Float](repeating: 0, count: rows.count)
        panels.findNearest(
            of: rows.flatMap { $0 }, strideInFloats: rows[0].count, rowCount: rows.count,
            centroids: &lists, scores: &scores)
        return lists
    }

    mutating func end() throws {
        try panels.free(in: &memory)
        #expect(memory.live.isEmpty)
    }
}

@Suite struct ClusterPanelTests {
    @Test(
        arguments: levels.indices, [Metric.Kind.squaredEuclidean, .innerProduct])
    func nearestCentroids(_ level: Int, _ kind: Metric.Kind) throws {
        var random = RandomSource(seed: 31)
        for (count, dimensions) in [(1, 1), (5, 3), (16, 20), (100, 33), (333, 300)] {
            let centroids = (0..<count).map { _ in random.vector(dimensions) }
            var tile = try PanelCase(centroids, kind, level)
            let queries = (0..<23).map { _ in random.vector(dimensions) }
            let lists = tile.lists(queries)
            for (query, list) in zip(queries, lists) {
                let distances = (0..<count).map { tile.distance(query, $0) }.sorted()
                // Whatever the order of near ties, distances come out in order.
                let all = tile.nearest(query, count + 3)
                #expect(Set(all.map(\.centroid)).count == count)
                for (found, expected) in zip(all, distances) {
                    #expect(abs(tile.distance(query, Int(found.centroid)) - expected) < 1e-4)
                }
                #expect(all.first?.centroid == list)
                for wanted in [0, 1, 2, 7, 40] {
                    #expect(
                        tile.nearest(query, wanted).map(\.centroid)
                            == all.prefix(wanted).map(\.centroid))
                }
                // In portions.
                var portions = tile.nearest(query, 3)
                while let last = portions.last {
                    let more = tile.next(last, 4)
                    guard !more.isEmpty else { break }
                    portions += more
                }
                #expect(portions.map(\.centroid) == all.map(\.centroid))
            }
            try tile.end()
        }
    }

    @Test(arguments: levels.indices)
    func tiesComeInTheOrderOfTheCentroids(_ level: Int) throws {
        let centroids = (0..<50).map { [Float($0 % 5), 1] }
        for kind in [Metric.Kind.squaredEuclidean, .cosine] {
            var tile = try PanelCase(centroids, kind, level)
            let all = tile.nearest([4, 0], 50).map { Int($0.centroid) }
            #expect(Array(all.prefix(10)) == (0..<10).map { $0 * 5 + 4 })
            #expect(Array(all.suffix(10)) == (0..<10).map { $0 * 5 })
            try tile.end()
        }
    }

    /// Queries and centroids beyond the range of squares: each centroid is still found once.
    @Test(arguments: levels.indices)
    func everyCentroidIsFound(_ level: Int) throws {
        var random = RandomSource(seed: 32)
        let huge = Float.greatestFiniteMagnitude
        var centroids = (0..<37).map { _ in random.vector(4) }
        centroids[3] = [huge, huge, -huge, 0]
        centroids[20] = [-huge, huge, huge, huge]
        for kind in [Metric.Kind.squaredEuclidean, .innerProduct] {
            var tile = try PanelCase(centroids, kind, level)
            let queries: [[Float]] = [
                [0, 0, 0, 0], [huge, -huge, huge, huge], [1e30, 0, -1e30, 1],
                [.nan, 0, 0, 0], [.infinity, -.infinity, 1, 1],
            ]
            for query in queries {
                let all = tile.nearest(query, 37)
                #expect(Set(all.map(\.centroid)) == Set(0..<37))
                #expect(all.allSatisfy { !$0.score.isNaN })
                #expect((0..<37).contains(tile.lists([query])[0]))
            }
            try tile.end()
        }
    }

    @Test(arguments: levels.indices)
    func offsetsAreTheDistances(_ level: Int) throws {
        var random = RandomSource(seed: 33)
        let centroids = (0..<40).map { _ in random.vector(30).map { 1000 + $0 } }
        var tile = try PanelCase(centroids, .squaredEuclidean, level)
        for _ in 0..<20 {
            let query = random.vector(30).map { 1000 + $0 }
            let all = tile.nearest(query, 40)
            let distances = all.map { tile.distance(query, Int($0.centroid)) }
            for (former, next) in zip(distances, distances.dropFirst()) {
                #expect(former <= next + 0.05)
            }
        }
        try tile.end()
    }
}
