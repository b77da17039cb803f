import CPostgres
import NearestNeighbors
import PostgresServer
import VectorKernels

/// The check of a pase_hnsw index:
///
/// 1. Each page, and each node by itself: its vector, its upper links item, its rows, its parts.
/// 2. The items that two nodes have, or none.
/// 3. Each link, with what is found where it leads. As many elements are read as fit memory, and then all links that lead
///    to them; then the next elements.
///
/// Then come the entry point, and which elements can be reached from it.
struct HnswCheck {
    let index: ServerRelation
    let report: CheckReport
    let memory: ServerMemory
    let pages: CheckedPages
    /// The page that is looked at.
    let own: IndexPage
    /// Its block, while links are checked, if it is one of nodes.
    var ownBlock: UInt32?
    /// One that it leads to.
    let other: IndexPage
    /// Nil where the metapage is damaged.
    let meta: HnswMeta?
    /// Nil where the metapage is damaged, or the index has no dimensions yet.
    var graph: HnswGraph?
    let vector: UnsafeMutablePointer<Float>
    var scratch: UnsafeMutablePointer<Float>?
    /// Those from `elementsBegin` to before `elementsEnd`.
    var elements: CheckedElements
    var elementsBegin: UInt32 = 0
    var elementsEnd: UInt32 = 0
    /// The rows of the table, with their nodes.
    let rows: CheckedRows
    /// Upper links items, rows items and parts, with their kinds and versions at place 0, and with their nodes.
    let owned: NumberSort
    /// Numbers for all items; nil where there is no memory for that.
    var numbers: PlaceNumbers?
    var itemCount = 0
    /// The items that are living nodes.
    var living: FixedBits?
    /// The nodes above the entry point, as it was in the beginning.
    var high: GrowableArray<UInt64>
    static let mostHigh = 1000
    /// What the node that is looked at has.
    var nodeRows: GrowableArray<UInt64>
    var nodeItems: GrowableArray<NodeReference>
    var endBlock: UInt32 = 0

    init(
        _ index: ServerRelation, _ report: CheckReport, _ rows: CheckedRows, _ memory: ServerMemory
    ) throws(ServerError) {
        self.index = index
        self.report = report
        self.rows = rows
        self.memory = memory
        pages = try CheckedPages(index)
        own = try IndexPage(in: memory)
        other = try IndexPage(in: memory)
        var source = memory
        elements = try CheckedElements(capacity: 1, in: &source)
        owned = try NumberSort(kilobytes: CheckMemory.kilobytes / 8)
        high = try GrowableArray(capacity: 16, in: &source)
        nodeRows = try GrowableArray(capacity: 64, in: &source)
        nodeItems = try GrowableArray(capacity: 64, in: &source)
        meta = try HnswCheck.readMeta(index, pages, own, report)
        vector = try memory.allocate(max(meta?.dimensions ?? 0, 1), of: Float.self, zeroed: true)
        guard let meta, meta.dimensions > 0 else { return }
        endBlock = try index.blockCount()
        guard try HnswCheck.checkCentre(meta, pages, own, report) else { return }
        let graph = try HnswGraph(index, meta, query: vector, mode: .logged, in: memory)
        scratch = try graph.codes?.makeScratch(memory)
        self.graph = graph
    }

    private static func readMeta(
        _ index: ServerRelation, _ pages: CheckedPages, _ image: IndexPage, _ report: CheckReport
    ) throws(ServerError) -> HnswMeta? {
        guard try pages.read(HnswLayout.metaBlock, into: image) else {
            try report.error(HnswLayout.metaBlock, nil, "the metapage is missing")
            return nil
        }
        if let problem = CheckedPages.problem(image, kind: MetapageItem.pageKind) {
            try report.error(HnswLayout.metaBlock, nil, problem)
        }
        let meta = try report.attempt(HnswLayout.metaBlock, 1) { () throws(ServerError) in
            try HnswMeta(in: image, of: index)
        }
        guard let meta else { return nil }
        if let problem = try meta.problem(index) {
            try report.error(HnswLayout.metaBlock, 1, problem)
            return nil
        }
        return meta
    }

    /// The centre, without which no code can be checked.
    private static func checkCentre(
        _ meta: HnswMeta, _ pages: CheckedPages, _ image: IndexPage, _ report: CheckReport
    ) throws(ServerError) -> Bool {
        guard meta.centre != 0 else { return true }
        guard try pages.read(meta.centre, into: image) else {
            try report.error(meta.centre, nil, "the centre is missing")
            return false
        }
        if let problem = CheckedPages.problem(image, kind: HnswLayout.centreKind) {
            try report.error(meta.centre, nil, problem)
            return false
        }
        let item = try report.attempt(meta.centre, 1) { () throws(ServerError) in
            try image.item(1)
        }
        guard let item = item ?? nil, item.count == meta.dimensions * 4,
            let start = item.baseAddress
        else {
            try report.error(meta.centre, 1, "the centre is missing")
            return false
        }
        for component in 0..<meta.dimensions where !start.f32(component * 4).isFinite {
            try report.error(meta.centre, 1, "the centre has a component that is not finite")
            return false
        }
        return true
    }

    mutating func run() throws(ServerError) {
        guard let meta, graph != nil else {
            if let meta, meta.entry != nil {
                try report.error(
                    HnswLayout.metaBlock, 1, "there is an entry point, but there are no nodes")
            }
            return
        }
        var source = memory
        let pageCount = Int(endBlock) - Int(meta.firstNodeBlock)
        if pageCount > 0, pageCount * 4 < CheckMemory.kilobytes * 1024 / 8 {
            numbers = try PlaceNumbers(
                from: Int(meta.firstNodeBlock), pages: pageCount, in: &source)
        }
        var block = meta.firstNodeBlock
        while block < endBlock {
            try checkPage(block)
            block += 1
        }
        try checkOwned()
        // 5 bits for each item while it is found out which can be reached, and from which ones
        if let numbers, numbers.count / 8 * 5 < CheckMemory.kilobytes * 1024 / 2 {
            living = try FixedBits(numbers.count, in: &source)
        }
        try elements.free(in: &source)
        elements = try CheckedElements(
            capacity: max(1024, min(itemCount + 512, CheckMemory.kilobytes * 1024 / 4 / 16)),
            in: &source)
        elementsEnd = meta.firstNodeBlock
        repeat {
            try readElements(from: elementsEnd)
            block = meta.firstNodeBlock
            while block < endBlock {
                try checkLinks(block)
                block += 1
            }
        } while elementsEnd < endBlock
        try elements.free(in: &source)
        elements = try CheckedElements(capacity: 1, in: &source)
        try checkEntryPoint()
        try checkReachability()
    }

    /// Reads the elements of as many pages as there is room for.
    private mutating func readElements(from begin: UInt32) throws(ServerError) {
        guard let graph else { return }
        elements.removeAll()
        ownBlock = nil
        elementsBegin = begin
        elementsEnd = begin
        while elementsEnd < endBlock, elements.hasRoom(for: IndexPage.size / 16) {
            let block = elementsEnd
            elementsEnd += 1
            guard try pages.read(block, into: own), !own.isNew,
                CheckedPages.problem(own, kind: HnswLayout.nodesKind) == nil
            else { continue }
            var offset = 1
            while offset <= own.itemCount {
                let place = NodeReference(block: block, offset: UInt16(truncatingIfNeeded: offset))
                offset += 1
                guard let item = try own.item(Int(place.offset)), let start = item.baseAddress,
                    item.count == graph.layout.nodeBytes, start.u8(0) == HnswLayout.nodeItem
                else { continue }
                let isLive = HnswGraph.isLive(start)
                let level = Int(start.u8(1))
                // What is wrong with the vector has been reported.
                if graph.codes != nil { _ = try readVector(start) }
                _ = elements.append(
                    CheckedElements.Element(
                        place: place.place, level: level, isLive: isLive,
                        fingerprint: fingerprintOfVector()))
                if isLive, let number = number(of: place.place) { _ = living?.insert(number) }
            }
        }
    }

    /// The number of an item, nil if it has none.
    func number(of place: UInt64) -> Int? {
        numbers?.number(page: Int(place >> 16), place: Int(place & 0xFFFF))
    }

    /// Waits until the insertions that are under way have ended.
    func settle() throws(ServerError) {
        try index.lockPage(HnswLayout.metaBlock, ExclusiveLock)
        try index.unlockPage(HnswLayout.metaBlock, ExclusiveLock)
    }

    // MARK: Pass 1

    private mutating func checkPage(_ block: UInt32) throws(ServerError) {
        var count = 0
        defer {
            itemCount += count
            // Without a number for each page there are none for the pages behind it.
            _ = numbers?.append(count)
        }
        guard try pages.read(block, into: own), !own.isNew else { return }
        if let problem = CheckedPages.problem(own, kind: HnswLayout.nodesKind) {
            return try report.error(block, nil, problem)
        }
        count = own.itemCount
        var offset = 1
        while offset <= own.itemCount {
            let place = NodeReference(block: block, offset: UInt16(truncatingIfNeeded: offset))
            offset += 1
            guard let (kind, version) = try itemKind(place, in: own) else { continue }
            if kind == HnswLayout.upperItem || kind == HnswLayout.rowsItem
                || kind == HnswLayout.partItem
            {
                try owned.put(place.place, 0, UInt64(kind) << 16 | UInt64(version))
            }
            if kind == HnswLayout.nodeItem {
                try checkNode(place)
            } else if let problem = try problem(ofItem: place, kind) {
                try report.error(block, offset - 1, problem)
            }
        }
    }

    /// The kind and the version of an item of a page that has been checked, nil where there is none.
    private func itemKind(_ place: NodeReference, in image: IndexPage) throws(ServerError)
        -> (kind: UInt8, version: UInt16)?
    {
        guard let item = try image.item(Int(place.offset)), let start = item.baseAddress else {
            return nil
        }
        return item.count < 8 ? (0, 0) : (start.u8(0), start.u16(2))
    }

    /// What is wrong with an item of the page that is looked at, other than a node, by itself.
    private func problem(ofItem place: NodeReference, _ kind: UInt8) throws(ServerError) -> String?
    {
        guard let graph, let item = try own.item(Int(place.offset)), let start = item.baseAddress
        else { return nil }
        guard
            kind == HnswLayout.upperItem || kind == HnswLayout.rowsItem
                || kind == HnswLayout.partItem
        else { return "an item of kind \(kind) and \(item.count) bytes" }
        guard item.count >= HnswLayout.upperHeaderBytes else { return "its size is \(item.count)" }
        if start.u16(2) == 0 { return "its version is 0" }
        switch kind {
        case HnswLayout.upperItem:
            let level = Int(start.u8(1))
            if level < 1 || level > graph.shape.maximumLevel { return "its level is \(level)" }
            if item.count != graph.layout.upperBytes(level: level) {
                return "its size is \(item.count), not \(graph.layout.upperBytes(level: level))"
            }
            for level in 1...level
            where Int(start.u16(graph.layout.upperOffset(level))) > graph.shape.links {
                return
                    "it has \(start.u16(graph.layout.upperOffset(level))) links on level \(level)"
            }
            if start.u32(4) != 0 { return "its header is invalid" }
        case HnswLayout.rowsItem:
            if item.count != HnswLayout.rowsItemBytes { return "its size is \(item.count)" }
            if Int(start.u16(4)) > HnswLayout.rowsPerItem { return "it has \(start.u16(4)) rows" }
            if start.u8(1) > 1 || start.u16(6) != 0 { return "its header is invalid" }
            if start.u8(1) == 1, start.u16(4) != 0 { return "it is closed, but has rows" }
        default:
            guard graph.layout.vector.isInParts else {
                return "a part of a vector in an index whose vectors have no parts"
            }
            if item.count != graph.layout.vector.partBytes { return "its size is \(item.count)" }
            if Int(start.u8(1)) >= graph.layout.vector.parts { return "it is part \(start.u8(1))" }
            if start.u32(4) != 0 { return "its header is invalid" }
        }
        return nil
    }

    /// Looks at a node by itself, and notes what it has.
    private mutating func checkNode(_ place: NodeReference) throws(ServerError) {
        guard let graph else { return }
        var looks = 1
        while true {
            let found = try report.attempt(place.block, Int(place.offset)) {
                () throws(ServerError) in
                try graph.node(place, in: own)
            }
            guard let start = found ?? nil else { return }
            let problem = try problem(ofNode: place, start)
            // Vacuum may have been faster; a node of which it has removed something is gone next time.
            if problem == nil || looks == 3 {
                if let problem { try report.error(place.block, Int(place.offset), problem) }
                return try note(place, start)
            }
            looks += 1
            try settle()
            guard try pages.read(place.block, into: own), !own.isNew,
                CheckedPages.problem(own, kind: HnswLayout.nodesKind) == nil
            else { return }
        }
    }

    private mutating func note(_ place: NodeReference, _ start: UnsafeMutableRawPointer)
        throws(ServerError)
    {
        guard let graph else { return }
        var source = memory
        let fingerprint = Fingerprint.of(vector, graph.shape.dimensions)
        for slot in 0..<nodeRows.count
        where !(try rows.add(nodeRows[slot], at: place.place, fingerprint: fingerprint)) {
            try report.error(
                place.block, Int(place.offset), "\(rowName(nodeRows[slot])) is not a valid heap TID"
            )
        }
        for slot in 0..<nodeItems.count {
            try owned.put(nodeItems[slot].place, place.place, 0)
        }
        let level = Int(start.u8(1))
        if HnswGraph.isLive(start), high.count < HnswCheck.mostHigh,
            level > meta?.entry?.level ?? -1
        {
            try high.append(place.place, in: &source)
        }
        let norm = graph.metric.kernels.squaredNorm(vector, graph.shape.dimensions).squareRoot()
        if let meta, meta.precision == .half, norm > meta.largestNorm {
            // Another insertion may have raised it since.
            guard try pages.read(HnswLayout.metaBlock, into: other) else { return }
            let now = try report.attempt(HnswLayout.metaBlock, 1) { () throws(ServerError) in
                try HnswMeta(in: other, of: index)
            }
            if let now, norm > now.largestNorm {
                try report.error(
                    place.block, Int(place.offset),
                    "the norm of its vector exceeds the largest norm in the metapage")
            }
        }
    }

    /// The fingerprint of the code of the vector that was read last.
    mutating func fingerprintOfVector() -> UInt64 {
        guard let scratch, let codes = graph?.codes else { return 0 }
        let code = codes.code(of: vector, scratch: scratch)
        return HnswCheck.fingerprint(code, bytes: codes.query.layout.codeBytes)
    }

    /// The fingerprint of a code and its factors.
    static func fingerprint(_ code: HnswCode, bytes: Int) -> UInt64 {
        var fingerprint = Fingerprint()
        fingerprint.add(
            UInt64(code.factors.squaredNorm.bitPattern) << 32
                | UInt64(code.factors.scale.bitPattern))
        fingerprint.add(code.bytes, count: bytes)
        return fingerprint.value
    }
}
