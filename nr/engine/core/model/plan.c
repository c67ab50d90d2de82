/* See plan.h. */

#include "model/plan.h"

#include <stddef.h>
#include <string.h>

#include "model/net.h"

static void add(nr_plan *plan, nr_op op) {
    op.at = plan->params;
    op.params = op.layer->params(&op);
    plan->params += op.params;
    if (op.out > plan->widest) plan->widest = op.out;
    plan->ops[plan->n++] = op;
}

/* A layer between each two numbers of units, and what becomes of the last sums. */
void nr_plan_make(const nr_header *h, nr_plan *plan) {
    size_t out = h->layers[h->nlayers - 1];
    plan->n = plan->params = plan->widest = 0;
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
}

nr_plan *nr_plan_new(const nr_header *h) {
    nr_plan *plan = nr_alloc(offsetof(nr_plan, ops) +
                             h->nlayers * sizeof *plan->ops);
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
