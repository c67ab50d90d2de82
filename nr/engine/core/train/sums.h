/* The tree by which gradients and losses of a step are summed.
 *
 * A step's samples are in blocks of NR_BLOCK panels, and some blocks that follow
 * each other are a leaf (one block, more of lists). What the leaves come to is
 * summed by a binary tree over their numbers: 0 and 1, 2 and 3, then these two
 * sums, and so on; where a right half is missing, the left one is the sum. So
 * the bits follow from the samples alone. Who sums which leaves, threads here or
 * hosts elsewhere, is not to be seen in them: that is why a plain sum in the
 * order of the blocks was rejected.
 *
 * Leaves come in their order, and whatever is complete is summed at once, as a
 * binary counter carries: of a million leaves no more than twenty sums wait. */

#ifndef NR_SUMS_H
#define NR_SUMS_H

#include "kernels/kernel.h"

/* The tree of all samples (2^18 leaves) from any leaf to any other: sums that
 * grow, and then sums that shrink. */
enum { NR_MOST_SUMS = 40 };

/* The sum of `count` leaves from `first` on. */
typedef struct nr_sum {
    uint64_t first, count;
    nr_losses losses;
    float *g; /* of all weights of a member */
} nr_sum;

/* Sums that wait for others, by their leaves; the last is that of a leaf which
 * may not be complete. */
typedef struct nr_sums {
    size_t n;
    nr_sum sums[NR_MOST_SUMS];
} nr_sums;

/* What becomes of a block: it is added to a sum, which begins with it (`fresh`)
 * or not; then so many times the last sum is added to the one before it. */
typedef struct nr_turn {
    nr_sum *sum;
    unsigned merges;
    bool fresh;
} nr_turn;

/* Are they the two halves of a sum? */
bool nr_sums_halves(const nr_sum *left, const nr_sum *right);

/* The turn of the next block, of leaf `leaf`, which it begins and ends or not.
 * Where leaves are blocks (`single`), a right one is added to its left one
 * directly. Only the sums' leaves are written, not what they come to. */
nr_turn nr_sums_turn(nr_sums *s, uint64_t leaf, bool begins, bool ends,
                     bool single);

/* The sum of sums: what is added to what, in this order. */
typedef struct nr_join {
    nr_sum *to, *from;
} nr_join;

/* Those of n sums, in the order of their leaves; returns how many, and the sums'
 * losses are added up. The root is the first sum then. */
size_t nr_sums_join(nr_sum **sums, size_t n, nr_join *joins);

/* How many sums wait at most: of n leaves from the first on, and of n anywhere. */
size_t nr_sums_depth(size_t n, bool single);
size_t nr_sums_depth_anywhere(size_t n);

static inline void nr_losses_add(nr_losses *to, const nr_losses *from) {
    to->error += from->error;
    to->objective += from->objective;
    to->wrong += from->wrong;
}

#endif
