/* See translate.h. */

#include <math.h>
#include <string.h>

#include "layers/recurrent.h"
#include "train/recurrent.h"
#include "train/translate.h"

enum {
    UNITS = 128,        /* of the layers, where nobody gave any, */
    MORE_UNITS = 320,   /* and of so many samples or more: */
    MANY_SAMPLES = 20000,
    EMBEDDED = 64,      /* numbers of a symbol at most */
    LEAST_BATCH = 16,   /* mini-batches: a part of the samples, so many at least, */
    PART_BATCH = 64,
    BATCH = 128,        /* and at most */
    MOST_BATCH = 1024,
    CYCLES = 20,        /* where no other number is given: */
    STEPS = 6000,       /* more of them where these are fewer steps in all, */
    MOST_CYCLES = 200
};
static const double RATE[] = {[NR_ADAM] = 0.002, [NR_SGD] = 1};
static const double CLIP = 5, DROPOUT = 0.2;

/* ================================= Making ================================ */

static size_t batch_for(const nr_options *o, size_t samples) {
    size_t batch = samples / PART_BATCH;
    if (batch < LEAST_BATCH) batch = LEAST_BATCH;
    if (batch > BATCH) batch = BATCH;
    if (o->batch > 0) batch = (size_t)o->batch;
    if (batch > MOST_BATCH) batch = MOST_BATCH;
    return batch < samples ? batch : samples;
}

static uint32_t usual_units(const nr_net *net) {
    return net->h.len[NR_DATASET_TRAIN] < MANY_SAMPLES ? UNITS : MORE_UNITS;
}

/* Of a network that reads and tells so many symbols. */
static nr_header header_for(const nr_net *net, size_t read, size_t told) {
    nr_header h = net->h;
    nr_recurrent *r = &h.recurrent;
    size_t given = net->schema->layout == NR_LAYOUT_GIVEN ? h.nlayers - 2 : 0;
    *r = (nr_recurrent){.cell = h.options.cell, .fields = NR_TRANSLATING,
                        .layers = 1};
    if (given) r->layers = given < NR_MAX_RECURRENT ? given : NR_MAX_RECURRENT;
    r->units[0] = usual_units(net);
    for (size_t l = 0; l < r->layers && given; l++) r->units[l] = h.layers[1 + l];
    uint32_t units = r->units[r->layers - 1];
    for (size_t f = 0; f < NR_TRANSLATING; f++) {
        r->of[f].symbols = (uint32_t)(f == NR_TELLS ? told - 1 : read);
        r->of[f].width = r->units[0] < EMBEDDED ? r->units[0] : EMBEDDED;
    }
    h.kind = NR_CLASSIFIER;
    h.options.loss = NR_CROSSENTROPY;
    h.options.activation = NR_TANH;
    h.options.members = 1;
    h.options.normalize = false;
    h.nlayers = 3;
    h.layers[0] = NR_TRANSLATING * units;
    h.layers[1] = units;
    h.layers[2] = (uint32_t)told;
    h.records = NR_FIXED;
    h.bytes[0] = h.bytes[1] = 0;
    h.maxlen[0] = h.maxlen[1] = h.len[0] = h.len[1] = 0;
    h.trained = false;
    return h;
}

static nr_bytes get_record(const void *context, size_t dataset, size_t i) {
    return nr_record_at(context, (nr_dataset_id)dataset, i);
}

static nr_records records_of(const nr_net *net) {
    return (nr_records){net->schema, {net->h.len[0], net->h.len[1]}, get_record,
                        net, (size_t)net->h.options.vocabulary, false};
}

static bool begins_afresh(const nr_net *net, const nr_command *cmd) {
    nr_ending ending = net->h.stats.ending;
    bool done = ending == NR_ENDED_AUTOSTOP || ending == NR_ENDED_CYCLES;
    return !net->inner || (cmd->backtrack && done);
}

/* Another one alike, for a training that goes on: what it is measured by is that of
 * the samples there are now. */
static nr_status same_encoding(const nr_encoding *e, nr_encoding **out,
                               nr_error *err) {
    nr_buf bytes = {0};
    nr_status status = nr_encoding_put(e, &bytes) ? NR_OK : nr_nomem(err);
    nr_cursor c = {bytes.data, bytes.data + bytes.len, false};
    if (status == NR_OK) status = nr_encoding_get(&c, NR_GENERATOR, out, err);
    nr_buf_free(&bytes);
    return status;
}

static void count_symbols(nr_translation *tr) {
    tr->places = tr->told = 1;
    for (size_t d = 0; d < 2; d++) {
        const nr_phrases *p = &tr->phrases[d];
        if (p->longest[0] > tr->places) tr->places = p->longest[0];
        if (p->longest[1] + 1 > tr->told) tr->told = p->longest[1] + 1;
        for (size_t i = 0; i < p->n; i++)
            tr->symbols[d] += nr_phrase_of(p, i, 1).n + 1;
    }
}

static nr_status read_samples(const nr_net *net, bool afresh, nr_encoding **e,
                              nr_translation *tr, nr_error *err) {
    nr_records records = records_of(net);
    nr_status status = afresh ? nr_phrases_fit(&records, e, err)
                              : same_encoding(net->encoding, e, err);
    for (size_t d = 0; d < 2 && status == NR_OK; d++)
        status = nr_phrases_read(*e, &records, d, &tr->phrases[d], err);
    if (status == NR_OK) count_symbols(tr);
    return status;
}

static bool make_booths(nr_trainer *t, nr_translation *tr) {
    size_t floats = nr_translator_floats(t->plan, tr->places, tr->told);
    size_t each = (t->params + 31) / 16 * 16;
    size_t ids = tr->told * NR_LANES;
    tr->nbooths = nr_panels_for(t->batch);
    floats = (floats + 15) / 16 * 16;
    tr->booths = nr_alloc(tr->nbooths * sizeof *tr->booths);
    tr->memory = nr_alloc_lines(tr->nbooths * floats, sizeof(float));
    tr->gradients = nr_alloc_lines(tr->nbooths * each, sizeof(float));
    if (!tr->booths || !tr->memory || !tr->gradients) return false;
    memset(tr->booths, 0, tr->nbooths * sizeof *tr->booths);
    memset(tr->memory, 0, tr->nbooths * floats * sizeof(float));
    for (size_t i = 0; i < tr->nbooths; i++) {
        nr_booth *b = &tr->booths[i];
        nr_translator_make(&b->s, t->k, t->plan, tr->places, tr->told,
                           tr->memory + i * floats);
        b->g = tr->gradients + i * each;
        if (!(b->before = nr_alloc(ids * sizeof *b->before))) return false;
    }
    return true;
}

static bool make_order(nr_translation *tr) {
    size_t n = tr->phrases[0].n, tested = tr->phrases[1].n;
    size_t most = n > tested ? n : tested;
    tr->order = nr_alloc(n * sizeof *tr->order);
    tr->by_length = nr_alloc((tested + 1) * sizeof *tr->by_length);
    tr->keys = nr_alloc(2 * most * sizeof *tr->keys);
    if (!tr->order || !tr->by_length || !tr->keys) return false;
    for (size_t i = 0; i < n; i++) tr->order[i] = (uint32_t)i;
    for (size_t i = 0; i < tested; i++) tr->by_length[i] = (uint32_t)i;
    nr_translate_sort(&tr->phrases[1], tr->by_length, tested, tr->keys);
    return true;
}

static bool make_weights(nr_trainer *t, const nr_net *net, bool afresh) {
    nr_header *h = &t->net->h;
    size_t each = (t->params + 31) / 16 * 16;
    nr_member *m = &t->members[0];
    t->weights = nr_array_new(nr_weights_len(h));
    t->keeping = nr_alloc_lines(4 * each, sizeof(float));
    if (!t->weights || !t->keeping) return false;
    if (afresh)
        nr_weights_init(t->net, t->weights->data);
    else
        memcpy(t->weights->data, atomic_load(&net->inner->weights)->data,
               t->weights->n * sizeof(float));
    t->f = nr_factors_of(h, t->weights->data);
    *m = (nr_member){.w = t->f.layers, .start = t->keeping,
                     .best = t->keeping + each,
                     .memory = {t->keeping + 2 * each, t->keeping + 3 * each},
                     .best_test = INFINITY};
    memcpy(m->best, m->w, t->params * sizeof *m->w);
    t->count = 1;
    t->now = m;
    nr_member_begin(t, m);
    return true;
}

static uint64_t usual_cycles(const nr_trainer *t) {
    size_t steps = (t->train.n + t->batch - 1) / t->batch;
    size_t cycles = STEPS / steps;
    return cycles < CYCLES ? CYCLES : cycles < MOST_CYCLES ? cycles : MOST_CYCLES;
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
    t->dropout = o->dropout >= 0 ? o->dropout : DROPOUT;
    t->l2 = o->l2 > 0 ? o->l2 : 0;
    t->train.n = t->translation->phrases[0].n;
    t->test.n = t->translation->phrases[1].n;
    t->batch = batch_for(o, t->train.n);
    t->maxcycles = cmd->maxcycles ? cmd->maxcycles : usual_cycles(t);
}

static nr_status set_up(nr_trainer *t, const nr_net *net, const nr_command *cmd,
                        nr_error *err) {
    bool afresh = begins_afresh(net, cmd);
    nr_translation *tr = t->translation;
    nr_status status = read_samples(net, afresh, &t->encoding, tr, err);
    if (status != NR_OK) return status;
    size_t read = t->encoding->codes[0].terms.n;
    nr_header h = header_for(net, read ? read : 1, t->encoding->classes.n);
    if (!afresh) {
        h.options.seed = net->inner->h.options.seed;
        h.recurrent = net->inner->h.recurrent;
        memcpy(h.layers, net->inner->h.layers, sizeof h.layers);
    }
    status = nr_shape_check(h.kind, h.nlayers, h.layers, h.options.members,
                            h.maxlen, err);
    if (status == NR_OK) status = nr_recurrent_check(&h, err);
    if (status != NR_OK) return status;
    if (!(t->net = nr_net_new(&h))) return nr_nomem(err);
    t->k = nr_kernels_now();
    t->head = NR_SOFTMAX;
    t->plan = t->net->plan;
    t->params = t->plan->params;
    t->goes_on = !afresh;
    take_options(t, cmd);
    t->team = nr_team_new((size_t)net->h.options.threads);
    return t->team && make_booths(t, tr) && make_order(tr) &&
                   make_weights(t, net, afresh)
               ? NR_OK
               : nr_nomem(err);
}

nr_status nr_translate_create(const nr_net *net, const nr_command *cmd,
                              nr_trainer **out, nr_error *err) {
    nr_trainer *t = nr_alloc(sizeof *t);
    if (!t) return nr_nomem(err);
    memset(t, 0, sizeof *t);
    t->translation = nr_alloc(sizeof *t->translation);
    t->fields = nr_net_bare(net);
    nr_status status = t->translation && t->fields ? NR_OK : nr_nomem(err);
    if (t->translation) *t->translation = (nr_translation){0};
    if (status == NR_OK) status = set_up(t, net, cmd, err);
    if (status == NR_OK)
        *out = t;
    else
        nr_trainer_free(t);
    return status;
}

void nr_translate_free(nr_translation *tr) {
    if (!tr) return;
    for (size_t d = 0; d < 2; d++) nr_phrases_free(&tr->phrases[d]);
    for (size_t i = 0; tr->booths && i < tr->nbooths; i++)
        nr_release(tr->booths[i].before);
    nr_release(tr->booths);
    nr_release_lines(tr->memory);
    nr_release_lines(tr->gradients);
    nr_release(tr->order);
    nr_release(tr->by_length);
    nr_release(tr->keys);
    nr_release(tr);
}

/* ================================= Memory ================================ */

/* A symbol is two bytes of a record or more; there, a value for each sample, and the
 * baseline's pairs. */
uint64_t nr_translate_bytes(const nr_net *net) {
    enum { SHORTEST = 2, EACH = 2 * sizeof(uint32_t) + 2 * sizeof(uint64_t) };
    size_t symbols = (size_t)net->h.options.vocabulary;
    nr_records records = records_of(net);
    uint64_t texts = (net->h.bytes[0] + net->h.bytes[1]) / SHORTEST;
    uint64_t samples = net->h.len[0] + net->h.len[1];
    size_t longest = net->partial ? NR_MOST_TRANSLATED
                                  : nr_phrases_longest(&records);
    nr_header h = header_for(net, symbols, symbols + 1);
    nr_net *like = nr_net_new(&h);
    if (!like) return 0; /* then there is no memory for the training either */
    size_t panels = nr_panels_for(batch_for(&h.options, (size_t)net->h.len[0]));
    uint64_t params = like->params + NR_LANES;
    uint64_t floats = 6 * params +
                      panels * (params + (longest + 1) * NR_LANES +
                                nr_translator_floats(like->plan, longest,
                                                     longest + 1));
    nr_net_free(like);
    return sizeof(nr_trainer) + floats * sizeof(float) + texts * EACH +
           samples * (2 * sizeof(nr_value) + 8 * sizeof(uint64_t));
}
