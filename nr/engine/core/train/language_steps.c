/* The steps and cycles of a language model's training: see language.h. */

#include <math.h>
#include <string.h>

#include "train/language.h"
#include "train/recurrent.h"

enum {
    IMPATIENT = 6,       /* a training ends after such a part of its cycles
                            without progress */
    TESTED_AT_ONCE = 16, /* parts of the testing stream, */
    LEAST_TESTED = 1000  /* each of so many symbols */
};
static const double STEP_WORK = 5e7; /* multiply-adds */

/* ================================== Steps ================================ */

/* Of a panel's lanes at a step: what is read, what comes next, and what it counts:
 * 0 behind the end of the stream. */
static void take_lanes(const nr_language *lm, size_t panel, size_t t,
                       uint32_t *ids, float *next, float *counts) {
    const nr_reader *r = &lm->reader;
    for (size_t l = 0; l < NR_LANES; l++) {
        size_t part = panel * NR_LANES + l;
        size_t at = part * r->each + r->at + t;
        bool there = part < r->parts && at < r->of->n;
        ids[l] = there ? r->of->ids[at] : NR_END_SYMBOL;
        next[l] = there ? (float)r->of->ids[at + 1] : 0;
        counts[l] = there;
    }
}

/* A panel's steps; the sum of their losses. */
static double run_panel(nr_trainer *t, size_t panel, size_t n, bool learn) {
    nr_language *lm = t->language;
    nr_stream *s = &lm->streams[panel];
    const float *w = t->now->w;
    double loss = 0;
    s->dropout = learn ? t->dropout : 0;
    s->key = nr_mix(t->now->shuffle ^ nr_mix(lm->chunks)) + panel;
    for (size_t i = 0; i < n; i++) {
        uint32_t *ids = lm->ids + i * NR_LANES;
        float next[NR_LANES], counts[NR_LANES];
        take_lanes(lm, panel, i, ids, next, counts);
        nr_stream_step(s, w, i, ids);
        nr_target target = {.target = next, .weights = counts, .classes = true,
                            .units = nr_outputs(t->net),
                            .lanes = s->lanes.nv * 16};
        loss += nr_stream_loss(s, w, i, &target).error;
        if (learn) nr_stream_ask(s, w, lm->g, i);
    }
    if (learn) nr_stream_backward(s, w, lm->g, n, lm->ids);
    nr_stream_carry(s, n);
    return loss;
}

/* The gradient is that of the mean over parts, summed over steps: what a part
 * teaches in a step does not become less by longer steps. */
static void move(nr_trainer *t, size_t steps) {
    float *g = t->language->g;
    float scale = nr_clip_factor(t, g, t->batch) / (float)t->batch;
    t->now->power1 *= 0.9;
    t->now->power2 *= 0.999;
    t->rate_now = nr_rate_now(t);
    t->k->decay(g, t->now->w, t->params, scale, (float)(t->l2 * (double)steps));
    nr_optimise(t, t->now->w, g, 0, t->params);
}

/* The next steps of all parts; their losses. */
static double run_chunk(nr_trainer *t, bool learn) {
    nr_language *lm = t->language;
    nr_reader *r = &lm->reader;
    size_t left = r->each - r->at, n = left < lm->unroll ? left : lm->unroll;
    double loss = 0;
    if (learn) memset(lm->g, 0, t->params * sizeof *lm->g);
    for (size_t p = 0; p * NR_LANES < r->parts; p++)
        loss += run_panel(t, p, n, learn);
    if (learn) move(t, n);
    r->at += n;
    lm->chunks++;
    return loss;
}

/* ================================= Cycles ================================ */

static size_t parts_of_test(size_t symbols) {
    size_t parts = symbols / LEAST_TESTED;
    return parts < 1 ? 1 : parts < TESTED_AT_ONCE ? parts : TESTED_AT_ONCE;
}

static void test(nr_trainer *t) {
    nr_language *lm = t->language;
    double loss = 0;
    if (!lm->tested.n) return;
    nr_language_read(t, &lm->tested, parts_of_test(lm->tested.n));
    while (lm->reader.at < lm->reader.each) loss += run_chunk(t, false);
    t->now->test_error = loss / (double)lm->tested.n;
}

static void judge(nr_trainer *t) {
    nr_member *m = t->now;
    int64_t patience = t->net->h.options.patience;
    if (patience < 0) patience = (int64_t)(t->maxcycles / IMPATIENT) + 1;
    if (m->test_error < m->best_test) {
        m->best_test = m->test_error;
        m->best_train = m->train_error;
        m->best_cycle = t->cycles;
        memcpy(m->best, m->w, t->params * sizeof *m->w);
    } else if (t->cycles - m->best_cycle >= (uint64_t)patience) {
        t->ending = NR_ENDED_AUTOSTOP;
        t->over = true;
    }
}

static void end_cycle(nr_trainer *t) {
    nr_language *lm = t->language;
    nr_member *m = t->now;
    m->train_error = lm->loss / (double)lm->learned.n;
    t->steps += lm->learned.n;
    test(t);
    lm->loss = 0;
    t->done = 0;
    t->cycles++;
    nr_summarise(t);
    nr_course_add(t);
    if (!isfinite(m->train_error) || !isfinite(m->test_error)) {
        t->ending = NR_ENDED_DIVERGED;
        t->over = true;
    }
    if (t->autostop && !t->over) judge(t);
    if (!t->over && t->cycles >= t->maxcycles) {
        t->ending = NR_ENDED_CYCLES;
        t->over = true;
    }
    nr_language_read(t, &lm->learned, t->batch);
}

static void step(nr_trainer *t) {
    nr_language *lm = t->language;
    lm->loss += run_chunk(t, true);
    t->done = lm->reader.at * lm->reader.parts;
    if (t->done > lm->learned.n) t->done = lm->learned.n;
    if (lm->reader.at == lm->reader.each) end_cycle(t);
}

static void end_early(nr_trainer *t, nr_ending ending) {
    t->ending = ending;
    t->over = true;
}

void nr_language_step(nr_trainer *t, uint64_t elapsed_ms) {
    double each = 3 * (double)t->params * (double)t->language->unroll *
                  (double)t->batch;
    if (!t->over && t->cycles && t->maxtime && elapsed_ms >= t->maxtime)
        end_early(t, NR_ENDED_TIME);
    for (double done = 0; done < STEP_WORK && !t->over; done += each) {
        if (atomic_load_explicit(&t->stop, memory_order_relaxed))
            end_early(t, NR_ENDED_STOP);
        else
            step(t);
    }
}

void nr_language_finalize(nr_trainer *t) {
    nr_member *m = t->now;
    if (t->backtrack && isfinite(m->best_test)) {
        memcpy(m->w, m->best, t->params * sizeof *m->w);
        m->test_error = m->best_test;
        m->train_error = m->best_train;
        nr_summarise(t);
    }
    if (t->fields->h.options.tied) nr_stream_untie(t->plan, m->w);
}
