/* See behind.h. */

#include <string.h>

#include "layers/layer.h"
#include "run/behind.h"

bool nr_behind_make(nr_behind *b, const nr_net *net, size_t nv) {
    nr_error err;
    const nr_array *weights = nr_net_ready(net, &err);
    *b = (nr_behind){.net = net, .nv = nv};
    if (!weights) return false;
    b->k = nr_kernels_now();
    b->head = nr_net_head(&net->h);
    b->f = nr_factors_of(&net->h, weights->data);
    b->members = (size_t)net->h.options.members;
    size_t panel = NR_LANES * sizeof(float);
    b->from = nr_alloc_lines(net->plan->widest, panel);
    b->to = nr_alloc_lines(net->plan->widest, panel);
    b->mean = nr_alloc_lines(nr_outputs(net), panel);
    return b->from && b->to && b->mean;
}

void nr_behind_free(nr_behind *b) {
    nr_release_lines(b->from);
    nr_release_lines(b->to);
    nr_release_lines(b->mean);
}

static void run_first(const nr_behind *b, const nr_op *op, const float *sums,
                      const float *more, float *x) {
    if (b->powers) {
        b->k->squash(x, sums, more, op->out, b->nv,
                     (nr_activation)op->activation);
        return;
    }
    if (more)
        b->k->join(x, sums, more, op->out, b->nv, false);
    else
        memcpy(x, sums, op->out * NR_LANES * sizeof *x);
    nr_dense_activate(b->k, op, x, b->nv);
}

/* A member's outputs of its first layer's sums. */
static const float *run_member(const nr_behind *b, size_t m, const float *sums,
                               const float *more) {
    const nr_plan *plan = b->net->plan;
    const nr_op *op = nr_plan_first(plan);
    size_t out = nr_outputs(b->net);
    float *x = b->from, *y = b->to;
    run_first(b, op, sums, more, x);
    for (size_t i = 1; i + 1 < plan->n; i++) {
        op = &plan->ops[i];
        nr_op_forward(b->k, op, nr_behind_member(b, m) + op->at, x, y, b->nv);
        float *last = x;
        x = y, y = last;
    }
    for (size_t o = 0; o < out && b->head == NR_SOFTMAX; o++)
        for (size_t l = 0; l < b->nv * 16; l++)
            x[o * NR_LANES + l] *= b->f.out_scale[o];
    b->k->head(x, out, b->nv, b->head);
    return x;
}

const float *nr_behind_mean(nr_behind *b, const float *sums, const float *more) {
    size_t floats = nr_outputs(b->net) * NR_LANES;
    size_t each = nr_plan_first(b->net->plan)->out * NR_LANES;
    memset(b->mean, 0, floats * sizeof *b->mean);
    for (size_t m = 0; m < b->members; m++) {
        const float *y = run_member(b, m, sums + m * each,
                                    more ? more + m * each : NULL);
        b->k->join(b->mean, b->mean, y, nr_outputs(b->net), b->nv, false);
    }
    for (size_t i = 0; i < floats; i++) b->mean[i] /= (float)b->members;
    return b->mean;
}
