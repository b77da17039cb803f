import NearestNeighbors
import Testing

@Suite struct QueryPrintTests {
    @Test func form() {
        let query = ParsedQuery([1, 0.1, -0.0, 1e10, 1e-05], extra: 40, metric: 2)
        #expect(String(decoding: printQuery(query), as: UTF8.self) == "1,0.1,-0,1e+10,1e-05:40:2")
        #expect(String(decoding: printQuery(ParsedQuery([5])), as: UTF8.self) == "5:0:0")
    }

    @Test func longestTextFits() {
        let longest = Array(repeating: Float(-1.1754944e-38), count: 16_000)
        for (extra, metric) in [(Int32.min, Int32.max), (262_143, 3)] {
            let text = printQuery(ParsedQuery(longest, extra: extra, metric: metric))
            #expect(text.count < QueryText.maximumLength(dimensions: 16_000))
            #expect(text.suffix(4).elementsEqual(":\(metric)".utf8.suffix(4)) || metric == 3)
        }
    }

    @Test func aFormatterCannotWriteTooFar() {
        let values: [Float] = [1, 2]
        let capacity = QueryText.maximumLength(dimensions: 2)
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { storage in
            values.withUnsafeBufferPointer { values in
                for claimed in [Int.min, -1, 17, Int.max] {
                    let length = QueryText.print(
                        values, extra: 1, metric: 1, into: storage, format: { _, _ in claimed })
                    #expect(length.map { $0 < capacity } == true)
                }
                let short = UnsafeMutableBufferPointer(rebasing: storage.dropLast())
                #expect(
                    QueryText.print(
                        values, extra: 1, metric: 1, into: short, format: formatShortest) == nil)
            }
        }
    }

    @Test func printedTextIsReadAgain() {
        var random = QueryRandom(seed: 4)
        for _ in 0..<20_000 {
            let query = ParsedQuery(
                (0...random.below(20)).map { _ in random.finiteFloat() },
                extra: Int32(random.below(262_144)), metric: Int32(random.below(4)))
            #expect(parseQuery(printQuery(query), in: GuardedStorage()) == .success(query))
        }
    }
}
