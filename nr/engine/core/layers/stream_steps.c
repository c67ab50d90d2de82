/* The recurrent layers of a stream, there and back: see stream.h. */

#include <string.h>

#include "layers/stream.h"

/* Parts that are read one after the other by one thread; and floats of a layer's weights
 * that do not stay in the second cache. */
enum { PARTS = 5, FAR = 1 << 19 };

/* Parts from `first` on. */
typedef struct some_parts {
    size_t first, n, row, rows; /* their first row, and how many */
} some_parts;

/* How many a unit has. What they keep is near while they are few; but each of their
 * steps reads all weights, and where these are far, a thread takes all of its parts at
 * once. */
static size_t parts_at_once(const nr_stream *s) {
    size_t shared = (s->parts + nr_team_size(s->team) - 1) / nr_team_size(s->team);
    size_t most = 0;
    for (size_t l = 0; l < s->n; l++) {
        const nr_stream_layer *c = &s->layers[l];
        size_t floats = c->groups * c->state_in * NR_LANES;
        if (floats > most) most = floats;
    }
    return most > FAR && shared > PARTS ? shared : PARTS;
}

static some_parts parts_of(const nr_stream *s, size_t unit) {
    size_t parts = parts_at_once(s), first = unit * parts, left = s->parts - first;
    size_t n = left < parts ? left : parts;
    return (some_parts){first, n, first * s->steps, n * s->steps};
}

static size_t units_of(const nr_stream *s) {
    size_t parts = parts_at_once(s);
    return (s->parts + parts - 1) / parts;
}

/* A part's slot: what its step `t` begins with. */
static size_t slot(const nr_stream *s, const nr_stream_layer *c, size_t part,
                   size_t t) {
    return (part * (s->unroll + 1) + t) * c->h_step;
}

/* What is left out follows from where it is; on the way back its delta is, too. */
static void drop(const nr_stream *s, float *x, size_t row_step, size_t units,
                 size_t layer, const some_parts *p) {
    uint64_t out = (uint64_t)(s->dropout * 0x1p32);
    uint64_t key = nr_mix(s->key + layer);
    float kept = (float)(1 / (1 - s->dropout));
    for (size_t i = 0; i < p->rows && out; i++) {
        size_t row = p->row + i;
        uint64_t step = nr_mix(key + row % s->steps);
        uint64_t place = nr_mix(step + row / s->steps);
        float *at = x + row * row_step;
        for (size_t u = 0; u < units; u++)
            at[u] *= nr_mix(place + u) >> 32 < out ? 0 : kept;
    }
}

/* ================================ Forward ================================ */

static const float *embedded(const nr_stream *s, uint32_t id) {
    return s->w + s->embed + (size_t)id * s->row_step;
}

/* To rows of x what comes in at layer l, or behind the last one. */
static void take_inputs(const nr_stream *s, size_t l, float *x, size_t row_step,
                        const some_parts *p) {
    const nr_stream_layer *below = &s->layers[l - (l > 0)];
    size_t units = l ? below->units : s->width;
    for (size_t part = p->first; part < p->first + p->n; part++)
        for (size_t t = 0; t < s->steps; t++) {
            size_t row = part * s->steps + t;
            memcpy(x + row * row_step,
                   l ? below->h + slot(s, below, part, t + 1)
                     : embedded(s, s->ids[row]),
                   units * sizeof *x);
        }
    drop(s, x, row_step, units, l, p);
}

static nr_unit_step step_of(const nr_stream *s, const nr_stream_layer *c,
                            size_t t, const some_parts *p) {
    size_t gates = (p->row + t) * NR_LANES, at = slot(s, c, p->first, t);
    return (nr_unit_step){.rows = p->n,
                          .groups = c->groups,
                          .gates = c->gates + gates,
                          .sums = c->lstm ? NULL : c->sums + gates,
                          .group = nr_stream_rows(s) * NR_LANES,
                          .row = s->steps * NR_LANES,
                          .state = c->lstm ? c->c + at : NULL,
                          .out = c->h + at,
                          .state_row = (s->unroll + 1) * c->h_step,
                          .state_slot = c->h_step};
}

static void run_step(const nr_stream *s, const nr_stream_layer *c, size_t t,
                     const some_parts *p) {
    nr_unit_step step = step_of(s, c, t, p);
    nr_product x = {.a = step.out, .c_step = step.row,
                    .step_m = step.state_row, .step_k = 1,
                    .b_step = NR_LANES, .m = p->n, .blocks = 1,
                    .k = c->state_in, .nv = c->lstm ? 4 : 3,
                    .resume = c->lstm};
    for (size_t g = 0; g < c->groups; g++) {
        x.c = (c->lstm ? step.gates : step.sums) + g * step.group;
        x.b = s->w + c->h_weights + g * c->state_in * NR_LANES;
        nr_stream_product(s, &x);
    }
    (c->lstm ? s->k->lstm_units : s->k->gru_units)(&step);
    for (size_t i = 0; i < p->n && !c->lstm; i++)
        c->h[slot(s, c, p->first + i, t + 1) + c->units] = 1;
}

static void run_layer(const nr_stream *s, const nr_stream_layer *c,
                      const some_parts *p) {
    nr_product x = {.a = c->x + p->row * c->x_step, .c_step = NR_LANES,
                    .step_m = c->x_step, .step_k = 1, .b_step = NR_LANES,
                    .m = p->rows, .blocks = 1, .k = c->in + 1,
                    .nv = c->lstm ? 4 : 3};
    for (size_t g = 0; g < c->groups; g++) {
        x.c = c->gates + (g * nr_stream_rows(s) + p->row) * NR_LANES;
        x.b = s->w + c->x_weights + g * (c->in + 1) * NR_LANES;
        nr_stream_product(s, &x);
    }
    for (size_t t = 0; t < s->steps; t++) run_step(s, c, t, p);
}

static void forward_job(void *context, size_t unit) {
    const nr_stream *s = context;
    some_parts p = parts_of(s, unit);
    for (size_t l = 0; l < s->n; l++) {
        const nr_stream_layer *c = &s->layers[l];
        take_inputs(s, l, c->x, c->x_step, &p);
        run_layer(s, c, &p);
    }
    take_inputs(s, s->n, s->y, s->row_step, &p);
}

/* ================================ Backward =============================== */

/* The n-th group of all layers, and of which that is. */
static const nr_stream_layer *group_of(const nr_stream *s, size_t *n) {
    const nr_stream_layer *c = s->layers;
    for (; *n >= c->groups; c++) *n -= c->groups;
    return c;
}

static size_t groups_of(const nr_stream *s) {
    size_t n = 0;
    for (size_t l = 0; l < s->n; l++) n += s->layers[l].groups;
    return n;
}

static void turn(const nr_stream *s, const nr_stream_layer *c, size_t group,
                 float *to, const float *w, size_t in) {
    for (size_t p = 0; p < nr_unit_panels(in); p++) {
        size_t first = nr_unit_panel(in, p), last = nr_unit_panel(in, p + 1);
        s->k->turn(to + (p * c->groups + group) * NR_LANES * NR_LANES, NR_LANES,
                   w + first * NR_LANES, NR_LANES,
                   (last < in ? last : in) - first, NR_LANES);
    }
}

static void turn_job(void *context, size_t unit) {
    const nr_stream *s = context;
    const nr_stream_layer *c = group_of(s, &unit);
    turn(s, c, unit, c->x_turned,
         s->w + c->x_weights + unit * (c->in + 1) * NR_LANES, c->in);
    turn(s, c, unit, c->h_turned,
         s->w + c->h_weights + unit * c->state_in * NR_LANES, c->units);
}

/* Deltas of some inputs from those of all gates. */
static void pass_back(const nr_stream *s, const nr_stream_layer *c,
                      const float *turned, size_t in, nr_product *x, float *to) {
    x->a_block = nr_stream_rows(s) * NR_LANES;
    x->step_k = 1, x->k = x->b_step = NR_LANES;
    x->blocks = c->groups;
    for (size_t p = 0; p < nr_unit_panels(in); p++) {
        x->c = to + nr_unit_panel(in, p);
        x->b = turned + p * c->groups * NR_LANES * NR_LANES;
        x->nv = nr_panel_vectors(in, p);
        nr_stream_product(s, x);
    }
}

static void back_step(const nr_stream *s, const nr_stream_layer *c, size_t t,
                      const float *more, size_t more_step, const some_parts *p) {
    nr_unit_step step = step_of(s, c, t, p);
    step.delta = c->delta + p->first * c->h_step;
    step.carry = c->carry + p->first * c->h_step;
    step.delta_row = c->h_step;
    step.more = more + (p->row + t) * more_step;
    step.more_row = s->steps * more_step;
    (c->lstm ? s->k->lstm_units_back : s->k->gru_units_back)(&step);
    nr_product x = {.a = c->lstm ? step.gates : step.sums,
                    .step_m = step.row, .c_step = c->h_step, .m = p->n};
    if (t)
        pass_back(s, c, c->h_turned, c->units, &x,
                  c->delta + p->first * c->h_step);
}

static void backward_job(void *context, size_t unit) {
    const nr_stream *s = context;
    some_parts p = parts_of(s, unit);
    const float *more = s->want;
    size_t more_step = s->row_step;
    drop(s, s->want, s->row_step, s->top, s->n, &p);
    for (size_t l = s->n; l-- > 0;) {
        const nr_stream_layer *c = &s->layers[l];
        size_t states = p.n * c->h_step * sizeof(float);
        memset(c->delta + p.first * c->h_step, 0, states);
        memset(c->carry + p.first * c->h_step, 0, states);
        for (size_t t = s->steps; t-- > 0;)
            back_step(s, c, t, more, more_step, &p);
        nr_product x = {.a = c->gates + p.row * NR_LANES, .step_m = NR_LANES,
                        .c_step = c->x_step, .m = p.rows};
        pass_back(s, c, c->x_turned, c->in, &x, c->back + p.row * c->x_step);
        drop(s, c->back, c->x_step, c->in, l, &p);
        more = c->back, more_step = c->x_step;
    }
}

static void gradient_job(void *context, size_t unit) {
    const nr_stream *s = context;
    const nr_stream_layer *c = group_of(s, &unit);
    size_t gates = unit * nr_stream_rows(s) * NR_LANES;
    nr_product x = {.c = s->g + c->x_weights + unit * (c->in + 1) * NR_LANES,
                    .c_step = NR_LANES, .a = c->x, .step_m = 1,
                    .step_k = c->x_step, .b = c->gates + gates,
                    .b_step = NR_LANES, .m = c->in + 1, .blocks = 1,
                    .k = nr_stream_rows(s), .nv = c->lstm ? 4 : 3};
    nr_stream_product(s, &x);
    x.c = s->g + c->h_weights + unit * c->state_in * NR_LANES;
    x.a = c->h, x.step_k = c->h_step, x.m = c->state_in;
    x.b = (c->lstm ? c->gates : c->sums) + gates;
    x.blocks = s->parts, x.k = s->steps;
    x.a_block = (s->unroll + 1) * c->h_step;
    nr_stream_product(s, &x);
}

static void embed_gradient(nr_stream *s) {
    const nr_stream_layer *c = &s->layers[0];
    s->ntouched = 0;
    for (size_t i = 0; i < nr_stream_rows(s); i++) {
        uint32_t id = s->ids[i];
        s->k->decay(s->g + s->embed + id * s->row_step, c->back + i * c->x_step,
                    s->width, 1, 1); /* the sum */
        if (!s->touches[id]) s->touched[s->ntouched++] = id;
        s->touches[id] = true;
    }
    for (size_t i = 0; i < s->ntouched; i++) s->touches[s->touched[i]] = false;
}

/* ================================= Both ================================== */

double nr_stream_read(nr_stream *s, const float *w, float *g) {
    double loss = 0;
    s->w = w, s->g = g, s->learn = g != NULL;
    nr_team_run(s->team, forward_job, s, units_of(s));
    nr_stream_ask(s);
    for (size_t i = 0; i < nr_stream_rows(s); i++) loss += (double)s->losses[i];
    if (!g) return loss;
    nr_team_run(s->team, turn_job, s, groups_of(s));
    nr_team_run(s->team, backward_job, s, units_of(s));
    nr_team_run(s->team, gradient_job, s, groups_of(s));
    embed_gradient(s);
    return loss;
}
