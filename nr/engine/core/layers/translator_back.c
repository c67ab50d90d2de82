/* The way back through a translator: see translator.h. */

#include <string.h>

#include "layers/layer.h"
#include "layers/recurrent.h"
#include "layers/translating.h"

static void add_to(float *to, const float *from, size_t units, size_t nv) {
    for (size_t u = 0; u < units; u++)
        for (size_t l = 0; l < nv * 16; l++)
            to[u * NR_LANES + l] += from[u * NR_LANES + l];
}

void nr_translator_ask(nr_translator *s, const float *w, float *g, size_t t) {
    const nr_op *join = &s->plan->ops[0], *softmax = &s->plan->ops[1];
    size_t first[NR_LANES], nv = s->lanes.nv, layers = s->tracks[NR_TELLS].n;
    nr_attention a = nr_translator_attention(s, first);
    float *want = s->want + t * s->units * NR_LANES;
    s->k->gradient(g + softmax->at, s->kept, 0, s->y, 0, 1, nv, 0, softmax->in,
                   softmax->out);
    nr_dense_backward(s->k, softmax, w + softmax->at, s->y, s->want_top, nv);
    nr_translator_drop(s, s->want_top, s->units, nr_dropped(NR_TELLS, layers), t);
    s->k->derive(s->want_top, s->top, s->units, nv, NR_TANH);
    s->k->gradient(g + join->at, s->joined, 0, s->want_top, 0, 1, nv, 0, join->in,
                   join->out);
    nr_dense_backward(s->k, join, w + join->at, s->want_top, s->want_joined, nv);
    nr_copy_lanes(want, s->want_joined, s->units, nv);
    nr_attention_back(&a, s->joined, s->want_joined + s->units * NR_LANES,
                      s->want_notes, want);
}

static void clear_deltas(const nr_track *track) {
    for (size_t i = 0; i < track->n; i++) {
        const nr_track_cell *c = &track->cells[i];
        nr_clear_lanes(c->delta, c->units, 0, NR_LANES / 16);
        nr_clear_lanes(c->carry, c->units, 0, NR_LANES / 16);
    }
}

/* A step of a stack, of which `more` is wanted of the last layer's output. */
static void back_stack(const nr_translator *s, size_t which, const float *w,
                       const nr_track_lanes *lanes, size_t slot, size_t t,
                       const float *more) {
    const nr_track *track = &s->tracks[which];
    for (size_t i = track->n; i-- > 0;) {
        const nr_track_cell *c = &track->cells[i];
        nr_cell_back(s->k, c, w, lanes, slot, more);
        nr_translator_drop(s, nr_back_at(c, slot), c->in, nr_dropped(which, i), t);
        more = nr_back_at(c, slot);
    }
}

/* Adds a step's deltas to the rows of its symbols. */
static void embed_gradient(const nr_translator *s, size_t which, float *g,
                           size_t slot, const uint32_t *ids) {
    const nr_track *track = &s->tracks[which];
    const float *d = nr_back_at(&track->cells[0], slot);
    for (size_t l = 0; l < s->lanes.nv * 16; l++) {
        float *row = g + track->embed->at + (size_t)ids[l] * track->width;
        for (size_t i = 0; i < track->width; i++) row[i] += d[i * NR_LANES + l];
    }
}

static void cell_gradients(const nr_translator *s, size_t which, float *g,
                           size_t slot, size_t n) {
    for (size_t i = 0; i < s->tracks[which].n; i++) {
        const nr_track_cell *c = &s->tracks[which].cells[i];
        const nr_op *ops[] = {c->op, c->state_op};
        for (size_t o = 0; o < 2 && ops[o]; o++)
            nr_cell_gradient(s->k, c, ops[o], g + ops[o]->at, slot, n,
                             s->lanes.nv, 0, ops[o]->in);
    }
}

/* What is wanted of a step that reads, by the places of its lanes. */
static const float *wanted(const nr_translator *s, size_t which, size_t t) {
    size_t place = 2 * s->units * NR_LANES, half = place / 2;
    if (which == NR_READS_ON) return s->want_notes + t * place;
    nr_clear_lanes(s->want_top, s->units, 0, s->lanes.nv);
    for (size_t l = 0; l < s->n; l++) {
        if (s->in[l].n + t < s->places) continue;
        const float *from = s->want_notes + nr_reading_place(s, l, t) * place +
                            half + l;
        for (size_t u = 0; u < s->units; u++)
            s->want_top[u * NR_LANES + l] = from[u * NR_LANES];
    }
    return s->want_top;
}

static void back_reading(const nr_translator *s, size_t which, const float *w,
                         float *g) {
    nr_track_lanes lanes;
    uint32_t ids[NR_LANES];
    for (size_t t = s->places; t-- > 0;) {
        nr_reading_lanes(s, t, &lanes);
        nr_reading_ids(s, which, t, ids);
        back_stack(s, which, w, &lanes, t, t, wanted(s, which, t));
        embed_gradient(s, which, g, t, ids);
    }
    cell_gradients(s, which, g, 0, s->places);
}

/* The deltas of where telling began are those of where reading backwards ended. */
static void hand_back(const nr_translator *s) {
    clear_deltas(&s->tracks[NR_READS_BACK]);
    for (size_t i = 0; i < s->tracks[NR_TELLS].n; i++) {
        const nr_track_cell *from = &s->tracks[NR_TELLS].cells[i];
        const nr_track_cell *to = &s->tracks[NR_READS_BACK].cells[i];
        add_to(to->delta, from->delta, to->units, s->lanes.nv);
        add_to(to->carry, from->carry, to->units, s->lanes.nv);
    }
}

void nr_translator_backward(nr_translator *s, const float *w, float *g,
                            size_t n, const uint32_t *before) {
    clear_deltas(&s->tracks[NR_TELLS]);
    for (size_t t = n; t-- > 0;) {
        back_stack(s, NR_TELLS, w, &s->lanes, t + 1, t,
                   s->want + t * s->units * NR_LANES);
        embed_gradient(s, NR_TELLS, g, t + 1, before + t * NR_LANES);
    }
    cell_gradients(s, NR_TELLS, g, 1, n);
    hand_back(s);
    clear_deltas(&s->tracks[NR_READS_ON]);
    back_reading(s, NR_READS_ON, w, g);
    back_reading(s, NR_READS_BACK, w, g);
}
