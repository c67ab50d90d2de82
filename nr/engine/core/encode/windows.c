/* See windows.h. */

#include <math.h>
#include <string.h>

#include "encode/windows.h"

enum {
    LEAST_LAGS = 6,
    MOST_LAGS = 24,
    MEANS = 4,        /* of differences */
    LEAST_PERIOD = 4, /* where there is no season */
    LATEST = 2000,    /* steps in which a season is looked for */
};
static const double MOST = 50; /* of a column or a target, in its scale */

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }
static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static size_t lags_of(const nr_windows *w) {
    return smaller(larger(w->season, LEAST_LAGS), MOST_LAGS);
}

size_t nr_windows_columns(const nr_windows *w) {
    return w->targets * (MEANS + 2 * lags_of(w)) + w->inputs * lags_of(w);
}

size_t nr_windows_least(const nr_windows *w) {
    return w->season + larger(w->season / 4, 1);
}

/* What is no number, since numbers were too large for it, is 0. */
static float bounded(double x) {
    if (isnan(x)) return 0;
    return (float)(x > MOST ? MOST : x < -MOST ? -MOST : x);
}

/* ================================ One field ============================== */

/* A window of one field's values. */
typedef struct view {
    const nr_series *series;
    size_t field, start, end, season;
    double scale;
} view;

static double at(const view *v, size_t step) {
    return nr_series_at(v->series, step, v->field);
}

/* To the value a season ago, 0 where the window does not reach back as far. */
static double difference(const view *v, size_t step) {
    return step < v->start + v->season ? 0 : at(v, step) - at(v, step - v->season);
}

static double mean_difference(const view *v, size_t n) {
    double sum = 0;
    n = smaller(n, v->end - v->start);
    for (size_t i = v->end - n; i < v->end; i++) sum += difference(v, i);
    return sum / (double)n / v->scale;
}

static double mean_value(const view *v, size_t n) {
    double sum = 0;
    n = smaller(n, v->end - v->start);
    for (size_t i = v->end - n; i < v->end; i++)
        sum += at(v, i) / (double)n;
    return sum;
}

static double scale_of(const view *v) {
    double sum = 0, size = 0;
    for (size_t i = v->start; i < v->end; i++) {
        sum += fabs(difference(v, i));
        size += fabs(at(v, i));
    }
    double n = (double)(v->end - v->start);
    double differing = n - (double)v->season;
    double scale = differing > 0 ? sum / differing : 0;
    if (!(scale > 0)) scale = size / n;
    return scale > 0 && isfinite(scale) ? scale : 1;
}

static float *put_differences(const view *v, size_t lags, float *to) {
    size_t period = larger(v->season, LEAST_PERIOD);
    size_t over[MEANS] = {1, larger(period / 4, 2), period, 2 * period};
    for (size_t i = 0; i < MEANS; i++)
        *to++ = bounded(mean_difference(v, over[i]));
    for (size_t i = lags; i > 0; i--)
        *to++ = v->end - v->start < i
                    ? 0
                    : bounded(difference(v, v->end - i) / v->scale);
    return to;
}

/* The latest values, from some level, 0 where there are none. */
static float *put_values(const view *v, size_t lags, double level,
                         double scale, float *to) {
    for (size_t i = lags; i > 0; i--)
        *to++ = v->end - v->start < i || !(scale > 0)
                    ? 0
                    : bounded((at(v, v->end - i) - level) / scale);
    return to;
}

/* An input's mean and standard deviation, of those values that there are. */
static float *put_input(const view *v, size_t lags, float *to) {
    double n = 0, mean = 0, squares = 0;
    for (size_t i = v->start; i < v->end; i++) {
        double x = at(v, i), off = x - mean;
        if (isnan(x)) continue;
        n++;
        mean += off / n;
        squares += off * (x - mean);
    }
    return put_values(v, lags, mean, n > 0 ? sqrt(squares / n) : 0, to);
}

/* ================================= Windows =============================== */

static view view_of(const nr_windows *w, const nr_series *series, size_t end,
                    size_t field) {
    return (view){.series = series,
                  .field = field,
                  .start = end > w->window ? end - w->window : 0,
                  .end = end,
                  .season = w->season};
}

void nr_window_encode(const nr_windows *w, const nr_series *series, size_t end,
                      float *columns, double *scales) {
    size_t lags = lags_of(w), period = larger(w->season, LEAST_PERIOD);
    for (size_t k = 0; k < w->targets; k++) {
        view v = view_of(w, series, end, w->inputs + k);
        scales[k] = v.scale = scale_of(&v);
        columns = put_differences(&v, lags, columns);
        columns = put_values(&v, lags, mean_value(&v, period), v.scale, columns);
    }
    for (size_t k = 0; k < w->inputs; k++) {
        view v = view_of(w, series, end, k);
        columns = put_input(&v, lags, columns);
    }
}

double nr_window_naive(const nr_windows *w, const nr_series *series,
                       size_t end, size_t target, size_t h) {
    size_t back = (h + w->season - 1) / w->season * w->season;
    return nr_series_at(series, end - 1 + h - back, w->inputs + target);
}

void nr_window_targets(const nr_windows *w, const nr_series *series,
                       size_t end, const double *scales, float *targets) {
    for (size_t k = 0; k < w->targets; k++)
        for (size_t h = 1; h <= w->horizon; h++) {
            double y = nr_series_at(series, end - 1 + h, w->inputs + k);
            double naive = nr_window_naive(w, series, end, k, h);
            *targets++ = bounded((y - naive) / scales[k]);
        }
}

double nr_series_unit(const nr_windows *w, const nr_series *series,
                      size_t end, size_t target) {
    double sum = 0, n = (double)end - (double)w->season;
    for (size_t i = w->season; i < end; i++)
        sum += fabs(nr_series_at(series, i, w->inputs + target) -
                    nr_series_at(series, i - w->season, w->inputs + target)) /
               n;
    return isfinite(sum) ? sum : 0;
}

/* ================================= Season ================================ */

static double change(const nr_series *s, size_t i, size_t field) {
    return nr_series_at(s, i, field) - nr_series_at(s, i - 1, field);
}

double nr_series_correlate(const nr_windows *w, const nr_series *s, size_t lags,
                           double *sums) {
    size_t from = s->n > LATEST ? s->n - LATEST + 1 : 1;
    double n = (double)(s->n - from), weight = 0;
    for (size_t k = w->inputs; k < s->width && n > (double)lags; k++) {
        double mean = 0, squares = 0;
        for (size_t i = from; i < s->n; i++) mean += change(s, i, k) / n;
        for (size_t i = from; i < s->n; i++)
            squares += (change(s, i, k) - mean) * (change(s, i, k) - mean);
        if (!(squares > 0) || !isfinite(squares)) continue;
        for (size_t lag = 1; lag <= lags; lag++)
            for (size_t i = from + lag; i < s->n; i++)
                sums[lag] += (change(s, i, k) - mean) *
                             (change(s, i - lag, k) - mean) / squares * n;
        weight += n;
    }
    return weight;
}

/* The highest peak, where it is more than chance has it. */
size_t nr_season_find(const double *sums, size_t lags, double weight) {
    const double least = 0.3, deviations = 2;
    double best = fmax(least, deviations / sqrt(weight)) * weight;
    size_t season = 1;
    for (size_t lag = 2; lag < lags; lag++)
        if (sums[lag] > best && sums[lag] >= sums[lag - 1] &&
            sums[lag] >= sums[lag + 1]) {
            best = sums[lag];
            season = lag;
        }
    return season;
}
