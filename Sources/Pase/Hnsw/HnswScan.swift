import CPostgres
import NearestNeighbors
import PostgresServer

/// A scan between two calls of the server. It lies in the scan's memory, and so does all it points to.
private struct HnswScan {
    /// Emptied at each rescan.
    var memory: ServerMemory
    var isStarted: Bool
    var isSwept: Bool
    /// Where the index's order is not the one asked for.
    var exact: ExactPass?
    var operation: ExactDistance?
    var search: IncrementalSearch?
    var graph: HnswGraph?
    /// Rows found and not yet answered: those of one vector.
    var rows: GrowableArray<UInt64>?
    var nextRow: Int
    /// In an index of half precision, what its distances say of the true ones; nil where rows are answered in
    /// the order of the index's own distances.
    var bound: HnswScanBound?
    /// The distance of the node whose rows are being answered.
    var distance: Float
}

/// `ambeginscan`.
@_cdecl("pase_hnsw_begin_scan_body")
func hnswBeginScan(_ index: Relation?, _ keys: Int32, _ orderBys: Int32) -> IndexScanDesc? {
    entryPoint(fallback: nil) { () throws(ServerError) in
        let memory = try ServerMemory.current()
        var scan: IndexScanDesc?
        try check(pase_scan_create(index, keys, orderBys, &scan))
        let state = try memory.allocate(bytes: MemoryLayout<HnswScan>.size)
            .assumingMemoryBound(to: HnswScan.self)
        state.initialize(
            to: HnswScan(
                memory: try memory.makeChild("pase_hnsw scan"), isStarted: false,
                isSwept: false, exact: nil, operation: nil, search: nil, graph: nil,
                rows: nil, nextRow: 0, bound: nil, distance: 0))
        scan?.pointee.opaque = UnsafeMutableRawPointer(state)
        return scan
    }
}

/// `amrescan`. The C frame has copied the keys.
@_cdecl("pase_hnsw_rescan_body")
func hnswRescan(_ scan: IndexScanDesc?) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        let state = try state(of: scan)
        try closePass(&state.pointee)
        state.pointee.isStarted = false
        state.pointee.search = nil
        state.pointee.graph = nil
        state.pointee.rows = nil
        try state.pointee.memory.reset()
    }
}

/// `amendscan`.
@_cdecl("pase_hnsw_end_scan_body")
func hnswEndScan(_ scan: IndexScanDesc?) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        let state = try state(of: scan)
        try closePass(&state.pointee)
        try state.pointee.memory.delete()
        scan?.pointee.opaque = nil
    }
}

/// `amgettuple`: the row of the next nearest vector.
@_cdecl("pase_hnsw_get_tuple_body")
func hnswGetTuple(_ scan: IndexScanDesc?, _ direction: ScanDirection) -> Bool {
    entryPoint(fallback: false) { () throws(ServerError) in
        let state = try state(of: scan)
        guard let scan else { return false }
        return try state.pointee.memory.asCurrent { () throws(ServerError) in
            if !state.pointee.isStarted { try start(scan, &state.pointee) }
            scan.pointee.xs_recheck = false
            if var exact = state.pointee.exact {
                let found = try exact.next()
                state.pointee.exact = exact
                guard let found else { return false }
                try setHeapRow(found.row, of: scan)
                scan.pointee.xs_recheckorderby = false
                if let datum = state.pointee.operation?.datum(found.distance) {
                    scan.pointee.xs_orderbyvals[0] = datum
                    scan.pointee.xs_orderbynulls[0] = false
                }
                return true
            }
            guard let row = try nextRow(&state.pointee) else { return false }
            try setHeapRow(row, of: scan)
            scan.pointee.xs_recheckorderby = state.pointee.bound != nil
            if let bound = state.pointee.bound {
                scan.pointee.xs_orderbyvals[0] = bound.value(state.pointee.distance)
                scan.pointee.xs_orderbynulls[0] = false
            }
            if state.pointee.bound == nil {
                setEuclideanOrder(of: scan, square: state.pointee.distance)
            }
            return true
        }
    }
}

private func state(of scan: IndexScanDesc?) throws(ServerError) -> UnsafeMutablePointer<HnswScan> {
    guard let opaque = scan?.pointee.opaque else {
        throw ServerError(.internalError, "a scan that has not begun")
    }
    return opaque.assumingMemoryBound(to: HnswScan.self)
}

/// Ends a pass over the table, if there is one.
private func closePass(_ state: inout HnswScan) throws(ServerError) {
    guard var exact = state.exact else { return }
    state.exact = nil
    try exact.close()
}

/// The first look at the query.
private func start(_ scan: IndexScanDesc, _ state: inout HnswScan) throws(ServerError) {
    state.isStarted = true
    state.isSwept = false
    state.operation = nil
    state.nextRow = 0
    state.bound = nil
    let index = try ServerRelation(scan.pointee.indexRelation)
    try checkScannable(scan, index)
    // A NULL query is at no distance from anything: no rows.
    if pase_scan_key_is_null(scan) {
        state.isSwept = true
        return
    }
    let meta = try HnswMeta.read(index)
    guard let query = try IndexQuery(scan) else {
        state.isSwept = true
        return
    }
    // An index without rows, or without dimensions yet, has no answer; the query may be anything.
    guard meta.dimensions > 0 else {
        state.isSwept = true
        return
    }
    let reader = try VectorReader(index, meta.metric)
    try reader.checkDimensions(query.dimensions, expected: meta.dimensions)
    let prepared = try state.memory.allocate(query.dimensions, of: Float.self)
    reader.prepare(query.vector, query.dimensions, into: prepared)
    guard query.isAnswered(by: meta.metric) else {
        let distance = ExactDistance(query, meta.metric)
        state.operation = distance
        state.exact = try ExactPass(scan, distance, in: state.memory)
        return
    }
    var graph = try HnswGraph(index, meta, query: prepared, mode: .logged, in: state.memory)
    state.rows = try GrowableArray(capacity: 64, in: &graph)
    let ef = SearchEffort.ef(query.effort, HnswOptions(index))
    var search = try IncrementalSearch(graph.shape, ef: ef, in: &graph)
    try search.begin(in: &graph)
    state.search = search
    state.bound = HnswScanBound(meta, query, prepared)
    state.graph = graph
}

/// The next row, nil after the last.
private func nextRow(_ state: inout HnswScan) throws(ServerError) -> UInt64? {
    while true {
        guard var rows = state.rows, var graph = state.graph else { return nil }
        graph.hints = PageHints(graph.index)
        if state.nextRow < rows.count {
            let row = rows[state.nextRow]
            state.nextRow += 1
            return row
        }
        rows.count = 0
        state.nextRow = 0
        guard var search = state.search else { return nil }
        let node = try nextNode(&search, &graph, &state)
        state.search = search
        guard let node else { return nil }
        state.distance = node.distance
        try graph.readRows(of: node.node, into: &rows)
        state.rows = rows
        state.graph = graph
    }
}

private func nextNode(
    _ search: inout IncrementalSearch, _ graph: inout HnswGraph, _ state: inout HnswScan
) throws(ServerError) -> ScoredNode? {
    if let node = try search.next(in: &graph) { return node }
    guard !state.isSwept else { return nil }
    // Everything that links lead to has been answered. A node that none leads to is still a row that
    // the executor may be waiting for.
    state.isSwept = true
    try graph.forEachNode { (graph, reference) throws(ServerError) in
        var node = reference
        guard try graph.visit(node) else { return }
        var scored = ScoredNode(distance: 0, node: .none)
        if try graph.score(&node, count: 1, into: &scored) == 1, scored.isLive {
            try search.add(scored, in: &graph)
        }
    }
    return try search.next(in: &graph)
}
