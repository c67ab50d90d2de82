/* Recurrent cells, a step of a panel at a time: part of kernel.c.
 *
 * Samples lie in lanes, as everywhere in a training, so that a step's sums are
 * those of a dense layer. What is left is what makes a cell of the sums, unit by
 * unit. Lanes whose sequence has not begun keep a state of 0: `mask` is 1 where
 * a lane's has, and NULL where all have. */

#ifndef NR_RECURRENT_KERNELS_H
#define NR_RECURRENT_KERNELS_H

#include "kernels/kernel.h"
#include "kernels/vec.h"

INLINE v16 masked(v16 x, const float *mask) {
    return mask ? v_mul(x, v_load(mask)) : x;
}

/* sums: of the input, forget and output gate and of the candidate, which
 * become these. */
static void lstm(const nr_cell_step *s) {
    size_t gate = s->units * NR_LANES;
    for (size_t u = 0; u < s->units; u++)
        for (size_t v = 0; v < s->nv; v++) {
            size_t at = u * NR_LANES + v * 16;
            const float *mask = s->mask ? s->mask + v * 16 : NULL;
            float *z = s->gates + at;
            v16 i = v_sigmoid(v_load(z)), f = v_sigmoid(v_load(z + gate));
            v16 o = v_sigmoid(v_load(z + 2 * gate));
            v16 g = v_tanh(v_load(z + 3 * gate));
            v16 c = v_fma(f, v_load(s->before + at), v_mul(i, g));
            c = masked(c, mask);
            v_store(z, i), v_store(z + gate, f);
            v_store(z + 2 * gate, o), v_store(z + 3 * gate, g);
            v_store(s->after + at, c);
            v_store(s->out + at, v_mul(o, v_tanh(c)));
        }
}

/* x (1 - x) y and (1 - x x) y: through a sigmoid and a tanh. */
INLINE v16 through_sigmoid(v16 x, v16 y) {
    return v_mul(y, v_mul(x, v_sub(v_set(1), x)));
}
INLINE v16 through_tanh(v16 x, v16 y) {
    return v_mul(y, v_fma(v_sub(v_set(0), x), x, v_set(1)));
}

INLINE v16 delta_of(const nr_cell_step *s, size_t at) {
    v16 d = v_load(s->delta + at);
    return s->more ? v_add(d, v_load(s->more + at)) : d;
}

/* The gates become their deltas; `carry` is the delta of the state. */
static void lstm_back(const nr_cell_step *s) {
    size_t gate = s->units * NR_LANES;
    for (size_t u = 0; u < s->units; u++)
        for (size_t v = 0; v < s->nv; v++) {
            size_t at = u * NR_LANES + v * 16;
            const float *mask = s->mask ? s->mask + v * 16 : NULL;
            float *z = s->gates + at;
            v16 i = v_load(z), f = v_load(z + gate), o = v_load(z + 2 * gate);
            v16 g = v_load(z + 3 * gate), t = v_tanh(v_load(s->after + at));
            v16 d = masked(delta_of(s, at), mask);
            v16 dc = masked(v_load(s->carry + at), mask);
            dc = v_add(dc, through_tanh(t, v_mul(d, o)));
            v_store(z, through_sigmoid(i, v_mul(dc, g)));
            v_store(z + gate,
                    through_sigmoid(f, v_mul(dc, v_load(s->before + at))));
            v_store(z + 2 * gate, through_sigmoid(o, v_mul(d, t)));
            v_store(z + 3 * gate, through_tanh(g, v_mul(dc, i)));
            v_store(s->carry + at, v_mul(dc, f));
        }
}

/* sums: of the reset gate, the update gate and the candidate, of the input's
 * part and then of the state's; the first three become these. */
static void gru(const nr_cell_step *s) {
    size_t gate = s->units * NR_LANES;
    for (size_t u = 0; u < s->units; u++)
        for (size_t v = 0; v < s->nv; v++) {
            size_t at = u * NR_LANES + v * 16;
            const float *mask = s->mask ? s->mask + v * 16 : NULL;
            float *a = s->gates + at, *b = a + 3 * gate;
            v16 r = v_sigmoid(v_add(v_load(a), v_load(b)));
            v16 z = v_sigmoid(v_add(v_load(a + gate), v_load(b + gate)));
            v16 n = v_tanh(
                v_fma(r, v_load(b + 2 * gate), v_load(a + 2 * gate)));
            v16 h = v_fma(z, v_sub(v_load(s->before + at), n), n);
            v_store(a, r), v_store(a + gate, z), v_store(a + 2 * gate, n);
            v_store(s->out + at, masked(h, mask));
        }
}

/* `carry` is what goes past the weights to the state before. */
static void gru_back(const nr_cell_step *s) {
    size_t gate = s->units * NR_LANES;
    for (size_t u = 0; u < s->units; u++)
        for (size_t v = 0; v < s->nv; v++) {
            size_t at = u * NR_LANES + v * 16;
            const float *mask = s->mask ? s->mask + v * 16 : NULL;
            float *a = s->gates + at, *b = a + 3 * gate;
            v16 r = v_load(a), z = v_load(a + gate), n = v_load(a + 2 * gate);
            v16 d = v_add(delta_of(s, at), v_load(s->carry + at));
            d = masked(d, mask);
            v16 h = v_load(s->before + at), keep = v_sub(v_set(1), z);
            v16 dn = through_tanh(n, v_mul(d, keep));
            v16 dz = through_sigmoid(z, v_mul(d, v_sub(h, n)));
            v16 dr = through_sigmoid(r, v_mul(dn, v_load(b + 2 * gate)));
            v_store(a, dr), v_store(a + gate, dz), v_store(a + 2 * gate, dn);
            v_store(b, dr), v_store(b + gate, dz);
            v_store(b + 2 * gate, v_mul(dn, r));
            v_store(s->carry + at, v_mul(d, z));
        }
}

#endif
