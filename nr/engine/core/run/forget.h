/* Samples dropped on request: NR.CLEAR and NR.FORGET. */

#ifndef NR_FORGET_H
#define NR_FORGET_H

#include "model/net.h"

/* Each says how many samples have gone. */
nr_status nr_clear(nr_net *net, const nr_command *cmd, uint64_t *gone,
                   nr_error *err);
nr_status nr_forget(nr_net *net, const nr_command *cmd, uint64_t *gone,
                    nr_error *err);

#endif
