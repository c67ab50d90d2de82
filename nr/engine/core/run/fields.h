/* Commands on networks with fields. */

#ifndef NR_RUN_FIELDS_H
#define NR_RUN_FIELDS_H

#include "model/net.h"

/* NR.RUN and NR.CLASS. */
nr_status nr_fields_run(const nr_net *net, const nr_command *cmd,
                        nr_buf *reply, nr_error *err);
/* The names of the outputs, as NR.METRICS ends with them. */
bool nr_fields_outputs(const nr_net *net, nr_buf *reply);
bool nr_fields_list(const nr_schema *schema, nr_buf *reply);

#endif
