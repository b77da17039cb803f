import CPostgres
import NearestNeighbors
import PostgresServer

/// `pase_in(cstring)`: the text form `v1,v2,…[:extra[:metric]]`.
@_cdecl("pase_in_body")
func queryInput(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let text = try FunctionCall(call).pointer(0).assumingMemoryBound(to: UInt8.self)
        var length = 0
        while text[length] != 0 { length += 1 }
        let bytes = UnsafeBufferPointer(start: UnsafePointer(text), count: length)
        let parsed = try parseQueryText(bytes, as: .query)
        return QueryValue.finish(parsed.value, parsed.header)
    }
}

/// `pase_out(pase)`: the text that reads back as the same value.
@_cdecl("pase_out_body")
func queryOutput(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let query = try QueryValue(FunctionCall(call).value(0))
        let room = QueryText.maximumLength(dimensions: query.dimensions)
        let text = try ServerMemory.current().allocate(room, of: CChar.self)
        let length = QueryText.print(
            UnsafeBufferPointer(start: query.vector, count: query.dimensions),
            extra: query.extra, metric: query.metric.rawValue,
            into: UnsafeMutableBufferPointer(start: text, count: room),
            format: { value, target in Int(pase_format_float4(value, target)) })
        guard length != nil else { throw ServerError(.internalError, "text does not fit") }
        return pase_pointer_datum(text)
    }
}

/// `pase_recv(internal)`: the binary form.
@_cdecl("pase_recv_body")
func queryReceive(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let message = try FunctionCall(call).pointer(0)
            .assumingMemoryBound(to: StringInfoData.self)
        guard let data = pase_message_data(message) else {
            throw ServerError(.internalError, "a message without data")
        }
        let bytes = UnsafeBufferPointer(
            start: UnsafeRawPointer(data).assumingMemoryBound(to: UInt8.self),
            count: max(0, Int(pase_message_length(message))))
        let announced = try parsing(nil) { () throws(QueryParseError) in
            try QueryBinary.measure(bytes)
        }
        let value = try QueryValue.allocate(dimensions: announced.dimensions)
        let header = try parsing(nil) { () throws(QueryParseError) in
            try QueryBinary.parse(
                bytes, into: QueryValue.elements(value, announced.dimensions))
        }
        pase_message_consume(message)
        return QueryValue.finish(value, header)
    }
}

/// `pase_send(pase)`: the binary form.
@_cdecl("pase_send_body")
func querySend(_ call: FunctionCallInfo?) -> Datum {
    entryPoint(fallback: 0) { () throws(ServerError) in
        let query = try QueryValue(FunctionCall(call).value(0))
        let length = QueryBinary.length(dimensions: query.dimensions)
        let value = try ServerMemory.current().allocate(bytes: length + 4)
        let written = QueryBinary.write(
            UnsafeBufferPointer(start: query.vector, count: query.dimensions),
            extra: query.extra, metric: query.metric.rawValue,
            into: UnsafeMutableBufferPointer(
                start: (value + 4).assumingMemoryBound(to: UInt8.self), count: length))
        guard written == length else { throw ServerError(.internalError, "message does not fit") }
        pase_varlena_set_size(value, length + 4)
        return pase_pointer_datum(value)
    }
}

/// Runs a step of the parser and turns its error into the server's.
func parsing<Result>(
    _ text: UnsafeBufferPointer<UInt8>?, _ step: () throws(QueryParseError) -> Result
) throws(ServerError) -> Result {
    do throws(QueryParseError) {
        return try step()
    } catch {
        throw ServerError(error, in: text)
    }
}

/// Parses text into a new value that still lacks its header.
func parseQueryText(_ text: UnsafeBufferPointer<UInt8>, as form: QueryText.Form)
    throws(ServerError) -> (value: UnsafeMutableRawPointer, header: QueryHeader)
{
    let room = try parsing(text) { () throws(QueryParseError) in
        try QueryText.measure(text, as: form)
    }
    let value = try QueryValue.allocate(dimensions: room)
    let header = try parsing(text) { () throws(QueryParseError) in
        try QueryText.parse(text, as: form, into: QueryValue.elements(value, room))
    }
    return (value, header)
}
