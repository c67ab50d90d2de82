/* How strong L2 is to be: the samples say.
 *
 * No one strength suits all data: what keeps a network from learning the noise
 * of iris by heart keeps it from learning circles at all, and neither the
 * number of samples nor that of inputs tells which it is. So members try
 * three strengths while AUTOSTOP watches the testing dataset, the middle one
 * and some times less and more; the one whose members erred least is
 * taken for all, and the refit learns with it. The middle one is taken where
 * another is better by no more than chance: a testing dataset of a few dozen
 * samples is a poor judge. */

#include <math.h>
#include <string.h>

#include "train/tuning.h"
#include "train/train.h"

enum { MIDDLE, LESS, MORE, STRENGTHS };

/* What the user said, or the middle one: the more samples speak against it,
 * the less L2 has to say. */
double nr_strength_for(const nr_trainer *t, size_t samples) {
    const nr_options *o = &t->net->h.options;
    double per_input = t->head == NR_SOFTMAX ? NR_STUDY_L2 : NR_STUDY_L2_MSE;
    size_t many = samples > NR_STUDY_FEW ? samples : NR_STUDY_FEW;
    if (o->classic) return 0;
    if (o->l2 >= 0) return o->l2;
    return per_input * (double)nr_inputs(t->net) / (double)many;
}

static size_t strength_of(const nr_trainer *t, const nr_member *m) {
    return (size_t)(m - t->members) % STRENGTHS;
}

/* Not where the user said how strong, nor where too few members would be left
 * to learn at each. */
static bool tried(const nr_trainer *t) {
    const nr_options *o = &t->net->h.options;
    return t->backtrack && !o->classic && o->l2 < 0 && t->count > STRENGTHS;
}

void nr_strengths_try(nr_trainer *t) {
    static const double factors[STRENGTHS] = {1, 1 / NR_STUDY_SPREAD,
                                              NR_STUDY_SPREAD};
    for (size_t i = 0; i < t->count; i++) {
        nr_member *m = &t->members[i];
        m->l2 = t->l2 * (tried(t) ? factors[strength_of(t, m)] : 1);
    }
}

static double mean_error(const nr_trainer *t, size_t strength) {
    double sum = 0, n = 0;
    for (size_t i = strength; i < t->count; i += STRENGTHS) {
        sum += t->members[i].best_test; /* infinite: diverged at once */
        n++;
    }
    return sum / n;
}

static size_t best_strength(const nr_trainer *t) {
    double chance = NR_STUDY_CHANCE / sqrt((double)t->test.n);
    double least = mean_error(t, MIDDLE) * (1 - chance);
    size_t best = MIDDLE;
    for (size_t s = LESS; s < STRENGTHS; s++) {
        double error = mean_error(t, s);
        if (!(error < least)) continue;
        best = s;
        least = error;
    }
    return best;
}

/* All but the start, which stays a member's own: the refit begins there. */
static void become(const nr_trainer *t, nr_member *m, const nr_member *other) {
    memcpy(m->w, other->w, t->params * sizeof *m->w);
    memcpy(m->best, other->best, t->params * sizeof *m->best);
    m->l2 = other->l2;
    m->best_cycle = other->best_cycle;
    m->train_error = other->train_error;
    m->test_error = other->test_error;
    m->class_errors = other->class_errors;
}

void nr_strength_choose(nr_trainer *t) {
    if (!tried(t)) return;
    size_t best = best_strength(t), next = best;
    for (size_t i = 0; i < t->count; i++) {
        if (i % STRENGTHS == best) continue;
        become(t, &t->members[i], &t->members[next]);
        next += STRENGTHS;
        if (next >= t->count) next = best;
    }
}

/* The refit has more samples than its strength was chosen by. */
void nr_strength_refit(const nr_trainer *t, nr_member *m) {
    double chosen_by = nr_strength_for(t, t->train.n);
    if (chosen_by > 0 && NR_STUDY_REFIT_L2)
        m->l2 *= nr_strength_for(t, t->train.n + t->test.n) / chosen_by;
}
