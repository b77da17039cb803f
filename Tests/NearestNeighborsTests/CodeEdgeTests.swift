import Testing
import VectorKernels

@testable import NearestNeighbors

@Suite struct CodeEdgeTests {
    @Test func bytes() {
        for (dimensions, blocks) in [(1, 1), (64, 1), (65, 2), (128, 2), (768, 12), (16000, 250)] {
            for (bits, bytes) in [(CodeBits.one, 8), (.two, 16), (.four, 32)] {
                let layout = CodeLayout(dimensions: dimensions, bits: bits)
                #expect(layout.blocks == blocks)
                #expect(layout.codeBytes == blocks * bytes)
                #expect(CodeLayout.codeBytes(dimensions, bits) == blocks * bytes)
                #expect(layout.paddedDimensions == blocks * 64)
            }
        }
    }

    @Test func residuals() {
        let layout = CodeLayout(dimensions: 3, bits: .one)
        var out = [Float](repeating: .nan, count: 64)
        layout.writeResidual(of: [1, 2, 3], from: [1, 0, 5], into: &out)
        #expect(out == [0, 2, -2] + [Float](repeating: 0, count: 61))
        layout.writeResidual(of: [4, 5, 6], from: nil, into: &out)
        #expect(out == [4, 5, 6] + [Float](repeating: 0, count: 61))
    }

    /// The distance to the centre itself needs no estimate.
    @Test func zeroResidual() {
        for bits in CodeBits.allCases {
            for dimensions in [1, 2, 64, 100] {
                var coded = CodedVectors(dimensions, bits)
                coded.append([Float](repeating: 0, count: dimensions))
                coded.append([Float](repeating: -0.0, count: dimensions))
                let query = (0..<dimensions).map { Float($0) - 3.25 }
                let exact = Float(codeProduct(query, query))
                let (estimates, bounds) = coded.estimate {
                    $0.prepareEuclidean(coded.padded(query))
                }
                for (estimate, bound) in zip(estimates, bounds) {
                    #expect(abs(estimate - exact) <= exact * 1e-6)
                    #expect(bound <= exact && bound >= exact * 0.9999)
                }
            }
        }
    }

    /// Vectors that a code says exactly: one component, or equal ones.
    @Test func exactCodes() {
        var source = CodeVectors(seed: 20)
        for bits in CodeBits.allCases {
            for dimensions in [1, 2, 7, 64, 130] {
                for value: Float in [1, -3, 1e-10, 1e10] {
                    let vector = [Float](repeating: value, count: dimensions)
                    var coded = CodedVectors(dimensions, bits)
                    coded.append(vector)
                    let query = source.normal(dimensions).map { value * $0 }
                    let (estimates, bounds) = coded.estimate {
                        $0.prepareEuclidean(coded.padded(query), confidence: 4)
                    }
                    let exact = codeSquaredDistance(vector, query)
                    // The query is rounded.
                    let size = codeProduct(vector, vector) + codeProduct(query, query)
                    #expect(abs(Double(estimates[0]) - exact) <= size * 0.01)
                    #expect(Double(bounds[0]) <= exact)
                    #expect(Double(bounds[0]) >= exact - size * 0.02)
                }
            }
        }
    }

    /// A vector is about at distance 0 from itself, never surely farther.
    @Test func itself() {
        var source = CodeVectors(seed: 21)
        for bits in CodeBits.allCases {
            for dimensions in [1, 2, 3, 30, 128, 768] {
                var coded = CodedVectors(dimensions, bits)
                let vector = source.normal(dimensions)
                coded.append(vector)
                let (_, bounds) = coded.estimate { $0.prepareEuclidean(coded.padded(vector)) }
                #expect(bounds[0] <= 0, "\(dimensions) \(bits)")
            }
        }
    }

    /// Norms of all sizes: what comes out is finite, or says that nothing is known.
    @Test func sizes() {
        var source = CodeVectors(seed: 22)
        for bits in CodeBits.allCases {
            for exponent in stride(from: -149, through: 127, by: 3) {
                let size = Float(sign: .plus, exponent: exponent, significand: 1)
                let vector = source.normal(40).map { max(min($0, 1), -1) * size }
                let query = source.normal(40).map { max(min($0, 1), -1) * size }
                var coded = CodedVectors(40, bits)
                coded.append(vector)
                let exact = codeSquaredDistance(vector, query)
                let size2 = codeProduct(vector, vector) + codeProduct(query, query)
                for prepared in 0..<3 {
                    let (estimates, bounds) = coded.estimate {
                        switch prepared {
                        case 0: $0.prepareEuclidean(coded.padded(query), confidence: 6)
                        case 1: $0.prepareUnit(coded.padded(query), confidence: 6)
                        default: $0.prepareInnerProduct(coded.padded(query), base: 0)
                        }
                    }
                    #expect(estimates[0].isFinite)
                    #expect(bounds[0].isFinite || bounds[0] == -.infinity)
                    if prepared == 0 {
                        #expect(Double(bounds[0]) <= exact)
                        if (-45...55).contains(exponent) {
                            #expect(bounds[0].isFinite, "\(exponent)")
                            #expect(abs(Double(estimates[0]) - exact) < 0.5 * size2)
                        }
                    }
                }
            }
        }
    }

    @Test func notFinite() {
        for bits in CodeBits.allCases {
            for value in [Float.nan, .infinity, -.infinity] {
                var coded = CodedVectors(3, bits)
                coded.append([1, value, 2])
                coded.append([1, 2, 3])
                for query: [Float] in [[1, 2, 3], [value, 0, 0]] {
                    let (estimates, bounds) = coded.estimate {
                        $0.prepareEuclidean(coded.padded(query))
                    }
                    #expect(estimates.allSatisfy { $0.isFinite })
                    #expect(bounds[0] == -.infinity)
                    #expect(bounds[1].isFinite == (query[0] == 1))
                }
            }
        }
    }

    /// All three kinds of distance, for codes relative to a centre.
    @Test func kinds() {
        var source = CodeVectors(seed: 23)
        let dimensions = 96
        let rotation = Rotation(dimensions: dimensions, seed: 8, .best())
        func unit(_ vector: [Float]) -> [Float] {
            let norm = Float(codeProduct(vector, vector).squareRoot())
            return vector.map { $0 / norm }
        }
        let centre = unit(source.normal(dimensions))
        func near() -> [Float] {
            unit(zip(centre, source.normal(dimensions)).map { $0 + 0.05 * $1 })
        }
        func turned(_ vector: [Float]) -> [Float] {
            var vector = vector
            rotation.apply(&vector)
            return vector
        }
        let vectors = (0..<50).map { _ in near() }
        for bits in CodeBits.allCases {
            var coded = CodedVectors(dimensions, bits)
            for vector in vectors { coded.append(turned(zip(vector, centre).map(-))) }
            let query = near()
            let residual = coded.padded(turned(zip(query, centre).map(-)))
            let whole = coded.padded(turned(query))
            let base = Float(-codeProduct(centre, query))
            let euclidean = coded.estimate { $0.prepareEuclidean(residual, confidence: 4) }
            let units = coded.estimate { $0.prepareUnit(residual, confidence: 4) }
            let products = coded.estimate {
                $0.prepareInnerProduct(whole, base: base, confidence: 4)
            }
            for (index, vector) in vectors.enumerated() {
                let distance = codeSquaredDistance(vector, query)
                let product = -codeProduct(vector, query)
                #expect(abs(Double(euclidean.estimates[index]) - distance) < 0.2)
                #expect(abs(Double(units.estimates[index]) - product) < 0.1)
                #expect(abs(Double(products.estimates[index]) - product) < 0.2)
                #expect(Double(euclidean.bounds[index]) <= distance)
                #expect(Double(units.bounds[index]) <= product)
                #expect(Double(products.bounds[index]) <= product)
            }
        }
    }

    /// Codes made and compared at different levels are the same.
    @Test func levelsAgree() {
        var source = CodeVectors(seed: 24)
        for bits in CodeBits.allCases {
            for dimensions in [1, 50, 100, 700] {
                let vectors = (0..<21).map { _ in source.normal(dimensions) }
                let query = source.normal(dimensions)
                let results = codeTables.map { table in
                    var coded = CodedVectors(dimensions, bits, table)
                    for vector in vectors { coded.append(vector) }
                    let (estimates, bounds) = coded.estimate {
                        $0.prepareEuclidean(coded.padded(query))
                    }
                    return (coded.codes, estimates + bounds)
                }
                #expect(results.allSatisfy { $0 == results[0] }, "\(dimensions)")
            }
        }
    }
}
