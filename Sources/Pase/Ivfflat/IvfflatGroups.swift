import CPostgres
import NearestNeighbors
import PostgresServer

/// Adding vectors to the groups of a list.
extension IvfflatPages {
    /// A vector with its row and code, on its way into a list.
    struct Entry {
        let row: UInt64
        let vector: UnsafePointer<Float>
        let code: UnsafePointer<UInt8>
        let factors: CodeFactors
    }

    /// Adds an entry to a list that others may add to at the same time.
    ///
    /// The group's codes page is locked exclusively all along, and its vectors pages only by who has
    /// that lock or shares it, so no two slots are taken twice and no lock waits in a circle.
    func insert(_ entry: Entry, list: Int, _ memory: ServerMemory) throws(ServerError) {
        let first = try firstGroup(list, memory)
        var block = first
        var chain = ChainGuard()
        while true {
            try checkInterrupts()
            try checkChain(&chain, block)
            let locked = try open(block, IvfflatLayout.codesKind, .exclusive)
            let start = try group(locked.page, block)
            let used = Int(start.u16(8))
            let free = Int(start.u16(10))
            if used < layout.slots || free > 0 {
                let slot = free > 0 ? freeSlot(start, used) : used
                guard slot <= used, slot < layout.slots else {
                    throw damaged(block, "The group counts a free slot, but has none")
                }
                try put(entry, slot: slot, isReused: slot < used, in: locked, memory)
                try locked.close()
                // The groups before are full: the next insertion need not look there.
                if block != first { try setInsertionGroup(list, block) }
                return
            }
            let next = start.u32(0)
            if next != 0 {
                try locked.close()
                block = next
                continue
            }
            block = try addGroup(after: locked, list, memory)
        }
    }

    /// The slot of a removed vector.
    private func freeSlot(_ start: UnsafeMutableRawPointer, _ used: Int) -> Int {
        for slot in 0..<used
        where start.u16(layout.tidsOffset + slot * IvfflatLayout.tidBytes + 4) == 0 {
            return slot
        }
        return used
    }

    /// The group at which an insertion into a list begins to look, made if the list has none.
    private func firstGroup(_ list: Int, _ memory: ServerMemory) throws(ServerError) -> UInt32 {
        let place = place(of: list)
        var locked = try open(place.block, IvfflatLayout.centroidsKind, .shared)
        var start = try centroid(list, in: locked.page)
        var block = start.u32(4) != 0 ? start.u32(4) : start.u32(0)
        try locked.close()
        if block != 0 { return block }
        locked = try open(place.block, IvfflatLayout.centroidsKind, .exclusive)
        start = try centroid(list, in: locked.page)
        block = start.u32(0)
        if block == 0 {
            let new = try addPage(IvfflatLayout.codesKind, itemBytes: layout.groupBytes, memory)
            block = new.block
            try fill(new, list)
            try new.close()
            let edit = try PageEdit(index, mode)
            start = try centroid(list, in: edit.page(of: locked))
            start.put(block, at: 0)
            start.put(block, at: 4)
            try edit.commit()
        }
        try locked.close()
        return block
    }

    private func fill(_ locked: LockedPage, _ list: Int) throws(ServerError) {
        let edit = try PageEdit(index, mode)
        try group(edit.page(of: locked), locked.block)
            .put(UInt32(truncatingIfNeeded: list), at: 4)
        try edit.commit()
    }

    /// Makes a group behind the last of a list, whose page is locked, and closes that.
    private func addGroup(after last: LockedPage, _ list: Int, _ memory: ServerMemory)
        throws(ServerError) -> UInt32
    {
        let new = try addPage(IvfflatLayout.codesKind, itemBytes: layout.groupBytes, memory)
        try fill(new, list)
        let block = new.block
        try new.close()
        let edit = try PageEdit(index, mode)
        try group(edit.page(of: last), last.block).put(block, at: 0)
        try edit.commit()
        try last.close()
        return block
    }

    /// Notes where the next insertion into a list begins to look.
    func setInsertionGroup(_ list: Int, _ block: UInt32) throws(ServerError) {
        let place = place(of: list)
        let locked = try open(place.block, IvfflatLayout.centroidsKind, .exclusive)
        if try centroid(list, in: locked.page).u32(4) != block {
            let edit = try PageEdit(index, mode)
            try centroid(list, in: edit.page(of: locked)).put(block, at: 4)
            try edit.commit()
        }
        try locked.close()
    }

    /// Writes an entry into a slot: the vector first, then the code, with which it becomes visible.
    private func put(
        _ entry: Entry, slot: Int, isReused: Bool, in locked: LockedPage, _ memory: ServerMemory
    ) throws(ServerError) {
        let room = IvfflatLayout.vectorPageBytes
        let bytes = layout.dimensions * 4
        let begin = slot * bytes
        var position = begin
        while position < begin + bytes {
            let number = position / room
            let end = min(begin + bytes, (number + 1) * room)
            let page = try vectorsPage(number, of: locked, memory)
            let edit = try PageEdit(index, mode)
            let target = try vectors(edit.page(of: page), page.block)
            (target + position % room).copyMemory(
                from: UnsafeRawPointer(entry.vector) + (position - begin),
                byteCount: end - position)
            try edit.commit()
            try page.close()
            position = end
        }
        let edit = try PageEdit(index, mode)
        let start = try group(edit.page(of: locked), locked.block)
        layout.write(entry, slot: slot, to: start)
        if isReused {
            start.put(start.u16(10) &- 1, at: 10)
        } else {
            start.put(UInt16(truncatingIfNeeded: slot + 1), at: 8)
        }
        try edit.commit()
    }

    /// The n-th vectors page of a group, locked exclusively, made if it is not there.
    private func vectorsPage(_ number: Int, of locked: LockedPage, _ memory: ServerMemory)
        throws(ServerError) -> LockedPage
    {
        let offset = IvfflatLayout.groupHeaderBytes + number * 4
        let block = try group(locked.page, locked.block).u32(offset)
        if block != 0 { return try open(block, IvfflatLayout.vectorsKind, .exclusive) }
        let new = try addPage(
            IvfflatLayout.vectorsKind, itemBytes: IvfflatLayout.vectorPageBytes, memory)
        let edit = try PageEdit(index, mode)
        try group(edit.page(of: locked), locked.block).put(new.block, at: offset)
        try edit.commit()
        return new
    }
}

extension IvfflatLayout {
    /// The codes in the item of a codes page.
    @inline(__always)
    func codes(of start: UnsafeMutableRawPointer) -> CodeArray {
        CodeArray(start + codesOffset, codeArray)
    }

    /// Writes the code, the factors and the row of an entry.
    func write(
        _ entry: IvfflatPages.Entry, slot: Int, to start: UnsafeMutableRawPointer
    ) {
        codes(of: start).write(entry.code, entry.factors, slot: slot)
        start.putRow(entry.row, at: tidsOffset + slot * IvfflatLayout.tidBytes)
    }
}
