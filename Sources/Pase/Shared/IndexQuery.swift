import CPostgres
import NearestNeighbors
import PostgresServer

/// What a scan of either access method needs to be possible; counts the scan.
func checkScannable(_ scan: IndexScanDesc, _ index: ServerRelation) throws(ServerError) {
    guard scan.pointee.numberOfOrderBys > 0 else {
        throw ServerError(
            .featureNotSupported, "index \"\(index.name)\" cannot be scanned without ORDER BY")
    }
    guard pase_scan_snapshot_is_mvcc(scan) else {
        throw ServerError(
            .featureNotSupported,
            "index \"\(index.name)\" can only be scanned with an MVCC snapshot")
    }
    try check(pase_scan_count(scan))
}

/// The right-hand side of ORDER BY.
struct IndexQuery {
    let vector: UnsafePointer<Float>
    let dimensions: Int
    /// The effort that the query asks for, its second field; nil where it does not say.
    let effort: Int?
    let metric: QueryMetric
    let strategy: Int32
    /// Whether the statement is a plain search of one table, so that nothing but the client sees the order of its rows.
    let isPlain: Bool

    /// The query of a scan; nil where it has none.
    init?(_ scan: IndexScanDesc) throws(ServerError) {
        try self.init(
            pase_scan_key(scan), strategy: pase_scan_key_strategy(scan),
            isPlain: pase_scan_is_plain(scan))
    }

    /// Operators 1 and 2, `<?>` (for text `<!>`) and `<#>`, have a value of type pase behind them; 3 and
    /// 4, `<->` and `<=>`, an array. One without elements is no vector, and as a query like NULL.
    init?(_ value: Datum, strategy: Int32, isPlain: Bool) throws(ServerError) {
        self.strategy = strategy
        self.isPlain = isPlain
        let query: QueryValue
        if strategy <= 2 {
            query = try QueryValue(value)
        } else {
            let array = try FloatArray(value)
            guard array.elements.count > 0 else { return nil }
            query = try QueryValue(
                array, metric: strategy == 3 ? .squaredEuclidean : .cosine)
            try checkFinite(query.vector, query.dimensions)
        }
        vector = query.vector
        dimensions = query.dimensions
        metric = query.metric
        effort = query.extra == 0 ? nil : Int(query.extra)
    }

    /// The operator with this right-hand side.
    var operation: DistanceOperator {
        DistanceOperator(
            strategy: strategy, metric: metric, query: vector, dimensions: dimensions)
    }

    /// Whether the order that an index of this metric gives is the one asked for.
    /// A query that is so long that distances to it may be infinite has no order that an index could give.
    func isAnswered(by kind: Metric.Kind) -> Bool {
        IndexQuery.isAnswered(metric, by: kind, isPlain: isPlain)
            && Metric(kind, kernels).takes(vector, dimensions)
    }

    /// Whether the order that an index of a metric gives is the one asked for.
    ///
    /// Metric 1 is the inner product itself, and users of the original rely on the most similar rows coming first, from an
    /// index for Euclidean distance too, where their vectors have length 1. No plan may be built on an order that
    /// is not the operator's: in all but plain searches the operator's value decides, and that no index has.
    static func isAnswered(_ metric: QueryMetric, by kind: Metric.Kind, isPlain: Bool) -> Bool {
        if metric == .innerProduct, !isPlain { return false }
        switch kind {
        case .squaredEuclidean: return metric == .squaredEuclidean || metric == .innerProduct
        case .innerProduct: return metric == .innerProduct || metric == .negativeInnerProduct
        case .cosine: return metric == .cosine
        }
    }
}
