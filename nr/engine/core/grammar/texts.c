/* What all hosts say alike, beside replies: keys as words, NR.THREADS' lines,
 * and which keys NR.LIST's pattern means. */

#include <stdio.h>
#include <string.h>

#include "grammar/syntax.h"

static bool add(nr_buf *out, const char *text) {
    return nr_buf_append(out, text, strlen(text));
}

static bool put_key(const char *key, size_t len, nr_buf *out) {
    bool ok = nr_buf_reserve(out, len);
    for (size_t i = 0; i < len && ok; i++) {
        unsigned char c = (unsigned char)key[i];
        char hex[5];
        snprintf(hex, sizeof hex, "\\x%02x", c);
        ok = c > ' ' && c <= '~' && c != '\\' ? nr_buf_append(out, &key[i], 1)
                                              : nr_buf_append(out, hex, 4);
    }
    return ok;
}

nr_status nr_key_word(const char *key, size_t len, nr_buf *out,
                      nr_error *err) {
    size_t before = out->len;
    if (put_key(key, len, out)) return NR_OK;
    out->len = before;
    return nr_nomem(err);
}

/* As printf's %f in the C locale: six digits behind the point. */
static bool put_real(const char *name, double value, nr_buf *out) {
    char text[400];
    snprintf(text, sizeof text, "%f", value);
    size_t whole = strspn(text, "-0123456789");
    size_t rest = whole + strcspn(text + whole, "0123456789");
    if (!text[rest]) return add(out, name) && add(out, text); /* "nan" */
    return add(out, name) && nr_buf_append(out, text, whole) &&
           add(out, ".") && add(out, text + rest);
}

static bool put_count(const char *name, uint64_t value, nr_buf *out) {
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return add(out, name) && add(out, text);
}

static bool put_line(const nr_training *t, nr_buf *out) {
    return put_count("nn_id=", t->id, out) &&
           put_count(" cycle=", t->progress.cycles, out) &&
           add(out, " key=") && put_key(t->key, t->keylen, out) &&
           put_count(" db=", t->db, out) &&
           put_count(" maxtime=", t->maxtime, out) &&
           put_count(" maxcycles=", t->maxcycles, out) &&
           put_real(" trainerr=", t->progress.train_error, out) &&
           put_real(" testerr=", t->progress.test_error, out) &&
           put_real(" classerr=", t->progress.class_errors, out) &&
           add(out, t->running ? " state=running" : " state=waiting") &&
           add(out, " worker=") && add(out, *t->worker ? t->worker : "-") &&
           put_count(" attempt=", t->attempt, out);
}

nr_status nr_training_line(const nr_training *training, nr_buf *out,
                           nr_error *err) {
    size_t before = out->len;
    if (put_line(training, out)) return NR_OK;
    out->len = before;
    return nr_nomem(err);
}

/* =============================== Patterns ================================ */

/* One [class], from behind its bracket: where it ends, and whether it takes
 * the byte. A missing ] is forgiven, as Redis does. */
static const char *class(const char *p, const char *end, unsigned char byte,
                         bool *takes) {
    bool inverted = p < end && *p == '^', found = false;
    p += inverted;
    while (p < end && *p != ']') {
        unsigned char low = (unsigned char)*p, high = low;
        if (low == '\\' && p + 1 < end) {
            low = high = (unsigned char)*++p;
        } else if (end - p > 2 && p[1] == '-') {
            high = (unsigned char)p[2];
            p += 2;
        }
        p++;
        if (low > high) {
            unsigned char swapped = low;
            low = high, high = swapped;
        }
        found = found || (byte >= low && byte <= high);
    }
    *takes = found != inverted;
    return p < end ? p + 1 : p;
}

/* Whether one element of the pattern, which is no star, takes the byte, and
 * where it ends. */
static const char *one(const char *p, const char *end, unsigned char byte,
                       bool *takes) {
    if (*p == '[') return class(p + 1, end, byte, takes);
    if (*p == '\\' && p + 1 < end) p++;
    else if (*p == '?') byte = (unsigned char)'?';
    *takes = (unsigned char)*p == byte;
    return p + 1;
}

/* As KEYS has them. A star takes as little as it can, and only the last one
 * met is ever given more: no pattern is slow. */
bool nr_glob(const char *pattern, size_t plen, const char *text, size_t len) {
    const char *p = pattern, *pend = p + plen, *t = text, *tend = t + len;
    const char *star = NULL, *again = NULL;
    for (;;) {
        bool takes = false;
        const char *next = p;
        if (p < pend && *p == '*') {
            star = ++p, again = t;
            continue;
        }
        if (t == tend && p == pend) return true;
        if (t < tend && p < pend)
            next = one(p, pend, (unsigned char)*t, &takes);
        if (takes) {
            p = next, t++;
        } else if (star && again < tend) {
            p = star, t = ++again;
        } else {
            return false;
        }
    }
}
