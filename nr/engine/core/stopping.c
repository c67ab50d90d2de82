/* AUTOSTOP: when a training has gone far enough.
 *
 * By default training goes on until the best error on the testing dataset is
 * as many cycles old as it took to reach it, and at least 100: small datasets
 * have plateaus that a fixed small patience takes for the end. (Prechelt, "Early
 * stopping - but when?", 1998, compares rules of this kind.) PATIENCE n fixes
 * the number of cycles. CLASSIC counts alarms, as Neural Redis did: the training
 * error falls while the testing error rises; five of them stop it, a new best
 * clears them, any other cycle takes one back. */

#include <string.h>

#include "train.h"

enum { MIN_CYCLES = 100, CLASSIC_ALARMS = 5 };

static void remember(nr_trainer *t) {
    t->best.cycle = t->cycles;
    t->best.train_error = t->train_error;
    t->best.test_error = t->test_error;
    t->best.class_errors = t->class_errors;
    if (t->best.w)
        memcpy(t->best.w, t->f.layers, t->params * sizeof *t->best.w);
}

static bool patience_ends(const nr_trainer *t) {
    int64_t patience = t->net->h.options.patience;
    uint64_t since = t->cycles - t->best.cycle;
    if (patience > 0) return since >= (uint64_t)patience;
    uint64_t most = t->best.cycle > MIN_CYCLES ? t->best.cycle : MIN_CYCLES;
    return t->cycles >= MIN_CYCLES && since >= most;
}

/* To be called before the best error so far is updated. */
static bool alarms_end(nr_trainer *t, bool better) {
    bool alarm =
        t->train_error < t->past_train && t->test_error > t->past_test;
    if (alarm) {
        if (++t->alarms == CLASSIC_ALARMS) return true;
    } else if (t->alarms) {
        t->alarms--;
    }
    if (better) t->alarms = 0;
    t->past_train = t->train_error;
    t->past_test = t->test_error;
    return false;
}

void nr_judge(nr_trainer *t) {
    const double nothing = 1e-15;
    bool classic = t->net->h.options.classic;
    bool better = t->test_error < t->best.test_error;
    if (classic && alarms_end(t, better)) t->overfitting = true;
    if (better && !t->overfitting) remember(t);
    if (!classic && patience_ends(t)) t->overfitting = true;
    bool perfect = t->train_error < nothing && t->test_error < nothing;
    if (!t->overfitting && !perfect) return;
    t->over = true;
    t->ending = NR_ENDED_AUTOSTOP;
}
