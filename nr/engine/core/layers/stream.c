/* Where what streams are made of lies: see stream.h. */

#include <string.h>

#include "kernels/dense.h"
#include "layers/stream.h"

/* ================================= Sizes ================================= */

static void shape_layer(nr_stream *s, size_t l, const nr_op **op, size_t *at) {
    const nr_recurrent *r = &s->plan->recurrent;
    nr_stream_layer *c = &s->layers[l];
    c->lstm = r->cell == NR_LSTM;
    c->in = l ? r->units[l - 1] : s->width;
    c->units = r->units[l];
    c->groups = (c->units + 15) / 16;
    c->state_in = c->units + !c->lstm;
    c->x_step = nr_whole(c->in + 1);
    c->h_step = nr_whole(c->state_in);
    c->x_weights = *at;
    c->h_weights = *at + c->groups * (c->in + 1) * NR_LANES;
    *at = c->h_weights + c->groups * c->state_in * NR_LANES;
    c->op = (*op)++;
    if (!c->lstm) c->state_op = (*op)++;
}

void nr_stream_shape(nr_stream *s, const nr_plan *plan, bool tied,
                     size_t parts, size_t unroll) {
    const nr_op *op = &plan->ops[plan->n + 1]; /* behind the embedding */
    *s = (nr_stream){.plan = plan, .tied = tied};
    s->n = plan->recurrent.layers;
    s->width = plan->recurrent.of[0].width;
    s->top = plan->ops[0].in;
    s->symbols = plan->ops[0].out;
    s->row_step = nr_whole((s->width > s->top ? s->width : s->top) + 1);
    s->most_parts = parts;
    s->unroll = unroll;
    for (size_t l = 0; l < s->n; l++) shape_layer(s, l, &op, &s->floats);
    s->softmax = s->embed = s->floats;
    s->floats += s->symbols * s->row_step;
    if (tied) return;
    s->embed = s->floats;
    s->floats += s->symbols * s->row_step;
}

/* Takes floats from the memory; counts them where there is none. */
typedef struct taking {
    float *memory;
    uint64_t n;
} taking;

static float *take(taking *t, uint64_t n) {
    float *at = t->memory ? t->memory + t->n : NULL;
    t->n += (n + 15) / 16 * 16;
    return at;
}

static void place_layer(const nr_stream *s, nr_stream_layer *c, taking *t) {
    size_t rows = s->most_parts * s->unroll;
    size_t slots = s->most_parts * (s->unroll + 1);
    size_t gates = rows * c->groups * NR_LANES;
    size_t turned = c->groups * NR_LANES * NR_LANES;
    c->x = take(t, rows * c->x_step);
    c->back = take(t, rows * c->x_step);
    c->gates = take(t, gates);
    c->sums = take(t, c->lstm ? 0 : gates);
    c->h = take(t, slots * c->h_step);
    c->c = take(t, c->lstm ? slots * c->h_step : 0);
    c->delta = take(t, s->most_parts * c->h_step);
    c->carry = take(t, s->most_parts * c->h_step);
    c->x_turned = take(t, nr_unit_panels(c->in) * turned);
    c->h_turned = take(t, nr_unit_panels(c->units) * turned);
}

static uint64_t place(nr_stream *s, float *memory) {
    taking t = {memory, 0};
    size_t rows = s->most_parts * s->unroll, some = nr_unit_panels(rows);
    if (some > NR_ASKED_PANELS) some = NR_ASKED_PANELS;
    for (size_t l = 0; l < s->n; l++) place_layer(s, &s->layers[l], &t);
    s->y = take(&t, rows * s->row_step);
    s->want = take(&t, rows * s->row_step);
    s->powers = take(&t, some * s->symbols * NR_LANES);
    s->y_turned = take(&t, some * (s->top + 1) * NR_LANES);
    s->want_turned = take(&t, some * s->top * NR_LANES);
    s->scaled = take(&t, nr_unit_panels(s->top + 1) * NR_ASKED * NR_LANES);
    s->less = take(&t, NR_ASKED);
    s->total = take(&t, NR_ASKED);
    s->factors = take(&t, NR_ASKED);
    s->losses = take(&t, rows);
    return t.n;
}

uint64_t nr_stream_memory(const nr_stream *s) {
    nr_stream like = *s;
    return place(&like, NULL);
}

void nr_stream_place(nr_stream *s, float *memory, uint32_t *touched,
                     bool *touches) {
    size_t rows = s->most_parts * s->unroll;
    memset(memory, 0, place(s, memory) * sizeof *memory);
    memset(touches, 0, s->symbols * sizeof *touches);
    s->touched = touched;
    s->touches = touches;
    for (size_t i = 0; i < rows; i++) {
        s->y[i * s->row_step + s->top] = 1;
        for (size_t l = 0; l < s->n; l++)
            s->layers[l].x[i * s->layers[l].x_step + s->layers[l].in] = 1;
    }
}

/* ================================ Weights ================================ */

/* Copies between the two, `back` to the network's. */
static void copy(float *network, float *own, bool back) {
    if (back)
        *network = *own;
    else
        *own = *network;
}

/* An operation's rows from `first` on, `in` of them and perhaps the biases. */
static void copy_groups(const nr_stream_layer *c, const nr_op *op, size_t first,
                        size_t in, bool biases, float *network, float *own,
                        bool back) {
    size_t gates = op->out / c->units;
    for (size_t u = 0; u < c->units; u++)
        for (size_t i = 0; i < in + biases; i++) {
            size_t row = i < in ? nr_dense_row(op->out, first + i) : 0;
            float *to = own + (u / 16 * (in + biases) + i) * NR_LANES + u % 16;
            for (size_t gate = 0; gate < gates; gate++)
                copy(network + op->at + row + gate * c->units + u,
                     to + gate * 16, back);
        }
}

static void copy_symbols(const nr_stream *s, float *network, float *own,
                         bool back) {
    const nr_op *op = &s->plan->ops[0], *embed = &s->plan->ops[s->plan->n];
    for (size_t v = 0; v < s->symbols; v++) {
        float *row = own + s->softmax + v * s->row_step;
        float *read = own + s->embed + v * s->row_step;
        copy(network + op->at + v, row + s->top, back);
        for (size_t i = 0; i < s->width; i++)
            copy(network + embed->at + v * s->width + i, read + i, back);
        for (size_t i = 0; i < s->top && (!s->tied || back); i++)
            copy(network + op->at + nr_dense_row(op->out, i) + v, row + i, back);
    }
}

static void copy_weights(const nr_stream *s, float *network, float *own,
                         bool back) {
    for (size_t l = 0; l < s->n; l++) {
        const nr_stream_layer *c = &s->layers[l];
        const nr_op *state = c->lstm ? c->op : c->state_op;
        copy_groups(c, c->op, 0, c->in, true, network, own + c->x_weights, back);
        copy_groups(c, state, c->lstm ? c->in : 0, c->units, !c->lstm, network,
                    own + c->h_weights, back);
    }
    copy_symbols(s, network, own, back);
}

void nr_stream_take(const nr_stream *s, const float *weights, float *w) {
    memset(w, 0, s->floats * sizeof *w);
    copy_weights(s, (float *)weights, w, false);
}

void nr_stream_give(const nr_stream *s, const float *w, float *weights) {
    copy_weights(s, weights, (float *)w, true);
}

/* ================================= States ================================ */

void nr_stream_begin(nr_stream *s, size_t parts) {
    s->parts = parts;
    for (size_t l = 0; l < s->n; l++)
        for (size_t p = 0; p < parts; p++) {
            nr_stream_layer *c = &s->layers[l];
            size_t at = p * (s->unroll + 1) * c->h_step;
            memset(c->h + at, 0, c->h_step * sizeof *c->h);
            if (c->lstm)
                memset(c->c + at, 0, c->h_step * sizeof *c->c);
            else
                c->h[at + c->units] = 1;
        }
}

void nr_stream_carry(nr_stream *s) {
    for (size_t l = 0; l < s->n; l++)
        for (size_t p = 0; p < s->parts; p++) {
            nr_stream_layer *c = &s->layers[l];
            size_t at = p * (s->unroll + 1) * c->h_step;
            size_t from = at + s->steps * c->h_step;
            memmove(c->h + at, c->h + from, c->h_step * sizeof *c->h);
            if (c->lstm)
                memmove(c->c + at, c->c + from, c->h_step * sizeof *c->c);
        }
}
