import CPostgres
import NearestNeighbors
import PostgresServer

/// `aminsert`: one row.
@_cdecl("pase_ivfflat_insert_body")
func ivfflatInsert(
    _ index: Relation?, _ values: UnsafeMutablePointer<Datum>?,
    _ nulls: UnsafeMutablePointer<Bool>?, _ tid: ItemPointer?, _ heap: Relation?
) -> Bool {
    entryPoint(fallback: false) { () throws(ServerError) in
        guard let values, let nulls, let tid, !nulls[0] else { return false }
        let index = try ServerRelation(index)
        let memory = try ServerMemory.current().makeChild("pase_ivfflat insert")
        try memory.asCurrent { () throws(ServerError) in
            try insert(index, values[0], pase_tid_pack(tid), memory)
        }
        try memory.delete()
        return false
    }
}

private func insert(
    _ index: ServerRelation, _ value: Datum, _ row: UInt64, _ memory: ServerMemory
) throws(ServerError) {
    var meta = try IvfflatMeta.read(index)
    let reader = VectorReader(metric: Metric(meta.metric, kernels), indexName: index.name)
    guard let vector = try reader.read(value), let start = vector.baseAddress else {
        try warnOfEmptyVector(index.name)
        return
    }
    if meta.dimensions == 0 {
        meta = try makeFirstList(index, dimensions: vector.count, memory)
    }
    try reader.checkDimensions(vector.count, expected: meta.dimensions)
    let pages = IvfflatPages(index, meta, .logged)
    let encoder = try IvfflatEncoder(meta, in: memory)
    let prepared = try memory.allocate(vector.count, of: Float.self)
    let rotated = try memory.allocate(encoder.code.paddedDimensions, of: Float.self)
    reader.prepare(start, vector.count, into: prepared)
    encoder.rotate(prepared, into: rotated)
    let centroid = try memory.allocate(vector.count, of: Float.self)
    let list = try pages.nearestList(rotated, reader.metric, centroid: centroid)
    let factors = encoder.encode(rotated, from: centroid)
    try pages.insert(
        IvfflatPages.Entry(
            row: row, vector: prepared, code: encoder.bytes, factors: factors),
        list: list, memory)
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
        let pages = IvfflatPages(index, meta, .logged)
        let locked = try pages.addPage(
            IvfflatLayout.centroidsKind, itemBytes: pages.layout.centroidBytes, memory)
        meta.centroids = locked.block
        try locked.close()
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

extension IvfflatPages {
    /// The list whose centroid is nearest to a rotated vector, with a copy of the centroid.
    func nearestList(
        _ rotated: UnsafePointer<Float>, _ metric: Metric, centroid: UnsafeMutablePointer<Float>
    ) throws(ServerError) -> Int {
        var best = 0
        var bestDistance = Float.infinity
        var list = 0
        while list < meta.lists {
            try checkInterrupts()
            let block = meta.place(of: list).block
            let locked = try open(block, IvfflatLayout.centroidsKind, .shared)
            while list < meta.lists, meta.place(of: list).block == block {
                let start = try self.centroid(list, in: locked.page)
                let candidate = (start + IvfflatLayout.centroidHeaderBytes)
                    .assumingMemoryBound(to: Float.self)
                let distance = metric.distance(rotated, candidate, meta.dimensions)
                if list == 0 || distance < bestDistance {
                    best = list
                    bestDistance = distance
                    centroid.copy(from: candidate, count: meta.dimensions)
                }
                list += 1
            }
            try locked.close()
        }
        return best
    }
}
