/* The recurrent layers of one field, and their steps: what sequences (recurrent.c)
 * and streams (stream.c) share.
 *
 * A layer's step is a dense layer of what comes in and its own last output, side
 * by side, and the cell's part of it. What steps compute lies in a frame, slot by
 * slot; slot s holds what step s begins with, slot s + 1 what it leaves. */

#ifndef NR_TRACK_H
#define NR_TRACK_H

#include "kernels/kernel.h"

/* A layer of a field: its operations and its place in a frame. Steps of `inputs`
 * hold what comes in and the output before, and are one more than the others. */
typedef struct nr_track_cell {
    bool lstm, passes_back; /* deltas of what comes in are wanted */
    size_t in, units, gates;
    const nr_op *op, *state_op;
    float *inputs, *sums, *states, *back, *delta, *carry;
} nr_track_cell;

typedef struct nr_track {
    const nr_op *embed; /* NULL: steps are numbers */
    size_t width, place, n;
    nr_track_cell cells[NR_MAX_RECURRENT];
} nr_track;

/* Which lanes have begun at a step: the vectors that hold one of them, and a
 * mask unless these hold no others. */
typedef struct nr_track_lanes {
    size_t nv;
    bool all;
    float mask[NR_LANES];
} nr_track_lanes;

/* Of a field, its places in the frame behind those of the fields before it. */
nr_track nr_track_in(const nr_plan *plan, size_t field, size_t unroll,
                     float *frame);

static inline float *nr_inputs_at(const nr_track_cell *c, size_t slot) {
    return c->inputs + slot * (c->in + c->units) * NR_LANES;
}
static inline float *nr_outputs_at(const nr_track_cell *c, size_t slot) {
    return nr_inputs_at(c, slot) + c->in * NR_LANES;
}
static inline float *nr_sums_at(const nr_track_cell *c, size_t slot) {
    return c->sums + slot * c->gates * NR_LANES;
}
static inline float *nr_state_at(const nr_track_cell *c, size_t slot) {
    return c->lstm ? c->states + slot * c->units * NR_LANES
                   : nr_outputs_at(c, slot);
}
static inline float *nr_back_at(const nr_track_cell *c, size_t slot) {
    return c->back + slot * c->in * NR_LANES;
}

void nr_copy_lanes(float *to, const float *from, size_t units, size_t nv);
void nr_clear_lanes(float *to, size_t units, size_t first, size_t last);

/* A step of a layer, from what slot `from` holds to slot `to`; `packed` may have the
 * weights as packed.h does. */
void nr_cell_run(const nr_kernels *k, const nr_track_cell *c, const float *w,
                 const float *packed, const nr_track_lanes *l, size_t from,
                 size_t to, size_t sums);
/* What the slot holds becomes deltas; `more`: what the layer above wants of this
 * step's output. */
void nr_cell_back(const nr_kernels *k, const nr_track_cell *c, const float *w,
                  const nr_track_lanes *l, size_t slot, const float *more);
/* Adds the gradient of an operation of the layer for rows first..last of its
 * weights, of n steps of nv vectors from a slot on. */
void nr_cell_gradient(const nr_kernels *k, const nr_track_cell *c,
                      const nr_op *op, float *g, size_t slot, size_t n,
                      size_t nv, size_t first, size_t last);

#endif
