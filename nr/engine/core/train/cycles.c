/* Cycles: all members once through their samples, in step.
 *
 * In step, and not one member after the other, so that a training that is
 * stopped, or runs out of time, hands back members that are equally far.
 *
 * A training with AUTOSTOP and BACKTRACK has two phases. The first learns from
 * the training dataset until the testing dataset says stop; what it finds is
 * the number of cycles. The second starts over and takes that many cycles over
 * the samples of both, since a third of the samples is too much to leave
 * unused. All errors told are the first phase's: the testing dataset was new to
 * it. */

#include <float.h>
#include <math.h>
#include <string.h>

#include "functions.h"
#include "train/tuning.h"
#include "train/train.h"

/* RPROP's first steps: a part of the layer's initial deviation. */
static void first_steps(const nr_trainer *t, float *steps) {
    const nr_header *h = &t->net->h;
    for (size_t l = 1; l < h->nlayers; l++) {
        size_t in = h->layers[l - 1], out = h->layers[l];
        float step = (float)(NR_STUDY_STEP * sqrt(2.0 / (double)(in + out)));
        if (h->options.classic) step = 0.1f;
        if (h->options.learnrate > 0) step = (float)h->options.learnrate;
        for (size_t i = 0; i < (in + 1) * out; i++)
            steps[t->offset[l] + i] = step;
    }
}

void nr_member_begin(nr_trainer *t, nr_member *m) {
    const nr_header *h = &t->net->h;
    uint64_t which = (uint64_t)(m - t->members);
    m->power1 = m->power2 = 1;
    m->shuffle = nr_mix(h->options.seed ^ nr_mix(h->revision)) + which;
    memset(m->memory[0], 0, t->params * sizeof(float));
    memset(m->memory[1], 0, t->params * sizeof(float));
    if (h->options.optimizer == NR_RPROP) first_steps(t, m->memory[1]);
}

/* =============================== One member ============================== */

static void shuffle(nr_trainer *t, size_t n) {
    nr_member *m = t->now;
    for (size_t i = n; i > 1; i--) {
        m->shuffle = nr_mix(m->shuffle);
        size_t j = (size_t)(m->shuffle % i);
        uint32_t moved = t->order[i - 1];
        t->order[i - 1] = t->order[j];
        t->order[j] = moved;
    }
}

static double mean(double sum, size_t n) {
    return sum > 0 || sum != sum ? sum / (double)n : 0;
}

static bool learn_batches(nr_trainer *t, size_t n, nr_losses *sum) {
    shuffle(t, n);
    for (size_t i = 0; i < n; i += t->batch) {
        nr_losses some;
        size_t count = n - i < t->batch ? n - i : t->batch;
        nr_step step = {.first = i, .n = count};
        if (!nr_pass_learn(t, &step, &some)) return false;
        if (t->cycles == 0 && i == 0) t->now->began = mean(some.error, count);
        sum->error += some.error;
        sum->objective += some.objective;
    }
    return true;
}

/* All samples of the training dataset once, or of both. */
static bool learn(nr_trainer *t, bool both, nr_losses *sum) {
    size_t n = t->train.n + (both ? t->test.n : 0);
    nr_step step = {.set = &t->train, .more = both ? &t->test : NULL, .n = n};
    *sum = (nr_losses){0, 0, 0};
    return t->order ? learn_batches(t, n, sum) : nr_pass_learn(t, &step, sum);
}

bool nr_member_test(nr_trainer *t, nr_member *m) {
    nr_losses sum;
    t->now = m;
    if (t->test.n == 0) return true;
    if (!nr_pass_test(t, &t->test, &sum)) return false;
    m->test_error = mean(sum.error, t->test.n);
    m->class_errors = 100 * mean(sum.wrong, t->test.n);
    return true;
}

/* A loss that is no number any more: back to the last good weights. */
static bool diverged(const nr_trainer *t, nr_member *m, double loss) {
    if (isfinite(loss)) return false;
    memcpy(m->w, m->best, t->params * sizeof *m->w);
    m->train_error = m->best_train;
    m->test_error = isfinite(m->best_test) ? m->best_test : 0;
    m->class_errors = m->best_class;
    m->over = m->diverged = true;
    return true;
}

/* A loss that is a number, and so large that nothing was learned: worse than at
 * the beginning, and a thousand times that of a network that answers every
 * sample alike, with the targets' mean, or with the same probability for each
 * class. Told at the end only: on its way a training may have such cycles. */
bool nr_far_off(const nr_trainer *t, const nr_member *m, double error) {
    const double many = 1000;
    double outputs = (double)nr_outputs(t->net);
    double alike = t->head == NR_SOFTMAX ? nr_log(outputs) : outputs / 2;
    return error > many * alike && error > m->began;
}

static void turn_to(nr_trainer *t, nr_member *m) {
    t->now = m;
    t->l2 = m->l2;
}

/* false: stopped halfway. */
static bool member_cycle(nr_trainer *t, nr_member *m, bool test_it) {
    nr_losses sum;
    if (t->cycles == 0 && t->autostop && t->goes_on) {
        if (!nr_member_test(t, m)) return false; /* it may be best as it is */
        nr_remember(t, m, 0);
    }
    turn_to(t, m);
    if (!learn(t, false, &sum)) return false;
    if (diverged(t, m, sum.objective)) return true;
    m->train_error = mean(sum.error, t->train.n);
    if (t->cycles == 0 && !t->batch) m->began = m->train_error;
    if (test_it && !nr_member_test(t, m)) return false;
    if (diverged(t, m, m->test_error)) return true;
    if (t->autostop) nr_judge(t, m);
    return true;
}

/* =============================== Their course ============================ */

void nr_summarise(nr_trainer *t) {
    double train = 0, test = 0, class = 0, n = (double)t->count;
    for (size_t i = 0; i < t->count; i++) {
        train += t->members[i].train_error;
        test += t->members[i].test_error;
        class += t->members[i].class_errors;
    }
    t->train_error = train / n;
    t->test_error = test / n;
    t->class_errors = class / n;
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

/* =============================== Two phases ============================== */

static void begin_refit(nr_trainer *t) {
    t->refitting = true;
    t->over = false;
    for (size_t i = 0; i < t->count; i++) {
        nr_member *m = &t->members[i];
        m->left = m->best_cycle;
        nr_strength_refit(t, m);
        memcpy(m->w, m->start, t->params * sizeof *m->w);
        nr_member_begin(t, m);
    }
}

static void forget_refit(nr_trainer *t) {
    for (size_t i = 0; i < t->count; i++)
        memcpy(t->members[i].w, t->members[i].best,
               t->params * sizeof *t->members[i].w);
}

void nr_phase_end(nr_trainer *t, nr_ending ending) {
    bool found = ending == NR_ENDED_AUTOSTOP || ending == NR_ENDED_CYCLES;
    bool all = t->autostop && t->backtrack && !t->net->h.options.classic;
    if (t->refitting) { /* cut short: the first phase's result is whole */
        forget_refit(t);
        t->over = true;
        return;
    }
    t->ending = ending;
    t->over = true;
    if (!found || !all || !NR_STUDY_REFIT) return;
    nr_settle(t);
    if (t->ending == ending) begin_refit(t); /* else it had diverged */
}

static bool all_finite(const nr_trainer *t) {
    for (size_t i = 0; i < t->count * t->params; i++)
        if (!isfinite(t->f.layers[i])) return false;
    return true;
}

static void refit_cycle(nr_trainer *t) {
    size_t n = t->train.n + t->test.n;
    bool more = false;
    for (size_t i = 0; i < t->count; i++) {
        nr_losses sum;
        nr_member *m = &t->members[i];
        if (m->left == 0) continue;
        turn_to(t, m);
        bool whole = learn(t, true, &sum) && isfinite(sum.objective);
        bool last = --m->left == 0;
        if (!whole || (last && nr_far_off(t, m, mean(sum.error, n)))) {
            forget_refit(t);
            t->over = true;
            return;
        }
        more |= !last;
    }
    t->refit_cycles++;
    t->steps += n;
    t->over = !more;
    if (t->over && !all_finite(t)) forget_refit(t);
}

void nr_cycle(nr_trainer *t) {
    bool point = (t->cycles + 1) % t->stride == 0, going = false;
    bool diverged = true;
    if (t->refitting) {
        refit_cycle(t);
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        nr_member *m = &t->members[i];
        if (!m->over && !member_cycle(t, m, t->autostop || point)) {
            nr_phase_end(t, NR_ENDED_STOP);
            return;
        }
        going |= !m->over;
        diverged &= m->diverged;
    }
    t->cycles++;
    t->steps += t->train.n;
    nr_summarise(t);
    if (point) record(t);
    if (!going)
        nr_phase_end(t, diverged ? NR_ENDED_DIVERGED : NR_ENDED_AUTOSTOP);
    else if (t->maxcycles && t->cycles >= t->maxcycles)
        nr_phase_end(t, NR_ENDED_CYCLES);
}
