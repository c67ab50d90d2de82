/* Commands that look over many keys: which of them. */

#include <stdlib.h>
#include <string.h>

#include "../core/msgpack.h"
#include "module.h"

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

/* ================================ NR.LIST ================================ */

typedef struct found {
    nr_buf names; /* rm_string pointers */
    const char *pattern;
    size_t len;
    bool full; /* out of memory */
} found;

static void look(rm_ctx *ctx, rm_string *name, rm_key *key, void *data) {
    found *f = data;
    size_t len;
    const char *text = rm.StringPtrLen(name, &len);
    if (!nr_box_in(key) || rm.GetExpire(key) == 0) return; /* expired */
    if (f->pattern && !nr_glob(f->pattern, f->len, text, len)) return;
    if (!nr_may_read(ctx, name)) return;
    rm_string *copy = rm.CreateString(NULL, text, len);
    if (nr_buf_append(&f->names, &copy, sizeof copy)) return;
    rm.FreeString(NULL, copy);
    f->full = true;
}

static int by_bytes(const void *a, const void *b) {
    size_t alen, blen;
    const char *x = rm.StringPtrLen(*(rm_string *const *)a, &alen);
    const char *y = rm.StringPtrLen(*(rm_string *const *)b, &blen);
    int order = memcmp(x, y, alen < blen ? alen : blen);
    return order ? order : (alen > blen) - (alen < blen);
}

int nr_list(rm_ctx *ctx, rm_string **argv, const nr_command *cmd) {
    found f = {0};
    if (cmd->pattern) f.pattern = rm.StringPtrLen(argv[cmd->pattern], &f.len);
    rm_cursor *cursor = rm.ScanCursorCreate();
    while (rm.Scan(ctx, cursor, look, &f)) continue;
    rm.ScanCursorDestroy(cursor);
    size_t n = f.names.len / sizeof(rm_string *);
    rm_string **names = (rm_string **)(void *)f.names.data;
    if (n > 1) qsort(names, n, sizeof *names, by_bytes);
    if (f.full)
        rm.ReplyWithError(ctx, "ERR out of memory");
    else
        rm.ReplyWithArray(ctx, (long)n);
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const char *text = rm.StringPtrLen(names[i], &len);
        if (!f.full) rm.ReplyWithStringBuffer(ctx, text, len);
        rm.FreeString(NULL, names[i]);
    }
    nr_buf_free(&f.names);
    return RM_OK;
}
