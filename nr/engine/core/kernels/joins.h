/* First layers whose sums change a field at a time (run/coalitions.c); a part of
 * kernel.c, which is compiled once for each instruction set.
 *
 * Powers are e^-2x of a sum x that tanh follows, e^-x of one that sigmoid does: as sums
 * of fields add up their powers multiply, and either function is but a division of its
 * power. So an exponential, most of an activation's time, is worked out for each field
 * and not for each of their coalitions. */

#ifndef NR_JOINS_H
#define NR_JOINS_H

#include "kernels/kernel.h"
#include "kernels/vec.h"

static void powers(float *x, size_t units, size_t nv, nr_activation f) {
    const v16 rate = v_set(f == NR_TANH ? -2 : -1);
    for (size_t u = 0; u < units; u++, x += NR_LANES)
        for (size_t l = 0; l < nv * 16; l += 16)
            v_store(x + l, v_exp(v_mul(rate, v_load(x + l))));
}

INLINE v16 squashed(v16 power, const nr_activation f) {
    const v16 one = v_set(1);
    return v_div(f == NR_TANH ? v_sub(one, power) : one, v_add(one, power));
}

INLINE void squash_all(float *to, const float *x, const float *y, size_t units,
                       size_t nv, const nr_activation f, const bool joined) {
    for (size_t u = 0; u < units; u++)
        for (size_t l = 0; l < nv * 16; l += 16) {
            size_t at = u * NR_LANES + l;
            v16 power = v_load(x + at);
            if (joined) power = v_mul(power, v_load(y + at));
            v_store(to + at, squashed(power, f));
        }
}

static void squash(float *to, const float *x, const float *y, size_t units,
                   size_t nv, nr_activation f) {
    if (f == NR_TANH && y)
        squash_all(to, x, y, units, nv, NR_TANH, true);
    else if (f == NR_TANH)
        squash_all(to, x, y, units, nv, NR_TANH, false);
    else if (y)
        squash_all(to, x, y, units, nv, NR_SIGMOID, true);
    else
        squash_all(to, x, y, units, nv, NR_SIGMOID, false);
}

INLINE void join_all(float *to, const float *x, const float *y, size_t units,
                     size_t nv, const bool product) {
    for (size_t u = 0; u < units; u++)
        for (size_t l = 0; l < nv * 16; l += 16) {
            size_t at = u * NR_LANES + l;
            v16 a = v_load(x + at), b = v_load(y + at);
            v_store(to + at, product ? v_mul(a, b) : v_add(a, b));
        }
}

static void join(float *to, const float *x, const float *y, size_t units,
                 size_t nv, bool product) {
    if (product)
        join_all(to, x, y, units, nv, true);
    else
        join_all(to, x, y, units, nv, false);
}

#endif
