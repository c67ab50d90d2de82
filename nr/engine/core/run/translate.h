/* What generators from one sequence to another reply. */

#ifndef NR_RUN_TRANSLATE_H
#define NR_RUN_TRANSLATE_H

#include "model/net.h"

/* NR.RUN and NR.SCORE. */
nr_status nr_translate_run(const nr_net *net, const nr_command *cmd,
                           nr_buf *reply, nr_error *err);
nr_status nr_translate_score(const nr_net *net, const nr_command *cmd,
                             nr_buf *reply, nr_error *err);
/* What such a generator does not do, and what only such a one does. */
nr_status nr_translate_refuse(const nr_net *net, const nr_command *cmd,
                              nr_error *err);
bool nr_translate_report(const nr_net *net, nr_buf *reply); /* NR.METRICS */

#endif
