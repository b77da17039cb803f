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
        // In double precision, since tiny vectors' squares vanish in single precision. A little for roundings.
        return Float(VectorLengths.euclidean(vector, dimensions)) * 1.001
            + .leastNonzeroMagnitude
    }
}
