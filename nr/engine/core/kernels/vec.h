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

#if !defined(__wasm_simd128__)
#define v_again v_load /* of what was stored, and flushed then */
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

/* Terms of a polynomial. In WebAssembly these are four numbers (chain_wasm.h); elsewhere
 * they are vectors as all others. c_near is c_fma where it does not matter to which side
 * a number half way is rounded, which was tried with all floats that there are
 * (tests/c/all_floats.c); c_exact is it where doubles hold the sum, or where a factor is
 * a power of 2; c_whole, c_minus and c_times are for what needs no rounding at all. */
#if defined(__wasm_simd128__)
#include "kernels/chain_wasm.h"
#else
typedef v16 chain;
#define c_near v_fma
#define c_near_less v_fms
#define c_exact v_fma
#define c_whole v_fma
#define c_minus v_sub
#define c_times v_mul
#define c_set v_set
#define c_add v_add
#define c_sub v_sub
#define c_mul v_mul
#define c_div v_div
#define c_min v_min
#define c_max v_max
#define c_abs(x) v_copysign(x, v_set(0))
#define c_copysign v_copysign
#define c_to_exponent v_to_exponent
#endif

#if !defined(C_DOUBLES)
/* The whole number next to x * factor, by the addition of a number so large that a
 * float's last place is 1 there; and 2 to its power, whose exponent are the last bits,
 * since 127 more are added. */
INLINE chain c_power(chain x, const float factor, chain *power) {
    const chain large = c_set(12582912.0f + 127); /* 1.5 * 2^23 */
    chain bits = c_near(x, c_set(factor), large);
    *power = c_to_exponent(bits);
    return c_minus(bits, large);
}
#endif

/* e^x = 2^n e^r with |r| <= ln 2 / 2; the polynomial for (e^r - 1 - r) / r^2
 * is of degree 4, by minimax; error below 1e-7, relative. Its terms in pairs
 * and not one by one: a single row waits for this chain. Gives e^r - 1 and
 * 2^n, of x or (sign -1) of -x, which costs nothing here. The exponent must lie
 * in [-87.3, 88.3]. */
INLINE chain c_exp_parts(chain x, const float sign, chain *scale) {
    chain n = c_power(x, sign * 1.44269504088896341f, scale);
    chain r = c_whole(n, c_set(sign * -0.693359375f), x);
    r = c_exact(n, c_set(sign * 2.12194440e-4f), r);
    chain r2 = c_mul(r, r);
    chain a = c_near(c_set(sign * 8.368745446e-3f), r, c_set(4.166838899e-2f));
    chain b = c_near(c_set(sign * 1.666652113e-1f), r, c_set(4.999999404e-1f));
    a = c_near(c_set(1.381454058e-3f), r2, a);
    b = sign > 0 ? c_near(b, r2, r) : c_near_less(b, r2, r);
    return c_near(a, c_mul(r2, r2), b);
}

INLINE chain c_exp(chain x) {
    chain scale, p;
    x = c_min(c_max(x, c_set(-87.3f)), c_set(88.0f));
    p = c_exp_parts(x, 1, &scale);
    return c_exact(p, scale, scale);
}

INLINE chain c_sigmoid(chain x) {
    const chain one = c_set(1);
    chain scale, p;
    x = c_max(c_min(x, c_set(87.3f)), c_set(-88.0f));
    p = c_exp_parts(x, -1, &scale);
    return c_div(one, c_exact(p, scale, c_add(scale, one)));
}

/* By e^(-2|x|) - 1, which loses nothing near 0: -t / (2 + t). */
INLINE chain c_tanh(chain x) {
    chain scale, t, y;
    y = c_max(c_times(c_abs(x), c_set(-2)), c_set(-87.3f));
    t = c_exp_parts(y, 1, &scale);
    t = c_exact(t, scale, c_sub(scale, c_set(1)));
    return c_copysign(c_div(t, c_add(c_set(2), t)), x);
}

#if defined(__wasm_simd128__)
V_OF_CHAIN(v_exp, c_exp)
V_OF_CHAIN(v_sigmoid, c_sigmoid)
V_OF_CHAIN(v_tanh, c_tanh)
#else
INLINE v16 v_exp(v16 x) { return c_exp(x); }
INLINE v16 v_sigmoid(v16 x) { return c_sigmoid(x); }
INLINE v16 v_tanh(v16 x) { return c_tanh(x); }
#endif

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
