/* How good forecasts are on the steps that were held out (see series.h): measured
 * before all windows are learned at last, as the testing error is. */

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run/run.h"
#include "train/series.h"

enum { BATCH = 64 };

/* Sums over the held-out windows. */
typedef struct tally {
    const nr_net *net;
    nr_forecast *f;
    size_t outputs, every; /* which windows' residuals are kept */
    size_t kept;
    double *measured; /* [output]: windows of series that have a unit */
    float *x, *y;
} tally;

/* The error of a forecast, and that of the naive one. */
static void add_error(tally *t, size_t output, double error, double naive,
                      double unit) {
    double *scores = t->f->scores + output * NR_SCORES;
    scores[NR_RMSE] += error * error;
    scores[NR_NAIVE_RMSE] += naive * naive;
    if (!(unit > 0)) return;
    scores[NR_MASE] += fabs(error) / unit;
    scores[NR_NAIVE_MASE] += fabs(naive) / unit;
    t->measured[output]++;
}

/* An error that is no number is as large as one can be. */
static float size_of(double off) {
    double size = fabs(off);
    return size <= (double)FLT_MAX ? (float)size : FLT_MAX;
}

static void add_window(tally *t, size_t window, const float *y,
                       const float *target) {
    nr_forecast *f = t->f;
    size_t targets = f->windows.targets, horizon = f->windows.horizon;
    bool keeps = window % t->every == 0 && t->kept < f->kept;
    for (size_t o = 0; o < t->outputs; o++) {
        const double *units = f->units + 2 * (window * targets + o / horizon);
        double off = (double)target[o] - (double)y[o];
        add_error(t, o, off * units[0], (double)target[o] * units[0],
                  units[1]);
        if (keeps) f->residuals[o * f->kept + t->kept] = size_of(off);
    }
    t->kept += keeps;
}

static bool run_all(tally *t) {
    nr_error err;
    size_t in = nr_inputs(t->net), n = t->net->h.len[NR_DATASET_TEST];
    for (size_t from = 0; from < n; from += BATCH) {
        size_t some = n - from < BATCH ? n - from : BATCH;
        for (size_t i = 0; i < some; i++)
            memcpy(t->x + i * in,
                   nr_dataset_row(t->net, NR_DATASET_TEST, from + i),
                   in * sizeof *t->x);
        if (nr_net_outputs(t->net, NULL, t->x, some, t->y, &err) != NR_OK)
            return false;
        for (size_t i = 0; i < some; i++)
            add_window(t, from + i, t->y + i * t->outputs,
                       nr_dataset_row(t->net, NR_DATASET_TEST, from + i) + in);
    }
    return true;
}

static int by_size(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static const double MOST = 0x1p1000;

static double bounded(double x) { return isfinite(x) ? x : MOST; }

static void conclude(tally *t) {
    nr_forecast *f = t->f;
    double n = (double)f->tested;
    for (size_t o = 0; o < t->outputs; o++) {
        double *scores = f->scores + o * NR_SCORES;
        double measured = t->measured[o] > 0 ? t->measured[o] : (double)NAN;
        scores[NR_RMSE] = bounded(sqrt(scores[NR_RMSE] / n));
        scores[NR_NAIVE_RMSE] = bounded(sqrt(scores[NR_NAIVE_RMSE] / n));
        scores[NR_MASE] = fmin(scores[NR_MASE], MOST) / measured;
        scores[NR_NAIVE_MASE] = fmin(scores[NR_NAIVE_MASE], MOST) / measured;
        qsort(f->residuals + o * f->kept, f->kept, sizeof *f->residuals,
              by_size);
    }
}

bool nr_forecast_measure(const nr_net *learner, nr_forecast *f) {
    size_t outputs = nr_forecast_outputs(f);
    f->kept = nr_forecast_most(&f->windows, f->tested);
    nr_release(f->residuals);
    f->residuals = nr_alloc((outputs * f->kept + 1) * sizeof *f->residuals);
    tally t = {.net = learner, .f = f, .outputs = outputs};
    t.every = (f->tested + f->kept - 1) / f->kept;
    t.measured = nr_alloc_lines(outputs, sizeof *t.measured);
    t.x = nr_alloc_lines(BATCH, nr_inputs(learner) * sizeof *t.x);
    t.y = nr_alloc_lines(BATCH, outputs * sizeof *t.y);
    bool ok = f->residuals && t.measured && t.x && t.y;
    for (size_t i = 0; i < outputs * NR_SCORES; i++) f->scores[i] = 0;
    for (size_t i = 0; i < outputs && ok; i++) t.measured[i] = 0;
    ok = ok && run_all(&t);
    if (ok) conclude(&t);
    nr_release_lines(t.measured);
    nr_release_lines(t.x);
    nr_release_lines(t.y);
    nr_release(f->units);
    f->units = NULL;
    return ok;
}
