import CPostgres
import NearestNeighbors
import PostgresServer

/// Writes the lists of a new index, whose rows come list by list.
///
/// A group is put together in memory and written when it is full or the list ends: its codes page, then
/// its vectors pages, in consecutive blocks.
struct IvfflatWriter {
    private let pages: IvfflatPages
    private let layout: IvfflatLayout
    private let group: UnsafeMutableRawPointer
    private let vectors: UnsafeMutableRawPointer
    private var list = -1
    private var used = 0
    private var lastGroup: UInt32 = 0
    private var firstGroup: UInt32 = 0

    init(_ pages: IvfflatPages, _ memory: ServerMemory) throws(ServerError) {
        self.pages = pages
        layout = pages.layout
        group = try memory.allocate(bytes: layout.groupBytes)
        vectors = try memory.allocate(
            bytes: layout.vectorPages * IvfflatLayout.vectorPageBytes)
    }

    /// Adds a row; rows of a list come one after the other.
    mutating func append(_ entry: IvfflatPages.Entry, list: Int) throws(ServerError) {
        if list != self.list {
            try finish()
            self.list = list
        } else if used == layout.slots {
            try writeGroup()
        }
        if used == 0 {
            UnsafeMutableRawBufferPointer(start: group, count: layout.groupBytes)
                .initializeMemory(as: UInt8.self, repeating: 0)
            group.put(UInt32(truncatingIfNeeded: list), at: 4)
            UnsafeMutableRawBufferPointer(
                start: vectors, count: layout.vectorPages * IvfflatLayout.vectorPageBytes
            ).initializeMemory(as: UInt8.self, repeating: 0)
        }
        layout.write(entry, slot: used, to: group)
        (vectors + used * layout.dimensions * 4).copyMemory(
            from: entry.vector, byteCount: layout.dimensions * 4)
        used += 1
    }

    /// Writes what is left of the current list.
    mutating func finish() throws(ServerError) {
        guard list >= 0 else { return }
        if used > 0 { try writeGroup() }
        let place = pages.place(of: list)
        let locked = try pages.open(place.block, IvfflatLayout.centroidsKind, .exclusive)
        try locked.markDirty()
        let start = try pages.centroid(list, in: locked.page)
        start.put(firstGroup, at: 0)
        start.put(lastGroup, at: 4)
        try locked.close()
        list = -1
        firstGroup = 0
        lastGroup = 0
    }

    private mutating func writeGroup() throws(ServerError) {
        try checkInterrupts()
        let room = IvfflatLayout.vectorPageBytes
        let count = (used * layout.dimensions * 4 + room - 1) / room
        let block = try pages.index.blockCount()
        for page in 0..<count {
            group.put(
                block &+ 1 &+ UInt32(truncatingIfNeeded: page),
                at: IvfflatLayout.groupHeaderBytes + page * 4)
        }
        group.put(UInt16(truncatingIfNeeded: used), at: 8)
        try writePage(group, layout.groupBytes, IvfflatLayout.codesKind, expected: block)
        for page in 0..<count {
            try writePage(
                vectors + page * room, room, IvfflatLayout.vectorsKind,
                expected: block &+ 1 &+ UInt32(truncatingIfNeeded: page))
        }
        if lastGroup != 0 {
            let locked = try pages.open(lastGroup, IvfflatLayout.codesKind, .exclusive)
            try locked.markDirty()
            try pages.group(locked.page, lastGroup).put(block, at: 0)
            try locked.close()
        } else {
            firstGroup = block
        }
        lastGroup = block
        used = 0
    }

    private func writePage(
        _ item: UnsafeMutableRawPointer, _ bytes: Int, _ kind: UInt8, expected: UInt32
    ) throws(ServerError) {
        let locked = try LockedPage.extend(pages.index)
        guard locked.block == expected else {
            throw ServerError(.internalError, "a page does not stand where it was planned")
        }
        try add(item, bytes, to: newPage(locked, kind))
        try locked.close()
    }

    private func newPage(_ locked: LockedPage, _ kind: UInt8) throws(ServerError) -> IndexPage {
        try locked.markDirty()
        try locked.page.initialize(specialBytes: MetapageItem.specialBytes)
        try locked.page.mark(as: kind)
        return locked.page
    }

    private func add(_ item: UnsafeMutableRawPointer, _ bytes: Int, to page: IndexPage)
        throws(ServerError)
    {
        guard try page.add(UnsafeRawBufferPointer(start: item, count: bytes)) != nil else {
            throw ServerError(.internalError, "an item of \(bytes) bytes fits no page")
        }
    }
}
