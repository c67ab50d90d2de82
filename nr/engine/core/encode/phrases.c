/* See phrases.h. */

#include <stdlib.h>
#include <string.h>

#include "encode/phrases.h"
#include "encode/sequence.h"
#include "encode/sequences.h"
#include "encode/symbols.h"

static nr_status damaged(nr_error *err) {
    return nr_fail(err, "ERR invalid network: a damaged sample");
}

/* ================================= Fitting =============================== */

/* Both values of each training sample. */
static nr_status read_values(const nr_records *records, nr_value *values,
                             nr_error *err) {
    for (size_t i = 0; i < records->n[0]; i++)
        if (!nr_record_read(records->schema, records->get(records->context, 0, i),
                            values + 2 * i, NULL))
            return damaged(err);
    return NR_OK;
}

/* What is told has two symbols more than are counted. */
static bool fit_sides(const nr_records *records, const nr_value *values,
                      nr_encoding **out) {
    size_t n = records->n[0], most = records->symbols;
    nr_code told = {.field = &records->schema->fields[1]};
    bool ok = nr_sequences_fit(&told, values + 1, n, 2, most - 1);
    if (ok) *out = nr_encoding_of_symbols(records->schema, &told.terms);
    nr_terms_free(&told.terms);
    return ok && *out &&
           nr_sequences_fit(&(*out)->codes[0], values, n, 2, most);
}

nr_status nr_phrases_fit(const nr_records *records, nr_encoding **out,
                         nr_error *err) {
    nr_value *values = nr_alloc(2 * records->n[0] * sizeof *values);
    if (!values) return nr_nomem(err);
    nr_status status = read_values(records, values, err);
    if (status == NR_OK && !fit_sides(records, values, out))
        status = nr_nomem(err);
    nr_release(values);
    return status;
}

/* ================================= Reading =============================== */

typedef struct room {
    size_t samples, symbols; /* that there is memory for */
} room;

static bool grow(nr_phrases *p, room *r, size_t symbols) {
    size_t used = p->n ? p->ends[2 * p->n - 1] : 0;
    if (p->n == r->samples) {
        r->samples = r->samples ? 2 * r->samples : 1;
        size_t *ends = nr_resize(p->ends, 2 * r->samples * sizeof *ends);
        if (!ends) return false;
        p->ends = ends;
    }
    if (used + symbols > r->symbols) {
        r->symbols = used + symbols + (used ? r->symbols : 0);
        uint32_t *ids = nr_resize(p->ids, r->symbols * sizeof *ids);
        if (!ids) return false;
        p->ids = ids;
    }
    return true;
}

/* The unknown symbol has the number 0 on either side; an end amidst the symbols
 * is none. */
static size_t put_side(const nr_encoding *e, size_t side, const nr_value *value,
                       uint32_t *ids) {
    nr_cursor c = nr_symbols_of(value);
    nr_text symbol;
    size_t n = 0;
    while (!value->missing && nr_symbol_next(&c, &symbol)) {
        uint32_t id = side ? nr_symbol_number(e, symbol)
                           : (uint32_t)(nr_terms_find(&e->codes[0].terms, symbol) + 1);
        ids[n++] = side && id == NR_END_SYMBOL ? NR_UNKNOWN_SYMBOL : id;
    }
    if (!n && !side) ids[n++] = NR_UNKNOWN_SYMBOL;
    return n;
}

static nr_status too_long(const nr_schema *schema, size_t side, size_t n,
                          nr_error *err) {
    const nr_field *field = &schema->fields[side];
    return nr_fail(err, "ERR field %.*s: %zu symbols, of which a generator from "
                        "one sequence to another takes %d at most: give it a "
                        "part at a time",
                   (int)field->name.n, field->name.s, n, NR_MOST_TRANSLATED);
}

static nr_status read_both(const nr_schema *schema, nr_bytes record,
                           nr_value *values, nr_error *err) {
    if (!nr_record_read(schema, record, values, NULL)) return damaged(err);
    for (size_t side = 0; side < 2; side++) {
        if (values[side].missing) values[side].steps = 0;
        if (values[side].steps > NR_MOST_TRANSLATED)
            return too_long(schema, side, values[side].steps, err);
    }
    return NR_OK;
}

nr_status nr_phrases_check(const nr_schema *schema, nr_bytes record,
                           nr_error *err) {
    nr_value values[2];
    return read_both(schema, record, values, err);
}

static nr_status add(const nr_encoding *e, nr_bytes record, nr_phrases *p,
                     room *r, nr_error *err) {
    nr_value values[2];
    nr_status status = read_both(e->schema, record, values, err);
    if (status != NR_OK) return status;
    if (!grow(p, r, values[0].steps + values[1].steps + 1)) return nr_nomem(err);
    size_t at = p->n ? p->ends[2 * p->n - 1] : 0;
    for (size_t side = 0; side < 2; side++) {
        size_t n = put_side(e, side, &values[side], p->ids + at);
        if (n > p->longest[side]) p->longest[side] = n;
        p->ends[2 * p->n + side] = at += n;
    }
    p->n++;
    return NR_OK;
}

nr_status nr_phrases_read(const nr_encoding *e, const nr_records *records,
                          size_t dataset, nr_phrases *out, nr_error *err) {
    room r = {0, 0};
    nr_status status = NR_OK;
    *out = (nr_phrases){0};
    for (size_t i = 0; i < records->n[dataset] && status == NR_OK; i++)
        status = add(e, records->get(records->context, dataset, i), out, &r, err);
    return status;
}

nr_status nr_phrases_read_one(const nr_encoding *e, nr_bytes record,
                              nr_phrases *out, nr_error *err) {
    room r = {0, 0};
    *out = (nr_phrases){0};
    nr_status status = add(e, record, out, &r, err);
    if (status != NR_OK) nr_phrases_free(out);
    return status;
}

void nr_phrases_free(nr_phrases *p) {
    nr_release(p->ends);
    nr_release(p->ids);
    *p = (nr_phrases){0};
}

size_t nr_phrases_longest(const nr_records *records) {
    size_t longest = 1;
    nr_value values[2];
    for (size_t d = 0; d < 2; d++)
        for (size_t i = 0; i < records->n[d]; i++) {
            if (!nr_record_read(records->schema,
                                records->get(records->context, d, i), values,
                                NULL))
                return 0;
            for (size_t side = 0; side < 2; side++)
                if (!values[side].missing && values[side].steps > longest)
                    longest = values[side].steps;
        }
    return longest < NR_MOST_TRANSLATED ? longest : NR_MOST_TRANSLATED;
}

/* ================================ Distances ============================== */

size_t nr_phrase_distance(nr_phrase a, nr_phrase b, size_t *row) {
    for (size_t j = 0; j <= b.n; j++) row[j] = j;
    for (size_t i = 0; i < a.n; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.n; j++) {
            size_t best = corner + (a.ids[i] != b.ids[j]);
            corner = row[j + 1];
            if (corner + 1 < best) best = corner + 1;
            if (row[j] + 1 < best) best = row[j] + 1;
            row[j + 1] = best;
        }
    }
    return row[b.n];
}

/* ================================ Baseline =============================== */

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Every symbol with that at its place, sorted; returns how many. */
static size_t sort_places(const nr_phrases *p, uint64_t *all) {
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        nr_phrase in = nr_phrase_of(p, i, 0), out = nr_phrase_of(p, i, 1);
        for (size_t k = 0; k < in.n && out.n; k++)
            all[n++] = (uint64_t)in.ids[k] << 32 | out.ids[k * out.n / in.n];
    }
    qsort(all, n, sizeof *all, by_number);
    return n;
}

/* Of the symbol that is read, the most frequent one beside it: the first of those
 * that are equally frequent, and the unknown one where it was never read. */
static uint32_t most_frequent(const uint64_t *all, size_t n, uint32_t symbol) {
    size_t low = 0, high = n, most = 0;
    uint32_t best = NR_UNKNOWN_SYMBOL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (all[middle] >> 32 < symbol)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < n && all[low] >> 32 == symbol) {
        size_t from = low;
        while (low < n && all[low] == all[from]) low++;
        if (low - from > most) most = low - from, best = (uint32_t)all[from];
    }
    return best;
}

/* What each symbol is read as, up to the largest one. */
static uint32_t *readings(const nr_phrases *learned, size_t most) {
    size_t symbols = learned->n ? learned->ends[2 * learned->n - 1] : 0;
    uint64_t *all = nr_alloc((symbols + 1) * sizeof *all);
    uint32_t *as = nr_alloc((most + 1) * sizeof *as);
    if (all && as) {
        size_t n = sort_places(learned, all);
        for (size_t i = 0; i <= most; i++)
            as[i] = most_frequent(all, n, (uint32_t)i);
    }
    nr_release(all);
    if (all) return as;
    nr_release(as);
    return NULL;
}

static size_t largest(const nr_phrases *p) {
    size_t most = 0;
    for (size_t i = 0; i < p->n; i++) {
        nr_phrase in = nr_phrase_of(p, i, 0);
        for (size_t k = 0; k < in.n; k++)
            if (in.ids[k] > most) most = in.ids[k];
    }
    return most;
}

bool nr_phrases_naive(const nr_phrases *learned, const nr_phrases *tested,
                      double *exact, double *errors) {
    size_t row[NR_MOST_TRANSLATED + 1], right = 0, wrong = 0, symbols = 0;
    uint32_t told[NR_MOST_TRANSLATED], *as = readings(learned, largest(tested));
    *exact = *errors = 0;
    if (!as) return false;
    for (size_t i = 0; i < tested->n; i++) {
        nr_phrase in = nr_phrase_of(tested, i, 0), out = nr_phrase_of(tested, i, 1);
        for (size_t k = 0; k < in.n; k++) told[k] = as[in.ids[k]];
        size_t off = nr_phrase_distance((nr_phrase){told, in.n}, out, row);
        right += off == 0;
        wrong += off;
        symbols += out.n;
    }
    if (tested->n) *exact = (double)right / (double)tested->n;
    if (symbols) *errors = (double)wrong / (double)symbols;
    nr_release(as);
    return true;
}
