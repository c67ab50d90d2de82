/* Samples of a generator from one sequence to another, as numbers of symbols.
 *
 * What is read has symbols of its own, 0 being the unknown one, and what is told has
 * those of any generator (encoding.h). Either side is as long as it is; a missing
 * input is one unknown symbol, since there is always something to be read. */

#ifndef NR_PHRASES_H
#define NR_PHRASES_H

#include "encode/encoding.h"

enum { NR_MOST_TRANSLATED = 1024 }; /* symbols of either side */

typedef struct nr_phrase {
    const uint32_t *ids;
    size_t n;
} nr_phrase;

/* Of n samples, one behind the other: what is read, then what is told. */
typedef struct nr_phrases {
    size_t n, longest[2]; /* by side: of them all */
    size_t *ends; /* of either side of each */
    uint32_t *ids;
} nr_phrases;

static inline nr_phrase nr_phrase_of(const nr_phrases *p, size_t sample,
                                     size_t side) {
    size_t at = 2 * sample + side, from = at ? p->ends[at - 1] : 0;
    return (nr_phrase){p->ids + from, p->ends[at] - from};
}

/* Whether a record is not too long to be one. */
nr_status nr_phrases_check(const nr_schema *schema, nr_bytes record,
                           nr_error *err);
/* Symbols of both sides, by the training samples. */
nr_status nr_phrases_fit(const nr_records *records, nr_encoding **out,
                         nr_error *err);
/* A dataset's; and those of one record, of which the second side may be left out. */
nr_status nr_phrases_read(const nr_encoding *e, const nr_records *records,
                          size_t dataset, nr_phrases *out, nr_error *err);
nr_status nr_phrases_read_one(const nr_encoding *e, nr_bytes record,
                              nr_phrases *out, nr_error *err);
void nr_phrases_free(nr_phrases *p);
/* How many symbols the longest side of some samples has; 0: a damaged one. */
size_t nr_phrases_longest(const nr_records *records);

/* Symbols to be added, left out or changed, to make one of the other (Levenshtein,
 * 1966). `row` is room for as many numbers as the second has, and one more. */
size_t nr_phrase_distance(nr_phrase a, nr_phrase b, size_t *row);

/* How the naive baseline does on other samples: it reads every symbol by itself, as
 * the one that stands most often at its place in what is told. */
bool nr_phrases_naive(const nr_phrases *learned, const nr_phrases *tested,
                      double *exact, double *errors);

#endif
