/* Times. Not the C library's: its functions go by the host's zone and locale,
 * and their range is the platform's. */

#include <math.h>
#include <stdio.h>

#include "encode/time.h"

/* ================================ Calendar =============================== */

static bool is_leap(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t days_before_year(int64_t year) { /* since the year 1 */
    year--;
    return year * 365 + year / 4 - year / 100 + year / 400;
}

static int64_t days_of_month(int64_t year, int64_t month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days since 1970-01-01; false for a day that there is not. */
static bool to_days(int64_t year, int64_t month, int64_t day, int64_t *days) {
    enum { FIRST = 719162 }; /* days from year 1 to 1970 */
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
        day > days_of_month(year, month))
        return false;
    *days = days_before_year(year) + day - 1 - FIRST;
    for (int64_t m = 1; m < month; m++) *days += days_of_month(year, m);
    return true;
}

/* ================================ Reading ================================ */

/* Exactly n digits. */
static bool take_digits(nr_text *text, size_t n, int64_t *value) {
    if (text->n < n) return false;
    *value = 0;
    for (size_t i = 0; i < n; i++) {
        if (text->s[i] < '0' || text->s[i] > '9') return false;
        *value = *value * 10 + (text->s[i] - '0');
    }
    *text = (nr_text){text->s + n, text->n - n};
    return true;
}

static bool take_char(nr_text *text, char c) {
    if (!text->n || *text->s != c) return false;
    *text = (nr_text){text->s + 1, text->n - 1};
    return true;
}

/* The digits behind a point, to microseconds; what comes after is cut. */
static bool take_fraction(nr_text *text, int64_t *micro) {
    int64_t digit, unit = NR_SECOND / 10;
    if (!take_digits(text, 1, &digit)) return false;
    do {
        *micro += digit * unit;
        unit /= 10;
    } while (take_digits(text, 1, &digit));
    return true;
}

static bool take_clock(nr_text *text, int64_t *micro) {
    int64_t hour, minute, second = 0;
    if (!take_digits(text, 2, &hour) || !take_char(text, ':') ||
        !take_digits(text, 2, &minute))
        return false;
    if (take_char(text, ':')) {
        if (!take_digits(text, 2, &second)) return false;
        if ((take_char(text, '.') || take_char(text, ',')) &&
            !take_fraction(text, micro))
            return false;
    }
    if (hour > 23 || minute > 59 || second > 60) return false;
    *micro += (hour * 3600 + minute * 60 + second) * NR_SECOND;
    return true;
}

static bool take_zone(nr_text *text, int64_t *micro) {
    int64_t hour, minute = 0, sign = 1;
    if (!text->n || take_char(text, 'Z') || take_char(text, 'z')) return true;
    if (take_char(text, '-'))
        sign = -1;
    else if (!take_char(text, '+'))
        return false;
    if (!take_digits(text, 2, &hour)) return false;
    take_char(text, ':');
    if (text->n && !take_digits(text, 2, &minute)) return false;
    if (hour > 23 || minute > 59) return false;
    *micro -= sign * (hour * 3600 + minute * 60) * NR_SECOND;
    return true;
}

static bool parse_iso(nr_text text, int64_t *time) {
    int64_t year, month, day, days, micro = 0;
    if (!take_digits(&text, 4, &year) || !take_char(&text, '-') ||
        !take_digits(&text, 2, &month) || !take_char(&text, '-') ||
        !take_digits(&text, 2, &day) || !to_days(year, month, day, &days))
        return false;
    if (text.n) {
        if (!take_char(&text, 'T') && !take_char(&text, 't') &&
            !take_char(&text, ' '))
            return false;
        if (!take_clock(&text, &micro) || !take_zone(&text, &micro))
            return false;
    }
    *time = days * NR_DAY + micro;
    return text.n == 0 && *time >= NR_FIRST_TIME && *time <= NR_LAST_TIME;
}

bool nr_time_from(double seconds, int64_t *time) {
    if (!(fabs(seconds) < 3e11)) return false;
    double whole = floor(seconds);
    *time = (int64_t)whole * NR_SECOND +
            (int64_t)floor((seconds - whole) * (double)NR_SECOND + 0.5);
    return *time >= NR_FIRST_TIME && *time <= NR_LAST_TIME;
}

bool nr_parse_time(nr_text text, int64_t *time) {
    double seconds;
    if (parse_iso(text, time)) return true;
    return nr_parse_double(text, &seconds) && nr_time_from(seconds, time);
}

/* ================================ Writing ================================ */

const char *nr_time_text(char out[NR_TIME_TEXT], int64_t time) {
    int64_t days = time / NR_DAY, micro = time % NR_DAY, year = 1970;
    if (micro < 0) micro += NR_DAY, days--;
    int64_t first = 0;
    year += days / 366; /* at most too far from 1970 by a few years */
    while (to_days(year + 1, 1, 1, &first) && first <= days) year++;
    while (to_days(year, 1, 1, &first) && first > days) year--;
    int64_t day = days - first, month = 1;
    while (day >= days_of_month(year, month)) day -= days_of_month(year, month++);
    int64_t second = micro / NR_SECOND, part = micro % NR_SECOND;
    int n = snprintf(out, NR_TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d",
                     (int)year, (int)month, (int)day + 1, (int)(second / 3600),
                     (int)(second / 60 % 60), (int)(second % 60));
    if (part) n += snprintf(out + n, NR_TIME_TEXT - (size_t)n, ".%06d", (int)part);
    snprintf(out + n, NR_TIME_TEXT - (size_t)n, "Z");
    return out;
}
