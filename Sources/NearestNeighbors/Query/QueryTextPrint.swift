extension QueryText {
    /// The most characters that the formatter of `print` writes, a final NUL included: what
    /// PostgreSQL's shortest form of a float4 needs.
    public static var maximumNumberLength: Int { 16 }

    /// The storage that `print` needs for a vector of so many dimensions, a final NUL included.
    public static func maximumLength(dimensions: Int) -> Int {
        // Each number with its comma, then twice a colon and any Int32, then the NUL.
        max(0, min(dimensions, Int(Int32.max))) * (maximumNumberLength + 1) + 2 * 12 + 1
    }

    /// Writes `v1,v2,v3:extra:metric` and a NUL to the beginning of `storage`; returns the length
    /// without the NUL, or nil if `storage` is smaller than `maximumLength`.
    ///
    /// `format` writes the shortest digits of a number that make the same float4 when they are
    /// read; it returns the length of them, without a NUL, which may or may not be written.
    public static func print(
        _ values: UnsafeBufferPointer<Float>, extra: Int32, metric: Int32,
        into storage: UnsafeMutableBufferPointer<CChar>,
        format: (Float, UnsafeMutablePointer<CChar>) -> Int
    ) -> Int? {
        guard values.count <= Int(Int32.max),
            storage.count >= maximumLength(dimensions: values.count),
            let base = storage.baseAddress
        else { return nil }
        var length = 0
        for value in values {
            if length > 0 {
                base[length] = CChar(bitPattern: UInt8(ascii: ","))
                length += 1
            }
            length += max(0, min(maximumNumberLength, format(value, base + length)))
        }
        length += write(field: extra, to: base + length)
        length += write(field: metric, to: base + length)
        base[length] = 0
        return length
    }

    /// Writes a colon and an integer, up to 12 characters; returns how many.
    private static func write(field value: Int32, to base: UnsafeMutablePointer<CChar>) -> Int {
        base[0] = CChar(bitPattern: UInt8(ascii: ":"))
        var length = 1
        if value < 0 {
            base[length] = CChar(bitPattern: UInt8(ascii: "-"))
            length += 1
        }
        var divisor: UInt32 = 1
        while value.magnitude / divisor >= 10 {
            divisor *= 10
        }
        while divisor > 0 {
            let digit = UInt8(value.magnitude / divisor % 10)
            base[length] = CChar(bitPattern: UInt8(ascii: "0") + digit)
            length += 1
            divisor /= 10
        }
        return length
    }
}
