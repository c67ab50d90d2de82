/* One row through a small network of many members; a part of kernel.c, which is
 * compiled once for each instruction set.
 *
 * Eight members lie in lanes, two units to a vector: their weights were put so
 * beforehand (members.c). Rows of units, as row.h has them, leave lanes empty
 * where a layer is small, most of them in the last one, and turn each number
 * about to multiply it. The sums are the same, in the same order. */

#ifndef NR_INTERLEAVED_H
#define NR_INTERLEAVED_H

#include "kernels/kernel.h"
#include "kernels/vec.h"
#include "kernels/dense.h"

#if defined(__AVX512F__)
enum { INTERLEAVED_TILE = 8 };
#else
enum { INTERLEAVED_TILE = 4 };
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__)
/* Eight numbers, twice. */
INLINE v16 v_twice(const float *p) {
    return _mm512_broadcast_f32x8(_mm256_loadu_ps(p));
}
INLINE void v_store_half(float *p, v16 a) {
    _mm256_storeu_ps(p, _mm512_castps512_ps256(a));
}
#elif defined(__AVX2__) && defined(__FMA__)
INLINE v16 v_twice(const float *p) {
    __m256 a = _mm256_loadu_ps(p);
    return (v16){a, a};
}
INLINE void v_store_half(float *p, v16 a) { _mm256_storeu_ps(p, a.a); }
#elif !defined(__wasm_simd128__)
INLINE v16 v_twice(const float *p) {
    float both[16];
    memcpy(both, p, 8 * sizeof *p);
    memcpy(both + 8, p, 8 * sizeof *p);
    return v_load(both);
}
INLINE void v_store_half(float *p, v16 a) { memcpy(p, &a, 8 * sizeof *p); }
#endif

/* As take_row, each input eight times. */
static bool take_interleaved(float *to, const float *x, size_t n,
                         const float *shift, const float *scale) {
    const v16 zero = v_set(0);
    v16 sum = zero;
    for (size_t i = 0; i < n; i += 16) {
        size_t some = n - i < 16 ? n - i : 16;
        v16 a = some < 16 ? v_load_some(x + i, some) : v_load(x + i);
        sum = v_fma(a, zero, sum);
        a = v_taken(a, v_load(shift + i), v_load(scale + i));
        for (size_t j = 0; j < some; j++, to += NR_INTERLEAVED)
            v_store_half(to, v_lane(a, j));
    }
    return v_finite(sum);
}

INLINE void interleaved_tile(float *out, const float *w, const float *x,
                         size_t inputs, size_t step, const int nv) {
    v16 sum[INTERLEAVED_TILE];
    for (int v = 0; v < nv; v++) sum[v] = v_load(w + v * 16);
    for (size_t i = 0; i < inputs; i++, x += NR_INTERLEAVED) {
        v16 a = v_twice(x);
        w += step;
        for (int v = 0; v < nv; v++)
            sum[v] = v_fma(v_load(w + v * 16), a, sum[v]);
    }
    for (int v = 0; v < nv; v++) v_store(out + v * 16, sum[v]);
}

static void interleaved_layer(float *out, const float *w, const float *x,
                          size_t inputs, size_t step) {
    for (size_t left = step / 16; left;) {
        size_t some = left < INTERLEAVED_TILE ? left : INTERLEAVED_TILE;
        switch (some) {
#define CASE(nv)                                                              \
    case nv: interleaved_tile(out, w, x, inputs, step, nv); break;
            CASE(1) CASE(2) CASE(3) CASE(4)
#if defined(__AVX512F__)
            CASE(5) CASE(6) CASE(7) CASE(8)
#endif
#undef CASE
        }
        out += some * 16, w += some * 16, left -= some;
    }
}

static void activate_interleaved(float *x, size_t n, int f) {
    switch (f) {
#define CALL(F) apply_vectors(x, n, F)
        EACH_ACTIVATION_CASE(CALL)
#undef CALL
    }
}

/* NULL as row, which see. */
static float *interleaved(const nr_runner *runner, const nr_factors *f, const float *w,
                      const float *inputs, float *workspace) {
    float *result = workspace, *taken = workspace + runner->groups * runner->group;
    float *hidden[2] = {taken + runner->inputs_floats * NR_INTERLEAVED};
    hidden[1] = hidden[0] + runner->group;
    if (!take_interleaved(taken, inputs, runner->layers[0], f->in_shift,
                      f->in_scale))
        return NULL;
    for (size_t g = 0; g < runner->groups; g++, result += runner->group) {
        const float *from = taken;
        for (size_t l = 1; l < runner->nlayers; l++) {
            bool last = l + 1 == runner->nlayers;
            size_t in = runner->layers[l - 1];
            size_t step = nr_interleaved_step(runner->layers[l]);
            float *to = last ? result : hidden[l % 2];
            interleaved_layer(to, w, from, in, step);
            activate_interleaved(to, step, last ? runner->last : runner->hidden);
            w += nr_dense_params(in, step);
            from = to;
        }
    }
    return workspace;
}

#endif
