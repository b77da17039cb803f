public import CPostgres

/// The arguments of a function that SQL calls.
public struct FunctionCall {
    private let call: CPostgres.FunctionCallInfo

    /// Wraps what the server handed over.
    @inline(__always)
    public init(_ call: CPostgres.FunctionCallInfo?) throws(ServerError) {
        guard let call else { throw ServerError(.internalError, "a call without arguments") }
        self.call = call
    }

    /// The n-th argument, from 0.
    @inline(__always)
    public func value(_ n: Int32) -> Datum { pase_argument(call, n) }

    /// Whether the n-th argument is NULL. Only functions that are not strict get such arguments.
    @inline(__always)
    public func isNull(_ n: Int32) -> Bool { pase_argument_is_null(call, n) }

    /// The memory that lives as long as the aggregate's state, of whose steps this call is one.
    public func aggregateMemory() throws(ServerError) -> ServerMemory {
        guard let context = pase_aggregate_context(call) else {
            throw ServerError(
                .featureNotSupported, "a step of an aggregate was called outside of one")
        }
        return ServerMemory(context)
    }

    /// The n-th argument as an int4.
    @inline(__always)
    public func int32(_ n: Int32) -> Int32 { pase_datum_int32(pase_argument(call, n)) }

    /// The n-th argument as an int8.
    @inline(__always)
    public func int64(_ n: Int32) -> Int64 { pase_datum_int64(pase_argument(call, n)) }

    /// The n-th argument as the address that it is.
    @inline(__always)
    public func pointer(_ n: Int32) throws(ServerError) -> UnsafeMutableRawPointer {
        guard let pointer = pase_datum_pointer(pase_argument(call, n)) else {
            throw ServerError(.internalError, "an argument without a value")
        }
        return pointer
    }

    /// The answer NULL.
    public func null() -> Datum {
        pase_return_null(call)
        return 0
    }
}

/// A value of variable length, whole and in memory, with a four-byte header.
@inline(__always)
public func detoast(_ value: Datum) throws(ServerError) -> UnsafeMutableRawPointer {
    if let pointer = pase_datum_pointer(value), pase_varlena_is_plain(pointer) { return pointer }
    var result: UnsafeMutableRawPointer?
    try check(pase_detoast(value, &result))
    guard let result else { throw ServerError(.internalError, "a value without an address") }
    return result
}

/// The bytes of a `text` value that is not NULL, in the server's encoding.
public func textBytes(_ value: Datum) throws(ServerError) -> UnsafeBufferPointer<UInt8> {
    let text = try detoast(value)
    guard let data = pase_varlena_data(text) else {
        throw ServerError(.internalError, "a text without data")
    }
    return UnsafeBufferPointer(
        start: UnsafeRawPointer(data).assumingMemoryBound(to: UInt8.self),
        count: Int(pase_varlena_data_size(text)))
}

/// A message to the client that is no error: `NOTICE` (18), `WARNING` (19) and the like.
public func report(
    _ level: Int32, _ state: SQLState, _ message: String, hint: String? = nil
) throws(ServerError) {
    var succeeded = false
    message.withCString { message in
        if let hint {
            hint.withCString { hint in
                succeeded = pase_report(level, state.code, message, hint)
            }
        } else {
            succeeded = pase_report(level, state.code, message, nil)
        }
    }
    try check(succeeded)
}
