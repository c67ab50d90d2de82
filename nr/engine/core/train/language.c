/* See language.h. */

#include <math.h>
#include <string.h>

#include "encode/symbols.h"
#include "float_mode.h"
#include "layers/recurrent.h"
#include "layers/stream.h"
#include "train/language.h"
#include "train/learner.h"
#include "train/recurrent.h"

enum {
    UNITS = 128,       /* of the layer, where nobody gave any */
    BATCH = 20,        /* parts that are read side by side */
    UNROLL = 20,
    TESTED_AT_ONCE = 16, /* parts of the testing stream, */
    LEAST_TESTED = 1000, /* each of so many symbols */
    MOST_BATCH = 4096,
    MOST_UNROLL = 1024,
    CYCLES = 8,        /* where no other number is given: */
    STEPS = 2000,      /* more of them where these are fewer steps in all, */
    MOST_CYCLES = 200
};
static const double RATE[] = {[NR_ADAM] = 0.002, [NR_SGD] = 1}, CLIP = 5;
static const double WIDE = 2000, MOST_DROPOUT = 0.5;

/* ================================= Making ================================ */

static size_t batch_for(const nr_options *o, size_t symbols) {
    size_t batch = o->batch > 0 ? (size_t)o->batch : BATCH;
    if (batch > MOST_BATCH) batch = MOST_BATCH;
    return batch < symbols ? batch : symbols;
}

static size_t unroll_for(const nr_options *o) {
    if (o->unroll <= 0) return UNROLL;
    return o->unroll < MOST_UNROLL ? (size_t)o->unroll : MOST_UNROLL;
}

/* Of a network that tells so many symbols. */
static nr_header header_for(const nr_net *net, size_t symbols) {
    nr_header h = net->h;
    nr_recurrent *r = &h.recurrent;
    size_t given = net->schema->layout == NR_LAYOUT_GIVEN ? h.nlayers - 2 : 0;
    *r = (nr_recurrent){.cell = h.options.cell, .fields = 1, .layers = 1};
    if (given) r->layers = given < NR_MAX_RECURRENT ? given : NR_MAX_RECURRENT;
    r->units[0] = UNITS;
    for (size_t l = 0; l < r->layers && given; l++) r->units[l] = h.layers[1 + l];
    r->of[0].symbols = (uint32_t)symbols - 1;
    r->of[0].width = r->units[r->layers - 1];
    h.kind = NR_CLASSIFIER;
    h.options.loss = NR_CROSSENTROPY;
    h.options.members = 1;
    h.options.normalize = false;
    h.nlayers = 2;
    h.layers[0] = r->of[0].width;
    h.layers[1] = (uint32_t)symbols;
    h.records = NR_FIXED;
    h.bytes[0] = h.bytes[1] = 0;
    h.maxlen[0] = h.maxlen[1] = h.len[0] = h.len[1] = 0;
    h.trained = false;
    return h;
}

static nr_bytes get_record(const void *context, size_t dataset, size_t i) {
    return nr_record_at(context, (nr_dataset_id)dataset, i);
}

static bool begins_afresh(const nr_net *net, const nr_command *cmd) {
    nr_ending ending = net->h.stats.ending;
    bool done = ending == NR_ENDED_AUTOSTOP || ending == NR_ENDED_CYCLES;
    return !net->inner || (cmd->backtrack && done);
}

/* Another one of the same symbols, for a training that goes on: its baseline is
 * that of the samples there are now. */
static nr_encoding *same_symbols(const nr_encoding *e) {
    nr_terms others = {0};
    bool ok = true;
    for (size_t i = NR_OWN_SYMBOLS; i < e->classes.n && ok; i++)
        ok = nr_terms_add(&others, nr_terms_text(&e->classes, i)) >= 0;
    nr_encoding *made = ok ? nr_encoding_of_symbols(e->schema, &others) : NULL;
    nr_terms_free(&others);
    return made;
}

static nr_status read_streams(const nr_net *net, bool afresh, nr_encoding **e,
                              nr_language *lm, nr_error *err) {
    nr_records records = {net->schema, {net->h.len[0], net->h.len[1]},
                          get_record, net, (size_t)net->h.options.vocabulary,
                          false};
    nr_status status = NR_OK;
    if (afresh)
        status = nr_symbols_fit(&records, e, err);
    else if (!(*e = same_symbols(net->encoding)))
        status = nr_nomem(err);
    if (status == NR_OK)
        status = nr_symbols_read(*e, &records, 0, &lm->learned, err);
    if (status == NR_OK)
        status = nr_symbols_read(*e, &records, 1, &lm->tested, err);
    if (status != NR_OK) return status;
    (*e)->tested = lm->tested.n;
    return nr_symbols_baseline(&lm->learned, &lm->tested, (*e)->classes.n,
                               &(*e)->baseline)
               ? NR_OK
               : nr_nomem(err);
}

/* Parts that may be read at once. */
static size_t most_parts(size_t batch) {
    return batch > TESTED_AT_ONCE ? batch : TESTED_AT_ONCE;
}

static bool make_room(nr_trainer *t, nr_language *lm) {
    nr_stream *s = &lm->stream;
    nr_stream_shape(s, t->plan, t->fields->h.options.tied,
                    most_parts(t->batch), unroll_for(&t->net->h.options));
    size_t rows = s->most_parts * s->unroll;
    t->params = s->floats;
    lm->memory = nr_alloc_lines(nr_stream_memory(s), sizeof(float));
    lm->w = nr_alloc_lines(s->floats, sizeof(float));
    lm->g = nr_alloc_lines(s->floats, sizeof(float));
    lm->ids = nr_alloc(2 * rows * sizeof *lm->ids);
    lm->counts = nr_alloc(rows * sizeof *lm->counts);
    lm->touched = nr_alloc(s->symbols * sizeof *lm->touched);
    lm->touches = nr_alloc(s->symbols * sizeof *lm->touches);
    lm->squares = nr_alloc(nr_language_blocks(s->floats) * sizeof *lm->squares);
    double work = (double)(rows * t->plan->params);
    t->team = nr_team_new(work < NR_SHARED_WORK
                              ? 1
                              : (size_t)t->fields->h.options.threads);
    if (!lm->memory || !lm->w || !lm->g || !lm->ids || !lm->counts ||
        !lm->touched || !lm->touches || !lm->squares || !t->team)
        return false;
    nr_stream_place(s, lm->memory, lm->touched, lm->touches);
    memset(lm->g, 0, s->floats * sizeof *lm->g);
    s->k = t->k;
    s->team = t->team;
    s->ids = lm->ids;
    s->next = lm->ids + rows;
    s->counts = lm->counts;
    return true;
}

static void fill(float *x, size_t n, float value) {
    for (size_t i = 0; i < n; i++) x[i] = value;
}

/* Evenly from -most to most. */
static void fill_evenly(float *x, size_t n, double most, uint64_t key) {
    for (size_t i = 0; i < n; i++) {
        double u = (double)(nr_mix(key + i) >> 11) * 0x1p-53;
        x[i] = (float)((2 * u - 1) * most);
    }
}

static void init_weights(nr_trainer *t) {
    const nr_header *h = &t->net->h;
    nr_weights_init(t->net, t->weights->data);
    t->f = nr_factors_of(h, t->weights->data);
    if (h->options.init > 0)
        fill_evenly(t->f.layers, t->plan->params, h->options.init,
                    nr_mix(h->options.seed ^ nr_mix(h->resets)));
}

static bool make_weights(nr_trainer *t, const nr_net *net, bool afresh) {
    nr_header *h = &t->net->h;
    nr_member *m = &t->members[0];
    t->weights = nr_array_new(nr_weights_len(h));
    t->keeping = nr_alloc_lines(3 * t->params, sizeof(float));
    if (!t->weights || !t->keeping) return false;
    if (afresh)
        init_weights(t);
    else
        memcpy(t->weights->data, atomic_load(&net->inner->weights)->data,
               t->weights->n * sizeof(float));
    t->f = nr_factors_of(h, t->weights->data);
    fill(t->f.in_shift, h->layers[0], 0), fill(t->f.in_scale, h->layers[0], 1);
    fill(t->f.out_shift, h->layers[1], 0), fill(t->f.out_scale, h->layers[1], 1);
    nr_stream_take(&t->language->stream, t->f.layers, t->language->w);
    *m = (nr_member){.w = t->language->w, .best = t->keeping,
                     .memory = {t->keeping + t->params,
                                t->keeping + 2 * t->params},
                     .best_test = INFINITY};
    memcpy(m->best, m->w, t->params * sizeof *m->w);
    t->count = 1;
    t->now = m;
    nr_member_begin(t, m);
    if (h->options.optimizer == NR_RPROP)
        fill(m->memory[1], t->params, (float)t->rate);
    return true;
}

static uint64_t usual_cycles(const nr_trainer *t) {
    const nr_options *o = &t->net->h.options;
    size_t each = t->batch * unroll_for(o);
    size_t steps = (t->language->learned.n + each - 1) / each;
    size_t cycles = STEPS / steps;
    return cycles < CYCLES ? CYCLES : cycles < MOST_CYCLES ? cycles : MOST_CYCLES;
}

/* The wider a layer, the more it learns by heart. */
static double usual_dropout(const nr_trainer *t) {
    double part = (double)t->net->h.layers[0] / WIDE;
    return part < MOST_DROPOUT ? part : MOST_DROPOUT;
}

static void take_options(nr_trainer *t, const nr_command *cmd) {
    const nr_options *o = &t->net->h.options;
    t->maxtime = cmd->maxtime;
    t->autostop = cmd->autostop;
    t->backtrack = cmd->autostop && cmd->backtrack;
    t->stride = 1;
    t->rate_now = 1;
    t->momentum = 0;
    t->rate = o->learnrate;
    if (o->learnrate < 0)
        t->rate = o->optimizer == NR_RPROP ? 0.01 : RATE[o->optimizer];
    t->clip = o->clip > 0 ? o->clip : CLIP;
    t->dropout = o->dropout >= 0 ? o->dropout : usual_dropout(t);
    t->l2 = o->l2 > 0 ? o->l2 : 0;
    t->batch = batch_for(o, t->language->learned.n);
    t->maxcycles = cmd->maxcycles ? cmd->maxcycles : usual_cycles(t);
    t->train.n = t->language->learned.n;
    t->test.n = t->language->tested.n;
}

void nr_language_read(nr_trainer *t, const nr_symbol_stream *of, size_t parts) {
    nr_reader *r = &t->language->reader;
    *r = (nr_reader){.of = of, .parts = parts};
    r->each = (of->n + parts - 1) / parts;
    nr_stream_begin(&t->language->stream, parts);
}

size_t nr_language_tested_parts(size_t symbols) {
    size_t parts = symbols / LEAST_TESTED;
    return parts < 1 ? 1 : parts < TESTED_AT_ONCE ? parts : TESTED_AT_ONCE;
}

static nr_status set_up(nr_trainer *t, const nr_net *net, const nr_command *cmd,
                        nr_error *err) {
    bool afresh = begins_afresh(net, cmd);
    nr_status status = read_streams(net, afresh, &t->encoding, t->language, err);
    if (status != NR_OK) return status;
    nr_header h = header_for(net, t->encoding->classes.n);
    if (!afresh) h.options.seed = net->inner->h.options.seed;
    status = nr_shape_check(h.kind, h.nlayers, h.layers, h.options.members,
                            h.maxlen, err);
    if (status == NR_OK) status = nr_recurrent_check(&h, err);
    if (status != NR_OK) return status;
    if (!(t->net = nr_net_new(&h))) return nr_nomem(err);
    t->k = nr_kernels_now();
    t->head = NR_SOFTMAX;
    t->plan = t->net->plan;
    t->goes_on = !afresh;
    take_options(t, cmd);
    if (!make_room(t, t->language) || !make_weights(t, net, afresh))
        return nr_nomem(err);
    nr_language_read(t, &t->language->learned, t->batch);
    return NR_OK;
}

nr_status nr_language_create(const nr_net *net, const nr_command *cmd,
                             nr_trainer **out, nr_error *err) {
    nr_trainer *t = nr_alloc(sizeof *t);
    if (!t) return nr_nomem(err);
    memset(t, 0, sizeof *t);
    t->language = nr_alloc(sizeof *t->language);
    t->fields = nr_net_bare(net);
    nr_status status = t->language && t->fields ? NR_OK : nr_nomem(err);
    if (t->language) *t->language = (nr_language){0};
    if (status == NR_OK) status = set_up(t, net, cmd, err);
    if (status == NR_OK)
        *out = t;
    else
        nr_trainer_free(t);
    return status;
}

void nr_language_free(nr_language *lm) {
    if (!lm) return;
    nr_release(lm->learned.ids);
    nr_release(lm->tested.ids);
    nr_release_lines(lm->memory);
    nr_release_lines(lm->w);
    nr_release_lines(lm->g);
    nr_release(lm->ids);
    nr_release(lm->counts);
    nr_release(lm->touched);
    nr_release(lm->touches);
    nr_release(lm->squares);
    nr_release(lm);
}

/* A symbol is two bytes of a record or more. */
uint64_t nr_language_bytes(const nr_net *net) {
    enum { SHORTEST = 2, TIMES_PAIRS = 3 };
    size_t symbols = (size_t)net->h.options.vocabulary + 1;
    uint64_t texts = (net->h.bytes[0] + net->h.bytes[1]) / SHORTEST;
    nr_header h = header_for(net, symbols);
    nr_net *like = nr_net_new(&h);
    if (!like) return 0; /* then there is no memory for the training either */
    nr_stream s;
    size_t batch = batch_for(&h.options, MOST_BATCH);
    nr_stream_shape(&s, like->plan, h.options.tied, most_parts(batch),
                    unroll_for(&h.options));
    uint64_t floats = 5 * (uint64_t)s.floats + nr_weights_len(&h) +
                      nr_stream_memory(&s) + 2 * symbols +
                      3 * (uint64_t)s.most_parts * s.unroll;
    nr_net_free(like);
    return sizeof(nr_trainer) + floats * sizeof(float) +
           texts * TIMES_PAIRS * sizeof(uint64_t);
}
