/// What a field after the vector turns out to be.
enum IntegerText {
    case value(Int)
    /// An integer, and so far from every limit here that its value is of no interest.
    case huge
    case malformed

    /// Reads an optional sign and decimal digits, and nothing else.
    init(_ slice: ByteSlice) {
        var rest = slice
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") {
            _ = rest.popFirst()
        }
        guard !rest.isEmpty else {
            self = .malformed
            return
        }
        let ceiling = 1 << 40
        var magnitude = 0
        while let byte = rest.popFirst() {
            guard let digit = byte.digitValue else {
                self = .malformed
                return
            }
            magnitude = min(magnitude * 10 + Int(digit), ceiling)
        }
        self = magnitude == ceiling ? .huge : .value(isNegative ? -magnitude : magnitude)
    }
}
