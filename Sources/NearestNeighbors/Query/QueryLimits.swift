/// The largest query there is. Every parser here holds its input to these numbers.
public enum QueryLimits {
    /// The most dimensions a vector has.
    public static var maximumDimensions: Int { 16_000 }
    /// The largest second field of a query, its search effort.
    public static var maximumExtra: Int32 { 262_143 }
    /// The largest third field of a query, the raw value of the last `QueryMetric`.
    public static var maximumMetric: Int32 { QueryMetric.negativeInnerProduct.rawValue }
}
