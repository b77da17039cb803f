import CPostgres
import NearestNeighbors
import PostgresServer

/// `pase(float4[], extra int, metric int)`.
@_cdecl("pase_from_array_body")
func queryFromArray(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let call = try FunctionCall(call)
        return try makeQuery(call.value(0), extra: call.int32(1), metric: call.int32(2))
    }
}

/// The implicit cast from `float4[]`.
@_cdecl("pase_cast_array_body")
func queryFromCast(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        try makeQuery(FunctionCall(call).value(0), extra: 0, metric: 0)
    }
}

/// `pase(text, extra int, metric int)`: numbers with commas, or base64.
@_cdecl("pase_from_text_body")
func queryFromText(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let call = try FunctionCall(call)
        let parsed = try parseQueryText(textBytes(call.value(0)), as: .vector)
        let header = try checkedHeader(
            parsed.header.dimensions, extra: call.int32(1), metric: call.int32(2))
        return QueryValue.finish(parsed.value, header)
    }
}

private func makeQuery(_ array: Datum, extra: Int32, metric: Int32) throws(ServerError) -> Datum {
    let vector = try FloatArray(array).elements
    guard let start = vector.baseAddress, vector.count > 0 else {
        throw ServerError(.dataException, "vector must have at least 1 dimension")
    }
    try checkDimensionLimit(vector.count)
    try checkFinite(start, vector.count)
    let header = try checkedHeader(vector.count, extra: extra, metric: metric)
    let value = try QueryValue.allocate(dimensions: vector.count)
    if let source = vector.baseAddress {
        QueryValue.elements(value, vector.count).baseAddress?.copy(
            from: source, count: vector.count)
    }
    return QueryValue.finish(value, header)
}

/// A header from a function's arguments.
private func checkedHeader(_ dimensions: Int, extra: Int32, metric: Int32) throws(ServerError)
    -> QueryHeader
{
    guard extra >= 0, extra <= QueryLimits.maximumExtra else {
        throw ServerError(
            .numericValueOutOfRange,
            "extra \(extra) is out of range, it must be from 0 to \(QueryLimits.maximumExtra)")
    }
    guard metric >= 0, metric <= QueryLimits.maximumMetric else {
        throw ServerError(
            .numericValueOutOfRange,
            "metric \(metric) is out of range, it must be from 0 to \(QueryLimits.maximumMetric)",
            hint: "0 is squared Euclidean distance, 1 inner product, "
                + "2 cosine distance, 3 negative inner product.")
    }
    return try parsing(nil) { () throws(QueryParseError) in
        try QueryHeader(dimensions: dimensions, extra: Int(extra), metric: Int(metric))
    }
}
