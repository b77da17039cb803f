public import CPostgres

/// An open relation.
public struct ServerRelation {
    /// The server's handle.
    public let relation: CPostgres.Relation

    /// Wraps a relation that the server opened.
    @inline(__always)
    public init(_ relation: CPostgres.Relation) {
        self.relation = relation
    }

    /// Wraps what the server handed to a callback.
    @inline(__always)
    public init(_ relation: CPostgres.Relation?) throws(ServerError) {
        guard let relation else { throw ServerError(.internalError, "no relation") }
        self.relation = relation
    }

    /// The relation's name, without its schema.
    public var name: String {
        guard let name = pase_relation_name(relation) else { return "" }
        return serverText(name)
    }

    /// Number of blocks in a fork.
    public func blockCount(_ fork: CPostgres.ForkNumber = MAIN_FORKNUM) throws(ServerError)
        -> UInt32
    {
        var count: CPostgres.BlockNumber = 0
        try check(pase_relation_block_count(relation, fork, &count))
        return count
    }

    /// Opens the index of this identifier.
    public static func openIndex(_ id: CPostgres.Oid, _ mode: Int32) throws(ServerError)
        -> ServerRelation
    {
        var index: CPostgres.Relation?
        try check(pase_index_open(id, mode, &index))
        return try ServerRelation(index)
    }

    /// Closes what `openIndex` opened.
    public func closeIndex(_ mode: Int32) throws(ServerError) {
        try check(pase_index_close(relation, mode))
    }

    /// The answer of the index's support function `number`, which takes nothing and gives an int4.
    public func supportNumber(_ number: Int32) throws(ServerError) -> Int32 {
        var result: Int32 = 0
        try check(pase_index_support_int32(relation, number, &result))
        return result
    }

    /// Takes a lock on a block number as such, which has nothing to do with the block's buffer.
    public func lockPage(_ block: UInt32, _ mode: Int32) throws(ServerError) {
        try check(pase_lock_page(relation, block, mode))
    }

    /// Gives back what `lockPage` took.
    public func unlockPage(_ block: UInt32, _ mode: Int32) throws(ServerError) {
        try check(pase_unlock_page(relation, block, mode))
    }
}

/// Answers a pending cancel, termination or other interrupt. Cheap when there is none.
@inline(__always)
public func checkInterrupts() throws(ServerError) {
    if pase_interrupt_is_pending() {
        try check(pase_check_interrupts())
    }
}
