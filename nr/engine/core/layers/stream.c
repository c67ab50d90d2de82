/* See stream.h. */

#include <string.h>

#include "layers/layer.h"
#include "layers/recurrent.h"
#include "layers/stream.h"

static const nr_op *softmax_of(const nr_plan *plan) { return &plan->ops[0]; }
static size_t top_units(const nr_stream *s) { return softmax_of(s->plan)->in; }
static float *top_at(const nr_stream *s, size_t t) {
    return s->top + t * top_units(s) * NR_LANES;
}
static float *want_at(const nr_stream *s, size_t t) {
    return s->want + t * top_units(s) * NR_LANES;
}

/* ================================ Memory ================================= */

size_t nr_stream_floats(const nr_plan *plan, size_t unroll) {
    return nr_frame_floats(plan, unroll) +
           2 * unroll * softmax_of(plan)->in * NR_LANES;
}

void nr_stream_make(nr_stream *s, const nr_kernels *k, const nr_plan *plan,
                    size_t unroll, size_t lanes, float *memory, float *y) {
    *s = (nr_stream){.k = k, .plan = plan, .y = y};
    s->track = nr_track_in(plan, 0, unroll, memory);
    s->lanes.nv = (lanes + 15) / 16;
    s->lanes.all = true;
    s->top = memory + nr_frame_floats(plan, unroll);
    s->want = s->top + unroll * softmax_of(plan)->in * NR_LANES;
}

void nr_stream_begin(nr_stream *s) {
    for (size_t i = 0; i < s->track.n; i++) {
        const nr_track_cell *c = &s->track.cells[i];
        nr_clear_lanes(nr_outputs_at(c, 0), c->units, 0, NR_LANES / 16);
        if (c->lstm) nr_clear_lanes(nr_state_at(c, 0), c->units, 0, NR_LANES / 16);
    }
}

void nr_stream_carry(nr_stream *s, size_t n) {
    for (size_t i = 0; i < s->track.n; i++) {
        const nr_track_cell *c = &s->track.cells[i];
        nr_copy_lanes(nr_outputs_at(c, 0), nr_outputs_at(c, n), c->units,
                      s->lanes.nv);
        if (c->lstm)
            nr_copy_lanes(nr_state_at(c, 0), nr_state_at(c, n), c->units,
                          s->lanes.nv);
    }
}

/* ================================ Forward ================================ */

/* What is left out follows from where it is; on the way back its delta is, too. */
static void drop(const nr_stream *s, float *x, size_t units, size_t layer,
                 size_t t) {
    uint64_t out = (uint64_t)(s->dropout * 0x1p32);
    uint64_t step = nr_mix(nr_mix(s->key + layer) + t);
    float kept = (float)(1 / (1 - s->dropout));
    for (size_t l = 0; l < s->lanes.nv * 16 && out; l++) {
        uint64_t lane = nr_mix(step + l);
        for (size_t i = 0; i < units; i++)
            x[i * NR_LANES + l] *= nr_mix(lane + i) >> 32 < out ? 0 : kept;
    }
}

static const float *embedded(const nr_stream *s, const float *w, uint32_t id) {
    return w + s->track.embed->at + (size_t)id * s->track.width;
}

void nr_stream_step(nr_stream *s, const float *w, size_t t,
                    const uint32_t *ids) {
    float *x = nr_inputs_at(&s->track.cells[0], t);
    for (size_t l = 0; l < s->lanes.nv * 16; l++)
        for (size_t i = 0; i < s->track.width; i++)
            x[i * NR_LANES + l] = embedded(s, w, ids[l])[i];
    for (size_t i = 0; i < s->track.n; i++) {
        const nr_track_cell *c = &s->track.cells[i];
        if (i)
            nr_copy_lanes(nr_inputs_at(c, t), nr_outputs_at(c - 1, t + 1), c->in,
                          s->lanes.nv);
        drop(s, nr_inputs_at(c, t), c->in, i, t);
        nr_cell_run(s->k, c, w, &s->lanes, t, t + 1, t);
    }
    const nr_track_cell *last = &s->track.cells[s->track.n - 1];
    nr_copy_lanes(top_at(s, t), nr_outputs_at(last, t + 1), last->units,
                  s->lanes.nv);
    drop(s, top_at(s, t), last->units, s->track.n, t);
}

nr_losses nr_stream_loss(nr_stream *s, const float *w, size_t t,
                         const nr_target *target) {
    const nr_op *op = softmax_of(s->plan);
    const float *own = w + op->at;
    if (s->tied)
        s->k->layer(s->y, embedded(s, w, 0), s->track.width, 1, top_at(s, t),
                    own, op->out, op->in, s->lanes.nv);
    else
        nr_dense_forward(s->k, op, own, top_at(s, t), s->y, s->lanes.nv);
    return s->k->loss(s->y, NR_SOFTMAX, target);
}

/* ================================ Backward =============================== */

/* Adds the sums over lanes of some units. */
static void add_lanes(float *g, const float *x, size_t units, size_t nv) {
    for (size_t u = 0; u < units; u++)
        for (size_t l = 0; l < nv * 16; l++) g[u] += x[u * NR_LANES + l];
}

/* Of the embedding's rows, which the softmax has as weights: a dense layer's
 * gradient with the symbols for inputs, but for row 0, where a layer has biases. */
static void tied_gradient(const nr_stream *s, float *g, size_t t) {
    const nr_op *op = softmax_of(s->plan);
    float *rows = g + s->track.embed->at;
    add_lanes(g + op->at, s->y, op->out, s->lanes.nv);
    for (size_t i = 0; i < op->in; i++) {
        const float *h = top_at(s, t) + i * NR_LANES;
        for (size_t l = 0; l < s->lanes.nv * 16; l++) rows[i] += s->y[l] * h[l];
    }
    s->k->gradient(rows - op->in, s->y, 0, top_at(s, t), 0, 1, s->lanes.nv, 1,
                   op->out, op->in);
}

void nr_stream_ask(nr_stream *s, const float *w, float *g, size_t t) {
    const nr_op *op = softmax_of(s->plan);
    if (s->tied) {
        tied_gradient(s, g, t);
        s->k->layer(want_at(s, t), embedded(s, w, 0), 1, s->track.width, s->y,
                    NULL, op->in, op->out, s->lanes.nv);
    } else {
        s->k->gradient(g + op->at, top_at(s, t), 0, s->y, 0, 1, s->lanes.nv, 0,
                       op->in, op->out);
        nr_dense_backward(s->k, op, w + op->at, s->y, want_at(s, t),
                          s->lanes.nv);
    }
    drop(s, want_at(s, t), op->in, s->track.n, t);
}

static void back_step(nr_stream *s, const float *w, size_t t) {
    for (size_t i = s->track.n; i-- > 0;) {
        const nr_track_cell *c = &s->track.cells[i];
        const float *more = i + 1 < s->track.n ? nr_back_at(c + 1, t)
                                               : want_at(s, t);
        nr_cell_back(s->k, c, w, &s->lanes, t, more);
        drop(s, nr_back_at(c, t), c->in, i, t);
    }
}

static void embed_gradient(const nr_stream *s, float *g, size_t n,
                           const uint32_t *ids) {
    const nr_track_cell *c = &s->track.cells[0];
    float *rows = g + s->track.embed->at;
    for (size_t t = 0; t < n; t++)
        for (size_t l = 0; l < s->lanes.nv * 16; l++) {
            float *row = rows + (size_t)ids[t * NR_LANES + l] * c->in;
            const float *d = nr_back_at(c, t) + l;
            for (size_t i = 0; i < c->in; i++) row[i] += d[i * NR_LANES];
        }
}

static void cell_gradients(const nr_stream *s, float *g, size_t n) {
    for (size_t i = 0; i < s->track.n; i++) {
        const nr_track_cell *c = &s->track.cells[i];
        const nr_op *ops[] = {c->op, c->state_op};
        for (size_t o = 0; o < 2 && ops[o]; o++)
            nr_cell_gradient(s->k, c, ops[o], g + ops[o]->at, 0, n, s->lanes.nv,
                             0, ops[o]->in);
    }
}

void nr_stream_backward(nr_stream *s, const float *w, float *g, size_t n,
                        const uint32_t *ids) {
    for (size_t i = 0; i < s->track.n; i++) {
        const nr_track_cell *c = &s->track.cells[i];
        nr_clear_lanes(c->delta, c->units, 0, NR_LANES / 16);
        nr_clear_lanes(c->carry, c->units, 0, NR_LANES / 16);
    }
    for (size_t t = n; t-- > 0;) back_step(s, w, t);
    cell_gradients(s, g, n);
    embed_gradient(s, g, n, ids);
}

void nr_stream_untie(const nr_plan *plan, float *w) {
    const nr_op *op = softmax_of(plan), *embed = &plan->ops[plan->n];
    float *to = w + op->at + nr_dense_row(op->out, 0);
    for (size_t i = 0; i < op->in; i++)
        for (size_t v = 0; v < op->out; v++)
            to[i * op->out + v] = w[embed->at + v * op->in + i];
}
