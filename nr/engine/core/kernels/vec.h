/* Sixteen floats at a time, for kernel.c, which is compiled once for each
 * instruction set.
 *
 * v16 is one AVX-512 register, a pair of AVX2 registers, four of WebAssembly's,
 * or what the compiler makes of sixteen floats. The number of lanes is the same
 * everywhere, v_sum folds them in one order, and v_fma rounds once, by itself
 * where the processor has no instruction for it: so all of them agree to the
 * last bit.
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

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include "kernels/vec_avx512.h"
#elif defined(__AVX2__) && defined(__FMA__)
#include "kernels/vec_avx2.h"
#elif defined(__wasm_simd128__)
#include "kernels/vec_wasm.h" /* with sums of its own */
#else
#include "kernels/vec_baseline.h"
#endif

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
#elif !defined(__wasm_simd128__)
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
