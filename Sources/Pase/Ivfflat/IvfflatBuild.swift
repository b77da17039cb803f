import CPostgres
import NearestNeighbors
import PostgresServer

// Building an index:
//
// 1. A scan of the table draws a sample of its vectors, as many as fit.
// 2. k-means makes the centroids of it, or a file has them.
// 3. A second scan assigns each row to a list, and the server sorts the rows by list.
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
        pase_progress(IvfflatProgress.tuplesTotal, Int64(rowEstimate(heap)))
        var sample = IvfflatSample(index, meta, plan, memory)
        var heapRows = 0.0
        try scan(heap, index, info, &sample, sampleRow, &heapRows)
        var rows = 0
        if sample.meta.dimensions > 0 {
            meta = sample.meta
            let centroids = try sample.makeCentroids()
            meta.lists = centroids.count
            meta.bits = IvfflatLayout.defaultBits(meta.dimensions)
            meta.centroids = 1
            pase_progress(IvfflatProgress.subphase, IvfflatPhase.assigning.rawValue)
            var assignment = try IvfflatAssignment(index, meta, centroids, memory)
            try scan(heap, index, info, &assignment, assignRow, &heapRows)
            rows = try assignment.write()
            try meta.store(index, .building)
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
    try checkNotBase64(options.isBase64)
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
            try state.assumingMemoryBound(to: IvfflatSample.self).pointee.add(value)
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
