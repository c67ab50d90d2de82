/* Four floats as chains of fused sums take them, in WebAssembly.
 * Included by vec.h alone, after vec_wasm.h.
 *
 * v_fma rounds and flushes each sum as if it stood alone. Most do not: a layer's
 * sums, and an activation's polynomial, are chains, in which numbers can stay as
 * doubles that hold floats, and in which somebody knows beforehand that nothing
 * denormal comes up (sums_wasm.h), or that it does not matter (V_OF_CHAIN). What is
 * left to be seen is that a sum was rounded twice: `ties` remembers it, and who
 * finds it at the chain's end computes the chain again, by v_fma4. With relaxed SIMD
 * the floats are a vector, and the sum an instruction. */

#ifndef NR_CHAIN_WASM_H
#define NR_CHAIN_WASM_H

#include "kernels/vec_wasm.h"

#if defined(__wasm_relaxed_simd__)

typedef v128_t chain;

INLINE chain c_of(v128_t a) { return a; }
INLINE v128_t c_floats(chain a) { return a; }
INLINE chain c_all(const float *p) { return wasm_v128_load32_splat(p); }
INLINE chain c_load(const float *p) { return wasm_v128_load(p); }
INLINE chain c_set(float a) { return wasm_f32x4_splat(a); }
INLINE chain c_mul(chain a, chain b) { return wasm_f32x4_mul(a, b); }
INLINE chain c_add(chain a, chain b) { return wasm_f32x4_add(a, b); }
INLINE chain c_sub(chain a, chain b) { return wasm_f32x4_sub(a, b); }
INLINE chain c_negated(chain a) { return wasm_f32x4_neg(a); }
INLINE chain c_min(chain a, chain b) { return wasm_f32x4_pmin(b, a); }
INLINE chain c_max(chain a, chain b) { return wasm_f32x4_pmax(b, a); }
INLINE chain c_fma(chain a, chain b, chain c, v128_t *ties) {
    (void)ties;
    return v_fused(a, b, c);
}
INLINE chain c_near(chain a, chain b, chain c) { return v_fused(a, b, c); }
INLINE chain c_exact(chain a, chain b, chain c) { return v_fused(a, b, c); }
INLINE chain c_whole(chain a, chain b, chain c) { return v_fused(a, b, c); }
INLINE chain c_minus(chain a, chain b) { return wasm_f32x4_sub(a, b); }
INLINE chain c_times(chain a, chain b) { return wasm_f32x4_mul(a, b); }
INLINE chain c_abs(chain a) { return wasm_f32x4_abs(a); }
INLINE chain c_to_exponent(chain a) { return wasm_i32x4_shl(a, 23); }

#else

#define C_DOUBLES 1
typedef struct chain {
    v128_t low, high; /* two doubles each */
} chain;

INLINE chain c_of(v128_t a) {
    return (chain){wasm_f64x2_promote_low_f32x4(a),
                  wasm_f64x2_promote_low_f32x4(V_LAST(a))};
}
INLINE v128_t c_floats(chain a) {
    return wasm_i32x4_shuffle(wasm_f32x4_demote_f64x2_zero(a.low),
                              wasm_f32x4_demote_f64x2_zero(a.high), 0, 1, 4, 5);
}
INLINE chain c_all(const float *p) {
    v128_t a = wasm_f64x2_splat(*p);
    return (chain){a, a};
}
INLINE chain c_set(float a) { return c_all(&a); }
INLINE chain c_load(const float *p) {
    return (chain){wasm_f64x2_promote_low_f32x4(wasm_v128_load64_zero(p)),
                  wasm_f64x2_promote_low_f32x4(wasm_v128_load64_zero(p + 2))};
}
/* The compiler would take the two for a matter of scalars, and each number by itself out
 * of its vector and back, were the floats not hidden from it. */
INLINE v128_t c_half_rounded(v128_t a) {
    v128_t floats = wasm_f32x4_demote_f64x2_zero(a);
    __asm__("" : "+r"(floats));
    return wasm_f64x2_promote_low_f32x4(floats);
}
INLINE chain c_rounded(v128_t low, v128_t high) {
    return (chain){c_half_rounded(low), c_half_rounded(high)};
}
/* To round twice is harmless for these: doubles have more than twice as many
 * digits as floats. */
INLINE chain c_mul(chain a, chain b) {
    return c_rounded(wasm_f64x2_mul(a.low, b.low), wasm_f64x2_mul(a.high, b.high));
}
INLINE chain c_add(chain a, chain b) {
    return c_rounded(wasm_f64x2_add(a.low, b.low), wasm_f64x2_add(a.high, b.high));
}
/* What are floats without being rounded. */
INLINE chain c_whole(chain a, chain b, chain c) {
    return (chain){wasm_f64x2_add(wasm_f64x2_mul(a.low, b.low), c.low),
                   wasm_f64x2_add(wasm_f64x2_mul(a.high, b.high), c.high)};
}
INLINE chain c_minus(chain a, chain b) {
    return (chain){wasm_f64x2_sub(a.low, b.low), wasm_f64x2_sub(a.high, b.high)};
}
INLINE chain c_times(chain a, chain b) {
    return (chain){wasm_f64x2_mul(a.low, b.low), wasm_f64x2_mul(a.high, b.high)};
}
/* Where doubles hold the sum; or a factor is a power of 2, and the sum as harmless as
 * c_add. */
INLINE chain c_exact(chain a, chain b, chain c) {
    chain sum = c_whole(a, b, c);
    return c_rounded(sum.low, sum.high);
}
INLINE chain c_sub(chain a, chain b) {
    return c_rounded(wasm_f64x2_sub(a.low, b.low), wasm_f64x2_sub(a.high, b.high));
}
INLINE chain c_negated(chain a) {
    return (chain){wasm_f64x2_neg(a.low), wasm_f64x2_neg(a.high)};
}
INLINE chain c_min(chain a, chain b) {
    return (chain){wasm_f64x2_pmin(b.low, a.low), wasm_f64x2_pmin(b.high, a.high)};
}
INLINE chain c_max(chain a, chain b) {
    return (chain){wasm_f64x2_pmax(b.low, a.low), wasm_f64x2_pmax(b.high, a.high)};
}
/* Rounded as integers are, by half of the last place that stays, since what else is in
 * a double follows its digits. The lowest of ties becomes 0 where that was half way:
 * where none of the 29 digits that go is left. */
INLINE v128_t c_half_away(v128_t a) {
    return wasm_i64x2_add(a, wasm_i64x2_splat(0x10000000));
}
INLINE v128_t c_half_cut(v128_t a) {
    return wasm_v128_and(a, wasm_i64x2_splat(~0x1fffffffLL));
}
INLINE chain c_halves_away(chain a) {
    return (chain){c_half_away(a.low), c_half_away(a.high)};
}
INLINE chain c_halves_cut(chain a) {
    return (chain){c_half_cut(a.low), c_half_cut(a.high)};
}
INLINE chain c_near(chain a, chain b, chain c) {
    return c_halves_cut(c_halves_away(c_whole(a, b, c)));
}
INLINE chain c_fma(chain a, chain b, chain c, v128_t *ties) {
    chain sum = c_halves_away(c_whole(a, b, c));
    v128_t tail = wasm_i32x4_shuffle(sum.low, sum.high, 0, 2, 4, 6);
    *ties = wasm_u32x4_min(*ties, wasm_i32x4_shl(tail, 3));
    return c_halves_cut(sum);
}
INLINE chain c_abs(chain a) {
    return (chain){wasm_f64x2_abs(a.low), wasm_f64x2_abs(a.high)};
}
/* As where floats are added (vec.h): doubles hold the product, and the sum is rounded
 * to a whole number at once. */
INLINE chain c_power(chain x, const float factor, chain *power) {
    const v128_t by = wasm_f64x2_splat(factor);
    const v128_t large = wasm_f64x2_splat(0x1.8p52 + 1023);
    v128_t low = wasm_f64x2_add(wasm_f64x2_mul(x.low, by), large);
    v128_t high = wasm_f64x2_add(wasm_f64x2_mul(x.high, by), large);
    *power = (chain){wasm_i64x2_shl(low, 52), wasm_i64x2_shl(high, 52)};
    return (chain){wasm_f64x2_sub(low, large), wasm_f64x2_sub(high, large)};
}
#endif

INLINE chain c_near_less(chain a, chain b, chain c) {
    return c_near(a, b, c_negated(c));
}
INLINE chain c_div(chain a, chain b) {
    return c_of(wasm_f32x4_div(c_floats(a), c_floats(b)));
}
INLINE chain c_copysign(chain a, chain b) {
    v128_t digits = wasm_i32x4_splat(0x7fffffff);
    return c_of(wasm_v128_bitselect(c_floats(a), c_floats(b), digits));
}
INLINE bool c_tied(v128_t ties) {
    return !wasm_i32x4_all_true(ties);
}

/* A function of vectors from one of chains. Between its sums nothing is flushed: what
 * is denormal there changes no float that comes after it, which was tried, too. */
#define V_OF_CHAIN(name, of)                                                  \
    NOINLINE v16 name(v16 x) {                                                \
        v16 y;                                                                \
        for (int i = 0; i < 4; i++)                                           \
            y.q[i] = v_flushed(c_floats(of(c_of(x.q[i]))));                   \
        return y;                                                             \
    }

#endif
