/* What clients of Redis send, as commands: incremental, over bytes that may be
 * anything.
 *
 * A client's reader (hiredis') does not do for a server: it knows no inline
 * commands, and takes the announced length of an array for one that it may
 * allocate. Here nothing is allocated by what is announced. Memory grows with
 * the bytes that have come: twice as many at most, and a place and a length for
 * each argument, which takes six bytes at least.
 *
 * Arguments are offsets while a command is incomplete, since the bytes move
 * when more come; they become pointers when it is there. Errors are worded as
 * Redis words them. After one nothing more is read: where the next command
 * begins cannot be known. */

#include <string.h>

#include "grammar/resp.h"

enum { LINE = 1 << 16, SPARE = 1 << 16, PER_WORD = sizeof(size_t) };


enum { MORE = 0, FOUND = 1, BROKEN = -1 }; /* what nr_resp_next returns */

nr_resp *nr_resp_create(void) {
    nr_resp *r = nr_alloc(sizeof *r);
    if (!r) return NULL;
    *r = (nr_resp){0};
    r->head.protocol = 2;
    nr_resp_trust(r, false);
    return r;
}

void nr_resp_free(nr_resp *r) {
    if (!r) return;
    nr_buf_free(&r->head.replies);
    nr_buf_free(&r->in);
    nr_buf_free(&r->places);
    nr_buf_free(&r->lengths);
    nr_buf_free(&r->scratch);
    nr_buf_free(&r->key);
    nr_buf_free(&r->line.memory);
    nr_release(r);
}

void nr_resp_trust(nr_resp *r, bool trusted) {
    r->most_words = trusted ? 1u << 20 : 16;
    r->most_bytes = trusted ? (size_t)1 << 29 : 1u << 14;
    r->most = trusted ? (size_t)1 << 30 : 1u << 16;
}

size_t nr_resp_memory(const nr_resp *r) {
    return r->in.cap + r->head.replies.cap + r->places.cap + r->lengths.cap +
           r->line.memory.cap;
}

/* Nothing is kept of a large command once it has been run. */
static void forget_command(nr_resp *r) {
    r->start = r->at, r->words = 0, r->wanted = 0, r->awaits = false;
    r->head.argc = 0;
    nr_buf_free(&r->line.memory);
    if (r->places.cap > SPARE) {
        nr_buf_free(&r->places);
        nr_buf_free(&r->lengths);
    }
    r->places.len = r->lengths.len = 0;
    if (r->at < r->in.len) return;
    r->in.len = r->at = r->start = 0;
    if (r->in.cap > SPARE) nr_buf_free(&r->in);
}

nr_status nr_resp_feed(nr_resp *r, const void *bytes, size_t len,
                       nr_error *err) {
    if (r->head.argc) forget_command(r);
    if (r->start) {
        r->in.len -= r->start, r->at -= r->start;
        memmove(r->in.data, r->in.data + r->start, r->in.len);
        size_t *places = (void *)r->places.data;
        for (size_t i = 0; i < r->words; i++) places[i] -= r->start;
        r->start = 0;
    }
    return nr_buf_append(&r->in, bytes, len) ? NR_OK : nr_nomem(err);
}

static int broken(nr_error *err, const char *why) {
    nr_fail(err, "ERR Protocol error: %s", why);
    return BROKEN;
}

/* A line from r->at on, without its end: FOUND, and r->at behind it. Of an
 * inline command a newline ends it, else \r\n. */
static int take_line(nr_resp *r, nr_text *line, const char *too_long,
                     nr_error *err) {
    const char *from = (const char *)r->in.data + r->at;
    size_t left = r->in.len - r->at, n = left < LINE ? left : LINE;
    const char *end = n ? memchr(from, '\n', n) : NULL;
    if (!end) return left < LINE ? MORE : broken(err, too_long);
    r->at += (size_t)(end - from) + 1;
    if (end > from && end[-1] == '\r') end--;
    *line = (nr_text){from, (size_t)(end - from)};
    return FOUND;
}

/* Digits behind a '*' or '$', -1 too; false for any other text. */
static bool take_count(nr_text line, int64_t *count) {
    bool negative = line.n > 1 && line.s[1] == '-';
    nr_text digits = {line.s + 1 + negative, line.n - 1 - negative};
    uint64_t value = 0;
    if (!digits.n || digits.n > 18) return false;
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.s[i] < '0' || digits.s[i] > '9') return false;
        value = value * 10 + (uint64_t)(digits.s[i] - '0');
    }
    *count = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool add_word(nr_resp *r, size_t place, size_t length) {
    if (!nr_buf_append(&r->places, &place, PER_WORD)) return false;
    if (!nr_buf_append(&r->lengths, &length, PER_WORD)) {
        r->places.len -= PER_WORD;
        return false;
    }
    r->words++;
    return true;
}

/* How long the next argument is. */
static int take_length(nr_resp *r, nr_error *err) {
    int64_t length;
    nr_text line;
    unsigned char first = r->in.data[r->at];
    if (first != '$') {
        char quoted[NR_QUOTED];
        nr_quote(quoted, sizeof quoted, (const char *)&first, 1);
        nr_fail(err, "ERR Protocol error: expected '$', got '%s'", quoted);
        return BROKEN;
    }
    int found = take_line(r, &line, "too big bulk count string", err);
    if (found != FOUND) return found;
    if (!take_count(line, &length) || length < 0 ||
        (uint64_t)length > r->most_bytes)
        return broken(err, "invalid bulk length");
    if (r->at - r->start + (size_t)length > r->most)
        return broken(err, "too big a command");
    r->awaited = (size_t)length;
    r->awaits = true;
    return FOUND;
}

/* The next argument's bytes, and the end of line behind them. */
static int take_word(nr_resp *r, nr_error *err) {
    if (r->in.len - r->at < r->awaited + 2) return MORE;
    const unsigned char *end = r->in.data + r->at + r->awaited;
    if (end[0] != '\r' || end[1] != '\n')
        return broken(err, "expected the end of a line behind an argument");
    if (!add_word(r, r->at, r->awaited)) {
        nr_nomem(err);
        return BROKEN;
    }
    r->at += r->awaited + 2;
    r->awaits = false;
    return FOUND;
}

static int take_words(nr_resp *r, nr_error *err) {
    while (r->words < r->wanted) {
        int found = FOUND;
        if (r->at == r->in.len) return MORE;
        if (!r->awaits) found = take_length(r, err);
        if (found == FOUND) found = take_word(r, err);
        if (found != FOUND) return found;
    }
    r->head.argc = r->words;
    r->head.argv = (void *)r->places.data;
    r->head.arglen = (void *)r->lengths.data;
    for (size_t i = 0; i < r->head.argc; i++) {
        size_t place = ((const size_t *)(const void *)r->places.data)[i];
        r->head.argv[i] = (const char *)r->in.data + place;
    }
    return FOUND;
}

/* The head of an array: FOUND where there are arguments to come. */
static int take_head(nr_resp *r, nr_error *err) {
    nr_text line;
    int64_t count;
    int found = take_line(r, &line, "too big mbulk count string", err);
    if (found != FOUND) return found;
    if (!take_count(line, &count) || count > (int64_t)r->most_words)
        return broken(err, "invalid multibulk length");
    if (count <= 0) forget_command(r);
    r->wanted = count > 0 ? (size_t)count : 0;
    return FOUND;
}

static int take_inline(nr_resp *r, nr_error *err) {
    nr_text line;
    nr_error why;
    int found = take_line(r, &line, "too big inline request", err);
    if (found != FOUND) return found;
    nr_status status = nr_split(line.s, line.n, &r->line, &why);
    if (status == NR_NOMEM) *err = why;
    if (status != NR_OK)
        return status == NR_NOMEM ? BROKEN
                                  : broken(err, "unbalanced quotes in request");
    r->head.argc = r->line.argc, r->head.argv = r->line.argv, r->head.arglen = r->line.len;
    if (!r->head.argc) forget_command(r);
    return FOUND;
}

static int next(nr_resp *r, nr_error *err) {
    int found = FOUND;
    if (r->head.argc) forget_command(r);
    while (found == FOUND && !r->head.argc) {
        if (r->wanted) {
            found = take_words(r, err);
        } else if (r->at == r->in.len) {
            forget_command(r);
            return MORE;
        } else {
            r->start = r->at;
            found = r->in.data[r->at] == '*' ? take_head(r, err)
                                             : take_inline(r, err);
        }
    }
    return found;
}

int nr_resp_next(nr_resp *r, nr_error *err) {
    int found = next(r, err);
    r->head.pending = r->in.len - (found == FOUND ? r->at : r->start);
    return found;
}
