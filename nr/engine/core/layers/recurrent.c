/* See recurrent.h. A field's layers run step by step, each on what the one
 * before it has just put out. */

#include <string.h>

#include "layers/layer.h"
#include "layers/recurrent.h"
#include "layers/track.h"

/* ================================= Steps ================================= */

void nr_strand_take(nr_strand *strand, const nr_sequences *sequences,
                    size_t field, const float *numbers, size_t lanes) {
    strand->lanes = lanes;
    strand->longest = 0;
    for (size_t l = 0; l < lanes; l++) {
        nr_steps steps = nr_sequences_get(sequences, field, (size_t)numbers[l]);
        strand->of[l] = steps;
        if (steps.n > strand->longest) strand->longest = steps.n;
    }
}

static bool has_begun(const nr_strand *s, size_t lane, size_t t) {
    return lane < s->lanes && s->of[lane].n + t >= s->longest;
}

static void find_lanes(const nr_strand *s, size_t t, nr_track_lanes *to) {
    size_t count = 0, last = 0;
    for (size_t l = 0; l < NR_LANES; l++) {
        bool begun = has_begun(s, l, t);
        to->mask[l] = begun;
        count += begun;
        if (begun) last = l + 1;
    }
    to->nv = (last + 15) / 16;
    to->all = count == to->nv * 16;
}

static size_t kept_of(const nr_strand *s, size_t unroll) {
    return s->longest < unroll ? s->longest : unroll;
}

/* Where a frame has what step t begins with: the last `kept` in their order,
 * those before in two places in turn. */
static size_t slot_of(const nr_strand *s, size_t kept, size_t t) {
    size_t first = s->longest - kept;
    return t >= first ? t - first : (first - t) & 1;
}
static size_t sums_slot(const nr_strand *s, size_t kept, size_t t) {
    size_t first = s->longest - kept;
    return t >= first ? t - first : 0;
}

/* ================================ Forward ================================ */

/* Vectors that join begin with a state of 0. */
static void clear_states(const nr_track *t, size_t slot, size_t first,
                         size_t last) {
    for (size_t l = 0; l < t->n; l++) {
        const nr_track_cell *c = &t->cells[l];
        nr_clear_lanes(nr_outputs_at(c, slot), c->units, first, last);
        if (c->lstm) nr_clear_lanes(nr_state_at(c, slot), c->units, first, last);
    }
}

/* What a lane's step comes in with; 0 before it begins. */
static const float *step_of(const nr_strand *s, size_t lane, size_t t,
                            const nr_track *track, const float *w) {
    const nr_steps *steps = &s->of[lane];
    size_t at = t - (s->longest - steps->n);
    if (!track->embed) return steps->x + at * track->width;
    return w + track->embed->at + steps->ids[at] * track->width;
}

static void take_step(const nr_track *track, const nr_strand *s, size_t t,
                      size_t nv, const float *w, float *to) {
    for (size_t l = 0; l < nv * 16; l++) {
        bool begun = has_begun(s, l, t);
        const float *x = begun ? step_of(s, l, t, track, w) : NULL;
        for (size_t i = 0; i < track->width; i++)
            to[i * NR_LANES + l] = begun ? x[i] : 0;
    }
}

static void run_step(const nr_kernels *k, const nr_track *t, const float *w,
                     const nr_strand *s, size_t kept, size_t at,
                     const nr_track_lanes *l) {
    size_t from = slot_of(s, kept, at), to = slot_of(s, kept, at + 1);
    size_t sums = sums_slot(s, kept, at);
    take_step(t, s, at, l->nv, w, nr_inputs_at(&t->cells[0], from));
    for (size_t i = 0; i < t->n; i++) {
        const nr_track_cell *c = &t->cells[i];
        if (i)
            nr_copy_lanes(nr_inputs_at(c, from), nr_outputs_at(c - 1, to), c->in,
                       l->nv);
        nr_cell_run(k, c, w, NULL, l, from, to, sums);
    }
}

void nr_recurrent_forward(const nr_kernels *k, const nr_plan *plan,
                          const float *w, size_t field, const nr_strand *s,
                          size_t unroll, float *frame, float *inputs) {
    nr_track t = nr_track_in(plan, field, unroll, frame);
    size_t kept = kept_of(s, unroll), nv = 0;
    nr_track_lanes l = {0};
    for (size_t at = 0; at < s->longest; at++) {
        if (!l.all || l.nv * 16 < s->lanes) find_lanes(s, at, &l);
        clear_states(&t, slot_of(s, kept, at), nv, l.nv);
        run_step(k, &t, w, s, kept, at, &l);
        nv = l.nv;
    }
    const nr_track_cell *last = &t.cells[t.n - 1];
    size_t end = slot_of(s, kept, s->longest);
    clear_states(&t, end, nv, NR_LANES / 16);
    nr_copy_lanes(inputs + t.place * NR_LANES, nr_outputs_at(last, end), last->units,
               NR_LANES / 16);
}

void nr_recurrent_numbers(const nr_plan *plan, const float *inputs,
                          float *numbers) {
    const nr_recurrent *r = &plan->recurrent;
    for (size_t f = 0; f < r->fields; f++)
        memcpy(numbers + f * NR_LANES,
               inputs + nr_state_place(r, plan->ops[0].in, f) * NR_LANES,
               NR_LANES * sizeof *numbers);
}

void nr_recurrent_fill(const nr_kernels *k, const nr_plan *plan, const float *w,
                       const nr_sequences *sequences, const float *numbers,
                       size_t n, size_t unroll, float *frame, float *inputs) {
    nr_strand strand;
    for (size_t f = 0; f < plan->recurrent.fields; f++) {
        nr_strand_take(&strand, sequences, f, numbers + f * NR_LANES, n);
        nr_recurrent_forward(k, plan, w, f, &strand, unroll, frame, inputs);
    }
}

/* ================================ Backward =============================== */

void nr_recurrent_backward(const nr_kernels *k, const nr_plan *plan,
                           const float *w, size_t field, const nr_strand *s,
                           size_t unroll, float *frame, const float *deltas) {
    nr_track t = nr_track_in(plan, field, unroll, frame);
    size_t kept = kept_of(s, unroll), first = s->longest - kept;
    nr_track_lanes l = {0};
    for (size_t i = 0; i < t.n; i++) {
        nr_clear_lanes(t.cells[i].delta, t.cells[i].units, 0, NR_LANES / 16);
        nr_clear_lanes(t.cells[i].carry, t.cells[i].units, 0, NR_LANES / 16);
    }
    const nr_track_cell *top = &t.cells[t.n - 1];
    nr_copy_lanes(top->delta, deltas + t.place * NR_LANES, top->units,
               (s->lanes + 15) / 16);
    for (size_t slot = kept; slot-- > 0;) {
        find_lanes(s, first + slot, &l);
        for (size_t i = t.n; i-- > 0;)
            nr_cell_back(k, &t.cells[i], w, &l, slot,
                      i + 1 < t.n ? nr_back_at(&t.cells[i + 1], slot) : NULL);
    }
}

/* ================================ Gradient =============================== */

/* Each symbol's row gets the deltas of its steps, step by step and in the order
 * of lanes: rows that no sample has are not touched. */
static void embed_gradient(const nr_track *t, float *g, const nr_strand *s,
                           size_t kept, size_t first, size_t last) {
    const nr_track_cell *c = &t->cells[0];
    for (size_t slot = 0; slot < kept; slot++)
        for (size_t l = 0; l < s->lanes; l++) {
            size_t at = s->longest - kept + slot;
            if (!has_begun(s, l, at)) continue;
            size_t id = s->of[l].ids[at - (s->longest - s->of[l].n)];
            if (id ? id - 1 < first || id - 1 >= last : first > 0) continue;
            const float *d = nr_back_at(c, slot) + l;
            for (size_t i = 0; i < c->in; i++)
                g[id * c->in + i] += d[i * NR_LANES];
        }
}

/* Steps of equally many vectors at once. */
static size_t count_alike(const nr_strand *s, size_t kept, size_t slot,
                          size_t *nv) {
    size_t first = s->longest - kept, n = 0;
    nr_track_lanes l;
    for (find_lanes(s, first + slot, &l), *nv = l.nv;
         slot + n < kept && l.nv == *nv; n++)
        if (slot + n + 1 < kept) find_lanes(s, first + slot + n + 1, &l);
    return n;
}

static void cell_gradient(const nr_kernels *k, const nr_track_cell *c,
                          const nr_op *op, float *g, const nr_strand *s,
                          size_t kept, size_t first, size_t last) {
    size_t n, nv;
    for (size_t slot = 0; slot < kept; slot += n) {
        n = count_alike(s, kept, slot, &nv);
        nr_cell_gradient(k, c, op, g, slot, n, nv, first, last);
    }
}

void nr_recurrent_gradient(const nr_kernels *k, const nr_plan *plan,
                           const nr_op *op, float *g, const nr_strand *s,
                           size_t unroll, const float *frame, size_t first,
                           size_t last) {
    size_t field = nr_recurrent_field(plan, op), kept = kept_of(s, unroll);
    nr_track t = nr_track_in(plan, field, unroll, (float *)frame);
    if (op == t.embed) {
        embed_gradient(&t, g, s, kept, first, last);
        return;
    }
    for (size_t i = 0; i < t.n; i++)
        if (op == t.cells[i].op || op == t.cells[i].state_op)
            cell_gradient(k, &t.cells[i], op, g, s, kept, first, last);
}
