/* Replies: the core writes msgpack, the server wants calls.
 *
 * One walk over the reply, whatever the command. What comes here was written by
 * the core itself; the cursor still cannot leave the buffer. */

#include <string.h>

#include "module.h"

/* The version of the client's protocol, asked for when it first matters. */
typedef enum protocol { UNKNOWN, RESP2, RESP3 } protocol;

/* Version 2 has no doubles. The server's own way there is slow, and from 7.2 on
 * sends other digits. */
static void reply_double(rm_ctx *ctx, double value, protocol *p) {
    char text[NR_DOUBLE_TEXT];
    if (*p == UNKNOWN)
        *p = rm.GetContextFlags(ctx) & RM_FLAG_RESP3 ? RESP3 : RESP2;
    if (*p == RESP3)
        rm.ReplyWithDouble(ctx, value);
    else
        rm.ReplyWithStringBuffer(ctx, text, nr_format_double(value, text));
}

static void reply_text(rm_ctx *ctx, nr_bytes text) {
    char line[NR_OUTCOME_TEXT]; /* the longest that the core has to say */
    size_t len = text.len < sizeof line ? text.len : sizeof line - 1;
    memcpy(line, text.data, len);
    line[len] = '\0';
    rm.ReplyWithSimpleString(ctx, line);
}

static void reply_next(rm_ctx *ctx, nr_cursor *c, protocol *p) {
    nr_bytes bytes = {0};
    uint64_t number = 0;
    double real = 0;
    size_t n = 0;
    unsigned type = c->at < c->end ? *c->at : 0xc0;
    if (type < 0x80 || (type >= 0xcc && type <= 0xcf)) {
        nr_get_uint(c, &number);
        rm.ReplyWithLongLong(ctx, (long long)number);
    } else if (type == 0xcb) {
        nr_get_double(c, &real);
        reply_double(ctx, real, p);
    } else if ((type & 0xe0) == 0xa0 || (type >= 0xd9 && type <= 0xdb)) {
        nr_get_str(c, &bytes);
        reply_text(ctx, bytes);
    } else if (type >= 0xc4 && type <= 0xc6) {
        nr_get_bin(c, &bytes);
        rm.ReplyWithStringBuffer(ctx, (const char *)bytes.data, bytes.len);
    } else if ((type & 0xf0) == 0x90 || type == 0xdc || type == 0xdd) {
        nr_get_array(c, &n);
        rm.ReplyWithArray(ctx, (long)n);
        for (size_t i = 0; i < n; i++) reply_next(ctx, c, p);
    } else {
        nr_skip(c);
        rm.ReplyWithNull(ctx);
    }
}

static void reply_all(rm_ctx *ctx, const nr_buf *reply, protocol p) {
    nr_cursor c = {reply->data, reply->data + reply->len, false};
    reply_next(ctx, &c, &p);
}

int nr_reply(rm_ctx *ctx, const nr_buf *reply) {
    reply_all(ctx, reply, UNKNOWN);
    return RM_OK;
}

void nr_reply_in(rm_ctx *ctx, const nr_buf *reply, bool resp3) {
    reply_all(ctx, reply, resp3 ? RESP3 : RESP2);
}

int nr_reply_error(rm_ctx *ctx, const nr_error *err) {
    return rm.ReplyWithError(ctx, err->text);
}
