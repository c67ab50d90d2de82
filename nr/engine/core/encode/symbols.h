/* The texts of a generator as numbers of symbols.
 *
 * A dataset's texts are one stream, in the order of their slots, each with the end
 * behind it. Symbols that the training samples have twice or more have numbers of
 * their own, the most frequent ones; all others are the unknown one. */

#ifndef NR_SYMBOLS_H
#define NR_SYMBOLS_H

#include "encode/encoding.h"

/* n symbols, behind the end that stands before the first text. */
typedef struct nr_symbol_stream {
    uint32_t *ids; /* n + 1 */
    size_t n;
} nr_symbol_stream;

nr_status nr_symbols_fit(const nr_records *records, nr_encoding **out,
                         nr_error *err);
uint32_t nr_symbol_number(const nr_encoding *e, nr_text symbol);
nr_status nr_symbols_read(const nr_encoding *e, const nr_records *records,
                          size_t dataset, nr_symbol_stream *out, nr_error *err);
/* The mean loss of telling each of the others by the symbol before it, from how
 * often one followed the other (bigrams, smoothed as Witten and Bell, 1991, do). */
bool nr_symbols_baseline(const nr_symbol_stream *learned,
                         const nr_symbol_stream *tested, size_t symbols,
                         double *loss);

#endif
