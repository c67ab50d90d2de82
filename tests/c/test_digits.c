/* nr_format_double is printf's %.17g, digit for digit, and is so where there
 * are no integers of 128 bits: it is compiled once more, without them. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "model/net.h"

#undef __SIZEOF_INT128__
#define nr_format_double format_in_64_bits
#include "grammar/number_text.c"
#undef nr_format_double

static bool same(double value) {
    char ours[NR_DOUBLE_TEXT], narrow[NR_DOUBLE_TEXT], theirs[64];
    size_t len = nr_format_double(value, ours);
    size_t narrow_len = format_in_64_bits(value, narrow);
    snprintf(theirs, sizeof theirs, "%.17g", value);
    if (len == strlen(ours) && strcmp(ours, theirs) == 0 &&
        narrow_len == len && strcmp(narrow, theirs) == 0)
        return true;
    printf("%s and %s, not %s\n", ours, narrow, theirs);
    return false;
}

static bool all_same(double (*draw)(uint64_t)) {
    bool ok = true;
    for (uint64_t i = 0; i < 200000 && ok; i++) ok = same(draw(nr_mix(i)));
    return ok;
}

static double any_float(uint64_t bits) {
    float value;
    uint32_t half = (uint32_t)bits;
    memcpy(&value, &half, sizeof value);
    return (double)value;
}

static double any_double(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double everyday(uint64_t bits) {
    return ldexp((double)(bits >> 11) - 0x1p52, (int)(bits & 63) - 90);
}

static double everyday_float(uint64_t bits) { return (float)everyday(bits); }

static double decimal(uint64_t bits) {
    return (double)(bits >> 40) / pow(10, (double)(bits & 7));
}

int main(void) {
    CHECK(same(0));
    CHECK(same(-0.0));
    CHECK(same(1));
    CHECK(same(-1));
    CHECK(same(0.1));
    CHECK(same(9.9999999999999999e16));
    CHECK(same(99999999999999990.0));
    CHECK(same(1e16));
    CHECK(same(1e17));
    CHECK(same(0.0001));
    CHECK(same(0.00009999999999999999));
    CHECK(same(9007199254740993.0));
    CHECK(same(0.5));
    CHECK(same(123456789));
    CHECK(same(5e-324));
    CHECK(same(1.7976931348623157e308));
    CHECK(same((double)INFINITY));
    for (int p = -40; p < 40; p++) {
        CHECK(same(pow(10, p)));
        CHECK(same(nextafter(pow(10, p), 0)));
        CHECK(same(ldexp(1, p)));
        CHECK(same((double)(float)pow(10, p)));
    }
    CHECK(all_same(any_float));
    CHECK(all_same(any_double));
    CHECK(all_same(everyday));
    CHECK(all_same(everyday_float));
    CHECK(all_same(decimal));
    return summary();
}
