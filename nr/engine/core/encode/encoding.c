/* Encodings: values to columns, and the encoding itself as bytes. */

#include <math.h>
#include <string.h>

#include "encode/encoding.h"
#include "encode/time.h"
#include "encode/tokens.h"
#include "functions.h"

static const double TURN = 6.283185307179586;

/* ================================ Memory ================================= */

static void free_code(nr_code *code) {
    nr_release(code->edges);
    nr_release(code->shifts);
    nr_terms_free(&code->terms);
    nr_release(code->weights);
    nr_release(code->missing);
}

nr_encoding *nr_encoding_hold(nr_encoding *encoding) {
    if (encoding)
        atomic_fetch_add_explicit(&encoding->refs, 1, memory_order_relaxed);
    return encoding;
}

void nr_encoding_drop(nr_encoding *encoding) {
    if (!encoding || atomic_fetch_sub_explicit(&encoding->refs, 1,
                                               memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; encoding->codes && i < encoding->schema->inputs; i++)
        free_code(&encoding->codes[i]);
    nr_schema_drop(encoding->schema);
    nr_release(encoding->codes);
    nr_terms_free(&encoding->classes);
    nr_release(encoding->out_shift);
    nr_release(encoding);
}

/* With a schema of its own; NULL: out of memory. */
nr_encoding *nr_encoding_new(const nr_schema *schema, nr_kind kind) {
    nr_error err;
    nr_encoding *e = nr_alloc(sizeof *e);
    if (!e) return NULL;
    memset(e, 0, sizeof *e);
    atomic_init(&e->refs, 1);
    e->schema = nr_schema_copy(schema);
    if (!e->schema || nr_schema_finish(e->schema, kind, &err) != NR_OK) {
        nr_schema_drop(e->schema);
        nr_release(e);
        return NULL;
    }
    size_t inputs = e->schema->inputs, outputs = e->schema->n - inputs;
    e->codes = nr_alloc(inputs * sizeof *e->codes);
    e->out_shift = nr_alloc(2 * outputs * sizeof *e->out_shift);
    if (!e->codes || !e->out_shift) {
        nr_encoding_drop(e);
        return NULL;
    }
    memset(e->codes, 0, inputs * sizeof *e->codes);
    for (size_t i = 0; i < inputs; i++)
        e->codes[i].field = &e->schema->fields[i];
    for (size_t i = 0; i < outputs; i++) {
        e->out_shift[i] = 0;
        e->out_shift[outputs + i] = 1;
    }
    return e;
}

size_t nr_encoding_outputs(const nr_encoding *e) {
    return e->classes.n ? e->classes.n : e->schema->n - e->schema->inputs;
}

/* ================================ Columns ================================ */

static size_t circles_of(const nr_code *code) {
    unsigned all = code->circles & (NR_HOURS | NR_WEEKDAYS | NR_SEASONS);
    size_t n = (size_t)__builtin_popcount(all);
    return code->circles & NR_FINER ? n * NR_FINEST : n;
}

static size_t columns_of(const nr_code *code) {
    size_t n = (size_t)code->gap + code->other;
    switch (code->field->kind) {
    case NR_FIELD_NUMBER: return n + 1 + code->bins;
    case NR_FIELD_FLAG: return n + 1;
    case NR_FIELD_TIME: return n + 1 + 2 * circles_of(code) + code->bins;
    case NR_FIELD_VECTOR: return n + code->field->size;
    case NR_FIELD_SEQUENCE: return n;
    case NR_FIELD_CATEGORY:
    case NR_FIELD_TEXT: return n + code->terms.n;
    default: return 0;
    }
}

bool nr_encoding_arrange(nr_encoding *e) {
    e->columns = 0;
    for (size_t i = 0; i < e->schema->inputs; i++) {
        e->codes[i].first = e->columns;
        e->codes[i].columns = columns_of(&e->codes[i]);
        e->columns += e->codes[i].columns;
    }
    return e->columns <= NR_MOST_COLUMNS;
}

/* Of many classes each is rare: words say the less of one, p (1 - p) being small
 * beside the quarter that it is for two. */
static double rareness(const nr_encoding *e) {
    double classes = (double)e->classes.n;
    return classes > 2 ? 4 * (classes - 1) / (classes * classes) : 1;
}

double nr_encoding_extent(const nr_encoding *e) {
    double all = 0;
    for (size_t i = 0; i < e->schema->inputs; i++) {
        const nr_code *code = &e->codes[i];
        bool text = code->field->kind == NR_FIELD_TEXT;
        all += text ? code->scale * code->scale * NR_STUDY_TEXT * rareness(e)
                    : (double)code->columns;
    }
    return all;
}

/* =============================== Encoding ================================ */

/* Far out it bends, and ends at three deviations. */
static float encode_linear(const nr_code *code, double x) {
    const double most = 3;
    double z = (x - code->shift) * code->scale;
    if (code->circles & NR_BENT) z /= sqrt(1 + z / most * (z / most));
    return (float)z;
}

/* How far x is through each bin: those below it are 1, those above it 0. */
static void encode_bins(const nr_code *code, double x, float *to) {
    const double *edge = code->edges;
    for (size_t k = 0; k < code->bins; k++)
        to[k] = x >= edge[k + 1] ? 1
                : x > edge[k]
                    ? (float)((x - edge[k]) / (edge[k + 1] - edge[k]))
                    : 0;
}

static void encode_number(const nr_code *code, double x, float *to) {
    to[0] = encode_linear(code, x);
    encode_bins(code, x, to + 1);
}

/* And, where it is to be finer, points that go round some times as fast. */
static float *encode_circle(const nr_code *code, double turns, float *to) {
    int most = code->circles & NR_FINER ? NR_FINEST : 1;
    double angle = (turns - floor(turns)) * TURN;
    double y1 = nr_sin(angle), x1 = nr_cos(angle), y = y1, x = x1;
    for (int i = 0; i < most; i++) {
        double further = y * x1 + x * y1;
        *to++ = (float)y;
        *to++ = (float)x;
        x = x * x1 - y * y1;
        y = further;
    }
    return to;
}

static void encode_time(const nr_code *code, int64_t time, float *to) {
    static const double YEAR = 365.2425;
    double days = (double)time / (double)NR_DAY;
    *to++ = encode_linear(code, days);
    if (code->circles & NR_HOURS) to = encode_circle(code, days, to);
    if (code->circles & NR_WEEKDAYS) to = encode_circle(code, days / 7, to);
    if (code->circles & NR_SEASONS) to = encode_circle(code, days / YEAR, to);
    encode_bins(code, days, to);
}

static void encode_vector(const nr_code *code, nr_bytes bytes, float *to) {
    size_t n = code->field->size;
    for (size_t i = 0; i < n; i++) {
        float x;
        memcpy(&x, bytes.data + i * sizeof x, sizeof x);
        to[i] = (float)(((double)x - code->shifts[i]) * code->shifts[n + i]);
    }
}

/* The most numbers of terms that are remembered as touched; a longer text is
 * looked through column by column. */
enum { TOUCHED = 1024 };

typedef struct text_sum {
    const nr_code *code;
    float *to;
    uint32_t touched[TOUCHED];
    size_t n;
} text_sum;

static void count_term(text_sum *sum, nr_text term) {
    long at = nr_terms_find(&sum->code->terms, term);
    if (at < 0) return;
    if (sum->to[at] == 0 && sum->n++ < TOUCHED)
        sum->touched[sum->n - 1] = (uint32_t)at;
    sum->to[at] += 1;
}

/* Each count becomes its weight, and all together a vector of length 1. */
static void weigh_terms(text_sum *sum) {
    size_t n = sum->n < TOUCHED ? sum->n : sum->code->terms.n;
    bool all = sum->n >= TOUCHED;
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = all ? i : sum->touched[i];
        double count = (double)sum->to[at];
        if (count == 0) continue;
        double x = (1 + nr_log(count)) * (double)sum->code->weights[at];
        squares += x * x;
        sum->to[at] = (float)x;
    }
    double scale = squares > 0 ? sum->code->scale / sqrt(squares) : 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = all ? i : sum->touched[i];
        sum->to[at] = (float)((double)sum->to[at] * scale);
    }
}

static void encode_text(const nr_code *code, nr_bytes bytes, float *to) {
    nr_tokens tokens = {.at = bytes.data, .end = bytes.data + bytes.len};
    char pair[2 * NR_LONGEST_WORD + 1];
    size_t before = 0; /* bytes of the word before this one */
    text_sum sum = {.code = code, .to = to};
    memset(to, 0, code->columns * sizeof *to);
    while (nr_tokens_next(&tokens)) {
        count_term(&sum, (nr_text){tokens.word, tokens.n});
        if (before) {
            pair[before] = ' ';
            memcpy(pair + before + 1, tokens.word, tokens.n);
            count_term(&sum, (nr_text){pair, before + 1 + tokens.n});
        }
        memcpy(pair, tokens.word, tokens.n);
        before = tokens.n;
    }
    weigh_terms(&sum);
}

static bool encode_category(const nr_code *code, nr_bytes bytes, float *to) {
    long at = nr_terms_find(&code->terms,
                            (nr_text){(const char *)bytes.data, bytes.len});
    if (at < 0 && !code->other) return false;
    memset(to, 0, code->columns * sizeof *to);
    to[at >= 0 ? (size_t)at : code->terms.n] = 1;
    return true;
}

void nr_encode_field(const nr_code *code, const nr_value *value, float *to) {
    bool known = !value->missing;
    if (!code->columns) return;
    if (known) {
        if (code->gap) to[code->columns - 1] = 0;
        switch (code->field->kind) {
        case NR_FIELD_NUMBER: encode_number(code, value->number, to); break;
        case NR_FIELD_FLAG: to[0] = (float)value->number; break;
        case NR_FIELD_TIME: encode_time(code, value->time, to); break;
        case NR_FIELD_TEXT: encode_text(code, value->bytes, to); break;
        case NR_FIELD_VECTOR: encode_vector(code, value->bytes, to); break;
        case NR_FIELD_SEQUENCE: break; /* sequences.c: the gap is all here */
        default: known = encode_category(code, value->bytes, to);
        }
    }
    if (!known) memcpy(to, code->missing, code->columns * sizeof *to);
}

void nr_encode(const nr_encoding *e, const nr_value *values, float *columns,
               float *targets) {
    size_t inputs = e->schema->inputs, outputs = e->schema->n - inputs;
    for (size_t i = 0; i < inputs; i++)
        nr_encode_field(&e->codes[i], &values[i], columns + e->codes[i].first);
    if (!targets) return;
    if (e->classes.n) {
        nr_bytes class = values[inputs].bytes;
        long at = nr_terms_find(&e->classes,
                                (nr_text){(const char *)class.data, class.len});
        *targets = at > 0 ? (float)at : 0;
        return;
    }
    for (size_t i = 0; i < outputs; i++)
        targets[i] = (float)((values[inputs + i].number - e->out_shift[i]) *
                             e->out_shift[outputs + i]);
}

double nr_output_unit(const nr_encoding *e, size_t output) {
    return 1 / e->out_shift[e->schema->n - e->schema->inputs + output];
}

double nr_decode(const nr_encoding *e, size_t output, float y) {
    return (double)y * nr_output_unit(e, output) + e->out_shift[output];
}

/* =============================== As msgpack ============================== */

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

bool nr_encoding_put(const nr_encoding *e, nr_buf *out) {
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
    code->columns = columns_of(code);
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

nr_status nr_encoding_get(nr_cursor *c, nr_kind kind, nr_encoding **out,
                          nr_error *err) {
    size_t four, inputs;
    nr_schema *schema = NULL;
    if (!nr_get_array(c, &four) || four != 4)
        return nr_fail(err, "ERR invalid network: a damaged encoding");
    nr_status status = nr_schema_get(c, kind, &schema, err);
    if (status != NR_OK) return status;
    nr_encoding *e = nr_encoding_new(schema, kind);
    nr_schema_drop(schema);
    if (!e) return nr_nomem(err);
    bool ok = nr_get_array(c, &inputs) && inputs == e->schema->inputs;
    for (size_t i = 0; i < e->schema->inputs && ok; i++)
        ok = get_code(c, &e->codes[i]);
    if (ok && get_outputs(c, kind, e) && nr_encoding_arrange(e)) {
        *out = e;
        return NR_OK;
    }
    nr_encoding_drop(e);
    return nr_fail(err, "ERR invalid network: a damaged encoding");
}
