/* What is counted of the losses of samples that were scored before they were kept,
 * and when that raises the alarm.
 *
 * Page-Hinkley's test (1954) sums how far each loss is above what is normal, less an
 * allowance, and never falls below 0: a change lets the sum grow steadily, chance does
 * not. It sums ranks here, not losses: a loss counts as the part of the held-out losses
 * that it is above, half where they are equal. So one allowance and one threshold fit
 * every network, whatever its losses are like; and one wild loss is no alarm, however
 * large it is. Of few held-out losses the middle is not well known, so the allowance is
 * larger. Sums of the losses themselves were rejected: log-losses and squared errors
 * have tails that need a threshold of their own for each network.
 *
 * All that is kept is integers, below 2^53: so the core, the script of Redis and any
 * database count alike to the last bit. drift.lua does so again. */

#include <math.h>
#include <string.h>

#include "model/drift.h"

/* The allowance at best, and what few losses add to it; in millionths of rank. */
static const double ALLOWED = 50000, ALLOWED_FEW = 600000;

bool nr_header_watched(const nr_header *h) {
    return (h->kind == NR_CLASSIFIER || h->kind == NR_REGRESSOR) &&
           (h->options.drift || h->options.trainevery < 0);
}

bool nr_net_watched(const nr_net *net) {
    return nr_header_watched(&net->h) && net->h.trained;
}

/* =============================== Counting ================================ */

nr_scored nr_scored_now(const nr_header *h) {
    bool current = nr_header_watched(h) && h->losses.revision == h->revision;
    return current ? h->losses : (nr_scored){.revision = h->revision};
}

/* Losses of late: the mean of the first ones, then a part of each new one. */
static uint64_t later(uint64_t late, int64_t ratio, uint64_t scored) {
    double part = (double)(scored < NR_DRIFT_LATE ? scored : NR_DRIFT_LATE);
    double to = floor(((double)ratio - (double)late) / part);
    return late + (uint64_t)(int64_t)to;
}

static void count(nr_scored *l, nr_score score) {
    int64_t sum = (int64_t)l->sum + score.step;
    if (sum < 0) sum = 0;
    if (sum > 2 * NR_DRIFT_ALARM) sum = 2 * NR_DRIFT_ALARM;
    l->scored++;
    l->late = later(l->late, score.ratio, l->scored);
    l->sum = (uint64_t)sum;
    if (sum > NR_DRIFT_ALARM && !l->alarm) l->alarm = l->scored;
}

static bool is_sound(nr_score s) {
    return s.step >= -NR_MILLION && s.step <= NR_MILLION && s.ratio >= 0 &&
           s.ratio <= NR_MOST_RATIO;
}

nr_status nr_scores_count(nr_net *net, nr_bytes scores, nr_error *err) {
    nr_scored l = nr_scored_now(&net->h);
    uint64_t before = l.alarm;
    nr_score score;
    if (scores.len % sizeof score)
        return nr_fail(err, "ERR invalid scores: %zu bytes", scores.len);
    if (!scores.len || !nr_header_watched(&net->h)) return NR_OK;
    for (size_t at = 0; at < scores.len; at += sizeof score) {
        memcpy(&score, scores.data + at, sizeof score);
        if (!is_sound(score)) return nr_fail(err, "ERR invalid scores");
        count(&l, score);
    }
    net->h.losses = l;
    net->raised = l.alarm && !before;
    return NR_OK;
}

/* =============================== Reference =============================== */

size_t nr_reference_losses(double tested) {
    return tested < NR_MOST_LOSSES ? (size_t)tested : NR_MOST_LOSSES;
}

static const float *losses_of(const nr_array *reference, size_t *n) {
    *n = nr_reference_losses(nr_count_read(reference->data[NR_REF_TESTED]));
    return reference->data + NR_REF_HEAD;
}

size_t nr_reference_inputs(const nr_array *reference) {
    size_t n;
    losses_of(reference, &n);
    return (reference->n - NR_REF_HEAD - n) / NR_DRIFT_INPUT;
}

const float *nr_reference_bins(const nr_array *reference, size_t input) {
    size_t n;
    return losses_of(reference, &n) + n + input * NR_DRIFT_INPUT;
}

double nr_reference_observed(const nr_array *reference) {
    const float *head = reference->data;
    return nr_count_read(head[NR_REF_OBSERVED]) * 0x1p26 +
           nr_count_read(head[NR_REF_OBSERVED_LOW]);
}

/* Values above an edge are beyond it. */
size_t nr_drift_bin(const float *edges, float value) {
    size_t bin = 0;
    for (size_t i = 0; i < NR_DRIFT_EDGES; i++) bin += value > edges[i];
    return bin;
}

/* Twice the part of the losses that this one is above. */
static double rank_of(const float *losses, size_t n, double loss) {
    size_t twice = 0;
    for (size_t i = 0; i < n; i++)
        twice += (size_t)((double)losses[i] < loss) +
                 (size_t)((double)losses[i] <= loss);
    return (double)twice / (2 * (double)n);
}

nr_score nr_score_of(const nr_array *reference, double loss) {
    size_t n;
    const float *losses = losses_of(reference, &n);
    double tested = nr_count_read(reference->data[NR_REF_TESTED]);
    double mean = (double)reference->data[NR_REF_MEAN];
    double allowed = ALLOWED + ALLOWED_FEW / sqrt(tested);
    double stored = (double)(float)fmin(loss, 0x1p120); /* as they are kept */
    double ratio = mean > 0 ? loss / mean : loss > 0 ? NR_MILLION : 1;
    ratio = floor(ratio * NR_MILLION + 0.5);
    double step = (rank_of(losses, n, stored) - 0.5) * NR_MILLION - allowed;
    return (nr_score){
        (int64_t)floor(step),
        ratio < (double)NR_MOST_RATIO ? (int64_t)ratio : NR_MOST_RATIO,
    };
}

/* ================================ Reading ================================ */

static bool ascending(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]) || (i && x[i] < x[i - 1])) return false;
    return true;
}

static bool is_count(float stored) {
    double n = nr_count_read(stored);
    return n >= 0 && n <= NR_MAX_SAMPLES && n == floor(n);
}

static bool bins_sound(const float *edges) {
    bool sound = ascending(edges, NR_DRIFT_EDGES);
    for (size_t i = 0; i < NR_DRIFT_BINS; i++)
        sound = sound && is_count(edges[NR_DRIFT_EDGES + i]);
    return sound;
}

static bool head_sound(const float *head) {
    for (size_t i = 0; i < NR_REF_HEAD; i++)
        if (i != NR_REF_MEAN && !is_count(head[i])) return false;
    return isfinite(head[NR_REF_MEAN]) && head[NR_REF_MEAN] >= 0;
}

bool nr_reference_sound(const nr_net *net, const nr_array *reference) {
    size_t n, inputs;
    if (net->h.kind != NR_CLASSIFIER && net->h.kind != NR_REGRESSOR)
        return false;
    if (reference->n < NR_REF_HEAD || !head_sound(reference->data)) return false;
    const float *losses = losses_of(reference, &n);
    if (reference->n < NR_REF_HEAD + n || !ascending(losses, n) ||
        (n && losses[0] < 0))
        return false;
    inputs = nr_reference_inputs(reference);
    if (reference->n != NR_REF_HEAD + n + inputs * NR_DRIFT_INPUT ||
        inputs > NR_MOST_COMPARED)
        return false;
    for (size_t i = 0; i < inputs; i++)
        if (!bins_sound(nr_reference_bins(reference, i))) return false;
    /* Of a network whose weights are elsewhere nobody knows which fields it has. */
    if (!inputs || (net->schema && !net->inner)) return true;
    return inputs == (net->inner ? net->encoding->schema->inputs
                                 : nr_inputs(net));
}
