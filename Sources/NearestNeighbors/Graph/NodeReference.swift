/// Names a node of a graph, and which of the nodes that ever stood in its place is meant.
///
/// Over pages: the block number, the offset of the item in the block, and the item's version, which
/// changes when the place is used again. Over memory: an index, from 1, as the block; the rest is 0.
public struct NodeReference: Equatable, Sendable, BitwiseCopyable {
    /// Block in the upper 32 bits, offset in the next 16, version in the lower 16. 0 is no node.
    public var raw: UInt64

    /// No node at all.
    public static var none: NodeReference { NodeReference(raw: 0) }

    /// From the bits that `raw` describes.
    @inline(__always)
    public init(raw: UInt64) {
        self.raw = raw
    }

    /// From its parts.
    @inline(__always)
    public init(block: UInt32, offset: UInt16, version: UInt16 = 0) {
        raw = UInt64(block) << 32 | UInt64(offset) << 16 | UInt64(version)
    }

    /// The block, or the index of a node in memory.
    @inline(__always)
    public var block: UInt32 { UInt32(truncatingIfNeeded: raw >> 32) }

    /// The item's offset in its block.
    @inline(__always)
    public var offset: UInt16 { UInt16(truncatingIfNeeded: raw >> 16) }

    /// The version of the item.
    @inline(__always)
    public var version: UInt16 { UInt16(truncatingIfNeeded: raw) }

    /// Where the node stands, whatever its version: what links say, and what is compared.
    @inline(__always)
    public var place: UInt64 { raw >> 16 }

    /// The same place with another version.
    @inline(__always)
    public func withVersion(_ version: UInt16) -> NodeReference {
        NodeReference(raw: raw & ~0xFFFF | UInt64(version))
    }
}

/// A node with its distance from what is searched for.
public struct ScoredNode: Sendable, BitwiseCopyable {
    /// The distance; smaller is nearer. May be negative (inner product).
    public var distance: Float
    /// False for a node that leads on but is no answer itself, its rows being deleted.
    public var isLive: Bool
    /// False for a node whose neighbours are still to be looked at.
    public var isQueued: Bool
    /// In a list of links, whether the link is one of the backbone; see `Backbone`.
    public var isBackbone = false
    /// The node.
    public var node: NodeReference

    /// Sorts nodes, nearest first. Insertion sort: they come nearly in order.
    @inline(__always)
    static func sort(_ nodes: UnsafeMutablePointer<ScoredNode>, _ count: Int) {
        var index = 1
        while index < count {
            let node = nodes[index]
            var hole = index
            while hole > 0, nodes[hole &- 1].distance > node.distance {
                nodes[hole] = nodes[hole &- 1]
                hole &-= 1
            }
            nodes[hole] = node
            index &+= 1
        }
    }

    /// A node as a search first sees it.
    @inline(__always)
    public init(distance: Float, node: NodeReference, isLive: Bool = true) {
        self.distance = distance
        self.node = node
        self.isLive = isLive
        isQueued = false
    }
}
