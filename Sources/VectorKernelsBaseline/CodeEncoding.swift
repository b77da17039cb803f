// Vectors to codes, and queries to 8-bit components. `NearestNeighbors.VectorCoder` and `CodeQuery`
// say what these are; `CodeLayout` draws the bytes.
//
// Codes and factors are the same to the last bit at each instruction level: sums are kept in sixteen
// lanes whatever the width of the registers, and no product is fused with an addition.
//
// All vectors here are padded with zeros to whole blocks of 64 elements.

import CKernels

/// Sixteen elements at a time.
typealias Sixteen = SIMD16<Float>

/// Added to a number from -2²² to 2²² and taken off again it rounds to the nearest integer, ties to
/// even; in between, the lowest bits of the sum are that integer.
@inline(__always)
var rounder: Float { 0x1.8p23 }

@inline(__always)
func blockCount(_ dimensions: Int) -> Int { (dimensions &+ 63) &>> 6 }

@inline(__always)
func sixteen(_ base: UnsafeRawPointer, _ index: Int) -> Sixteen {
    base.loadUnaligned(fromByteOffset: index &* 4, as: Sixteen.self)
}

/// Without the signs.
@inline(__always)
func magnitudes(_ values: Sixteen) -> Sixteen {
    unsafeBitCast(unsafeBitCast(values, to: SIMD16<UInt32>.self) & 0x7FFF_FFFF, to: Sixteen.self)
}

/// The largest magnitude among the elements, as bits: those of a NaN are above all others.
@inline(__always)
func largestMagnitude(_ base: UnsafeRawPointer, _ count: Int) -> Int32 {
    var largest = SIMD16<Int32>.zero
    var i = 0
    while i < count {
        let bits = unsafeBitCast(sixteen(base, i), to: SIMD16<Int32>.self) & 0x7FFF_FFFF
        largest = kernels_larger16(largest, bits)
        i = i &+ 16
    }
    return kernels_max16(largest)
}

/// Whether squares and sums of elements up to this magnitude neither overflow nor vanish.
@inline(__always)
func isUsable(_ largest: Int32) -> Bool {
    // From 2⁻⁵⁰ to 2⁵⁵.
    largest >= 0x2680_0000 && largest <= 0x5B00_0000
}

@inline(__always)
func sumOfSquares(_ base: UnsafeRawPointer, _ count: Int) -> Float {
    var sum = Sixteen.zero
    var i = 0
    while i < count {
        let values = sixteen(base, i)
        sum = sum + values * values
        i = i &+ 16
    }
    return kernels_sum16(sum)
}

// MARK: - Codes

/// The bits of a code for each dimension.
protocol CodeField {
    static var bits: Int { get }
    /// The values for each sign: 2^(bits - 1).
    static var levels: Float { get }
    /// The distance of two neighbouring values that suits components of a normal distribution with
    /// variance 1 best (Max 1960).
    static var step: Float { get }
    /// The byte patterns of four times sixteen dimensions.
    static func pack(
        _ a: SIMD16<UInt8>, _ b: SIMD16<UInt8>, _ c: SIMD16<UInt8>, _ d: SIMD16<UInt8>,
        _ code: UnsafeMutableRawPointer)
}

enum OneBitField: CodeField {
    @inline(__always)
    static var bits: Int { 1 }
    @inline(__always)
    static var levels: Float { 1 }
    @inline(__always)
    static var step: Float { 1 }
    @inline(__always)
    static func pack(
        _ a: SIMD16<UInt8>, _ b: SIMD16<UInt8>, _ c: SIMD16<UInt8>, _ d: SIMD16<UInt8>,
        _ code: UnsafeMutableRawPointer
    ) {
        let fields = a | b &<< 2 | c &<< 4 | d &<< 6
        let words = unsafeBitCast(fields, to: SIMD2<UInt64>.self)
        code.storeBytes(of: words.x | words.y &<< 1, as: UInt64.self)
    }
}

enum TwoBitField: CodeField {
    @inline(__always)
    static var bits: Int { 2 }
    @inline(__always)
    static var levels: Float { 2 }
    @inline(__always)
    static var step: Float { 0.996 }
    @inline(__always)
    static func pack(
        _ a: SIMD16<UInt8>, _ b: SIMD16<UInt8>, _ c: SIMD16<UInt8>, _ d: SIMD16<UInt8>,
        _ code: UnsafeMutableRawPointer
    ) {
        code.storeBytes(of: a | b &<< 2 | c &<< 4 | d &<< 6, as: SIMD16<UInt8>.self)
    }
}

enum FourBitField: CodeField {
    @inline(__always)
    static var bits: Int { 4 }
    @inline(__always)
    static var levels: Float { 8 }
    @inline(__always)
    static var step: Float { 0.335 }
    @inline(__always)
    static func pack(
        _ a: SIMD16<UInt8>, _ b: SIMD16<UInt8>, _ c: SIMD16<UInt8>, _ d: SIMD16<UInt8>,
        _ code: UnsafeMutableRawPointer
    ) {
        code.storeBytes(of: a | c &<< 4, as: SIMD16<UInt8>.self)
        code.storeBytes(of: b | d &<< 4, toByteOffset: 16, as: SIMD16<UInt8>.self)
    }
}

/// The values, counted from the innermost one of each sign, of sixteen elements at a scale.
@inline(__always)
func values<Field: CodeField>(_ magnitudes: Sixteen, _ scale: Float, _ field: Field.Type) -> Sixteen
{
    let limited = kernels_at_most16(magnitudes * scale - 0.5, Field.levels - 1)
    return (limited + rounder) - rounder
}

/// How well a code at some scale points where the vector does.
struct ScaleFit {
    var scale: Float = 0
    /// ⟨o, x⟩
    var product: Float = 0
    /// |x|², with 1/4 for each dimension of the padding.
    var squaredNorm: Float = 1

    @inline(__always)
    init() {}

    @inline(__always)
    init(_ scale: Float, _ product: Float, _ squaredNorm: Float, _ padding: Float) {
        self.scale = scale
        self.product = product
        self.squaredNorm = squaredNorm - padding * 0.25
    }

    /// Takes the other one if that is better: if the cosine of the angle is larger.
    @inline(__always)
    mutating func improve(_ other: ScaleFit) {
        let own = product * (product / squaredNorm)
        if other.product * (other.product / other.squaredNorm) > own { self = other }
    }
}

/// The fits of two scales, in one pass.
@inline(__always)
func tryScales<Field: CodeField>(
    _ base: UnsafeRawPointer, _ count: Int, _ padding: Float, _ scale0: Float, _ scale1: Float,
    _ best: inout ScaleFit, _ field: Field.Type
) {
    var product0 = Sixteen.zero
    var product1 = Sixteen.zero
    var norm0 = Sixteen.zero
    var norm1 = Sixteen.zero
    var i = 0
    while i < count {
        let magnitudes = magnitudes(sixteen(base, i))
        let x0 = values(magnitudes, scale0, field) + 0.5
        let x1 = values(magnitudes, scale1, field) + 0.5
        product0 = product0 + magnitudes * x0
        norm0 = norm0 + x0 * x0
        product1 = product1 + magnitudes * x1
        norm1 = norm1 + x1 * x1
        i = i &+ 16
    }
    best.improve(ScaleFit(scale0, kernels_sum16(product0), kernels_sum16(norm0), padding))
    best.improve(ScaleFit(scale1, kernels_sum16(product1), kernels_sum16(norm1), padding))
}

/// The best of some scales around what suits a normal distribution, then of some around that.
@inline(__always)
func searchScale<Field: CodeField>(
    _ base: UnsafeRawPointer, _ count: Int, _ padding: Float, _ middle: Float,
    _ field: Field.Type
) -> ScaleFit {
    var best = ScaleFit()
    // Few dimensions have little of a normal distribution.
    let isSmall = count == 64
    var factor: Float = isSmall ? 0.5 : 0.75
    let ratio: Float = isSmall ? 1.0905077 : 1.0699132
    let end: Float = isSmall ? 1.95 : 1.4
    while factor < end {
        tryScales(base, count, padding, middle * factor, middle * factor * ratio, &best, field)
        factor = factor * ratio * ratio
    }
    let coarse = best.scale
    tryScales(base, count, padding, coarse * 0.966, coarse * 0.978, &best, field)
    tryScales(base, count, padding, coarse * 0.989, coarse * 1.011, &best, field)
    tryScales(base, count, padding, coarse * 1.023, coarse * 1.035, &best, field)
    return best
}

/// Writes the code at a scale.
@inline(__always)
func writeCode<Field: CodeField>(
    _ base: UnsafeRawPointer, _ dimensions: Int, _ scale: Float, _ code: UnsafeMutableRawPointer,
    _ field: Field.Type
) {
    let order = SIMD16<Int32>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
    let limit = SIMD16<Int32>(repeating: Int32(truncatingIfNeeded: dimensions))
    let negative = SIMD16<Int32>(
        repeating: Int32(truncatingIfNeeded: (1 &<< Field.bits) &- 1))

    @inline(__always)
    func group(_ index: Int) -> SIMD16<UInt8> {
        let elements = sixteen(base, index)
        let level = values(magnitudes(elements), scale, field) + Field.levels
        var fields = unsafeBitCast(level + rounder, to: SIMD16<Int32>.self)
        // The values below zero are the complements of those above.
        let signs = unsafeBitCast(elements, to: SIMD16<Int32>.self) &>> 31
        fields = fields ^ (signs & negative)
        // A mask for the low bits takes those of the rounder away, and everything of the padding.
        let positions = order &+ Int32(truncatingIfNeeded: index)
        let inside = (positions &- limit) &>> 31
        return kernels_low_bytes16(fields & inside & negative)
    }

    let blocks = blockCount(dimensions)
    var block = 0
    while block < blocks {
        let i = block &* 64
        Field.pack(
            group(i), group(i &+ 16), group(i &+ 32), group(i &+ 48),
            code + block &* 8 &* Field.bits)
        block = block &+ 1
    }
}

@inline(__always)
func encode<Field: CodeField>(
    _ residual: UnsafePointer<Float>, _ dimensions: Int, _ code: UnsafeMutablePointer<UInt8>,
    _ factors: UnsafeMutablePointer<KernelCodeFactors>, _ field: Field.Type
) {
    let base = UnsafeRawPointer(residual)
    let count = blockCount(dimensions) &* 64
    let largest = largestMagnitude(base, count)
    guard isUsable(largest) else {
        writeCode(base, dimensions, 0, UnsafeMutableRawPointer(code), field)
        // Zero is itself; of anything else there is no estimate.
        factors.pointee = KernelCodeFactors(
            squaredNorm: largest > 0x5B00_0000 ? .greatestFiniteMagnitude : 0, scale: 0,
            error: largest == 0 ? 0 : .infinity)
        return
    }
    let squaredNorm = sumOfSquares(base, count)
    let padding = Float(count &- dimensions)
    var fit = ScaleFit()
    if Field.bits == 1 {
        var sum = Sixteen.zero
        var i = 0
        while i < count {
            sum = sum + magnitudes(sixteen(base, i))
            i = i &+ 16
        }
        fit = ScaleFit(0, kernels_sum16(sum) * 0.5, Float(count) * 0.25, padding)
    } else {
        let deviation = kernels_sqrt1(squaredNorm / Float(dimensions))
        fit = searchScale(base, count, padding, 1 / (deviation * Field.step), field)
    }
    writeCode(base, dimensions, fit.scale, UnsafeMutableRawPointer(code), field)

    let scale = squaredNorm / fit.product
    // The square of the tangent of the angle between vector and code.
    let tangent = scale * (fit.squaredNorm / fit.product) - 1
    var error: Float = 0
    if dimensions > 1, tangent > 0 {
        error = kernels_sqrt1(squaredNorm) * kernels_sqrt1(tangent / Float(dimensions &- 1))
    }
    factors.pointee = KernelCodeFactors(squaredNorm: squaredNorm, scale: scale, error: error)
}

@inline(never)
func codeEncode1(
    _ residual: UnsafePointer<Float>, _ dimensions: Int, _ code: UnsafeMutablePointer<UInt8>,
    _ factors: UnsafeMutablePointer<KernelCodeFactors>
) {
    encode(residual, dimensions, code, factors, OneBitField.self)
}

@inline(never)
func codeEncode2(
    _ residual: UnsafePointer<Float>, _ dimensions: Int, _ code: UnsafeMutablePointer<UInt8>,
    _ factors: UnsafeMutablePointer<KernelCodeFactors>
) {
    encode(residual, dimensions, code, factors, TwoBitField.self)
}

@inline(never)
func codeEncode4(
    _ residual: UnsafePointer<Float>, _ dimensions: Int, _ code: UnsafeMutablePointer<UInt8>,
    _ factors: UnsafeMutablePointer<KernelCodeFactors>
) {
    encode(residual, dimensions, code, factors, FourBitField.self)
}

// MARK: - Queries

@inline(never)
func codeQuantizeQuery(
    _ query: UnsafePointer<Float>, _ dimensions: Int, _ out: UnsafeMutablePointer<Int8>,
    _ terms: UnsafeMutablePointer<KernelQueryTerms>
) {
    let base = UnsafeRawPointer(query)
    let result = UnsafeMutableRawPointer(out)
    let count = blockCount(dimensions) &* 64
    let largest = largestMagnitude(base, count)
    let usable = isUsable(largest)
    let magnitude = usable ? Float(bitPattern: UInt32(truncatingIfNeeded: largest)) : 0
    let factor = usable ? 127 / magnitude : 0
    let scale = magnitude / 127
    var sum = SIMD16<Int32>.zero
    var squares = Sixteen.zero
    var rest = Sixteen.zero
    var i = 0
    while i < count {
        // Nothing infinite is multiplied.
        let elements = usable ? sixteen(base, i) : .zero
        let rounded = elements * factor + rounder
        let integers = unsafeBitCast(rounded, to: SIMD16<Int32>.self) &- 0x4B40_0000
        let difference = elements - (rounded - rounder) * scale
        sum = sum &+ integers
        squares = squares + elements * elements
        rest = rest + difference * difference
        result.storeBytes(
            of: kernels_low_bytes16(integers), toByteOffset: i, as: SIMD16<UInt8>.self)
        i = i &+ 16
    }
    terms.pointee = KernelQueryTerms(
        scale: scale, sum: kernels_intsum16(sum),
        squaredNorm: usable || largest == 0 ? kernels_sum16(squares) : .infinity,
        squaredRest: kernels_sum16(rest))
}
