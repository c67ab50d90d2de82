/* A recurrent cell's step for one row, with units in lanes: a part of kernel.c, which
 * is compiled once for each instruction set.
 *
 * Sums are those of a dense layer for one row (row.h), and units become a cell's as
 * lanes of a panel do (recurrent.h): the same bits. Lanes beyond the units hold
 * numbers of the next gate or none at all, and mean nothing.
 *
 * With its first step a sequence has an output of 0, whose products are left out.
 * They would add 0 to each sum, which makes at most +0 of a -0; and no cell shows
 * which of them it was: gates are the same for both, and a candidate of -0 is added
 * to a state of +0. */

#ifndef NR_CELL_ROWS_H
#define NR_CELL_ROWS_H

#include "kernels/recurrent.h"
#include "kernels/row.h"

static void lstm_row(const nr_cell_row *c, bool begins) {
    size_t gate = c->units, inputs = begins ? c->in : c->in + c->units;
    row_alone(c->sums, c->w, c->x, inputs, 4 * c->units);
    for (size_t u = 0; u < c->units; u += 16) {
        const float *z = c->sums + u;
        lstm_gates y = {v_load(z), v_load(z + gate), v_load(z + 2 * gate),
                        v_load(z + 3 * gate)};
        v16 state = lstm_state(&y, v_load(c->state + u));
        v_store(c->state + u, state);
        v_store(c->x + c->in + u, v_mul(y.o, v_tanh(state)));
    }
}

static void gru_row(const nr_cell_row *c, bool begins) {
    size_t gate = c->units;
    float *out = c->x + c->in;
    row_alone(c->sums, c->w, c->x, c->in, 3 * c->units);
    row_alone(c->state, c->state_w, out, begins ? 0 : c->units, 3 * c->units);
    for (size_t u = 0; u < c->units; u += 16) {
        gru_gates y = gru_load(c->sums + u, gate);
        gru_gates state = gru_load(c->state + u, gate);
        v_store(out + u, gru_state(&y, &state, v_load(out + u)));
    }
}

#endif
