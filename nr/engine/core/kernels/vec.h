/* Sixteen floats at a time, for kernel.c, which is compiled once for each
 * instruction set.
 *
 * v16 is one AVX-512 register, a pair of AVX2 registers, or what the compiler
 * makes of sixteen floats. The number of lanes is the same everywhere, v_sum
 * folds them in one order, and v_fma rounds once, by itself where the processor
 * has no instruction for it: so all of them agree to the last bit.
 *
 * Intrinsics and not only the compiler's vector type: whether a multiplication
 * and an addition fuse must be the source's decision. */

#ifndef NR_VEC_H
#define NR_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__) /* ================ AVX-512 */

typedef __m512 v16;

INLINE v16 v_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void v_store(float *p, v16 a) { _mm512_storeu_ps(p, a); }
INLINE v16 v_set(float a) { return _mm512_set1_ps(a); }
INLINE v16 v_add(v16 a, v16 b) { return _mm512_add_ps(a, b); }
INLINE v16 v_sub(v16 a, v16 b) { return _mm512_sub_ps(a, b); }
INLINE v16 v_mul(v16 a, v16 b) { return _mm512_mul_ps(a, b); }
INLINE v16 v_div(v16 a, v16 b) { return _mm512_div_ps(a, b); }
INLINE v16 v_fma(v16 a, v16 b, v16 c) { return _mm512_fmadd_ps(a, b, c); }
INLINE v16 v_fms(v16 a, v16 b, v16 c) { return _mm512_fmsub_ps(a, b, c); }
INLINE v16 v_min(v16 a, v16 b) { return _mm512_min_ps(a, b); }
INLINE v16 v_max(v16 a, v16 b) { return _mm512_max_ps(a, b); }
INLINE v16 v_sqrt(v16 a) { return _mm512_sqrt_ps(a); }
/* a > b ? x : y, lane by lane; so the next. */
INLINE v16 v_if_gt(v16 a, v16 b, v16 x, v16 y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), y, x);
}
INLINE v16 v_if_eq(v16 a, v16 b, v16 x, v16 y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ), y, x);
}
/* The magnitude of a with the sign of b. */
INLINE v16 v_copysign(v16 a, v16 b) {
    const v16 sign = v_set(-0.0f);
    return _mm512_or_ps(_mm512_andnot_ps(sign, a), _mm512_and_ps(sign, b));
}
/* Is no lane NaN or an infinity? */
INLINE bool v_finite(v16 a) {
    return _mm512_fpclass_ps_mask(a, 0x99) == 0;
}
/* All lanes as the i-th. */
INLINE v16 v_lane(v16 a, size_t i) {
    return _mm512_permutexvar_ps(_mm512_set1_epi32((int)i), a);
}
/* The bits of a shifted to where a float has its exponent. */
INLINE v16 v_to_exponent(v16 a) {
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_castps_si512(a), 23));
}
/* The first n < 16 of them; a load's others are 0. */
INLINE v16 v_load_some(const float *p, size_t n) {
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
INLINE void v_store_some(float *p, v16 a, size_t n) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), a);
}
/* The m of a = m 2^e, from 1 to 2, a a normal number above 0. */
INLINE v16 v_split(v16 a, v16 *e) {
    *e = _mm512_getexp_ps(a);
    return _mm512_getmant_ps(a, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
}

#elif defined(__AVX2__) && defined(__FMA__) /* ========================= AVX2 */

typedef struct v16 {
    __m256 a, b;
} v16;

INLINE v16 v_load(const float *p) {
    return (v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
INLINE void v_store(float *p, v16 a) {
    _mm256_storeu_ps(p, a.a);
    _mm256_storeu_ps(p + 8, a.b);
}
INLINE v16 v_set(float a) {
    return (v16){_mm256_set1_ps(a), _mm256_set1_ps(a)};
}
INLINE v16 v_add(v16 x, v16 y) {
    return (v16){_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
INLINE v16 v_sub(v16 x, v16 y) {
    return (v16){_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}
INLINE v16 v_mul(v16 x, v16 y) {
    return (v16){_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}
INLINE v16 v_div(v16 x, v16 y) {
    return (v16){_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)};
}
INLINE v16 v_fma(v16 x, v16 y, v16 z) {
    return (v16){_mm256_fmadd_ps(x.a, y.a, z.a),
                 _mm256_fmadd_ps(x.b, y.b, z.b)};
}
INLINE v16 v_fms(v16 x, v16 y, v16 z) {
    return (v16){_mm256_fmsub_ps(x.a, y.a, z.a),
                 _mm256_fmsub_ps(x.b, y.b, z.b)};
}
INLINE v16 v_min(v16 x, v16 y) {
    return (v16){_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)};
}
INLINE v16 v_max(v16 x, v16 y) {
    return (v16){_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)};
}
INLINE v16 v_sqrt(v16 x) {
    return (v16){_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)};
}
INLINE v16 v_if_gt(v16 a, v16 b, v16 x, v16 y) {
    return (v16){
        _mm256_blendv_ps(y.a, x.a, _mm256_cmp_ps(a.a, b.a, _CMP_GT_OQ)),
        _mm256_blendv_ps(y.b, x.b, _mm256_cmp_ps(a.b, b.b, _CMP_GT_OQ))};
}
INLINE v16 v_if_eq(v16 a, v16 b, v16 x, v16 y) {
    return (v16){
        _mm256_blendv_ps(y.a, x.a, _mm256_cmp_ps(a.a, b.a, _CMP_EQ_OQ)),
        _mm256_blendv_ps(y.b, x.b, _mm256_cmp_ps(a.b, b.b, _CMP_EQ_OQ))};
}
INLINE __m256 v_copysign8(__m256 a, __m256 b) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(sign, a), _mm256_and_ps(sign, b));
}
INLINE v16 v_copysign(v16 x, v16 y) {
    return (v16){v_copysign8(x.a, y.a), v_copysign8(x.b, y.b)};
}
INLINE bool v_finite(v16 x) {
    const __m256 zero = _mm256_setzero_ps();
    __m256 a = _mm256_mul_ps(x.a, zero), b = _mm256_mul_ps(x.b, zero);
    a = _mm256_cmp_ps(_mm256_add_ps(a, b), zero, _CMP_NEQ_UQ);
    return _mm256_movemask_ps(a) == 0;
}
INLINE v16 v_lane(v16 x, size_t i) {
    __m256 half = i < 8 ? x.a : x.b;
    half = _mm256_permutevar8x32_ps(half, _mm256_set1_epi32((int)i));
    return (v16){half, half};
}
INLINE __m256 v_to_exponent8(__m256 a) {
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_castps_si256(a), 23));
}
INLINE v16 v_to_exponent(v16 x) {
    return (v16){v_to_exponent8(x.a), v_to_exponent8(x.b)};
}
/* Ones in the first n lanes of eight. */
INLINE __m256i v_mask8(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE v16 v_load_some(const float *p, size_t n) {
    return (v16){_mm256_maskload_ps(p, v_mask8((int)n)),
                 _mm256_maskload_ps(p + 8, v_mask8((int)n - 8))};
}
INLINE void v_store_some(float *p, v16 x, size_t n) {
    _mm256_maskstore_ps(p, v_mask8((int)n), x.a);
    _mm256_maskstore_ps(p + 8, v_mask8((int)n - 8), x.b);
}
INLINE __m256 v_split8(__m256 a, __m256 *e) {
    __m256i bits = _mm256_castps_si256(a);
    *e = _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(bits, 23),
                                             _mm256_set1_epi32(127)));
    bits = _mm256_and_si256(bits, _mm256_set1_epi32(0x007fffff));
    return _mm256_castsi256_ps(
        _mm256_or_si256(bits, _mm256_set1_epi32(0x3f800000)));
}
INLINE v16 v_split(v16 x, v16 *e) {
    return (v16){v_split8(x.a, &e->a), v_split8(x.b, &e->b)};
}

#else /* ============================================================ baseline */

#include <math.h>

typedef float v16 __attribute__((vector_size(64)));
typedef int32_t i16 __attribute__((vector_size(64)));

INLINE v16 v_load(const float *p) {
    v16 a;
    memcpy(&a, p, sizeof a);
    return a;
}
INLINE void v_store(float *p, v16 a) { memcpy(p, &a, sizeof a); }
INLINE v16 v_set(float a) { return a - (v16){0}; }
INLINE v16 v_add(v16 a, v16 b) { return a + b; }
INLINE v16 v_sub(v16 a, v16 b) { return a - b; }
INLINE v16 v_mul(v16 a, v16 b) { return a * b; }
INLINE v16 v_div(v16 a, v16 b) { return a / b; }
#if defined(__FP_FAST_FMAF)
INLINE v16 v_fma(v16 a, v16 b, v16 c) {
    for (int i = 0; i < 16; i++) a[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return a;
}
#else
typedef double d16 __attribute__((vector_size(128)));
typedef int64_t l16 __attribute__((vector_size(128)));

/* Rounded once, without an instruction for it (Boldo and Melquiond, 2008). A
 * product of floats is exact in doubles; its sum with c is not, and narrowing
 * that would round twice. So the sum is rounded to odd: where digits were lost
 * (`lost` is what they were worth, exactly), of the two doubles next to it the
 * one whose last bit is 1, which narrows as all of the digits would. Those two
 * are next to each other as integers, too; further from 0 is one up. An infinite
 * sum lost NaN, which is neither above 0 nor below, and stays. */
static inline v16 v_fma_odd(v16 a, v16 b, v16 c) {
    d16 p = __builtin_convertvector(a, d16) * __builtin_convertvector(b, d16);
    d16 q = __builtin_convertvector(c, d16), sum = p + q, part = sum - p;
    d16 lost = (p - (sum - part)) + (q - part);
    l16 bits = (l16)sum, up = (l16)(lost > 0), down = (l16)(lost < 0);
    l16 negative = bits >> 63; /* -1, as truths are */
    l16 away = (up & ~negative) | (down & negative); /* from 0 */
    l16 step = (away & 1) | ~away;                   /* 1 or -1 */
    bits += step & (up | down) & ((bits & 1) - 1);
    return __builtin_convertvector((d16)bits, v16);
}

#if defined(__SSE2__)
/* Rounding twice, to a double and then to a float, is wrong only where the double
 * lies half way between two floats, or these are denormal. That is seldom, and
 * cheaper to see than to avoid; *seldom gets bits where it is so. */
INLINE __m128 v_fma_twice(const float *a, const float *b, const float *c,
                          __m128i *seldom) {
    __m128 x = _mm_loadu_ps(a), y = _mm_loadu_ps(b), z = _mm_loadu_ps(c);
    __m128d low = _mm_mul_pd(_mm_cvtps_pd(x), _mm_cvtps_pd(y)), high;
    high = _mm_mul_pd(_mm_cvtps_pd(_mm_movehl_ps(x, x)),
                      _mm_cvtps_pd(_mm_movehl_ps(y, y)));
    low = _mm_add_pd(low, _mm_cvtps_pd(z));
    high = _mm_add_pd(high, _mm_cvtps_pd(_mm_movehl_ps(z, z)));
    __m128 first = _mm_castpd_ps(low), last = _mm_castpd_ps(high);
    __m128i tail = _mm_castps_si128(_mm_shuffle_ps(first, last, 0x88));
    __m128i size = _mm_castps_si128(_mm_shuffle_ps(first, last, 0xdd));
    size = _mm_and_si128(size, _mm_set1_epi32(0x7fffffff));
    tail = _mm_and_si128(tail, _mm_set1_epi32(0x1fffffff));
    __m128i half = _mm_cmpeq_epi32(tail, _mm_set1_epi32(0x10000000));
    __m128i small = _mm_cmplt_epi32(size, _mm_set1_epi32(0x38200000));
    small = _mm_and_si128(small, _mm_cmpgt_epi32(size, _mm_setzero_si128()));
    *seldom = _mm_or_si128(*seldom, _mm_or_si128(half, small));
    return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
}

static __attribute__((noinline)) void v_fma_seldom(float *to, const float *a,
                                                   const float *b,
                                                   const float *c) {
    v_store(to, v_fma_odd(v_load(a), v_load(b), v_load(c)));
}

INLINE v16 v_fma(v16 a, v16 b, v16 c) {
    float x[16], y[16], z[16], sum[16];
    __m128i seldom = _mm_setzero_si128();
    v_store(x, a), v_store(y, b), v_store(z, c);
    for (int i = 0; i < 16; i += 4)
        _mm_storeu_ps(sum + i, v_fma_twice(x + i, y + i, z + i, &seldom));
    if (_mm_movemask_epi8(seldom)) v_fma_seldom(sum, x, y, z);
    return v_load(sum);
}
#else
INLINE v16 v_fma(v16 a, v16 b, v16 c) { return v_fma_odd(a, b, c); }
#endif
#endif
INLINE v16 v_fms(v16 a, v16 b, v16 c) { return v_fma(a, b, -c); }
INLINE v16 v_pick(i16 mask, v16 x, v16 y) {
    return (v16)((mask & (i16)x) | (~mask & (i16)y));
}
INLINE v16 v_min(v16 a, v16 b) { return v_pick(a < b, a, b); }
INLINE v16 v_max(v16 a, v16 b) { return v_pick(a > b, a, b); }
INLINE v16 v_sqrt(v16 a) {
    for (int i = 0; i < 16; i++) a[i] = sqrtf(a[i]);
    return a;
}
INLINE v16 v_if_gt(v16 a, v16 b, v16 x, v16 y) { return v_pick(a > b, x, y); }
INLINE v16 v_if_eq(v16 a, v16 b, v16 x, v16 y) { return v_pick(a == b, x, y); }
INLINE v16 v_copysign(v16 a, v16 b) {
    const i16 sign = (i16)v_set(-0.0f);
    return (v16)((~sign & (i16)a) | (sign & (i16)b));
}
INLINE bool v_finite(v16 a) {
    float sum = 0;
    for (int i = 0; i < 16; i++) sum += a[i] * 0;
    return sum == 0;
}
INLINE v16 v_lane(v16 a, size_t i) { return v_set(a[i]); }
INLINE v16 v_to_exponent(v16 a) { return (v16)((i16)a << 23); }
INLINE v16 v_load_some(const float *p, size_t n) {
    v16 a = {0};
    memcpy(&a, p, n * sizeof *p);
    return a;
}
INLINE void v_store_some(float *p, v16 a, size_t n) {
    memcpy(p, &a, n * sizeof *p);
}
INLINE v16 v_split(v16 a, v16 *e) {
    i16 bits = (i16)a;
    *e = __builtin_convertvector((bits >> 23) - 127, v16);
    return (v16)((bits & 0x007fffff) | 0x3f800000);
}

#endif /* ====================================================== all of them */

#if defined(__AVX2__) && defined(__FMA__)
INLINE __m128 v_quarter(v16 x) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    __m256 h = _mm256_add_ps(_mm512_castps512_ps256(x),
                             _mm512_extractf32x8_ps(x, 1));
#else
    __m256 h = _mm256_add_ps(x.a, x.b);
#endif
    return _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
}
/* Lanes j and j + 8, j and j + 4, j and j + 2, then the last two. */
INLINE float v_sum(v16 x) {
    __m128 q = v_quarter(x);
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
/* to[j] += v_sum of the j-th, in the same order. */
INLINE void v_add_sums(float *to, v16 a, v16 b, v16 c, v16 d) {
    __m128 qa = v_quarter(a), qb = v_quarter(b);
    __m128 qc = v_quarter(c), qd = v_quarter(d);
    __m128 ab = _mm_add_ps(_mm_unpacklo_ps(qa, qb), _mm_unpackhi_ps(qa, qb));
    __m128 cd = _mm_add_ps(_mm_unpacklo_ps(qc, qd), _mm_unpackhi_ps(qc, qd));
    __m128 sums = _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab));
    _mm_storeu_ps(to, _mm_add_ps(_mm_loadu_ps(to), sums));
}
#if defined(__AVX512F__) && defined(__AVX512DQ__)
/* The sums of quarters, a 128-bit lane each. */
INLINE v16 v_quarters(const v16 *x, size_t step) {
    v16 half[2];
    for (int i = 0; i < 2; i++, x += 2 * step)
        half[i] = v_add(_mm512_shuffle_f32x4(x[0], x[step], 0x44),
                        _mm512_shuffle_f32x4(x[0], x[step], 0xee));
    return v_add(_mm512_shuffle_f32x4(half[0], half[1], 0x88),
                 _mm512_shuffle_f32x4(half[0], half[1], 0xdd));
}
/* v_add_sums for four rows of four, `step` apart: a third of the work. */
INLINE void v_add_sums4(float *to, size_t step, v16 (*x)[4]) {
    v16 q[4], pair[2];
    for (size_t o = 0; o < 4; o++) q[o] = v_quarters(&x[0][o], 4);
    for (int i = 0; i < 2; i++)
        pair[i] = v_add(_mm512_shuffle_ps(q[2 * i], q[2 * i + 1], 0x44),
                        _mm512_shuffle_ps(q[2 * i], q[2 * i + 1], 0xee));
    v16 sums = v_add(_mm512_shuffle_ps(pair[0], pair[1], 0x88),
                     _mm512_shuffle_ps(pair[0], pair[1], 0xdd));
#define ROW(i)                                                                \
    _mm_storeu_ps(to + i * step,                                              \
                  _mm_add_ps(_mm_loadu_ps(to + i * step),                     \
                             _mm512_extractf32x4_ps(sums, i)));
    ROW(0) ROW(1) ROW(2) ROW(3)
#undef ROW
}
#endif
#else
INLINE float v_sum(v16 a) {
    float h[8];
    for (int i = 0; i < 8; i++) h[i] = a[i] + a[i + 8];
    for (int i = 0; i < 4; i++) h[i] += h[i + 4];
    return (h[0] + h[2]) + (h[1] + h[3]);
}
INLINE void v_add_sums(float *to, v16 a, v16 b, v16 c, v16 d) {
    to[0] += v_sum(a);
    to[1] += v_sum(b);
    to[2] += v_sum(c);
    to[3] += v_sum(d);
}
#endif

INLINE v16 v_abs(v16 a) { return v_copysign(a, v_set(0)); }

/* -1, 0 or 1; 0 of NaN, whose sign is not the same on all processors. */
INLINE v16 v_sign(v16 a) {
    const v16 zero = v_set(0);
    return v_if_gt(a, zero, v_set(1), v_if_gt(zero, a, v_set(-1), zero));
}

/* An input as the network takes it. Beyond the limit sums would overflow. */
#define NR_MOST_INPUT 1e30f
INLINE v16 v_taken(v16 x, v16 shift, v16 scale) {
    x = v_mul(v_sub(x, shift), scale);
    return v_min(v_max(x, v_set(-NR_MOST_INPUT)), v_set(NR_MOST_INPUT));
}

/* Ones in the first n lanes, zeros in the others. */
INLINE v16 v_first(size_t n) {
    static const float ones[32] = {1, 1, 1, 1, 1, 1, 1, 1,
                                   1, 1, 1, 1, 1, 1, 1, 1};
    return v_load(ones + 16 - (n < 16 ? n : 16));
}

/* e^x = 2^n e^r with |r| <= ln 2 / 2; the polynomial for (e^r - 1 - r) / r^2
 * is of degree 4, by minimax; error below 1e-7, relative. Its terms in pairs
 * and not one by one: a single row waits for this chain. Gives e^r - 1 and
 * 2^n, of x or (sign -1) of -x, which costs nothing here. The exponent must lie
 * in [-87.3, 88.3].
 *
 * n comes from the addition of a number so large that a float's last place is
 * 1 there; with 127 more, its last bits are the exponent of 2^n. */
INLINE v16 v_exp_parts(v16 x, const float sign, v16 *scale) {
    const v16 large = v_set(12582912.0f + 127); /* 1.5 * 2^23 */
    v16 bits = v_fma(x, v_set(sign * 1.44269504088896341f), large);
    v16 n = v_sub(bits, large);
    v16 r = v_fma(n, v_set(sign * -0.693359375f), x);
    r = v_fma(n, v_set(sign * 2.12194440e-4f), r);
    v16 r2 = v_mul(r, r);
    v16 a = v_fma(v_set(sign * 8.368745446e-3f), r, v_set(4.166838899e-2f));
    v16 b = v_fma(v_set(sign * 1.666652113e-1f), r, v_set(4.999999404e-1f));
    a = v_fma(v_set(1.381454058e-3f), r2, a);
    *scale = v_to_exponent(bits);
    b = sign > 0 ? v_fma(b, r2, r) : v_fms(b, r2, r);
    return v_fma(a, v_mul(r2, r2), b);
}

INLINE v16 v_exp(v16 x) {
    v16 scale, p;
    x = v_min(v_max(x, v_set(-87.3f)), v_set(88.0f));
    p = v_exp_parts(x, 1, &scale);
    return v_fma(scale, p, scale);
}

INLINE v16 v_sigmoid(v16 x) {
    const v16 one = v_set(1);
    v16 scale, p;
    x = v_max(v_min(x, v_set(87.3f)), v_set(-88.0f));
    p = v_exp_parts(x, -1, &scale);
    return v_div(one, v_fma(scale, p, v_add(scale, one)));
}

/* By e^(-2|x|) - 1, which loses nothing near 0: -t / (2 + t). */
INLINE v16 v_tanh(v16 x) {
    v16 scale, t, y;
    y = v_max(v_mul(v_abs(x), v_set(-2)), v_set(-87.3f));
    t = v_exp_parts(y, 1, &scale);
    t = v_fma(scale, t, v_sub(scale, v_set(1)));
    return v_copysign(v_div(t, v_add(v_set(2), t)), x);
}

/* The natural logarithm of a normal number above 0 (Cephes' logf). */
INLINE v16 v_log(v16 x) {
    const v16 one = v_set(1), root2 = v_set(1.41421356f);
    v16 e, m = v_split(x, &e);
    e = v_if_gt(m, root2, v_add(e, one), e);
    m = v_if_gt(m, root2, v_mul(m, v_set(0.5f)), m);
    v16 f = v_sub(m, one), z = v_mul(f, f), p = v_set(7.0376836292e-2f);
    p = v_fma(p, f, v_set(-1.1514610310e-1f));
    p = v_fma(p, f, v_set(1.1676998740e-1f));
    p = v_fma(p, f, v_set(-1.2420140846e-1f));
    p = v_fma(p, f, v_set(1.4249322787e-1f));
    p = v_fma(p, f, v_set(-1.6668057665e-1f));
    p = v_fma(p, f, v_set(2.0000714765e-1f));
    p = v_fma(p, f, v_set(-2.4999993993e-1f));
    p = v_fma(p, f, v_set(3.3333331174e-1f));
    v16 y = v_mul(v_mul(f, z), p);
    y = v_fma(e, v_set(-2.12194440e-4f), y);
    y = v_fma(z, v_set(-0.5f), y);
    return v_fma(e, v_set(0.693359375f), v_add(f, y));
}

#endif
