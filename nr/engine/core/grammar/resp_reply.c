/* Replies as Redis' protocol has them, from msgpack.
 *
 * One walk over the reply, as in the module, whose server knows the same two
 * versions: in the second doubles are text in bulk strings and nil is one
 * without a length, in the third both have a type of their own. */

#include <string.h>

#include "grammar/resp.h"

enum { DEEPEST = 8, HEAD = 32 };

/* "$5\r\n": a type, a number, the end of the line. */
static bool put_head(nr_buf *out, char type, uint64_t n, bool negative) {
    char text[HEAD], *at = text + sizeof text;
    *--at = '\n', *--at = '\r';
    do *--at = (char)('0' + n % 10);
    while (n /= 10);
    if (negative) *--at = '-';
    *--at = type;
    return nr_buf_append(out, at, (size_t)(text + sizeof text - at));
}

static bool put_bulk(nr_buf *out, const void *bytes, size_t len) {
    return put_head(out, '$', len, false) && nr_buf_append(out, bytes, len) &&
           nr_buf_append(out, "\r\n", 2);
}

/* A simple string has no end of a line in it. */
static bool put_text(nr_buf *out, nr_bytes text) {
    if (memchr(text.data, '\n', text.len) || memchr(text.data, '\r', text.len))
        return put_bulk(out, text.data, text.len);
    return nr_buf_append(out, "+", 1) &&
           nr_buf_append(out, text.data, text.len) &&
           nr_buf_append(out, "\r\n", 2);
}

static bool put_double(nr_buf *out, double value, int protocol) {
    char text[NR_DOUBLE_TEXT];
    size_t n = nr_format_double(value, text);
    if (protocol < 3) return put_bulk(out, text, n);
    return nr_buf_append(out, ",", 1) && nr_buf_append(out, text, n) &&
           nr_buf_append(out, "\r\n", 2);
}

static bool put_constant(nr_buf *out, const char *text) {
    return nr_buf_append(out, text, strlen(text));
}

/* A reply on its way. */
typedef struct answer {
    nr_buf *out;
    nr_cursor c;
    int protocol;
    nr_reply_shape shape;
} answer;

static bool put_next(answer *a, int depth);

/* Whether an array is names and values, which are a map in version 3, as in the
 * module: all that NR.INFO and NR.METRICS reply, and each row of NR.RUN that
 * begins with a name, of networks with fields. */
static bool is_pairs(const answer *a, uint64_t n, int depth) {
    bool named = a->c.at < a->c.end && *a->c.at >= 0xc4 && *a->c.at <= 0xc6;
    return n % 2 == 0 && ((a->shape == NR_PAIRS && depth == 0) ||
                          (a->shape == NR_OUTPUTS && named));
}

/* A map is an array of twice as many in version 2. */
static bool put_array(answer *a, const nr_item *item, int depth) {
    uint64_t n = item->type == NR_ITEM_MAP ? 2 * item->number : item->number;
    bool map = a->protocol >= 3 &&
               (item->type == NR_ITEM_MAP || is_pairs(a, n, depth));
    bool ok = depth < DEEPEST && (map ? put_head(a->out, '%', n / 2, false)
                                      : put_head(a->out, '*', n, false));
    while (ok && n--) ok = put_next(a, depth + 1);
    return ok;
}

static bool put_next(answer *a, int depth) {
    nr_item item;
    nr_buf *out = a->out;
    int protocol = a->protocol;
    if (!nr_get_item(&a->c, &item)) return false;
    switch (item.type) {
    case NR_ITEM_INT: return put_head(out, ':', item.number, item.negative);
    case NR_ITEM_REAL: return put_double(out, item.real, protocol);
    case NR_ITEM_STR: return put_text(out, item.bytes);
    case NR_ITEM_BIN: return put_bulk(out, item.bytes.data, item.bytes.len);
    case NR_ITEM_ARRAY:
    case NR_ITEM_MAP: return put_array(a, &item, depth);
    case NR_ITEM_BOOL:
        if (protocol < 3) return put_head(out, ':', item.number, false);
        return put_constant(out, item.number ? "#t\r\n" : "#f\r\n");
    default: return put_constant(out, protocol < 3 ? "$-1\r\n" : "_\r\n");
    }
}

nr_status nr_resp_reply(nr_resp *r, const void *reply, size_t len,
                        int verb, nr_error *err) {
    const nr_spec *spec = nr_spec_of((nr_verb)verb);
    answer a = {&r->head.replies,
                {reply, (const unsigned char *)reply + len, false},
                r->head.protocol,
                spec ? spec->reply : NR_INTEGERS};
    size_t before = r->head.replies.len;
    if (put_next(&a, 0)) return NR_OK;
    r->head.replies.len = before;
    return a.c.bad ? nr_fail(err, "ERR the reply cannot be told") : nr_nomem(err);
}

nr_status nr_resp_error(nr_resp *r, const char *text, size_t len,
                        nr_error *err) {
    nr_buf *out = &r->head.replies;
    if (!nr_buf_reserve(out, len + 3)) return nr_nomem(err);
    nr_buf_append(out, "-", 1);
    nr_buf_append(out, text, len);
    nr_buf_append(out, "\r\n", 2);
    return NR_OK;
}
