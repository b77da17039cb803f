/// The text of a query, `v1,v2,…[:extra[:metric]]`, and the parts of it that are used on their own.
///
/// Parsing takes two steps, so that the caller provides the storage and knows how much: `measure`,
/// then `parse`. Both read every byte a fixed number of times, and give up where a vector goes on
/// past the limit. No input makes them trap. Text need not end in a NUL and may be in any encoding in
/// which ASCII bytes are ASCII characters.
public enum QueryText {
    /// What a text may consist of.
    public enum Form: Sendable {
        /// A vector and, if need be, extra and metric: the text of the query type.
        case query
        /// A vector alone, as numbers or as base64.
        case vector
        /// A vector alone, as base64 even where it looks like a number.
        case base64
    }

    private static let colon = UInt8(ascii: ":")
    private static let comma = UInt8(ascii: ",")

    /// How many numbers `parse` needs storage for: at least one, at most
    /// `QueryLimits.maximumDimensions`, and just the number of dimensions in text that separates
    /// them by commas.
    ///
    /// The only error is `tooManyDimensions`; `parse` finds the others.
    public static func measure(
        _ text: UnsafeBufferPointer<UInt8>, as form: Form = .query
    ) throws(QueryParseError) -> Int {
        var rest = ByteSlice(text)
        var items = 1
        if form != .base64 {
            while let byte = rest.popFirst(), byte != colon {
                guard byte == comma else { continue }
                items += 1
                guard items <= QueryLimits.maximumDimensions else {
                    let item = rest.popPrefix(before: comma).trimmed()
                    throw QueryParseError(.tooManyDimensions, at: item.range)
                }
            }
        }
        guard items == 1 else { return items }
        let bound = Base64.maximumDimensions(characters: text.count)
        return max(1, min(bound, QueryLimits.maximumDimensions))
    }

    /// Writes the vector to the beginning of `storage` and returns what else the text says. In the
    /// forms without extra and metric those are 0.
    public static func parse(
        _ text: UnsafeBufferPointer<UInt8>, as form: Form = .query,
        into storage: UnsafeMutableBufferPointer<Float>
    ) throws(QueryParseError) -> QueryHeader {
        var rest = ByteSlice(text)
        if form == .base64 {
            let dimensions = try Base64.decode(rest.trimmed(), into: storage)
            return try QueryHeader(dimensions: dimensions, extra: 0, metric: 0)
        }

        let dimensions = try VectorText.parse(rest.popPrefix(before: colon), into: storage)
        if form == .vector, !rest.isEmpty {
            throw QueryParseError(.unexpectedField, at: rest.range)
        }
        let extra = try popField(
            &rest, maximum: QueryLimits.maximumExtra, malformed: .malformedExtra,
            outOfRange: .extraOutOfRange)
        let metric = try popField(
            &rest, maximum: QueryLimits.maximumMetric, malformed: .malformedMetric,
            outOfRange: .metricOutOfRange)
        guard rest.isEmpty else { throw QueryParseError(.tooManyFields, at: rest.range) }
        return try QueryHeader(dimensions: dimensions, extra: extra, metric: metric)
    }

    /// The value of a field after the vector: 0 where there is none or where it is empty.
    private static func popField(
        _ rest: inout ByteSlice, maximum: Int32, malformed: QueryParseError.Kind,
        outOfRange: QueryParseError.Kind
    ) throws(QueryParseError) -> Int {
        guard rest.popFirst() != nil else { return 0 }
        let field = rest.popPrefix(before: colon).trimmed()
        guard !field.isEmpty else { return 0 }
        switch IntegerText(field) {
        case .value(let value) where value >= 0 && value <= Int(maximum): return value
        case .value, .huge: throw QueryParseError(outOfRange, at: field.range)
        case .malformed: throw QueryParseError(malformed, at: field.range)
        }
    }
}
