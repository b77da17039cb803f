import CPostgres
import NearestNeighbors
import PostgresServer

/// `amcostestimate`.
///
/// A search visits some multiple of ef nodes before it has its first row; that is the startup cost.
/// Each further row costs about one more expansion, and a scan of everything visits each node once.
/// The pages that a search touches are those that all searches touch, so they are mostly in memory:
/// a visit is charged a fraction of a random page read.
@_cdecl("pase_hnsw_cost_estimate_body")
func hnswCostEstimate(
    _ root: UnsafeMutablePointer<PlannerInfo>?, _ path: UnsafeMutablePointer<IndexPath>?,
    _ loopCount: Double, _ startup: UnsafeMutablePointer<Cost>?,
    _ total: UnsafeMutablePointer<Cost>?, _ selectivity: UnsafeMutablePointer<Selectivity>?,
    _ correlation: UnsafeMutablePointer<Double>?, _ pages: UnsafeMutablePointer<Double>?
) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        let cost = try HnswCost(root, path, loopCount)
        startup?.pointee = cost.startup
        total?.pointee = cost.total
        selectivity?.pointee = cost.selectivity
        correlation?.pointee = 0
        pages?.pointee = cost.pages
        if cost.total.isInfinite, let path { pase_path_rule_out(path) }
    }
}

private struct HnswCost {
    /// Share of a random page read that a visit is charged.
    private static let pageShare = 1.0 / 256
    /// What a distance costs, in calls of a simple operator.
    private static let distanceOperators = 4.0
    /// Share of a node's links that lead to nodes not visited before.
    private static let newShare = 0.6

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
        let meta = try HnswMeta.read(index)
        let efSearch = HnswOptions(index).efSearch
        try index.closeIndex(NoLock)
        guard
            let order = try PlannedOrder(
                root, path, metric: meta.metric, dimensions: meta.dimensions,
                isEmpty: meta.entry == nil, maximumEffort: nil)
        else { return }
        let ef = order.effort ?? efSearch

        var costs = PaseCosts()
        try check(pase_path_costs(root, path, loopCount, &costs))
        let nodes = max(1, costs.index_tuples)
        let visits = min(nodes, HnswCost.visits(ef: ef, nodes: nodes, meta))
        let perVisit =
            costs.random_page_cost * HnswCost.pageShare
            + pase_cpu_operator_cost() * HnswCost.distanceOperators + pase_cpu_index_tuple_cost()
        startup = costs.random_page_cost + visits * perVisit
        total = startup + nodes * perVisit
        // The planner's own price of the quals and ORDER BYs per row comes on top, as in any scan.
        selectivity = costs.selectivity
        pages = min(costs.index_pages, visits)
    }

    /// Nodes that a search with a beam of `ef` looks at.
    private static func visits(ef: Int, nodes: Double, _ meta: HnswMeta) -> Double {
        var levels = 0.0
        var rest = nodes
        while rest > Double(meta.links) {
            rest /= Double(meta.links)
            levels += 1
        }
        let upper = levels * Double(meta.links) * 2
        return upper + Double(ef) * Double(meta.links) * 2 * newShare
    }
}
