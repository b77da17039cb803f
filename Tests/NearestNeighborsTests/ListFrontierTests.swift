import NearestNeighbors
import Testing

@Suite struct ListFrontierTests {
    /// A vector with components that are nearly normal.
    private func vector(_ dimensions: Int, _ scale: Float, _ source: inout RandomSource) -> [Float]
    {
        (0..<dimensions).map { _ in
            var sum: Float = 0
            for _ in 0..<12 { sum += Float(source.next() >> 40) / Float(1 << 24) }
            return (sum - 6) * scale
        }
    }

    private func add(_ a: [Float], _ b: [Float]) -> [Float] { zip(a, b).map { $0 + $1 } }

    private func distance(_ a: [Float], _ b: [Float], isEuclidean: Bool) -> Float {
        var sum: Float = 0
        for (x, y) in zip(a, b) { sum += isEuclidean ? (x - y) * (x - y) : -x * y }
        return sum
    }

    /// Of the vectors in closed lists hardly any is nearer than what the opened ones make one expect.
    @Test(arguments: [true, false])
    func closedListsHoldLittleThatIsNearer(isEuclidean: Bool) {
        var source = RandomSource(seed: 11)
        let dimensions = 48
        var nearer = 0
        var all = 0
        for _ in 0..<20 {
            let query = vector(dimensions, 1, &source)
            let lists = (0..<40).map { _ in
                let centroid = vector(dimensions, 1, &source)
                return (
                    centroid: distance(query, centroid, isEuclidean: isEuclidean),
                    rows: (0..<100).map { _ in
                        distance(
                            query, add(centroid, vector(dimensions, 0.5, &source)),
                            isEuclidean: isEuclidean)
                    }
                )
            }.sorted { $0.centroid < $1.centroid }
            var frontier = ListFrontier(isEuclidean: isEuclidean, deviations: 3.5)
            #expect(frontier.nearest(centroidDistance: 1) == -.infinity)
            var nearest = Float.infinity
            for (number, list) in lists.enumerated() {
                if number > 1 {
                    let limit = frontier.nearest(centroidDistance: list.centroid)
                    // It holds back, but not all that is open until the last list is.
                    #expect(limit < list.centroid + 100)
                    if number == lists.count - 1 { #expect(limit > nearest) }
                    for rows in lists[number...].map(\.rows) {
                        nearer += rows.filter { $0 < limit }.count
                        all += rows.count
                    }
                }
                nearest = min(nearest, list.rows.min() ?? .infinity)
                frontier.add(list.rows, count: 100, centroidDistance: list.centroid)
            }
        }
        #expect(Double(nearer) < 2e-4 * Double(all))
    }

    /// Distances beyond single precision say nothing, and do not trap.
    @Test func extremeDistances() {
        for value in [Float.infinity, -.infinity, .nan, 3e38, -3e38, 1e30, 0] {
            for centroid in [Float.infinity, .nan, 3e38, -3e38, 0] {
                var frontier = ListFrontier(isEuclidean: true, deviations: 3)
                frontier.add(
                    [Float](repeating: value, count: 35), count: 35, centroidDistance: centroid)
                let nearest = frontier.nearest(centroidDistance: centroid)
                #expect(!nearest.isNaN)
                #expect(nearest < .infinity)
            }
        }
    }

    /// Whole groups of eight and the rest count alike.
    @Test func groupsOfAnySize() {
        var source = RandomSource(seed: 3)
        let values = (0..<67).map { _ in Float(source.next() % 1000) / 8 }
        var whole = ListFrontier(isEuclidean: false, deviations: 2)
        whole.add(values, count: 67, centroidDistance: 50)
        var parts = ListFrontier(isEuclidean: false, deviations: 2)
        for start in stride(from: 0, to: 67, by: 5) {
            let part = Array(values[start..<min(start + 5, 67)])
            parts.add(part, count: part.count, centroidDistance: 50)
        }
        let difference =
            whole.nearest(centroidDistance: 60) - parts.nearest(centroidDistance: 60)
        #expect(difference.magnitude < 1e-3)
    }
}
