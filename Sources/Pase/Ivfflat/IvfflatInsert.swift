import CPostgres
import NearestNeighbors
import PostgresServer

/// `aminsert`: one row.
@_cdecl("pase_ivfflat_insert_body")
func ivfflatInsert(
    _ index: Relation?, _ values: UnsafeMutablePointer<Datum>?,
    _ nulls: UnsafeMutablePointer<Bool>?, _ tid: ItemPointer?, _ heap: Relation?,
    _ info: UnsafeMutablePointer<IndexInfo>?
) -> Bool {
    entryPoint(fallback: false) { () throws(ServerError) in
        guard let values, let nulls, let tid, !nulls[0] else { return false }
        let index = try ServerRelation(index)
        let memory = try ServerMemory.current().makeChild("pase_ivfflat insert")
        var isIndexed = true
        try memory.asCurrent { () throws(ServerError) in
            isIndexed = try insert(index, values[0], pase_tid_pack(tid), memory)
        }
        try memory.delete()
        if !isIndexed, pase_insert_is_first_of_its_kind(info) { try warnOfEmptyVector(index) }
        return false
    }
}

/// - Returns: whether the value is a vector to be indexed.
private func insert(
    _ index: ServerRelation, _ value: Datum, _ row: UInt64, _ memory: ServerMemory
) throws(ServerError) -> Bool {
    var meta = try IvfflatMeta.read(index)
    let reader = try VectorReader(index, meta.metric)
    guard let vector = try reader.read(value, of: row), let start = vector.baseAddress else {
        return false
    }
    if meta.dimensions == 0 {
        meta = try makeFirstList(index, dimensions: vector.count, memory)
    }
    try reader.checkDimensions(vector.count, expected: meta.dimensions)
    let pages = IvfflatPages(index, meta, .logged)
    let encoder = try meta.encoder(in: memory)
    let prepared = try memory.allocate(vector.count, of: Float.self)
    // Rotation leaves the padding as it is.
    let rotated = try memory.allocate(encoder.code.paddedDimensions, of: Float.self, zeroed: true)
    reader.prepare(start, vector.count, into: prepared)
    encoder.rotate(prepared, into: rotated)
    let list = try nearestList(pages, rotated, reader.metric, memory)
    let centroid = try memory.allocate(vector.count, of: Float.self)
    try pages.copyCentroid(list, into: centroid)
    let factors = encoder.encode(rotated, from: centroid)
    try pages.insert(
        IvfflatPages.Entry(
            row: row, vector: prepared, code: encoder.bytes, factors: factors),
        list: list, memory)
    return true
}

/// The list whose centroid is nearest to a rotated vector.
private func nearestList(
    _ pages: IvfflatPages, _ rotated: UnsafePointer<Float>, _ metric: Metric,
    _ memory: ServerMemory
) throws(ServerError) -> Int {
    let code = CodeLayout(dimensions: pages.layout.dimensions, bits: pages.layout.bits)
    let residual = try memory.allocate(code.paddedDimensions, of: Float.self)
    var query = CodeQuery(
        code, codeKernels,
        components: try memory.allocate(code.paddedDimensions, of: Int8.self))
    var ranking = try IvfflatRanking(
        pages, wanted: 1, rotated, metric, query: &query, residual: residual, memory)
    guard let nearest = try ranking.next(pages) else {
        throw MetapageItem.damaged(pages.index)
    }
    return nearest.list
}

/// Gives an index that was created without rows a first and only list, around zero.
private func makeFirstList(
    _ index: ServerRelation, dimensions: Int, _ memory: ServerMemory
) throws(ServerError) -> IvfflatMeta {
    try index.lockPage(MetapageItem.block, ExclusiveLock)
    var meta = try IvfflatMeta.read(index)
    // Somebody else may have been first.
    if meta.dimensions == 0 {
        try checkIvfflatDimensions(dimensions, index)
        meta.dimensions = dimensions
        meta.lists = 1
        meta.bits = IvfflatLayout.defaultBits(dimensions)
        meta.centroids = try index.blockCount()
        let pages = IvfflatPages(index, meta, .logged)
        let zero = try memory.allocate(dimensions, of: Float.self, zeroed: true)
        try pages.writeCentroids(
            IvfflatCentroids(start: zero, count: 1), meta.encoder(in: memory), memory)
        try meta.store(index, .logged)
    }
    try index.unlockPage(MetapageItem.block, ExclusiveLock)
    return meta
}

/// Refuses more dimensions than a page of centroids has room for.
func checkIvfflatDimensions(_ dimensions: Int, _ index: ServerRelation) throws(ServerError) {
    if dimensions > IvfflatLayout.maximumDimensions {
        throw ServerError(
            .programLimitExceeded,
            "index \"\(index.name)\" cannot have \(dimensions) dimensions, "
                + "the maximum is \(IvfflatLayout.maximumDimensions)")
    }
}
