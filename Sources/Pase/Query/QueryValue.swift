import CPostgres
import NearestNeighbors
import PostgresServer
import VectorKernels

/// A value of the SQL type `pase`: a query's vector, search effort and metric.
///
/// As stored, a value of variable length:
///
///     0   4 bytes   the server's length word
///     4   int32     extra
///     8   int32     metric
///     12  float4[]  the vector; its length follows from the value's
struct QueryValue {
    static let headerBytes = 12

    let vector: UnsafePointer<Float>
    let dimensions: Int
    let extra: Int32
    let metric: QueryMetric

    /// Reads a value that is not NULL. What other software may have written is checked.
    @inline(__always)
    init(_ value: Datum) throws(ServerError) {
        let pointer = try detoast(value)
        let size = Int(pase_varlena_size(pointer))
        let count = (size - QueryValue.headerBytes) / 4
        guard size > QueryValue.headerBytes, count > 0, count <= QueryLimits.maximumDimensions,
            let metric = QueryMetric(rawValue: pointer.load(fromByteOffset: 8, as: Int32.self))
        else { throw ServerError(.dataException, "damaged value of type pase") }
        self.metric = metric
        extra = pointer.load(fromByteOffset: 4, as: Int32.self)
        dimensions = count
        vector = UnsafePointer(
            (pointer + QueryValue.headerBytes).assumingMemoryBound(to: Float.self))
    }

    /// A plain vector as a query: metric and effort are the index's.
    init(_ array: FloatArray, metric: QueryMetric) throws(ServerError) {
        guard let start = array.elements.baseAddress, array.elements.count > 0 else {
            throw ServerError(.dataException, "vector must have at least 1 dimension")
        }
        vector = start
        dimensions = array.elements.count
        extra = 0
        self.metric = metric
    }

    /// A new value in the current memory context, its vector not yet filled.
    static func allocate(dimensions: Int) throws(ServerError) -> UnsafeMutableRawPointer {
        try ServerMemory.current().allocate(bytes: headerBytes + dimensions * 4, zeroed: true)
    }

    /// The vector's place in a new value.
    static func elements(_ value: UnsafeMutableRawPointer, _ count: Int)
        -> UnsafeMutableBufferPointer<Float>
    {
        UnsafeMutableBufferPointer(
            start: (value + headerBytes).assumingMemoryBound(to: Float.self), count: count)
    }

    /// Writes the header of a new value, which makes it whole.
    static func finish(_ value: UnsafeMutableRawPointer, _ header: QueryHeader) -> Datum {
        pase_varlena_set_size(value, headerBytes + header.dimensions * 4)
        value.storeBytes(of: header.extra, toByteOffset: 4, as: Int32.self)
        value.storeBytes(of: header.metric.rawValue, toByteOffset: 8, as: Int32.self)
        return pase_pointer_datum(value)
    }
}

/// Refuses NaN and infinities in a vector from the user.
func checkFinite(_ vector: UnsafePointer<Float>, _ count: Int) throws(ServerError) {
    if kernels.isFinite(vector, count) { return }
    for index in 0..<count where !vector[index].isFinite {
        throw ServerError(
            .dataException,
            vector[index].isNaN
                ? "NaN is not allowed in a vector" : "infinite value is not allowed in a vector",
            detail: "It is element \(index + 1) of \(count).")
    }
}

/// Refuses more dimensions than there may be.
func checkDimensionLimit(_ count: Int) throws(ServerError) {
    if count > QueryLimits.maximumDimensions {
        throw ServerError(
            .programLimitExceeded,
            "vector has \(count) dimensions, the maximum is \(QueryLimits.maximumDimensions)")
    }
}
