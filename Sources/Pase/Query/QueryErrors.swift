import CPostgres
import NearestNeighbors
import PostgresServer

extension ServerError {
    /// The server's form of an error in a query's text, binary form or arguments.
    ///
    /// - Parameter text: what was parsed, so that the offending item can be shown; nil where there is
    ///   nothing readable to show.
    init(_ error: QueryParseError, in text: UnsafeBufferPointer<UInt8>?) {
        let reason = ServerError.sentence(error.reason)
        guard let text else {
            let state = SQLState(error.category, ofText: false)
            self.init(state, "invalid value of type pase", detail: "\(reason).")
            return
        }
        let item = ServerError.excerpt(text, error.item)
        self.init(
            SQLState(error.category, ofText: true),
            "invalid input syntax for type pase: \"\(item)\"", detail: "\(reason).",
            hint: "The form is \"v1,v2,...[:extra[:metric]]\".")
    }

    /// The server's form of an error in a vector that stands in a column as base64.
    ///
    /// - Parameter row: where it stands, as a packed TID; nil where that is not known.
    init(_ error: QueryParseError, inBase64 text: UnsafeBufferPointer<UInt8>, row: UInt64?) {
        let item = ServerError.excerpt(text, error.item)
        var detail = "\(ServerError.sentence(error.reason))."
        if let row { detail += " It stands in row (\(row >> 16),\(row & 0xFFFF)) of the table." }
        self.init(
            SQLState(error.category, ofText: true), "invalid base64 vector: \"\(item)\"",
            detail: detail,
            hint: "The vectors of a column of type text are base64 of float4 values.")
    }

    /// A parser's reason as the beginning of a sentence.
    static func sentence(_ reason: StaticString) -> String { capitalized(string(reason)) }

    private static func string(_ text: StaticString) -> String {
        String(cString: text.utf8Start)
    }

    /// The first letter of ASCII text as an upper-case one.
    private static func capitalized(_ text: String) -> String {
        var bytes = Array(text.utf8)
        if let first = bytes.first, first >= 97, first <= 122 { bytes[0] = first - 32 }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// At most 60 bytes of a part of the text, cut where a character starts.
    static func excerpt(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> String {
        let start = max(0, min(range.lowerBound, text.count))
        let end = max(start, min(range.upperBound, text.count))
        let bytes = UnsafeBufferPointer(rebasing: text[start..<end])
        let kept = wholeCharacters(bytes, limit: 60)
        return serverText(UnsafeBufferPointer(rebasing: bytes[..<kept]))
            + (kept < bytes.count ? "..." : "")
    }
}

/// A number as the server writes it.
func floatText(_ value: Float) -> String {
    var text = InlineText()
    return withUnsafeMutableBytes(of: &text) { bytes in
        let count = Int(
            pase_format_float4(value, bytes.baseAddress?.assumingMemoryBound(to: CChar.self)))
        return String(decoding: bytes.prefix(max(0, min(count, bytes.count))), as: UTF8.self)
    }
}

/// Room for a number's text, which has at most 24 bytes.
private struct InlineText: BitwiseCopyable {
    var bytes = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
}

extension SQLState {
    /// The state for a parser's error in text, or in a message or value of another form.
    fileprivate init(_ category: QueryParseError.Category, ofText isText: Bool) {
        switch category {
        case .invalidText:
            self = isText ? .invalidTextRepresentation : .invalidBinaryRepresentation
        case .outOfRange: self = .numericValueOutOfRange
        case .invalidBinary: self = .invalidBinaryRepresentation
        case .internalError: self = .internalError
        }
    }
}
