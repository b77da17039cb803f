import CPostgres
import NearestNeighbors
import PostgresServer

/// The ORDER BY of a path, as far as it is known when the statement is planned, over an index that can answer it.
struct PlannedOrder {
    /// The effort that the query asks for; nil where it does not say, or is not known.
    let effort: Int?
    /// Whether the effort may be any, since the query is not known yet. Then the price is that of a small one: a plan for any query
    /// must not look dearer than one for each, which would be made anew each time, and that takes as long as many a search.
    let mayHaveAnyEffort: Bool
    /// Whether the query may turn out to be of another metric, which another index of the column has.
    let mayBeOfAnotherIndex: Bool

    /// - Parameters:
    ///   - isEmpty: whether the index has nothing in it, as far as its metapage says.
    ///   - maximumEffort: what the access method takes at most; nil where it takes all that a query can say.
    /// - Returns: nil where the index is not to be taken: it has another order than the one asked for, or would answer
    ///   with an error where a sort may have an answer.
    init?(
        _ root: UnsafeMutablePointer<PlannerInfo>?, _ path: UnsafeMutablePointer<IndexPath>,
        metric kind: Metric.Kind, dimensions: Int, isEmpty: Bool, maximumEffort: Int?
    ) throws(ServerError) {
        var order = PaseOrderBy()
        try check(pase_path_order_by(root, path, &order))
        // Without ORDER BY the index has nothing to say, it does not even list all rows. By a second distance it cannot
        // sort.
        guard order.count == 1, (1...4).contains(order.strategy) else { return nil }

        var metric: QueryMetric?
        var effort: Int?
        if order.is_constant, !order.is_null {
            do throws(ServerError) {
                if let query = try IndexQuery(
                    order.value, strategy: order.strategy, isPlain: order.is_plain)
                {
                    // A sort fails, too, unless there is no row for it; but then it has the answer.
                    let mayBeWithoutRows = isEmpty || order.has_conditions
                    if query.dimensions != dimensions, dimensions != 0, mayBeWithoutRows {
                        return nil
                    }
                    guard Metric(kind, kernels).takes(query.vector, query.dimensions) else {
                        return nil
                    }
                    metric = query.metric
                    effort = query.effort
                }
            } catch {
                // No row may ever be compared with it.
                guard error.ownMessage != nil else { throw error }
                return nil
            }
        } else if order.strategy <= 2 {
            metric = QueryMetric(rawValue: order.metric)
            effort = order.effort > 0 ? Int(order.effort) : nil
        }
        // Operators 3 and 4 are only in classes of their metric.
        if metric == nil, order.strategy > 2 {
            metric = order.strategy == 3 ? .squaredEuclidean : .cosine
        }

        let own = UInt32(1) << UInt32(truncatingIfNeeded: kind.rawValue)
        let ofInnerProduct =
            UInt32(1) << UInt32(truncatingIfNeeded: Metric.Kind.innerProduct.rawValue)
        if let metric {
            guard IndexQuery.isAnswered(metric, by: kind, isPlain: order.is_plain) else {
                return nil
            }
            // The order of Euclidean distance is the second choice.
            if metric == .innerProduct, kind != .innerProduct,
                order.metrics_of_column & ofInnerProduct != 0
            {
                return nil
            }
            mayBeOfAnotherIndex = false
        } else {
            // Of several metrics, that of the default class.
            guard kind == .squaredEuclidean || order.metrics_of_column & ~own == 0 else {
                return nil
            }
            mayBeOfAnotherIndex = order.metrics_of_column & ~own != 0
        }
        if let effort, let maximumEffort, effort > maximumEffort { return nil }
        self.effort = effort
        mayHaveAnyEffort = effort == nil && order.strategy <= 2 && !order.is_constant
        if order.is_plain { try check(pase_path_mark_plain(path)) }
    }
}
