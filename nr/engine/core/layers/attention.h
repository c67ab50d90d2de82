/* Attention: what a state sees of the places that were read.
 *
 * Lanes are samples, so a product of a state and a place is one of vectors of lanes, and
 * no layer's: there are no weights in it. Places before a lane's first one are not
 * seen. Sums run in the order of units and of places. */

#ifndef NR_ATTENTION_H
#define NR_ATTENTION_H

#include "kernels/kernel.h"

typedef struct nr_attention {
    const nr_kernels *k;
    size_t places, units, nv;
    const size_t *first; /* by lane: its first place */
    const float *notes;  /* [place][2 units][lane] */
    float *odds;         /* [place][lane], which sum to 1 over a lane's places */
    float *want_odds;    /* the same, for the way back */
} nr_attention;

/* state[unit][lane] to seen[2 units][lane]. */
void nr_attention_look(const nr_attention *a, const float *state, float *seen);
/* From the deltas of what was seen: adds to those of the notes and of the state. */
void nr_attention_back(const nr_attention *a, const float *state,
                       const float *want_seen, float *want_notes,
                       float *want_state);

#endif
