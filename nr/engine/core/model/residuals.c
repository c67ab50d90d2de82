/* How far a regressor was off on the testing samples, for intervals that hold
 * what they promise (split conformal prediction: Papadopoulos and others, 2002).
 *
 * Of n absolute errors the (n + 1) p-th smallest is what a new one exceeds with a
 * probability of at most 1 - p. All of them would make a dump of a small network
 * many times as large, so the k-th largest is kept for every k up to 2^(BITS + 1),
 * for every second k up to twice as many, and so on, as a float keeps numbers.
 * Where the k-th itself is not there the next larger error takes its place: an
 * interval is never too narrow for that, and its 1 - p is off by a part of 128 at
 * most. To keep quantiles at even distances was rejected, since 0.999 needs them
 * as dense as nobody wants them at 0.5; a draw of the errors, since it would throw
 * away what they know. */

#include <math.h>

#include "model/net.h"

enum { BITS = 7, MOST_KEPT = 1 << 17 };

/* Between the k that are kept near this one lie 2^step. */
static unsigned step_of(size_t k, unsigned bits) {
    unsigned top = 63 - (unsigned)__builtin_clzll(k);
    return top > bits ? top - bits : 0;
}

/* Where the k-th largest lies, or the next larger one that is kept. */
static size_t place_of(size_t k, unsigned bits) {
    unsigned step = step_of(k, bits);
    return ((size_t)step << bits) + (k >> step) - 1;
}

static size_t count_kept(size_t n, unsigned bits) {
    return n ? place_of(n, bits) + 1 : 0;
}

/* Fewer where there are many outputs. */
static unsigned bits_for(size_t n, size_t outputs) {
    unsigned bits = BITS;
    while (bits && count_kept(n, bits) * outputs > MOST_KEPT) bits--;
    return bits;
}

size_t nr_residuals_kept(size_t n, size_t outputs) {
    return count_kept(n, bits_for(n, outputs));
}

void nr_residuals_thin(const float *sorted, size_t n, size_t outputs,
                       float *kept) {
    unsigned bits = bits_for(n, outputs);
    for (size_t k = 1; k <= n; k += (size_t)1 << step_of(k, bits))
        *kept++ = sorted[k - 1];
}

size_t nr_residuals_samples(const nr_array *residuals) {
    return residuals ? (size_t)residuals->data[0] : 0;
}

double nr_residuals_least(double p) {
    return fmax(ceil(p / (1 - p) - 1e-6), 1);
}

double nr_residual(const nr_array *residuals, size_t outputs, size_t output,
                   double p) {
    size_t n = nr_residuals_samples(residuals);
    double rank = fmax(ceil(((double)n + 1) * p - 1e-9), 1);
    if (rank > (double)n) return NAN;
    unsigned bits = bits_for(n, outputs);
    size_t place = place_of(n + 1 - (size_t)rank, bits);
    return (double)residuals->data[1 + output * count_kept(n, bits) + place];
}

/* ================================ Reading ================================ */

static size_t outputs_of(const nr_net *net) {
    return net->schema ? net->schema->n - net->schema->inputs : nr_outputs(net);
}

static bool descending(const float *kept, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(kept[i]) || kept[i] < 0 || (i && kept[i] > kept[i - 1]))
            return false;
    return true;
}

bool nr_residuals_sound(const nr_net *net, const nr_array *residuals) {
    const float *data = residuals->data;
    size_t outputs = outputs_of(net);
    double n = (double)data[0];
    if (net->h.kind != NR_REGRESSOR || outputs > NR_MOST_INTERVALS ||
        !(n >= 1 && n <= NR_MOST_MEASURED) || n != floor(n))
        return false;
    size_t kept = nr_residuals_kept((size_t)n, outputs);
    if (residuals->n != 1 + outputs * kept) return false;
    for (size_t o = 0; o < outputs; o++)
        if (!descending(data + 1 + o * kept, kept)) return false;
    return true;
}
