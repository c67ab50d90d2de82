/* Gradients of the samples of a round, summed, and weights that are moved by
 * them: the second half of a round (passes.c). */

#include <string.h>

#include "layers/layer.h"
#include "train/pass.h"
#include "train/recurrent.h"
#include "train/tuning.h"

/* In its place: for the smallest networks a call takes 7% of a training. */
INLINE void optimise(const nr_trainer *t, float *w, float *g, size_t at,
                     size_t n) {
    const nr_options *o = &t->net->h.options;
    float *m = t->now->memory[0] + at, *v = t->now->memory[1] + at;
    nr_rprop_rule rprop = {1.2f, 0.5f, NR_STUDY_MOST, 1e-6f, NR_STUDY_BACK};
    if (o->classic) rprop = (nr_rprop_rule){1.2f, 0.5f, 50, 1e-6f, true};
    float rate = (float)(t->rate * t->rate_now);
    nr_adam_rule adam = {rate, 0.9f, 0.999f, 1e-8f, 1, 1};
    switch (o->optimizer) {
    case NR_RPROP: t->k->rprop(w, g, m, v, n, &rprop); break;
    case NR_ADAM:
        adam.correct1 = (float)(1 / (1 - t->now->power1));
        adam.correct2 = (float)(1 / (1 - t->now->power2));
        t->k->adam(w, g, m, v, n, &adam);
        break;
    case NR_SGD: t->k->sgd(w, g, m, n, rate, (float)t->momentum); break;
    }
}

void nr_optimise(const nr_trainer *t, float *w, float *g, size_t at, size_t n) {
    optimise(t, w, g, at, n);
}

/* What makes a unit: some inputs of an operation, and the rows of their weights;
 * with the first goes that of the biases. */
typedef struct rows {
    const nr_op *op;
    size_t first, last;   /* inputs */
    size_t at, n, biases; /* floats: the first, how many, of them biases */
} rows;

INLINE rows rows_of(const nr_pass *p, size_t unit) {
    const nr_op *op = p->t->plan->ops;
    for (; unit >= nr_units_of(p, op); op++) unit -= nr_units_of(p, op);
    rows r = {.op = op, .first = unit * p->inputs};
    r.last = r.first + p->inputs < op->in ? r.first + p->inputs : op->in;
    r.biases = unit == 0 ? nr_dense_row(op->out, 0) : 0;
    r.at = op->at + nr_dense_row(op->out, r.first) - r.biases;
    r.n = (r.last - r.first) * op->out + r.biases;
    return r;
}

static void add_rows(const nr_trainer *t, const rows *r, const nr_sum *to,
                     const nr_sum *from) {
    t->k->decay(to->g + r->at, from->g + r->at, r->n, 1, 1);
}

/* Of the round's block at a place, and of what is complete with it. */
static void sum_rows(const nr_pass *p, size_t place, const rows *r) {
    nr_trainer *t = p->t;
    const nr_op *op = r->op;
    const nr_block *b = &t->workspace.blocks[place];
    const nr_sum *sum = b->turn.sum;
    size_t l = (size_t)(op - t->plan->ops), at = place * NR_BLOCK;
    nr_operands o = {.in_step = op->in * NR_LANES,
                     .delta_step = op->out * NR_LANES,
                     .panels = b->panels,
                     .first = r->first,
                     .last = r->last};
    if (b->panels == 0) return;
    if (b->turn.fresh) memset(sum->g + r->at, 0, r->n * sizeof(float));
    if (l >= t->plan->n) {
        nr_strands_gradient(t, op, sum->g + op->at, at, b->panels,
                            nr_lanes_of(b, b->panels - 1), r->first, r->last);
    } else if (l == 0 && t->sparse) {
        nr_sparse_gradient(t, place, r->first, r->last);
    } else {
        o.in = l ? t->workspace.act[l - 1] + at * o.in_step : nr_inputs_of(p, b, at);
        o.delta = t->workspace.delta[l] + at * o.delta_step;
        o.nv_last = (nr_lanes_of(b, b->panels - 1) + 15) / 16;
        nr_op_gradient(t->k, op, sum->g + op->at, &o);
    }
    for (unsigned i = 0; i < b->turn.merges; i++, sum--)
        add_rows(t, r, sum - 1, sum);
}

static void move_rows(const nr_pass *p, const rows *r) {
    nr_trainer *t = p->t;
    for (size_t i = 0; i < t->njoins; i++)
        add_rows(t, r, t->joins[i].to, t->joins[i].from);
    float *w = t->now->w + r->at, *g = t->root->g + r->at;
    size_t free = t->l2 == 0 ? r->n : r->biases; /* do not decay */
    float scale = p->clipped / (float)p->step->n;
    if (r->op == t->plan->ops && t->sparse)
        nr_sparse_finish(t, r->first, r->last);
    t->k->decay(g, w, free, scale, 0);
    t->k->decay(g + free, w + free, r->n - free, scale, (float)t->l2);
    if (p->move) optimise(t, w, g, r->at, r->n);
}

void nr_gradient_job(void *context, size_t unit) {
    const nr_pass *p = context;
    size_t part = 0;
    for (; unit >= p->units; unit -= p->units) part++;
    rows r = rows_of(p, unit);
    for (size_t i = 0; i < p->each; i++) sum_rows(p, part * p->each + i, &r);
    if (p->last) move_rows(p, &r);
}

void nr_join_job(void *context, size_t unit) {
    const nr_pass *p = context;
    rows r = rows_of(p, unit);
    for (size_t i = 0; i < p->t->njoins; i++)
        add_rows(p->t, &r, p->t->joins[i].to, p->t->joins[i].from);
}

void nr_move_job(void *context, size_t unit) {
    rows r = rows_of(context, unit);
    move_rows(context, &r);
}
