/* A line of words, quoted as redis-cli has it.
 *
 * The rules are those that users of redis-cli know from sdssplitargs, even
 * where a shell has others: a quote may open inside a word ('a"b c"' is one),
 * a closing one must end it; vertical tab and form feed separate words
 * only where no word has begun. One rule is dropped: a zero byte ends nothing,
 * it is a byte as all others.
 *
 * The line is read twice by the same function, to measure and then to write,
 * so that words and their table take one allocation of the right size. */

#include <string.h>

#include "grammar/syntax.h"

typedef struct reader {
    const char *at, *end;
    char *out; /* NULL: measuring */
    size_t n;  /* bytes of the word so far */
} reader;

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool ends_word(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void put(reader *r, char c) {
    if (r->out) r->out[r->n] = c;
    r->n++;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* What stands after a backslash in double quotes; there is one byte at least.
 */
static void read_escape(reader *r) {
    char c = *r->at++;
    if (c == 'x' && r->end - r->at >= 2 && hex_digit(r->at[0]) >= 0 &&
        hex_digit(r->at[1]) >= 0) {
        put(r, (char)(hex_digit(r->at[0]) * 16 + hex_digit(r->at[1])));
        r->at += 2;
        return;
    }
    static const char from[] = "nrtba", to[] = "\n\r\t\b\a";
    const char *known = c ? strchr(from, c) : NULL;
    put(r, known ? to[known - from] : c);
}

/* From behind the opening quote to behind the closing one: false where there
 * is none, or where the word goes on after it. */
static bool read_quoted(reader *r, char quote) {
    while (r->at < r->end) {
        char c = *r->at++;
        if (c == quote) return r->at == r->end || is_space(*r->at);
        if (c != '\\' || r->at == r->end)
            put(r, c);
        else if (quote == '"')
            read_escape(r);
        else
            put(r, *r->at == '\'' ? *r->at++ : c);
    }
    return false;
}

/* The next word: 1, or 0 where there is none, or -1 for a bad quote. */
static int read_word(reader *r) {
    while (r->at < r->end && is_space(*r->at)) r->at++;
    if (r->at == r->end) return 0;
    r->n = 0;
    while (r->at < r->end && !ends_word(*r->at)) {
        char c = *r->at++;
        if (c == '"' || c == '\'') return read_quoted(r, c) ? 1 : -1;
        put(r, c);
    }
    return 1;
}

static nr_status measure(const char *line, size_t len, size_t *words,
                         size_t *bytes, nr_error *err) {
    reader r = {.at = line, .end = line + len};
    *words = *bytes = 0;
    for (;;) {
        int found = read_word(&r);
        if (found < 0) return nr_fail(err, "ERR unbalanced quotes");
        if (!found) return NR_OK;
        ++*words;
        *bytes += r.n;
    }
}

nr_status nr_split(const char *line, size_t len, nr_args *args,
                   nr_error *err) {
    *args = (nr_args){0};
    if (!len) return NR_OK;
    size_t words, bytes, size;
    nr_status status = measure(line, len, &words, &bytes, err);
    if (status != NR_OK || !words) return status;
    size_t entry = sizeof args->argv[0] + sizeof args->len[0];
    if (__builtin_mul_overflow(words, entry, &size) ||
        __builtin_add_overflow(size, bytes, &size))
        return nr_nomem(err);
    unsigned char *memory = nr_alloc(size);
    if (!memory) return nr_nomem(err);
    args->memory = (nr_buf){.data = memory, .len = size, .cap = size};
    args->argc = words;
    args->argv = (const char **)(void *)memory;
    args->len = (size_t *)(void *)(args->argv + words);

    reader r = {.at = line, .end = line + len,
                .out = (char *)(args->len + words)};
    for (size_t i = 0; i < words; i++) {
        read_word(&r);
        args->argv[i] = r.out;
        args->len[i] = r.n;
        r.out += r.n;
    }
    return NR_OK;
}
