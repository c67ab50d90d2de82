/* Samples that are mostly zeros, as those of text are: the first layer works on
 * lists of the inputs that are not 0.
 *
 * A list a sample for the way forward, and a list an input, over a block of up
 * to NR_BLOCK panels, for the gradient: so each row of weights has one owner,
 * which adds samples in their order, and no cut changes a bit. Lists a panel,
 * which would keep the dense kernels, were rejected: among 64 samples few inputs
 * are 0 in all of them.
 *
 * NORMALIZE makes another number of an input's 0, c, that then is the same in
 * nearly all samples. x = c + s, and s is listed; W c goes into the biases, and
 * c times the deltas' sum into the gradient. Where c is large that would cost
 * digits: the input is listed whole, with its c in s.
 *
 * Whether there are lists at all is decided in listing.c. */

#include <string.h>

#include "layers/layer.h"
#include "train/train.h"

/* ================================= Lists ================================= */

void nr_inputs_take(const nr_trainer *t, const float *const *inputs, size_t n,
                    size_t first, size_t count, float *panel) {
    t->k->pack(panel, inputs, n, count, t->f.in_shift + first,
               t->f.in_scale + first);
}

static size_t blocks_of(const nr_trainer *t, size_t n) {
    size_t each = t->sparse->block * NR_LANES;
    return (n + each - 1) / each;
}

static nr_list list_of(const nr_set *set, size_t sample) {
    const nr_lists *l = &set->by_sample;
    return (nr_list){l->entries + l->starts[sample],
                     l->starts[sample + 1] - l->starts[sample]};
}

static bool is_listed(const nr_sparse *s, size_t input, float x) {
    return x != 0 || s->whole[input];
}

/* The lists of up to 64 samples, which begin where `at` says. */
static void list_panel(const nr_trainer *t, const float *const *rows, size_t n,
                       nr_entry **at) {
    const nr_sparse *s = t->sparse;
    size_t in = nr_inputs(t->net);
    float panel[NR_SLICE * NR_LANES];
    const float *inputs[NR_LANES];
    for (size_t first = 0; first < in; first += NR_SLICE) {
        size_t count = in - first < NR_SLICE ? in - first : NR_SLICE;
        for (size_t l = 0; l < n; l++) inputs[l] = rows[l] + first;
        nr_inputs_take(t, inputs, n, first, count, panel);
        for (size_t l = 0; l < n; l++)
            for (size_t i = 0; i < count; i++)
                if (is_listed(s, first + i, inputs[l][i]))
                    *at[l]++ = (nr_entry){
                        (uint32_t)(first + i),
                        panel[i * NR_LANES + l] - s->zero[first + i]};
    }
}

static void count_lists(const nr_trainer *t, const nr_set *set, size_t *starts) {
    size_t in = nr_inputs(t->net), sum = 0;
    for (size_t i = 0; i < set->n; i++) {
        const float *row = nr_dataset_row(t->net, set->which, i);
        starts[i] = sum;
        for (size_t j = 0; j < in; j++) sum += is_listed(t->sparse, j, row[j]);
    }
    starts[set->n] = sum;
}

/* A block's lists by inputs, from its lists by samples, which keeps their
 * order; returns the end of what it wrote. */
static size_t turn_lists(const nr_list *lists, size_t n, size_t in,
                         nr_entry *entries, size_t *starts, size_t begin) {
    memset(starts, 0, (in + 1) * sizeof *starts);
    for (size_t i = 0; i < n; i++)
        for (size_t e = 0; e < lists[i].n; e++)
            starts[lists[i].entries[e].at]++;
    size_t sum = begin;
    for (size_t i = 0; i <= in; i++) {
        size_t count = starts[i];
        starts[i] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t e = 0; e < lists[i].n; e++) {
            nr_entry entry = lists[i].entries[e];
            entries[starts[entry.at]++] = (nr_entry){(uint32_t)i, entry.x};
        }
    memmove(starts + 1, starts, in * sizeof *starts); /* ends to beginnings */
    starts[0] = begin;
    return sum;
}

static bool make_turned(nr_lists *c, size_t blocks, size_t in, size_t n) {
    c->starts = nr_alloc_lines(blocks * (in + 1), sizeof *c->starts);
    c->entries = nr_alloc_lines(n, sizeof *c->entries);
    return c->starts && c->entries;
}

/* By inputs, block by block, once for all cycles. */
static bool turn_set(const nr_trainer *t, nr_set *set) {
    size_t in = nr_inputs(t->net), blocks = blocks_of(t, set->n), end = 0;
    size_t each = t->sparse->block * NR_LANES;
    nr_list lists[NR_BLOCK * NR_LANES];
    if (!make_turned(&set->by_input, blocks, in, set->by_sample.starts[set->n]))
        return false;
    for (size_t b = 0; b < blocks; b++) {
        size_t n = 0, first = b * each;
        for (; n < each && first + n < set->n; n++)
            lists[n] = list_of(set, first + n);
        end = turn_lists(lists, n, in, set->by_input.entries,
                         set->by_input.starts + b * (in + 1), end);
    }
    return true;
}

bool nr_lists_make(nr_trainer *t, nr_set *set) {
    nr_lists *l = &set->by_sample;
    if (!t->sparse || set->n == 0) return true;
    l->starts = nr_alloc_lines(set->n + 1, sizeof *l->starts);
    if (!l->starts) return false;
    count_lists(t, set, l->starts);
    l->entries = nr_alloc_lines(l->starts[set->n], sizeof *l->entries);
    if (!l->entries) return false;
    for (size_t first = 0; first < set->n; first += NR_LANES) {
        const float *rows[NR_LANES];
        nr_entry *at[NR_LANES];
        size_t n = 0;
        for (; n < NR_LANES && first + n < set->n; n++) {
            rows[n] = nr_dataset_row(t->net, set->which, first + n);
            at[n] = l->entries + l->starts[first + n];
        }
        list_panel(t, rows, n, at);
    }
    return t->batch || turn_set(t, set);
}

void nr_lists_free(nr_set *set) {
    nr_release_lines(set->by_sample.starts);
    nr_release_lines(set->by_sample.entries);
    nr_release_lines(set->by_input.starts);
    nr_release_lines(set->by_input.entries);
}

/* ============================== Mini-batches ============================= */

static nr_list any_list(const nr_trainer *t, size_t index) {
    size_t n = t->train.n;
    return index < n ? list_of(&t->train, index)
                     : list_of(&t->test, index - n);
}

/* Room for a round's lists by inputs: samples that differ. */
bool nr_batch_lists_make(nr_trainer *t) {
    size_t all = t->train.n + t->test.n, longest = 0, sum = 0;
    size_t in = nr_inputs(t->net), most = t->workspace.size * NR_BLOCK * NR_LANES;
    if (most > all) most = all;
    if (!t->sparse || !t->batch) return true;
    for (size_t i = 0; i < all; i++) {
        size_t n = any_list(t, i).n;
        if (n > longest) longest = n;
        sum += n;
    }
    return make_turned(&t->sparse->turned, blocks_of(t, most), in,
                        sum / most < longest ? sum : longest * most);
}

void nr_batch_turn(nr_trainer *t, const uint32_t *order, size_t n) {
    size_t in = nr_inputs(t->net), each = t->sparse->block * NR_LANES, end = 0;
    nr_lists *c = &t->sparse->turned;
    nr_list lists[NR_BLOCK * NR_LANES];
    for (size_t b = 0; b < blocks_of(t, n); b++) {
        size_t some = 0, first = b * each;
        for (; some < each && first + some < n; some++)
            lists[some] = any_list(t, order[first + some]);
        end = turn_lists(lists, some, in, c->entries,
                         c->starts + b * (in + 1), end);
    }
}

/* ================================= Passes ================================ */

void nr_sparse_begin(nr_trainer *t) {
    nr_sparse *s = t->sparse;
    size_t out = nr_plan_first(t->plan)->out;
    const float *w = t->now->w;
    nr_list all = {s->constants, s->n};
    t->k->weigh(s->biases, w, all, w + nr_dense_row(out, 0), out);
}

void nr_sparse_forward(nr_trainer *t, const nr_set *set, const uint32_t *order,
                       size_t first, size_t n, size_t at, float *y) {
    size_t out = nr_plan_first(t->plan)->out;
    nr_list lists[NR_LANES];
    for (size_t i = 0; i < n; i++)
        lists[i] = order ? any_list(t, order[first + i])
                         : list_of(set, first + i);
    t->k->list_layer(y, t->workspace.rows + at * NR_LANES * nr_row_step(out), lists,
                     n, t->now->w + nr_dense_row(out, 0), t->sparse->biases, out);
    nr_dense_activate(t->k, nr_plan_first(t->plan), y, (n + 15) / 16);
}

void nr_sparse_backward(nr_trainer *t, size_t n, size_t at) {
    size_t out = nr_plan_first(t->plan)->out, step = nr_row_step(out);
    const float *delta = t->workspace.delta[0] + at * out * NR_LANES;
    float *sums = t->workspace.sums + at * step;
    t->k->delta_rows(t->workspace.rows + at * NR_LANES * step, delta, n, out);
    memset(sums, 0, step * sizeof *sums);
    t->k->gradient(sums, delta, 0, delta, 0, 1, (n + 15) / 16, 0, 0, out);
}

/* A sum's deltas, which no list holds, lie behind its gradient. */
static float *total_of(const nr_trainer *t, const nr_sum *sum) {
    return sum->g + t->sum_floats - nr_row_step(nr_plan_first(t->plan)->out);
}

static void add_total(const nr_trainer *t, const nr_sum *to,
                      const nr_sum *from) {
    size_t step = nr_row_step(nr_plan_first(t->plan)->out);
    t->k->decay(total_of(t, to), total_of(t, from), step, 1, 1);
}

void nr_sparse_totals(nr_trainer *t, size_t size) {
    size_t step = nr_row_step(nr_plan_first(t->plan)->out);
    const float *sums = t->workspace.sums;
    for (size_t i = 0; i < size; i++, sums += NR_BLOCK * step) {
        const nr_block *b = &t->workspace.blocks[i];
        const nr_sum *sum = b->turn.sum;
        float *total = total_of(t, sum);
        if (b->turn.fresh) memset(total, 0, step * sizeof *total);
        for (size_t p = 0; p < b->panels; p++)
            t->k->decay(total, sums + p * step, step, 1, 1);
        for (unsigned m = 0; m < b->turn.merges; m++, sum--)
            add_total(t, sum - 1, sum);
    }
}

void nr_sparse_join(nr_trainer *t) {
    for (size_t i = 0; i < t->njoins; i++)
        add_total(t, t->joins[i].to, t->joins[i].from);
}

void nr_sparse_gradient(const nr_trainer *t, size_t at, size_t first,
                        size_t last) {
    const nr_sparse *s = t->sparse;
    const nr_block *b = &t->workspace.blocks[at];
    size_t in = nr_inputs(t->net), out = nr_plan_first(t->plan)->out;
    size_t list = (t->batch ? at * NR_BLOCK : b->first) / s->block;
    const nr_lists *lists = t->batch ? &s->turned : &b->set->by_input;
    size_t step = NR_LANES * nr_row_step(out);
    const float *rows = t->workspace.rows + at * NR_BLOCK * step;
    for (size_t p = 0; p < b->panels; p += s->block, list++)
        t->k->list_gradient(b->turn.sum->g, rows + p * step, lists->entries,
                            lists->starts + list * (in + 1), first, last, out);
}

void nr_sparse_finish(const nr_trainer *t, size_t first, size_t last) {
    const nr_sparse *s = t->sparse;
    size_t out = nr_plan_first(t->plan)->out;
    float *g = t->root->g, *total = total_of(t, t->root);
    if (first == 0) memcpy(g, total, out * sizeof *g);
    t->k->list_gradient(g, total, s->factors, s->starts, first, last, out);
}
