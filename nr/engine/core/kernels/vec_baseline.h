/* Sixteen floats as the compiler has them, on any processor.
 * Included by vec.h alone. */

#ifndef NR_VEC_BASELINE_H
#define NR_VEC_BASELINE_H

#include <math.h>
#include <string.h>

#include "base.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

#endif
