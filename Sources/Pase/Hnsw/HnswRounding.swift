import NearestNeighbors
import PostgresServer
import VectorKernels

/// Turns vectors into what an index of half precision can keep of them, so that the same vector is met in
/// memory, in insertions and on pages.
struct HnswRounding {
    private let dimensions: Int
    private let halves: UnsafeMutablePointer<UInt16>

    init(_ meta: HnswMeta, _ memory: ServerMemory) throws(ServerError) {
        dimensions = meta.dimensions
        halves = try memory.allocate(meta.dimensions, of: UInt16.self)
    }

    /// Rounds a vector in place.
    ///
    /// - Returns: a number not below its norm.
    func round(_ vector: UnsafeMutablePointer<Float>) -> Float {
        HalfPrecision.round(vector, dimensions, halves: halves, kernels)
        let square = kernels.squaredNorm(vector, dimensions)
        // A little for the sum's own rounding; a norm beyond the range of a sum has no bound.
        return square.isFinite ? square.squareRoot() * 1.001 : .greatestFiniteMagnitude
    }
}
