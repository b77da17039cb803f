import CPostgres
import NearestNeighbors
import PostgresServer

// Building an index:
//
// 1. The table's rows come from the server's scan, one by one, and are collected as the nodes of a graph in memory, as
//    long as it keeps within maintenance_work_mem.
// 2. When the scan is over, or memory used up, the nodes are linked, in an order that looks random whatever the order of
//    the rows; the graph is looked over (see GraphMending.swift) and written to pages.
// 3. Further rows are inserted there, by the same algorithm over the pages.
//
// With parallel workers the rows are only collected in step 1, as long as all that the workers need keeps within
// maintenance_work_mem, and linked and written by all of them when the scan is over; see HnswParallelBuild.swift.
//
// No change is logged on the way, but pages when they are finished.

/// `ambuild`.
@_cdecl("pase_hnsw_build_body")
func hnswBuild(_ heap: Relation?, _ index: Relation?, _ info: UnsafeMutablePointer<IndexInfo>?)
    -> UnsafeMutablePointer<IndexBuildResult>?
{
    entryPoint(fallback: nil) { () throws(ServerError) in
        let index = try ServerRelation(index)
        if try index.blockCount() != 0 {
            throw ServerError(.internalError, "index \"\(index.name)\" already contains data")
        }
        let memory = try ServerMemory.current().makeChild("pase_hnsw build")
        let meta = try newIndexMeta(index)
        try meta.create(index, fork: MAIN_FORKNUM, .building)
        let workers = try ParallelBuild.plan(heap, index, info)
        var build = HnswBuild(index, meta, memory, workers: workers)
        var heapRows = 0.0
        pase_progress(
            HnswBuild.subphase,
            HnswPhase.collecting.rawValue)
        pase_progress(HnswBuild.tuplesTotal, Int64(rowEstimate(heap)))
        var succeeded = false
        withUnsafeMutablePointer(to: &build) { build in
            succeeded = pase_build_scan(
                heap, index.relation, info, buildRow, UnsafeMutableRawPointer(build), &heapRows)
        }
        try check(succeeded)
        try build.finish(heap, info)
        try build.noteMended(heapRows)
        if pase_relation_needs_wal(index.relation) {
            try logPages(index, except: build.loggedBlocks)
        }
        try memory.delete()
        var result: UnsafeMutablePointer<IndexBuildResult>?
        try check(pase_build_result(heapRows, Double(build.rows), &result))
        return result
    }
}

/// `ambuildempty`: the init fork of an unlogged index.
@_cdecl("pase_hnsw_build_empty_body")
func hnswBuildEmpty(_ index: Relation?) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        let index = try ServerRelation(index)
        let meta = try newIndexMeta(index)
        try meta.create(index, fork: INIT_FORKNUM, .building)
        // The init fork is what a crash leaves of an unlogged index, so it is logged in any case.
        try logPages(index, fork: INIT_FORKNUM)
    }
}

/// The metapage of an index that is to be built.
private func newIndexMeta(_ index: ServerRelation) throws(ServerError) -> HnswMeta {
    let options = HnswOptions(index)
    let metric = try indexMetric(index)
    try VectorEncoding(index).check(options.isBase64, index)
    if let dimensions = options.dimensions {
        try checkDimensionLimit(dimensions)
    }
    var meta = HnswMeta(
        dimensions: 0, links: options.links, efConstruction: options.efBuild, metric: metric)
    if let dimensions = options.dimensions {
        meta.setDimensions(
            dimensions, codes: try options.codes(fitting: dimensions, options.links))
    }
    return meta
}

/// One row of the table, in a memory context that is emptied after it.
private func buildRow(
    _ state: UnsafeMutableRawPointer?, _ row: UInt64, _ value: Datum, _ isNull: Bool
)
    -> Bool
{
    guard let state else { return true }
    return entryPoint(fallback: false) { () throws(ServerError) in
        try checkInterrupts()
        if !isNull {
            try state.assumingMemoryBound(to: HnswBuild.self).pointee.add(row, value)
        }
        return true
    }
}

/// A build under way.
private struct HnswBuild {
    static let subphase = PROGRESS_CREATEIDX_SUBPHASE
    static let tuplesDone = PROGRESS_CREATEIDX_TUPLES_DONE
    static let tuplesTotal = PROGRESS_CREATEIDX_TUPLES_TOTAL

    let index: ServerRelation
    let memory: ServerMemory
    /// Bytes that the graph may take.
    let budget: Int
    var meta: HnswMeta
    var inMemory: InMemoryPart?
    /// Parallel workers to use, 0 to build alone from now on.
    var workers: Int
    /// The rows for a graph that is built with them.
    var collection: VectorCollection<ServerMemory>?
    /// A fixed seed: the same rows in the same order give the same index.
    var random = RandomSource(seed: 0x5041_5345)
    var rows = 0
    /// Those that the pages got one by one.
    private var rowsOnPages = 0
    var isOnPages = false
    /// Pages that need not be logged any more.
    private(set) var loggedBlocks: Range<UInt32> = 0..<0
    var hasWarned = false

    init(_ index: ServerRelation, _ meta: HnswMeta, _ memory: ServerMemory, workers: Int) {
        self.index = index
        self.meta = meta
        self.memory = memory
        self.workers = workers
        budget = Int(pase_maintenance_work_mem()) * 1024
    }

    mutating func add(_ row: UInt64, _ value: Datum) throws(ServerError) {
        let reader = try VectorReader(index, meta.metric)
        guard let vector = try reader.read(value, of: row), let start = vector.baseAddress else {
            if !hasWarned { try warnOfEmptyVector(index) }
            hasWarned = true
            return
        }
        if meta.dimensions == 0 {
            meta.setDimensions(
                vector.count,
                codes: try HnswOptions(index).codes(fitting: vector.count, meta.links))
        }
        try reader.checkDimensions(vector.count, expected: meta.dimensions)
        if workers > 0 {
            try collect(row, start, reader)
        } else if !isOnPages {
            try addInMemory(row, start, reader)
        } else {
            // The row's own context is the current one.
            try insertRow(index, value, row, .building, try ServerMemory.current())
            rowsOnPages += 1
        }
        rows += 1
        if isOnPages { pase_progress(HnswBuild.tuplesDone, Int64(rows)) }
    }

    private func inMemoryPart(_ metric: Metric) throws(ServerError) -> InMemoryPart {
        if let inMemory { return inMemory }
        return try InMemoryPart(meta, metric, memory)
    }

    private mutating func addInMemory(
        _ row: UInt64, _ vector: UnsafePointer<Float>, _ reader: VectorReader
    ) throws(ServerError) {
        var part = try inMemoryPart(reader.metric)
        prepare(vector, in: part, reader)
        part.graph.currentRow = row
        part.graph.query = UnsafePointer(part.query)
        try part.graph.collect(level: meta.shape.randomLevel(using: &random)) {
            () throws(ServerError) in try checkInterrupts()
        }
        inMemory = part
        try moveToPagesIfFull(part)
    }

    /// Makes a vector what the index keeps of it.
    private mutating func prepare(
        _ vector: UnsafePointer<Float>, in part: InMemoryPart, _ reader: VectorReader
    ) {
        reader.prepare(vector, meta.dimensions, into: part.query)
        if let rounding = part.rounding {
            meta.largestNorm = max(meta.largestNorm, rounding.round(part.query))
        }
    }

    private mutating func moveToPagesIfFull(_ part: InMemoryPart) throws(ServerError) {
        // The codes come at the end, one for each node.
        let codes = HnswNodeCodes.bytes(part.graph.count + 1, meta)
        if part.graph.bytesUsed + part.graph.bytesForOneMore + codes > budget {
            try moveToPages()
        }
    }

    /// Writes the graph, whose memory is then free for nothing else: the rest goes to the pages.
    private mutating func moveToPages() throws(ServerError) {
        try report(
            NOTICE, .programLimitExceeded,
            "the graph no longer fits into maintenance_work_mem after \(rows + 1) rows",
            hint:
                "The build continues on the pages, more slowly. Increase maintenance_work_mem to speed it up; "
                + "pase_hnsw_build_memory() computes how much it needs.")
        try linkGraph()
        try writeGraph(isLast: false)
        try memory.reset()
        isOnPages = true
        pase_progress(HnswBuild.subphase, HnswPhase.insertingOnPages.rawValue)
    }

    mutating func finish(_ heap: Relation?, _ info: UnsafeMutablePointer<IndexInfo>?)
        throws(ServerError)
    {
        if try buildInParallel(heap, info) { return }
        try insertCollected()
        guard !isOnPages else { return }
        try linkGraph()
        try writeGraph(isLast: true)
    }

    /// Links the nodes that were collected.
    private mutating func linkGraph() throws(ServerError) {
        guard var part = inMemory else { return }
        pase_progress(HnswBuild.subphase, HnswPhase.loading.rawValue)
        try part.graph.endCollection { () throws(ServerError) in try checkInterrupts() }
        let order = ShuffledOrder(count: part.graph.count)
        let joined = part.graph.rowCount - part.graph.count
        for place in 0..<order.count {
            try checkInterrupts()
            try part.insertion.link(order[place], in: &part.graph)
            pase_progress(HnswBuild.tuplesDone, Int64(joined + place + 1))
        }
        try mendGraph(&part.graph, part.insertion, index)
        meta.farNodes = UInt32(clamping: part.graph.farCount)
        inMemory = part
    }

    // MARK: With parallel workers

    /// Keeps a row for the time when the scan is over.
    private mutating func collect(
        _ row: UInt64, _ vector: UnsafePointer<Float>, _ reader: VectorReader
    ) throws(ServerError) {
        let part = try inMemoryPart(reader.metric)
        inMemory = part
        prepare(vector, in: part, reader)
        var memory = memory
        var rows = try makeCollection()
        try rows.append(
            part.query, row: row, level: meta.shape.randomLevel(using: &random), in: &memory)
        collection = rows
        let needed = HnswParallelBuild.bytesNeeded(
            for: rows, meta, workers: workers, participantBytes: part.graph.bytesUsed)
        if needed > budget { try insertCollected() }
    }

    private func makeCollection() throws(ServerError) -> VectorCollection<ServerMemory> {
        if let collection { return collection }
        var memory = memory
        return try VectorCollection(dimensions: meta.dimensions, in: &memory)
    }

    /// Builds alone from now on: takes over what was collected, as if it had been done at once.
    private mutating func insertCollected() throws(ServerError) {
        workers = 0
        guard let collected = collection, var part = inMemory else { return }
        collection = nil
        var memory = memory
        for index in 0..<collected.count {
            try checkInterrupts()
            let item = collected[index]
            part.query.copy(from: item.vector, count: meta.dimensions)
            part.graph.currentRow = item.row
            part.graph.query = UnsafePointer(part.query)
            try part.graph.collect(level: item.level) { () throws(ServerError) in
                try checkInterrupts()
            }
            try collected.release(upTo: index, in: &memory)
        }
        inMemory = part
        // Only now, while the collection takes no memory: that was less than what is needed for workers.
        try moveToPagesIfFull(part)
    }

    /// Builds the index of the collected rows together with workers.
    ///
    /// - Returns: false if that is not to be or cannot be.
    private mutating func buildInParallel(
        _ heap: Relation?, _ info: UnsafeMutablePointer<IndexInfo>?
    ) throws(ServerError) -> Bool {
        guard workers > 0, let collected = collection, let part = inMemory else { return false }
        pase_progress(HnswBuild.subphase, HnswPhase.loading.rawValue)
        meta.setCentre()
        // Workers read it.
        try storeMeta()
        guard
            var build = try HnswParallelBuild(
                heap, index, info, meta, collected, part.insertion, workers: workers, memory)
        else { return false }
        collection = nil
        inMemory = nil
        if let written = try build.run() { try note(written) }
        try build.parallel.end()
        return true
    }

    /// - Parameter isLast: whether no rows will be inserted into the pages.
    private mutating func writeGraph(isLast: Bool) throws(ServerError) {
        pase_progress(HnswBuild.subphase, HnswPhase.writing.rawValue)
        guard let part = inMemory else {
            if meta.dimensions > 0 { try storeMeta() }
            return
        }
        meta.setCentre()
        let graph = part.graph
        let plan = HnswGraphPlan(graph, meta.layout, from: meta.firstNodeBlock)
        try plan.addPages(to: index)
        let room = try memory.allocate(bytes: HnswNodeCodes.bytes(graph.count, meta))
        let codes = try HnswNodeCodes(meta, nodes: graph.count, in: room, memory)
        if let codes {
            try codes.setCentre(of: graph)
            for piece in 0..<codes.pieces {
                try checkInterrupts()
                codes.encode(piece: piece, of: graph)
            }
        }
        var writer = try HnswGraphWriter(
            index, meta.layout, graph, codes, plan, isLast: isLast, memory)
        for piece in 0..<writer.pieces { try writer.writeNodes(piece: piece) }
        try writer.writeOthers()
        try note(try writer.finish(graph.entryIndex))
        inMemory = nil
    }

    private mutating func note(_ written: WrittenGraph) throws(ServerError) {
        meta.entry = written.entry
        loggedBlocks = written.loggedBlocks
        try storeMeta()
    }

    /// Notes how many rows of the table were mended together with the graph.
    func noteMended(_ heapRows: Double) throws(ServerError) {
        let mended = UInt64(clamping: Int(exactly: heapRows.rounded(.down)) ?? 0)
        let onPages = UInt64(clamping: rowsOnPages)
        _ = try HnswMeta.update(index, .building) { meta in
            meta.mendedRows = mended > onPages ? mended - onPages : 0
        }
    }

    private mutating func storeMeta() throws(ServerError) {
        let meta = meta
        _ = try HnswMeta.update(index, .building) { $0 = meta }
    }
}

/// The graph of a build as long as it fits into memory.
private struct InMemoryPart {
    var graph: MemoryGraph<ServerMemory>
    var insertion: GraphInsertion
    /// The vector being inserted.
    let query: UnsafeMutablePointer<Float>
    /// In an index of half precision.
    let rounding: HnswRounding?

    init(_ meta: HnswMeta, _ metric: Metric, _ memory: ServerMemory) throws(ServerError) {
        let shape = meta.shape
        rounding = meta.precision == .half ? try HnswRounding(meta, memory) : nil
        query = try memory.allocate(shape.dimensions, of: Float.self)
        graph = try MemoryGraph(shape, metric, query: query, memory: memory)
        insertion = try GraphInsertion(shape, in: &graph)
    }
}

/// Sees to it that each node of a graph can be reached and found, and says so where that cannot be had.
func mendGraph(
    _ graph: inout MemoryGraph<ServerMemory>, _ insertion: GraphInsertion, _ index: ServerRelation
) throws(ServerError) {
    var mending = GraphMending(insertion)
    let outcome = try mending.mend(&graph) { () throws(ServerError) in try checkInterrupts() }
    guard outcome.unreachable > 0 else { return }
    try report(
        NOTICE, .programLimitExceeded,
        "\(outcome.unreachable) of \(graph.count) nodes of index \"\(index.name)\" cannot be reached",
        hint: "Searches may miss their rows. Build the index with a larger base_nb_num."
    )
}
