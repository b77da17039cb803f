import CPostgres
import NearestNeighbors
import PostgresServer

/// What is to be known of a graph on pages.
struct WrittenGraph {
    let entry: EntryPoint?
    /// The pages that are in the log already.
    let loggedBlocks: Range<UInt32>
}

/// Writes a graph from memory to the pages of a new index, where a plan says. Several processes can write the pages of
/// nodes, which are most of them; one writes all the others.
struct HnswGraphWriter {
    /// How many pages of nodes are a piece of work.
    private static let pagesPerPiece = 32

    private let index: ServerRelation
    private let graph: MemoryGraph<ServerMemory>
    private let plan: HnswGraphPlan
    private let layout: HnswLayout
    private let codes: HnswNodeCodes?
    private let item: UnsafeMutableRawPointer
    private let room: UnsafeMutablePointer<Float>
    /// Pages of nodes are logged as soon as they are written, the others are not.
    private let isLogging: Bool
    private var page: LockedPage?

    /// - Parameter isLast: whether the index is finished when the graph is written; else its pages are logged later.
    init(
        _ index: ServerRelation, _ layout: HnswLayout, _ graph: MemoryGraph<ServerMemory>,
        _ codes: HnswNodeCodes?, _ plan: HnswGraphPlan, isLast: Bool, _ memory: ServerMemory
    ) throws(ServerError) {
        self.index = index
        self.layout = layout
        self.graph = graph
        self.codes = codes
        self.plan = plan
        isLogging = isLast && pase_relation_needs_wal(index.relation)
        let largest = max(
            layout.nodeBytes, layout.upperBytes(level: layout.shape.maximumLevel),
            HnswLayout.rowsItemBytes, layout.vector.partBytes)
        room = try memory.allocate(layout.shape.dimensions, of: Float.self)
        item = try memory.allocate(bytes: largest)
    }

    // MARK: Nodes

    /// The number of pieces of work that nodes are.
    var pieces: Int { (plan.nodeBlocks.count + Self.pagesPerPiece - 1) / Self.pagesPerPiece }

    /// Writes a piece of the pages of nodes, from 0.
    mutating func writeNodes(piece: Int) throws(ServerError) {
        let first =
            plan.nodeBlocks.lowerBound
            &+ UInt32(truncatingIfNeeded: piece &* Self.pagesPerPiece)
        let blocks = first..<min(first &+ UInt32(Self.pagesPerPiece), plan.nodeBlocks.upperBound)
        for block in blocks {
            try checkInterrupts()
            for node in plan.nodes(in: block) { try writeNode(node) }
            try closePage()
        }
        if isLogging { try logPages(index, blocks) }
    }

    private mutating func writeNode(_ node: Int) throws(ServerError) {
        beginItem(HnswLayout.nodeItem, layout.nodeBytes)
        item.put(UInt8(truncatingIfNeeded: graph.level(at: node)), at: 1)
        let links = graph.linkCount(at: node, level: 0)
        item.put(UInt16(truncatingIfNeeded: links), at: 4)
        var cursor: UInt32 = 0
        var rows = 0
        while rows < HnswLayout.inlineRows, let row = graph.nextRow(at: node, cursor: &cursor) {
            item.putRow(row, at: HnswLayout.inlineRowsOffset + rows * HnswLayout.placeBytes)
            rows += 1
        }
        item.put(UInt8(truncatingIfNeeded: rows), at: 6)
        item.put(graph.upperPlace(at: node).raw, at: 16)
        layout.vector.write(
            graph.vector(at: node), to: item, firstPart: plan.place(ofPart: 0, of: node),
            room: room, kernels)
        for slot in 0..<links {
            item.putPlace(
                graph.place(at: graph.link(at: node, level: 0, slot: slot)),
                isBackbone: graph.isBackbone(at: node, level: 0, slot: slot),
                at: layout.linksOffset + slot * HnswLayout.placeBytes)
        }
        writeCodes(node, level: 0, count: links)
        try add(layout.nodeBytes, at: graph.place(at: node))
    }

    private func writeCodes(_ node: Int, level: Int, count: Int) {
        guard let codes, let array = layout.codes(level, in: item) else { return }
        for slot in 0..<count {
            let code = codes[graph.link(at: node, level: level, slot: slot)]
            array.write(code.bytes, code.factors, slot: slot)
        }
    }

    // MARK: The others

    /// Writes what is neither a node nor a list of rows.
    mutating func writeOthers() throws(ServerError) {
        if let codes { try writeCentre(codes.centre) }
        for node in 0..<graph.count where graph.level(at: node) > 0 {
            try checkInterrupts()
            try writeUpperLinks(node)
        }
        if layout.vector.isInParts {
            for node in 0..<graph.count {
                try checkInterrupts()
                try writeParts(node)
            }
        }
        try closePage()
    }

    private mutating func writeCentre(_ centre: UnsafePointer<Float>) throws(ServerError) {
        try openPage(HnswGraphPlan.centreBlock, HnswLayout.centreKind)
        _ = try page?.page.add(
            UnsafeRawBufferPointer(start: centre, count: layout.shape.dimensions * 4))
    }

    private mutating func writeUpperLinks(_ node: Int) throws(ServerError) {
        let level = graph.level(at: node)
        let size = layout.upperBytes(level: level)
        beginItem(HnswLayout.upperItem, size)
        item.put(UInt8(truncatingIfNeeded: level), at: 1)
        item.put(graph.place(at: node).raw, at: 8)
        for layer in 1...level {
            let offset = layout.upperOffset(layer)
            let links = graph.linkCount(at: node, level: layer)
            item.put(UInt16(truncatingIfNeeded: links), at: offset)
            for slot in 0..<links {
                item.putPlace(
                    graph.place(at: graph.link(at: node, level: layer, slot: slot)),
                    isBackbone: false, at: offset + 2 + slot * HnswLayout.placeBytes)
            }
            writeCodes(node, level: layer, count: links)
        }
        try add(size, at: graph.upperPlace(at: node))
    }

    private mutating func writeParts(_ node: Int) throws(ServerError) {
        for part in 0..<layout.vector.parts {
            beginItem(HnswLayout.partItem, layout.vector.partBytes)
            layout.vector.writePart(
                part, of: graph.vector(at: node), to: item,
                next: plan.place(ofPart: part + 1, of: node), room: room, kernels)
            try add(layout.vector.partBytes, at: plan.place(ofPart: part, of: node))
        }
    }

    /// Writes the lists of rows, behind all the rest, when that is there.
    ///
    /// - Parameter entry: the number of the graph's entry point, and its level.
    mutating func finish(_ entry: (index: Int, level: Int)?) throws(ServerError) -> WrittenGraph {
        for node in 0..<graph.count { try writeFurtherRows(node) }
        try closePage()
        return WrittenGraph(
            entry: entry.map { EntryPoint(node: graph.place(at: $0.index), level: $0.level) },
            loggedBlocks: isLogging ? plan.nodeBlocks : 0..<0)
    }

    /// The rows that the node's item has no place for, in a list of items.
    private mutating func writeFurtherRows(_ node: Int) throws(ServerError) {
        var cursor: UInt32 = 0
        for _ in 0..<HnswLayout.inlineRows where graph.nextRow(at: node, cursor: &cursor) == nil {
            return
        }
        var head = NodeReference.none
        var count = 0
        while let row = graph.nextRow(at: node, cursor: &cursor) {
            if count == 0 {
                try checkInterrupts()
                beginItem(HnswLayout.rowsItem, HnswLayout.rowsItemBytes)
            }
            item.putRow(row, at: HnswLayout.rowsHeaderBytes + count * HnswLayout.placeBytes)
            count += 1
            if count == HnswLayout.rowsPerItem {
                head = try appendRows(node, count, next: head)
                count = 0
            }
        }
        if count > 0 { head = try appendRows(node, count, next: head) }
        if head != .none { try setHead(node, head) }
    }

    private mutating func appendRows(_ node: Int, _ count: Int, next: NodeReference)
        throws(ServerError) -> NodeReference
    {
        HnswGraph.fillRowsItem(item, of: graph.place(at: node), next: next, count: count)
        let bytes = UnsafeRawBufferPointer(start: item, count: HnswLayout.rowsItemBytes)
        let end = try index.blockCount()
        if page == nil, end > plan.nodeBlocks.upperBound {
            // On the last page there may be room.
            try takePage(try LockedPage.open(index, end - 1, .exclusive))
        }
        var offset = try page?.page.add(bytes)
        if offset == nil {
            try closePage()
            try takePage(try LockedPage.extend(index))
            try initializePage(HnswLayout.nodesKind)
            offset = try page?.page.add(bytes)
        }
        guard let offset, let block = page?.block else {
            throw ServerError(.internalError, "rows fit no page")
        }
        return NodeReference(
            block: block, offset: UInt16(truncatingIfNeeded: offset), version: 1)
    }

    private mutating func setHead(_ node: Int, _ head: NodeReference) throws(ServerError) {
        try closePage()
        let place = graph.place(at: node)
        let locked = try LockedPage.open(index, place.block, .exclusive)
        let edit = try PageEdit(index, isLogging ? .logged : .building)
        guard let start = try edit.page(of: locked).item(Int(place.offset))?.baseAddress else {
            throw ServerError(.internalError, "a node is not where it was written")
        }
        start.put(head.raw, at: 8)
        try edit.commit()
        try locked.close()
    }

    // MARK: Items and pages

    /// Clears the room for an item, and notes its kind, and its version, which is a new page's.
    private func beginItem(_ kind: UInt8, _ size: Int) {
        UnsafeMutableRawBufferPointer(start: item, count: size)
            .initializeMemory(as: UInt8.self, repeating: 0)
        item.put(kind, at: 0)
        item.put(UInt16(1), at: 2)
    }

    /// Adds the item where it was planned, which is behind the one before or on the next page.
    private mutating func add(_ size: Int, at place: NodeReference) throws(ServerError) {
        if page?.block != place.block { try openPage(place.block, HnswLayout.nodesKind) }
        guard
            try page?.page.add(UnsafeRawBufferPointer(start: item, count: size))
                == Int(place.offset)
        else {
            throw ServerError(.internalError, "an item does not stand where it was planned")
        }
    }

    private mutating func openPage(_ block: UInt32, _ kind: UInt8) throws(ServerError) {
        try closePage()
        try takePage(try LockedPage.openEmpty(index, block))
        try initializePage(kind)
    }

    private mutating func takePage(_ locked: LockedPage) throws(ServerError) {
        page = locked
        // Changed in place, like all pages of a build.
        try locked.markDirty()
    }

    private func initializePage(_ kind: UInt8) throws(ServerError) {
        try page?.page.initialize(specialBytes: MetapageItem.specialBytes)
        try page?.page.mark(as: kind)
    }

    private mutating func closePage() throws(ServerError) {
        if let page { try page.close() }
        page = nil
    }
}
