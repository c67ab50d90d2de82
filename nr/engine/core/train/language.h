/* Trainings of generators: language models over one stream of symbols.
 *
 * A trainer of its own, since nothing of the others fits: there are no rows to be
 * shuffled, a step's samples go on where those of the step before ended, and every
 * symbol is a target. What a host sees of it, steps, progress, what becomes of it,
 * is the same. The stream is cut into as many parts as BATCH says, which are read
 * side by side, UNROLL symbols a step. */

#ifndef NR_LANGUAGE_H
#define NR_LANGUAGE_H

#include "encode/symbols.h"
#include "layers/stream.h"
#include "train/train.h"

/* One stream in parts: symbols of each, and up to where it is read. */
typedef struct nr_reader {
    const nr_symbol_stream *of;
    size_t parts, each, at;
} nr_reader;

struct nr_language {
    nr_symbol_stream learned, tested;
    nr_reader reader;
    nr_stream stream;
    float *memory, *w, *g; /* weights as the stream has them, and their gradient */
    uint32_t *ids, *touched; /* ids: by row, what is read and what comes next */
    bool *touches;
    float *counts;           /* by row */
    double *squares;         /* sums of a gradient's, by block of it */
    double loss;     /* of the cycle so far */
    uint64_t chunks; /* steps so far */
};

nr_status nr_language_create(const nr_net *net, const nr_command *cmd,
                             nr_trainer **out, nr_error *err);
/* Begins a stream anew, in so many parts, from states of 0. */
void nr_language_read(nr_trainer *t, const nr_symbol_stream *of, size_t parts);
/* Symbols of the cycle that have been read. */
size_t nr_language_done(const nr_trainer *t);
/* In how many parts a testing stream is read. */
size_t nr_language_tested_parts(size_t symbols);
/* Floats of a gradient that are taken at once, and how many such blocks. */
enum { NR_GRADIENT_BLOCK = 4096 };
static inline size_t nr_language_blocks(size_t floats) {
    return (floats + NR_GRADIENT_BLOCK - 1) / NR_GRADIENT_BLOCK;
}
/* One step; at the end of a cycle tests, and may end the training. */
void nr_language_chunk(nr_trainer *t);
/* Some of them, as many as a fixed amount of arithmetic allows. */
void nr_language_step(nr_trainer *t, uint64_t elapsed_ms);
/* The weights to keep. */
void nr_language_finalize(nr_trainer *t);
void nr_language_free(nr_language *language);
uint64_t nr_language_bytes(const nr_net *net);

#endif
