/* What the trainings of generators have in common: language models (language.h), and
 * those from one sequence to another (translate.h). */

#ifndef NR_TRAIN_GENERATORS_H
#define NR_TRAIN_GENERATORS_H

#include "train/train.h"

/* What the defaults are of, where options say nothing else. */
typedef struct nr_generator_usual {
    double rate[2]; /* by optimiser: of ADAM, of SGD */
    double clip, dropout;
    size_t cycles, steps, most_cycles; /* see nr_generator_cycles */
} nr_generator_usual;

/* Whether a training begins with new weights. */
bool nr_generator_afresh(const nr_net *net, const nr_command *cmd);
/* The samples of a network. */
nr_records nr_generator_records(const nr_net *net);
/* The header of what is trained, whose layers and recurrent part follow from the
 * caller: without samples, and one network. */
nr_header nr_generator_header(const nr_net *net);
/* A trainer without a network of its own yet. NULL: out of memory. */
nr_trainer *nr_generator_trainer(const nr_net *net);
void nr_generator_options(nr_trainer *t, const nr_command *cmd,
                          const nr_generator_usual *usual);
/* How many cycles of so many steps: some, and more of them where these are few steps
 * in all. */
uint64_t nr_generator_cycles(const nr_generator_usual *usual, size_t steps);

/* Makes steps of so many multiply-adds, until that is enough for one call. */
void nr_generator_step(nr_trainer *t, uint64_t elapsed_ms, double work,
                       void (*step)(nr_trainer *t));
/* Behind a cycle, whose errors the member has: what becomes of the training. */
void nr_generator_end_cycle(nr_trainer *t);
/* Puts the best weights in place, where the training keeps them. */
void nr_generator_keep_best(nr_trainer *t);

#endif
