extension QueryParseError {
    /// The SQLSTATE that fits.
    public var category: Category {
        switch kind {
        case .tooManyDimensions, .numberOverflow, .numberUnderflow, .extraOutOfRange,
            .metricOutOfRange:
            return .outOfRange
        case .binaryHeader, .binaryLength:
            return .invalidBinary
        case .storageTooSmall:
            return .internalError
        default:
            return .invalidText
        }
    }

    /// One line for a person, without the item: plain ASCII that ends in a NUL, and no `%` in it, so
    /// that it may stand in a C format.
    public var reason: StaticString {
        switch kind {
        case .emptyVector: return "the vector has no dimensions"
        case .emptyItem: return "an item of the vector is empty"
        case .tooManyDimensions: return "the vector has more than 16000 dimensions"
        case .malformedNumber: return "not a finite decimal number"
        case .numberOverflow: return "the number is too large for type real"
        case .numberUnderflow: return "the number is too small for type real"
        case .unbalancedBracket: return "the bracket around the vector does not match"
        case .tooManyFields: return "more fields than vector, extra and metric"
        case .unexpectedField: return "only a vector is expected here, without extra and metric"
        case .malformedExtra: return "extra, the second field, is not an integer"
        case .extraOutOfRange: return "extra, the second field, must be from 0 to 262143"
        case .malformedMetric: return "metric, the third field, is not an integer"
        case .metricOutOfRange: return "metric, the third field, must be from 0 to 3"
        case .base64Character: return "read as base64, it has an invalid character"
        case .base64Padding: return "read as base64, it has incomplete or misplaced padding"
        case .base64Length: return "read as base64, its bytes are not whole float4 values"
        case .nonFiniteValue: return "NaN or infinity in a vector"
        case .binaryHeader: return "the message is too short for its header"
        case .binaryLength: return "the message has another length than its header says"
        case .storageTooSmall: return "storage for the result is too small"
        }
    }
}
