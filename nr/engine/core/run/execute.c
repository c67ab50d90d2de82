/* Commands on one network, and their replies.
 *
 * A reply is a msgpack value: integers, strings (Redis' simple strings), binary
 * (bulk), doubles, arrays, nil. The hosts translate it one to one. So what a
 * command answers is written once, here, and not once in every host. */

#include "float_mode.h"
#include "grammar/syntax.h"
#include "run/drift.h"
#include "run/execute.h"
#include "run/explain.h"
#include "run/fields.h"
#include "run/forecast.h"
#include "run/forget.h"
#include "run/language.h"
#include "run/report.h"
#include "run/sure.h"

static nr_status done(bool ok, nr_error *err) {
    return ok ? NR_OK : nr_nomem(err);
}

static bool put_ok(nr_buf *reply) { return nr_put_str(reply, "OK"); }

const char *const nr_count_error =
    "ERR number of arguments does not match the number of inputs in the neural "
    "network: %zu given, %zu expected";

/* ================================ Running ================================ */

/* The inputs of a command as rows in memory: its values, its blob, or where a
 * blob is not aligned a copy that *copy then owns. */
static nr_status input_rows(const nr_net *net, const nr_command *cmd,
                            const float **rows, size_t *n, nr_buf *copy,
                            nr_error *err) {
    size_t in = nr_inputs(net);
    if (cmd->values) {
        *rows = cmd->values;
        *n = 1;
        return cmd->nvalues == in
                   ? NR_OK
                   : nr_fail(err, nr_count_error, cmd->nvalues, in);
    }
    nr_status status = nr_blob_rows(cmd, in, n, err);
    *rows = (const void *)cmd->blob;
    if (status != NR_OK || (uintptr_t)cmd->blob % sizeof(float) == 0)
        return status;
    if (!nr_buf_append(copy, cmd->blob, cmd->bloblen)) return nr_nomem(err);
    *rows = (const void *)copy->data;
    return NR_OK;
}

static bool put_row(const float *y, const double *off, size_t out,
                    nr_buf *reply) {
    bool ok = nr_put_array(reply, out);
    for (size_t o = 0; o < out && ok; o++)
        ok = off ? nr_interval_put((double)y[o], off[o], reply)
                 : nr_put_double(reply, (double)y[o]);
    return ok;
}

/* Of n rows, with intervals three times as long. */
static bool put_blob(const float *y, const double *off, size_t n, size_t out,
                     nr_buf *reply) {
    size_t bytes = n * out * sizeof *y, all;
    if (!off) return nr_put_bin(reply, y, bytes);
    float *three = __builtin_mul_overflow(bytes, 3, &all) ? NULL : nr_alloc(all);
    for (size_t i = 0; i < n && three; i++)
        nr_interval_floats(y + i * out, off, out, three + 3 * i * out);
    bool ok = three && nr_put_bin(reply, three, all);
    nr_release(three);
    return ok;
}

static nr_status run_rows(const nr_net *net, const nr_command *cmd,
                          const float *rows, size_t n, nr_buf *reply,
                          nr_error *err) {
    size_t out = nr_outputs(net), bytes;
    if (__builtin_mul_overflow(n, out * sizeof(float), &bytes))
        return nr_nomem(err);
    float few[64], *outputs = few;
    double *off;
    nr_status status = nr_interval_take(net, cmd->interval, &off, err);
    if (status != NR_OK) return status;
    if (bytes > sizeof few && !(outputs = nr_alloc(bytes)))
        status = nr_nomem(err);
    if (status == NR_OK) status = nr_net_run(net, rows, n, outputs, err);
    if (status == NR_OK)
        status = done(cmd->values ? put_row(outputs, off, out, reply)
                                  : put_blob(outputs, off, n, out, reply),
                      err);
    if (outputs != few) nr_release(outputs);
    nr_release(off);
    return status;
}

static nr_status classify_rows(const nr_net *net, const nr_command *cmd,
                               const float *rows, size_t n, nr_buf *reply,
                               nr_error *err) {
    uint32_t few[64], *classes = few;
    if (n > 64 && !(classes = nr_alloc(n * sizeof *classes)))
        return nr_nomem(err);
    nr_status status =
        nr_classify_sure(net, NULL, rows, n, cmd->sure, classes, err);
    bool ok = cmd->values != NULL || nr_put_array(reply, n);
    for (size_t i = 0; i < n && ok && status == NR_OK; i++)
        ok = classes[i] == NR_UNSURE ? nr_put_nil(reply)
                                     : nr_put_uint(reply, classes[i]);
    if (classes != few) nr_release(classes);
    return status == NR_OK ? done(ok, err) : status;
}

/* NR.RUN key alone, or of a series, asks nothing else. */
static nr_status no_forecaster(const nr_net *net, const nr_command *cmd,
                               nr_error *err) {
    nr_status status = nr_series_check(net, cmd, err);
    if (status != NR_OK) return status;
    if (cmd->interval > 0)
        return nr_fail(err, "ERR INTERVAL without inputs is for forecasters");
    return nr_fail(err, "ERR wrong number of arguments for 'nr.run' command");
}

static nr_status run(const nr_net *net, const nr_command *cmd, nr_buf *reply,
                     nr_error *err) {
    const float *rows;
    size_t n = 0;
    nr_buf copy = {0};
    if (nr_is_generator(net)) return nr_language_run(net, cmd, reply, err);
    if (cmd->likeliest)
        return nr_fail(err, "ERR TOP is for generators, which tell what comes "
                            "next");
    if (cmd->verb == NR_CLASS && net->h.kind != NR_CLASSIFIER)
        return nr_fail(err, "ERR you can't call NR.CLASS with a regressor "
                            "network. Use this command with a classifier "
                            "network");
    if (nr_is_forecaster(net)) return nr_forecast_own(net, cmd, reply, err);
    if (cmd->form == NR_FORM_SERIES) return no_forecaster(net, cmd, err);
    if (net->schema) return nr_fields_run(net, cmd, reply, err);
    nr_status status = nr_numbers_check(cmd, err);
    if (status == NR_OK) status = input_rows(net, cmd, &rows, &n, &copy, err);
    if (status == NR_OK)
        status = cmd->verb == NR_CLASS
                     ? classify_rows(net, cmd, rows, n, reply, err)
                     : run_rows(net, cmd, rows, n, reply, err);
    nr_buf_free(&copy);
    return status;
}

/* ============================ Changing options =========================== */

static nr_status configure(nr_net *net, const nr_command *cmd, nr_buf *reply,
                           nr_error *err) {
    nr_options *o = &net->h.options;
    bool sequences = net->schema && nr_sequence_fields(net->schema);
    if (!cmd->given) return done(nr_options_list(o, net->h.kind, sequences, reply), err);
    if (!nr_buf_reserve(reply, 8)) return nr_nomem(err);
    nr_status status = sequences ? NR_OK : nr_options_unread(cmd, err);
    if (status == NR_OK) status = nr_options_change(o, net->h.kind, cmd, err);
    if (status == NR_OK && !o->trainevery) net->h.fresh = 0;
    if (status == NR_OK && !nr_header_watched(&net->h))
        net->h.losses = (nr_scored){0};
    return status == NR_OK ? done(put_ok(reply), err) : status;
}

static nr_status drop_samples(nr_net *net, const nr_command *cmd,
                              nr_buf *reply, nr_error *err) {
    uint64_t gone;
    if (!nr_buf_reserve(reply, 16)) return nr_nomem(err);
    nr_status status = cmd->verb == NR_CLEAR ? nr_clear(net, cmd, &gone, err)
                                             : nr_forget(net, cmd, &gone, err);
    return status == NR_OK ? done(nr_put_uint(reply, gone), err) : status;
}

static nr_status reset(nr_net *net, nr_buf *reply, nr_error *err) {
    if (!put_ok(reply)) return nr_nomem(err);
    nr_net_forget(net);
    nr_net_take_inner(net, NULL, NULL);
    nr_array_drop(net->history);
    net->history = NULL;
    nr_findings_hold(net, NULL);
    net->h.resets++;
    net->h.revision++;
    net->h.trained = false;
    net->h.stats = (nr_statistics){0};
    net->h.trainings++; /* if one ran, it has ended by this */
    nr_outcome_set(&net->h, NR_NEVER, "");
    return NR_OK;
}

/* ================================= Which ================================= */

NOINLINE nr_status execute(nr_net *net, const nr_command *cmd, bool training,
                           nr_buf *reply, nr_error *err) {
    nr_buf dump = {0};
    nr_status status = nr_forecast_refuse(net, cmd, err);
    if (status == NR_OK) status = nr_language_refuse(net, cmd, err);
    if (status != NR_OK) return status;
    switch (cmd->verb) {
    case NR_OBSERVE: return nr_observe(net, cmd, reply, err);
    case NR_RUN:
    case NR_CLASS: return run(net, cmd, reply, err);
    case NR_GENERATE: return nr_language_generate(net, cmd, reply, err);
    case NR_SCORE: return nr_language_score(net, cmd, reply, err);
    case NR_INFO: return done(nr_info_reply(net, training, reply), err);
    case NR_RESET: return reset(net, reply, err);
    case NR_GETDATA: return nr_getdata(net, cmd, reply, err);
    case NR_CONFIGURE: return configure(net, cmd, reply, err);
    case NR_CLEAR:
    case NR_FORGET: return drop_samples(net, cmd, reply, err);
    case NR_HISTORY: return done(nr_history_reply(net, reply), err);
    case NR_METRICS: return done(nr_report_reply(net, reply), err);
    case NR_EXPLAIN: return nr_explain_reply(net, cmd, reply, err);
    case NR_DRIFT: return nr_drift_reply(net, cmd, reply, err);
    case NR_IMPORTANCE: return nr_importance_reply(net, reply, err);
    case NR_FIELDS:
        return nr_changes(cmd) ? nr_fields_change(net, cmd, reply, err)
                               : done(nr_fields_known(net, reply), err);
    case NR_DUMP:
        status = nr_net_dump(net, &dump, err);
        if (status == NR_OK)
            status = done(nr_put_bin(reply, dump.data, dump.len), err);
        nr_buf_free(&dump);
        return status;
    default:
        return nr_fail(err, "ERR %s is not a command on one network",
                       nr_spec_of(cmd->verb)->name);
    }
}

nr_status nr_net_execute(nr_net *net, const nr_command *cmd, bool training,
                         nr_buf *reply, nr_error *err) {
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = execute(net, cmd, training, reply, err);
    nr_mode_end(before);
    return status;
}
