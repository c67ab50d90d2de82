/* See attention.h. */

#include <string.h>

#include "layers/attention.h"

static const float UNSEEN = -1e30f; /* whose exponential is 0 */

static const float *notes_at(const nr_attention *a, size_t place) {
    return a->notes + place * 2 * a->units * NR_LANES;
}

static void hide(const nr_attention *a, size_t place, float *odds) {
    for (size_t l = 0; l < NR_LANES; l++)
        if (place < a->first[l]) odds[l] = UNSEEN;
}

void nr_attention_look(const nr_attention *a, const float *state, float *seen) {
    for (size_t p = 0; p < a->places; p++) {
        const float *on = notes_at(a, p), *back = on + a->units * NR_LANES;
        a->k->match(a->odds + p * NR_LANES, state, on, back, a->units, a->nv);
        hide(a, p, a->odds + p * NR_LANES);
    }
    a->k->head(a->odds, a->places, a->nv, NR_SOFTMAX);
    memset(seen, 0, 2 * a->units * NR_LANES * sizeof *seen);
    for (size_t p = 0; p < a->places; p++)
        a->k->add_part(seen, a->odds + p * NR_LANES, notes_at(a, p),
                       2 * a->units, a->nv);
}

/* What the places' odds are wanted to be, less their mean by the odds, times the odds:
 * the deltas of the products. */
static void back_softmax(const nr_attention *a, const float *want_seen) {
    float mean[NR_LANES] = {0};
    for (size_t p = 0; p < a->places; p++) {
        float *want = a->want_odds + p * NR_LANES;
        const float *odds = a->odds + p * NR_LANES;
        a->k->match(want, want_seen, notes_at(a, p), NULL, 2 * a->units, a->nv);
        for (size_t l = 0; l < a->nv * 16; l++) mean[l] += odds[l] * want[l];
    }
    for (size_t p = 0; p < a->places; p++)
        for (size_t l = 0; l < a->nv * 16; l++) {
            size_t at = p * NR_LANES + l;
            a->want_odds[at] = a->odds[at] * (a->want_odds[at] - mean[l]);
        }
}

/* Through the product, by its delta in each lane, and through the sum by odds. */
void nr_attention_back(const nr_attention *a, const float *state,
                       const float *want_seen, float *want_notes,
                       float *want_state) {
    back_softmax(a, want_seen);
    for (size_t p = 0; p < a->places; p++) {
        const float *notes = notes_at(a, p);
        nr_match m = {.units = a->units, .nv = a->nv,
                      .odds = a->odds + p * NR_LANES,
                      .product = a->want_odds + p * NR_LANES, .notes = notes,
                      .state = state, .want_seen = want_seen,
                      .want_notes = want_notes + (notes - a->notes),
                      .want_state = want_state};
        a->k->match_back(&m);
    }
}
