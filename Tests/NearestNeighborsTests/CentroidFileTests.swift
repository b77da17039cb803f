import Foundation
import NearestNeighbors
import Testing

@Suite struct CentroidFileTests {
    /// What a file means, bit by bit.
    private struct Centroids: Equatable {
        let dimensions: Int
        let count: Int
        let bits: [UInt32]

        init(_ dimensions: Int, _ count: Int, _ values: [Float]) {
            self.dimensions = dimensions
            self.count = count
            bits = values.map(\.bitPattern)
        }
    }

    private typealias Outcome = Result<Centroids, CentroidFileError>
    private static let maximumDimensions = 16
    private static let maximumCount = 100

    /// Parses as the server does. Storage has just the size that the header asks for.
    private static func parse(
        _ text: [UInt8], maximumDimensions: Int = maximumDimensions,
        maximumCount: Int = maximumCount
    ) -> Outcome {
        text.withUnsafeBufferPointer { text in
            do throws(CentroidFileError) {
                let file = try CentroidFile(
                    text, maximumDimensions: maximumDimensions, maximumCount: maximumCount)
                precondition(file.numberCount == file.dimensions * file.count)
                precondition(1...(text.count + 1) / 2 ~= file.numberCount)
                let canary: Float = 12_345.678
                let storage = UnsafeMutableBufferPointer<Float>.allocate(
                    capacity: file.numberCount + 8)
                defer { storage.deallocate() }
                storage.initialize(repeating: canary)
                defer { precondition(storage.suffix(8).allSatisfy { $0 == canary }) }
                try file.parse(into: .init(rebasing: storage.dropLast(8)))
                return .success(
                    Centroids(file.dimensions, file.count, Array(storage.dropLast(8))))
            } catch {
                return .failure(error)
            }
        }
    }

    @Test(arguments: [
        ("3|2|1,2,3,4,5,6", 3, 2, [1, 2, 3, 4, 5, 6] as [Float]),
        ("3|2|1,2,3,4,5,6\n", 3, 2, [1, 2, 3, 4, 5, 6]),
        ("3|2|1,2,3,4,5,6\r\n", 3, 2, [1, 2, 3, 4, 5, 6]),
        ("1|1|7", 1, 1, [7]),
        (" +2 | 01 |\t-1.5 , .5e1 \n", 2, 1, [-1.5, 5]),
        ("2|2|-0,+0,1e-45,3.4028235e38", 2, 2, [-0.0, 0, 0x1p-149, 3.4028235e38]),
        ("16|1|1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", 16, 1, [Float](repeating: 1, count: 16)),
        (
            "1|100|" + [String](repeating: "1", count: 100).joined(separator: ","), 1, 100,
            [Float](repeating: 1, count: 100)
        ),
    ])
    func accepts(_ text: String, _ dimensions: Int, _ count: Int, _ values: [Float]) {
        #expect(Self.parse(Array(text.utf8)) == .success(Centroids(dimensions, count, values)))
    }

    @Test(arguments: [
        ("", CentroidFileError.Kind.emptyFile, ""),
        (" \r\n\n", .emptyFile, ""),
        ("\n2|1|1,2", .emptyLine, ""),
        ("\u{FEFF}2|1|1,2", .byteOrderMark, "\u{FEFF}"),
        ("\0", .nulByte, "\0"),
        ("2\0|\0", .nulByte, "\0"),
        ("2|1\0|1,2", .nulByte, "\0"),
        ("2|1|\01,2", .nulByte, "\0"),
        ("2|1|1,2\0", .nulByte, "\0"),
        ("2|1|1,2\n\0\0", .nulByte, "\0"),
        ("2|1|1,2|\0", .nulByte, "\0"),
        ("root:x:0:0\nbin:x:1:1\n", .missingSeparator, "root:x:0:0"),
        ("2", .missingSeparator, "2"),
        ("2|1", .missingSeparator, "2|1"),
        ("2|\n1|1,2", .missingSeparator, "2|"),
        ("2,1,1,2\r\n", .missingSeparator, "2,1,1,2"),
        ("2|1|1,2|", .tooManyFields, ""),
        ("2|1|1|2", .tooManyFields, "2"),
        ("2|1|1,2| x \n", .tooManyFields, "x"),
        ("|1|1,2", .emptyDimensions, ""),
        ("||", .emptyDimensions, ""),
        ("x|1|1,2", .malformedDimensions, "x"),
        ("2.0|1|1,2", .malformedDimensions, "2.0"),
        ("2 2|1|1,2", .malformedDimensions, "2 2"),
        ("0|1|1,2", .dimensionsOutOfRange, "0"),
        ("-2|1|1,2", .dimensionsOutOfRange, "-2"),
        ("17|1|1,2", .dimensionsOutOfRange, "17"),
        ("18446744073709551618|1|1,2", .dimensionsOutOfRange, "18446744073709551618"),
        ("2| |1,2", .emptyCount, ""),
        ("2|1e0|1,2", .malformedCount, "1e0"),
        ("2|0|", .countOutOfRange, "0"),
        ("2|101|1,2", .countOutOfRange, "101"),
        ("2|-9223372036854775808|1,2", .countOutOfRange, "-9223372036854775808"),
        ("2|1|1,2\n\n", .blanksAfterLine, "\n"),
        ("2|1|1,2\n \t", .blanksAfterLine, " \t"),
        ("2|2|1,2\n3,4\n", .secondLine, "3,4"),
        ("2|1|1,2\n\n x \r\ny", .secondLine, "x"),
        ("2|1|1,2\n\u{1A}", .secondLine, "\u{1A}"),
    ])
    func rejects(_ text: String, _ kind: CentroidFileError.Kind, _ item: String) {
        expectError(text, kind, item, nil, nil)
    }

    @Test(arguments: [
        ("3|2|", CentroidFileError.Kind.tooFewNumbers, "", 1, 1),
        ("1|1| \n", .tooFewNumbers, "", 1, 1),
        ("3|2|1,2,3,4,5", .tooFewNumbers, "", 2, 3),
        ("3|2|10,20,30,40\n", .tooFewNumbers, "", 2, 2),
        ("16|100|1,2,3", .tooFewNumbers, "", 1, 4),
        ("3|2|1,2,3,4,5,6,7", .tooManyNumbers, "7", 3, 1),
        ("3|2|1,2,3,4,5,6, x ,8", .tooManyNumbers, "x", 3, 1),
        ("3|2|1,2,3,4,5,6,", .emptyItem, "", 3, 1),
        ("3|2|1,2,3,4,5,", .emptyItem, "", 2, 3),
        ("3|2|1,2,, 3,4,5", .emptyItem, "", 1, 3),
        ("2|1|,1", .emptyItem, "", 1, 1),
        ("2|1|1,x", .malformedNumber, "x", 1, 2),
        ("2|1|x,", .malformedNumber, "x", 1, 1),
        ("2|1|1 ,2 junk\n", .malformedNumber, "2 junk", 1, 2),
        ("2|1|[1,2]", .malformedNumber, "[1", 1, 1),
        ("2|1|1,0x1p3", .malformedNumber, "0x1p3", 1, 2),
        ("1|2|1,ß", .malformedNumber, "ß", 2, 1),
        ("1|2|1,nane", .malformedNumber, "nane", 2, 1),
        ("1|2|1,2\r3", .malformedNumber, "2\r3", 2, 1),
        ("1|2|1,NaN", .nonFiniteNumber, "NaN", 2, 1),
        ("1|2|-nan,1", .nonFiniteNumber, "-nan", 1, 1),
        ("1|2|1, +INF ", .nonFiniteNumber, "+INF", 2, 1),
        ("1|2|1,-Infinity", .nonFiniteNumber, "-Infinity", 2, 1),
        ("1|2|1,1e39", .numberOverflow, "1e39", 2, 1),
        ("1|2|-1e99999999999999999999,1", .numberOverflow, "-1e99999999999999999999", 1, 1),
        ("1|2|1,1e-46", .numberUnderflow, "1e-46", 2, 1),
    ])
    func rejectsNumbers(
        _ text: String, _ kind: CentroidFileError.Kind, _ item: String, _ centroid: Int,
        _ component: Int
    ) {
        expectError(text, kind, item, centroid, component)
    }

    private func expectError(
        _ text: String, _ kind: CentroidFileError.Kind, _ item: String, _ centroid: Int?,
        _ component: Int?
    ) {
        let bytes = Array(text.utf8)
        guard case .failure(let error) = Self.parse(bytes) else {
            Issue.record("\(text) was accepted")
            return
        }
        #expect(error.kind == kind)
        #expect(String(decoding: bytes[error.item], as: UTF8.self) == item)
        if kind != .nulByte {
            #expect(error.position?.centroid == centroid)
            #expect(error.position?.component == component)
        }
        let outOfRange: [CentroidFileError.Kind] = [
            .dimensionsOutOfRange, .countOutOfRange, .numberOverflow, .numberUnderflow,
        ]
        #expect(error.category == (outOfRange.contains(kind) ? .outOfRange : .invalidText))
        expectReason(error.reason)
    }

    @Test(arguments: [[0xFF, 0xFE] as [UInt8], [0xFE, 0xFF]])
    func rejectsWideText(_ mark: [UInt8]) {
        guard case .failure(let error) = Self.parse(mark + Array("1\0|\01\0|\01\0".utf8)) else {
            Issue.record("accepted")
            return
        }
        #expect(error.kind == .byteOrderMark && error.item == 0..<2)
    }

    /// A short file cannot make the caller allocate much, and no product overflows.
    @Test func believesNoHeader() {
        for text in ["2147483647|2147483647|1,2", "9|2147483647|", "1|2147483647|1"] {
            guard
                case .failure(let error) = Self.parse(
                    Array(text.utf8), maximumDimensions: .max, maximumCount: .max)
            else {
                Issue.record("\(text) was accepted")
                return
            }
            #expect(error.kind == .tooFewNumbers)
        }
        for text in ["2147483648|1|1", "1|1099511627775|1", "1|9999999999999|1"] {
            guard
                case .failure(let error) = Self.parse(
                    Array(text.utf8), maximumDimensions: .max, maximumCount: .max)
            else {
                Issue.record("\(text) was accepted")
                return
            }
            #expect(error.kind == .dimensionsOutOfRange || error.kind == .countOutOfRange)
        }
        for maximum in [Int.min, -1, 0] {
            #expect(throws: CentroidFileError.self) {
                try Self.parse(Array("1|1|1".utf8), maximumDimensions: maximum).get()
            }
            #expect(throws: CentroidFileError.self) {
                try Self.parse(Array("1|1|1".utf8), maximumCount: maximum).get()
            }
        }
    }

    @Test func wantsStorage() throws {
        try Array("2|2|1,2,3,4".utf8).withUnsafeBufferPointer { text in
            let file = try CentroidFile(text, maximumDimensions: 2, maximumCount: 2)
            var storage: [Float] = [0, 0, 0]
            storage.withUnsafeMutableBufferPointer { storage in
                do throws(CentroidFileError) {
                    try file.parse(into: storage)
                    Issue.record("accepted")
                } catch {
                    #expect(error.kind == .storageTooSmall && error.category == .internalError)
                }
            }
            #expect(storage == [0, 0, 0])
            storage = [0, 0, 0, 0, 9]
            try storage.withUnsafeMutableBufferPointer { try file.parse(into: $0) }
            #expect(storage == [1, 2, 3, 4, 9])
        }
        #expect(throws: CentroidFileError.self) {
            try CentroidFile(
                UnsafeBufferPointer(start: nil, count: 0), maximumDimensions: 1, maximumCount: 1)
        }
    }

    /// Millions of bytes of what might tempt a parser to go back again and again.
    @Test(arguments: [",", " ", "|", "\n", "\0", "1", "1,", " ,", "-", "0", "1e9"])
    func takesLinearTime(_ pattern: String) {
        let body = [[UInt8]](repeating: Array(pattern.utf8), count: 1_000_000).joined()
        for header in ["", "16|100|", "1|1000000|"] {
            _ = Self.parse(Array(header.utf8) + body, maximumCount: 1_000_000)
        }
        _ = Self.parse(Array("1|1|1\n".utf8) + body)
    }

    @Test(arguments: [UInt64](41...44))
    func fuzz(seed: UInt64) {
        var random = QueryRandom(seed: seed)
        let alphabet = Array("0123456789+-.eE,,,|| \t\r\nnaifx[\0\u{B}ß".utf8)
        let snippets = [
            "1e39", "1e-46", "1e-44", "nan", "inf", "|", "||", ",", ",,", "\n", "\r\n", "\0", " ",
            "16|", "17|", "99999999999999999999", "9007199254740993", "16777217", "\u{FEFF}", "-0",
            ".00000000000000000000000000000000000000000001", "1|1|",
        ].map { Array($0.utf8) }
        var accepted = 0
        var defects: [String] = []
        for round in 0..<75_000 where defects.count < 10 {
            let text = mutated(
                Self.valid(&random), &random, alphabet: alphabet, snippets: snippets)
            switch Self.parse(text) {
            case .success(let centroids):
                accepted += 1
                if Self.oracle(text) != centroids {
                    defects.append(String(decoding: text, as: UTF8.self))
                }
            case .failure(let error):
                if error.kind == .storageTooSmall || error.item.upperBound > text.count
                    || round % 8 == 0 && Self.oracle(text) != nil
                {
                    defects.append("\(String(decoding: text, as: UTF8.self)): \(error)")
                }
            }
        }
        #expect(defects.isEmpty, "\(defects.joined(separator: "\n---\n"))")
        // A fuzz that accepts nothing, or everything, tests nothing.
        #expect(accepted > 7_500 && accepted < 67_500, "\(accepted)")
    }

    private static func valid(_ random: inout QueryRandom) -> [UInt8] {
        let dimensions = 1 + random.below(4)
        let count = 1 + random.below(4)
        let numbers = (0..<dimensions * count).map { _ in
            switch random.below(3) {
            case 0: return random.finiteFloat().description
            case 1: return Double.random(in: -1...1, using: &random).description
            default: return String(random.below(100_000))
            }
        }
        let end = ["", "\n", "\r\n"][random.below(3)]
        return Array("\(dimensions)|\(count)|\(numbers.joined(separator: ","))\(end)".utf8)
    }

    /// What a file means, by Foundation's means. Nil for one that is malformed.
    private static func oracle(_ bytes: [UInt8]) -> Centroids? {
        var text = String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
        if text.unicodeScalars.last == "\n" {
            text.unicodeScalars.removeLast()
        }
        guard !text.unicodeScalars.contains("\n") else { return nil }
        let blanks = CharacterSet(charactersIn: " \t\u{0B}\u{0C}\r")
        let fields = text.components(separatedBy: "|").map { $0.trimmingCharacters(in: blanks) }
        guard fields.count == 3, let dimensions = Int(fields[0]), let count = Int(fields[1]),
            1...maximumDimensions ~= dimensions, 1...maximumCount ~= count
        else { return nil }
        let items = fields[2].components(separatedBy: ",")
        guard items.count == dimensions * count else { return nil }
        let values = items.compactMap {
            QueryOracle.number($0.trimmingCharacters(in: blanks))
        }
        guard values.count == items.count else { return nil }
        return Centroids(dimensions, count, values)
    }
}
