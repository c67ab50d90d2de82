/* Sums in pieces: everyone adds up some of the floats, of all blocks.
 *
 * To send whole sums to everybody costs each of n ranks n - 1 gradients or more,
 * and everyone adds all of them. In pieces each sends and gets about two,
 * whatever n is, and adds an n-th. The tree is the same for each float, so the
 * bits are. Pairs of ranks that halve what they have, round by round, send as
 * much, but want a power of two of them, each with one sum: of 2^k + 1 blocks
 * one rank of two would have all but one. */

#include <stdlib.h>
#include <string.h>

#include "float_mode.h"
#include "train/train.h"

uint64_t nr_trainer_floats(const nr_trainer *t) { return t->sum_floats; }

static nr_status check_range(const nr_trainer *t, uint64_t from, uint64_t to,
                             nr_error *err) {
    if (!t->begun) return nr_not_begun(err);
    if (from <= to && to <= t->sum_floats) return NR_OK;
    return nr_fail(err, "ERR floats %llu to %llu of a sum that has %zu",
                   (unsigned long long)from, (unsigned long long)to,
                   t->sum_floats);
}

nr_status nr_trainer_piece(const nr_trainer *t, uint64_t from, uint64_t to,
                           nr_buf *out, nr_error *err) {
    size_t start = out->len;
    bool ok = true;
    nr_status status = check_range(t, from, to, err);
    if (status != NR_OK) return status;
    for (size_t p = 0; p < t->parts; p++)
        for (size_t i = 0; i < t->sums[p].n && ok; i++) {
            const nr_sum *s = &t->sums[p].sums[i];
            nr_sent sent = {s->first, s->count, s->losses};
            ok = nr_buf_append(out, &sent, sizeof sent) &&
                 nr_buf_append(out, s->g + from,
                               (size_t)(to - from) * sizeof(float));
        }
    if (!ok) out->len = start;
    return ok ? NR_OK : nr_nomem(err);
}

/* ================================= Join ================================== */

/* Pieces on their way to be one. */
typedef struct pieces {
    nr_sum *sums, **open;
    nr_join *joins;
    float *floats;
    size_t n, width; /* floats of each */
} pieces;

static void release(pieces *p) {
    nr_release(p->sums);
    nr_release(p->open);
    nr_release(p->joins);
    nr_release_lines(p->floats);
}

static int by_first(const void *a, const void *b) {
    const nr_sum *x = *(nr_sum *const *)a, *y = *(nr_sum *const *)b;
    return (x->first > y->first) - (x->first < y->first);
}

static bool allocate(pieces *p, size_t n, size_t width) {
    size_t each = (width + 31) / 16 * 16; /* sixteen more may be read */
    p->n = n;
    p->width = width;
    p->sums = nr_alloc(n * sizeof *p->sums);
    p->open = nr_alloc(n * sizeof *p->open);
    p->joins = nr_alloc(n * sizeof *p->joins);
    p->floats = nr_alloc_lines(n, each * sizeof(float));
    if (!p->sums || !p->open || !p->joins || !p->floats) return false;
    for (size_t i = 0; i < n; i++) {
        p->sums[i].g = p->floats + i * each;
        p->open[i] = &p->sums[i];
    }
    return true;
}

/* Into their order; false where they are not those of all blocks. */
static bool take(pieces *p, const unsigned char *data, uint64_t blocks) {
    uint64_t next = 0;
    for (size_t i = 0; i < p->n; i++) {
        nr_sent sent;
        memcpy(&sent, data, sizeof sent);
        data += sizeof sent;
        if (!nr_is_node(&sent, blocks)) return false;
        p->sums[i].first = sent.first;
        p->sums[i].count = sent.count;
        p->sums[i].losses = sent.losses;
        memcpy(p->sums[i].g, data, p->width * sizeof(float));
        data += p->width * sizeof(float);
    }
    qsort(p->open, p->n, sizeof *p->open, by_first);
    for (size_t i = 0; i < p->n; i++) {
        if (p->open[i]->first != next) return false;
        next += p->open[i]->count;
    }
    return next == blocks;
}

/* The sum of all becomes the only one of the step, of which these floats are
 * there. */
static nr_status keep(nr_trainer *t, const nr_sum *root, uint64_t blocks,
                      size_t from, size_t n, nr_error *err) {
    nr_others_drop(t);
    float *g = nr_alloc_lines(t->sum_floats, sizeof(float));
    if (!g || !nr_others_reserve(t, 1)) {
        nr_release_lines(g);
        return nr_nomem(err);
    }
    memcpy(g + from, root->g, n * sizeof(float));
    for (size_t p = 0; p < t->parts; p++) t->sums[p].n = 0;
    t->others[t->nothers++] = (nr_sum){0, blocks, root->losses, g};
    t->joined = true;
    return NR_OK;
}

NOINLINE nr_status join(nr_trainer *t, pieces *p, const unsigned char *data,
                        size_t from, nr_buf *out, nr_error *err) {
    uint64_t blocks = nr_pass_leaves(t, &t->step);
    if (!take(p, data, blocks))
        return nr_fail(err, "ERR pieces that are not those of the %llu blocks "
                            "of this step",
                       (unsigned long long)blocks);
    size_t joins = nr_sums_join(p->open, p->n, p->joins);
    for (size_t i = 0; i < joins; i++)
        t->k->decay(p->joins[i].to->g, p->joins[i].from->g, p->width, 1, 1);
    if (!nr_buf_append(out, p->open[0]->g, p->width * sizeof(float)))
        return nr_nomem(err);
    return keep(t, p->open[0], blocks, from, p->width, err);
}

nr_status nr_trainer_join(nr_trainer *t, const unsigned char *data, size_t len,
                          uint64_t from, uint64_t to, nr_buf *out,
                          nr_error *err) {
    nr_status status = check_range(t, from, to, err);
    if (status != NR_OK) return status;
    size_t width = (size_t)(to - from), start = out->len;
    size_t each = sizeof(nr_sent) + width * sizeof(float);
    if (len == 0 || len % each)
        return nr_fail(err, "ERR pieces of %zu bytes each are needed, not %zu "
                            "bytes",
                       each, len);
    pieces p = {0};
    uint64_t before = nr_mode_begin(NR_FLUSH);
    status = allocate(&p, len / each, width)
                 ? join(t, &p, data, (size_t)from, out, err)
                 : nr_nomem(err);
    nr_mode_end(before);
    release(&p);
    if (status != NR_OK) out->len = start;
    return status;
}

nr_status nr_trainer_total(nr_trainer *t, const unsigned char *floats, size_t len,
                           nr_error *err) {
    if (!t->begun || !t->joined) return nr_not_begun(err);
    if (len != t->sum_floats * sizeof(float))
        return nr_fail(err, "ERR a sum of %zu bytes is needed, not %zu bytes",
                       t->sum_floats * sizeof(float), len);
    memcpy(t->others[0].g, floats, len);
    return NR_OK;
}
