/// A part of the input. Every byte of the input is read through here, so that no other file has an
/// index to get wrong: `0 <= start <= end <= bytes.count` holds at all times.
struct ByteSlice {
    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var start: Int
    private(set) var end: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        start = 0
        end = bytes.count
    }

    var range: Range<Int> { start..<end }
    var count: Int { end - start }
    var isEmpty: Bool { start == end }
    var first: UInt8? { start < end ? bytes[start] : nil }
    var last: UInt8? { start < end ? bytes[end - 1] : nil }

    /// Takes the first byte away.
    mutating func popFirst() -> UInt8? {
        guard start < end else { return nil }
        defer { start += 1 }
        return bytes[start]
    }

    /// Takes the last byte away.
    mutating func popLast() -> UInt8? {
        guard start < end else { return nil }
        end -= 1
        return bytes[end]
    }

    /// Takes the first four bytes away, the first of them lowest, or none if there are fewer.
    mutating func popFirstFour() -> (UInt8, UInt8, UInt8, UInt8)? {
        guard end - start >= 4 else { return nil }
        defer { start += 4 }
        return (bytes[start], bytes[start + 1], bytes[start + 2], bytes[start + 3])
    }

    /// Takes everything before the first `separator` away and returns it. The separator, if there is
    /// one, remains as the first byte.
    mutating func popPrefix(before separator: UInt8) -> ByteSlice {
        var prefix = self
        while start < end, bytes[start] != separator {
            start += 1
        }
        prefix.end = start
        return prefix
    }

    /// The same without the blanks at both ends.
    func trimmed() -> ByteSlice {
        var result = self
        while let byte = result.first, byte.isBlank {
            result.start += 1
        }
        while let byte = result.last, byte.isBlank {
            result.end -= 1
        }
        return result
    }

    /// The first byte, and with it the bytes that may belong to the same character: in every
    /// encoding a server has, all bytes of a character that is not ASCII have their high bit set.
    func firstCharacter() -> Range<Int> {
        var rest = self
        guard let byte = rest.popFirst() else { return range }
        if byte >= 0x80 {
            while let next = rest.first, next >= 0x80 {
                rest.start += 1
            }
        }
        return start..<rest.start
    }
}

extension UInt8 {
    /// What C's `isspace` takes for a space in the C locale.
    var isBlank: Bool { self == 0x20 || (self >= 0x09 && self <= 0x0D) }

    /// The value of a decimal digit.
    var digitValue: UInt8? {
        let value = self &- UInt8(ascii: "0")
        return value <= 9 ? value : nil
    }
}
