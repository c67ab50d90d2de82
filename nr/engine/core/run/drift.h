/* Scores of samples before they are kept, and how far inputs have moved. */

#ifndef NR_RUN_DRIFT_H
#define NR_RUN_DRIFT_H

#include "model/drift.h"

/* The value by which an input is compared: of a row of a plain network (encoding
 * NULL), or of a field's columns. false: it is compared by none. */
bool nr_drift_value(const nr_encoding *encoding, const float *row, size_t input,
                    float *value);

/* How many samples are passed over for each that is counted in bins, and one. */
size_t nr_drift_every(size_t samples, size_t inputs);

nr_status nr_drift_reply(const nr_net *net, const nr_command *cmd,
                         nr_buf *reply, nr_error *err);
double nr_drift_work(const nr_net *net); /* multiply-adds, about */

#endif
