/* The first layer of samples that are mostly zeros; a part of kernel.c, which
 * is compiled once for each instruction set.
 *
 * Both ways it is sums of rows, each times a number: of the weights' rows by a
 * sample's inputs, and of the deltas' rows by an input's samples. A row's units
 * lie in the lanes, so that nothing is read but what is listed, and every lane
 * sums for itself: instruction sets with a fused multiply-add agree to the
 * bit. */

#ifndef NR_LISTS_H
#define NR_LISTS_H

#include "kernels/kernel.h"
#include "kernels/panels.h"
#include "kernels/vec.h"
#include "kernels/dense.h"

enum { LIST_TILE = 7 };

/* Where rows begin, how far apart, and how many units of them are left. */
typedef struct unit_rows {
    const float *at;
    size_t step, left;
} unit_rows;

/* nv vectors of to = from + sum over the list, or to += that sum. Only the
 * last may be needed in part. */
INLINE void sum_tile(float *to, const float *from, nr_list list, unit_rows r,
                     const bool add, const int nv) {
    v16 sum[LIST_TILE];
    size_t rest = r.left - (size_t)(nv - 1) * 16;
    float *last = to + (nv - 1) * 16;
    for (int v = 0; v < nv; v++) sum[v] = add ? v_set(0) : v_load(from + v * 16);
    for (size_t i = 0; i < list.n; i++) {
        const float *row = r.at + list.entries[i].at * r.step;
        v16 x = v_set(list.entries[i].x);
        for (int v = 0; v < nv; v++)
            sum[v] = v_fma(v_load(row + v * 16), x, sum[v]);
    }
    for (int v = 0; v + 1 < nv; v++)
        v_store(to + v * 16,
                add ? v_add(v_load(to + v * 16), sum[v]) : sum[v]);
    if (rest >= 16)
        v_store(last, add ? v_add(v_load(last), sum[nv - 1]) : sum[nv - 1]);
    else if (add)
        v_store_some(last, v_add(v_load_some(last, rest), sum[nv - 1]), rest);
    else
        v_store_some(last, sum[nv - 1], rest);
}

INLINE void sum_list(float *to, const float *from, nr_list list, unit_rows r,
                     const bool add) {
    size_t left = (r.left + 15) / 16;
    size_t tiles = (left + LIST_TILE - 1) / LIST_TILE;
    for (; tiles; tiles--) {
        size_t some = (left + tiles - 1) / tiles;
        switch (some) {
#define CASE(nv)                                                              \
    case nv: sum_tile(to, from, list, r, add, nv); break;
            CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#undef CASE
        }
        left -= some;
        some *= 16;
        to += some, r.at += some;
        if (!add) from += some;
        if (left) r.left -= some;
    }
}

static void weigh(float *to, const float *from, nr_list list,
                  const float *rows, size_t units) {
    sum_list(to, from, list, (unit_rows){rows, units, units}, false);
}

static void list_layer(float *out, float *rows, const nr_list *lists,
                       size_t n, const float *w, const float *init,
                       size_t units) {
    size_t step = nr_row_step(units), lanes = (n + 15) / 16 * 16;
    /* Whole vectors: what lies behind a row's units means nothing. */
    unit_rows r = {w, units, step};
    for (size_t i = 0; i < n; i++)
        sum_list(rows + i * step, init, lists[i], r, false);
    if (n < lanes)
        memset(rows + n * step, 0, (lanes - n) * step * sizeof *rows);
    to_panel(out, rows, step, lanes, units);
}

static void list_gradient(float *g, const float *rows, const nr_entry *entries,
                          const size_t *starts, size_t first, size_t last,
                          size_t units) {
    unit_rows r = {rows, nr_row_step(units), units};
    g += nr_dense_row(units, first);
    for (size_t i = first; i < last; i++, g += units) {
        nr_list list = {entries + starts[i], starts[i + 1] - starts[i]};
        if (list.n) sum_list(g, NULL, list, r, true);
    }
}

static void delta_rows(float *rows, const float *panel, size_t n,
                       size_t units) {
    to_rows(rows, nr_row_step(units), panel, n, units);
}

#endif
