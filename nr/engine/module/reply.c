/* Replies: the core writes msgpack, the server wants calls.
 *
 * One walk over the reply, whatever the command. What comes here was written by
 * the core itself; the cursor still cannot leave the buffer. */

#include <string.h>

#include "module.h"

/* The version of the client's protocol, asked for when it first matters. */
typedef enum protocol { UNKNOWN, RESP2, RESP3 } protocol;

/* A reply on its way. */
typedef struct answer {
    rm_ctx *ctx;
    nr_cursor c;
    protocol p;
    nr_reply_shape shape;
} answer;

static bool is_resp3(answer *a) {
    if (a->p == UNKNOWN)
        a->p = rm.GetContextFlags(a->ctx) & RM_FLAG_RESP3 ? RESP3 : RESP2;
    return a->p == RESP3;
}

/* Version 2 has no doubles. The server's own way there is slow, and from 7.2 on
 * sends other digits. */
static void reply_double(answer *a, double value) {
    char text[NR_DOUBLE_TEXT];
    if (is_resp3(a))
        rm.ReplyWithDouble(a->ctx, value);
    else
        rm.ReplyWithStringBuffer(a->ctx, text, nr_format_double(value, text));
}

/* Whether the array at the cursor is names and values, which are a map in version
 * 3: all that NR.INFO and NR.METRICS reply, and each row of NR.RUN that begins with
 * a name, of networks with fields. Servers before 7.0 have no maps. */
static bool is_map(answer *a, int depth, size_t n) {
    if (!rm.ReplyWithMap || n % 2) return false;
    bool named = a->c.at < a->c.end && *a->c.at >= 0xc4 && *a->c.at <= 0xc6;
    bool pairs = (a->shape == NR_PAIRS && depth == 0) ||
                 (a->shape == NR_OUTPUTS && named);
    return pairs && is_resp3(a);
}

static void reply_next(answer *a, int depth);

static void reply_array(answer *a, int depth) {
    size_t n = 0;
    nr_get_array(&a->c, &n);
    if (is_map(a, depth, n))
        rm.ReplyWithMap(a->ctx, (long)n / 2);
    else
        rm.ReplyWithArray(a->ctx, (long)n);
    for (size_t i = 0; i < n; i++) reply_next(a, depth + 1);
}

static void reply_text(rm_ctx *ctx, nr_bytes text) {
    char line[NR_OUTCOME_TEXT]; /* the longest that the core has to say */
    size_t len = text.len < sizeof line ? text.len : sizeof line - 1;
    memcpy(line, text.data, len);
    line[len] = '\0';
    rm.ReplyWithSimpleString(ctx, line);
}

static void reply_next(answer *a, int depth) {
    rm_ctx *ctx = a->ctx;
    nr_cursor *c = &a->c;
    nr_bytes bytes = {0};
    uint64_t number = 0;
    double real = 0;
    unsigned type = c->at < c->end ? *c->at : 0xc0;
    if (type < 0x80 || (type >= 0xcc && type <= 0xcf)) {
        nr_get_uint(c, &number);
        rm.ReplyWithLongLong(ctx, (long long)number);
    } else if (type == 0xcb) {
        nr_get_double(c, &real);
        reply_double(a, real);
    } else if ((type & 0xe0) == 0xa0 || (type >= 0xd9 && type <= 0xdb)) {
        nr_get_str(c, &bytes);
        reply_text(ctx, bytes);
    } else if (type >= 0xc4 && type <= 0xc6) {
        nr_get_bin(c, &bytes);
        rm.ReplyWithStringBuffer(ctx, (const char *)bytes.data, bytes.len);
    } else if ((type & 0xf0) == 0x90 || type == 0xdc || type == 0xdd) {
        reply_array(a, depth);
    } else {
        nr_skip(c);
        rm.ReplyWithNull(ctx);
    }
}

static void reply_all(rm_ctx *ctx, nr_verb verb, const nr_buf *reply,
                      protocol p) {
    answer a = {ctx, {reply->data, reply->data + reply->len, false}, p,
                nr_spec_of(verb)->reply};
    reply_next(&a, 0);
}

int nr_reply(rm_ctx *ctx, nr_verb verb, const nr_buf *reply) {
    reply_all(ctx, verb, reply, UNKNOWN);
    return RM_OK;
}

void nr_reply_in(rm_ctx *ctx, nr_verb verb, const nr_buf *reply, bool resp3) {
    reply_all(ctx, verb, reply, resp3 ? RESP3 : RESP2);
}

/* A sample with fields has numbers beside texts, which a client tells apart by
 * their types in protocol 3. Redis 6.2 does not say which protocol that is: its
 * own doubles are right in both, if longer than need be in protocol 2. */
bool nr_typed_by_the_server(const nr_net *net, const nr_command *cmd) {
    nr_shape shape;
    if (cmd->verb != NR_GETDATA || rm.EventLoopAddOneShot) return false;
    nr_net_shape(net, &shape);
    return shape.row == 0;
}

int nr_reply_error(rm_ctx *ctx, const nr_error *err) {
    return rm.ReplyWithError(ctx, err->text);
}
