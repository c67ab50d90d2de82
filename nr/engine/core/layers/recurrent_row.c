/* The sequences of one row: see recurrent.h. As recurrent.c runs panels, field by field
 * and step by step, but with units in lanes: a panel of one row would compute sixteen. */

#include <string.h>

#include "layers/layer.h"
#include "layers/recurrent.h"

enum { VECTOR = 16 };

static size_t whole(size_t floats) {
    return (floats + VECTOR - 1) / VECTOR * VECTOR + VECTOR;
}

/* A field's layers, each ready for its next step. */
typedef struct track {
    const nr_op *embed; /* NULL: steps are numbers */
    size_t width, n;
    bool lstm;
    nr_cell_row cells[NR_MAX_RECURRENT];
} track;

static float *take(float **frame, size_t floats) {
    float *at = *frame;
    *frame += whole(floats);
    return at;
}

/* Of the next field, whose first operation is at *op. */
static track next_track(const nr_plan *plan, size_t field, const float *w,
                        const nr_op **op, float *frame) {
    const nr_recurrent *r = &plan->recurrent;
    track t = {.width = r->of[field].width, .n = r->layers,
               .lstm = r->cell == NR_LSTM};
    if (r->of[field].symbols) t.embed = (*op)++;
    for (size_t l = 0; l < t.n; l++) {
        nr_cell_row *c = &t.cells[l];
        size_t units = r->units[l], gates = (t.lstm ? 4 : 3) * units;
        c->in = l ? r->units[l - 1] : t.width;
        c->units = units;
        c->w = w + (*op)++->at;
        if (!t.lstm) c->state_w = w + (*op)++->at;
        c->x = take(&frame, c->in + units);
        c->sums = take(&frame, gates);
        c->state = take(&frame, t.lstm ? units : gates);
    }
    return t;
}

size_t nr_row_frame_floats(const nr_plan *plan) {
    const nr_recurrent *r = &plan->recurrent;
    size_t most = 0;
    for (size_t f = 0; f < r->fields; f++) {
        size_t in = r->of[f].width, floats = 0;
        for (size_t l = 0; l < r->layers; in = r->units[l++])
            floats += whole(in + r->units[l]) + 2 * whole(4 * r->units[l]);
        if (floats > most) most = floats;
    }
    return most;
}

static void run_step(const nr_kernels *k, const track *t, const float *x,
                     bool begins) {
    for (size_t l = 0; l < t->n; l++) {
        const nr_cell_row *c = &t->cells[l];
        memcpy(c->x, x, c->in * sizeof *x);
        (t->lstm ? k->lstm_row : k->gru_row)(c, begins);
        x = c->x + c->in;
    }
}

void nr_recurrent_row(const nr_kernels *k, const nr_plan *plan, const float *w,
                      const nr_sequences *sequences, const float *numbers,
                      float *frame, float *inputs) {
    const nr_recurrent *r = &plan->recurrent;
    const nr_op *op = &plan->ops[plan->n];
    size_t floats = nr_row_frame_floats(plan);
    for (size_t f = 0; f < r->fields; f++) {
        size_t place = nr_state_place(r, plan->ops[0].in, f);
        nr_steps steps = nr_sequences_get(sequences, f, (size_t)numbers[place]);
        track t = next_track(plan, f, w, &op, frame);
        memset(frame, 0, floats * sizeof *frame);
        for (size_t i = 0; i < steps.n; i++)
            run_step(k, &t, t.embed ? w + t.embed->at + steps.ids[i] * t.width
                                    : steps.x + i * t.width, i == 0);
        const nr_cell_row *last = &t.cells[t.n - 1];
        memcpy(inputs + place, last->x + last->in, last->units * sizeof *inputs);
    }
}

const float *nr_recurrent_next(const nr_kernels *k, const nr_plan *plan,
                               const float *w, float *frame, uint32_t id,
                               bool begins) {
    const nr_op *op = &plan->ops[plan->n];
    track t = next_track(plan, 0, w, &op, frame);
    run_step(k, &t, w + t.embed->at + (size_t)id * t.width, begins);
    return t.cells[t.n - 1].x + t.cells[t.n - 1].in;
}
