/// Why a text is no `CentroidFile`, and which part of it is to blame.
public struct CentroidFileError: Error, Equatable {
    /// What is wrong.
    public enum Kind: Equatable, Sendable {
        /// There is nothing but blanks.
        case emptyFile
        /// The first line is blank, and another one is not.
        case emptyLine
        /// The first bytes are the mark of a Unicode text.
        case byteOrderMark
        /// The part to blame holds a NUL, as in UTF-16 or binary data.
        case nulByte
        /// The first line has fewer than two `|`.
        case missingSeparator
        /// The first line has more than two `|`.
        case tooManyFields
        /// The first field is blank.
        case emptyDimensions
        /// The first field is no integer.
        case malformedDimensions
        /// The first field is below 1 or above the caller's maximum.
        case dimensionsOutOfRange
        /// The second field is blank.
        case emptyCount
        /// The second field is no integer.
        case malformedCount
        /// The second field is below 1 or above the caller's maximum.
        case countOutOfRange
        /// Behind the end of the first line there are only blanks.
        case blanksAfterLine
        /// Behind the end of the first line there is more than blanks.
        case secondLine
        /// The third field ends before all numbers that the header promises.
        case tooFewNumbers
        /// The third field has more numbers than the header promises.
        case tooManyNumbers
        /// Nothing stands between two commas, or before the first or after the last.
        case emptyItem
        /// An item is not a decimal number.
        case malformedNumber
        /// An item is NaN or an infinity.
        case nonFiniteNumber
        /// A number is too large for a float4.
        case numberOverflow
        /// A number other than zero is too small for a float4.
        case numberUnderflow
        /// The caller's storage is smaller than `numberCount`: a defect of the caller.
        case storageTooSmall
    }

    /// The place of a number among the centroids.
    public struct Position: Equatable, Sendable {
        /// Which centroid it belongs to, the first being 1.
        public let centroid: Int
        /// Which number of that centroid it is, the first being 1.
        public let component: Int
    }

    /// What is wrong.
    public let kind: Kind
    /// The bytes of the file that are to blame; empty where nothing stands that should. They may be
    /// as long as the file and in any encoding or none, so a message must shorten and check them.
    public let item: Range<Int>
    /// Which number is to blame or missing, where it is a number. A superfluous one belongs to the
    /// centroid behind the last.
    public let position: Position?

    init(_ kind: Kind, at item: Range<Int>, position: Position? = nil) {
        self.kind = kind
        self.item = item
        self.position = position
    }

    /// A NUL in `item` goes before any other `kind`: whatever else is wrong, it comes of that.
    init(_ kind: Kind, at item: ByteSlice, position: Position? = nil) {
        var rest = item
        _ = rest.popPrefix(before: 0)
        if rest.isEmpty {
            self.init(kind, at: item.range, position: position)
        } else {
            self.init(.nulByte, at: rest.start..<rest.start + 1, position: position)
        }
    }
}

extension CentroidFileError {
    /// The SQLSTATE that fits.
    public var category: QueryParseError.Category {
        switch kind {
        case .dimensionsOutOfRange, .countOutOfRange, .numberOverflow, .numberUnderflow:
            return .outOfRange
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
        case .emptyFile: return "the file is empty"
        case .emptyLine: return "the first line is empty"
        case .byteOrderMark: return "the file begins with a byte order mark"
        case .nulByte: return "the file contains a NUL byte"
        case .missingSeparator: return "fewer fields than dim|count|numbers in the first line"
        case .tooManyFields: return "more fields than dim|count|numbers in the first line"
        case .emptyDimensions: return "dim, the first field, is empty"
        case .malformedDimensions: return "dim, the first field, is not an integer"
        case .dimensionsOutOfRange: return "dim, the first field, is out of range"
        case .emptyCount: return "count, the second field, is empty"
        case .malformedCount: return "count, the second field, is not an integer"
        case .countOutOfRange: return "count, the second field, is out of range"
        case .blanksAfterLine: return "blank space follows the first line"
        case .secondLine: return "a second line follows the first"
        case .tooFewNumbers: return "there are fewer numbers than dim times count"
        case .tooManyNumbers: return "there are more numbers than dim times count"
        case .emptyItem: return "an item between the commas is empty"
        case .malformedNumber: return "not a decimal number"
        case .nonFiniteNumber: return "NaN or infinity in a centroid"
        case .numberOverflow: return "the number is too large for type real"
        case .numberUnderflow: return "the number is too small for type real"
        case .storageTooSmall: return "storage for the centroids is too small"
        }
    }
}
