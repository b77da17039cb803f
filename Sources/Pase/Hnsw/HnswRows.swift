import CPostgres
import NearestNeighbors
import PostgresServer

// The rows of a node: those with the same vector.
//
// A few stand in the node's item; further ones in rows items, a list that grows at its head. Whoever
// changes the list locks one page at a time:
//
// * A row is added to the node or, when that is full, to the head item. If the head is full or closed
//   a new one is made, and put in place if the node still has the former head and still lives.
// * Vacuum closes an item that it finds empty, so that no row comes any more, takes it out of the list,
//   and then removes it. If a new head has come before it, it stays until the next vacuum.
// * A node is dead, for good, once it has neither rows of its own nor a list. That is seen and decided
//   under the lock of its page.
//
// A reader that meets a list item that is gone starts again at the node.

/// Where a reader is among the rows of a node.
struct HnswRowsPlace {
    fileprivate(set) var node = NodeReference.none
    fileprivate var next = NodeReference.none
    fileprivate var missing = NodeReference.none
    fileprivate var chain = ChainGuard()
    /// Whether the node itself has been read.
    fileprivate var isInside = false

    /// Before the first row of a node; without one, behind the last.
    init(_ node: NodeReference = .none) {
        self.node = node
    }
}

extension HnswGraph {
    /// A rows item at a reference, if it belongs to `owner`.
    func rowsItem(_ reference: NodeReference, of owner: NodeReference, in page: IndexPage)
        throws(ServerError) -> UnsafeMutableRawPointer?
    {
        guard
            let start = try item(
                reference, HnswLayout.rowsItem, size: HnswLayout.rowsItemBytes, in: page),
            start.u64(8) >> 16 == owner.place
        else { return nil }
        guard Int(start.u16(4)) <= HnswLayout.rowsPerItem else {
            throw damaged(reference.block, "Item \(reference.offset) has \(start.u16(4)) rows")
        }
        return start
    }

    /// Reads the next rows of a node: those in its item, then those of one rows item after the other.
    ///
    /// - Parameter place: where in the list; moves on. Where it has to begin again rows come once more.
    /// - Returns: false, and no rows, when there are none left.
    mutating func readRows(_ place: inout HnswRowsPlace, into rows: inout GrowableArray<UInt64>)
        throws(ServerError) -> Bool
    {
        var source = memory
        rows.count = 0
        try checkInterrupts()
        let owner = place.node
        if !place.isInside {
            guard owner != .none else { return false }
            let locked = try open(owner, .shared)
            guard let start = try node(owner, in: locked.page) else {
                try locked.close()
                place.node = .none
                return false
            }
            for slot in 0..<Int(start.u8(6)) {
                try rows.append(
                    start.row(HnswLayout.inlineRowsOffset + slot * HnswLayout.placeBytes),
                    in: &source)
            }
            place.next = NodeReference(raw: start.u64(8))
            place.chain = ChainGuard()
            place.isInside = true
            try locked.close()
            return true
        }
        let item = place.next
        guard item != .none else { return false }
        try checkBlock(item, linkedFrom: owner.block)
        try checkChain(&place.chain, item, of: owner)
        let locked = try open(item, .shared)
        if let start = try rowsItem(item, of: owner, in: locked.page) {
            for slot in 0..<Int(start.u16(4)) {
                try rows.append(
                    start.row(HnswLayout.rowsHeaderBytes + slot * HnswLayout.placeBytes),
                    in: &source)
            }
            place.next = NodeReference(raw: start.u64(16))
            try locked.close()
            return true
        }
        try locked.close()
        // An item is taken out of the list before it is removed.
        if item == place.missing { throw lostRows(item, of: owner) }
        place.missing = item
        place.isInside = false
        return true
    }

    /// Whether a rows item is in its node's list. True, too, where the list is not whole: then that cannot be told.
    mutating func hasRowsItem(_ item: NodeReference, _ owner: NodeReference) throws(ServerError)
        -> Bool
    {
        var chain = ChainGuard()
        var locked = try open(owner, .shared)
        var next = NodeReference(raw: try node(owner, in: locked.page)?.u64(8) ?? 0)
        try locked.close()
        while next != .none, next != item {
            try checkInterrupts()
            try checkBlock(next, linkedFrom: owner.block)
            try checkChain(&chain, next, of: owner)
            locked = try open(next, .shared)
            let start = try rowsItem(next, of: owner, in: locked.page)
            if let start { next = NodeReference(raw: start.u64(16)) }
            try locked.close()
            if start == nil { return true }
        }
        return next == item
    }

    /// Refuses a list of rows that leads back to itself.
    private func checkChain(
        _ chain: inout ChainGuard, _ item: NodeReference, of owner: NodeReference
    ) throws(ServerError) {
        guard chain.closes(item.raw) else { return }
        throw damaged(owner.block, "The rows of node \(owner.offset) lead back to themselves")
    }

    private func lostRows(_ item: NodeReference, of owner: NodeReference) -> ServerError {
        damaged(
            owner.block,
            "Node \(owner.offset) refers to item \(item.offset) of block \(item.block), which has none of its rows"
        )
    }

    mutating func addRow(to reference: NodeReference) throws(ServerError) -> Bool {
        let row = currentRow
        var missing = NodeReference.none
        while true {
            try checkInterrupts()
            var head = NodeReference.none
            var isFull = false
            let isAdded = try changeNode(reference) { node in
                let count = Int(node.u8(6))
                head = NodeReference(raw: node.u64(8))
                guard HnswGraph.isLive(node) else { return false }
                guard count < HnswLayout.inlineRows else {
                    isFull = true
                    return false
                }
                node.putRow(row, at: HnswLayout.inlineRowsOffset + count * HnswLayout.placeBytes)
                node.put(UInt8(truncatingIfNeeded: count + 1), at: 6)
                return true
            }
            if isAdded { return true }
            guard isFull else { return false }
            if head != .none {
                try checkBlock(head, linkedFrom: reference.block)
                switch try addRow(row, toItem: head, of: reference) {
                case .added: return true
                case .gone:
                    if head == missing { throw lostRows(head, of: reference) }
                    missing = head
                    continue
                case .full: break
                }
            }
            if try addRowsItem([row], of: reference, before: head) { return true }
        }
    }

    private enum ItemOutcome {
        case added
        case full
        case gone
    }

    private func addRow(_ row: UInt64, toItem item: NodeReference, of owner: NodeReference)
        throws(ServerError) -> ItemOutcome
    {
        var outcome = ItemOutcome.gone
        try changeRowsItem(item, of: owner) { start in
            let count = Int(start.u16(4))
            guard count < HnswLayout.rowsPerItem, start.u8(1) == 0 else {
                outcome = .full
                return false
            }
            start.putRow(row, at: HnswLayout.rowsHeaderBytes + count * HnswLayout.placeBytes)
            start.put(UInt16(truncatingIfNeeded: count + 1), at: 4)
            outcome = .added
            return true
        }
        return outcome
    }

    /// Changes a rows item that is still there.
    func changeRowsItem(
        _ reference: NodeReference, of owner: NodeReference,
        _ change: (UnsafeMutableRawPointer) -> Bool
    ) throws(ServerError) {
        let locked = try open(reference, .exclusive)
        if try rowsItem(reference, of: owner, in: locked.page) != nil {
            let edit = try PageEdit(index, mode)
            guard let start = try rowsItem(reference, of: owner, in: edit.page(of: locked)) else {
                throw damaged(reference.block, "The page and its image for the log differ")
            }
            if change(start) { try edit.commit() } else { try edit.abandon() }
        }
        try locked.close()
    }

    /// Makes a rows item and puts it at the head of the node's list, if that is `head` and the node
    /// lives.
    private func addRowsItem(
        _ rows: [UInt64], of owner: NodeReference, before head: NodeReference
    ) throws(ServerError) -> Bool {
        let bytes = try memory.allocate(bytes: HnswLayout.rowsItemBytes, zeroed: true)
        HnswGraph.fillRowsItem(bytes, of: owner, next: head, count: rows.count)
        for slot in 0..<rows.count {
            bytes.putRow(
                rows[slot], at: HnswLayout.rowsHeaderBytes + slot * HnswLayout.placeBytes)
        }
        let item = try place(
            UnsafeMutableRawBufferPointer(start: bytes, count: HnswLayout.rowsItemBytes))
        free(bytes)
        if try setHead(of: owner, from: head, to: item) { return true }
        let locked = try open(item, .exclusive)
        try remove(offset: item.offset, from: locked)
        try locked.close()
        return false
    }

    /// Writes the header of a rows item.
    static func fillRowsItem(
        _ bytes: UnsafeMutableRawPointer, of owner: NodeReference, next: NodeReference, count: Int
    ) {
        bytes.put(HnswLayout.rowsItem, at: 0)
        bytes.put(UInt16(truncatingIfNeeded: count), at: 4)
        bytes.put(owner.raw, at: 8)
        bytes.put(next.raw, at: 16)
    }

    /// Changes the head of a living node's list.
    private func setHead(of owner: NodeReference, from: NodeReference, to: NodeReference)
        throws(ServerError) -> Bool
    {
        try changeNode(owner) { node in
            guard HnswGraph.isLive(node), node.u64(8) == from.raw else { return false }
            node.put(to.raw, at: 8)
            return true
        }
    }

    private func remove(offset: UInt16, from locked: LockedPage) throws(ServerError) {
        var offsets = offset
        try remove(&offsets, count: 1, from: locked)
    }

    // MARK: Vacuum

    /// Removes the dead rows of a node's list.
    ///
    /// - Parameter isDead: asks whether a row is dead.
    /// - Returns: the number of rows removed and of rows kept.
    mutating func vacuumRowsList(
        of owner: NodeReference, head: NodeReference,
        _ isDead: (UInt64) throws(ServerError) -> Bool
    ) throws(ServerError) -> (removed: Int, kept: Int) {
        var removed = 0
        var kept = 0
        var previous = NodeReference.none
        var current = head
        var chain = ChainGuard()
        while current != .none {
            try check(pase_vacuum_delay(false))
            try checkBlock(current, linkedFrom: owner.block)
            try checkChain(&chain, current, of: owner)
            let result = try vacuumRowsItem(current, of: owner, isDead)
            guard let result else { break }
            removed += result.removed
            kept += result.kept
            if result.kept == 0 {
                try takeOut(current, next: result.next, previous: previous, of: owner)
            } else {
                previous = current
            }
            current = result.next
        }
        return (removed, kept)
    }

    private func vacuumRowsItem(
        _ reference: NodeReference, of owner: NodeReference,
        _ isDead: (UInt64) throws(ServerError) -> Bool
    ) throws(ServerError) -> (removed: Int, kept: Int, next: NodeReference)? {
        let locked = try open(reference, .exclusive)
        guard try rowsItem(reference, of: owner, in: locked.page) != nil else {
            try locked.close()
            return nil
        }
        let edit = try PageEdit(index, mode)
        guard let start = try rowsItem(reference, of: owner, in: edit.page(of: locked)) else {
            throw damaged(reference.block, "The page and its image for the log differ")
        }
        let count = Int(start.u16(4))
        let kept = try HnswGraph.compactRows(
            start, offset: HnswLayout.rowsHeaderBytes, count: count, isDead)
        start.put(UInt16(truncatingIfNeeded: kept), at: 4)
        if kept == 0 { start.put(UInt8(1), at: 1) }
        let next = NodeReference(raw: start.u64(16))
        if kept < count || kept == 0 { try edit.commit() } else { try edit.abandon() }
        try locked.close()
        return (count - kept, kept, next)
    }

    /// Moves the living rows of an item together.
    ///
    /// - Returns: how many there are.
    static func compactRows(
        _ start: UnsafeMutableRawPointer, offset: Int, count: Int,
        _ isDead: (UInt64) throws(ServerError) -> Bool
    ) throws(ServerError) -> Int {
        var kept = 0
        for slot in 0..<count {
            let row = start.row(offset + slot * HnswLayout.placeBytes)
            if try isDead(row) { continue }
            if kept < slot { start.putRow(row, at: offset + kept * HnswLayout.placeBytes) }
            kept += 1
        }
        return kept
    }

    /// Takes an empty, closed item out of a list and removes it.
    private func takeOut(
        _ item: NodeReference, next: NodeReference, previous: NodeReference, of owner: NodeReference
    ) throws(ServerError) {
        var isOut = false
        if previous == .none {
            isOut = try changeNode(owner) { node in
                guard node.u64(8) == item.raw else { return false }
                node.put(next.raw, at: 8)
                return true
            }
        } else {
            try changeRowsItem(previous, of: owner) { start in
                guard start.u64(16) == item.raw else { return false }
                start.put(next.raw, at: 16)
                isOut = true
                return true
            }
        }
        // Not the head any more: a new one has come before it. It stays, empty, until the next vacuum.
        guard isOut else { return }
        let locked = try open(item, .exclusive)
        guard try rowsItem(item, of: owner, in: locked.page) != nil else {
            try locked.close()
            return
        }
        try remove(offset: item.offset, from: locked)
        let free = locked.page.freeSpace
        try locked.close()
        try FreeSpaceMap(index).record(item.block, available: free)
    }
}
