import CPostgres
import NearestNeighbors
import PostgresServer

/// Reads the column values that go into an index, and the queries that come to it.
struct VectorReader {
    let metric: Metric
    private let index: ServerRelation
    private let encoding: VectorEncoding

    init(_ index: ServerRelation, _ metric: Metric.Kind) throws(ServerError) {
        self.metric = Metric(metric, kernels)
        self.index = index
        encoding = try VectorEncoding(index)
    }

    /// The vector of an indexed column's value, nil where there is none to index: an array without
    /// elements, text without a character.
    ///
    /// - Parameter row: the value's row, as a packed TID.
    /// - Returns: the vector, where it stands or in the current memory context.
    func read(_ value: Datum, of row: UInt64) throws(ServerError) -> UnsafeBufferPointer<Float>? {
        let vector: UnsafeBufferPointer<Float>
        switch encoding {
        case .array: vector = try FloatArray(value).elements
        case .base64: vector = try Base64Vector(value, row: row).elements
        }
        guard let start = vector.baseAddress, vector.count > 0 else { return nil }
        try checkDimensionLimit(vector.count)
        guard metric.takes(start, vector.count) else {
            try checkFinite(start, vector.count)
            throw tooLong(start, vector.count)
        }
        return vector
    }

    private func tooLong(_ vector: UnsafePointer<Float>, _ count: Int) -> ServerError {
        let norm = Float(
            min(
                VectorLengths.euclidean(vector, count), Double(Float.greatestFiniteMagnitude)))
        return ServerError(
            .numericValueOutOfRange,
            "vector of length \(floatText(norm)) is too long for index \"\(index.name)\"",
            detail:
                "Distances are computed in single precision, so a vector's Euclidean norm may be at most "
                + "\(floatText(Metric.largestNorm)).",
            hint: "Scale the vectors, or use an operator class for cosine distance.")
    }

    /// Refuses a vector that has another number of dimensions than the index.
    func checkDimensions(_ count: Int, expected: Int) throws(ServerError) {
        if count != expected {
            throw ServerError(
                .dataException,
                "vector has \(count) dimensions, index \"\(index.name)\" has \(expected)")
        }
    }

    /// Copies a vector the way it stands in the index.
    func prepare(
        _ vector: UnsafePointer<Float>, _ count: Int, into target: UnsafeMutablePointer<Float>
    ) {
        UnsafeMutableRawPointer(target).copyMemory(from: vector, byteCount: count * 4)
        if metric.normalizes { metric.normalize(target, count) }
    }
}

/// The message about values that are no vector. Callers see to it that there is one per statement at most.
func warnOfEmptyVector(_ index: ServerRelation) throws(ServerError) {
    try report(
        WARNING, .dataException,
        "empty vector is not indexed, index searches will not find its row",
        hint: "Index \"\(index.name)\" holds vectors with at least 1 dimension.")
}
