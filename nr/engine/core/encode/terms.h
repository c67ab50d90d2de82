/* Dictionaries: texts and their numbers, and counting how often each occurs.
 *
 * What they hold follows from the texts and their order alone, never from the
 * hash: choosing is by count, then by bytes. */

#ifndef NR_TERMS_H
#define NR_TERMS_H

#include "grammar/syntax.h"

typedef struct nr_term {
    size_t at, n;   /* of its bytes, among all */
    uint32_t count; /* how often it was counted */
    uint32_t last;  /* the document that counted it last */
} nr_term;

/* Zeroed is empty. */
typedef struct nr_terms {
    nr_term *terms;
    size_t n, cap;
    uint32_t *index; /* by hash: a term's number + 1, or 0 */
    size_t mask;
    nr_buf bytes;
} nr_terms;

void nr_terms_free(nr_terms *terms);
static inline nr_text nr_terms_text(const nr_terms *terms, size_t i) {
    return (nr_text){(const char *)terms->bytes.data + terms->terms[i].at,
                     terms->terms[i].n};
}

long nr_terms_find(const nr_terms *terms, nr_text text); /* -1: not there */
/* Adds it where it is new. -1: out of memory. */
long nr_terms_add(nr_terms *terms, nr_text text);
/* Counts it, once for each document, of which the first is number 1. */
bool nr_terms_count(nr_terms *terms, nr_text text, uint32_t document);

/* The most frequent ones that were counted `least` times or more, by count and
 * then by bytes; `most` of them at most. */
bool nr_terms_choose(const nr_terms *from, size_t most, uint32_t least,
                     nr_terms *to);
bool nr_terms_sort(const nr_terms *from, nr_terms *to); /* all, by bytes */

bool nr_terms_put(const nr_terms *terms, nr_buf *out);
/* false: damaged, or out of memory. */
bool nr_terms_get(nr_cursor *c, size_t most, nr_terms *terms);

#endif
