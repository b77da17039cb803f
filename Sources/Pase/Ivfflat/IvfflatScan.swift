import CPostgres
import NearestNeighbors
import PostgresServer

/// A scan between two calls of the server. It lies in the scan's memory, and so does all it points to.
///
/// Lists are searched for as long as that costs less than reading the table. Then an exact pass over the table answers
/// the rest.
private struct IvfflatScan {
    /// Emptied at each rescan.
    var memory: ServerMemory
    var isStarted = false
    var answers: IvfflatAnswers?
    var exact: ExactPass?
    var order: ScanOrder?
    var distance: ExactDistance?

    init(_ memory: ServerMemory) {
        self.memory = memory
    }
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
        state.initialize(to: IvfflatScan(try memory.makeChild("pase_ivfflat scan")))
        scan?.pointee.opaque = UnsafeMutableRawPointer(state)
        return scan
    }
}

/// `amrescan`. The C frame has copied the keys.
@_cdecl("pase_ivfflat_rescan_body")
func ivfflatRescan(_ scan: IndexScanDesc?) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        let state = try state(of: scan)
        try finish(&state.pointee)
        try state.pointee.memory.reset()
    }
}

/// `amendscan`.
@_cdecl("pase_ivfflat_end_scan_body")
func ivfflatEndScan(_ scan: IndexScanDesc?) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        let state = try state(of: scan)
        try finish(&state.pointee)
        try state.pointee.memory.delete()
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
            return try answer(scan, &state.pointee)
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

/// Ends what is under way. The memory is the caller's to give back.
private func finish(_ state: inout IvfflatScan) throws(ServerError) {
    if let answers = state.answers { try answers.reportLate() }
    if var exact = state.exact { try exact.close() }
    state = IvfflatScan(state.memory)
}

/// The first look at the query. A scan without an answer has neither answers nor a pass afterwards.
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
    let prepared = try state.memory.allocate(query.dimensions, of: Float.self)
    reader.prepare(query.vector, query.dimensions, into: prepared)
    state.order = ScanOrder(
        query, meta.metric, isHalf: false, prepared: prepared, largestNorm: .infinity)
    let distance = ExactDistance(query, meta.metric)
    state.distance = distance
    guard query.isAnswered(by: meta.metric) else {
        state.exact = try ExactPass(scan, distance, in: state.memory)
        return
    }
    let perMille = SearchEffort.perMille(query.effort)
    let wish = try ScanWish(scan)
    // The planner takes no index for an effort beyond the range; where it did not know the effort, a sort is what it would
    // have taken.
    let isInRange = perMille <= IvfflatOptions.maximumPerMille
    let needsTable = wish.isForAll || wish.needsOrder(meta.metric)
    guard isInRange, !needsTable || pase_scan_tuples_limit() > 0 else {
        state.exact = try ExactPass(scan, distance, in: state.memory)
        return
    }
    state.answers = try IvfflatAnswers(
        IvfflatPages(index, meta, .logged), prepared, perMille: perMille,
        expected: clampedInt((wish.rows ?? 0).rounded(.up)), in: state.memory)
}

/// Answers the next row; false after the last.
private func answer(_ scan: IndexScanDesc, _ state: inout IvfflatScan) throws(ServerError) -> Bool {
    guard let order = state.order else { return false }
    if var answers = state.answers {
        let found = try answers.next()
        state.answers = answers
        if let found {
            try order.answer(scan, found.row, found.distance)
            return true
        }
        try beginPass(scan, answers, order, &state)
    }
    guard var exact = state.exact else { return false }
    let found = try exact.next()
    state.exact = exact
    guard let found else { return false }
    try order.answer(scan, found)
    return true
}

/// Goes on with the rows of the table that have not been answered, where there are any.
private func beginPass(
    _ scan: IndexScanDesc, _ answers: IvfflatAnswers, _ order: ScanOrder, _ state: inout IvfflatScan
) throws(ServerError) {
    guard let distance = state.distance else { return }
    try answers.reportLate()
    state.answers = nil
    try answers.close()
    let answersLate = pase_answers_late_rows() && answers.last > -.infinity
    let last = answers.last > -.infinity ? order.value(answers.last) : -.infinity
    if answers.isComplete {
        // All rows have been seen, and those left out were late.
        guard answersLate, answers.late > 0 else { return }
        state.exact = try ExactPass(
            scan, distance, leavingOut: answers.answered, in: state.memory)
        return
    }
    state.exact = try ExactPass(
        scan, distance, leavingOut: answers.answered, from: last, answersLate: answersLate,
        in: state.memory)
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
