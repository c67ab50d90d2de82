/* Streams: symbols in lanes, of which each step asks for the next one.
 *
 * A language model is the network of a classifier of one sequence of symbols whose
 * classes are these symbols; here every step is asked, not the last one alone. A
 * lane reads one part of a long text, some steps at a time, and hands on its state
 * (truncated backpropagation through time: Werbos, 1990; as Zaremba, Sutskever and
 * Vinyals, 2014, do). Dropout is on what goes from layer to layer, never on a state.
 *
 * The sums of the softmax are made step by step, in the order of lanes, steps and
 * panels, by kernels that sum in the order of units: so bits depend on nothing else. */

#ifndef NR_STREAM_H
#define NR_STREAM_H

#include "layers/track.h"

/* A panel of streams. */
typedef struct nr_stream {
    const nr_kernels *k;
    const nr_plan *plan;
    nr_track track;
    nr_track_lanes lanes;
    bool tied;        /* the softmax has the embedding's weights */
    double dropout;   /* the part that is left out */
    uint64_t key;     /* by which, with layer, step, lane and unit */
    float *top, *want; /* [step][unit][lane]: what the softmax reads, and deltas */
    float *y;          /* [symbol][lane] */
} nr_stream;

/* The floats of one, but for y, which streams share; into memory of as many. */
size_t nr_stream_floats(const nr_plan *plan, size_t unroll);
void nr_stream_make(nr_stream *s, const nr_kernels *k, const nr_plan *plan,
                    size_t unroll, size_t lanes, float *memory, float *y);
/* To a state of 0; or to that behind n steps. */
void nr_stream_begin(nr_stream *s);
void nr_stream_carry(nr_stream *s, size_t n);

/* Step t, of the symbols' numbers by lane. */
void nr_stream_step(nr_stream *s, const float *w, size_t t,
                    const uint32_t *ids);
/* Its loss; y then has the deltas of the softmax's sums. */
nr_losses nr_stream_loss(nr_stream *s, const float *w, size_t t,
                         const nr_target *target);
/* Adds the gradient of the softmax's weights by y, and keeps what it wants. */
void nr_stream_ask(nr_stream *s, const float *w, float *g, size_t t);
/* Behind the n steps: adds the gradients of all other weights; ids [step][lane]. */
void nr_stream_backward(nr_stream *s, const float *w, float *g, size_t n,
                        const uint32_t *ids);
/* Writes the embedding's weights where an untied softmax has its own. */
void nr_stream_untie(const nr_plan *plan, float *w);

#endif
