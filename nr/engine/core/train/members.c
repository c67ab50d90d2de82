/* Where a member stands, its weights aside, as numbers that others take: ranks that
 * share a training, and whoever goes on with one that was saved. */

#include "train/train.h"

nr_standing nr_standing_of(const nr_member *m) {
    return (nr_standing){.shuffle = m->shuffle,
                         .best_cycle = m->best_cycle,
                         .progress_cycle = m->progress_cycle,
                         .left = m->left,
                         .alarms = m->alarms,
                         .over = m->over,
                         .overfitting = m->overfitting,
                         .diverged = m->diverged,
                         .l2 = m->l2,
                         .power1 = m->power1,
                         .power2 = m->power2,
                         .began = m->began,
                         .train_error = m->train_error,
                         .test_error = m->test_error,
                         .class_errors = m->class_errors,
                         .best_train = m->best_train,
                         .best_test = m->best_test,
                         .best_class = m->best_class,
                         .progress_test = m->progress_test,
                         .past_train = m->past_train,
                         .past_test = m->past_test};
}

void nr_stand(nr_member *m, const nr_standing *s) {
    m->shuffle = s->shuffle;
    m->best_cycle = s->best_cycle;
    m->progress_cycle = s->progress_cycle;
    m->left = s->left;
    m->alarms = (unsigned)s->alarms;
    m->over = s->over != 0;
    m->overfitting = s->overfitting != 0;
    m->diverged = s->diverged != 0;
    m->l2 = s->l2;
    m->power1 = s->power1;
    m->power2 = s->power2;
    m->began = s->began;
    m->train_error = s->train_error;
    m->test_error = s->test_error;
    m->class_errors = s->class_errors;
    m->best_train = s->best_train;
    m->best_test = s->best_test;
    m->best_class = s->best_class;
    m->progress_test = s->progress_test;
    m->past_train = s->past_train;
    m->past_test = s->past_test;
}
