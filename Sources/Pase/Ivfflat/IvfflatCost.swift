import CPostgres
import NearestNeighbors
import PostgresServer

/// `amcostestimate`.
///
/// Before the first row all centroids are looked at and the codes of the probed lists scanned; that is
/// the startup cost. Further rows cost the share of the rest that they make the scan go on to.
@_cdecl("pase_ivfflat_cost_estimate_body")
func ivfflatCostEstimate(
    _ root: UnsafeMutablePointer<PlannerInfo>?, _ path: UnsafeMutablePointer<IndexPath>?,
    _ loopCount: Double, _ startup: UnsafeMutablePointer<Cost>?,
    _ total: UnsafeMutablePointer<Cost>?, _ selectivity: UnsafeMutablePointer<Selectivity>?,
    _ correlation: UnsafeMutablePointer<Double>?, _ pages: UnsafeMutablePointer<Double>?
) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        let cost = try IvfflatCost(root, path, loopCount)
        startup?.pointee = cost.startup
        total?.pointee = cost.total
        selectivity?.pointee = cost.selectivity
        correlation?.pointee = 0
        pages?.pointee = cost.pages
        if cost.total.isInfinite, let path { pase_path_rule_out(path) }
    }
}

private struct IvfflatCost {
    /// Share of the codes' pages in the pages of a list.
    private static let codesShare = 1.0 / 7
    /// What a code costs, in calls of a simple operator.
    private static let codeOperators = 0.25
    /// Vectors that are read for the first rows.
    private static let vectorsRead = 100.0

    var startup = Double.infinity
    var total = Double.infinity
    var selectivity = 0.0
    var pages = 0.0

    init(
        _ root: UnsafeMutablePointer<PlannerInfo>?, _ path: UnsafeMutablePointer<IndexPath>?,
        _ loopCount: Double
    ) throws(ServerError) {
        guard let path, let info = path.pointee.indexinfo else { return }
        let index = try ServerRelation.openIndex(info.pointee.indexoid, NoLock)
        let meta = try IvfflatMeta.read(index)
        try index.closeIndex(NoLock)
        // Built without a row, and with none since, it has its metapage and those of one centroid.
        guard
            let order = try PlannedOrder(
                root, path, metric: meta.metric, dimensions: meta.dimensions,
                isEmpty: info.pointee.pages <= 3, maximumEffort: IvfflatOptions.maximumPerMille)
        else { return }
        let perMille = order.effort ?? IvfflatOptions.defaultPerMille

        var costs = PaseCosts()
        try check(pase_path_costs(root, path, loopCount, &costs))
        let rows = max(1, costs.index_tuples)
        let lists = Double(max(1, meta.lists))
        let share = min(1, max(1 / lists, Double(perMille) / 1000))
        let codePages = costs.index_pages * IvfflatCost.codesShare
        let perRow = pase_cpu_operator_cost() * IvfflatCost.codeOperators
        let all = codePages * costs.sequential_page_cost + rows * perRow
        startup =
            lists * pase_cpu_operator_cost() + share * all
            + min(rows, IvfflatCost.vectorsRead)
            * (costs.random_page_cost / 16 + pase_cpu_index_tuple_cost())
        total = startup + all + rows * pase_cpu_index_tuple_cost()
        selectivity = costs.selectivity
        pages = min(costs.index_pages, codePages * share + IvfflatCost.vectorsRead)
    }
}
