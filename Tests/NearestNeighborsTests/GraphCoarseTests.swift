import Testing
import VectorKernels

@testable import NearestNeighbors

/// Vectors rounded to 8 bits, and what becomes of a graph that is built with them.
@Suite struct GraphCoarseTests {
    private static let kinds: [Metric.Kind] = [.squaredEuclidean, .innerProduct, .cosine]

    private struct Rounded {
        let coarse: CoarseVectors
        let vectors: [UnsafeMutableRawPointer]
        private var memory = PooledMemory()

        init(_ rows: Rows, _ metric: Metric) {
            coarse = CoarseVectors(
                rows.dimensions, metric, .best(), centre: nil, in: &memory)
            coarse.setCentre(rows.count) { rows[$0] }
            var vectors: [UnsafeMutableRawPointer] = []
            for row in 0..<rows.count {
                let place = memory.allocate(bytes: CoarseVectors.bytes(rows.dimensions))
                coarse.round(rows[row], into: place)
                vectors.append(place)
            }
            self.vectors = vectors
        }
    }

    /// Each component is at most half a step off, which says how far a distance can be.
    @Test(arguments: kinds, [1, 48, 63, 64, 65, 128, 200, 960])
    func distancesAreOffByNoMoreThanRounding(kind: Metric.Kind, dimensions: Int) {
        let metric = Metric.of(kind)
        let rows = Rows(40, dimensions, .even, seed: UInt64(dimensions))
        rows.normalize(with: metric)
        let rounded = Rounded(rows, metric)
        let centre = (0..<dimensions).map { Double(rounded.coarse.centre[$0]) }
        func residual(_ row: Int) -> [Double] {
            zip(rows.elements(of: row), centre).map { Double($0) - $1 }
        }
        func off(_ row: Int) -> Double {
            let largest = residual(row).map(abs).max() ?? 0
            return largest / 127 * 0.5001 * Double(dimensions).squareRoot()
        }
        for one in 0..<rows.count {
            for other in 0...one {
                let truth = Double(metric.distance(rows[one], rows[other], dimensions))
                let estimate = Double(
                    rounded.coarse.distance(rounded.vectors[one], rounded.vectors[other]))
                let error = off(one) + off(other)
                let lengths = [one, other].map { row in
                    residual(row).reduce(0) { $0 + $1 * $1 }.squareRoot()
                }
                let bound: Double
                switch kind {
                case .squaredEuclidean, .cosine:
                    let square = zip(residual(one), residual(other)).reduce(0) {
                        $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
                    }
                    bound =
                        (2 * square.squareRoot() + error) * error
                        * (kind == .cosine ? 0.5 : 1)
                case .innerProduct:
                    bound =
                        lengths[0] * off(other) + lengths[1] * off(one) + off(one) * off(other)
                }
                #expect(abs(truth - estimate) <= bound + 1e-4 * (1 + abs(truth)))
                let back = rounded.coarse.distance(rounded.vectors[other], rounded.vectors[one])
                #expect(back == Float(estimate))
            }
        }
    }

    /// The centre, which is known to be far from what it stands for.
    @Test(arguments: [Float(1e-30), 1e30, .infinity, .nan])
    func whatCannotBeRoundedIsNoNumberOfItsOwn(component: Float) {
        let rows = Rows(3, 64, .even, seed: 5)
        for element in 0..<64 { rows.start[element] = element == 3 ? component : 0 }
        var memory = PooledMemory()
        let coarse = CoarseVectors(64, .of(.squaredEuclidean), .best(), centre: nil, in: &memory)
        let vectors = (0..<3).map { row in
            let place = memory.allocate(bytes: CoarseVectors.bytes(64))
            coarse.round(rows[row], into: place)
            return place
        }
        for other in vectors {
            let distance = coarse.distance(vectors[0], other)
            #expect(distance.isFinite && distance >= 0)
            #expect(!coarse.resolves(1e30, vectors[0], other))
        }
        #expect(coarse.resolves(1e3, vectors[1], vectors[2]))
    }

    /// What rounding makes of the distances between rows, from nothing to all of it.
    enum Hardness: CaseIterable {
        case even, clustered, farFromZero, oneHugeComponent, nearlyEqual

        func rows(_ count: Int, _ dimensions: Int) -> Rows {
            let rows = Rows(count, dimensions, self == .clustered ? .clustered : .even, seed: 71)
            var random = RandomSource(seed: 72)
            for row in 0..<count {
                let start = rows.start + row * dimensions
                switch self {
                case .even, .clustered: break
                case .farFromZero: for element in 0..<dimensions { start[element] += 1000 }
                case .oneHugeComponent: start[0] = .random(in: -1000...1000, using: &random)
                case .nearlyEqual:
                    for element in 0..<dimensions {
                        start[element] = Float(row % 7) + 0.0001 * start[element]
                    }
                }
            }
            return rows
        }
    }

    /// The same vectors with and without zeros behind them: those are too short to be rounded.
    @Test(arguments: kinds, Hardness.allCases)
    func asMuchIsFoundAsWithoutRounding(kind: Metric.Kind, hardness: Hardness) {
        let metric = Metric.of(kind)
        let short = hardness.rows(2500, 24)
        short.normalize(with: metric)
        let long = Rows(short.count, 64)
        for row in 0..<short.count {
            (long.start + row * 64).copy(from: short[row], count: 24)
        }
        // Of several graphs, since where differences are near what a number can hold one graph is not like another.
        func recall(_ rows: Rows) -> Double {
            (73..<79).reduce(0) { $0 + recall(rows, seed: $1) } / 6
        }
        func recall(_ rows: Rows, seed: UInt64) -> Double {
            let shape = GraphShape(dimensions: rows.dimensions, links: 8, efConstruction: 40)
            var graph = buildGraph(rows, shape, metric, seed: seed)
            #expect(graph.isCoarse == CoarseVectors.suit(rows.dimensions))
            #expect(graph.snapshot().violations(shape).isEmpty)
            let areTrue = graph.keepsTrueNumbers()
            #expect(areTrue)
            graph.isCoarse = false
            var hits = 0
            for query in stride(from: 0, to: rows.count, by: 25) {
                graph.query = rows[query]
                let truth = rows.sortedDistances(from: rows[query], metric)
                let found = answers(in: &graph, ef: 40, limit: 10)
                hits += found.filter { $0.distance <= truth[9] }.count
            }
            return Double(hits) / 1000
        }
        let exact = recall(short)
        let rounded = recall(long)
        #expect(rounded >= exact - 0.02, "\(rounded) \(exact)")
    }
}
