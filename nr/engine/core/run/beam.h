/* The likeliest sequences behind an input: beam search.
 *
 * Step by step the likeliest beginnings are kept, as many as the beam is wide, and those
 * that end go to a list of their own; no other can be likelier once the likeliest
 * beginning is not. Beginnings lie in the lanes of a panel, which read the same input,
 * so that several inputs may be searched at once, and none changes what comes of the
 * others. Ties go to the earlier lane and the lower number of a symbol. */

#ifndef NR_BEAM_H
#define NR_BEAM_H

#include "layers/translator.h"
#include "platform.h"

enum { NR_USUAL_BEAM = 4 };
_Static_assert(NR_MAX_BEAM <= NR_LANES, "a lane for each");

typedef struct nr_telling {
    uint32_t *ids;
    size_t n;
    double log_probability; /* with that of its end; without, where it was cut */
} nr_telling;

typedef struct nr_beam {
    const nr_kernels *k;
    const nr_plan *plan;
    const float *w;
    size_t width;
    size_t length; /* symbols at most; 0: by the input */
} nr_beam;

/* Of n inputs, at most NR_LANES / width: `found` gets `width` tellings for each, which
 * the caller frees, and `count` how many there are, the likeliest first. */
nr_status nr_beam_search(const nr_beam *b, const nr_phrase *in, size_t n,
                         nr_telling *found, size_t *count, nr_error *err);
void nr_tellings_free(nr_telling *found, size_t n);

/* The logarithm of the probability of what is told, its end included. */
nr_status nr_beam_score(const nr_beam *b, nr_phrase in, nr_phrase told,
                        double *sum, nr_error *err);

/* How the likeliest ones of some samples are: the part that is right to the symbol, and
 * symbols that are wrong for each that is to be told. */
bool nr_beam_measure(nr_team *team, const nr_kernels *k, const nr_plan *plan,
                     const float *w, const nr_phrases *p, const uint32_t *order,
                     double *exact, double *errors);

#endif
