import PostgresServer

/// Two arrays with the same number of elements.
struct VectorPair {
    let a: UnsafePointer<Float>
    let b: UnsafePointer<Float>
    let count: Int

    /// Nil when one of them is empty, which is no vector.
    @inline(__always)
    init?(_ call: FunctionCall) throws(ServerError) {
        let first = try FloatArray(call.value(0)).elements
        let second = try FloatArray(call.value(1)).elements
        guard let a = first.baseAddress, let b = second.baseAddress, first.count > 0,
            second.count > 0
        else { return nil }
        try checkSameDimensions(first.count, second.count)
        self.a = a
        self.b = b
        count = first.count
    }
}

/// Refuses two vectors of which one has more dimensions than the other.
@inline(__always)
func checkSameDimensions(_ a: Int, _ b: Int) throws(ServerError) {
    if a != b {
        throw ServerError(.dataException, "different vector dimensions \(a) and \(b)")
    }
}
