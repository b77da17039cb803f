import NearestNeighbors
import Testing

@Suite struct QueryTextTests {
    @Test(arguments: [
        ("3,1,1", ParsedQuery([3, 1, 1])),
        ("3,1,1:0", ParsedQuery([3, 1, 1])),
        ("3,1,1:0:1", ParsedQuery([3, 1, 1], metric: 1)),
        ("1,2,3:", ParsedQuery([1, 2, 3])),
        ("1,2,3::", ParsedQuery([1, 2, 3])),
        ("1,2,3: : ", ParsedQuery([1, 2, 3])),
        ("1,2,3::2", ParsedQuery([1, 2, 3], metric: 2)),
        ("1,2,3:40:", ParsedQuery([1, 2, 3], extra: 40)),
        ("1,2:262143:3", ParsedQuery([1, 2], extra: 262_143, metric: 3)),
        ("1,2:+00010:+1", ParsedQuery([1, 2], extra: 10, metric: 1)),
        (" 1 ,\t2,\n3\r : 10 :\u{0B}1\u{0C}", ParsedQuery([1, 2, 3], extra: 10, metric: 1)),
        ("[1,2,3]", ParsedQuery([1, 2, 3])),
        (" { 1 , 2 } :5", ParsedQuery([1, 2], extra: 5)),
        ("[7]", ParsedQuery([7])),
        ("-1.5,+2,.5,5.,1e3,2E-2,-0", ParsedQuery([-1.5, 2, 0.5, 5, 1000, 0.02, -0.0])),
        ("1234", ParsedQuery([1234])),
        ("1234567890123456", ParsedQuery([0x1.18b55p50])),
        ("-5e-1:7", ParsedQuery([-0.5], extra: 7)),
    ])
    func accepts(_ text: String, _ query: ParsedQuery) {
        #expect(parseQuery(text) == .success(query))
    }

    @Test(arguments: [
        ("", QueryParseError.Kind.emptyVector, ""),
        ("  ", .emptyVector, ""),
        ("[]", .emptyVector, "[]"),
        (" { } :1", .emptyVector, "{ }"),
        (":10:0", .emptyVector, ""),
        ("1,,2", .emptyItem, ""),
        (",1", .emptyItem, ""),
        ("1, ", .emptyItem, ""),
        (",", .emptyItem, ""),
        ("1,x", .malformedNumber, "x"),
        ("1, 2x ,3", .malformedNumber, "2x"),
        ("1,2 3", .malformedNumber, "2 3"),
        ("1,nan", .malformedNumber, "nan"),
        ("1,inf", .malformedNumber, "inf"),
        ("-Infinity,1", .malformedNumber, "-Infinity"),
        ("1,0x10", .malformedNumber, "0x10"),
        ("1,0x1p3", .malformedNumber, "0x1p3"),
        ("1,1e", .malformedNumber, "1e"),
        ("1,e5", .malformedNumber, "e5"),
        ("1,1e5.0", .malformedNumber, "1e5.0"),
        ("1,1.2.3", .malformedNumber, "1.2.3"),
        ("1,.", .malformedNumber, "."),
        ("1,+-2", .malformedNumber, "+-2"),
        ("1,2\0", .malformedNumber, "2\0"),
        ("1,ß", .malformedNumber, "ß"),
        ("[AACAPw==]", .malformedNumber, "AACAPw=="),
        ("[[1,2]]", .malformedNumber, "[1"),
        ("1,2]", .malformedNumber, "2]"),
        ("[1,2", .unbalancedBracket, "[1,2"),
        ("[1,2}", .unbalancedBracket, "[1,2}"),
        ("{1,2] :3", .unbalancedBracket, "{1,2]"),
        ("[1,2]x", .unbalancedBracket, "[1,2]x"),
        ("[", .unbalancedBracket, "["),
        ("1,1e39", .numberOverflow, "1e39"),
        ("-1e99999999999999999999", .numberOverflow, "-1e99999999999999999999"),
        ("1,1e-46", .numberUnderflow, "1e-46"),
        ("1,2:x", .malformedExtra, "x"),
        ("1,2:1.0", .malformedExtra, "1.0"),
        ("1,2: 1 2 ", .malformedExtra, "1 2"),
        ("1,2:+", .malformedExtra, "+"),
        ("1,2:-1", .extraOutOfRange, "-1"),
        ("1,2:262144", .extraOutOfRange, "262144"),
        ("1,2:99999999999999999999999", .extraOutOfRange, "99999999999999999999999"),
        ("1,2::1x", .malformedMetric, "1x"),
        ("1,2::4", .metricOutOfRange, "4"),
        ("1,2::-1", .metricOutOfRange, "-1"),
        ("1,2:1:1:", .tooManyFields, ":"),
        ("1,2:1:1:1", .tooManyFields, ":1"),
    ])
    func rejects(_ text: String, _ kind: QueryParseError.Kind, _ item: String) {
        let error = queryError(text)
        #expect(error?.kind == kind)
        #expect(error?.item == item)
    }

    @Test func vectorAlone() {
        #expect(parseQuery("[1, 2]", as: .vector) == .success(ParsedQuery([1, 2])))
        #expect(parseQuery("AACAPwAAAEA=", as: .vector) == .success(ParsedQuery([1, 2])))
        #expect(queryError("1,2:3", as: .vector)?.kind == .unexpectedField)
        #expect(queryError("1,2:", as: .vector)?.item == ":")
    }

    @Test func dimensionLimit() {
        let most = [String](repeating: "1", count: 16_000).joined(separator: ",")
        let isSame =
            parseQuery(most) == .success(ParsedQuery(Array(repeating: 1, count: 16_000)))
        #expect(isSame)
        #expect(queryError(most + ", 2 ,3")?.kind == .tooManyDimensions)
        #expect(queryError(most + ", 2 ,3")?.item == "2")
    }

    @Test func storageTooSmall() {
        for text in ["1,2,3", "AACAPwAAAEA="] {
            Array(text.utf8).withUnsafeBufferPointer { text in
                _ = GuardedStorage().with(1) { storage in
                    let error = #expect(throws: QueryParseError.self) {
                        try QueryText.parse(text, into: storage)
                    }
                    #expect(error?.kind == .storageTooSmall)
                    #expect(error?.category == .internalError)
                }
            }
        }
    }

    @Test func categoriesAndReasons() throws {
        func error(_ text: String) throws -> QueryParseError {
            guard case .failure(let error) = parseQuery(text) else {
                throw CancellationError()
            }
            return error
        }
        #expect(try error("1,x").category == .invalidText)
        #expect(try error("1,1e99").category == .outOfRange)
        #expect(try error("1,2::4").category == .outOfRange)
        #expect(try error("1,2::x").category == .invalidText)
        #expect(
            try error("1,2::4").reason.description == "metric, the third field, must be from 0 to 3"
        )
    }

    /// Whatever a gigabyte consists of, each byte is read a fixed number of times.
    @Test(arguments: [" ", "1", ",", "1,", "A", "=", ":", "[", "0", ".", "\n", "ÿ"])
    func hugeTextIsLinear(_ unit: String) {
        let length = 8 << 20
        let text = [UInt8](String(repeating: unit, count: length / unit.utf8.count).utf8)
        let elapsed = ContinuousClock().measure {
            _ = parseQuery(text, in: GuardedStorage())
            _ = parseQuery(text, as: .base64, in: GuardedStorage())
        }
        #expect(elapsed < .seconds(5))
    }
}
