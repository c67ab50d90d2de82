/* msgpack, as much of it as replies and the serialised form need.
 *
 * Own code in place of a library: hosts load the core into servers that must
 * not crash, so reading is one cursor that never passes its end, allocates
 * nothing and cannot be confused by a length; that is less code than guarding
 * a general one. Writing picks the shortest encoding, so that equal networks
 * have equal bytes. */

#include <string.h>

#include "msgpack.h"

/* =============================== Buffers ================================= */

void nr_buf_free(nr_buf *buf) {
    nr_release(buf->data);
    *buf = (nr_buf){0};
}

bool nr_buf_reserve(nr_buf *buf, size_t more) {
    size_t need;
    if (__builtin_add_overflow(buf->len, more, &need)) return false;
    if (need <= buf->cap) return true;
    size_t cap = buf->cap < 32 ? 64 : buf->cap * 2;
    if (cap < need) cap = need;
    unsigned char *data = nr_resize(buf->data, cap);
    if (!data) return false;
    buf->data = data;
    buf->cap = cap;
    return true;
}

bool nr_buf_append(nr_buf *buf, const void *data, size_t len) {
    if (!nr_buf_reserve(buf, len)) return false;
    if (len) memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    return true;
}

/* =============================== Writing ================================= */

/* A type byte and a big-endian number of `width` bytes, stored where they stay:
 * collected elsewhere byte by byte, they take the processor longer to copy than
 * all else there is to writing a small reply. */
static inline bool put_sized(nr_buf *buf, unsigned type, uint64_t value,
                             int width) {
    if (!nr_buf_reserve(buf, (size_t)width + 1)) return false;
    unsigned char *at = buf->data + buf->len;
    *at = (unsigned char)type;
    for (int i = width; i > 0; i--, value >>= 8) at[i] = (unsigned char)value;
    buf->len += (size_t)width + 1;
    return true;
}

bool nr_put_array(nr_buf *buf, size_t n) {
    if (n < 16) return put_sized(buf, 0x90 | (unsigned)n, 0, 0);
    return n <= UINT16_MAX ? put_sized(buf, 0xdc, n, 2)
                           : put_sized(buf, 0xdd, n, 4);
}

bool nr_put_map(nr_buf *buf, size_t n) {
    if (n < 16) return put_sized(buf, 0x80 | (unsigned)n, 0, 0);
    return put_sized(buf, 0xde, n, 2);
}

bool nr_put_text(nr_buf *buf, const char *text, size_t len) {
    bool head = len < 32            ? put_sized(buf, 0xa0 | (unsigned)len, 0, 0)
                : len <= UINT8_MAX  ? put_sized(buf, 0xd9, len, 1)
                : len <= UINT16_MAX ? put_sized(buf, 0xda, len, 2)
                : len <= UINT32_MAX && put_sized(buf, 0xdb, len, 4);
    return head && nr_buf_append(buf, text, len);
}

bool nr_put_str(nr_buf *buf, const char *text) {
    return nr_put_text(buf, text, strlen(text));
}

bool nr_put_bin_head(nr_buf *buf, size_t len) {
    return len <= UINT8_MAX    ? put_sized(buf, 0xc4, len, 1)
           : len <= UINT16_MAX ? put_sized(buf, 0xc5, len, 2)
           : len <= UINT32_MAX && put_sized(buf, 0xc6, len, 4);
}

bool nr_put_bin(nr_buf *buf, const void *data, size_t len) {
    return nr_put_bin_head(buf, len) && nr_buf_append(buf, data, len);
}

bool nr_put_uint(nr_buf *buf, uint64_t value) {
    if (value < 0x80) return put_sized(buf, (unsigned)value, 0, 0);
    if (value <= UINT8_MAX) return put_sized(buf, 0xcc, value, 1);
    if (value <= UINT16_MAX) return put_sized(buf, 0xcd, value, 2);
    if (value <= UINT32_MAX) return put_sized(buf, 0xce, value, 4);
    return put_sized(buf, 0xcf, value, 8);
}

bool nr_put_int(nr_buf *buf, int64_t value) {
    return value < 0 ? put_sized(buf, 0xd3, (uint64_t)value, 8)
                     : nr_put_uint(buf, (uint64_t)value);
}

bool nr_put_double(nr_buf *buf, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_sized(buf, 0xcb, bits, 8);
}

bool nr_put_bool(nr_buf *buf, bool value) {
    return put_sized(buf, value ? 0xc3 : 0xc2, 0, 0);
}

bool nr_put_nil(nr_buf *buf) { return put_sized(buf, 0xc0, 0, 0); }

/* =============================== Reading ================================= */

static bool fail(nr_cursor *c) {
    c->bad = true;
    return false;
}

static size_t left(const nr_cursor *c) { return (size_t)(c->end - c->at); }

static bool get_big_endian(nr_cursor *c, int width, uint64_t *value) {
    if (left(c) < (size_t)width) return fail(c);
    *value = 0;
    while (width--) *value = *value << 8 | *c->at++;
    return true;
}

static bool get_type(nr_cursor *c, unsigned *type) {
    if (c->bad || c->at == c->end) return fail(c);
    *type = *c->at++;
    return true;
}

/* A length in the type byte's low bits, or behind it in 1, 2 or 4 bytes. */
static bool get_length(nr_cursor *c, unsigned type, unsigned fix,
                       unsigned fix_mask, unsigned wide, int width,
                       size_t *n) {
    uint64_t length;
    if (fix_mask && (type & ~fix_mask) == fix) {
        *n = type & fix_mask;
        return true;
    }
    for (; width <= 4; width *= 2, wide++)
        if (type == wide) {
            if (!get_big_endian(c, width, &length)) return false;
            *n = length;
            return true;
        }
    return fail(c);
}

bool nr_get_array(nr_cursor *c, size_t *n) {
    unsigned type;
    return get_type(c, &type) && get_length(c, type, 0x90, 0x0f, 0xdc, 2, n);
}

bool nr_get_map(nr_cursor *c, size_t *n) {
    unsigned type;
    return get_type(c, &type) && get_length(c, type, 0x80, 0x0f, 0xde, 2, n);
}

static bool take(nr_cursor *c, size_t len, nr_bytes *out) {
    if (left(c) < len) return fail(c);
    *out = (nr_bytes){c->at, len};
    c->at += len;
    return true;
}

bool nr_get_str(nr_cursor *c, nr_bytes *text) {
    unsigned type;
    size_t len;
    return get_type(c, &type) &&
           get_length(c, type, 0xa0, 0x1f, 0xd9, 1, &len) &&
           take(c, len, text);
}

bool nr_get_bin(nr_cursor *c, nr_bytes *data) {
    unsigned type;
    size_t len;
    if (!get_type(c, &type)) return false;
    if (type == 0xc0) {
        *data = (nr_bytes){NULL, 0};
        return true;
    }
    return get_length(c, type, 0, 0, 0xc4, 1, &len) && take(c, len, data);
}

bool nr_get_uint(nr_cursor *c, uint64_t *value) {
    unsigned type;
    if (!get_type(c, &type)) return false;
    if (type < 0x80) {
        *value = type;
        return true;
    }
    if (type < 0xcc || type > 0xcf) return fail(c);
    return get_big_endian(c, 1 << (type - 0xcc), value);
}

bool nr_get_double(nr_cursor *c, double *value) {
    uint64_t bits;
    if (!c->bad && c->at < c->end && *c->at != 0xcb) {
        if (!nr_get_uint(c, &bits)) return false;
        *value = (double)bits;
        return true;
    }
    unsigned type;
    if (!get_type(c, &type) || !get_big_endian(c, 8, &bits)) return false;
    memcpy(value, &bits, sizeof bits);
    return true;
}

bool nr_get_bool(nr_cursor *c, bool *value) {
    unsigned type;
    if (!get_type(c, &type) || (type != 0xc2 && type != 0xc3)) return fail(c);
    *value = type == 0xc3;
    return true;
}

/* Signed numbers in `width` bytes. */
static bool get_signed(nr_cursor *c, int width, nr_item *item) {
    uint64_t bits;
    if (!get_big_endian(c, width, &bits)) return false;
    uint64_t sign = UINT64_C(1) << (8 * width - 1);
    item->negative = (bits & sign) != 0;
    item->number = item->negative ? (sign << 1) - bits : bits;
    return true;
}

static bool get_number(nr_cursor *c, unsigned type, nr_item *item) {
    item->type = NR_ITEM_INT;
    if (type < 0x80) {
        item->number = type;
    } else if (type >= 0xe0) {
        item->negative = true;
        item->number = 0x100 - type;
    } else if (type >= 0xd0) {
        if (!get_signed(c, 1 << (type - 0xd0), item)) return false;
    } else if (!get_big_endian(c, 1 << (type - 0xcc), &item->number)) {
        return false;
    }
    item->real = (double)item->number;
    if (item->negative) item->real = -item->real;
    return true;
}

static bool get_real(nr_cursor *c, unsigned type, nr_item *item) {
    uint64_t bits;
    float single;
    item->type = NR_ITEM_REAL;
    if (!get_big_endian(c, type == 0xca ? 4 : 8, &bits)) return false;
    if (type == 0xcb) {
        memcpy(&item->real, &bits, sizeof item->real);
        return true;
    }
    uint32_t half = (uint32_t)bits;
    memcpy(&single, &half, sizeof single);
    item->real = (double)single;
    return true;
}

static bool get_ext(nr_cursor *c, unsigned type, nr_item *item) {
    size_t len = type >= 0xd4 ? (size_t)1 << (type - 0xd4) : 0;
    uint64_t kind;
    item->type = NR_ITEM_EXT;
    if (type < 0xd4 && !get_length(c, type, 0, 0, 0xc7, 1, &len)) return false;
    if (!get_big_endian(c, 1, &kind)) return false;
    item->number = kind;
    return take(c, len, &item->bytes);
}

/* What a type byte begins, of those that are no numbers. */
static bool get_other(nr_cursor *c, unsigned type, nr_item *item) {
    size_t n = 0;
    bool ok = true;
    if ((type & 0xe0) == 0xa0 || (type >= 0xd9 && type <= 0xdb)) {
        item->type = NR_ITEM_STR;
        return get_length(c, type, 0xa0, 0x1f, 0xd9, 1, &n) &&
               take(c, n, &item->bytes);
    }
    if (type >= 0xc4 && type <= 0xc6) {
        item->type = NR_ITEM_BIN;
        return get_length(c, type, 0, 0, 0xc4, 1, &n) &&
               take(c, n, &item->bytes);
    }
    if ((type & 0xf0) == 0x90 || type == 0xdc || type == 0xdd) {
        item->type = NR_ITEM_ARRAY;
        ok = get_length(c, type, 0x90, 0x0f, 0xdc, 2, &n);
    } else if ((type & 0xf0) == 0x80 || type == 0xde || type == 0xdf) {
        item->type = NR_ITEM_MAP;
        ok = get_length(c, type, 0x80, 0x0f, 0xde, 2, &n);
    } else if (type == 0xc2 || type == 0xc3) {
        item->type = NR_ITEM_BOOL;
        n = type == 0xc3;
    } else if (type != 0xc0) {
        return fail(c);
    }
    item->number = n;
    return ok && (item->type == NR_ITEM_BOOL || n <= left(c) || fail(c));
}

bool nr_get_item(nr_cursor *c, nr_item *item) {
    unsigned type;
    *item = (nr_item){0};
    if (!get_type(c, &type)) return false;
    if (type < 0x80 || type >= 0xe0 || (type >= 0xcc && type <= 0xd3))
        return get_number(c, type, item);
    if (type == 0xca || type == 0xcb) return get_real(c, type, item);
    if ((type >= 0xc7 && type <= 0xc9) || (type >= 0xd4 && type <= 0xd8))
        return get_ext(c, type, item);
    return get_other(c, type, item);
}

static bool skip_deep(nr_cursor *c, int depth) {
    nr_item item;
    if (depth == 0 || !nr_get_item(c, &item)) return fail(c);
    uint64_t n = item.type == NR_ITEM_ARRAY ? item.number
                 : item.type == NR_ITEM_MAP ? 2 * item.number
                                            : 0;
    while (n--)
        if (!skip_deep(c, depth - 1)) return false;
    return true;
}

bool nr_skip(nr_cursor *c) { return skip_deep(c, 9); }
