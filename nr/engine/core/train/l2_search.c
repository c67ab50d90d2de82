/* How strong L2 is to be: the samples say.
 *
 * No one strength suits all data: what keeps a network from learning the noise
 * of iris by heart keeps it from learning circles at all, and neither the
 * number of samples nor that of inputs tells which it is. So members try
 * other strengths while AUTOSTOP watches the testing dataset: of few members,
 * one is less and one is more than the middle one; of eight, five strengths
 * span four decades, most of them below the middle one, since the most that
 * L2 may be is known better than the least. The one whose members erred least
 * is taken for all, and the refit learns with it. The middle one is taken where
 * another is better by no more than chance: a testing dataset of a few dozen
 * samples is a poor judge, and so is a single member. */

#include <math.h>
#include <string.h>

#include "train/recurrent.h"
#include "train/tuning.h"
#include "train/train.h"

enum { MIDDLE, LESS, MORE, MUCH_LESS, LEAST, STRENGTHS, FEW_STRENGTHS = 3 };

/* What the user said, or the middle one: the more samples speak against it,
 * the less L2 has to say. It does not grow any more where inputs exceed half of
 * the samples: it would leave nothing of a network. What a tanh computes takes
 * a sigmoid twice the weights before it, and twice those behind. */
double nr_l2_for(const nr_trainer *t, size_t samples) {
    const nr_options *o = &t->net->h.options;
    double per_input = t->head == NR_SOFTMAX ? NR_STUDY_L2 : NR_STUDY_L2_MSE;
    size_t many = samples > NR_STUDY_FEW ? samples : NR_STUDY_FEW;
    if (o->classic) return 0;
    if (o->l2 < 0 && nr_is_recurrent(t)) return 0;
    if (o->l2 >= 0) return o->l2;
    if (o->activation == NR_SIGMOID) per_input /= NR_STUDY_SIGMOID;
    double all = t->net->extent > 0 ? t->net->extent
                                    : (double)nr_inputs(t->net);
    return per_input * fmin(all / (double)many, NR_STUDY_MOST_INPUTS);
}

/* Which one a member tries. */
static size_t choice_of(const nr_trainer *t, size_t member) {
    static const unsigned char order[] = {MIDDLE, LESS,   MORE,      MIDDLE,
                                          LESS,   MIDDLE, MUCH_LESS, LEAST};
    return t->count < sizeof order ? member % FEW_STRENGTHS
                                   : order[member % sizeof order];
}

/* Not where the user said how strong, nor where too few members would be left
 * to learn at each. */
static bool tried(const nr_trainer *t) {
    const nr_options *o = &t->net->h.options;
    return t->backtrack && !o->classic && o->l2 < 0 && !nr_is_recurrent(t) &&
           t->count > FEW_STRENGTHS;
}

void nr_l2_search_begin(nr_trainer *t) {
    const double s = NR_STUDY_SPREAD;
    const double factors[] = {1, 1 / s, s, 1 / (s * s), 1 / (s * s * s)};
    for (size_t i = 0; i < t->count; i++)
        t->members[i].l2 = t->l2 * (tried(t) ? factors[choice_of(t, i)] : 1);
}

/* The members of a choice: the mean of their errors, infinite where there are none
 * or one diverged at once; and how many they are. */
static double mean_error(const nr_trainer *t, size_t choice, size_t *n) {
    double sum = 0;
    *n = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (choice_of(t, i) != choice) continue;
        sum += t->members[i].best_test;
        ++*n;
    }
    return *n ? sum / (double)*n : INFINITY;
}

static size_t best_choice(const nr_trainer *t) {
    const double alone = 1.5; /* so much more must a single member gain */
    size_t best = MIDDLE, n;
    double chance = NR_STUDY_CHANCE / sqrt((double)t->test.n);
    double middle = mean_error(t, MIDDLE, &n), least = INFINITY;
    for (size_t s = LESS; s < STRENGTHS; s++) {
        double error = mean_error(t, s, &n);
        double gain = n == 1 ? alone * chance : chance;
        if (!(error < middle * (1 - gain) && error < least)) continue;
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

/* The members that tried the best one lend their weights in turn. */
void nr_l2_choose(nr_trainer *t) {
    if (!tried(t)) return;
    size_t best = best_choice(t), next = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (choice_of(t, i) == best) continue;
        while (choice_of(t, next) != best) next = (next + 1) % t->count;
        become(t, &t->members[i], &t->members[next]);
        next = (next + 1) % t->count;
    }
}

/* The refit has more samples than its strength was chosen by. */
void nr_l2_refit(const nr_trainer *t, nr_member *m) {
    double chosen_by = nr_l2_for(t, t->train.n);
    if (chosen_by > 0 && NR_STUDY_REFIT_L2)
        m->l2 *= nr_l2_for(t, t->train.n + t->test.n) / chosen_by;
}
