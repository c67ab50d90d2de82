/* Sixteen floats in four registers of WebAssembly's.
 * Included by vec.h alone.
 *
 * WebAssembly has neither a mode that flushes denormal numbers nor, before its
 * relaxed instructions, a fused sum. So what is loaded, and what arithmetic gives,
 * is flushed here (float_mode.h); and a fused sum is that of doubles, narrowed,
 * where that is the same, as it nearly always is. */

#ifndef NR_VEC_WASM_H
#define NR_VEC_WASM_H

#include <float.h>
#include <string.h>
#include <wasm_simd128.h>

#include "base.h"

typedef struct v16 {
    v128_t q[4];
} v16;

/* 0 for a denormal number; the sign stays. */
INLINE v128_t v_flushed(v128_t a) {
    v128_t tiny = wasm_f32x4_lt(wasm_f32x4_abs(a), wasm_f32x4_splat(FLT_MIN));
    v128_t digits = wasm_i32x4_splat(0x7fffffff);
    return wasm_v128_andnot(a, wasm_v128_and(tiny, digits));
}

/* For each quarter i. Written out: a compiler that saves space leaves loops, and
 * then vectors lie in memory. */
#define V_QUARTER(number, ...)                                                \
    {                                                                         \
        enum { i = number };                                                  \
        __VA_ARGS__;                                                          \
    }
#define V_QUARTERS(...)                                                       \
    V_QUARTER(0, __VA_ARGS__)                                                 \
    V_QUARTER(1, __VA_ARGS__)                                                 \
    V_QUARTER(2, __VA_ARGS__)                                                 \
    V_QUARTER(3, __VA_ARGS__)
#define V_EACH(...)                                                           \
    v16 y;                                                                    \
    V_QUARTERS(y.q[i] = (__VA_ARGS__))                                        \
    return y

INLINE v16 v_load(const float *p) { V_EACH(v_flushed(wasm_v128_load(p + 4 * i))); }
INLINE void v_store(float *p, v16 a) {
    V_QUARTERS(wasm_v128_store(p + 4 * i, a.q[i]))
}
INLINE v16 v_set(float a) {
    v128_t q = v_flushed(wasm_f32x4_splat(a));
    V_EACH(q);
}
INLINE v16 v_add(v16 a, v16 b) {
    V_EACH(v_flushed(wasm_f32x4_add(a.q[i], b.q[i])));
}
INLINE v16 v_sub(v16 a, v16 b) {
    V_EACH(v_flushed(wasm_f32x4_sub(a.q[i], b.q[i])));
}
INLINE v16 v_mul(v16 a, v16 b) {
    V_EACH(v_flushed(wasm_f32x4_mul(a.q[i], b.q[i])));
}
INLINE v16 v_div(v16 a, v16 b) {
    V_EACH(v_flushed(wasm_f32x4_div(a.q[i], b.q[i])));
}

#define V_LAST(a) wasm_i32x4_shuffle(a, a, 2, 3, 2, 3)

#if defined(__wasm_relaxed_simd__)
/* Fused: who starts the core has tested that (js/src/core.js). */
INLINE v128_t v_fused(v128_t a, v128_t b, v128_t c) {
    return (v128_t)__builtin_wasm_fma_f32x4((__f32x4)a, (__f32x4)b, (__f32x4)c);
}
INLINE v128_t v_fma4(v128_t a, v128_t b, v128_t c) {
    return v_flushed(v_fused(a, b, c));
}
#else
/* a * b + c, rounded once and flushed: by rounding to odd, as the baseline does
 * it for sixteen at once (vec_baseline.h). */
static float v_fma_odd(float a, float b, float c) {
    double p = (double)a * (double)b, q = (double)c, sum = p + q, part = sum - p;
    double lost = (p - (sum - part)) + (q - part);
    int64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if ((lost > 0 || lost < 0) && !(bits & 1)) bits += (lost > 0) == (bits >= 0) ? 1 : -1;
    memcpy(&sum, &bits, sizeof sum);
    float y = (float)sum;
    return y < FLT_MIN && y > -FLT_MIN ? y * 0 : y;
}

NOINLINE v128_t v_fma_seldom(v128_t a, v128_t b, v128_t c) {
#define V_ODD(i)                                                              \
    v_fma_odd(wasm_f32x4_extract_lane(a, i), wasm_f32x4_extract_lane(b, i),   \
              wasm_f32x4_extract_lane(c, i))
    return wasm_f32x4_make(V_ODD(0), V_ODD(1), V_ODD(2), V_ODD(3));
#undef V_ODD
}

/* What a sum of doubles has lost is not 0. */
INLINE v128_t v_lossy(v128_t p, v128_t q, v128_t sum) {
    v128_t part = wasm_f64x2_sub(sum, p);
    v128_t lost = wasm_f64x2_sub(p, wasm_f64x2_sub(sum, part));
    lost = wasm_f64x2_add(lost, wasm_f64x2_sub(q, part));
    return wasm_f64x2_ne(lost, wasm_f64x2_splat(0));
}

/* Rounding twice, to a double and then to a float, is wrong only where the double
 * was rounded, and lies half way between two floats, or where these are denormal,
 * and then it is to be flushed, too. Not inlined, but for what is most of a
 * training's time (quad_wasm.h): the code would be three times as large. */
NOINLINE v128_t v_fma4(v128_t a, v128_t b, v128_t c) {
    v128_t p = wasm_f64x2_mul(wasm_f64x2_promote_low_f32x4(a),
                              wasm_f64x2_promote_low_f32x4(b));
    v128_t r = wasm_f64x2_mul(wasm_f64x2_promote_low_f32x4(V_LAST(a)),
                              wasm_f64x2_promote_low_f32x4(V_LAST(b)));
    v128_t q = wasm_f64x2_promote_low_f32x4(c);
    v128_t s = wasm_f64x2_promote_low_f32x4(V_LAST(c));
    v128_t low = wasm_f64x2_add(p, q), high = wasm_f64x2_add(r, s);
    v128_t tail = wasm_i32x4_shuffle(low, high, 0, 2, 4, 6);
    v128_t size = wasm_i32x4_shuffle(low, high, 1, 3, 5, 7);
    v128_t half = wasm_i32x4_eq(wasm_i32x4_shl(tail, 3), wasm_i32x4_splat(INT32_MIN));
    size = wasm_i32x4_sub(wasm_i32x4_shl(size, 1), wasm_i32x4_splat(1));
    v128_t small = wasm_u32x4_lt(size, wasm_i32x4_splat(0x70400000 - 1));
    if (__builtin_expect(wasm_v128_any_true(wasm_v128_or(half, small)), 0) &&
        wasm_v128_any_true(wasm_v128_or(
            small, wasm_v128_or(v_lossy(p, q, low), v_lossy(r, s, high)))))
        return v_fma_seldom(a, b, c);
    return wasm_i32x4_shuffle(wasm_f32x4_demote_f64x2_zero(low),
                              wasm_f32x4_demote_f64x2_zero(high), 0, 1, 4, 5);
}
#endif

INLINE v16 v_fma(v16 a, v16 b, v16 c) { V_EACH(v_fma4(a.q[i], b.q[i], c.q[i])); }
INLINE v16 v_negated(v16 a) { V_EACH(wasm_f32x4_neg(a.q[i])); }
INLINE v16 v_fms(v16 a, v16 b, v16 c) { return v_fma(a, b, v_negated(c)); }
INLINE v16 v_min(v16 a, v16 b) { V_EACH(wasm_f32x4_pmin(b.q[i], a.q[i])); }
INLINE v16 v_max(v16 a, v16 b) { V_EACH(wasm_f32x4_pmax(b.q[i], a.q[i])); }
INLINE v16 v_sqrt(v16 a) { V_EACH(wasm_f32x4_sqrt(a.q[i])); }
INLINE v16 v_if_gt(v16 a, v16 b, v16 x, v16 y) {
    v16 z;
    V_QUARTERS(z.q[i] = wasm_v128_bitselect(x.q[i], y.q[i],
                                            wasm_f32x4_gt(a.q[i], b.q[i])))
    return z;
}
INLINE v16 v_if_eq(v16 a, v16 b, v16 x, v16 y) {
    v16 z;
    V_QUARTERS(z.q[i] = wasm_v128_bitselect(x.q[i], y.q[i],
                                            wasm_f32x4_eq(a.q[i], b.q[i])))
    return z;
}
INLINE v16 v_copysign(v16 a, v16 b) {
    v128_t digits = wasm_i32x4_splat(0x7fffffff);
    V_EACH(wasm_v128_bitselect(a.q[i], b.q[i], digits));
}
INLINE bool v_finite(v16 a) {
    v128_t zero = wasm_f32x4_splat(0), sum = zero;
    V_QUARTERS(sum = wasm_f32x4_add(sum, wasm_f32x4_mul(a.q[i], zero)))
    return !wasm_v128_any_true(wasm_f32x4_ne(sum, zero));
}
INLINE v16 v_lane(v16 a, size_t i) {
    float x[16];
    v_store(x, a);
    return v_set(x[i]);
}
INLINE v16 v_to_exponent(v16 a) { V_EACH(wasm_i32x4_shl(a.q[i], 23)); }
/* Four floats, of which the first n are there. */
INLINE v128_t v_load_some4(const float *p, size_t n) {
    if (n >= 4) return wasm_v128_load(p);
    if (n == 3) return wasm_v128_load32_lane(p + 2, wasm_v128_load64_zero(p), 2);
    if (n == 2) return wasm_v128_load64_zero(p);
    return n ? wasm_v128_load32_zero(p) : wasm_f32x4_splat(0);
}
INLINE void v_store_some4(float *p, v128_t a, size_t n) {
    if (n >= 4) wasm_v128_store(p, a);
    else if (n >= 2) wasm_v128_store64_lane(p, a, 0);
    if (n == 3) wasm_v128_store32_lane(p + 2, a, 2);
    if (n == 1) wasm_v128_store32_lane(p, a, 0);
}
NOINLINE v16 v_load_some(const float *p, size_t n) {
    v16 y;
    for (size_t i = 0; i < 4; i++, p += 4, n -= n < 4 ? n : 4)
        y.q[i] = v_flushed(v_load_some4(p, n));
    return y;
}
NOINLINE void v_store_some(float *p, v16 a, size_t n) {
    for (size_t i = 0; i < 4; i++, p += 4, n -= n < 4 ? n : 4)
        v_store_some4(p, a.q[i], n);
}
/* Eight numbers, twice, and half a vector. */
INLINE v16 v_twice(const float *p) {
    v128_t low = v_flushed(wasm_v128_load(p)), high = v_flushed(wasm_v128_load(p + 4));
    return (v16){{low, high, low, high}};
}
INLINE void v_store_half(float *p, v16 a) {
    wasm_v128_store(p, a.q[0]), wasm_v128_store(p + 4, a.q[1]);
}
INLINE v16 v_split(v16 a, v16 *e) {
    for (int i = 0; i < 4; i++) {
        v128_t exponent = wasm_u32x4_shr(a.q[i], 23);
        exponent = wasm_i32x4_sub(exponent, wasm_i32x4_splat(127));
        e->q[i] = wasm_f32x4_convert_i32x4(exponent);
    }
    v128_t digits = wasm_i32x4_splat(0x007fffff);
    V_EACH(wasm_v128_bitselect(a.q[i], wasm_i32x4_splat(0x3f800000), digits));
}

/* Lanes j and j + 8, j and j + 4, j and j + 2, then the last two, as everywhere. */
INLINE float v_sum(v16 a) {
    v128_t h = v_flushed(wasm_f32x4_add(a.q[0], a.q[2]));
    h = v_flushed(wasm_f32x4_add(h, v_flushed(wasm_f32x4_add(a.q[1], a.q[3]))));
    h = v_flushed(wasm_f32x4_add(h, V_LAST(h)));
    h = v_flushed(wasm_f32x4_add(h, wasm_i32x4_shuffle(h, h, 1, 1, 1, 1)));
    return wasm_f32x4_extract_lane(h, 0);
}
INLINE void v_add_sums(float *to, v16 a, v16 b, v16 c, v16 d) {
    v128_t sums = wasm_f32x4_make(v_sum(a), v_sum(b), v_sum(c), v_sum(d));
    sums = wasm_f32x4_add(v_flushed(wasm_v128_load(to)), sums);
    wasm_v128_store(to, v_flushed(sums));
}

#endif
