import NearestNeighbors
import PostgresServer
import VectorKernels

/// Rotates vectors, and makes their codes.
struct VectorEncoder {
    let code: CodeLayout
    private let rotation: Rotation
    private let coder: VectorCoder
    private let residual: UnsafeMutablePointer<Float>
    /// The code that `encode` made last.
    let bytes: UnsafeMutablePointer<UInt8>

    init(
        dimensions: Int, bits: CodeBits, rotationSeed: UInt64, in memory: ServerMemory
    ) throws(ServerError) {
        code = CodeLayout(dimensions: dimensions, bits: bits)
        rotation = Rotation(dimensions: dimensions, seed: rotationSeed, codeKernels)
        coder = VectorCoder(code, codeKernels)
        residual = try memory.allocate(code.paddedDimensions, of: Float.self)
        bytes = try memory.allocate(code.codeBytes, of: UInt8.self)
    }

    /// Writes the rotated vector.
    func rotate(_ vector: UnsafePointer<Float>, into rotated: UnsafeMutablePointer<Float>) {
        rotated.copy(from: vector, count: code.dimensions)
        rotation.apply(rotated)
    }

    /// Encodes a rotated vector relative to its centroid into `bytes`.
    func encode(_ rotated: UnsafePointer<Float>, from centroid: UnsafePointer<Float>)
        -> CodeFactors
    {
        code.writeResidual(of: rotated, from: centroid, into: residual)
        return coder.encode(residual, into: bytes)
    }
}
