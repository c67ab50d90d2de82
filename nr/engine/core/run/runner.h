/* What the files that run a network share: run.c, panels.c and rows of sequences. */

#ifndef NR_RUNNER_H
#define NR_RUNNER_H

#include "kernels/kernel.h"
#include "run/run.h"

/* What a run needs: the network's parts, and floats for the inputs, for two
 * layers, for the members' mean, each a row's or a panel's, and for the last
 * row of outputs. */
typedef struct nr_run {
    const nr_header *h;
    const nr_kernels *k;
    const nr_plan *plan;
    const nr_runner *runner;
    const nr_sequences *sequences; /* of the rows; or NULL */
    const float *interleaved; /* NULL: one member after the other */
    nr_factors f;
    size_t members, out;
    nr_head head;
    bool lenient; /* sums may be infinite */
    float *inputs, *x, *y, *sum, *last;
    float *numbers, *frame; /* of the panel's sequences, and for their steps */
    float *own, *outputs, *row_frame; /* of a row of sequences: a member's inputs,
                                         all members' outputs, room for steps */
} nr_run;

/* Where outputs go: one of the two. Lenient: whatever they are. */
typedef struct nr_results {
    float *outputs;
    uint32_t *classes;
    bool lenient;
    const nr_sequences *sequences; /* of the rows; NULL: the network's own */
} nr_results;

static inline bool nr_sound(const nr_run *r, const float *sums, size_t n) {
    return r->lenient || r->k->finite(sums, n);
}

static inline uint32_t nr_largest(const float *y, size_t step, size_t units) {
    size_t best = 0;
    for (size_t o = 1; o < units; o++)
        if (y[o * step] > y[best * step]) best = o;
    return (uint32_t)best;
}

/* Rows in panels of 64; false: an input is no number, or outputs are none. */
bool nr_run_panels(const nr_run *r, const float *rows, size_t n, nr_results to);

#endif
