import Foundation
import NearestNeighbors

/// What a text means, by other means than the parser's: whole strings, Foundation and Swift's own
/// number parsing. Slow, and in no way clever. Nil for text that is no query.
enum QueryOracle {
    private static let blanks = CharacterSet(charactersIn: " \t\n\u{0B}\u{0C}\r")

    static func parse(_ bytes: [UInt8], as form: QueryText.Form = .query) -> ParsedQuery? {
        // Every byte a character of its own, so that no encoding is in the way.
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: bytes.map { Unicode.Scalar($0) })
        let text = String(scalars)
        if form == .base64 {
            return base64(text.trimmingCharacters(in: blanks)).map { ParsedQuery($0) }
        }
        let fields = text.components(separatedBy: ":")
        guard fields.count <= (form == .vector ? 1 : 3), let values = vector(fields[0]),
            let extra = integer(fields.count > 1 ? fields[1] : "", upTo: 262_143),
            let metric = integer(fields.count > 2 ? fields[2] : "", upTo: 3)
        else { return nil }
        return ParsedQuery(values, extra: extra, metric: metric)
    }

    private static func vector(_ field: String) -> [Float]? {
        var text = field.trimmingCharacters(in: blanks)
        var isBracketed = false
        for (open, close) in [("[", "]"), ("{", "}")] where text.hasPrefix(open) {
            guard text.hasSuffix(close) else { return nil }
            text = String(text.unicodeScalars.dropFirst().dropLast())
            isBracketed = true
            break
        }
        let items = text.components(separatedBy: ",").map { $0.trimmingCharacters(in: blanks) }
        if items.count == 1, !isBracketed, !isDecimal(items[0]) {
            return base64(items[0])
        }
        guard items.count <= 16_000 else { return nil }
        var values: [Float] = []
        for item in items {
            guard let value = number(item) else { return nil }
            values.append(value)
        }
        return values
    }

    private static func isDecimal(_ text: String) -> Bool {
        text.range(
            of: #"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\z"#,
            options: .regularExpression) != nil
    }

    static func number(_ text: String) -> Float? {
        guard isDecimal(text), let value = Float(text), value.isFinite else { return nil }
        if value == 0 {
            let mantissa = text.components(separatedBy: CharacterSet(charactersIn: "eE"))[0]
            guard mantissa.rangeOfCharacter(from: CharacterSet(charactersIn: "123456789")) == nil
            else { return nil }
        }
        return value
    }

    private static func integer(_ field: String, upTo maximum: Int32) -> Int32? {
        let text = field.trimmingCharacters(in: blanks)
        if text.isEmpty { return 0 }
        guard let value = Int32(text), value >= 0, value <= maximum else { return nil }
        return value
    }

    static func base64(_ text: String) -> [Float]? {
        let characters = text.unicodeScalars.filter { !" \t\n\r".unicodeScalars.contains($0) }
        let compact = String(String.UnicodeScalarView(characters))
        // Foundation overlooks too much padding, and what comes after it.
        guard characters.count % 4 == 0,
            compact.range(of: "^[A-Za-z0-9+/]+={0,2}\\z", options: .regularExpression) != nil,
            let data = Data(base64Encoded: compact), !data.isEmpty, data.count % 4 == 0
        else { return nil }
        let values = data.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 4).map {
                bytes.loadUnaligned(fromByteOffset: $0, as: Float.self)
            }
        }
        guard values.count <= 16_000, values.allSatisfy(\.isFinite) else { return nil }
        return values
    }
}
