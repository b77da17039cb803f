#ifndef CODEKERNELS_H
#define CODEKERNELS_H

/* What the kernels of vector codes share: the record that each set of them fills in, what passes
 * between them and their callers, and the instructions that Swift cannot name. Included by
 * CKernels.h. Swift's `VectorKernels.CodeKernelTable` documents the kernels. */

/* What is kept of an encoded vector beside its code; `NearestNeighbors.CodeFactors` explains it. */
typedef struct KernelCodeFactors {
    float squaredNorm;
    float scale;
    float error;
} KernelCodeFactors;

/* What is known of a quantised query q: q ~ scale * (its 8-bit components). */
typedef struct KernelQueryTerms {
    float scale;
    /* The sum of the 8-bit components. */
    int32_t sum;
    /* |q|^2, infinite where q has no quantised form. */
    float squaredNorm;
    /* |q - scale * (its 8-bit components)|^2 */
    float squaredRest;
} KernelQueryTerms;

/* The constants of an estimate; `NearestNeighbors.CodeQuery` explains them. */
typedef struct KernelEstimateTerms {
    float base;
    float normWeight;
    float dotScale;
    int32_t dotOffset;
    float errorScale;
    float normErrorRatio;
    float margin;
    float normMargin;
} KernelEstimateTerms;

/* One set of the kernels of codes. */
typedef struct CodeKernelFunctions {
    void (*_Nonnull rotate)(float *_Nonnull, ptrdiff_t, uint64_t);
    void (*_Nonnull encode1)(
        const float *_Nonnull, ptrdiff_t, uint8_t *_Nonnull, KernelCodeFactors *_Nonnull);
    void (*_Nonnull encode2)(
        const float *_Nonnull, ptrdiff_t, uint8_t *_Nonnull, KernelCodeFactors *_Nonnull);
    void (*_Nonnull encode4)(
        const float *_Nonnull, ptrdiff_t, uint8_t *_Nonnull, KernelCodeFactors *_Nonnull);
    void (*_Nonnull quantizeQuery)(
        const float *_Nonnull, ptrdiff_t, int8_t *_Nonnull, KernelQueryTerms *_Nonnull);
    void (*_Nonnull dots1)(
        const int8_t *_Nonnull, const uint8_t *_Nonnull, ptrdiff_t, ptrdiff_t, ptrdiff_t,
        int32_t *_Nonnull);
    void (*_Nonnull dots2)(
        const int8_t *_Nonnull, const uint8_t *_Nonnull, ptrdiff_t, ptrdiff_t, ptrdiff_t,
        int32_t *_Nonnull);
    void (*_Nonnull dots4)(
        const int8_t *_Nonnull, const uint8_t *_Nonnull, ptrdiff_t, ptrdiff_t, ptrdiff_t,
        int32_t *_Nonnull);
    int32_t (*_Nonnull dot8)(const int8_t *_Nonnull, const int8_t *_Nonnull, ptrdiff_t);
    void (*_Nonnull estimates)(
        const KernelEstimateTerms *_Nonnull, const int32_t *_Nonnull, const float *_Nonnull,
        const float *_Nonnull, ptrdiff_t, float *_Nonnull);
    void (*_Nonnull bounds)(
        const KernelEstimateTerms *_Nonnull, const int32_t *_Nonnull, const float *_Nonnull,
        const float *_Nonnull, const float *_Nonnull, ptrdiff_t, float *_Nonnull,
        float *_Nonnull);
} CodeKernelFunctions;

/* Vectors of sixteen elements, whatever the registers: what is added up in sixteen lanes comes out
 * the same at each instruction level, to the last bit. */
typedef float kernels_floats16 __attribute__((ext_vector_type(16)));
typedef int32_t kernels_ints16 __attribute__((ext_vector_type(16)));
typedef int16_t kernels_shorts16 __attribute__((ext_vector_type(16)));
typedef uint8_t kernels_bytes16 __attribute__((ext_vector_type(16)));
typedef int8_t kernels_chars16 __attribute__((ext_vector_type(16)));
typedef float kernels_floats4 __attribute__((ext_vector_type(4)));
typedef int32_t kernels_ints4 __attribute__((ext_vector_type(4)));

#define KERNELS_ANYWHERE static inline __attribute__((always_inline))

/* The sum of sixteen lanes, in a fixed order. */
KERNELS_ANYWHERE float kernels_sum16(kernels_floats16 v)
{
    __auto_type eight = v.lo + v.hi;
    __auto_type four = eight.lo + eight.hi;
    __auto_type two = four.lo + four.hi;
    return two.x + two.y;
}

KERNELS_ANYWHERE int32_t kernels_intsum16(kernels_ints16 v)
{
    return __builtin_reduce_add(v);
}

KERNELS_ANYWHERE int32_t kernels_max16(kernels_ints16 v)
{
    return __builtin_reduce_max(v);
}

KERNELS_ANYWHERE kernels_floats16 kernels_sqrt16(kernels_floats16 v)
{
    return __builtin_elementwise_sqrt(v);
}

KERNELS_ANYWHERE kernels_floats16 kernels_from_ints16(kernels_ints16 v)
{
    return __builtin_convertvector(v, kernels_floats16);
}

KERNELS_ANYWHERE float kernels_sqrt1(float x)
{
    return __builtin_elementwise_sqrt(x);
}

KERNELS_ANYWHERE kernels_floats16 kernels_from_bytes16(kernels_bytes16 v)
{
    return __builtin_convertvector(v, kernels_floats16);
}

/* Comparisons and conversions that Swift makes lane by lane. */

/* The values, but another one in the place of infinities and NaNs. */
KERNELS_ANYWHERE kernels_floats16 kernels_finite16(kernels_floats16 v, float other)
{
    kernels_ints16 useless = ((kernels_ints16)v & INT32_MAX) >= 0x7f800000;
    kernels_floats16 others = other;
    return (kernels_floats16)(((kernels_ints16)v & ~useless) | ((kernels_ints16)others & useless));
}

/* The values, none of them above the limit. */
KERNELS_ANYWHERE kernels_floats16 kernels_at_most16(kernels_floats16 v, float limit)
{
    kernels_floats16 limits = limit;
    kernels_ints16 above = v > limits;
    return (kernels_floats16)(((kernels_ints16)v & ~above) | ((kernels_ints16)limits & above));
}

/* The larger ones. */
KERNELS_ANYWHERE kernels_ints16 kernels_larger16(kernels_ints16 a, kernels_ints16 b)
{
    return __builtin_elementwise_max(a, b);
}

/* The components of a query that a code of single bits chooses. */
KERNELS_ANYWHERE kernels_chars16 kernels_chosen16(
    kernels_bytes16 bytes, kernels_bytes16 bits, kernels_chars16 query)
{
    return (kernels_chars16)((bytes & bits) == bits) & query;
}

KERNELS_ANYWHERE kernels_bytes16 kernels_low_bytes16(kernels_ints16 v)
{
    return __builtin_convertvector(v, kernels_bytes16);
}

KERNELS_ANYWHERE kernels_ints16 kernels_wide_shorts16(kernels_shorts16 v)
{
    return __builtin_convertvector(v, kernels_ints16);
}

KERNELS_ANYWHERE kernels_shorts16 kernels_wide_chars16(kernels_chars16 v)
{
    return __builtin_convertvector(v, kernels_shorts16);
}

KERNELS_ANYWHERE kernels_shorts16 kernels_products16(kernels_bytes16 codes, kernels_chars16 query)
{
    return __builtin_convertvector(codes, kernels_shorts16) *
           __builtin_convertvector(query, kernels_shorts16);
}

/* Four elements in the first of sixteen lanes, and repeated in the others, and back. */

KERNELS_ANYWHERE kernels_floats16 kernels_repeat4(kernels_floats4 v)
{
    return __builtin_shufflevector(v, v, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
}

KERNELS_ANYWHERE kernels_ints16 kernels_repeat_ints4(kernels_ints4 v)
{
    return __builtin_shufflevector(v, v, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
}

KERNELS_ANYWHERE kernels_floats4 kernels_first4(kernels_floats16 v)
{
    return __builtin_shufflevector(v, v, 0, 1, 2, 3);
}

/* The vector with the signs of those lanes changed whose bit is set. */
KERNELS_ANYWHERE kernels_floats16 kernels_flip16(kernels_floats16 v, uint16_t bits)
{
    const kernels_ints16 lanes = {
        1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
        1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
    kernels_ints16 chosen = ((kernels_ints16)(int32_t)bits & lanes) == lanes;
    return (kernels_floats16)((kernels_ints16)v ^ (chosen & INT32_MIN));
}

/* The Hadamard transform of sixteen lanes, not normalised. The products with 1 and -1 are exact, so
 * that it does not matter whether they are fused with the additions. */
KERNELS_ANYWHERE kernels_floats16 kernels_hadamard16(kernels_floats16 v)
{
    const kernels_floats16 signs1 = {1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1};
    const kernels_floats16 signs2 = {1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1};
    const kernels_floats16 signs4 = {1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1};
    const kernels_floats16 signs8 = {1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1};
    v = __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14) +
        v * signs1;
    v = __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13) +
        v * signs2;
    v = __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11) +
        v * signs4;
    return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7) +
           v * signs8;
}

/* Eight bytes from any address, twice. */
KERNELS_ANYWHERE kernels_bytes16 kernels_twice8(const void *_Nonnull address)
{
    uint64_t bytes;
    __builtin_memcpy(&bytes, address, sizeof bytes);
    typedef uint64_t pair __attribute__((ext_vector_type(2)));
    return (kernels_bytes16)(pair)bytes;
}

/* Codes times 8-bit queries: the layout is drawn at `NearestNeighbors.CodeLayout`. A pointer here
 * may have any alignment. */
#if defined(__x86_64__)

typedef int32_t kernels_ints8 __attribute__((ext_vector_type(8)));

/* The products of unsigned and signed bytes, added in pairs. */
KERNELS_INLINE("avx2") kernels_shorts16 kernels_pairs32(__m256i codes, const void *_Nonnull query)
{
    return (kernels_shorts16)_mm256_maddubs_epi16(codes, _mm256_loadu_si256(query));
}

/* The sums of pairs, wider. */
KERNELS_INLINE("avx2") kernels_ints8 kernels_widen_sums16(kernels_shorts16 v)
{
    return (kernels_ints8)_mm256_madd_epi16((__m256i)v, _mm256_set1_epi16(1));
}

/* The products of 64 signed bytes from -127 to 127, added in eights. The product of magnitudes, with the
 * sign of both on one side, has room in 16 bits: 2 * 127 * 127. */
KERNELS_INLINE("avx2")
kernels_ints8 kernels_char_products32(const void *_Nonnull one, const void *_Nonnull other)
{
    __m256i a = _mm256_loadu_si256(one), b = _mm256_loadu_si256(other);
    return kernels_widen_sums16(
        (kernels_shorts16)_mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a)));
}

/* The sum of each of four vectors. */
KERNELS_INLINE("avx2")
kernels_ints4 kernels_sums8(kernels_ints8 a, kernels_ints8 b, kernels_ints8 c, kernels_ints8 d)
{
    __m256i ab = _mm256_hadd_epi32((__m256i)a, (__m256i)b);
    __m256i cd = _mm256_hadd_epi32((__m256i)c, (__m256i)d);
    kernels_ints8 all = (kernels_ints8)_mm256_hadd_epi32(ab, cd);
    return all.lo + all.hi;
}

/* One block of a 4-bit code with 64 components of a query. */
KERNELS_INLINE("avx2")
kernels_shorts16 kernels_block4(const void *_Nonnull code, const void *_Nonnull query)
{
    __m256i bytes = _mm256_loadu_si256(code), mask = _mm256_set1_epi8(15);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), mask);
    return kernels_pairs32(_mm256_and_si256(bytes, mask), query) +
           kernels_pairs32(high, (const char *)query + 32);
}

/* One block of a 2-bit code with 64 components of a query. */
KERNELS_INLINE("avx2")
kernels_shorts16 kernels_block2(const void *_Nonnull code, const void *_Nonnull query)
{
    __m256i bytes = _mm256_broadcastsi128_si256(_mm_loadu_si128(code));
    __m256i mask = _mm256_set1_epi8(3);
    __m256i first = _mm256_srlv_epi64(bytes, _mm256_setr_epi64x(0, 0, 2, 2));
    __m256i last = _mm256_srlv_epi64(bytes, _mm256_setr_epi64x(4, 4, 6, 6));
    return kernels_pairs32(_mm256_and_si256(first, mask), query) +
           kernels_pairs32(_mm256_and_si256(last, mask), (const char *)query + 32);
}

/* The components of a query whose bit is set, added in pairs. */
KERNELS_INLINE("avx2")
kernels_shorts16 kernels_chosen32(__m256i bytes, __m256i bits, const void *_Nonnull query)
{
    __m256i chosen = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bits), bits);
    __m256i components = _mm256_and_si256(chosen, _mm256_loadu_si256(query));
    return (kernels_shorts16)_mm256_maddubs_epi16(_mm256_set1_epi8(1), components);
}

/* One block of a 1-bit code with 64 components of a query. */
KERNELS_INLINE("avx2")
kernels_shorts16 kernels_block1(const void *_Nonnull code, const void *_Nonnull query)
{
    const int64_t each = 0x0101010101010101;
    int64_t word;
    __builtin_memcpy(&word, code, sizeof word);
    __m256i bytes = _mm256_set1_epi64x(word);
    return kernels_chosen32(
               bytes, _mm256_setr_epi64x(each, each * 2, each * 4, each * 8), query) +
           kernels_chosen32(
               bytes,
               _mm256_setr_epi64x(
                   each * 16, each * 32, each * 64, (int64_t)0x8080808080808080u),
               (const char *)query + 32);
}

typedef int16_t kernels_shorts32 __attribute__((ext_vector_type(32)));

KERNELS_INLINE("avx512f,avx512bw")
kernels_shorts32 kernels_pairs64(__m512i codes, const void *_Nonnull query)
{
    return (kernels_shorts32)_mm512_maddubs_epi16(codes, _mm512_loadu_si512(query));
}

KERNELS_INLINE("avx512f,avx512bw") kernels_ints16 kernels_widen_sums32(kernels_shorts32 v)
{
    return (kernels_ints16)_mm512_madd_epi16((__m512i)v, _mm512_set1_epi16(1));
}

/* The products of 32 signed bytes, added in pairs. */
KERNELS_INLINE("avx512f,avx512bw")
kernels_ints16 kernels_wide_char_products32(const void *_Nonnull one, const void *_Nonnull other)
{
    return (kernels_ints16)_mm512_madd_epi16(
        _mm512_cvtepi8_epi16(_mm256_loadu_si256(one)),
        _mm512_cvtepi8_epi16(_mm256_loadu_si256(other)));
}

KERNELS_INLINE("avx2,avx512f") kernels_ints8 kernels_halves16(kernels_ints16 v)
{
    return v.lo + v.hi;
}

KERNELS_INLINE("avx2,avx512f,avx512bw")
kernels_shorts32 kernels_wide_block4(const void *_Nonnull code, const void *_Nonnull query)
{
    __m512i bytes = _mm512_broadcast_i64x4(_mm256_loadu_si256(code));
    __m512i fields = _mm512_srlv_epi64(bytes, _mm512_setr_epi64(0, 0, 0, 0, 4, 4, 4, 4));
    return kernels_pairs64(_mm512_and_si512(fields, _mm512_set1_epi8(15)), query);
}

KERNELS_INLINE("avx2,avx512f,avx512bw")
kernels_shorts32 kernels_wide_block2(const void *_Nonnull code, const void *_Nonnull query)
{
    __m512i bytes = _mm512_broadcast_i32x4(_mm_loadu_si128(code));
    __m512i fields = _mm512_srlv_epi64(bytes, _mm512_setr_epi64(0, 0, 2, 2, 4, 4, 6, 6));
    return kernels_pairs64(_mm512_and_si512(fields, _mm512_set1_epi8(3)), query);
}

KERNELS_INLINE("avx2,avx512f,avx512bw")
kernels_shorts32 kernels_wide_block1(const void *_Nonnull code, const void *_Nonnull query)
{
    const int64_t each = 0x0101010101010101;
    int64_t word;
    __builtin_memcpy(&word, code, sizeof word);
    __m512i bits = _mm512_setr_epi64(
        each, each * 2, each * 4, each * 8, each * 16, each * 32, each * 64,
        (int64_t)0x8080808080808080u);
    __mmask64 chosen = _mm512_test_epi8_mask(_mm512_set1_epi64(word), bits);
    return kernels_pairs64(_mm512_maskz_set1_epi8(chosen, 1), query);
}

#endif

#endif
