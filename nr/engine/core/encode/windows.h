/* Windows of a series: what a forecast is made from, and what of.
 *
 * A forecast starts from the seasonal naive one, the value a season ago, and the
 * network learns what that leaves. All numbers of a window are taken in its own
 * scale, the mean absolute difference of a value to that a season ago; so series
 * of any size and level look alike, and a series that grows looks as it did
 * before. The columns of a window are, for each output, its latest such
 * differences and their means over a part of a season, over one and over two, and
 * its latest values as deviations from the last season's mean; for each input, its
 * latest values in the window's standard deviations.
 *
 * A recurrent layer over the window was rejected: it learned less from as few
 * windows as a series has (docs/sequences.md), and takes longer. */

#ifndef NR_WINDOWS_H
#define NR_WINDOWS_H

#include "encode/series.h"

typedef struct nr_windows {
    size_t season, window, horizon; /* steps */
    size_t inputs, targets;         /* fields */
} nr_windows;

size_t nr_windows_columns(const nr_windows *w);
/* Steps that a series must have before a forecast. */
size_t nr_windows_least(const nr_windows *w);
/* Of the window that ends before the step `end`: its columns, and each output's
 * scale. */
void nr_window_encode(const nr_windows *w, const nr_series *series, size_t end,
                      float *columns, double *scales);
/* The value a season before a step that comes h steps after the window's last. */
double nr_window_naive(const nr_windows *w, const nr_series *series,
                       size_t end, size_t target, size_t h);
/* What is to be learned, [target][h]: where the next steps are known. */
void nr_window_targets(const nr_windows *w, const nr_series *series,
                       size_t end, const double *scales, float *targets);
/* Of the steps before `end` the mean absolute difference to a season ago; 0: all
 * are alike. */
double nr_series_unit(const nr_windows *w, const nr_series *series,
                      size_t end, size_t target);

/* Autocorrelations of a series' differences, by lag, weighed and added to sums:
 * of each output, over the latest steps. Returns the weight. */
double nr_series_correlate(const nr_windows *w, const nr_series *series,
                           size_t lags, double *sums);
/* The season that such sums tell of; 1: none. */
size_t nr_season_find(const double *sums, size_t lags, double weight);

#endif
