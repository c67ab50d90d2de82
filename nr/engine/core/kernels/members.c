/* Weights of many members put side by side, for members.h.
 *
 * Made from a network's weights when it first runs, kept with them and never
 * saved. Groups of eight members follow each other; in each there are, layer by
 * layer, the biases and then a row for each input unit: the first unit's weight
 * of each member, the second unit's, and so on, one more where the units are
 * odd. Members that there are not, and such units, weigh 0. */

#include "kernels/kernel.h"

/* Small: within the second cache. Few members would leave lanes empty. */
enum { LEAST_MEMBERS = 5, MOST_FLOATS = 1 << 15 };

static size_t groups_of(const nr_header *h) {
    return ((size_t)h->options.members + NR_ABREAST - 1) / NR_ABREAST;
}

size_t nr_abreast_len(const nr_header *h) {
    size_t n = 0;
    if (h->options.members < LEAST_MEMBERS) return 0;
    for (size_t l = 1; l < h->nlayers; l++) {
        if (h->layers[l - 1] >= MOST_FLOATS || h->layers[l] >= MOST_FLOATS)
            return 0;
        n += ((size_t)h->layers[l - 1] + 1) * nr_abreast_step(h->layers[l]);
    }
    n *= groups_of(h);
    return n <= MOST_FLOATS ? n : 0;
}

/* One member's weights into its lane. */
static void put_member(const nr_header *h, const float *w, float *to) {
    for (size_t l = 1; l < h->nlayers; l++) {
        size_t out = h->layers[l], rows = (size_t)h->layers[l - 1] + 1;
        for (size_t i = 0; i < rows; i++, to += nr_abreast_step(out))
            for (size_t o = 0; o < out; o++) to[o * NR_ABREAST] = *w++;
    }
}

static float *make(const nr_header *h, const nr_array *weights) {
    size_t n = nr_abreast_len(h);
    size_t members = (size_t)h->options.members;
    float *made = nr_alloc_lines(n, sizeof *made); /* zeroed */
    if (!made) return NULL;
    nr_factors f = nr_factors_of(h, weights->data);
    size_t params = (size_t)(weights->data + weights->n - f.layers) / members;
    for (size_t m = 0; m < members; m++)
        put_member(h, f.layers + m * params,
                   made + m / NR_ABREAST * (n / groups_of(h)) +
                       m % NR_ABREAST);
    return made;
}

const float *nr_abreast_ready(const nr_header *h, const nr_array *weights) {
    nr_array *array = (nr_array *)weights; /* a cache: they stay the same */
    float *have = atomic_load(&array->abreast);
    if (have || !nr_abreast_len(h)) return have;
    float *made = make(h, weights);
    if (atomic_compare_exchange_strong(&array->abreast, &have, made))
        return made;
    nr_release_lines(made);
    return have;
}

void nr_abreast_drop(nr_array *weights) {
    nr_release_lines(atomic_exchange(&weights->abreast, NULL));
}
