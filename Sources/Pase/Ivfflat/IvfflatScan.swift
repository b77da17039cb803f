import CPostgres
import NearestNeighbors
import PostgresServer

/// A scan between two calls of the server. It lies in the scan's memory, and so does all it points to.
private struct IvfflatScan {
    /// Emptied at each rescan.
    var memory: ServerMemory
    var isStarted = false
    var search: IvfflatSearch?
    /// Where the index's order is not the one asked for: a walk through all lists, and the executor
    /// sorts.
    var walk: IvfflatWalk?
}

/// `ambeginscan`.
@_cdecl("pase_ivfflat_begin_scan_body")
func ivfflatBeginScan(_ index: Relation?, _ keys: Int32, _ orderBys: Int32) -> IndexScanDesc? {
    entryPoint(fallback: nil) { () throws(ServerError) in
        let memory = try ServerMemory.current()
        var scan: IndexScanDesc?
        try check(pase_scan_create(index, keys, orderBys, &scan))
        let state = try memory.allocate(bytes: MemoryLayout<IvfflatScan>.size)
            .assumingMemoryBound(to: IvfflatScan.self)
        state.initialize(to: IvfflatScan(memory: try memory.makeChild("pase_ivfflat scan")))
        scan?.pointee.opaque = UnsafeMutableRawPointer(state)
        return scan
    }
}

/// `amrescan`. The C frame has copied the keys.
@_cdecl("pase_ivfflat_rescan_body")
func ivfflatRescan(_ scan: IndexScanDesc?) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        let state = try state(of: scan)
        state.pointee.isStarted = false
        state.pointee.search = nil
        state.pointee.walk = nil
        try state.pointee.memory.reset()
    }
}

/// `amendscan`.
@_cdecl("pase_ivfflat_end_scan_body")
func ivfflatEndScan(_ scan: IndexScanDesc?) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        try state(of: scan).pointee.memory.delete()
        scan?.pointee.opaque = nil
    }
}

/// `amgettuple`: the next nearest row.
@_cdecl("pase_ivfflat_get_tuple_body")
func ivfflatGetTuple(_ scan: IndexScanDesc?, _ direction: ScanDirection) -> Bool {
    entryPoint(fallback: false) { () throws(ServerError) in
        let state = try state(of: scan)
        guard let scan else { return false }
        return try state.pointee.memory.asCurrent { () throws(ServerError) in
            if !state.pointee.isStarted { try start(scan, &state.pointee) }
            guard let row = try nextRow(&state.pointee) else { return false }
            let isUnordered = state.pointee.walk != nil
            try setHeapRow(row, of: scan)
            scan.pointee.xs_recheck = false
            scan.pointee.xs_recheckorderby = isUnordered
            if isUnordered {
                setUnknownOrder(of: scan)
            } else if let square = state.pointee.search?.distance {
                setEuclideanOrder(of: scan, square: square)
            }
            return true
        }
    }
}

private func state(of scan: IndexScanDesc?) throws(ServerError)
    -> UnsafeMutablePointer<IvfflatScan>
{
    guard let opaque = scan?.pointee.opaque else {
        throw ServerError(.internalError, "a scan that has not begun")
    }
    return opaque.assumingMemoryBound(to: IvfflatScan.self)
}

/// The first look at the query. Without an answer neither search nor walk is set.
private func start(_ scan: IndexScanDesc, _ state: inout IvfflatScan) throws(ServerError) {
    state.isStarted = true
    let index = try ServerRelation(scan.pointee.indexRelation)
    try checkScannable(scan, index)
    if pase_scan_key_is_null(scan) { return }
    let meta = try IvfflatMeta.read(index)
    guard
        let query = try IndexQuery(scan),
        meta.dimensions > 0
    else { return }
    let reader = try VectorReader(index, meta.metric)
    try reader.checkDimensions(query.dimensions, expected: meta.dimensions)
    let pages = IvfflatPages(index, meta, .logged)
    guard query.isAnswered(by: meta.metric) else {
        state.walk = IvfflatWalk(pages)
        return
    }
    let perMille = SearchEffort.perMille(query.effort)
    guard perMille <= IvfflatOptions.maximumPerMille else {
        throw ServerError(
            .numericValueOutOfRange,
            "extra \(perMille) is out of range for index \"\(index.name)\", "
                + "it must be from 1 to 1000",
            detail: "For pase_ivfflat it is the share of the lists to scan, per mille.")
    }
    let prepared = try state.memory.allocate(query.dimensions, of: Float.self)
    reader.prepare(query.vector, query.dimensions, into: prepared)
    state.search = try IvfflatSearch(
        pages, query: prepared, perMille: perMille, in: state.memory)
}

private func nextRow(_ state: inout IvfflatScan) throws(ServerError) -> UInt64? {
    if var search = state.search {
        search.pages.hints = PageHints(search.pages.index)
        let row = try search.next()
        state.search = search
        return row
    }
    if var walk = state.walk {
        walk.pages.hints = PageHints(walk.pages.index)
        let row = try walk.next()
        state.walk = walk
        return row
    }
    return nil
}

/// All rows of an index, list by list.
struct IvfflatWalk {
    var pages: IvfflatPages
    private var list = 0
    private var block: UInt32 = 0
    private var slot = 0
    private var chain = ChainGuard()

    init(_ pages: IvfflatPages) {
        self.pages = pages
    }

    /// The next row, nil after the last.
    mutating func next() throws(ServerError) -> UInt64? {
        while true {
            try checkInterrupts()
            if block == 0 {
                guard list < pages.meta.lists else { return nil }
                block = try pages.firstBlock(of: list)
                list += 1
                slot = 0
                chain = ChainGuard()
                continue
            }
            let locked = try pages.open(block, IvfflatLayout.codesKind, .shared)
            let start = try pages.group(locked.page, block)
            var row: UInt64 = 0
            while row & 0xFFFF == 0, slot < Int(start.u16(8)) {
                row = start.row(pages.layout.tidsOffset + slot * IvfflatLayout.tidBytes)
                slot += 1
            }
            let next = start.u32(0)
            try locked.close()
            if row & 0xFFFF != 0 { return row }
            block = next
            slot = 0
            if block != 0 { try pages.checkChain(&chain, block) }
        }
    }
}

extension IvfflatPages {
    /// The first group of a list, 0 if it has none.
    func firstBlock(of list: Int) throws(ServerError) -> UInt32 {
        let place = place(of: list)
        let locked = try open(place.block, IvfflatLayout.centroidsKind, .shared)
        let block = try centroid(list, in: locked.page).u32(0)
        try locked.close()
        return block
    }
}
