/// A number as an integer: towards zero, the nearest there is for what is out of range, 0 for NaN.
///
/// A conversion with `Int(_:)` ends the whole server where the number is out of range. So those are deprecated below,
/// within the module, which the compiler then tells of (and which ends the builds of the tests): what is to be
/// converted goes through here, or through `Int(exactly:)`. Each module has this file.
func clampedInt(_ value: Double) -> Int {
    guard value > -0x1p63 else { return value.isNaN ? 0 : .min }
    guard value < 0x1p63 else { return .max }
    // A shift by more than there are bits leaves 0.
    let significand = Int(value.significandBitPattern) | 1 << 52
    let magnitude = significand << (Int(value.exponentBitPattern) - 1075)
    return value < 0 ? -magnitude : magnitude
}

/// A number as an integer.
func clampedInt(_ value: Float) -> Int { clampedInt(Double(value)) }

extension Int {
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Double) { self.init(truncatingIfNeeded: clampedInt(value)) }
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Float) { self.init(truncatingIfNeeded: clampedInt(value)) }
}

extension Int64 {
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Double) { self.init(truncatingIfNeeded: clampedInt(value)) }
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Float) { self.init(truncatingIfNeeded: clampedInt(value)) }
}

extension Int32 {
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Double) { self.init(truncatingIfNeeded: clampedInt(value)) }
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Float) { self.init(truncatingIfNeeded: clampedInt(value)) }
}

extension Int16 {
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Double) { self.init(truncatingIfNeeded: clampedInt(value)) }
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Float) { self.init(truncatingIfNeeded: clampedInt(value)) }
}

extension Int8 {
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Double) { self.init(truncatingIfNeeded: clampedInt(value)) }
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Float) { self.init(truncatingIfNeeded: clampedInt(value)) }
}

extension UInt {
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Double) { self.init(truncatingIfNeeded: clampedInt(value)) }
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Float) { self.init(truncatingIfNeeded: clampedInt(value)) }
}

extension UInt64 {
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Double) { self.init(truncatingIfNeeded: clampedInt(value)) }
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Float) { self.init(truncatingIfNeeded: clampedInt(value)) }
}

extension UInt32 {
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Double) { self.init(truncatingIfNeeded: clampedInt(value)) }
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Float) { self.init(truncatingIfNeeded: clampedInt(value)) }
}

extension UInt16 {
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Double) { self.init(truncatingIfNeeded: clampedInt(value)) }
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Float) { self.init(truncatingIfNeeded: clampedInt(value)) }
}

extension UInt8 {
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Double) { self.init(truncatingIfNeeded: clampedInt(value)) }
    @available(*, deprecated, message: "ends the server if out of range; use clampedInt")
    init(_ value: Float) { self.init(truncatingIfNeeded: clampedInt(value)) }
}
