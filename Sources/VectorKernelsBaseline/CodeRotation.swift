// The pseudo-random rotation of vectors before they are encoded. `NearestNeighbors.Rotation` says
// what it is for and what it consists of.
//
// The result is the same to the last bit at each instruction level: every element goes through the
// same additions and products, none of them fused, whatever the width of the registers.

import CKernels

/// SplitMix64's mixing function: neighbouring numbers become unrelated ones.
@inline(__always)
func mixed(_ number: UInt64) -> UInt64 {
    var bits = number
    bits = (bits ^ (bits &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits &>> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits &>> 31)
}

/// The random bits of one step of a rotation.
struct StepBits {
    let key: UInt64

    @inline(__always)
    init(_ seed: UInt64, _ step: UInt64) { key = mixed(seed &+ step &* 0xD1B5_4A32_D192_ED03) }

    @inline(__always)
    subscript(index: Int) -> UInt64 {
        mixed(key &+ UInt64(truncatingIfNeeded: index &+ 1) &* 0x9E37_79B9_7F4A_7C15)
    }
}

@inline(__always)
func load<T: BitwiseCopyable>(_ base: UnsafeMutableRawPointer, _ index: Int) -> T {
    base.loadUnaligned(fromByteOffset: index &* 4, as: T.self)
}

@inline(__always)
func store<T: BitwiseCopyable>(_ value: T, _ base: UnsafeMutableRawPointer, _ index: Int) {
    base.storeBytes(of: value, toByteOffset: index &* 4, as: T.self)
}

/// Random signs, then the Hadamard transform, normalised, of so many elements, a power of two.
@inline(__always)
func hadamard(_ base: UnsafeMutableRawPointer, _ count: Int, _ bits: StepBits) {
    let scale = 1 / kernels_sqrt1(Float(count))
    guard count >= 16 else {
        smallHadamard(base, count, bits, scale)
        return
    }
    var word: UInt64 = 0
    var i = 0
    while i < count {
        if i & 63 == 0 { word = bits[i &>> 6] }
        let values: SIMD16<Float> = load(base, i)
        let flipped = kernels_flip16(values * scale, UInt16(truncatingIfNeeded: word))
        store(kernels_hadamard16(flipped), base, i)
        word = word &>> 16
        i = i &+ 16
    }
    // Two of the remaining stages at a time, which saves half of the loads and stores.
    var half = 16
    while half &* 4 <= count {
        var start = 0
        while start < count {
            var j = start
            while j < start &+ half {
                let a: Wide = load(base, j)
                let b: Wide = load(base, j &+ half)
                let c: Wide = load(base, j &+ 2 &* half)
                let d: Wide = load(base, j &+ 3 &* half)
                let (sumAB, differenceAB) = (a + b, a - b)
                let (sumCD, differenceCD) = (c + d, c - d)
                store(sumAB + sumCD, base, j)
                store(differenceAB + differenceCD, base, j &+ half)
                store(sumAB - sumCD, base, j &+ 2 &* half)
                store(differenceAB - differenceCD, base, j &+ 3 &* half)
                j = j &+ width
            }
            start = start &+ 4 &* half
        }
        half = half &* 4
    }
    if half < count {
        var j = 0
        while j < half {
            let a: Wide = load(base, j)
            let b: Wide = load(base, j &+ half)
            store(a + b, base, j)
            store(a - b, base, j &+ half)
            j = j &+ width
        }
    }
}

/// The same for fewer than sixteen elements.
@inline(__always)
func smallHadamard(
    _ base: UnsafeMutableRawPointer, _ count: Int, _ bits: StepBits, _ scale: Float
) {
    let word = bits[0]
    var i = 0
    while i < count {
        let value: Float = load(base, i)
        let sign = (word &>> UInt64(truncatingIfNeeded: i)) & 1
        store(sign == 0 ? value * scale : -(value * scale), base, i)
        i = i &+ 1
    }
    var half = 1
    while half < count {
        var j = 0
        while j < count {
            if j & half == 0 {
                let a: Float = load(base, j)
                let b: Float = load(base, j &+ half)
                store(a + b, base, j)
                store(a - b, base, j &+ half)
            }
            j = j &+ 1
        }
        half = half &* 2
    }
}

/// Turns each element of the first half and its partner in the second by an angle of their own,
/// one of 256 between -90 and 90 degrees. Of an odd number of elements the middle one stays.
@inline(__always)
func turnPairs(_ base: UnsafeMutableRawPointer, _ count: Int, _ bits: StepBits) {
    let pairs = count &>> 1
    let second = base + (count &- pairs) &* 4
    var i = 0
    while i &+ 16 <= pairs {
        // Sixteen bytes become sixteen tangents of half the angle.
        let words = SIMD2(bits[i &>> 3], bits[(i &>> 3) &+ 1])
        let bytes = unsafeBitCast(words, to: SIMD16<UInt8>.self)
        let tangent = kernels_from_bytes16(bytes) * 0x1p-7 - 0x1.FEp-1
        let square = tangent * tangent
        let denominator = 1 + square
        let cosine = (1 - square) / denominator
        let sine = (tangent + tangent) / denominator
        let a: SIMD16<Float> = load(base, i)
        let b: SIMD16<Float> = load(second, i)
        store(cosine * a - sine * b, base, i)
        store(sine * a + cosine * b, second, i)
        i = i &+ 16
    }
    while i < pairs {
        let word = bits[i &>> 3] &>> UInt64(truncatingIfNeeded: (i & 7) &* 8)
        let byte = Float(UInt8(truncatingIfNeeded: word))
        let tangent = byte * 0x1p-7 - 0x1.FEp-1
        let square = tangent * tangent
        let denominator = 1 + square
        let cosine = (1 - square) / denominator
        let sine = (tangent + tangent) / denominator
        let a: Float = load(base, i)
        let b: Float = load(second, i)
        store(cosine * a - sine * b, base, i)
        store(sine * a + cosine * b, second, i)
        i = i &+ 1
    }
}

@inline(never)
func codeRotate(_ vector: UnsafeMutablePointer<Float>, _ dimensions: Int, _ seed: UInt64) {
    guard dimensions > 1 else { return }
    let base = UnsafeMutableRawPointer(vector)
    var block = 2
    while block &* 2 <= dimensions { block = block &* 2 }
    let end = base + (dimensions &- block) &* 4
    // Few elements meet few signs and angles, so they go round twice.
    let turns = dimensions < 64 ? 2 : 1
    var step: UInt64 = 0
    hadamard(base, block, StepBits(seed, step))
    hadamard(end, block, StepBits(seed, step &+ 1))
    var turn = 0
    while turn < turns {
        turnPairs(base, dimensions, StepBits(seed, step &+ 2))
        hadamard(base, block, StepBits(seed, step &+ 3))
        hadamard(end, block, StepBits(seed, step &+ 4))
        step = step &+ 3
        turn = turn &+ 1
    }
}
