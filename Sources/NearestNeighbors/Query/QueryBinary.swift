/// The binary form of a query: dimensions, extra and metric as int32, then the vector as float4s, all
/// of them big-endian, as everything that PostgreSQL sends.
public enum QueryBinary {
    private static var headerLength: Int { 12 }
    private static var numberLength: Int { 4 }

    /// The length of the message for a vector of so many dimensions.
    public static func length(dimensions: Int) -> Int {
        headerLength + max(0, min(dimensions, Int(Int32.max))) * numberLength
    }

    /// What the header says, if it is true and the message has just the length for it. Storage for
    /// `parse` is made by its `dimensions`.
    public static func measure(
        _ message: UnsafeBufferPointer<UInt8>
    ) throws(QueryParseError) -> QueryHeader {
        var rest = ByteSlice(message)
        return try popHeader(&rest)
    }

    /// Writes the vector to the beginning of `storage` and returns what the header says.
    public static func parse(
        _ message: UnsafeBufferPointer<UInt8>, into storage: UnsafeMutableBufferPointer<Float>
    ) throws(QueryParseError) -> QueryHeader {
        var rest = ByteSlice(message)
        let header = try popHeader(&rest)
        guard header.dimensions <= storage.count else {
            throw QueryParseError(.storageTooSmall, at: rest.range)
        }
        for index in 0..<header.dimensions {
            let start = rest.start
            guard let word = rest.popBigEndian() else { break }
            let value = Float(bitPattern: word)
            guard value.isFinite else {
                throw QueryParseError(.nonFiniteValue, at: start..<rest.start)
            }
            storage[index] = value
        }
        return header
    }

    /// Writes the message to the beginning of `storage` and returns its length, or nil if `storage`
    /// is smaller than `length`.
    public static func write(
        _ values: UnsafeBufferPointer<Float>, extra: Int32, metric: Int32,
        into storage: UnsafeMutableBufferPointer<UInt8>
    ) -> Int? {
        guard let dimensions = Int32(exactly: values.count),
            storage.count >= length(dimensions: values.count)
        else { return nil }
        var length = 0
        func append(_ word: UInt32) {
            var rest = word
            for _ in 0..<4 {
                storage[length] = UInt8(rest >> 24)
                rest <<= 8
                length += 1
            }
        }
        append(UInt32(bitPattern: dimensions))
        append(UInt32(bitPattern: extra))
        append(UInt32(bitPattern: metric))
        for value in values {
            append(value.bitPattern)
        }
        return length
    }

    private static func popHeader(_ rest: inout ByteSlice) throws(QueryParseError) -> QueryHeader {
        guard let dimensions = rest.popBigEndian(), let extra = rest.popBigEndian(),
            let metric = rest.popBigEndian()
        else { throw QueryParseError(.binaryHeader, at: 0..<0) }
        let header = try QueryHeader(
            dimensions: Int(Int32(bitPattern: dimensions)), extra: Int(Int32(bitPattern: extra)),
            metric: Int(Int32(bitPattern: metric)))
        guard rest.count == header.dimensions * numberLength else {
            throw QueryParseError(.binaryLength, at: 0..<0)
        }
        return header
    }
}

extension ByteSlice {
    /// Takes four bytes away, the highest first.
    fileprivate mutating func popBigEndian() -> UInt32? {
        guard let (first, second, third, fourth) = popFirstFour() else { return nil }
        return UInt32(first) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth)
    }
}
