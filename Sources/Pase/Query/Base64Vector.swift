import CPostgres
import NearestNeighbors
import PostgresServer

/// The numbers of a `text` value that holds a vector as base64 of float4s, in the byte order of the
/// machine. Text without a character holds none, as an array without elements does.
struct Base64Vector {
    /// The numbers, in the current memory context.
    let elements: UnsafeBufferPointer<Float>

    /// Reads a text that is not NULL. NaN and infinities in it are errors as well.
    ///
    /// - Parameter row: the table's row that the text is from, as a packed TID, for the error message;
    ///   nil where it is not from a row that is known.
    init(_ value: Datum, row: UInt64? = nil) throws(ServerError) {
        let text = try textBytes(value)
        guard text.count > 0 else {
            elements = UnsafeBufferPointer(start: nil, count: 0)
            return
        }
        let room = try Base64Vector.parsing(text, row) { () throws(QueryParseError) in
            try QueryText.measure(text, as: .base64)
        }
        let storage = UnsafeMutableBufferPointer(
            start: try ServerMemory.current().allocate(room, of: Float.self), count: room)
        let header = try Base64Vector.parsing(text, row) { () throws(QueryParseError) in
            try QueryText.parse(text, as: .base64, into: storage)
        }
        elements = UnsafeBufferPointer(start: storage.baseAddress, count: header.dimensions)
    }

    /// Runs a step of the parser and turns its error into the server's.
    private static func parsing<Result>(
        _ text: UnsafeBufferPointer<UInt8>, _ row: UInt64?,
        _ step: () throws(QueryParseError) -> Result
    ) throws(ServerError) -> Result {
        do throws(QueryParseError) {
            return try step()
        } catch {
            throw ServerError(error, inBase64: text, row: row)
        }
    }
}
