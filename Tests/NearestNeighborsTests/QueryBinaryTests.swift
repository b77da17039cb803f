import NearestNeighbors
import Testing

@Suite struct QueryBinaryTests {
    static func write(_ query: ParsedQuery) -> [UInt8] {
        let capacity = QueryBinary.length(dimensions: query.bits.count)
        return [UInt8](unsafeUninitializedCapacity: capacity) { storage, count in
            count =
                query.values.withUnsafeBufferPointer {
                    QueryBinary.write($0, extra: query.extra, metric: query.metric, into: storage)
                } ?? 0
        }
    }

    static func parse(_ message: [UInt8]) -> Result<ParsedQuery, QueryParseError> {
        message.withUnsafeBufferPointer { message in
            do throws(QueryParseError) {
                let count = try QueryBinary.measure(message).dimensions
                let storage = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
                defer { storage.deallocate() }
                let header = try QueryBinary.parse(message, into: storage)
                return .success(
                    ParsedQuery(
                        Array(storage), extra: header.extra, metric: header.metric.rawValue))
            } catch {
                return .failure(error)
            }
        }
    }

    private static func kind(_ message: [UInt8]) -> QueryParseError.Kind? {
        guard case .failure(let error) = parse(message) else { return nil }
        return error.kind
    }

    private static func message(_ header: [Int32], _ values: [Float] = [1, 2]) -> [UInt8] {
        let words = header.map(UInt32.init(bitPattern:)) + values.map(\.bitPattern)
        return words.flatMap { word in
            stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }

    @Test func bytes() {
        let query = ParsedQuery([1, -2], extra: 258, metric: 3)
        let expected: [UInt8] = [
            0, 0, 0, 2, 0, 0, 1, 2, 0, 0, 0, 3, 0x3F, 0x80, 0, 0, 0xC0, 0, 0, 0,
        ]
        #expect(Self.write(query) == expected)
        #expect(Self.parse(expected) == .success(query))
    }

    @Test func roundTrips() {
        var random = QueryRandom(seed: 5)
        for count in [1, 2, 3, 100, 16_000] {
            let query = ParsedQuery(
                (0..<count).map { _ in random.finiteFloat() }, extra: 262_143, metric: 1)
            #expect(Self.parse(Self.write(query)) == .success(query))
        }
    }

    @Test func hostileHeaders() {
        #expect(Self.kind([]) == .binaryHeader)
        #expect(Self.kind([UInt8](repeating: 0, count: 11)) == .binaryHeader)
        #expect(Self.kind(Self.message([0, 0, 0], [])) == .emptyVector)
        for dimensions in [Int32.min, -1] {
            #expect(Self.kind(Self.message([dimensions, 0, 0])) == .emptyVector)
        }
        for dimensions in [Int32.max, 0x4000_0000, 16_001] {
            #expect(Self.kind(Self.message([dimensions, 0, 0])) == .tooManyDimensions)
        }
        #expect(Self.kind(Self.message([1, 0, 0])) == .binaryLength)
        #expect(Self.kind(Self.message([3, 0, 0])) == .binaryLength)
        #expect(Self.kind(Self.message([2, 0, 0]) + [0]) == .binaryLength)
        #expect(Self.kind(Self.message([2, 0, 0]).dropLast()) == .binaryLength)
        for extra in [Int32.min, -1, 262_144, Int32.max] {
            #expect(Self.kind(Self.message([2, extra, 0])) == .extraOutOfRange)
        }
        for metric in [Int32.min, -1, 4, Int32.max] {
            #expect(Self.kind(Self.message([2, 0, metric])) == .metricOutOfRange)
        }
        for value in [Float.nan, .infinity, -.infinity] {
            let message = Self.message([2, 0, 0], [1, value])
            guard case .failure(let error) = Self.parse(message) else {
                Issue.record("\(value) was accepted")
                continue
            }
            #expect(error.kind == .nonFiniteValue)
            #expect(error.item == 16..<20)
        }
    }

    @Test func smallStorage() {
        let message = Self.message([2, 0, 0])
        message.withUnsafeBufferPointer { message in
            let error = #expect(throws: QueryParseError.self) {
                try QueryBinary.parse(message, into: .init(start: nil, count: 0))
            }
            #expect(error?.kind == .storageTooSmall)
        }
        var bytes = [UInt8](repeating: 0, count: 19)
        let written = bytes.withUnsafeMutableBufferPointer { bytes in
            [1, 2].withUnsafeBufferPointer {
                QueryBinary.write($0, extra: 0, metric: 0, into: bytes)
            }
        }
        #expect(written == nil)
    }

    @Test func randomMessages() {
        var random = QueryRandom(seed: 6)
        for _ in 0..<200_000 {
            let query = ParsedQuery(
                (0...random.below(4)).map { _ in random.finiteFloat() }, extra: 40, metric: 1)
            var message = Self.write(query)
            for _ in 0...random.below(3) {
                message[random.below(message.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.below(4) == 0 {
                message.removeLast(random.below(message.count))
            }
            if case .success(let query) = Self.parse(message) {
                #expect(Self.write(query) == message)
            }
        }
    }
}
