/* How good a network is on a dataset. */

#ifndef NR_REPORT_H
#define NR_REPORT_H

#include "model/net.h"

/* Runs all samples of a dataset. error is the mean loss a sample, wrong the
 * per cent of samples in the wrong class; the report, appended to *report
 * unless that is NULL, holds what NR.METRICS replies. false: out of memory. */
bool nr_report_make(const nr_net *net, nr_dataset_id which, nr_buf *report,
                    double *error, double *wrong);

/* Adds one sample's loss; `scale` is the network's out_scale. */
void nr_report_loss(const nr_net *net, const float *y, const float *target,
                    const float *scale, double *sum);

/* Outputs beyond the range of a float32 as the largest that it has. */
void nr_report_bound(float *y, size_t n);

/* NR.METRICS' and NR.IMPORTANCE's replies. */
bool nr_report_reply(const nr_net *net, nr_buf *reply);
nr_status nr_importance_reply(const nr_net *net, nr_buf *reply,
                              nr_error *err);
double nr_importance_work(const nr_net *net); /* multiply-adds, about */
uint64_t nr_importance_bytes(const nr_net *net);

/* The report in a network's course, NULL where there is none. */
const float *nr_report_of(const nr_net *net);

#endif
