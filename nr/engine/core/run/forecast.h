/* Commands on forecasters. */

#ifndef NR_RUN_FORECAST_H
#define NR_RUN_FORECAST_H

#include "model/net.h"

/* NR.RUN of a network that has its samples. */
nr_status nr_forecast_own(const nr_net *net, const nr_command *cmd,
                          nr_buf *reply, nr_error *err);
/* NR.METRICS of a forecaster that was trained. */
bool nr_forecast_report(const nr_net *net, nr_buf *reply);
/* Refuses what a forecaster does not do. */
nr_status nr_forecast_refuse(const nr_net *net, const nr_command *cmd,
                             nr_error *err);
/* Which series NR.FORGET means: slot * 2, appended to places. */
nr_status nr_forecast_matching(const nr_net *net, const nr_command *cmd,
                               nr_buf *places, nr_error *err);

#endif
