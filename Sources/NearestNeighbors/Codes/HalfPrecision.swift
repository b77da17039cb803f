public import VectorKernels

/// Vectors in half precision: components of IEEE 754 binary16 times a scale that the vector has for itself,
/// a power of two that brings the largest component to between 2¹⁴ and 2¹⁵. So no vector is out of range,
/// and whole numbers up to 2048 times a power of two stay what they are.
public enum HalfPrecision {
    /// The scale of a vector of finite components. O(dimensions).
    public static func scale(_ vector: UnsafePointer<Float>, _ dimensions: Int) -> Float {
        var largest: Float = 0
        for index in 0..<dimensions { largest = max(largest, vector[index].magnitude) }
        guard largest > 0, largest.isFinite else { return 1 }
        // Below 2⁻¹²⁶ a scale would be no normal number. What is as small as that has fewer digits then.
        // What is rounded up to the next power of two has that one's scale.
        let exponent = largest.exponent + (largest.significand >= 2 - 0x1p-11 ? 1 : 0)
        return Float(sign: .plus, exponent: max(exponent - 14, -126), significand: 1)
    }

    /// Writes the components divided by a scale. O(dimensions).
    ///
    /// - Parameter room: as many floats, which are overwritten; may be the vector.
    public static func narrow(
        _ vector: UnsafePointer<Float>, _ dimensions: Int, scale: Float,
        room: UnsafeMutablePointer<Float>, into halves: UnsafeMutablePointer<UInt16>,
        _ kernels: KernelTable
    ) {
        if UnsafePointer(room) != vector { room.copy(from: vector, count: dimensions) }
        kernels.scale(room, 1 / scale, dimensions)
        kernels.floatToHalf(room, halves, dimensions)
    }

    /// Replaces a vector by the one that its half-precision form stands for. O(dimensions).
    ///
    /// - Parameter halves: room for as many halves.
    public static func round(
        _ vector: UnsafeMutablePointer<Float>, _ dimensions: Int,
        halves: UnsafeMutablePointer<UInt16>, _ kernels: KernelTable
    ) {
        let scale = scale(vector, dimensions)
        narrow(vector, dimensions, scale: scale, room: vector, into: halves, kernels)
        kernels.halfToFloat(halves, scale, vector, dimensions)
    }
}

/// How far a vector is at least, by exact arithmetic or another way of adding up, if its distance in an index is known.
///
/// With x̃ for the half-precision form of x, |x - x̃| ≤ 2⁻¹¹ · |x̃|, and a little for components so small that they have
/// fewer digits. The rest is the triangle inequality; and both distances are sums in single precision, whose own
/// error is allowed for. The bounds of larger distances are not smaller.
public struct DistanceBound {
    private let kind: Metric.Kind
    private let queryNorm: Float
    private let largestNorm: Float
    private let rounding: Float
    /// The relative error of a vector's form.
    private let error: Float

    /// - Parameters:
    ///   - isHalf: whether the index has the vectors in half precision.
    ///   - query: the query's norm.
    ///   - largestNorm: that of no vector is larger; only for inner products.
    public init(
        _ kind: Metric.Kind, isHalf: Bool, queryNorm: Float, largestNorm: Float, dimensions: Int
    ) {
        self.kind = kind
        self.queryNorm = kind == .cosine ? 1 : queryNorm
        self.largestNorm = kind == .cosine ? 1.001 : largestNorm
        // A cosine is made of more than one sum.
        rounding = (Float(dimensions) / 16 + 16) * (kind == .cosine ? 0x1p-20 : 0x1p-21)
        error = isHalf ? 0x1p-11 * (1 + 0x1p-8) : 0
    }

    /// The lower bound of a distance of the kind.
    public func bound(_ distance: Float) -> Float {
        switch kind {
        case .squaredEuclidean:
            let root = max(distance, 0).squareRoot()
            let nearest = root - error * (queryNorm + root)
            // Nor is anything known where numbers are beyond the range, NaN.
            guard nearest > 0 else { return 0 }
            let square = nearest * nearest * (1 - rounding) - 0x1p-100
            // What is beyond the range of a sum may be just within it.
            return min(max(square, 0), 0x1.8p127)
        case .innerProduct, .cosine:
            let slack = queryNorm * largestNorm * (error + rounding) + 0x1p-100
            let bound = distance - slack
            return bound.isNaN ? -.infinity : min(bound, 0x1.8p127)
        }
    }
}
