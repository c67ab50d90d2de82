/* What the tests of the grammar share: a line as a user writes it, the command
 * or the error that comes of it. */

#ifndef PARSING_H
#define PARSING_H

#include <string.h>

#include "check.h"
#include "grammar/syntax.h"

static nr_command cmd;
static nr_args args;
static nr_error err;

static inline void release(void) {
    nr_command_release(&cmd);
    nr_buf_free(&args.memory);
}

/* Splits and parses; the caller releases. */
static inline nr_status run_bytes(const char *line, size_t n) {
    memset(&err, 0, sizeof err);
    nr_status status = nr_split(line, n, &args, &err);
    if (status != NR_OK) {
        memset(&cmd, 0, sizeof cmd);
        return status;
    }
    return nr_command_parse(&cmd, args.argc, args.argv, args.len, &err);
}

static inline void expect_error(const char *line, const char *text, int at) {
    nr_status status = run_bytes(line, strlen(line));
    if (!check(status == NR_ERR && !strcmp(err.text, text), line, at))
        fprintf(stderr, "  wanted: %s\n  got:    %s\n", text, err.text);
    release();
}

#define FAILS(line, text) expect_error(line, text, __LINE__)

static inline bool accepts(const char *line, int at) {
    nr_status status = run_bytes(line, strlen(line));
    if (!check(status == NR_OK, line, at))
        fprintf(stderr, "  got: %s\n", err.text);
    return status == NR_OK;
}

/* Parses a line and runs the checks that follow on `cmd`. */
#define PARSES(line) for (bool once = accepts(line, __LINE__); once; \
                          release(), once = false)

#endif
