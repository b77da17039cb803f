import CKernels
import VectorKernelsBaseline

#if arch(x86_64)
    import VectorKernelsAVX2
    import VectorKernelsAVX512
#endif

/// The kernels of one instruction level that work on many rows and many centroids at once, as
/// pointers to C functions. What `KernelTable` says of its kernels holds for these, apart from the
/// order of the sums.
///
/// The centroids are read from panels of 16 (`TilePanels` writes them): for each dimension 16
/// adjacent floats, one of each centroid; then the next dimension. A panel of d dimensions takes
/// 16·d floats and panels follow each other. This layout is the same on all levels.
///
/// A tile of rows and panels has all its sums in registers, so each number read is used several
/// times and the arithmetic units, not the caches, set the pace: O(rows · centroids · dimensions)
/// time at near the processor's peak (Goto and van de Geijn, Anatomy of High-Performance Matrix
/// Multiplication, 2008).
///
/// Each inner product adds its terms in the order of the dimensions, up to 256 of them to one sum and
/// then these sums. So a result depends neither on the number of rows or centroids in a call nor on
/// their places, and levels with a fused multiply-add (all but SSE2) agree to the last bit. The
/// rounding error is at most about (256 + d / 256) · u · ∑|xᵢ·cᵢ|, u = 2⁻²⁴.
///
/// Unchecked `Sendable`: the functions pointed to have no state.
public struct TileTable: @unchecked Sendable {
    /// The level the kernels are compiled for.
    public let level: InstructionLevel

    /// The inner products of rows with centroids:
    /// `(rows, strideInFloats, rowCount, panels, panelCount, dimensions, out, outStrideInFloats)`.
    /// The product of row r with centroid c goes to `out[r * outStrideInFloats + c]`; all 16 of each
    /// panel are written, so `outStrideInFloats` is at least `16 * panelCount`. `out` must not
    /// overlap what is read.
    public let products:
        @convention(c) (
            _ rows: UnsafePointer<Float>, _ strideInFloats: Int, _ rowCount: Int,
            _ panels: UnsafePointer<Float>, _ panelCount: Int, _ dimensions: Int,
            _ out: UnsafeMutablePointer<Float>, _ outStrideInFloats: Int
        ) -> Void

    /// For each row the centroid of the lowest score, which is the centroid's bias minus the inner
    /// product: `(rows, strideInFloats, rowCount, panels, panelCount, dimensions, biases, workspace,
    /// indexes, scores)`. There are `16 * panelCount` biases; an infinite one keeps a centroid, or
    /// an unused place in the last panel, from being found. Of equal scores the first centroid's is
    /// taken. A score that is NaN is never taken; where nothing is below infinity, the index is 0 and
    /// the score infinite. `workspace` has `workspaceBytes` bytes, which the kernel overwrites.
    ///
    /// With half the squared norms as biases that is the nearest centroid, with zeros the one of the
    /// largest inner product.
    public let nearest:
        @convention(c) (
            _ rows: UnsafePointer<Float>, _ strideInFloats: Int, _ rowCount: Int,
            _ panels: UnsafePointer<Float>, _ panelCount: Int, _ dimensions: Int,
            _ biases: UnsafePointer<Float>, _ workspace: UnsafeMutableRawPointer,
            _ indexes: UnsafeMutablePointer<Int32>, _ scores: UnsafeMutablePointer<Float>
        ) -> Void

    /// Bytes that `nearest` needs for itself on any level: for 96 rows the lowest score in each of 16
    /// lanes, its panel, and sums with up to four panels.
    @inline(__always)
    public static var workspaceBytes: Int { 96 * (64 + 64 + 4 * 64) }

    private init(_ functions: TileFunctions, _ level: InstructionLevel) {
        self.level = level
        products = functions.products
        nearest = functions.nearest
    }

    /// The tile kernels of the level that other kernels are of. Asks nothing of the processor.
    public init(matching kernels: KernelTable) {
        #if arch(x86_64)
            switch kernels.level {
            case .baseline: self.init(VectorKernelsBaseline.tileFunctions(), .baseline)
            case .avx2: self.init(VectorKernelsAVX2.tileFunctions(), .avx2)
            case .avx512: self.init(VectorKernelsAVX512.tileFunctions(), .avx512)
            }
        #else
            self.init(VectorKernelsBaseline.tileFunctions(), .baseline)
        #endif
    }
}
