/* Forecasts: the last window of a series through the network, and back into the
 * unit of what was observed.
 *
 * An interval is made of the residuals of the steps that were held out, horizon by
 * horizon (split conformal prediction: Papadopoulos and others, 2002), in the
 * scale of the window at hand: so it widens with the series. */

#include <math.h>
#include <string.h>

#include "float_mode.h"
#include "run/fields.h"
#include "run/forecast.h"

static nr_status done(bool ok, nr_error *err) {
    return ok ? NR_OK : nr_nomem(err);
}

static const char *key_of(const nr_command *cmd, char quoted[NR_QUOTED]) {
    return nr_quote(quoted, NR_QUOTED, cmd->argv[cmd->key],
                    cmd->arglen[cmd->key]);
}

nr_status nr_forecast_refuse(const nr_net *net, const nr_command *cmd,
                             nr_error *err) {
    char key[NR_QUOTED];
    bool changes = cmd->verb == NR_FIELDS && nr_changes(cmd);
    if (!nr_is_forecaster(net)) return NR_OK;
    if (changes)
        return nr_fail(err, "ERR the steps of %s have the fields that it was "
                            "created with: a forecaster takes no others",
                       key_of(cmd, key));
    if (cmd->verb == NR_EXPLAIN)
        return nr_fail(err, "ERR %s is a forecaster, whose forecasts NR.EXPLAIN "
                            "does not take apart: NR.METRICS tells how good it is",
                       key_of(cmd, key));
    if (cmd->verb != NR_IMPORTANCE) return NR_OK;
    return nr_fail(err, "ERR %s is a forecaster, which knows no importance of "
                        "its fields: NR.METRICS tells how good it is",
                   key_of(cmd, key));
}

/* ================================ A forecast ============================= */

typedef struct forecast {
    const nr_net *net;
    nr_series series;
    double *scales, *naive; /* [target], [target][h] */
    float *x, *y;
    size_t rank; /* of the residual that an interval goes by; 0: no interval */
} forecast;

static nr_status check_trained(const nr_net *net, const nr_command *cmd,
                               nr_error *err) {
    char key[NR_QUOTED];
    if (cmd->form != NR_FORM_SERIES)
        return nr_fail(err, "ERR %s is a forecaster, which goes on from what "
                            "was observed: NR.RUN %s [FOR series] [INTERVAL p]",
                       key_of(cmd, key), key);
    if (net->inner) return NR_OK;
    return nr_fail(err, "ERR net has not been trained yet: NR.TRAIN %s comes "
                        "first",
                   key_of(cmd, key));
}

static nr_status no_series(const nr_command *cmd, nr_error *err) {
    char key[NR_QUOTED], name[NR_QUOTED];
    if (!cmd->series)
        return nr_fail(err, "ERR no steps of %s were observed without FOR",
                       key_of(cmd, key));
    return nr_fail(err, "ERR no series '%s' in %s",
                   nr_quote(name, sizeof name, cmd->argv[cmd->series],
                            cmd->arglen[cmd->series]),
                   key_of(cmd, key));
}

static nr_status take_series(forecast *f, const nr_command *cmd,
                             nr_bytes record, nr_error *err) {
    const nr_windows *w = &f->net->encoding->forecast->windows;
    if (!record.len) return no_series(cmd, err);
    if (!nr_series_sound(f->net->schema, f->net->h.steps, record) ||
        !nr_series_read(f->net->schema, record, &f->series))
        return nr_fail(err, "ERR invalid network: a damaged sample");
    if (f->series.n >= nr_windows_least(w)) return NR_OK;
    return nr_fail(err, "ERR a forecast takes at least %zu steps, the series "
                        "has %zu",
                   nr_windows_least(w), f->series.n);
}

/* Which of the residuals covers so many forecasts: the (n + 1) p-th. */
static nr_status take_interval(forecast *f, double p, nr_error *err) {
    size_t n = f->net->encoding->forecast->kept;
    char said[NR_NUMBER];
    if (!(p > 0)) return NR_OK;
    double rank = ceil(((double)n + 1) * p - 1e-9);
    f->rank = (size_t)fmax(rank, 1);
    if (f->rank <= n) return NR_OK;
    return nr_fail(err, "ERR INTERVAL %s takes at least %.0f held-out windows "
                        "at the last training, there were %zu",
                   nr_write_shortest(said, p), nr_residuals_least(p), n);
}

static bool make_room(forecast *f) {
    const nr_forecast *of = f->net->encoding->forecast;
    size_t outputs = nr_forecast_outputs(of);
    f->scales = nr_alloc(of->windows.targets * sizeof *f->scales);
    f->naive = nr_alloc(outputs * sizeof *f->naive);
    f->x = nr_alloc(f->net->encoding->columns * sizeof *f->x);
    f->y = nr_alloc(outputs * sizeof *f->y);
    return f->scales && f->naive && f->x && f->y;
}

static void free_room(forecast *f) {
    nr_release(f->scales);
    nr_release(f->naive);
    nr_release(f->x);
    nr_release(f->y);
}

static nr_status run(forecast *f, nr_error *err) {
    const nr_windows *w = &f->net->encoding->forecast->windows;
    if (!make_room(f)) return nr_nomem(err);
    nr_window_encode(w, &f->series, f->series.n, f->x, f->scales);
    for (size_t k = 0; k < w->targets; k++)
        for (size_t h = 0; h < w->horizon; h++)
            f->naive[k * w->horizon + h] =
                nr_window_naive(w, &f->series, f->series.n, k, h + 1);
    return nr_net_run(f->net->inner, f->x, 1, f->y, err);
}

/* ================================= Replies =============================== */

static double value_of(const forecast *f, size_t target, size_t output,
                       double off) {
    double value = f->naive[output] +
                   ((double)f->y[output] + off) * f->scales[target];
    return isfinite(value) ? value : f->naive[output];
}

/* The output, or it and what it is probably between: lower, value, upper. */
static bool put_output(const forecast *f, size_t target, size_t h, nr_buf *b) {
    const nr_forecast *of = f->net->encoding->forecast;
    size_t output = target * of->windows.horizon + h;
    double value = value_of(f, target, output, 0);
    if (!f->rank) return nr_put_double(b, value);
    double off = (double)of->residuals[output * of->kept + f->rank - 1];
    return nr_put_array(b, 3) &&
           nr_put_double(b, value_of(f, target, output, -off)) &&
           nr_put_double(b, value) &&
           nr_put_double(b, value_of(f, target, output, off));
}

/* A row a step: each output behind its name. */
static bool put_rows(const forecast *f, nr_buf *b) {
    const nr_schema *schema = f->net->schema;
    const nr_windows *w = &f->net->encoding->forecast->windows;
    bool ok = nr_put_array(b, w->horizon);
    for (size_t h = 0; h < w->horizon && ok; h++) {
        ok = nr_put_array(b, 2 * w->targets);
        for (size_t k = 0; k < w->targets && ok; k++) {
            nr_text name = schema->fields[schema->inputs + k].name;
            ok = nr_put_bin(b, name.s, name.n) && put_output(f, k, h, b);
        }
    }
    return ok;
}

static nr_status forecast_of(const nr_net *net, const nr_command *cmd,
                             nr_bytes record, nr_buf *reply, nr_error *err) {
    forecast f = {.net = net};
    nr_status status = take_series(&f, cmd, record, err);
    if (status == NR_OK) status = take_interval(&f, cmd->interval, err);
    if (status == NR_OK) status = run(&f, err);
    if (status == NR_OK) status = done(put_rows(&f, reply), err);
    free_room(&f);
    return status;
}

nr_status nr_net_forecast(const nr_net *net, const nr_command *cmd,
                          nr_bytes record, nr_buf *reply, nr_error *err) {
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = check_trained(net, cmd, err);
    if (status == NR_OK) status = forecast_of(net, cmd, record, reply, err);
    nr_mode_end(before);
    return status;
}

/* The record of the series that a command names; empty: there is none. */
static nr_status own_record(const nr_net *net, const nr_command *cmd,
                            nr_bytes *record, nr_error *err) {
    nr_buf head = {0};
    nr_status status = nr_net_series(net, cmd, &head, err);
    long slot = -1;
    if (status == NR_OK)
        slot = nr_series_slot(net, (nr_bytes){head.data, head.len});
    if (slot >= 0)
        *record = nr_record_at(net, NR_DATASET_TRAIN, (size_t)slot);
    nr_buf_free(&head);
    return status;
}

nr_status nr_forecast_own(const nr_net *net, const nr_command *cmd,
                          nr_buf *reply, nr_error *err) {
    nr_bytes record = {0};
    nr_status status = check_trained(net, cmd, err);
    if (status == NR_OK && net->partial)
        return nr_fail(err, "ERR a series of a network without its datasets");
    if (status == NR_OK) status = own_record(net, cmd, &record, err);
    return status == NR_OK ? nr_net_forecast(net, cmd, record, reply, err)
                           : status;
}

/* =============================== NR.METRICS ============================== */

static bool put_score(nr_buf *b, double x) {
    return isnan(x) ? nr_put_nil(b) : nr_put_double(b, x);
}

static double mean_score(const nr_forecast *f, size_t target, int score) {
    double sum = 0, n = (double)f->windows.horizon;
    for (size_t h = 0; h < f->windows.horizon; h++)
        sum += f->scores[(target * f->windows.horizon + h) * NR_SCORES +
                         (size_t)score] /
               n;
    return sum;
}

/* Of each output over all steps, and then step by step. */
static bool put_scores(const nr_forecast *f, const char *name, int score,
                       nr_buf *b) {
    size_t horizon = f->windows.horizon;
    bool ok = nr_put_str(b, name) && nr_put_array(b, f->windows.targets);
    for (size_t k = 0; k < f->windows.targets && ok; k++) {
        ok = nr_put_array(b, 1 + horizon) &&
             put_score(b, mean_score(f, k, score));
        for (size_t h = 0; h < horizon && ok; h++)
            ok = put_score(b, f->scores[(k * horizon + h) * NR_SCORES +
                                        (size_t)score]);
    }
    return ok;
}

static bool put_targets(const nr_schema *schema, nr_buf *b) {
    bool ok = nr_put_str(b, "outputs") &&
              nr_put_array(b, schema->n - schema->inputs);
    for (size_t k = schema->inputs; k < schema->n && ok; k++)
        ok = nr_put_bin(b, schema->fields[k].name.s, schema->fields[k].name.n);
    return ok;
}

bool nr_forecast_report(const nr_net *net, nr_buf *b) {
    if (!net->encoding) return nr_put_nil(b);
    const nr_forecast *f = net->encoding->forecast;
    return nr_put_array(b, 14) && nr_put_str(b, "samples") &&
           nr_put_uint(b, f->tested) && nr_put_str(b, "season") &&
           nr_put_uint(b, f->windows.season) &&
           put_scores(f, "mase", NR_MASE, b) &&
           put_scores(f, "rmse", NR_RMSE, b) &&
           put_scores(f, "naive-mase", NR_NAIVE_MASE, b) &&
           put_scores(f, "naive-rmse", NR_NAIVE_RMSE, b) &&
           put_targets(net->schema, b);
}

/* =============================== NR.FORGET =============================== */

nr_status nr_forecast_matching(const nr_net *net, const nr_command *cmd,
                               nr_buf *places, nr_error *err) {
    static const char word[] = "series=";
    enum { WORD = sizeof word - 1 };
    const char *pair = cmd->argv[cmd->first[0]];
    size_t len = cmd->arglen[cmd->first[0]];
    char key[NR_QUOTED];
    nr_buf head = {0};
    if (cmd->count[0] != 1 || len < WORD || memcmp(pair, word, WORD) != 0)
        return nr_fail(err, "ERR a forecaster forgets a series as a whole: "
                            "NR.FORGET %s series=name",
                       key_of(cmd, key));
    nr_text name = {pair + WORD, len - WORD};
    nr_status status = nr_series_head(name, &head, err);
    long slot = -1;
    if (status == NR_OK)
        slot = nr_series_slot(net, (nr_bytes){head.data, head.len});
    uint64_t place = (uint64_t)slot * 2;
    if (slot >= 0 && !nr_buf_append(places, &place, sizeof place))
        status = nr_nomem(err);
    nr_buf_free(&head);
    return status;
}
