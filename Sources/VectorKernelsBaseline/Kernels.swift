// The kernels, compiled once for each instruction level: the targets VectorKernelsAVX2 and
// VectorKernelsAVX512 hold symbolic links to the files of this folder.
//
// Nothing else may live in these targets. What is compiled here for a newer processor must not run
// on an older one, so the only way in is `kernelFunctions()`, which `VectorKernels` calls after it
// has asked the processor. For the same reason nothing here allocates, traps, or uses a type of the
// standard library beyond SIMD vectors, scalars and pointers.
//
// Pointers may have any alignment and counts are never negative. Counts were checked by the
// callers, so arithmetic on them is the kind that cannot trap.

import CKernels

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
