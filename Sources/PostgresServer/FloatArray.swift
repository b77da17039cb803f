public import CPostgres

/// The numbers of a `float4[]` value.
public struct FloatArray {
    /// The numbers, not necessarily at an address that is a multiple of anything but 4.
    public let elements: UnsafeBufferPointer<Float>

    /// Reads a `float4[]` that is not NULL.
    ///
    /// An empty array has no elements. An array of two dimensions with one row is that row. Other
    /// shapes and NULL elements are errors.
    @inline(__always)
    public init(_ value: Datum) throws(ServerError) {
        let pointer = try detoast(value)
        let array = UnsafePointer(pointer.assumingMemoryBound(to: ArrayType.self))
        let rank = pase_array_dimension_count(array)
        var count = 0
        if rank == 1 {
            count = Int(pase_array_dimension(array, 0))
        } else if rank == 2, pase_array_dimension(array, 0) == 1 {
            count = Int(pase_array_dimension(array, 1))
        } else if rank != 0 {
            throw ServerError(
                .arraySubscriptError, "vector must be a one-dimensional array",
                detail: "The array has \(rank) dimensions.")
        }
        guard !pase_array_has_nulls(array) || !FloatArray.containsNull(array, count) else {
            throw ServerError(.nullValueNotAllowed, "vector must not contain NULL elements")
        }
        guard let data = pase_array_data(array) else {
            throw ServerError(.internalError, "an array without data")
        }
        elements = UnsafeBufferPointer(
            start: UnsafeRawPointer(data).assumingMemoryBound(to: Float.self), count: count)
    }

    /// The bitmap can be there without saying of any element that it is NULL.
    @inline(never)
    private static func containsNull(_ array: UnsafePointer<ArrayType>, _ count: Int) -> Bool {
        guard let bitmap = pase_array_null_bitmap(array) else { return false }
        for index in 0..<count where bitmap[index >> 3] & (1 << (index & 7)) == 0 { return true }
        return false
    }
}
