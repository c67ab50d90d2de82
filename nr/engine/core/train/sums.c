/* See sums.h. */

#include "train/sums.h"

/* Are they the two halves of a sum? Counts are powers of two. */
static bool halves(const nr_sum *left, const nr_sum *right) {
    return left->count == right->count &&
           left->first + left->count == right->first &&
           left->first % (2 * left->count) == 0;
}

nr_turn nr_sums_turn(nr_sums *s, uint64_t leaf, bool begins, bool ends,
                     bool single) {
    nr_turn turn = {NULL, 0, false};
    nr_sum next = {.first = leaf, .count = 1};
    if (begins && single && s->n && halves(&s->sums[s->n - 1], &next)) {
        s->sums[s->n - 1].count = 2;
    } else if (begins) {
        s->sums[s->n].first = leaf;
        s->sums[s->n].count = 1;
        s->n++;
        turn.fresh = true;
    }
    turn.sum = &s->sums[s->n - 1];
    for (; ends && s->n > 1; s->n--, turn.merges++) {
        nr_sum *last = &s->sums[s->n - 1];
        if (!halves(last - 1, last)) break;
        last[-1].count *= 2;
    }
    return turn;
}

size_t nr_sums_join(nr_sums *pieces, size_t parts, nr_join *joins) {
    nr_sum *open[2 * NR_MOST_SUMS]; /* those that wait, the last one last */
    size_t n = 0, count = 0;
    for (size_t p = 0; p < parts; p++)
        for (size_t i = 0; i < pieces[p].n; i++) {
            open[n++] = &pieces[p].sums[i];
            for (; n > 1 && halves(open[n - 2], open[n - 1]); n--) {
                open[n - 2]->count *= 2;
                joins[count++] = (nr_join){open[n - 2], open[n - 1]};
            }
        }
    for (; n > 1; n--) /* no right halves come any more */
        joins[count++] = (nr_join){open[n - 2], open[n - 1]};
    for (size_t i = 0; i < count; i++)
        nr_losses_add(&joins[i].to->losses, &joins[i].from->losses);
    return count;
}

static size_t bits_of(size_t n) {
    size_t bits = 0;
    for (; n; n /= 2) bits++;
    return bits;
}

size_t nr_sums_depth(size_t n, bool single) {
    return bits_of(single ? n + 1 : n) - (single ? 1 : 0);
}

size_t nr_sums_depth_anywhere(size_t n) { return 2 * bits_of(n); }
