/* Commands that look over many keys: which of them. */

#include <stdlib.h>
#include <string.h>

#include "module.h"

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
