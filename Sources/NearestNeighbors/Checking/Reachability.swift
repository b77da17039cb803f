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

    /// Follows all links from a node, in the order of the nodes' numbers, again and again until nothing new is met.
    /// Two bits of memory for each node.
    public init<Links: NumberedLinks>(from first: Int, in graph: inout Links)
        throws(Links.Failure)
    {
        nodes = try FixedBits(graph.nodeCount, in: &graph)
        let followed = try FixedBits(graph.nodeCount, in: &graph)
        let list = try graph.allocate(bytes: max(graph.mostLinks, 1) &* 4)
            .assumingMemoryBound(to: UInt32.self)
        _ = nodes.insert(first)
        while var node = nodes.first(from: 0, notIn: followed) {
            while true {
                _ = followed.insert(node)
                count &+= 1
                let found = try graph.links(of: node, into: list)
                for slot in 0..<min(found, graph.mostLinks) { _ = nodes.insert(Int(list[slot])) }
                guard let next = nodes.first(from: node &+ 1, notIn: followed) else { break }
                node = next
            }
        }
        try graph.release(UnsafeMutableRawPointer(list))
        try followed.free(in: &graph)
    }
}
