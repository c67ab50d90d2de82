/* What generators reply: the symbols that come next, texts, and how likely one is. */

#ifndef NR_RUN_LANGUAGE_H
#define NR_RUN_LANGUAGE_H

#include "model/net.h"

/* NR.RUN, NR.GENERATE and NR.SCORE; the latter two refuse all other networks. */
nr_status nr_language_run(const nr_net *net, const nr_command *cmd,
                          nr_buf *reply, nr_error *err);
nr_status nr_language_generate(const nr_net *net, const nr_command *cmd,
                               nr_buf *reply, nr_error *err);
nr_status nr_language_score(const nr_net *net, const nr_command *cmd,
                            nr_buf *reply, nr_error *err);
/* What a generator does not do. */
nr_status nr_language_refuse(const nr_net *net, const nr_command *cmd,
                             nr_error *err);
bool nr_language_report(const nr_net *net, nr_buf *reply); /* NR.METRICS */

#endif
