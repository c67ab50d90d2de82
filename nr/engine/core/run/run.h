/* Running a network, for the files that judge what it says. */

#ifndef NR_RUN_H
#define NR_RUN_H

#include "model/net.h"

/* As nr_net_run and nr_net_classify (one of outputs and classes is NULL), of rows
 * that have numbers of these sequences; NULL: there are none. */
nr_status nr_net_run_sequences(const nr_net *net,
                               const nr_sequences *sequences, const float *rows,
                               size_t n, float *outputs, uint32_t *classes,
                               nr_error *err);
/* As nr_net_run_sequences for outputs, those that are not finite, too. */
nr_status nr_net_outputs(const nr_net *net, const nr_sequences *sequences,
                         const float *rows, size_t n, float *outputs,
                         nr_error *err);

#endif
