/* The exponential's series, for one double and for vectors of them: what functions.c
 * and the kernels (soft_row.h) work out has the same bits because it is one source. */

#ifndef NR_EXPONENTIAL_H
#define NR_EXPONENTIAL_H

#include "base.h"

/* ln 2 in parts: products of the first one with whole numbers below 2^20 are exact. */
#define NR_LN2_HIGH 0x1.62e42fee00000p-1
#define NR_LN2_LOW 0x1.a39ef35793c76p-33

/* e^x = 2^n e^r with |r| <= ln 2 / 2: e^r, and n, of a type that is double or a vector
 * of doubles. Whole numbers below 2^51 are found by adding so large a number that no
 * digit behind the point is left. */
#define NR_EXP_PARTS(name, type)                                              \
    INLINE type name(type x, type *n) {                                       \
        const double large = 0x1.8p52;                                        \
        static const double c[] = {/* 1/13!, 1/12! ... 1/2!, behind 1/14! */  \
                                   1 / 6227020800.0, 1 / 479001600.0,         \
                                   1 / 39916800.0,   1 / 3628800.0,           \
                                   1 / 362880.0,     1 / 40320.0,             \
                                   1 / 5040.0,       1 / 720.0,               \
                                   1 / 120.0,        1 / 24.0,                \
                                   1 / 6.0,          1 / 2.0};                \
        *n = (x * 1.4426950408889634 + large) - large;                        \
        type high = x - *n * NR_LN2_HIGH, low = *n * NR_LN2_LOW;              \
        type r = high - low;                                                  \
        type rest = (high - r) - low; /* what r lost to rounding */           \
        type sum = r * (1 / 87178291200.0) + c[0];                            \
        for (int i = 1; i < 12; i++) sum = sum * r + c[i];                    \
        return 1 + (r + (r * r * sum + rest));                                \
    }

#endif
