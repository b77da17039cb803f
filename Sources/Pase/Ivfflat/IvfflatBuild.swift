import CPostgres
import NearestNeighbors
import PostgresServer

// Building an index:
//
// 1. A scan of the table draws a sample of its vectors, as many as fit.
// 2. k-means makes the centroids of it, or a file has them.
// 3. The centroids are written. A second scan assigns each row to a list and makes its code, and the
//    server sorts the rows by list; parallel workers share in this step.
// 4. The lists are written one after the other, and the whole index is logged.
//
// Vectors are compared with centroids in the rotated space, which is where codes are made as well.

/// `ambuild`.
@_cdecl("pase_ivfflat_build_body")
func ivfflatBuild(
    _ heap: Relation?, _ index: Relation?, _ info: UnsafeMutablePointer<IndexInfo>?
) -> UnsafeMutablePointer<IndexBuildResult>? {
    entryPoint(fallback: nil) { () throws(ServerError) in
        let index = try ServerRelation(index)
        if try index.blockCount() != 0 {
            throw ServerError(.internalError, "index \"\(index.name)\" already contains data")
        }
        let memory = try ServerMemory.current().makeChild("pase_ivfflat build")
        var meta = try newMeta(index)
        try meta.create(index, fork: MAIN_FORKNUM, .building)
        let options = IvfflatOptions(index)
        let plan = try IvfflatPlan(options, index)

        pase_progress(IvfflatProgress.subphase, IvfflatPhase.sampling.rawValue)
        let expectedRows = rowEstimate(heap)
        pase_progress(IvfflatProgress.tuplesTotal, Int64(expectedRows))
        var sample = IvfflatSample(index, meta, plan, expectedRows: expectedRows, memory)
        var heapRows = 0.0
        try scan(heap, index, info, &sample, sampleRow, &heapRows)
        var rows = 0
        if sample.meta.dimensions > 0 {
            meta = sample.meta
            let centroids = try sample.makeCentroids()
            meta.lists = centroids.count
            meta.bits = IvfflatLayout.defaultBits(meta.dimensions)
            meta.centroids = try index.blockCount()
            let pages = IvfflatPages(index, meta, .building)
            try pages.writeCentroids(centroids, meta.encoder(in: memory), memory)
            // What a worker needs to know it reads from the index.
            try meta.store(index, .building)
            pase_progress(IvfflatProgress.subphase, IvfflatPhase.assigning.rawValue)
            if let parallel = try ParallelBuild.beginLists(heap, index, info) {
                rows = try assignAndWrite(parallel, pages, centroids, memory)
                heapRows = parallel.heapRows
                try parallel.end()
            } else {
                rows = try assignAndWrite(heap, info, pages, centroids, memory, &heapRows)
            }
        }
        if pase_relation_needs_wal(index.relation) { try logPages(index) }
        try memory.delete()
        var result: UnsafeMutablePointer<IndexBuildResult>?
        try check(pase_build_result(heapRows, Double(rows), &result))
        return result
    }
}

/// `ambuildempty`: the init fork of an unlogged index.
@_cdecl("pase_ivfflat_build_empty_body")
func ivfflatBuildEmpty(_ index: Relation?) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        let index = try ServerRelation(index)
        try newMeta(index).create(index, fork: INIT_FORKNUM, .building)
        try logPages(index, fork: INIT_FORKNUM)
    }
}

/// Assigns all rows and writes the lists.
///
/// - Returns: the number of rows.
private func assignAndWrite(
    _ heap: Relation?, _ info: UnsafeMutablePointer<IndexInfo>?, _ pages: IvfflatPages,
    _ centroids: IvfflatCentroids, _ memory: ServerMemory, _ heapRows: inout Double
) throws(ServerError) -> Int {
    var assignment = try IvfflatAssignment(
        pages.index, pages.meta, centroids, kilobytes: Int(pase_maintenance_work_mem()), nil,
        memory)
    try scan(heap, pages.index, info, &assignment, assignRow, &heapRows)
    let sort = try assignment.finish()
    try write(sort, pages, memory)
    return assignment.count
}

/// The same together with workers.
private func assignAndWrite(
    _ parallel: ParallelBuild, _ pages: IvfflatPages, _ centroids: IvfflatCentroids,
    _ memory: ServerMemory
) throws(ServerError) -> Int {
    let participantMemory = try memory.makeChild("pase_ivfflat build participant")
    try assignShare(parallel, pages, centroids, participantMemory)
    try parallel.waitForWorkers()
    try participantMemory.delete()
    let sort = try IvfflatSort(
        pages.layout, kilobytes: Int(pase_maintenance_work_mem()), shared: parallel.sort,
        participants: Int32(truncatingIfNeeded: parallel.participants), in: memory)
    try sort.perform()
    try write(sort, pages, memory)
    return parallel.count(0)
}

/// A participant's part: assigns its share of the rows and sorts them.
private func assignShare(
    _ parallel: ParallelBuild, _ pages: IvfflatPages, _ centroids: IvfflatCentroids,
    _ memory: ServerMemory
) throws(ServerError) {
    var assignment = try IvfflatAssignment(
        pages.index, pages.meta, centroids,
        kilobytes: Int(pase_maintenance_work_mem()) / parallel.participants, parallel, memory)
    var failure: ServerError?
    withUnsafeMutablePointer(to: &assignment) { state in
        do throws(ServerError) {
            try parallel.scan(assignRow, UnsafeMutableRawPointer(state))
        } catch { failure = error }
    }
    if let failure { throw failure }
    try assignment.finish().end()
}

/// A parallel worker's whole work.
@_cdecl("pase_ivfflat_build_worker_body")
func ivfflatBuildWorker(_ parallel: UnsafeMutablePointer<PaseParallel>?) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        guard let parallel = ParallelBuild(parallel) else { return }
        let index = try ServerRelation(parallel.index)
        let memory = try ServerMemory.current().makeChild("pase_ivfflat build worker")
        let pages = IvfflatPages(index, try IvfflatMeta.read(index), .building)
        let centroids = try pages.readCentroids(memory)
        try assignShare(parallel, pages, centroids, memory)
        try memory.delete()
    }
}

/// Writes the lists of sorted rows.
private func write(_ sort: IvfflatSort, _ pages: IvfflatPages, _ memory: ServerMemory)
    throws(ServerError)
{
    pase_progress(IvfflatProgress.subphase, IvfflatPhase.writing.rawValue)
    var writer = try IvfflatWriter(pages, memory)
    while let row = try sort.next() {
        try checkInterrupts()
        try writer.append(row.entry, list: row.list)
    }
    try writer.finish()
    try sort.end()
}

/// Where the progress view shows what.
enum IvfflatProgress {
    static let subphase = PROGRESS_CREATEIDX_SUBPHASE
    static let tuplesDone = PROGRESS_CREATEIDX_TUPLES_DONE
    static let tuplesTotal = PROGRESS_CREATEIDX_TUPLES_TOTAL
}

/// The metapage of an index that is to be built, still without dimensions.
private func newMeta(_ index: ServerRelation) throws(ServerError) -> IvfflatMeta {
    let options = IvfflatOptions(index)
    let metric = try indexMetric(index)
    try VectorEncoding(index).check(options.isBase64, index)
    if let asked = options.metric, asked != metric {
        throw ServerError(
            .invalidParameterValue,
            "distance_type = \(asked.rawValue) contradicts the operator class of index "
                + "\"\(index.name)\"",
            detail: "The operator class is for distance_type \(metric.rawValue).",
            hint: "Leave the option out, or use the operator class for it.")
    }
    if let dimensions = options.dimensions { try checkIvfflatDimensions(dimensions, index) }
    return IvfflatMeta(
        dimensions: 0, lists: 0, metric: metric, bits: .four,
        rotationSeed: 0x5041_5345_4956_4646, centroids: 0)
}

/// Runs a scan of the table with `state` for its callback.
private func scan<State>(
    _ heap: Relation?, _ index: ServerRelation, _ info: UnsafeMutablePointer<IndexInfo>?,
    _ state: inout State, _ row: @escaping PaseBuildRow, _ heapRows: inout Double
) throws(ServerError) {
    var succeeded = false
    withUnsafeMutablePointer(to: &state) { state in
        succeeded = pase_build_scan(
            heap, index.relation, info, row, UnsafeMutableRawPointer(state), &heapRows)
    }
    try check(succeeded)
}

private func sampleRow(
    _ state: UnsafeMutableRawPointer?, _ row: UInt64, _ value: Datum, _ isNull: Bool
) -> Bool {
    guard let state else { return true }
    return entryPoint(fallback: false) { () throws(ServerError) in
        try checkInterrupts()
        if !isNull {
            try state.assumingMemoryBound(to: IvfflatSample.self).pointee.add(row, value)
        }
        return true
    }
}

private func assignRow(
    _ state: UnsafeMutableRawPointer?, _ row: UInt64, _ value: Datum, _ isNull: Bool
) -> Bool {
    guard let state else { return true }
    return entryPoint(fallback: false) { () throws(ServerError) in
        try checkInterrupts()
        if !isNull {
            try state.assumingMemoryBound(to: IvfflatAssignment.self).pointee.add(row, value)
        }
        return true
    }
}
