#ifndef CKERNELS_H
#define CKERNELS_H

/* Processor features, the record each set of kernels fills in, and the few instructions that Swift
 * cannot name. Everything is `static inline`: this module has no code of its own to link. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "TileKernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/* A hint to fetch a cache line that will be read soon; never faults. */
static inline __attribute__((always_inline)) void kernels_prefetch(const void *_Nonnull address)
{
    __builtin_prefetch(address, 0, 3);
}

/* One set of kernels. Swift's `VectorKernels.KernelTable` documents each member. */
typedef struct KernelFunctions {
    float (*_Nonnull squaredL2)(const float *_Nonnull, const float *_Nonnull, ptrdiff_t);
    float (*_Nonnull innerProduct)(const float *_Nonnull, const float *_Nonnull, ptrdiff_t);
    float (*_Nonnull squaredNorm)(const float *_Nonnull, ptrdiff_t);
    void (*_Nonnull cosineParts)(
        const float *_Nonnull, const float *_Nonnull, ptrdiff_t, float *_Nonnull);
    void (*_Nonnull squaredL2ToMany)(
        const float *_Nonnull, const float *_Nonnull, ptrdiff_t, ptrdiff_t, ptrdiff_t,
        float *_Nonnull);
    void (*_Nonnull innerProductToMany)(
        const float *_Nonnull, const float *_Nonnull, ptrdiff_t, ptrdiff_t, ptrdiff_t,
        float *_Nonnull);
    void (*_Nonnull scale)(float *_Nonnull, float, ptrdiff_t);
    bool (*_Nonnull isFinite)(const float *_Nonnull, ptrdiff_t);
    void (*_Nonnull floatToHalf)(const float *_Nonnull, uint16_t *_Nonnull, ptrdiff_t);
    void (*_Nonnull halfToFloat)(const uint16_t *_Nonnull, float, float *_Nonnull, ptrdiff_t);
    float (*_Nonnull squaredL2Half)(
        const float *_Nonnull, const uint16_t *_Nonnull, float, ptrdiff_t);
    float (*_Nonnull innerProductHalf)(
        const float *_Nonnull, const uint16_t *_Nonnull, float, ptrdiff_t);
} KernelFunctions;

/* Whether this processor, and the operating system that saves its registers, has all that a level
 * may use. The compiler may use any instruction of the level it compiles for, so the question is
 * about the whole level and not only about the instructions the kernels ask for by name. */
#if defined(__x86_64__)

/* The bits of XCR0: which registers the operating system saves when it switches tasks. Only to be
 * asked where CPUID says OSXSAVE; elsewhere the instruction is undefined. */
static inline uint64_t kernels_saved_registers(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static inline bool kernels_has_avx2_level(void)
{
    const uint32_t leaf1 = bit_SSE3 | bit_SSSE3 | bit_SSE41 | bit_SSE42 | bit_POPCNT | bit_MOVBE |
                           bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C;
    const uint32_t leaf7 = bit_BMI | bit_AVX2 | bit_BMI2;
    const uint64_t saved = 0x6; /* xmm, ymm */
    uint32_t a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & leaf1) != leaf1)
        return false;
    if ((kernels_saved_registers() & saved) != saved)
        return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & leaf7) != leaf7)
        return false;
    return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & bit_LZCNT) != 0;
}

static inline bool kernels_has_avx512_level(void)
{
    const uint32_t leaf7 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL | bit_AVX512CD;
    const uint64_t saved = 0xe6; /* xmm, ymm, mask registers, both parts of zmm */
    uint32_t a, b, c, d;

    if (!kernels_has_avx2_level() || (kernels_saved_registers() & saved) != saved)
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & leaf7) == leaf7;
}

#endif

/*
 * The highest instruction level to use, however new the processor: 0 is the baseline, 1 AVX2, 2 AVX-512, 3 no limit. For
 * developers, so that one machine tests what others run.
 */
static inline int kernels_level_limit(void)
{
    const char *name = getenv("PASE_INSTRUCTIONS");

    if (name == NULL)
        return 3;
    if (strcmp(name, "baseline") == 0)
        return 0;
    return strcmp(name, "avx2") == 0 ? 1 : strcmp(name, "avx512") == 0 ? 2 : 3;
}

/* What follows is inlined into its caller, which must be compiled for the same instructions. */
#if defined(__x86_64__)

typedef float kernels_float4 __attribute__((ext_vector_type(4)));
typedef float kernels_float8 __attribute__((ext_vector_type(8)));
typedef float kernels_float16 __attribute__((ext_vector_type(16)));

#define KERNELS_INLINE(features) \
    static inline __attribute__((always_inline, target(features)))

/* The lower half of a vector plus the upper. Swift's own `lowHalf` and `highHalf` take such wide
 * vectors apart lane by lane, and the optimiser does not find its way back: ten to thirty
 * instructions instead of two. */
KERNELS_INLINE("avx") kernels_float4 kernels_sum_of_halves8(kernels_float8 v)
{
    return v.lo + v.hi;
}

KERNELS_INLINE("avx512f") kernels_float8 kernels_sum_of_halves16(kernels_float16 v)
{
    return v.lo + v.hi;
}

/* Half-precision conversions in one instruction. A pointer here may have any alignment. */

KERNELS_INLINE("f16c") float kernels_widen1(const void *_Nonnull half)
{
    uint16_t bits;
    __builtin_memcpy(&bits, half, sizeof bits);
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits)));
}

KERNELS_INLINE("f16c") kernels_float4 kernels_widen4(const void *_Nonnull half)
{
    return (kernels_float4)_mm_cvtph_ps(_mm_loadl_epi64((const __m128i *)half));
}

KERNELS_INLINE("f16c,avx") kernels_float8 kernels_widen8(const void *_Nonnull half)
{
    return (kernels_float8)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)half));
}

KERNELS_INLINE("avx512f") kernels_float16 kernels_widen16(const void *_Nonnull half)
{
    return (kernels_float16)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)half));
}

/* Rounding is to nearest, ties to even, whatever the rounding mode of the thread. */
KERNELS_INLINE("f16c") void kernels_narrow1(float value, void *_Nonnull half)
{
    uint16_t bits = (uint16_t)_mm_cvtsi128_si32(_mm_cvtps_ph(_mm_set_ss(value), 0));
    __builtin_memcpy(half, &bits, sizeof bits);
}

KERNELS_INLINE("f16c") void kernels_narrow4(kernels_float4 values, void *_Nonnull half)
{
    _mm_storel_epi64((__m128i *)half, _mm_cvtps_ph((__m128)values, 0));
}

KERNELS_INLINE("f16c,avx") void kernels_narrow8(kernels_float8 values, void *_Nonnull half)
{
    _mm_storeu_si128((__m128i *)half, _mm256_cvtps_ph((__m256)values, 0));
}

KERNELS_INLINE("avx512f") void kernels_narrow16(kernels_float16 values, void *_Nonnull half)
{
    _mm256_storeu_si256((__m256i *)half, _mm512_cvtps_ph((__m512)values, 0));
}

#endif

#include "CodeKernels.h"

#endif
