/// A decimal number, checked and taken apart but not yet rounded.
///
/// The grammar is the one of a finite number in SQL: a sign, digits with a decimal point before,
/// among or after them, an exponent. What C reads beyond that (`nan`, `inf`, hexadecimal digits) is
/// malformed here.
struct DecimalText {
    let isNegative: Bool
    /// The digits, with the decimal point among them.
    let digits: ByteSlice
    /// How many digits there are from the first that is not zero.
    let significantDigits: Int
    /// The first 19 significant digits as an integer, which always fits.
    let leadingDigits: UInt64
    /// The power of ten to multiply all digits, taken as one integer, with.
    let exponent: Int

    /// How many significant digits `leadingDigits` holds at most.
    static var maximumLeadingDigits: Int { 19 }

    /// The number in `slice`, which must hold nothing else; nil if it is malformed.
    init?(_ slice: ByteSlice) {
        var rest = slice
        isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") {
            _ = rest.popFirst()
        }
        digits = rest

        var digitCount = 0
        var fractionDigits = 0
        var significant = 0
        var leading: UInt64 = 0
        var seenPoint = false
        var exponentText: ByteSlice?
        while exponentText == nil, let byte = rest.popFirst() {
            if let digit = byte.digitValue {
                digitCount += 1
                fractionDigits += seenPoint ? 1 : 0
                if significant > 0 || digit > 0 {
                    significant += 1
                    if significant <= Self.maximumLeadingDigits {
                        leading = leading &* 10 &+ UInt64(digit)
                    }
                }
            } else if byte == UInt8(ascii: "."), !seenPoint {
                seenPoint = true
            } else if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
                exponentText = rest
            } else {
                return nil
            }
        }
        guard digitCount > 0 else { return nil }
        significantDigits = significant
        leadingDigits = leading

        guard let exponentText else {
            exponent = -fractionDigits
            return
        }
        switch IntegerText(exponentText) {
        case .malformed:
            return nil
        case .value(let value):
            exponent = value - fractionDigits
        case .huge:
            // More than any number of digits in the input could make up for.
            let isSmall = exponentText.first == UInt8(ascii: "-")
            exponent = (isSmall ? -1 : 1) << 40
        }
    }
}
