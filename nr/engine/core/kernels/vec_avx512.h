/* Sixteen floats in one register of AVX-512.
 * Included by vec.h alone. */

#ifndef NR_VEC_AVX512_H
#define NR_VEC_AVX512_H

#include <immintrin.h>

#include "base.h"

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

#endif
