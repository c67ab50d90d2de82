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
#include "train/recurrent.h"
#include "train/tuning.h"
#include "train/train.h"

/* RPROP's first steps: a part of the layer's initial deviation. */
static void first_steps(const nr_trainer *t, float *steps) {
    const nr_header *h = &t->net->h;
    for (size_t l = 0; l < t->plan->all; l++) {
        const nr_op *op = &t->plan->ops[l];
        double units = (double)(op->in + op->out);
        float step = (float)(NR_STUDY_STEP * sqrt(2.0 / units));
        if (h->options.classic) step = 0.1f;
        if (h->options.learnrate > 0) step = (float)h->options.learnrate;
        for (size_t i = 0; i < op->params; i++) steps[op->at + i] = step;
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

/* Of a cycle: those of the training dataset, or of both. */
static size_t samples_of(const nr_trainer *t) {
    return t->train.n + (t->refitting ? t->test.n : 0);
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

/* Before a member's first step of a cycle; false: stopped halfway. */
static bool begin_samples(nr_trainer *t, nr_member *m) {
    if (t->cycles == 0 && t->autostop && t->goes_on && !t->refitting) {
        if (!nr_member_test(t, m)) return false; /* it may be best as it is */
        nr_remember(t, m, 0);
    }
    turn_to(t, m);
    t->sum = (nr_losses){0, 0, 0};
    if (t->order) {
        shuffle(t, samples_of(t));
        nr_strands_order(t, samples_of(t));
    }
    return true;
}

/* Is the cycle one of those whose errors are kept? The stride is a power of 2. */
static bool at_stride(const nr_trainer *t, uint64_t cycle) {
    return (cycle & (t->stride - 1)) == 0;
}

/* After its last one. */
static bool end_samples(nr_trainer *t, nr_member *m) {
    bool point = at_stride(t, t->cycles + 1);
    if (diverged(t, m, t->sum.objective)) return true;
    m->train_error = mean(t->sum.error, t->train.n);
    if (t->cycles == 0 && !t->batch) m->began = m->train_error;
    if ((t->autostop || point) && !nr_member_test(t, m)) return false;
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

/* Weights that are huge round losses to below 0. */
static float narrow(double error) {
    if (error < 0) return 0;
    return error < (double)FLT_MAX ? (float)error : FLT_MAX;
}

/* Every stride-th cycle is kept; when the room is used up, every second point
 * of those goes. */
void nr_course_add(nr_trainer *t) {
    if (t->points == NR_MAX_HISTORY) {
        for (size_t i = 0; i < NR_MAX_HISTORY / 2; i++)
            t->history[i] = t->history[i * 2 + 1];
        t->points /= 2;
        t->stride *= 2;
        if (!at_stride(t, t->cycles)) return;
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
    t->turn = 0;
    for (size_t i = 0; i < t->count; i++) {
        nr_member *m = &t->members[i];
        m->left = m->best_cycle;
        nr_l2_refit(t, m);
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
    if (t->groups && t->meeting != NR_PHASE_MEETING) {
        t->meeting = NR_PHASE_MEETING; /* and then again */
        return;
    }
    t->meeting = NR_NO_MEETING;
    if (!found || !all || !NR_STUDY_REFIT) return;
    nr_finalize(t);
    if (t->ending == ending) begin_refit(t); /* else it had diverged */
}

static bool all_finite(const nr_trainer *t) {
    for (size_t i = 0; i < t->count * t->params; i++)
        if (!isfinite(t->f.layers[i])) return false;
    return true;
}

/* After a member's last step of a cycle. */
static void end_refit_samples(nr_trainer *t, nr_member *m) {
    double error = mean(t->sum.error, samples_of(t));
    bool last = --m->left == 0;
    if (isfinite(t->sum.objective) && !(last && nr_far_off(t, m, error)))
        return;
    if (t->groups) {
        t->lost = true; /* is told when all meet */
        t->turn = t->count;
        return;
    }
    forget_refit(t);
    t->over = true;
}

static void end_refit(nr_trainer *t) {
    if (!all_finite(t)) forget_refit(t);
}

static void end_refit_cycle(nr_trainer *t) {
    bool more = false;
    for (size_t i = 0; i < t->count; i++) more |= t->members[i].left > 0;
    t->refit_cycles++;
    t->steps += samples_of(t);
    t->over = !more;
    if (t->over && t->groups)
        t->meeting = NR_PHASE_MEETING;
    else if (t->over)
        end_refit(t);
}

static void end_cycle(nr_trainer *t) {
    bool point = at_stride(t, t->cycles + 1), going = false;
    bool diverged = true;
    for (size_t i = 0; i < t->count; i++) {
        going |= !t->members[i].over;
        diverged &= t->members[i].diverged;
    }
    t->cycles++;
    t->steps += t->train.n;
    nr_summarise(t);
    if (point) nr_course_add(t);
    if (!going)
        nr_phase_end(t, diverged ? NR_ENDED_DIVERGED : NR_ENDED_AUTOSTOP);
    else if (t->maxcycles && t->cycles >= t->maxcycles)
        nr_phase_end(t, NR_ENDED_CYCLES);
}

/* ================================= Steps ================================= */

static bool learns(const nr_trainer *t, const nr_member *m) {
    return t->refitting ? m->left > 0 : !m->over;
}

/* To the next member that learns, through the ends of cycles and phases. */
static void advance(nr_trainer *t) {
    while (!t->over) {
        for (; t->turn < t->count; t->turn++)
            if (learns(t, &t->members[t->turn])) return;
        t->turn = 0;
        t->refitting ? end_refit_cycle(t) : end_cycle(t);
    }
}

/* A member that others learn; its shuffles are a part of all that follow. */
static void pass_over(nr_trainer *t, nr_member *m) {
    t->now = m;
    if (!t->order) return;
    shuffle(t, samples_of(t));
    nr_strands_order(t, samples_of(t));
}

/* To the next member that is this group's own; false: all have to meet. */
static bool to_own(nr_trainer *t) {
    for (; t->turn < t->count; t->turn++) {
        if (!learns(t, &t->members[t->turn])) continue;
        if (nr_is_own(t, t->turn)) return true;
        pass_over(t, &t->members[t->turn]);
    }
    t->meeting = NR_CYCLE_MEETING;
    return false;
}

void nr_meeting_ends(nr_trainer *t, nr_meeting meeting, bool lost) {
    if (meeting == NR_CYCLE_MEETING && !lost) {
        t->meeting = NR_NO_MEETING;
        advance(t);
        return;
    }
    if (lost) { /* as in end_refit_samples */
        forget_refit(t);
        t->over = true;
    } else if (t->refitting) {
        end_refit(t);
    } else {
        nr_phase_end(t, t->ending);
    }
    t->meeting = NR_NO_MEETING;
}

bool nr_step_begin(nr_trainer *t) {
    size_t n = samples_of(t), left = n - t->done;
    if (t->over || t->begun) return !t->over;
    if (t->meeting || (t->groups && t->done == 0 && !to_own(t))) return false;
    if (t->done == 0 && !begin_samples(t, &t->members[t->turn])) {
        nr_phase_end(t, NR_ENDED_STOP);
        return false;
    }
    t->step = (nr_step){.set = &t->train, .n = n};
    if (t->refitting && t->test.n) t->step.more = &t->test;
    if (t->order)
        t->step = (nr_step){.first = t->done,
                            .n = left < t->batch ? left : t->batch};
    return t->begun = true;
}

void nr_step_end(nr_trainer *t, const nr_losses *sum) {
    nr_member *m = &t->members[t->turn];
    size_t n = samples_of(t);
    t->begun = false;
    if (t->batch && t->cycles == 0 && t->done == 0)
        m->began = mean(sum->error, t->step.n);
    t->sum.error += sum->error;
    t->sum.objective += sum->objective;
    t->done += t->step.n;
    if (t->done < n) return;
    t->done = 0;
    t->turn++;
    if (t->refitting)
        end_refit_samples(t, m);
    else if (!end_samples(t, m))
        nr_phase_end(t, NR_ENDED_STOP);
    if (!t->groups) advance(t);
}

void nr_step_cut(nr_trainer *t) {
    t->begun = false;
    nr_phase_end(t, NR_ENDED_STOP);
}

bool nr_cycle_begins(const nr_trainer *t) {
    for (size_t i = 0; i < t->turn; i++)
        if (learns(t, &t->members[i])) return false;
    return t->done == 0 && !t->begun && !t->meeting;
}

void nr_cycle(nr_trainer *t) {
    uint64_t cycles = t->cycles + t->refit_cycles;
    nr_losses sum;
    while (t->cycles + t->refit_cycles == cycles && nr_step_begin(t))
        if (nr_pass_learn(t, &t->step, &sum))
            nr_step_end(t, &sum);
        else
            nr_step_cut(t);
}
