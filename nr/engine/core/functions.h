/* The exponential, the logarithm, sine and cosine, of the core's own.
 *
 * libm's differ in their last bits from one machine and one version to the next,
 * and what ends in a network must not. Additions, products, quotients and roots
 * are the same everywhere, so these are made of them alone, in a fixed order;
 * errors stay below two units in the last place (tests/c/test_functions.c). They
 * are for numbers that are few: the kernels' vectors have their own (vec.h), and one
 * that gives nr_exp's bits (soft_row.h). */

#ifndef NR_FUNCTIONS_H
#define NR_FUNCTIONS_H

double nr_exp(double x); /* 0 below -708, where results would be denormal */
double nr_log(double x); /* natural; -infinity for 0 and denormal numbers */

/* Of radians, up to a million either way; NaN beyond. */
double nr_sin(double x);
double nr_cos(double x);

#endif
