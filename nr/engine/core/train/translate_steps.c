/* The steps and cycles of a training from sequence to sequence: see translate.h. */

#include <stdlib.h>
#include <string.h>

#include "run/beam.h"
#include "train/generators.h"
#include "train/recurrent.h"
#include "train/translate.h"

enum {
    GROUP = 32,    /* mini-batches that are sorted by length together */
    SLICE = 1 << 14 /* weights that are moved at once */
};

/* ================================= Panels ================================ */

static void take_phrases(nr_booth *b, const nr_phrases *from, nr_phrase *in,
                         nr_phrase *out) {
    b->steps = 0;
    for (size_t l = 0; l < b->n; l++) {
        in[l] = nr_phrase_of(from, b->samples[l], 0);
        out[l] = nr_phrase_of(from, b->samples[l], 1);
        if (out[l].n + 1 > b->steps) b->steps = out[l].n + 1;
    }
}

/* What was told before step t, by lane, what is to be told, and what that counts: 0
 * behind the end. */
static void take_step(const nr_booth *b, const nr_phrase *out, size_t t,
                      uint32_t *before, float *next, float *counts) {
    for (size_t l = 0; l < NR_LANES; l++) {
        bool there = l < b->n && t <= out[l].n;
        before[l] = there && t ? out[l].ids[t - 1] : NR_END_SYMBOL;
        next[l] = there && t < out[l].n ? (float)out[l].ids[t]
                                        : (float)NR_END_SYMBOL;
        counts[l] = there;
    }
}

static void run_panel(void *context, size_t unit) {
    nr_trainer *t = context;
    nr_translation *tr = t->translation;
    nr_booth *b = &tr->booths[unit];
    nr_phrase in[NR_LANES], out[NR_LANES];
    const float *w = t->now->w;
    take_phrases(b, tr->from, in, out);
    b->loss = 0;
    b->s.dropout = tr->learn ? t->dropout : 0;
    b->s.key = nr_mix(t->now->shuffle ^ nr_mix(t->cycles << 32 | tr->at)) + unit;
    if (tr->learn) memset(b->g, 0, t->params * sizeof *b->g);
    nr_translator_read(&b->s, w, in, b->n);
    for (size_t i = 0; i < b->steps; i++) {
        float next[NR_LANES], counts[NR_LANES];
        uint32_t *before = b->before + i * NR_LANES;
        take_step(b, out, i, before, next, counts);
        nr_translator_step(&b->s, w, i, before);
        nr_target target = {.target = next, .weights = counts, .classes = true,
                            .units = nr_outputs(t->net), .lanes = b->n};
        b->loss += nr_translator_loss(&b->s, &target).error;
        if (tr->learn) nr_translator_ask(&b->s, w, b->g, i);
    }
    if (tr->learn) nr_translator_backward(&b->s, w, b->g, b->steps, b->before);
}

static void pack_weights(void *context, size_t unit) {
    nr_trainer *t = context;
    nr_translator_pack(t->plan, t->now->w, unit, t->translation->packed);
}

/* Some samples in panels, side by side; their losses. */
static double run_samples(nr_trainer *t, const nr_phrases *from,
                          const uint32_t *samples, size_t n, bool learn) {
    nr_translation *tr = t->translation;
    double loss = 0;
    tr->from = from;
    tr->learn = learn;
    tr->used = nr_panels_for(n);
    for (size_t i = 0; i < tr->used; i++) {
        nr_booth *b = &tr->booths[i];
        b->samples = samples + i * NR_LANES;
        b->n = n - i * NR_LANES < NR_LANES ? n - i * NR_LANES : NR_LANES;
    }
    nr_team_run(t->team, pack_weights, t, t->plan->all);
    nr_team_run(t->team, run_panel, t, tr->used);
    for (size_t i = 0; i < tr->used; i++) loss += tr->booths[i].loss;
    return loss;
}

/* ================================== Steps ================================ */

static size_t slice_at(const nr_trainer *t, size_t unit, size_t *n) {
    size_t at = unit * SLICE, left = t->params - at;
    *n = left < SLICE ? left : SLICE;
    return at;
}

/* Of some weights: 0 and 1, 2 and 3, then these two sums, and so on. */
static void sum_slice(void *context, size_t unit) {
    nr_trainer *t = context;
    const nr_translation *tr = t->translation;
    size_t n, at = slice_at(t, unit, &n);
    for (size_t step = 1; step < tr->used; step *= 2)
        for (size_t i = 0; i + step < tr->used; i += 2 * step)
            t->k->decay(tr->booths[i].g + at, tr->booths[i + step].g + at, n, 1, 1);
}

static void move_slice(void *context, size_t unit) {
    nr_trainer *t = context;
    const nr_translation *tr = t->translation;
    size_t n, at = slice_at(t, unit, &n);
    float *g = tr->booths[0].g, *w = t->now->w;
    t->k->decay(g + at, w + at, n, tr->scale, (float)t->l2);
    nr_optimise(t, w + at, g + at, at, n);
}

/* The gradient is that of the mean over samples, summed over steps. */
static void move(nr_trainer *t, size_t samples) {
    nr_translation *tr = t->translation;
    size_t slices = (t->params + SLICE - 1) / SLICE;
    nr_team_run(t->team, sum_slice, t, slices);
    tr->scale = nr_clip_factor(t, tr->booths[0].g, samples) / (float)samples;
    t->now->power1 *= 0.9;
    t->now->power2 *= 0.999;
    t->rate_now = nr_rate_now(t);
    nr_team_run(t->team, move_slice, t, slices);
}

static void learn_some(nr_trainer *t) {
    nr_translation *tr = t->translation;
    size_t left = t->train.n - tr->at, n = left < t->batch ? left : t->batch;
    t->done = tr->at;
    tr->loss += run_samples(t, &tr->phrases[0], tr->order + tr->at, n, true);
    move(t, n);
    tr->at += n;
}

/* ================================= Order ================================= */

static int by_key(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* By what is read, then by what is told, then as they stood. */
void nr_translate_sort(const nr_phrases *p, uint32_t *order, size_t n,
                       uint64_t *keys) {
    for (size_t i = 0; i < n; i++) {
        uint64_t in = nr_phrase_of(p, order[i], 0).n;
        uint64_t out = nr_phrase_of(p, order[i], 1).n;
        keys[2 * i] = in << 48 | out << 32 | i;
        keys[2 * i + 1] = order[i];
    }
    qsort(keys, n, 2 * sizeof *keys, by_key);
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)keys[2 * i + 1];
}

static size_t draw(nr_trainer *t, size_t below) {
    t->now->shuffle = nr_mix(t->now->shuffle);
    return (size_t)(t->now->shuffle % below);
}

static void swap(uint32_t *a, uint32_t *b, size_t n) {
    for (size_t i = 0; i < n && a != b; i++) {
        uint32_t moved = a[i];
        a[i] = b[i];
        b[i] = moved;
    }
}

/* Samples in a random order, some mini-batches at a time sorted by length, and these
 * mini-batches in a random order again; the last one, if it is not whole, stays. */
static void shuffle(nr_trainer *t) {
    nr_translation *tr = t->translation;
    size_t n = t->train.n, each = t->batch * GROUP;
    for (size_t i = n; i > 1; i--) swap(tr->order + i - 1, tr->order + draw(t, i), 1);
    for (size_t i = 0; i < n; i += each) {
        uint32_t *order = tr->order + i;
        size_t some = n - i < each ? n - i : each;
        nr_translate_sort(&tr->phrases[0], order, some, tr->keys);
        for (size_t left = some / t->batch; left > 1; left--)
            swap(order + (left - 1) * t->batch, order + draw(t, left) * t->batch,
                 t->batch);
    }
}

/* ================================= Cycles ================================ */

static void test(nr_trainer *t) {
    nr_translation *tr = t->translation;
    size_t each = tr->nbooths * NR_LANES;
    double loss = 0;
    if (!t->test.n) return;
    for (size_t i = 0; i < t->test.n; i += each) {
        size_t n = t->test.n - i < each ? t->test.n - i : each;
        loss += run_samples(t, &tr->phrases[1], tr->by_length + i, n, false);
    }
    t->now->test_error = loss / (double)tr->symbols[1];
}

static void end_cycle(nr_trainer *t) {
    nr_translation *tr = t->translation;
    t->now->train_error = tr->loss / (double)tr->symbols[0];
    test(t);
    tr->loss = 0;
    tr->at = 0;
    nr_generator_end_cycle(t);
}

void nr_translate_batch(nr_trainer *t) {
    if (!t->translation->at) shuffle(t);
    learn_some(t);
    if (t->translation->at == t->train.n) end_cycle(t);
}

void nr_translate_step(nr_trainer *t, uint64_t elapsed_ms) {
    const nr_translation *tr = t->translation;
    double symbols = (double)(tr->symbols[0] / t->train.n + 1);
    double each = 3 * (double)t->params * symbols * (double)t->batch;
    nr_generator_step(t, elapsed_ms, each, nr_translate_batch);
}

/* ================================== End ================================== */

static bool measure(nr_trainer *t) {
    nr_translation *tr = t->translation;
    nr_encoding *e = t->encoding;
    e->tested = t->test.n;
    e->exact = e->errors = e->naive_exact = e->naive_errors = 0;
    if (!e->tested) return true;
    return nr_phrases_naive(&tr->phrases[0], &tr->phrases[1], &e->naive_exact,
                            &e->naive_errors) &&
           nr_beam_measure(t->team, t->k, t->plan, t->now->w, &tr->phrases[1],
                           tr->by_length, &e->exact, &e->errors);
}

void nr_translate_finalize(nr_trainer *t) {
    nr_generator_keep_best(t);
    t->failed = t->cycles && !measure(t);
}
