public import CPostgres

/// One participant's view of a build by several processes: the leader's or a worker's.
public struct ParallelBuild {
    let handle: UnsafeMutablePointer<PaseParallel>

    /// The view that a worker gets from the server.
    public init?(_ handle: UnsafeMutablePointer<PaseParallel>?) {
        guard let handle else { return nil }
        self.handle = handle
    }

    /// How many workers the server would use for this table.
    public static func plan(
        _ heap: Relation?, _ index: ServerRelation, _ info: UnsafeMutablePointer<IndexInfo>?
    ) throws(ServerError) -> Int {
        var workers: Int32 = 0
        try check(pase_parallel_plan(heap, index.relation, info, &workers))
        return Int(workers)
    }

    /// Starts workers that assign rows to lists.
    ///
    /// - Returns: nil where none is to be used or none could be started; then build alone.
    public static func beginLists(
        _ heap: Relation?, _ index: ServerRelation, _ info: UnsafeMutablePointer<IndexInfo>?
    ) throws(ServerError) -> ParallelBuild? {
        let workers = try plan(heap, index, info)
        guard workers > 0 else { return nil }
        return try begin(heap, index, info, workers, PASE_PARALLEL_LISTS, 0)
    }

    /// Starts workers that link the nodes of a graph in a region of shared memory, so many at the most.
    ///
    /// - Returns: nil where none could be started; then build alone.
    public static func beginGraph(
        _ heap: Relation?, _ index: ServerRelation, _ info: UnsafeMutablePointer<IndexInfo>?,
        workers: Int, regionBytes: Int
    ) throws(ServerError) -> ParallelBuild? {
        try begin(heap, index, info, workers, PASE_PARALLEL_GRAPH, regionBytes)
    }

    private static func begin(
        _ heap: Relation?, _ index: ServerRelation, _ info: UnsafeMutablePointer<IndexInfo>?,
        _ workers: Int, _ kind: PaseParallelKind, _ regionBytes: Int
    ) throws(ServerError) -> ParallelBuild? {
        var handle: UnsafeMutablePointer<PaseParallel>?
        try check(
            pase_parallel_begin(
                heap, index.relation, info, Int32(truncatingIfNeeded: workers), kind, regionBytes,
                &handle))
        return ParallelBuild(handle)
    }

    /// Whether shared memory has room for a region, as far as can be told without asking for it.
    public static func hasRoom(regionBytes: Int) -> Bool {
        // Error queues and the session's state take less than the rest.
        pase_parallel_has_room(regionBytes &+ 1 << 20)
    }

    /// The index that is built.
    public var index: Relation? { handle.pointee.index }
    /// The sort that all participants share.
    public var sort: OpaquePointer { handle.pointee.sort }
    /// The region of shared memory in which a graph lies, aligned for any type.
    public var region: UnsafeMutableRawPointer? { handle.pointee.region }
    /// Those that work, the leader among them; in a worker, as many as there can be.
    public var participants: Int { Int(handle.pointee.participants) }
    /// Whether this is the process that runs the command.
    public var isLeader: Bool { handle.pointee.context != nil }
    /// Rows of the table that the participants have seen whose scans are over.
    public var heapRows: Double { handle.pointee.shared.pointee.heap_rows }

    /// Feeds this participant's share of the table's rows to a callback, as `pase_build_scan` does all.
    public func scan(_ row: @escaping PaseBuildRow, _ state: UnsafeMutableRawPointer)
        throws(ServerError)
    {
        try check(pase_parallel_scan(handle, row, state))
    }

    /// Counts rows that this participant is done with.
    ///
    /// - Returns: how many all of them are done with.
    public func count(_ rows: Int) -> Int {
        Int(truncatingIfNeeded: pase_parallel_count(handle, UInt64(truncatingIfNeeded: rows)))
    }

    /// Waits in the leader until all workers are through, and throws what one of them threw.
    public func waitForWorkers() throws(ServerError) {
        try check(pase_parallel_wait(handle))
    }

    /// Ends the leader's parallel work; the participants' parts of the sort are gone then.
    public func end() throws(ServerError) {
        try check(pase_parallel_end(handle))
    }
}
