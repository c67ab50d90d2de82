/* One row through a network; a part of kernel.c, which is compiled once for
 * each instruction set.
 *
 * Outputs lie in lanes, and a layer's weights are read once, in the order in
 * which they lie: a large layer takes as long as its weights take to come.
 * Members of few outputs go side by side, since each waits for its own sums. A
 * small network's time is all waiting and calls, so this is one call, and what
 * can stay in a register does. */

#ifndef NR_ROWS_H
#define NR_ROWS_H

#include "kernels/kernel.h"
#include "kernels/vec.h"
#include "kernels/dense.h"

enum { ROW_TILE = 7, INTERLEAVED = 4 };

/* Inputs that a wide layer takes at once: as many as their numbers fit in registers. */
#if defined(__AVX2__)
enum { ROW_INPUTS = 8 };
#else
enum { ROW_INPUTS = 4 };
#endif

/* As pack, which see; false where all_finite is. */
static bool take_row(float *to, const float *x, size_t n, const float *shift,
                     const float *scale) {
    const v16 zero = v_set(0);
    v16 sum[2] = {zero, zero};
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        v16 a = v_load(x + i);
        sum[i / 16 % 2] = v_fma(a, zero, sum[i / 16 % 2]);
        v_store(to + i, v_taken(a, v_load(shift + i), v_load(scale + i)));
    }
    if (i < n) {
        v16 a = v_load_some(x + i, n - i);
        sum[0] = v_fma(a, zero, sum[0]);
        v_store(to + i, v_taken(a, v_load(shift + i), v_load(scale + i)));
    }
    return v_finite(v_add(sum[0], sum[1]));
}

/* nv vectors of sums: of one member's outputs, or of one vector of each of nv
 * members. They begin w_step, x_step and out_step floats apart. */
INLINE void row_tile(float *out, const float *w, const float *x, size_t inputs,
                     size_t outputs, size_t w_step, size_t x_step,
                     size_t out_step, const int nv) {
    v16 sum[ROW_TILE];
    for (int v = 0; v < nv; v++) sum[v] = v_load(w + (size_t)v * w_step);
    for (size_t i = 0; i < inputs; i++) {
        w += outputs;
        for (int v = 0; v < nv; v++)
            sum[v] = v_fma(v_load(w + (size_t)v * w_step),
                           v_set(x[(size_t)v * x_step + i]), sum[v]);
    }
    for (int v = 0; v < nv; v++)
        v_store(out + (size_t)v * out_step, sum[v]);
}

#if !defined(__wasm__) /* which is to be small */
/* Adds some inputs' share to nv vectors of sums, which are taken from `sums`. */
INLINE void row_inputs(float *out, const float *sums, const float *w,
                       const float *x, size_t outputs, size_t nv, const int inputs) {
    v16 by[ROW_INPUTS];
    for (int i = 0; i < inputs; i++) by[i] = v_set(x[i]);
    for (size_t v = 0; v < nv; v++, w += 16) {
        v16 sum = v_load(sums + v * 16);
        for (int i = 0; i < inputs; i++)
            sum = v_fma(v_load(w + (size_t)i * outputs), by[i], sum);
        v_store(out + v * 16, sum);
    }
}

/* Of a wide layer all outputs, some inputs at a time: weights come as fast as memory
 * gives them where it is read from one end to the other, in few streams. Tiles of
 * outputs jump to another page with each input. */
static void row_wide(float *out, const float *w, const float *x, size_t inputs,
                     size_t outputs) {
    size_t nv = (outputs + 15) / 16;
    size_t parts = (inputs + ROW_INPUTS - 1) / ROW_INPUTS;
    const float *sums = w;
    w += outputs;
    for (; parts; parts--, sums = out) {
        size_t some = (inputs + parts - 1) / parts;
        switch (some) {
#define CASE(n)                                                               \
    case n: row_inputs(out, sums, w, x, outputs, nv, n); break;
            CASE(1) CASE(2) CASE(3) CASE(4)
#if defined(__AVX2__)
            CASE(5) CASE(6) CASE(7) CASE(8)
#endif
#undef CASE
        }
        w += some * outputs, x += some, inputs -= some;
    }
}

#endif

/* Lanes beyond the outputs read on into the next row of weights, or into the
 * sixteen floats behind the last, and mean nothing. */
static void row_alone(float *out, const float *w, const float *x,
                      size_t inputs, size_t outputs) {
    size_t left = (outputs + 15) / 16;
#if !defined(__wasm__) /* which is to be small */
    if (left > ROW_TILE && inputs) {
        row_wide(out, w, x, inputs, outputs);
        return;
    }
#endif
    size_t tiles = (left + ROW_TILE - 1) / ROW_TILE;
    for (; tiles; tiles--) {
        size_t some = (left + tiles - 1) / tiles;
        switch (some) {
#define CASE(nv)                                                              \
    case nv: row_tile(out, w, x, inputs, outputs, 16, 0, 16, nv); break;
            CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#undef CASE
        }
        out += some * 16, w += some * 16, left -= some;
    }
}

static void rows_of_members(float *out, const float *w, const float *x,
                         size_t inputs, size_t outputs, size_t x_step,
                         const nr_runner *runner) {
    size_t each = runner->each, params = runner->params, left = runner->members;
    while (left) {
        size_t some = left < INTERLEAVED ? left : INTERLEAVED;
        switch (some) {
#define CASE(nv)                                                              \
    case nv:                                                                  \
        row_tile(out, w, x, inputs, outputs, params, x_step, each, nv);       \
        break;
            CASE(1) CASE(2) CASE(3) CASE(4)
#undef CASE
        }
        out += some * each, w += some * params, x += some * x_step;
        left -= some;
    }
}

INLINE void apply_vectors(float *x, size_t n, const nr_activation f) {
    for (size_t i = 0; i < n; i += 16) v_store(x + i, apply(v_load(x + i), f));
}

static void activate_rows(float *x, size_t outputs, int f, const nr_runner *runner) {
    for (size_t m = 0; m < runner->members; m++, x += runner->each)
        switch (f) {
#define CALL(F) apply_vectors(x, outputs, F)
            EACH_ACTIVATION_CASE(CALL)
#undef CALL
        }
}

static void row_layer(float *to, const float *w, const float *from, size_t in,
                      size_t out, size_t x_step, int f, const nr_runner *runner) {
    if (out <= 16)
        rows_of_members(to, w, from, in, out, x_step, runner);
    else
        for (size_t m = 0; m < runner->members; m++)
            row_alone(to + m * runner->each, w + m * runner->params,
                      from + m * x_step, in, out);
    if (f != NR_NOT_ACTIVATED) activate_rows(to, out, f, runner);
}

/* Members of a network none of whose layers has more than sixteen units: all of
 * it in registers, since a number that was just stored in a vector is slow to
 * come back. */
INLINE void row_tiny(float *out, const nr_runner *runner, const float *w, v16 inputs,
                     const int nm) {
    v16 x[INTERLEAVED], sum[INTERLEAVED];
    for (int m = 0; m < nm; m++) x[m] = inputs;
    for (size_t l = 1; l < runner->nlayers; l++) {
        size_t n = runner->layers[l - 1], step = runner->layers[l];
        for (int m = 0; m < nm; m++)
            sum[m] = v_load(w + (size_t)m * runner->params);
        for (size_t i = 0; i < n; i++) {
            w += step;
            for (int m = 0; m < nm; m++)
                sum[m] = v_fma(v_load(w + (size_t)m * runner->params),
                               v_lane(x[m], i), sum[m]);
        }
        w += step;
        switch (l + 1 < runner->nlayers ? runner->hidden : runner->last) {
#define CALL(F)                                                               \
    for (int m = 0; m < nm; m++) x[m] = apply(sum[m], F)
            EACH_ACTIVATION_CASE(CALL)
#undef CALL
        default:
            for (int m = 0; m < nm; m++) x[m] = sum[m];
        }
    }
    for (int m = 0; m < nm; m++) v_store(out + (size_t)m * runner->each, x[m]);
}

/* As row, which see. */
static float *rows_tiny(const nr_runner *runner, const nr_factors *f,
                        const float *inputs, float *workspace) {
    size_t n = runner->layers[0], left = runner->members;
    const float *w = f->layers;
    v16 x = n == 16 ? v_load(inputs) : v_load_some(inputs, n);
    if (!v_finite(x)) return NULL;
    x = v_taken(x, v_load(f->in_shift), v_load(f->in_scale));
    for (float *to = workspace; left;) {
        size_t some = left >= 4 ? 4 : left >= 2 ? 2 : 1;
        if (some == 4) row_tiny(to, runner, w, x, 4);
        if (some == 2) row_tiny(to, runner, w, x, 2);
        if (some == 1) row_tiny(to, runner, w, x, 1);
        w += some * runner->params, to += some * runner->each, left -= some;
    }
    return workspace;
}

/* As row, which see. Not a part of it: the registers that this one saves would
 * cost a tiny network half as much again. */
NOINLINE float *row_large(const nr_runner *runner, const nr_factors *f,
                          const float *inputs, float *workspace) {
    const float *w = f->layers;
    float *from = workspace, *to = workspace + runner->inputs_floats, *other = to;
    size_t x_step = 0;
    other += runner->members * runner->each;
    if (!take_row(workspace, inputs, runner->layers[0], f->in_shift, f->in_scale))
        return NULL;
    for (size_t l = 1; l < runner->nlayers; l++) {
        size_t in = runner->layers[l - 1], out = runner->layers[l];
        int kind = l + 1 < runner->nlayers ? runner->hidden : runner->last;
        row_layer(to, w, from, in, out, x_step, kind, runner);
        w += nr_dense_params(in, out);
        x_step = runner->each;
        from = to, to = other, other = from;
    }
    return from;
}

static float *row(const nr_runner *runner, const nr_factors *f, const float *inputs,
                  float *workspace) {
    if (runner->inputs_floats == 16 && runner->each == 16)
        return rows_tiny(runner, f, inputs, workspace);
    return row_large(runner, f, inputs, workspace);
}

static void exp_row(float *x, size_t n) {
    for (size_t i = 0; i < n; i += 16) v_store(x + i, v_exp(v_load(x + i)));
}

#endif
