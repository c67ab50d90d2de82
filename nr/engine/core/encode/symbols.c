/* See symbols.h. */

#include <stdlib.h>
#include <string.h>

#include "encode/sequence.h"
#include "encode/symbols.h"
#include "functions.h"

enum { ONCE = 1, TWICE = 2 };

/* Calls `take` for each symbol of a dataset's texts, and with no text at the end of
 * each. */
typedef bool (*taker)(void *context, const nr_text *symbol);

static nr_status each_symbol(const nr_records *records, size_t dataset,
                             taker take, void *context, nr_error *err) {
    nr_value value;
    nr_text symbol;
    for (size_t i = 0; i < records->n[dataset]; i++) {
        nr_bytes record = records->get(records->context, dataset, i);
        if (!nr_record_read(records->schema, record, &value, NULL))
            return nr_fail(err, "ERR invalid network: a damaged sample");
        nr_cursor c = nr_symbols_of(&value);
        while (nr_symbol_next(&c, &symbol))
            if (!take(context, &symbol)) return nr_nomem(err);
        if (!take(context, NULL)) return nr_nomem(err);
    }
    return NR_OK;
}

/* ================================= Fitting =============================== */

typedef struct counting {
    nr_terms all;
    uint32_t number;
    bool unknown; /* the texts have the unknown symbol themselves */
} counting;

static bool is_own(nr_text symbol, size_t *which) {
    for (size_t i = 0; i < NR_OWN_SYMBOLS; i++)
        if (symbol.n == strlen(nr_own_symbols[i]) &&
            !memcmp(symbol.s, nr_own_symbols[i], symbol.n)) {
            *which = i;
            return true;
        }
    return false;
}

static bool count(void *context, const nr_text *symbol) {
    counting *c = context;
    size_t own = NR_END_SYMBOL;
    if (!symbol || is_own(*symbol, &own)) {
        c->unknown |= own == NR_UNKNOWN_SYMBOL;
        return true;
    }
    if (++c->number == 0) c->number = 1;
    return nr_terms_count(&c->all, *symbol, c->number);
}

/* A symbol that is there once teaches less than it would as an unknown one. Who has
 * written unknown ones into the texts has made that choice. */
nr_status nr_symbols_fit(const nr_records *records, nr_encoding **out,
                         nr_error *err) {
    counting c = {0};
    nr_terms chosen = {0};
    nr_status status = each_symbol(records, 0, count, &c, err);
    if (status == NR_OK &&
        !(nr_terms_choose(&c.all, records->symbols - 1,
                          c.unknown ? ONCE : TWICE, &chosen) &&
          (*out = nr_encoding_of_symbols(records->schema, &chosen))))
        status = nr_nomem(err);
    nr_terms_free(&c.all);
    nr_terms_free(&chosen);
    return status;
}

/* ================================= Reading =============================== */

uint32_t nr_symbol_number(const nr_encoding *e, nr_text symbol) {
    long found = nr_terms_find(&e->classes, symbol);
    return found < 0 ? NR_UNKNOWN_SYMBOL : (uint32_t)found;
}

typedef struct reading {
    const nr_encoding *e;
    nr_symbol_stream *to;
    size_t cap;
} reading;

static bool put(reading *r, uint32_t id) {
    nr_symbol_stream *to = r->to;
    if (to->n + 1 >= r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 1024;
        uint32_t *ids = nr_resize(to->ids, cap * sizeof *ids);
        if (!ids) return false;
        to->ids = ids;
        r->cap = cap;
    }
    to->ids[++to->n] = id;
    return true;
}

static bool read(void *context, const nr_text *symbol) {
    reading *r = context;
    return put(r, symbol ? nr_symbol_number(r->e, *symbol) : NR_END_SYMBOL);
}

nr_status nr_symbols_read(const nr_encoding *e, const nr_records *records,
                          size_t dataset, nr_symbol_stream *out,
                          nr_error *err) {
    reading r = {.e = e, .to = out};
    *out = (nr_symbol_stream){0};
    nr_status status = each_symbol(records, dataset, read, &r, err);
    if (status == NR_OK && out->ids) out->ids[0] = NR_END_SYMBOL;
    return status;
}

/* ================================ Baseline =============================== */

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* How often symbols occur, and how many different ones follow each; all pairs. */
typedef struct pairs {
    uint64_t *all;
    size_t n, symbols;
    double *counts, *first, *kinds; /* of a symbol; of one that is followed */
} pairs;

static size_t first_from(const pairs *p, uint64_t pair) {
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->all[middle] < pair)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint64_t pair_of(uint32_t a, uint32_t b) {
    return (uint64_t)a << 32 | b;
}

static void count_pairs(pairs *p, const uint32_t *ids) {
    for (size_t i = 0; i < 3 * p->symbols; i++) p->counts[i] = 0;
    for (size_t i = 0; i < p->n; i++) {
        p->all[i] = pair_of(ids[i], ids[i + 1]);
        p->counts[ids[i + 1]]++;
        p->first[ids[i]]++;
    }
    qsort(p->all, p->n, sizeof *p->all, by_number);
    for (size_t i = 0; i < p->n; i++)
        if (!i || p->all[i] != p->all[i - 1]) p->kinds[p->all[i] >> 32]++;
}

static double probability(const pairs *p, uint32_t a, uint32_t b) {
    double alone = (p->counts[b] + 1) / (double)(p->n + p->symbols);
    uint64_t pair = pair_of(a, b);
    double both = (double)(first_from(p, pair + 1) - first_from(p, pair));
    if (!(p->first[a] > 0)) return alone;
    return (both + p->kinds[a] * alone) / (p->first[a] + p->kinds[a]);
}

bool nr_symbols_baseline(const nr_symbol_stream *learned,
                         const nr_symbol_stream *tested, size_t symbols,
                         double *loss) {
    pairs p = {.n = learned->n, .symbols = symbols};
    p.all = nr_alloc((p.n + 1) * sizeof *p.all);
    p.counts = nr_alloc(3 * symbols * sizeof *p.counts);
    bool ok = p.all && p.counts;
    *loss = 0;
    if (ok) {
        p.first = p.counts + symbols;
        p.kinds = p.first + symbols;
        count_pairs(&p, learned->ids);
        for (size_t i = 0; i < tested->n; i++)
            *loss -= nr_log(probability(&p, tested->ids[i], tested->ids[i + 1])) /
                     (double)tested->n;
    }
    nr_release(p.all);
    nr_release(p.counts);
    return ok;
}
