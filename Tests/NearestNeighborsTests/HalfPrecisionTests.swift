import Testing
import VectorKernels

@testable import NearestNeighbors

@Suite struct HalfPrecisionTests {
    private func rounded(_ vector: [Float]) -> [Float] {
        var vector = vector
        var halves = [UInt16](repeating: 0, count: vector.count)
        HalfPrecision.round(&vector, vector.count, halves: &halves, .best())
        return vector
    }

    /// Vectors of all magnitudes, with components of very different ones.
    private func vectors(_ dimensions: Int, _ count: Int) -> [[Float]] {
        var source = CodeVectors(seed: UInt64(dimensions))
        return (0..<count).map { _ in
            let magnitude = Float(sign: .plus, exponent: source.index(60) - 30, significand: 1)
            return source.normal(dimensions).map {
                source.uniform() < 0.1 ? $0 * magnitude * 0x1p-12 : $0 * magnitude
            }
        }
    }

    @Test(arguments: [1, 2, 16, 33, 128, 1000])
    func error(_ dimensions: Int) {
        for vector in vectors(dimensions, 200) {
            let form = rounded(vector)
            let error = codeSquaredDistance(vector, form).squareRoot()
            let norm = codeProduct(form, form).squareRoot()
            #expect(error <= norm * 0x1p-11 * (1 + 0x1p-10))
        }
    }

    @Test func roundingTwiceChangesNothing() {
        for dimensions in [1, 7, 64, 300] {
            for vector in vectors(dimensions, 200) {
                let once = rounded(vector)
                #expect(rounded(once) == once)
            }
        }
        // What is rounded up to a power of two
        let vector: [Float] = [4095.9, 1.0 / 3, 0x1.ffcp-13, -1e-9]
        #expect(rounded(rounded(vector)) == rounded(vector))
    }

    @Test func exactNumbers() {
        let whole = (0..<256).map { Float($0) }
        #expect(rounded(whole) == whole)
        let large = whole.map { $0 * 0x1p100 }
        #expect(rounded(large) == large)
        let small = whole.map { $0 * 0x1p-120 }
        #expect(rounded(small) == small)
        #expect(rounded([0, 0, 0]) == [0, 0, 0])
        let ends: [Float] = [.greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1]
        for (rounded, number) in zip(rounded(ends), ends) {
            #expect(rounded.isFinite || number.magnitude > 3e38)
        }
    }

    /// No distance is less than the bound of that to the form, and bounds grow with distances.
    @Test(arguments: [1, 3, 64, 500, 16000])
    func bounds(_ dimensions: Int) {
        let table = KernelTable.best()
        for kind in [Metric.Kind.squaredEuclidean, .innerProduct, .cosine] {
            let metric = Metric(kind, table)
            var all = vectors(dimensions, dimensions > 1000 ? 20 : 60)
            if kind == .cosine {
                for index in all.indices { metric.normalize(&all[index], dimensions) }
            }
            let forms = all.map(rounded)
            let largest = forms.map { Float(codeProduct($0, $0).squareRoot()) }.max() ?? 0
            for query in all {
                let bound = DistanceBound(
                    kind, isHalf: true, queryNorm: Float(codeProduct(query, query).squareRoot()),
                    largestNorm: largest * 1.001, dimensions: dimensions)
                var pairs: [(distance: Float, bound: Float)] = []
                for (vector, form) in zip(all, forms) {
                    let distance = metric.distance(query, form, dimensions)
                    let lower = bound.bound(distance)
                    let exact = metric.distance(query, vector, dimensions)
                    #expect(lower <= exact, "\(kind) \(dimensions) \(distance) \(exact)")
                    pairs.append((distance, lower))
                }
                pairs.sort { $0.distance < $1.distance }
                for (one, next) in zip(pairs, pairs.dropFirst()) {
                    #expect(one.bound <= next.bound)
                }
            }
        }
    }

    /// The bound is near: half precision would be of no use else.
    @Test func boundsAreNear() {
        var source = CodeVectors(seed: 3)
        let dimensions = 128
        let metric = Metric(.squaredEuclidean, .best())
        for _ in 0..<100 {
            let (query, vector) = (source.normal(dimensions), source.normal(dimensions))
            let bound = DistanceBound(
                .squaredEuclidean, isHalf: true,
                queryNorm: Float(codeProduct(query, query).squareRoot()),
                largestNorm: 0, dimensions: dimensions)
            let distance = metric.distance(query, rounded(vector), dimensions)
            #expect(bound.bound(distance) > distance * 0.99)
        }
    }

    @Test func notFinite() {
        for kind in [Metric.Kind.squaredEuclidean, .innerProduct, .cosine] {
            for norm in [Float(0), 1, .infinity] {
                let bound = DistanceBound(
                    kind, isHalf: true, queryNorm: norm, largestNorm: .greatestFiniteMagnitude,
                    dimensions: 9)
                for distance in [Float.infinity, -.infinity, .greatestFiniteMagnitude, 0] {
                    let lower = bound.bound(distance)
                    #expect(!lower.isNaN && lower <= max(distance, 0))
                }
            }
        }
    }
}
