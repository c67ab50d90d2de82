/* Layers and weights' gradients in WebAssembly; a part of kernel.c, in the place of
 * its tiles.
 *
 * A sum of products cannot be denormal where all products are multiples of 2^-126,
 * and numbers tell by the smallest of them whether they are: one of 2^e is a
 * multiple of 2^(e - 23). So numbers are looked over once, and then summed by tiles
 * as chains (chain_wasm.h), which flush nothing, and round as floats do; where small
 * ones are among them, or a chain was tied, by v_fma4, one after the other. The sums
 * are the same, in the same order. */

#ifndef NR_SUMS_WASM_H
#define NR_SUMS_WASM_H

#include "kernels/kernel.h"
#include "kernels/vec.h"
#include "kernels/dense.h"

/* A tile: so many outputs (or pairs of units) by quarters of a vector; and how many
 * inputs stay in the first cache. */
#if defined(__wasm_relaxed_simd__)
enum { TILE_ROWS = 2, TILE_QUARTERS = 4, DOTS_IN = 2, DOTS_OUT = 2, DOTS_QUARTERS = 2 };
#else
enum { TILE_ROWS = 3, TILE_QUARTERS = 1, DOTS_IN = 1, DOTS_OUT = 3, DOTS_QUARTERS = 1 };
#endif
enum { DEPTH = 128, LEAST_SUM = 24, LEAST_PRODUCT = 174, MOST_PRODUCT = 376, MOST_SUM = 252 };

static inline size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* What JavaScript asks a build before it trusts it: whether a sum of products is
 * rounded once (js/src/builds.js). */
NR_API float nr_fused(float a, float b, float c) {
    v128_t sum = v_fma4(wasm_f32x4_splat(a), wasm_f32x4_splat(b), wasm_f32x4_splat(c));
    return wasm_f32x4_extract_lane(sum, 0);
}

/* Exponents, as floats have them, of the smallest number that is not 0 (255 of none)
 * and of the largest one. */
typedef struct range {
    uint32_t least, most;
} range;

/* Twice a float's bits, less 1, are as large as it is, but for 0, whose are largest. */
static range range_of(const float *p, size_t n, size_t rows, size_t step) {
    const v128_t one = wasm_i32x4_splat(1);
    v128_t small = wasm_i32x4_splat(-1), large = wasm_i32x4_splat(0);
    for (; rows; rows--, p += step)
        for (size_t i = 0; i < n; i += 4) {
            v128_t bits = i + 4 <= n ? wasm_v128_load(p + i) : v_load_some4(p + i, n - i);
            bits = wasm_i32x4_shl(bits, 1);
            large = wasm_u32x4_max(large, bits);
            small = wasm_u32x4_min(small, wasm_i32x4_sub(bits, one));
        }
    uint32_t least[4], most[4];
    wasm_v128_store(least, small), wasm_v128_store(most, large);
    for (int i = 1; i < 4; i++) {
        if (least[i] < least[0]) least[0] = least[i];
        if (most[i] > most[0]) most[0] = most[i];
    }
    return (range){least[0] >> 24, most[0] >> 24};
}
static range both_ranges(range a, range b) {
    return (range){a.least < b.least ? a.least : b.least, a.most > b.most ? a.most : b.most};
}

/* Whether sums of n products are plain: neither denormal nor infinite, whatever
 * comes of what on the way. */
static bool are_plain(range a, range b, size_t n) {
    uint32_t digits = 1;
    while (n >>= 1) digits++;
    return a.least + b.least >= LEAST_PRODUCT && a.most + b.most + digits <= MOST_PRODUCT;
}

/* ============================ Layers, both ways ========================== */

/* One output's sums of four samples, whatever the numbers are. */
NOINLINE void sum_each(float *out, const float *a, size_t step_k, const float *in,
                       const float *init, bool resume, size_t k) {
    v128_t sum = resume ? wasm_v128_load(out) : wasm_f32x4_splat(init ? *init : 0);
    sum = v_flushed(sum);
    for (; k; k--, a += step_k, in += NR_LANES)
        sum = v_fma4(v_flushed(wasm_v128_load32_splat(a)),
                     v_flushed(wasm_v128_load(in)), sum);
    wasm_v128_store(out, sum);
}

INLINE bool tile(float *out, const float *a, size_t step_m, size_t step_k,
                 const float *in, const float *init, bool resume, size_t k,
                 const int rows) {
    const float zero = 0;
    chain sum[TILE_ROWS][TILE_QUARTERS];
    v128_t ties = wasm_i32x4_splat(-1);
    for (int r = 0; r < rows; r++)
        for (int q = 0; q < TILE_QUARTERS; q++)
            sum[r][q] = resume ? c_load(out + r * NR_LANES + q * 4)
                               : c_all(init ? init + r : &zero);
    for (; k; k--, a += step_k, in += NR_LANES) {
        chain x[TILE_QUARTERS];
        for (int q = 0; q < TILE_QUARTERS; q++) x[q] = c_load(in + q * 4);
        for (int r = 0; r < rows; r++) {
            chain w = c_all(a + (size_t)r * step_m);
            for (int q = 0; q < TILE_QUARTERS; q++)
                sum[r][q] = c_fma(w, x[q], sum[r][q], &ties);
        }
    }
    if (c_tied(ties)) return false;
    for (int r = 0; r < rows; r++)
        for (int q = 0; q < TILE_QUARTERS; q++)
            wasm_v128_store(out + r * NR_LANES + q * 4, c_floats(sum[r][q]));
    return true;
}

/* `rows` outputs' sums of sixteen samples. */
static void tiles(float *out, const float *a, size_t step_m, size_t step_k,
                  const float *in, const float *init, bool resume, size_t k,
                  size_t rows, bool plain) {
    for (size_t q = 0; q < 16; q += 4 * TILE_QUARTERS) {
        bool done = false;
        switch (plain ? rows : 0) {
#define CASE(n)                                                               \
    case n:                                                                   \
        done = tile(out + q, a, step_m, step_k, in + q, init, resume, k, n);  \
        break;
            CASE(1) CASE(2)
#if !defined(__wasm_relaxed_simd__)
            CASE(3)
#endif
#undef CASE
        }
        for (size_t r = 0; !done && r < rows; r++)
            for (size_t v = q; v < q + 4 * TILE_QUARTERS; v += 4)
                sum_each(out + r * NR_LANES + v, a + r * step_m, step_k, in + v,
                         init ? init + r : NULL, resume, k);
    }
}

static void layer(float *out, const float *a, size_t step_m, size_t step_k,
                  const float *in, const float *init, size_t m, size_t k,
                  size_t nv) {
    range weights = step_m == 1 ? range_of(a, m, k, step_k) : range_of(a, k, m, step_m);
    bool plain = are_plain(weights, range_of(in, 16 * nv, k, NR_LANES), k);
    if (init) {
        range begin = range_of(init, m, 1, 0);
        plain = plain && begin.least >= LEAST_SUM && begin.most <= MOST_SUM;
    }
    for (size_t k0 = 0; k0 < k; k0 += DEPTH)
        for (size_t m0 = 0; m0 < m; m0 += TILE_ROWS)
            for (size_t v = 0; v < nv; v++)
                tiles(out + m0 * NR_LANES + v * 16, a + m0 * step_m + k0 * step_k,
                      step_m, step_k, in + k0 * NR_LANES + v * 16,
                      init ? init + m0 : NULL, k0 > 0, least(k - k0, DEPTH),
                      least(m - m0, TILE_ROWS), plain);
}

/* ============================ Weights' gradient ========================== */

/* Where the two operands of a gradient lie. */
typedef struct operands {
    const float *in, *delta;
    size_t in_step, delta_step, panels, nv, nv_last; /* nv: of all others */
    bool plain;
} operands;

static size_t lanes_of(const operands *x, size_t p) {
    return (p + 1 < x->panels ? x->nv : x->nv_last) * 16;
}

NOINLINE v16 dot_each(const operands *x, const float *in, const float *delta) {
    v16 sum = v_set(0);
    for (size_t p = 0; p < x->panels; p++, in += x->in_step, delta += x->delta_step)
        for (size_t l = 0; l < lanes_of(x, p); l += 16)
            sum = v_fma(v_load(in + l), v_load(delta + l), sum);
    return sum;
}

/* Of quarters q and those behind it. */
INLINE bool dots_some(v16 (*sums)[DOTS_OUT], const operands *x, size_t q,
                      const int ni, const int no) {
    chain sum[DOTS_IN][DOTS_OUT][DOTS_QUARTERS];
    const float *in = x->in + 4 * q, *delta = x->delta + 4 * q;
    v128_t ties = wasm_i32x4_splat(-1);
    for (int i = 0; i < ni; i++)
        for (int o = 0; o < no; o++)
            for (int v = 0; v < DOTS_QUARTERS; v++) sum[i][o][v] = c_set(0);
    for (size_t p = 0; p < x->panels; p++, in += x->in_step, delta += x->delta_step)
        for (size_t l = 0, lanes = lanes_of(x, p); l < lanes; l += 16)
            for (int v = 0; v < DOTS_QUARTERS; v++) {
                chain a[DOTS_IN];
                for (int i = 0; i < ni; i++) a[i] = c_load(in + i * NR_LANES + l + 4 * v);
                for (int o = 0; o < no; o++) {
                    chain d = c_load(delta + o * NR_LANES + l + 4 * v);
                    for (int i = 0; i < ni; i++)
                        sum[i][o][v] = c_fma(a[i], d, sum[i][o][v], &ties);
                }
            }
    for (int i = 0; i < ni; i++)
        for (int o = 0; o < no; o++)
            for (int v = 0; v < DOTS_QUARTERS; v++)
                sums[i][o].q[q + (size_t)v] = c_floats(sum[i][o][v]);
    return !c_tied(ties);
}

static void dots(float *g, size_t outputs, const operands *x, size_t ni, size_t no) {
    v16 sums[DOTS_IN][DOTS_OUT];
    bool done = x->plain;
    for (size_t q = 0; done && q < 4; q += DOTS_QUARTERS) switch (ni * 10 + no) {
#define CASE(i, o)                                                            \
    case i * 10 + o: done = dots_some(sums, x, q, i, o); break;
            CASE(1, 1) CASE(1, 2)
#if defined(__wasm_relaxed_simd__)
            CASE(2, 1) CASE(2, 2)
#else
            CASE(1, 3)
#endif
#undef CASE
        }
    for (size_t i = 0; i < ni; i++, g += outputs)
        for (size_t o = 0; o < no; o++) {
            if (!done)
                sums[i][o] = dot_each(x, x->in + i * NR_LANES, x->delta + o * NR_LANES);
            g[o] += v_sum(sums[i][o]);
        }
}

static void bias_gradient(float *g, const operands *x, size_t outputs) {
    for (size_t o = 0; o < outputs; o++) {
        const float *delta = x->delta + o * NR_LANES;
        v16 sum = v_set(0);
        for (size_t p = 0; p < x->panels; p++, delta += x->delta_step)
            for (size_t l = 0; l < lanes_of(x, p); l += 16)
                sum = v_add(sum, v_load(delta + l));
        g[o] += v_sum(sum);
    }
}

static range range_of_panels(const float *x, size_t step, const operands *o,
                             size_t units) {
    range all = {255, 0};
    for (size_t p = 0; p < o->panels; p++, x += step)
        all = both_ranges(all, range_of(x, lanes_of(o, p), units, NR_LANES));
    return all;
}

static void gradient_of(float *g, operands x, size_t first, size_t last,
                        size_t outputs) {
    const float *in = x.in, *delta = x.delta;
    if (first == 0) bias_gradient(g, &x, outputs);
    if (first == last) return;
    x.plain = are_plain(range_of_panels(in + first * NR_LANES, x.in_step, &x, last - first),
                        range_of_panels(delta, x.delta_step, &x, outputs),
                        x.panels * NR_LANES / 16);
    for (size_t i = first; i < last; i += DOTS_IN)
        for (size_t o = 0; o < outputs; o += DOTS_OUT) {
            x.in = in + i * NR_LANES;
            x.delta = delta + o * NR_LANES;
            dots(g + nr_dense_row(outputs, i) + o, outputs, &x,
                 least(last - i, DOTS_IN), least(outputs - o, DOTS_OUT));
        }
}

#endif
