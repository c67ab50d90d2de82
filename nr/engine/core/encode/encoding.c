/* Encodings: values to columns. As bytes they are in encoded.c. */

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
    nr_forecast_free(encoding->forecast);
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

nr_encoding *nr_encoding_of_windows(const nr_schema *schema,
                                    nr_forecast *forecast) {
    nr_encoding *e = forecast ? nr_encoding_new(schema, NR_FORECASTER) : NULL;
    if (!e) {
        nr_forecast_free(forecast);
        return NULL;
    }
    e->forecast = forecast;
    e->columns = nr_windows_columns(&forecast->windows);
    return e;
}

const char *const nr_own_symbols[NR_OWN_SYMBOLS] = {"<unk>", "<eos>"};

nr_encoding *nr_encoding_of_symbols(const nr_schema *schema,
                                    const nr_terms *symbols) {
    nr_encoding *e = nr_encoding_new(schema, NR_GENERATOR);
    bool ok = e != NULL;
    for (size_t i = 0; i < NR_OWN_SYMBOLS && ok; i++) {
        nr_text text = {nr_own_symbols[i], strlen(nr_own_symbols[i])};
        ok = nr_terms_add(&e->classes, text) >= 0;
    }
    for (size_t i = 0; i < symbols->n && ok; i++)
        ok = nr_terms_add(&e->classes, nr_terms_text(symbols, i)) >= 0;
    if (ok) return e;
    nr_encoding_drop(e);
    return NULL;
}

size_t nr_encoding_outputs(const nr_encoding *e) {
    if (e->forecast) return nr_forecast_outputs(e->forecast);
    return e->classes.n ? e->classes.n : e->schema->n - e->schema->inputs;
}

/* ================================ Columns ================================ */

static size_t circles_of(const nr_code *code) {
    unsigned all = code->circles & (NR_HOURS | NR_WEEKDAYS | NR_SEASONS);
    size_t n = (size_t)__builtin_popcount(all);
    return code->circles & NR_FINER ? n * NR_FINEST : n;
}

size_t nr_code_columns(const nr_code *code) {
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
        e->codes[i].columns = nr_code_columns(&e->codes[i]);
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

/* A number may be any double, of which most are beyond what networks reckon with;
 * no number, which infinity times 0 is, says nothing. */
static double bounded(double z) {
    const double most = 1e30;
    return z > most ? most : z < -most ? -most : z == z ? z : 0;
}

/* Far out it bends, and ends at three deviations. */
static float encode_linear(const nr_code *code, double x) {
    const double most = 3;
    double z = bounded((x - code->shift) * code->scale);
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
        to[i] = (float)bounded(((double)x - code->shifts[i]) *
                               code->shifts[n + i]);
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
        targets[i] = (float)bounded((values[inputs + i].number -
                                     e->out_shift[i]) *
                                    e->out_shift[outputs + i]);
}

double nr_output_unit(const nr_encoding *e, size_t output) {
    return 1 / e->out_shift[e->schema->n - e->schema->inputs + output];
}

double nr_decode(const nr_encoding *e, size_t output, float y) {
    return (double)y * nr_output_unit(e, output) + e->out_shift[output];
}
