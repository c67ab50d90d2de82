/* See generators.h. */

#include <math.h>
#include <string.h>

#include "train/generators.h"

enum { IMPATIENT = 6 }; /* a training ends after such a part of its cycles without
                           progress */
static const double STEP_WORK = 5e7; /* multiply-adds */

/* ================================= Making ================================ */

bool nr_generator_afresh(const nr_net *net, const nr_command *cmd) {
    nr_ending ending = net->h.stats.ending;
    bool done = ending == NR_ENDED_AUTOSTOP || ending == NR_ENDED_CYCLES;
    return !net->inner || (cmd->backtrack && done);
}

static nr_bytes get_record(const void *context, size_t dataset, size_t i) {
    return nr_record_at(context, (nr_dataset_id)dataset, i);
}

nr_records nr_generator_records(const nr_net *net) {
    return (nr_records){net->schema, {net->h.len[0], net->h.len[1]}, get_record,
                        net, (size_t)net->h.options.vocabulary, false};
}

nr_header nr_generator_header(const nr_net *net) {
    nr_header h = net->h;
    h.kind = NR_CLASSIFIER;
    h.options.loss = NR_CROSSENTROPY;
    h.options.members = 1;
    h.options.normalize = false;
    h.records = NR_FIXED;
    h.bytes[0] = h.bytes[1] = 0;
    h.maxlen[0] = h.maxlen[1] = h.len[0] = h.len[1] = 0;
    h.trained = false;
    return h;
}

nr_trainer *nr_generator_trainer(const nr_net *net) {
    nr_trainer *t = nr_alloc(sizeof *t);
    if (!t) return NULL;
    memset(t, 0, sizeof *t);
    if ((t->fields = nr_net_bare(net))) return t;
    nr_trainer_free(t);
    return NULL;
}

void nr_generator_options(nr_trainer *t, const nr_command *cmd,
                          const nr_generator_usual *usual) {
    const nr_options *o = &t->net->h.options;
    t->maxtime = cmd->maxtime;
    t->autostop = cmd->autostop;
    t->backtrack = cmd->autostop && cmd->backtrack;
    t->stride = 1;
    t->rate_now = 1;
    t->momentum = 0;
    t->rate = o->learnrate;
    if (o->learnrate < 0)
        t->rate = o->optimizer == NR_RPROP ? 0.01
                                           : usual->rate[o->optimizer == NR_SGD];
    t->clip = o->clip > 0 ? o->clip : usual->clip;
    t->dropout = o->dropout >= 0 ? o->dropout : usual->dropout;
    t->l2 = o->l2 > 0 ? o->l2 : 0;
    t->maxcycles = cmd->maxcycles;
}

uint64_t nr_generator_cycles(const nr_generator_usual *usual, size_t steps) {
    size_t cycles = usual->steps / steps;
    if (cycles < usual->cycles) return usual->cycles;
    return cycles < usual->most_cycles ? cycles : usual->most_cycles;
}

/* ================================= Cycles ================================ */

static void end(nr_trainer *t, nr_ending ending) {
    t->ending = ending;
    t->over = true;
}

void nr_generator_step(nr_trainer *t, uint64_t elapsed_ms, double work,
                       void (*step)(nr_trainer *t)) {
    if (!t->over && t->cycles && t->maxtime && elapsed_ms >= t->maxtime)
        end(t, NR_ENDED_TIME);
    for (double done = 0; done < STEP_WORK && !t->over; done += work) {
        if (atomic_load_explicit(&t->stop, memory_order_relaxed))
            end(t, NR_ENDED_STOP);
        else
            step(t);
    }
}

static void judge(nr_trainer *t) {
    nr_member *m = t->now;
    int64_t patience = t->net->h.options.patience;
    if (patience < 0) patience = (int64_t)(t->maxcycles / IMPATIENT) + 1;
    if (m->test_error < m->best_test) {
        m->best_test = m->test_error;
        m->best_train = m->train_error;
        m->best_cycle = t->cycles;
        memcpy(m->best, m->w, t->params * sizeof *m->w);
    } else if (t->cycles - m->best_cycle >= (uint64_t)patience) {
        end(t, NR_ENDED_AUTOSTOP);
    }
}

void nr_generator_end_cycle(nr_trainer *t) {
    const nr_member *m = t->now;
    t->done = 0;
    t->steps += t->train.n;
    t->cycles++;
    nr_summarise(t);
    nr_course_add(t);
    if (!isfinite(m->train_error) || !isfinite(m->test_error))
        end(t, NR_ENDED_DIVERGED);
    if (t->autostop && !t->over) judge(t);
    if (!t->over && t->cycles >= t->maxcycles) end(t, NR_ENDED_CYCLES);
}

void nr_generator_keep_best(nr_trainer *t) {
    nr_member *m = t->now;
    if (!t->backtrack || !isfinite(m->best_test)) return;
    memcpy(m->w, m->best, t->params * sizeof *m->w);
    m->test_error = m->best_test;
    m->train_error = m->best_train;
    nr_summarise(t);
}
