/* Sixteen floats in a pair of AVX2 registers.
 * Included by vec.h alone. */

#ifndef NR_VEC_AVX2_H
#define NR_VEC_AVX2_H

#include <immintrin.h>

#include "base.h"

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

#endif
