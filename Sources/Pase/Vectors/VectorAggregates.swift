import CPostgres
import NearestNeighbors
import PostgresServer

// The steps of the aggregates vector_sum and vector_avg. Rows without a vector, NULL or without elements,
// count for nothing; without any other the answer is NULL.

/// Adds a row to what has been added up.
@_cdecl("pase_vector_accumulate_body")
func accumulateVector(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let call = try FunctionCall(call)
        guard !call.isNull(1) else { return try unchanged(call) }
        let vector = try FloatArray(call.value(1)).elements
        guard let start = vector.baseAddress, vector.count > 0 else { return try unchanged(call) }
        try checkDimensionLimit(vector.count)
        try checkFinite(start, vector.count)
        let state = try ownState(call, dimensions: vector.count)
        state.add(start)
        return pase_pointer_datum(state.bytes)
    }
}

/// Adds what another process has added up.
@_cdecl("pase_vector_combine_body")
func combineVectorSums(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let call = try FunctionCall(call)
        guard let other = try existingState(call, 1) else { return try unchanged(call) }
        let state = try ownState(call, dimensions: other.dimensions)
        state.add(other)
        return pase_pointer_datum(state.bytes)
    }
}

/// What has been added up as a `bytea`, to go to another process.
@_cdecl("pase_vector_serialize_body")
func serializeVectorSum(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let call = try FunctionCall(call)
        guard let state = try existingState(call, 0) else { return call.null() }
        let size = VectorSum.byteCount(dimensions: state.dimensions)
        let value = try ServerMemory.current().allocate(bytes: size + 4)
        (value + 4).copyMemory(from: state.bytes, byteCount: size)
        pase_varlena_set_size(value, size + 4)
        return pase_pointer_datum(value)
    }
}

/// What another process has added up, out of a `bytea`.
@_cdecl("pase_vector_deserialize_body")
func deserializeVectorSum(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let value = try detoast(FunctionCall(call).value(0))
        let size = Int(pase_varlena_data_size(value))
        let copy = UnsafeRawBufferPointer(start: pase_varlena_data(value), count: size)
        guard let start = copy.baseAddress, VectorSum.dimensions(ofCopy: copy) != nil else {
            throw ServerError(.internalError, "damaged state of a vector aggregate")
        }
        let bytes = try ServerMemory.current().allocate(bytes: size)
        bytes.copyMemory(from: start, byteCount: size)
        return pase_pointer_datum(bytes)
    }
}

/// The sum.
@_cdecl("pase_vector_total_body")
func totalOfVectors(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        try result(FunctionCall(call)) { _ in 1 }
    }
}

/// The mean.
@_cdecl("pase_vector_average_body")
func averageOfVectors(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        try result(FunctionCall(call)) { state in Double(state.count) }
    }
}

@inline(__always)
private func result(_ call: FunctionCall, dividedBy divisor: (VectorSum) -> Double)
    throws(ServerError) -> Datum
{
    guard let state = try existingState(call, 0) else { return call.null() }
    let array = try NewFloatArray(count: state.dimensions)
    if let element = state.write(dividedBy: divisor(state), to: array.elements) {
        throw ServerError(
            .numericValueOutOfRange, "sum of vectors is out of range for type real",
            detail: "It is element \(element + 1) of \(state.dimensions).")
    }
    return array.datum
}

/// The state that an argument is; nil while there has been no vector.
private func existingState(_ call: FunctionCall, _ n: Int32) throws(ServerError) -> VectorSum? {
    call.isNull(n) ? nil : VectorSum(at: try call.pointer(n))
}

/// The state that the aggregate goes on with, with as many dimensions: a new one with the first vector.
private func ownState(_ call: FunctionCall, dimensions: Int) throws(ServerError) -> VectorSum {
    if let state = try existingState(call, 0) {
        try checkSameDimensions(state.dimensions, dimensions)
        return state
    }
    let bytes = try call.aggregateMemory()
        .allocate(bytes: VectorSum.byteCount(dimensions: dimensions))
    return VectorSum(empty: bytes, dimensions: dimensions)
}

private func unchanged(_ call: FunctionCall) throws(ServerError) -> Datum {
    call.isNull(0) ? call.null() : call.value(0)
}
