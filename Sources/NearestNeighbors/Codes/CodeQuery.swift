import CKernels
public import VectorKernels

/// The factors of consecutive codes: one array for each, so that many are read at once. They may
/// have any alignment.
public struct CodeFactorArrays {
    /// See `CodeFactors.squaredNorm`.
    public var squaredNorms: UnsafePointer<Float>
    /// See `CodeFactors.scale`.
    public var scales: UnsafePointer<Float>

    /// The factors at those places.
    @inline(__always)
    public init(squaredNorms: UnsafePointer<Float>, scales: UnsafePointer<Float>) {
        self.squaredNorms = squaredNorms
        self.scales = scales
    }
}

/// A query prepared for estimating its distances to encoded vectors.
///
/// Let o be a vector and q the query, both rotated and relative to the same centre, and x what the
/// code of o stands for (see `VectorCoder`). Then |o|² / ⟨o, x⟩ · ⟨x, q⟩ is an estimate of ⟨o, q⟩
/// without bias, and
///
///     P{ |error| > ε · |o| · |q| · tan ∠(o, x) / √(d - 1) } ≤ 2 · exp(-c · ε²)
///
/// (theorem 3.2 of the paper on RaBitQ). Precisely, over all rotations, the error is
/// |o| · |q⊥| · tan ∠(o, x) · t, where q⊥ is the part of q orthogonal to o and t any coordinate of a
/// random point on the unit sphere in d - 1 dimensions: nearly normal, with variance 1 / (d - 1). So
/// a true distance is below the lower bound in at most about Φ(-ε) of all cases, 2.9 % with ε = 1.9,
/// fewer the smaller the angle between o and q; and in none with d ≤ ε² + 1.
///
/// The query is rounded to 8 bits. Its own error, of which |r|² is the square, adds a variance of
/// |x|² · |r|² / d to ⟨x, q⟩; and the sums' rounding a little that the bound also covers.
///
/// A distance is what `Metric.distance` says: the squared Euclidean distance, or minus the inner
/// product. For codes relative to a centre c:
///
/// | | query | distance ≈ |
/// |---|---|---|
/// | `prepareEuclidean` | q = R(query - c) | \|q\|² + \|o\|² - 2⟨o, q⟩ |
/// | `prepareUnit` | q = R(query - c) | (\|q\|² + \|o\|² - 2⟨o, q⟩) / 2 - 1 |
/// | `prepareInnerProduct` | q = R(query) | -⟨c, query⟩ - ⟨o, q⟩ |
///
/// The second is for vectors of length 1, where it is minus the inner product with a smaller error.
///
/// Nothing infinite or NaN comes out but a lower bound of minus infinity, which says that nothing is
/// known: for factors that say so, for a query whose largest component is below 2⁻⁵⁰ or above 2⁵⁵, or
/// not finite.
public struct CodeQuery {
    /// The bytes of the codes.
    public let layout: CodeLayout
    /// `layout.paddedDimensions` components of 8 bits.
    public let components: UnsafeMutablePointer<Int8>
    private var terms = KernelEstimateTerms()
    private let quantizeKernel:
        @convention(c) (
            UnsafePointer<Float>, Int, UnsafeMutablePointer<Int8>,
            UnsafeMutablePointer<KernelQueryTerms>
        ) -> Void
    private let dotsKernel:
        @convention(c) (
            UnsafePointer<Int8>, UnsafePointer<UInt8>, Int, Int, Int, UnsafeMutablePointer<Int32>
        ) -> Void
    private let estimatesKernel:
        @convention(c) (
            UnsafePointer<KernelEstimateTerms>, UnsafePointer<Int32>, UnsafePointer<Float>,
            UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>
        ) -> Void
    private let boundsKernel:
        @convention(c) (
            UnsafePointer<KernelEstimateTerms>, UnsafePointer<Int32>, UnsafePointer<Float>,
            UnsafePointer<Float>, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>,
            UnsafeMutablePointer<Float>
        ) -> Void

    /// The ε with which a scan loses less than one in a thousand of its results.
    public static var usualConfidence: Float { 1.9 }

    /// A query still to be prepared, with room of the caller's for its components.
    public init(
        _ layout: CodeLayout, _ kernels: CodeKernelTable,
        components: UnsafeMutablePointer<Int8>
    ) {
        self.layout = layout
        self.components = components
        quantizeKernel = kernels.quantizeQuery
        estimatesKernel = kernels.estimates
        boundsKernel = kernels.bounds
        switch layout.bits {
        case .one: dotsKernel = kernels.dots1
        case .two: dotsKernel = kernels.dots2
        case .four: dotsKernel = kernels.dots4
        }
    }

    // MARK: - Preparation, O(d)

    /// Squared Euclidean distances.
    ///
    /// - Parameters:
    ///   - residual: the query, relative to the codes' centre and rotated, padded with zeros to
    ///     `layout.paddedDimensions`.
    ///   - confidence: ε, at least 2⁻¹⁰.
    public mutating func prepareEuclidean(
        _ residual: UnsafePointer<Float>, confidence: Float = usualConfidence
    ) {
        let query = quantize(residual)
        setTerms(query, factor: 2, confidence)
        terms.base = query.squaredNorm
        terms.normWeight = 1
        terms.margin = Self.rounding * query.squaredNorm
        terms.normMargin = Self.rounding
    }

    /// Minus the inner products of vectors of length 1. The parameters are those of
    /// `prepareEuclidean`.
    public mutating func prepareUnit(
        _ residual: UnsafePointer<Float>, confidence: Float = usualConfidence
    ) {
        let query = quantize(residual)
        setTerms(query, factor: 1, confidence)
        terms.base = 0.5 * query.squaredNorm - 1
        terms.normWeight = 0.5
        terms.margin = Self.rounding * (query.squaredNorm + 1)
        terms.normMargin = Self.rounding
    }

    /// Minus the inner products of any vectors.
    ///
    /// - Parameters:
    ///   - query: rotated, not relative to the centre, padded with zeros.
    ///   - base: minus the inner product of the centre and the query; 0 without a centre.
    ///   - confidence: ε, at least 2⁻¹⁰.
    public mutating func prepareInnerProduct(
        _ query: UnsafePointer<Float>, base: Float, confidence: Float = usualConfidence
    ) {
        setTerms(quantize(query), factor: 1, confidence)
        terms.base = base
        terms.normWeight = 0
        terms.margin = Self.rounding * base.magnitude
        terms.normMargin = 0
    }

    /// Takes another code in the place of a query, for estimates of the distances between encoded vectors.
    /// Their error is that of both codes; there are no bounds. Not for inner products.
    ///
    /// - Parameters:
    ///   - code: `layout.codeBytes` bytes, relative to the same centre as those to come.
    ///   - factors: what was kept beside it.
    ///   - isUnit: whether distances are minus the inner products of vectors of length 1.
    public mutating func prepareCode(
        _ code: UnsafePointer<UInt8>, _ factors: CodeFactors, isUnit: Bool
    ) {
        let sum = layout.writeDoubledValues(of: code, into: components)
        let highest = (Int32(1) &<< Int32(truncatingIfNeeded: layout.bits.rawValue)) &- 1
        let factor: Float = isUnit ? 1 : 2
        terms.dotOffset = highest &* sum
        // The components are twice the code's value, and so is what the products are made of.
        terms.dotScale = -0.25 * factor * factors.scale
        terms.base = isUnit ? 0.5 * factors.squaredNorm - 1 : factors.squaredNorm
        terms.normWeight = isUnit ? 0.5 : 1
        terms.errorScale = .infinity
    }

    /// More than the relative error of any sum here.
    private static var rounding: Float { 0x1p-17 }

    private func quantize(_ query: UnsafePointer<Float>) -> KernelQueryTerms {
        var terms = KernelQueryTerms()
        quantizeKernel(query, layout.dimensions, components, &terms)
        return terms
    }

    /// Sets what is made of the product with the query, which counts so many times.
    private mutating func setTerms(
        _ query: KernelQueryTerms, factor: Float, _ confidence: Float
    ) {
        let dimensions = Float(layout.dimensions)
        let highest = (Int32(1) &<< Int32(truncatingIfNeeded: layout.bits.rawValue)) &- 1
        // ⟨x, q⟩ = scale · (∑uq - highest / 2 · ∑q), all of it doubled to have whole numbers.
        terms.dotOffset = highest &* query.sum
        terms.dotScale = -0.5 * factor * query.scale
        // The variances of the code's and of the query's error. With T = tan ∠(o, x), the latter is
        // |o|² (1 + T²) |r|² / d, and |o|² T² is known as (d - 1) · error². The sums' rounding is
        // treated as one more such error.
        let rest = query.squaredRest / dimensions
        let spread = query.squaredNorm + rest * (dimensions - 1)
        let deviations = max(confidence, 0x1p-10)
        let rounding = Self.rounding / deviations
        terms.errorScale = factor * deviations * spread.squareRoot()
        terms.normErrorRatio =
            spread > 0 ? (rest + rounding * rounding * query.squaredNorm) / spread : 0
    }

    // MARK: - Estimates, O(count · d)

    /// Estimates the distances of the query to vectors whose codes stand one every `stride` bytes.
    @inline(__always)
    public func estimate(
        _ codes: UnsafePointer<UInt8>, stride: Int, _ factors: CodeFactorArrays, count: Int,
        into estimates: UnsafeMutablePointer<Float>
    ) {
        // The estimates take the place of the products.
        let dots = UnsafeMutableRawPointer(estimates).assumingMemoryBound(to: Int32.self)
        dotsKernel(components, codes, stride, count, layout.blocks, dots)
        withUnsafePointer(to: terms) {
            estimatesKernel(
                $0, dots, factors.squaredNorms, factors.scales, count, estimates)
        }
    }

    /// Estimates distances and their lower bounds; `errors` has `CodeFactors.error` of each vector.
    @inline(__always)
    public func bound(
        _ codes: UnsafePointer<UInt8>, stride: Int, _ factors: CodeFactorArrays,
        errors: UnsafePointer<Float>, count: Int, into estimates: UnsafeMutablePointer<Float>,
        bounds: UnsafeMutablePointer<Float>
    ) {
        let dots = UnsafeMutableRawPointer(estimates).assumingMemoryBound(to: Int32.self)
        dotsKernel(components, codes, stride, count, layout.blocks, dots)
        withUnsafePointer(to: terms) {
            boundsKernel(
                $0, dots, factors.squaredNorms, factors.scales, errors, count, estimates, bounds)
        }
    }
}
