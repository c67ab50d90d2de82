/* Running a network, for the files that judge what it says. */

#ifndef NR_RUN_H
#define NR_RUN_H

#include "model/net.h"

/* As nr_net_run, which refuses outputs that are not finite. */
nr_status nr_net_outputs(const nr_net *net, const float *rows, size_t n,
                         float *outputs, nr_error *err);

#endif
