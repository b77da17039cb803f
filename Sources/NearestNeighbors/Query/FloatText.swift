private import CNumbers

/// What an item of a vector turns out to be.
///
/// Rounding is to the nearest float4, ties to even. As with PostgreSQL's own `real`, a number that
/// would become infinite is an error, and so is one that is not zero and would become zero; a
/// subnormal result is fine.
enum FloatText {
    case value(Float)
    case overflow
    case underflow
    case malformed

    init(_ slice: ByteSlice) {
        guard let decimal = DecimalText(slice) else {
            self = .malformed
            return
        }
        guard decimal.significantDigits > 0 else {
            self = .value(decimal.isNegative ? -0.0 : 0.0)
            return
        }
        let magnitude = decimal.exactDoubleAsFloat ?? decimal.roundedByLibrary
        if magnitude == 0 {
            self = .underflow
        } else if magnitude.isInfinite {
            self = .overflow
        } else {
            self = .value(decimal.isNegative ? -magnitude : magnitude)
        }
    }
}

extension DecimalText {
    /// The magnitude, if it can be had in a few multiplications; it nearly always can.
    ///
    /// Digits below 2^53 and powers of ten up to 22 are exact in a Double, so that one operation
    /// on them rounds once. Rounding again to Float is harmless unless the Double lies exactly
    /// halfway between two Floats, where the first rounding may have hidden on which side the
    /// number was. All results are far inside the normal range of a Float: 1e-22 to 9.1e37.
    var exactDoubleAsFloat: Float? {
        guard significantDigits <= Self.maximumLeadingDigits, leadingDigits < 1 << 53,
            exponent >= -22, exponent <= 22
        else { return nil }
        var power = 1.0
        for _ in 0..<abs(exponent) {
            power *= 10
        }
        let digits = Double(leadingDigits)
        let value = exponent < 0 ? digits / power : digits * power
        let discardedBits: UInt64 = (1 << 29) - 1
        guard value.bitPattern & discardedBits != 1 << 28 else { return nil }
        return Float(value)
    }

    /// The magnitude as the C library rounds it.
    ///
    /// The library gets a rewritten number, of bounded length and without a decimal point: no float
    /// and no midpoint between two of them has more than 113 significant digits, so behind 120 it
    /// only matters whether anything other than zero follows.
    var roundedByLibrary: Float {
        let keptDigits = 120
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 160) { storage in
            var token = Token(storage)
            var rest = digits
            var kept = 0
            var hasMore = false
            scan: while let byte = rest.popFirst() {
                guard let digit = byte.digitValue else {
                    if byte == UInt8(ascii: ".") { continue scan }
                    break scan
                }
                if kept == 0 && digit == 0 { continue scan }
                if kept < keptDigits {
                    token.append(byte)
                    kept += 1
                } else if digit != 0 {
                    hasMore = true
                    break scan
                }
            }
            var tokenExponent = exponent + (significantDigits - kept)
            if hasMore {
                token.append(UInt8(ascii: "1"))
                tokenExponent -= 1
            }
            token.append(UInt8(ascii: "e"))
            token.append(exponent: max(-9_999, min(9_999, tokenExponent)))
            return token.float()
        }
    }

    /// A number on its way to the C library. Whatever does not fit is left out, though all of it
    /// does: 121 digits, `e`, a sign and four more digits.
    private struct Token {
        private let storage: UnsafeMutableBufferPointer<CChar>
        private var count = 0

        init(_ storage: UnsafeMutableBufferPointer<CChar>) {
            self.storage = storage
        }

        mutating func append(_ byte: UInt8) {
            guard count + 1 < storage.count else { return }
            storage[count] = CChar(bitPattern: byte)
            count += 1
        }

        /// Appends a number of up to four digits.
        mutating func append(exponent: Int) {
            if exponent < 0 {
                append(UInt8(ascii: "-"))
            }
            var divisor = 1_000
            while divisor > 0 {
                append(UInt8(ascii: "0") + UInt8(abs(exponent) / divisor % 10))
                divisor /= 10
            }
        }

        func float() -> Float {
            guard let text = storage.baseAddress, count < storage.count else { return 0 }
            text[count] = 0
            return cnumbers_float_from_decimal(text)
        }
    }
}
