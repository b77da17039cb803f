/// The parameters of a graph that never change once it has a node.
public struct GraphShape: Sendable, BitwiseCopyable {
    /// Elements of a vector.
    public let dimensions: Int
    /// Links per node above the ground layer (M in the paper).
    public let links: Int
    /// Links per node on the ground layer.
    public let groundLinks: Int
    /// Candidates an insertion looks for on each layer (efConstruction).
    public internal(set) var efConstruction: Int
    /// The highest level a node may have.
    public let maximumLevel: Int

    /// A shape; `links` at least 2, twice that on the ground layer if nothing else is said.
    public init(
        dimensions: Int, links: Int, groundLinks: Int? = nil, efConstruction: Int,
        maximumLevel: Int = 15
    ) {
        self.dimensions = dimensions
        self.links = links
        self.groundLinks = groundLinks ?? links &* 2
        self.efConstruction = efConstruction
        self.maximumLevel = maximumLevel
    }

    /// Links per node on a layer.
    @inline(__always)
    public func capacity(_ level: Int) -> Int { level == 0 ? groundLinks : links }

    /// Links that a new node is given on a layer even where they are redundant.
    ///
    /// On the ground layer a quarter of the places stays free for links from nodes that come later:
    /// filled, the graph is hardly better and takes much longer to build.
    @inline(__always)
    func fill(_ level: Int) -> Int { level == 0 ? groundLinks &- groundLinks / 4 : links }

    /// A random level: `l` or more with probability `links`⁻ˡ, which is the paper's
    /// ⌊−ln(U)/ln(M)⌋ without a logarithm.
    public func randomLevel<Random: RandomNumberGenerator>(using random: inout Random) -> Int {
        let threshold = UInt64.max / UInt64(truncatingIfNeeded: max(links, 2))
        var level = 0
        while level < maximumLevel, random.next() < threshold { level &+= 1 }
        return level
    }
}

/// Where searches start: a node of the topmost level.
public struct EntryPoint: Sendable, BitwiseCopyable {
    /// The node.
    public var node: NodeReference
    /// The level it has, which is the graph's highest.
    public var level: Int

    /// An entry point.
    public init(node: NodeReference, level: Int) {
        self.node = node
        self.level = level
    }
}
