import NearestNeighbors
import Testing

/// The levels of new nodes.
@Suite struct GraphShapeTests {
    @Test(arguments: [2, 3, 16, 128]) func aLevelIsReachedByOneInLinks(links: Int) {
        let shape = GraphShape(dimensions: 1, links: links, efConstruction: 1)
        var random = RandomSource(seed: 1)
        let draws = 1_000_000
        var counts = [Int](repeating: 0, count: shape.maximumLevel + 2)
        for _ in 0..<draws {
            for level in 0...shape.randomLevel(using: &random) { counts[level] += 1 }
        }
        var expected = Double(draws)
        for level in 0...shape.maximumLevel {
            // Five standard deviations.
            let slack = 5 * (expected + 1).squareRoot()
            #expect(abs(Double(counts[level]) - expected) <= slack, "level \(level)")
            expected /= Double(links)
        }
        #expect(counts[shape.maximumLevel + 1] == 0)
    }

    @Test func noLevelIsAboveTheHighest() {
        struct Zeros: RandomNumberGenerator { mutating func next() -> UInt64 { 0 } }
        var zeros = Zeros()
        for highest in [0, 1, 7] {
            let shape = GraphShape(
                dimensions: 1, links: 2, efConstruction: 1, maximumLevel: highest)
            #expect(shape.randomLevel(using: &zeros) == highest)
        }
    }
}
