import CPostgres
import NearestNeighbors
import PostgresServer
import VectorKernels

/// The lists by the distance of their centroids from a query, the nearest first, found one at a time.
///
/// It is the search of a list on a small scale: all centroids have codes, and a centroid itself is read
/// only where the bound of its code says that it may be the next.
struct IvfflatRanking {
    private var probed: ProbedCodes
    private let rotated: UnsafePointer<Float>
    private let metric: Metric
    private let memory: ServerMemory

    /// Bounds the distances of all centroids.
    ///
    /// - Parameters:
    ///   - wanted: how many lists the caller will probably ask for.
    ///   - rotated: the query, rotated and padded to whole blocks of codes; kept.
    ///   - query: room for a query of codes; its preparation is lost.
    ///   - residual: room for a vector like `rotated`.
    init(
        _ pages: IvfflatPages, wanted: Int, _ rotated: UnsafePointer<Float>, _ metric: Metric,
        query: inout CodeQuery, residual: UnsafeMutablePointer<Float>, _ memory: ServerMemory
    ) throws(ServerError) {
        self.rotated = rotated
        self.metric = metric
        self.memory = memory
        var memory = memory
        let slots = pages.layout.centroidCodesPerPage
        probed = try ProbedCodes(
            poolSize: min(wanted + wanted / 2 + 8, pages.meta.lists), capacity: pages.meta.lists,
            in: &memory)
        try pages.copyCentroid(pages.meta.lists, into: residual)
        // A centroid need not have length 1, so this is what the cosine's are ranked by as well.
        if metric.kind == .squaredEuclidean {
            query.layout.writeResidual(of: rotated, from: residual, into: residual)
            query.prepareEuclidean(residual, confidence: IvfflatRanking.confidence)
        } else {
            let base = metric.distance(rotated, residual, pages.layout.dimensions)
            query.prepareInnerProduct(
                rotated, base: base, confidence: IvfflatRanking.confidence)
        }
        let estimates = try memory.allocate(slots, of: Float.self)
        let codePages = pages.centroidCodePages
        for page in 0..<codePages.count {
            try checkInterrupts()
            let block = codePages.first &+ UInt32(truncatingIfNeeded: page)
            if page + 1 < codePages.count {
                try pages.hints.announcePage(block &+ 1, of: pages.index)
            }
            let locked = try pages.open(block, IvfflatLayout.centroidCodesKind, .shared)
            let count = min(slots, pages.meta.lists - page * slots)
            try pages.centroidCodes(locked.page, block).bound(
                query, count: count, estimates: estimates,
                into: probed.roomForGroup(count, in: &memory))
            try locked.close()
            try probed.addGroup(count: count, in: &memory)
        }
        memory.free(estimates)
    }

    /// Standard deviations of an estimate's error that the bounds leave room for: one list in a thousand
    /// comes late.
    private static var confidence: Float { 3 }

    /// The next list and the distance of its centroid, nil after the last.
    mutating func next(_ pages: IvfflatPages) throws(ServerError)
        -> (list: Int, distance: Float)?
    {
        var storage = Storage(
            pages: pages, rotated: rotated, metric: metric, memory: memory)
        guard let found = try probed.next(in: &storage) else { return nil }
        return (storage.list(of: found.candidate), found.distance)
    }

    private struct Storage: ListStorage {
        typealias Failure = ServerError

        let pages: IvfflatPages
        let rotated: UnsafePointer<Float>
        let metric: Metric
        let memory: ServerMemory

        func list(of candidate: ListCandidate) -> Int {
            candidate.group * pages.layout.centroidCodesPerPage + candidate.slot
        }

        func distance(of candidate: ListCandidate) throws(ServerError) -> Float {
            let list = list(of: candidate)
            let locked = try pages.open(
                pages.place(of: list).block, IvfflatLayout.centroidsKind, .shared)
            let centroid =
                try pages.centroid(list, in: locked.page) + IvfflatLayout.centroidHeaderBytes
            let distance = metric.distance(
                rotated, centroid.assumingMemoryBound(to: Float.self), pages.layout.dimensions)
            try locked.close()
            return distance
        }

        func prefetch(_ candidate: ListCandidate) {
            let place = pages.place(of: list(of: candidate))
            pages.hints.prefetch(
                place.block, offset: pages.layout.centroidOffset(place.offset),
                bytes: pages.layout.centroidBytes)
        }

        func allocate(bytes count: Int) throws(ServerError) -> UnsafeMutableRawPointer {
            try memory.allocate(bytes: count)
        }

        func release(_ pointer: UnsafeMutableRawPointer) throws(ServerError) {
            memory.free(pointer)
        }
    }
}
