import CPostgres
import PostgresServer

/// How an indexed column holds its vectors. Its operator class says so.
enum VectorEncoding {
    /// `float4[]`.
    case array
    /// `text`: base64 of float4s.
    case base64

    /// The encoding of an operator class's type; nil for a type that cannot be indexed.
    init?(ofType type: Oid) {
        switch type {
        case Oid(FLOAT4ARRAYOID): self = .array
        case Oid(TEXTOID): self = .base64
        default: return nil
        }
    }

    /// The encoding of an index's column.
    init(_ index: ServerRelation) throws(ServerError) {
        guard let encoding = VectorEncoding(ofType: pase_relation_key_type(index.relation)) else {
            throw ServerError(
                .invalidObjectDefinition,
                "the operator class of index \"\(index.name)\" is neither for type real[] nor for "
                    + "type text")
        }
        self = encoding
    }

    /// Refuses an option `base64_encoded` that says of the column what it is not.
    func check(_ isBase64: Bool?, _ index: ServerRelation) throws(ServerError) {
        switch (self, isBase64) {
        case (.array, true):
            throw ServerError(
                .invalidParameterValue, "base64_encoded = 1 is for columns of type text",
                detail: "The column of index \"\(index.name)\" is of type real[].",
                hint: "Leave the option out, or set it to 0.")
        case (.base64, false):
            throw ServerError(
                .invalidParameterValue, "base64_encoded = 0 is for columns of type real[]",
                detail: "The column of index \"\(index.name)\" is of type text.",
                hint: "Leave the option out, or set it to 1.")
        default: break
        }
    }
}
