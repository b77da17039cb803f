import CKernels
import VectorKernelsBaseline

#if arch(x86_64)
    import VectorKernelsAVX2
    import VectorKernelsAVX512
#endif

/// The kernels of one instruction level, as pointers to C functions.
///
/// Get one table when the program starts and keep it: a call then costs one indirect call, and
/// nothing is asked or initialised on the way.
///
/// What all kernels have in common:
/// - Vectors are consecutive single-precision components; half-precision ones are the bit patterns
///   of IEEE 754 binary16. Pointers may have any alignment, also none.
/// - Counts and dimensions are at least 0, and nothing is read or written beyond them. The sum over
///   no components is 0. Strides may be anything that keeps the rows inside one block of memory.
/// - They allocate nothing, call nothing and cannot fail. Time is proportional to the number of
///   components read.
/// - Sums are kept in single precision, in several partial sums. For n components of bounded
///   rounding error u = 2⁻²⁴, a result differs from the exact sum of the terms by at most about
///   (n / 16 + 16) · u · ∑|term|. Sums beyond the range of single precision are infinite, and NaN
///   where infinities of both signs meet.
/// - Within one level, kernels that compute the same quantity agree to the last bit: alone, in a
///   batch, as a part of `cosineParts`, or with the two vectors exchanged. Different levels may
///   differ within the bound above.
///
/// Unchecked `Sendable`: the functions pointed to have no state.
public struct KernelTable: @unchecked Sendable {
    /// The level the kernels are compiled for.
    public let level: InstructionLevel

    /// The squared Euclidean distance, ∑(aᵢ - bᵢ)², of two vectors: `(a, b, count)`.
    public let squaredL2:
        @convention(c) (
            _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int
        ) -> Float

    /// The inner product, ∑aᵢ·bᵢ, of two vectors: `(a, b, count)`.
    public let innerProduct:
        @convention(c) (
            _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int
        ) -> Float

    /// The square of the Euclidean norm, ∑aᵢ², of a vector: `(a, count)`.
    public let squaredNorm: @convention(c) (_ a: UnsafePointer<Float>, _ count: Int) -> Float

    /// The three sums a cosine is made of, in one pass: `(a, b, count, out)`. Writes ∑aᵢ·bᵢ, ∑aᵢ²
    /// and ∑bᵢ² to `out[0]`, `out[1]` and `out[2]`; `out` must not overlap the vectors.
    public let cosineParts:
        @convention(c) (
            _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int,
            _ out: UnsafeMutablePointer<Float>
        ) -> Void

    /// The squared Euclidean distances of a query to many rows:
    /// `(query, rows, strideInFloats, rowCount, dimensions, out)`. Row i starts at
    /// `rows + i * strideInFloats` and has as many components as the query; its distance goes to
    /// `out[i]`. `out` must not overlap the vectors. Faster than as many single calls as long as
    /// the rows are in the cache.
    public let squaredL2ToMany:
        @convention(c) (
            _ query: UnsafePointer<Float>, _ rows: UnsafePointer<Float>, _ strideInFloats: Int,
            _ rowCount: Int, _ dimensions: Int, _ out: UnsafeMutablePointer<Float>
        ) -> Void

    /// The inner products of a query with many rows; the parameters are those of
    /// `squaredL2ToMany`.
    public let innerProductToMany:
        @convention(c) (
            _ query: UnsafePointer<Float>, _ rows: UnsafePointer<Float>, _ strideInFloats: Int,
            _ rowCount: Int, _ dimensions: Int, _ out: UnsafeMutablePointer<Float>
        ) -> Void

    /// Multiplies each component of a vector by a factor, in place: `(vector, factor, count)`.
    /// Each product is rounded once.
    public let scale:
        @convention(c) (
            _ vector: UnsafeMutablePointer<Float>, _ factor: Float, _ count: Int
        ) -> Void

    /// Whether a vector is free of infinities and NaNs: `(vector, count)`.
    public let isFinite: @convention(c) (_ vector: UnsafePointer<Float>, _ count: Int) -> Bool

    /// Writes the half-precision numbers nearest to the components of a vector, ties to even:
    /// `(source, destination, count)`. Magnitudes from 65520 become infinities, so who wants finite
    /// halves checks the largest magnitude first; NaNs become quiet NaNs of the same sign.
    /// Source and destination must not overlap.
    public let floatToHalf:
        @convention(c) (
            _ source: UnsafePointer<Float>, _ destination: UnsafeMutablePointer<UInt16>,
            _ count: Int
        ) -> Void

    /// Writes the components of a half-precision vector times a scale: `(half, scale, out, count)`.
    /// Exact where the scale is a power of two and the product is in range.
    public let halfToFloat:
        @convention(c) (
            _ half: UnsafePointer<UInt16>, _ scale: Float, _ out: UnsafeMutablePointer<Float>,
            _ count: Int
        ) -> Void

    /// The squared Euclidean distance of a query to a half-precision vector, whose components are
    /// widened exactly and multiplied by a scale: `(query, half, scale, count)`.
    public let squaredL2Half:
        @convention(c) (
            _ query: UnsafePointer<Float>, _ half: UnsafePointer<UInt16>, _ scale: Float,
            _ count: Int
        ) -> Float

    /// The inner product of a query and a half-precision vector, whose components are widened
    /// exactly and multiplied by a scale: `(query, half, scale, count)`.
    public let innerProductHalf:
        @convention(c) (
            _ query: UnsafePointer<Float>, _ half: UnsafePointer<UInt16>, _ scale: Float,
            _ count: Int
        ) -> Float

    init(_ functions: KernelFunctions, _ level: InstructionLevel) {
        self.level = level
        squaredL2 = functions.squaredL2
        innerProduct = functions.innerProduct
        squaredNorm = functions.squaredNorm
        cosineParts = functions.cosineParts
        squaredL2ToMany = functions.squaredL2ToMany
        innerProductToMany = functions.innerProductToMany
        scale = functions.scale
        isFinite = functions.isFinite
        floatToHalf = functions.floatToHalf
        halfToFloat = functions.halfToFloat
        squaredL2Half = functions.squaredL2Half
        innerProductHalf = functions.innerProductHalf
    }

    /// The kernels of a level, or nil where this processor lacks it. Asks the processor each time.
    public static func table(for level: InstructionLevel) -> KernelTable? {
        guard level.isSupported else { return nil }
        #if arch(x86_64)
            switch level {
            case .baseline: return KernelTable(VectorKernelsBaseline.kernelFunctions(), level)
            case .avx2: return KernelTable(VectorKernelsAVX2.kernelFunctions(), level)
            case .avx512: return KernelTable(VectorKernelsAVX512.kernelFunctions(), level)
            }
        #else
            return KernelTable(VectorKernelsBaseline.kernelFunctions(), .baseline)
        #endif
    }

    /// The kernels of the level to use, `InstructionLevel.best`. Asks the processor each time.
    public static func best() -> KernelTable {
        table(for: .best)
            ?? KernelTable(VectorKernelsBaseline.kernelFunctions(), .baseline)
    }
}
