/* Numbers as people write them, read several digits at a time; a part of
 * number.c.
 *
 * What is read here is exact: digits that fit a double, divided once by a power
 * of ten that a double holds. It says nothing of other texts, not even that they
 * are no numbers. Without branches on signs or digits, which no processor
 * foresees. */

#ifndef NR_PRESET_H
#define NR_PRESET_H

#include <float.h>
#include <string.h>

#include "grammar/syntax.h"

/* Those that a double holds exactly. */
static const double tens[] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

#if FLT_EVAL_METHOD == 0 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* Eight bytes that are digits all, as the number they write: pairs, then
 * fours, then all eight are joined, each by one product. */
static inline bool eight_digits(uint64_t bytes, uint64_t *number) {
    uint64_t high = bytes & UINT64_C(0xf0f0f0f0f0f0f0f0);
    uint64_t past = bytes + UINT64_C(0x0606060606060606);
    if ((high | (past & UINT64_C(0xf0f0f0f0f0f0f0f0)) >> 4) !=
        UINT64_C(0x3333333333333333))
        return false;
    bytes &= UINT64_C(0x0f0f0f0f0f0f0f0f);
    bytes = bytes * 10 + (bytes >> 8);
    *number = ((bytes & UINT64_C(0x000000ff000000ff)) *
                   UINT64_C(0x000f424000000064) +
               (bytes >> 16 & UINT64_C(0x000000ff000000ff)) *
                   UINT64_C(0x0000271000000001)) >>
              32;
    return true;
}

/* The last n of them, 1 to 8: the bytes before, which must be there, are made
 * zeros. */
static inline bool last_digits(const char *end, size_t n, uint64_t *number) {
    uint64_t bytes, kept = ~UINT64_C(0) << (64 - 8 * n);
    memcpy(&bytes, end - 8, sizeof bytes);
    bytes = (bytes & kept) | (UINT64_C(0x3030303030303030) & ~kept);
    return eight_digits(bytes, number);
}

/* Puts the digits of a fraction behind those of the whole part. */
static inline bool take_fraction(nr_text text, const char *p, uint64_t *number) {
    const char *end = text.s + text.n;
    uint64_t sum = *number, some;
    for (size_t n; p < end; p += n) {
        n = end - p < 8 ? (size_t)(end - p) : 8;
        if (!last_digits(p + n, n, &some)) return false;
        sum = sum * (uint64_t)tens[n] + some;
    }
    *number = sum;
    return true;
}

static inline double with_sign(double value, bool negative) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits ^= (uint64_t)negative << 63;
    memcpy(&value, &bits, sizeof bits);
    return value;
}

/* n characters, 1 to 8, the last one in the highest byte, zeros below. */
static inline uint64_t load_short(const char *s, size_t n) {
    uint32_t first = 0, last;
    if (n >= 4) {
        memcpy(&first, s, 4);
        memcpy(&last, s + n - 4, 4);
    } else {
        const unsigned char *u = (const unsigned char *)s;
        last = (uint32_t)u[n - 1] << 24 | (uint32_t)u[0] << (32 - 8 * n) |
               (uint32_t)u[n / 2] << (32 - 8 * (n - n / 2));
    }
    return (uint64_t)last << 32 |
           (uint32_t)((uint64_t)first << (8 * (8 - n)));
}

/* Eight characters at most, and a sign: all at once, the point taken out. */
static inline bool parse_short(nr_text text, double *value) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    bool negative = text.n && *text.s == '-';
    size_t n = text.n - negative, places = 0;
    if (n - 1 > 7) return false;
    uint64_t w = load_short(text.s + negative, n), number;
    uint64_t other = w ^ ones * '.';
    uint64_t points = (other - ones) & ~other & ones << 7;
    if (points) { /* the lowest bit of them is right */
        uint64_t top = points & (0 - points);
        w = (w & ~((top << 1) - 1)) | (w & ((top >> 7) - 1)) << 8;
        places = 7 - (size_t)__builtin_ctzll(points) / 8;
        n--;
    }
    if (!n || !eight_digits(w | ones * '0' >> 4 >> (8 * n - 4), &number))
        return false;
    *value = with_sign((double)(int64_t)number / tens[places], negative);
    return true;
}

/* Longer ones, below 2^64 without their point. */
static inline bool parse_longer(nr_text text, double *value) {
    enum { SHORTEST = 8, LONGEST = 19 };
    if (text.n < SHORTEST || text.n > LONGEST) return false;
    const char *p = text.s, *end = text.s + text.n;
    bool negative = *p == '-';
    p += negative;
    uint64_t number = 0;
    size_t places = 0;
    const char *start = p;
    for (; p < end && is_digit(*p); p++)
        number = number * 10 + (uint64_t)(*p - '0');
    if (p < end) {
        if (*p != '.' || !take_fraction(text, p + 1, &number)) return false;
        places = (size_t)(end - p) - 1;
    }
    if ((p == start && !places) || number > UINT64_C(1) << DBL_MANT_DIG)
        return false;
    *value = with_sign((double)(int64_t)number / tens[places], negative);
    return true;
}

static inline bool parse_plain(nr_text text, double *value) {
    return parse_short(text, value) || parse_longer(text, value);
}
#else
static inline bool parse_plain(nr_text text, double *value) {
    (void)text, (void)value;
    return false;
}
#endif

#endif
