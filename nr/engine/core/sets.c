/* Samples from rows, as stores keep them, to panels, as kernels want them:
 * once for a training that uses all of them in every step, for each mini-batch
 * otherwise. */

#include "train.h"

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
            to[i] = i < n ? (rows[i][in + o] - t->f.out_shift[o]) /
                                t->f.out_scale[o]
                          : 0;
}

static void pack_panel(const nr_trainer *t, const float *const *rows, size_t n,
                       float *x, float *targets) {
    t->k->pack(x, rows, n, nr_inputs(t->net), t->f.in_shift, t->f.in_scale);
    pack_targets(t, rows, n, targets);
}

/* Samples order[0..n) of the training dataset, at most 64, as one panel. */
void nr_set_gather(const nr_trainer *t, const uint32_t *order, size_t n,
                   float *x, float *targets) {
    const float *rows[NR_LANES];
    for (size_t i = 0; i < n; i++)
        rows[i] = nr_dataset_row(t->net, NR_DATASET_TRAIN, order[i]);
    pack_panel(t, rows, n, x, targets);
}

bool nr_set_make(nr_trainer *t, nr_set *set, nr_dataset_id which,
                 bool panels) {
    size_t in = nr_inputs(t->net);
    set->n = t->net->h.len[which];
    set->panels = (set->n + NR_LANES - 1) / NR_LANES;
    set->target_floats =
        NR_LANES *
        (t->net->h.kind == NR_CLASSIFIER ? 1 : nr_outputs(t->net));
    if (!panels || set->n == 0) return true;
    set->x = nr_alloc_lines(set->panels * NR_LANES, in * sizeof(float));
    set->targets =
        nr_alloc_lines(set->panels, set->target_floats * sizeof(float));
    if (!set->x || !set->targets) return false;
    for (size_t p = 0; p < set->panels; p++) {
        const float *rows[NR_LANES];
        size_t first = p * NR_LANES, n = set->n - first;
        if (n > NR_LANES) n = NR_LANES;
        for (size_t i = 0; i < n; i++)
            rows[i] = nr_dataset_row(t->net, which, first + i);
        pack_panel(t, rows, n, set->x + first * in,
                   set->targets + p * set->target_floats);
    }
    return true;
}

void nr_set_free(nr_set *set) {
    nr_release_lines(set->x);
    nr_release_lines(set->targets);
    *set = (nr_set){0};
}
