/* Recurrent cells with units in lanes, some rows at a time: a part of kernel.c, which
 * is compiled once for each instruction set. The same formulas as recurrent.h, by
 * which samples lie in lanes. */

#ifndef NR_UNIT_CELLS_H
#define NR_UNIT_CELLS_H

#include "kernels/recurrent.h"

/* Sixteen units of a row: where their gates, and they themselves, are. */
typedef struct unit_place {
    float *z, *more;
    size_t before, after, at;
} unit_place;

INLINE unit_place unit_at(const nr_unit_step *s, size_t row, size_t group) {
    size_t z = group * s->group + row * s->row;
    return (unit_place){s->gates + z, s->sums ? s->sums + z : NULL,
                        row * s->state_row + group * 16,
                        row * s->state_row + s->state_slot + group * 16,
                        row * s->delta_row + group * 16};
}

static void lstm_units(const nr_unit_step *s) {
    for (size_t g = 0; g < s->groups; g++)
        for (size_t r = 0; r < s->rows; r++) {
            unit_place p = unit_at(s, r, g);
            lstm_gates y = {v_load(p.z), v_load(p.z + 16), v_load(p.z + 32),
                            v_load(p.z + 48)};
            v16 c = lstm_state(&y, v_load(s->state + p.before));
            v_store(p.z, y.i), v_store(p.z + 16, y.f);
            v_store(p.z + 32, y.o), v_store(p.z + 48, y.g);
            v_store(s->state + p.after, c);
            v_store(s->out + p.after, v_mul(y.o, v_tanh(c)));
        }
}

static void lstm_units_back(const nr_unit_step *s) {
    for (size_t group = 0; group < s->groups; group++)
        for (size_t r = 0; r < s->rows; r++) {
            unit_place p = unit_at(s, r, group);
            v16 i = v_load(p.z), f = v_load(p.z + 16), o = v_load(p.z + 32);
            v16 g = v_load(p.z + 48), t = v_tanh(v_load(s->state + p.after));
            v16 d = v_add(v_load(s->delta + p.at),
                          v_load(s->more + r * s->more_row + group * 16));
            v16 dc = v_add(v_load(s->carry + p.at),
                           through_tanh(t, v_mul(d, o)));
            v_store(p.z, through_sigmoid(i, v_mul(dc, g)));
            v_store(p.z + 16, through_sigmoid(
                                  f, v_mul(dc, v_load(s->state + p.before))));
            v_store(p.z + 32, through_sigmoid(o, v_mul(d, t)));
            v_store(p.z + 48, through_tanh(g, v_mul(dc, i)));
            v_store(s->carry + p.at, v_mul(dc, f));
        }
}

static void gru_units(const nr_unit_step *s) {
    for (size_t g = 0; g < s->groups; g++)
        for (size_t r = 0; r < s->rows; r++) {
            unit_place p = unit_at(s, r, g);
            gru_gates y = gru_load(p.z, 16), state = gru_load(p.more, 16);
            v16 h = gru_state(&y, &state, v_load(s->out + p.before));
            v_store(p.z, y.r), v_store(p.z + 16, y.z), v_store(p.z + 32, y.n);
            v_store(s->out + p.after, h);
        }
}

static void gru_units_back(const nr_unit_step *s) {
    for (size_t group = 0; group < s->groups; group++)
        for (size_t row = 0; row < s->rows; row++) {
            unit_place p = unit_at(s, row, group);
            v16 r = v_load(p.z), z = v_load(p.z + 16), n = v_load(p.z + 32);
            v16 d = v_add(v_load(s->delta + p.at), v_load(s->carry + p.at));
            d = v_add(d, v_load(s->more + row * s->more_row + group * 16));
            v16 h = v_load(s->out + p.before), keep = v_sub(v_set(1), z);
            v16 dn = through_tanh(n, v_mul(d, keep));
            v16 dz = through_sigmoid(z, v_mul(d, v_sub(h, n)));
            v16 dr = through_sigmoid(r, v_mul(dn, v_load(p.more + 32)));
            v_store(p.z, dr), v_store(p.z + 16, dz), v_store(p.z + 32, dn);
            v_store(p.more, dr), v_store(p.more + 16, dz);
            v_store(p.more + 32, v_mul(dn, r));
            v_store(s->carry + p.at, v_mul(d, z));
        }
}

#endif
