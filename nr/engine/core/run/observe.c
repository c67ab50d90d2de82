/* Samples on their way in: checked against the network, and kept. */

#include "encode/phrases.h"
#include "encode/said.h"
#include "run/drift.h"
#include "run/execute.h"

static nr_status done(bool ok, nr_error *err) {
    return ok ? NR_OK : nr_nomem(err);
}

nr_status nr_blob_rows(const nr_command *cmd, size_t row, size_t *n,
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

/* Scored by the weights in place, and then kept; what was counted of that is taken
 * back where they are not. */
static nr_status keep(nr_net *net, nr_bytes samples, bool checked,
                      nr_dataset_id which, nr_error *err) {
    const nr_scored before = net->h.losses;
    nr_status status = nr_net_judge(net, net, samples.data, samples.len, err);
    if (status == NR_OK)
        status = checked ? nr_net_observe(net, (const void *)samples.data,
                                          samples.len / (net->row * sizeof(float)),
                                          which, err)
                         : nr_samples_put(net, samples, which, err);
    if (status != NR_OK) {
        net->h.losses = before;
        net->raised = false;
    }
    return status;
}

nr_status nr_net_put(nr_net *net, nr_bytes samples, nr_dataset_id which,
                     nr_error *err) {
    if (net->partial)
        return nr_fail(err, "ERR samples for a network without its datasets");
    return keep(net, samples, false, which, err);
}

nr_status nr_numbers_check(const nr_command *cmd, nr_error *err) {
    char key[NR_QUOTED];
    if (cmd->form <= NR_FORM_FP32) return NR_OK;
    return nr_fail(err, "ERR %s has no fields: give it numbers, in the order of "
                        "its inputs",
                   nr_quote(key, sizeof key, cmd->argv[cmd->key],
                            cmd->arglen[cmd->key]));
}

/* The steps of a command behind their length, as a record has it. */
static nr_status series_samples(const nr_net *net, const nr_command *cmd,
                                nr_buf *records, nr_error *err) {
    nr_buf piece = {0};
    nr_status status =
        nr_series_piece(net->schema, cmd, net->h.steps, &piece, err);
    if (status == NR_OK &&
        !nr_record_put((nr_bytes){piece.data, piece.len}, records))
        status = nr_nomem(err);
    nr_buf_free(&piece);
    return status;
}

static nr_status fields_samples(const nr_net *net, const nr_command *cmd,
                                nr_buf *records, nr_error *err) {
    nr_said said;
    if (nr_is_forecaster(net)) return series_samples(net, cmd, records, err);
    if (nr_is_generator(net) && (cmd->weight > 0 || cmd->weights))
        return nr_fail(err, "ERR the texts of a generator count alike: it takes "
                            "no WEIGHT");
    nr_status status =
        nr_said_read(net->schema, cmd, false, records, &said, err);
    if (status != NR_OK) return status;
    for (size_t i = 0; i < said.n && status == NR_OK && nr_is_translator(net); i++)
        status = nr_phrases_check(net->schema, nr_said_record(&said, i), err);
    if (status != NR_OK) records->len = said.start;
    nr_said_free(&said);
    return status;
}

nr_status nr_net_samples(const nr_net *net, const nr_command *cmd,
                         nr_buf *rows, nr_error *err) {
    size_t n = 1, start = rows->len;
    nr_status status = nr_series_check(net, cmd, err);
    if (status != NR_OK) return status;
    if (net->schema) return fields_samples(net, cmd, rows, err);
    status = nr_numbers_check(cmd, err);
    if (status != NR_OK) return status;
    status = cmd->values ? values_check(net, cmd, err)
                         : nr_blob_rows(cmd, net->row, &n, err);
    if (status != NR_OK) return status;
    const void *data = cmd->values ? (const void *)cmd->values : cmd->blob;
    if (!nr_buf_append(rows, data, n * net->row * sizeof(float)))
        return nr_nomem(err);
    status = nr_rows_check(net, (float *)(rows->data + start), n, err);
    if (status != NR_OK) rows->len = start;
    return status;
}

/* The records lie where the reply will: hosts keep that memory from one command
 * to the next, so a sample needs none of its own until it is put. */
static nr_status observe_fields(nr_net *net, const nr_command *cmd,
                                nr_buf *reply, nr_error *err) {
    size_t at = reply->len;
    nr_status status = nr_net_samples(net, cmd, reply, err);
    nr_bytes bytes = {reply->data + at, reply->len - at};
    if (status == NR_OK) status = nr_net_put(net, bytes, cmd->dataset, err);
    reply->len = at;
    return status;
}

/* The steps of the series, and how many series there are. */
static nr_status series_reply(const nr_net *net, const nr_command *cmd,
                              nr_buf *reply, nr_error *err) {
    nr_buf head = {0};
    nr_series series = {0};
    nr_status status = nr_net_series(net, cmd, &head, err);
    if (status != NR_OK) return status;
    long slot = nr_series_slot(net, (nr_bytes){head.data, head.len});
    if (slot >= 0)
        nr_series_read(net->schema,
                       nr_record_at(net, NR_DATASET_TRAIN, (size_t)slot),
                       &series);
    nr_buf_free(&head);
    return done(nr_put_array(reply, 2) && nr_put_uint(reply, series.n) &&
                    nr_put_uint(reply, net->h.len[0]),
                err);
}

nr_status nr_observe(nr_net *net, const nr_command *cmd, nr_buf *reply,
                     nr_error *err) {
    nr_buf rows = {0};
    if (net->partial)
        return nr_fail(err, "ERR samples for a network without its datasets");
    if (!nr_buf_reserve(reply, 32)) return nr_nomem(err);
    nr_status status = nr_series_check(net, cmd, err);
    if (status == NR_OK && !net->schema) status = nr_numbers_check(cmd, err);
    if (status != NR_OK) return status;
    if (net->schema) {
        status = observe_fields(net, cmd, reply, err);
    } else if (cmd->values) {
        status = values_check(net, cmd, err);
        if (status == NR_OK) status = nr_rows_check(net, cmd->values, 1, err);
        if (status == NR_OK)
            status = keep(net, (nr_bytes){(const void *)cmd->values,
                                          net->row * sizeof(float)},
                          true, cmd->dataset, err);
        if (status == NR_OK) nr_net_count_rounded(net, cmd);
    } else {
        status = nr_net_samples(net, cmd, &rows, err);
        if (status == NR_OK)
            status = keep(net, (nr_bytes){rows.data, rows.len}, true,
                          cmd->dataset, err);
        nr_buf_free(&rows);
    }
    if (status != NR_OK) return status;
    if (nr_is_forecaster(net)) return series_reply(net, cmd, reply, err);
    return done(nr_put_array(reply, 2) && nr_put_uint(reply, net->h.len[0]) &&
                    nr_put_uint(reply, net->h.len[1]),
                err);
}
