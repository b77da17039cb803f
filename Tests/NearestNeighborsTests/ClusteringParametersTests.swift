import Foundation
import NearestNeighbors
import Testing

@Suite struct ClusteringParametersTests {
    private typealias Outcome = Result<ClusteringParameters, ClusteringParametersError>

    private static func parse(_ text: [UInt8], maximumLists: Int = 1_000) -> Outcome {
        text.withUnsafeBufferPointer { text in
            do throws(ClusteringParametersError) {
                return .success(try ClusteringParameters(text, maximumLists: maximumLists))
            } catch {
                return .failure(error)
            }
        }
    }

    @Test(arguments: [
        ("", ClusteringParameters.unspecified),
        (" \t\n", .unspecified),
        ("10,100", .sample(perMille: 10, lists: 100)),
        ("1,1", .sample(perMille: 1, lists: 1)),
        ("1000,1000", .sample(perMille: 1_000, lists: 1_000)),
        (" 10 ,\t100\r\n", .sample(perMille: 10, lists: 100)),
        ("+010,+0100", .sample(perMille: 10, lists: 100)),
        ("lists=7", .lists(7)),
        (" lists = 1000 ", .lists(1_000)),
    ])
    func accepts(_ text: String, _ parameters: ClusteringParameters) {
        #expect(Self.parse(Array(text.utf8)) == .success(parameters))
    }

    @Test(arguments: [
        ("x", ClusteringParametersError.Kind.unrecognized, "x"),
        (" /srv/centroids.txt ", .unrecognized, "/srv/centroids.txt"),
        ("lists", .unrecognized, "lists"),
        ("10;100", .unrecognized, "10;100"),
        ("10 100", .unrecognized, "10 100"),
        ("ß", .unrecognized, "ß"),
        ("\0", .unrecognized, "\0"),
        ("k=10", .unknownName, "k"),
        ("Lists=10", .unknownName, "Lists"),
        ("list=10", .unknownName, "list"),
        ("=10", .unknownName, ""),
        ("sample_ratio=1,lists=2", .unknownName, "sample_ratio"),
        ("1,2,3", .tooManyItems, "3"),
        ("1,2, ", .tooManyItems, ""),
        ("1,2,3,4", .tooManyItems, "3"),
        ("lists=2,3", .tooManyItems, "3"),
        ("lists=2,", .tooManyItems, ""),
        (",", .emptySampleRatio, ""),
        (" ,100", .emptySampleRatio, ""),
        ("x,100", .malformedSampleRatio, "x"),
        ("1.5,100", .malformedSampleRatio, "1.5"),
        ("0x10,100", .malformedSampleRatio, "0x10"),
        ("-,100", .malformedSampleRatio, "-"),
        ("0,100", .sampleRatioOutOfRange, "0"),
        ("-1,100", .sampleRatioOutOfRange, "-1"),
        ("1001,100", .sampleRatioOutOfRange, "1001"),
        ("18446744073709551617,100", .sampleRatioOutOfRange, "18446744073709551617"),
        ("10", .missingLists, "10"),
        ("0", .missingLists, "0"),
        ("10,", .emptyLists, ""),
        ("10,,3", .emptyLists, ""),
        ("lists=", .emptyLists, ""),
        ("10, x ", .malformedLists, "x"),
        ("10,lists=5", .malformedLists, "lists=5"),
        ("lists=5=6", .malformedLists, "5=6"),
        ("lists=1e2", .malformedLists, "1e2"),
        ("10,5\0", .malformedLists, "5\0"),
        ("10,0", .listsOutOfRange, "0"),
        ("10,1001", .listsOutOfRange, "1001"),
        ("lists=-3", .listsOutOfRange, "-3"),
        ("lists=99999999999999999999", .listsOutOfRange, "99999999999999999999"),
    ])
    func rejects(_ text: String, _ kind: ClusteringParametersError.Kind, _ item: String) {
        let bytes = Array(text.utf8)
        guard case .failure(let error) = Self.parse(bytes) else {
            Issue.record("\(text) was accepted")
            return
        }
        #expect(error.kind == kind)
        #expect(String(decoding: bytes[error.item], as: UTF8.self) == item)
        let isRange = kind == .sampleRatioOutOfRange || kind == .listsOutOfRange
        #expect(error.category == (isRange ? .outOfRange : .invalidText))
        expectReason(error.reason)
    }

    @Test(arguments: [Int.min, -1, 0])
    func acceptsNothingBelowOneList(maximum: Int) throws {
        guard case .failure(let error) = Self.parse(Array("lists=1".utf8), maximumLists: maximum)
        else {
            Issue.record("accepted")
            return
        }
        #expect(error.kind == .listsOutOfRange)
    }

    @Test func acceptsAnyMaximum() {
        let text = Array("1,1000000000000".utf8)
        let expected = ClusteringParameters.sample(perMille: 1, lists: 1_000_000_000_000)
        #expect(Self.parse(text, maximumLists: .max) == .success(expected))
        let nothing = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
        #expect((try? ClusteringParameters(nothing, maximumLists: 1)) == .unspecified)
    }

    @Test(arguments: [UInt64](31...32))
    func fuzz(seed: UInt64) {
        var random = QueryRandom(seed: seed)
        let seeds = ["10,100", "lists=40", " 1000 , 7 ", "lists = 1000", "", "1,1"]
        let alphabet = Array("0123456789+-., =listsk\t\n\0\u{B}ßx".utf8)
        let snippets = ["lists=", "1000", "1001", "99999999999999999999", ",", "=", " ", "0000"]
            .map { Array($0.utf8) }
        var accepted = 0
        for _ in 0..<150_000 {
            let text = mutated(
                Array(seeds[random.below(seeds.count)].utf8), &random, alphabet: alphabet,
                snippets: snippets)
            let expected = Self.oracle(text)
            switch Self.parse(text) {
            case .success(let parameters):
                accepted += 1
                #expect(parameters == expected, "\(text)")
            case .failure(let error):
                #expect(expected == nil, "\(text): \(error)")
                #expect(error.item.upperBound <= text.count)
            }
        }
        #expect(accepted > 5_000 && accepted < 145_000, "\(accepted)")
    }

    /// What a text means, by Foundation's means.
    private static func oracle(_ bytes: [UInt8]) -> ClusteringParameters? {
        let text = String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
        let items = text.components(separatedBy: ",").map { $0.trimmingCharacters(in: blanks) }
        let sides = text.components(separatedBy: "=").map { $0.trimmingCharacters(in: blanks) }
        if items == [""] { return .unspecified }
        if sides.count == 2, sides[0] == "lists" {
            return Int(sides[1]).flatMap { 1...1_000 ~= $0 ? .lists($0) : nil }
        }
        guard items.count == 2, let ratio = Int(items[0]), let lists = Int(items[1]),
            1...1_000 ~= ratio, 1...1_000 ~= lists
        else { return nil }
        return .sample(perMille: ratio, lists: lists)
    }
}

private let blanks = CharacterSet(charactersIn: " \t\n\u{0B}\u{0C}\r")

/// A reason goes into a sentence of the server and through a C format.
func expectReason(_ reason: StaticString) {
    let text = reason.description
    #expect(reason.isASCII && !text.isEmpty && !text.hasSuffix(".") && !text.contains("%"))
}

/// The same text with one to four defects, as a rule.
func mutated(
    _ text: [UInt8], _ random: inout QueryRandom, alphabet: [UInt8], snippets: [[UInt8]]
) -> [UInt8] {
    var result = text
    for _ in 0..<random.below(5) {
        let place = random.below(result.count + 1)
        switch random.below(6) {
        case 0 where place < result.count:
            result[place] ^= 1 << UInt8(random.below(8))
        case 1 where place < result.count:
            result.remove(at: place)
        case 2:
            result.insert(alphabet[random.below(alphabet.count)], at: place)
        case 3:
            result.insert(contentsOf: snippets[random.below(snippets.count)], at: place)
        case 4 where place < result.count && random.below(3) == 0:
            result.removeSubrange(place...)
        default:
            guard place < result.count else { continue }
            result[place] = alphabet[random.below(alphabet.count)]
        }
    }
    return result
}
