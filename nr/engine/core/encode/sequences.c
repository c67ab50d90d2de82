/* See sequences.h. */

#include <math.h>
#include <string.h>

#include "encode/sequence.h"
#include "encode/sequences.h"

static const double FLAT = 1e-12; /* spread of a magnitude that is none */
enum { TWICE = 2 }; /* a symbol is in so many sequences, to be one */

/* ================================ Fitting ================================ */

static double number_at(const nr_value *value, size_t i) {
    float x;
    memcpy(&x, value->bytes.data + i * sizeof x, sizeof x);
    return (double)x;
}

static size_t count_steps(const nr_value *values, size_t n, size_t step) {
    size_t steps = 0;
    for (size_t i = 0; i < n; i++) steps += values[i * step].steps;
    return steps;
}

/* Mean and standard deviation of each place, in two passes over all steps. */
static bool fit_numbers(nr_code *code, const nr_value *values, size_t n,
                        size_t step) {
    size_t width = code->field->size, steps = count_steps(values, n, step);
    double *shift = nr_alloc(2 * width * sizeof *shift), *scale = shift + width;
    if (!shift) return false;
    code->shifts = shift;
    for (size_t k = 0; k < 2 * width; k++) shift[k] = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < values[i * step].steps * width; k++)
            shift[k % width] +=
                number_at(&values[i * step], k) / (double)steps;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < values[i * step].steps * width; k++) {
            double d = number_at(&values[i * step], k) - shift[k % width];
            scale[k % width] += d * (d / (double)steps);
        }
    for (size_t k = 0; k < width; k++) {
        double deviation = sqrt(scale[k]);
        bool some = deviation > FLAT * fabs(shift[k]) && isfinite(deviation) &&
                    isfinite(1 / deviation);
        scale[k] = some ? 1 / deviation : 0;
    }
    return true;
}

static bool fit_symbols(nr_code *code, const nr_value *values, size_t n,
                        size_t step, size_t most) {
    nr_terms all = {0};
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++) {
        nr_cursor c = nr_symbols_of(&values[i * step]);
        nr_text symbol;
        while (ok && nr_symbol_next(&c, &symbol))
            ok = nr_terms_count(&all, symbol, (uint32_t)i + 1);
    }
    ok = ok && nr_terms_choose(&all, most, TWICE, &code->terms);
    nr_terms_free(&all);
    return ok;
}

bool nr_sequences_fit(nr_code *code, const nr_value *values, size_t n,
                      size_t step, size_t symbols) {
    return code->field->size ? fit_numbers(code, values, n, step)
                             : fit_symbols(code, values, n, step, symbols);
}

/* ================================= Tables ================================ */

void nr_sequences_begin(nr_sequences *s, const nr_encoding *e) {
    memset(s, 0, sizeof *s);
    atomic_init(&s->refs, 1);
    for (size_t i = 0; i < e->schema->inputs; i++)
        if (e->schema->fields[i].kind == NR_FIELD_SEQUENCE)
            s->lists[s->n++].width = e->schema->fields[i].size;
}

void nr_sequences_end(nr_sequences *s) {
    for (size_t i = 0; i < s->n; i++) {
        nr_release(s->lists[i].ends);
        nr_release(s->lists[i].x);
        nr_release(s->lists[i].ids);
    }
}

nr_sequences *nr_sequences_new(const nr_encoding *e) {
    nr_sequences *s = nr_alloc(sizeof *s);
    if (s) nr_sequences_begin(s, e);
    return s;
}

nr_sequences *nr_sequences_hold(nr_sequences *sequences) {
    if (sequences)
        atomic_fetch_add_explicit(&sequences->refs, 1, memory_order_relaxed);
    return sequences;
}

void nr_sequences_drop(nr_sequences *s) {
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    nr_sequences_end(s);
    nr_release(s);
}

nr_steps nr_sequences_get(const nr_sequences *s, size_t field, size_t number) {
    const nr_sequence_list *list = &s->lists[field];
    size_t from = number ? list->ends[number - 1] : 0;
    return (nr_steps){.n = list->ends[number] - from,
                      .x = list->x ? list->x + from * list->width : NULL,
                      .ids = list->ids ? list->ids + from : NULL};
}

/* ================================= Adding ================================ */

static bool grow_ends(nr_sequence_list *list) {
    if (list->n < list->cap) return true;
    size_t cap = list->cap ? 2 * list->cap : 1;
    size_t *ends = nr_resize(list->ends, cap * sizeof *ends);
    if (!ends) return false;
    list->ends = ends;
    list->cap = cap;
    return true;
}

/* For so many more steps. */
static bool grow_steps(nr_sequence_list *list, size_t more) {
    size_t need = list->steps + more, bytes;
    size_t each = (list->width ? list->width : 1) * sizeof(float);
    if (need <= list->step_cap) return true;
    if (list->steps && need < 2 * list->steps) need = 2 * list->steps;
    if (__builtin_mul_overflow(need, each, &bytes)) return false;
    void *old = list->width ? (void *)list->x : (void *)list->ids;
    void *made = nr_resize(old, bytes);
    if (!made) return false;
    if (list->width)
        list->x = made;
    else
        list->ids = made;
    list->step_cap = need;
    return true;
}

static void add_numbers(nr_sequence_list *list, const nr_code *code,
                        const nr_value *value) {
    size_t width = list->width;
    float *to = list->x + list->steps * width;
    for (size_t i = 0; i < value->steps * width; i++) {
        double shift = code->shifts[i % width];
        double scale = code->shifts[width + i % width];
        to[i] = (float)((number_at(value, i) - shift) * scale);
    }
}

static void add_symbols(nr_sequence_list *list, const nr_code *code,
                        const nr_value *value) {
    uint32_t *to = list->ids + list->steps;
    nr_cursor c = nr_symbols_of(value);
    nr_text symbol;
    while (nr_symbol_next(&c, &symbol))
        *to++ = (uint32_t)(nr_terms_find(&code->terms, symbol) + 1);
}

/* Without a step where the value is missing. */
static bool add_sequence(nr_sequence_list *list, const nr_code *code,
                         const nr_value *value) {
    size_t steps = value->missing ? 0 : value->steps;
    if (list->n >= NR_MOST_IN_TABLE || !grow_ends(list) ||
        !grow_steps(list, steps))
        return false;
    if (steps) (list->width ? add_numbers : add_symbols)(list, code, value);
    list->steps += steps;
    list->ends[list->n++] = list->steps;
    return true;
}

bool nr_encode_row(const nr_encoding *e, const nr_value *values,
                   nr_sequences *sequences, size_t units, float *row,
                   float *targets) {
    float *place = row + e->columns;
    nr_encode(e, values, row, targets);
    if (!sequences) return true;
    memset(place, 0, sequences->n * units * sizeof *place);
    for (size_t i = 0, k = 0; i < e->schema->inputs; i++) {
        if (e->schema->fields[i].kind != NR_FIELD_SEQUENCE) continue;
        nr_sequence_list *list = &sequences->lists[k++];
        *place = (float)list->n;
        if (!add_sequence(list, &e->codes[i], &values[i])) return false;
        place += units;
    }
    return true;
}
