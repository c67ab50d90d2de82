/* A forecaster's training: one of a regressor on windows of its series. */

#ifndef NR_TRAIN_SERIES_H
#define NR_TRAIN_SERIES_H

#include "train/train.h"

/* As nr_learner_make and nr_learner_like, which see. A training always begins
 * afresh: so the same series make the same network. */
nr_status nr_windows_learner(const nr_net *net, nr_encoding **encoding,
                             nr_net **learner, nr_error *err);
nr_net *nr_windows_like(const nr_net *net);

/* How good a network is on the windows that were held out, into the forecast.
 * false: out of memory. */
bool nr_forecast_measure(const nr_net *learner, nr_forecast *forecast);

#endif
