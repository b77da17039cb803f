import CPostgres
import NearestNeighbors
import PostgresServer

/// Writes a graph from memory to the pages of a new index, in one pass.
///
/// Nodes come first, in the order in which they were inserted; the places of all of them are known
/// before the first is written, since all have the same size. Then come the upper links, close
/// together, because each search begins with them, and last the rows items.
struct HnswGraphWriter {
    private let index: ServerRelation
    private var graph: MemoryGraph<ServerMemory>
    private let layout: HnswLayout
    private let meta: HnswMeta
    private let memory: ServerMemory
    private let item: UnsafeMutableRawPointer
    private let room: UnsafeMutablePointer<Float>
    /// Where the first vector's first part will stand.
    private var firstPartBlock: UInt32 = 0
    private var codes: NodeCodes?
    private var page: LockedPage?
    /// The block and the bytes left of the page that items would go to next: the plan.
    private var plannedBlock: UInt32 = 0
    private var plannedFree = 0
    private var plannedCount = 0

    init(
        _ index: ServerRelation, _ meta: HnswMeta, _ graph: MemoryGraph<ServerMemory>,
        _ memory: ServerMemory
    ) throws(ServerError) {
        self.index = index
        self.meta = meta
        self.graph = graph
        self.memory = memory
        layout = meta.layout
        let largest = max(
            layout.nodeBytes, layout.upperBytes(level: graph.shape.maximumLevel),
            HnswLayout.rowsItemBytes, layout.vector.partBytes)
        room = try memory.allocate(layout.shape.dimensions, of: Float.self)
        item = try memory.allocate(bytes: largest)
    }

    /// Writes all items.
    ///
    /// - Returns: the entry point.
    mutating func write() throws(ServerError) -> EntryPoint? {
        if let bits = meta.bits {
            let codes = try NodeCodes(graph, meta, bits, memory)
            try writeCentre(codes.centre)
            self.codes = codes
            plannedBlock = HnswGraphWriter.centreBlock
        }
        plan()
        for node in 0..<graph.count {
            try checkInterrupts()
            try writeNode(node)
        }
        for node in 0..<graph.count where graph.level(at: node) > 0 {
            try checkInterrupts()
            try writeUpperLinks(node)
        }
        if layout.vector.isInParts { try writeParts() }
        for node in 0..<graph.count { try writeFurtherRows(node) }
        try closePage()
        guard let entry = graph.entryIndex else { return nil }
        return EntryPoint(node: graph.place(at: entry.index), level: entry.level)
    }

    // MARK: The plan

    /// Says where each node and each upper links item will stand. All versions are 1, a new page's.
    private mutating func plan() {
        for node in 0..<graph.count {
            graph.setPlace(at: node, nextPlace(layout.nodeBytes), upper: .none)
        }
        for node in 0..<graph.count where graph.level(at: node) > 0 {
            let upper = nextPlace(layout.upperBytes(level: graph.level(at: node)))
            graph.setPlace(at: node, graph.place(at: node), upper: upper)
        }
        firstPartBlock = plannedBlock + 1
    }

    /// Where a part of a node's vector will stand: all have the same size, and pages to themselves.
    private func partPlace(_ node: Int, _ part: Int) -> NodeReference {
        let index = node * layout.vector.parts + part
        let perPage =
            IndexPage.usableBytes(special: MetapageItem.specialBytes)
            / (IndexPage.alignedBytes(layout.vector.partBytes) + IndexPage.linePointerBytes)
        return NodeReference(
            block: firstPartBlock + UInt32(truncatingIfNeeded: index / perPage),
            offset: UInt16(truncatingIfNeeded: index % perPage + 1), version: 1)
    }

    private mutating func writeParts() throws(ServerError) {
        try closePage()
        for node in 0..<graph.count {
            try checkInterrupts()
            for part in 0..<layout.vector.parts {
                UnsafeMutableRawBufferPointer(start: item, count: layout.vector.partBytes)
                    .initializeMemory(as: UInt8.self, repeating: 0)
                let next =
                    part + 1 < layout.vector.parts ? partPlace(node, part + 1) : .none
                layout.vector.writePart(
                    part, of: graph.vector(at: node), to: item, next: next, room: room, kernels)
                item.put(UInt16(1), at: 2)
                try append(layout.vector.partBytes, expected: partPlace(node, part))
            }
        }
    }

    private mutating func nextPlace(_ bytes: Int) -> NodeReference {
        let needed = (bytes + 7) / 8 * 8 + IndexPage.linePointerBytes
        if plannedFree < needed {
            plannedBlock += 1
            plannedCount = 0
            plannedFree = IndexPage.usableBytes(special: MetapageItem.specialBytes)
        }
        plannedFree -= needed
        plannedCount += 1
        return NodeReference(
            block: plannedBlock, offset: UInt16(truncatingIfNeeded: plannedCount), version: 1)
    }

    // MARK: Items

    private mutating func writeNode(_ node: Int) throws(ServerError) {
        UnsafeMutableRawBufferPointer(start: item, count: layout.nodeBytes)
            .initializeMemory(as: UInt8.self, repeating: 0)
        item.put(HnswLayout.nodeItem, at: 0)
        item.put(UInt8(truncatingIfNeeded: graph.level(at: node)), at: 1)
        item.put(UInt16(1), at: 2)
        let links = graph.linkCount(at: node, level: 0)
        item.put(UInt16(truncatingIfNeeded: links), at: 4)
        var cursor: UInt32 = 0
        var rows = 0
        while rows < HnswLayout.inlineRows, let row = graph.nextRow(at: node, cursor: &cursor) {
            item.putRow(row, at: HnswLayout.inlineRowsOffset + rows * HnswLayout.placeBytes)
            rows += 1
        }
        item.put(UInt8(rows), at: 6)
        item.put(graph.upperPlace(at: node).raw, at: 16)
        layout.vector.write(
            graph.vector(at: node), to: item, firstPart: partPlace(node, 0), room: room, kernels)
        for slot in 0..<links {
            item.putPlace(
                graph.place(at: graph.link(at: node, level: 0, slot: slot)),
                at: layout.linksOffset + slot * HnswLayout.placeBytes)
        }
        writeCodes(node, level: 0, count: links)
        try append(layout.nodeBytes, expected: graph.place(at: node))
    }

    private func writeCodes(_ node: Int, level: Int, count: Int) {
        guard let codes, let array = layout.codes(level, in: item) else { return }
        for slot in 0..<count {
            let code = codes[graph.link(at: node, level: level, slot: slot)]
            array.write(code.bytes, code.factors, slot: slot)
        }
    }

    /// Where the centre stands, before all nodes.
    static let centreBlock: UInt32 = 1

    private func writeCentre(_ centre: UnsafePointer<Float>) throws(ServerError) {
        let locked = try LockedPage.extend(index)
        guard locked.block == HnswGraphWriter.centreBlock else {
            throw ServerError(.internalError, "the centre is not where it was planned")
        }
        try locked.markDirty()
        try locked.page.initialize(specialBytes: MetapageItem.specialBytes)
        try locked.page.mark(as: HnswLayout.centreKind)
        _ = try locked.page.add(
            UnsafeRawBufferPointer(start: centre, count: meta.dimensions * 4))
        try locked.close()
    }

    private mutating func writeUpperLinks(_ node: Int) throws(ServerError) {
        let level = graph.level(at: node)
        let size = layout.upperBytes(level: level)
        UnsafeMutableRawBufferPointer(start: item, count: size)
            .initializeMemory(as: UInt8.self, repeating: 0)
        item.put(HnswLayout.upperItem, at: 0)
        item.put(UInt8(truncatingIfNeeded: level), at: 1)
        item.put(UInt16(1), at: 2)
        item.put(graph.place(at: node).raw, at: 8)
        for layer in 1...level {
            let offset = layout.upperOffset(layer)
            let links = graph.linkCount(at: node, level: layer)
            item.put(UInt16(truncatingIfNeeded: links), at: offset)
            for slot in 0..<links {
                item.putPlace(
                    graph.place(at: graph.link(at: node, level: layer, slot: slot)),
                    at: offset + 2 + slot * HnswLayout.placeBytes)
            }
            writeCodes(node, level: layer, count: links)
        }
        try append(size, expected: graph.upperPlace(at: node))
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
                UnsafeMutableRawBufferPointer(start: item, count: HnswLayout.rowsItemBytes)
                    .initializeMemory(as: UInt8.self, repeating: 0)
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
        item.put(UInt16(1), at: 2)
        return try append(HnswLayout.rowsItemBytes, expected: nil)
    }

    private mutating func setHead(_ node: Int, _ head: NodeReference) throws(ServerError) {
        try closePage()
        let place = graph.place(at: node)
        let locked = try LockedPage.open(index, place.block, .exclusive)
        let edit = try PageEdit(index, .building)
        guard let start = try edit.page(of: locked).item(Int(place.offset))?.baseAddress else {
            throw ServerError(.internalError, "a node is not where it was written")
        }
        start.put(head.raw, at: 8)
        try edit.commit()
        try locked.close()
    }

    // MARK: Pages

    /// Adds the item to the last page or to a new one.
    @discardableResult
    private mutating func append(_ size: Int, expected: NodeReference?) throws(ServerError)
        -> NodeReference
    {
        let bytes = UnsafeRawBufferPointer(start: item, count: size)
        if page == nil, expected == nil, try index.blockCount() > 1 {
            // A rows item goes on where the last one ended.
            try openPage(try LockedPage.open(index, index.blockCount() - 1, .exclusive))
        }
        var offset = try image?.add(bytes)
        if offset == nil {
            try closePage()
            try openPage(try LockedPage.extend(index))
            try image?.initialize(specialBytes: MetapageItem.specialBytes)
            try image?.mark(as: HnswLayout.nodesKind)
            offset = try image?.add(bytes)
        }
        guard let offset, let block = page?.block else {
            throw ServerError(.internalError, "an item of \(size) bytes fits no page")
        }
        let place = NodeReference(
            block: block, offset: UInt16(truncatingIfNeeded: offset), version: 1)
        if let expected, expected != place {
            throw ServerError(.internalError, "an item does not stand where it was planned")
        }
        return place
    }

    private var image: IndexPage? { page?.page }

    private mutating func openPage(_ locked: LockedPage) throws(ServerError) {
        page = locked
        // Changed in place, like all pages of a build.
        try locked.markDirty()
    }

    private mutating func closePage() throws(ServerError) {
        if let page { try page.close() }
        page = nil
    }
}

extension HnswGraphWriter {
    /// Memory for the codes of so many nodes.
    static func bytesForCodes(_ nodes: Int, _ meta: HnswMeta) -> Int {
        guard let bits = meta.bits else { return 0 }
        return nodes
            * (CodeLayout.codeBytes(meta.dimensions, bits) + MemoryLayout<CodeFactors>.stride)
    }
}

/// The codes of all nodes of a graph in memory, relative to the mean of their vectors.
private struct NodeCodes {
    let centre: UnsafeMutablePointer<Float>
    private let bytes: UnsafeMutablePointer<UInt8>
    private let factors: UnsafeMutablePointer<CodeFactors>
    private let codeBytes: Int

    init(
        _ graph: MemoryGraph<ServerMemory>, _ meta: HnswMeta, _ bits: CodeBits,
        _ memory: ServerMemory
    ) throws(ServerError) {
        let dimensions = meta.dimensions
        let encoder = try VectorEncoder(
            dimensions: dimensions, bits: bits, rotationSeed: meta.rotationSeed, in: memory)
        codeBytes = encoder.code.codeBytes
        let sums = try memory.allocate(dimensions, of: Double.self, zeroed: true)
        for node in 0..<graph.count {
            if node % 1024 == 0 { try checkInterrupts() }
            let vector = graph.vector(at: node)
            for component in 0..<dimensions { sums[component] += Double(vector[component]) }
        }
        let padded = encoder.code.paddedDimensions
        centre = try memory.allocate(padded, of: Float.self, zeroed: true)
        let rotated = try memory.allocate(padded, of: Float.self, zeroed: true)
        for component in 0..<dimensions {
            rotated[component] = Float(sums[component] / Double(max(graph.count, 1)))
        }
        encoder.rotate(rotated, into: centre)
        bytes = try memory.allocate(graph.count * codeBytes, of: UInt8.self)
        factors = try memory.allocate(graph.count, of: CodeFactors.self)
        for node in 0..<graph.count {
            if node % 1024 == 0 { try checkInterrupts() }
            encoder.rotate(graph.vector(at: node), into: rotated)
            factors[node] = encoder.encode(rotated, from: centre)
            (bytes + node * codeBytes).copy(from: encoder.bytes, count: codeBytes)
        }
    }

    subscript(node: Int) -> HnswCode {
        HnswCode(bytes: UnsafePointer(bytes + node * codeBytes), factors: factors[node])
    }
}
