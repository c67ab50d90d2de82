/* What a training of a network with fields works on. */

#ifndef NR_LEARNER_H
#define NR_LEARNER_H

#include "train/train.h"

/* A network without fields, whose samples are those of `net` by the encoding
 * that is fitted, or kept where the training goes on. */
nr_status nr_learner_make(const nr_net *net, const nr_command *cmd,
                          nr_encoding **encoding, nr_net **learner,
                          nr_error *err);

/* `net`, without its samples, with what the learner has become. */
nr_net *nr_learner_done(const nr_net *net, nr_encoding *encoding,
                        const nr_net *trained);

/* Columns at most, by the fields and the number of samples alone. */
uint64_t nr_learner_columns(const nr_net *net);

#endif
