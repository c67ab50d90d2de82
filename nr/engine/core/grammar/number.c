/* Numbers from text: the hot path of NR.OBSERVE and NR.RUN.
 *
 * strtod was rejected for three reasons: it reads by the locale of the host
 * (in some, "0.5" is 0), it accepts what the grammar refuses (padding, hex,
 * "nan", "infinity"), and it wants a terminating zero that arguments do not
 * have. What is read here equals (float)strtod(text) of the C locale to the
 * last bit, on every machine.
 *
 *     number = [+|-] digits [e [+|-] digit...]
 *     digits = digit... [. [digit...]] | . digit...
 *
 * The text becomes mantissa * 10^exponent, the mantissa of 19 digits at most,
 * and then, from the fast to the general:
 *
 * 1. Both numbers are exact doubles, as in nearly all that people write: one
 *    multiplication or division rounds once, so it rounds rightly (Clinger,
 *    "How to read floating point numbers accurately", 1990). Short ones without
 *    an exponent are read for this eight digits at a time.
 * 2. Up to 10^27 the exact product or quotient takes 128 bits. This catches
 *    the 17 digits with which programs print doubles.
 * 3. Else long division of big integers, bit by bit: slow (microseconds) and
 *    short. More digits than 799 are never needed: a value halfway between
 *    two doubles has 768 at most, so of the rest only counts whether it is 0.
 *
 * Eisel and Lemire's method would be faster in the third case, at the price
 * of a table of 10 KB; numbers beyond 10^27 or below are rare. */

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "grammar/short_numbers.h"
#include "grammar/syntax.h"

/* ------------------------------- Scanning -------------------------------- */

typedef struct decimal {
    uint64_t mantissa;
    int64_t exponent; /* of ten */
    bool negative;
    bool more;              /* the mantissa does not hold all of it: */
    const char *rest, *end; /* the digits it had no room for are here */
} decimal;

/* Adds digits to the mantissa while there is room; each digit that is not
 * added raises the exponent by `dropped`, each that is by `taken`. */
static const char *scan_digits(const char *p, const char *end, decimal *d,
                               int taken, int dropped) {
    const uint64_t full = UINT64_C(1000000000000000000);
    for (; p < end && is_digit(*p); p++) {
        if (d->mantissa < full) {
            d->mantissa = d->mantissa * 10 + (uint64_t)(*p - '0');
            d->exponent += taken;
        } else {
            if (!d->rest) d->rest = p;
            d->more = d->more || *p != '0';
            d->exponent += dropped;
        }
    }
    return p;
}

/* NULL where it is not an exponent. */
static const char *scan_exponent(const char *p, const char *end, decimal *d) {
    const int64_t enough = INT64_C(1000000000000000); /* beyond any text */
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end) return NULL;
    int64_t e = 0;
    for (; p < end && is_digit(*p); p++)
        if (e < enough) e = e * 10 + (*p - '0');
    d->exponent += negative ? -e : e;
    return p;
}

static bool scan(nr_text text, decimal *d) {
    *d = (decimal){0};
    if (!text.n) return false;
    const char *p = text.s, *end = text.s + text.n;
    if (*p == '-' || *p == '+') d->negative = *p++ == '-';
    const char *start = p;
    p = scan_digits(p, end, d, 0, 1);
    size_t digits = (size_t)(p - start);
    if (p < end && *p == '.') {
        start = ++p;
        p = scan_digits(p, end, d, -1, 0);
        digits += (size_t)(p - start);
    }
    if (!digits) return false;
    d->end = p;
    if (p < end && (*p == 'e' || *p == 'E')) p = scan_exponent(p + 1, end, d);
    return p == end;
}

/* ------------------------------- Rounding -------------------------------- */

/* The double nearest to bits * 2^(exponent - 63), half to even; the top bit
 * of bits is set, and `more` says that the value lies a little above. */
static double round_bits(uint64_t bits, int exponent, bool more) {
    if (exponent > DBL_MAX_EXP - 1) return HUGE_VAL;
    int drop = 64 - DBL_MANT_DIG;
    if (exponent < DBL_MIN_EXP - 1) drop += DBL_MIN_EXP - 1 - exponent;
    if (drop > 64) return 0;
    uint64_t kept = drop == 64 ? 0 : bits >> drop;
    uint64_t half = UINT64_C(1) << (drop - 1);
    uint64_t lost = bits & (half | (half - 1));
    if (lost > half || (lost == half && (more || (kept & 1)))) kept++;
    /* The leading bit of a normal number adds one to the exponent, and a carry
     * out of the fraction one more: up to infinity, as it should be. */
    if (exponent >= DBL_MIN_EXP - 1)
        kept += (uint64_t)(exponent - DBL_MIN_EXP + 1)
                << (DBL_MANT_DIG - 1);
    double value;
    memcpy(&value, &kept, sizeof value);
    return value;
}

/* ------------------------------- 128 bits -------------------------------- */

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 uint128;

enum { POWERS = 28 }; /* 5^27 is the last one within 64 bits */

static double round_128(uint128 value, int exponent, bool more) {
    int length = value >> 64
                     ? 128 - __builtin_clzll((uint64_t)(value >> 64))
                     : 64 - __builtin_clzll((uint64_t)value);
    uint64_t bits;
    if (length > 64) {
        bits = (uint64_t)(value >> (length - 64));
        more = more || (value << (128 - length)) << 64;
    } else {
        bits = (uint64_t)value << (64 - length);
    }
    return round_bits(bits, exponent + length - 1, more);
}

static double by_128_bits(uint64_t mantissa, int exponent) {
    static const uint64_t fives[POWERS] = {
        1, 5, 25, 125, 625, 3125, 15625, 78125, 390625, 1953125, 9765625,
        48828125, 244140625, 1220703125, 6103515625, 30517578125,
        152587890625, 762939453125, 3814697265625, 19073486328125,
        95367431640625, 476837158203125, 2384185791015625, 11920928955078125,
        59604644775390625, 298023223876953125, 1490116119384765625,
        7450580596923828125,
    };
    if (exponent >= 0)
        return round_128((uint128)mantissa * fives[exponent], exponent, false);
    int shift = 64 + __builtin_clzll(mantissa);
    uint128 dividend = (uint128)mantissa << shift;
    uint64_t divisor = fives[-exponent];
    uint128 quotient = dividend / divisor;
    return round_128(quotient, exponent - shift,
                     quotient * divisor != dividend);
}
#endif

/* ------------------------------ Big integers ----------------------------- */

enum {
    EXTRA = 780,    /* digits beyond the mantissa's 19 */
    LEAST = -343,   /* below this exponent of a mantissa: nearer to 0 than to
                       the smallest double, 4.9e-324 */
    MOST = 308,     /* above it: beyond the largest, 1.8e308 */
    LIMBS = 96      /* 3072 bits: the mantissa with EXTRA digits and one more
                       takes 2658, 5^(EXTRA + 1 - LEAST) 2610, and aligning
                       them one more */
};

typedef struct big {
    size_t n;
    uint32_t limb[LIMBS]; /* the lowest first, the last one not 0 */
} big;

static void big_scale(big *b, uint32_t factor, uint32_t add) {
    uint64_t carry = add;
    for (size_t i = 0; i < b->n; i++) {
        carry += (uint64_t)b->limb[i] * factor;
        b->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry) b->limb[b->n++] = (uint32_t)carry;
}

static void big_scale_fives(big *b, int64_t power) {
    for (; power >= 13; power -= 13) big_scale(b, 1220703125, 0);
    for (; power > 0; power--) big_scale(b, 5, 0);
}

static int big_length(const big *b) {
    return (int)(32 * b->n) - __builtin_clz(b->limb[b->n - 1]);
}

static void big_shift(big *b, int bits) {
    size_t limbs = (size_t)bits / 32;
    memmove(b->limb + limbs, b->limb, b->n * sizeof b->limb[0]);
    memset(b->limb, 0, limbs * sizeof b->limb[0]);
    b->n += limbs;
    big_scale(b, UINT32_C(1) << (bits % 32), 0);
}

static bool big_below(const big *a, const big *b) {
    if (a->n != b->n) return a->n < b->n;
    for (size_t i = a->n; i-- > 0;)
        if (a->limb[i] != b->limb[i]) return a->limb[i] < b->limb[i];
    return false;
}

static void big_subtract(big *a, const big *b) {
    uint64_t borrow = 0;
    for (size_t i = 0; i < a->n; i++) {
        uint64_t part = (i < b->n ? b->limb[i] : 0) + borrow;
        borrow = a->limb[i] < part;
        a->limb[i] = (uint32_t)(a->limb[i] - part);
    }
    while (a->n && !a->limb[a->n - 1]) a->n--;
}

/* The mantissa and the digits after it, EXTRA at most; a last 1 stands for
 * what does not fit. Lowers the exponent by the digits it took. */
static void big_digits(big *b, decimal *d) {
    *b = (big){.n = 2,
               .limb = {(uint32_t)d->mantissa, (uint32_t)(d->mantissa >> 32)}};
    if (!b->limb[1]) b->n = 1;
    if (!d->more) return;
    int taken = 0;
    const char *p = d->rest;
    for (; p < d->end && taken < EXTRA; p++) {
        if (*p == '.') continue;
        big_scale(b, 10, (uint32_t)(*p - '0'));
        taken++;
    }
    for (; p < d->end; p++) {
        if (*p == '0' || *p == '.') continue;
        big_scale(b, 10, 1);
        taken++;
        break;
    }
    d->exponent -= taken;
}

static double by_big_integers(decimal *d) {
    if (d->exponent > MOST) return HUGE_VAL;
    if (d->exponent < LEAST) return 0;
    big over, under = {.n = 1, .limb = {1}};
    big_digits(&over, d);
    if (d->exponent >= 0)
        big_scale_fives(&over, d->exponent);
    else
        big_scale_fives(&under, -d->exponent);

    /* over / under becomes 1 to 2, and yields a bit with each doubling. */
    int length = big_length(&over) - big_length(&under);
    if (length >= 0)
        big_shift(&under, length);
    else
        big_shift(&over, -length);
    if (big_below(&over, &under)) {
        big_scale(&over, 2, 0);
        length--;
    }
    uint64_t bits = 0;
    for (int i = 0; i < 64; i++) {
        bits <<= 1;
        if (!big_below(&over, &under)) {
            big_subtract(&over, &under);
            bits |= 1;
        }
        big_scale(&over, 2, 0);
    }
    return round_bits(bits, length + (int)d->exponent, over.n > 0);
}

/* ------------------------------- The three ------------------------------- */

static double magnitude(decimal *d) {
    if (!d->mantissa) return 0;
    if (d->more) return by_big_integers(d);
#if FLT_EVAL_METHOD == 0
    if (d->mantissa <= UINT64_C(1) << DBL_MANT_DIG) {
        double exact = (double)d->mantissa;
        if (d->exponent >= 0 && d->exponent <= 22)
            return exact * tens[d->exponent];
        if (d->exponent < 0 && d->exponent >= -22)
            return exact / tens[-d->exponent];
    }
#endif
#ifdef __SIZEOF_INT128__
    if (d->exponent > -POWERS && d->exponent < POWERS)
        return by_128_bits(d->mantissa, (int)d->exponent);
#endif
    return by_big_integers(d);
}

static bool parse_any(nr_text text, double *value) {
    decimal d;
    if (!scan(text, &d)) return false;
    double found = magnitude(&d);
    *value = d.negative ? -found : found;
    return true;
}

bool nr_parse_double(nr_text text, double *value) {
    return parse_plain(text, value) || parse_any(text, value);
}

/* What a float32 can hold, as a double. */
static bool parse_wide(nr_text text, double *wide) {
    const double beyond = 0x1.ffffffp127; /* rounds to 2^128 */
    if (parse_plain(text, wide)) return true;
    return parse_any(text, wide) && fabs(*wide) < beyond;
}

bool nr_parse_float(nr_text text, float *value) {
    double wide;
    if (!parse_wide(text, &wide)) return false;
    *value = (float)wide;
    return true;
}

/* Whether a float32 holds another number. Below 2^24 nearly all decimals are
 * rounded, by less than a tenth of a millionth of them; from there on it is
 * whole numbers that become others, as of times and of account numbers, which
 * often lie close together. That the number alone decides, and not the spread
 * of its column, makes it the same on every store and in any order. */
static bool is_rounded(double wide) {
    return fabs(wide) >= 0x1p24 && (double)(float)wide != wide;
}

size_t nr_parse_floats(const char *const *texts, const size_t *len, size_t n,
                       float *values, nr_exactness *exact) {
    double wide;
    size_t i = 0;
    for (; i < n; i++) {
        nr_text text = {texts[i], len[i]};
        if (!parse_short(text, &wide) && !parse_wide(text, &wide)) break;
        values[i] = (float)wide;
        exact->rounded += is_rounded(wide);
        exact->last = wide;
    }
    return i;
}

/* snprintf goes by the locale of the host, whose decimal point may be a comma,
 * or several bytes. */
const char *nr_write_double(char out[NR_NUMBER], int digits, double value) {
    snprintf(out, NR_NUMBER, "%.*g", digits, value);
    char *point = out + strspn(out, "+-0123456789e");
    if (!*point) return out;
    const char *rest = point + strcspn(point, "0123456789");
    *point = '.';
    memmove(point + 1, rest, strlen(rest) + 1);
    return out;
}

const char *nr_write_shortest(char out[NR_NUMBER], double value) {
    double back = NAN;
    for (int digits = 1; back != value && digits <= 17; digits++) {
        nr_write_double(out, digits, value);
        nr_parse_double((nr_text){out, strlen(out)}, &back);
    }
    return out;
}

/* Digits alone, and no 0 before others: as Redis reads integers. */
bool nr_parse_uint(nr_text text, uint64_t *value) {
    if (!text.n || (text.n > 1 && text.s[0] == '0')) return false;
    uint64_t sum = 0;
    bool beyond = false;
    for (size_t i = 0; i < text.n; i++) {
        if (!is_digit(text.s[i])) return false;
        uint64_t digit = (uint64_t)(text.s[i] - '0');
        beyond = beyond || __builtin_mul_overflow(sum, 10, &sum) ||
                 __builtin_add_overflow(sum, digit, &sum);
    }
    *value = beyond ? UINT64_MAX : sum;
    return true;
}
