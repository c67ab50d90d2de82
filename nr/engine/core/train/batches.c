/* Samples from rows, as stores keep them, to panels, as kernels want them:
 * once for a training that uses all of them in every step, for each mini-batch
 * otherwise. */

#include <string.h>

#include "train/train.h"

/* A target as the network sees it: 0 where the output is always the same. A
 * testing sample may lie anywhere; its square must stay a float32. */
static float target_of(float value, float shift, float scale) {
    const float most = 1e15f;
    float y = scale == 0 ? 0 : (value - shift) / scale;
    return y > most ? most : y < -most ? -most : y;
}

static void pack_targets(const nr_trainer *t, const float *const *rows,
                         size_t n, float *to) {
    const nr_header *h = &t->net->h;
    size_t in = nr_inputs(t->net), out = nr_outputs(t->net);
    if (h->kind == NR_CLASSIFIER) {
        for (size_t i = 0; i < NR_LANES; i++) to[i] = i < n ? rows[i][in] : 0;
        return;
    }
    for (size_t o = 0; o < out; o++, to += NR_LANES)
        for (size_t i = 0; i < NR_LANES; i++)
            to[i] = i < n ? target_of(rows[i][in + o], t->f.out_shift[o],
                                      t->f.out_scale[o])
                          : 0;
}

static float weight_of(const nr_trainer *t, const float *row) {
    float weight = t->net->weighed ? row[t->net->row - 1] : 1;
    if (t->class_weights)
        weight *= t->class_weights[(size_t)row[nr_inputs(t->net)]];
    return weight;
}

static void pack_panel(const nr_trainer *t, const float *const *rows, size_t n,
                       float *x, float *targets, float *weights) {
    size_t in = nr_inputs(t->net);
    if (!t->sparse)
        t->k->pack(x, rows, n, in, t->f.in_shift, t->f.in_scale);
    pack_targets(t, rows, n, targets);
    for (size_t i = 0; i < NR_LANES && t->weighed; i++)
        weights[i] = i < n ? weight_of(t, rows[i]) : 0;
}

/* Row `index` of the training dataset, or behind it of the testing one. */
static const float *any_row(const nr_trainer *t, size_t index) {
    size_t n = t->train.n;
    return index < n ? nr_dataset_row(t->net, NR_DATASET_TRAIN, index)
                     : nr_dataset_row(t->net, NR_DATASET_TEST, index - n);
}

void nr_set_gather(const nr_trainer *t, const uint32_t *order, size_t n,
                   float *x, float *targets, float *weights) {
    const float *rows[NR_LANES];
    for (size_t i = 0; i < n; i++) rows[i] = any_row(t, order[i]);
    pack_panel(t, rows, n, x, targets, weights);
}

size_t nr_target_floats(const nr_header *h) {
    size_t out = h->layers[h->nlayers - 1];
    return NR_LANES * (h->kind == NR_CLASSIFIER ? 1 : out);
}

static bool make_arrays(nr_trainer *t, nr_set *set) {
    size_t in = t->sparse ? 0 : nr_inputs(t->net);
    set->x = nr_alloc_pages(set->panels * NR_LANES, in * sizeof(float));
    set->targets =
        nr_alloc_pages(set->panels, set->target_floats * sizeof(float));
    if (t->weighed)
        set->weights = nr_alloc_pages(set->panels * NR_LANES, sizeof(float));
    set->packed = nr_alloc_lines(set->panels, sizeof *set->packed);
    return set->x && set->targets && set->packed && (set->weights || !t->weighed);
}

bool nr_set_make(nr_trainer *t, nr_set *set, nr_dataset_id which,
                 bool panels) {
    set->which = which;
    set->n = t->net->h.len[which];
    set->panels = nr_panels_for(set->n);
    set->target_floats = nr_target_floats(&t->net->h);
    if (!nr_lists_make(t, set)) return false;
    return !panels || set->n == 0 || make_arrays(t, set);
}

/* Threads share panels out, so no two of them pack one. Ranks that share a step look
 * at the panels of their own blocks: a system gives the others no pages. */
void nr_set_pack(const nr_trainer *t, const nr_set *set, size_t panel) {
    const float *rows[NR_LANES];
    size_t in = t->sparse ? 0 : nr_inputs(t->net);
    size_t first = panel * NR_LANES, n = set->n - first;
    if (set->packed[panel]) return;
    if (n > NR_LANES) n = NR_LANES;
    for (size_t i = 0; i < n; i++)
        rows[i] = nr_dataset_row(t->net, set->which, first + i);
    memset(set->x + first * in, 0, NR_LANES * in * sizeof(float));
    pack_panel(t, rows, n, set->x + first * in,
               set->targets + panel * set->target_floats,
               set->weights ? set->weights + first : NULL);
    set->packed[panel] = true;
}

void nr_set_free(nr_set *set) {
    nr_release_lines(set->x);
    nr_release_lines(set->targets);
    nr_release_lines(set->weights);
    nr_release_lines(set->packed);
    nr_lists_free(set);
    *set = (nr_set){0};
}

/* CLASSWEIGHTS BALANCED: all classes that occur in the training dataset count
 * the same in total. */
bool nr_class_weights_make(nr_trainer *t) {
    size_t classes = nr_outputs(t->net), present = 0;
    size_t n = t->net->h.len[NR_DATASET_TRAIN];
    t->weighed = t->net->weighed;
    if (t->net->h.options.class_weights != NR_BALANCED) return true;
    t->weighed = true;
    float *weights = t->class_weights =
        nr_alloc_lines(classes, sizeof *weights);
    uint32_t *counts = nr_alloc_lines(classes, sizeof *counts);
    for (size_t i = 0; i < n && weights && counts; i++) {
        const float *row = nr_dataset_row(t->net, NR_DATASET_TRAIN, i);
        present += counts[(size_t)row[nr_inputs(t->net)]]++ == 0;
    }
    for (size_t c = 0; c < classes && weights && counts; c++)
        weights[c] =
            counts[c] ? (float)n / ((float)present * (float)counts[c]) : 1;
    nr_release_lines(counts);
    return weights && counts;
}
