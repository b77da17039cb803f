/// Everything about a query except the numbers of its vector.
public struct QueryHeader: Equatable, Sendable {
    /// How many numbers the vector has, from 1 to `QueryLimits.maximumDimensions`.
    public let dimensions: Int
    /// The search effort, from 0 ("the index's own") to `QueryLimits.maximumExtra`.
    public let extra: Int32
    /// How the query measures distance.
    public let metric: QueryMetric

    /// Checks the three numbers, whoever they come from: text, a binary message or a function's
    /// arguments. The error's `item` is empty.
    public init(dimensions: Int, extra: Int, metric: Int) throws(QueryParseError) {
        guard dimensions > 0 else { throw QueryParseError(.emptyVector, at: 0..<0) }
        guard dimensions <= QueryLimits.maximumDimensions else {
            throw QueryParseError(.tooManyDimensions, at: 0..<0)
        }
        guard extra >= 0, extra <= Int(QueryLimits.maximumExtra) else {
            throw QueryParseError(.extraOutOfRange, at: 0..<0)
        }
        guard let known = Int32(exactly: metric).flatMap(QueryMetric.init(rawValue:)) else {
            throw QueryParseError(.metricOutOfRange, at: 0..<0)
        }
        self.dimensions = dimensions
        self.extra = Int32(extra)
        self.metric = known
    }
}
