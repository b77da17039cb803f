import CPostgres
import NearestNeighbors
import PostgresServer

/// `aminsert`: one row.
@_cdecl("pase_hnsw_insert_body")
func hnswInsert(
    _ index: Relation?, _ values: UnsafeMutablePointer<Datum>?,
    _ nulls: UnsafeMutablePointer<Bool>?, _ tid: ItemPointer?, _ heap: Relation?,
    _ info: UnsafeMutablePointer<IndexInfo>?
) -> Bool {
    entryPoint(fallback: false) { () throws(ServerError) in
        guard let values, let nulls, let tid, !nulls[0] else { return false }
        let index = try ServerRelation(index)
        // All that is allocated on the way goes with this context.
        let memory = try ServerMemory.current().makeChild("pase_hnsw insert")
        var isIndexed = true
        try memory.asCurrent { () throws(ServerError) in
            isIndexed = try insertRow(index, values[0], pase_tid_pack(tid), .logged, memory)
        }
        try memory.delete()
        if !isIndexed, pase_insert_is_first_of_its_kind(info) { try warnOfEmptyVector(index) }
        return false
    }
}

/// Inserts a row into an index that others may use at the same time.
///
/// - Returns: whether the value is a vector to be indexed.
@discardableResult
func insertRow(
    _ index: ServerRelation, _ value: Datum, _ row: UInt64, _ mode: WriteMode,
    _ memory: ServerMemory
) throws(ServerError) -> Bool {
    // Insertions share the metapage's lock. Who makes the first node or a new entry point has it
    // alone, and so has, for a moment, a vacuum that waits for insertions under way.
    var lock = ShareLock
    try index.lockPage(HnswLayout.metaBlock, lock)
    var meta = try HnswMeta.read(index)
    let reader = try VectorReader(index, meta.metric)
    guard let vector = try reader.read(value, of: row), let start = vector.baseAddress else {
        try index.unlockPage(HnswLayout.metaBlock, lock)
        return false
    }
    var random = RandomSource(seed: pase_random())
    var level = 0
    if meta.dimensions > 0 { level = meta.shape.randomLevel(using: &random) }
    if meta.dimensions == 0 || meta.entry == nil || level > (meta.entry?.level ?? 0) {
        try index.unlockPage(HnswLayout.metaBlock, lock)
        lock = ExclusiveLock
        try index.lockPage(HnswLayout.metaBlock, lock)
        meta = try HnswMeta.read(index)
        if meta.dimensions == 0 {
            let codes = try HnswOptions(index).codes(fitting: vector.count, meta.links)
            meta = try HnswMeta.update(index, mode) {
                $0.setDimensions(vector.count, codes: codes)
            }
            level = meta.shape.randomLevel(using: &random)
        }
    }
    try reader.checkDimensions(vector.count, expected: meta.dimensions)
    let prepared = try memory.allocate(vector.count, of: Float.self)
    reader.prepare(start, vector.count, into: prepared)
    if meta.precision == .half {
        let rounding = try HnswRounding(meta, memory)
        let norm = rounding.round(prepared)
        if norm > meta.largestNorm {
            meta = try HnswMeta.update(index, mode) { $0.largestNorm = max($0.largestNorm, norm) }
        }
    }
    var graph = try HnswGraph(index, meta, query: prepared, mode: mode, in: memory)
    graph.currentRow = row
    var insertion = try GraphInsertion(graph.shape, in: &graph)
    _ = try insertion.insert(prepared, level: level, into: &graph)
    try index.unlockPage(HnswLayout.metaBlock, lock)
    return true
}
