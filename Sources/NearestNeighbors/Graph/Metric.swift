public import VectorKernels

/// What "near" means to an index: how the distance between two stored vectors is computed.
///
/// Unchecked `Sendable`: the kernels pointed to have no state.
public struct Metric: @unchecked Sendable {
    /// The kinds of distance.
    public enum Kind: Int32, Sendable {
        case squaredEuclidean = 0
        /// Minus the inner product.
        case innerProduct = 1
        /// Minus the inner product of vectors of length 1, which orders as the cosine distance does.
        case cosine = 2
    }

    /// The kind of distance.
    public let kind: Kind
    /// The kernels that compute it.
    public let kernels: KernelTable
    private let pair: @convention(c) (UnsafePointer<Float>, UnsafePointer<Float>, Int) -> Float
    private let halfPair:
        @convention(c) (UnsafePointer<Float>, UnsafePointer<UInt16>, Float, Int) -> Float
    private let sign: Float

    /// A metric over the given kernels.
    public init(_ kind: Kind, _ kernels: KernelTable) {
        self.kind = kind
        self.kernels = kernels
        switch kind {
        case .squaredEuclidean:
            pair = kernels.squaredL2
            halfPair = kernels.squaredL2Half
            sign = 1
        case .innerProduct, .cosine:
            pair = kernels.innerProduct
            halfPair = kernels.innerProductHalf
            sign = -1
        }
    }

    /// Whether vectors are brought to length 1 before they are stored or searched for.
    public var normalizes: Bool { kind == .cosine }

    /// The largest Euclidean norm of a vector that is not brought to length 1: with longer ones squares, products and
    /// their sums might leave the range of single precision, and what is infinite has no order.
    public static var largestNorm: Float { 1e17 }

    /// Whether a vector has finite elements and a norm with which distances can be computed. O(dimensions).
    public func takes(_ vector: UnsafePointer<Float>, _ dimensions: Int) -> Bool {
        if normalizes { return kernels.isFinite(vector, dimensions) }
        // A sum that is NaN or infinite is not below the bound either.
        return kernels.squaredNorm(vector, dimensions) <= Metric.largestNorm * Metric.largestNorm
    }

    /// The distance between two vectors of `dimensions` elements. O(dimensions).
    @inline(__always)
    public func distance(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ dimensions: Int
    ) -> Float {
        sign * pair(a, b, dimensions)
    }

    /// The distance of a vector to one in half precision; see `HalfPrecision`. O(dimensions).
    @inline(__always)
    public func distance(
        _ a: UnsafePointer<Float>, halves: UnsafePointer<UInt16>, scale: Float, _ dimensions: Int
    ) -> Float {
        sign * halfPair(a, halves, scale, dimensions)
    }

    /// The squared Euclidean distance between two vectors, whatever the metric. O(dimensions).
    func squaredEuclidean(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ dimensions: Int
    ) -> Float { kernels.squaredL2(a, b, dimensions) }

    /// Brings a vector to length 1 in place; the zero vector stays what it is. O(dimensions).
    ///
    /// The norm is taken of the vector scaled by its largest element, so that it neither overflows
    /// nor vanishes.
    public func normalize(_ vector: UnsafeMutablePointer<Float>, _ dimensions: Int) {
        var largest: Float = 0
        for index in 0..<dimensions { largest = max(largest, vector[index].magnitude) }
        guard largest > 0, largest.isFinite else { return }
        // Twice, since the reciprocal of a denormal is infinite.
        let factor = max(largest, Float.leastNormalMagnitude)
        for index in 0..<dimensions { vector[index] /= factor }
        let norm = kernels.squaredNorm(vector, dimensions).squareRoot()
        guard norm > 0 else { return }
        for index in 0..<dimensions { vector[index] /= norm }
    }
}
