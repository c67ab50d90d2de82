/* What comes of a training: a network that takes the place of the one it began
 * with, or why that one stays. */

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "float_mode.h"
#include "grammar/syntax.h"
#include "train/language.h"
#include "train/learner.h"
#include "train/train.h"
#include "train/translate.h"

static bool all_finite(const nr_array *array) {
    for (size_t i = 0; i < array->n; i++)
        if (!isfinite(array->data[i])) return false;
    return true;
}

nr_array *nr_course_make(const void *history, size_t points, const void *report,
                         size_t len) {
    nr_array *course = nr_array_new(1 + points * 4 + len / sizeof(float));
    if (!course) return NULL;
    course->data[0] = (float)points;
    if (points) memcpy(course->data + 1, history, points * sizeof(nr_point));
    if (len) memcpy(course->data + 1 + points * 4, report, len);
    return course;
}

static nr_status keep_history(nr_trainer *t, nr_net *net, nr_error *err) {
    nr_array *history =
        nr_course_make(t->history, t->points, t->report.data, t->report.len);
    if (!history) return nr_nomem(err);
    nr_array_drop(net->history);
    net->history = history;
    return NR_OK;
}

/* Of weights that are not kept nothing was found out. */
static void keep_findings(const nr_trainer *t, nr_net *net) {
    for (int i = 0; i < NR_FINDINGS; i++) {
        nr_array_drop(net->findings[i]);
        net->findings[i] = nr_array_hold(t->findings[i]);
    }
}

/* A statistic: NaN is none, and weights that are huge round losses to below 0. */
static double sound(double error) {
    return isnan(error) || error < 0 ? 0 : fmin(error, DBL_MAX);
}

static bool is_usable(const nr_trainer *t) {
    return all_finite(t->weights) && !isnan(t->train_error);
}

/* Why the weights in place are to stay, or an empty text. CLASSIC takes what
 * comes, as it always did. */
static void judge(const nr_trainer *t, char *why, size_t cap) {
    const nr_header *h = &t->net->h;
    bool cut = t->ending == NR_ENDED_STOP || t->ending == NR_ENDED_TIME;
    bool usable = is_usable(t);
    bool in_place = t->fields ? t->fields->h.trained : h->trained;
    *why = '\0';
    if (t->cycles == 0) {
        snprintf(why, cap, "stopped before its first cycle");
    } else if (!in_place || (h->options.classic && usable)) {
        return;
    } else if (t->ending == NR_ENDED_DIVERGED || !usable) {
        snprintf(why, cap, "diverged");
    } else if (cut && !t->goes_on && !(t->test_error <= h->stats.test_error)) {
        char now[NR_NUMBER], before[NR_NUMBER];
        snprintf(why, cap,
                 "%s at a testing error of %s, above the %s of the weights in "
                 "place",
                 t->ending == NR_ENDED_STOP ? "stopped" : "out of time",
                 nr_write_double(now, 6, t->test_error),
                 nr_write_double(before, 6, h->stats.test_error));
    }
}

static void add_statistics(const nr_trainer *t, nr_net *net,
                           uint64_t elapsed_ms) {
    nr_statistics *s = &net->h.stats;
    s->cycles += t->cycles + t->refit_cycles;
    s->steps += t->steps;
    s->ms += elapsed_ms;
    s->train_error = sound(t->train_error);
    s->test_error = sound(t->test_error);
    s->class_errors = sound(t->class_errors);
    s->overfitting = false;
    for (size_t i = 0; i < t->count; i++)
        s->overfitting |= t->members[i].overfitting;
    s->ending = t->ending;
}

/* In place of the network that learned, the one with fields that it is for. */
static nr_status finish_fields(const nr_trainer *t, nr_net **trained,
                               nr_error *err) {
    nr_net *net = nr_learner_done(t->fields, t->encoding, *trained);
    nr_net_free(*trained);
    *trained = net;
    return net ? NR_OK : nr_nomem(err);
}

NOINLINE nr_status finish(nr_trainer *t, uint64_t elapsed_ms,
                          nr_net **trained, nr_error *err) {
    atomic_store(&t->stop, false); /* what follows must not be cut short */
    if (t->language)
        nr_language_finalize(t);
    else if (t->translation)
        nr_translate_finalize(t);
    else if (t->cycles)
        nr_finalize(t);
    nr_mode_flush(t->weights->data, t->weights->n);
    if (t->failed) return nr_nomem(err);
    char why[NR_OUTCOME_TEXT];
    judge(t, why, sizeof why);
    if (*why) {
        *trained = nr_net_unlearned(t->fields ? t->fields : t->net, NR_KEPT,
                                    why);
        return *trained ? NR_OK : nr_nomem(err);
    }
    nr_net *net = nr_net_clone(t->net);
    if (!net) return nr_nomem(err);
    nr_status status = keep_history(t, net, err);
    if (status != NR_OK) {
        nr_net_free(net);
        return status;
    }
    add_statistics(t, net, elapsed_ms);
    nr_outcome_set(&net->h, NR_MERGED, "");
    if (is_usable(t)) {
        nr_array_drop(
            atomic_exchange(&net->weights, nr_array_hold(t->weights)));
        net->h.trained = true;
        keep_findings(t, net);
    } else {
        net->h.stats.ending = NR_ENDED_DIVERGED;
    }
    *trained = net;
    return t->fields ? finish_fields(t, trained, err) : NR_OK;
}

nr_status nr_trainer_finish(nr_trainer *t, uint64_t elapsed_ms,
                            nr_net **trained, nr_error *err) {
    uint64_t before = nr_mode_begin(NR_FLUSH);
    nr_status status = finish(t, elapsed_ms, trained, err);
    nr_mode_end(before);
    return status;
}
