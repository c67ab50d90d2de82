/* See functions.h. Each takes its argument apart, so that a short power series
 * is enough, and puts the result together again. */

#include "functions.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "exponential.h"

/* pi / 2 in parts: products of the first ones with whole numbers below 2^20 are
 * exact. */
static const double HALF_PI_1 = 0x1.921fb54400000p+0;
static const double HALF_PI_2 = 0x1.0b4611a600000p-34;
static const double HALF_PI_3 = 0x1.3198a2e037073p-69;

/* The whole number nearest to x, below 2^51 in magnitude: so large a number is
 * added that no digit behind the point is left. */
static double whole(double x) {
    const double large = 0x1.8p52;
    return (x + large) - large;
}

static double power_of_two(int n) { /* from -1022 to 1023 */
    uint64_t bits = (uint64_t)(n + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* c[0] + c[1] x + c[2] x^2 ... */
static double series(const double *c, int n, double x) {
    double sum = c[n - 1];
    for (int i = n - 2; i >= 0; i--) sum = sum * x + c[i];
    return sum;
}

NR_EXP_PARTS(exp_parts, double)

double nr_exp(double x) {
    double n, y;
    if (x != x) return x;
    if (x > 709.7) return INFINITY;
    if (x < -708) return 0;
    y = exp_parts(x, &n);
    return y * power_of_two((int)n / 2) * power_of_two((int)n - (int)n / 2);
}

/* x = m 2^e with m from the root of 1/2 to that of 2; then
 * log m = 2 artanh s = 2 (s + s^3 / 3 + s^5 / 5 ...), s = (m - 1) / (m + 1). */
double nr_log(double x) {
    static const double c[] = {2 / 3.0,  2 / 5.0,  2 / 7.0,  2 / 9.0,
                               2 / 11.0, 2 / 13.0, 2 / 15.0, 2 / 17.0,
                               2 / 19.0, 2 / 21.0, 2 / 23.0};
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x != x || x == INFINITY) return x;
    if (bits << 1 >> 53 == 0) return -INFINITY;
    if (x < 0) return NAN;
    int e = (int)(bits >> 52) - 1023;
    bits = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1023) << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m /= 2;
        e++;
    }
    double f = m - 1, s = f / (2 + f), z = s * s, half = f * f / 2;
    double tail = s * (half + z * series(c, 11, z)); /* log m = f - half + tail */
    return e * NR_LN2_HIGH + (f - (half - (tail + e * NR_LN2_LOW)));
}

/* The sine of r, and its cosine, |r| a bit above pi / 4 at most. */
static double sine(double r) {
    static const double c[] = { /* -1/3!, 1/5! ... 1/17! */
        -1 / 6.0,        1 / 120.0,         -1 / 5040.0, 1 / 362880.0,
        -1 / 39916800.0, 1 / 6227020800.0,  -1 / 1307674368000.0,
        1 / 355687428096000.0};
    double z = r * r;
    return r + r * (z * series(c, 8, z));
}

static double cosine(double r) {
    static const double c[] = { /* 1/4!, -1/6! ... 1/20! */
        1 / 24.0,           -1 / 720.0,           1 / 40320.0,
        -1 / 3628800.0,     1 / 479001600.0,      -1 / 87178291200.0,
        1 / 20922789888000.0, -1 / 6402373705728000.0};
    double z = r * r, half = z / 2, y = 1 - half;
    return y + (((1 - y) - half) + z * z * series(c, 8, z));
}

/* The sine of x and so many quarters of a turn. */
static double turned(double x, unsigned quarters) {
    if (!(fabs(x) <= 1e6)) return NAN;
    double n = whole(x * 0.6366197723675814);
    double high = x - n * HALF_PI_1, low = n * HALF_PI_2, r = high - low;
    r -= n * HALF_PI_3 - ((high - r) - low); /* with what it lost */
    quarters += (unsigned)(int)n;
    double y = quarters & 1 ? cosine(r) : sine(r);
    return quarters & 2 ? -y : y;
}

double nr_sin(double x) { return turned(x, 0); }
double nr_cos(double x) { return turned(x, 1); }
