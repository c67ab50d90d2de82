/* Doubles as text: what printf's %.17g gives, several times as fast.
 *
 * Seventeen digits are enough to read the same double back. printf goes through
 * arithmetic of any length for them, which took a third of the time of an
 * NR.RUN in a server; numbers of everyday size fit 128 bits: m * 2^e times
 * a power of ten is a whole number and a remainder, rounded to even as printf
 * rounds. The others go to printf, as all do where the compiler has no integers
 * of 128 bits. Shortest digits (Ryu and its like) are faster still, and other
 * digits than those that Redis sends. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "float_mode.h"
#include "grammar/syntax.h"

enum { DIGITS = 17 };

_Static_assert(NR_DOUBLE_TEXT == NR_NUMBER, "both have room for 17 digits");

static const uint64_t powers[] = {
    1u,
    10u,
    100u,
    1000u,
    10000u,
    100000u,
    1000000u,
    10000000u,
    100000000u,
    1000000000u,
    10000000000u,
    100000000000u,
    1000000000000u,
    10000000000000u,
    100000000000000u,
    1000000000000000u,
    10000000000000000u,
    100000000000000000u,
};

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 uint128;

/* m * 2^e * 10^p to the nearest whole number, on a tie the even one. false:
 * more than 128 bits would be needed. */
static bool scale(uint64_t m, int e, int p, uint64_t *whole) {
    if (p < 0 || p > 2 * DIGITS || e > 63 || e < -127) return false;
    int bits = 64 - __builtin_clzll(m) + (e > 0 ? e : 0);
    if (bits + p * 3322 / 1000 + 1 > 127) return false;
    uint128 n = (uint128)m * powers[p > DIGITS ? DIGITS : p];
    if (p > DIGITS) n *= powers[p - DIGITS];
    if (e >= 0) {
        *whole = (uint64_t)(n << e);
        return true;
    }
    uint128 half = (uint128)1 << (-e - 1), rest = n & (half * 2 - 1);
    *whole = (uint64_t)(n >> -e);
    *whole += rest > half || (rest == half && *whole & 1);
    return true;
}
#else
static bool scale(uint64_t m, int e, int p, uint64_t *whole) {
    (void)m, (void)e, (void)p, (void)whole;
    return false;
}
#endif

/* The power of ten of a number's first digit, for those from 10^-5 to 10^17;
 * beyond, one that is not between -4 and 16. Where a double is not a power of
 * ten, it is the next one above: so none is between the two. */
static int find_power(double value, int top) {
    static const double tens[] = {1e-4, 1e-3, 1e-2, 1e-1, 1e0,  1e1,
                                  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13,
                                  1e14, 1e15, 1e16, 1e17};
    enum { LEAST = -5 };
    /* log10(2) from below, rounded down: this power, or one more. */
    int power = top < 0 ? (top * 1234 - 4095) / 4096 : top * 1233 / 4096;
    if (power < LEAST || power >= DIGITS) return DIGITS;
    return power + (value >= tens[power - LEAST]);
}

/* The first 17 digits of m * 2^e, which is the value, and the power of ten of
 * the first one. */
static bool find_digits(double value, uint64_t m, int e, uint64_t *digits,
                        int *power) {
    *power = find_power(value, 63 - __builtin_clzll(m) + e);
    if (*power < -4 || *power >= DIGITS) return false;
    if (!scale(m, e, DIGITS - 1 - *power, digits)) return false;
    if (*digits == powers[DIGITS]) { /* 9.99... became 10 */
        *digits /= 10;
        ++*power;
    }
    return *power < DIGITS;
}

/* Eight digits, the first one in the lowest byte: halved, and each half again,
 * all by one product. */
static uint64_t split_digits(uint32_t number) {
    uint64_t fours = number / 10000 | (uint64_t)(number % 10000) << 32;
    uint64_t high = fours * 10486 >> 20 & UINT64_C(0x0000007f0000007f);
    uint64_t twos = high | (fours - high * 100) << 16;
    high = twos * 103 >> 10 & UINT64_C(0x000f000f000f000f);
    return high | (twos - high * 10) << 8;
}

static void put_digits(char *to, uint64_t digits) {
    digits |= UINT64_C(0x3030303030303030);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    digits = __builtin_bswap64(digits);
#endif
    memcpy(to, &digits, sizeof digits);
}

/* All 17 of them; returns how many there are before the zeros at the end. */
static size_t write_digits(char *all, uint64_t number) {
    const uint32_t eight = 100000000;
    uint64_t high = number / eight;
    uint64_t last = split_digits((uint32_t)(number % eight));
    uint64_t middle = split_digits((uint32_t)(high % eight));
    all[0] = (char)('0' + high / eight);
    put_digits(all + 1, middle);
    put_digits(all + 9, last);
    if (last) return DIGITS - (size_t)__builtin_clzll(last) / 8;
    if (middle) return DIGITS - 8 - (size_t)__builtin_clzll(middle) / 8;
    return 1;
}

/* Digits go where they stay: bytes that were just stored eight at a time are
 * slow to copy sixteen at a time. Returns the length. */
static size_t write_fixed(char *at, uint64_t digits, int power) {
    if (power < 0) {
        size_t before = (size_t)(1 - power);
        memcpy(at, "0.000000", 8);
        return before + write_digits(at + before, digits);
    }
    size_t before = (size_t)power + 1, n = write_digits(at + 1, digits);
    for (size_t i = 0; i < before; i++) at[i] = at[i + 1];
    if (n <= before) return before;
    at[before] = '.';
    return n + 1;
}

NOINLINE size_t format(double value, char text[NR_DOUBLE_TEXT]) {
    uint64_t bits, digits = 0;
    memcpy(&bits, &value, sizeof bits);
    uint64_t m = bits & ((UINT64_C(1) << 52) - 1);
    int e = (int)(bits >> 52 & 2047), power = 0;
    bool negative = bits >> 63;
    char *at = text;
    if (e == 0 || e == 2047) goto rare;
    m |= UINT64_C(1) << 52;
    e -= 1075;
    int zeros = __builtin_ctzll(m);
    if (!find_digits(fabs(value), m >> zeros, e + zeros, &digits, &power))
        goto rare;
    *at = '-';
    at += negative;
    at += write_fixed(at, digits, power);
    *at = '\0';
    return (size_t)(at - text);
rare:
    if (isfinite(value)) return strlen(nr_write_double(text, DIGITS, value));
    return (size_t)snprintf(text, NR_DOUBLE_TEXT, "%g", value);
}

size_t nr_format_double(double value, char text[NR_DOUBLE_TEXT]) {
    uint64_t before = nr_mode_begin(NR_EXACT);
    size_t length = format(value, text);
    nr_mode_end(before);
    return length;
}
