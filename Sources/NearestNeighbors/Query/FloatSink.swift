/// Makes float4s of bytes that come in threes.
struct FloatSink {
    private let storage: UnsafeMutableBufferPointer<Float>
    /// What to blame in an error.
    private let origin: ByteSlice
    private var count = 0
    /// Bytes that do not make a float4 yet, the first of them lowest. At most 3 between calls.
    private var pending: UInt64 = 0
    private var pendingBytes = 0

    init(_ storage: UnsafeMutableBufferPointer<Float>, origin: ByteSlice) {
        self.storage = storage
        self.origin = origin
    }

    /// Appends the highest `byteCount` of the three bytes in `bits`, which has no more than those.
    @inline(__always)
    mutating func append(_ bits: UInt32, byteCount: Int) throws(QueryParseError) {
        let wanted = bits & (0xFF_FFFF << (8 * (3 - byteCount)))
        // The first byte is the highest of three; turned around, it is the lowest.
        pending |= UInt64((wanted << 8).byteSwapped) << (8 * pendingBytes)
        pendingBytes += byteCount
        guard pendingBytes >= 4 else { return }
        let word = UInt32(littleEndian: UInt32(truncatingIfNeeded: pending))
        pending >>= 32
        pendingBytes -= 4
        try append(Float(bitPattern: word))
    }

    private mutating func append(_ value: Float) throws(QueryParseError) {
        guard value.isFinite else { throw QueryParseError(.nonFiniteValue, at: origin.range) }
        guard count < QueryLimits.maximumDimensions else {
            throw QueryParseError(.tooManyDimensions, at: origin.range)
        }
        guard count < storage.count else {
            throw QueryParseError(.storageTooSmall, at: origin.range)
        }
        storage[count] = value
        count += 1
    }

    /// The number of float4s, once all bytes have come.
    func finish() throws(QueryParseError) -> Int {
        guard pendingBytes == 0 else { throw QueryParseError(.base64Length, at: origin.range) }
        guard count > 0 else { throw QueryParseError(.emptyVector, at: origin.range) }
        return count
    }
}
