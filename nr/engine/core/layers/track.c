/* See track.h. */

#include <string.h>

#include "layers/layer.h"
#include "layers/packed.h"
#include "layers/recurrent.h"
#include "layers/track.h"

/* ============================= What lies where =========================== */

static size_t ops_of(const nr_recurrent *r, size_t field) {
    return (r->of[field].symbols > 0) +
           r->layers * (r->cell == NR_LSTM ? 1 : 2);
}

static const nr_op *first_op(const nr_plan *plan, size_t field) {
    const nr_op *op = &plan->ops[plan->n];
    for (size_t f = 0; f < field; f++) op += ops_of(&plan->recurrent, f);
    return op;
}

size_t nr_recurrent_field(const nr_plan *plan, const nr_op *op) {
    size_t f = 0;
    while (f + 1 < plan->recurrent.fields && op >= first_op(plan, f + 1)) f++;
    return f;
}

/* Takes n floats a lane from the frame; counts them where there is none. */
static float *take(float *frame, size_t *used, size_t n) {
    float *at = frame ? frame + *used : NULL;
    *used += n * NR_LANES;
    return at;
}

static void place_cell(nr_track_cell *c, size_t unroll, float *frame, size_t *used) {
    size_t steps = unroll ? unroll : 1;
    c->inputs = take(frame, used, (steps + 1) * (c->in + c->units));
    c->sums = take(frame, used, steps * c->gates);
    c->states = take(frame, used, c->lstm ? (steps + 1) * c->units : 0);
    c->back = take(frame, used, c->passes_back ? unroll * c->in : 0);
    c->delta = take(frame, used, unroll ? c->units : 0);
    c->carry = take(frame, used, unroll ? c->units : 0);
}

static nr_track track_of(const nr_plan *plan, size_t field, size_t unroll,
                      float *frame, size_t *used) {
    const nr_recurrent *r = &plan->recurrent;
    const nr_op *op = first_op(plan, field);
    nr_track t = {.width = r->of[field].width, .n = r->layers};
    t.place = nr_state_place(r, plan->ops[0].in, field);
    if (r->of[field].symbols) t.embed = op++;
    for (size_t l = 0; l < t.n; l++) {
        nr_track_cell *c = &t.cells[l];
        c->lstm = r->cell == NR_LSTM;
        c->passes_back = l > 0 || t.embed;
        c->in = l ? r->units[l - 1] : t.width;
        c->units = r->units[l];
        c->gates = (c->lstm ? 4 : 6) * c->units;
        c->op = op++;
        if (!c->lstm) c->state_op = op++;
        place_cell(c, unroll, frame, used);
    }
    return t;
}

nr_track nr_track_in(const nr_plan *plan, size_t field, size_t unroll,
                      float *frame) {
    size_t used = 0;
    for (size_t f = 0; f < field; f++)
        track_of(plan, f, unroll, NULL, &used);
    return track_of(plan, field, unroll, frame, &used);
}

size_t nr_frame_floats(const nr_plan *plan, size_t unroll) {
    size_t used = 0;
    for (size_t f = 0; f < plan->recurrent.fields; f++)
        track_of(plan, f, unroll, NULL, &used);
    return used;
}

/* ================================= Steps ================================= */

void nr_copy_lanes(float *to, const float *from, size_t units, size_t nv) {
    for (size_t u = 0; u < units; u++)
        memcpy(to + u * NR_LANES, from + u * NR_LANES, nv * 16 * sizeof *to);
}

void nr_clear_lanes(float *to, size_t units, size_t first, size_t last) {
    for (size_t u = 0; u < units && first < last; u++)
        memset(to + u * NR_LANES + first * 16, 0,
               (last - first) * 16 * sizeof *to);
}

static void add_up(const nr_kernels *k, const nr_op *op, const float *w,
                   const float *packed, const float *x, float *y, size_t nv) {
    nr_packed_forward(k, op, w + op->at, packed ? packed + op->at : NULL, x, y, nv);
}

void nr_cell_run(const nr_kernels *k, const nr_track_cell *c, const float *w,
                 const float *packed, const nr_track_lanes *l, size_t from,
                 size_t to, size_t sums) {
    nr_cell_step step = {.units = c->units,
                         .nv = l->nv,
                         .mask = l->all ? NULL : l->mask,
                         .gates = nr_sums_at(c, sums),
                         .before = nr_state_at(c, from),
                         .after = nr_state_at(c, to),
                         .out = nr_outputs_at(c, to)};
    add_up(k, c->op, w, packed, nr_inputs_at(c, from), step.gates, l->nv);
    if (!c->lstm)
        add_up(k, c->state_op, w, packed, nr_outputs_at(c, from),
               step.gates + 3 * c->units * NR_LANES, l->nv);
    (c->lstm ? k->lstm : k->gru)(&step);
}

/* Deltas of some of an operation's inputs. */
static void pass_back(const nr_kernels *k, const nr_op *op, const float *w,
                      const float *deltas, size_t first, size_t n, float *to,
                      size_t nv) {
    k->layer(to, w + op->at + nr_dense_row(op->out, first), op->out, 1, deltas,
             NULL, n, op->out, nv);
}

void nr_cell_back(const nr_kernels *k, const nr_track_cell *c, const float *w,
                      const nr_track_lanes *l, size_t slot, const float *more) {
    nr_cell_step step = {.units = c->units,
                         .nv = l->nv,
                         .mask = l->all ? NULL : l->mask,
                         .gates = nr_sums_at(c, slot),
                         .before = nr_state_at(c, slot),
                         .after = nr_state_at(c, slot + 1),
                         .delta = c->delta,
                         .more = more,
                         .carry = c->carry};
    const float *state_sums = step.gates;
    (c->lstm ? k->lstm_back : k->gru_back)(&step);
    if (!c->lstm) state_sums += 3 * c->units * NR_LANES;
    if (slot)
        pass_back(k, c->lstm ? c->op : c->state_op, w, state_sums,
                  c->lstm ? c->in : 0, c->units, c->delta, l->nv);
    if (c->passes_back)
        pass_back(k, c->op, w, step.gates, 0, c->in, nr_back_at(c, slot), l->nv);
}

void nr_cell_gradient(const nr_kernels *k, const nr_track_cell *c,
                      const nr_op *op, float *g, size_t slot, size_t n,
                      size_t nv, size_t first, size_t last) {
    bool state = op == c->state_op;
    const float *in = state ? nr_outputs_at(c, slot) : nr_inputs_at(c, slot);
    const float *deltas = nr_sums_at(c, slot);
    if (state) deltas += 3 * c->units * NR_LANES;
    k->step_gradient(g, in, (c->in + c->units) * NR_LANES, deltas,
                     c->gates * NR_LANES, n, nv, first, last, op->out);
}
