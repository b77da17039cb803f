public import CPostgres

/// How changes to an index's pages reach the disk.
public enum WriteMode {
    /// Each change is a generic WAL record (an empty operation for relations without WAL).
    case logged
    /// A build writes its pages in place and logs the finished relation as a whole.
    case building
}

/// One atomic change to at most four locked pages.
///
/// Take a page's writable image from `page(of:)`, change it, then `commit` or `abandon`. Nothing
/// else may change a page. After an error neither is called: the transaction's abort cleans up, and
/// the pages are as they were.
public struct PageEdit {
    private let state: OpaquePointer?

    /// Opens a change.
    public init(_ relation: ServerRelation, _ mode: WriteMode) throws(ServerError) {
        switch mode {
        case .building:
            state = nil
        case .logged:
            var state: OpaquePointer?
            try check(pase_wal_start(relation.relation, &state))
            self.state = state
        }
    }

    /// The image of the page to change. `isNew` pages are logged whole.
    public func page(of locked: LockedPage, isNew: Bool = false) throws(ServerError) -> IndexPage {
        guard let state else {
            try locked.markDirty()
            return locked.page
        }
        var image: UnsafeMutablePointer<CChar>?
        try check(pase_wal_register(state, locked.buffer, isNew, &image))
        guard let image else { throw ServerError(.internalError, "no image of a page") }
        return IndexPage(image)
    }

    /// Makes the change effective. The pages stay locked.
    public func commit() throws(ServerError) {
        if let state { try check(pase_wal_finish(state)) }
    }

    /// Forgets the change. Not for a build once a page has been written to.
    public func abandon() throws(ServerError) {
        if let state { try check(pase_wal_abort(state)) }
    }
}

/// Logs the pages of a finished build, but for those that are logged already.
public func logPages(
    _ relation: ServerRelation, fork: CPostgres.ForkNumber = MAIN_FORKNUM,
    except logged: Range<UInt32> = 0..<0
) throws(ServerError) {
    let end = try relation.blockCount(fork)
    try check(pase_wal_log_range(relation.relation, fork, 0, logged.lowerBound))
    try check(pase_wal_log_range(relation.relation, fork, logged.upperBound, end))
}

/// Logs some pages of a build.
public func logPages(_ relation: ServerRelation, _ blocks: Range<UInt32>) throws(ServerError) {
    try check(
        pase_wal_log_range(
            relation.relation, MAIN_FORKNUM, blocks.lowerBound, blocks.upperBound))
}

/// The map of free space, which is only a hint: it is not logged, and readers check what it says.
public struct FreeSpaceMap {
    let relation: ServerRelation

    /// The map of a relation.
    public init(_ relation: ServerRelation) {
        self.relation = relation
    }

    /// A block that may have `needed` bytes free.
    public func find(_ needed: Int) throws(ServerError) -> UInt32? {
        var block: CPostgres.BlockNumber = 0
        try check(pase_free_space_find(relation.relation, needed, &block))
        return block == UInt32.max ? nil : block
    }

    /// Corrects what is known of a block, and looks for another.
    public func correct(_ block: UInt32, available: Int, find needed: Int) throws(ServerError)
        -> UInt32?
    {
        var result: CPostgres.BlockNumber = 0
        try check(
            pase_free_space_record_and_find(
                relation.relation, block, available, needed, &result))
        return result == UInt32.max ? nil : result
    }

    /// Notes how much is free in a block.
    public func record(_ block: UInt32, available: Int) throws(ServerError) {
        try check(pase_free_space_record(relation.relation, block, available))
    }

    /// Brings the map's upper levels up to date.
    public func vacuum() throws(ServerError) {
        try check(pase_free_space_vacuum(relation.relation))
    }
}
