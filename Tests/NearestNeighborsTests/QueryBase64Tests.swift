import Foundation
import NearestNeighbors
import Testing

@Suite struct QueryBase64Tests {
    private static func encode(_ values: [Float]) -> String {
        values.withUnsafeBytes { Data($0).base64EncodedString() }
    }

    @Test func decodes() {
        let one = Self.encode([1])
        let two = Self.encode([1, 2])
        let three = Self.encode([1, 2, 3])
        #expect(parseQuery(one) == .success(ParsedQuery([1])))
        #expect(parseQuery(two) == .success(ParsedQuery([1, 2])))
        #expect(parseQuery(three) == .success(ParsedQuery([1, 2, 3])))
        #expect(parseQuery("\(two):10:1") == .success(ParsedQuery([1, 2], extra: 10, metric: 1)))
        #expect(parseQuery(" \(two) ::3") == .success(ParsedQuery([1, 2], metric: 3)))
        #expect(parseQuery(two, as: .base64) == .success(ParsedQuery([1, 2])))
    }

    @Test func blanksAnywhere() {
        let text = Self.encode([1, 2, -3.5, 1e10])
        for blank in [" ", "\t", "\r\n"] {
            let spaced = text.map { String($0) }.joined(separator: blank)
            #expect(parseQuery(spaced) == .success(ParsedQuery([1, 2, -3.5, 1e10])))
            #expect(parseQuery("\n\(spaced)\n", as: .base64) == parseQuery(text, as: .base64))
        }
    }

    @Test func numbersComeFirst() {
        // Sixteen digits are the base64 of three float4s, too.
        let digits = "1234567890123456"
        #expect(parseQuery(digits) == .success(ParsedQuery([0x1.18b55p50])))
        guard case .success(let query) = parseQuery(digits, as: .base64) else {
            Issue.record("base64 text was not taken as such")
            return
        }
        #expect(query.bits.count == 3)
    }

    @Test(arguments: [
        ("x", QueryParseError.Kind.base64Padding, "x"),
        ("nan", .base64Padding, "nan"),
        ("Infinity", .base64Length, "Infinity"),
        ("0x10", .base64Length, "0x10"),
        ("AAAA", .base64Length, "AAAA"),
        ("AACAPw", .base64Padding, "AACAPw"),
        ("AACAPw=", .base64Padding, "AACAPw="),
        ("AACAPw===", .base64Padding, "="),
        ("AACAPw==AACAPw==", .base64Padding, "A"),
        ("=AACAPw=", .base64Padding, "="),
        ("AACAP===", .base64Padding, "="),
        ("AACA====", .base64Padding, "="),
        ("AA=A", .base64Padding, "A"),
        ("AACAPw==*", .base64Character, "*"),
        ("AACA-w==", .base64Character, "-"),
        ("AACAéw==", .base64Character, "é"),
        ("1 2", .base64Padding, "1 2"),
        ("1;2;3", .base64Character, ";"),
        ("AACA\u{0B}Pw==", .base64Character, "\u{0B}"),
        ("AADAfw==", .nonFiniteValue, "AADAfw=="),
        ("AACAfw==", .nonFiniteValue, "AACAfw=="),
        ("AACA/w==", .nonFiniteValue, "AACA/w=="),
    ])
    func rejects(_ text: String, _ kind: QueryParseError.Kind, _ item: String) {
        let error = queryError(text)
        #expect(error?.kind == kind)
        #expect(error?.item == item)
        #expect(queryError(text, as: .base64)?.kind == kind)
    }

    @Test func emptyAndFields() {
        #expect(queryError("", as: .base64)?.kind == .emptyVector)
        #expect(queryError(" \n", as: .base64)?.kind == .emptyVector)
        #expect(queryError("AACAPw==:1", as: .base64)?.kind == .base64Character)
        #expect(queryError("1,2", as: .base64)?.kind == .base64Character)
    }

    @Test func dimensionLimit() {
        let most = [Float](repeating: 0.25, count: 16_000)
        let isSame = parseQuery(Self.encode(most)) == .success(ParsedQuery(most))
        #expect(isSame)
        #expect(queryError(Self.encode(most + [1]))?.kind == .tooManyDimensions)
    }

    @Test func everyLengthRoundTrips() {
        var random = QueryRandom(seed: 3)
        for count in 1...300 {
            let values = (0..<count).map { _ in random.finiteFloat() }
            let isSame =
                parseQuery(Self.encode(values), as: .base64) == .success(ParsedQuery(values))
            #expect(isSame, "\(count) values")
        }
    }
}
