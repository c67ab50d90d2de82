/* Trainings of generators: language models over one stream of symbols.
 *
 * A trainer of its own, since nothing of the others fits: there are no rows to be
 * shuffled, a step's samples go on where those of the step before ended, and every
 * symbol is a target. What a host sees of it, steps, progress, what becomes of it,
 * is the same. The stream is cut into as many parts as BATCH says, which lie in
 * lanes and are read side by side, UNROLL symbols a step. */

#ifndef NR_LANGUAGE_H
#define NR_LANGUAGE_H

#include "train/train.h"

nr_status nr_language_create(const nr_net *net, const nr_command *cmd,
                             nr_trainer **out, nr_error *err);
/* Some steps; at the end of a cycle tests, and may end the training. */
void nr_language_step(nr_trainer *t, uint64_t elapsed_ms);
/* The weights to keep. */
void nr_language_finalize(nr_trainer *t);
void nr_language_free(nr_language *language);
uint64_t nr_language_bytes(const nr_net *net);

#endif
