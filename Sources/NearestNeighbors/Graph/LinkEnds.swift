/// The ends of a list's links, by their places in the list, and the distances between them.
protocol LinkEnds {
    /// What kind of distances they are.
    var kind: Metric.Kind { get }

    /// The distance between two ends.
    func distance(_ one: Int, _ other: Int) -> Float

    /// Says that the distances of an end will be asked for soon.
    func prefetch(_ index: Int)
}

extension LinkEnds {
    /// By how much a link is spared; the more, the better it can be done without.
    @inline(__always)
    func spare(_ distance: Float, cover: Float) -> Float {
        switch kind {
        case .squaredEuclidean: return cover > 0 ? distance / cover : .infinity
        case .cosine:
            // One plus the distance is half the square of the Euclidean one.
            return cover > -1 ? (1 + distance) / (1 + cover) : .infinity
        // Inner products have no zero that a ratio could refer to.
        case .innerProduct: return distance - cover
        }
    }
}

/// Ends whose vectors are at hand.
struct VectorEnds: LinkEnds {
    let vectors: UnsafeMutablePointer<UnsafePointer<Float>?>
    let metric: Metric
    let dimensions: Int

    @inline(__always)
    var kind: Metric.Kind { metric.kind }

    @inline(__always)
    func prefetch(_ index: Int) {
        if let vector = vectors[index] { prefetchVector(vector, dimensions) }
    }

    @inline(__always)
    func distance(_ one: Int, _ other: Int) -> Float {
        guard let a = vectors[one], let b = vectors[other] else { return .infinity }
        return metric.distance(a, b, dimensions)
    }
}

/// A list of links together with all distances that a decision about them needs, as a graph can fill it in
/// that knows them, or good estimates of them, without a look at the ends.
public struct MeasuredLinks {
    /// The links.
    public let nodes: UnsafeMutablePointer<NodeReference>
    /// Their distances from the node they belong to.
    public let distances: UnsafeMutablePointer<Float>
    private let between: UnsafeMutablePointer<Float>
    private let stride: Int

    /// Room for `capacity` links, one that is to come included.
    init<Memory: MemorySource>(capacity: Int, in memory: inout Memory) throws(Memory.Failure) {
        stride = capacity
        nodes = try memory.allocate(bytes: capacity &* MemoryLayout<NodeReference>.stride)
            .assumingMemoryBound(to: NodeReference.self)
        distances = try memory.allocate(bytes: capacity &* 4)
            .assumingMemoryBound(to: Float.self)
        between = try memory.allocate(bytes: capacity &* capacity &* 4)
            .assumingMemoryBound(to: Float.self)
    }

    /// Room for the distances between an end and those before it in the list. The end after the last link is
    /// the one to come.
    @inline(__always)
    public func row(_ index: Int) -> UnsafeMutablePointer<Float> { between + index &* stride }

    /// The distance between two different ends.
    @inline(__always)
    func distance(_ one: Int, _ other: Int) -> Float {
        one > other ? row(one)[other] : row(other)[one]
    }
}

/// Ends between which all distances are known.
struct MeasuredEnds: LinkEnds {
    let links: MeasuredLinks
    let kind: Metric.Kind

    @inline(__always)
    func prefetch(_ index: Int) {}

    @inline(__always)
    func distance(_ one: Int, _ other: Int) -> Float { links.distance(one, other) }
}
