/* Heads and losses. A part of kernel.c, which is compiled once for each
 * instruction set. */

#ifndef NR_LOSSES_H
#define NR_LOSSES_H

#include "kernels/kernel.h"
#include "kernels/vec.h"

/* x becomes e^(x - max); returns the sum over units. */
INLINE v16 softmax_powers(float *x, size_t units, v16 *max) {
    v16 most = v_again(x), sum = v_set(0);
    for (size_t u = 1; u < units; u++)
        most = v_max(most, v_again(x + u * NR_LANES));
    for (size_t u = 0; u < units; u++) {
        v16 e = v_exp(v_sub(v_again(x + u * NR_LANES), most));
        v_store(x + u * NR_LANES, e);
        sum = v_add(sum, e);
    }
    *max = most;
    return sum;
}

static void head_outputs(float *x, size_t units, size_t nv, nr_head kind) {
    v16 max;
    if (kind == NR_LOGISTIC) activate(x, units, nv, NR_SIGMOID);
    if (kind != NR_SOFTMAX) return;
    for (size_t v = 0; v < nv; v++, x += 16) {
        v16 sum = softmax_powers(x, units, &max);
        for (size_t u = 0; u < units; u++)
            v_store(x + u * NR_LANES, v_div(v_again(x + u * NR_LANES), sum));
    }
}

/* Ones where the largest unit is not the class. */
INLINE v16 misses(const float *x, size_t units, v16 class) {
    v16 most = v_again(x), which = v_set(0);
    for (size_t u = 1; u < units; u++) {
        v16 y = v_again(x + u * NR_LANES);
        which = v_if_gt(y, most, v_set((float)u), which);
        most = v_max(most, y);
    }
    return v_if_eq(which, class, v_set(0), v_set(1));
}

/* Cross-entropy of sixteen samples: x, the logits, become the deltas p - t,
 * where t shares `smoothing` among all classes. */
INLINE void cross_entropy(float *x, const nr_target *t, v16 class, v16 mask,
                          nr_losses *sum) {
    size_t units = t->units;
    float share = t->smoothing / (float)units;
    const v16 off = v_set(share), on = v_set(1 - t->smoothing + share);
    v16 wrong = misses(x, units, class), own = v_set(0), all = v_set(0), max;
    for (size_t u = 0; u < units; u++) {
        v16 z = v_again(x + u * NR_LANES);
        own = v_if_eq(class, v_set((float)u), z, own);
        all = v_add(all, z);
    }
    v16 total = softmax_powers(x, units, &max);
    v16 inverse = v_div(v_set(1), total), log_total = v_log(total);
    for (size_t u = 0; u < units; u++) {
        v16 p = v_mul(v_again(x + u * NR_LANES), inverse);
        v16 goal = v_if_eq(class, v_set((float)u), on, off);
        v_store(x + u * NR_LANES, v_mul(v_sub(p, goal), mask));
    }
    own = v_sub(own, max);
    all = v_sub(all, v_mul(v_set((float)units), max));
    v16 goal = v_fma(v_set(1 - t->smoothing), own, v_mul(off, all));
    sum->error += (double)v_sum(v_mul(v_sub(log_total, own), mask));
    sum->objective += (double)v_sum(v_mul(v_sub(log_total, goal), mask));
    sum->wrong += (double)v_sum(v_mul(wrong, mask));
}

/* Half the summed squared error; x, the outputs, become the deltas. */
INLINE void squared(float *x, nr_head kind, const nr_target *t,
                    const float *target, v16 mask, nr_losses *sum) {
    v16 loss = v_set(0), class = v_load(target), wrong = v_set(0);
    if (t->classes) wrong = misses(x, t->units, class);
    for (size_t u = 0; u < t->units; u++) {
        float *at = x + u * NR_LANES;
        v16 y = v_load(at);
        v16 goal = t->classes ? v_if_eq(class, v_set((float)u), v_set(1),
                                        v_set(0))
                              : v_load(target + u * NR_LANES);
        v16 off = v_sub(y, goal), d = v_mul(off, mask);
        loss = v_fma(d, off, loss);
        if (kind == NR_LOGISTIC) d = v_mul(d, slope(y, NR_SIGMOID));
        v_store(at, d);
    }
    double half = 0.5 * (double)v_sum(loss);
    sum->error += half;
    sum->objective += half;
    sum->wrong += (double)v_sum(v_mul(wrong, mask));
}

static nr_losses loss(float *x, nr_head kind, const nr_target *t) {
    nr_losses sum = {0, 0, 0};
    for (size_t l = 0; l < t->lanes; l += 16) {
        v16 mask = v_first(t->lanes - l);
        if (t->weights) mask = v_mul(mask, v_load(t->weights + l));
        if (kind == NR_SOFTMAX)
            cross_entropy(x + l, t, v_load(t->target + l), mask, &sum);
        else
            squared(x + l, kind, t, t->target + l, mask, &sum);
    }
    return sum;
}

#endif
