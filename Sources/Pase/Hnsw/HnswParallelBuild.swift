import CPostgres
import NearestNeighbors
import PostgresServer

// Building a graph with parallel workers:
//
// 1. The leader has scanned the table and collected the vectors. Equal ones are joined, so that the size of the
//    graph is known to the byte, and shared memory has a region for it.
// 2. Workers start while the leader copies the nodes there, without links, and plans the pages.
// 3. All of them, the leader too, link the nodes batch by batch; see BatchConstruction.swift.
// 4. The leader looks whether each node can be reached and found, and links those that cannot; see GraphMending.swift.
// 5. All of them make the codes, then write and log the pages of nodes. The leader writes the other pages.
//
// A worker may come late or not at all. The graph is the same however many there are, and so are the pages.

/// One participant's part of a build with workers.
struct HnswParallelBuild {
    /// What the region begins with, so that a worker knows what is behind. The metapage says the rest.
    private struct RegionHeader: BitwiseCopyable {
        var nodes: Int
        var rows: Int
        var plan: HnswGraphPlan
    }

    /// The region: header, codes, graph.
    private struct Region {
        private let start: UnsafeMutableRawPointer
        private let codesBytes: Int

        private static var headerBytes: Int {
            (MemoryLayout<RegionHeader>.size + 63) / 64 * 64
        }

        private static func codesBytes(_ nodes: Int, _ meta: HnswMeta) -> Int {
            (HnswNodeCodes.bytes(nodes, meta) + 63) / 64 * 64
        }

        init(_ start: UnsafeMutableRawPointer, nodes: Int, _ meta: HnswMeta) {
            self.start = start
            codesBytes = Self.codesBytes(nodes, meta)
        }

        var codes: UnsafeMutableRawPointer { start + Self.headerBytes }
        var graph: UnsafeMutableRawPointer { codes + codesBytes }

        static func bytes(_ meta: HnswMeta, nodes: Int, rows: Int, upperLevels: Int) -> Int {
            headerBytes + codesBytes(nodes, meta)
                + MemoryGraph<ServerMemory>.regionBytes(
                    meta.shape, nodes: nodes, rows: rows, upperLevels: upperLevels)
        }
    }

    let parallel: ParallelBuild
    private let index: ServerRelation
    private var graph: MemoryGraph<ServerMemory>
    private var construction: BatchConstruction
    private let codes: HnswNodeCodes?
    private var writer: HnswGraphWriter
    private let nodes: Int
    /// The step from which on this participant takes part.
    private let firstStep: Int

    /// The leader's part: starts workers and makes the nodes of the collected vectors, whose memory it gives back.
    ///
    /// - Parameters:
    ///   - meta: what the metapage says.
    ///   - insertion: the leader's own room for searches.
    /// - Returns: nil if there is no memory to share or no worker; the vectors are still there then.
    init?(
        _ heap: Relation?, _ index: ServerRelation, _ info: UnsafeMutablePointer<IndexInfo>?,
        _ meta: HnswMeta, _ collection: VectorCollection<ServerMemory>,
        _ insertion: GraphInsertion, workers: Int, _ memory: ServerMemory
    ) throws(ServerError) {
        var memory = memory
        var collected = collection
        try collected.joinEqual(in: &memory) { () throws(ServerError) in try checkInterrupts() }
        let bytes = Region.bytes(
            meta, nodes: collected.nodes, rows: collected.count,
            upperLevels: collected.upperLevels)
        guard ParallelBuild.hasRoom(regionBytes: bytes) else {
            try PostgresServer.report(
                NOTICE, .outOfMemory,
                "the graph of \(bytes >> 20) MB does not fit into shared memory, so it is built "
                    + "without parallel workers",
                hint: "Enlarge /dev/shm to build with workers.")
            return nil
        }
        guard
            let parallel = try ParallelBuild.beginGraph(
                heap, index, info, workers: workers, regionBytes: bytes),
            let start = parallel.region
        else { return nil }
        self.parallel = parallel
        self.index = index
        nodes = collected.nodes
        let region = Region(start, nodes: nodes, meta)
        graph = try MemoryGraph(
            meta.shape, Metric(meta.metric, kernels), in: region.graph, nodes: nodes,
            rows: collected.count, isFilled: false, memory: memory)
        try Self.fill(&graph, from: collected, memory)
        _ = parallel.count(collected.count - nodes)
        codes = try HnswNodeCodes(meta, nodes: nodes, in: region.codes, memory)
        try codes?.setCentre(of: graph)
        let plan = HnswGraphPlan(graph, meta.layout, from: meta.firstNodeBlock)
        try plan.addPages(to: index)
        writer = try HnswGraphWriter(
            index, meta.layout, graph, codes, plan, isLast: true, memory)
        construction = BatchConstruction(insertion, nodes: nodes)
        start.storeBytes(
            of: RegionHeader(nodes: nodes, rows: collected.count, plan: plan),
            as: RegionHeader.self)
        firstStep = try parallel.finish(try parallel.joinSteps())
    }

    /// A worker's part.
    init?(_ parallel: ParallelBuild, _ memory: ServerMemory) throws(ServerError) {
        guard let start = parallel.region else { return nil }
        self.parallel = parallel
        // The header is there when the first step is over.
        let step = try parallel.joinSteps()
        firstStep = step == 0 ? try parallel.finish(step) : step
        let header = start.load(as: RegionHeader.self)
        let index = try ServerRelation(parallel.index)
        self.index = index
        let meta = try HnswMeta.read(index)
        nodes = header.nodes
        let region = Region(start, nodes: nodes, meta)
        graph = try MemoryGraph(
            meta.shape, Metric(meta.metric, kernels), in: region.graph, nodes: nodes,
            rows: header.rows, isFilled: true, memory: memory)
        codes = try HnswNodeCodes(meta, nodes: nodes, in: region.codes, memory)
        writer = try HnswGraphWriter(
            index, meta.layout, graph, codes, header.plan, isLast: true, memory)
        construction = BatchConstruction(try GraphInsertion(meta.shape, in: &graph), nodes: nodes)
    }

    /// Makes the nodes, without links.
    private static func fill(
        _ graph: inout MemoryGraph<ServerMemory>, from collected: VectorCollection<ServerMemory>,
        _ memory: ServerMemory
    ) throws(ServerError) {
        var memory = memory
        graph.setCentre(of: collected.count) { collected[$0].vector }
        for index in 0..<collected.count {
            try checkInterrupts()
            let item = collected[index]
            graph.currentRow = item.row
            if item.node == graph.count {
                graph.query = item.vector
                _ = try graph.addUnlinkedNode(level: item.level)
            } else {
                _ = try graph.addRow(to: graph.node(at: item.node))
            }
            try collected.release(upTo: index, in: &memory)
        }
    }

    /// Links the nodes and writes the pages, until all that is done by whomever. The leader then waits for the workers to
    /// end, and writes what is left.
    ///
    /// - Returns: in the leader, what was written.
    mutating func run() throws(ServerError) -> WrittenGraph? {
        var step = firstStep
        // The first step was to make the nodes; each batch takes two.
        var linking = 1
        var first = 0
        while first < nodes {
            let batch = BatchConstruction.batch(from: first, of: nodes)
            if step == linking { step = try link(batch, step) }
            if step == linking + 1 { step = try linkBack(batch, step) }
            try construction.finish(batch, in: &graph)
            first = batch.upperBound
            linking += 2
        }
        report(parallel.count(0))
        if parallel.isLeader {
            pase_progress(PROGRESS_CREATEIDX_SUBPHASE, HnswPhase.writing.rawValue)
        }
        if step == linking { step = try mend(step) }
        if step == linking + 1 { step = try encode(step) }
        if step == linking + 2 { step = try write(step) }
        guard parallel.isLeader else { return nil }
        try parallel.waitForWorkers()
        return try writer.finish(graph.entryIndex)
    }

    /// Shows how many rows all participants are done with; it is the leader's command.
    private func report(_ rows: Int) {
        if parallel.isLeader { pase_progress(PROGRESS_CREATEIDX_TUPLES_DONE, Int64(rows)) }
    }

    private mutating func link(_ batch: Range<Int>, _ step: Int) throws(ServerError) -> Int {
        var index = batch.lowerBound + parallel.take(in: step)
        while index < batch.upperBound {
            try checkInterrupts()
            try construction.link(index, in: &graph)
            report(parallel.count(1))
            index = batch.lowerBound + parallel.take(in: step)
        }
        return try parallel.finish(step)
    }

    private mutating func linkBack(_ batch: Range<Int>, _ step: Int) throws(ServerError) -> Int {
        var part = parallel.take(in: step)
        while part < BatchConstruction.parts {
            try checkInterrupts()
            try construction.linkBack(batch, part: part, in: &graph)
            part = parallel.take(in: step)
        }
        return try parallel.finish(step)
    }

    /// The leader sees to a whole graph, which is little work where there is nothing to mend.
    private mutating func mend(_ step: Int) throws(ServerError) -> Int {
        if parallel.isLeader { try mendGraph(&graph, construction.insertion, index) }
        return try parallel.finish(step)
    }

    private func encode(_ step: Int) throws(ServerError) -> Int {
        guard let codes else { return try parallel.finish(step) }
        var piece = parallel.take(in: step)
        while piece < codes.pieces {
            try checkInterrupts()
            codes.encode(piece: piece, of: graph)
            piece = parallel.take(in: step)
        }
        return try parallel.finish(step)
    }

    private mutating func write(_ step: Int) throws(ServerError) -> Int {
        if parallel.isLeader { try writer.writeOthers() }
        var piece = parallel.take(in: step)
        while piece < writer.pieces {
            try writer.writeNodes(piece: piece)
            piece = parallel.take(in: step)
        }
        return try parallel.finish(step)
    }

    /// Bytes that all participants together need to build the graph of what was collected, and one row more.
    ///
    /// - Parameter participantBytes: what each needs for its searches.
    static func bytesNeeded(
        for collected: VectorCollection<ServerMemory>, _ meta: HnswMeta, workers: Int,
        participantBytes: Int
    ) -> Int {
        bytes(
            meta, nodes: collected.count + 1,
            upperLevels: collected.upperLevels + meta.shape.maximumLevel,
            collected: collected.bytesWithOneMore, workers: workers,
            participantBytes: participantBytes)
    }

    /// The same for so many nodes that are still to come, or somewhat more.
    static func usualBytes(_ meta: HnswMeta, nodes: Int, workers: Int, participantBytes: Int)
        -> Int
    {
        bytes(
            meta, nodes: nodes + 1,
            upperLevels: MemoryGraph<ServerMemory>.usualUpperLevels(meta.shape, nodes: nodes),
            collected: VectorCollection<ServerMemory>.usualBytes(
                dimensions: meta.dimensions, count: nodes + 1),
            workers: workers, participantBytes: participantBytes)
    }

    private static func bytes(
        _ meta: HnswMeta, nodes: Int, upperLevels: Int, collected: Int, workers: Int,
        participantBytes: Int
    ) -> Int {
        let region = Region.bytes(meta, nodes: nodes, rows: nodes, upperLevels: upperLevels)
        let participants = (workers + 1) * (participantBytes + nodes * MemoryLayout<UInt32>.stride)
        return region + participants + collected
    }
}

/// A worker's whole work on a graph.
@_cdecl("pase_hnsw_build_worker_body")
func hnswBuildWorker(_ parallel: UnsafeMutablePointer<PaseParallel>?) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        guard let parallel = ParallelBuild(parallel) else { return }
        let memory = try ServerMemory.current().makeChild("pase_hnsw build worker")
        if var build = try HnswParallelBuild(parallel, memory) { _ = try build.run() }
        try memory.delete()
    }
}
