/* The steps and cycles of a language model's training: see language.h. */

#include <math.h>
#include <string.h>

#include "train/generators.h"
#include "train/language.h"
#include "train/recurrent.h"

enum { BLOCKS = 8 }; /* of a gradient, that a thread takes at once */

/* ================================== Steps ================================ */

/* By row what is read, what comes next, and what it counts: 0 behind the end of the
 * stream. */
static void take_rows(nr_language *lm, size_t steps) {
    const nr_reader *r = &lm->reader;
    uint32_t *ids = lm->ids, *next = ids + (lm->stream.next - lm->stream.ids);
    size_t row = 0;
    for (size_t part = 0; part < r->parts; part++)
        for (size_t t = 0; t < steps; t++, row++) {
            size_t at = part * r->each + r->at + t;
            bool there = at < r->of->n;
            ids[row] = there ? r->of->ids[at] : NR_END_SYMBOL;
            next[row] = there ? r->of->ids[at + 1] : NR_END_SYMBOL;
            lm->counts[row] = there;
        }
}

/* ================================== Moves ================================ */

/* A gradient's, and how far it moves. Of an embedding of its own it is mostly 0: where
 * nothing else moves its weights, those of the symbols that were read are taken. */
typedef struct move {
    nr_trainer *t;
    size_t floats; /* without such an embedding */
    float scale, decay;
} move;

static size_t end_of(const move *m, size_t at) {
    size_t end = at + NR_GRADIENT_BLOCK;
    return end < m->floats ? end : m->floats;
}

static void square_job(void *context, size_t unit) {
    const move *m = context;
    const nr_language *lm = m->t->language;
    size_t first = unit * BLOCKS, last = first + BLOCKS;
    if (last > nr_language_blocks(m->floats)) last = nr_language_blocks(m->floats);
    for (size_t i = first; i < last; i++) {
        size_t at = i * NR_GRADIENT_BLOCK;
        lm->squares[i] = m->t->k->squares(lm->g + at, end_of(m, at) - at);
    }
}

static void move_some(const move *m, size_t at, size_t n) {
    nr_trainer *t = m->t;
    float *w = t->now->w + at, *g = t->language->g + at;
    t->k->decay(g, w, n, m->scale, m->decay);
    if (t->net->h.options.optimizer == NR_SGD) /* without a memory */
        t->k->sgd(w, g, g, n, (float)(t->rate * t->rate_now), 0);
    else
        nr_optimise(t, w, g, at, n);
}

static void move_job(void *context, size_t unit) {
    const move *m = context;
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t at = (unit * BLOCKS + i) * NR_GRADIENT_BLOCK;
        if (at < m->floats) move_some(m, at, end_of(m, at) - at);
    }
}

static size_t units_of(const move *m) {
    return (nr_language_blocks(m->floats) + BLOCKS - 1) / BLOCKS;
}

/* Where a symbol's own embedding begins. */
static size_t touched_at(const nr_stream *s, size_t i) {
    return s->embed + s->touched[i] * s->row_step;
}

static double length_of(const move *m) {
    nr_language *lm = m->t->language;
    const nr_stream *s = &lm->stream;
    double sum = 0;
    nr_team_run(m->t->team, square_job, (void *)m, units_of(m));
    for (size_t i = 0; i < nr_language_blocks(m->floats); i++)
        sum += lm->squares[i];
    for (size_t i = 0; i < s->ntouched && !s->tied; i++)
        sum += s->k->squares(lm->g + touched_at(s, i), s->row_step);
    return sqrt(sum);
}

/* The gradient is that of the mean over parts, summed over steps: what a part
 * teaches in a step does not become less by longer steps. */
static void move_weights(nr_trainer *t, size_t steps) {
    nr_language *lm = t->language;
    nr_stream *s = &lm->stream;
    bool few = !s->tied && t->l2 == 0 &&
               t->net->h.options.optimizer == NR_SGD;
    move m = {.t = t, .floats = s->tied ? s->floats : s->embed};
    double length = length_of(&m), most = t->clip * (double)t->batch;
    m.scale = (length > most ? (float)(most / length) : 1) / (float)t->batch;
    m.decay = (float)(t->l2 * (double)steps);
    t->now->power1 *= 0.9;
    t->now->power2 *= 0.999;
    t->rate_now = nr_rate_now(t);
    if (!few) m.floats = s->floats;
    nr_team_run(t->team, move_job, &m, units_of(&m));
    for (size_t i = 0; i < s->ntouched && !s->tied; i++) {
        if (few) move_some(&m, touched_at(s, i), s->row_step);
        memset(lm->g + touched_at(s, i), 0, s->row_step * sizeof *lm->g);
    }
}

/* The next steps of all parts; their losses. */
static double run_chunk(nr_trainer *t, bool learn) {
    nr_language *lm = t->language;
    nr_reader *r = &lm->reader;
    nr_stream *s = &lm->stream;
    size_t left = r->each - r->at, n = left < s->unroll ? left : s->unroll;
    take_rows(lm, n);
    s->steps = n;
    s->dropout = learn ? t->dropout : 0;
    s->key = nr_mix(t->now->shuffle ^ nr_mix(lm->chunks));
    double loss = nr_stream_read(s, t->now->w, learn ? lm->g : NULL);
    nr_stream_carry(s);
    if (learn) move_weights(t, n);
    r->at += n;
    lm->chunks++;
    return loss;
}

/* ================================= Cycles ================================ */

static void test(nr_trainer *t) {
    nr_language *lm = t->language;
    double loss = 0;
    if (!lm->tested.n) return;
    nr_language_read(t, &lm->tested, nr_language_tested_parts(lm->tested.n));
    while (lm->reader.at < lm->reader.each) loss += run_chunk(t, false);
    t->now->test_error = loss / (double)lm->tested.n;
}

static void end_cycle(nr_trainer *t) {
    nr_language *lm = t->language;
    t->now->train_error = lm->loss / (double)lm->learned.n;
    test(t);
    lm->loss = 0;
    nr_generator_end_cycle(t);
    nr_language_read(t, &lm->learned, t->batch);
}

size_t nr_language_done(const nr_trainer *t) {
    const nr_language *lm = t->language;
    size_t done = lm->reader.at * lm->reader.parts;
    return done < lm->learned.n ? done : lm->learned.n;
}

void nr_language_chunk(nr_trainer *t) {
    nr_language *lm = t->language;
    lm->loss += run_chunk(t, true);
    t->done = nr_language_done(t);
    if (lm->reader.at == lm->reader.each) end_cycle(t);
}

void nr_language_step(nr_trainer *t, uint64_t elapsed_ms) {
    double each = 3 * (double)t->params * (double)t->language->stream.unroll *
                  (double)t->batch;
    nr_generator_step(t, elapsed_ms, each, nr_language_chunk);
}

void nr_language_finalize(nr_trainer *t) {
    nr_generator_keep_best(t);
    nr_stream_give(&t->language->stream, t->now->w, t->f.layers);
}
