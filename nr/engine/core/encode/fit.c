/* Fitting an encoding: what the training samples say of their fields.
 *
 * Everything is exact and follows from the samples alone: quantiles are those
 * of the sorted values, categories and words are counted in full and chosen by
 * count, then by bytes. Sketches and growing dictionaries were rejected: they
 * drift under eviction and depend on the order of arrival.
 *
 * Fields are fitted some at a time, since all values of a wide network would
 * not fit the memory and one field at a time would read each record once for
 * every field. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encode/sequences.h"
#include "encode/time.h"
#include "encode/tokens.h"
#include "encode/tuning.h"
#include "functions.h"

enum {
    AT_ONCE = 16,      /* fields */
    TWICE = 2,         /* a word is in so many texts, to be one */
    LEAST_TERMS = 512,
    ROOM = 1 << 25     /* columns of words, times samples */
};
static const double FLAT = 1e-12; /* spread of a magnitude that is none */
static const double TEXT_LENGTH = 4; /* of an encoded text */

/* The training samples' values of one field, among those of some; behind them
 * those of the testing samples, where texts are fitted to both. */
typedef struct column {
    const nr_value *values;
    size_t n, all, step;
} column;

static const nr_value *value_at(const column *column, size_t i) {
    return &column->values[i * column->step];
}

/* ================================ Numbers ================================ */

static double as_number(const nr_field *field, const nr_value *value) {
    return field->kind == NR_FIELD_TIME ? (double)value->time / (double)NR_DAY
                                        : value->number;
}

/* Mean and standard deviation, in two passes; how many there are. */
static size_t spread(const double *x, size_t n, double *shift, double *scale) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - sum) * ((x[i] - sum) / (double)n);
    double deviation = sqrt(squares);
    bool flat = !(deviation > FLAT * fabs(sum)) || !isfinite(1 / deviation) ||
                !isfinite(deviation);
    *shift = n ? sum : 0;
    *scale = flat ? 0 : 1 / deviation;
    return n;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Adds an edge, unless it falls together with the last one. */
static void add_edge(nr_code *code, size_t *n, double edge) {
    if (*n && !(edge > code->edges[*n - 1])) return;
    if (*n && !isfinite(edge - code->edges[*n - 1])) return;
    code->edges[(*n)++] = edge;
}

static size_t count_values(const double *sorted, size_t n) {
    size_t values = n > 0;
    for (size_t i = 1; i < n; i++) values += sorted[i] != sorted[i - 1];
    return values;
}

/* A bin between each two of few values; else bins of equally many samples. */
static bool make_bins(nr_code *code, const double *sorted, size_t n) {
    size_t values = count_values(sorted, n), edges = 0;
    if (values <= NR_STUDY_FEW_VALUES) return true;
    code->edges = nr_alloc((NR_MOST_BINS + 1) * sizeof *code->edges);
    if (!code->edges) return false;
    if (values <= NR_STUDY_VALUES)
        for (size_t i = 0; i < n; i++) add_edge(code, &edges, sorted[i]);
    else
        for (size_t k = 0; k <= NR_BINS; k++)
            add_edge(code, &edges, sorted[(n - 1) * k / NR_BINS]);
    code->bins = edges > 1 ? edges - 1 : 0;
    return true;
}

/* Scaled by the median and the quartiles, unless these fall together. */
static void bend(nr_code *code, const double *sorted, size_t n) {
    const double deviations = 1.349; /* between a normal's quartiles */
    if (!n || code->scale == 0) return;
    double width = (sorted[(n - 1) * 3 / 4] - sorted[(n - 1) / 4]) / deviations;
    code->circles |= NR_BENT;
    if (!(width * code->scale > 1e-3) || !isfinite(1 / width)) return;
    code->shift = sorted[(n - 1) / 2];
    code->scale = 1 / width;
}

static void make_circles(nr_code *code, const double *sorted, size_t n) {
    double days = n ? sorted[n - 1] - sorted[0] : 0;
    code->circles |= (days >= 2 ? NR_HOURS : 0u) |
                     (days >= 14 ? NR_WEEKDAYS : 0u) |
                     (days >= 2 * 365.2425 ? NR_SEASONS : 0u);
    if (NR_FINEST > 1 && code->circles & ~(unsigned)NR_BENT)
        code->circles |= NR_FINER;
}

static bool fit_number(nr_code *code, const column *column) {
    double *x = nr_alloc((column->n + 1) * sizeof *x);
    size_t n = 0;
    if (!x) return false;
    for (size_t i = 0; i < column->n; i++)
        if (!value_at(column, i)->missing)
            x[n++] = as_number(code->field, value_at(column, i));
    spread(x, n, &code->shift, &code->scale);
    qsort(x, n, sizeof *x, by_size);
    if (NR_STUDY_BENT) bend(code, x, n);
    if (code->field->kind == NR_FIELD_TIME) make_circles(code, x, n);
    bool ok = (code->field->kind == NR_FIELD_TIME && !NR_STUDY_TIME_BINS) ||
              make_bins(code, x, n);
    nr_release(x);
    return ok;
}

static bool fit_vector(nr_code *code, const column *column) {
    size_t size = code->field->size, n = 0;
    double *x = nr_alloc((column->n + 1) * sizeof *x);
    code->shifts = nr_alloc(2 * size * sizeof *code->shifts);
    bool ok = x && code->shifts;
    for (size_t k = 0; k < size && ok; k++, n = 0) {
        for (size_t i = 0; i < column->n; i++) {
            const nr_value *value = value_at(column, i);
            float number;
            if (value->missing) continue;
            memcpy(&number, value->bytes.data + k * sizeof number,
                   sizeof number);
            x[n++] = (double)number;
        }
        spread(x, n, &code->shifts[k], &code->shifts[size + k]);
    }
    nr_release(x);
    return ok;
}

/* ============================ Categories, words ========================== */

static nr_text text_of(const nr_value *value) {
    return (nr_text){(const char *)value->bytes.data, value->bytes.len};
}

static bool fit_list(nr_code *code) {
    for (size_t i = 0; i < code->field->listed; i++)
        if (nr_terms_add(&code->terms, code->field->list[i]) < 0) return false;
    return true;
}

static bool fit_category(nr_code *code, const column *column) {
    nr_terms all = {0};
    bool ok = true;
    if (code->field->list) return fit_list(code);
    for (size_t i = 0; i < column->n && ok; i++)
        if (!value_at(column, i)->missing)
            ok = nr_terms_count(&all, text_of(value_at(column, i)),
                                (uint32_t)i + 1);
    ok = ok && nr_terms_choose(&all, code->field->size, NR_STUDY_OFTEN,
                               &code->terms);
    code->other = code->terms.n < all.n;
    nr_terms_free(&all);
    return ok;
}

static bool count_words(nr_terms *all, nr_text text, uint32_t document) {
    nr_tokens tokens = {.at = (const unsigned char *)text.s,
                        .end = (const unsigned char *)text.s + text.n};
    char pair[2 * NR_LONGEST_WORD + 1];
    size_t before = 0;
    bool ok = true;
    while (ok && nr_tokens_next(&tokens)) {
        ok = nr_terms_count(all, (nr_text){tokens.word, tokens.n}, document);
        if (ok && before) {
            pair[before] = ' ';
            memcpy(pair + before + 1, tokens.word, tokens.n);
            ok = nr_terms_count(all, (nr_text){pair, before + 1 + tokens.n},
                                document);
        }
        memcpy(pair, tokens.word, tokens.n);
        before = tokens.n;
    }
    return ok;
}

/* As many as memory has room for, of rows that hold a column for each. */
size_t nr_terms_most(size_t samples) {
    size_t most = ROOM / (samples + 1);
    return most < LEAST_TERMS     ? LEAST_TERMS
           : most < NR_MOST_TERMS ? most
                                  : NR_MOST_TERMS;
}

/* Before a refit testing texts count as well: it learns from them, and would be
 * blind to words that only they have. Their classes are not looked at. */
static bool fit_text(nr_code *code, const column *column) {
    nr_terms all = {0};
    size_t texts = 0;
    bool ok = true;
    for (size_t i = 0; i < column->all && ok; i++) {
        if (value_at(column, i)->missing) continue;
        texts++;
        ok = count_words(&all, text_of(value_at(column, i)), (uint32_t)i + 1);
    }
    ok = ok && nr_terms_choose(&all, nr_terms_most(column->n), TWICE,
                               &code->terms);
    nr_terms_free(&all);
    code->weights = ok ? nr_alloc((code->terms.n + 1) * sizeof(float)) : NULL;
    if (!code->weights) return false;
    for (size_t i = 0; i < code->terms.n; i++)
        code->weights[i] = (float)(1 + nr_log((1 + (double)texts) /
                                           (1 + code->terms.terms[i].count)));
    code->scale = TEXT_LENGTH;
    return true;
}

/* ================================ Missing ================================ */

/* What stands for a value that is not there: the mean of the columns. Where
 * gaps were seen, categories and words have none of theirs instead. */
static bool fit_missing(nr_code *code, const column *column) {
    size_t n = code->columns, seen = 0;
    bool named = code->field->kind == NR_FIELD_CATEGORY ||
                 code->field->kind == NR_FIELD_TEXT;
    double *sums = nr_alloc((n + 1) * sizeof *sums);
    code->missing = nr_alloc((n + 1) * sizeof *code->missing);
    float *row = nr_alloc((n + 1) * sizeof *row);
    bool ok = sums && code->missing && row;
    if (ok) {
        memset(sums, 0, n * sizeof *sums);
        memset(code->missing, 0, n * sizeof *code->missing);
        for (size_t i = 0; i < column->n; i++) {
            if (value_at(column, i)->missing || (named && code->gap)) continue;
            nr_encode_field(code, value_at(column, i), row);
            for (size_t k = 0; k < n; k++) sums[k] += (double)row[k];
            seen++;
        }
        for (size_t k = 0; k < n && seen; k++)
            code->missing[k] = (float)(sums[k] / (double)seen);
        if (code->gap) code->missing[n - 1] = 1;
    }
    nr_release(sums);
    nr_release(row);
    return ok;
}

/* ================================= All =================================== */

static bool fit_field(nr_code *code, const column *column, size_t symbols) {
    bool ok = true;
    if (code->field->kind == NR_FIELD_KEY)
        return (code->missing = nr_alloc(1)) != NULL;
    for (size_t i = 0; i < column->n && !code->gap; i++)
        code->gap = value_at(column, i)->missing;
    switch (code->field->kind) {
    case NR_FIELD_NUMBER:
    case NR_FIELD_TIME: ok = fit_number(code, column); break;
    case NR_FIELD_VECTOR: ok = fit_vector(code, column); break;
    case NR_FIELD_TEXT: ok = fit_text(code, column); break;
    case NR_FIELD_CATEGORY: ok = fit_category(code, column); break;
    case NR_FIELD_SEQUENCE:
        ok = nr_sequences_fit(code, column->values, column->n, column->step,
                              symbols);
        break;
    default: break;
    }
    return ok;
}

/* The values of some fields of the first samples, by sample. */
static nr_status read_some(const nr_records *records, size_t all, size_t first,
                           size_t some, nr_value *row, nr_value *values,
                           nr_error *err) {
    for (size_t i = 0; i < all; i++) {
        size_t d = i >= records->n[0], at = d ? i - records->n[0] : i;
        nr_bytes record = records->get(records->context, d, at);
        if (!nr_record_read(records->schema, record, row, NULL))
            return nr_fail(err, "ERR invalid network: a damaged sample");
        memcpy(values + i * some, row + first, some * sizeof *row);
    }
    return NR_OK;
}

static nr_status fit_inputs(nr_encoding *e, const nr_records *records,
                            nr_error *err) {
    size_t n = records->n[0], all = n, bytes, inputs = records->schema->inputs;
    for (size_t i = 0; i < inputs && records->refit && NR_STUDY_TEXT_TESTS; i++)
        if (records->schema->fields[i].kind == NR_FIELD_TEXT)
            all = n + records->n[1];
    if (__builtin_mul_overflow(all, AT_ONCE * sizeof(nr_value), &bytes))
        return nr_nomem(err);
    nr_value *row = nr_alloc(records->schema->n * sizeof *row);
    nr_value *values = nr_alloc(bytes);
    nr_status status = row && values ? NR_OK : nr_nomem(err);
    for (size_t first = 0; first < inputs && status == NR_OK;
         first += AT_ONCE) {
        size_t some = inputs - first < AT_ONCE ? inputs - first : AT_ONCE;
        status = read_some(records, all, first, some, row, values, err);
        for (size_t k = 0; k < some && status == NR_OK; k++) {
            column column = {values + k, n, all, some};
            nr_code *code = &e->codes[first + k];
            bool ok = fit_field(code, &column, records->symbols);
            nr_encoding_arrange(e); /* so far: the columns of this one */
            if (!ok || (code->columns && !fit_missing(code, &column)))
                status = nr_nomem(err);
        }
    }
    nr_release(row);
    nr_release(values);
    return status;
}

static nr_status fit_classes(nr_encoding *e, const nr_records *records,
                             nr_error *err) {
    nr_terms all = {0};
    const nr_field *field = &records->schema->fields[records->schema->inputs];
    nr_value *row = nr_alloc(records->schema->n * sizeof *row);
    nr_status status = row ? NR_OK : nr_nomem(err);
    for (size_t i = 0; i < field->listed && status == NR_OK; i++)
        if (nr_terms_add(&all, field->list[i]) < 0) status = nr_nomem(err);
    for (size_t d = 0; d < 2; d++)
        for (size_t i = 0; i < records->n[d] && status == NR_OK; i++) {
            nr_bytes record = records->get(records->context, d, i);
            if (!nr_record_read(records->schema, record, row, NULL))
                status = nr_fail(err, "ERR invalid network: a damaged sample");
            else if (nr_terms_add(&all,
                                  text_of(&row[records->schema->inputs])) < 0)
                status = nr_nomem(err);
        }
    if (status == NR_OK && all.n > NR_MAX_CLASSES)
        status = nr_fail(err, "ERR Can't start training: %zu classes of %.*s, "
                              "at most %d",
                         all.n, (int)field->name.n, field->name.s,
                         NR_MAX_CLASSES);
    if (status == NR_OK && !nr_terms_sort(&all, &e->classes))
        status = nr_nomem(err);
    nr_terms_free(&all);
    nr_release(row);
    return status;
}

static nr_status fit_numbers_out(nr_encoding *e, const nr_records *records,
                                 nr_error *err) {
    const nr_schema *schema = records->schema;
    size_t n = records->n[0], outputs = schema->n - schema->inputs;
    nr_value *row = nr_alloc(schema->n * sizeof *row);
    double *x = nr_alloc((n + 1) * sizeof *x);
    nr_status status = row && x ? NR_OK : nr_nomem(err);
    for (size_t k = 0; k < outputs && status == NR_OK; k++) {
        for (size_t i = 0; i < n && status == NR_OK; i++) {
            nr_bytes record = records->get(records->context, 0, i);
            if (!nr_record_read(schema, record, row, NULL))
                status = nr_fail(err, "ERR invalid network: a damaged sample");
            x[i] = row[schema->inputs + k].number;
        }
        double scale;
        spread(x, n, &e->out_shift[k], &scale);
        e->out_shift[outputs + k] = scale > 0 ? scale : 1;
    }
    nr_release(row);
    nr_release(x);
    return status;
}

nr_status nr_encoding_fit(const nr_records *records, nr_kind kind,
                          nr_encoding **out, nr_error *err) {
    nr_encoding *e = nr_encoding_new(records->schema, kind);
    if (!e) return nr_nomem(err);
    nr_status status = fit_inputs(e, records, err);
    if (status == NR_OK)
        status = kind == NR_CLASSIFIER ? fit_classes(e, records, err)
                                       : fit_numbers_out(e, records, err);
    if (status == NR_OK && !nr_encoding_arrange(e))
        status = nr_fail(err, "ERR Can't start training: the fields take more "
                              "than %d columns",
                         NR_MOST_COLUMNS);
    if (status == NR_OK)
        *out = e;
    else
        nr_encoding_drop(e);
    return status;
}
