/* The end of learning: which weights to keep, probabilities that can be
 * trusted, and the errors that are told. */

#include <math.h>
#include <string.h>

#include "functions.h"
#include "run/report.h"
#include "train/recurrent.h"
#include "train/series.h"
#include "train/tuning.h"
#include "train/train.h"

/* ============================== Calibration ============================== */

/* Temperature scaling (Guo et al., 2017): one factor on the logits that makes
 * the classes of the testing dataset most likely, here for the mean of the
 * members. The logits of some thousand samples are enough (NR_MOST_CALIBRATING
 * panels), and kept while the factor is searched for. */
typedef struct furnace {
    nr_trainer *t;
    size_t panels, units;
    float *logits; /* [panel][member][unit][lane] */
    float *mean, *scaled;
} furnace;

static bool furnace_make(furnace *f, nr_trainer *t) {
    f->t = t;
    f->units = nr_outputs(t->net);
    f->panels = t->test.panels < NR_MOST_CALIBRATING ? t->test.panels
                                                      : NR_MOST_CALIBRATING;
    size_t panel = f->units * NR_LANES;
    f->logits = nr_alloc_lines((f->panels * t->count + 2) * panel,
                               sizeof *f->logits);
    if (!f->logits) return false;
    f->mean = f->logits + f->panels * t->count * panel;
    f->scaled = f->mean + panel;
    for (size_t p = 0; p < f->panels; p++)
        for (size_t m = 0; m < t->count; m++) {
            t->now = &t->members[m];
            memcpy(f->logits + (p * t->count + m) * panel,
                   nr_pass_sums(t, &t->test, p), panel * sizeof(float));
        }
    return true;
}

static double panel_heat(const furnace *f, size_t p, float scale) {
    const nr_trainer *t = f->t;
    size_t panel = f->units * NR_LANES, lanes = t->test.n - p * NR_LANES;
    const float *classes = t->test.targets + p * t->test.target_floats;
    double heat = 0;
    if (lanes > NR_LANES) lanes = NR_LANES;
    memset(f->mean, 0, panel * sizeof(float));
    for (size_t m = 0; m < t->count; m++) {
        const float *z = f->logits + (p * t->count + m) * panel;
        for (size_t i = 0; i < panel; i++) f->scaled[i] = z[i] * scale;
        t->k->head(f->scaled, f->units, (lanes + 15) / 16, NR_SOFTMAX);
        for (size_t i = 0; i < panel; i++) f->mean[i] += f->scaled[i];
    }
    for (size_t l = 0; l < lanes; l++) {
        float p_own = f->mean[(size_t)classes[l] * NR_LANES + l];
        heat -= nr_log(fmax((double)p_own / (double)t->count, 1e-30));
    }
    return heat;
}

/* What speaks against a factor before any sample does. Smoothed labels ask for one
 * above 1, nearly the same for all tables, and some hundred samples tell it no
 * better than that; so it is where networks with fields begin. Without hidden units
 * it goes by the number of classes. There, and in plain networks, a prior that
 * is worth two samples keeps it from running off. */
static double prior(const nr_trainer *t, double log_scale) {
    bool table = t->encoding && t->net->h.nlayers > 2 && !nr_is_recurrent(t);
    double off = log_scale - (table ? NR_STUDY_FACTOR : 0);
    return off * off * (table ? NR_STUDY_FACTOR_WORTH : 1);
}

/* The loss, and the prior. */
static double heat(const furnace *f, double log_scale) {
    double sum = prior(f->t, log_scale);
    for (size_t p = 0; p < f->panels; p++)
        sum += panel_heat(f, p, (float)nr_exp(log_scale));
    return sum;
}

static double coolest(const furnace *f) {
    const double golden = 0.6180339887498949;
    double low = -3, high = 3;
    double a = high - golden * (high - low), b = low + golden * (high - low);
    double fa = heat(f, a), fb = heat(f, b);
    for (int i = 0; i < 16; i++)
        if (fa < fb) {
            high = b, b = a, fb = fa;
            a = high - golden * (high - low), fa = heat(f, a);
        } else {
            low = a, a = b, fa = fb;
            b = low + golden * (high - low), fb = heat(f, b);
        }
    return (low + high) / 2;
}

static bool calibrate(nr_trainer *t) {
    furnace f;
    if (t->head != NR_SOFTMAX || t->test.n == 0 || !NR_STUDY_CALIBRATE)
        return true;
    if (!furnace_make(&f, t)) return false;
    float scale = (float)nr_exp(coolest(&f));
    for (size_t o = 0; o < f.units; o++) t->f.out_scale[o] = scale;
    nr_release_lines(f.logits);
    return true;
}

/* ================================= Errors ================================ */

/* Which cycle was best few testing samples tell by chance, and the rate has not
 * fallen before the last one: where labels are smoothed, as those of sequences of
 * numbers, that is kept then, and the refit takes as many. */
static bool keeps_last(const nr_trainer *t) {
    return nr_is_recurrent(t) && t->smoothing > 0 &&
           t->net->h.options.decay <= 0 && t->test.n < NR_STUDY_FEW_TESTS &&
           t->ending == NR_ENDED_CYCLES;
}

static void keep_best(nr_trainer *t) {
    bool last = keeps_last(t);
    for (size_t i = 0; i < t->count; i++) {
        nr_member *m = &t->members[i];
        if (last && !m->over) nr_remember(t, m, t->cycles);
        if (!(m->best_test < m->test_error)) continue;
        memcpy(m->w, m->best, t->params * sizeof *m->w);
        m->train_error = m->best_train;
        m->test_error = m->best_test;
        m->class_errors = m->best_class;
    }
}

/* Those that ended far off are what they were before; a training of which all
 * did has diverged. */
static void part_with_far_off(nr_trainer *t) {
    size_t lost = 0;
    for (size_t i = 0; i < t->count; i++) {
        nr_member *m = &t->members[i];
        if (nr_far_off(t, m, m->train_error)) {
            memcpy(m->w, m->start, t->params * sizeof *m->w);
            memcpy(m->best, m->start, t->params * sizeof *m->best);
            m->best_cycle = 0;
            m->diverged = true;
        }
        lost += m->diverged;
    }
    if (lost == t->count) t->ending = NR_ENDED_DIVERGED;
}

/* Of the members' mean; CLASSIC tells what the last cycle told, as it always
 * did. */
static bool measure(nr_trainer *t) {
    double train, test, wrong;
    bool classic = t->net->h.options.classic;
    nr_net *net = nr_net_clone(t->net);
    if (!net) return false;
    nr_array_drop(atomic_exchange(&net->weights, nr_array_hold(t->weights)));
    bool ok = true;
    if (!classic) {
        ok = nr_report_make(net, NR_DATASET_TRAIN, NULL, &train, &wrong);
        if (ok) t->train_error = train;
    }
    if (ok && t->test.n) {
        ok = nr_report_make(net, NR_DATASET_TEST, &t->report, &test, &wrong);
        if (ok && !classic) {
            t->test_error = test;
            t->class_errors = wrong;
        }
    }
    if (ok && t->encoding && t->encoding->forecast)
        ok = nr_forecast_measure(net, t->encoding->forecast);
    else if (ok)
        ok = nr_residuals_measure(net, &t->findings[NR_RESIDUALS]) &&
             nr_background_choose(net, &t->findings[NR_BACKGROUND]) &&
             nr_reference_make(net, t->fields ? t->fields : net, t->encoding,
                               &t->findings[NR_REFERENCE]);
    nr_net_free(net);
    nr_interleaved_drop(t->weights); /* the refit changes them */
    return ok;
}

void nr_finalize(nr_trainer *t) {
    if (t->finalized) return;
    t->finalized = true;
    for (size_t i = 0; i < t->count && !t->autostop; i++)
        nr_member_test(t, &t->members[i]);
    if (t->autostop && t->backtrack) keep_best(t);
    part_with_far_off(t);
    nr_l2_choose(t);
    nr_summarise(t);
    t->failed = !calibrate(t) || !measure(t);
}
