import CPostgres
import PostgresServer

/// The metapage of an index of ours: block 0, whose only item begins with a magic number (u32) and a
/// format version (u16).
struct MetapageItem {
    /// What all our pages have in common: 8 bytes of special space, of which the first two are the
    /// mark and the third the page kind.
    static let pageMark: UInt16 = 0xA5E1
    static let specialBytes = 8
    static let pageKind: UInt8 = 1
    static let block: UInt32 = 0

    let magic: UInt32
    let formatVersion: UInt16
    let bytes: Int

    /// The item of a metapage, after it has been found to be of this format.
    func item(of page: IndexPage, in index: ServerRelation) throws(ServerError)
        -> UnsafeMutableRawPointer
    {
        // The version comes before the size, which is another one in other versions.
        guard page.isOurs(MetapageItem.pageKind), let item = try page.item(1),
            item.count >= 6, let start = item.baseAddress, start.u32(0) == magic
        else {
            throw ServerError(
                .indexCorrupted,
                "index \"\(index.name)\" is not in the format of this extension",
                hint: "If it comes from the original PASE, please REINDEX it.")
        }
        guard start.u16(4) == formatVersion else {
            throw ServerError(
                .featureNotSupported,
                "index \"\(index.name)\" has format version \(start.u16(4)), "
                    + "this version of pase reads version \(formatVersion)",
                hint: "Please REINDEX it.")
        }
        guard item.count == bytes else { throw MetapageItem.damaged(index) }
        return start
    }

    /// Makes the metapage of a new index, which is its first block.
    ///
    /// - Parameter fill: writes what comes after magic number and version; the item is zero before.
    func create(
        _ index: ServerRelation, fork: CPostgres.ForkNumber, _ mode: WriteMode,
        fill: (UnsafeMutableRawPointer) -> Void
    ) throws(ServerError) {
        let start = try ServerMemory.current().allocate(bytes: bytes, zeroed: true)
        start.put(magic, at: 0)
        start.put(formatVersion, at: 4)
        fill(start)
        let locked = try LockedPage.extend(index, fork: fork)
        guard locked.block == MetapageItem.block else {
            throw ServerError(.internalError, "index \"\(index.name)\" is not empty")
        }
        let edit = try PageEdit(index, mode)
        let page = try edit.page(of: locked, isNew: true)
        try page.initialize(specialBytes: MetapageItem.specialBytes)
        try page.mark(as: MetapageItem.pageKind)
        _ = try page.add(UnsafeRawBufferPointer(start: start, count: bytes))
        try edit.commit()
        try locked.close()
    }

    /// Changes the item under the metapage's exclusive lock.
    func update(
        _ index: ServerRelation, _ mode: WriteMode,
        _ change: (UnsafeMutableRawPointer) throws(ServerError) -> Void
    ) throws(ServerError) {
        let locked = try LockedPage.open(index, MetapageItem.block, .exclusive)
        _ = try item(of: locked.page, in: index)
        let edit = try PageEdit(index, mode)
        try change(item(of: edit.page(of: locked), in: index))
        try edit.commit()
        try locked.close()
    }

    /// The error for a metapage whose fields make no sense.
    static func damaged(_ index: ServerRelation) -> ServerError {
        ServerError(
            .indexCorrupted, "the metapage of index \"\(index.name)\" is damaged",
            hint: "Please REINDEX it.")
    }
}

extension IndexPage {
    /// Whether the page is one of ours, of the given kind.
    @inline(__always)
    func isOurs(_ kind: UInt8) -> Bool {
        guard let special = special(bytes: MetapageItem.specialBytes) else { return false }
        return special.u16(0) == MetapageItem.pageMark && special.u8(2) == kind
    }

    /// Fills in the special space of a new page: mark, kind, version 1.
    func mark(as kind: UInt8) throws(ServerError) {
        guard let special = special(bytes: MetapageItem.specialBytes) else {
            throw ServerError(.internalError, "a new page without special space")
        }
        special.put(MetapageItem.pageMark, at: 0)
        special.put(kind, at: 2)
        special.put(UInt8(0), at: 3)
        special.put(UInt16(1), at: 4)
        special.put(UInt16(0), at: 6)
    }
}
