/* See series.h. */

#include <math.h>
#include <string.h>

#include "encode/said.h"
#include "encode/series.h"

enum { FORM = 1, BEFORE_NAME = 2 };

/* ================================ Reading ================================ */

nr_bytes nr_series_head_of(nr_bytes record) {
    size_t len = record.len > 1 ? BEFORE_NAME + (size_t)record.data[1] : 0;
    return (nr_bytes){record.data, len <= record.len ? len : 0};
}

bool nr_series_read(const nr_schema *schema, nr_bytes record,
                    nr_series *series) {
    nr_bytes head = nr_series_head_of(record);
    if (!head.len || record.data[0] != FORM || head.len > NR_SERIES_HEAD ||
        (record.len - head.len) % nr_step_bytes(schema))
        return false;
    *series = (nr_series){
        .name = {(const char *)record.data + BEFORE_NAME,
                 head.len - BEFORE_NAME},
        .at = record.data + head.len,
        .n = (record.len - head.len) / nr_step_bytes(schema),
        .width = schema->n,
    };
    return true;
}

double nr_series_at(const nr_series *series, size_t step, size_t field) {
    double x;
    memcpy(&x, series->at + (step * series->width + field) * sizeof x,
           sizeof x);
    return x;
}

/* NaN is one of its forms only, so that equal series have equal bytes. */
static bool is_sound(const nr_field *field, double x) {
    const double none = NAN;
    if (isnan(x)) return !field->output && !memcmp(&x, &none, sizeof x);
    return isfinite(x) &&
           (field->kind != NR_FIELD_FLAG || x == 0 || x == 1);
}

bool nr_series_sound(const nr_schema *schema, uint64_t most, nr_bytes record) {
    nr_series series;
    if (!nr_series_read(schema, record, &series) || !series.n ||
        series.n > most || !nr_utf8(series.name))
        return false;
    for (size_t i = 0; i < series.n; i++)
        for (size_t k = 0; k < series.width; k++)
            if (!is_sound(&schema->fields[k], nr_series_at(&series, i, k)))
                return false;
    return true;
}

/* ================================= Making ================================ */

nr_status nr_series_head(nr_text name, nr_buf *out, nr_error *err) {
    unsigned char before[BEFORE_NAME] = {FORM, (unsigned char)name.n};
    char quoted[NR_QUOTED];
    if (name.n > NR_MAX_SERIES_NAME || !nr_utf8(name))
        return nr_fail(err, "ERR the name of a series is up to %d bytes of "
                            "UTF-8, not '%s'",
                       NR_MAX_SERIES_NAME,
                       nr_quote(quoted, sizeof quoted, name.s, name.n));
    return nr_buf_append(out, before, sizeof before) &&
                   nr_buf_append(out, name.s, name.n)
               ? NR_OK
               : nr_nomem(err);
}

static nr_status add_step(const nr_schema *schema, nr_bytes record,
                          nr_value *values, nr_buf *out, nr_error *err) {
    if (!nr_record_read(schema, record, values, NULL))
        return nr_fail(err, "ERR a value that is none");
    for (size_t i = 0; i < schema->n; i++) {
        double x = values[i].missing ? (double)NAN : values[i].number;
        if (!nr_buf_append(out, &x, sizeof x)) return nr_nomem(err);
    }
    return NR_OK;
}

static nr_status add_steps(const nr_schema *schema, const nr_said *said,
                           uint64_t most, nr_buf *out, nr_error *err) {
    nr_value *values = nr_alloc(schema->n * sizeof *values);
    nr_status status = values ? NR_OK : nr_nomem(err);
    size_t from = said->n > most ? said->n - (size_t)most : 0;
    for (size_t i = from; i < said->n && status == NR_OK; i++)
        status = add_step(schema, nr_said_record(said, i), values, out, err);
    nr_release(values);
    return status;
}

static nr_status check(const nr_command *cmd, nr_error *err) {
    if (cmd->dataset != NR_DATASET_ANY)
        return nr_fail(err, "ERR a forecaster is tested with the latest steps "
                            "of each series: it takes no TRAIN and no TEST");
    if (cmd->weight > 0 || cmd->weights)
        return nr_fail(err, "ERR the steps of a series count alike: a "
                            "forecaster takes no WEIGHT");
    return NR_OK;
}

nr_status nr_series_piece(const nr_schema *schema, const nr_command *cmd,
                          uint64_t most, nr_buf *out, nr_error *err) {
    nr_said said;
    nr_text name = {"", 0};
    if (cmd->series)
        name = (nr_text){cmd->argv[cmd->series], cmd->arglen[cmd->series]};
    nr_status status = check(cmd, err);
    if (status == NR_OK) status = nr_said_read(schema, cmd, false, NULL, &said, err);
    if (status != NR_OK) return status;
    status = nr_series_head(name, out, err);
    if (status == NR_OK) status = add_steps(schema, &said, most, out, err);
    nr_said_free(&said);
    return status;
}

nr_status nr_series_extend(nr_bytes record, nr_bytes piece, size_t most_bytes,
                           nr_buf *out, nr_error *err) {
    nr_bytes head = nr_series_head_of(piece);
    size_t more = piece.len - head.len;
    size_t old = record.len ? record.len - head.len : 0;
    if (more > most_bytes) more = most_bytes;
    if (old > most_bytes - more) old = most_bytes - more;
    bool ok = nr_buf_append(out, head.data, head.len);
    if (old) ok = ok && nr_buf_append(out, record.data + record.len - old, old);
    ok = ok && nr_buf_append(out, piece.data + piece.len - more, more);
    return ok ? NR_OK : nr_nomem(err);
}

/* ================================ Telling ================================ */

static bool put_number(const nr_field *field, double x, nr_buf *reply) {
    if (isnan(x)) return nr_put_nil(reply);
    return field->kind == NR_FIELD_FLAG
               ? nr_put_bin(reply, x != 0 ? "yes" : "no", x != 0 ? 3 : 2)
               : nr_put_double(reply, x);
}

bool nr_series_put(const nr_schema *schema, const nr_series *series,
                   nr_buf *reply) {
    bool ok = nr_put_array(reply, 2 + 2 * schema->n) &&
              nr_put_bin(reply, "series", 6) &&
              nr_put_bin(reply, series->name.s, series->name.n);
    for (size_t k = 0; k < schema->n && ok; k++) {
        const nr_field *field = &schema->fields[k];
        ok = nr_put_bin(reply, field->name.s, field->name.n) &&
             nr_put_array(reply, series->n);
        for (size_t i = 0; i < series->n && ok; i++)
            ok = put_number(field, nr_series_at(series, i, k), reply);
    }
    return ok;
}
