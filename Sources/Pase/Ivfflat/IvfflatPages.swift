import CPostgres
import NearestNeighbors
import PostgresServer

/// The pages of a pase_ivfflat index, opened and checked.
struct IvfflatPages {
    let index: ServerRelation
    let meta: IvfflatMeta
    let layout: IvfflatLayout
    let mode: WriteMode
    var hints: PageHints

    init(_ index: ServerRelation, _ meta: IvfflatMeta, _ mode: WriteMode) {
        self.index = index
        self.meta = meta
        self.mode = mode
        layout = meta.layout
        hints = PageHints(index)
    }

    func damaged(_ block: UInt32, _ what: String) -> ServerError {
        ServerError(
            .indexCorrupted, "index \"\(index.name)\" is damaged at block \(block)",
            detail: "\(what).", hint: "Please REINDEX it.")
    }

    /// Opens a page of a kind.
    @inline(__always)
    func open(_ block: UInt32, _ kind: UInt8, _ lock: PageLock) throws(ServerError) -> LockedPage {
        let locked = try LockedPage.open(index, block, lock, hints: hints)
        guard locked.page.isOurs(kind) else {
            throw damaged(block, "The page is not of kind \(kind)")
        }
        return locked
    }

    /// Refuses a list that leads back to itself.
    @inline(__always)
    func checkChain(_ chain: inout ChainGuard, _ block: UInt32) throws(ServerError) {
        if chain.closes(UInt64(block)) {
            throw damaged(block, "Its list leads back to it")
        }
    }

    /// The item of a codes page.
    @inline(__always)
    func group(_ page: IndexPage, _ block: UInt32) throws(ServerError) -> UnsafeMutableRawPointer {
        guard let item = try page.item(1), let start = item.baseAddress,
            item.count == layout.groupBytes, Int(start.u16(8)) <= layout.slots,
            start.u16(10) <= start.u16(8)
        else { throw damaged(block, "Its group is not plausible") }
        return start
    }

    /// The item of a vectors page.
    @inline(__always)
    func vectors(_ page: IndexPage, _ block: UInt32) throws(ServerError)
        -> UnsafeMutableRawPointer
    {
        guard let item = try page.item(1), let start = item.baseAddress,
            item.count == IvfflatLayout.vectorPageBytes
        else { throw damaged(block, "The vectors are missing") }
        return start
    }

    /// Adds a page with one item of `bytes`, all zero, at the end of the index.
    func addPage(_ kind: UInt8, itemBytes: Int, _ memory: ServerMemory) throws(ServerError)
        -> LockedPage
    {
        let zeros = try memory.allocate(bytes: itemBytes, zeroed: true)
        let locked = try LockedPage.extend(index)
        let edit = try PageEdit(index, mode)
        let page = try edit.page(of: locked, isNew: true)
        try page.initialize(specialBytes: MetapageItem.specialBytes)
        try page.mark(as: kind)
        guard try page.add(UnsafeRawBufferPointer(start: zeros, count: itemBytes)) != nil else {
            throw ServerError(.internalError, "an item of \(itemBytes) bytes fits no page")
        }
        try edit.commit()
        memory.free(zeros)
        return locked
    }
}
