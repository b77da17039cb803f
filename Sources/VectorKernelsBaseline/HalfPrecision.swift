// Half precision on processors without an instruction for it.

#if !KERNELS_AVX2

    /// The values of four half-precision numbers, exactly.
    @inline(__always)
    func widened(_ halves: SIMD4<UInt16>) -> SIMD4<Float> {
        let bits = SIMD4<UInt32>(truncatingIfNeeded: halves)
        let sign = (bits & 0x8000) &<< 16
        // Exponent and fraction in their places, the exponent too small by the difference of the
        // two formats' biases, 127 - 15. The product with 2^112 makes up for that and also puts
        // right the numbers that are subnormal as halves.
        let magnitude = (bits & 0x7FFF) &<< 13
        let value = unsafeBitCast(magnitude, to: SIMD4<Float>.self) * 0x1p112
        // Infinities and NaNs have the largest exponent in both formats.
        let special = SIMD4<UInt32>.zero.replacing(
            with: 0x7F80_0000, where: magnitude .>= 0x0F80_0000)
        let result = unsafeBitCast(value, to: SIMD4<UInt32>.self) | special | sign
        return unsafeBitCast(result, to: SIMD4<Float>.self)
    }

    /// The half-precision numbers nearest to four values, ties to even; too large ones become
    /// infinities, and NaNs stay quiet NaNs.
    @inline(__always)
    func narrowed(_ values: SIMD4<Float>) -> SIMD4<UInt16> {
        let bits = unsafeBitCast(values, to: SIMD4<UInt32>.self)
        let sign = (bits &>> 16) & 0x8000
        let magnitude = bits & 0x7FFF_FFFF
        // Normal halves: change the bias and add just less than half of the last place that stays,
        // or exactly half where that place is odd. A carry goes into the exponent, where it
        // belongs, and from the largest number to infinity.
        let odd = (magnitude &>> 13) & 1
        let normal = (magnitude &- 0x3800_0000 &+ 0xFFF &+ odd) &>> 13
        // Subnormal halves: the last place of 0.5 is that of a subnormal half, so adding 0.5 makes
        // the processor round there.
        let shifted = unsafeBitCast(magnitude, to: SIMD4<Float>.self) + 0.5
        let subnormal = unsafeBitCast(shifted, to: SIMD4<UInt32>.self) &- 0x3F00_0000
        let nan = 0x7E00 | (magnitude &>> 13)
        var result = normal
        result.replace(with: subnormal, where: magnitude .< 0x3880_0000)
        result.replace(with: 0x7C00, where: magnitude .>= 0x4780_0000)
        result.replace(with: nan & 0x7FFF, where: magnitude .> 0x7F80_0000)
        return SIMD4<UInt16>(truncatingIfNeeded: result | sign)
    }

#endif
