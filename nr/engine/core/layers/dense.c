/* The dense layer: each output is the sum of all inputs times its weights, and a
 * bias, through an activation. */

#include <math.h>

#include "layers/layer.h"

static size_t params(const nr_op *op) {
    return nr_dense_params(op->in, op->out);
}

/* Glorot and Bengio (2010), normal, biases zero; classic: uniform in +-0.05,
 * biases as well. */
static void init(const nr_op *op, const nr_header *h, float *w, uint64_t *key) {
    float sd = (float)sqrt(2.0 / (double)(op->in + op->out));
    size_t biases = nr_dense_row(op->out, 0);
    for (size_t i = 0; i < op->params; i++) {
        uint64_t bits = nr_mix((*key)++);
        if (h->options.classic)
            w[i] = 0.05f * nr_uniform(bits);
        else
            w[i] = i < biases ? 0 : sd * nr_normal(bits);
    }
}

const nr_layer nr_layer_dense = {
    .name = "dense",
    .params = params,
    .init = init,
    .forward = nr_dense_forward,
    .backward = nr_dense_backward,
    .gradient = nr_dense_gradient,
};
