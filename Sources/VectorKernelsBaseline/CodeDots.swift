// The products of many codes with one query of 8-bit components. `NearestNeighbors.CodeLayout` draws
// the bytes of a code.
//
// Products are added up in 16 bits for as many blocks as cannot overflow, then in 32 bits, where
// nothing overflows below 2³¹ / (15 · 127), more than a million dimensions.

import CKernels

/// The products of one code under way, and where they are added before they overflow.
#if KERNELS_AVX512
    typealias ShortSums = SIMD32<Int16>
    typealias IntSums = SIMD16<Int32>
#elseif KERNELS_AVX2
    typealias ShortSums = SIMD16<Int16>
    typealias IntSums = SIMD8<Int32>
#else
    typealias ShortSums = SIMD16<Int16>
    typealias IntSums = SIMD16<Int32>
#endif

@inline(__always)
func addShorts(_ shorts: ShortSums, to sums: inout IntSums) {
    #if KERNELS_AVX512
        sums = sums &+ kernels_widen_sums32(shorts)
    #elseif KERNELS_AVX2
        sums = sums &+ kernels_widen_sums16(shorts)
    #else
        sums = sums &+ kernels_wide_shorts16(shorts)
    #endif
}

/// The width of a code and how one block of it is multiplied with 64 components of a query.
protocol CodeBlock {
    static var bytes: Int { get }
    /// So many blocks fit in 16 bits.
    static var run: Int { get }
    static func products(_ code: UnsafeRawPointer, _ query: UnsafeRawPointer) -> ShortSums
}

#if !KERNELS_AVX2

    @inline(__always)
    func fieldBytes(_ base: UnsafeRawPointer, _ offset: Int) -> SIMD16<UInt8> {
        base.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
    }

    @inline(__always)
    func components(_ base: UnsafeRawPointer, _ offset: Int) -> SIMD16<Int8> {
        base.loadUnaligned(fromByteOffset: offset, as: SIMD16<Int8>.self)
    }

    /// The components whose bit is set.
    @inline(__always)
    func chosen(
        _ bytes: SIMD16<UInt8>, _ low: UInt8, _ components: SIMD16<Int8>
    ) -> SIMD16<Int16> {
        let high = low &* 2
        let bits = SIMD16<UInt8>(
            low, low, low, low, low, low, low, low, high, high, high, high, high, high, high, high)
        return kernels_wide_chars16(kernels_chosen16(bytes, bits, components))
    }

#endif

/// At most 8 · 127 in each of the narrowest sums of a block.
enum OneBitBlock: CodeBlock {
    @inline(__always)
    static var bytes: Int { 8 }
    @inline(__always)
    static var run: Int { 32 }
    @inline(__always)
    static func products(_ code: UnsafeRawPointer, _ query: UnsafeRawPointer) -> ShortSums {
        #if KERNELS_AVX512
            return kernels_wide_block1(code, query)
        #elseif KERNELS_AVX2
            return kernels_block1(code, query)
        #else
            let bytes = kernels_twice8(code)
            return
                (chosen(bytes, 1, components(query, 0))
                &+ chosen(bytes, 4, components(query, 16)))
                &+ (chosen(bytes, 16, components(query, 32))
                    &+ chosen(bytes, 64, components(query, 48)))
        #endif
    }
}

/// At most 4 · 3 · 127 in each of the sums of a block.
enum TwoBitBlock: CodeBlock {
    @inline(__always)
    static var bytes: Int { 16 }
    @inline(__always)
    static var run: Int { 16 }
    @inline(__always)
    static func products(_ code: UnsafeRawPointer, _ query: UnsafeRawPointer) -> ShortSums {
        #if KERNELS_AVX512
            return kernels_wide_block2(code, query)
        #elseif KERNELS_AVX2
            return kernels_block2(code, query)
        #else
            let all = fieldBytes(code, 0)
            let first =
                kernels_products16(all & 3, components(query, 0))
                &+ kernels_products16(all &>> 2 & 3, components(query, 16))
            let last =
                kernels_products16(all &>> 4 & 3, components(query, 32))
                &+ kernels_products16(all &>> 6, components(query, 48))
            return first &+ last
        #endif
    }
}

/// At most 4 · 15 · 127 in each of the sums of a block.
enum FourBitBlock: CodeBlock {
    @inline(__always)
    static var bytes: Int { 32 }
    @inline(__always)
    static var run: Int { 4 }
    @inline(__always)
    static func products(_ code: UnsafeRawPointer, _ query: UnsafeRawPointer) -> ShortSums {
        #if KERNELS_AVX512
            return kernels_wide_block4(code, query)
        #elseif KERNELS_AVX2
            return kernels_block4(code, query)
        #else
            let low = fieldBytes(code, 0)
            let high = fieldBytes(code, 16)
            let first =
                kernels_products16(low & 15, components(query, 0))
                &+ kernels_products16(high & 15, components(query, 16))
            let last =
                kernels_products16(low &>> 4, components(query, 32))
                &+ kernels_products16(high &>> 4, components(query, 48))
            return first &+ last
        #endif
    }
}

/// The sum of one row.
@inline(__always)
func total(_ sums: IntSums) -> Int32 {
    #if KERNELS_AVX512
        return kernels_intsum16(sums)
    #elseif KERNELS_AVX2
        return kernels_sums8(sums, sums, sums, sums).x
    #else
        return kernels_intsum16(sums)
    #endif
}

/// The sums of four rows.
@inline(__always)
func totals(_ a: IntSums, _ b: IntSums, _ c: IntSums, _ d: IntSums) -> SIMD4<Int32> {
    #if KERNELS_AVX512
        return kernels_sums8(
            kernels_halves16(a), kernels_halves16(b), kernels_halves16(c), kernels_halves16(d))
    #elseif KERNELS_AVX2
        return kernels_sums8(a, b, c, d)
    #else
        return SIMD4(total(a), total(b), total(c), total(d))
    #endif
}

@inline(__always)
func dots<Block: CodeBlock>(
    _ query: UnsafePointer<Int8>, _ codes: UnsafePointer<UInt8>, _ stride: Int, _ rowCount: Int,
    _ blocks: Int, _ out: UnsafeMutablePointer<Int32>, _ block: Block.Type
) {
    let query = UnsafeRawPointer(query)
    let codes = UnsafeRawPointer(codes)
    let results = UnsafeMutableRawPointer(out)
    var row = 0
    // Four rows at a time share the loads of the query.
    while row &+ 4 <= rowCount {
        let code = codes + row &* stride
        var sums0 = IntSums.zero
        var sums1 = IntSums.zero
        var sums2 = IntSums.zero
        var sums3 = IntSums.zero
        var start = 0
        while start < blocks {
            let end = min(start &+ Block.run, blocks)
            var shorts0 = ShortSums.zero
            var shorts1 = ShortSums.zero
            var shorts2 = ShortSums.zero
            var shorts3 = ShortSums.zero
            while start < end {
                let components = query + start &* 64
                let place = code + start &* Block.bytes
                shorts0 = shorts0 &+ Block.products(place, components)
                shorts1 = shorts1 &+ Block.products(place + stride, components)
                shorts2 = shorts2 &+ Block.products(place + 2 &* stride, components)
                shorts3 = shorts3 &+ Block.products(place + 3 &* stride, components)
                start = start &+ 1
            }
            addShorts(shorts0, to: &sums0)
            addShorts(shorts1, to: &sums1)
            addShorts(shorts2, to: &sums2)
            addShorts(shorts3, to: &sums3)
        }
        results.storeBytes(
            of: totals(sums0, sums1, sums2, sums3), toByteOffset: row &* 4, as: SIMD4<Int32>.self)
        row = row &+ 4
    }
    while row < rowCount {
        let code = codes + row &* stride
        var sums = IntSums.zero
        var start = 0
        while start < blocks {
            let end = min(start &+ Block.run, blocks)
            var shorts = ShortSums.zero
            while start < end {
                shorts =
                    shorts &+ Block.products(code + start &* Block.bytes, query + start &* 64)
                start = start &+ 1
            }
            addShorts(shorts, to: &sums)
        }
        results.storeBytes(of: total(sums), toByteOffset: row &* 4, as: Int32.self)
        row = row &+ 1
    }
}

@inline(never)
func codeDots1(
    _ query: UnsafePointer<Int8>, _ codes: UnsafePointer<UInt8>, _ stride: Int, _ rowCount: Int,
    _ blocks: Int, _ out: UnsafeMutablePointer<Int32>
) {
    dots(query, codes, stride, rowCount, blocks, out, OneBitBlock.self)
}

@inline(never)
func codeDots2(
    _ query: UnsafePointer<Int8>, _ codes: UnsafePointer<UInt8>, _ stride: Int, _ rowCount: Int,
    _ blocks: Int, _ out: UnsafeMutablePointer<Int32>
) {
    dots(query, codes, stride, rowCount, blocks, out, TwoBitBlock.self)
}

@inline(never)
func codeDots4(
    _ query: UnsafePointer<Int8>, _ codes: UnsafePointer<UInt8>, _ stride: Int, _ rowCount: Int,
    _ blocks: Int, _ out: UnsafeMutablePointer<Int32>
) {
    dots(query, codes, stride, rowCount, blocks, out, FourBitBlock.self)
}

/// The products of 64 components of two vectors.
@inline(__always)
func componentProducts(_ one: UnsafeRawPointer, _ other: UnsafeRawPointer) -> IntSums {
    #if KERNELS_AVX512
        return kernels_wide_char_products32(one, other)
            &+ kernels_wide_char_products32(one + 32, other + 32)
    #elseif KERNELS_AVX2
        return kernels_char_products32(one, other)
            &+ kernels_char_products32(one + 32, other + 32)
    #else
        // Two products of at most 127 · 127 have room in 16 bits.
        let first =
            wideProducts(one, other, 0) &+ wideProducts(one, other, 16)
        let last =
            wideProducts(one, other, 32) &+ wideProducts(one, other, 48)
        return kernels_wide_shorts16(first) &+ kernels_wide_shorts16(last)
    #endif
}

#if !KERNELS_AVX2

    @inline(__always)
    func wideProducts(
        _ one: UnsafeRawPointer, _ other: UnsafeRawPointer, _ offset: Int
    ) -> SIMD16<Int16> {
        kernels_wide_chars16(components(one, offset))
            &* kernels_wide_chars16(components(other, offset))
    }

#endif

@inline(never)
func codeDot8(_ one: UnsafePointer<Int8>, _ other: UnsafePointer<Int8>, _ blocks: Int) -> Int32 {
    let one = UnsafeRawPointer(one)
    let other = UnsafeRawPointer(other)
    var sums = IntSums.zero
    var block = 0
    while block < blocks {
        sums = sums &+ componentProducts(one + block &* 64, other + block &* 64)
        block = block &+ 1
    }
    return total(sums)
}
