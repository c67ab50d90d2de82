/* Numbers from text: compared with strtod's, bit by bit, on the hard ones and
 * on millions of random ones: `test_number 100` draws a hundred times as
 * many. */

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "grammar/syntax.h"

static uint64_t state = 1;

static uint64_t draw(void) { /* splitmix64 */
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t below(uint64_t n) { return draw() % n; }

static bool same_as_strtod(const char *text) {
    double want = strtod(text, NULL), got = -12345;
    float narrow = 0, cast = (float)want;
    nr_text t = {text, strlen(text)};
    bool fits = cast - cast == 0;
    bool ok = nr_parse_double(t, &got) && !memcmp(&want, &got, sizeof got) &&
              nr_parse_float(t, &narrow) == fits &&
              (!fits || !memcmp(&narrow, &cast, sizeof cast));
    if (!ok) fprintf(stderr, "%s: wanted %a, got %a\n", text, want, got);
    return ok;
}

static void draw_digits(char *out) {
    size_t digits = 1 + below(below(8) ? 24 : 60), at = 0;
    size_t point = below(2) ? below(digits + 1) : digits + 1;
    if (below(3) == 0) out[at++] = below(2) ? '-' : '+';
    for (size_t i = 0; i < digits; i++) {
        if (i == point) out[at++] = '.';
        out[at++] = (char)('0' + (below(4) ? below(10) : 0));
    }
    if (point == digits) out[at++] = '.';
    int range = below(2) ? 40 : 360;
    if (below(2))
        at += (size_t)sprintf(out + at, "%c%s%d", below(2) ? 'e' : 'E',
                              below(8) ? "" : "+0",
                              (int)below((uint64_t)range));
    else if (below(2))
        at += (size_t)sprintf(out + at, "e-%d", (int)below((uint64_t)range));
    out[at] = '\0';
}

static double draw_double(void) {
    uint64_t bits = draw();
    double value;
    if (below(8) == 0) bits &= ~(UINT64_C(0x7ff) << 52); /* denormal */
    memcpy(&value, &bits, sizeof value);
    return value - value == 0 ? value : 1;
}

static float draw_float(void) {
    uint32_t bits = (uint32_t)draw();
    float value;
    if (below(8) == 0) bits &= ~(UINT32_C(0xff) << 23);
    memcpy(&value, &bits, sizeof value);
    return value - value == 0 ? value : 1;
}

/* Exactly between two neighbours, or a trifle beside it. */
static void draw_halfway(char *out) {
    bool wide = below(2);
    double a = draw_double();
    float f = draw_float();
    uint64_t bits;
    uint32_t few;
    memcpy(&bits, &a, sizeof bits);
    memcpy(&few, &f, sizeof few);
    bits++, few++;
    double b;
    float g;
    memcpy(&b, &bits, sizeof b);
    memcpy(&g, &few, sizeof g);
    if (wide)
        sprintf(out, "%.800Le", ((long double)a + b) / 2);
    else
        sprintf(out, "%.800Le", ((long double)f + g) / 2);
    char *e = strchr(out, 'e');
    if (!e) strcpy(out, "1"); /* beyond the largest */
    if (!e || below(3) == 0) return;
    char tail[16];
    strcpy(tail, e);
    size_t zeros = below(2) ? below(900) : 0;
    memset(e, '0', zeros);
    e[zeros] = '0';
    sprintf(e + zeros, "1%s", tail);
    if (below(2)) { /* below the middle: the last digits count down */
        char *last = e - 1;
        while (*last == '0') last--;
        if (*last >= '1' && *last <= '9') (*last)--;
    }
}

static void test_random_numbers_equal_strtod(uint64_t times) {
    char text[2048];
    bool ok = true;
    for (uint64_t i = 0; ok && i < times * 1000000; i++) {
        draw_digits(text);
        ok = same_as_strtod(text);
    }
    CHECK(ok);
    for (uint64_t i = 0; ok && i < times * 250000; i++) {
        sprintf(text, "%.*g", (int)(15 + below(4)), draw_double());
        ok = same_as_strtod(text);
        sprintf(text, "%.*g", (int)(6 + below(12)), (double)draw_float());
        ok = ok && same_as_strtod(text);
    }
    CHECK(ok);
    for (uint64_t i = 0; ok && i < times * 10000; i++) {
        draw_halfway(text);
        ok = same_as_strtod(text);
    }
    CHECK(ok);
}

static void test_hard_numbers_equal_strtod(void) {
    static const char *const hard[] = {
        "0", "-0", "+0", "0.0", ".0", "0.", "00000", "-0e99999", "0e-99999",
        "1", "-1", "+1", ".2", "2.", "0.4", "1e0", "1E+2", "1e-2", "1e22",
        "1e23", "1e-22", "1e-23", "1e27", "1e28", "1e-27", "1e-28",
        "9007199254740993", "9007199254740992", "9007199254740995e0",
        "18446744073709551615", "18446744073709551616",
        "9223372036854776831", "9223372036854776832", "9223372036854776833",
        "9999999999999999999", "10000000000000000000", "99999999999999999999",
        "1000000000000000000000000000000000000000000000000000000001",
        "10000000000000000000.00000000000000000000000000000000000001",
        "0.000000000000000000000000000000000000000000000000000001",
        "1.7976931348623157e308", "1.7976931348623158e308",
        "1.7976931348623159e308", "1e308", "1e309", "1e400", "-1e400",
        "1e99999999999999999999999999", "1e-99999999999999999999999999",
        "2.2250738585072014e-308", "2.2250738585072011e-308",
        "2.2250738585072012e-308", "4.9406564584124654e-324", "5e-324",
        "2.4703282292062327e-324", "2.4703282292062328e-324", "1e-324",
        "1e-343", "1e-362", "9999999999999999999e-343", "1e-400",
        "9999999999999999999e-344",
        "99999999999999999999e-345",
        "3.4028234663852886e38", "3.4028235e38", "3.4028235677973366e38",
        "3.4028235677973365e38", "3.4028236e38", "1e38", "1e39", "-1e39",
        "1.1754943508222875e-38", "1.1754942e-38", "1.4e-45", "7.0e-46",
        "7.006492321624085e-46", "7.006492321624086e-46", "1e-46", "1e-60",
        "0.1", "0.3", "123.456", "6.02214076e23", "8.5", "16777217",
        "16777217.0000000000000001", "0.50000002980232238769531250",
    };
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++)
        CHECK(same_as_strtod(hard[i]));

    enum { LONG = 3000 };
    char text[LONG + 32];
    memset(text, '0', sizeof text);
    sprintf(text + LONG, "1e%d", LONG); /* many zeros in front */
    text[1] = '.';
    CHECK(same_as_strtod(text));
    memset(text, '0', sizeof text);
    text[0] = '7';
    sprintf(text + LONG, "e-%d", LONG);
    CHECK(same_as_strtod(text));
    memset(text, '9', sizeof text);
    sprintf(text + LONG, "e-%d", LONG + 320);
    CHECK(same_as_strtod(text));
}

static void test_what_is_no_number_is_refused(void) {
    static const char *const bad[] = {
        "", " ", "+", "-", ".", "-.", "e", "e5", ".e5", "1e", "1e+", "1e-",
        "1e5.", "1e 5", " 1", "1 ", "1\n", "\t1", "1,5", "1_000", "0x10",
        "0x1p3", "0X1", "1f", "1d", "nan", "NaN", "-nan", "nan(1)", "inf",
        "-inf", "+Inf", "INFINITY", "1..2", "1.2.3", "--1", "+-1", "1-", "1+1",
        "1e1e1", "abc", "\xc2\xbd", "1\xc2\xa0", "\xd9\xa1", "->",
    };
    double value = 42;
    float narrow = 42;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        nr_text text = {bad[i], strlen(bad[i])};
        if (!CHECK(!nr_parse_double(text, &value) &&
                   !nr_parse_float(text, &narrow)))
            fprintf(stderr, "  '%s'\n", bad[i]);
    }
    CHECK(!nr_parse_double((nr_text){"1\0", 2}, &value));
    CHECK(!nr_parse_double((nr_text){"1\0002", 3}, &value));
    CHECK(!nr_parse_double((nr_text){NULL, 0}, &value));
    CHECK(value == 42 && narrow == 42);
}

static const char *skip_digits(const char *p) {
    while (*p >= '0' && *p <= '9') p++;
    return p;
}

/* The grammar, as plainly as can be. */
static bool is_number(const char *p) {
    p += *p == '+' || *p == '-';
    const char *whole = p;
    p = skip_digits(p);
    size_t digits = (size_t)(p - whole);
    if (*p == '.') {
        const char *fraction = ++p;
        p = skip_digits(p);
        digits += (size_t)(p - fraction);
    }
    if (!digits) return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '+' || *p == '-';
        if (!*p) return false;
        p = skip_digits(p);
    }
    return !*p;
}

static bool read_as_it_should_be(const char *text) {
    double value;
    if (is_number(text)) return same_as_strtod(text);
    bool ok = !nr_parse_double((nr_text){text, strlen(text)}, &value);
    if (!ok) fprintf(stderr, "'%s' was read\n", text);
    return ok;
}

/* They are read eight at a time. */
static void test_one_byte_that_is_no_digit_is_seen_anywhere(void) {
    for (size_t n = 1; n <= 17; n++)
        for (size_t at = 0; at < n; at++)
            for (int byte = 1; byte < 256; byte++) {
                char text[] = "12345678123456781";
                text[n] = '\0';
                text[at] = (char)byte;
                CHECK(read_as_it_should_be(text));
            }
}

static void test_all_short_texts(void) {
    static const char signs[] = "059.-+e";
    enum { SIGNS = 7, LONGEST = 6 };
    size_t texts = 1;
    for (size_t n = 1; n <= LONGEST; n++) {
        char text[LONGEST + 1] = "";
        bool ok = true;
        texts *= SIGNS;
        for (size_t i = 0; i < texts; i++) {
            size_t rest = i;
            for (size_t at = 0; at < n; at++, rest /= SIGNS)
                text[at] = signs[rest % SIGNS];
            ok = read_as_it_should_be(text) && ok;
        }
        CHECK(ok);
    }
}

static void test_floats_are_read_up_to_what_is_none(void) {
    static const char *const texts[] = {"1", "-0.5", "1234567.25", "1e3",
                                        "1e39", "7"};
    static const size_t len[] = {1, 4, 10, 3, 4, 1};
    float values[6] = {0};
    nr_exactness exact = {0};
    CHECK(nr_parse_floats(texts, len, 6, values, &exact) == 4);
    CHECK(exact.rounded == 0 && exact.last == 1000);
    CHECK(values[0] == 1 && values[1] == -0.5f && values[2] == 1234567.25f &&
          values[3] == 1000);
    CHECK(nr_parse_floats(texts, len, 2, values, &exact) == 2);
    CHECK(nr_parse_floats(texts, len, 0, values, &exact) == 0);
}

static void test_numbers_end_where_the_text_ends(void) {
    double value;
#define PREFIX(text, n, want)                                                 \
    CHECK(nr_parse_double((nr_text){text, n}, &value) && value == (want))
    PREFIX("123", 2, 12);
    PREFIX("1e5", 1, 1);
    PREFIX("1e55", 3, 1e5);
    PREFIX("1.5", 1, 1);
    PREFIX("1.5", 2, 1);
    PREFIX(".55", 2, 0.5);
    PREFIX("12345678901234567890", 19, 1234567890123456768.0);
    CHECK(!nr_parse_double((nr_text){"1", 0}, &value));
    CHECK(!nr_parse_double((nr_text){"-1", 1}, &value));
    CHECK(!nr_parse_double((nr_text){".1", 1}, &value));
    CHECK(!nr_parse_double((nr_text){"1e5", 2}, &value));
    CHECK(!nr_parse_double((nr_text){"1e-5", 2}, &value));
    CHECK(!nr_parse_double((nr_text){"1e-5", 3}, &value));
}

static void test_integers_are_digits_alone(void) {
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "01", "00",
                                      "1.0", "1e3", "0x1", "a", "1_0"};
    uint64_t value = 42;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!nr_parse_uint((nr_text){bad[i], strlen(bad[i])}, &value));
    CHECK(value == 42);
#define UINT(text, want)                                                      \
    CHECK(nr_parse_uint((nr_text){text, strlen(text)}, &value) &&             \
          value == (want))
    UINT("0", 0);
    UINT("9007199254740993", UINT64_C(9007199254740993));
    UINT("18446744073709551615", UINT64_MAX);
    UINT("18446744073709551616", UINT64_MAX);
    UINT("99999999999999999999999999999999999999999", UINT64_MAX);
}

int main(int argc, char **argv) {
    uint64_t times = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    test_hard_numbers_equal_strtod();
    test_random_numbers_equal_strtod(times);
    test_what_is_no_number_is_refused();
    test_one_byte_that_is_no_digit_is_seen_anywhere();
    test_all_short_texts();
    test_floats_are_read_up_to_what_is_none();
    test_numbers_end_where_the_text_ends();
    test_integers_are_digits_alone();
    return summary();
}
