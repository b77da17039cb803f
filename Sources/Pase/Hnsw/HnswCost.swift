import CPostgres
import NearestNeighbors
import PostgresServer

/// `amcostestimate`.
///
/// A search looks at some ef nodes, with the links of each, before it has its first row. It has the rows of these then, and
/// each further row takes it on by a few more. The pages that searches touch are mostly those that all of them do, so they
/// are mostly in memory: a page is charged a fraction of a random page read.
@_cdecl("pase_hnsw_cost_estimate_body")
func hnswCostEstimate(
    _ root: UnsafeMutablePointer<PlannerInfo>?, _ path: UnsafeMutablePointer<IndexPath>?,
    _ loopCount: Double, _ startup: UnsafeMutablePointer<Cost>?,
    _ total: UnsafeMutablePointer<Cost>?, _ selectivity: UnsafeMutablePointer<Selectivity>?,
    _ correlation: UnsafeMutablePointer<Double>?, _ pages: UnsafeMutablePointer<Double>?
) {
    entryPoint(fallback: ()) { () throws(ServerError) in
        let estimate = try HnswCost.estimate(root, path, loopCount) ?? .never
        estimate.answer(path, startup, total, selectivity, correlation, pages)
    }
}

private enum HnswCost {
    /// Share of a random page read that a page is charged.
    static let pageShare = 1.0 / 16
    /// Share of a node's links whose vectors' distances are estimated.
    static let newShare = 0.6
    /// The same where all nodes are read, and what a distance costs, in calls of a simple operator.
    static let visitShare = 1.0 / 256
    static let distanceOperators = 5.0
    /// What it takes to come down to the ground layer, in nodes.
    static let nodesAbove = 20.0
    /// What a row beyond ef costs, in nodes of the first batch.
    static let nodesOfFurtherRow = 4.0

    /// Nil where the index is not to be taken.
    static func estimate(
        _ root: UnsafeMutablePointer<PlannerInfo>?, _ path: UnsafeMutablePointer<IndexPath>?,
        _ loopCount: Double
    ) throws(ServerError) -> ScanEstimate? {
        // Without ORDER BY, as where only rows are counted, nothing of the index is of use, so it need not be readable.
        guard let path, path.pointee.indexorderbys != nil, let info = path.pointee.indexinfo
        else { return nil }
        let index = try ServerRelation.openIndex(info.pointee.indexoid, NoLock)
        let meta = try HnswMeta.read(index)
        let options = HnswOptions(index)
        try index.closeIndex(NoLock)
        guard
            let order = try PlannedOrder(
                root, path, metric: meta.metric, dimensions: meta.dimensions,
                isEmpty: meta.entry == nil, maximumEffort: nil)
        else { return nil }

        var costs = PaseCosts()
        try check(pase_path_costs(root, path, loopCount, &costs))
        let price = ScanPrice(costs)
        let perNode =
            (costs.random_page_cost * pageShare
                + pase_cpu_operator_cost() * Double(meta.links) * 2 * newShare)
            * price.conditionFactor
        let asked = SearchEffort.ef(order.effort, options)
        let ef = min(price.tuples, Double(order.mayHaveAnyEffort ? min(asked, 10) : asked))
        var search = (min(price.tuples, nodesAbove) + ef) * perNode
        if meta.bits == nil {
            // Each node that links lead to is read, but none twice.
            let perVisit =
                costs.random_page_cost * visitShare + pase_cpu_operator_cost() * distanceOperators
            search = min(search, price.tuples * perVisit)
        }
        let first = costs.random_page_cost + search
        let further =
            max(0, price.walked - ef) * nodesOfFurtherRow * perNode
        return price.estimate(first: first, further: further, order)
    }
}
