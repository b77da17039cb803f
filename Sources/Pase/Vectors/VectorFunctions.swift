import CPostgres
import NearestNeighbors
import PostgresServer
import VectorKernels

// Functions over one or two vectors. An array without elements is no vector, and what is asked of it is NULL.

/// `inner_product(float4[], float4[])`.
@_cdecl("pase_inner_product_body")
func innerProduct(_ call: FunctionCallInfo?) -> Datum {
    ofPair(call) { pair in
        product(pair)
    }
}

/// `negative_inner_product(float4[], float4[])`.
@_cdecl("pase_negative_inner_product_body")
func negativeInnerProduct(_ call: FunctionCallInfo?) -> Datum {
    ofPair(call) { pair in
        -product(pair)
    }
}

/// The inner product, in double precision where single precision has no room for it.
private func product(_ pair: VectorPair) -> Double {
    let product = kernels.innerProduct(pair.a, pair.b, pair.count)
    if product.isFinite, product.magnitude >= exactSquareLimit { return Double(product) }
    return VectorLengths.innerProduct(pair.a, pair.b, pair.count)
}

/// `l1_distance(float4[], float4[])`.
@_cdecl("pase_l1_distance_body")
func manhattanDistance(_ call: FunctionCallInfo?) -> Datum {
    ofPair(call) { pair in
        VectorLengths.manhattan(pair.a, pair.b, pair.count)
    }
}

/// `vector_dims(float4[])`.
@_cdecl("pase_vector_dims_body")
func vectorDimensions(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let call = try FunctionCall(call)
        let count = try FloatArray(call.value(0)).elements.count
        guard count > 0 else { return call.null() }
        return pase_int32_datum(Int32(truncatingIfNeeded: count))
    }
}

/// `vector_norm(float4[])`: the Euclidean norm.
@_cdecl("pase_vector_norm_body")
func vectorNorm(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let call = try FunctionCall(call)
        let vector = try FloatArray(call.value(0)).elements
        guard let start = vector.baseAddress, vector.count > 0 else { return call.null() }
        return pase_float8_datum(VectorLengths.euclidean(start, vector.count))
    }
}

/// `l2_normalize(float4[])`: the vector of length 1 in the same direction.
@_cdecl("pase_l2_normalize_body")
func normalize(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let call = try FunctionCall(call)
        let vector = try FloatArray(call.value(0)).elements
        guard let start = vector.baseAddress, vector.count > 0 else { return call.null() }
        try checkFinite(start, vector.count)
        let result = try NewFloatArray(count: vector.count)
        VectorLengths.normalize(start, vector.count, into: result.elements)
        return result.datum
    }
}

@inline(__always)
private func ofPair(_ call: FunctionCallInfo?, _ function: (VectorPair) -> Double) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let call = try FunctionCall(call)
        guard let pair = try VectorPair(call) else { return call.null() }
        return pase_float8_datum(function(pair))
    }
}
