/// Which of two scored nodes stands nearer to a heap's top.
public protocol HeapOrder {
    /// True when `a` belongs above `b`.
    static func isAbove(_ a: Float, _ b: Float) -> Bool
}

/// The nearest node on top.
public enum NearestFirst: HeapOrder {
    /// See `HeapOrder`.
    @inline(__always)
    public static func isAbove(_ a: Float, _ b: Float) -> Bool { a < b }
}

/// The farthest node on top.
public enum FarthestFirst: HeapOrder {
    /// See `HeapOrder`.
    @inline(__always)
    public static func isAbove(_ a: Float, _ b: Float) -> Bool { a > b }
}

/// A binary heap of scored nodes over growing memory. Push and pop are O(log n).
public struct BinaryHeap<Order: HeapOrder> {
    /// The nodes in heap order; the first is the top.
    public var nodes: GrowableArray<ScoredNode>

    /// An empty heap.
    @inline(__always)
    public init<Memory: MemorySource>(capacity: Int, in memory: inout Memory)
        throws(Memory.Failure)
    {
        nodes = try GrowableArray(capacity: capacity, in: &memory)
    }

    /// Number of nodes.
    @inline(__always)
    public var count: Int { nodes.count }

    /// The top; only when `count` is above 0.
    @inline(__always)
    public var top: ScoredNode { nodes[0] }

    /// Adds a node.
    @inline(__always)
    public mutating func push<Memory: MemorySource>(_ node: ScoredNode, in memory: inout Memory)
        throws(Memory.Failure)
    {
        try nodes.append(node, in: &memory)
        let start = nodes.start
        var hole = nodes.count &- 1
        while hole > 0 {
            let parent = (hole &- 1) >> 1
            guard Order.isAbove(node.distance, start[parent].distance) else { break }
            start[hole] = start[parent]
            hole = parent
        }
        start[hole] = node
    }

    /// Takes the top; only when `count` is above 0.
    @inline(__always)
    public mutating func pop() -> ScoredNode {
        let top = nodes[0]
        nodes.count &-= 1
        if nodes.count > 0 { sink(nodes[nodes.count], from: 0) }
        return top
    }

    /// Replaces the top by another node.
    @inline(__always)
    public mutating func replaceTop(_ node: ScoredNode) {
        sink(node, from: 0)
    }

    /// Puts nodes that were written in any order into heap order. O(n).
    public mutating func reorder() {
        var index = nodes.count / 2
        while index > 0 {
            index &-= 1
            sink(nodes[index], from: index)
        }
    }

    @inline(__always)
    private func sink(_ node: ScoredNode, from index: Int) {
        let start = nodes.start
        let count = nodes.count
        var hole = index
        while true {
            var child = hole &* 2 &+ 1
            guard child < count else { break }
            if child &+ 1 < count,
                Order.isAbove(start[child &+ 1].distance, start[child].distance)
            {
                child &+= 1
            }
            guard Order.isAbove(start[child].distance, node.distance) else { break }
            start[hole] = start[child]
            hole = child
        }
        start[hole] = node
    }
}
