// Vectors of components, read a register at a time or one by one.

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
