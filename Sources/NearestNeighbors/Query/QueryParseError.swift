/// Why an input is no query, and which part of it is to blame.
public struct QueryParseError: Error, Equatable {
    /// What is wrong.
    public enum Kind: Equatable, Sendable {
        /// There is no number at all: `""`, `"[]"`, `":10:0"`.
        case emptyVector
        /// Nothing stands between two commas, or before the first or after the last.
        case emptyItem
        /// The vector goes on past `QueryLimits.maximumDimensions`.
        case tooManyDimensions
        /// An item is not a finite decimal number.
        case malformedNumber
        /// A number is too large for a float4.
        case numberOverflow
        /// A number other than zero is too small for a float4.
        case numberUnderflow
        /// The vector begins with a bracket and does not end with its partner.
        case unbalancedBracket
        /// There is more than vector, extra and metric.
        case tooManyFields
        /// There are fields after the vector where only a vector may stand.
        case unexpectedField
        /// The second field is no integer.
        case malformedExtra
        /// The second field is negative or above `QueryLimits.maximumExtra`.
        case extraOutOfRange
        /// The third field is no integer.
        case malformedMetric
        /// The third field is the raw value of no `QueryMetric`.
        case metricOutOfRange
        /// A single item is no number and holds a character that base64 does not have.
        case base64Character
        /// Base64 text stops in the middle of a group, or `=` stands where it may not.
        case base64Padding
        /// The bytes behind base64 text are not a whole number of float4s.
        case base64Length
        /// The bytes behind base64 text or a binary message hold a NaN or an infinity.
        case nonFiniteValue
        /// A binary message is too short for its header.
        case binaryHeader
        /// The length of a binary message is not the one that its header promises.
        case binaryLength
        /// The caller's storage is smaller than `measure` asked for: a defect of the caller.
        case storageTooSmall
    }

    /// The kinds of SQLSTATE that a client may want to tell apart.
    public enum Category: Equatable, Sendable {
        /// 22P02, invalid text representation.
        case invalidText
        /// 22003, numeric value out of range.
        case outOfRange
        /// 22P03, invalid binary representation.
        case invalidBinary
        /// XX000, internal error.
        case internalError
    }

    /// What is wrong.
    public let kind: Kind
    /// The bytes of the input that are to blame; empty where nothing there can be shown. It never
    /// splits a character, but may be as long as the input, so a message must shorten it.
    public let item: Range<Int>

    init(_ kind: Kind, at item: Range<Int>) {
        self.kind = kind
        self.item = item
    }
}
