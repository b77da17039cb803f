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
    /// How well a link can be done without.
    @inline(__always)
    func spare(_ distance: Float, cover: Float) -> LinkWorth {
        guard cover <= distance else { return LinkWorth(isCovered: false, value: distance) }
        let value: Float
        switch kind {
        case .squaredEuclidean: value = cover > 0 ? distance / cover : .infinity
        case .cosine:
            // One plus the distance is half the square of the Euclidean one.
            value = cover > -1 ? (1 + distance) / (1 + cover) : .infinity
        // Inner products have no zero that a ratio could refer to.
        case .innerProduct: value = distance - cover
        }
        return LinkWorth(isCovered: true, value: value)
    }
}

/// What a link of a list is worth: the least worth is one that others cover, by the more the less, then the farthest.
struct LinkWorth {
    /// Whether another link of the list leads nearer to its end than the node is.
    let isCovered: Bool
    /// By how much it is spared then; else its distance.
    let value: Float

    /// Less to be spared than any link.
    static var least: LinkWorth { LinkWorth(isCovered: false, value: -.infinity) }

    /// Whether the other one can rather be spared.
    @inline(__always)
    static func < (one: LinkWorth, other: LinkWorth) -> Bool {
        if one.isCovered != other.isCovered { return other.isCovered }
        return one.value < other.value
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

/// The links of a node on a level, as a graph copies them.
public struct LinkList {
    /// Where the links lead.
    public let nodes: UnsafeMutablePointer<NodeReference>
    /// Whether each is a link of the backbone.
    public let isBackbone: UnsafeMutablePointer<Bool>

    /// Room for `capacity` links.
    init<Memory: MemorySource>(capacity: Int, in memory: inout Memory) throws(Memory.Failure) {
        nodes = try memory.allocate(bytes: capacity &* MemoryLayout<NodeReference>.stride)
            .assumingMemoryBound(to: NodeReference.self)
        isBackbone = try memory.allocate(bytes: capacity).assumingMemoryBound(to: Bool.self)
    }
}

/// A list of links together with all distances that a decision about them needs, as a graph can fill it in
/// that knows them, or good estimates of them, without a look at the ends.
public struct MeasuredLinks {
    /// The links.
    public let list: LinkList
    /// Their distances from the node they belong to.
    public let distances: UnsafeMutablePointer<Float>
    private let between: UnsafeMutablePointer<Float>
    private let stride: Int

    /// Room for `capacity` links, one that is to come included.
    init<Memory: MemorySource>(capacity: Int, in memory: inout Memory) throws(Memory.Failure) {
        stride = capacity
        list = try LinkList(capacity: capacity, in: &memory)
        distances = try memory.allocate(bytes: capacity &* 4)
            .assumingMemoryBound(to: Float.self)
        between = try memory.allocate(bytes: capacity &* capacity &* 4)
            .assumingMemoryBound(to: Float.self)
    }

    /// Where the links lead.
    public var nodes: UnsafeMutablePointer<NodeReference> { list.nodes }

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
