/* See attention.h. */

#include <string.h>

#include "layers/attention.h"

enum { V = 16 }; /* lanes of a vector */
static const float UNSEEN = -1e30f; /* whose exponential is 0 */

static const float *note_at(const nr_attention *a, size_t place, size_t unit,
                            size_t v) {
    return a->notes + (place * 2 * a->units + unit) * NR_LANES + v * V;
}

/* The product of a state with both halves of a place, in sixteen lanes. */
static void match(const nr_attention *a, size_t place, size_t v,
                  const float *state, float sum[V]) {
    const float *on = note_at(a, place, 0, v);
    const float *back = note_at(a, place, a->units, v);
    for (size_t l = 0; l < V; l++) sum[l] = 0;
    for (size_t u = 0; u < a->units; u++) {
        size_t at = u * NR_LANES;
        for (size_t l = 0; l < V; l++)
            sum[l] += state[at + v * V + l] * (on[at + l] + back[at + l]);
    }
}

static void add_seen(const nr_attention *a, size_t place, size_t v,
                     const float *odds, float *seen) {
    for (size_t u = 0; u < 2 * a->units; u++) {
        const float *note = note_at(a, place, u, v);
        float *to = seen + u * NR_LANES + v * V;
        for (size_t l = 0; l < V; l++) to[l] += odds[l] * note[l];
    }
}

void nr_attention_look(const nr_attention *a, const float *state, float *seen) {
    for (size_t p = 0; p < a->places; p++)
        for (size_t v = 0; v < a->nv; v++) {
            float *odds = a->odds + p * NR_LANES + v * V;
            match(a, p, v, state, odds);
            for (size_t l = 0; l < V; l++)
                if (p < a->first[v * V + l]) odds[l] = UNSEEN;
        }
    a->k->head(a->odds, a->places, a->nv, NR_SOFTMAX);
    for (size_t u = 0; u < 2 * a->units; u++)
        memset(seen + u * NR_LANES, 0, a->nv * V * sizeof *seen);
    for (size_t p = 0; p < a->places; p++)
        for (size_t v = 0; v < a->nv; v++)
            add_seen(a, p, v, a->odds + p * NR_LANES + v * V, seen);
}

/* What a place's odds are wanted to be: the product of its notes and the deltas. */
static void want_odds(const nr_attention *a, size_t place, size_t v,
                      const float *want_seen, float want[V]) {
    for (size_t l = 0; l < V; l++) want[l] = 0;
    for (size_t u = 0; u < 2 * a->units; u++) {
        const float *note = note_at(a, place, u, v);
        const float *d = want_seen + u * NR_LANES + v * V;
        for (size_t l = 0; l < V; l++) want[l] += d[l] * note[l];
    }
}

/* Through the product, by its delta in each lane, and through the sum by odds. */
static void back_place(const nr_attention *a, size_t place, size_t v,
                       const float *state, const float *want_seen,
                       const float product[V], float *want_notes,
                       float *want_state) {
    const float *odds = a->odds + place * NR_LANES + v * V;
    const float *notes = note_at(a, place, 0, v);
    float *to = want_notes + (notes - a->notes);
    size_t half = a->units * NR_LANES;
    for (size_t u = 0; u < a->units; u++) {
        size_t at = u * NR_LANES;
        const float *d = want_seen + at + v * V, *h = state + at + v * V;
        float *want = want_state + at + v * V;
        for (size_t l = 0; l < V; l++) {
            float by_product = product[l] * h[l];
            want[l] += product[l] * (notes[at + l] + notes[half + at + l]);
            to[at + l] += odds[l] * d[l] + by_product;
            to[half + at + l] += odds[l] * d[half + l] + by_product;
        }
    }
}

void nr_attention_back(const nr_attention *a, const float *state,
                       const float *want_seen, float *want_notes,
                       float *want_state) {
    for (size_t v = 0; v < a->nv; v++) {
        float mean[V] = {0}, want[V];
        for (size_t p = 0; p < a->places; p++) {
            const float *odds = a->odds + p * NR_LANES + v * V;
            want_odds(a, p, v, want_seen, want);
            for (size_t l = 0; l < V; l++) mean[l] += odds[l] * want[l];
        }
        for (size_t p = 0; p < a->places; p++) {
            const float *odds = a->odds + p * NR_LANES + v * V;
            want_odds(a, p, v, want_seen, want);
            for (size_t l = 0; l < V; l++) want[l] = odds[l] * (want[l] - mean[l]);
            back_place(a, p, v, state, want_seen, want, want_notes, want_state);
        }
    }
}
