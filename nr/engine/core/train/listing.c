/* Whether the first layer works on lists of the inputs that are not 0
 * (sparse.c), or on panels. The bits differ, so the samples and the layout decide
 * alone, never threads, instruction sets or a measurement. */

#include <math.h>
#include <string.h>

#include "train/train.h"
#include "train/tuning.h"

#ifndef NR_LISTS_NEVER /* tests compile another choice in: tests/c/listing */
#define NR_LISTS_NEVER false
#define NR_LISTS_ALWAYS false
#endif

static const float FAR = 4; /* a constant that costs two bits */

/* Up to this part of the inputs lists win, by measurement (docs/speed.md): the
 * less, the more of a vector is empty that holds the first layer's units. */
static double most_listed(const nr_header *h) {
    double units = h->layers[1] < 16 ? h->layers[1] : 16;
    double most = NR_STUDY_LISTED * units / 16;
    if (h->layers[0] < NR_STUDY_LEAST_INPUTS || h->recurrent.fields) return 0;
    return most < 1 ? most : 1;
}

/* ============================== The decision ============================= */

static size_t count_row(const float *row, size_t in) {
    size_t n = 0;
    for (size_t i = 0; i < in; i++) n += row[i] != 0;
    return n;
}

/* Inputs that are not 0 in all samples, as observed; no further than `most`. */
static double count_samples(const nr_net *net, double most) {
    size_t in = nr_inputs(net);
    double sum = 0;
    for (nr_dataset_id d = NR_DATASET_TRAIN; d <= NR_DATASET_TEST; d++)
        for (size_t i = 0; i < net->h.len[d] && sum <= most; i++)
            sum += (double)count_row(nr_dataset_row(net, d, i), in);
    return sum;
}

static double count_zeros(const nr_net *net, size_t input) {
    size_t n = 0;
    for (nr_dataset_id d = NR_DATASET_TRAIN; d <= NR_DATASET_TEST; d++)
        for (size_t i = 0; i < net->h.len[d]; i++)
            n += nr_dataset_row(net, d, i)[input] == 0;
    return (double)n;
}

/* What 0 becomes, and which inputs are listed whole; adds to *listed what those
 * add to it. */
static bool make_constants(nr_trainer *t, nr_sparse *s, double *listed) {
    size_t in = nr_inputs(t->net);
    float panel[NR_SLICE * NR_LANES];
    const float zeros[NR_SLICE] = {0}, *row = zeros;
    s->zero = nr_alloc_lines(in, sizeof *s->zero);
    s->whole = nr_alloc_lines(in, sizeof *s->whole);
    s->constants = nr_alloc_lines(in, 2 * sizeof *s->constants);
    s->starts = nr_alloc_lines(in + 1, sizeof *s->starts);
    if (!s->zero || !s->whole || !s->constants || !s->starts) return false;
    s->factors = s->constants + in;
    for (size_t i = 0; i < in; i++) {
        size_t at = i % NR_SLICE, count = in - i < NR_SLICE ? in - i : NR_SLICE;
        if (at == 0) nr_inputs_take(t, &row, 1, i, count, panel);
        float c = panel[at * NR_LANES];
        s->starts[i] = s->n;
        if (fabsf(c) > FAR) {
            s->whole[i] = true;
            *listed += count_zeros(t->net, i);
        } else if (c != 0) {
            s->zero[i] = c;
            s->constants[s->n] = (nr_entry){(uint32_t)i, c};
            s->factors[s->n++] = (nr_entry){0, c};
        }
    }
    s->starts[in] = s->n;
    return true;
}

bool nr_lists_may_be(const nr_header *h) { return most_listed(h) > 0; }

/* Beside what panels would take: those of mini-batches are few. */
uint64_t nr_lists_floats(const nr_net *net) {
    const nr_header *h = &net->h;
    uint64_t in = nr_inputs(net), n = h->len[0] + h->len[1];
    if (!nr_lists_may_be(h)) return 0;
    uint64_t own = 10 * in + (1 + nr_gradients_for(net, 1)) *
                                  nr_row_step(nr_plan_first(net->plan)->out);
    uint64_t listed = (uint64_t)(most_listed(h) * (double)(n * in));
    return nr_batch_of(net) ? own + 4 * listed + 2 * n : own;
}

static uint64_t panels_of(const nr_header *h, nr_dataset_id which) {
    return nr_panels_for(h->len[which]);
}

/* Blocks of a leaf of the sums. A sum is added to another one as a whole, zeros
 * and all, while lists touch but their part of it: so the smaller that is, the
 * more blocks go into a sum before. */
static size_t leaf_of(double part) {
    size_t leaf = NR_LEAST_LEAF;
    while (leaf < NR_MOST_LEAF && part * (double)leaf < NR_STUDY_LEAF) leaf *= 2;
    return leaf;
}

/* Do lists fit where panels would, with the deltas of a block and what gradients
 * they take more? Threads, which take more of those, must not matter. */
static bool fit(const nr_net *net, double listed, size_t leaf) {
    const nr_header *h = &net->h;
    uint64_t train = panels_of(h, NR_DATASET_TRAIN);
    uint64_t test = panels_of(h, NR_DATASET_TEST);
    uint64_t in = nr_inputs(net), panels = train + test;
    uint64_t most = train > test ? train : test;
    uint64_t rows = (most < NR_BLOCK ? most : NR_BLOCK) * (NR_LANES + 1) *
                    nr_row_step(nr_plan_first(net->plan)->out) * sizeof(float);
    uint64_t starts = (panels * (NR_LANES + in + 1) + 2) * sizeof(size_t);
    double bytes = 2 * listed * sizeof(nr_entry) + (double)(rows + starts);
    size_t dense = nr_gradients_for(net, 1), more = nr_gradients_for(net, leaf);
    if (more > dense)
        bytes += (double)((more - dense) * net->params * sizeof(float));
    return nr_batch_of(net) ||
           bytes <= (double)(panels * NR_LANES * in * sizeof(float));
}

/* Panels of a block: few, so that their deltas stay in the first cache, but as
 * many as give an input some samples, since each of its lists costs once more
 * to read and write its gradient. */
static size_t block_of(double part) {
    enum { SOME = 8 };
    size_t block = NR_BLOCK;
    while (block > 1 && part * (double)(block * NR_LANES) > SOME) block /= 2;
    return block;
}

bool nr_sparse_choose(nr_trainer *t) {
    const nr_header *h = &t->net->h;
    size_t in = nr_inputs(t->net);
    size_t width = nr_row_step(nr_plan_first(t->plan)->out);
    double all = (double)in * ((double)h->len[0] + (double)h->len[1]);
    double most = most_listed(h) * all;
    if (NR_LISTS_NEVER || h->recurrent.fields) return true;
    if (NR_LISTS_ALWAYS) most = all;
    double listed = count_samples(t->net, most);
    if (most == 0 || listed > most) return true;
    nr_sparse *s = t->sparse = nr_alloc_lines(1, sizeof *s);
    if (!s || !make_constants(t, s, &listed)) return false;
    size_t leaf = leaf_of(listed / all);
    bool worth = listed <= most && fit(t->net, listed, leaf);
    if (!NR_LISTS_ALWAYS && !worth) {
        nr_sparse_free(t);
        return true;
    }
    s->part = listed / all;
    s->block = block_of(s->part);
    s->leaf = leaf;
    s->biases = nr_alloc_lines(width, sizeof *s->biases);
    return s->biases != NULL;
}

void nr_sparse_free(nr_trainer *t) {
    nr_sparse *s = t->sparse;
    if (!s) return;
    nr_release_lines(s->zero);
    nr_release_lines(s->whole);
    nr_release_lines(s->constants);
    nr_release_lines(s->starts);
    nr_release_lines(s->biases);
    nr_release_lines(s->turned.entries);
    nr_release_lines(s->turned.starts);
    nr_release_lines(s);
    t->sparse = NULL;
}
