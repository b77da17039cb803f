/// How large a graph in memory is, and its parts.
extension MemoryGraph {
    /// Bytes of a region with so many nodes for so many rows, whose levels above the ground are so many in all.
    public static func regionBytes(
        _ shape: GraphShape, nodes: Int, rows: Int, upperLevels: Int
    ) -> Int {
        nodes &* nodeBytes(shape) &+ centreBytes(shape)
            &+ (rows &- nodes) &* MemoryLayout<ExtraRow>.stride
            &+ upperLevels &* upperLevelBytes(shape)
    }

    /// Bytes that a graph of so many nodes takes outside of a region, or somewhat more: levels are random, and
    /// arrays grow by doubling.
    public static func usualBytes(_ shape: GraphShape, nodes: Int) -> Int {
        let chunk = nodeBytes(shape) << chunkShift(shape)
        let chunks = (nodes >> chunkShift(shape) &+ 1) &* (chunk &+ 48)
        return chunks &+ usualUpperLevels(shape, nodes: nodes) &* upperLevelBytes(shape)
            &+ nodes &* 48 &+ CoarseVectors.roomBytes(shape.dimensions) &+ 65536
    }

    /// Levels above the ground of all nodes together: one node in `links` has one, and so on; and what chance
    /// may add.
    public static func usualUpperLevels(_ shape: GraphShape, nodes: Int) -> Int {
        let expected = Double(nodes) / Double(max(shape.links &- 1, 1))
        return clampedInt(expected + 4 * expected.squareRoot()) &+ shape.maximumLevel
    }

    /// All that is kept of one node, without links of upper levels.
    static func nodeBytes(_ shape: GraphShape) -> Int {
        stride(shape) &+ vectorStride(shape) &+ coarseStride(shape)
    }

    static func stride(_ shape: GraphShape) -> Int {
        (MemoryLayout<Header>.size &+ linkBytes(shape.groundLinks) &+ 15) / 16 &* 16
    }

    static func vectorStride(_ shape: GraphShape) -> Int {
        (shape.dimensions &* 4 &+ 15) / 16 &* 16
    }

    static func coarseStride(_ shape: GraphShape) -> Int {
        CoarseVectors.suit(shape.dimensions) ? CoarseVectors.bytes(shape.dimensions) : 0
    }

    static func centreBytes(_ shape: GraphShape) -> Int {
        coarseStride(shape) > 0 ? (shape.dimensions &* 4 &+ 15) / 16 &* 16 : 0
    }

    static func upperLevelBytes(_ shape: GraphShape) -> Int {
        (8 &+ linkBytes(shape.links) &+ 3) / 4 &* 4
    }

    /// A list's indices, distances and covers.
    private static func linkBytes(_ capacity: Int) -> Int {
        capacity &* 8 &+ LinkCovers.bytes(capacity)
    }

    /// Chunks of about a quarter of a megabyte, but always a power of two of nodes.
    static func chunkShift(_ shape: GraphShape) -> Int {
        let stride = stride(shape) &+ vectorStride(shape)
        var shift = 0
        while stride << (shift &+ 1) <= 1 << 18 { shift &+= 1 }
        return shift
    }

    /// Bytes that one more node can take at the most, amortised growth included.
    public var bytesForOneMore: Int {
        var bytes = shape.maximumLevel &* upperLevelBytes &+ distinctBytesForOneMore
        if count & (1 << chunkShift &- 1) == 0 {
            bytes &+= Self.nodeBytes(shape) << chunkShift
        }
        if chunks.count == chunks.capacity { bytes &+= chunks.capacity &* 48 }
        if visits.count == visits.capacity { bytes &+= visits.capacity &* 8 }
        if extraRows.count == extraRows.capacity { bytes &+= extraRows.capacity &* 32 }
        return bytes
    }
}
