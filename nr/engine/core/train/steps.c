/* A training step by step, for hosts that come between: gradient, reduce, apply.
 *
 * Several trainers of the same network and command, here or elsewhere, share a
 * training: each sums the gradient over some of a step's blocks, hands its sums
 * to the others, and when all blocks are there moves its weights, as all others
 * do, by the same bits. The sums are those of the tree (sums.h), so nobody can
 * see who summed what; and what goes over the wire are a few of them, not one a
 * block. Testing is not shared: everyone tests for himself. */

#include <string.h>

#include "float_mode.h"
#include "train/train.h"

static size_t sent_bytes(const nr_trainer *t) {
    return sizeof(nr_sent) + t->sum_floats * sizeof(float);
}

void nr_others_drop(nr_trainer *t) {
    for (size_t i = 0; i < t->nothers; i++) nr_release_lines(t->others[i].g);
    t->nothers = 0;
    t->joined = false;
}

void nr_others_free(nr_trainer *t) {
    nr_others_drop(t);
    nr_release(t->others);
}

/* ============================ Gradient and sums ========================== */

/* A generator's steps are not shared: there are none to begin. */
NOINLINE uint64_t begin(nr_trainer *t, uint64_t elapsed_ms) {
    if (nr_is_generating(t)) return 0;
    bool stopped = atomic_load_explicit(&t->stop, memory_order_relaxed);
    bool late = t->cycles && t->maxtime && elapsed_ms >= t->maxtime;
    if (!t->over && !t->begun && nr_cycle_begins(t) && (stopped || late))
        nr_phase_end(t, stopped ? NR_ENDED_STOP : NR_ENDED_TIME);
    nr_trainer_show(t);
    return nr_step_begin(t) ? nr_pass_leaves(t, &t->step) : 0;
}

uint64_t nr_trainer_begin(nr_trainer *t, uint64_t elapsed_ms) {
    uint64_t before = nr_mode_begin(NR_FLUSH);
    uint64_t blocks = begin(t, elapsed_ms);
    nr_mode_end(before);
    return blocks;
}

nr_status nr_not_begun(nr_error *err) {
    return nr_fail(err, "ERR no step of the training has begun");
}

NOINLINE bool gradient(nr_trainer *t, uint64_t first, uint64_t last) {
    if (nr_pass_some(t, &t->step, first, last)) return true;
    nr_step_cut(t);
    nr_others_drop(t);
    return false;
}

nr_status nr_trainer_gradient(nr_trainer *t, uint64_t first, uint64_t last,
                              nr_error *err) {
    if (!t->begun) return nr_not_begun(err);
    uint64_t blocks = nr_pass_leaves(t, &t->step);
    if (first > last || last > blocks)
        return nr_fail(err, "ERR blocks %llu to %llu of a step that has %llu",
                       (unsigned long long)first, (unsigned long long)last,
                       (unsigned long long)blocks);
    if (first && !nr_gradients_anywhere(t)) return nr_nomem(err);
    uint64_t before = nr_mode_begin(NR_FLUSH);
    bool whole = gradient(t, first, last);
    nr_mode_end(before);
    return whole ? NR_OK : nr_fail(err, "ERR the training was stopped");
}

nr_status nr_trainer_sums(const nr_trainer *t, nr_buf *out, nr_error *err) {
    return nr_trainer_piece(t, 0, t->sum_floats, out, err);
}

/* ================================ Reduce ================================= */

static bool overlap(const nr_sum *a, uint64_t first, uint64_t count) {
    return a->first < first + count && first < a->first + a->count;
}

static bool is_there(const nr_trainer *t, uint64_t first, uint64_t count) {
    for (size_t p = 0; p < t->parts; p++)
        for (size_t i = 0; i < t->sums[p].n; i++)
            if (overlap(&t->sums[p].sums[i], first, count)) return true;
    for (size_t i = 0; i < t->nothers; i++)
        if (overlap(&t->others[i], first, count)) return true;
    return false;
}

/* One of the tree's sums, and none that is there already? */
static bool is_wanted(const nr_trainer *t, const nr_sent *s, uint64_t blocks) {
    return nr_is_node(s, blocks) && !is_there(t, s->first, s->count);
}

/* Room for so many more of them, and for all that are joined in the end. */
bool nr_others_reserve(nr_trainer *t, size_t more) {
    size_t others = t->nothers + more;
    size_t all = t->parts * NR_MOST_SUMS + others;
    nr_sum *sums = nr_resize(t->others, others * sizeof *sums);
    if (sums) t->others = sums;
    nr_sum **open = nr_resize(t->open, all * sizeof *open);
    if (open) t->open = open;
    nr_join *joins = nr_resize(t->joins, all * sizeof *joins);
    if (joins) t->joins = joins;
    return sums && open && joins;
}

static void take_out(nr_trainer *t, size_t at) {
    nr_release_lines(t->others[at].g);
    memmove(&t->others[at], &t->others[at + 1],
            (--t->nothers - at) * sizeof *t->others);
}

/* Adds a sum at its place, and halves to wholes. */
static void put_in(nr_trainer *t, nr_sum sum) {
    size_t at = t->nothers++;
    for (; at && t->others[at - 1].first > sum.first; at--)
        t->others[at] = t->others[at - 1];
    t->others[at] = sum;
    for (;;) {
        if (at && nr_sums_halves(&t->others[at - 1], &t->others[at]))
            at--;
        else if (at + 1 >= t->nothers ||
                 !nr_sums_halves(&t->others[at], &t->others[at + 1]))
            return;
        nr_sum *left = &t->others[at];
        t->k->decay(left->g, left[1].g, t->sum_floats, 1, 1);
        nr_losses_add(&left->losses, &left[1].losses);
        left->count *= 2;
        take_out(t, at + 1);
    }
}

NOINLINE nr_status put(nr_trainer *t, const unsigned char *data,
                       nr_error *err) {
    nr_sent sent;
    memcpy(&sent, data, sizeof sent);
    if (!is_wanted(t, &sent, nr_pass_leaves(t, &t->step)))
        return nr_fail(err, "ERR a sum of blocks that is none of this step, or "
                            "is there already: %llu from %llu on",
                       (unsigned long long)sent.count,
                       (unsigned long long)sent.first);
    nr_sum sum = {sent.first, sent.count, sent.losses,
                  nr_alloc_lines(t->sum_floats, sizeof(float))};
    if (!sum.g || !nr_others_reserve(t, 1)) {
        nr_release_lines(sum.g);
        return nr_nomem(err);
    }
    memcpy(sum.g, data + sizeof sent, t->sum_floats * sizeof(float));
    put_in(t, sum);
    return NR_OK;
}

nr_status nr_trainer_put(nr_trainer *t, const unsigned char *sums, size_t len,
                         nr_error *err) {
    size_t each = sent_bytes(t);
    nr_status status = NR_OK;
    if (!t->begun) return nr_not_begun(err);
    if (len % each)
        return nr_fail(err, "ERR sums of %zu bytes each are needed, not %zu "
                            "bytes",
                       each, len);
    uint64_t before = nr_mode_begin(NR_FLUSH);
    for (size_t at = 0; at < len && status == NR_OK; at += each)
        status = put(t, sums + at, err);
    nr_mode_end(before);
    return status;
}

/* ================================= Apply ================================= */

/* The first block that no sum has; as many as there are: all are there. */
static uint64_t first_missing(nr_trainer *t) {
    uint64_t next = 0;
    size_t n = nr_pass_collect(t);
    for (size_t i = 0; i < n && t->open[i]->first == next; i++)
        next += t->open[i]->count;
    return next;
}

NOINLINE void apply(nr_trainer *t) {
    nr_losses sum;
    nr_pass_move(t, &t->step, &sum);
    for (size_t p = 0; p < t->parts; p++) t->sums[p].n = 0;
    nr_others_drop(t);
    nr_step_end(t, &sum);
    nr_trainer_show(t);
}

nr_status nr_trainer_apply(nr_trainer *t, nr_error *err) {
    if (!t->begun) return nr_not_begun(err);
    uint64_t missing = first_missing(t), blocks = nr_pass_leaves(t, &t->step);
    if (missing < blocks)
        return nr_fail(err, "ERR block %llu of %llu is in none of the sums",
                       (unsigned long long)missing,
                       (unsigned long long)blocks);
    uint64_t before = nr_mode_begin(NR_FLUSH);
    apply(t);
    nr_mode_end(before);
    return NR_OK;
}
