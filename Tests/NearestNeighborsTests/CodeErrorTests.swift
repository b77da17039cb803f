import Testing
import VectorKernels

@testable import NearestNeighbors

@Suite struct CodeErrorTests {
    /// The root mean square of the errors of estimated inner products times √d / (|o| · |q|).
    private func error(_ vectors: [[Float]], _ queries: [[Float]], _ bits: CodeBits) -> Double {
        let dimensions = vectors[0].count
        var coded = CodedVectors(dimensions, bits)
        for vector in vectors { coded.append(vector) }
        var sum = 0.0
        for query in queries {
            let (estimates, _) = coded.estimate {
                $0.prepareInnerProduct(coded.padded(query), base: 0)
            }
            for (estimate, vector) in zip(estimates, vectors) {
                let error = -Double(estimate) - codeProduct(vector, query)
                sum += error * error / (codeProduct(vector, vector) * codeProduct(query, query))
            }
        }
        return (sum * Double(dimensions) / Double(vectors.count * queries.count)).squareRoot()
    }

    private func rotated(_ vector: [Float], _ rotation: Rotation) -> [Float] {
        var vector = vector
        rotation.apply(&vector)
        return vector
    }

    /// What the errors are with many dimensions.
    private static let usual: [(CodeBits, Double)] = [(.one, 0.755), (.two, 0.365), (.four, 0.105)]

    /// From 100 dimensions, rough data have the errors known of a random orthogonal matrix.
    @Test(arguments: [100, 128, 200, 255, 256, 384, 768, 960, 1536])
    func roughVectors(_ dimensions: Int) {
        for shape in CodeVectors.Shape.allCases {
            var squares = [0.0, 0.0, 0.0]
            let rounds = 4
            for round in 0..<rounds {
                var source = CodeVectors(seed: UInt64(dimensions + 7 * round))
                let rotation = Rotation(
                    dimensions: dimensions, seed: UInt64(round) &* 99, .best())
                var mean = [Float](repeating: 0, count: dimensions)
                if shape == .histogram { mean = mean.map { _ in 43.2 } }
                let vectors = (0..<32).map { _ in
                    rotated(zip(source.vector(shape, dimensions), mean).map(-), rotation)
                }
                let queries = (0..<24).map { _ in
                    rotated(zip(source.vector(shape, dimensions), mean).map(-), rotation)
                }
                for (index, (bits, _)) in Self.usual.enumerated() {
                    let error = error(vectors, queries, bits)
                    squares[index] += error * error / Double(rounds)
                }
            }
            for (square, (bits, usual)) in zip(squares, Self.usual) {
                let ratio = square.squareRoot() / usual
                #expect(ratio < 1.12 && ratio > 0.85, "\(dimensions) \(shape) \(bits): \(ratio)")
            }
        }
    }

    /// With few dimensions the errors are other ones, but again those of a random matrix.
    @Test(arguments: [2, 3, 5, 8, 16, 31, 48])
    func fewDimensions(_ dimensions: Int) {
        for shape in CodeVectors.Shape.allCases {
            var source = CodeVectors(seed: UInt64(dimensions))
            var own = [0.0, 0.0, 0.0]
            var matrix = own
            for round in 0..<150 {
                let rotation = Rotation(dimensions: dimensions, seed: UInt64(round), .best())
                let turning = randomMatrix(dimensions, &source)
                let vectors = (0..<6).map { _ in source.vector(shape, dimensions) }
                    .filter { codeProduct($0, $0) > 0 }
                let queries = (0..<4).map { _ in source.vector(shape, dimensions) }
                    .filter { codeProduct($0, $0) > 0 }
                guard !vectors.isEmpty, !queries.isEmpty else { continue }
                for (index, bits) in CodeBits.allCases.enumerated() {
                    let first = error(
                        vectors.map { rotated($0, rotation) },
                        queries.map { rotated($0, rotation) }, bits)
                    let second = error(
                        vectors.map { vector in turning.map { codeDot($0, vector) } },
                        queries.map { vector in turning.map { codeDot($0, vector) } }, bits)
                    own[index] += first * first
                    matrix[index] += second * second
                }
            }
            for (index, bits) in CodeBits.allCases.enumerated() {
                let ratio = (own[index] / matrix[index]).squareRoot()
                #expect(ratio < 1.2, "\(dimensions) \(shape) \(bits): \(ratio)")
            }
        }
    }

    /// The share of distances below the lower bound, for vectors in no relation to the queries,
    /// where the theorem is sharp.
    @Test(arguments: [16, 64, 128, 300, 768])
    func shareBelowTheBound(_ dimensions: Int) {
        // Φ(-ε)
        let tails: [(Float, Double)] = [(1, 0.1587), (1.9, 0.0287)]
        var source = CodeVectors(seed: UInt64(dimensions))
        let rotation = Rotation(dimensions: dimensions, seed: 5, .best())
        let vectors = (0..<300).map { _ in rotated(source.normal(dimensions), rotation) }
        let queries = (0..<100).map { _ in rotated(source.normal(dimensions), rotation) }
        for bits in CodeBits.allCases {
            var coded = CodedVectors(dimensions, bits)
            for vector in vectors { coded.append(vector) }
            for (confidence, tail) in tails {
                var below = [0, 0]
                for query in queries {
                    let room = coded.padded(query)
                    let (_, distances) = coded.estimate {
                        $0.prepareEuclidean(room, confidence: confidence)
                    }
                    let (_, products) = coded.estimate {
                        $0.prepareInnerProduct(room, base: 0, confidence: confidence)
                    }
                    for (index, vector) in vectors.enumerated() {
                        if codeSquaredDistance(vector, query) < Double(distances[index]) {
                            below[0] += 1
                        }
                        if -codeProduct(vector, query) < Double(products[index]) { below[1] += 1 }
                    }
                }
                for count in below {
                    let share = Double(count) / Double(vectors.count * queries.count)
                    // With few dimensions o and q are seldom orthogonal, and the tails are lighter.
                    let low = dimensions < 64 ? 0.6 : 0.85
                    #expect(
                        share < 1.15 * tail && share > low * tail,
                        "\(dimensions) \(bits) \(confidence): \(share)")
                }
            }
        }
    }

    /// Where the theorem leaves no chance.
    @Test(arguments: [1, 2, 3, 4])
    func boundIsCertain(_ dimensions: Int) {
        var source = CodeVectors(seed: 9)
        for bits in CodeBits.allCases {
            for _ in 0..<300 {
                var coded = CodedVectors(dimensions, bits)
                let vectors = (0..<4).map { _ in source.normal(dimensions) }
                for vector in vectors { coded.append(vector) }
                let query = source.normal(dimensions)
                let (_, bounds) = coded.estimate { $0.prepareEuclidean(coded.padded(query)) }
                for (vector, bound) in zip(vectors, bounds) {
                    let distance = codeSquaredDistance(vector, query)
                    #expect(Double(bound) <= distance * (1 + 1e-6), "\(vector) \(query)")
                }
            }
        }
    }

    /// A code in the place of a query: the errors of both codes add up, as those of independent ones do.
    @Test(arguments: [64, 100, 128, 300, 768])
    func codesOfCodes(_ dimensions: Int) {
        let allowed: [(CodeBits, Double)] = [(.one, 1.45), (.two, 0.62), (.four, 0.17)]
        for (bits, allowed) in allowed {
            var source = CodeVectors(seed: UInt64(dimensions))
            var coded = CodedVectors(dimensions, bits)
            let vectors = (0..<40).map { _ in source.normal(dimensions) }
            for vector in vectors { coded.append(vector) }
            for isUnit in [false, true] {
                var sum = 0.0
                var count = 0.0
                for (one, vector) in vectors.enumerated() {
                    let factors = CodeFactors(
                        squaredNorm: coded.squaredNorms[one], scale: coded.scales[one], error: 0)
                    let bytes = coded.layout.codeBytes
                    let (estimates, _) = coded.estimate { query in
                        coded.codes.withUnsafeBufferPointer { codes in
                            guard let base = codes.baseAddress else { return }
                            query.prepareCode(base + one * bytes, factors, isUnit: isUnit)
                        }
                    }
                    for (other, estimate) in estimates.enumerated() where other != one {
                        var exact = codeSquaredDistance(vector, vectors[other])
                        if isUnit { exact = exact / 2 - 1 }
                        let error = (Double(estimate) - exact) / (isUnit ? 1 : 2)
                        let norms =
                            codeProduct(vector, vector)
                            * codeProduct(vectors[other], vectors[other])
                        sum += error * error / norms
                        count += 1
                    }
                }
                let error = (sum * Double(dimensions) / count).squareRoot()
                #expect(error < allowed, "\(dimensions) \(bits) \(isUnit): \(error)")
                #expect(error > allowed / 3)
            }
        }
    }
}
