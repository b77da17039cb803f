import CPostgres
import NearestNeighbors
import PostgresServer

/// The check of a pase_ivfflat index: its centroids and their codes, each list from its first group to its
/// last, and the pages that no list has.
struct IvfflatCheck {
    let index: ServerRelation
    let report: CheckReport
    let memory: ServerMemory
    let source: CheckedPages
    /// The page that is looked at.
    let own: IndexPage
    /// One that it leads to.
    let other: IndexPage
    /// Nil where the metapage is damaged.
    let meta: IvfflatMeta?
    /// Nil where the metapage is damaged, or the index has no dimensions yet.
    let room: Room?
    /// The rows of the table, with the blocks and slots where they are.
    let rows: CheckedRows
    /// The pages that something leads to.
    var met: FixedBits
    let endBlock: UInt32

    /// What depends on the index's dimensions.
    struct Room {
        let pages: IvfflatPages
        let metric: Metric
        let encoder: VectorEncoder
        let centroid: UnsafeMutablePointer<Float>
        let mean: UnsafeMutablePointer<Float>
        let rotated: UnsafeMutablePointer<Float>
        /// All vectors of a group.
        let vectors: UnsafeMutableRawPointer

        init(_ index: ServerRelation, _ meta: IvfflatMeta, _ memory: ServerMemory)
            throws(ServerError)
        {
            pages = IvfflatPages(index, meta, .logged)
            metric = Metric(meta.metric, kernels)
            encoder = try meta.encoder(in: memory)
            centroid = try memory.allocate(meta.dimensions, of: Float.self, zeroed: true)
            mean = try memory.allocate(meta.dimensions, of: Float.self, zeroed: true)
            rotated = try memory.allocate(
                encoder.code.paddedDimensions, of: Float.self, zeroed: true)
            vectors = try memory.allocate(
                bytes: pages.layout.vectorPages * IvfflatLayout.vectorPageBytes, zeroed: true)
        }

        func vector(_ slot: Int) -> UnsafePointer<Float> {
            UnsafePointer(
                (vectors + slot * pages.layout.dimensions * 4).assumingMemoryBound(to: Float.self))
        }
    }

    init(
        _ index: ServerRelation, _ report: CheckReport, _ rows: CheckedRows, _ memory: ServerMemory
    ) throws(ServerError) {
        self.index = index
        self.report = report
        self.rows = rows
        self.memory = memory
        source = try CheckedPages(index)
        own = try IndexPage(in: memory)
        other = try IndexPage(in: memory)
        endBlock = try index.blockCount()
        var memory = memory
        met = try FixedBits(Int(endBlock), in: &memory)
        meta = try IvfflatCheck.readMeta(index, source, own, report)
        if let meta, meta.dimensions > 0 {
            room = try Room(index, meta, memory)
        } else {
            room = nil
        }
    }

    private static func readMeta(
        _ index: ServerRelation, _ source: CheckedPages, _ image: IndexPage, _ report: CheckReport
    ) throws(ServerError) -> IvfflatMeta? {
        let block = MetapageItem.block
        guard try source.read(block, into: image) else {
            try report.error(block, nil, "the metapage is missing")
            return nil
        }
        if let problem = CheckedPages.problem(image, kind: MetapageItem.pageKind) {
            try report.error(block, nil, problem)
        }
        let meta = try report.attempt(block, 1) { () throws(ServerError) in
            try IvfflatMeta(in: image, of: index)
        }
        guard let meta else { return nil }
        let asked = try indexMetric(index)
        if asked != meta.metric {
            try report.error(
                block, 1,
                "the metric is \(meta.metric.rawValue), but that of the operator class is \(asked.rawValue)"
            )
            return nil
        }
        return meta
    }

    mutating func run() throws(ServerError) {
        _ = met.insert(Int(MetapageItem.block))
        guard let room, let meta, try checkCentroids(room) else { return }
        try checkCentroidCodes(room)
        for list in 0..<meta.lists { try checkList(list, room) }
        try checkOtherPages()
    }

    // MARK: Centroids

    /// - Returns: false where it makes no sense to go on.
    private func checkCentroids(_ room: Room) throws(ServerError) -> Bool {
        let pages = room.pages
        let lists = pages.meta.lists
        let dimensions = pages.layout.dimensions
        let sums = try memory.allocate(dimensions, of: Double.self, zeroed: true)
        var list = 0
        while list <= lists {
            let block = pages.place(of: list).block
            let end = min(list + pages.layout.centroidsPerPage, lists + 1)
            guard block < endBlock, try source.read(block, into: own) else {
                try report.error(MetapageItem.block, 1, "there is no block \(block) with centroids")
                return false
            }
            guard met.insert(Int(block)) else {
                try report.error(block, nil, "a page of centroids is also used as another page")
                return false
            }
            if let problem = CheckedPages.problem(own, kind: IvfflatLayout.centroidsKind) {
                try report.error(block, nil, problem)
                return false
            }
            if own.itemCount != end - list {
                try report.error(
                    block, nil, "there are \(own.itemCount) centroids, not \(end - list)")
                return false
            }
            while list < end {
                let item = pages.place(of: list).offset
                let start = try report.attempt(block, item) { () throws(ServerError) in
                    try pages.centroid(list, in: own)
                }
                guard let start else { return false }
                let centroid = start + IvfflatLayout.centroidHeaderBytes
                for component in 0..<dimensions {
                    let value = centroid.f32(component * 4)
                    guard value.isFinite else {
                        try report.error(block, item, "a component of the centroid is not finite")
                        return false
                    }
                    if list < lists {
                        sums[component] += Double(value)
                    } else {
                        room.mean[component] = value
                    }
                }
                if start.u64(8) != 0 || (list == lists && start.u64(0) != 0) {
                    try report.error(block, item, "the header of the centroid is invalid")
                }
                list += 1
            }
        }
        for component in 0..<dimensions
        where room.mean[component] != Float(sums[component] / Double(lists)) {
            let place = pages.place(of: lists)
            try report.error(place.block, place.offset, "the mean of the centroids is wrong")
            break
        }
        memory.free(sums)
        return true
    }

    private func checkCentroidCodes(_ room: Room) throws(ServerError) {
        let pages = room.pages
        let slots = pages.layout.centroidCodesPerPage
        let codePages = pages.centroidCodePages
        for page in 0..<codePages.count {
            let block = codePages.first &+ UInt32(truncatingIfNeeded: page)
            guard block < endBlock, try source.read(block, into: own), met.insert(Int(block)) else {
                return try report.error(
                    MetapageItem.block, 1, "there is no block \(block) with codes of centroids")
            }
            if let problem = CheckedPages.problem(own, kind: IvfflatLayout.centroidCodesKind) {
                try report.error(block, nil, problem)
                continue
            }
            let codes = try report.attempt(block, 1) { () throws(ServerError) in
                try pages.centroidCodes(own, block)
            }
            guard let codes else { continue }
            let first = page * slots
            for list in first..<min(first + slots, pages.meta.lists) {
                guard try copyCentroid(list, room) else { continue }
                let factors = room.encoder.encode(room.centroid, from: room.mean)
                if !codes.holds(room.encoder.bytes, factors, slot: list - first) {
                    try report.error(
                        block, 1, "the code of the centroid of list \(list) is wrong")
                }
            }
        }
    }

    /// Copies the centroid of a list, whose page was found right, out of the other page.
    private func copyCentroid(_ list: Int, _ room: Room) throws(ServerError) -> Bool {
        guard let start = try centroidItem(list, room) else { return false }
        UnsafeMutableRawPointer(room.centroid).copyMemory(
            from: start + IvfflatLayout.centroidHeaderBytes,
            byteCount: room.pages.layout.dimensions * 4)
        return true
    }

    private func centroidItem(_ list: Int, _ room: Room) throws(ServerError)
        -> UnsafeMutableRawPointer?
    {
        guard try source.read(room.pages.place(of: list).block, into: other) else { return nil }
        return try room.pages.centroid(list, in: other)
    }

    // MARK: Lists

    private mutating func checkList(_ list: Int, _ room: Room) throws(ServerError) {
        guard try copyCentroid(list, room), let start = try centroidItem(list, room) else { return }
        let place = room.pages.place(of: list)
        let hint = start.u32(4)
        var from = place.block
        var block = start.u32(0)
        var hintIsMet = hint == 0
        var groups = 0
        while block != 0 {
            let end = try index.blockCount()
            guard block < end else {
                return try report.error(
                    from, nil,
                    "list \(list) leads to block \(block), but the index has \(end) blocks")
            }
            groups += 1
            guard block >= endBlock || met.insert(Int(block)), groups <= Int(end) else {
                return try report.error(
                    from, nil, "list \(list) leads to block \(block), which is already in use")
            }
            if block == hint { hintIsMet = true }
            guard let next = try checkGroup(block, list, room) else { return }
            from = block
            block = next
        }
        // The list may have become longer since.
        if !hintIsMet, !(try isGroup(hint, of: list, room)) {
            try report.error(
                place.block, place.offset,
                "insertions into list \(list) would begin at block \(hint), which is not in it")
        }
    }

    private func isGroup(_ block: UInt32, of list: Int, _ room: Room) throws(ServerError) -> Bool {
        guard let group = try readGroup(block, room) else { return false }
        return Int(group.u32(4)) == list
    }

    /// The item of a codes page, which is copied into the page that is looked at; nil if there is none.
    private func readGroup(_ block: UInt32, _ room: Room) throws(ServerError)
        -> UnsafeMutableRawPointer?
    {
        guard try source.read(block, into: own),
            CheckedPages.problem(own, kind: IvfflatLayout.codesKind) == nil,
            let item = try own.item(1), item.count == room.pages.layout.groupBytes,
            let start = item.baseAddress, Int(start.u16(8)) <= room.pages.layout.slots
        else { return nil }
        return start
    }

    /// Checks a group.
    ///
    /// - Returns: the next of the list, nil where that cannot be told.
    private mutating func checkGroup(_ block: UInt32, _ list: Int, _ room: Room)
        throws(ServerError) -> UInt32?
    {
        let layout = room.pages.layout
        var looks = 1
        while true {
            guard try source.read(block, into: own) else { return nil }
            if let problem = CheckedPages.problem(own, kind: IvfflatLayout.codesKind) {
                try report.error(block, nil, problem)
                return nil
            }
            let group = try report.attempt(block, 1) { () throws(ServerError) in
                try room.pages.group(own, block)
            }
            guard let group else { return nil }
            guard Int(group.u32(4)) == list else {
                try report.error(
                    block, 1, "the page belongs to list \(group.u32(4)), but is in list \(list)")
                return nil
            }
            guard try readVectors(group, block, room, isFirstLook: looks == 1) else {
                return group.u32(0)
            }
            var free = 0
            var suspects = 0
            for slot in 0..<Int(group.u16(8)) {
                let row = group.row(layout.tidsOffset + slot * IvfflatLayout.tidBytes)
                if row & 0xFFFF == 0 {
                    free += 1
                } else if let problem = problem(ofSlot: slot, group, room) {
                    suspects += 1
                    if looks == 3 { try report.error(block, slot, problem) }
                }
            }
            // A slot may have been freed and used again between the page and its vectors.
            if suspects > 0, looks < 3 {
                looks += 1
                continue
            }
            if free != Int(group.u16(10)) {
                try report.error(
                    block, 1, "\(free) slots are free, but \(group.u16(10)) are counted as free")
            }
            if group.u32(12) != 0 { try report.error(block, 1, "its header is invalid") }
            try noteRows(group, block, room)
            return group.u32(0)
        }
    }

    private mutating func noteRows(
        _ group: UnsafeMutableRawPointer, _ block: UInt32, _ room: Room
    ) throws(ServerError) {
        let layout = room.pages.layout
        for slot in 0..<Int(group.u16(8)) {
            let row = group.row(layout.tidsOffset + slot * IvfflatLayout.tidBytes)
            guard row & 0xFFFF != 0 else { continue }
            let place = NodeReference(block: block, offset: UInt16(truncatingIfNeeded: slot))
            let fingerprint = Fingerprint.of(room.vector(slot), layout.dimensions)
            if !(try rows.add(row, at: place.place, fingerprint: fingerprint)) {
                try report.error(block, slot, "\(rowName(row)) is not a valid heap TID")
            }
        }
    }

    /// Copies the vectors of a group together.
    private func readVectors(
        _ group: UnsafeMutableRawPointer, _ block: UInt32, _ room: Room, isFirstLook: Bool
    ) throws(ServerError) -> Bool {
        let pageBytes = IvfflatLayout.vectorPageBytes
        let usedBytes = Int(group.u16(8)) * room.pages.layout.dimensions * 4
        for number in 0..<room.pages.layout.vectorPages {
            let vectors = group.u32(IvfflatLayout.groupHeaderBytes + number * 4)
            if vectors == 0 {
                if number * pageBytes < usedBytes {
                    try report.error(block, 1, "its vectors page \(number) is missing")
                    return false
                }
                continue
            }
            if isFirstLook, vectors < endBlock, !met.insert(Int(vectors)) {
                try report.error(
                    block, 1, "its vectors page is block \(vectors), which is already in use")
                return false
            }
            guard try source.read(vectors, into: other) else {
                try report.error(
                    block, 1, "its vectors page is block \(vectors), which does not exist")
                return false
            }
            if let problem = CheckedPages.problem(other, kind: IvfflatLayout.vectorsKind) {
                try report.error(vectors, nil, problem)
                return false
            }
            let item = try report.attempt(vectors, 1) { () throws(ServerError) in
                try room.pages.vectors(other, vectors)
            }
            guard let item else { return false }
            (room.vectors + number * pageBytes).copyMemory(from: item, byteCount: pageBytes)
        }
        return true
    }

    private func problem(ofSlot slot: Int, _ group: UnsafeMutableRawPointer, _ room: Room)
        -> String?
    {
        let vector = room.vector(slot)
        let dimensions = room.pages.layout.dimensions
        if let problem = vectorProblem(vector, dimensions, room.metric) { return problem }
        room.encoder.rotate(vector, into: room.rotated)
        let factors = room.encoder.encode(room.rotated, from: room.centroid)
        if !room.pages.layout.codes(of: group).holds(room.encoder.bytes, factors, slot: slot) {
            return "its code does not match its vector"
        }
        return nil
    }

    // MARK: The rest

    private func checkOtherPages() throws(ServerError) {
        for block in 0..<endBlock where !met.contains(Int(block)) {
            guard try source.read(block, into: own), !own.isNew else { continue }
            guard let special = own.special(bytes: MetapageItem.specialBytes), own.problem == nil
            else {
                try report.error(block, nil, "the page does not belong to this index")
                continue
            }
            let kind = special.u8(2)
            if let problem = CheckedPages.problem(own, kind: kind) {
                try report.error(block, nil, problem)
            } else if kind != IvfflatLayout.codesKind, kind != IvfflatLayout.vectorsKind {
                try report.error(block, nil, "nothing refers to this page of kind \(kind)")
            } else {
                try report.warning(block, nil, "the page belongs to no list")
            }
        }
    }

    // MARK: See CheckedIndex

    func copyVector(at place: UInt64, into vector: UnsafeMutablePointer<Float>)
        throws(ServerError) -> Bool
    {
        let reference = NodeReference(raw: place << 16)
        guard let room, let group = try readGroup(reference.block, room),
            Int(reference.offset) < Int(group.u16(8))
        else { return false }
        let bytes = room.pages.layout.dimensions * 4
        let pageBytes = IvfflatLayout.vectorPageBytes
        let begin = Int(reference.offset) * bytes
        var position = begin
        while position < begin + bytes {
            let number = position / pageBytes
            let end = min(begin + bytes, (number + 1) * pageBytes)
            let block = group.u32(IvfflatLayout.groupHeaderBytes + number * 4)
            guard block != 0, try source.read(block, into: other),
                CheckedPages.problem(other, kind: IvfflatLayout.vectorsKind) == nil,
                let item = try other.item(1), item.count == pageBytes, let start = item.baseAddress
            else { return false }
            (UnsafeMutableRawPointer(vector) + (position - begin)).copyMemory(
                from: start + position % pageBytes, byteCount: end - position)
            position = end
        }
        return true
    }

    func holds(_ row: UInt64, at place: UInt64) throws(ServerError) -> Bool {
        let reference = NodeReference(raw: place << 16)
        guard let room, let group = try readGroup(reference.block, room),
            Int(reference.offset) < Int(group.u16(8))
        else { return false }
        let layout = room.pages.layout
        return group.row(layout.tidsOffset + Int(reference.offset) * IvfflatLayout.tidBytes) == row
    }
}

extension CodeArray {
    /// Whether a slot has just this code and these factors.
    func holds(_ code: UnsafePointer<UInt8>, _ factors: CodeFactors, slot: Int) -> Bool {
        guard start.u32(slot * 4) == factors.squaredNorm.bitPattern,
            start.u32((layout.slots + slot) * 4) == factors.scale.bitPattern,
            !layout.hasErrors
                || start.u32((layout.slots * 2 + slot) * 4) == factors.error.bitPattern
        else { return false }
        for byte in 0..<layout.codeBytes where self.code(slot)[byte] != code[byte] { return false }
        return true
    }
}
