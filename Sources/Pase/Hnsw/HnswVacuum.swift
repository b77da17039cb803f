import CPostgres
import NearestNeighbors
import PostgresServer

// Vacuum removes rows in three passes over the index:
//
// 1. Dead rows are taken out of their nodes. A node that has none left is dead: from then on it leads
//    searches on, but is no answer, and no insertion links to it or gives it a row.
// 2. When the insertions that may have chosen a dead node as a neighbour before that are over, the parts of the
//    backbone that dead nodes connect are linked with each other, links to dead nodes are led around them, and the
//    entry point is moved if it is dead or not the highest node.
// 3. The dead nodes, to which nothing leads any more, are removed. A scan that still remembers one
//    finds its place empty, or taken with another version, and passes on. Then whatever cannot be reached is linked.
//
// Rows are never moved to other nodes and places never change, so scans and insertions go on all the
// time. At the end of a vacuum comes what `HnswMending` says. A vacuum that is interrupted leaves dead nodes behind, and items that no node has; the next one finds
// the nodes in pass 1, and removes the items in the end (see HnswLeftovers).

/// `ambulkdelete`.
@_cdecl("pase_hnsw_bulk_delete_body")
func hnswBulkDelete(
    _ info: UnsafeMutablePointer<IndexVacuumInfo>?,
    _ stats: UnsafeMutablePointer<IndexBulkDeleteResult>?,
    _ callback: IndexBulkDeleteCallback?, _ state: UnsafeMutableRawPointer?
) -> UnsafeMutablePointer<IndexBulkDeleteResult>? {
    entryPoint(fallback: nil) { () throws(ServerError) in
        let result = try vacuumStatistics(stats)
        guard let info else { return result }
        let index = try ServerRelation(info.pointee.index)
        let meta = try HnswMeta.read(index)
        guard meta.dimensions > 0, let result else { return result }
        let memory = try ServerMemory.current().makeChild("pase_hnsw vacuum")
        try memory.asCurrent { () throws(ServerError) in
            var vacuum = try HnswVacuum(
                index, meta, BulkRead(info.pointee.strategy), memory)
            try vacuum.removeRows { (row) throws(ServerError) in
                try isDeadRow(row, of: index, callback, state)
            }
            try vacuum.repairLinks()
            try vacuum.removeNodes()
            try vacuum.joinParts()
            try vacuum.removeLeftovers()
            result.pointee.tuples_removed += Double(vacuum.removedRows)
            result.pointee.num_index_tuples = Double(vacuum.keptRows)
            result.pointee.estimated_count = false
        }
        try memory.delete()
        return result
    }
}

/// `amvacuumcleanup`.
@_cdecl("pase_hnsw_vacuum_cleanup_body")
func hnswVacuumCleanup(
    _ info: UnsafeMutablePointer<IndexVacuumInfo>?,
    _ stats: UnsafeMutablePointer<IndexBulkDeleteResult>?
) -> UnsafeMutablePointer<IndexBulkDeleteResult>? {
    entryPoint(fallback: nil) { () throws(ServerError) in
        guard let info, !info.pointee.analyze_only else { return stats }
        let index = try ServerRelation(info.pointee.index)
        try HnswMending.mendIfDue(
            index, rows: info.pointee.num_heap_tuples,
            removed: stats?.pointee.tuples_removed ?? 0)
        // Without dead rows there is nothing else to do, and the statistics are right as they are.
        guard let stats else { return nil }
        stats.pointee.num_pages = try index.blockCount()
        try FreeSpaceMap(index).vacuum()
        return stats
    }
}

/// One call of `ambulkdelete`.
private struct HnswVacuum {
    private let index: ServerRelation
    private let meta: HnswMeta
    private let bulk: BulkRead
    private var memory: ServerMemory
    private var graph: HnswGraph
    /// The dead nodes in the order of their places.
    private var dead: GrowableArray<NodeReference>
    /// The living node with the highest level that pass 1 saw.
    private var best: EntryPoint?
    private var leftovers: HnswLeftovers
    private(set) var removedRows = 0
    private(set) var keptRows = 0

    init(_ index: ServerRelation, _ meta: HnswMeta, _ bulk: BulkRead, _ memory: ServerMemory)
        throws(ServerError)
    {
        self.index = index
        self.meta = meta
        self.bulk = bulk
        self.memory = memory
        let query = try memory.allocate(max(meta.dimensions, 1), of: Float.self, zeroed: true)
        graph = try HnswGraph(index, meta, query: query, mode: .logged, in: memory)
        dead = try GrowableArray(capacity: 256, in: &self.memory)
        leftovers = try HnswLeftovers(memory)
    }

    // MARK: Pass 1

    mutating func removeRows(_ isDead: (UInt64) throws(ServerError) -> Bool) throws(ServerError) {
        var block = meta.firstNodeBlock
        while block < (try index.blockCount()) {
            try check(pase_vacuum_delay(false))
            try removeRows(block, isDead)
            block += 1
        }
        sortDead()
        for index in 0..<dead.count { try graph.doom(dead[index]) }
    }

    private mutating func removeRows(
        _ block: UInt32, _ isDead: (UInt64) throws(ServerError) -> Bool
    ) throws(ServerError) {
        let locked = try LockedPage.open(index, block, .exclusive, bulk: bulk)
        // The map of free space is not logged, so a crash, or an error between removing and noting, leaves
        // it wrong. Each vacuum puts it right.
        guard !locked.page.isNew else {
            try locked.close()
            try FreeSpaceMap(index).record(
                block, available: IndexPage.usableBytes(special: MetapageItem.specialBytes))
            return
        }
        let freeSpace = locked.page.freeSpace
        let edit = try PageEdit(index, .logged)
        let page = try edit.page(of: locked)
        var hasChanged = false
        // Nodes with a list of further rows, whose pages are for later: one page at a time is locked.
        var withList = try GrowableArray<NodeReference>(capacity: 4, in: &memory)
        let count = page.itemCount
        var offset = 1
        while offset <= count {
            let place = NodeReference(block: block, offset: UInt16(truncatingIfNeeded: offset))
            offset += 1
            try leftovers.note(place, in: page, graph.layout)
            guard let node = try graph.node(place, in: page) else { continue }
            let reference = place.withVersion(node.u16(2))
            let rows = Int(node.u8(6))
            let kept = try HnswGraph.compactRows(
                node, offset: HnswLayout.inlineRowsOffset, count: rows, isDead)
            if kept < rows {
                node.put(UInt8(truncatingIfNeeded: kept), at: 6)
                hasChanged = true
            }
            removedRows += rows - kept
            keptRows += kept
            if node.u64(8) != 0 {
                try withList.append(reference, in: &memory)
            } else {
                try judge(reference, node)
            }
        }
        if hasChanged { try edit.commit() } else { try edit.abandon() }
        try locked.close()
        if freeSpace >= HnswLayout.rowsItemBytes {
            try FreeSpaceMap(index).record(block, available: freeSpace)
        }
        for index in 0..<withList.count { try removeListedRows(withList[index], isDead) }
        try withList.free(in: &memory)
    }

    private mutating func removeListedRows(
        _ reference: NodeReference, _ isDead: (UInt64) throws(ServerError) -> Bool
    ) throws(ServerError) {
        var locked = try graph.open(reference, .shared)
        guard let node = try graph.node(reference, in: locked.page) else {
            try locked.close()
            return
        }
        let head = NodeReference(raw: node.u64(8))
        try locked.close()
        let result = try graph.vacuumRowsList(of: reference, head: head, isDead)
        removedRows += result.removed
        keptRows += result.kept
        locked = try graph.open(reference, .shared)
        if let node = try graph.node(reference, in: locked.page) {
            try judge(reference, node)
        }
        try locked.close()
    }

    /// Puts the dead nodes in the order of their places, which only those of one page may not be in.
    private func sortDead() {
        var index = 1
        while index < dead.count {
            let node = dead[index]
            var hole = index
            while hole > 0, dead[hole - 1].place > node.place {
                dead.start[hole] = dead[hole - 1]
                hole -= 1
            }
            dead.start[hole] = node
            index += 1
        }
    }

    /// Notes a node as dead, or as a possible entry point.
    private mutating func judge(_ reference: NodeReference, _ node: UnsafeMutableRawPointer)
        throws(ServerError)
    {
        guard HnswGraph.isLive(node) else {
            try dead.append(reference, in: &memory)
            return
        }
        let entry = EntryPoint(node: reference, level: Int(node.u8(1)))
        if !HnswVacuum.isAsHigh(best, as: entry) { best = entry }
    }

    // MARK: Pass 2

    mutating func repairLinks() throws(ServerError) {
        guard dead.count > 0 else { return try raiseEntryPoint() }
        try moveEntryPoint()
        try raiseEntryPoint()
        try BackboneRepair(graph.shape, in: &graph).repair(
            without: UnsafeBufferPointer(start: dead.start, count: dead.count), in: &graph,
            setQuery: { graph, query in graph.query = query },
            pause: { () throws(ServerError) in try check(pase_vacuum_delay(false)) })
        var repair = try GraphRepair(graph.shape, in: &graph)
        var block = meta.firstNodeBlock
        while block < (try index.blockCount()) {
            try check(pase_vacuum_delay(false))
            let nodes = try graph.nodesWithLevels(in: block)
            // Some came after pass 1 had passed, while the entry point was still a higher one.
            if noteBest(of: nodes) { try raiseEntryPoint() }
            for index in 0..<nodes.count where !graph.isDoomed(nodes[index].node) {
                var level = nodes[index].level
                while level >= 0 {
                    _ = try repair.repair(
                        nodes[index].node, level: level, in: &graph,
                        setQuery: { graph, query in graph.query = query })
                    level -= 1
                }
            }
            try nodes.free(in: &memory)
            block += 1
        }
    }

    /// Looks whether each node that stays can be reached from the entry point and leads to it, and links those that cannot
    /// or do not. Failures may leave such, of insertions and of vacuums.
    mutating func joinParts() throws(ServerError) {
        // The places of the nodes that went may be those of others by now.
        graph.forgetDoomed()
        guard dead.count > 0, let entry = try HnswMeta.read(index).entry,
            var nodes = try HnswNumberedGraph(
                graph, bytes: Int(pase_maintenance_work_mem()) * 1024 / 2),
            let first = nodes.number(of: entry.node)
        else { return }
        var repair = try BackboneRepair(graph.shape, in: &graph)
        _ = try repair.join(
            &nodes, entry: first, living: nodes.living,
            setQuery: { graph, query in graph.query = query },
            pause: { () throws(ServerError) in try check(pase_vacuum_delay(false)) })
        // What has grown on the way is where it is now.
        graph = nodes.graph
    }

    /// Waits for the insertions under way, and while none is, sees to a living entry point.
    private mutating func moveEntryPoint() throws(ServerError) {
        try index.lockPage(HnswLayout.metaBlock, ExclusiveLock)
        if let entry = try HnswMeta.read(index).entry, graph.isDoomed(entry.node) {
            if best == nil { try findBest() }
            let best = best
            _ = try HnswMeta.update(index, .logged) { $0.entry = best }
        }
        try index.unlockPage(HnswLayout.metaBlock, ExclusiveLock)
    }

    /// Sees to an entry point that is as high as the best node known. An insertion makes its node the entry point where
    /// that is the highest, but not if it fails before, nor if vacuum makes a lower one the entry point later.
    private func raiseEntryPoint() throws(ServerError) {
        guard let best, !HnswVacuum.isAsHigh(try HnswMeta.read(index).entry, as: best) else {
            return
        }
        try index.lockPage(HnswLayout.metaBlock, ExclusiveLock)
        _ = try HnswMeta.update(index, .logged) { meta in
            if !HnswVacuum.isAsHigh(meta.entry, as: best) { meta.entry = best }
        }
        try index.unlockPage(HnswLayout.metaBlock, ExclusiveLock)
    }

    private static func isAsHigh(_ entry: EntryPoint?, as other: EntryPoint) -> Bool {
        entry.map { $0.level >= other.level } ?? false
    }

    /// - Returns: whether one of the nodes is better than those before.
    private mutating func noteBest(of nodes: GrowableArray<EntryPoint>) -> Bool {
        var isBetter = false
        for index in 0..<nodes.count where !graph.isDoomed(nodes[index].node) {
            if HnswVacuum.isAsHigh(best, as: nodes[index]) { continue }
            best = nodes[index]
            isBetter = true
        }
        return isBetter
    }

    /// Looks for a node that came after pass 1 had passed.
    private mutating func findBest() throws(ServerError) {
        var block = meta.firstNodeBlock
        while block < (try index.blockCount()) {
            try checkInterrupts()
            let nodes = try graph.nodesWithLevels(in: block)
            _ = noteBest(of: nodes)
            try nodes.free(in: &memory)
            block += 1
        }
    }

    // MARK: Leftovers

    mutating func removeLeftovers() throws(ServerError) { try leftovers.remove(from: &graph) }

    // MARK: Pass 3

    mutating func removeNodes() throws(ServerError) {
        let offsets = try memory.allocate(1024, of: UInt16.self)
        let uppers = try memory.allocate(1024, of: NodeReference.self)
        let parts = try memory.allocate(1024, of: NodeReference.self)
        var index = 0
        while index < dead.count {
            try check(pase_vacuum_delay(false))
            let block = dead[index].block
            let locked = try graph.open(dead[index], .exclusive)
            var count = 0
            var upperCount = 0
            while index < dead.count, dead[index].block == block, count < 1024 {
                if let node = try graph.node(dead[index], in: locked.page),
                    !HnswGraph.isLive(node)
                {
                    offsets[count] = dead[index].offset
                    if graph.layout.vector.isInParts {
                        parts[count] = graph.layout.vector.firstPart(in: node)
                    }
                    count += 1
                    if node.u64(16) != 0 {
                        uppers[upperCount] = NodeReference(raw: node.u64(16))
                        upperCount += 1
                    }
                }
                index += 1
            }
            if count > 0 { try graph.remove(offsets, count: count, from: locked) }
            let free = locked.page.freeSpace
            try locked.close()
            try FreeSpaceMap(self.index).record(block, available: free)
            for slot in 0..<upperCount {
                _ = try graph.removeItem(uppers[slot], HnswLayout.upperItem)
            }
            if graph.layout.vector.isInParts {
                for slot in 0..<count { try graph.removeParts(parts[slot]) }
            }
        }
    }
}
