/* See translator.h. The way back is in translator_back.c. */

#include <string.h>

#include "layers/attention.h"
#include "layers/layer.h"
#include "layers/packed.h"
#include "layers/recurrent.h"
#include "layers/translator.h"
#include "layers/translating.h"

bool nr_translates(const nr_plan *plan) {
    const nr_recurrent *r = &plan->recurrent;
    size_t units = nr_state_units(r);
    return r->fields == NR_TRANSLATING && plan->n == 3 &&
           plan->ops[0].in == NR_TRANSLATING * units &&
           plan->ops[0].out == units && plan->ops[0].activation == NR_TANH;
}

/* ================================ Memory ================================= */

/* The decoder's first step is kept behind an empty one, through which the way back
 * goes to where the encoder has ended. */
static size_t unroll_of(size_t places, size_t told) {
    if (!told) return 0;
    return places > told + 1 ? places : told + 1;
}

size_t nr_translator_floats(const nr_plan *plan, size_t places, size_t told) {
    size_t units = nr_state_units(&plan->recurrent);
    size_t lanes = places * (2 * units + 1) + 5 * units + plan->ops[1].out;
    if (told) lanes += told * units + places * (2 * units + 1) + 4 * units;
    return nr_frame_floats(plan, unroll_of(places, told)) + lanes * NR_LANES;
}

static float *take(float **memory, size_t units) {
    float *at = *memory;
    *memory += units * NR_LANES;
    return at;
}

void nr_translator_make(nr_translator *s, const nr_kernels *k,
                        const nr_plan *plan, size_t places, size_t told,
                        float *memory) {
    size_t unroll = unroll_of(places, told);
    size_t units = nr_state_units(&plan->recurrent);
    *s = (nr_translator){.k = k, .plan = plan, .units = units, .learn = told > 0};
    for (size_t f = 0; f < NR_TRANSLATING; f++)
        s->tracks[f] = nr_track_in(plan, f, unroll, memory);
    memory += nr_frame_floats(plan, unroll);
    s->notes = take(&memory, places * 2 * units);
    s->odds = take(&memory, places);
    s->joined = take(&memory, 3 * units);
    s->top = take(&memory, units);
    s->kept = take(&memory, units);
    s->y = take(&memory, plan->ops[1].out);
    if (!told) return;
    s->want = take(&memory, told * units);
    s->want_notes = take(&memory, places * 2 * units);
    s->want_odds = take(&memory, places);
    s->want_joined = take(&memory, 3 * units);
    s->want_top = take(&memory, units);
}

void nr_translator_pack(const nr_plan *plan, const float *w, size_t op,
                        float *packed) {
    const nr_op *o = &plan->ops[op];
    if (o->params && o->layer != &nr_layer_embed)
        nr_pack_weights(o, w + o->at, packed + o->at);
}

/* ================================ Forward ================================ */

/* What is left out follows from where it is; on the way back its delta is, too. */
void nr_translator_drop(const nr_translator *s, float *x, size_t units,
                        size_t layer, size_t t) {
    uint64_t out = (uint64_t)(s->dropout * 0x1p32);
    uint64_t step = nr_mix(nr_mix(s->key + layer) + t);
    float kept = (float)(1 / (1 - s->dropout));
    for (size_t l = 0; l < s->lanes.nv * 16 && out; l++) {
        uint64_t lane = nr_mix(step + l);
        for (size_t i = 0; i < units; i += 2) {
            uint64_t two = nr_mix(lane + i);
            x[i * NR_LANES + l] *= two >> 32 < out ? 0 : kept;
            if (i + 1 < units)
                x[(i + 1) * NR_LANES + l] *= (two & 0xffffffff) < out ? 0 : kept;
        }
    }
}

static void embed(const nr_translator *s, const nr_track *track, const float *w,
                  const uint32_t *ids, float *x) {
    for (size_t l = 0; l < s->lanes.nv * 16; l++) {
        const float *row = w + track->embed->at + (size_t)ids[l] * track->width;
        for (size_t i = 0; i < track->width; i++) x[i * NR_LANES + l] = row[i];
    }
}

/* A step of a stack of layers on its symbols, from what slot `from` holds. */
static void run_stack(const nr_translator *s, size_t which, const float *w,
                      const nr_track_lanes *lanes, const uint32_t *ids,
                      size_t from, size_t to, size_t sums, size_t t) {
    const nr_track *track = &s->tracks[which];
    embed(s, track, w, ids, nr_inputs_at(&track->cells[0], from));
    for (size_t i = 0; i < track->n; i++) {
        const nr_track_cell *c = &track->cells[i];
        if (i)
            nr_copy_lanes(nr_inputs_at(c, from), nr_outputs_at(c - 1, to), c->in,
                          lanes->nv);
        nr_translator_drop(s, nr_inputs_at(c, from), c->in,
                           nr_dropped(which, i), t);
        nr_cell_run(s->k, c, w, s->packed, lanes, from, to, sums);
    }
}

/* ================================ Reading ================================ */

bool nr_reading_lanes(const nr_translator *s, size_t t, nr_track_lanes *lanes) {
    lanes->nv = s->lanes.nv;
    lanes->all = true;
    for (size_t l = 0; l < lanes->nv * 16; l++) {
        bool begun = l < s->n && s->in[l].n + t >= s->places;
        lanes->mask[l] = begun;
        lanes->all = lanes->all && begun;
    }
    return lanes->all;
}

void nr_reading_ids(const nr_translator *s, size_t which, size_t t,
                    uint32_t ids[NR_LANES]) {
    for (size_t l = 0; l < s->lanes.nv * 16; l++) {
        bool begun = l < s->n && s->in[l].n + t >= s->places;
        size_t at = which == NR_READS_ON && begun ? s->in[l].n + t - s->places
                                                  : s->places - 1 - t;
        ids[l] = begun ? s->in[l].ids[at] : NR_UNKNOWN_SYMBOL;
    }
}

/* Which place a step of reading backwards is at, in a lane. */
size_t nr_reading_place(const nr_translator *s, size_t lane, size_t t) {
    return 2 * s->places - 1 - s->in[lane].n - t;
}

static void take_notes(const nr_translator *s, size_t which, size_t t,
                       const float *out) {
    size_t place = 2 * s->units * NR_LANES, half = place / 2;
    if (which == NR_READS_ON) {
        nr_copy_lanes(s->notes + t * place, out, s->units, s->lanes.nv);
        return;
    }
    for (size_t l = 0; l < s->n; l++) {
        if (s->in[l].n + t < s->places) continue;
        float *to = s->notes + nr_reading_place(s, l, t) * place + half + l;
        for (size_t u = 0; u < s->units; u++)
            to[u * NR_LANES] = out[u * NR_LANES + l];
    }
}

static void clear_states(const nr_track *track, size_t slot) {
    for (size_t i = 0; i < track->n; i++) {
        const nr_track_cell *c = &track->cells[i];
        nr_clear_lanes(nr_outputs_at(c, slot), c->units, 0, NR_LANES / 16);
        if (c->lstm)
            nr_clear_lanes(nr_state_at(c, slot), c->units, 0, NR_LANES / 16);
    }
}

static void read_all(nr_translator *s, size_t which, const float *w) {
    const nr_track *track = &s->tracks[which];
    nr_track_lanes lanes;
    uint32_t ids[NR_LANES];
    clear_states(track, 0);
    for (size_t t = 0; t < s->places; t++) {
        size_t from = s->learn ? t : t & 1, to = s->learn ? t + 1 : ~t & 1;
        nr_reading_lanes(s, t, &lanes);
        nr_reading_ids(s, which, t, ids);
        run_stack(s, which, w, &lanes, ids, from, to, s->learn ? t : 0, t);
        take_notes(s, which, t, nr_outputs_at(&track->cells[track->n - 1], to));
    }
}

/* What tells begins where reading backwards has ended. */
static void hand_over(nr_translator *s) {
    size_t ended = s->learn ? s->places : s->places & 1;
    for (size_t i = 0; i < s->tracks[NR_TELLS].n; i++) {
        const nr_track_cell *from = &s->tracks[NR_READS_BACK].cells[i];
        const nr_track_cell *to = &s->tracks[NR_TELLS].cells[i];
        size_t slot = nr_telling_slot(s, 0);
        nr_copy_lanes(nr_outputs_at(to, slot), nr_outputs_at(from, ended),
                      to->units, s->lanes.nv);
        if (to->lstm)
            nr_copy_lanes(nr_state_at(to, slot), nr_state_at(from, ended),
                          to->units, s->lanes.nv);
    }
}

void nr_translator_read(nr_translator *s, const float *w, const nr_phrase *in,
                        size_t n) {
    s->n = n;
    s->places = 0;
    s->lanes = (nr_track_lanes){.nv = (n + 15) / 16, .all = true};
    for (size_t l = 0; l < n; l++) {
        s->in[l] = in[l];
        if (in[l].n > s->places) s->places = in[l].n;
    }
    size_t notes = s->places * 2 * s->units * NR_LANES;
    memset(s->notes, 0, notes * sizeof(float));
    if (s->learn) memset(s->want_notes, 0, notes * sizeof(float));
    read_all(s, NR_READS_ON, w);
    read_all(s, NR_READS_BACK, w);
    hand_over(s);
}

/* ================================ Telling ================================ */

nr_attention nr_translator_attention(const nr_translator *s,
                                     size_t first[NR_LANES]) {
    for (size_t l = 0; l < NR_LANES; l++)
        first[l] = l < s->n ? s->places - s->in[l].n : 0;
    return (nr_attention){.k = s->k, .places = s->places, .units = s->units,
                          .nv = s->lanes.nv, .first = first,
                          .notes = s->notes, .odds = s->odds,
                          .want_odds = s->want_odds};
}

static void sum_up(const nr_translator *s, const nr_op *op, const float *w,
                   const float *x, float *y) {
    nr_packed_forward(s->k, op, w + op->at, s->packed ? s->packed + op->at : NULL,
                      x, y, s->lanes.nv);
}

void nr_translator_step(nr_translator *s, const float *w, size_t t,
                        const uint32_t *before) {
    const nr_op *join = &s->plan->ops[0], *softmax = &s->plan->ops[1];
    const nr_track *track = &s->tracks[NR_TELLS];
    size_t first[NR_LANES], nv = s->lanes.nv, to = nr_telling_slot(s, t + 1);
    nr_attention a = nr_translator_attention(s, first);
    run_stack(s, NR_TELLS, w, &s->lanes, before, nr_telling_slot(s, t), to,
              s->learn ? t + 1 : 0, t);
    nr_copy_lanes(s->joined, nr_outputs_at(&track->cells[track->n - 1], to),
                  s->units, nv);
    nr_attention_look(&a, s->joined, s->joined + s->units * NR_LANES);
    sum_up(s, join, w, s->joined, s->top);
    nr_dense_activate(s->k, join, s->top, nv);
    nr_copy_lanes(s->kept, s->top, s->units, nv);
    nr_translator_drop(s, s->kept, s->units, nr_dropped(NR_TELLS, track->n), t);
    sum_up(s, softmax, w, s->kept, s->y);
}

nr_losses nr_translator_loss(nr_translator *s, const nr_target *target) {
    return s->k->loss(s->y, NR_SOFTMAX, target);
}

static void move_lanes(float *x, size_t units, size_t n,
                       const uint8_t from[NR_LANES]) {
    float row[NR_LANES];
    for (size_t u = 0; u < units; u++, x += NR_LANES) {
        memcpy(row, x, n * sizeof *row);
        for (size_t l = 0; l < n; l++) x[l] = row[from[l]];
    }
}

void nr_translator_move(nr_translator *s, size_t t, const uint8_t from[NR_LANES]) {
    size_t slot = nr_telling_slot(s, t + 1);
    for (size_t i = 0; i < s->tracks[NR_TELLS].n; i++) {
        const nr_track_cell *c = &s->tracks[NR_TELLS].cells[i];
        move_lanes(nr_outputs_at(c, slot), c->units, s->n, from);
        if (c->lstm) move_lanes(nr_state_at(c, slot), c->units, s->n, from);
    }
}
