/* Drift: whether what a network is told of late is still what it has learned. */

#ifndef NR_DRIFT_H
#define NR_DRIFT_H

#include "model/net.h"

/* What the last training leaves to compare with (findings[NR_REFERENCE]): a head,
 * then some of the held-out losses in ascending order, then for each input (of a
 * network with fields: each field) the edges of bins and how many samples lay in
 * each. Inputs may be too many: then there are none of these. */
enum {
    NR_MOST_LOSSES = 64,   /* that are kept */
    NR_FEWEST_LOSSES = 10, /* with which an alarm can be raised */
    NR_DRIFT_BINS = 10,
    NR_DRIFT_EDGES = NR_DRIFT_BINS - 1,
    NR_DRIFT_INPUT = NR_DRIFT_EDGES + NR_DRIFT_BINS, /* floats of one */
    NR_MOST_COMPARED = 1 << 14 /* inputs */
};

/* The head's numbers; counts are stored as those of a report. */
enum {
    NR_REF_TESTED,   /* held-out samples whose losses were measured */
    NR_REF_MEAN,     /* of these losses */
    NR_REF_TRAIN,    /* samples of either dataset */
    NR_REF_TEST,
    NR_REF_COUNTED,  /* of those, as many were counted in bins */
    NR_REF_OBSERVED, /* all samples up to then, by 26 bits: high ones, low ones */
    NR_REF_OBSERVED_LOW,
    NR_REF_SCHEMA, /* the fields' revision, the last 24 bits */
    NR_REF_HEAD
};

/* Denormal numbers are 0 here, as a mode of the processor may have them or not: what
 * was sorted in one would not be in order in the other. */
static inline float nr_drift_flushed(float x) {
    return x > -0x1p-126f && x < 0x1p-126f ? 0 : x;
}

size_t nr_reference_losses(double tested); /* of so many, so many are kept */
/* How many inputs it has bins of. */
size_t nr_reference_inputs(const nr_array *reference);
const float *nr_reference_bins(const nr_array *reference, size_t input);
bool nr_reference_sound(const nr_net *net, const nr_array *reference);
double nr_reference_observed(const nr_array *reference);
size_t nr_drift_bin(const float *edges, float value);

/* What a sample's loss comes to: a step of the test's sum, and its ratio to the mean
 * of the held-out losses; in millionths. */
typedef struct nr_score {
    int64_t step, ratio;
} nr_score;

enum {
    NR_MILLION = 1000000,
    NR_DRIFT_ALARM = 10 * NR_MILLION, /* where the sum raises the alarm */
    NR_DRIFT_LATE = 128 /* samples that the loss of late is about */
};
#define NR_MOST_RATIO (INT64_C(1000000) * NR_MILLION)

nr_score nr_score_of(const nr_array *reference, double loss);
/* Counts pairs of scores, as nr_net_score has them. */
nr_status nr_scores_count(nr_net *net, nr_bytes scores, nr_error *err);
bool nr_header_watched(const nr_header *h); /* trained or not */
/* What is counted of the weights in place; zeros, where others were counted. */
nr_scored nr_scored_now(const nr_header *h);

#endif
