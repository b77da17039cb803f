import NearestNeighbors
import PostgresServer

/// Passes over all blocks of an index.
extension HnswGraph {
    /// The nodes of a block with their levels. A vacuum's empty nodes are among them.
    mutating func nodesWithLevels(in block: UInt32) throws(ServerError)
        -> GrowableArray<EntryPoint>
    {
        var source = memory
        var nodes = try GrowableArray<EntryPoint>(capacity: 16, in: &source)
        let locked = try LockedPage.open(index, block, .shared)
        if !locked.page.isNew {
            guard locked.page.isOurs(HnswLayout.nodesKind) else {
                throw damaged(block, "The page is not a page of nodes")
            }
            let count = locked.page.itemCount
            var offset = 1
            while offset <= count {
                let place = NodeReference(
                    block: block, offset: UInt16(truncatingIfNeeded: offset))
                if let node = try node(place, in: locked.page) {
                    let reference = place.withVersion(node.u16(2))
                    try nodes.append(
                        EntryPoint(node: reference, level: Int(node.u8(1))), in: &source)
                }
                offset += 1
            }
        }
        try locked.close()
        return nodes
    }

    /// Calls `body` with each node's reference, no page being locked.
    mutating func forEachNode(
        _ body: (inout HnswGraph, NodeReference) throws(ServerError) -> Void
    ) throws(ServerError) {
        var block = firstNodeBlock
        while block < (try index.blockCount()) {
            try checkInterrupts()
            let nodes = try nodesWithLevels(in: block)
            for index in 0..<nodes.count { try body(&self, nodes[index].node) }
            try nodes.free(in: &self)
            block += 1
        }
    }
}
