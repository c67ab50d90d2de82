/* Optimizers. A part of kernel.c, which is compiled once for each
 * instruction set. */

#ifndef NR_OPTIMIZERS_H
#define NR_OPTIMIZERS_H

#include "kernels/kernel.h"
#include "kernels/vec.h"

/* Runs `step` on sixteen weights at a time: numbers of `count` arrays, of which
 * those in the bits of `kept` are written back. */
typedef void step_fn(v16 *x, const void *rule);

INLINE void each_sixteen(float *const *arrays, int count, unsigned kept,
                         size_t n, step_fn *step, const void *rule) {
    v16 x[4];
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        for (int a = 0; a < count; a++) x[a] = v_load(arrays[a] + i);
        step(x, rule);
        for (int a = 0; a < count; a++)
            if (kept >> a & 1) v_store(arrays[a] + i, x[a]);
    }
    if (i == n) return;
    for (int a = 0; a < count; a++) x[a] = v_load_some(arrays[a] + i, n - i);
    step(x, rule);
    for (int a = 0; a < count; a++)
        if (kept >> a & 1) v_store_some(arrays[a] + i, x[a], n - i);
}

INLINE void decay_step(v16 *x, const void *rule) {
    const float *r = rule;
    x[0] = v_fma(v_set(r[1]), x[1], v_mul(x[0], v_set(r[0])));
}

static void decay(float *g, const float *w, size_t n, float scale,
                  float factor) {
    float rule[2] = {scale, factor};
    float *arrays[2] = {g, (float *)w};
    each_sixteen(arrays, 2, 0x1, n, decay_step, rule);
}

/* Riedmiller and Braun (1993); Igel and Huesken (2000) for iRPROP-. By signs
 * alone: a product of two small gradients would be taken for zero. */
INLINE void rprop_step(v16 *x, const void *rule) {
    const nr_rprop_rule *r = rule;
    const v16 zero = v_set(0);
    v16 g = x[1], step = x[3], sign = v_sign(g), past = v_sign(x[2]);
    v16 same = v_mul(sign, past);
    v16 longer = v_min(v_mul(step, v_set(r->up)), v_set(r->most));
    v16 shorter = v_max(v_mul(step, v_set(r->down)), v_set(r->least));
    v16 next = v_if_gt(same, zero, longer, v_if_gt(zero, same, shorter, step));
    v16 back = r->backtrack ? v_mul(past, step) : zero;
    v16 move = v_if_gt(zero, same, back, v_sub(zero, v_mul(sign, next)));
    x[0] = v_add(x[0], move);
    x[2] = v_if_gt(zero, same, zero, g);
    x[3] = next;
}

static void rprop(float *w, float *g, float *before, float *step, size_t n,
                  const nr_rprop_rule *rule) {
    float *arrays[4] = {w, g, before, step};
    each_sixteen(arrays, 4, 0xd, n, rprop_step, rule);
}

/* Kingma and Ba (2015). */
INLINE void adam_step(v16 *x, const void *rule) {
    const nr_adam_rule *r = rule;
    v16 g = x[1];
    v16 m = v_fma(v_set(r->beta1), x[2], v_mul(v_set(1 - r->beta1), g));
    v16 v = v_fma(v_set(r->beta2), x[3],
                  v_mul(v_set(1 - r->beta2), v_mul(g, g)));
    v16 root = v_sqrt(v_mul(v, v_set(r->correct2)));
    v16 move = v_div(v_mul(m, v_set(r->rate * r->correct1)),
                     v_add(root, v_set(r->epsilon)));
    x[0] = v_sub(x[0], move);
    x[2] = m;
    x[3] = v;
}

static void adam(float *w, const float *g, float *m, float *v, size_t n,
                 const nr_adam_rule *rule) {
    float *arrays[4] = {w, (float *)g, m, v};
    each_sixteen(arrays, 4, 0xd, n, adam_step, rule);
}

INLINE void sgd_step(v16 *x, const void *rule) {
    const float *r = rule;
    x[2] = v_fma(v_set(r[1]), x[2], x[1]);
    x[0] = v_fma(v_set(-r[0]), x[2], x[0]);
}

static void sgd(float *w, const float *g, float *m, size_t n, float rate,
                float momentum) {
    float rule[2] = {rate, momentum};
    float *arrays[3] = {w, (float *)g, m};
    each_sixteen(arrays, 3, 0x5, n, sgd_step, rule);
}

#endif
