/* What attention is made of (layers/attention.h), by panels of samples in lanes: a part
 * of kernel.c, which is compiled once for each instruction set.
 *
 * All vectors of a panel run side by side, since the sum over units of one alone would
 * wait for itself. */

#ifndef NR_ATTENTION_KERNELS_H
#define NR_ATTENTION_KERNELS_H

#include "kernels/kernel.h"
#include "kernels/vec.h"

INLINE void match_some(float *to, const float *x, const float *y,
                       const float *more, size_t units, const int nv) {
    v16 sum[NR_LANES / 16];
    for (int v = 0; v < nv; v++) sum[v] = v_set(0);
    for (size_t at = 0; at < units * NR_LANES; at += NR_LANES)
        for (int v = 0; v < nv; v++) {
            v16 z = v_load(y + at + v * 16);
            if (more) z = v_add(z, v_load(more + at + v * 16));
            sum[v] = v_fma(v_load(x + at + v * 16), z, sum[v]);
        }
    for (int v = 0; v < nv; v++) v_store(to + v * 16, sum[v]);
}

static void match(float *to, const float *x, const float *y, const float *more,
                  size_t units, size_t nv) {
    switch (nv) {
    case 1: match_some(to, x, y, more, units, 1); break;
    case 2: match_some(to, x, y, more, units, 2); break;
    case 3: match_some(to, x, y, more, units, 3); break;
    default: match_some(to, x, y, more, units, 4);
    }
}

static void add_part(float *to, const float *part, const float *x, size_t units,
                     size_t nv) {
    for (size_t u = 0; u < units; u++)
        for (size_t v = 0; v < nv; v++) {
            size_t at = u * NR_LANES + v * 16;
            v_store(to + at, v_fma(v_load(part + v * 16), v_load(x + at),
                                   v_load(to + at)));
        }
}

static void match_back(const nr_match *m) {
    size_t half = m->units * NR_LANES;
    for (size_t u = 0; u < m->units; u++)
        for (size_t v = 0; v < m->nv; v++) {
            size_t at = u * NR_LANES + v * 16, back = half + at;
            v16 odds = v_load(m->odds + v * 16);
            v16 product = v_load(m->product + v * 16);
            v16 by_product = v_mul(product, v_load(m->state + at));
            v16 both = v_add(v_load(m->notes + at), v_load(m->notes + back));
            v_store(m->want_state + at,
                    v_fma(product, both, v_load(m->want_state + at)));
            v_store(m->want_notes + at,
                    v_add(v_load(m->want_notes + at),
                          v_fma(odds, v_load(m->want_seen + at), by_product)));
            v_store(m->want_notes + back,
                    v_add(v_load(m->want_notes + back),
                          v_fma(odds, v_load(m->want_seen + back), by_product)));
        }
}

#endif
