/* See plan.h. */

#include "model/plan.h"

#include <stddef.h>
#include <string.h>

#include "model/net.h"

static void add(nr_plan *plan, nr_op op) {
    op.at = plan->params;
    op.params = op.layer->params(&op);
    plan->params += op.params;
    plan->ops[plan->all++] = op;
}

static void add_cell(nr_plan *plan, nr_cell cell, size_t in, size_t units) {
    nr_op op = {.activation = NR_NOT_ACTIVATED};
    if (cell == NR_LSTM) {
        op.layer = &nr_layer_lstm, op.in = in + units, op.out = 4 * units;
        add(plan, op);
        return;
    }
    op.layer = &nr_layer_gru_input, op.in = in, op.out = 3 * units;
    add(plan, op);
    op.layer = &nr_layer_gru_state, op.in = units;
    add(plan, op);
}

static void add_steps(nr_plan *plan, const nr_recurrent *r) {
    for (size_t f = 0; f < r->fields; f++) {
        size_t in = r->of[f].width;
        if (r->of[f].symbols)
            add(plan, (nr_op){.layer = &nr_layer_embed,
                              .in = r->of[f].symbols,
                              .out = in,
                              .activation = NR_NOT_ACTIVATED});
        for (size_t l = 0; l < r->layers; in = r->units[l++])
            add_cell(plan, r->cell, in, r->units[l]);
    }
}

/* A layer between each two numbers of units, and what becomes of the last sums. */
void nr_plan_make(const nr_header *h, nr_plan *plan) {
    size_t out = h->layers[h->nlayers - 1];
    plan->n = h->nlayers;
    plan->all = plan->params = plan->widest = 0;
    plan->recurrent = h->recurrent;
    for (size_t l = 1; l < h->nlayers; l++)
        if (h->layers[l] > plan->widest) plan->widest = h->layers[l];
    for (size_t l = 1; l < h->nlayers; l++)
        add(plan, (nr_op){.layer = &nr_layer_dense,
                          .in = h->layers[l - 1],
                          .out = h->layers[l],
                          .activation = l + 1 < h->nlayers
                                            ? (int)h->options.activation
                                            : NR_NOT_ACTIVATED});
    add(plan, (nr_op){.layer = &nr_layer_head,
                      .in = out,
                      .out = out,
                      .activation = NR_NOT_ACTIVATED,
                      .head = nr_net_head(h)});
    add_steps(plan, &h->recurrent);
}

static size_t count_ops(const nr_header *h) {
    const nr_recurrent *r = &h->recurrent;
    return h->nlayers + r->fields * (1 + 2 * r->layers);
}

nr_plan *nr_plan_new(const nr_header *h) {
    nr_plan *plan = nr_alloc(offsetof(nr_plan, ops) +
                             count_ops(h) * sizeof *plan->ops);
    if (!plan) return NULL;
    atomic_init(&plan->refs, 1);
    nr_plan_make(h, plan);
    return plan;
}

nr_plan *nr_plan_hold(nr_plan *plan) {
    atomic_fetch_add_explicit(&plan->refs, 1, memory_order_relaxed);
    return plan;
}

void nr_plan_drop(nr_plan *plan) {
    if (plan && atomic_fetch_sub_explicit(&plan->refs, 1,
                                          memory_order_acq_rel) == 1)
        nr_release(plan);
}
