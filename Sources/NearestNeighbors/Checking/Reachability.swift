/// The links of a graph whose nodes have numbers from 0.
public protocol NumberedLinks: MemorySource {
    /// How many nodes there are, less than 2³².
    var nodeCount: Int { get }

    /// The most links that a node has.
    var mostLinks: Int { get }

    /// Copies the numbers of the nodes that a node leads to.
    ///
    /// - Returns: how many.
    mutating func links(of node: Int, into list: UnsafeMutablePointer<UInt32>) throws(Failure)
        -> Int
}

/// Which nodes links lead to from one of them on.
public struct Reachability {
    /// The nodes that are reached.
    public let nodes: FixedBits
    /// How many there are.
    public private(set) var count = 0

    /// Follows all links from a node. O(nodes + links); 4 bytes of memory and a bit for each node.
    public init<Links: NumberedLinks>(from first: Int, in graph: inout Links)
        throws(Links.Failure)
    {
        nodes = try FixedBits(graph.nodeCount, in: &graph)
        guard nodes.insert(first) else { return }
        var queue = try GrowableArray<UInt32>(capacity: graph.nodeCount, in: &graph)
        let list = try graph.allocate(bytes: max(graph.mostLinks, 1) &* 4)
            .assumingMemoryBound(to: UInt32.self)
        try queue.append(UInt32(truncatingIfNeeded: first), in: &graph)
        while count < queue.count {
            let found = try graph.links(of: Int(queue[count]), into: list)
            count &+= 1
            for slot in 0..<min(found, graph.mostLinks) where nodes.insert(Int(list[slot])) {
                try queue.append(list[slot], in: &graph)
            }
        }
        try graph.release(UnsafeMutableRawPointer(list))
        try queue.free(in: &graph)
    }
}
