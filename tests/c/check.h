/* What every test in C begins and ends with. */

#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdio.h>

static int passed, failed;

static bool check(bool ok, const char *what, int line) {
    ok ? passed++ : failed++;
    if (!ok) fprintf(stderr, "line %d: failed: %s\n", line, what);
    return ok;
}

#define CHECK(ok) check((ok), #ok, __LINE__)

/* For the end of main: the exit status. */
static int summary(void) {
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}

#endif
