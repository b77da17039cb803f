public import VectorKernels

/// A pseudo-random rotation of vectors with some number of dimensions: an orthogonal transform of
/// which nothing is stored but a seed.
///
/// Codes of a few bits for each dimension are as good as their theory says only if a vector's length
/// is spread evenly and irregularly over its components; most data are not so, but become so when
/// they are rotated at random. Lengths, distances and inner products stay what they are. A random
/// orthogonal matrix takes O(d²) space and time; this takes O(d log d) and no space:
///
/// - The Hadamard transform H, normalised, after a random choice of signs, on the first B components,
///   where B is the largest power of two up to d; the same, with other signs, on the last B.
/// - Each component i of the first half together with its partner in the second half,
///   i + ⌈d / 2⌉, turned by an angle of their own, one of 256. Without this step little would get
///   from the first components to the last ones where the two blocks hardly overlap, as with 255 or
///   960 dimensions.
/// - H on the first and on the last B components once more, with new signs. With fewer than 64
///   dimensions the last two steps are done twice.
///
/// The error of codes is then that of codes after a full random matrix, also for vectors with a
/// single component other than zero, for d from 2 (measured; the tests repeat it). The idea of signs
/// and Hadamard transforms is that of Ailon and Chazelle (The fast Johnson-Lindenstrauss transform,
/// 2009); the turning of pairs is Kac's walk.
///
/// The result depends on the vector, d and the seed only: it is the same to the last bit at each
/// instruction level and on each architecture.
public struct Rotation {
    /// The number of components.
    public let dimensions: Int
    /// What the signs and angles are made of.
    public let seed: UInt64
    private let rotate: @convention(c) (UnsafeMutablePointer<Float>, Int, UInt64) -> Void

    /// The rotation of a seed.
    public init(dimensions: Int, seed: UInt64, _ kernels: CodeKernelTable) {
        self.dimensions = dimensions
        self.seed = seed
        rotate = kernels.rotate
    }

    /// Rotates a vector in place. O(d log d).
    @inline(__always)
    public func apply(_ vector: UnsafeMutablePointer<Float>) {
        rotate(vector, dimensions, seed)
    }
}
