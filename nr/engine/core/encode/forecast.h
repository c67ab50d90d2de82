/* What a forecaster's training has found out beside the weights: the season, and
 * how far its forecasts were off on the steps that were held out. It lies with the
 * encoding, in place of the codes of fields. */

#ifndef NR_FORECAST_H
#define NR_FORECAST_H

#include "encode/windows.h"

/* Of each output and step ahead: root mean squared error, and mean absolute error
 * in that of the seasonal naive forecast within the steps that were learned; the
 * same of the seasonal naive forecast. */
enum { NR_RMSE, NR_MASE, NR_NAIVE_RMSE, NR_NAIVE_MASE, NR_SCORES };

typedef struct nr_forecast {
    nr_windows windows;
    size_t tested;    /* held-out windows */
    size_t kept;      /* residuals of each output and step, of these */
    double *scores;   /* [output][NR_SCORES], an output being [target][h]; NaN:
                         there is none */
    float *residuals; /* [output][kept], without sign and in a window's scale,
                         smallest first */
    double *units;    /* while it is trained: of a held-out window each output's
                         scale, and what its errors are measured in */
} nr_forecast;

nr_forecast *nr_forecast_new(const nr_windows *windows); /* NULL: no memory */
void nr_forecast_free(nr_forecast *forecast);
static inline size_t nr_forecast_outputs(const nr_forecast *f) {
    return f->windows.targets * f->windows.horizon;
}
/* How many residuals are kept of so many windows. */
size_t nr_forecast_most(const nr_windows *windows, size_t tested);

bool nr_forecast_put(const nr_forecast *forecast, nr_buf *out);
/* Of bytes that may be hostile; NULL: they are damaged, or there is no memory. */
nr_forecast *nr_forecast_get(nr_cursor *c, size_t inputs, size_t targets);

#endif
