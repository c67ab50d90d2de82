/* See series.h.
 *
 * The latest fifth of each series is held out, one horizon at least: what is
 * tested are windows that end there or later, what is learned are those whose
 * forecast ends before. The windows between would show what is tested. */

#include <string.h>

#include "float_mode.h"
#include "train/series.h"

enum {
    MOST_LEARNED = 20000, /* windows; of more, every second, third ... */
    MOST_TESTED = 4000,
    HELD_OUT = 5, /* the latest of so many parts */
    HIDDEN = 16,  /* units, where nobody gave any */
};

/* ================================ Windows ================================ */

/* What one series gives to a dataset: windows that end at first, first + step ...
 * up to last. */
typedef struct ends {
    size_t first, last, step;
} ends;

static size_t held_out(const nr_windows *w, size_t n) {
    size_t part = n / HELD_OUT;
    return part > w->horizon ? part : w->horizon;
}

static size_t count(ends e) {
    return e.last < e.first ? 0 : (e.last - e.first) / e.step + 1;
}

/* All that there are; first > last: none. */
static ends ends_of(const nr_windows *w, size_t n, nr_dataset_id which) {
    size_t hold = held_out(w, n), least = nr_windows_least(w);
    ends none = {1, 0, 1};
    if (n < hold + w->horizon || n - hold < least) return none;
    size_t cut = n - hold;
    if (which == NR_DATASET_TEST) return (ends){cut, n - w->horizon, 1};
    return cut < least + w->horizon ? none
                                    : (ends){least, cut - w->horizon, 1};
}

/* With only every step-th, the latest among them. */
static ends thinned(ends e, size_t step) {
    size_t n = count(e);
    if (!n) return e;
    return (ends){e.first + (e.last - e.first) % step, e.last, step};
}

/* ============================== All the series =========================== */

typedef struct source {
    const nr_net *net;
    nr_windows windows;
    size_t n[2], step[2]; /* windows of a dataset, and which of them are taken */
} source;

static nr_series series_at(const source *s, size_t i) {
    nr_series series = {0};
    nr_series_read(s->net->schema, nr_record_at(s->net, NR_DATASET_TRAIN, i),
                   &series);
    return series;
}

static size_t longest(const source *s) {
    size_t most = 0;
    for (size_t i = 0; i < s->net->h.len[0]; i++)
        if (series_at(s, i).n > most) most = series_at(s, i).n;
    return most;
}

/* No longer than a window, or the longest series, has room for. */
static size_t most_lags(const source *s) {
    size_t n = longest(s), h = s->windows.horizon;
    size_t lags = s->windows.window / 2;
    if (n < 2 * h) return 0;
    if ((n - 2 * h) / 2 < lags) lags = (n - 2 * h) / 2;
    return n / 3 < lags ? n / 3 : lags;
}

static bool find_season(source *s) {
    size_t lags = most_lags(s) + 1;
    double weight = 0, *sums = nr_alloc((lags + 1) * sizeof *sums);
    if (!sums) return false;
    memset(sums, 0, (lags + 1) * sizeof *sums);
    for (size_t i = 0; i < s->net->h.len[0]; i++) {
        nr_series series = series_at(s, i);
        weight += nr_series_correlate(&s->windows, &series, lags, sums);
    }
    s->windows.season = weight > 0 ? nr_season_find(sums, lags, weight) : 1;
    nr_release(sums);
    return true;
}

static size_t count_windows(const source *s, nr_dataset_id which,
                            size_t step) {
    size_t n = 0;
    for (size_t i = 0; i < s->net->h.len[0]; i++)
        n += count(thinned(ends_of(&s->windows, series_at(s, i).n, which),
                           step));
    return n;
}

/* A thinned series gives one window at least: then there are more. */
static void count_all(source *s) {
    static const size_t most[2] = {MOST_LEARNED, MOST_TESTED};
    for (nr_dataset_id d = 0; d < 2; d++) {
        size_t n = count_windows(s, d, 1);
        s->step[d] = n > most[d] ? (n + most[d] - 1) / most[d] : 1;
        s->n[d] = s->step[d] > 1 ? count_windows(s, d, s->step[d]) : n;
    }
}

/* Steps from which on a series has windows of both kinds. */
static size_t enough(const nr_windows *w) {
    size_t n = nr_windows_least(w) + 2 * w->horizon;
    while (count(ends_of(w, n, NR_DATASET_TRAIN)) == 0) n++;
    return n;
}

static nr_status open_source(source *s, const nr_net *net, nr_error *err) {
    const nr_options *o = &net->h.options;
    size_t inputs = net->schema->inputs;
    *s = (source){.net = net,
                  .windows = {.season = 1,
                              .window = (size_t)o->window,
                              .horizon = (size_t)o->horizon,
                              .inputs = inputs,
                              .targets = net->schema->n - inputs}};
    if (o->season > 0) s->windows.season = (size_t)o->season;
    if (o->season < 0 && !find_season(s)) return nr_nomem(err);
    count_all(s);
    if (s->n[0] && s->n[1]) return NR_OK;
    return nr_fail(err, "ERR Can't start training: the longest series has %zu "
                        "steps, HORIZON %zu and a season of %zu take at least "
                        "%zu",
                   longest(s), s->windows.horizon, s->windows.season,
                   enough(&s->windows));
}

/* ============================== The learner ============================== */

static nr_header header_for(const nr_net *net, const nr_windows *w,
                            const size_t n[2]) {
    nr_header h = net->h;
    h.kind = NR_REGRESSOR;
    h.steps = 0;
    if (net->schema->layout != NR_LAYOUT_GIVEN) h.nlayers = 2;
    if (net->schema->layout == NR_LAYOUT_AUTO) {
        h.layers[1] = HIDDEN;
        h.nlayers = 3;
    }
    h.layers[0] = (uint32_t)nr_windows_columns(w);
    h.layers[h.nlayers - 1] = (uint32_t)(w->targets * w->horizon);
    nr_net_choose(&h, net->schema->auto_members, net->schema->auto_activation);
    h.records = NR_FIXED;
    h.bytes[0] = h.bytes[1] = 0;
    h.options.normalize = true;
    h.trained = false;
    for (int d = 0; d < 2; d++) h.maxlen[d] = n[d], h.len[d] = 0;
    return h;
}

/* A window's row, and of one that is held out what its errors are measured by. */
static nr_status add_window(const source *s, const nr_series *series,
                            size_t end, nr_dataset_id which, double *units,
                            float *row, nr_net *learner, nr_error *err) {
    double scales[NR_MAX_STEP];
    nr_window_encode(&s->windows, series, end, row, scales);
    nr_window_targets(&s->windows, series, end, scales,
                      row + nr_inputs(learner));
    size_t learned = series->n - held_out(&s->windows, series->n);
    for (size_t k = 0; k < s->windows.targets && units; k++) {
        *units++ = scales[k];
        *units++ = nr_series_unit(&s->windows, series, learned, k);
    }
    return nr_net_append(learner, which, (unsigned char *)row,
                         learner->row * sizeof *row, err);
}

static nr_status add_windows(const source *s, nr_dataset_id which,
                             double *units, nr_net *learner, nr_error *err) {
    nr_status status = NR_OK;
    float *row = nr_alloc(learner->row * sizeof *row);
    if (!row) return nr_nomem(err);
    for (size_t i = 0; i < s->net->h.len[0]; i++) {
        nr_series series = series_at(s, i);
        ends e = thinned(ends_of(&s->windows, series.n, which),
                         s->step[which]);
        for (size_t end = e.first; end <= e.last && status == NR_OK;
             end += e.step) {
            status = add_window(s, &series, end, which, units, row, learner,
                                err);
            if (units) units += 2 * s->windows.targets;
        }
    }
    nr_release(row);
    return status;
}

static nr_status fill(const source *s, nr_forecast *f, nr_net *learner,
                      nr_error *err) {
    f->tested = s->n[NR_DATASET_TEST];
    f->units = nr_alloc(f->tested * 2 * s->windows.targets *
                        sizeof *f->units);
    if (!f->units) return nr_nomem(err);
    nr_status status = add_windows(s, NR_DATASET_TRAIN, NULL, learner, err);
    return status == NR_OK
               ? add_windows(s, NR_DATASET_TEST, f->units, learner, err)
               : status;
}

NOINLINE nr_status make(const nr_net *net, nr_encoding **encoding,
                        nr_net **learner, nr_error *err) {
    source s;
    nr_status status = open_source(&s, net, err);
    if (status != NR_OK) return status;
    nr_header h = header_for(net, &s.windows, s.n);
    status = nr_shape_check(h.kind, h.nlayers, h.layers, h.options.members,
                            h.maxlen, err);
    if (status != NR_OK) return status;
    nr_encoding *e =
        nr_encoding_of_windows(net->schema, nr_forecast_new(&s.windows));
    nr_net *made = nr_net_new(&h);
    status = e && made ? fill(&s, e->forecast, made, err) : nr_nomem(err);
    if (status == NR_OK) {
        *encoding = e;
        *learner = made;
        return NR_OK;
    }
    nr_encoding_drop(e);
    nr_net_free(made);
    return status;
}

nr_status nr_windows_learner(const nr_net *net, nr_encoding **encoding,
                             nr_net **learner, nr_error *err) {
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = make(net, encoding, learner, err);
    nr_mode_end(before);
    return status;
}

nr_net *nr_windows_like(const nr_net *net) {
    const nr_options *o = &net->h.options;
    size_t inputs = net->schema->inputs;
    size_t steps = (size_t)(net->h.bytes[0] / nr_step_bytes(net->schema)) + 1;
    nr_windows w = {.season = (size_t)o->window,
                    .window = (size_t)o->window,
                    .horizon = (size_t)o->horizon,
                    .inputs = inputs,
                    .targets = net->schema->n - inputs};
    size_t n[2] = {steps < MOST_LEARNED ? steps : MOST_LEARNED,
                   steps < MOST_TESTED ? steps : MOST_TESTED};
    nr_header h = header_for(net, &w, n);
    for (int d = 0; d < 2; d++) h.len[d] = n[d];
    return nr_net_new(&h);
}
