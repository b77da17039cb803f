import CPostgres
import NearestNeighbors
import PostgresServer
import VectorKernels

/// The search of one query: ranks the lists, probes the nearest, and goes on to the next ones for as long
/// as rows are wanted.
///
/// Rows come in strict order of distance. What a later list has nearer than the last row answered is
/// held back to the very end.
struct IvfflatSearch {
    private var vectors: IvfflatVectors
    private let metric: Metric
    private var memory: ServerMemory
    /// The query rotated, padded to whole blocks of codes.
    private let rotated: UnsafeMutablePointer<Float>
    private let residual: UnsafeMutablePointer<Float>
    private var codeQuery: CodeQuery
    private let estimates: UnsafeMutablePointer<Float>
    /// The lists that are not probed yet.
    private var ranking: IvfflatRanking
    private let listsPerRound: Int
    /// How many standard deviations of an estimate's error the lower bounds leave room for.
    private let confidence: Float
    private var probed: ProbedCodes
    private var late: BinaryHeap<NearestFirst>
    private var last = -Float.infinity

    /// - Parameters:
    ///   - query: of length 1 for the cosine metric.
    ///   - perMille: share of the lists that are probed in one round.
    init(
        _ pages: IvfflatPages, query: UnsafePointer<Float>, perMille: Int, in memory: ServerMemory
    ) throws(ServerError) {
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
        probed = try ProbedCodes(poolSize: 64, capacity: 4096, in: &source)
        vectors = IvfflatVectors(
            pages, metric, query, try GrowableArray(capacity: 1024, in: &source), memory)
        late = try BinaryHeap(capacity: 16, in: &source)
        listsPerRound = max(1, pages.meta.lists * perMille / 1000)
        // Who asks for all lists wants the exact answer.
        confidence = listsPerRound >= pages.meta.lists ? 8 : 3
        code.writeResidual(of: query, from: nil, into: rotated)
        Rotation(
            dimensions: layout.dimensions, seed: pages.meta.rotationSeed, codeKernels
        ).apply(rotated)
        ranking = try IvfflatRanking(
            pages, wanted: listsPerRound, rotated, metric, query: &codeQuery, residual: residual,
            memory)
        _ = try probeRound()
    }

    /// The index's pages.
    var pages: IvfflatPages {
        get { vectors.pages }
        set { vectors.pages = newValue }
    }

    /// The distance of the row last answered; of rows held back, that of the row before them.
    var distance: Float { last }

    /// The next nearest row, nil after the last.
    mutating func next() throws(ServerError) -> UInt64? {
        while true {
            if let found = try probed.next(in: &vectors) {
                let place = vectors.blocks(of: found.candidate.group)[0]
                let node = NodeReference(
                    block: place, offset: UInt16(truncatingIfNeeded: found.candidate.slot))
                guard found.distance >= last else {
                    try late.push(
                        ScoredNode(distance: found.distance, node: node), in: &memory)
                    continue
                }
                last = found.distance
                if let row = try readRow(node) { return row }
            } else if try probeRound() {
                continue
            } else if late.count > 0 {
                if let row = try readRow(late.pop().node) { return row }
            } else {
                return nil
            }
        }
    }

    // MARK: Lists

    /// Scans the codes of the next lists.
    ///
    /// - Returns: false when there is no list left.
    private mutating func probeRound() throws(ServerError) -> Bool {
        probed.removeAll()
        vectors.groupBlocks.count = 0
        var left = listsPerRound
        while left > 0 {
            guard let nearest = try ranking.next(pages) else { return left < listsPerRound }
            if try probe(nearest.list, centroidDistance: nearest.distance) { left -= 1 }
        }
        return true
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
            block = try scanGroup(block)
        }
        return true
    }

    /// Bounds the distances of a group's vectors.
    ///
    /// - Returns: the next group of the list, 0 after the last.
    private mutating func scanGroup(_ block: UInt32) throws(ServerError) -> UInt32 {
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
        try probed.addGroup(count: used, in: &memory)
        return next
    }

    // MARK: Rows

    /// The row in a slot of a codes page, nil if it has been removed.
    private func readRow(_ node: NodeReference) throws(ServerError) -> UInt64? {
        let locked = try pages.open(node.block, IvfflatLayout.codesKind, .shared)
        let start = try pages.group(locked.page, node.block)
        let row = start.row(
            pages.layout.tidsOffset + Int(node.offset) * IvfflatLayout.tidBytes)
        try locked.close()
        return row & 0xFFFF == 0 ? nil : row
    }
}
