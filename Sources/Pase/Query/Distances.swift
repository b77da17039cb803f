import CPostgres
import NearestNeighbors
import PostgresServer
import VectorKernels

/// `g_pase_distance(float4[], pase)`, the function behind `<?>` and `<#>`.
@_cdecl("pase_distance_body")
func queryDistance(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let call = try FunctionCall(call)
        let vector = try FloatArray(call.value(0)).elements
        return try distance(vector, QueryValue(call.value(1)), call)
    }
}

/// `g_pase_distance_3(text, pase)`, the function behind `<!>`: the vector is base64.
@_cdecl("pase_distance_base64_body")
func base64QueryDistance(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let call = try FunctionCall(call)
        let vector = try Base64Vector(call.value(0)).elements
        return try distance(vector, QueryValue(call.value(1)), call)
    }
}

/// The value of the operators between a column and a query: NULL where there is no vector.
@inline(__always)
private func distance(
    _ vector: UnsafeBufferPointer<Float>, _ query: QueryValue, _ call: FunctionCall
) throws(ServerError) -> Datum {
    guard let start = vector.baseAddress, vector.count > 0 else { return call.null() }
    try checkSameDimensions(vector.count, query.dimensions)
    return pase_float4_datum(distance(start, query.vector, vector.count, query.metric))
}

/// The value of the operators for two vectors of `count` elements.
@inline(__always)
private func distance(
    _ vector: UnsafePointer<Float>, _ query: UnsafePointer<Float>, _ count: Int,
    _ metric: QueryMetric
) -> Float {
    switch metric {
    case .squaredEuclidean: return kernels.squaredL2(vector, query, count)
    case .innerProduct: return innerProduct(vector, query, count)
    case .cosine: return Float(cosineDistance(vector, query, count))
    case .negativeInnerProduct: return -innerProduct(vector, query, count)
    }
}

/// The operator that a scan is ordered by, and its right-hand side.
struct DistanceOperator {
    let strategy: Int32
    let metric: QueryMetric
    let query: UnsafePointer<Float>
    let dimensions: Int

    /// The operator's value for a vector of as many dimensions as the query has.
    func value(_ vector: UnsafePointer<Float>) -> Double {
        switch strategy {
        case 3: return euclideanDistance(vector, query, dimensions)
        case 4: return cosineDistance(vector, query, dimensions)
        default: return Double(distance(vector, query, dimensions, metric))
        }
    }

    /// A value in the operator's type.
    func datum(_ value: Double) -> Datum {
        strategy >= 3 ? pase_float8_datum(value) : pase_float4_datum(Float(value))
    }
}

/// `<->`: Euclidean distance between two arrays.
@_cdecl("pase_euclidean_distance_body")
func euclideanDistance(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let call = try FunctionCall(call)
        guard let pair = try VectorPair(call) else { return call.null() }
        return pase_float8_datum(euclideanDistance(pair.a, pair.b, pair.count))
    }
}

/// Euclidean distances whose squares are below this are computed in double precision: in single precision the squares of
/// tiny differences vanish.
let exactSquareLimit: Float = 1e-30

private func euclideanDistance(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int
) -> Double {
    let square = kernels.squaredL2(a, b, count)
    if square >= exactSquareLimit, square.isFinite { return Double(square).squareRoot() }
    return VectorLengths.distance(a, b, count)
}

/// The inner product. Where parts of the sum are beyond single precision, it may not be.
private func innerProduct(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int
) -> Float {
    let product = kernels.innerProduct(a, b, count)
    return product.isFinite ? product : Float(VectorLengths.innerProduct(a, b, count))
}

/// `<=>`: cosine distance between two arrays.
@_cdecl("pase_cosine_distance_body")
func cosineDistance(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let call = try FunctionCall(call)
        guard let pair = try VectorPair(call) else { return call.null() }
        return pase_float8_datum(cosineDistance(pair.a, pair.b, pair.count))
    }
}

/// 1 − cos of the angle between two vectors, from 0 to 2. A zero vector has no direction; it counts
/// as orthogonal to all others, as in an index.
private func cosineDistance(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int)
    -> Double
{
    var parts: (Float, Float, Float) = (0, 0, 0)
    withUnsafeMutableBytes(of: &parts) { bytes in
        guard let out = bytes.baseAddress else { return }
        kernels.cosineParts(a, b, count, out.assumingMemoryBound(to: Float.self))
    }
    var sums = (Double(parts.0), Double(parts.1), Double(parts.2))
    let usual = Double(Float.leastNormalMagnitude) * 1e8
    if !(sums.1 > usual && sums.2 > usual && (sums.1 + sums.2).isFinite && sums.0.isFinite) {
        // Squares of very small or very large elements are beyond the range of single precision.
        sums = cosineSums(a, b, count)
    }
    let norms = (sums.1 * sums.2).squareRoot()
    guard norms > 0 else { return 1 }
    let cosine = sums.0 / norms
    return 1 - max(-1, min(1, cosine))
}

/// The three sums of a cosine in double precision, which the squares of all floats fit.
private func cosineSums(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int)
    -> (Double, Double, Double)
{
    var sums = (0.0, 0.0, 0.0)
    for index in 0..<count {
        let x = Double(a[index])
        let y = Double(b[index])
        sums.0 += x * y
        sums.1 += x * x
        sums.2 += y * y
    }
    return sums
}

/// The metric of the classes for squared Euclidean distance, an operator class's support function 1.
@_cdecl("pase_class_squared_euclidean_body")
func classSquaredEuclidean(_ call: FunctionCallInfo?) -> Datum {
    pase_int32_datum(Metric.Kind.squaredEuclidean.rawValue)
}

/// The metric of the classes for inner product.
@_cdecl("pase_class_inner_product_body")
func classInnerProduct(_ call: FunctionCallInfo?) -> Datum {
    pase_int32_datum(Metric.Kind.innerProduct.rawValue)
}

/// The metric of the classes for cosine distance.
@_cdecl("pase_class_cosine_body")
func classCosine(_ call: FunctionCallInfo?) -> Datum {
    pase_int32_datum(Metric.Kind.cosine.rawValue)
}
