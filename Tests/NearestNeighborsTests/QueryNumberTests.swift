import Foundation
import NearestNeighbors
import Testing

/// Rounding is held to Swift's own reading of numbers, which is correctly rounded.
@Suite struct QueryNumberTests {
    private static func value(_ text: String) -> Float? {
        guard case .success(let query) = parseQuery("[\(text)]") else { return nil }
        return query.values.first
    }

    @Test func digitsBeyondEveryBuffer() {
        let zeros = String(repeating: "0", count: 100_000)
        #expect(Self.value("0.\(zeros)1e100001") == 1)
        #expect(Self.value("1\(zeros)e-100000") == 1)
        #expect(Self.value("\(zeros)2.5\(zeros)") == 2.5)
        #expect(Self.value("0\(zeros)e99999999999999999999")?.bitPattern == 0)
        #expect(Self.value("-0e-99999999999999999999")?.sign == .minus)
        // Halfway between two floats, and then a little more, a hundred thousand digits away.
        #expect(Self.value("16777217.\(zeros)") == 16_777_216)
        #expect(Self.value("16777217.\(zeros)1") == 16_777_218)
        #expect(Self.value("16777217.\(zeros)e-0") == 16_777_216)
    }

    @Test func edgesOfTheRange() {
        #expect(Self.value("3.4028235e38") == .greatestFiniteMagnitude)
        #expect(Self.value("340282356779733661637539395458142568448") == nil)
        #expect(
            Self.value("340282356779733661637539395458142568447") == .greatestFiniteMagnitude)
        #expect(Self.value("1e-45") == .leastNonzeroMagnitude)
        #expect(Self.value("1e-40")?.bitPattern == 71_362)
        #expect(Self.value("7.0064923216240854e-46") == .leastNonzeroMagnitude)
        #expect(Self.value("7.006492321624085e-46") == nil)
        #expect(queryError("[7.006492321624085e-46]")?.kind == .numberUnderflow)
        // Rounded to a Double first, this would come out one too high.
        let rounded = Float(sign: .plus, exponent: -107, significand: 0xAE43FD)
        #expect(Self.value("7.038531e-26") == rounded)
    }

    @Test func shortestAndLongestDigits() {
        var random = QueryRandom(seed: 1)
        for _ in 0..<20_000 {
            let value = random.finiteFloat()
            for text in [
                value.description, String(format: "%.9e", value), String(format: "%.140e", value),
                String(format: "%.17g", value),
            ] {
                #expect(Self.value(text)?.bitPattern == value.bitPattern, "\(text)")
            }
        }
    }

    @Test func midpoints() {
        var random = QueryRandom(seed: 2)
        for _ in 0..<20_000 {
            let value = random.finiteFloat()
            guard value.nextUp.isFinite else { continue }
            let midpoint = (Double(value) + Double(value.nextUp)) / 2
            let parts = String(format: "%.130e", midpoint).components(separatedBy: "e")
            for text in [
                "\(parts[0])e\(parts[1])", "\(parts[0])1e\(parts[1])",
                String(format: "%.20e", midpoint), String(format: "%.12e", midpoint),
                String(format: "%.16g", midpoint),
            ] {
                #expect(
                    Self.value(text)?.bitPattern == QueryOracle.number(text)?.bitPattern, "\(text)")
            }
        }
    }
}
