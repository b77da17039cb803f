import NearestNeighbors
import PostgresServer
import VectorKernels

// Vectors that do not fit a node: a chain of items. They are written before the node that refers to them and
// removed after it, so whoever comes from a node finds them, or another version, which says that the node is
// gone as well. One page at a time is locked, as everywhere.
extension HnswGraph {
    /// What a node says of a vector in parts.
    private struct PartsHead {
        let first: NodeReference
        let scale: Float
        let node: NodeReference
        let isLive: Bool
    }

    private mutating func partsHead(of reference: NodeReference) throws(ServerError) -> PartsHead? {
        let locked = try open(reference, .shared)
        var head: PartsHead?
        if let start = try node(reference, in: locked.page) {
            head = PartsHead(
                first: layout.vector.firstPart(in: start), scale: layout.vector.scale(in: start),
                node: reference.withVersion(start.u16(2)), isLive: HnswGraph.isLive(start))
        }
        try locked.close()
        return head
    }

    /// Calls `body` with each part of a vector: its halves, its first component and how many there are.
    ///
    /// - Returns: whether all parts were there.
    private mutating func forEachPart(
        _ first: NodeReference, linkedFrom block: UInt32,
        _ body: (UnsafePointer<UInt16>, Int, Int) -> Void
    ) throws(ServerError) -> Bool {
        var next = first
        for part in 0..<layout.vector.parts {
            guard next != .none else { return false }
            try checkBlock(next, linkedFrom: block)
            let locked = try open(next, .shared)
            guard
                let start = try item(
                    next, HnswLayout.partItem, size: layout.vector.partBytes, in: locked.page),
                Int(start.u8(1)) == part
            else {
                try locked.close()
                return false
            }
            body(
                UnsafePointer(
                    (start + HnswLayout.partHeaderBytes).assumingMemoryBound(to: UInt16.self)),
                part * layout.vector.componentsPerPart, layout.vector.components(of: part))
            next = NodeReference(raw: start.u64(8))
            try locked.close()
        }
        return true
    }

    /// `score` of nodes whose vectors are in parts.
    mutating func scoreParts(
        _ nodes: UnsafePointer<NodeReference>, count: Int,
        into scored: UnsafeMutablePointer<ScoredNode>
    ) throws(ServerError) -> Int {
        var written = 0
        for slot in 0..<count {
            guard let head = try partsHead(of: nodes[slot]) else { continue }
            var distance: Float = 0
            let isWhole = try forEachPart(head.first, linkedFrom: nodes[slot].block) {
                [metric, query] halves, start, count in
                distance += metric.distance(
                    query + start, halves: halves, scale: head.scale, count)
            }
            guard isWhole else { continue }
            scored[written] = ScoredNode(
                distance: distance, node: head.node, isLive: head.isLive)
            written += 1
        }
        return written
    }

    /// Copies the vector of a node; nil if the node is gone.
    mutating func copyParts(
        of reference: NodeReference, into vector: UnsafeMutablePointer<Float>
    ) throws(ServerError) -> UnsafePointer<Float>? {
        guard let head = try partsHead(of: reference) else { return nil }
        let isWhole = try forEachPart(head.first, linkedFrom: reference.block) {
            [metric] halves, start, count in
            metric.kernels.halfToFloat(halves, head.scale, vector + start, count)
        }
        return isWhole ? UnsafePointer(vector) : nil
    }

    /// Writes the parts of the query's vector, the last one first.
    ///
    /// - Returns: the first one.
    mutating func addParts() throws(ServerError) -> NodeReference {
        let size = layout.vector.partBytes
        let bytes = try memory.allocate(bytes: size, zeroed: true)
        var next = NodeReference.none
        var part = layout.vector.parts
        while part > 0 {
            part -= 1
            layout.vector.writePart(
                part, of: query, to: bytes, next: next, room: vectorCopy, metric.kernels)
            next = try place(UnsafeMutableRawBufferPointer(start: bytes, count: size))
        }
        free(bytes)
        return next
    }

    /// Removes the parts of a vector whose node is gone.
    mutating func removeParts(_ first: NodeReference) throws(ServerError) {
        var next = first
        for part in 0..<layout.vector.parts where next != .none {
            let locked = try open(next, .exclusive)
            let here = next
            next = .none
            if let start = try item(
                here, HnswLayout.partItem, size: layout.vector.partBytes, in: locked.page),
                Int(start.u8(1)) == part
            {
                next = NodeReference(raw: start.u64(8))
                var offset = here.offset
                try remove(&offset, count: 1, from: locked)
            }
            let free = locked.page.freeSpace
            try locked.close()
            try FreeSpaceMap(index).record(here.block, available: free)
        }
    }
}
