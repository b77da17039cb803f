import CPostgres
import NearestNeighbors
import PostgresServer

// Rows that come one by one, and rows that vacuum removes, may put others out of sight of searches. So at its end a vacuum
// does what a build does at its end: it searches for a sample of the rows, and where too many are missed, for all, and links
// them (see `MissedNodes`).
//
// Searching for all rows of a large index takes about as long as building it. So this waits until one in `HnswMending.share`
// rows has been removed or inserted since the last time, which the metapage keeps count of: a vacuum looks for at most
// 3 * `share` rows for each that was changed, and for no row at all where few were. It is over many pages, under vacuum's
// cost-based delay, and can be canceled at any time: links are added one by one, as insertions do, and the next vacuum begins
// anew.

/// What mending the graph of an index at the end of a vacuum costs, and whether it is time.
enum HnswMending {
    /// One in so many rows must have been changed.
    static var share: Double { 8 }
    /// Candidates of a search for a row: fewer than a query's that says nothing else, so that such a query finds it surely.
    private static var candidates: Int { 40 }

    /// Mends the graph where much of the table has changed, and keeps count of changes where not.
    ///
    /// - Parameters:
    ///   - rows: of the table, now.
    ///   - removed: how many rows this vacuum has removed from the index.
    static func mendIfDue(_ index: ServerRelation, rows: Double, removed: Double)
        throws(ServerError)
    {
        let meta = try HnswMeta.read(index)
        guard meta.dimensions > 0, meta.entry != nil, rows > 0 else { return }
        let mended = max(Double(meta.mendedRows) - 2 * removed, 0)
        if (rows - mended) * share < rows {
            if removed > 0 { try note(mended, index) }
            return
        }
        // Should it be canceled, what was removed has been counted.
        if removed > 0 { try note(mended, index) }
        try mend(index, meta, rows)
        try note(rows, index)
    }

    private static func note(_ rows: Double, _ index: ServerRelation) throws(ServerError) {
        _ = try HnswMeta.update(index, .logged) { $0.mendedRows = UInt64(rows.clamped) }
    }

    private static func mend(_ index: ServerRelation, _ meta: HnswMeta, _ rows: Double)
        throws(ServerError)
    {
        let memory = try ServerMemory.current().makeChild("pase_hnsw mending")
        try memory.asCurrent { () throws(ServerError) in
            let query = try memory.allocate(
                max(meta.dimensions, 1), of: Float.self, zeroed: true)
            var graph = try HnswGraph(index, meta, query: query, mode: .logged, in: memory)
            var missed = MissedNodes(
                try GraphInsertion(meta.shape, in: &graph), candidates: HnswMending.candidates,
                rounds: 3)
            _ = try missed.link(count: Int(rows.clamped), in: &graph) {
                () throws(ServerError) in try check(pase_vacuum_delay(false))
            }
        }
        try memory.delete()
    }
}

extension Double {
    /// A number of rows that surely is one.
    fileprivate var clamped: UInt32 { UInt32(clamping: clampedInt(self)) }
}

extension HnswGraph: EnumerableGraph {
    mutating func pieces() throws(ServerError) -> Int {
        max(Int(try index.blockCount()) - Int(firstNodeBlock), 0)
    }

    var mostNodesInPiece: Int { IndexPage.size / max(layout.nodeBytes, 1) + 1 }

    mutating func nodes(of piece: Int, into list: UnsafeMutablePointer<NodeReference>)
        throws(ServerError) -> Int
    {
        let block = firstNodeBlock + UInt32(truncatingIfNeeded: piece)
        let locked = try LockedPage.open(index, block, .shared)
        var count = 0
        if !locked.page.isNew {
            guard locked.page.isOurs(HnswLayout.nodesKind) else {
                throw damaged(block, "The page is not a page of nodes")
            }
            for offset in 0..<locked.page.itemCount where count < mostNodesInPiece {
                let place = NodeReference(
                    block: block, offset: UInt16(truncatingIfNeeded: offset + 1))
                guard let node = try node(place, in: locked.page), HnswGraph.isLive(node) else {
                    continue
                }
                list[count] = place.withVersion(node.u16(2))
                count += 1
            }
        }
        try locked.close()
        return count
    }

    mutating func setQuery(_ vector: UnsafePointer<Float>) { query = vector }

    mutating func makeBackbone(from node: NodeReference, to target: ScoredNode)
        throws(ServerError) -> Bool
    {
        // One that is there is marked, and a free place not taken.
        try appendLink(from: node, level: 0, count: -1, to: target)
    }
}
