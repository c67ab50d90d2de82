/* The softmax over one row of many numbers, in doubles; a part of kernel.c, which is
 * compiled once for each instruction set.
 *
 * Answers are told in doubles, and have the bits of nr_exp and of a sum that runs from
 * the first number to the last: what is vectors here are the powers alone, which are
 * most of the work, and the sum is added up while the next ones are made. */

#ifndef NR_SOFT_ROW_H
#define NR_SOFT_ROW_H

#include <string.h>

#include "exponential.h"
#include "kernels/vec.h"

/* Four of the compiler's own: with -ffp-contract=off it fuses nothing. */
enum { FOUR = 4 };
typedef float f4 __attribute__((vector_size(FOUR * sizeof(float))));
typedef double d4 __attribute__((vector_size(FOUR * sizeof(double))));
typedef int64_t l4 __attribute__((vector_size(FOUR * sizeof(int64_t))));

NR_EXP_PARTS(d4_exp_parts, d4)

/* Of numbers whose exponent of 2 is that of a normal number. The sum's last digits are
 * this exponent as doubles have it, and go to where it belongs. */
INLINE d4 d4_exp(d4 x) {
    d4 n, y = d4_exp_parts(x, &n);
    return y * (d4)((l4)(n + (0x1.8p52 + 1023)) << 52);
}

static double soft_powers(double *to, const float *x, size_t n, double most,
                          double temperature) {
    double sum = 0;
    for (size_t i = 0; i < n; i += FOUR) {
        size_t some = n - i < FOUR ? n - i : FOUR;
        f4 z = {0};
        if (some == FOUR) memcpy(&z, x + i, sizeof z);
        else memcpy(&z, x + i, some * sizeof *x);
        d4 off = (__builtin_convertvector(z, d4) - most) / temperature;
        l4 least = off < -700;
        off = (d4)((least & (l4)((d4){0} - 700)) | (~least & (l4)off));
        d4 power = d4_exp(off);
        for (size_t j = 0; j < some; j++) sum += to[i + j] = power[j];
    }
    return sum;
}

static float largest(const float *x, size_t n) {
    float lanes[16], most = x[0];
    size_t whole = n / 16 * 16;
    if (whole) {
        v16 all = v_again(x);
        for (size_t i = 16; i < whole; i += 16) all = v_max(all, v_again(x + i));
        v_store(lanes, all);
        for (int i = 0; i < 16; i++) most = most > lanes[i] ? most : lanes[i];
    }
    for (size_t i = whole; i < n; i++) most = most > x[i] ? most : x[i];
    return most;
}

#endif
