/* What the files of a pass share: passes.c runs samples forward and backward,
 * gradients.c sums what came of it and moves the weights. */

#ifndef NR_PASS_H
#define NR_PASS_H

#include "train/train.h"

/* A pass while it runs: what the threads need to know. */
typedef struct nr_pass {
    nr_trainer *t;
    const nr_step *step;
    const uint32_t *order; /* gather samples by it; NULL: panels of sets */
    bool learn, move;
    size_t blocks, all; /* of the step's first set or the order; of the step */
    size_t start[NR_PARTS + 1]; /* a block; where the last part ends */
    size_t done, each;     /* blocks of a part: before this round, in it */
    bool last;             /* round: there is the gradient then */
    size_t inputs, units;  /* of a layer that make a unit; units of all */
    float clipped;         /* what the gradient is multiplied by */
} nr_pass;

/* Samples of the block's i-th panel. */
static inline size_t nr_lanes_of(const nr_block *b, size_t i) {
    size_t left = b->n - (b->first + i) * NR_LANES;
    return left < NR_LANES ? left : NR_LANES;
}

/* The inputs of a panel, as samples have them. */
static inline const float *nr_rows_at(const nr_pass *p, const nr_block *b,
                                      size_t at) {
    size_t floats = nr_inputs(p->t->net) * NR_LANES;
    if (p->t->sparse) return NULL;
    return p->order ? p->t->workspace.x + at * floats
                    : b->set->x + (b->first + at % NR_BLOCK) * floats;
}

/* As the first operation has them: with the last states of sequences. */
static inline const float *nr_inputs_of(const nr_pass *p, const nr_block *b,
                                        size_t at) {
    size_t floats = nr_inputs(p->t->net) * NR_LANES;
    const float *joined = p->t->workspace.joined;
    return joined ? joined + at * floats : nr_rows_at(p, b, at);
}

/* Units of the second half of a round, of one operation's weights. */
static inline size_t nr_units_of(const nr_pass *p, const nr_op *op) {
    if (op->params == 0) return 0;
    return op->in <= p->inputs ? 1 : (op->in + p->inputs - 1) / p->inputs;
}

/* gradients.c: jobs for a team, a unit each. Where the gradient is in parts, the
 * last moves the weights; the one before it puts the parts together, and moves
 * none. */
void nr_gradient_job(void *context, size_t unit);
void nr_join_job(void *context, size_t unit);
void nr_move_job(void *context, size_t unit);

#endif
