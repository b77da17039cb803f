public import CKernels
import VectorKernelsBaseline

#if arch(x86_64)
    import VectorKernelsAVX2
    import VectorKernelsAVX512
#endif

/// The kernels of vector codes of one instruction level, as pointers to C functions; the calls that
/// `NearestNeighbors.VectorCoder` and `CodeQuery` make.
///
/// What all of them have in common, beside what `KernelTable` says of kernels:
/// - Results are the same to the last bit at each instruction level.
/// - Vectors of floats that are encoded or quantised are padded with zeros to whole blocks of 64
///   elements, which are read. Codes and quantised queries consist of whole blocks.
/// - Nothing traps, whatever the bytes and numbers are.
///
/// Unchecked `Sendable`: the functions pointed to have no state.
public struct CodeKernelTable: @unchecked Sendable {
    /// The level the kernels are compiled for.
    public let level: InstructionLevel

    /// Rotates a vector in place: `(vector, dimensions, seed)`; see `NearestNeighbors.Rotation`.
    /// O(dimensions · log dimensions). The only one that needs no padding.
    public let rotate:
        @convention(c) (
            _ vector: UnsafeMutablePointer<Float>, _ dimensions: Int, _ seed: UInt64
        ) -> Void

    /// Writes the code of a vector with 1 bit for each dimension and what the estimates need beside
    /// it: `(residual, dimensions, code, factors)`.
    public let encode1:
        @convention(c) (
            _ residual: UnsafePointer<Float>, _ dimensions: Int,
            _ code: UnsafeMutablePointer<UInt8>,
            _ factors: UnsafeMutablePointer<KernelCodeFactors>
        ) -> Void

    /// `encode1` with 2 bits.
    public let encode2:
        @convention(c) (
            _ residual: UnsafePointer<Float>, _ dimensions: Int,
            _ code: UnsafeMutablePointer<UInt8>,
            _ factors: UnsafeMutablePointer<KernelCodeFactors>
        ) -> Void

    /// `encode1` with 4 bits.
    public let encode4:
        @convention(c) (
            _ residual: UnsafePointer<Float>, _ dimensions: Int,
            _ code: UnsafeMutablePointer<UInt8>,
            _ factors: UnsafeMutablePointer<KernelCodeFactors>
        ) -> Void

    /// Rounds a vector to 8-bit components from -127 to 127 times a common scale:
    /// `(query, dimensions, components, terms)`.
    public let quantizeQuery:
        @convention(c) (
            _ query: UnsafePointer<Float>, _ dimensions: Int,
            _ components: UnsafeMutablePointer<Int8>,
            _ terms: UnsafeMutablePointer<KernelQueryTerms>
        ) -> Void

    /// The sums ∑uᵢ·qᵢ of 1-bit codes with one query of components from -127 to 127:
    /// `(query, codes, strideInBytes, count, blocks, out)`. Code i starts at
    /// `codes + i * strideInBytes`; its sum goes to `out[i]`. Exact for up to 2²⁰ dimensions.
    public let dots1:
        @convention(c) (
            _ query: UnsafePointer<Int8>, _ codes: UnsafePointer<UInt8>, _ strideInBytes: Int,
            _ count: Int, _ blocks: Int, _ out: UnsafeMutablePointer<Int32>
        ) -> Void

    /// `dots1` for 2-bit codes.
    public let dots2:
        @convention(c) (
            _ query: UnsafePointer<Int8>, _ codes: UnsafePointer<UInt8>, _ strideInBytes: Int,
            _ count: Int, _ blocks: Int, _ out: UnsafeMutablePointer<Int32>
        ) -> Void

    /// `dots1` for 4-bit codes.
    public let dots4:
        @convention(c) (
            _ query: UnsafePointer<Int8>, _ codes: UnsafePointer<UInt8>, _ strideInBytes: Int,
            _ count: Int, _ blocks: Int, _ out: UnsafeMutablePointer<Int32>
        ) -> Void

    /// The inner product of two vectors of components from -127 to 127, as `quantizeQuery` makes them:
    /// `(one, other, blocks)`. Exact for up to 2¹⁷ dimensions.
    public let dot8:
        @convention(c) (
            _ one: UnsafePointer<Int8>, _ other: UnsafePointer<Int8>, _ blocks: Int
        ) -> Int32

    /// Estimates of distances from the sums of codes with a query:
    /// `(terms, dots, squaredNorms, scales, count, estimates)`. The estimates are never infinite nor
    /// NaN, and may take the place of the sums.
    public let estimates:
        @convention(c) (
            _ terms: UnsafePointer<KernelEstimateTerms>, _ dots: UnsafePointer<Int32>,
            _ squaredNorms: UnsafePointer<Float>, _ scales: UnsafePointer<Float>, _ count: Int,
            _ estimates: UnsafeMutablePointer<Float>
        ) -> Void

    /// `estimates` together with lower bounds of the distances:
    /// `(terms, dots, squaredNorms, scales, errors, count, estimates, bounds)`. A bound is a finite
    /// number or minus infinity.
    public let bounds:
        @convention(c) (
            _ terms: UnsafePointer<KernelEstimateTerms>, _ dots: UnsafePointer<Int32>,
            _ squaredNorms: UnsafePointer<Float>, _ scales: UnsafePointer<Float>,
            _ errors: UnsafePointer<Float>, _ count: Int,
            _ estimates: UnsafeMutablePointer<Float>, _ bounds: UnsafeMutablePointer<Float>
        ) -> Void

    private init(_ functions: CodeKernelFunctions, _ level: InstructionLevel) {
        self.level = level
        rotate = functions.rotate
        encode1 = functions.encode1
        encode2 = functions.encode2
        encode4 = functions.encode4
        quantizeQuery = functions.quantizeQuery
        dots1 = functions.dots1
        dots2 = functions.dots2
        dots4 = functions.dots4
        dot8 = functions.dot8
        estimates = functions.estimates
        bounds = functions.bounds
    }

    /// The kernels of a level, or nil where this processor lacks it. Asks the processor each time.
    public static func table(for level: InstructionLevel) -> CodeKernelTable? {
        guard level.isSupported else { return nil }
        #if arch(x86_64)
            switch level {
            case .baseline:
                return CodeKernelTable(VectorKernelsBaseline.codeKernelFunctions(), level)
            case .avx2: return CodeKernelTable(VectorKernelsAVX2.codeKernelFunctions(), level)
            case .avx512: return CodeKernelTable(VectorKernelsAVX512.codeKernelFunctions(), level)
            }
        #else
            return CodeKernelTable(VectorKernelsBaseline.codeKernelFunctions(), .baseline)
        #endif
    }

    /// The kernels of the level to use, `InstructionLevel.best`. Asks the processor each time.
    public static func best() -> CodeKernelTable {
        table(for: .best)
            ?? CodeKernelTable(VectorKernelsBaseline.codeKernelFunctions(), .baseline)
    }
}
