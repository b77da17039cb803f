import VectorKernels

/// Adding nodes, rows and links, and what choosing links needs to know.
extension MemoryGraph {
    /// See `MutableNeighborGraph`.
    @inline(__always)
    public mutating func vector(of node: NodeReference, scratch: UnsafeMutablePointer<Float>)
        throws(Failure) -> UnsafePointer<Float>?
    {
        UnsafePointer(vector(index(node)))
    }

    /// See `MutableNeighborGraph`.
    @inline(__always)
    public mutating func keptDistances(
        of node: NodeReference, level: Int, into distances: UnsafeMutablePointer<Float>
    ) throws(Failure) -> Bool {
        let index = index(node)
        distances.copy(
            from: links(index, level).distances, count: linkCount(index, level))
        return true
    }

    /// See `MutableNeighborGraph`.
    @inline(__always)
    public mutating func links(of node: NodeReference, level: Int, into list: LinkList)
        throws(Failure) -> Int
    {
        let index = index(node)
        let count = linkCount(index, level)
        let indices = links(index, level).indices
        for slot in 0..<count {
            list.nodes[slot] = reference(indices[slot] & ~Self.backboneBit)
            list.isBackbone[slot] = indices[slot] & Self.backboneBit != 0
        }
        return count
    }

    /// A link as it is kept.
    @inline(__always)
    func word(_ link: ScoredNode) -> UInt32 {
        (link.node.block &- 1) | (link.isBackbone ? Self.backboneBit : 0)
    }

    /// See `MutableNeighborGraph`.
    @inline(__always)
    public func linkCovers(of node: NodeReference, level: Int, coarse: Bool) -> LinkCovers? {
        let index = index(node)
        let covers = links(index, level).covers
        if hasCoarseCovers(index, level) != coarse {
            let kind: UInt8 = coarse ? 1 : 0
            if level == 0 {
                header(index).pointee.groundCovers = kind
            } else {
                upperStart(index, level).storeBytes(of: kind, toByteOffset: 4, as: UInt8.self)
            }
            covers.forget()
        }
        return covers
    }

    /// Whether a list's covers come from rounded vectors.
    @inline(__always)
    func hasCoarseCovers(_ index: Int, _ level: Int) -> Bool {
        if level == 0 { return header(index).pointee.groundCovers == 1 }
        return upperStart(index, level).load(fromByteOffset: 4, as: UInt8.self) == 1
    }

    /// See `MutableNeighborGraph`.
    public mutating func addRow(to node: NodeReference) throws(Failure) -> Bool {
        let header = header(index(node))
        let extra = ExtraRow(row: currentRow, next: header.pointee.extraRow)
        var rows = extraRows
        try rows.append(extra, in: &self)
        extraRows = rows
        header.pointee.extraRow = UInt32(truncatingIfNeeded: rows.count)
        rowCount &+= 1
        return true
    }

    /// See `MutableNeighborGraph`.
    public mutating func addNode(level: Int, links lists: LinkLists) throws(Failure)
        -> NodeReference
    {
        let index = try addUnlinkedNode(level: level)
        setLinks(of: index, lists)
        linkedCount &+= 1
        return reference(UInt32(truncatingIfNeeded: index))
    }

    /// Makes a node for the current row and vector that has no links yet. Its number is the next.
    public mutating func addUnlinkedNode(level: Int) throws(Failure) -> Int {
        let index = count
        if index >> chunkShift == chunks.count {
            let chunk = try allocate(bytes: (stride &+ vectorStride) << chunkShift)
            var list = chunks
            try list.append(chunk, in: &self)
            chunks = list
            list = vectorChunks
            try list.append(chunk + (stride << chunkShift), in: &self)
            vectorChunks = list
            if coarseStride > 0 {
                let chunk = try allocate(bytes: coarseStride << chunkShift)
                var list = coarseChunks
                try list.append(chunk, in: &self)
                coarseChunks = list
            }
        }
        if index == visits.count {
            var marks = visits
            try marks.append(0, in: &self)
            visits = marks
        }
        header(index).initialize(
            to: Header(
                row: currentRow, place: 0, upper: try upperRoom(level), extraRow: 0,
                groundCount: 0, level: UInt8(truncatingIfNeeded: level), groundCovers: 0,
                upperPlace: 0))
        vector(index).copy(from: query, count: shape.dimensions)
        var layer = 1
        while layer <= level {
            setLinkCount(index, layer, 0)
            layer &+= 1
        }
        count &+= 1
        rowCount &+= 1
        roundNewest()
        return index
    }

    /// Room for the upper links of a node, relative to the origin.
    mutating func upperRoom(_ level: Int) throws(Failure) -> Int {
        guard level > 0 else { return 0 }
        guard let start = upperCursor else {
            return Int(bitPattern: try allocate(bytes: level &* upperLevelBytes))
        }
        upperCursor = start &+ level &* upperLevelBytes
        return start
    }

    /// Gives a node its own links, which it has none of so far.
    func setLinks(of index: Int, _ lists: LinkLists) {
        let level = level(at: index)
        var layer = 0
        while layer <= level {
            let list = lists.list(layer)
            let own = links(index, layer)
            for slot in 0..<list.count {
                own.indices[slot] = word(list[slot])
                own.distances[slot] = list[slot].distance
            }
            own.covers.forget()
            setLinkCount(index, layer, list.count)
            layer &+= 1
        }
    }

    /// See `MutableNeighborGraph`.
    @inline(__always)
    public mutating func appendLink(
        from node: NodeReference, level: Int, count: Int, to target: ScoredNode
    ) throws(Failure) -> Bool {
        let index = index(node)
        guard level <= Int(header(index).pointee.level), linkCount(index, level) == count,
            count < shape.capacity(level)
        else { return false }
        let own = links(index, level)
        own.indices[count] = word(target)
        own.distances[count] = target.distance
        setLinkCount(index, level, count &+ 1)
        return true
    }

    /// See `MutableNeighborGraph`.
    @inline(__always)
    public mutating func replaceLink(
        from node: NodeReference, level: Int, slot: Int, former: NodeReference,
        to target: ScoredNode, takesOver: Bool
    ) throws(Failure) -> Bool {
        let index = index(node)
        guard slot < linkCount(index, level) else { return false }
        let own = links(index, level)
        guard reference(own.indices[slot] & ~Self.backboneBit) == former else { return false }
        own.indices[slot] = word(target)
        own.distances[slot] = target.distance
        if takesOver { own.covers.forget() }
        return true
    }

    /// See `NeighborGraph`.
    @inline(__always)
    public var descentBeam: Int { FarNodes.beam(far: farCount, of: linkedCount) }

    /// See `MutableNeighborGraph`.
    public mutating func noteFar() throws(Failure) { farCount &+= 1 }

    /// See `MutableNeighborGraph`.
    public mutating func promote(_ node: NodeReference, level: Int) throws(Failure) {
        if entry == nil || level > (entry?.level ?? 0) {
            entry = EntryPoint(node: node, level: level)
        }
    }
}
