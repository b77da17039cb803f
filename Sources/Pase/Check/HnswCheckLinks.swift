import CPostgres
import NearestNeighbors
import PostgresServer

// What only shows when the whole index has been seen: where links lead, and what nothing leads to.
extension HnswCheck {
    /// One link, as it was read.
    private struct Link {
        let node: NodeReference
        let level: Int
        let slot: Int
        /// What the codes beside it say.
        let fingerprint: UInt64
        let end: NodeReference
    }

    // MARK: Links

    /// Checks those links of a page's nodes that lead to the elements that were read.
    mutating func checkLinks(_ block: UInt32) throws(ServerError) {
        var offset = 1
        while true {
            let place = NodeReference(block: block, offset: UInt16(truncatingIfNeeded: offset))
            // Anew if what the last one led to has been read over it.
            if ownBlock != block, !(try readNodePage(block)) { return }
            guard offset <= own.itemCount else { return }
            offset += 1
            guard let item = try own.item(Int(place.offset)), let start = item.baseAddress,
                item.count >= HnswLayout.upperHeaderBytes
            else { continue }
            if let graph, start.u8(0) == HnswLayout.nodeItem, item.count == graph.layout.nodeBytes {
                try checkLinks(
                    of: place.withVersion(start.u16(2)),
                    levels: min(Int(start.u8(1)), graph.shape.maximumLevel))
            }
        }
    }

    private mutating func readNodePage(_ block: UInt32) throws(ServerError) -> Bool {
        ownBlock = nil
        guard try pages.read(block, into: own), !own.isNew,
            CheckedPages.problem(own, kind: HnswLayout.nodesKind) == nil
        else { return false }
        ownBlock = block
        return true
    }

    private mutating func checkLinks(of node: NodeReference, levels: Int) throws(ServerError) {
        var level = 0
        while level <= levels {
            let capacity = graph?.shape.capacity(level) ?? 0
            // The item is copied once; what is suspicious is read anew.
            guard let item = try linksItem(of: node, level, isFresh: false), let graph else {
                return
            }
            let count = min(
                Int(item.u16(level == 0 ? 4 : graph.layout.upperOffset(level))), capacity)
            var source = memory
            var suspects = try GrowableArray<Int>(capacity: 4, in: &source)
            for slot in 0..<count
            where !isFine(link(of: node, level, slot, in: item), among: item, count) {
                try suspects.append(slot, in: &source)
            }
            for index in 0..<suspects.count {
                try report(suspect: suspects[index], of: node, level)
            }
            try suspects.free(in: &source)
            level += 1
        }
    }

    /// The item with a node's links on a level: in its own page, or in the other one.
    ///
    /// - Parameter isFresh: whether the node's page is read even if it has been.
    private mutating func linksItem(
        of node: NodeReference, _ level: Int, isFresh: Bool = true
    ) throws(ServerError) -> UnsafeMutableRawPointer? {
        if isFresh || ownBlock != node.block, !(try readNodePage(node.block)) { return nil }
        guard let graph, let item = try own.item(Int(node.offset)),
            let start = item.baseAddress, item.count == graph.layout.nodeBytes,
            start.u8(0) == HnswLayout.nodeItem, start.u16(2) == node.version
        else { return nil }
        if level == 0 { return start }
        let nodeLevel = Int(start.u8(1))
        guard level <= nodeLevel,
            let upper = try foreignItem(
                NodeReference(raw: start.u64(16)), HnswLayout.upperItem,
                size: graph.layout.upperBytes(level: nodeLevel)),
            upper.u64(8) == node.raw
        else { return nil }
        return upper
    }

    private func link(
        of node: NodeReference, _ level: Int, _ slot: Int, in item: UnsafeMutableRawPointer
    ) -> Link {
        var fingerprint: UInt64 = 0
        var end = NodeReference.none
        if let graph {
            end = (item + graph.layout.placesOffset(level)).place(slot * HnswLayout.placeBytes)
            if let codes = graph.layout.codes(level, in: item) {
                let code = HnswCode(bytes: codes.code(slot), factors: codes.factors(slot))
                fingerprint = HnswCheck.fingerprint(code, bytes: codes.layout.codeBytes)
            }
        }
        return Link(node: node, level: level, slot: slot, fingerprint: fingerprint, end: end)
    }

    /// Whether nothing is wrong with a link as far as the elements that were read tell.
    private func isFine(_ link: Link, among item: UnsafeMutableRawPointer, _ count: Int) -> Bool {
        // What leads to no page at all is for the first time, or the last.
        if link.end.block < elementsBegin, elementsBegin > meta?.firstNodeBlock ?? 0 { return true }
        if link.end.block >= elementsEnd, elementsEnd < endBlock { return true }
        guard let number = elements.number(at: link.end.place),
            elements[number].level >= link.level, link.end.place != link.node.place,
            elements[number].fingerprint == link.fingerprint
        else { return false }
        return !isRepeated(link, in: item)
    }

    /// Whether a link before it leads to the same place.
    private func isRepeated(_ link: Link, in item: UnsafeMutableRawPointer) -> Bool {
        guard let graph else { return false }
        let places = item + graph.layout.placesOffset(link.level)
        for slot in 0..<link.slot
        where places.place(slot * HnswLayout.placeBytes).place == link.end.place {
            return true
        }
        return false
    }

    /// Looks at a link again, and reports what is still wrong with it.
    private mutating func report(suspect slot: Int, of node: NodeReference, _ level: Int)
        throws(ServerError)
    {
        try settle()
        guard let item = try linksItem(of: node, level), let graph else { return }
        let countAt = level == 0 ? 4 : graph.layout.upperOffset(level)
        guard slot < Int(item.u16(countAt)) else { return }
        let before = link(of: node, level, slot, in: item)
        let isRepeated = isRepeated(before, in: item)
        guard let problem = try problem(ofEnd: before, isRepeated) else { return }
        // A vacuum leads links around what it removes, before it does.
        guard let item = try linksItem(of: node, level), slot < Int(item.u16(countAt)) else {
            return
        }
        let now = link(of: node, level, slot, in: item)
        guard now.end.place == before.end.place, now.fingerprint == before.fingerprint else {
            return
        }
        // A vacuum that was interrupted leaves dead nodes behind, whose links may lead to what it has removed
        // already. Nothing leads to them, and the next vacuum removes them.
        guard try isLive(node.place, above: -1) else { return }
        try report.error(
            node.block, Int(node.offset), "link \(slot) on level \(level) \(problem)")
    }

    /// What is wrong with where a link leads, nil if nothing is.
    private mutating func problem(ofEnd link: Link, _ isRepeated: Bool) throws(ServerError)
        -> String?
    {
        guard let graph, let meta else { return nil }
        if link.end.place == link.node.place { return "leads to its own node" }
        guard link.end.block >= meta.firstNodeBlock, try readNodePage(link.end.block),
            let item = try own.item(Int(link.end.offset)), item.count == graph.layout.nodeBytes,
            let start = item.baseAddress, start.u8(0) == HnswLayout.nodeItem
        else { return "leads to \(name(link.end)), where there is no node" }
        guard Int(start.u8(1)) >= link.level else {
            return "leads to \(name(link.end)), which is on level \(start.u8(1))"
        }
        if isRepeated { return "leads to \(name(link.end)), like another link" }
        // What is wrong with the vector itself is reported where it is.
        guard graph.codes != nil, try readVector(start) == nil,
            fingerprintOfVector() != link.fingerprint
        else { return nil }
        return "has another code than the vector that it leads to, at \(name(link.end))"
    }

    // MARK: Items of no node, or of two

    /// Looks for items that no node has, and for those that two have.
    mutating func checkOwned() throws(ServerError) {
        try owned.perform()
        var item: UInt64?
        var owner: UInt64?
        var orphan: NumberSort.Entry?
        while let entry = try owned.next() {
            try checkInterrupts()
            if entry.key != item {
                if let orphan { try checkOrphan(orphan) }
                orphan = nil
                owner = nil
                item = entry.key
            }
            // What is known of an item itself comes first.
            if entry.place == 0 {
                orphan = entry
                continue
            }
            orphan = nil
            if let owner { try checkRepeated(entry.key, owner, entry.place) }
            owner = entry.place
        }
        if let orphan { try checkOrphan(orphan) }
        try owned.end()
    }

    /// Looks again at an item that no node has.
    private mutating func checkOrphan(_ entry: NumberSort.Entry) throws(ServerError) {
        let place = NodeReference(raw: entry.key << 16).withVersion(
            UInt16(truncatingIfNeeded: entry.note))
        let kind = UInt8(truncatingIfNeeded: entry.note >> 16)
        let what: String
        switch kind {
        case HnswLayout.upperItem: what = "upper links"
        case HnswLayout.rowsItem: what = "rows"
        default: what = "a part of a vector"
        }
        guard let start = try foreignItem(place, kind, size: nil) else { return }
        if kind != HnswLayout.partItem {
            let owner = NodeReference(raw: start.u64(8))
            try settle()
            if try readNode(at: owner.place) {
                for slot in 0..<nodeItems.count where nodeItems[slot].raw == place.raw { return }
            }
            guard try foreignItem(place, kind, size: nil) != nil else { return }
        }
        try report.warning(place.block, Int(place.offset), "\(what) without a node")
    }

    /// Looks again at an item that two nodes have.
    private mutating func checkRepeated(_ item: UInt64, _ former: UInt64, _ place: UInt64)
        throws(ServerError)
    {
        try settle()
        guard try owns(item, place), try owns(item, former) else { return }
        let node = NodeReference(raw: place << 16)
        try report.error(
            node.block, Int(node.offset),
            "\(name(NodeReference(raw: item << 16))) also belongs to "
                + "\(name(NodeReference(raw: former << 16)))")
    }

    /// Whether a node has a row so many times.
    mutating func holds(_ row: UInt64, at place: UInt64, times: Int) throws(ServerError) -> Bool {
        guard try readNode(at: place) else { return false }
        var found = 0
        for slot in 0..<nodeRows.count where nodeRows[slot] == row { found += 1 }
        return found >= times
    }

    private mutating func owns(_ item: UInt64, _ place: UInt64) throws(ServerError) -> Bool {
        guard try readNode(at: place) else { return false }
        for slot in 0..<nodeItems.count where nodeItems[slot].place == item { return true }
        return false
    }

    // MARK: In the end

    /// The entry point, and the nodes that are above it.
    mutating func checkEntryPoint() throws(ServerError) {
        try settle()
        guard let entry = try currentEntry() else { return }
        guard let node = entry.entry else {
            for number in 0..<high.count {
                guard try isLive(high[number], above: -1) else { continue }
                return try report.error(
                    HnswLayout.metaBlock, 1, "there is no entry point, but there are nodes")
            }
            return
        }
        guard let graph, node.node.version != 0, try readNode(at: node.node.place),
            let item = try own.item(Int(node.node.offset)), let start = item.baseAddress,
            item.count == graph.layout.nodeBytes, start.u16(2) == node.node.version
        else {
            // Vacuum may have moved it.
            if let now = try currentEntry(), now.entry?.node != node.node { return }
            return try report.error(
                HnswLayout.metaBlock, 1,
                "the entry point leads to \(name(node.node)), where there is no such node")
        }
        if Int(start.u8(1)) != node.level {
            try report.error(
                HnswLayout.metaBlock, 1,
                "the entry point has level \(node.level), but its node, \(name(node.node)), "
                    + "has level \(start.u8(1))")
        }
        var above = 0
        for number in 0..<high.count where try isLive(high[number], above: node.level) {
            above += 1
        }
        if above > 0 {
            try report.warning(
                HnswLayout.metaBlock, 1,
                "\(above)\(high.count < HnswCheck.mostHigh ? "" : " or more") nodes are on levels above the entry point's"
            )
        }
    }

    private func currentEntry() throws(ServerError) -> HnswMeta? {
        guard try pages.read(HnswLayout.metaBlock, into: other) else { return nil }
        return try report.attempt(HnswLayout.metaBlock, 1) { () throws(ServerError) in
            try HnswMeta(in: other, of: index)
        }
    }

    /// Whether the node in a place is a living one above a level even now.
    private mutating func isLive(_ place: UInt64, above level: Int) throws(ServerError) -> Bool {
        let reference = NodeReference(raw: place << 16)
        guard try readNode(at: place), let item = try own.item(Int(reference.offset)),
            let start = item.baseAddress
        else { return false }
        return HnswGraph.isLive(start) && Int(start.u8(1)) > level
    }

    /// The nodes that no chain of links leads to from the entry point, and those from which none leads there. Where there
    /// are none of either, a search reaches every node wherever it starts.
    mutating func checkReachability() throws(ServerError) {
        guard let graph, let entry = try currentEntry()?.entry else { return }
        guard let numbers, let living else {
            let bytes = max(Int(endBlock) * 4 * 8, itemCount / 8 * 5 * 2)
            return try report.warning(
                nil, nil,
                "reachability was not checked; "
                    + "set maintenance_work_mem to at least \(bytes / 1024 + 1) kB")
        }
        guard let first = number(of: entry.node.place) else { return }
        var links = GroundLinks(
            numbers: numbers, pages: pages, image: own, layout: graph.layout, memory: memory)
        let reached = try Reachability(from: first, in: &links)
        var count = 0
        var left = 0
        for number in 0..<living.count where living.contains(number) {
            count += 1
            if !reached.nodes.contains(number) { left += 1 }
        }
        if left > 0 {
            try report.warning(
                nil, nil,
                "\(left) of \(count) nodes cannot be reached from the entry point; "
                    + "searches find their rows last")
        }
        let reaching = try Reachability(to: first, in: &links)
        left = 0
        for number in 0..<living.count
        where living.contains(number) && !reaching.nodes.contains(number) {
            left += 1
        }
        if left > 0 {
            try report.warning(
                nil, nil,
                "\(left) of \(count) nodes do not lead to the entry point; "
                    + "searches that start there miss rows")
        }
    }
}

/// The ground layer, for finding out what can be reached.
private struct GroundLinks: NumberedLinks {
    typealias Failure = ServerError

    let numbers: PlaceNumbers
    let pages: CheckedPages
    let image: IndexPage
    let layout: HnswLayout
    var memory: ServerMemory
    /// That of the image.
    var page = -1
    var isReadable = false

    var nodeCount: Int { numbers.count }
    var mostLinks: Int { layout.shape.groundLinks }

    init(
        numbers: PlaceNumbers, pages: CheckedPages, image: IndexPage, layout: HnswLayout,
        memory: ServerMemory
    ) {
        self.numbers = numbers
        self.pages = pages
        self.image = image
        self.layout = layout
        self.memory = memory
    }

    mutating func links(of node: Int, into list: UnsafeMutablePointer<UInt32>) throws(ServerError)
        -> Int
    {
        let place = numbers.place(node)
        if place.page != page {
            page = place.page
            isReadable =
                try pages.read(UInt32(truncatingIfNeeded: page), into: image) && !image.isNew
                && CheckedPages.problem(image, kind: HnswLayout.nodesKind) == nil
        }
        guard isReadable, let item = try image.item(place.place), let start = item.baseAddress,
            item.count == layout.nodeBytes, start.u8(0) == HnswLayout.nodeItem
        else { return 0 }
        var count = 0
        for slot in 0..<min(Int(start.u16(4)), layout.shape.groundLinks) {
            let end = (start + layout.linksOffset).place(slot * HnswLayout.placeBytes)
            guard let number = numbers.number(page: Int(end.block), place: Int(end.offset)) else {
                continue
            }
            list[count] = UInt32(truncatingIfNeeded: number)
            count += 1
        }
        return count
    }

    mutating func allocate(bytes count: Int) throws(ServerError) -> UnsafeMutableRawPointer {
        try memory.allocate(bytes: count)
    }

    mutating func release(_ pointer: UnsafeMutableRawPointer) throws(ServerError) {
        memory.free(pointer)
    }
}
