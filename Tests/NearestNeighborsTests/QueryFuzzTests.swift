import Foundation
import NearestNeighbors
import Testing

/// Millions of texts, most of them broken. None may trap or write past its storage; each one that is
/// accepted must mean the same after it was printed; and a part of them is put to the oracle, which
/// must agree on what is a query and on every bit of it.
@Suite struct QueryFuzzTests {
    private static let rounds = 600_000
    private static let forms: [QueryText.Form] = [.query, .query, .vector, .base64]
    private static let alphabet = Array("0123456789+-.eE,,,:[]{} \t\nnaifx=/AZaz\0\u{B}".utf8)
    private static let base64Alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let snippets = [
        "1e39", "1e-46", "1e-44", "3.4028235677973366e38", "16777217", "nan", "inf", "0x1p3",
        "262143", "262144", "-1", "::", "==", "[", "]", "{", "}", ",", ":", " ", "\u{0C}", "e5",
        "00000000000000000000000000000001", ".00000000000000000000000000000000000000000001",
        "99999999999999999999", "9007199254740993", "AACAPw==", "+", "-0", "1.e1", ".5",
    ].map { Array($0.utf8) }

    @Test(arguments: [UInt64](11...14))
    func fuzz(seed: UInt64) {
        var random = QueryRandom(seed: seed)
        let storage = GuardedStorage()
        var accepted = 0
        var defects: [String] = []
        for round in 0..<Self.rounds where defects.count < 10 {
            let text = Self.text(&random)
            let shown = String(reflecting: String(decoding: text, as: UTF8.self))
            switch parseQuery(text, in: storage) {
            case .success(let query):
                accepted += 1
                if parseQuery(printQuery(query), in: storage) != .success(query) {
                    defects.append("\(shown) is another query when printed")
                }
            case .failure(let error):
                if error.kind == .storageTooSmall || error.item.upperBound > text.count {
                    defects.append("\(shown): \(error)")
                }
            }
            guard round % 16 == 0 else { continue }
            let form = Self.forms[round / 16 % Self.forms.count]
            let parsed = try? parseQuery(text, as: form, in: storage).get()
            let expected = QueryOracle.parse(text, as: form)
            if parsed != expected {
                defects.append(
                    "\(shown) as \(form): \(parsed.debugDescription), but the oracle has "
                        + expected.debugDescription)
            }
        }
        #expect(defects.isEmpty, "\(defects.joined(separator: "\n"))")
        // A fuzz that accepts nothing, or everything, tests nothing.
        #expect(accepted > Self.rounds / 10 && accepted < Self.rounds * 9 / 10, "\(accepted)")
    }

    private static func text(_ random: inout QueryRandom) -> [UInt8] {
        switch random.below(8) {
        case 0: return bytes(&random) { UInt8(truncatingIfNeeded: $0.next()) }
        case 1: return bytes(&random) { alphabet[$0.below(alphabet.count)] }
        case 2: return bytes(&random) { base64Alphabet[$0.below(base64Alphabet.count)] }
        case 3: return base64(&random)
        case 4: return mutated(base64(&random), &random)
        case 5: return valid(&random)
        default: return mutated(valid(&random), &random)
        }
    }

    private static func bytes(
        _ random: inout QueryRandom, _ next: (inout QueryRandom) -> UInt8
    ) -> [UInt8] {
        var result: [UInt8] = []
        for _ in 0..<random.below(25) {
            result.append(next(&random))
        }
        return result
    }

    private static func base64(_ random: inout QueryRandom) -> [UInt8] {
        let values = (0..<1 + random.below(6)).map { _ in random.finiteFloat() }
        let text = Array(values.withUnsafeBytes { Data($0).base64EncodedString() }.utf8)
        return text + fields(&random)
    }

    private static func valid(_ random: inout QueryRandom) -> [UInt8] {
        var result: [UInt8] = []
        let bracket = random.below(8)
        result += bracket == 0 ? [UInt8(ascii: "[")] : bracket == 1 ? [UInt8(ascii: "{")] : []
        for index in 0...random.below(6) {
            if index > 0 {
                result.append(UInt8(ascii: ","))
            }
            result += number(&random)
        }
        result += bracket == 0 ? [UInt8(ascii: "]")] : bracket == 1 ? [UInt8(ascii: "}")] : []
        return result + fields(&random)
    }

    private static func number(_ random: inout QueryRandom) -> [UInt8] {
        switch random.below(4) {
        case 0: return Array(random.finiteFloat().description.utf8)
        case 1: return Array(Float.random(in: -1...1, using: &random).description.utf8)
        case 2: return Array(Double.random(in: -1...1, using: &random).description.utf8)
        default: return Array(String(random.below(100_000)).utf8)
        }
    }

    private static func fields(_ random: inout QueryRandom) -> [UInt8] {
        switch random.below(4) {
        case 0: return Array(":\(random.below(262_144)):\(random.below(4))".utf8)
        case 1: return Array(":\(random.below(300_000))".utf8)
        default: return []
        }
    }

    private static func mutated(_ text: [UInt8], _ random: inout QueryRandom) -> [UInt8] {
        var result = text
        for _ in 0...random.below(3) {
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
            case 4 where place < result.count:
                result.removeSubrange(place...)
            default:
                let other = random.below(result.count + 1)
                result += result[min(place, other)..<max(place, other)]
            }
        }
        return result
    }
}
