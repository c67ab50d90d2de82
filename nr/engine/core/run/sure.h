/* How sure an answer is: INTERVAL of NR.RUN, SURE of NR.CLASS. */

#ifndef NR_SURE_H
#define NR_SURE_H

#include "model/net.h"

/* By how much each output may be off at INTERVAL p, in its unit; NULL: none was asked
 * for. To be freed with nr_release. */
nr_status nr_interval_take(const nr_net *net, double p, double **off,
                           nr_error *err);
/* [lower, value, upper] */
bool nr_interval_put(double value, double off, nr_buf *reply);
/* A row of outputs in three times as many places. */
void nr_interval_floats(const float *y, const double *off, size_t outputs,
                        float *to);

/* nr_net_run_sequences for classes, NR_UNSURE where the probability is below
 * `sure`; 0: all are sure. */
#define NR_UNSURE UINT32_MAX
nr_status nr_classify_sure(const nr_net *net, const nr_sequences *sequences,
                           const float *rows, size_t n, double sure,
                           uint32_t *classes, nr_error *err);

#endif
