/// Nodes by their numbers, for building in batches and for writing pages.
extension MemoryGraph {
    /// The node of a number.
    public func node(at index: Int) -> NodeReference {
        reference(UInt32(truncatingIfNeeded: index))
    }

    /// A link of a node on a level.
    @inline(__always)
    func scoredLink(at index: Int, level: Int, slot: Int) -> ScoredNode {
        let own = links(index, level)
        let word = own.indices[slot]
        var link = ScoredNode(
            distance: own.distances[slot], node: reference(word & ~Self.backboneBit))
        link.isBackbone = word & Self.backboneBit != 0
        return link
    }

    /// A node's vector.
    public func vector(at index: Int) -> UnsafePointer<Float> { UnsafePointer(vector(index)) }

    /// A node's highest level.
    public func level(at index: Int) -> Int { Int(header(index).pointee.level) }

    /// The number of links of a node on a level.
    public func linkCount(at index: Int, level: Int) -> Int { linkCount(index, level) }

    /// The node that a link leads to.
    public func link(at index: Int, level: Int, slot: Int) -> Int {
        Int(links(index, level).indices[slot] & ~Self.backboneBit)
    }

    /// Whether a link is one of the backbone.
    public func isBackbone(at index: Int, level: Int, slot: Int) -> Bool {
        links(index, level).indices[slot] & Self.backboneBit != 0
    }

    /// Where a node will stand on pages.
    public func place(at index: Int) -> NodeReference {
        NodeReference(raw: header(index).pointee.place)
    }

    /// Where the links of a node's upper layers will stand.
    public func upperPlace(at index: Int) -> NodeReference {
        NodeReference(raw: header(index).pointee.upperPlace)
    }

    /// Notes where a node and its upper links will stand.
    public func setPlace(at index: Int, _ place: NodeReference, upper: NodeReference) {
        header(index).pointee.place = place.raw
        header(index).pointee.upperPlace = upper.raw
    }

    /// The rows of a node: the one it was made for, then those that joined, newest first.
    ///
    /// Start with `cursor` 0; nil after the last.
    public func nextRow(at index: Int, cursor: inout UInt32) -> UInt64? {
        let header = header(index)
        if cursor == 0 {
            cursor = header.pointee.extraRow &+ 1
            return header.pointee.row
        }
        let extra = Int(cursor) &- 2
        guard extra >= 0, extra < extraRows.count else { return nil }
        cursor = extraRows[extra].next &+ 1
        return extraRows[extra].row
    }

    /// The entry point's number and level.
    public var entryIndex: (index: Int, level: Int)? {
        guard let entry else { return nil }
        return (index(entry.node), entry.level)
    }
}
