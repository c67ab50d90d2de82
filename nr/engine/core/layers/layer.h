/* What an operation of a plan does, by its kind.
 *
 * The dense layer, which nearly all are, is here to be inlined: a call through
 * its row would cost a network of 2-3-1 a twentieth of its time. */

#ifndef NR_LAYER_H
#define NR_LAYER_H

#include "kernels/dense.h"
#include "kernels/kernel.h"

/* A panel's sums through the activation, if there is one. */
static inline void nr_dense_activate(const nr_kernels *k, const nr_op *op,
                                     float *y, size_t nv) {
    if (op->activation != NR_NOT_ACTIVATED)
        k->activate(y, op->out, nv, (nr_activation)op->activation);
}

static inline void nr_dense_forward(const nr_kernels *k, const nr_op *op,
                                    const float *w, const float *x, float *y,
                                    size_t nv) {
    k->layer(y, w + nr_dense_row(op->out, 0), 1, op->out, x, w, op->out,
             op->in, nv);
    nr_dense_activate(k, op, y, nv);
}

static inline void nr_op_forward(const nr_kernels *k, const nr_op *op,
                                 const float *w, const float *x, float *y,
                                 size_t nv) {
    if (op->layer == &nr_layer_dense)
        nr_dense_forward(k, op, w, x, y, nv);
    else
        op->layer->forward(k, op, w, x, y, nv);
}

static inline void nr_dense_backward(const nr_kernels *k, const nr_op *op,
                                     const float *w, const float *delta,
                                     float *to, size_t nv) {
    k->layer(to, w + nr_dense_row(op->out, 0), op->out, 1, delta, NULL, op->in,
             op->out, nv);
}

static inline void nr_op_backward(const nr_kernels *k, const nr_op *op,
                                  const float *w, const float *delta, float *to,
                                  size_t nv) {
    if (op->layer == &nr_layer_dense)
        nr_dense_backward(k, op, w, delta, to, nv);
    else
        op->layer->backward(k, op, w, delta, to, nv);
}

static inline void nr_dense_gradient(const nr_kernels *k, const nr_op *op,
                                     float *g, const nr_operands *o) {
    k->gradient(g, o->in, o->in_step, o->delta, o->delta_step, o->panels,
                o->nv_last, o->first, o->last, op->out);
}

static inline void nr_op_gradient(const nr_kernels *k, const nr_op *op, float *g,
                                  const nr_operands *o) {
    if (op->layer == &nr_layer_dense)
        nr_dense_gradient(k, op, g, o);
    else
        op->layer->gradient(k, op, g, o);
}

#endif
