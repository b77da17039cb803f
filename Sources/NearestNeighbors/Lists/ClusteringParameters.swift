/// The value of the index option `clustering_params`, where it is not the path of a file.
public enum ClusteringParameters: Equatable, Sendable {
    /// Nothing is said: `""`.
    case unspecified
    /// `"sample_ratio,k"`: how many of each thousand rows to train with, and how many lists to make.
    case sample(perMille: Int, lists: Int)
    /// `"lists=K"`: only how many lists to make.
    case lists(Int)

    /// The largest sample ratio: all rows.
    public static var maximumPerMille: Int { 1_000 }

    private static let comma = UInt8(ascii: ",")
    private static let equalsSign = UInt8(ascii: "=")

    /// Reads the text, which need not end in a NUL. There may be blanks around each item and each
    /// side of `=`. No text and no maximum makes it trap. O(bytes), without allocation.
    public init(
        _ text: UnsafeBufferPointer<UInt8>, maximumLists: Int
    ) throws(ClusteringParametersError) {
        let value = ByteSlice(text).trimmed()
        guard !value.isEmpty else {
            self = .unspecified
            return
        }

        var rest = value
        let first = rest.popPrefix(before: Self.comma).trimmed()
        let hasSecond = rest.popFirst() != nil
        let second = rest.popPrefix(before: Self.comma).trimmed()
        let hasThird = rest.popFirst() != nil
        let third = rest.popPrefix(before: Self.comma).trimmed()

        var number = first
        let name = number.popPrefix(before: Self.equalsSign).trimmed()
        if number.popFirst() != nil {
            guard name.equals("lists") else {
                throw ClusteringParametersError(.unknownName, at: name)
            }
            guard !hasSecond else { throw ClusteringParametersError(.tooManyItems, at: second) }
            self = .lists(try Self.listCount(number.trimmed(), maximum: maximumLists))
            return
        }

        let perMille = try Self.perMille(first, isAlone: !hasSecond)
        let lists = try Self.listCount(second, maximum: maximumLists)
        guard !hasThird else { throw ClusteringParametersError(.tooManyItems, at: third) }
        self = .sample(perMille: perMille, lists: lists)
    }

    private static func perMille(
        _ item: ByteSlice, isAlone: Bool
    ) throws(ClusteringParametersError) -> Int {
        guard !item.isEmpty else {
            throw ClusteringParametersError(.emptySampleRatio, at: item)
        }
        let ratio = IntegerText(item)
        if case .malformed = ratio {
            throw ClusteringParametersError(
                isAlone ? .unrecognized : .malformedSampleRatio, at: item)
        }
        guard !isAlone else { throw ClusteringParametersError(.missingLists, at: item) }
        guard case .value(let value) = ratio, value >= 1, value <= maximumPerMille else {
            throw ClusteringParametersError(.sampleRatioOutOfRange, at: item)
        }
        return value
    }

    private static func listCount(
        _ item: ByteSlice, maximum: Int
    ) throws(ClusteringParametersError) -> Int {
        guard !item.isEmpty else { throw ClusteringParametersError(.emptyLists, at: item) }
        switch IntegerText(item) {
        case .value(let value) where value >= 1 && value <= maximum: return value
        case .value, .huge: throw ClusteringParametersError(.listsOutOfRange, at: item)
        case .malformed: throw ClusteringParametersError(.malformedLists, at: item)
        }
    }
}

extension ByteSlice {
    /// Whether it is just this word; the word is in small letters where case does not matter.
    func equals(_ word: StaticString, ignoringCase: Bool = false) -> Bool {
        var rest = self
        return word.withUTF8Buffer { letters in
            guard rest.count == letters.count else { return false }
            for letter in letters {
                guard let byte = rest.popFirst() else { return false }
                guard (ignoringCase ? byte | 0x20 : byte) == letter else { return false }
            }
            return true
        }
    }
}
