/* Encoded sequences: what recurrent layers read of some samples.
 *
 * Steps of numbers are taken as deviations, each place of a step by itself;
 * symbols as their numbers in a vocabulary, 0 where it does not have them. They
 * lie one sequence after the other, without padding. A row of a network with
 * sequences holds, where its recurrent layers will put their last state, the
 * number of the sequence: so whatever orders, shuffles or draws rows need know
 * nothing of what is behind them. */

#ifndef NR_SEQUENCES_H
#define NR_SEQUENCES_H

#include "encode/encoding.h"

enum {
    NR_MOST_IN_TABLE = 1 << 24     /* numbers of sequences are exact floats */
};

/* Those of one field. */
typedef struct nr_sequence_list {
    size_t width;      /* numbers of a step; 0: it is a symbol */
    size_t n, cap;     /* sequences */
    size_t *ends;      /* of each: the steps up to there */
    size_t steps, step_cap; /* of all: how many there are, and may be */
    float *x;          /* [step][width] */
    uint32_t *ids;     /* [step] */
} nr_sequence_list;

typedef struct nr_sequences {
    atomic_size_t refs;
    size_t n; /* fields */
    nr_sequence_list lists[NR_MAX_SEQUENCES];
} nr_sequences;

/* One of them. */
typedef struct nr_steps {
    size_t n;
    const float *x;      /* NULL: symbols */
    const uint32_t *ids;
} nr_steps;

/* In memory of the caller's, which alone has it; or held and dropped. */
void nr_sequences_begin(nr_sequences *sequences, const nr_encoding *e);
void nr_sequences_end(nr_sequences *sequences);
nr_sequences *nr_sequences_new(const nr_encoding *e); /* NULL: no memory */
nr_sequences *nr_sequences_hold(nr_sequences *sequences);
void nr_sequences_drop(nr_sequences *sequences);
nr_steps nr_sequences_get(const nr_sequences *s, size_t field, size_t number);

/* Of one sample: its row, the columns and then the numbers of its sequences,
 * `units` apart, which are added; targets as nr_encode has them. false: no
 * memory, or too many. */
bool nr_encode_row(const nr_encoding *e, const nr_value *values,
                   nr_sequences *sequences, size_t units, float *row,
                   float *targets);

/* Fits a field's code to n values that lie `step` apart, with so many symbols at
 * most. */
bool nr_sequences_fit(nr_code *code, const nr_value *values, size_t n,
                      size_t step, size_t symbols);

#endif
