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

/// Which nodes links lead to from one of them on, or which ones links lead from to that one.
///
/// Where both are all nodes, each node can be reached from each other. Searches need that: they start wherever the walk
/// down the upper layers ends.
public struct Reachability {
    /// The nodes that are reached.
    public let nodes: FixedBits
    /// How many there are.
    public private(set) var count = 0
    private let followed: FixedBits
    private let list: UnsafeMutablePointer<UInt32>
    private let mostLinks: Int

    private init<Links: NumberedLinks>(in graph: inout Links) throws(Links.Failure) {
        nodes = try FixedBits(graph.nodeCount, in: &graph)
        followed = try FixedBits(graph.nodeCount, in: &graph)
        mostLinks = graph.mostLinks
        list = try graph.allocate(bytes: max(mostLinks, 1) &* 4)
            .assumingMemoryBound(to: UInt32.self)
    }

    /// Follows all links from a node. Two bits of memory for each node; O(links).
    public init<Links: NumberedLinks>(from first: Int, in graph: inout Links)
        throws(Links.Failure)
    {
        try self.init(in: &graph)
        try extend(from: first, in: &graph)
    }

    /// Follows all links from one more node, in the order of the nodes' numbers, again and again until nothing new is
    /// met.
    public mutating func extend<Links: NumberedLinks>(from first: Int, in graph: inout Links)
        throws(Links.Failure)
    {
        _ = nodes.insert(first)
        while var node = nodes.first(from: 0, notIn: followed) {
            while true {
                _ = followed.insert(node)
                count &+= 1
                let found = try graph.links(of: node, into: list)
                for slot in 0..<min(found, mostLinks) { _ = nodes.insert(Int(list[slot])) }
                guard let next = nodes.first(from: node &+ 1, notIn: followed) else { break }
                node = next
            }
        }
    }

    /// Finds the nodes from which a chain of links leads to a node. Goes through the nodes that are not known to be such
    /// again and again, until there is nothing new: in a graph that is whole, hardly more than once.
    public init<Links: NumberedLinks>(to last: Int, in graph: inout Links) throws(Links.Failure) {
        try self.init(in: &graph)
        try extend(to: last, in: &graph)
    }

    /// Goes on after a node more has been found to be such.
    public mutating func extend<Links: NumberedLinks>(to last: Int, in graph: inout Links)
        throws(Links.Failure)
    {
        if nodes.insert(last) { count &+= 1 }
        var isNew = true
        while isNew {
            isNew = false
            for node in 0..<nodes.count where !nodes.contains(node) {
                let found = try graph.links(of: node, into: list)
                for slot in 0..<min(found, mostLinks) where nodes.contains(Int(list[slot])) {
                    if nodes.insert(node) { count &+= 1 }
                    isNew = true
                    break
                }
            }
        }
    }

    /// Gives back all memory, `nodes` included.
    public func free<Memory: MemorySource>(in memory: inout Memory) throws(Memory.Failure) {
        try memory.release(UnsafeMutableRawPointer(list))
        try followed.free(in: &memory)
        try nodes.free(in: &memory)
    }
}
