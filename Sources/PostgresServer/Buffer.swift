public import CPostgres

/// How a page is locked.
public enum PageLock {
    case shared
    case exclusive

    @inline(__always)
    var mode: Int32 { self == .shared ? BUFFER_LOCK_SHARE : BUFFER_LOCK_EXCLUSIVE }
}

/// A page of a relation in the buffer pool, pinned and locked, until `close`.
///
/// There is no deinitialiser on purpose: while an error travels up, the abort that follows gives the
/// lock and the pin back, and doing so here too would break the server's bookkeeping.
public struct LockedPage {
    /// The server's handle.
    public let buffer: CPostgres.Buffer
    /// The page's bytes.
    public let page: IndexPage

    @inline(__always)
    init(_ buffer: CPostgres.Buffer, _ page: UnsafeMutablePointer<CChar>?) throws(ServerError) {
        guard let page else { throw ServerError(.internalError, "a buffer without a page") }
        self.buffer = buffer
        self.page = IndexPage(page)
    }

    /// Pins and locks an existing block.
    @inline(__always)
    public static func open(
        _ relation: ServerRelation, _ block: UInt32, _ lock: PageLock,
        fork: CPostgres.ForkNumber = MAIN_FORKNUM
    ) throws(ServerError) -> LockedPage {
        var buffer: CPostgres.Buffer = 0
        var page: UnsafeMutablePointer<CChar>?
        try check(pase_page_open(relation.relation, fork, block, lock.mode, &buffer, &page))
        return try LockedPage(buffer, page)
    }

    /// Pins and locks an existing block of the main fork, where it was last seen if it is still there.
    @inline(__always)
    public static func open(
        _ relation: ServerRelation, _ block: UInt32, _ lock: PageLock, hints: PageHints
    ) throws(ServerError) -> LockedPage {
        var buffer: CPostgres.Buffer = 0
        var page: UnsafeMutablePointer<CChar>?
        try check(
            pase_page_open_hinted(
                hints.hints, relation.relation, block, lock.mode, &buffer, &page))
        return try LockedPage(buffer, page)
    }

    /// The same for a pass over the whole relation, which should not empty the buffer pool.
    public static func open(
        _ relation: ServerRelation, _ block: UInt32, _ lock: PageLock, bulk: BulkRead
    ) throws(ServerError) -> LockedPage {
        var buffer: CPostgres.Buffer = 0
        var page: UnsafeMutablePointer<CChar>?
        try check(
            pase_page_open_bulk(
                relation.relation, block, lock.mode, bulk.strategy, &buffer, &page))
        return try LockedPage(buffer, page)
    }

    /// A new block at the fork's end, locked exclusively, its page still empty.
    public static func extend(
        _ relation: ServerRelation, fork: CPostgres.ForkNumber = MAIN_FORKNUM
    ) throws(ServerError) -> LockedPage {
        var buffer: CPostgres.Buffer = 0
        var page: UnsafeMutablePointer<CChar>?
        try check(pase_page_extend(relation.relation, fork, &buffer, &page))
        return try LockedPage(buffer, page)
    }

    /// A block that `addPages` has added and nobody has written to, locked exclusively. It is not read.
    public static func openEmpty(_ relation: ServerRelation, _ block: UInt32) throws(ServerError)
        -> LockedPage
    {
        var buffer: CPostgres.Buffer = 0
        var page: UnsafeMutablePointer<CChar>?
        try check(pase_page_open_empty(relation.relation, block, &buffer, &page))
        return try LockedPage(buffer, page)
    }

    /// The block's number.
    public var block: UInt32 { pase_buffer_block(buffer) }

    /// Gives back lock and pin.
    @inline(__always)
    public func close() throws(ServerError) {
        try check(pase_page_close(buffer))
    }

    /// Notes that the page was changed in place, which only a build may do (see `PageEdit`).
    public func markDirty() throws(ServerError) {
        try check(pase_buffer_mark_dirty(buffer))
    }
}

/// Adds pages to the end of a relation to which nobody else adds any, as in a build. Many at once take a fraction of
/// the time.
public func addPages(_ count: UInt32, to relation: ServerRelation) throws(ServerError) {
    try check(pase_pages_add(relation.relation, count))
}

/// A small ring of buffers for a pass over a whole relation.
public struct BulkRead {
    let strategy: CPostgres.BufferAccessStrategy?

    /// Makes the ring in the current memory context.
    public init() throws(ServerError) {
        var strategy: CPostgres.BufferAccessStrategy?
        try check(pase_bulk_read_strategy(&strategy))
        self.strategy = strategy
    }

    /// Uses a ring that the server made, or none.
    public init(_ strategy: CPostgres.BufferAccessStrategy?) {
        self.strategy = strategy
    }

    /// Gives the ring back.
    public func free() throws(ServerError) {
        if strategy != nil { try check(pase_free_strategy(strategy)) }
    }
}

/// Where the pages of a relation were last seen in the buffer pool by this session.
public struct PageHints {
    let hints: UnsafeMutablePointer<PaseHints>?

    /// The hints of a relation, to be asked for anew in each call of the server's.
    public init(_ relation: ServerRelation) {
        hints = pase_hints_of(relation.relation)
    }

    /// Opens blocks of the main fork one after the other for reading, and calls `visit` with each page while it is
    /// locked. It must not call the server.
    ///
    /// - Parameters:
    ///   - blocks: `count` numbers, the block in the upper 32 bits of each.
    ///   - visit: gets `state`, the place in `blocks`, and the page's bytes; false ends the visit.
    @inline(__always)
    public func visit(
        _ blocks: UnsafePointer<UInt64>, count: Int, of relation: ServerRelation,
        _ visit: @escaping PaseVisitPage, _ state: UnsafeMutableRawPointer
    ) throws(ServerError) {
        try check(
            pase_pages_visit(
                hints, relation.relation, blocks, Int32(truncatingIfNeeded: count), visit, state))
    }

    /// Lets the processor fetch what reading `bytes` at `offset` of a block's page will touch.
    @inline(__always)
    public func prefetch(_ block: UInt32, offset: Int, bytes: Int) {
        pase_hint_prefetch(hints, block, offset, bytes)
    }

    /// The same for all of a block's page; where it is not known to be in memory the system is told that
    /// it will be read soon.
    @inline(__always)
    public func announcePage(_ block: UInt32, of relation: ServerRelation) throws(ServerError) {
        if pase_hint_is_known(hints, block) {
            pase_hint_prefetch(hints, block, 0, Int(BLCKSZ))
        } else {
            try check(pase_page_announce(hints, relation.relation, block))
        }
    }
}
