/// Base64 text of float4s in the byte order of the machine.
///
/// The rules are those of PostgreSQL's `decode(…, 'base64')`, which such text is often made for:
/// blanks anywhere, padding required, the bits that padding makes superfluous ignored. Unlike there,
/// nothing may follow the padding.
enum Base64 {
    /// The most float4s that so many characters hold.
    static func maximumDimensions(characters: Int) -> Int {
        // Three bytes in four characters, and no overflow however many there are.
        characters / 16 * 3 + characters % 16 * 3 / 16
    }

    /// Writes the float4s in `slice` to the beginning of `storage` and returns their number.
    static func decode(
        _ slice: ByteSlice, into storage: UnsafeMutableBufferPointer<Float>
    ) throws(QueryParseError) -> Int {
        var sink = FloatSink(storage, origin: slice)
        var rest = slice
        var group = Group()
        while !rest.isEmpty {
            if group.isEmpty {
                try decodeWholeGroups(&rest, into: &sink)
            }
            let character = rest.firstCharacter()
            guard let byte = rest.popFirst() else { break }
            guard !isBlank(byte) else { continue }
            guard byte == UInt8(ascii: "=") || value(of: byte) <= 63 else {
                throw QueryParseError(.base64Character, at: character)
            }
            guard group.append(byte) else { throw QueryParseError(.base64Padding, at: character) }
            if group.isComplete {
                try sink.append(group.bits, byteCount: group.byteCount)
                group.finish()
            }
        }
        guard group.isEmpty || group.isFinished else {
            throw QueryParseError(.base64Padding, at: slice.range)
        }
        return try sink.finish()
    }

    /// Takes whole groups without blanks and padding away: all of the text but for a few characters.
    private static func decodeWholeGroups(
        _ rest: inout ByteSlice, into sink: inout FloatSink
    ) throws(QueryParseError) {
        var ahead = rest
        while let (first, second, third, fourth) = ahead.popFirstFour() {
            let values = (value(of: first), value(of: second), value(of: third), value(of: fourth))
            guard values.0 | values.1 | values.2 | values.3 <= 63 else { return }
            let bits = values.0 << 18 | values.1 << 12 | values.2 << 6 | values.3
            try sink.append(bits, byteCount: 3)
            rest = ahead
        }
    }

    /// The six bits that a character stands for; more than 63 if it stands for none.
    ///
    /// Selections rather than branches: letters and digits come in no order that a processor
    /// could predict.
    @inline(__always)
    fileprivate static func value(of byte: UInt8) -> UInt32 {
        let upper = byte &- UInt8(ascii: "A")
        let lower = byte &- UInt8(ascii: "a")
        let digit = byte &- UInt8(ascii: "0")
        var value: UInt8 = 64
        value = upper < 26 ? upper : value
        value = lower < 26 ? lower &+ 26 : value
        value = digit < 10 ? digit &+ 52 : value
        value = byte == UInt8(ascii: "+") ? 62 : value
        value = byte == UInt8(ascii: "/") ? 63 : value
        return UInt32(value)
    }

    /// The blanks that `decode` skips: two fewer than elsewhere.
    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    /// Up to four characters that make up to three bytes.
    private struct Group {
        private(set) var bits: UInt32 = 0
        private var characters = 0
        private var padding = 0
        private(set) var isFinished = false

        var isEmpty: Bool { characters == 0 && !isFinished }
        var isComplete: Bool { characters + padding == 4 }
        var byteCount: Int { 3 - padding }

        /// False where the character may not stand.
        mutating func append(_ byte: UInt8) -> Bool {
            guard !isFinished else { return false }
            if byte == UInt8(ascii: "=") {
                guard characters >= 2 else { return false }
                padding += 1
                bits <<= 6
            } else {
                guard padding == 0 else { return false }
                characters += 1
                bits = bits << 6 | Base64.value(of: byte)
            }
            return true
        }

        /// Begins the next group, if there may be one.
        mutating func finish() {
            isFinished = padding > 0
            bits = 0
            characters = 0
            padding = 0
        }
    }
}
