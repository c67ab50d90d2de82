/* The part of a training that is about sequences: what passes.c asks for where a
 * network has recurrent layers. */

#ifndef NR_TRAIN_RECURRENT_H
#define NR_TRAIN_RECURRENT_H

#include "train/train.h"

static inline bool nr_is_recurrent(const nr_trainer *t) {
    return t->plan->recurrent.fields > 0;
}

/* Of a set's and of a trainer's making; frames and panels of a round. */
bool nr_strands_make(nr_trainer *t);
void nr_strands_free(nr_trainer *t);
/* Floats of them at most, of a network that may have no samples yet, whose
 * sequences have so many steps. */
uint64_t nr_strands_floats(const nr_net *net, size_t threads);
/* Mean steps of the training samples; 1 where there are no sequences. */
double nr_mean_steps(const nr_net *net);

/* Lanes of the round's panel `at`, from a panel whose rows have numbers of
 * sequences, to one whose rows have states; and deltas back, from those of the
 * first operation's outputs. `place` is the step's first sample of the panel among
 * those of the cycle, by which some states are left out. */
void nr_strands_forward(nr_trainer *t, bool learn, size_t at, size_t lanes,
                        size_t place, const float *from);
void nr_strands_backward(nr_trainer *t, size_t at, size_t lanes, size_t place);
/* Adds the gradient of some rows of an operation, of panels from `at` on. */
void nr_strands_gradient(nr_trainer *t, const nr_op *op, float *g, size_t at,
                         size_t panels, size_t lanes_last, size_t first,
                         size_t last);

/* Puts sequences of like length next to each other in the order of n samples
 * that were shuffled, and mini-batches in a random order again. */
void nr_strands_order(nr_trainer *t, size_t n);

/* What the learning rate is multiplied by: it falls with the cosine of the part
 * of the training that is over (Loshchilov and Hutter, 2017), or as DECAY says. */
double nr_rate_now(const nr_trainer *t);
/* What a gradient of that many floats is multiplied by, so that its length is at
 * most t->clip; it is still the sum of n samples'. */
float nr_clip_factor(const nr_trainer *t, const float *g, size_t n);

#endif
