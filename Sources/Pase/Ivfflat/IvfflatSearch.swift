import CPostgres
import NearestNeighbors
import PostgresServer
import VectorKernels

/// The search of one query: ranks the lists, probes the nearest, and opens further ones as far as the rows that are
/// wanted ask for them.
///
/// The vectors of all opened lists are one pool, of which the nearest is answered next. The rows that the statement's LIMIT
/// asks for come from the lists that the query's effort says, and from as many more as it takes to hold several times
/// as many rows. Behind them a row is answered only while it is nearer than what lists
/// that are still closed are expected to hold (see `ListFrontier`), and before it is not, lists are opened.
///
/// Rows come in strict order of distance. One that a list has nearer than the last row answered comes late, and is not
/// answered.
struct IvfflatSearch {
    private var vectors: IvfflatVectors
    private let metric: Metric
    private var memory: ServerMemory
    /// The query rotated, padded to whole blocks of codes.
    private let rotated: UnsafeMutablePointer<Float>
    private let residual: UnsafeMutablePointer<Float>
    private var codeQuery: CodeQuery
    private let estimates: UnsafeMutablePointer<Float>
    /// The lists that are not opened yet.
    private var ranking: IvfflatRanking
    private var nextList: (list: Int, distance: Float)?
    private var frontier: ListFrontier
    /// How near closed lists may have vectors.
    private var limit = -Float.infinity
    /// Lists opened that hold anything, and lists seen.
    private var openedLists = 0
    private var seenLists = 0
    /// How many standard deviations of an estimate's error the lower bounds leave room for.
    private let confidence: Float
    private var probed: ProbedCodes
    private let memoryLimit: Int
    /// So many rows are answered whatever closed lists may hold.
    private let firstRows: Int
    /// Rows that have been answered.
    private(set) var answered = 0
    /// The distance of the last of them.
    private(set) var last = -Float.infinity
    /// Rows that came too late to be answered.
    private(set) var late = 0

    /// - Parameters:
    ///   - query: of length 1 for the cosine metric.
    ///   - perMille: share of the lists that are opened before the first row is answered.
    ///   - expected: rows that the caller will ask for, 0 if all, nil if it does not say.
    ///   - memoryLimit: bytes that the scan may take in all.
    init(
        _ pages: IvfflatPages, query: UnsafePointer<Float>, perMille: Int, expected: Int?,
        memoryLimit: Int, in memory: ServerMemory
    ) throws(ServerError) {
        firstRows = min(expected ?? IvfflatSearch.usualRows, 1 << 40)
        // What grows is there twice for a while, and the rows that were answered take their part.
        let memoryLimit = memoryLimit / 4
        self.memoryLimit = memoryLimit
        self.memory = memory
        let layout = pages.layout
        let code = CodeLayout(dimensions: layout.dimensions, bits: layout.bits)
        metric = Metric(pages.meta.metric, kernels)
        rotated = try memory.allocate(code.paddedDimensions, of: Float.self)
        residual = try memory.allocate(code.paddedDimensions, of: Float.self)
        estimates = try memory.allocate(layout.slots, of: Float.self)
        codeQuery = CodeQuery(
            code, codeKernels,
            components: try memory.allocate(code.paddedDimensions, of: Int8.self))
        var source = memory
        probed = try ProbedCodes(
            poolSize: 64, largestPoolSize: memoryLimit / 64, capacity: 4096, in: &source)
        vectors = IvfflatVectors(
            pages, metric, query, scratch: try memory.allocate(layout.dimensions, of: Float.self),
            try GrowableArray(capacity: 1024, in: &source), memory)
        frontier = ListFrontier(
            isEuclidean: metric.kind == .squaredEuclidean,
            deviations: IvfflatSearch.frontierDeviations)
        let lists = max(1, pages.meta.lists * perMille / 1000)
        // Who asks for all lists wants the exact answer.
        let isShort = (1...IvfflatSearch.shortRows).contains(firstRows)
        confidence = lists >= pages.meta.lists ? 8 : isShort ? 3 : 4.5
        code.writeResidual(of: query, from: nil, into: rotated)
        Rotation(
            dimensions: layout.dimensions, seed: pages.meta.rotationSeed, codeKernels
        ).apply(rotated)
        ranking = try IvfflatRanking(
            pages, wanted: lists, rotated, metric, query: &codeQuery, residual: residual,
            memory)
        nextList = try ranking.next(pages)
        try open(lists, rows: firstRows &* IvfflatSearch.openedRows)
    }

    /// Where nobody says how many rows are wanted: what most queries ask for.
    private static var usualRows: Int { 10 }
    /// Rows that the opened lists hold for each row that is wanted, at least.
    private static var openedRows: Int { 20 }

    /// Who wants more rows is told later of a vector that is nearer than the bound of its code, and more rows come before it.
    private static var shortRows: Int { 100 }

    /// See `ListFrontier`. With 3.5 less than one in ten thousand of a list's vectors is nearer than expected.
    private static var frontierDeviations: Double { 3.5 }

    /// The index's pages.
    var pages: IvfflatPages {
        get { vectors.pages }
        set { vectors.pages = newValue }
    }

    /// Whether the codes of the opened lists take up the memory.
    var isOverMemory: Bool { probed.memoryBytes &+ vectors.memoryBytes > memoryLimit }

    /// Rows in all lists, if the opened ones are like the others.
    var rowEstimate: Double {
        Double(probed.slotCount) * Double(max(1, pages.meta.lists)) / Double(max(1, seenLists))
    }

    /// The next nearest row with its distance; nil after the last, or when the search has used up its memory.
    mutating func next() throws(ServerError) -> (row: UInt64, distance: Float)? {
        while !isOverMemory {
            let within = answered < firstRows ? .infinity : limit
            if let found = try probed.next(within: within, in: &vectors) {
                guard found.distance >= last else {
                    late &+= 1
                    continue
                }
                let block = vectors.blocks(of: found.candidate.group)[0]
                if let row = try readRow(block, found.candidate.slot) {
                    last = found.distance
                    answered &+= 1
                    return (row, found.distance)
                }
            } else if nextList != nil {
                // Always a share of what is open, so that sorting them in costs as little.
                try open(max(1, openedLists / 8))
            } else {
                return nil
            }
        }
        return nil
    }

    // MARK: Lists

    /// Opens so many of the next lists, or more until so many rows are held.
    private mutating func open(_ wanted: Int, rows: Int = 0) throws(ServerError) {
        var left = wanted
        while left > 0 || probed.slotCount < rows, !isOverMemory, let nearest = nextList {
            if try probe(nearest.list, centroidDistance: nearest.distance) {
                left -= 1
                openedLists += 1
            }
            seenLists += 1
            nextList = try ranking.next(pages)
        }
        if let nextList {
            limit = frontier.nearest(centroidDistance: nextList.distance)
        } else {
            limit = .infinity
        }
    }

    /// Scans the codes of a list.
    ///
    /// - Returns: false if it has none.
    private mutating func probe(_ list: Int, centroidDistance: Float) throws(ServerError) -> Bool {
        let place = pages.place(of: list)
        let locked = try pages.open(place.block, IvfflatLayout.centroidsKind, .shared)
        let start = try pages.centroid(list, in: locked.page)
        var block = start.u32(0)
        guard block != 0 else {
            try locked.close()
            return false
        }
        try pages.hints.announcePage(block, of: pages.index)
        let centroid = (start + IvfflatLayout.centroidHeaderBytes)
            .assumingMemoryBound(to: Float.self)
        if metric.kind != .innerProduct {
            codeQuery.layout.writeResidual(of: rotated, from: centroid, into: residual)
        }
        try locked.close()
        switch metric.kind {
        case .squaredEuclidean:
            codeQuery.prepareEuclidean(residual, confidence: confidence)
        case .cosine: codeQuery.prepareUnit(residual, confidence: confidence)
        case .innerProduct:
            codeQuery.prepareInnerProduct(
                rotated, base: centroidDistance, confidence: confidence)
        }
        var chain = ChainGuard()
        while block != 0 {
            try checkInterrupts()
            try pages.checkChain(&chain, block)
            block = try scanGroup(block, centroidDistance)
        }
        return true
    }

    /// Bounds the distances of a group's vectors.
    ///
    /// - Returns: the next group of the list, 0 after the last.
    private mutating func scanGroup(_ block: UInt32, _ centroidDistance: Float) throws(ServerError)
        -> UInt32
    {
        let layout = pages.layout
        let locked = try pages.open(block, IvfflatLayout.codesKind, .shared)
        let start = try pages.group(locked.page, block)
        let used = Int(start.u16(8))
        let next = start.u32(0)
        if next != 0 { try pages.hints.announcePage(next, of: pages.index) }
        let bounds = try probed.roomForGroup(used, in: &memory)
        layout.codes(of: start).bound(
            codeQuery, count: used, estimates: estimates, into: bounds)
        if start.u16(10) > 0 {
            for slot in 0..<used
            where start.u16(layout.tidsOffset + slot * IvfflatLayout.tidBytes + 4) == 0 {
                bounds[slot] = .infinity
            }
        }
        try vectors.addGroup(block, start)
        try locked.close()
        frontier.add(estimates, count: used, centroidDistance: centroidDistance)
        try probed.addGroup(count: used, in: &memory)
        return next
    }

    // MARK: Rows

    /// The row in a slot of a codes page, nil if it has been removed.
    private func readRow(_ block: UInt32, _ slot: Int) throws(ServerError) -> UInt64? {
        let locked = try pages.open(block, IvfflatLayout.codesKind, .shared)
        let start = try pages.group(locked.page, block)
        let row = start.row(pages.layout.tidsOffset + slot * IvfflatLayout.tidBytes)
        try locked.close()
        return row & 0xFFFF == 0 ? nil : row
    }
}
