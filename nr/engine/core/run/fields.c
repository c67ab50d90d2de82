/* Running networks with fields: what was said becomes a record, a record the
 * columns of a network without fields, and its outputs get their names back. */

#include <string.h>

#include "encode/said.h"
#include "run/explain.h"
#include "run/fields.h"
#include "run/run.h"
#include "run/sure.h"

static nr_status done(bool ok, nr_error *err) {
    return ok ? NR_OK : nr_nomem(err);
}

static bool put_name(nr_buf *b, nr_text text) {
    return nr_put_bin(b, text.s, text.n);
}

/* ================================ Encoding =============================== */

/* Rows for the inner network, made of samples. Small ones need no memory of
 * their own: one row of a few columns is most of what is ever asked. */
typedef struct rows {
    float few[512], *x; /* columns */
    nr_value values[32], *row;
    nr_sequences *sequences; /* NULL: no field is one */
    size_t n;
} rows;

static void rows_free(rows *r) {
    if (r->x != r->few) nr_release(r->x);
    if (r->row != r->values) nr_release(r->row);
    nr_sequences_drop(r->sequences);
}

static nr_status rows_make(rows *r, const nr_net *net, const nr_said *said,
                           nr_error *err) {
    const nr_encoding *e = net->encoding;
    const nr_recurrent *recurrent = &net->inner->h.recurrent;
    size_t fields = e->schema->n, in = nr_inputs(net->inner), floats, bytes;
    if (__builtin_mul_overflow(said->n, in, &floats) ||
        __builtin_mul_overflow(floats, sizeof(float), &bytes))
        return nr_nomem(err);
    r->n = said->n;
    r->x = bytes <= sizeof r->few ? r->few : nr_alloc(bytes);
    r->row = fields * sizeof *r->row <= sizeof r->values
                 ? r->values
                 : nr_alloc(fields * sizeof *r->row);
    r->sequences = recurrent->fields ? nr_sequences_new(e) : NULL;
    bool ok = r->x && r->row && (r->sequences || !recurrent->fields);
    for (size_t i = 0; i < said->n && ok; i++) {
        nr_record_read(e->schema, nr_said_record(said, i), r->row, NULL);
        ok = nr_encode_row(e, r->row, r->sequences, nr_state_units(recurrent),
                           r->x + i * in, NULL);
    }
    if (!ok) rows_free(r);
    return ok ? NR_OK : nr_nomem(err);
}

/* ================================ Replies ================================ */

bool nr_fields_outputs(const nr_net *net, nr_buf *b) {
    const nr_encoding *e = net->encoding;
    const nr_schema *schema = e->schema;
    bool classes = e->classes.n > 0;
    size_t n = nr_encoding_outputs(e);
    bool ok = nr_put_array(b, n);
    for (size_t i = 0; i < n && ok; i++)
        ok = put_name(b, classes ? nr_terms_text(&e->classes, i)
                                 : schema->fields[schema->inputs + i].name);
    return ok;
}

static bool put_output(const nr_encoding *e, size_t i, float y,
                       const double *off, nr_buf *b) {
    double value = e->classes.n ? (double)y : nr_decode(e, i, y);
    return off ? nr_interval_put(value, off[i], b) : nr_put_double(b, value);
}

/* One row's outputs, each behind its name. */
static bool put_outputs(const nr_encoding *e, const float *y, const double *off,
                        nr_buf *b) {
    const nr_field *outputs = e->schema->fields + e->schema->inputs;
    size_t n = nr_encoding_outputs(e);
    bool ok = nr_put_array(b, 2 * n);
    for (size_t i = 0; i < n && ok; i++)
        ok = put_name(b, e->classes.n ? nr_terms_text(&e->classes, i)
                                      : outputs[i].name) &&
             put_output(e, i, y[i], off, b);
    return ok;
}

static nr_status run_rows(const nr_net *net, const rows *r, bool many,
                          double interval, nr_buf *reply, nr_error *err) {
    size_t out = nr_encoding_outputs(net->encoding), bytes;
    float few[64], *y = few;
    double *off;
    if (__builtin_mul_overflow(r->n, out * sizeof *y, &bytes))
        return nr_nomem(err);
    nr_status status = nr_interval_take(net, interval, &off, err);
    if (status != NR_OK) return status;
    if (bytes > sizeof few && !(y = nr_alloc(bytes))) status = nr_nomem(err);
    if (status == NR_OK)
        status = nr_net_run_sequences(net->inner, r->sequences, r->x, r->n, y,
                                      NULL, err);
    bool ok = !many || nr_put_array(reply, r->n);
    for (size_t i = 0; i < r->n && ok && status == NR_OK; i++)
        ok = put_outputs(net->encoding, y + i * out, off, reply);
    if (y != few) nr_release(y);
    nr_release(off);
    return status == NR_OK ? done(ok, err) : status;
}

static nr_status classify_rows(const nr_net *net, const rows *r, bool many,
                               double sure, nr_buf *reply, nr_error *err) {
    uint32_t few[64], *classes = few;
    if (r->n > 64 && !(classes = nr_alloc(r->n * sizeof *classes)))
        return nr_nomem(err);
    if (net->h.kind != NR_CLASSIFIER)
        return nr_net_classify(net, r->x, r->n, classes, err); /* says why */
    nr_status status = nr_classify_sure(net->inner, r->sequences, r->x, r->n,
                                        sure, classes, err);
    bool ok = !many || nr_put_array(reply, r->n);
    for (size_t i = 0; i < r->n && ok && status == NR_OK; i++)
        ok = classes[i] == NR_UNSURE
                 ? nr_put_nil(reply)
                 : put_name(reply, nr_terms_text(&net->encoding->classes,
                                                 classes[i]));
    if (classes != few) nr_release(classes);
    return status == NR_OK ? done(ok, err) : status;
}

static nr_status not_trained(const nr_command *cmd, nr_error *err) {
    char key[NR_QUOTED];
    return nr_fail(err, "ERR net has not been trained yet: NR.TRAIN %s comes "
                        "first",
                   nr_quote(key, sizeof key, cmd->argv[cmd->key],
                            cmd->arglen[cmd->key]));
}

nr_status nr_fields_run(const nr_net *net, const nr_command *cmd,
                        nr_buf *reply, nr_error *err) {
    nr_said said;
    rows r;
    nr_status status = nr_said_read(net->schema, cmd, true, NULL, &said, err);
    if (status != NR_OK) return status;
    status = net->inner ? NR_OK : not_trained(cmd, err);
    if (status == NR_OK) status = rows_make(&r, net, &said, err);
    if (status == NR_OK) {
        status = cmd->verb == NR_CLASS
                     ? classify_rows(net, &r, said.many, cmd->sure, reply, err)
                     : run_rows(net, &r, said.many, cmd->interval, reply, err);
        rows_free(&r);
    }
    nr_said_free(&said);
    return status;
}

nr_status nr_fields_row(const nr_net *net, const nr_command *cmd, float **x,
                        nr_error *err) {
    nr_said said;
    rows r;
    nr_status status = nr_said_read(net->schema, cmd, true, NULL, &said, err);
    if (status != NR_OK) return status;
    if (said.n != 1) status = nr_one_row(said.n, err);
    if (status == NR_OK) status = rows_make(&r, net, &said, err);
    if (status == NR_OK) {
        size_t bytes = nr_inputs(net->inner) * sizeof **x;
        *x = nr_alloc(bytes + 1);
        if (*x) memcpy(*x, r.x, bytes);
        if (!*x) status = nr_nomem(err);
        rows_free(&r);
    }
    nr_said_free(&said);
    return status;
}

static nr_status series_sample(const nr_net *net, nr_bytes record,
                               nr_buf *reply, nr_error *err) {
    nr_series series;
    if (!nr_series_sound(net->schema, net->h.steps, record) ||
        !nr_series_read(net->schema, record, &series))
        return nr_fail(err, "ERR invalid network: a damaged sample");
    return done(nr_series_put(net->schema, &series, reply), err);
}

nr_status nr_fields_sample(const nr_net *net, nr_bytes record, nr_buf *reply,
                           nr_error *err) {
    const nr_schema *schema = net->schema;
    if (nr_is_forecaster(net)) return series_sample(net, record, reply, err);
    nr_value *values = nr_alloc(schema->n * sizeof *values);
    if (!values) return nr_nomem(err);
    if (!nr_record_sound(schema, record) ||
        !nr_record_read(schema, record, values, NULL)) {
        nr_release(values);
        return nr_fail(err, "ERR invalid network: a damaged sample");
    }
    bool ok = nr_put_array(reply, 2 * schema->n);
    for (size_t i = 0; i < schema->n && ok; i++)
        ok = put_name(reply, schema->fields[i].name) &&
             nr_value_put(&schema->fields[i], &values[i], reply);
    nr_release(values);
    return done(ok, err);
}

nr_status nr_fields_encoded(const nr_net *net, nr_dataset_id which, size_t n,
                            nr_net **encoded, nr_error *err) {
    const nr_encoding *e = net->encoding;
    nr_net *made = nr_net_bare(net->inner);
    if (!made) return nr_nomem(err);
    size_t bytes = made->row * sizeof(float);
    float *row = nr_alloc(bytes);
    nr_value *values = nr_alloc(e->schema->n * sizeof *values);
    size_t units = nr_state_units(&made->h.recurrent);
    if (units) made->sequences = nr_sequences_new(e);
    bool ok = row && values && (made->sequences || !units);
    nr_status status = ok ? NR_OK : nr_nomem(err);
    made->h.maxlen[which] = n;
    for (size_t i = 0; i < n && status == NR_OK; i++) {
        nr_record_read(e->schema, nr_record_at(net, which, i), values, NULL);
        if (!nr_encode_row(e, values, made->sequences, units, row,
                           row + nr_inputs(made)))
            status = nr_nomem(err);
        else
            status = nr_net_append(made, which, (unsigned char *)row, bytes, err);
    }
    nr_release(row);
    nr_release(values);
    if (status == NR_OK)
        *encoded = made;
    else
        nr_net_free(made);
    return status;
}

bool nr_fields_list(const nr_schema *schema, nr_buf *b) {
    bool ok = nr_put_array(b, schema->n + 1);
    for (size_t i = 0; i <= schema->n && ok; i++) {
        if (i == schema->inputs) ok = nr_put_bin(b, "->", 2);
        if (i < schema->n && ok)
            ok = nr_put_bin(b, schema->fields[i].text,
                            strlen(schema->fields[i].text));
    }
    return ok;
}

/* =============================== NR.FIELDS =============================== */

nr_status nr_fields_change(nr_net *net, const nr_command *cmd, nr_buf *reply,
                           nr_error *err) {
    char key[NR_QUOTED];
    nr_schema *schema;
    if (!net->schema)
        return nr_fail(err, "ERR %s has no fields: NR.CREATE gives a network "
                            "fields, or counts of its inputs and outputs",
                       nr_quote(key, sizeof key, cmd->argv[cmd->key],
                                cmd->arglen[cmd->key]));
    if (!nr_buf_reserve(reply, 8)) return nr_nomem(err);
    nr_status status =
        nr_schema_change(net->schema, cmd, net->h.kind, &schema, err);
    if (status != NR_OK) return status;
    nr_net_take_schema(net, schema);
    nr_schema_drop(schema);
    net->h.schema_revision++;
    return done(nr_put_str(reply, "OK"), err);
}

/* What the encoding has learned of a category, NULL: nothing. */
static const nr_terms *terms_of(const nr_net *net, const nr_field *field) {
    const nr_encoding *e = net->encoding;
    if (!e || field->kind != NR_FIELD_CATEGORY) return NULL;
    if (field->output) return &e->classes;
    const nr_schema *schema = e->schema; /* with other fields, perhaps */
    size_t at = field->slot < schema->slots ? schema->by_slot[field->slot] : 0;
    return at ? &e->codes[at - 1].terms : NULL;
}

/* The values of a category: those of its list, or that were learned. */
static bool put_values(const nr_net *net, const nr_field *field, nr_buf *b) {
    const nr_terms *terms = terms_of(net, field);
    size_t n = field->list ? field->listed : terms ? terms->n : 0;
    bool ok = nr_put_array(b, n);
    for (size_t i = 0; i < n && ok; i++)
        ok = put_name(b, field->list ? field->list[i]
                                     : nr_terms_text(terms, i));
    return ok;
}

/* A row a field: its name, its kind, what it is for, its values. */
bool nr_fields_known(const nr_net *net, nr_buf *b) {
    size_t n = net->schema ? net->schema->n : 0;
    bool ok = nr_put_array(b, n);
    for (size_t i = 0; i < n && ok; i++) {
        const nr_field *field = &net->schema->fields[i];
        const char *kind = field->text + field->name.n + 1;
        const char *role = field->output ? "output" : "input";
        ok = nr_put_array(b, 4) && put_name(b, field->name) &&
             nr_put_bin(b, kind, strlen(kind)) &&
             nr_put_bin(b, role, strlen(role)) && put_values(net, field, b);
    }
    return ok;
}
