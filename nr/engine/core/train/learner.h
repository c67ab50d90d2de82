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

/* A network like the one that would be trained, without samples or weights, of
 * as many columns as the fields and the number of samples may come to. NULL:
 * out of memory. */
nr_net *nr_learner_like(const nr_net *net);

#endif
