/* Activations and their slopes. A part of kernel.c, which is compiled once for each
 * instruction set. */

#ifndef NR_ACTIVATIONS_H
#define NR_ACTIVATIONS_H

#include "kernels/kernel.h"
#include "kernels/vec.h"

INLINE v16 leaky(v16 x) {
    return v_if_gt(x, v_set(0), x, v_mul(x, v_set(0.01f)));
}

INLINE v16 apply(v16 x, const nr_activation f) {
    switch (f) {
    case NR_SIGMOID: return v_sigmoid(x);
    case NR_TANH: return v_tanh(x);
    case NR_RELU: return v_max(x, v_set(0));
    default: return leaky(x);
    }
}

/* The derivative, by the activation's value. */
INLINE v16 slope(v16 y, const nr_activation f) {
    const v16 one = v_set(1), zero = v_set(0);
    switch (f) {
    case NR_SIGMOID: return v_mul(y, v_sub(one, y));
    case NR_TANH: return v_fma(v_sub(zero, y), y, one);
    case NR_RELU: return v_if_gt(y, zero, one, zero);
    default: return v_if_gt(y, zero, one, v_set(0.01f));
    }
}

INLINE void apply_all(float *x, size_t units, size_t lanes,
                      const nr_activation f) {
    for (size_t u = 0; u < units; u++, x += NR_LANES)
        for (size_t l = 0; l < lanes; l += 16)
            v_store(x + l, apply(v_again(x + l), f));
}

INLINE void slope_all(float *delta, const float *x, size_t units, size_t lanes,
                      const nr_activation f) {
    for (size_t u = 0; u < units; u++, x += NR_LANES, delta += NR_LANES)
        for (size_t l = 0; l < lanes; l += 16)
            v_store(delta + l,
                    v_mul(v_again(delta + l), slope(v_again(x + l), f)));
}

/* The switch outside of the loops: a body for each activation. */
#define EACH_ACTIVATION_CASE(call)                                            \
    case NR_SIGMOID: call(NR_SIGMOID); break;                                 \
    case NR_TANH: call(NR_TANH); break;                                       \
    case NR_RELU: call(NR_RELU); break;                                       \
    case NR_LEAKYRELU: call(NR_LEAKYRELU); break;
#define EACH_ACTIVATION(f, call)                                              \
    switch (f) { EACH_ACTIVATION_CASE(call) }

static void activate(float *x, size_t units, size_t nv, nr_activation f) {
#define CALL(F) apply_all(x, units, nv * 16, F)
    EACH_ACTIVATION(f, CALL)
#undef CALL
}

static void derive(float *delta, const float *x, size_t units, size_t nv,
                   nr_activation f) {
#define CALL(F) slope_all(delta, x, units, nv * 16, F)
    EACH_ACTIVATION(f, CALL)
#undef CALL
}

#endif
