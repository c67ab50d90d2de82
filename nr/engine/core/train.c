/* The trainer: takes what it needs of a network, goes through cycles, keeps
 * the best, and hands back a trained network.
 *
 * It works on a clone, so the network goes on observing and running; on a host's
 * thread, step by step, so the host keeps its clock and its threads. A step is
 * as many cycles as a fixed amount of arithmetic allows, not a fixed time: what
 * is trained must not depend on how fast the machine is. */

#include <float.h>
#include <math.h>
#include <string.h>

#include "train.h"

static const double STEP_WORK = 5e7; /* multiply-adds, some milliseconds */
enum { CYCLE_WORK = 5000, DEFAULT_BATCH = 32 };

/* ================================ Starting =============================== */

nr_status nr_trainer_check(const nr_net *net, const nr_command *cmd,
                           nr_error *err) {
    if (net->h.len[NR_DATASET_TRAIN] == 0)
        return nr_fail(err, "ERR Can't start training: the training dataset "
                            "is empty, add samples with NR.OBSERVE");
    if (cmd->autostop && net->h.len[NR_DATASET_TEST] == 0)
        return nr_fail(err, "ERR Can't start training with AUTOSTOP option: "
                            "overfitting detection requires a non zero length "
                            "testing dataset");
    return NR_OK;
}

/* The options that are AUTO, by network and data. */
static void resolve_options(nr_trainer *t) {
    const nr_options *o = &t->net->h.options;
    size_t n = t->net->h.len[NR_DATASET_TRAIN];
    double per_input = t->head == NR_SOFTMAX ? 0.07 : 0.01;
    t->l2 = o->l2;
    if (o->l2 < 0) t->l2 = per_input * (double)nr_inputs(t->net) / (double)n;
    if (o->classic) t->l2 = 0;
    if (t->head == NR_SOFTMAX) t->smoothing = 0.1;
    t->rate = o->learnrate;
    if (o->learnrate < 0) t->rate = o->optimizer == NR_ADAM ? 0.005 : 0.05;
    if (o->optimizer == NR_RPROP) return;
    t->batch = o->batch > 0 ? (size_t)o->batch : DEFAULT_BATCH;
    if (t->batch > n) t->batch = n;
}

/* RPROP's first steps: a hundredth of the layer's initial deviation. */
static void first_steps(nr_trainer *t) {
    const nr_header *h = &t->net->h;
    if (h->options.optimizer != NR_RPROP) return;
    for (size_t l = 1; l < h->nlayers; l++) {
        size_t in = h->layers[l - 1], out = h->layers[l];
        float step = (float)(0.01 * sqrt(2.0 / (double)(in + out)));
        if (h->options.classic) step = 0.1f;
        if (h->options.learnrate > 0) step = (float)h->options.learnrate;
        for (size_t i = 0; i < (in + 1) * out; i++)
            t->memory[1][t->offset[l] + i] = step;
    }
}

static nr_status copy_weights(nr_trainer *t, nr_error *err) {
    const nr_header *h = &t->net->h;
    const nr_array *from = nr_net_ready(t->net, err);
    if (!from) return NR_ERR;
    t->weights = nr_array_new(from->n);
    if (!t->weights) return nr_nomem(err);
    memcpy(t->weights->data, from->data, from->n * sizeof(float));
    nr_scale(t->net, t->weights->data);
    t->f = nr_factors_of(h, t->weights->data);
    for (size_t l = 1, at = 0; l < h->nlayers; l++) {
        t->offset[l] = at;
        at += ((size_t)h->layers[l - 1] + 1) * h->layers[l];
    }
    return NR_OK;
}

static bool make_arrays(nr_trainer *t) {
    size_t n = t->params + 16;
    t->g = nr_alloc_lines(n, sizeof(float));
    t->memory[0] = nr_alloc_lines(n, sizeof(float));
    t->memory[1] = nr_alloc_lines(n, sizeof(float));
    t->best.w = nr_alloc_lines(n, sizeof(float));
    if (!t->g || !t->memory[0] || !t->memory[1] || !t->best.w) return false;
    memcpy(t->best.w, t->f.layers, t->params * sizeof(float));
    first_steps(t);
    return true;
}

static bool make_order(nr_trainer *t) {
    size_t n = t->net->h.len[NR_DATASET_TRAIN];
    if (!t->batch) return true;
    t->order = nr_alloc(n * sizeof *t->order);
    for (size_t i = 0; i < n && t->order; i++) t->order[i] = (uint32_t)i;
    return t->order != NULL;
}

static nr_status set_up(nr_trainer *t, nr_error *err) {
    nr_status status = copy_weights(t, err);
    if (status != NR_OK) return status;
    bool ok = (t->team = nr_team_new((size_t)t->net->h.options.threads)) &&
              make_arrays(t) && make_order(t) &&
              nr_set_make(t, &t->train, NR_DATASET_TRAIN, !t->batch) &&
              nr_set_make(t, &t->test, NR_DATASET_TEST, true) &&
              nr_space_make(t);
    return ok ? NR_OK : nr_nomem(err);
}

nr_status nr_trainer_create(const nr_net *net, const nr_command *cmd,
                            nr_trainer **out, nr_error *err) {
    nr_status status = nr_trainer_check(net, cmd, err);
    if (status != NR_OK) return status;
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
    t->params = t->net->params;
    t->maxcycles = cmd->maxcycles;
    t->maxtime = cmd->maxtime;
    t->autostop = cmd->autostop;
    t->backtrack = cmd->autostop && cmd->backtrack;
    t->stride = 1;
    t->power1 = t->power2 = 1;
    t->past_train = t->past_test = t->best.test_error = INFINITY;
    t->shuffle = nr_mix(h->options.seed ^ nr_mix(h->revision));
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

void nr_trainer_free(nr_trainer *t) {
    if (!t) return;
    nr_team_free(t->team);
    nr_set_free(&t->train);
    nr_set_free(&t->test);
    nr_space_free(&t->space);
    nr_release(t->order);
    nr_release_lines(t->g);
    nr_release_lines(t->memory[0]);
    nr_release_lines(t->memory[1]);
    nr_release_lines(t->best.w);
    nr_array_drop(t->weights);
    nr_net_free(t->net);
    nr_release(t);
}

/* ================================= Cycles ================================ */

static void shuffle(nr_trainer *t) {
    for (size_t i = t->train.n; i > 1; i--) {
        t->shuffle = nr_mix(t->shuffle);
        size_t j = (size_t)(t->shuffle % i);
        uint32_t moved = t->order[i - 1];
        t->order[i - 1] = t->order[j];
        t->order[j] = moved;
    }
}

/* All samples once. false: stopped halfway. */
static bool learn(nr_trainer *t, nr_losses *sum) {
    size_t n = t->train.n, batch = t->batch ? t->batch : n;
    *sum = (nr_losses){0, 0, 0};
    if (t->order) shuffle(t);
    for (size_t i = 0; i < n; i += batch) {
        nr_losses some;
        size_t count = n - i < batch ? n - i : batch;
        if (!nr_pass_learn(t, i, count, true, &some)) return false;
        sum->error += some.error;
        sum->objective += some.objective;
    }
    return true;
}

static double mean(double sum, size_t n) {
    return sum > 0 || sum != sum ? sum / (double)n : 0;
}

static bool test(nr_trainer *t) {
    nr_losses sum;
    if (t->test.n == 0) return true;
    if (!nr_pass_test(t, &t->test, 1, &sum)) return false;
    t->test_error = mean(sum.error, t->test.n);
    t->class_errors = 100 * mean(sum.wrong, t->test.n);
    return true;
}

static float narrow(double error) {
    return error < (double)FLT_MAX ? (float)error : FLT_MAX;
}

/* Every stride-th cycle is kept; when the room is used up, every second point
 * of those goes. */
static void record(nr_trainer *t) {
    if (t->points == NR_MAX_HISTORY) {
        for (size_t i = 0; i < NR_MAX_HISTORY / 2; i++)
            t->history[i] = t->history[i * 2 + 1];
        t->points /= 2;
        t->stride *= 2;
        if (t->cycles % t->stride) return;
    }
    bool tested = t->test.n > 0;
    t->history[t->points++] = (nr_point){
        .cycle = (float)t->cycles,
        .train_error = narrow(t->train_error),
        .test_error = tested ? narrow(t->test_error) : NAN,
        .class_errors = tested && t->net->h.kind == NR_CLASSIFIER
                            ? (float)t->class_errors
                            : NAN,
    };
}

static void show_progress(nr_trainer *t) {
    atomic_store_explicit(&t->seen_train, t->train_error,
                          memory_order_relaxed);
    atomic_store_explicit(&t->seen_test, t->test_error, memory_order_relaxed);
    atomic_store_explicit(&t->seen_class, t->class_errors,
                          memory_order_relaxed);
    atomic_store_explicit(&t->seen_cycles, t->cycles, memory_order_relaxed);
}

static void end(nr_trainer *t, nr_ending ending) {
    t->over = true;
    t->ending = ending;
}

/* A loss that is no number any more: back to the last good weights. */
static bool diverged(nr_trainer *t, double objective) {
    if (isfinite(objective)) return false;
    memcpy(t->f.layers, t->best.w, t->params * sizeof(float));
    t->train_error = t->best.train_error;
    t->test_error = isfinite(t->best.test_error) ? t->best.test_error : 0;
    t->class_errors = t->best.class_errors;
    end(t, NR_ENDED_DIVERGED);
    return true;
}

static void cycle(nr_trainer *t) {
    nr_losses sum;
    if (!learn(t, &sum)) {
        end(t, NR_ENDED_STOP);
        return;
    }
    if (diverged(t, sum.objective)) return;
    t->train_error = mean(sum.error, t->train.n);
    t->cycles++;
    bool point = t->cycles % t->stride == 0;
    if ((t->autostop || point) && !test(t)) {
        end(t, NR_ENDED_STOP);
        return;
    }
    if (diverged(t, t->test_error)) return;
    if (point) record(t);
    if (t->autostop) nr_judge(t);
    if (!t->over && t->maxcycles && t->cycles >= t->maxcycles)
        end(t, NR_ENDED_CYCLES);
}

int nr_trainer_step(nr_trainer *t, uint64_t elapsed_ms) {
    double samples = (double)(t->train.n * 3 + t->test.n);
    double work = samples * (double)t->params + CYCLE_WORK;
    if (!t->over && t->cycles && t->maxtime && elapsed_ms >= t->maxtime)
        end(t, NR_ENDED_TIME);
    for (double done = 0; done < STEP_WORK && !t->over; done += work) {
        if (atomic_load_explicit(&t->stop, memory_order_relaxed))
            end(t, NR_ENDED_STOP);
        else
            cycle(t);
    }
    show_progress(t);
    return !t->over;
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

/* ================================ Finishing ============================== */

/* Temperature scaling (Guo et al., 2017): one factor on the logits that makes
 * probabilities on the testing dataset most likely. A prior on its logarithm,
 * worth two samples, holds it back where there are few. */
static double heat(nr_trainer *t, double log_scale) {
    nr_losses sum;
    nr_pass_test(t, &t->test, (float)exp(log_scale), &sum);
    return sum.error + log_scale * log_scale;
}

static void calibrate(nr_trainer *t) {
    const double golden = 0.6180339887498949;
    double low = -3, high = 3;
    double a = high - golden * (high - low), b = low + golden * (high - low);
    double fa = heat(t, a), fb = heat(t, b);
    for (int i = 0; i < 20; i++)
        if (fa < fb) {
            high = b, b = a, fb = fa;
            a = high - golden * (high - low), fa = heat(t, a);
        } else {
            low = a, a = b, fa = fb;
            b = low + golden * (high - low), fb = heat(t, b);
        }
    for (size_t o = 0; o < nr_outputs(t->net); o++)
        t->f.out_scale[o] = (float)exp((low + high) / 2);
}

/* The errors of the network as it is handed back. */
static void measure(nr_trainer *t) {
    nr_losses sum;
    float scale = t->head == NR_SOFTMAX ? t->f.out_scale[0] : 1;
    if (t->train.x && nr_pass_test(t, &t->train, scale, &sum))
        t->train_error = mean(sum.error, t->train.n);
    if (t->test.n && nr_pass_test(t, &t->test, scale, &sum)) {
        t->test_error = mean(sum.error, t->test.n);
        t->class_errors = 100 * mean(sum.wrong, t->test.n);
    }
}

static void backtrack(nr_trainer *t) {
    if (!t->backtrack || !(t->best.test_error < t->test_error)) return;
    memcpy(t->f.layers, t->best.w, t->params * sizeof(float));
    t->train_error = t->best.train_error;
    t->test_error = t->best.test_error;
    t->class_errors = t->best.class_errors;
}

static bool all_finite(const nr_array *array) {
    for (size_t i = 0; i < array->n; i++)
        if (!isfinite(array->data[i])) return false;
    return true;
}

static nr_status keep_history(nr_trainer *t, nr_net *net, nr_error *err) {
    nr_array *history = nr_array_new(t->points * 4);
    if (!history) return nr_nomem(err);
    memcpy(history->data, t->history, t->points * sizeof *t->history);
    nr_array_drop(net->history);
    net->history = history;
    return NR_OK;
}

static void add_statistics(const nr_trainer *t, nr_net *net,
                           uint64_t elapsed_ms) {
    nr_statistics *s = &net->h.stats;
    s->cycles += t->cycles;
    s->steps += t->cycles * t->train.n;
    s->ms += elapsed_ms;
    s->train_error = isfinite(t->train_error) ? t->train_error : 0;
    s->test_error = isfinite(t->test_error) ? t->test_error : 0;
    s->class_errors = isfinite(t->class_errors) ? t->class_errors : 0;
    s->overfitting = t->overfitting;
    s->ending = t->ending;
}

nr_status nr_trainer_finish(nr_trainer *t, uint64_t elapsed_ms,
                            nr_net **trained, nr_error *err) {
    atomic_store(&t->stop, false); /* the passes below must not be cut short */
    if (t->cycles) {
        bool known = t->autostop || t->ending == NR_ENDED_DIVERGED;
        if (!known) test(t);
        backtrack(t);
        if (t->head == NR_SOFTMAX && t->test.n) calibrate(t);
        if (!t->net->h.options.classic) measure(t);
    }
    nr_net *net = nr_net_clone(t->net);
    if (!net) return nr_nomem(err);
    nr_status status = keep_history(t, net, err);
    if (status != NR_OK) {
        nr_net_free(net);
        return status;
    }
    add_statistics(t, net, elapsed_ms);
    if (t->cycles && all_finite(t->weights)) {
        nr_array_drop(
            atomic_exchange(&net->weights, nr_array_hold(t->weights)));
        net->h.trained = true;
    } else if (t->cycles) {
        net->h.stats.ending = NR_ENDED_DIVERGED;
    }
    *trained = net;
    return NR_OK;
}
