/// The text of a centroid file: one line `dim|count|v11,v12,…,v21,…`, with or without a line end.
///
/// Parsing takes two steps, so that the caller provides the storage and knows how much: `init` reads
/// dimensions and count and checks everything but the numbers, `parse` reads those. Blanks may
/// surround each item. Both steps take time linear in the file and allocate nothing; no input and no
/// limit makes them trap. The text is to outlive the value.
public struct CentroidFile {
    /// How many numbers each centroid has.
    public let dimensions: Int
    /// How many centroids there are.
    public let count: Int
    /// The third field.
    private let numbers: ByteSlice

    private static let separator = UInt8(ascii: "|")
    private static let comma = UInt8(ascii: ",")
    private static let lineFeed = UInt8(ascii: "\n")

    /// How many numbers `parse` needs storage for. The file has at least two bytes for each but the
    /// last, so that a header cannot ask for more storage than the size of the file warrants.
    public var numberCount: Int { dimensions * count }

    /// Reads the header. Either maximum counts as 2³¹ − 1 if it is larger.
    public init(
        _ text: UnsafeBufferPointer<UInt8>, maximumDimensions: Int, maximumCount: Int
    ) throws(CentroidFileError) {
        var rest = ByteSlice(text)
        guard !rest.trimmed().isEmpty else {
            throw CentroidFileError(.emptyFile, at: rest.trimmed())
        }
        if let mark = rest.byteOrderMark {
            throw CentroidFileError(.byteOrderMark, at: mark)
        }
        let line = rest.popPrefix(before: Self.lineFeed)
        try self.init(
            line: line, maximumDimensions: maximumDimensions, maximumCount: maximumCount)

        if rest.popFirst() != nil, !rest.isEmpty {
            var next = rest.trimmed()
            guard !next.isEmpty else { throw CentroidFileError(.blanksAfterLine, at: rest) }
            next = next.popPrefix(before: Self.lineFeed).trimmed()
            throw CentroidFileError(.secondLine, at: next)
        }
        try checkLength()
    }

    private init(
        line: ByteSlice, maximumDimensions: Int, maximumCount: Int
    ) throws(CentroidFileError) {
        guard !line.trimmed().isEmpty else {
            throw CentroidFileError(.emptyLine, at: line.trimmed())
        }
        var rest = line
        let first = rest.popPrefix(before: Self.separator).trimmed()
        let hasSecond = rest.popFirst() != nil
        let second = rest.popPrefix(before: Self.separator).trimmed()
        guard hasSecond, rest.popFirst() != nil else {
            throw CentroidFileError(.missingSeparator, at: line.trimmed())
        }
        dimensions = try Self.integer(
            first, maximum: maximumDimensions, empty: .emptyDimensions,
            malformed: .malformedDimensions, outOfRange: .dimensionsOutOfRange)
        count = try Self.integer(
            second, maximum: maximumCount, empty: .emptyCount, malformed: .malformedCount,
            outOfRange: .countOutOfRange)
        numbers = rest.popPrefix(before: Self.separator)
        guard rest.popFirst() == nil else {
            throw CentroidFileError(.tooManyFields, at: rest.trimmed())
        }
    }

    private static func integer(
        _ field: ByteSlice, maximum: Int, empty: CentroidFileError.Kind,
        malformed: CentroidFileError.Kind, outOfRange: CentroidFileError.Kind
    ) throws(CentroidFileError) -> Int {
        guard !field.isEmpty else { throw CentroidFileError(empty, at: field) }
        // The product of two such numbers always fits.
        let maximum = min(maximum, Int(Int32.max))
        switch IntegerText(field) {
        case .value(let value) where value >= 1 && value <= maximum: return value
        case .value, .huge: throw CentroidFileError(outOfRange, at: field)
        case .malformed: throw CentroidFileError(malformed, at: field)
        }
    }

    /// Fails where the third field is too short for all of its numbers; with the error that `parse`
    /// would have, which is not always that one is missing.
    private func checkLength() throws(CentroidFileError) {
        let most = numbers.count / 2 + numbers.count % 2
        guard numberCount > most else { return }
        try scan(into: nil)
    }

    /// Writes the numbers, one centroid after the other, to the beginning of `storage`, which must
    /// have room for `numberCount`. If that fails, some of them may have been written.
    public func parse(
        into storage: UnsafeMutableBufferPointer<Float>
    ) throws(CentroidFileError) {
        guard storage.count >= numberCount else {
            throw CentroidFileError(.storageTooSmall, at: numbers.range)
        }
        try scan(into: storage)
    }

    private func scan(
        into storage: UnsafeMutableBufferPointer<Float>?
    ) throws(CentroidFileError) {
        var rest = numbers
        for index in 0..<numberCount {
            let isMissing = index == 0 ? rest.trimmed().isEmpty : rest.popFirst() == nil
            guard !isMissing else {
                throw CentroidFileError(
                    .tooFewNumbers, at: rest.trimmed(), position: position(of: index))
            }
            let item = rest.popPrefix(before: Self.comma).trimmed()
            let value = try number(item, index: index)
            storage?[index] = value
        }
        guard rest.popFirst() != nil else { return }
        let item = rest.popPrefix(before: Self.comma).trimmed()
        throw CentroidFileError(
            item.isEmpty ? .emptyItem : .tooManyNumbers, at: item,
            position: position(of: numberCount))
    }

    private func number(_ item: ByteSlice, index: Int) throws(CentroidFileError) -> Float {
        let kind: CentroidFileError.Kind
        switch FloatText(item) {
        case .value(let value): return value
        case .overflow: kind = .numberOverflow
        case .underflow: kind = .numberUnderflow
        case .malformed:
            if item.isEmpty {
                kind = .emptyItem
            } else {
                kind = item.isNonFiniteNumber ? .nonFiniteNumber : .malformedNumber
            }
        }
        throw CentroidFileError(kind, at: item, position: position(of: index))
    }

    private func position(of index: Int) -> CentroidFileError.Position {
        CentroidFileError.Position(
            centroid: index / dimensions + 1, component: index % dimensions + 1)
    }
}

extension ByteSlice {
    /// The mark at the beginning with which some editors say that a text is UTF-8 or UTF-16.
    fileprivate var byteOrderMark: Range<Int>? {
        var rest = self
        switch (rest.popFirst(), rest.popFirst()) {
        case (0xFF, 0xFE), (0xFE, 0xFF): return start..<rest.start
        case (0xEF, 0xBB): return rest.popFirst() == 0xBF ? start..<rest.start : nil
        default: return nil
        }
    }

    /// Whether it is a way to write NaN or an infinity.
    fileprivate var isNonFiniteNumber: Bool {
        var word = self
        if word.first == UInt8(ascii: "-") || word.first == UInt8(ascii: "+") {
            _ = word.popFirst()
        }
        return word.equals("nan", ignoringCase: true) || word.equals("inf", ignoringCase: true)
            || word.equals("infinity", ignoringCase: true)
    }
}
