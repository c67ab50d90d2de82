/* Encodings: how the values of fields become the numbers a network sees.
 *
 * An encoding is fitted by a training from its samples, and lies with the
 * weights, since neither makes sense with another generation of the other. It
 * has a copy of the schema it was fitted for: samples may get other fields
 * while it still answers.
 *
 * Each input field has some columns of the encoded row:
 *
 *     number    its deviation from the mean in standard deviations, and where
 *               there are many values how far it is through each of eight
 *               bins of equally many samples (piecewise linear encoding:
 *               Gorishniy, Rubachev and Babenko, 2022)
 *     flag      0 or 1
 *     category  one for each of those that are frequent, one for all others
 *     time      as a number, and the hour, weekday and season as points on a
 *               circle that go round once, twice and thrice as fast, where the
 *               samples span two rounds of it
 *     text      words and pairs of them by how often they occur and how few
 *               texts have them (tf-idf), of length 1
 *     vector    each of its numbers as a deviation
 *     key       none
 *     sequence  none: recurrent layers read it (sequences.h)
 *
 * and, where some samples lacked it, one more that says so. */

#ifndef NR_ENCODING_H
#define NR_ENCODING_H

#include "encode/forecast.h"
#include "encode/record.h"
#include "encode/terms.h"
#include "encode/tuning.h"

enum {
    NR_BINS = NR_STUDY_BINS,
    NR_MOST_BINS = 64,
    NR_MOST_TERMS = 20000,
    NR_MOST_COLUMNS = 1 << 20
};

/* Of a time: the circles it is shown on, and whether by NR_FINEST points each.
 * Of a time and a number: whether its deviation is bent far out. */
enum {
    NR_HOURS = 1,
    NR_WEEKDAYS = 2,
    NR_SEASONS = 4,
    NR_FINER = 8,
    NR_BENT = 16,
    NR_FINEST = NR_STUDY_FINEST
};

typedef struct nr_code {
    const nr_field *field;
    size_t first, columns; /* of the row */
    bool gap, other;       /* whether there is such a column, the last ones */
    unsigned circles;
    double shift, scale;
    size_t bins;
    double *edges;   /* of the bins, one more than there are */
    double *shifts;  /* of a vector's or a step's numbers, and behind them their
                        scales */
    nr_terms terms;  /* categories, words or symbols */
    float *weights;  /* of words: what one counts */
    float *missing;  /* what the columns are where there is no value */
} nr_code;

typedef struct nr_encoding {
    atomic_size_t refs;
    nr_schema *schema;
    nr_code *codes; /* by input */
    size_t columns;
    nr_terms classes;  /* a classifier's, by bytes */
    double *out_shift; /* a regressor's, and behind them the scales */
    nr_forecast *forecast; /* a forecaster's, whose codes are none; or NULL */
    double baseline; /* a generator's, whose classes are its symbols: the testing
                        loss of telling each by the one before */
    uint64_t tested; /* in so many symbols; 0: there were none */
    /* Of a generator from one sequence to another `tested` counts samples. The part of
     * them that it told to the symbol, and symbols that were wrong for each that was
     * right to be told; and the same of the naive baseline (phrases.h). */
    double exact, errors, naive_exact, naive_errors;
} nr_encoding;

nr_encoding *nr_encoding_hold(nr_encoding *encoding);
void nr_encoding_drop(nr_encoding *encoding);
/* Of the network that learns: class or numbers. */
size_t nr_encoding_outputs(const nr_encoding *encoding);

/* How many inputs its columns come to, where L2 is as strong as there are many:
 * a text's thousands are a vector no longer than that of a few inputs. */
double nr_encoding_extent(const nr_encoding *encoding);

/* Where the samples come from, in their order. */
typedef struct nr_records {
    const nr_schema *schema;
    size_t n[2]; /* by dataset */
    nr_bytes (*get)(const void *context, size_t dataset, size_t i);
    const void *context;
    size_t symbols; /* of a sequence's, at most */
    bool refit;     /* the testing samples will be learned from as well */
} nr_records;

/* A forecaster's, which takes it. NULL: out of memory. */
nr_encoding *nr_encoding_of_windows(const nr_schema *schema,
                                    nr_forecast *forecast);

/* A generator's: its symbols by their numbers, of which the first two are the
 * unknown one and the end of a text. */
enum { NR_UNKNOWN_SYMBOL, NR_END_SYMBOL, NR_OWN_SYMBOLS };
extern const char *const nr_own_symbols[NR_OWN_SYMBOLS];
nr_encoding *nr_encoding_of_symbols(const nr_schema *schema,
                                    const nr_terms *symbols);

/* Fits an encoding to the training samples; classes are those of both, and so
 * are the words of texts before a refit. */
nr_status nr_encoding_fit(const nr_records *records, nr_kind kind,
                          nr_encoding **out, nr_error *err);

/* The values of a record to the columns and, unless targets is NULL, to what is
 * to be learned: the class's number or a regressor's outputs. */
void nr_encode(const nr_encoding *encoding, const nr_value *values,
               float *columns, float *targets);
/* A regressor's output as it was observed. */
double nr_decode(const nr_encoding *encoding, size_t output, float y);
/* What a difference of 1 of it is. */
double nr_output_unit(const nr_encoding *encoding, size_t output);

size_t nr_code_columns(const nr_code *code); /* that it is encoded as */

bool nr_encoding_put(const nr_encoding *encoding, nr_buf *out);
nr_status nr_encoding_get(nr_cursor *c, nr_kind kind, nr_encoding **out,
                          nr_error *err);

size_t nr_terms_most(size_t samples); /* words of one field */

/* For fit.c: gives the codes their places in the row, once all are known. */
bool nr_encoding_arrange(nr_encoding *encoding);
nr_encoding *nr_encoding_new(const nr_schema *schema, nr_kind kind);
void nr_encode_field(const nr_code *code, const nr_value *value, float *to);

#endif
