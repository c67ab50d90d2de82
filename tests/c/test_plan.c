/* The plan: a network as a list of operations. */

#include "making.h"

static void expect_plan(const char *create, size_t layers, nr_head head) {
    nr_net *net = make(create), *clone = nr_net_clone(net);
    const nr_plan *plan = net->plan;
    size_t at = 0;
    CHECK(plan->n == layers + 1 && clone->plan == plan);
    CHECK(nr_plan_first(plan)->in == nr_inputs(net));
    CHECK(nr_plan_last(plan)->out == nr_outputs(net));
    for (size_t i = 0; i < plan->n; i++) {
        const nr_op *op = &plan->ops[i];
        bool last = i + 1 == plan->n;
        CHECK(op->at == at && op->params == op->layer->params(op));
        CHECK(op->layer == (last ? &nr_layer_head : &nr_layer_dense));
        CHECK(i == 0 || op->in == op[-1].out);
        CHECK((op->activation == NR_NOT_ACTIVATED) == (i + 2 >= plan->n));
        at += op->params;
    }
    CHECK(plan->ops[layers].head == head);
    CHECK(at == plan->params && at == net->params);
    CHECK(nr_weights_len(&net->h) ==
          nr_member_at(net, (size_t)net->h.options.members) +
              2 * (nr_inputs(net) + nr_outputs(net)));
    nr_net_free(net); /* the clone still has it */
    CHECK(clone->plan->n == layers + 1);
    nr_net_free(clone);
}

static void test_a_plan_says_where_everything_lies(void) {
    expect_plan("NR.CREATE k CLASSIFIER 5 -> 3", 1, NR_SOFTMAX);
    expect_plan("NR.CREATE k CLASSIFIER 5 7 9 -> 3 LOSS MSE", 3, NR_LOGISTIC);
    expect_plan("NR.CREATE k REGRESSOR 1 2 -> 1 MEMBERS 3", 2, NR_LINEAR);
    expect_plan("NR.CREATE k REGRESSOR 9 4 -> 2 CLASSIC", 2, NR_LOGISTIC);
}

int main(void) {
    test_a_plan_says_where_everything_lies();
    return summary();
}
