import Testing
import VectorKernels

@testable import NearestNeighbors

let codeTables = InstructionLevel.supported.compactMap { CodeKernelTable.table(for: $0) }

/// Vectors for the tests of codes, the same in every run.
struct CodeVectors {
    private var random: RandomSource

    init(seed: UInt64) { random = RandomSource(seed: seed) }

    mutating func uniform() -> Double { Double(random.next() >> 11) * 0x1p-53 }

    /// About normal.
    mutating func normal() -> Float {
        Float((0..<12).reduce(-6.0) { sum, _ in sum + uniform() })
    }

    mutating func normal(_ count: Int) -> [Float] { (0..<count).map { _ in normal() } }

    mutating func index(_ count: Int) -> Int { clampedInt(uniform() * Double(count)) }

    /// The shapes of data that codes without a rotation are bad at.
    enum Shape: CaseIterable {
        /// One component, and noise of a thousandth.
        case oneHot
        /// A few components.
        case sparse
        /// The first quarter only.
        case front
        /// Many small values, all of one sign, and some large ones.
        case histogram
    }

    mutating func vector(_ shape: Shape, _ count: Int) -> [Float] {
        switch shape {
        case .oneHot:
            var vector = normal(count).map { $0 * 1e-3 }
            vector[index(count)] = uniform() < 0.5 ? -1 : 1
            return vector
        case .sparse:
            let share = max(2 / Double(count), 0.03)
            var vector = (0..<count).map { _ in uniform() < share ? normal() : 0 }
            vector[0] += 0.01
            return vector
        case .front:
            let border = max(count / 4, 1)
            return (0..<count).map { $0 < border ? normal() : normal() * 0.01 }
        case .histogram:
            return (0..<count).map { _ in
                let value = uniform()
                return Float((value * value * value * value * 218).rounded(.down))
            }
        }
    }
}

/// A random orthogonal matrix: the rows are random vectors made orthogonal one by one.
func randomMatrix(_ count: Int, _ vectors: inout CodeVectors) -> [[Float]] {
    var rows: [[Float]] = []
    while rows.count < count {
        var row = vectors.normal(count)
        for _ in 0..<2 {
            for other in rows {
                let part = codeDot(row, other)
                for index in 0..<count { row[index] -= part * other[index] }
            }
        }
        let norm = codeDot(row, row).squareRoot()
        if norm > 1e-3 { rows.append(row.map { $0 / norm }) }
    }
    return rows
}

func codeDot(_ a: [Float], _ b: [Float]) -> Float {
    var sums = SIMD8<Float>.zero
    var index = 0
    while index + 8 <= a.count {
        for lane in 0..<8 { sums[lane] += a[index + lane] * b[index + lane] }
        index += 8
    }
    var sum = sums.sum()
    while index < a.count {
        sum += a[index] * b[index]
        index += 1
    }
    return sum
}

func codeSquaredDistance(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
}

func codeProduct(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
}

/// Codes of some vectors, one after another.
struct CodedVectors {
    let layout: CodeLayout
    var codes: [UInt8] = []
    var squaredNorms: [Float] = []
    var scales: [Float] = []
    var errors: [Float] = []
    private let coder: VectorCoder
    private let table: CodeKernelTable

    init(_ dimensions: Int, _ bits: CodeBits, _ table: CodeKernelTable = .best()) {
        layout = CodeLayout(dimensions: dimensions, bits: bits)
        coder = VectorCoder(layout, table)
        self.table = table
    }

    func padded(_ vector: [Float]) -> [Float] {
        vector + [Float](repeating: 0, count: layout.paddedDimensions - vector.count)
    }

    mutating func append(_ rotated: [Float]) {
        var code = [UInt8](repeating: 0xFF, count: layout.codeBytes)
        let factors = coder.encode(padded(rotated), into: &code)
        codes += code
        squaredNorms.append(factors.squaredNorm)
        scales.append(factors.scale)
        errors.append(factors.error)
    }

    /// Estimates and lower bounds for a query that `prepare` prepares.
    func estimate(
        _ prepare: (inout CodeQuery) -> Void
    ) -> (estimates: [Float], bounds: [Float]) {
        var components = [Int8](repeating: 0, count: layout.paddedDimensions)
        var estimates = [Float](repeating: .nan, count: scales.count)
        var bounds = estimates
        var only = estimates
        components.withUnsafeMutableBufferPointer { components in
            guard let base = components.baseAddress else { return }
            var query = CodeQuery(layout, table, components: base)
            prepare(&query)
            let factors = (squaredNorms, scales)
            factors.0.withUnsafeBufferPointer { norms in
                factors.1.withUnsafeBufferPointer { scales in
                    guard let norms = norms.baseAddress, let scales = scales.baseAddress else {
                        return
                    }
                    let arrays = CodeFactorArrays(squaredNorms: norms, scales: scales)
                    query.bound(
                        codes, stride: layout.codeBytes, arrays, errors: errors,
                        count: errors.count, into: &estimates, bounds: &bounds)
                    query.estimate(
                        codes, stride: layout.codeBytes, arrays, count: errors.count, into: &only)
                }
            }
        }
        #expect(only == estimates)
        return (estimates, bounds)
    }
}
