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

/* Sixteen units or lanes: four sums become the gates they are of; returns the
 * state. One source for panels and for single rows (cell_rows.h). */
typedef struct lstm_gates {
    v16 i, f, o, g;
} lstm_gates;
INLINE v16 lstm_state(lstm_gates *z, v16 before) {
    z->i = v_sigmoid(z->i), z->f = v_sigmoid(z->f), z->o = v_sigmoid(z->o);
    z->g = v_tanh(z->g);
    return v_fma(z->f, before, v_mul(z->i, z->g));
}

/* The same of a GRU's: the input's part of three sums, which become the gates, and
 * the state's part. */
typedef struct gru_gates {
    v16 r, z, n;
} gru_gates;
INLINE gru_gates gru_load(const float *sums, size_t gate) {
    return (gru_gates){v_load(sums), v_load(sums + gate),
                       v_load(sums + 2 * gate)};
}
INLINE v16 gru_state(gru_gates *a, const gru_gates *b, v16 before) {
    a->r = v_sigmoid(v_add(a->r, b->r));
    a->z = v_sigmoid(v_add(a->z, b->z));
    a->n = v_tanh(v_fma(a->r, b->n, a->n));
    return v_fma(a->z, v_sub(before, a->n), a->n);
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
            lstm_gates y = {v_load(z), v_load(z + gate), v_load(z + 2 * gate),
                            v_load(z + 3 * gate)};
            v16 c = masked(lstm_state(&y, v_load(s->before + at)), mask);
            v_store(z, y.i), v_store(z + gate, y.f);
            v_store(z + 2 * gate, y.o), v_store(z + 3 * gate, y.g);
            v_store(s->after + at, c);
            v_store(s->out + at, v_mul(y.o, v_tanh(c)));
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
            gru_gates y = gru_load(a, gate), state = gru_load(b, gate);
            v16 h = gru_state(&y, &state, v_load(s->before + at));
            v_store(a, y.r), v_store(a + gate, y.z), v_store(a + 2 * gate, y.n);
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
