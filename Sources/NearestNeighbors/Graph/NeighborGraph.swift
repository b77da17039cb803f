/// What searching needs of a graph, wherever it lies: in private memory while an index is built, on
/// the pages of an index, in a test's imitation of pages.
///
/// Requirements are pairs of plain calls with plain values. The associated error type is `Never` for
/// memory, so that the compiler drops all error handling from that version.
public protocol NeighborGraph: MemorySource {
    /// The graph's parameters.
    var shape: GraphShape { get }

    /// Where to start; nil for an empty graph.
    mutating func entryPoint() throws(Failure) -> EntryPoint?

    /// Forgets which nodes were visited.
    mutating func beginVisits() throws(Failure)

    /// Notes a visit.
    ///
    /// - Returns: whether it is the first one since `beginVisits`.
    mutating func visit(_ node: NodeReference) throws(Failure) -> Bool

    /// Copies the neighbours of a node on a level, at most `shape.capacity(level)`.
    ///
    /// - Returns: how many; 0 as well for a node that is gone.
    mutating func neighbors(
        of node: NodeReference, level: Int, into list: UnsafeMutablePointer<NodeReference>
    ) throws(Failure) -> Int

    /// Computes the distances of nodes from the current query. Nodes that are gone are left out.
    ///
    /// - Parameters:
    ///   - nodes: `count` nodes.
    ///   - scored: room for `count` results.
    /// - Returns: how many results were written.
    mutating func score(
        _ nodes: UnsafePointer<NodeReference>, count: Int,
        into scored: UnsafeMutablePointer<ScoredNode>
    ) throws(Failure) -> Int

    /// Whether the links of a level come with estimates of the distances to where they lead, so that
    /// `expand` is what to call instead of `neighbors` and `score`.
    func estimates(_ level: Int) -> Bool

    /// Says that estimates are of no use for the current query: from now on there are none.
    mutating func stopEstimating()

    /// Reads a node together with what is known of its neighbours.
    ///
    /// - Parameters:
    ///   - neighbors: room for a list of neighbours.
    ///   - scored: gets those neighbours that were not visited yet, now noted as visited, with estimates
    ///     of their distances from the current query.
    /// - Returns: the node with its exact distance, nil if it is gone; and the number of neighbours.
    mutating func expand(
        _ node: NodeReference, level: Int, neighbors: UnsafeMutablePointer<NodeReference>,
        into scored: UnsafeMutablePointer<ScoredNode>
    ) throws(Failure) -> (node: ScoredNode?, count: Int)

    /// Says that a node will probably be expanded next.
    func announce(_ node: NodeReference)

    /// Says that a node's neighbours will probably be asked for.
    func announceLinks(of node: NodeReference)

    /// The width of the beam on the layers above the one that is searched; see `FarNodes`.
    var descentBeam: Int { get }

    /// Whether a search that could go on has to stop, because it has taken the memory or the time that it may take.
    var isSpent: Bool { get }

    /// Gives way to whoever wants to interrupt. Called once for each node that is expanded.
    mutating func breathe() throws(Failure)
}

extension NeighborGraph {
    /// There is no limit.
    @inline(__always)
    public var isSpent: Bool { false }

    /// The nearest node is enough.
    @inline(__always)
    public var descentBeam: Int { 1 }

    /// No estimates.
    @inline(__always)
    public func estimates(_ level: Int) -> Bool { false }

    /// There are none anyway.
    @inline(__always)
    public mutating func stopEstimating() {}

    /// Not called where there are no estimates.
    @inline(__always)
    public mutating func expand(
        _ node: NodeReference, level: Int, neighbors: UnsafeMutablePointer<NodeReference>,
        into scored: UnsafeMutablePointer<ScoredNode>
    ) throws(Failure) -> (node: ScoredNode?, count: Int) { (nil, 0) }

    /// Nothing to prepare.
    @inline(__always)
    public func announce(_ node: NodeReference) {}

    /// Nothing to prepare.
    @inline(__always)
    public func announceLinks(of node: NodeReference) {}
}

/// What changing a graph needs beyond searching it.
///
/// Others may change the graph meanwhile. A link is therefore changed slot by slot, and only where
/// the slot still holds what the decision was based on.
public protocol MutableNeighborGraph: NeighborGraph {
    /// The vectors' metric.
    var metric: Metric { get }

    /// Whether `score` computes distances from rounded vectors. Where that has gone wrong the insertion turns it
    /// off for a search.
    var isCoarse: Bool { get set }

    /// Says that the current vector is another one.
    mutating func beginInsertion()

    /// A node's rounded vector, nil if there is none.
    func coarseVector(of node: NodeReference) -> UnsafeRawPointer?

    /// What computes distances between rounded vectors, nil if there are none.
    var coarseVectors: CoarseVectors? { get }

    /// A node's vector, nil if the node is gone. Either a pointer into the graph, good until the
    /// graph changes, or `scratch`, filled with a copy.
    mutating func vector(of node: NodeReference, scratch: UnsafeMutablePointer<Float>)
        throws(Failure) -> UnsafePointer<Float>?

    /// The distances between a node and its neighbours on a level, in the order of `neighbors`, if
    /// the graph keeps them.
    ///
    /// - Returns: whether they were written.
    mutating func keptDistances(
        of node: NodeReference, level: Int, into distances: UnsafeMutablePointer<Float>
    ) throws(Failure) -> Bool

    /// Copies the links of a node on a level, at most `shape.capacity(level)`, and which of them are links of
    /// the backbone.
    ///
    /// - Returns: how many; 0 as well for a node that is gone.
    mutating func links(of node: NodeReference, level: Int, into list: LinkList) throws(Failure)
        -> Int

    /// A node that was seen during the search for the current vector and has, by all signs, the same vector, though
    /// it is not among the nearest. Asked for where a vector may not be its own nearest.
    var twin: NodeReference? { get }

    /// Says that a node's vector will be asked for soon.
    func announceVector(of node: NodeReference)

    /// The covers of a node's links on a level, which `GraphInsertion` keeps of a full list. Nil from a graph that has
    /// no memory for them, or that others change too.
    ///
    /// - Parameter coarse: whether they come from rounded vectors; those of the other kind are forgotten.
    func linkCovers(of node: NodeReference, level: Int, coarse: Bool) -> LinkCovers?

    /// Whether `measureLinks` is what to call for a full list of the level.
    func measuresLinks(_ level: Int) -> Bool

    /// Reads the links of a node on a level as `links` does and, if the list is full, all distances that say which
    /// of them can be spared for a link to the current vector.
    ///
    /// - Returns: the number of links.
    mutating func measureLinks(of node: NodeReference, level: Int, into links: MeasuredLinks)
        throws(Failure) -> Int

    /// Adds the current row to a node with the same vector.
    ///
    /// - Returns: false if the node cannot take it, being gone or full.
    mutating func addRow(to node: NodeReference) throws(Failure) -> Bool

    /// Makes a node for the current row and vector, with its links. Only then others can see it.
    ///
    /// - Parameters:
    ///   - level: the highest level the node has.
    ///   - lists: its links, one list per level from 0.
    mutating func addNode(level: Int, links lists: LinkLists) throws(Failure) -> NodeReference

    /// Adds a link behind those that a node has on a level.
    ///
    /// - Parameters:
    ///   - count: the number of links it had when the decision was made.
    /// - Returns: false if the list is another by now.
    mutating func appendLink(
        from node: NodeReference, level: Int, count: Int, to target: ScoredNode
    ) throws(Failure) -> Bool

    /// Puts a link in the place of another, which is none of the backbone unless it leads to a node that goes, or the new
    /// link leads to a node that takes it over.
    ///
    /// - Parameters:
    ///   - slot: the place in the list.
    ///   - former: what the place held when the decision was made.
    ///   - takesOver: whether the target has a link of the backbone to `former`.
    /// - Returns: false if it holds something else by now.
    mutating func replaceLink(
        from node: NodeReference, level: Int, slot: Int, former: NodeReference,
        to target: ScoredNode, takesOver: Bool
    ) throws(Failure) -> Bool

    /// Says that the newest node is far from nearly all others; see `FarNodes`.
    mutating func noteFar() throws(Failure)

    /// Makes a node the entry point if it has a higher level than the one there is.
    mutating func promote(_ node: NodeReference, level: Int) throws(Failure)
}

extension MutableNeighborGraph {
    /// Nothing is rounded.
    @inline(__always)
    public var isCoarse: Bool {
        get { false }
        set {}
    }

    /// Nothing to prepare.
    @inline(__always)
    public mutating func beginInsertion() {}

    /// Nothing is rounded.
    @inline(__always)
    public func coarseVector(of node: NodeReference) -> UnsafeRawPointer? { nil }

    /// Nothing is rounded.
    @inline(__always)
    public var coarseVectors: CoarseVectors? { nil }

    /// Nobody asks.
    @inline(__always)
    public mutating func noteFar() throws(Failure) {}

    /// Nobody looks for one.
    @inline(__always)
    public var twin: NodeReference? { nil }

    /// Nothing to prepare.
    @inline(__always)
    public func announceVector(of node: NodeReference) {}

    /// Distances come from the vectors.
    @inline(__always)
    public func measuresLinks(_ level: Int) -> Bool { false }

    /// Not called where distances come from the vectors.
    @inline(__always)
    public mutating func measureLinks(
        of node: NodeReference, level: Int, into links: MeasuredLinks
    ) throws(Failure) -> Int { 0 }

    /// No memory for them.
    @inline(__always)
    public func linkCovers(of node: NodeReference, level: Int, coarse: Bool) -> LinkCovers? { nil }
}

/// The links of a node that is to be made: one list of scored nodes per level.
public struct LinkLists {
    /// Lists one after the other, each with room for `stride` links.
    public let links: UnsafeMutablePointer<ScoredNode>
    /// The number of links on each level.
    public let counts: UnsafeMutablePointer<Int>
    /// Room per level.
    public let stride: Int

    /// The links of a level.
    @inline(__always)
    public func list(_ level: Int) -> UnsafeBufferPointer<ScoredNode> {
        UnsafeBufferPointer(start: links + level &* stride, count: counts[level])
    }
}
