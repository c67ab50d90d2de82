/* See recurrent.h. A field's layers run step by step, each on what the one
 * before it has just put out; a layer's step is a dense layer of what comes in
 * and its own last output, side by side, and the cell's part of it. */

#include <string.h>

#include "layers/layer.h"
#include "layers/recurrent.h"

/* ============================= What lies where =========================== */

/* A layer of a field: its operations and its place in a frame. Steps of `inputs`
 * hold what comes in and the output before, and are one more than the others. */
typedef struct cell {
    bool lstm, passes_back; /* deltas of what comes in are wanted */
    size_t in, units, gates;
    const nr_op *op, *state_op;
    float *inputs, *sums, *states, *back, *delta, *carry;
} cell;

typedef struct track {
    const nr_op *embed; /* NULL: steps are numbers */
    size_t width, place, n;
    cell cells[NR_MAX_RECURRENT];
} track;

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

static void place_cell(cell *c, size_t unroll, float *frame, size_t *used) {
    size_t steps = unroll ? unroll : 1;
    c->inputs = take(frame, used, (steps + 1) * (c->in + c->units));
    c->sums = take(frame, used, steps * c->gates);
    c->states = take(frame, used, c->lstm ? (steps + 1) * c->units : 0);
    c->back = take(frame, used, c->passes_back ? unroll * c->in : 0);
    c->delta = take(frame, used, unroll ? c->units : 0);
    c->carry = take(frame, used, unroll ? c->units : 0);
}

static track track_of(const nr_plan *plan, size_t field, size_t unroll,
                      float *frame, size_t *used) {
    const nr_recurrent *r = &plan->recurrent;
    const nr_op *op = first_op(plan, field);
    track t = {.width = r->of[field].width, .n = r->layers};
    t.place = nr_state_place(r, plan->ops[0].in, field);
    if (r->of[field].symbols) t.embed = op++;
    for (size_t l = 0; l < t.n; l++) {
        cell *c = &t.cells[l];
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

static track track_in(const nr_plan *plan, size_t field, size_t unroll,
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

static float *inputs_at(const cell *c, size_t slot) {
    return c->inputs + slot * (c->in + c->units) * NR_LANES;
}
static float *outputs_at(const cell *c, size_t slot) {
    return inputs_at(c, slot) + c->in * NR_LANES;
}
static float *sums_at(const cell *c, size_t slot) {
    return c->sums + slot * c->gates * NR_LANES;
}
static float *state_at(const cell *c, size_t slot) {
    return c->lstm ? c->states + slot * c->units * NR_LANES
                   : outputs_at(c, slot);
}

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

/* Which lanes have begun at a step: the vectors that hold one of them, and a
 * mask unless these hold no others. */
typedef struct lanes {
    size_t nv;
    bool all;
    float mask[NR_LANES];
} lanes;

static bool has_begun(const nr_strand *s, size_t lane, size_t t) {
    return lane < s->lanes && s->of[lane].n + t >= s->longest;
}

static void find_lanes(const nr_strand *s, size_t t, lanes *to) {
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

static void copy_lanes(float *to, const float *from, size_t units, size_t nv) {
    for (size_t u = 0; u < units; u++)
        memcpy(to + u * NR_LANES, from + u * NR_LANES, nv * 16 * sizeof *to);
}

static void clear_lanes(float *to, size_t units, size_t first, size_t last) {
    for (size_t u = 0; u < units && first < last; u++)
        memset(to + u * NR_LANES + first * 16, 0,
               (last - first) * 16 * sizeof *to);
}

/* Vectors that join begin with a state of 0. */
static void clear_states(const track *t, size_t slot, size_t first,
                         size_t last) {
    for (size_t l = 0; l < t->n; l++) {
        const cell *c = &t->cells[l];
        clear_lanes(outputs_at(c, slot), c->units, first, last);
        if (c->lstm) clear_lanes(state_at(c, slot), c->units, first, last);
    }
}

/* What a lane's step comes in with; 0 before it begins. */
static const float *step_of(const nr_strand *s, size_t lane, size_t t,
                            const track *track, const float *w) {
    const nr_steps *steps = &s->of[lane];
    size_t at = t - (s->longest - steps->n);
    if (!track->embed) return steps->x + at * track->width;
    return w + track->embed->at + steps->ids[at] * track->width;
}

static void take_step(const track *track, const nr_strand *s, size_t t,
                      size_t nv, const float *w, float *to) {
    for (size_t l = 0; l < nv * 16; l++) {
        bool begun = has_begun(s, l, t);
        const float *x = begun ? step_of(s, l, t, track, w) : NULL;
        for (size_t i = 0; i < track->width; i++)
            to[i * NR_LANES + l] = begun ? x[i] : 0;
    }
}

static void add_up(const nr_kernels *k, const nr_op *op, const float *w,
                   const float *x, float *y, size_t nv) {
    const float *own = w + op->at;
    k->layer(y, own + nr_dense_row(op->out, 0), 1, op->out, x, own, op->out,
             op->in, nv);
}

static void run_cell(const nr_kernels *k, const cell *c, const float *w,
                     const lanes *l, size_t from, size_t to, size_t sums) {
    nr_cell_step step = {.units = c->units,
                         .nv = l->nv,
                         .mask = l->all ? NULL : l->mask,
                         .gates = sums_at(c, sums),
                         .before = state_at(c, from),
                         .after = state_at(c, to),
                         .out = outputs_at(c, to)};
    add_up(k, c->op, w, inputs_at(c, from), step.gates, l->nv);
    if (!c->lstm)
        add_up(k, c->state_op, w, outputs_at(c, from),
               step.gates + 3 * c->units * NR_LANES, l->nv);
    (c->lstm ? k->lstm : k->gru)(&step);
}

static void run_step(const nr_kernels *k, const track *t, const float *w,
                     const nr_strand *s, size_t kept, size_t at,
                     const lanes *l) {
    size_t from = slot_of(s, kept, at), to = slot_of(s, kept, at + 1);
    size_t sums = sums_slot(s, kept, at);
    take_step(t, s, at, l->nv, w, inputs_at(&t->cells[0], from));
    for (size_t i = 0; i < t->n; i++) {
        const cell *c = &t->cells[i];
        if (i)
            copy_lanes(inputs_at(c, from), outputs_at(c - 1, to), c->in,
                       l->nv);
        run_cell(k, c, w, l, from, to, sums);
    }
}

void nr_recurrent_forward(const nr_kernels *k, const nr_plan *plan,
                          const float *w, size_t field, const nr_strand *s,
                          size_t unroll, float *frame, float *inputs) {
    track t = track_in(plan, field, unroll, frame);
    size_t kept = kept_of(s, unroll), nv = 0;
    lanes l = {0};
    for (size_t at = 0; at < s->longest; at++) {
        if (!l.all || l.nv * 16 < s->lanes) find_lanes(s, at, &l);
        clear_states(&t, slot_of(s, kept, at), nv, l.nv);
        run_step(k, &t, w, s, kept, at, &l);
        nv = l.nv;
    }
    const cell *last = &t.cells[t.n - 1];
    size_t end = slot_of(s, kept, s->longest);
    clear_states(&t, end, nv, NR_LANES / 16);
    copy_lanes(inputs + t.place * NR_LANES, outputs_at(last, end), last->units,
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

/* Deltas of some of an operation's inputs. */
static void pass_back(const nr_kernels *k, const nr_op *op, const float *w,
                      const float *deltas, size_t first, size_t n, float *to,
                      size_t nv) {
    k->layer(to, w + op->at + nr_dense_row(op->out, first), op->out, 1, deltas,
             NULL, n, op->out, nv);
}

static float *back_at(const cell *c, size_t slot) {
    return c->back + slot * c->in * NR_LANES;
}

/* `more`: what the layer above wants of this step's output. */
static void back_cell(const nr_kernels *k, const cell *c, const float *w,
                      const lanes *l, size_t slot, const float *more) {
    nr_cell_step step = {.units = c->units,
                         .nv = l->nv,
                         .mask = l->all ? NULL : l->mask,
                         .gates = sums_at(c, slot),
                         .before = state_at(c, slot),
                         .after = state_at(c, slot + 1),
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
        pass_back(k, c->op, w, step.gates, 0, c->in, back_at(c, slot), l->nv);
}

void nr_recurrent_backward(const nr_kernels *k, const nr_plan *plan,
                           const float *w, size_t field, const nr_strand *s,
                           size_t unroll, float *frame, const float *deltas) {
    track t = track_in(plan, field, unroll, frame);
    size_t kept = kept_of(s, unroll), first = s->longest - kept;
    lanes l = {0};
    for (size_t i = 0; i < t.n; i++) {
        clear_lanes(t.cells[i].delta, t.cells[i].units, 0, NR_LANES / 16);
        clear_lanes(t.cells[i].carry, t.cells[i].units, 0, NR_LANES / 16);
    }
    const cell *top = &t.cells[t.n - 1];
    copy_lanes(top->delta, deltas + t.place * NR_LANES, top->units,
               (s->lanes + 15) / 16);
    for (size_t slot = kept; slot-- > 0;) {
        find_lanes(s, first + slot, &l);
        for (size_t i = t.n; i-- > 0;)
            back_cell(k, &t.cells[i], w, &l, slot,
                      i + 1 < t.n ? back_at(&t.cells[i + 1], slot) : NULL);
    }
}

/* ================================ Gradient =============================== */

/* Each symbol's row gets the deltas of its steps, step by step and in the order
 * of lanes: rows that no sample has are not touched. */
static void embed_gradient(const track *t, float *g, const nr_strand *s,
                           size_t kept, size_t first, size_t last) {
    const cell *c = &t->cells[0];
    for (size_t slot = 0; slot < kept; slot++)
        for (size_t l = 0; l < s->lanes; l++) {
            size_t at = s->longest - kept + slot;
            if (!has_begun(s, l, at)) continue;
            size_t id = s->of[l].ids[at - (s->longest - s->of[l].n)];
            if (id ? id - 1 < first || id - 1 >= last : first > 0) continue;
            const float *d = back_at(c, slot) + l;
            for (size_t i = 0; i < c->in; i++)
                g[id * c->in + i] += d[i * NR_LANES];
        }
}

/* Steps of equally many vectors at once. */
static size_t count_alike(const nr_strand *s, size_t kept, size_t slot,
                          size_t *nv) {
    size_t first = s->longest - kept, n = 0;
    lanes l;
    for (find_lanes(s, first + slot, &l), *nv = l.nv;
         slot + n < kept && l.nv == *nv; n++)
        if (slot + n + 1 < kept) find_lanes(s, first + slot + n + 1, &l);
    return n;
}

static void cell_gradient(const nr_kernels *k, const cell *c, const nr_op *op,
                          float *g, const nr_strand *s, size_t kept,
                          size_t first, size_t last) {
    bool state = op == c->state_op;
    size_t in_step = (c->in + c->units) * NR_LANES;
    size_t delta_step = c->gates * NR_LANES, n, nv;
    for (size_t slot = 0; slot < kept; slot += n) {
        n = count_alike(s, kept, slot, &nv);
        const float *in = state ? outputs_at(c, slot) : inputs_at(c, slot);
        const float *deltas = sums_at(c, slot);
        if (state) deltas += 3 * c->units * NR_LANES;
        k->step_gradient(g, in, in_step, deltas, delta_step, n, nv, first,
                         last, op->out);
    }
}

void nr_recurrent_gradient(const nr_kernels *k, const nr_plan *plan,
                           const nr_op *op, float *g, const nr_strand *s,
                           size_t unroll, const float *frame, size_t first,
                           size_t last) {
    size_t field = nr_recurrent_field(plan, op), kept = kept_of(s, unroll);
    track t = track_in(plan, field, unroll, (float *)frame);
    if (op == t.embed) {
        embed_gradient(&t, g, s, kept, first, last);
        return;
    }
    for (size_t i = 0; i < t.n; i++)
        if (op == t.cells[i].op || op == t.cells[i].state_op)
            cell_gradient(k, &t.cells[i], op, g, s, kept, first, last);
}
