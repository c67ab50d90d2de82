/* Streams: symbols in order, of which each step asks for the next one.
 *
 * A language model is the network of a classifier of one sequence of symbols whose
 * classes are these symbols; here every step is asked, not the last one alone. A
 * part of a long text is read some steps at a time, side by side with others, and hands
 * on its state (truncated backpropagation through time: Werbos, 1990; as Zaremba,
 * Sutskever and Vinyals, 2014, do). Dropout is on what goes from layer to layer, never
 * on a state.
 *
 * Units lie in lanes here, sixteen a vector, and parts and steps are rows: some twenty
 * parts would leave lanes empty, and with rows all steps of a layer's inputs, and their
 * gradients, are one product. So weights lie otherwise than in the network, in groups
 * of sixteen units with their gates side by side, and biases as the weights of one more
 * input that is 1; while they are trained they stay there (nr_stream_take, _give).
 *
 * The softmax is taken some words at a time: their sums, powers and share of the deltas
 * while they are in the second cache. Powers are those of differences to the sum of
 * the symbol that came, so that none of them has to wait for the largest.
 *
 * Threads share parts, panels of rows and groups of units. Each sum runs in the order of
 * units, rows or symbols, so bits depend on nothing else. */

#ifndef NR_STREAM_H
#define NR_STREAM_H

#include "kernels/kernel.h"
#include "platform.h"

/* A layer: where its weights are, and what its steps keep. A row of x, which has
 * x_step floats, is what comes in, and 1; parts have slots of h_step floats for the
 * state that a step begins with and the one that it leaves. */
typedef struct nr_stream_layer {
    bool lstm;
    size_t in, units, groups, state_in; /* state_in: units, for a GRU and 1 */
    size_t x_step, h_step;
    size_t x_weights, h_weights; /* [group][in + 1][64], [group][state_in][64] */
    const nr_op *op, *state_op;
    float *x, *back;             /* [row][x_step]; and deltas of it */
    float *gates, *sums;         /* [group][row][64]; sums: a GRU's */
    float *h, *c;                /* [part][slot][h_step] */
    float *delta, *carry;        /* [part][h_step] */
    float *x_turned, *h_turned;  /* [panel of inputs][group][64 gates][64] */
} nr_stream_layer;

typedef struct nr_stream {
    const nr_kernels *k;
    nr_team *team;
    const nr_plan *plan;
    bool tied;      /* the softmax has the embedding's weights */
    double dropout; /* the part that is left out */
    uint64_t key;   /* by which, with layer, step, part and unit */
    size_t n, width, top, symbols;
    size_t row_step;        /* floats of a symbol's row */
    size_t softmax, embed;  /* where these rows are; the same if tied */
    size_t floats;          /* weights, with those that are always 0 */
    size_t most_parts, unroll;
    nr_stream_layer layers[NR_MAX_RECURRENT];
    float *y, *want;        /* [row][row_step]: what the softmax reads; deltas */
    float *powers;          /* [panel][symbol][64 rows], of a block of rows */
    float *y_turned, *want_turned; /* [panel][unit][64 rows] */
    float *scaled;          /* [panel of units][row][64]: y by its row's factor */
    float *less, *total, *factors; /* by row of the block */
    float *losses;          /* by row */
    uint32_t *touched;      /* symbols whose embedding has a gradient, */
    bool *touches;          /* by symbol, where that is one of its own */
    size_t ntouched;

    /* What is read now: parts, steps of each, and by row, all steps of a part one
     * after the other, the symbol, the next one and what it counts. */
    size_t parts, steps, block;
    const float *w, *counts;
    float *g;
    const uint32_t *ids, *next;
    bool learn;
} nr_stream;

/* Without memory, for its sizes; the floats that it takes; and with them. */
void nr_stream_shape(nr_stream *s, const nr_plan *plan, bool tied,
                     size_t parts, size_t unroll);
uint64_t nr_stream_memory(const nr_stream *s);
void nr_stream_place(nr_stream *s, float *memory, uint32_t *touched,
                     bool *touches);

/* A network's weights to where a stream has them, and back. */
void nr_stream_take(const nr_stream *s, const float *weights, float *w);
void nr_stream_give(const nr_stream *s, const float *w, float *weights);

/* So many parts, from a state of 0; and on from that behind the steps. */
void nr_stream_begin(nr_stream *s, size_t parts);
void nr_stream_carry(nr_stream *s);

/* Reads steps; the sum of their losses. With g, which holds zeros where there is no
 * softmax, their gradient is there behind it, of the symbols that are touched. */
double nr_stream_read(nr_stream *s, const float *w, float *g);

/* stream_softmax.c: that of all rows. */
void nr_stream_ask(nr_stream *s);

static inline size_t nr_whole(size_t floats) { return (floats + 15) / 16 * 16; }
static inline size_t nr_stream_rows(const nr_stream *s) {
    return s->parts * s->steps;
}
/* Units in panels of up to four vectors, of which none is much narrower: how many, and
 * the first unit of one. */
static inline size_t nr_unit_panels(size_t units) {
    return (units + NR_LANES - 1) / NR_LANES;
}
static inline size_t nr_unit_panel(size_t units, size_t panel) {
    return panel * ((units + 15) / 16) / nr_unit_panels(units) * 16;
}
static inline size_t nr_panel_vectors(size_t units, size_t panel) {
    return (nr_unit_panel(units, panel + 1) - nr_unit_panel(units, panel)) / 16;
}

/* As the kernel's product, to the same bits. Each tile of it reads all rows of b; where
 * these are many, some are taken at a time, which stay in the first cache. */
static inline void nr_stream_product(const nr_stream *s, const nr_product *x) {
    enum { MANY = 512, SOME = 64, TILE = 6 };
    nr_product part = *x;
    if (x->blocks * x->k <= MANY || x->m <= TILE) {
        s->k->product(x);
        return;
    }
    for (size_t block = 0; block < x->blocks; block++)
        for (size_t k = 0; k < x->k; k += SOME) {
            part.blocks = 1;
            part.k = x->k - k < SOME ? x->k - k : SOME;
            part.a = x->a + block * x->a_block + k * x->step_k;
            s->k->product(&part);
            part.b += part.k * x->b_step;
            part.resume = true;
        }
}

/* Rows that are asked at once: so many panels. */
enum { NR_ASKED_PANELS = 8, NR_ASKED = NR_ASKED_PANELS * NR_LANES };

#endif
