import NearestNeighbors

/// A query as the tests compare it: bit by bit, so that −0 is not 0.
struct ParsedQuery: Equatable, CustomStringConvertible {
    let bits: [UInt32]
    let extra: Int32
    let metric: Int32

    init(_ values: [Float], extra: Int32 = 0, metric: Int32 = 0) {
        bits = values.map(\.bitPattern)
        self.extra = extra
        self.metric = metric
    }

    var values: [Float] { bits.map(Float.init(bitPattern:)) }
    var description: String { "\(values):\(extra):\(metric)" }
}

/// Storage behind which every write is noticed.
struct GuardedStorage: ~Copyable {
    private static var canary: Float { 12345.678 }
    private let all = UnsafeMutableBufferPointer<Float>.allocate(
        capacity: QueryLimits.maximumDimensions + 8)

    deinit { all.deallocate() }

    /// Calls `body` with storage for `count` numbers; false if it wrote elsewhere.
    func with(_ count: Int, _ body: (UnsafeMutableBufferPointer<Float>) -> Void) -> Bool {
        let behind = UnsafeMutableBufferPointer(rebasing: all[count..<count + 8])
        behind.initialize(repeating: Self.canary)
        body(UnsafeMutableBufferPointer(rebasing: all[..<count]))
        return behind.allSatisfy { $0 == Self.canary }
    }
}

/// Measures and parses as the server does. Storage has just the size that `measure` says.
func parseQuery(
    _ text: [UInt8], as form: QueryText.Form = .query, in storage: borrowing GuardedStorage
) -> Result<ParsedQuery, QueryParseError> {
    text.withUnsafeBufferPointer { text in
        do throws(QueryParseError) {
            let count = try QueryText.measure(text, as: form)
            precondition(1...QueryLimits.maximumDimensions ~= count)
            var result = Result<ParsedQuery, QueryParseError>.failure(defect)
            let isContained = storage.with(count) { numbers in
                do throws(QueryParseError) {
                    let header = try QueryText.parse(text, as: form, into: numbers)
                    result = .success(
                        ParsedQuery(
                            Array(numbers.prefix(header.dimensions)), extra: header.extra,
                            metric: header.metric.rawValue))
                } catch {
                    result = .failure(error)
                }
            }
            precondition(isContained, "a write past the end of the storage")
            return result
        } catch {
            return .failure(error)
        }
    }
}

/// An error that no text can have.
private let defect = {
    do throws(QueryParseError) {
        _ = try QueryText.parse(
            UnsafeBufferPointer(start: nil, count: 0), into: .init(start: nil, count: 0))
    } catch {
        return error
    }
    fatalError("an empty text was accepted")
}()

/// The same for a string that a person wrote.
func parseQuery(
    _ text: String, as form: QueryText.Form = .query
) -> Result<ParsedQuery, QueryParseError> {
    parseQuery(Array(text.utf8), as: form, in: GuardedStorage())
}

/// The kind of the error in `text`, and the part of it that the error names.
func queryError(
    _ text: String, as form: QueryText.Form = .query
) -> (kind: QueryParseError.Kind, item: String)? {
    guard case .failure(let error) = parseQuery(text, as: form) else { return nil }
    let bytes = Array(text.utf8)[error.item]
    return (error.kind, String(decoding: bytes, as: UTF8.self))
}

/// Prints as the server does, with the digits that Swift prints.
func printQuery(_ query: ParsedQuery) -> [UInt8] {
    let capacity = QueryText.maximumLength(dimensions: query.bits.count)
    let text = [CChar](unsafeUninitializedCapacity: capacity) { storage, count in
        count =
            query.values.withUnsafeBufferPointer { values in
                QueryText.print(
                    values, extra: query.extra, metric: query.metric,
                    into: UnsafeMutableBufferPointer(rebasing: storage[..<capacity]),
                    format: formatShortest)
            } ?? 0
        precondition(count < capacity && storage[count] == 0)
    }
    return text.map(UInt8.init(bitPattern:))
}

/// Swift's shortest digits, without the `.0` that PostgreSQL does not print.
func formatShortest(_ value: Float, _ target: UnsafeMutablePointer<CChar>) -> Int {
    var digits = Array(value.description.utf8)
    if digits.suffix(2) == Array(".0".utf8)[...] {
        digits.removeLast(2)
    }
    for (index, digit) in digits.enumerated() {
        target[index] = CChar(bitPattern: digit)
    }
    return digits.count
}

/// The same numbers on every run: SplitMix64.
struct QueryRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// Any finite float, all exponents alike.
    mutating func finiteFloat() -> Float {
        while true {
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: next()))
            if value.isFinite { return value }
        }
    }
}
