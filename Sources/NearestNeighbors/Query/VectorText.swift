/// The text of a vector alone: what stands before the first colon of a query.
enum VectorText {
    private static let comma = UInt8(ascii: ",")

    /// Writes the numbers in `text` to the beginning of `storage` and returns how many there are.
    static func parse(
        _ text: ByteSlice, into storage: UnsafeMutableBufferPointer<Float>
    ) throws(QueryParseError) -> Int {
        let vector = text.trimmed()
        guard let first = vector.first else {
            throw QueryParseError(.emptyVector, at: vector.range)
        }

        if first == UInt8(ascii: "[") || first == UInt8(ascii: "{") {
            var inside = vector
            _ = inside.popFirst()
            guard
                inside.popLast()
                    == (first == UInt8(ascii: "[") ? UInt8(ascii: "]") : UInt8(ascii: "}"))
            else { throw QueryParseError(.unbalancedBracket, at: vector.range) }
            guard !inside.trimmed().isEmpty else {
                throw QueryParseError(.emptyVector, at: vector.range)
            }
            return try parseList(inside, into: storage)
        }

        var rest = vector
        _ = rest.popPrefix(before: comma)
        // Brackets are for numbers only: a single item without them may be base64, and is what it
        // looks like if it could be either.
        if rest.isEmpty, case .malformed = FloatText(vector) {
            return try Base64.decode(vector, into: storage)
        }
        return try parseList(vector, into: storage)
    }

    private static func parseBracketed(
        _ vector: ByteSlice, closing: UInt8, into storage: UnsafeMutableBufferPointer<Float>
    ) throws(QueryParseError) -> Int {
        var inside = vector
        _ = inside.popFirst()
        guard inside.popLast() == closing else {
            throw QueryParseError(.unbalancedBracket, at: vector.range)
        }
        guard !inside.trimmed().isEmpty else {
            throw QueryParseError(.emptyVector, at: vector.range)
        }
        return try parseList(inside, into: storage)
    }

    private static func parseList(
        _ list: ByteSlice, into storage: UnsafeMutableBufferPointer<Float>
    ) throws(QueryParseError) -> Int {
        var rest = list
        var count = 0
        repeat {
            let item = rest.popPrefix(before: comma).trimmed()
            guard count < QueryLimits.maximumDimensions else {
                throw QueryParseError(.tooManyDimensions, at: item.range)
            }
            let value = try number(item)
            guard count < storage.count else {
                throw QueryParseError(.storageTooSmall, at: item.range)
            }
            storage[count] = value
            count += 1
        } while rest.popFirst() != nil
        return count
    }

    private static func number(_ item: ByteSlice) throws(QueryParseError) -> Float {
        guard !item.isEmpty else { throw QueryParseError(.emptyItem, at: item.range) }
        switch FloatText(item) {
        case .value(let value): return value
        case .overflow: throw QueryParseError(.numberOverflow, at: item.range)
        case .underflow: throw QueryParseError(.numberUnderflow, at: item.range)
        case .malformed: throw QueryParseError(.malformedNumber, at: item.range)
        }
    }
}
