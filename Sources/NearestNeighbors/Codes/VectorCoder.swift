import CKernels
public import VectorKernels

/// What is kept of an encoded vector o beside its code. Read `CodeQuery` for what it is good for.
public struct CodeFactors: Equatable, Sendable, BitwiseCopyable {
    /// |o|²
    public var squaredNorm: Float
    /// |o|² / ⟨o, x⟩, by which ⟨x, q⟩ becomes an estimate of ⟨o, q⟩.
    public var scale: Float
    /// |o| · tan ∠(o, x) / √(d - 1): the standard deviation of the estimate for |q| = 1. Infinite
    /// where there is no estimate, so that the lower bound of any distance is minus infinity.
    public var error: Float

    /// The factors of those values.
    public init(squaredNorm: Float, scale: Float, error: Float) {
        self.squaredNorm = squaredNorm
        self.scale = scale
        self.error = error
    }
}

/// Turns vectors into codes of 1, 2 or 4 bits for each dimension.
///
/// With one bit these are the codes of RaBitQ (Gao and Long: RaBitQ: Quantizing High-Dimensional
/// Vectors with a Theoretical Error Bound for Approximate Nearest Neighbor Search, SIGMOD 2024), with
/// more those of its extension (Gao et al.: Practical and Asymptotically Optimal Quantization of
/// High-Dimensional Vectors in Euclidean Space for Approximate Nearest Neighbor Search, SIGMOD 2025).
/// The code u of a vector o, rotated and relative to some centre, stands for the direction of
/// x = u - (2ᵇ - 1) / 2, all of whose components are odd multiples of 1/2. Of the directions that can
/// be written so the nearest to that of o is wanted; it is among those that arise when t · o is
/// rounded for some t > 0. Where the paper tries each t at which a component is rounded otherwise,
/// 16 are tried here, in two rounds, around the best t for a normal distribution, 22 with up to 64
/// dimensions. The square of the cosine of the angle comes out less than 0.001 below the largest
/// there is, from 64 dimensions on (tested).
///
/// The code and its factors are the same to the last bit at each instruction level and on each
/// architecture.
public struct VectorCoder {
    /// The bytes of the codes.
    public let layout: CodeLayout
    private let encodeKernel:
        @convention(c) (
            UnsafePointer<Float>, Int, UnsafeMutablePointer<UInt8>,
            UnsafeMutablePointer<KernelCodeFactors>
        ) -> Void

    /// An encoder for codes of a layout.
    public init(_ layout: CodeLayout, _ kernels: CodeKernelTable) {
        self.layout = layout
        switch layout.bits {
        case .one: encodeKernel = kernels.encode1
        case .two: encodeKernel = kernels.encode2
        case .four: encodeKernel = kernels.encode4
        }
    }

    /// Encodes a vector. O(d).
    ///
    /// Zero is its own estimate. A vector whose largest component is below 2⁻⁵⁰ or above 2⁵⁵, or that
    /// has one that is not finite, has no estimate; see `CodeFactors.error`.
    ///
    /// - Parameters:
    ///   - rotated: the vector, rotated and relative to its centre, padded with zeros to the
    ///     layout's `paddedDimensions`.
    ///   - code: `codeBytes` bytes.
    public func encode(
        _ rotated: UnsafePointer<Float>, into code: UnsafeMutablePointer<UInt8>
    ) -> CodeFactors {
        var factors = KernelCodeFactors(squaredNorm: 0, scale: 0, error: 0)
        encodeKernel(rotated, layout.dimensions, code, &factors)
        return CodeFactors(
            squaredNorm: factors.squaredNorm, scale: factors.scale, error: factors.error)
    }
}
