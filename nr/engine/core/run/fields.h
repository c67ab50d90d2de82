/* Commands on networks with fields. */

#ifndef NR_RUN_FIELDS_H
#define NR_RUN_FIELDS_H

#include "model/net.h"

/* NR.RUN and NR.CLASS. */
nr_status nr_fields_run(const nr_net *net, const nr_command *cmd,
                        nr_buf *reply, nr_error *err);
/* One row of the network behind the encoding, for NR.EXPLAIN. */
nr_status nr_fields_row(const nr_net *net, const nr_command *cmd, float **x,
                        nr_error *err);
/* A sample as NR.GETDATA replies it: field, value ... The record may be any
 * bytes. */
nr_status nr_fields_sample(const nr_net *net, nr_bytes record, nr_buf *reply,
                           nr_error *err);
/* The network behind the encoding, with the first n samples of a dataset. */
nr_status nr_fields_encoded(const nr_net *net, nr_dataset_id which, size_t n,
                            nr_net **encoded, nr_error *err);
/* The names of the outputs, as NR.METRICS ends with them. */
bool nr_fields_outputs(const nr_net *net, nr_buf *reply);
/* NR.FIELDS: the change, or what there is. */
nr_status nr_fields_change(nr_net *net, const nr_command *cmd, nr_buf *reply,
                           nr_error *err);
bool nr_fields_known(const nr_net *net, nr_buf *reply);
/* Fields as NR.CREATE has them. */
bool nr_fields_list(const nr_schema *schema, nr_buf *reply);

#endif
