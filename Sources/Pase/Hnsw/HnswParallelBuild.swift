import CPostgres
import NearestNeighbors
import PostgresServer

// Building a graph with parallel workers:
//
// 1. The leader has scanned the table and collected the vectors. Equal ones are joined, so that the size of the
//    graph is known to the byte, and shared memory has a region for it.
// 2. Workers start while the leader copies the nodes there, without links.
// 3. All of them, the leader too, link the nodes batch by batch; see BatchConstruction.swift.
// 4. The leader writes the graph, which is like any other, to pages.
//
// A worker may come late or not at all. The graph is the same however many there are.

/// One participant's part of a build with workers.
struct HnswParallelBuild {
    /// What the region begins with, so that a worker knows what is behind.
    private struct RegionHeader: BitwiseCopyable {
        var nodes: Int
        var dimensions: Int32
        var links: Int32
        var groundLinks: Int32
        var efConstruction: Int32
        var maximumLevel: Int32
        var metric: Int32
    }

    private static let headerBytes = 64

    let parallel: ParallelBuild
    private(set) var graph: MemoryGraph<ServerMemory>
    private var construction: BatchConstruction
    private let nodes: Int

    /// The leader's part: starts workers and makes the nodes of the collected vectors, whose memory it gives back.
    ///
    /// - Parameter insertion: the leader's own room for searches.
    /// - Returns: nil if there is no memory to share or no worker; the vectors are still there then.
    init?(
        _ heap: Relation?, _ index: ServerRelation, _ info: UnsafeMutablePointer<IndexInfo>?,
        _ meta: HnswMeta, _ collection: VectorCollection<ServerMemory>,
        _ insertion: GraphInsertion, workers: Int, _ memory: ServerMemory
    ) throws(ServerError) {
        var memory = memory
        var collected = collection
        try checkInterrupts()
        try collected.joinEqual(in: &memory)
        let shape = meta.shape
        let bytes =
            Self.headerBytes
            + MemoryGraph<ServerMemory>.regionBytes(
                shape, nodes: collected.nodes, upperLevels: collected.upperLevels)
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
            let region = parallel.region
        else { return nil }
        self.parallel = parallel
        nodes = collected.nodes
        region.storeBytes(
            of: RegionHeader(
                nodes: nodes, dimensions: Int32(truncatingIfNeeded: shape.dimensions),
                links: Int32(truncatingIfNeeded: shape.links),
                groundLinks: Int32(truncatingIfNeeded: shape.groundLinks),
                efConstruction: Int32(truncatingIfNeeded: shape.efConstruction),
                maximumLevel: Int32(truncatingIfNeeded: shape.maximumLevel),
                metric: meta.metric.rawValue), as: RegionHeader.self)
        graph = try MemoryGraph(
            shape, Metric(meta.metric, kernels), in: region + Self.headerBytes, nodes: nodes,
            present: 0, memory: memory)
        construction = BatchConstruction(insertion)
        try fill(from: collected, memory)
    }

    /// A worker's part.
    init?(_ parallel: ParallelBuild, _ memory: ServerMemory) throws(ServerError) {
        guard let region = parallel.region else { return nil }
        self.parallel = parallel
        // The header is there when the first step is over.
        let step = try parallel.joinSteps()
        firstStep = step == 0 ? try parallel.finish(step) : step
        let header = region.load(as: RegionHeader.self)
        guard let metric = Metric.Kind(rawValue: header.metric) else { return nil }
        let shape = GraphShape(
            dimensions: Int(header.dimensions), links: Int(header.links),
            groundLinks: Int(header.groundLinks), efConstruction: Int(header.efConstruction),
            maximumLevel: Int(header.maximumLevel))
        nodes = header.nodes
        graph = try MemoryGraph(
            shape, Metric(metric, kernels), in: region + Self.headerBytes, nodes: nodes,
            present: nodes, memory: memory)
        construction = BatchConstruction(try GraphInsertion(shape, in: &graph))
    }

    /// The step from which on this participant takes part.
    private var firstStep = 0

    /// Makes the nodes, without links.
    private mutating func fill(
        from collected: VectorCollection<ServerMemory>, _ memory: ServerMemory
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
        _ = parallel.count(collected.count - nodes)
        firstStep = try parallel.finish(try parallel.joinSteps())
    }

    /// Links the nodes, until all are linked by whomever; the leader then waits for the workers to end.
    mutating func run() throws(ServerError) {
        var step = firstStep
        // The first step was to make the nodes; each batch takes two.
        var linking = 1
        var first = 0
        while first < nodes {
            let batch = BatchConstruction.batch(from: first, of: nodes)
            if step == linking { step = try link(batch, step) }
            if step == linking + 1 { step = try linkBack(batch, step) }
            try BatchConstruction.finish(batch, in: &graph)
            first = batch.upperBound
            linking += 2
        }
        guard parallel.isLeader else { return }
        try parallel.waitForWorkers()
        report(parallel.count(0))
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
        let region = MemoryGraph<ServerMemory>.regionBytes(
            meta.shape, nodes: nodes, upperLevels: upperLevels)
        let participants = (workers + 1) * (participantBytes + nodes * MemoryLayout<UInt32>.stride)
        // The codes are made when the vectors have been copied.
        return region + participants + max(collected, HnswGraphWriter.bytesForCodes(nodes, meta))
    }
}

/// A worker's whole work on a graph.
@_cdecl("pase_hnsw_build_worker_body")
func hnswBuildWorker(_ parallel: UnsafeMutablePointer<PaseParallel>?) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        guard let parallel = ParallelBuild(parallel) else { return }
        let memory = try ServerMemory.current().makeChild("pase_hnsw build worker")
        if var build = try HnswParallelBuild(parallel, memory) { try build.run() }
        try memory.delete()
    }
}
