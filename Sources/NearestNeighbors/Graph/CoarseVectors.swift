import CKernels
import VectorKernels

/// Vectors rounded to 8 bits for each dimension, and the distances between them.
///
/// Building a graph is, for the most part, waiting for vectors that lie anywhere in memory. These take a quarter
/// of the bytes, and their products a fraction of the time. They lead the search; what is chosen among its
/// results is judged by the vectors themselves. A vector is rounded relative to a centre, to multiples of a step
/// of its own, the 127th part of its largest component:
///
///     0     header (16 bytes): step; square of the length, or the inner product with the centre, which is what a
///           distance needs; square of what was rounded away
///     16    64 · blocks components from -127 to 127
public struct CoarseVectors {
    private struct Header: BitwiseCopyable {
        var step: Float
        /// The squared length relative to the centre; with inner products that of the vector itself with the centre.
        var part: Float
        var squaredRest: Float
        var reserved: Float
    }

    private let dimensions: Int
    private let blocks: Int
    private let metric: Metric
    private var kind: Metric.Kind { metric.kind }
    /// What the vectors are rounded relative to; zero at first.
    let centre: UnsafeMutablePointer<Float>
    private let residual: UnsafeMutablePointer<Float>
    private let quantize:
        @convention(c) (
            UnsafePointer<Float>, Int, UnsafeMutablePointer<Int8>,
            UnsafeMutablePointer<KernelQueryTerms>
        ) -> Void
    private let dot: @convention(c) (UnsafePointer<Int8>, UnsafePointer<Int8>, Int) -> Int32
    // A distance is base + partWeight · (part of a + part of b) + dotWeight · ⟨a, b⟩; for inner products
    // of vectors a + c and b + c, where ⟨a + c, b + c⟩ = ⟨a, b⟩ + ⟨a + c, c⟩ + ⟨b + c, c⟩ - |c|².
    private let base: Float
    private let partWeight: Float
    private let dotWeight: Float

    /// Whether vectors of so many elements are worth it.
    static func suit(_ dimensions: Int) -> Bool { dimensions >= 48 }

    /// How many vectors ahead of the one that is being read are worth asking for.
    @inline(__always)
    static var ahead: Int { 12 }

    /// The bytes of a rounded vector; a multiple of 16.
    static func bytes(_ dimensions: Int) -> Int {
        MemoryLayout<Header>.size &+ CodeLayout.blocks(dimensions) &* 64
    }

    /// Bytes of the centre and of the room for one vector.
    static func roomBytes(_ dimensions: Int) -> Int { CodeLayout.blocks(dimensions) &* 512 }

    /// Rounding and distances for a metric.
    ///
    /// - Parameters:
    ///   - centre: `dimensions` numbers, or nil for zeros.
    init<Memory: MemorySource>(
        _ dimensions: Int, _ metric: Metric, _ kernels: CodeKernelTable,
        centre: UnsafeMutablePointer<Float>?, in memory: inout Memory
    ) throws(Memory.Failure) {
        self.dimensions = dimensions
        blocks = CodeLayout.blocks(dimensions)
        self.metric = metric
        quantize = kernels.quantizeQuery
        dot = kernels.dot8
        let padded = blocks &* 64
        residual = try memory.allocate(bytes: padded &* 4).assumingMemoryBound(to: Float.self)
        residual.update(repeating: 0, count: padded)
        if let centre {
            self.centre = centre
        } else {
            self.centre = try memory.allocate(bytes: padded &* 4)
                .assumingMemoryBound(to: Float.self)
            self.centre.update(repeating: 0, count: padded)
        }
        switch metric.kind {
        case .squaredEuclidean: (base, partWeight, dotWeight) = (0, 1, -2)
        // Half the square of the Euclidean distance of vectors of length 1, less 1.
        case .cosine: (base, partWeight, dotWeight) = (-1, 0.5, -1)
        case .innerProduct: (base, partWeight, dotWeight) = (0, -1, -1)
        }
    }

    /// Takes the mean of some vectors for the centre. Only while nothing is rounded. O(count · dimensions).
    func setCentre(_ count: Int, _ vector: (Int) -> UnsafePointer<Float>) {
        guard count > 0 else { return }
        let weight = 1 / Float(count)
        centre.update(repeating: 0, count: dimensions)
        for index in 0..<count {
            let vector = vector(index)
            for dimension in 0..<dimensions { centre[dimension] += weight * vector[dimension] }
        }
    }

    /// Rounds a vector. One that cannot be, because of huge or tiny components, becomes the centre, and known to
    /// be anything else.
    func round(_ vector: UnsafePointer<Float>, into out: UnsafeMutableRawPointer) {
        for index in 0..<dimensions { residual[index] = vector[index] - centre[index] }
        var terms = KernelQueryTerms()
        let components = (out + MemoryLayout<Header>.size).assumingMemoryBound(to: Int8.self)
        quantize(residual, dimensions, components, &terms)
        var header = Header(step: 0, part: 0, squaredRest: .infinity, reserved: 0)
        if terms.squaredNorm.isFinite {
            header.step = terms.scale
            header.squaredRest = terms.squaredRest
        }
        if kind == .innerProduct {
            // Half of the centre's own square each, so that a sum of two has it once.
            header.part = centreProduct(vector) - 0.5 * centreProduct(UnsafePointer(centre))
        } else {
            let square = Float(dot(components, components, blocks))
            header.part = header.step * header.step * square
        }
        out.storeBytes(of: header, as: Header.self)
    }

    /// The inner product of a vector with the centre, 0 where that is beyond what a number can hold.
    private func centreProduct(_ vector: UnsafePointer<Float>) -> Float {
        let product = -metric.distance(vector, UnsafePointer(centre), dimensions)
        return product.isFinite ? product : 0
    }

    @inline(__always)
    private func header(_ vector: UnsafeRawPointer) -> UnsafePointer<Header> {
        vector.assumingMemoryBound(to: Header.self)
    }

    @inline(__always)
    private func components(_ vector: UnsafeRawPointer) -> UnsafePointer<Int8> {
        (vector + MemoryLayout<Header>.size).assumingMemoryBound(to: Int8.self)
    }

    /// The distance between two rounded vectors. O(dimensions).
    @inline(__always)
    func distance(_ one: UnsafeRawPointer, _ other: UnsafeRawPointer) -> Float {
        let product = Float(dot(components(one), components(other), blocks))
        let parts = header(one).pointee.part + header(other).pointee.part
        let scaled = header(one).pointee.step * header(other).pointee.step * product
        return base + partWeight * parts + dotWeight * scaled
    }

    /// Whether the distance between two vectors is far above what rounding does to it, so that ratios of such
    /// distances can be relied on.
    @inline(__always)
    func resolves(_ distance: Float, _ one: UnsafeRawPointer, _ other: UnsafeRawPointer) -> Bool {
        let rest = header(one).pointee.squaredRest + header(other).pointee.squaredRest
        switch kind {
        case .squaredEuclidean: return distance > 64 * rest
        case .cosine: return 2 * (1 + distance) > 64 * rest
        // Their differences decide, not their ratios, however small.
        case .innerProduct: return false
        }
    }

    /// Asks the processor for a vector that will be used soon.
    @inline(__always)
    func prefetch(_ vector: UnsafeRawPointer) {
        let bytes = min(MemoryLayout<Header>.size &+ blocks &* 64, 1024)
        var offset = 0
        while offset < bytes {
            kernels_prefetch(vector + offset)
            offset &+= 64
        }
    }
}

/// The ends of links, rounded.
struct CoarseEnds: LinkEnds {
    let vectors: UnsafePointer<UnsafeRawPointer?>
    let coarse: CoarseVectors
    let kind: Metric.Kind

    @inline(__always)
    func prefetch(_ index: Int) {
        if let vector = vectors[index] { coarse.prefetch(vector) }
    }

    @inline(__always)
    func distance(_ one: Int, _ other: Int) -> Float {
        guard let a = vectors[one], let b = vectors[other] else { return .infinity }
        return coarse.distance(a, b)
    }
}
