/* AUTOSTOP: when a training has gone far enough.
 *
 * By default training goes on until the last progress on the testing dataset is
 * half as many cycles old as it took to get there, and at least 100: small
 * datasets have plateaus that a fixed small patience takes for the end.
 * (Prechelt, "Early stopping - but when?", 1998, compares rules of this kind.)
 * Progress is a hundredth of the error, however slowly gained; less is kept as
 * the best, but not waited for: an error that sinks for ever must not train for
 * ever. PATIENCE n fixes the number of cycles. CLASSIC counts alarms, as Neural Redis did: the training
 * error falls while the testing error rises; five of them stop it, a new best
 * clears them, any other cycle takes one back. */

#include <string.h>

#include "train/tuning.h"
#include "train/train.h"

enum { CLASSIC_ALARMS = 5 };

void nr_remember(nr_trainer *t, nr_member *m, uint64_t cycle) {
    m->best_cycle = cycle;
    if (m->test_error < m->progress_test * (1 - NR_STUDY_DELTA)) {
        m->progress_cycle = cycle;
        m->progress_test = m->test_error;
    }
    m->best_train = m->train_error;
    m->best_test = m->test_error;
    m->best_class = m->class_errors;
    memcpy(m->best, m->w, t->params * sizeof *m->best);
}

static bool patience_ends(const nr_trainer *t, const nr_member *m,
                          uint64_t cycle) {
    int64_t patience = t->net->h.options.patience;
    uint64_t since = cycle - m->progress_cycle;
    if (patience > 0) return since >= (uint64_t)patience;
    double most = NR_STUDY_PATIENCE * (double)m->progress_cycle;
    if (most < NR_STUDY_MIN_CYCLES) most = NR_STUDY_MIN_CYCLES;
    return cycle >= NR_STUDY_MIN_CYCLES && (double)since >= most;
}

/* To be called before the best error so far is updated. */
static bool alarms_end(nr_member *m, bool better) {
    bool alarm =
        m->train_error < m->past_train && m->test_error > m->past_test;
    if (alarm) {
        if (++m->alarms == CLASSIC_ALARMS) return true;
    } else if (m->alarms) {
        m->alarms--;
    }
    if (better) m->alarms = 0;
    m->past_train = m->train_error;
    m->past_test = m->test_error;
    return false;
}

void nr_judge(nr_trainer *t, nr_member *m) {
    const double nothing = 1e-15;
    uint64_t cycle = t->cycles + 1; /* this one is not counted yet */
    bool classic = t->net->h.options.classic;
    bool better = m->test_error < m->best_test;
    if (classic && alarms_end(m, better)) m->overfitting = true;
    if (better && !m->overfitting) nr_remember(t, m, cycle);
    if (!classic && patience_ends(t, m, cycle)) m->overfitting = true;
    bool perfect = m->train_error < nothing && m->test_error < nothing;
    m->over = m->overfitting || perfect;
}
