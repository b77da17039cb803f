import CPostgres
import NearestNeighbors
import PostgresServer

/// Items (upper links, rows, parts of vectors) that no node has: what an insertion or a vacuum was about to put in place
/// or to remove when it failed. Vacuum finds and removes them.
///
/// Its first pass notes each item and each reference to one. An item without a reference may still be a list's, since
/// lists change meanwhile, or that of an insertion under way, so it is looked at again after those have ended.
///
/// 24 bytes of memory for each item, 16 more while they are sorted.
struct HnswLeftovers {
    private let memory: ServerMemory
    private var items: GrowableArray<NodeReference>
    private var held: KeyedPlaces

    init(_ memory: ServerMemory) throws(ServerError) {
        self.memory = memory
        var source = memory
        items = try GrowableArray(capacity: 256, in: &source)
        held = try KeyedPlaces(in: &source)
    }

    /// Notes an item of a page, and what it refers to.
    mutating func note(_ place: NodeReference, in page: IndexPage, _ layout: HnswLayout)
        throws(ServerError)
    {
        guard let item = try page.item(Int(place.offset)), let start = item.baseAddress,
            item.count >= HnswLayout.upperHeaderBytes
        else { return }
        switch start.u8(0) {
        case HnswLayout.nodeItem:
            guard item.count == layout.nodeBytes else { return }
            try hold(start.u64(8))
            try hold(start.u64(16))
            if layout.vector.isInParts { try hold(layout.vector.firstPart(in: start).raw) }
            return
        case HnswLayout.rowsItem:
            guard item.count == HnswLayout.rowsItemBytes else { return }
            try hold(start.u64(16))
        case HnswLayout.partItem: try hold(start.u64(8))
        case HnswLayout.upperItem: break
        default: return
        }
        var source = memory
        try items.append(place.withVersion(start.u16(2)), in: &source)
    }

    private mutating func hold(_ reference: UInt64) throws(ServerError) {
        guard reference != 0 else { return }
        var source = memory
        try held.append(
            KeyedPlaces.Entry(key: NodeReference(raw: reference).place, place: 0), in: &source)
    }

    /// Removes the items that nothing refers to.
    mutating func remove(from graph: inout HnswGraph) throws(ServerError) {
        var source = memory
        try held.sort(in: &source)
        var count = 0
        for index in 0..<items.count where held.first(of: items[index].place) == nil {
            items[count] = items[index]
            count += 1
        }
        items.count = count
        guard count > 0 else { return }
        // Who was about to refer to one of them has done so when this lock is there.
        try graph.index.lockPage(HnswLayout.metaBlock, ExclusiveLock)
        try graph.index.unlockPage(HnswLayout.metaBlock, ExclusiveLock)
        if graph.layout.vector.isInParts { try holdParts(of: graph) }
        for index in 0..<count {
            try check(pase_vacuum_delay(false))
            let item = items[index]
            guard let kind = try graph.leftoverKind(of: item) else { continue }
            if kind == HnswLayout.partItem, held.first(of: item.place) != nil { continue }
            // Parts are a chain, of which only the first was left alone.
            var next = item
            repeat {
                try graph.checkBlock(next, linkedFrom: item.block)
                next = try graph.removeItem(next, kind) ?? .none
            } while kind == HnswLayout.partItem && next != .none
        }
    }

    /// Notes anew what is referred to in an index with vectors in parts, which do not say whose they are.
    private mutating func holdParts(of graph: HnswGraph) throws(ServerError) {
        let suspects = items
        var source = memory
        items = try GrowableArray(capacity: 1, in: &source)
        held = try KeyedPlaces(in: &source)
        var block = graph.firstNodeBlock
        while block < (try graph.index.blockCount()) {
            try check(pase_vacuum_delay(false))
            let locked = try LockedPage.open(graph.index, block, .shared)
            items.count = 0
            if !locked.page.isNew {
                var offset = 1
                while offset <= locked.page.itemCount {
                    let place = NodeReference(
                        block: block, offset: UInt16(truncatingIfNeeded: offset))
                    try note(place, in: locked.page, graph.layout)
                    offset += 1
                }
            }
            try locked.close()
            block += 1
        }
        try items.free(in: &source)
        items = suspects
        try held.sort(in: &source)
    }
}

extension HnswGraph {
    /// The kind of an item that its owner does not refer to; nil where it does, or where the item is gone. Of parts, which
    /// have no owner, the kind.
    fileprivate mutating func leftoverKind(of reference: NodeReference) throws(ServerError)
        -> UInt8?
    {
        let locked = try open(reference, .shared)
        var kind: UInt8?
        var owner = NodeReference.none
        if let item = try locked.page.item(Int(reference.offset)), let start = item.baseAddress,
            item.count >= HnswLayout.upperHeaderBytes, start.u16(2) == reference.version
        {
            kind = start.u8(0)
            owner = NodeReference(raw: start.u64(8))
        }
        try locked.close()
        guard kind == HnswLayout.upperItem || kind == HnswLayout.rowsItem else {
            return kind == HnswLayout.partItem ? kind : nil
        }
        try checkBlock(owner, linkedFrom: reference.block)
        if kind == HnswLayout.rowsItem {
            return try hasRowsItem(reference, owner) ? nil : kind
        }
        return try upperLinks(of: owner) == reference ? nil : kind
    }

    private func upperLinks(of owner: NodeReference) throws(ServerError) -> NodeReference {
        let locked = try open(owner, .shared)
        let upper = NodeReference(raw: try node(owner, in: locked.page)?.u64(16) ?? 0)
        try locked.close()
        return upper
    }

    /// Removes an item other than a node, if it is still there.
    ///
    /// - Returns: the reference behind its header, which is that of the next one where it is a part.
    func removeItem(_ reference: NodeReference, _ kind: UInt8) throws(ServerError)
        -> NodeReference?
    {
        let locked = try open(reference, .exclusive)
        var other: NodeReference?
        if let item = try locked.page.item(Int(reference.offset)), let start = item.baseAddress,
            item.count >= HnswLayout.upperHeaderBytes, start.u8(0) == kind,
            start.u16(2) == reference.version
        {
            other = NodeReference(raw: start.u64(8))
            var offset = reference.offset
            try remove(&offset, count: 1, from: locked)
        }
        let free = locked.page.freeSpace
        try locked.close()
        try FreeSpaceMap(index).record(reference.block, available: free)
        return other
    }
}
