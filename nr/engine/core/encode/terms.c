/* Dictionaries. */

#include <stdlib.h>
#include <string.h>

#include "encode/terms.h"

void nr_terms_free(nr_terms *terms) {
    nr_release(terms->terms);
    nr_release(terms->index);
    nr_buf_free(&terms->bytes);
    *terms = (nr_terms){0};
}

static uint64_t hash(nr_text text) { /* FNV-1a, its bits mixed at the end */
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (unsigned char)text.s[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

static int compare(nr_text a, nr_text b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.s, b.s, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* Where a text is in the index, or the free place where it would be. */
static size_t place(const nr_terms *terms, nr_text text) {
    size_t at = hash(text) & terms->mask;
    while (terms->index[at] &&
           compare(nr_terms_text(terms, terms->index[at] - 1), text))
        at = (at + 1) & terms->mask;
    return at;
}

long nr_terms_find(const nr_terms *terms, nr_text text) {
    return terms->index ? (long)terms->index[place(terms, text)] - 1 : -1;
}

static bool grow(nr_terms *terms) {
    size_t cap = terms->cap ? 2 * terms->cap : 16;
    nr_term *more = nr_resize(terms->terms, cap * sizeof *more);
    if (!more) return false;
    terms->terms = more;
    uint32_t *index = nr_alloc(2 * cap * sizeof *index);
    if (!index) return false;
    nr_release(terms->index);
    memset(index, 0, 2 * cap * sizeof *index);
    terms->index = index;
    terms->mask = 2 * cap - 1;
    terms->cap = cap;
    for (size_t i = 0; i < terms->n; i++)
        index[place(terms, nr_terms_text(terms, i))] = (uint32_t)i + 1;
    return true;
}

long nr_terms_add(nr_terms *terms, nr_text text) {
    long found = nr_terms_find(terms, text);
    if (found >= 0) return found;
    if (terms->n >= UINT32_MAX / 4) return -1;
    if (terms->n == terms->cap && !grow(terms)) return -1;
    size_t at = terms->bytes.len;
    if (!nr_buf_append(&terms->bytes, text.s, text.n)) return -1;
    terms->terms[terms->n] = (nr_term){at, text.n, 0, 0};
    terms->index[place(terms, text)] = (uint32_t)terms->n + 1;
    return (long)terms->n++;
}

bool nr_terms_count(nr_terms *terms, nr_text text, uint32_t document) {
    long i = nr_terms_add(terms, text);
    if (i < 0) return false;
    nr_term *term = &terms->terms[i];
    if (term->last == document) return true;
    term->last = document;
    term->count++;
    return true;
}

/* ================================ Choosing =============================== */

typedef struct counted {
    nr_text text;
    uint32_t count;
} counted;

static int by_bytes(const void *a, const void *b) {
    return compare(((const counted *)a)->text, ((const counted *)b)->text);
}

static int by_count(const void *a, const void *b) {
    const counted *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return by_bytes(a, b);
}

/* Those that were counted often enough, in an order that is total: which sort
 * it is makes no difference. */
static bool sorted(const nr_terms *from, size_t most, uint32_t least,
                   int (*order)(const void *, const void *), nr_terms *to) {
    counted *all = nr_alloc((from->n + 1) * sizeof *all);
    size_t n = 0;
    if (!all) return false;
    for (size_t i = 0; i < from->n; i++)
        if (from->terms[i].count >= least)
            all[n++] = (counted){nr_terms_text(from, i), from->terms[i].count};
    qsort(all, n, sizeof *all, order);
    bool ok = true;
    for (size_t i = 0; i < n && i < most && ok; i++) {
        long at = nr_terms_add(to, all[i].text);
        ok = at >= 0;
        if (ok) to->terms[at].count = all[i].count;
    }
    nr_release(all);
    return ok;
}

bool nr_terms_choose(const nr_terms *from, size_t most, uint32_t least,
                     nr_terms *to) {
    return sorted(from, most, least, by_count, to);
}

bool nr_terms_sort(const nr_terms *from, nr_terms *to) {
    return sorted(from, from->n, 0, by_bytes, to);
}

/* =============================== As msgpack ============================== */

bool nr_terms_put(const nr_terms *terms, nr_buf *out) {
    bool ok = nr_put_array(out, terms->n);
    for (size_t i = 0; i < terms->n && ok; i++) {
        nr_text text = nr_terms_text(terms, i);
        ok = nr_put_text(out, text.s, text.n);
    }
    return ok;
}

bool nr_terms_get(nr_cursor *c, size_t most, nr_terms *terms) {
    size_t n;
    if (!nr_get_array(c, &n) || n > most) return false;
    for (size_t i = 0; i < n; i++) {
        nr_bytes text;
        if (!nr_get_str(c, &text) || !text.len) return false;
        nr_text as_text = {(const char *)text.data, text.len};
        if (!nr_utf8(as_text) || nr_terms_add(terms, as_text) != (long)i)
            return false; /* given twice, or no memory */
    }
    return true;
}
