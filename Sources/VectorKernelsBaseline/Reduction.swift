// Sums over components, which all distances are made of.

import CKernels

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
