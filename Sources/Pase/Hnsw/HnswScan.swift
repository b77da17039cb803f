import CPostgres
import NearestNeighbors
import PostgresServer

/// A scan between two calls of the server. It lies in the scan's memory, and so does all it points to.
///
/// The graph is searched for as long as that costs less than reading the table. Then, or when all that links lead to
/// has been answered, an exact pass over the table answers the rest.
private struct HnswScan {
    /// Emptied at each rescan.
    var memory: ServerMemory
    var isStarted = false
    var answers: HnswAnswers?
    var exact: ExactPass?
    var order: ScanOrder?
    var distance: ExactDistance?

    init(_ memory: ServerMemory) {
        self.memory = memory
    }
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
        state.initialize(to: HnswScan(try memory.makeChild("pase_hnsw scan")))
        scan?.pointee.opaque = UnsafeMutableRawPointer(state)
        return scan
    }
}

/// `amrescan`. The C frame has copied the keys.
@_cdecl("pase_hnsw_rescan_body")
func hnswRescan(_ scan: IndexScanDesc?) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        let state = try state(of: scan)
        try finish(&state.pointee)
        try state.pointee.memory.reset()
    }
}

/// `amendscan`.
@_cdecl("pase_hnsw_end_scan_body")
func hnswEndScan(_ scan: IndexScanDesc?) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        let state = try state(of: scan)
        try finish(&state.pointee)
        try state.pointee.memory.delete()
        scan?.pointee.opaque = nil
    }
}

/// `amgettuple`: the next nearest row.
@_cdecl("pase_hnsw_get_tuple_body")
func hnswGetTuple(_ scan: IndexScanDesc?, _ direction: ScanDirection) -> Bool {
    entryPoint(fallback: false) { () throws(ServerError) in
        let state = try state(of: scan)
        guard let scan else { return false }
        return try state.pointee.memory.asCurrent { () throws(ServerError) in
            if !state.pointee.isStarted { try start(scan, &state.pointee) }
            return try answer(scan, &state.pointee)
        }
    }
}

private func state(of scan: IndexScanDesc?) throws(ServerError) -> UnsafeMutablePointer<HnswScan> {
    guard let opaque = scan?.pointee.opaque else {
        throw ServerError(.internalError, "a scan that has not begun")
    }
    return opaque.assumingMemoryBound(to: HnswScan.self)
}

/// Ends what is under way. The memory is the caller's to give back.
private func finish(_ state: inout HnswScan) throws(ServerError) {
    if let answers = state.answers { try answers.reportLate() }
    if var exact = state.exact { try exact.close() }
    state = HnswScan(state.memory)
}

/// The first look at the query. A scan without an answer has neither answers nor a pass afterwards.
private func start(_ scan: IndexScanDesc, _ state: inout HnswScan) throws(ServerError) {
    state.isStarted = true
    let index = try ServerRelation(scan.pointee.indexRelation)
    try checkScannable(scan, index)
    // A NULL query is at no distance from anything: no rows.
    if pase_scan_key_is_null(scan) { return }
    let meta = try HnswMeta.read(index)
    // An index without rows, or without dimensions yet, has no answer; the query may be anything.
    guard
        let query = try IndexQuery(scan),
        meta.dimensions > 0
    else { return }
    let reader = try VectorReader(index, meta.metric)
    try reader.checkDimensions(query.dimensions, expected: meta.dimensions)
    let prepared = try state.memory.allocate(query.dimensions, of: Float.self)
    reader.prepare(query.vector, query.dimensions, into: prepared)
    state.order = ScanOrder(
        query, meta.metric, isHalf: meta.precision == .half, prepared: prepared,
        largestNorm: meta.largestNorm)
    let distance = ExactDistance(query, meta.metric)
    state.distance = distance
    if query.isAnswered(by: meta.metric) {
        state.answers = try HnswAnswers(
            index, meta, prepared, ef: SearchEffort.ef(query.effort, HnswOptions(index)),
            ScanWish(scan), in: state.memory)
    }
    if state.answers == nil { state.exact = try ExactPass(scan, distance, in: state.memory) }
}

/// Answers the next row; false after the last.
private func answer(_ scan: IndexScanDesc, _ state: inout HnswScan) throws(ServerError) -> Bool {
    guard let order = state.order else { return false }
    if var answers = state.answers {
        let row = try answers.next()
        state.answers = answers
        if let row {
            try order.answer(scan, row, answers.distance)
            return true
        }
        if answers.isComplete { return false }
        try beginPass(scan, answers, order, &state)
    }
    guard var exact = state.exact else { return false }
    let found = try exact.next()
    state.exact = exact
    guard let found else { return false }
    try order.answer(scan, found)
    return true
}

/// Goes on with the rows of the table that have not been answered.
private func beginPass(
    _ scan: IndexScanDesc, _ answers: HnswAnswers, _ order: ScanOrder, _ state: inout HnswScan
) throws(ServerError) {
    guard let distance = state.distance else { return }
    try answers.reportLate()
    state.answers = nil
    let last = answers.hasAnswered ? order.value(answers.distance) : -.infinity
    try answers.close()
    state.exact = try ExactPass(
        scan, distance, leavingOut: answers.answered, from: last,
        answersLate: answers.hasAnswered && pase_answers_late_rows(), in: state.memory)
}
