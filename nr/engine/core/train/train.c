/* The trainer: takes what it needs of a network, goes through cycles, and hands
 * back a trained network.
 *
 * It works on a clone, so the network goes on observing and running; on a host's
 * thread, step by step, so the host keeps its clock and its threads. A step is
 * as many cycles as a fixed amount of arithmetic allows, not a fixed time: what
 * is trained must not depend on how fast the machine is. */

#include <math.h>
#include <string.h>

#include "float_mode.h"
#include "grammar/syntax.h"
#include "train/language.h"
#include "train/learner.h"
#include "train/recurrent.h"
#include "train/train.h"
#include "train/translate.h"
#include "train/tuning.h"

/* Multiply-adds of some milliseconds, where a fused one is an instruction. */
#ifdef __wasm__
static const double STEP_WORK = 1e6;
#else
static const double STEP_WORK = 5e7;
#endif
enum { CYCLE_WORK = 5000, DEFAULT_BATCH = 32 };

/* ================================ Starting =============================== */

static nr_status check_samples(const nr_net *net, const nr_command *cmd,
                               nr_error *err) {
    if (net->h.len[NR_DATASET_TRAIN] == 0)
        return nr_fail(err, "ERR Can't start training: the training dataset "
                            "is empty, add samples with NR.OBSERVE");
    if (nr_is_forecaster(net)) return NR_OK; /* windows are held out */
    if (cmd->autostop && net->h.len[NR_DATASET_TEST] == 0)
        return nr_fail(err, "ERR Can't start training with AUTOSTOP option: "
                            "overfitting detection requires a non zero length "
                            "testing dataset");
    return NR_OK;
}

void nr_training_choose(const nr_net *net, nr_command *cmd) {
    enum { LEAST = 10000 }; /* milliseconds */
    const nr_header *h = &net->h;
    uint64_t samples = h->len[NR_DATASET_TRAIN] + h->len[NR_DATASET_TEST];
    bool tests = h->len[NR_DATASET_TEST] || nr_is_forecaster(net);
    if (h->options.classic) return;
    if (nr_is_forecaster(net))
        samples = h->bytes[NR_DATASET_TRAIN] / nr_step_bytes(net->schema);
    if (!nr_train_limited(cmd) && tests)
        cmd->autostop = cmd->backtrack = true;
    if (nr_is_generator(net) && !nr_train_timed(cmd))
        cmd->maxtime = 0;
    else if (cmd->autostop && cmd->backtrack && !nr_train_timed(cmd))
        cmd->maxtime = samples > LEAST ? samples : LEAST;
}

nr_status nr_trainer_check(const nr_net *net, const nr_command *cmd,
                           const char *key, size_t keylen, uint64_t memory,
                           nr_error *err) {
    nr_status status = check_samples(net, cmd, err);
    if (status != NR_OK) return status;
    return nr_memory_check(net, key, keylen, memory, 1, NR_LONG_STEP, err);
}

nr_status nr_ranks_check(const nr_net *net, const nr_command *cmd,
                         const char *key, size_t keylen, uint64_t memory,
                         uint64_t ranks, double work, nr_error *err) {
    nr_status status = check_samples(net, cmd, err);
    if (status != NR_OK) return status;
    return nr_memory_check(net, key, keylen, memory, ranks, work, err);
}

/* Classifiers of sequences learn few samples in smaller batches, since the number
 * of cycles is given: steps were all that they lacked. */
static size_t usual_batch(const nr_net *net, size_t n) {
    enum { LEAST = 8, STEPS = 8 }; /* samples; steps of a cycle */
    size_t batch = n / STEPS;
    if (net->h.kind != NR_CLASSIFIER || !net->plan->recurrent.fields ||
        batch > DEFAULT_BATCH)
        return DEFAULT_BATCH;
    return batch > LEAST ? batch : LEAST;
}

size_t nr_batch_of(const nr_net *net) {
    const nr_options *o = &net->h.options;
    size_t n = net->h.len[NR_DATASET_TRAIN];
    if (o->optimizer == NR_RPROP) return 0;
    size_t batch = o->batch > 0 ? (size_t)o->batch : usual_batch(net, n);
    return batch < n ? batch : n;
}

/* One where a step is too short to be shared; it works on a part of the
 * inputs, 1 but for lists. */
static size_t threads_for(const nr_net *net, double part) {
    size_t batch = nr_batch_of(net);
    size_t n = batch ? batch : net->h.len[NR_DATASET_TRAIN];
    double work = (double)n * (double)net->params * part;
    if (net->plan->recurrent.fields && !net->sequences)
        return (size_t)net->h.options.threads; /* an estimate */
    work *= nr_mean_steps(net);
    return work < NR_SHARED_WORK ? 1 : (size_t)net->h.options.threads;
}

size_t nr_threads_of(const nr_net *net) { return threads_for(net, 1); }

static bool make_team(nr_trainer *t) {
    double part = t->sparse ? t->sparse->part : 1;
    return (t->team = nr_team_new(threads_for(t->net, part))) != NULL;
}

/* The options that are AUTO, by network and data. */
static void resolve_options(nr_trainer *t) {
    const nr_options *o = &t->net->h.options;
    t->l2 = nr_l2_for(t, t->net->h.len[NR_DATASET_TRAIN]);
    if (t->head == NR_SOFTMAX) t->smoothing = NR_STUDY_SMOOTHING;
    t->rate = o->learnrate;
    if (o->learnrate < 0) t->rate = o->optimizer == NR_ADAM ? 0.005 : 0.05;
    t->batch = nr_batch_of(t->net);
    t->rate_now = 1;
    t->momentum = 0.9;
    if (!nr_is_recurrent(t)) return;
    t->smoothing = 0;
    for (size_t f = 0; f < t->plan->recurrent.fields; f++)
        if (!t->plan->recurrent.of[f].symbols && t->head == NR_SOFTMAX)
            t->smoothing = NR_STUDY_SEQUENCE_SMOOTHING;
    t->clip = o->clip > 0 ? o->clip : NR_STUDY_CLIP;
    t->dropout = o->dropout >= 0 ? o->dropout : NR_STUDY_DROPOUT;
    if (!t->maxcycles) t->maxcycles = NR_STUDY_SEQUENCE_CYCLES;
}

/* A network that AUTOSTOP and BACKTRACK finished has learned its testing
 * samples as well. They would find it better than it is, and better than all
 * that comes after: so a training by their judgement begins afresh. That also
 * makes the network of the same samples the same, however often trained. */
static bool goes_on(const nr_trainer *t) {
    const nr_header *h = &t->net->h;
    bool finished = h->stats.ending == NR_ENDED_AUTOSTOP ||
                    h->stats.ending == NR_ENDED_CYCLES;
    bool afresh = t->backtrack && finished && !h->options.classic;
    return h->trained && !afresh;
}

static nr_status copy_weights(nr_trainer *t, nr_error *err) {
    const nr_header *h = &t->net->h;
    const nr_array *from = nr_net_ready(t->net, err);
    if (!from) return NR_ERR;
    t->weights = nr_array_new(from->n);
    if (!t->weights) return nr_nomem(err);
    t->goes_on = goes_on(t);
    if (t->goes_on)
        memcpy(t->weights->data, from->data, from->n * sizeof(float));
    else
        nr_weights_init(t->net, t->weights->data);
    nr_scale(t->net, t->weights->data, t->goes_on);
    t->f = nr_factors_of(h, t->weights->data);
    return NR_OK;
}

/* What the members keep, a piece for each array. */
static bool make_members(nr_trainer *t) {
    size_t each = (t->params + 31) / 16 * 16; /* sixteen more may be read */
    t->count = (size_t)t->net->h.options.members;
    t->keeping = nr_alloc_lines(t->count * 4, each * sizeof(float));
    if (!t->keeping) return false;
    for (size_t i = 0; i < t->count; i++) {
        nr_member *m = &t->members[i];
        float *at = t->keeping + i * 4 * each;
        m->w = t->f.layers + nr_member_at(t->net, i);
        m->start = at;
        m->best = at + each;
        m->memory[0] = at + 2 * each;
        m->memory[1] = at + 3 * each;
        m->best_test = m->past_train = m->past_test = INFINITY;
        m->progress_test = INFINITY;
        memcpy(m->start, m->w, t->params * sizeof *m->w);
        memcpy(m->best, m->w, t->params * sizeof *m->w);
        nr_member_begin(t, m);
    }
    nr_l2_search_begin(t);
    t->now = &t->members[0];
    return true;
}

static bool make_order(nr_trainer *t) {
    size_t n = (size_t)(t->net->h.len[0] + t->net->h.len[1]);
    if (!t->batch) return true;
    t->order = nr_alloc(2 * n * sizeof *t->order);
    for (size_t i = 0; i < n && t->order; i++) t->order[i] = (uint32_t)i;
    return t->order != NULL;
}

static nr_status set_up(nr_trainer *t, nr_error *err) {
    nr_status status = copy_weights(t, err);
    if (status != NR_OK) return status;
    bool ok = make_members(t) && make_order(t) &&
              nr_class_weights_make(t) && nr_sparse_choose(t) &&
              make_team(t) &&
              nr_set_make(t, &t->train, NR_DATASET_TRAIN, !t->batch) &&
              nr_set_make(t, &t->test, NR_DATASET_TEST, true) &&
              nr_gradients_make(t) && nr_workspace_make(t) && nr_strands_make(t) &&
              nr_batch_lists_make(t);
    return ok ? NR_OK : nr_nomem(err);
}

/* Of a network with fields: one of the network that the encoding feeds. */
static nr_status create_for_fields(const nr_net *net, const nr_command *cmd,
                                   nr_trainer **out, nr_error *err) {
    nr_encoding *encoding = NULL;
    nr_net *learner = NULL, *fields = nr_net_bare(net);
    nr_status status = fields ? nr_learner_make(net, cmd, &encoding, &learner,
                                                err)
                              : nr_nomem(err);
    if (status == NR_OK) status = nr_trainer_create(learner, cmd, out, err);
    nr_net_free(learner);
    if (status == NR_OK) {
        (*out)->encoding = encoding;
        (*out)->fields = fields;
        return NR_OK;
    }
    nr_encoding_drop(encoding);
    nr_net_free(fields);
    return status;
}

NOINLINE nr_status create(const nr_net *net, const nr_command *cmd,
                          nr_trainer **out, nr_error *err) {
    nr_status status = check_samples(net, cmd, err);
    if (status != NR_OK) return status;
    if (nr_is_translator(net)) return nr_translate_create(net, cmd, out, err);
    if (nr_is_generator(net)) return nr_language_create(net, cmd, out, err);
    if (net->schema) return create_for_fields(net, cmd, out, err);
    nr_trainer *t = nr_alloc(sizeof *t);
    if (!t) return nr_nomem(err);
    memset(t, 0, sizeof *t);
    t->net = nr_net_clone(net);
    if (!t->net) {
        nr_release(t);
        return nr_nomem(err);
    }
    const nr_header *h = &t->net->h;
    t->k = nr_kernels_now();
    t->head = nr_net_head(h);
    t->plan = t->net->plan;
    t->params = t->plan->params;
    t->maxcycles = cmd->maxcycles;
    t->maxtime = cmd->maxtime;
    t->autostop = cmd->autostop;
    t->backtrack = cmd->autostop && cmd->backtrack;
    t->stride = 1;
    resolve_options(t);
    status = t->net->partial
                 ? nr_fail(err, "ERR a network without its samples was to be "
                                "trained")
                 : set_up(t, err);
    if (status == NR_OK)
        *out = t;
    else
        nr_trainer_free(t);
    return status;
}

nr_status nr_trainer_create(const nr_net *net, const nr_command *cmd,
                            nr_trainer **out, nr_error *err) {
    uint64_t before = nr_mode_begin(NR_FLUSH);
    nr_status status = create(net, cmd, out, err);
    nr_mode_end(before);
    return status;
}

void nr_trainer_free(nr_trainer *t) {
    if (!t) return;
    nr_team_free(t->team);
    nr_set_free(&t->train);
    nr_set_free(&t->test);
    nr_strands_free(t);
    nr_language_free(t->language);
    nr_translate_free(t->translation);
    nr_workspace_free(&t->workspace);
    nr_sparse_free(t);
    nr_release(t->order);
    nr_release_lines(t->gradients);
    nr_release_lines(t->more_gradients);
    nr_release(t->open);
    nr_release(t->joins);
    nr_others_free(t);
    nr_release_lines(t->keeping);
    nr_release_lines(t->class_weights);
    nr_buf_free(&t->report);
    for (int i = 0; i < NR_FINDINGS; i++) nr_array_drop(t->findings[i]);
    nr_array_drop(t->weights);
    nr_encoding_drop(t->encoding);
    nr_net_free(t->fields);
    nr_net_free(t->net);
    nr_release(t);
}

/* ================================= Steps ================================= */

void nr_trainer_show(nr_trainer *t) {
    atomic_store_explicit(&t->seen_train, t->train_error,
                          memory_order_relaxed);
    atomic_store_explicit(&t->seen_test, t->test_error, memory_order_relaxed);
    atomic_store_explicit(&t->seen_class, t->class_errors,
                          memory_order_relaxed);
    atomic_store_explicit(&t->seen_cycles, t->cycles + t->refit_cycles,
                          memory_order_relaxed);
}

static bool step_generator(nr_trainer *t, uint64_t elapsed_ms) {
    if (t->translation)
        nr_translate_step(t, elapsed_ms);
    else
        nr_language_step(t, elapsed_ms);
    nr_trainer_show(t);
    return !t->over;
}

NOINLINE bool step(nr_trainer *t, uint64_t elapsed_ms) {
    if (nr_is_generating(t)) return step_generator(t, elapsed_ms);
    double samples = (double)(t->train.n * 3 + t->test.n);
    double each = (double)t->params * nr_mean_steps(t->net);
    double work = (samples * each + CYCLE_WORK) *
                  (double)t->count;
    if (!t->over && t->cycles && t->maxtime && elapsed_ms >= t->maxtime)
        nr_phase_end(t, NR_ENDED_TIME);
    for (double done = 0; done < STEP_WORK && !t->over; done += work) {
        if (atomic_load_explicit(&t->stop, memory_order_relaxed))
            nr_phase_end(t, NR_ENDED_STOP);
        else
            nr_cycle(t);
    }
    nr_trainer_show(t);
    return !t->over;
}

int nr_trainer_step(nr_trainer *t, uint64_t elapsed_ms) {
    uint64_t before = nr_mode_begin(NR_FLUSH);
    bool more = step(t, elapsed_ms);
    nr_mode_end(before);
    return more;
}

void nr_trainer_stop(nr_trainer *t) { atomic_store(&t->stop, true); }

void nr_trainer_progress(const nr_trainer *trainer, nr_progress *progress) {
    nr_trainer *t = (nr_trainer *)trainer; /* C11 has no const atomic_load */
    progress->cycles =
        atomic_load_explicit(&t->seen_cycles, memory_order_relaxed);
    progress->train_error =
        atomic_load_explicit(&t->seen_train, memory_order_relaxed);
    progress->test_error =
        atomic_load_explicit(&t->seen_test, memory_order_relaxed);
    progress->class_errors =
        atomic_load_explicit(&t->seen_class, memory_order_relaxed);
}
