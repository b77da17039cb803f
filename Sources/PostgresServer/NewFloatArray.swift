public import CPostgres

/// A `float4[]` of one dimension that is being made, in the current memory context.
public struct NewFloatArray {
    /// The array as the server takes it.
    public let datum: Datum

    /// Its elements, to be filled; there are as many as was asked for.
    public let elements: UnsafeMutablePointer<Float>

    /// An array of zeros.
    public init(count: Int) throws(ServerError) {
        guard count > 0, count <= Int(pase_array_maximum_elements()) else {
            throw ServerError(.programLimitExceeded, "an array cannot have \(count) elements")
        }
        let bytes = try ServerMemory.current()
            .allocate(bytes: Int(pase_float4_array_size(Int32(count))), zeroed: true)
        let array = bytes.assumingMemoryBound(to: ArrayType.self)
        guard let data = pase_float4_array_initialize(array, Int32(count)) else {
            throw ServerError(.internalError, "an array without data")
        }
        elements = data
        datum = pase_pointer_datum(bytes)
    }
}
