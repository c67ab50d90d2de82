/* From one sequence to another: an encoder, attention and a decoder, a panel of
 * samples at a time.
 *
 * Two stacks of recurrent layers read what is given, one forwards and one backwards
 * (Schuster and Paliwal, 1997). A third one tells, symbol by symbol, from where the
 * second has ended; at each step it looks back at all places of what was read, by the
 * product of its state and theirs (Luong, Pham and Manning, 2015: `dot`, of the sum of
 * both directions), and a dense layer of its state and of what it saw (their
 * attentional vector) is what the softmax tells from. So the plan is that of a
 * classifier with one hidden layer over the last states of three sequences:
 *
 *     3 units -> units (tanh) -> symbols      the state, and the places' two halves
 *     fields 0, 1, 2                          forwards, backwards, telling
 *
 * What is read ends together in all lanes, as in recurrent.c, so that the last states
 * are there at once; what is told begins together, and counts nothing behind its end.
 * Nothing of it depends on threads: a panel is one unit of work, summed in the order of
 * its steps, places and units. */

#ifndef NR_TRANSLATOR_H
#define NR_TRANSLATOR_H

#include "encode/phrases.h"
#include "layers/track.h"

typedef struct nr_translator {
    const nr_kernels *k;
    const nr_plan *plan;
    nr_track tracks[NR_TRANSLATING];
    nr_track_lanes lanes;        /* of what is told */
    size_t n, places, units;     /* lanes in use; steps of the longest input */
    nr_phrase in[NR_LANES];
    const float *packed; /* the weights as packed.h has them, or NULL */
    bool learn;      /* steps are kept for the way back */
    double dropout;  /* the part that is left out */
    uint64_t key;    /* by which, with layer, step, lane and unit */
    float *notes;    /* [place][both directions' units][lane]: what was read */
    float *odds;     /* [place][lane]: how much the step looks there */
    float *joined;   /* [3 units][lane]: a step's state, and what it saw */
    float *top, *kept; /* [units][lane]: of these, before and behind dropout */
    float *y;        /* [symbol][lane] */
    /* On the way back: deltas. */
    float *want;     /* [step][units][lane]: of the state of what is told */
    float *want_notes, *want_odds, *want_joined, *want_top;
} nr_translator;

/* The shape of a plan: whether it is one of these. */
bool nr_translates(const nr_plan *plan);

/* Floats of one, for inputs and outputs of so many symbols; 0: what is told is not
 * kept for a way back. */
size_t nr_translator_floats(const nr_plan *plan, size_t places, size_t told);
void nr_translator_make(nr_translator *s, const nr_kernels *k,
                        const nr_plan *plan, size_t places, size_t told,
                        float *memory);

/* Lays out the weights of an operation where the whole network's are packed. */
void nr_translator_pack(const nr_plan *plan, const float *w, size_t op,
                        float *packed);

/* Reads n phrases, one a lane. What is told begins then. */
void nr_translator_read(nr_translator *s, const float *w, const nr_phrase *in,
                        size_t n);
/* Step t, behind the symbols of the lanes: y has the sums of the softmax. */
void nr_translator_step(nr_translator *s, const float *w, size_t t,
                        const uint32_t *before);
/* The loss of a step; y then has the deltas of its sums. */
nr_losses nr_translator_loss(nr_translator *s, const nr_target *target);
/* Adds the gradients of the dense layers by y, and keeps what the step wants. */
void nr_translator_ask(nr_translator *s, const float *w, float *g, size_t t);
/* Behind n steps: adds the gradients of all other weights; before [step][lane]. */
void nr_translator_backward(nr_translator *s, const float *w, float *g,
                            size_t n, const uint32_t *before);

/* Gives lanes the states of others, behind step t, where nothing is learned. */
void nr_translator_move(nr_translator *s, size_t t, const uint8_t from[NR_LANES]);

#endif
