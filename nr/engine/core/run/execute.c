/* Commands on one network, and their replies.
 *
 * A reply is a msgpack value: integers, strings (Redis' simple strings), binary
 * (bulk), doubles, arrays, nil. The hosts translate it one to one. So what a
 * command answers is written once, here, and not once in every host. */

#include <string.h>

#include "float_mode.h"
#include "model/net.h"
#include "encode/said.h"
#include "run/fields.h"
#include "run/report.h"
#include "grammar/syntax.h"

static nr_status done(bool ok, nr_error *err) {
    return ok ? NR_OK : nr_nomem(err);
}

static bool put_ok(nr_buf *reply) { return nr_put_str(reply, "OK"); }

/* ============================== Samples in =============================== */

static const char *count_error =
    "ERR number of arguments does not match the number of inputs in the neural "
    "network: %zu given, %zu expected";

static nr_status blob_rows(const nr_command *cmd, size_t row, size_t *n,
                           nr_error *err) {
    size_t bytes = row * sizeof(float);
    if (cmd->bloblen == 0 || cmd->bloblen % bytes)
        return nr_fail(err, "ERR invalid FP32 blob: %zu bytes are not a whole "
                            "number of rows of %zu bytes (%zu 32-bit floats)",
                       cmd->bloblen, bytes, row);
    *n = cmd->bloblen / bytes;
    return NR_OK;
}

static nr_status values_check(const nr_net *net, const nr_command *cmd,
                              nr_error *err) {
    size_t in = nr_inputs(net), out = net->row - in;
    if (cmd->nvalues != net->row)
        return nr_fail(err, "ERR number of arguments does not match the "
                            "number of inputs and outputs in the neural "
                            "network: %zu -> %zu given, %zu -> %zu expected",
                       cmd->arrow, cmd->nvalues - cmd->arrow, in, out);
    if (cmd->arrow != in)
        return nr_fail(err, "ERR no '->' separator in the correct position "
                            "between inputs and outputs: are you sure your "
                            "training data is correct? %zu -> %zu given, "
                            "%zu -> %zu expected",
                       cmd->arrow, cmd->nvalues - cmd->arrow, in, out);
    bool classifier = net->h.kind == NR_CLASSIFIER;
    if (classifier && (double)cmd->values[in] != cmd->exact.last)
        return nr_class_error(net, cmd->exact.last, err);
    return NR_OK;
}

void nr_net_count_rounded(nr_net *net, const nr_command *cmd) {
    net->h.rounded += cmd->exact.rounded;
}

static nr_status check_numbers(const nr_command *cmd, nr_error *err) {
    char key[NR_QUOTED];
    if (cmd->form <= NR_FORM_FP32) return NR_OK;
    return nr_fail(err, "ERR %s has no fields: give it numbers, in the order of "
                        "its inputs",
                   nr_quote(key, sizeof key, cmd->argv[cmd->key],
                            cmd->arglen[cmd->key]));
}

static nr_status fields_samples(const nr_net *net, const nr_command *cmd,
                                nr_buf *records, nr_error *err) {
    nr_said said;
    nr_status status = nr_said_read(net->schema, cmd, false, &said, err);
    if (status != NR_OK) return status;
    status = nr_said_take(&said, records, err);
    nr_said_free(&said);
    return status;
}

nr_status nr_net_samples(const nr_net *net, const nr_command *cmd,
                         nr_buf *rows, nr_error *err) {
    size_t n = 1, start = rows->len;
    if (net->schema) return fields_samples(net, cmd, rows, err);
    nr_status status = check_numbers(cmd, err);
    if (status != NR_OK) return status;
    status = cmd->values ? values_check(net, cmd, err)
                         : blob_rows(cmd, net->row, &n, err);
    if (status != NR_OK) return status;
    const void *data = cmd->values ? (const void *)cmd->values : cmd->blob;
    if (!nr_buf_append(rows, data, n * net->row * sizeof(float)))
        return nr_nomem(err);
    status = nr_rows_check(net, (float *)(rows->data + start), n, err);
    if (status != NR_OK) rows->len = start;
    return status;
}

static nr_status observe_fields(nr_net *net, const nr_command *cmd,
                                nr_error *err) {
    nr_buf records = {0};
    nr_status status = nr_net_samples(net, cmd, &records, err);
    nr_bytes bytes = {records.data, records.len};
    if (status == NR_OK) status = nr_net_put(net, bytes, cmd->dataset, err);
    nr_buf_free(&records);
    return status;
}

static nr_status observe(nr_net *net, const nr_command *cmd, nr_buf *reply,
                         nr_error *err) {
    nr_buf rows = {0};
    if (net->partial)
        return nr_fail(err, "ERR samples for a network without its datasets");
    if (!nr_buf_reserve(reply, 32)) return nr_nomem(err);
    nr_status status = net->schema ? NR_OK : check_numbers(cmd, err);
    if (status != NR_OK) return status;
    if (net->schema) {
        status = observe_fields(net, cmd, err);
    } else if (cmd->values) {
        status = values_check(net, cmd, err);
        if (status == NR_OK) status = nr_rows_check(net, cmd->values, 1, err);
        if (status == NR_OK)
            status = nr_net_observe(net, cmd->values, 1, cmd->dataset, err);
        if (status == NR_OK) nr_net_count_rounded(net, cmd);
    } else {
        status = nr_net_samples(net, cmd, &rows, err);
        if (status == NR_OK)
            status = nr_net_observe(net, (const float *)rows.data,
                                    rows.len / (net->row * sizeof(float)),
                                    cmd->dataset, err);
        nr_buf_free(&rows);
    }
    if (status != NR_OK) return status;
    return done(nr_put_array(reply, 2) && nr_put_uint(reply, net->h.len[0]) &&
                    nr_put_uint(reply, net->h.len[1]),
                err);
}

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
                   : nr_fail(err, count_error, cmd->nvalues, in);
    }
    nr_status status = blob_rows(cmd, in, n, err);
    *rows = (const void *)cmd->blob;
    if (status != NR_OK || (uintptr_t)cmd->blob % sizeof(float) == 0)
        return status;
    if (!nr_buf_append(copy, cmd->blob, cmd->bloblen)) return nr_nomem(err);
    *rows = (const void *)copy->data;
    return NR_OK;
}

static nr_status run_rows(const nr_net *net, const nr_command *cmd,
                          const float *rows, size_t n, nr_buf *reply,
                          nr_error *err) {
    size_t out = nr_outputs(net), bytes;
    if (__builtin_mul_overflow(n, out * sizeof(float), &bytes))
        return nr_nomem(err);
    float few[64], *outputs = few;
    if (bytes > sizeof few && !(outputs = nr_alloc(bytes)))
        return nr_nomem(err);
    nr_status status = nr_net_run(net, rows, n, outputs, err);
    bool ok = true;
    if (status == NR_OK && cmd->values) {
        ok = nr_put_array(reply, out);
        for (size_t i = 0; i < out && ok; i++)
            ok = nr_put_double(reply, (double)outputs[i]);
    } else if (status == NR_OK) {
        ok = nr_put_bin(reply, outputs, bytes);
    }
    if (outputs != few) nr_release(outputs);
    return status == NR_OK ? done(ok, err) : status;
}

static nr_status classify_rows(const nr_net *net, const nr_command *cmd,
                               const float *rows, size_t n, nr_buf *reply,
                               nr_error *err) {
    uint32_t few[64], *classes = few;
    if (n > 64 && !(classes = nr_alloc(n * sizeof *classes)))
        return nr_nomem(err);
    nr_status status = nr_net_classify(net, rows, n, classes, err);
    bool ok = cmd->values != NULL || nr_put_array(reply, n);
    for (size_t i = 0; i < n && ok && status == NR_OK; i++)
        ok = nr_put_uint(reply, classes[i]);
    if (classes != few) nr_release(classes);
    return status == NR_OK ? done(ok, err) : status;
}

static nr_status run(const nr_net *net, const nr_command *cmd, nr_buf *reply,
                     nr_error *err) {
    const float *rows;
    size_t n = 0;
    nr_buf copy = {0};
    if (cmd->verb == NR_CLASS && net->h.kind != NR_CLASSIFIER)
        return nr_fail(err, "ERR you can't call NR.CLASS with a regressor "
                            "network. Use this command with a classifier "
                            "network");
    if (net->schema) return nr_fields_run(net, cmd, reply, err);
    nr_status status = check_numbers(cmd, err);
    if (status == NR_OK) status = input_rows(net, cmd, &rows, &n, &copy, err);
    if (status == NR_OK)
        status = cmd->verb == NR_CLASS
                     ? classify_rows(net, cmd, rows, n, reply, err)
                     : run_rows(net, cmd, rows, n, reply, err);
    nr_buf_free(&copy);
    return status;
}

/* ============================== Information ============================== */

static bool put_pair(nr_buf *b, const char *name, uint64_t value) {
    return nr_put_str(b, name) && nr_put_uint(b, value);
}

static bool put_real(nr_buf *b, const char *name, double value) {
    return nr_put_str(b, name) && nr_put_double(b, value);
}

static bool put_word(nr_buf *b, const char *name, const char *value) {
    return nr_put_str(b, name) && nr_put_str(b, value);
}

static bool put_lower(nr_buf *b, const char *name, const char *value) {
    return nr_put_str(b, name) && nr_put_lower(b, value);
}

/* Those of options.h that say how they are called here. */
static size_t count_shown(void) {
    size_t n = 0;
    for (size_t i = 0; i < NR_OPTIONS; i++)
        n += nr_network_options[i].info != NULL;
    return n;
}

static bool put_options(const nr_options *options, nr_buf *b) {
    bool ok = true;
    for (size_t i = 0; i < NR_OPTIONS && ok; i++) {
        const nr_option *o = &nr_network_options[i];
        ok = !o->info || put_pair(b, o->info,
                                  (uint64_t)nr_option_get(o, options));
    }
    return ok;
}

static bool info(const nr_net *net, bool training, nr_buf *b) {
    const nr_header *h = &net->h;
    const nr_statistics *s = &h->stats;
    bool classifier = h->kind == NR_CLASSIFIER;
    const nr_header *shown = net->inner ? &net->inner->h : h;
    size_t pairs = 19 + count_shown() + (size_t)classifier +
                   (net->schema != NULL);
    bool ok = nr_put_array(b, 2 * pairs) &&
              put_pair(b, "id", h->id) &&
              put_lower(b, "type", nr_kind_words[h->kind]) &&
              put_options(&h->options, b) &&
              put_pair(b, "training", training) && nr_put_str(b, "layout") &&
              nr_put_array(b, shown->nlayers);
    for (size_t i = 0; i < shown->nlayers && ok; i++)
        ok = nr_put_uint(b, shown->layers[i]);
    ok = ok && put_pair(b, "training-dataset-maxlen", h->maxlen[0]) &&
         put_pair(b, "training-dataset-len", h->len[0]) &&
         put_pair(b, "test-dataset-maxlen", h->maxlen[1]) &&
         put_pair(b, "test-dataset-len", h->len[1]) &&
         put_pair(b, "training-total-steps", s->steps) &&
         put_pair(b, "training-total-cycles", s->cycles) &&
         put_real(b, "training-total-seconds", (double)s->ms / 1000) &&
         put_real(b, "dataset-error", s->train_error) &&
         put_real(b, "test-error", s->test_error);
    if (classifier)
        ok = ok &&
             put_real(b, "classification-errors-perc", s->class_errors);
    return ok &&
           put_word(b, "overfitting-detected", s->overfitting ? "yes" : "no") &&
           put_lower(b, "training-ended-by", nr_ending_words[s->ending]) &&
           put_word(b, "last-training", h->last_training) &&
           put_pair(b, "trainings", h->trainings) &&
           put_pair(b, "parameters", net->params) &&
           put_pair(b, "rounded", h->rounded) &&
           (!net->schema || (nr_put_str(b, "fields") &&
                             nr_fields_list(net->schema, b)));
}

NOINLINE nr_status sample_reply(const nr_net *net, nr_bytes sample,
                                nr_buf *reply, nr_error *err) {
    size_t in = nr_inputs(net), out = nr_outputs(net);
    const float *row = (const void *)sample.data;
    bool classifier = net->h.kind == NR_CLASSIFIER;
    if (net->schema) return nr_fields_sample(net, sample, reply, err);
    if (sample.len != net->row * sizeof(float))
        return nr_fail(err, "ERR invalid network: a sample of %zu bytes where "
                            "%zu belong",
                       sample.len, net->row * sizeof(float));
    bool ok = nr_put_array(reply, 2) && nr_put_array(reply, in);
    for (size_t i = 0; i < in && ok; i++)
        ok = nr_put_double(reply, (double)row[i]);
    ok = ok && nr_put_array(reply, out);
    for (size_t i = 0; i < out && ok; i++)
        ok = nr_put_double(reply, classifier ? row[in] == (float)i
                                             : (double)row[in + i]);
    return done(ok, err);
}

nr_status nr_net_sample_reply(const nr_net *net, nr_bytes sample,
                              nr_buf *reply, nr_error *err) {
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = sample_reply(net, sample, reply, err);
    nr_mode_end(before);
    return status;
}

static nr_status getdata(const nr_net *net, const nr_command *cmd,
                         nr_buf *reply, nr_error *err) {
    if (cmd->number >= net->h.len[cmd->dataset])
        return done(nr_put_nil(reply), err);
    if (net->partial)
        return nr_fail(err, "ERR a sample of a network without its datasets");
    nr_bytes sample = nr_net_sample(net, cmd->dataset, cmd->number);
    return sample_reply(net, sample, reply, err);
}

/* One row a point: cycle, training error, testing error and classification
 * errors in per cent, the last two nil where there was nothing to test. */
static bool history(const nr_net *net, nr_buf *b) {
    size_t n = net->course ? (size_t)net->course->data[0] : 0;
    bool ok = nr_put_array(b, n);
    for (size_t i = 0; i < n && ok; i++) {
        const float *point = net->course->data + 1 + i * 4;
        ok = nr_put_array(b, 4) && nr_put_uint(b, (uint64_t)point[0]);
        for (int k = 1; k < 4 && ok; k++)
            ok = point[k] == point[k] ? nr_put_double(b, (double)point[k])
                                      : nr_put_nil(b);
    }
    return ok;
}

/* ============================ Changing options =========================== */

static nr_status configure(nr_net *net, const nr_command *cmd, nr_buf *reply,
                           nr_error *err) {
    nr_options *o = &net->h.options;
    if (!cmd->given) return done(nr_options_list(o, reply), err);
    if (!nr_buf_reserve(reply, 8)) return nr_nomem(err);
    nr_status status = nr_options_change(o, net->h.kind, cmd, err);
    return status == NR_OK ? done(put_ok(reply), err) : status;
}

static nr_status reset(nr_net *net, nr_buf *reply, nr_error *err) {
    if (!put_ok(reply)) return nr_nomem(err);
    nr_net_forget(net);
    nr_net_take_inner(net, NULL, NULL);
    nr_array_drop(net->course);
    net->course = NULL;
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
    nr_status status;
    switch (cmd->verb) {
    case NR_OBSERVE: return observe(net, cmd, reply, err);
    case NR_RUN:
    case NR_CLASS: return run(net, cmd, reply, err);
    case NR_INFO: return done(info(net, training, reply), err);
    case NR_RESET: return reset(net, reply, err);
    case NR_GETDATA: return getdata(net, cmd, reply, err);
    case NR_CONFIGURE: return configure(net, cmd, reply, err);
    case NR_HISTORY: return done(history(net, reply), err);
    case NR_METRICS: return done(nr_report_reply(net, reply), err);
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
