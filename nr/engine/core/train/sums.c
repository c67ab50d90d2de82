/* See sums.h. */

#include "train/sums.h"

bool nr_sums_halves(const nr_sum *left, const nr_sum *right) {
    return left->count == right->count &&
           left->first + left->count == right->first &&
           left->first % (2 * left->count) == 0;
}

nr_turn nr_sums_turn(nr_sums *s, uint64_t leaf, bool begins, bool ends,
                     bool single) {
    nr_turn turn = {NULL, 0, false};
    nr_sum next = {.first = leaf, .count = 1};
    if (begins && single && s->n && nr_sums_halves(&s->sums[s->n - 1], &next)) {
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
        if (!nr_sums_halves(last - 1, last)) break;
        last[-1].count *= 2;
    }
    return turn;
}

/* Those that wait are kept at the front of `sums`, behind which others come. */
size_t nr_sums_join(nr_sum **sums, size_t n, nr_join *joins) {
    size_t open = 0, count = 0;
    for (size_t i = 0; i < n; i++) {
        sums[open++] = sums[i];
        for (; open > 1 && nr_sums_halves(sums[open - 2], sums[open - 1]); open--) {
            sums[open - 2]->count *= 2;
            joins[count++] = (nr_join){sums[open - 2], sums[open - 1]};
        }
    }
    for (; open > 1; open--) /* no right halves come any more */
        joins[count++] = (nr_join){sums[open - 2], sums[open - 1]};
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
