/* Encodings as bytes, in msgpack: written, and read from bytes that may be
 * hostile. */

#include <math.h>
#include <string.h>

#include "encode/encoding.h"

/* Numbers of a value that are taken as deviations one by one. */
static size_t places_of(const nr_field *field) {
    bool many = field->kind == NR_FIELD_VECTOR ||
                field->kind == NR_FIELD_SEQUENCE;
    return many ? field->size : 0;
}

static bool put_doubles(nr_buf *out, const double *x, size_t n) {
    bool ok = nr_put_array(out, n);
    for (size_t i = 0; i < n && ok; i++) ok = nr_put_double(out, x[i]);
    return ok;
}

static bool put_code(const nr_code *code, nr_buf *out) {
    size_t edges = code->bins ? code->bins + 1 : 0;
    bool text = code->field->kind == NR_FIELD_TEXT;
    return nr_put_array(out, 10) && nr_put_bool(out, code->gap) &&
           nr_put_bool(out, code->other) && nr_put_uint(out, code->circles) &&
           nr_put_double(out, code->shift) && nr_put_double(out, code->scale) &&
           put_doubles(out, code->edges, edges) &&
           put_doubles(out, code->shifts, 2 * places_of(code->field)) &&
           nr_terms_put(&code->terms, out) &&
           nr_put_bin(out, code->weights,
                      text ? code->terms.n * sizeof(float) : 0) &&
           nr_put_bin(out, code->missing, code->columns * sizeof(float));
}

/* A forecaster's is [schema, what was found out]. */
static bool put_forecast(const nr_encoding *e, nr_buf *out) {
    return nr_put_array(out, 2) && nr_schema_put(e->schema, out) &&
           nr_forecast_put(e->forecast, out);
}

static bool is_of_symbols(const nr_encoding *e) {
    return e->schema->fields[e->schema->n - 1].kind == NR_FIELD_SEQUENCE;
}

/* From one sequence to another: [schema, the input's code, symbols, how many samples
 * were tested and what came of it]. */
static bool put_phrases(const nr_encoding *e, nr_buf *out) {
    return nr_put_array(out, 4) && nr_schema_put(e->schema, out) &&
           put_code(&e->codes[0], out) && nr_terms_put(&e->classes, out) &&
           nr_put_array(out, 5) && nr_put_uint(out, e->tested) &&
           nr_put_double(out, e->exact) && nr_put_double(out, e->errors) &&
           nr_put_double(out, e->naive_exact) &&
           nr_put_double(out, e->naive_errors);
}

/* A generator's is [schema, symbols, baseline, how many were tested]. */
static bool put_symbols(const nr_encoding *e, nr_buf *out) {
    if (nr_schema_translates(e->schema)) return put_phrases(e, out);
    return nr_put_array(out, 4) && nr_schema_put(e->schema, out) &&
           nr_terms_put(&e->classes, out) && nr_put_double(out, e->baseline) &&
           nr_put_uint(out, e->tested);
}

bool nr_encoding_put(const nr_encoding *e, nr_buf *out) {
    if (e->forecast) return put_forecast(e, out);
    if (is_of_symbols(e)) return put_symbols(e, out);
    size_t outputs = e->schema->n - e->schema->inputs;
    bool ok = nr_put_array(out, 4) && nr_schema_put(e->schema, out) &&
              nr_put_array(out, e->schema->inputs);
    for (size_t i = 0; i < e->schema->inputs && ok; i++)
        ok = put_code(&e->codes[i], out);
    return ok && nr_terms_put(&e->classes, out) &&
           put_doubles(out, e->out_shift, 2 * outputs);
}

/* ------------------------------- Reading --------------------------------- */

/* n finite doubles, in memory of their own. */
static bool get_doubles(nr_cursor *c, size_t most, double **out, size_t *n) {
    if (!nr_get_array(c, n) || *n > most) return false;
    if (!*n) return true;
    nr_release(*out);
    if (!(*out = nr_alloc(*n * sizeof **out))) return false;
    for (size_t i = 0; i < *n; i++)
        if (!nr_get_double(c, &(*out)[i]) || !isfinite((*out)[i])) return false;
    return true;
}

static bool get_floats(nr_cursor *c, size_t n, float **out) {
    nr_bytes bytes;
    if (!nr_get_bin(c, &bytes) || bytes.len != n * sizeof **out) return false;
    if (!(*out = nr_alloc(bytes.len))) return false;
    if (n) memcpy(*out, bytes.data, bytes.len);
    for (size_t i = 0; i < n; i++)
        if (!isfinite((*out)[i])) return false;
    return true;
}

/* What a kind may not have is refused: nothing is read that is not used. */
static bool code_sound(const nr_code *code, size_t edges, size_t shifts) {
    nr_field_kind kind = code->field->kind;
    bool number = kind == NR_FIELD_NUMBER, time = kind == NR_FIELD_TIME;
    bool terms = kind == NR_FIELD_CATEGORY || kind == NR_FIELD_TEXT ||
                 (kind == NR_FIELD_SEQUENCE && !code->field->size);
    for (size_t i = 1; i < edges; i++)
        if (!(code->edges[i] > code->edges[i - 1]) ||
            !isfinite(code->edges[i] - code->edges[i - 1]))
            return false;
    unsigned ways = time ? NR_BENT - 1 + NR_BENT : number ? NR_BENT : 0;
    return (number || time ? edges != 1 : !edges) && !(code->circles & ~ways) &&
           shifts == 2 * places_of(code->field) &&
           (terms || !code->terms.n) &&
           (kind == NR_FIELD_CATEGORY || !code->other) &&
           (kind != NR_FIELD_KEY || !code->gap) && isfinite(code->shift) &&
           isfinite(code->scale);
}

static bool get_code(nr_cursor *c, nr_code *code) {
    size_t ten, edges, shifts;
    uint64_t circles;
    nr_field_kind kind = code->field->kind;
    size_t terms = kind == NR_FIELD_CATEGORY ? NR_MAX_CATEGORIES
                                             : NR_MOST_TERMS;
    if (!nr_get_array(c, &ten) || ten != 10 || !nr_get_bool(c, &code->gap) ||
        !nr_get_bool(c, &code->other) || !nr_get_uint(c, &circles) ||
        !nr_get_double(c, &code->shift) || !nr_get_double(c, &code->scale) ||
        circles > 2 * NR_BENT - 1 ||
        !get_doubles(c, NR_MOST_BINS + 1, &code->edges, &edges) ||
        !get_doubles(c, 2 * NR_MAX_VECTOR, &code->shifts, &shifts) ||
        !nr_terms_get(c, terms, &code->terms))
        return false;
    code->circles = (unsigned)circles;
    code->bins = edges ? edges - 1 : 0;
    code->columns = nr_code_columns(code);
    size_t words = kind == NR_FIELD_TEXT ? code->terms.n : 0;
    return code_sound(code, edges, shifts) &&
           get_floats(c, words, &code->weights) &&
           get_floats(c, code->columns, &code->missing);
}

static bool get_outputs(nr_cursor *c, nr_kind kind, nr_encoding *e) {
    size_t n, outputs = e->schema->n - e->schema->inputs;
    if (!nr_terms_get(c, NR_MAX_CLASSES, &e->classes) ||
        (kind == NR_CLASSIFIER) != (e->classes.n > 0) ||
        !get_doubles(c, 2 * outputs, &e->out_shift, &n) || n != 2 * outputs)
        return false;
    for (size_t i = 0; i < outputs; i++)
        if (!(e->out_shift[outputs + i] > 0)) return false;
    return true;
}

/* The first symbols are what they are in every generator. */
static bool get_told(nr_cursor *c, nr_encoding *e) {
    if (!nr_terms_get(c, NR_MAX_SYMBOLS + 1, &e->classes) ||
        e->classes.n < NR_OWN_SYMBOLS)
        return false;
    for (size_t i = 0; i < NR_OWN_SYMBOLS; i++) {
        nr_text own = {nr_own_symbols[i], strlen(nr_own_symbols[i])};
        if (!nr_same_text(nr_terms_text(&e->classes, i), own)) return false;
    }
    return true;
}

static bool get_share(nr_cursor *c, double *share) {
    return nr_get_double(c, share) && *share >= 0 && isfinite(*share);
}

static bool get_phrases(nr_cursor *c, nr_encoding *e) {
    size_t five;
    return get_code(c, &e->codes[0]) && !e->codes[0].columns && get_told(c, e) &&
           nr_get_array(c, &five) && five == 5 && nr_get_uint(c, &e->tested) &&
           e->tested <= NR_MAX_SAMPLES && get_share(c, &e->exact) &&
           get_share(c, &e->errors) && get_share(c, &e->naive_exact) &&
           get_share(c, &e->naive_errors);
}

static bool get_symbols(nr_cursor *c, nr_encoding *e) {
    if (nr_schema_translates(e->schema)) return get_phrases(c, e);
    return get_told(c, e) && get_share(c, &e->baseline) &&
           nr_get_uint(c, &e->tested) && e->tested <= NR_MAX_DATASET_BYTES;
}

static nr_encoding *get_forecast(nr_cursor *c, const nr_schema *schema) {
    size_t targets = schema->n - schema->inputs;
    return nr_encoding_of_windows(schema,
                                  nr_forecast_get(c, schema->inputs, targets));
}

nr_status nr_encoding_get(nr_cursor *c, nr_kind kind, nr_encoding **out,
                          nr_error *err) {
    size_t items, inputs;
    nr_schema *schema = NULL;
    bool windows = kind == NR_FORECASTER;
    if (!nr_get_array(c, &items) || items != (windows ? 2 : 4))
        return nr_fail(err, "ERR invalid network: a damaged encoding");
    nr_status status = nr_schema_get(c, kind, &schema, err);
    if (status != NR_OK) return status;
    if (windows) {
        *out = get_forecast(c, schema);
        nr_schema_drop(schema);
        return *out ? NR_OK
                    : nr_fail(err, "ERR invalid network: a damaged encoding");
    }
    nr_encoding *e = nr_encoding_new(schema, kind);
    nr_schema_drop(schema);
    if (!e) return nr_nomem(err);
    if (kind == NR_GENERATOR && get_symbols(c, e)) {
        *out = e;
        return NR_OK;
    }
    bool ok = kind != NR_GENERATOR && nr_get_array(c, &inputs) && inputs == e->schema->inputs;
    for (size_t i = 0; i < e->schema->inputs && ok; i++)
        ok = get_code(c, &e->codes[i]);
    if (ok && get_outputs(c, kind, e) && nr_encoding_arrange(e)) {
        *out = e;
        return NR_OK;
    }
    nr_encoding_drop(e);
    return nr_fail(err, "ERR invalid network: a damaged encoding");
}
