/* JSON. A reader of our own, since it runs on bytes that may be anything inside
 * a server: it recurses no deeper than it says, copies what it accepts, and
 * forgives nothing (no comments, no NaN, no lone surrogates, no zero bytes in
 * front of numbers), so that one text has one meaning on every store. */

#include <math.h>
#include <string.h>

#include "grammar/json.h"

typedef struct reader {
    const char *start, *at, *end;
    nr_buf *out;
    const char *wrong; /* NULL: nothing yet */
    bool memory;       /* there was too little */
} reader;

static bool wrong(reader *r, const char *why) {
    if (!r->wrong) r->wrong = why;
    return false;
}

static bool wrote(reader *r, bool ok) {
    if (!ok) r->memory = true;
    return ok;
}

static void skip_blanks(reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' ||
                              *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

static bool take(reader *r, char c) {
    if (r->at == r->end || *r->at != c) return false;
    r->at++;
    return true;
}

/* ================================ Numbers ================================ */

static size_t digits(reader *r) {
    const char *from = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
    return (size_t)(r->at - from);
}

static bool put_integer(reader *r, nr_text text, bool *done) {
    bool negative = *text.s == '-';
    uint64_t number;
    nr_text magnitude = {text.s + negative, text.n - negative};
    *done = nr_parse_uint(magnitude, &number) && number <= INT64_MAX;
    if (!*done) return true;
    int64_t value = (int64_t)number;
    return wrote(r, nr_put_int(r->out, negative ? -value : value));
}

static bool read_number(reader *r) {
    const char *from = r->at;
    bool whole = true, done = false;
    double value;
    take(r, '-');
    const char *first = r->at;
    size_t n = digits(r);
    if (!n || (n > 1 && *first == '0')) return wrong(r, "a number is cut");
    if (take(r, '.')) {
        whole = false;
        if (!digits(r)) return wrong(r, "a number is cut");
    }
    if (take(r, 'e') || take(r, 'E')) {
        whole = false;
        if (!take(r, '+')) take(r, '-');
        if (!digits(r)) return wrong(r, "a number is cut");
    }
    nr_text text = {from, (size_t)(r->at - from)};
    if (whole && !put_integer(r, text, &done)) return false;
    if (done) return true;
    if (!nr_parse_double(text, &value) || !isfinite(value))
        return wrong(r, "a number is too large");
    return wrote(r, nr_put_double(r->out, value));
}

/* ================================ Strings ================================ */

static bool read_hex(reader *r, unsigned *code) {
    *code = 0;
    if (r->end - r->at < 4) return wrong(r, "an escape is cut");
    for (int i = 0; i < 4; i++) {
        char c = *r->at++;
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;
        if (digit > 15) return wrong(r, "an escape is no number");
        *code = *code << 4 | digit;
    }
    return true;
}

static bool put_code(reader *r, unsigned code) {
    char utf8[4];
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; code >>= 6)
        utf8[i] = (char)(0x80 | (code & 0x3f));
    utf8[0] = (char)(lead[n] | code);
    return wrote(r, nr_buf_append(r->out, utf8, n));
}

/* \uXXXX, two of them where the first is half a character. */
static bool read_unicode(reader *r) {
    unsigned code, low;
    if (!read_hex(r, &code)) return false;
    if (code >= 0xdc00 && code <= 0xdfff)
        return wrong(r, "half a character is escaped");
    if (code >= 0xd800 && code <= 0xdbff) {
        if (!take(r, '\\') || !take(r, 'u'))
            return wrong(r, "half a character is escaped");
        if (!read_hex(r, &low)) return false;
        if (low < 0xdc00 || low > 0xdfff)
            return wrong(r, "half a character is escaped");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return put_code(r, code);
}

static bool read_escape(reader *r) {
    static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    if (r->at == r->end) return wrong(r, "a string is open");
    char c = *r->at++;
    if (c == 'u') return read_unicode(r);
    const char *found = c ? strchr(names, c) : NULL;
    if (!found) return wrong(r, "an unknown escape");
    return wrote(r, nr_buf_append(r->out, means + (found - names), 1));
}

/* The bytes of a string, up to its closing quote. */
static bool read_bytes(reader *r) {
    for (;;) {
        const char *from = r->at;
        while (r->at < r->end && *r->at != '"' && *r->at != '\\' &&
               (unsigned char)*r->at >= ' ')
            r->at++;
        if (!wrote(r, nr_buf_append(r->out, from, (size_t)(r->at - from))))
            return false;
        if (r->at == r->end) return wrong(r, "a string is open");
        char c = *r->at++;
        if (c == '"') return true;
        if (c != '\\') return wrong(r, "a control character in a string");
        if (!read_escape(r)) return false;
    }
}

/* A count or length of four bytes, for which there was room left. */
static void put_length(reader *r, size_t at, size_t length) {
    for (int i = 3; i >= 0; i--, length >>= 8)
        r->out->data[at + (size_t)i] = (unsigned char)length;
}

static bool put_head(reader *r, unsigned char type, size_t *at) {
    const unsigned char head[5] = {type};
    *at = r->out->len + 1;
    return wrote(r, nr_buf_append(r->out, head, sizeof head));
}

static bool read_string(reader *r) {
    size_t at;
    if (!put_head(r, 0xdb, &at) || !read_bytes(r)) return false;
    size_t from = at + 4, length = r->out->len - from;
    put_length(r, at, length);
    if (nr_utf8((nr_text){(char *)r->out->data + from, length})) return true;
    return wrong(r, "a string is not UTF-8");
}

/* ============================ Arrays and objects ========================= */

static bool read_value(reader *r, int depth);

static bool read_pair(reader *r, int depth) {
    if (!take(r, '"')) return wrong(r, "a name in quotes is missing");
    if (!read_string(r)) return false;
    skip_blanks(r);
    if (!take(r, ':')) return wrong(r, "a : is missing");
    return read_value(r, depth);
}

static bool read_many(reader *r, bool object, int depth) {
    char close = object ? '}' : ']';
    size_t at, n = 0;
    if (depth == 0) return wrong(r, "it is nested too deep");
    if (!put_head(r, object ? 0xdf : 0xdd, &at)) return false;
    skip_blanks(r);
    if (take(r, close)) return true;
    do {
        skip_blanks(r);
        if (!(object ? read_pair(r, depth - 1) : read_value(r, depth - 1)))
            return false;
        skip_blanks(r);
        n++;
    } while (take(r, ','));
    put_length(r, at, n);
    return take(r, close) || wrong(r, object ? "a , or } is missing"
                                             : "a , or ] is missing");
}

static bool read_word(reader *r) {
    size_t left = (size_t)(r->end - r->at);
    static const char *const words[] = {"null", "true", "false"};
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if (left < n || memcmp(r->at, words[i], n)) continue;
        r->at += n;
        return wrote(r, i ? nr_put_bool(r->out, i == 1) : nr_put_nil(r->out));
    }
    return wrong(r, "a value is missing");
}

static bool read_value(reader *r, int depth) {
    skip_blanks(r);
    if (r->at == r->end) return wrong(r, "a value is missing");
    char c = *r->at;
    if (c == '-' || (c >= '0' && c <= '9')) return read_number(r);
    if (take(r, '"')) return read_string(r);
    if (take(r, '{')) return read_many(r, true, depth);
    if (take(r, '[')) return read_many(r, false, depth);
    return read_word(r);
}

nr_status nr_json_read(nr_text text, nr_buf *out, nr_error *err) {
    size_t before = out->len;
    reader r = {text.s, text.s, text.s + text.n, out, NULL, false};
    bool ok = read_value(&r, NR_JSON_DEPTH);
    if (ok) {
        skip_blanks(&r);
        ok = r.at == r.end || wrong(&r, "something stands behind it");
    }
    if (ok) return NR_OK;
    out->len = before;
    if (r.memory) return nr_nomem(err);
    return nr_fail(err, "ERR invalid JSON: %s, at byte %zu", r.wrong,
                   (size_t)(r.at - r.start));
}
