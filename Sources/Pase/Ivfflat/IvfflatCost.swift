import CPostgres
import NearestNeighbors
import PostgresServer

/// `amcostestimate`.
///
/// Before the first row all centroids are looked at, the codes of the probed lists scanned, and some vectors read. For further
/// rows vectors are read, and more lists opened.
@_cdecl("pase_ivfflat_cost_estimate_body")
func ivfflatCostEstimate(
    _ root: UnsafeMutablePointer<PlannerInfo>?, _ path: UnsafeMutablePointer<IndexPath>?,
    _ loopCount: Double, _ startup: UnsafeMutablePointer<Cost>?,
    _ total: UnsafeMutablePointer<Cost>?, _ selectivity: UnsafeMutablePointer<Selectivity>?,
    _ correlation: UnsafeMutablePointer<Double>?, _ pages: UnsafeMutablePointer<Double>?
) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        let estimate = try IvfflatCost.estimate(root, path, loopCount) ?? .never
        estimate.answer(path, startup, total, selectivity, correlation, pages)
    }
}

private enum IvfflatCost {
    /// Share of the codes' pages in the pages of a list.
    static let codesShare = 1.0 / 7
    /// Share of a sequential page read that a page of codes is charged: it is mostly in memory.
    static let codePageShare = 1.0 / 4
    /// What a code costs, in calls of a simple operator.
    static let codeOperators = 0.25
    /// Vectors that are read for the first rows, and the share of a random page read that each is charged.
    static let vectorsRead = 100.0
    static let vectorShare = 1.0 / 16
    /// The same of what is read for each further row.
    static let furtherShare = 1.0 / 2
    /// Rows of the opened lists for each row that is answered.
    static let rowsForEach = 8.0

    /// Nil where the index is not to be taken.
    static func estimate(
        _ root: UnsafeMutablePointer<PlannerInfo>?, _ path: UnsafeMutablePointer<IndexPath>?,
        _ loopCount: Double
    ) throws(ServerError) -> ScanEstimate? {
        // Without ORDER BY, as where only rows are counted, nothing of the index is of use, so it need not be readable.
        guard let path, path.pointee.indexorderbys != nil, let info = path.pointee.indexinfo
        else { return nil }
        let index = try ServerRelation.openIndex(info.pointee.indexoid, NoLock)
        let meta = try IvfflatMeta.read(index)
        try index.closeIndex(NoLock)
        // Built without a row, and with none since, it has its metapage and those of one centroid.
        guard
            let order = try PlannedOrder(
                root, path, metric: meta.metric, dimensions: meta.dimensions,
                isEmpty: info.pointee.pages <= 3, maximumEffort: IvfflatOptions.maximumPerMille)
        else { return nil }
        let perMille = order.mayHaveAnyEffort ? 0 : SearchEffort.perMille(order.effort)

        var costs = PaseCosts()
        try check(pase_path_costs(root, path, loopCount, &costs))
        let price = ScanPrice(costs)
        let lists = Double(max(1, meta.lists))
        let share = min(1, max(1 / lists, Double(perMille) / 1000))
        let all =
            ScanPrice.bounded(costs.index_pages) * codesShare * codePageShare
            * costs.sequential_page_cost
            + price.tuples * pase_cpu_operator_cost() * codeOperators
        let vectors = min(price.tuples, vectorsRead)
        let first =
            costs.random_page_cost + lists * pase_cpu_operator_cost() + share * all
            + vectors * costs.random_page_cost * vectorShare
        let opened = min(1, price.walked * rowsForEach / price.tuples)
        let further =
            max(0, opened - share) * all
            + max(0, price.walked - vectors) * costs.random_page_cost * furtherShare
            * price.conditionFactor
        return price.estimate(first: first, further: further, order)
    }
}
