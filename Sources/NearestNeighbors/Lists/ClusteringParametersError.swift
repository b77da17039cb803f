/// Why a text is no `ClusteringParameters`, and which part of it is to blame.
public struct ClusteringParametersError: Error, Equatable {
    /// What is wrong.
    public enum Kind: Equatable, Sendable {
        /// A single item is neither a number nor `lists=K`.
        case unrecognized
        /// Something other than `lists` stands before `=`.
        case unknownName
        /// There are more items than two numbers, or more than `lists=K` alone.
        case tooManyItems
        /// Nothing stands before the comma.
        case emptySampleRatio
        /// The first of two items is no integer.
        case malformedSampleRatio
        /// The sample ratio is not from 1 to `ClusteringParameters.maximumPerMille`.
        case sampleRatioOutOfRange
        /// There is a number and no second one.
        case missingLists
        /// Nothing stands after the comma or after `=`.
        case emptyLists
        /// The number of lists is no integer.
        case malformedLists
        /// The number of lists is below 1 or above the caller's maximum.
        case listsOutOfRange
    }

    /// What is wrong.
    public let kind: Kind
    /// The bytes of the text that are to blame; empty where nothing stands that should. It never
    /// splits a character, but may be as long as the text, so a message must shorten it.
    public let item: Range<Int>

    init(_ kind: Kind, at item: ByteSlice) {
        self.kind = kind
        self.item = item.range
    }
}

extension ClusteringParametersError {
    /// The SQLSTATE that fits.
    public var category: QueryParseError.Category {
        switch kind {
        case .sampleRatioOutOfRange, .listsOutOfRange: return .outOfRange
        default: return .invalidText
        }
    }

    /// One line for a person, without the item: plain ASCII that ends in a NUL, and no `%` in it, so
    /// that it may stand in a C format.
    public var reason: StaticString {
        switch kind {
        case .unrecognized: return "neither \"sample_ratio,k\" nor \"lists=k\""
        case .unknownName: return "only \"lists\" may stand before \"=\""
        case .tooManyItems: return "more items than \"sample_ratio,k\" or \"lists=k\" have"
        case .emptySampleRatio: return "the sample ratio, the first item, is empty"
        case .malformedSampleRatio:
            return "the sample ratio, the first item, is not an integer"
        case .sampleRatioOutOfRange: return "the sample ratio must be from 1 to 1000 per mille"
        case .missingLists: return "the number of lists must follow the sample ratio"
        case .emptyLists: return "the number of lists is empty"
        case .malformedLists: return "the number of lists is not an integer"
        case .listsOutOfRange: return "the number of lists is out of range"
        }
    }
}
