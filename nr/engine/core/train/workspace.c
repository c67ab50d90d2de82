/* What a pass has at hand: units of some panels, and their samples where they
 * are gathered or lists. */

#include "train/train.h"

enum { SMALL = 16384 }; /* parameters; twice that many stay in any cache */

/* Of one panel: its units twice, its samples where they are gathered, and what
 * lists take. */
size_t nr_workspace_floats(const nr_net *net, bool lists) {
    const nr_header *h = &net->h;
    size_t units = 0, in = lists ? 0 : nr_inputs(net);
    for (size_t l = 0; l + 1 < net->plan->n; l++)
        units += 2 * net->plan->ops[l].out;
    size_t gathered =
        nr_batch_of(net) ? (in + 1) * NR_LANES + nr_target_floats(h) : 0;
    if (lists) gathered += nr_row_step(nr_plan_first(net->plan)->out) * (NR_LANES + 1);
    return units * NR_LANES + gathered;
}

static size_t blocks_for(size_t samples) {
    return nr_blocks_for(nr_panels_for(samples));
}

/* Of the training dataset, or of a mini-batch: what a step has in general. */
static size_t blocks_of_step(const nr_net *net) {
    size_t batch = nr_batch_of(net);
    return blocks_for(batch ? batch : net->h.len[NR_DATASET_TRAIN]);
}

static size_t parts_of(const nr_net *net, size_t threads) {
    size_t most = threads < NR_PARTS ? threads : NR_PARTS;
    size_t blocks = blocks_of_step(net);
    if (net->params > SMALL || net->plan->recurrent.fields) return 1;
    return blocks < most ? blocks : most;
}

/* Blocks of a part at once. */
static size_t blocks_at_once(const nr_net *net, size_t threads) {
    size_t parts = parts_of(net, threads), blocks = blocks_of_step(net);
    size_t test = blocks_for(net->h.len[NR_DATASET_TEST]);
    if (threads == 1 || net->plan->recurrent.fields) return 1; /* frames */
    size_t least = parts > 1 ? 1 : 4, floats = (size_t)(parts > 1 ? 1 : 64) << 19;
    size_t block = nr_workspace_floats(net, false) * sizeof(float) * NR_BLOCK;
    size_t fit = floats / block > least ? floats / block : least;
    if (blocks < test) blocks = test;
    blocks = (blocks + parts - 1) / parts;
    return blocks < fit ? blocks : fit;
}

/* How many panels at once: one block where there is one thread, since that
 * stays in the second cache, and of each part what stays there where there are
 * parts; else as many blocks as 32 MB hold. */
size_t nr_workspace_panels(const nr_net *net, size_t threads) {
    size_t blocks = parts_of(net, threads) * blocks_at_once(net, threads);
    size_t batch = nr_batch_of(net);
    size_t panels = nr_panels_for(batch ? batch : net->h.len[NR_DATASET_TRAIN]);
    size_t test = nr_panels_for(net->h.len[NR_DATASET_TEST]);
    if (panels < test) panels = test;
    return blocks > 1 || panels > NR_BLOCK ? blocks * NR_BLOCK : panels;
}

/* Of the sums of a step, at most: of a refit's. */
static size_t most_leaves(const nr_net *net, size_t leaf) {
    size_t test = blocks_for(net->h.len[NR_DATASET_TEST]);
    size_t leaves = (blocks_of_step(net) + leaf - 1) / leaf;
    return nr_batch_of(net) ? leaves : leaves + (test + leaf - 1) / leaf;
}

static size_t gradients_of(const nr_net *net, size_t parts, size_t leaf) {
    size_t leaves = most_leaves(net, leaf);
    if (parts == 1) /* a block with sequences adds to its sum more than once */
        return nr_sums_depth(leaves, leaf == 1 && !net->plan->recurrent.fields);
    return parts * nr_sums_depth_anywhere((leaves + parts - 1) / parts);
}

size_t nr_gradients_of(const nr_net *net, size_t threads) {
    return gradients_of(net, parts_of(net, threads), 1);
}

size_t nr_gradients_for(const nr_net *net, size_t leaf) {
    return gradients_of(net, 1, leaf);
}

bool nr_gradients_make(nr_trainer *t) {
    size_t each = (t->params + 31) / 16 * 16; /* sixteen more may be read */
    if (t->sparse) each += nr_row_step(nr_plan_first(t->plan)->out);
    t->sum_floats = each;
    t->leaf = t->sparse ? t->sparse->leaf : 1;
    for (t->leaf_bits = 0; (size_t)1 << t->leaf_bits < t->leaf;) t->leaf_bits++;
    t->parts = t->sparse ? 1 : parts_of(t->net, nr_team_size(t->team));
    t->count_sums = gradients_of(t->net, t->parts, t->leaf);
    t->open = nr_alloc(t->parts * NR_MOST_SUMS * sizeof *t->open);
    t->joins = nr_alloc(t->parts * NR_MOST_SUMS * sizeof *t->joins);
    float *at = t->gradients =
        nr_alloc_lines(t->count_sums, each * sizeof(float));
    if (!at || !t->open || !t->joins) return false;
    for (size_t i = 0; i < t->count_sums; i++, at += each)
        t->sums[i % t->parts].sums[i / t->parts].g = at;
    return true;
}

/* More of them may wait where the first leaf is not the tree's. */
bool nr_gradients_anywhere(nr_trainer *t) {
    size_t most = nr_sums_depth_anywhere(most_leaves(t->net, t->leaf)), more;
    if (t->parts > 1 || most <= t->count_sums || t->more_gradients) return true;
    more = most - t->count_sums;
    float *at = t->more_gradients =
        nr_alloc_lines(more, t->sum_floats * sizeof(float));
    for (size_t i = t->count_sums; at && i < most; i++, at += t->sum_floats)
        t->sums[0].sums[i].g = at;
    return at != NULL;
}

bool nr_workspace_make(nr_trainer *t) {
    nr_workspace *s = &t->workspace;
    size_t in = t->sparse ? 0 : nr_inputs(t->net);
    size_t floats = nr_workspace_floats(t->net, t->sparse);
    size_t panels = nr_workspace_panels(t->net, nr_team_size(t->team));
    s->size = (panels + NR_BLOCK - 1) / NR_BLOCK;
    s->losses = nr_alloc(panels * sizeof *s->losses);
    s->blocks = nr_alloc(s->size * sizeof *s->blocks);
    s->floats = nr_alloc_lines(panels * floats, sizeof(float));
    if (!s->losses || !s->blocks || !s->floats) return false;
    float *at = s->floats;
    if (t->sparse) { /* first, since rows want whole lines */
        size_t step = nr_row_step(nr_plan_first(t->plan)->out);
        s->rows = at;
        s->sums = at + panels * step * NR_LANES;
        at = s->sums + panels * step;
    }
    for (size_t l = 0; l + 1 < t->plan->n; l++) {
        size_t size = panels * t->plan->ops[l].out * NR_LANES;
        s->act[l] = at;
        s->delta[l] = at + size;
        at += 2 * size;
    }
    if (t->batch) {
        s->x = in ? at : NULL;
        s->targets = at + panels * in * NR_LANES;
        s->weights = s->targets + panels * t->train.target_floats;
    }
    return true;
}

void nr_workspace_free(nr_workspace *workspace) {
    nr_release(workspace->losses);
    nr_release(workspace->blocks);
    nr_release_lines(workspace->floats);
    *workspace = (nr_workspace){0};
}
