/* See forecast.h. */

#include <math.h>
#include <string.h>

#include "encode/forecast.h"

enum { MOST_KEPT = 256, MOST_RESIDUALS = 1 << 17 };

nr_forecast *nr_forecast_new(const nr_windows *windows) {
    nr_forecast *f = nr_alloc(sizeof *f);
    if (!f) return NULL;
    *f = (nr_forecast){.windows = *windows};
    size_t n = nr_forecast_outputs(f) * NR_SCORES;
    f->scores = nr_alloc(n * sizeof *f->scores);
    for (size_t i = 0; i < n && f->scores; i++) f->scores[i] = (double)NAN;
    if (f->scores) return f;
    nr_release(f);
    return NULL;
}

void nr_forecast_free(nr_forecast *f) {
    if (!f) return;
    nr_release(f->scores);
    nr_release(f->residuals);
    nr_release(f->units);
    nr_release(f);
}

size_t nr_forecast_most(const nr_windows *w, size_t tested) {
    size_t most = MOST_RESIDUALS / (w->targets * w->horizon);
    if (most > MOST_KEPT) most = MOST_KEPT;
    if (most < 1) most = 1;
    if (tested <= most) return tested;
    size_t every = (tested + most - 1) / most; /* th of them is kept */
    return (tested + every - 1) / every;
}

bool nr_forecast_put(const nr_forecast *f, nr_buf *out) {
    const nr_windows *w = &f->windows;
    size_t outputs = nr_forecast_outputs(f);
    return nr_put_array(out, 7) && nr_put_uint(out, w->season) &&
           nr_put_uint(out, w->window) && nr_put_uint(out, w->horizon) &&
           nr_put_uint(out, f->tested) && nr_put_uint(out, f->kept) &&
           nr_put_bin(out, f->scores,
                      outputs * NR_SCORES * sizeof *f->scores) &&
           nr_put_bin(out, f->residuals,
                      outputs * f->kept * sizeof *f->residuals);
}

/* ================================ Reading ================================ */

static bool get_windows(nr_cursor *c, nr_windows *w, uint64_t *tested,
                        uint64_t *kept) {
    uint64_t season, window, horizon;
    size_t seven;
    if (!nr_get_array(c, &seven) || seven != 7 || !nr_get_uint(c, &season) ||
        !nr_get_uint(c, &window) || !nr_get_uint(c, &horizon) ||
        !nr_get_uint(c, tested) || !nr_get_uint(c, kept) || !season ||
        !horizon || horizon > NR_MAX_HORIZON || window > NR_MAX_WINDOW ||
        season + 2 > window || *tested > NR_MAX_SAMPLES)
        return false;
    w->season = (size_t)season;
    w->window = (size_t)window;
    w->horizon = (size_t)horizon;
    return *kept == nr_forecast_most(w, (size_t)*tested) && w->targets &&
           w->targets <= NR_MAX_STEP;
}

static bool get_scores(nr_cursor *c, nr_forecast *f) {
    nr_bytes bytes;
    size_t n = nr_forecast_outputs(f) * NR_SCORES;
    if (!nr_get_bin(c, &bytes) || bytes.len != n * sizeof *f->scores)
        return false;
    memcpy(f->scores, bytes.data, bytes.len);
    for (size_t i = 0; i < n; i++)
        if (f->scores[i] < 0 || isinf(f->scores[i])) return false;
    return true;
}

static bool get_residuals(nr_cursor *c, nr_forecast *f) {
    nr_bytes bytes;
    size_t n = nr_forecast_outputs(f) * f->kept;
    if (!nr_get_bin(c, &bytes) || bytes.len != n * sizeof *f->residuals)
        return false;
    f->residuals = nr_alloc(bytes.len + 1);
    if (!f->residuals) return false;
    if (n) memcpy(f->residuals, bytes.data, bytes.len);
    for (size_t i = 0; i < n; i++) {
        bool first = i % f->kept == 0;
        float least = first ? 0 : f->residuals[i - 1];
        if (!(f->residuals[i] >= least) || !isfinite(f->residuals[i]))
            return false;
    }
    return true;
}

nr_forecast *nr_forecast_get(nr_cursor *c, size_t inputs, size_t targets) {
    nr_windows w = {.inputs = inputs, .targets = targets};
    uint64_t tested, kept;
    if (!get_windows(c, &w, &tested, &kept)) return NULL;
    nr_forecast *f = nr_forecast_new(&w);
    if (!f) return NULL;
    f->tested = (size_t)tested;
    f->kept = (size_t)kept;
    if (get_scores(c, f) && get_residuals(c, f)) return f;
    nr_forecast_free(f);
    return NULL;
}
