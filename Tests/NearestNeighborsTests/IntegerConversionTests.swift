import Testing

@testable import NearestNeighbors

/// Numbers from outside as integers: whatever they are, none ends the process.
@Suite struct IntegerConversionTests {
    @Test func edges() {
        for (value, integer) in [
            (0.0, 0), (-0.0, 0), (0.9, 0), (-0.9, 0), (1, 1), (-1, -1), (1.9, 1), (-1.9, -1),
            (5e-324, 0), (-1e-30, 0), (9_007_199_254_740_993, 9_007_199_254_740_992),
            (0x1.fffffffffffffp62, 0x7FFF_FFFF_FFFF_FC00), (0x1p63, .max), (1e30, .max),
            (-0x1p63, .min), (-1e30, .min), (.infinity, .max), (-.infinity, .min), (.nan, 0),
            (.greatestFiniteMagnitude, .max),
        ] as [(Double, Int)] {
            #expect(clampedInt(value) == integer, "\(value)")
        }
        #expect(clampedInt(Float.infinity) == .max)
        #expect(clampedInt(Float.nan) == 0)
        #expect(clampedInt(-2.5 as Float) == -2)
    }

    @Test func asTheStandardLibraryWhereThatConverts() {
        var random = RandomSource(seed: 1)
        for _ in 0..<100_000 {
            let any = Double(bitPattern: random.next())
            let near = Double(Int64(truncatingIfNeeded: random.next()) >> 40) / 1024
            for value in [any, near] where abs(value) < 0x1p63 {
                #expect(clampedInt(value) == Int(exactly: value.rounded(.towardZero)))
            }
        }
    }
}
