// The kernels, compiled once for each instruction level: the targets VectorKernelsAVX2 and
// VectorKernelsAVX512 hold symbolic links to this file.
//
// Nothing else may live in these targets. What is compiled here for a newer processor must not run
// on an older one, so the only way in is `kernelFunctions()`, which `VectorKernels` calls after it
// has asked the processor. For the same reason nothing here allocates, traps, or uses a type of the
// standard library beyond SIMD vectors, scalars and pointers.
//
// Pointers may have any alignment and counts are never negative. Counts were checked by the
// callers, so arithmetic on them is the kind that cannot trap.

import CKernels

/// The widest vector of the level: one register.
#if KERNELS_AVX512
    typealias Wide = SIMD16<Float>
#elseif KERNELS_AVX2
    typealias Wide = SIMD8<Float>
#else
    typealias Wide = SIMD4<Float>
#endif

/// Components in one register.
@inline(__always)
var width: Int { Wide.scalarCount }

/// Components consumed by one round of the unrolled loop. Four independent sums hide the latency of
/// the addition, which is about four cycles on current processors.
@inline(__always)
var block: Int { 4 &* Wide.scalarCount }

/// Of so many components, how many fill whole blocks.
@inline(__always)
func wholeBlocks(_ count: Int) -> Int { count & ~(block &- 1) }

// MARK: - Reading components

/// A sequence of components that can be read as vectors or one at a time.
protocol Components {
    func wide(_ index: Int) -> Wide
    #if KERNELS_AVX512
        func eight(_ index: Int) -> SIMD8<Float>
    #endif
    #if KERNELS_AVX2
        func four(_ index: Int) -> SIMD4<Float>
    #endif
    func one(_ index: Int) -> Float
}

/// Single-precision components in memory.
struct Floats: Components {
    let base: UnsafeRawPointer

    @inline(__always)
    init(_ base: UnsafePointer<Float>) { self.base = UnsafeRawPointer(base) }

    @inline(__always)
    func load<T: BitwiseCopyable>(_ index: Int) -> T {
        base.loadUnaligned(fromByteOffset: index &* 4, as: T.self)
    }

    @inline(__always)
    func wide(_ index: Int) -> Wide { load(index) }
    #if KERNELS_AVX512
        @inline(__always)
        func eight(_ index: Int) -> SIMD8<Float> { load(index) }
    #endif
    #if KERNELS_AVX2
        @inline(__always)
        func four(_ index: Int) -> SIMD4<Float> { load(index) }
    #endif
    @inline(__always)
    func one(_ index: Int) -> Float { load(index) }
}

/// Half-precision components in memory, widened as they are read and multiplied by a scale.
struct Halves: Components {
    let base: UnsafeRawPointer
    let scale: Float

    @inline(__always)
    init(_ base: UnsafePointer<UInt16>, _ scale: Float) {
        self.base = UnsafeRawPointer(base)
        self.scale = scale
    }

    #if KERNELS_AVX512
        @inline(__always)
        func wide(_ index: Int) -> Wide { kernels_widen16(base + (index &* 2)) * scale }
        @inline(__always)
        func eight(_ index: Int) -> SIMD8<Float> { kernels_widen8(base + (index &* 2)) * scale }
    #elseif KERNELS_AVX2
        @inline(__always)
        func wide(_ index: Int) -> Wide { kernels_widen8(base + (index &* 2)) * scale }
    #else
        @inline(__always)
        func wide(_ index: Int) -> Wide {
            widened(base.loadUnaligned(fromByteOffset: index &* 2, as: SIMD4<UInt16>.self)) * scale
        }
    #endif

    #if KERNELS_AVX2
        @inline(__always)
        func four(_ index: Int) -> SIMD4<Float> { kernels_widen4(base + (index &* 2)) * scale }
        @inline(__always)
        func one(_ index: Int) -> Float { kernels_widen1(base + (index &* 2)) * scale }
    #else
        @inline(__always)
        func one(_ index: Int) -> Float {
            let bits = base.loadUnaligned(fromByteOffset: index &* 2, as: UInt16.self)
            return widened(SIMD4(bits, 0, 0, 0)).x * scale
        }
    #endif
}

/// As many zeros as one asks for.
struct Zeros: Components {
    @inline(__always)
    init() {}
    @inline(__always)
    func wide(_ index: Int) -> Wide { .zero }
    #if KERNELS_AVX512
        @inline(__always)
        func eight(_ index: Int) -> SIMD8<Float> { .zero }
    #endif
    #if KERNELS_AVX2
        @inline(__always)
        func four(_ index: Int) -> SIMD4<Float> { .zero }
    #endif
    @inline(__always)
    func one(_ index: Int) -> Float { 0 }
}

// MARK: - Sums over components

/// What is added up for each pair of components.
protocol Term {
    static func add<V: SIMD>(_ x: V, _ y: V, to sum: inout V) where V.Scalar == Float
    static func add(_ x: Float, _ y: Float, to sum: inout Float)
}

/// `sum + x * y`: one rounding where the level has a fused instruction, else two. The baseline of
/// x86-64 has none, and asking for it there would call `fmaf` in the C library.
@inline(__always)
func addProduct<V: SIMD>(_ x: V, _ y: V, to sum: inout V) where V.Scalar == Float {
    #if KERNELS_AVX2 || arch(arm64)
        sum = sum.addingProduct(x, y)
    #else
        sum = sum + x * y
    #endif
}

@inline(__always)
func addProduct(_ x: Float, _ y: Float, to sum: inout Float) {
    #if KERNELS_AVX2 || arch(arm64)
        sum = sum.addingProduct(x, y)
    #else
        sum = sum + x * y
    #endif
}

enum Product: Term {
    @inline(__always)
    static func add<V: SIMD>(_ x: V, _ y: V, to sum: inout V) where V.Scalar == Float {
        addProduct(x, y, to: &sum)
    }
    @inline(__always)
    static func add(_ x: Float, _ y: Float, to sum: inout Float) { addProduct(x, y, to: &sum) }
}

enum SquaredDifference: Term {
    @inline(__always)
    static func add<V: SIMD>(_ x: V, _ y: V, to sum: inout V) where V.Scalar == Float {
        let difference = x - y
        addProduct(difference, difference, to: &sum)
    }
    @inline(__always)
    static func add(_ x: Float, _ y: Float, to sum: inout Float) {
        let difference = x - y
        addProduct(difference, difference, to: &sum)
    }
}

/// A sum under way. Every kernel that sums goes through here, so that all of them add in the same
/// order and, for instance, a distance computed alone equals the same distance computed in a batch
/// to the last bit.
struct Reduction<A: Components, B: Components, T: Term> {
    let a: A
    let b: B
    var sum0 = Wide.zero
    var sum1 = Wide.zero
    var sum2 = Wide.zero
    var sum3 = Wide.zero

    @inline(__always)
    init(_ a: A, _ b: B, _ term: T.Type) {
        self.a = a
        self.b = b
    }

    /// Adds the terms of the first register of the block that starts at a component.
    @inline(__always)
    mutating func add0(_ i: Int) {
        T.add(a.wide(i), b.wide(i), to: &sum0)
    }

    /// Adds the terms of the second register of a block.
    @inline(__always)
    mutating func add1(_ i: Int) {
        T.add(a.wide(i &+ width), b.wide(i &+ width), to: &sum1)
    }

    /// Adds the terms of the third register of a block.
    @inline(__always)
    mutating func add2(_ i: Int) {
        T.add(a.wide(i &+ 2 &* width), b.wide(i &+ 2 &* width), to: &sum2)
    }

    /// Adds the terms of the fourth register of a block.
    @inline(__always)
    mutating func add3(_ i: Int) {
        T.add(a.wide(i &+ 3 &* width), b.wide(i &+ 3 &* width), to: &sum3)
    }

    /// Adds the terms of one block that starts at a component.
    @inline(__always)
    mutating func addBlock(_ i: Int) {
        add0(i)
        add1(i)
        add2(i)
        add3(i)
    }

    /// Adds the terms that are left after the whole blocks of so many components and returns the
    /// sum. The vector is halved on the way down to one number; whatever of the rest fits in a
    /// vector of that size is added there, so that at most three terms are added one by one.
    @inline(__always)
    consuming func finish(_ count: Int) -> Float {
        var i = wholeBlocks(count)
        let wholeRegisters = count & ~(width &- 1)
        while i < wholeRegisters {
            T.add(a.wide(i), b.wide(i), to: &sum0)
            i = i &+ width
        }
        let wide = (sum0 + sum1) + (sum2 + sum3)
        #if KERNELS_AVX512
            var eight = kernels_sum_of_halves16(wide)
            if count & 8 != 0 {
                T.add(a.eight(i), b.eight(i), to: &eight)
                i = i &+ 8
            }
        #elseif KERNELS_AVX2
            let eight = wide
        #endif
        #if KERNELS_AVX2
            var four = kernels_sum_of_halves8(eight)
            if count & 4 != 0 {
                T.add(a.four(i), b.four(i), to: &four)
                i = i &+ 4
            }
        #else
            let four = wide
        #endif
        let two = four.lowHalf + four.highHalf
        var sum = two.x + two.y
        var rest = count & 3
        while rest != 0 {
            T.add(a.one(i), b.one(i), to: &sum)
            i = i &+ 1
            rest = rest &- 1
        }
        return sum
    }
}

@inline(__always)
func reduce<A: Components, B: Components, T: Term>(
    _ a: A, _ b: B, _ count: Int, _ term: T.Type
) -> Float {
    var reduction = Reduction(a, b, term)
    let blocks = wholeBlocks(count)
    var i = 0
    while i < blocks {
        reduction.addBlock(i)
        i = i &+ block
    }
    return reduction.finish(count)
}

/// The sums of a query with each of many rows. Two rows at a time share the loads of the query,
/// which are what the loop waits for as long as the rows are in the cache.
@inline(__always)
func reduceToMany<T: Term>(
    _ query: UnsafePointer<Float>, _ rows: UnsafePointer<Float>, _ stride: Int, _ rowCount: Int,
    _ dimensions: Int, _ out: UnsafeMutablePointer<Float>, _ term: T.Type
) {
    let results = UnsafeMutableRawPointer(out)
    let query = Floats(query)
    let blocks = wholeBlocks(dimensions)
    var row = 0
    while row &+ 2 <= rowCount {
        let first = rows + (row &* stride)
        var reduction0 = Reduction(query, Floats(first), term)
        var reduction1 = Reduction(query, Floats(first + stride), term)
        var i = 0
        while i < blocks {
            reduction0.addBlock(i)
            reduction1.addBlock(i)
            i = i &+ block
        }
        results.storeBytes(
            of: reduction0.finish(dimensions), toByteOffset: row &* 4, as: Float.self)
        results.storeBytes(
            of: reduction1.finish(dimensions), toByteOffset: row &* 4 &+ 4, as: Float.self)
        row = row &+ 2
    }
    if row < rowCount {
        results.storeBytes(
            of: reduce(query, Floats(rows + (row &* stride)), dimensions, term),
            toByteOffset: row &* 4, as: Float.self)
    }
}

// MARK: - Half precision without an instruction for it

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

// MARK: - The kernels

// Never inlined into the C entry points that the compiler makes for `kernelFunctions()`: inside such
// an entry point it refuses to inline the functions of the C header, and each becomes a call. The
// entry point is one jump instead.

@inline(never)
func squaredL2(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
    reduce(Floats(a), Floats(b), count, SquaredDifference.self)
}

@inline(never)
func innerProduct(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
    reduce(Floats(a), Floats(b), count, Product.self)
}

@inline(never)
func squaredNorm(_ a: UnsafePointer<Float>, _ count: Int) -> Float {
    reduce(Floats(a), Floats(a), count, Product.self)
}

@inline(never)
func cosineParts(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int,
    _ out: UnsafeMutablePointer<Float>
) {
    let results = UnsafeMutableRawPointer(out)
    let a = Floats(a)
    let b = Floats(b)
    var product = Reduction(a, b, Product.self)
    var normA = Reduction(a, a, Product.self)
    var normB = Reduction(b, b, Product.self)
    let blocks = wholeBlocks(count)
    var i = 0
    while i < blocks {
        // Register by register, because twelve sums and a whole block of both vectors would not fit
        // in the sixteen registers there are before AVX-512.
        product.add0(i)
        normA.add0(i)
        normB.add0(i)
        product.add1(i)
        normA.add1(i)
        normB.add1(i)
        product.add2(i)
        normA.add2(i)
        normB.add2(i)
        product.add3(i)
        normA.add3(i)
        normB.add3(i)
        i = i &+ block
    }
    results.storeBytes(of: product.finish(count), toByteOffset: 0, as: Float.self)
    results.storeBytes(of: normA.finish(count), toByteOffset: 4, as: Float.self)
    results.storeBytes(of: normB.finish(count), toByteOffset: 8, as: Float.self)
}

@inline(never)
func squaredL2ToMany(
    _ query: UnsafePointer<Float>, _ rows: UnsafePointer<Float>, _ stride: Int, _ rowCount: Int,
    _ dimensions: Int, _ out: UnsafeMutablePointer<Float>
) {
    reduceToMany(query, rows, stride, rowCount, dimensions, out, SquaredDifference.self)
}

@inline(never)
func innerProductToMany(
    _ query: UnsafePointer<Float>, _ rows: UnsafePointer<Float>, _ stride: Int, _ rowCount: Int,
    _ dimensions: Int, _ out: UnsafeMutablePointer<Float>
) {
    reduceToMany(query, rows, stride, rowCount, dimensions, out, Product.self)
}

@inline(never)
func scale(_ vector: UnsafeMutablePointer<Float>, _ factor: Float, _ count: Int) {
    let components = Floats(vector)
    let results = UnsafeMutableRawPointer(vector)
    var i = 0
    while i &+ width <= count {
        results.storeBytes(of: components.wide(i) * factor, toByteOffset: i &* 4, as: Wide.self)
        i = i &+ width
    }
    while i < count {
        results.storeBytes(of: components.one(i) * factor, toByteOffset: i &* 4, as: Float.self)
        i = i &+ 1
    }
}

@inline(never)
func isFinite(_ vector: UnsafePointer<Float>, _ count: Int) -> Bool {
    // Zero times anything finite is a zero, times an infinity or a NaN it is a NaN, and a NaN stays
    // one in any sum.
    reduce(Floats(vector), Zeros(), count, Product.self) == 0
}

@inline(never)
func floatToHalf(
    _ source: UnsafePointer<Float>, _ destination: UnsafeMutablePointer<UInt16>, _ count: Int
) {
    let components = Floats(source)
    let results = UnsafeMutableRawPointer(destination)
    var i = 0
    while i &+ width <= count {
        #if KERNELS_AVX512
            kernels_narrow16(components.wide(i), results + (i &* 2))
        #elseif KERNELS_AVX2
            kernels_narrow8(components.wide(i), results + (i &* 2))
        #else
            results.storeBytes(
                of: narrowed(components.wide(i)), toByteOffset: i &* 2, as: SIMD4<UInt16>.self)
        #endif
        i = i &+ width
    }
    while i < count {
        #if KERNELS_AVX2
            kernels_narrow1(components.one(i), results + (i &* 2))
        #else
            let half = narrowed(SIMD4(components.one(i), 0, 0, 0)).x
            results.storeBytes(of: half, toByteOffset: i &* 2, as: UInt16.self)
        #endif
        i = i &+ 1
    }
}

@inline(never)
func halfToFloat(
    _ source: UnsafePointer<UInt16>, _ scale: Float, _ destination: UnsafeMutablePointer<Float>,
    _ count: Int
) {
    let components = Halves(source, scale)
    let results = UnsafeMutableRawPointer(destination)
    var i = 0
    while i &+ width <= count {
        results.storeBytes(of: components.wide(i), toByteOffset: i &* 4, as: Wide.self)
        i = i &+ width
    }
    while i < count {
        results.storeBytes(of: components.one(i), toByteOffset: i &* 4, as: Float.self)
        i = i &+ 1
    }
}

@inline(never)
func squaredL2Half(
    _ query: UnsafePointer<Float>, _ half: UnsafePointer<UInt16>, _ scale: Float, _ count: Int
) -> Float {
    reduce(Floats(query), Halves(half, scale), count, SquaredDifference.self)
}

@inline(never)
func innerProductHalf(
    _ query: UnsafePointer<Float>, _ half: UnsafePointer<UInt16>, _ scale: Float, _ count: Int
) -> Float {
    reduce(Floats(query), Halves(half, scale), count, Product.self)
}

/// The kernels of this instruction level. To be called on processors that have the level: this
/// function too is compiled for it.
///
/// Only the name is exported, never the body: a module that could see the body would emit copies of
/// the kernels for its own instruction level, and those would be the ones that run.
@export(interface)
public func kernelFunctions() -> KernelFunctions {
    KernelFunctions(
        squaredL2: squaredL2,
        innerProduct: innerProduct,
        squaredNorm: squaredNorm,
        cosineParts: cosineParts,
        squaredL2ToMany: squaredL2ToMany,
        innerProductToMany: innerProductToMany,
        scale: scale,
        isFinite: isFinite,
        floatToHalf: floatToHalf,
        halfToFloat: halfToFloat,
        squaredL2Half: squaredL2Half,
        innerProductHalf: innerProductHalf)
}
