import CPostgres
import NearestNeighbors
import PostgresServer

/// What inserting and repairing changes on the pages. Each method is one atomic change to one page, under its
/// exclusive lock, but for a node's upper links, which follow the node.
extension HnswGraph: RepairableNeighborGraph {
    mutating func vector(of reference: NodeReference, scratch: UnsafeMutablePointer<Float>)
        throws(ServerError) -> UnsafePointer<Float>?
    {
        if layout.vector.isInParts { return try copyParts(of: reference, into: scratch) }
        let locked = try open(reference, .shared)
        let start = try node(reference, in: locked.page)
        if let start { layout.vector.copy(from: start, into: scratch, metric.kernels) }
        try locked.close()
        return start == nil ? nil : UnsafePointer(scratch)
    }

    mutating func links(of reference: NodeReference, level: Int, into list: LinkList)
        throws(ServerError) -> Int
    {
        guard let links = try openLinks(of: reference, level: level) else { return 0 }
        links.copyLinks(layout, into: list)
        try links.locked.close()
        for slot in 0..<links.count {
            try checkBlock(list.nodes[slot], linkedFrom: reference.block)
        }
        return links.count
    }

    mutating func noteFar() throws(ServerError) {
        _ = try HnswMeta.update(index, mode) { if $0.farNodes < .max { $0.farNodes += 1 } }
    }

    @inline(__always)
    func announceVector(of node: NodeReference) {
        prefetch(node, bytes: vectorEnd)
    }

    mutating func keptDistances(
        of node: NodeReference, level: Int, into distances: UnsafeMutablePointer<Float>
    ) throws(ServerError) -> Bool {
        false
    }

    /// Inner products of two codes' vectors need more than the codes, and codes of fewer bits are too rough.
    func measuresLinks(_ level: Int) -> Bool {
        guard let codes, !isExact else { return false }
        return codes.query.layout.bits.rawValue >= 2 && metric.kind != .innerProduct
    }

    mutating func measureLinks(
        of reference: NodeReference, level: Int, into links: MeasuredLinks
    ) throws(ServerError) -> Int {
        guard codes != nil else { return 0 }
        let opened = try openLinks(of: reference, level: level) {
            [layout, vectorCopy, metric] start in
            layout.vector.copy(from: start, into: vectorCopy, metric.kernels)
        }
        guard let opened else { return 0 }
        let count = opened.count
        guard count >= shape.capacity(level), let array = layout.codes(level, in: opened.item),
            let copy = codes?.copy(array)
        else {
            try opened.locked.close()
            return count
        }
        opened.copyLinks(layout, into: links.list)
        try opened.locked.close()
        codes?.measure(copy, count: count, node: vectorCopy, vector: query, into: links)
        return count
    }

    mutating func addNode(level: Int, links lists: LinkLists) throws(ServerError)
        -> NodeReference
    {
        let size = layout.nodeBytes
        let bytes = try memory.allocate(bytes: size, zeroed: true)
        bytes.put(HnswLayout.nodeItem, at: 0)
        bytes.put(UInt8(1), at: 6)
        bytes.putRow(currentRow, at: HnswLayout.inlineRowsOffset)
        let firstPart = layout.vector.isInParts ? try addParts() : .none
        layout.vector.write(
            query, to: bytes, firstPart: firstPart, room: vectorCopy, metric.kernels)
        let ground = try codedLinks(lists.list(0), 0)
        bytes.put(UInt16(truncatingIfNeeded: ground.count), at: 4)
        ground.write(to: bytes, layout)
        ground.free(memory)
        let reference = try place(UnsafeMutableRawBufferPointer(start: bytes, count: size))
        if level > 0 { try addUpperLinks(reference, level, lists) }
        free(bytes)
        return reference
    }

    /// The node is a node of the ground layer until its upper links stand; then both the reference to
    /// them and the level are set at once.
    private mutating func addUpperLinks(_ owner: NodeReference, _ level: Int, _ lists: LinkLists)
        throws(ServerError)
    {
        let size = layout.upperBytes(level: level)
        let bytes = try memory.allocate(bytes: size, zeroed: true)
        bytes.put(HnswLayout.upperItem, at: 0)
        bytes.put(UInt8(truncatingIfNeeded: level), at: 1)
        bytes.put(owner.raw, at: 8)
        for layer in 1...level {
            let list = try codedLinks(lists.list(layer), layer)
            bytes.put(UInt16(truncatingIfNeeded: list.count), at: layout.upperOffset(layer))
            list.write(to: bytes, layout)
            list.free(memory)
        }
        let upper = try place(UnsafeMutableRawBufferPointer(start: bytes, count: size))
        free(bytes)
        _ = try changeNode(owner) { node in
            node.put(UInt8(truncatingIfNeeded: level), at: 1)
            node.put(upper.raw, at: 16)
            return true
        }
    }

    /// Links whose codes are known.
    private struct KnownLinks {
        let nodes: UnsafePointer<NodeReference>
        let count: Int
        let codes: CodeArray

        func slot(of node: NodeReference) -> Int? {
            for slot in 0..<count where nodes[slot].place == node.place { return slot }
            return nil
        }
    }

    /// A copy of the codes of a node's links on a level.
    private mutating func copyCodes(of reference: NodeReference, _ level: Int)
        throws(ServerError) -> CodeArray?
    {
        guard let array = level == 0 ? layout.codeArray : layout.upperCodeArray else { return nil }
        guard let links = try openLinks(of: reference, level: level) else { return nil }
        let copy = try memory.allocate(bytes: array.bytes)
        copy.copyMemory(from: links.item + layout.codesOffset(level), byteCount: array.bytes)
        try links.locked.close()
        return CodeArray(copy, array)
    }

    /// The links with the codes of their ends. Ends that are gone are left out.
    private mutating func codedLinks(
        _ links: UnsafeBufferPointer<ScoredNode>, _ level: Int, known: KnownLinks? = nil
    ) throws(ServerError) -> HnswCodedLinks {
        var result = try HnswCodedLinks(layout, level: level, memory)
        guard let codes else {
            for link in links { result.append(link, nil) }
            return result
        }
        let vectorScratch = try memory.allocate(shape.dimensions, of: Float.self)
        let codeScratch = try codes.makeScratch(memory)
        for link in links {
            if let known, let slot = known.slot(of: link.node) {
                result.append(link, from: known.codes, slot: slot)
                continue
            }
            guard let end = try vector(of: link.node, scratch: vectorScratch) else { continue }
            result.append(link, codes.code(of: end, scratch: codeScratch))
        }
        free(vectorScratch)
        free(codeScratch)
        return result
    }

    mutating func appendLink(
        from reference: NodeReference, level: Int, count: Int, to target: ScoredNode
    ) throws(ServerError) -> Bool {
        try writeLink(reference, level, slot: count, target) { _, counted in counted == count }
    }

    mutating func replaceLink(
        from reference: NodeReference, level: Int, slot: Int, former: NodeReference,
        to target: ScoredNode, takesOver: Bool
    ) throws(ServerError) -> Bool {
        let mayGo = takesOver || isDoomed(former)
        return try writeLink(reference, level, slot: slot, target) { places, counted in
            let offset = slot * HnswLayout.placeBytes
            return slot < counted && places.place(offset).place == former.place
                && (mayGo || !places.isBackbone(offset))
        }
    }

    /// Writes one link, with the code of the query's vector, which is the new node's.
    ///
    /// - Parameter isAsBefore: gets the places of the list and how many there are; whether the list is still
    ///   the one that the decision was about.
    private mutating func writeLink(
        _ reference: NodeReference, _ level: Int, slot: Int, _ target: ScoredNode,
        _ isAsBefore: (UnsafeMutableRawPointer, _ count: Int) -> Bool
    ) throws(ServerError) -> Bool {
        guard let (locked, item) = try openLinks(reference, level) else { return false }
        let countAt = item + (level == 0 ? 4 : layout.upperOffset(level))
        let count = Int(countAt.u16(0))
        let places = item + layout.placesOffset(level)
        let mark = target.isBackbone ? HnswLayout.backboneBit : 0
        // Vacuum may have added it already, for a node whose insertion is still under way. Or it is there, and is to be one
        // of the backbone from now on.
        for other in 0..<count
        where places.place(other * HnswLayout.placeBytes).place == target.node.place {
            let offset = other * HnswLayout.placeBytes
            if target.isBackbone, !places.isBackbone(offset) {
                patch.begin()
                try patch.write(
                    target.node.offset | mark, to: places + offset + 4, of: locked.page)
                try patch.apply(to: locked)
            }
            try locked.close()
            return true
        }
        guard slot < shape.capacity(level), isAsBefore(places, count) else {
            try locked.close()
            return false
        }
        let page = locked.page
        patch.begin()
        let place = places + slot * HnswLayout.placeBytes
        try patch.write(target.node.block, to: place, of: page)
        try patch.write(target.node.offset | mark, to: place + 4, of: page)
        if slot == count {
            try patch.write(UInt16(truncatingIfNeeded: count + 1), to: countAt, of: page)
        }
        if let code = codes?.own(query) {
            try layout.codes(level, in: item)?.plan(code, slot: slot, in: patch, of: page)
        }
        try patch.apply(to: locked)
        try locked.close()
        return true
    }

    /// Locks the item with the links of a node on a level exclusively; nil, and nothing is locked, where there
    /// is none.
    private mutating func openLinks(_ reference: NodeReference, _ level: Int)
        throws(ServerError) -> (LockedPage, UnsafeMutableRawPointer)?
    {
        guard level > 0 else {
            let locked = try open(reference, .exclusive)
            if let start = try node(reference, in: locked.page) { return (locked, start) }
            try locked.close()
            return nil
        }
        var locked = try open(reference, .shared)
        let upper = NodeReference(raw: try node(reference, in: locked.page)?.u64(16) ?? 0)
        try locked.close()
        guard upper != .none else { return nil }
        try checkBlock(upper, linkedFrom: reference.block)
        locked = try open(upper, .exclusive)
        guard let found = try upperLinks(upper, of: reference, in: locked.page),
            level <= Int(found.u8(1))
        else {
            try locked.close()
            return nil
        }
        guard Int(found.u16(layout.upperOffset(level))) <= shape.links else {
            throw damaged(upper.block, "Item \(upper.offset) has too many links")
        }
        return (locked, found)
    }

    mutating func rewriteLinks(
        of node: NodeReference, level: Int, former: LinkList, formerCount: Int,
        links: UnsafeBufferPointer<ScoredNode>
    ) throws(ServerError) -> Bool {
        let layout = layout
        // Should the list have changed since, so that these are other nodes' codes, nothing is written.
        let known = try copyCodes(of: node, level)
        let list = try codedLinks(
            links, level,
            known: known.map { KnownLinks(nodes: former.nodes, count: formerCount, codes: $0) })
        if let known { free(known.start) }
        let isChanged = try changeLinks(node, level) { item, count in
            let places = item + layout.placesOffset(level)
            guard count == formerCount else { return nil }
            for slot in 0..<count {
                let offset = slot * HnswLayout.placeBytes
                guard places.place(offset).place == former.nodes[slot].place,
                    places.isBackbone(offset) == former.isBackbone[slot]
                else { return nil }
            }
            list.write(to: item, layout)
            return list.count
        }
        list.free(memory)
        return isChanged
    }

    mutating func promote(_ node: NodeReference, level: Int) throws(ServerError) {
        _ = try HnswMeta.update(index, mode) { meta in
            if meta.entry == nil || level > (meta.entry?.level ?? 0) {
                meta.entry = EntryPoint(node: node, level: level)
            }
        }
    }

    // MARK: Changing items in place

    /// Changes a node that is still there. `change` gets the item of the page's image and answers
    /// whether it changed something.
    func changeNode(
        _ reference: NodeReference, _ change: (UnsafeMutableRawPointer) -> Bool
    ) throws(ServerError) -> Bool {
        let locked = try open(reference, .exclusive)
        guard try node(reference, in: locked.page) != nil else {
            try locked.close()
            return false
        }
        let edit = try PageEdit(index, mode)
        guard let start = try node(reference, in: edit.page(of: locked)) else {
            throw damaged(reference.block, "The page and its image for the log differ")
        }
        let hasChanged = change(start)
        if hasChanged { try edit.commit() } else { try edit.abandon() }
        try locked.close()
        return hasChanged
    }

    /// Changes the links of a node on a level.
    ///
    /// - Parameter change: gets the item with the links and how many there are; answers how many there
    ///   are then, nil for no change.
    func changeLinks(
        _ reference: NodeReference, _ level: Int,
        _ change: (UnsafeMutableRawPointer, _ count: Int) -> Int?
    ) throws(ServerError) -> Bool {
        if level == 0 {
            return try changeNode(reference) { start in
                guard let count = change(start, Int(start.u16(4))) else { return false }
                start.put(UInt16(truncatingIfNeeded: count), at: 4)
                return true
            }
        }
        var locked = try open(reference, .shared)
        let upper = NodeReference(raw: try node(reference, in: locked.page)?.u64(16) ?? 0)
        try locked.close()
        guard upper != .none else { return false }
        locked = try open(upper, .exclusive)
        let found = try upperLinks(upper, of: reference, in: locked.page)
        guard let found, level <= Int(found.u8(1)) else {
            try locked.close()
            return false
        }
        let offset = layout.upperOffset(level)
        let edit = try PageEdit(index, mode)
        guard
            let start = try upperLinks(upper, of: reference, in: edit.page(of: locked))
        else { throw damaged(upper.block, "The page and its image for the log differ") }
        guard Int(start.u16(offset)) <= shape.links else {
            throw damaged(upper.block, "Item \(upper.offset) has too many links")
        }
        let count = change(start, Int(start.u16(offset)))
        if let count {
            start.put(UInt16(truncatingIfNeeded: count), at: offset)
            try edit.commit()
        } else {
            try edit.abandon()
        }
        try locked.close()
        return count != nil
    }

    // MARK: Placing items

    /// Puts a new item, whose version is filled in, on a page that has room for it.
    func place(_ item: UnsafeMutableRawBufferPointer) throws(ServerError) -> NodeReference {
        let map = FreeSpaceMap(index)
        let needed = IndexPage.alignedBytes(item.count) + IndexPage.linePointerBytes
        let target = pase_relation_target_block(index.relation)
        var block = target == UInt32.max ? try map.find(needed) : target
        // A map that is wrong everywhere is set right block by block; it ends, but not for its own
        // sake: after some tries a new page is the better answer.
        for _ in 0..<20 {
            guard let candidate = block, candidate != HnswLayout.metaBlock,
                candidate < (try index.blockCount())
            else { break }
            let locked = try LockedPage.open(index, candidate, .exclusive)
            if let reference = try add(item, to: locked) { return reference }
            let free = locked.page.freeSpace
            try locked.close()
            block = try map.correct(candidate, available: free, find: needed)
        }
        let locked = try LockedPage.extend(index)
        guard let reference = try add(item, to: locked) else {
            throw ServerError(.internalError, "an item of \(item.count) bytes fits no page")
        }
        return reference
    }

    /// Adds an item to a locked page, which it then closes; nil, and the page stays locked, when
    /// there is no room.
    private func add(_ item: UnsafeMutableRawBufferPointer, to locked: LockedPage)
        throws(ServerError) -> NodeReference?
    {
        let isNew = locked.page.isNew
        if !isNew {
            guard locked.page.isOurs(HnswLayout.nodesKind) else {
                throw damaged(locked.block, "The page is not a page of nodes")
            }
            if locked.page.freeSpace < IndexPage.alignedBytes(item.count) { return nil }
        }
        let edit = try PageEdit(index, mode)
        let page = try edit.page(of: locked, isNew: isNew)
        if isNew {
            try page.initialize(specialBytes: MetapageItem.specialBytes)
            try page.mark(as: HnswLayout.nodesKind)
        }
        guard let special = page.special(bytes: MetapageItem.specialBytes),
            let start = item.baseAddress
        else { throw damaged(locked.block, "The page has no special space") }
        let version = special.u16(4)
        start.put(version, at: 2)
        guard let offset = try page.add(UnsafeRawBufferPointer(item)) else {
            // An item that did not fit has left the page as it was.
            guard !isNew else {
                throw ServerError(.internalError, "an item of \(item.count) bytes fits no page")
            }
            try edit.abandon()
            return nil
        }
        try edit.commit()
        let block = locked.block
        let free = locked.page.freeSpace
        try locked.close()
        if isNew { try FreeSpaceMap(index).record(block, available: free) }
        pase_relation_set_target_block(index.relation, block)
        return NodeReference(
            block: block, offset: UInt16(truncatingIfNeeded: offset), version: version)
    }

    /// Removes items from a locked page and lets its version go up, so that who still remembers their
    /// places knows. The page stays locked.
    func remove(_ offsets: UnsafePointer<UInt16>, count: Int, from locked: LockedPage)
        throws(ServerError)
    {
        let edit = try PageEdit(index, mode)
        let page = try edit.page(of: locked)
        guard let special = page.special(bytes: MetapageItem.specialBytes) else {
            throw damaged(locked.block, "The page has no special space")
        }
        for slot in 0..<count { try page.delete(Int(offsets[slot])) }
        // 0 stands for "any version" in references.
        let version = special.u16(4) &+ 1
        special.put(version == 0 ? 1 : version, at: 4)
        try edit.commit()
    }

    func free(_ pointer: UnsafeMutableRawPointer) {
        memory.free(pointer)
    }
}
