/* Products of matrices with units or samples in lanes, and what a softmax over many
 * symbols needs beside them: a part of kernel.c, which is compiled once for each
 * instruction set.
 *
 * A tile of PM rows by PV vectors stays in registers while the sum's terms pass by in
 * their order, so that bits do not depend on how tiles, threads or blocks are cut. One
 * operand is read number by number, with any strides; the other, and the result, lie
 * with up to 64 lanes side by side. */

#ifndef NR_PRODUCTS_H
#define NR_PRODUCTS_H

#include "kernels/kernel.h"
#include "kernels/panels.h"
#include "kernels/vec.h"

#if defined(__AVX512F__)
enum { PM = 6, PV = 4 };
#elif defined(__AVX2__)
enum { PM = 6, PV = 1 };
#else
enum { PM = 2, PV = 1 };
#endif

typedef void product_fn(float *c, const float *a, const float *b,
                        const nr_product *p);

INLINE void product_tile(float *c, const float *a, const float *b,
                         const nr_product *p, const int mr, const int nv) {
    v16 sum[PM][PV], x[PV];
    const size_t step_m = p->step_m, step_k = p->step_k, b_step = p->b_step;
    for (int r = 0; r < mr; r++)
        for (int v = 0; v < nv; v++)
            sum[r][v] = p->resume ? v_load(c + (size_t)r * p->c_step + v * 16)
                                  : v_set(0);
    for (size_t block = 0; block < p->blocks; block++) {
        const float *at = a + block * p->a_block;
        for (size_t k = 0; k < p->k; k++, at += step_k, b += b_step) {
            for (int v = 0; v < nv; v++) x[v] = v_load(b + v * 16);
            for (int r = 0; r < mr; r++) {
                v16 w = v_set(at[(size_t)r * step_m]);
                for (int v = 0; v < nv; v++)
                    sum[r][v] = v_fma(w, x[v], sum[r][v]);
            }
        }
    }
    for (int r = 0; r < mr; r++)
        for (int v = 0; v < nv; v++)
            v_store(c + (size_t)r * p->c_step + v * 16, sum[r][v]);
}

#define PRODUCT(mr, nv)                                                       \
    static void product_##mr##_##nv(float *c, const float *a, const float *b, \
                                    const nr_product *p) {                    \
        product_tile(c, a, b, p, mr, nv);                                     \
    }
#if defined(__AVX512F__)
#define PRODUCTS(mr) PRODUCT(mr, 1) PRODUCT(mr, 2) PRODUCT(mr, 3) PRODUCT(mr, 4)
#define PRODUCT_ROW(mr)                                                       \
    { NULL, product_##mr##_1, product_##mr##_2, product_##mr##_3,             \
      product_##mr##_4 }
#else
#define PRODUCTS(mr) PRODUCT(mr, 1)
#define PRODUCT_ROW(mr) { NULL, product_##mr##_1 }
#endif

PRODUCTS(1)
PRODUCTS(2)
#if defined(__AVX2__)
PRODUCTS(3)
PRODUCTS(4)
PRODUCTS(5)
PRODUCTS(6)
#endif

static product_fn *const all_products[PM + 1][PV + 1] = {
    {NULL},
    PRODUCT_ROW(1),
    PRODUCT_ROW(2),
#if defined(__AVX2__)
    PRODUCT_ROW(3),
    PRODUCT_ROW(4),
    PRODUCT_ROW(5),
    PRODUCT_ROW(6),
#endif
};

/* Rows are shared out evenly among as few tiles as there may be. */
static void product(const nr_product *p) {
    size_t tiles = (p->m + PM - 1) / PM;
    for (size_t m = 0; tiles; tiles--) {
        size_t rows = (p->m - m + tiles - 1) / tiles;
        for (size_t v = 0; v < p->nv; v += PV)
            all_products[rows][p->nv - v < PV ? p->nv - v : PV](
                p->c + m * p->c_step + v * 16, p->a + m * p->step_m,
                p->b + v * 16, p);
        m += rows;
    }
}

/* Powers above this one count as it: sums of 10,000 of them are still numbers. */
#define MOST_POWER 70.0f

static void asked_powers(float *x, size_t units, size_t nv,
                         const float *less, float *sums) {
    for (size_t v = 0; v < nv; v++) {
        v16 sum = v_load(sums + v * 16), by = v_load(less + v * 16);
        for (size_t u = 0; u < units; u++) {
            float *at = x + u * NR_LANES + v * 16;
            v16 z = v_min(v_sub(v_load(at), by), v_set(MOST_POWER));
            v16 e = v_exp(z);
            v_store(at, e);
            sum = v_add(sum, e);
        }
        v_store(sums + v * 16, sum);
    }
}

static void logs(float *x, size_t nv) {
    for (size_t v = 0; v < nv; v++)
        v_store(x + v * 16, v_log(v_load(x + v * 16)));
}

/* In floats, lane by lane. */
static double squares(const float *x, size_t n) {
    v16 sum[4] = {v_set(0), v_set(0), v_set(0), v_set(0)};
    size_t i = 0;
    for (; i + 64 <= n; i += 64)
        for (size_t v = 0; v < 4; v++) {
            v16 y = v_load(x + i + v * 16);
            sum[v] = v_fma(y, y, sum[v]);
        }
    for (; i < n; i += 16) {
        v16 y = i + 16 <= n ? v_load(x + i) : v_load_some(x + i, n - i);
        sum[0] = v_fma(y, y, sum[0]);
    }
    return (double)v_sum(v_add(v_add(sum[0], sum[1]), v_add(sum[2], sum[3])));
}

#endif
