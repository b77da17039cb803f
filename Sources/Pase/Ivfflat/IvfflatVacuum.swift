import CPostgres
import NearestNeighbors
import PostgresServer

// Vacuum frees the slots of dead rows. Nothing moves: a slot stays free until an insertion into its list
// takes it. See IvfflatLayout.swift for why a scan may come late.

/// `ambulkdelete`.
@_cdecl("pase_ivfflat_bulk_delete_body")
func ivfflatBulkDelete(
    _ info: UnsafeMutablePointer<IndexVacuumInfo>?,
    _ stats: UnsafeMutablePointer<IndexBulkDeleteResult>?,
    _ callback: IndexBulkDeleteCallback?, _ state: UnsafeMutableRawPointer?
) -> UnsafeMutablePointer<IndexBulkDeleteResult>? {
    entryPoint(fallback: nil) { () throws(ServerError) in
        let result = try vacuumStatistics(stats)
        guard let info, let result else { return result }
        let index = try ServerRelation(info.pointee.index)
        let meta = try IvfflatMeta.read(index)
        guard meta.dimensions > 0 else { return result }
        var vacuum = IvfflatVacuum(IvfflatPages(index, meta, .logged))
        for list in 0..<meta.lists {
            try vacuum.removeRows(ofList: list) { (row) throws(ServerError) in
                try isDeadRow(row, of: index, callback, state)
            }
        }
        result.pointee.tuples_removed += Double(vacuum.removed)
        result.pointee.num_index_tuples = Double(vacuum.kept)
        result.pointee.estimated_count = false
        return result
    }
}

/// `amvacuumcleanup`.
@_cdecl("pase_ivfflat_vacuum_cleanup_body")
func ivfflatVacuumCleanup(
    _ info: UnsafeMutablePointer<IndexVacuumInfo>?,
    _ stats: UnsafeMutablePointer<IndexBulkDeleteResult>?
) -> UnsafeMutablePointer<IndexBulkDeleteResult>? {
    entryPoint(fallback: nil) { () throws(ServerError) in
        guard let info, !info.pointee.analyze_only, let stats else { return stats }
        stats.pointee.num_pages = try ServerRelation(info.pointee.index).blockCount()
        return stats
    }
}

/// One call of `ambulkdelete`.
private struct IvfflatVacuum {
    private let pages: IvfflatPages
    private(set) var removed = 0
    private(set) var kept = 0

    init(_ pages: IvfflatPages) {
        self.pages = pages
    }

    mutating func removeRows(
        ofList list: Int, _ isDead: (UInt64) throws(ServerError) -> Bool
    ) throws(ServerError) {
        var block = try pages.firstBlock(of: list)
        var firstWithRoom: UInt32 = 0
        var chain = ChainGuard()
        while block != 0 {
            try check(pase_vacuum_delay(false))
            try pages.checkChain(&chain, block)
            let result = try removeRows(ofGroup: block, isDead)
            if result.hasRoom, firstWithRoom == 0 { firstWithRoom = block }
            block = result.next
        }
        if firstWithRoom != 0 { try pages.setInsertionGroup(list, firstWithRoom) }
    }

    private mutating func removeRows(
        ofGroup block: UInt32, _ isDead: (UInt64) throws(ServerError) -> Bool
    ) throws(ServerError) -> (next: UInt32, hasRoom: Bool) {
        let layout = pages.layout
        let locked = try pages.open(block, IvfflatLayout.codesKind, .exclusive)
        let edit = try PageEdit(pages.index, .logged)
        let start = try pages.group(edit.page(of: locked), block)
        let used = Int(start.u16(8))
        var freed = 0
        for slot in 0..<used {
            let offset = layout.tidsOffset + slot * IvfflatLayout.tidBytes
            let row = start.row(offset)
            if row & 0xFFFF == 0 { continue }
            if try isDead(row) {
                start.putRow(0, at: offset)
                freed += 1
            } else {
                kept += 1
            }
        }
        removed += freed
        start.put(start.u16(10) &+ UInt16(truncatingIfNeeded: freed), at: 10)
        let next = start.u32(0)
        let hasRoom = used < layout.slots || start.u16(10) > 0
        if freed > 0 { try edit.commit() } else { try edit.abandon() }
        try locked.close()
        return (next, hasRoom)
    }
}
