/* msgpack, as much of it as replies and the serialised form need. */

#ifndef NR_MSGPACK_H
#define NR_MSGPACK_H

#include "base.h"

/* ------------------------------ Writing ---------------------------------- */

/* All return false where memory is short, with *buf as it was. */
bool nr_buf_reserve(nr_buf *buf, size_t more);
bool nr_buf_append(nr_buf *buf, const void *data, size_t len);
bool nr_put_array(nr_buf *buf, size_t n);
bool nr_put_map(nr_buf *buf, size_t n);
bool nr_put_str(nr_buf *buf, const char *text);
bool nr_put_text(nr_buf *buf, const char *text, size_t len);
bool nr_put_bin(nr_buf *buf, const void *data, size_t len);
bool nr_put_bin_head(nr_buf *buf, size_t len);
bool nr_put_uint(nr_buf *buf, uint64_t value);
bool nr_put_int(nr_buf *buf, int64_t value);
bool nr_put_double(nr_buf *buf, double value);
bool nr_put_bool(nr_buf *buf, bool value);
bool nr_put_nil(nr_buf *buf);

/* ------------------------------ Reading ---------------------------------- */

/* A cursor over bytes that may be anything. Each nr_get_* returns false and
 * stays false ever after once something was not what was asked for. */
typedef struct nr_cursor {
    const unsigned char *at, *end;
    bool bad;
} nr_cursor;

bool nr_get_array(nr_cursor *c, size_t *n);
bool nr_get_map(nr_cursor *c, size_t *n);
bool nr_get_str(nr_cursor *c, nr_bytes *text);
bool nr_get_bin(nr_cursor *c, nr_bytes *data); /* nil: data NULL, len 0 */
bool nr_get_uint(nr_cursor *c, uint64_t *value);
bool nr_get_double(nr_cursor *c, double *value); /* integers, too */
bool nr_get_bool(nr_cursor *c, bool *value);

/* One value of any type; of arrays and maps the head alone, whose items come
 * next. For values that people sent, in whatever form their language has. */
typedef struct nr_item {
    enum {
        NR_ITEM_NIL,
        NR_ITEM_BOOL,
        NR_ITEM_INT,
        NR_ITEM_REAL,
        NR_ITEM_STR,
        NR_ITEM_BIN,
        NR_ITEM_ARRAY,
        NR_ITEM_MAP,
        NR_ITEM_EXT,
    } type;
    bool negative;    /* of an INT */
    uint64_t number;  /* an INT's magnitude, a BOOL, how many of an ARRAY or
                         MAP, an EXT's type */
    double real;      /* of an INT, too */
    nr_bytes bytes;   /* of a STR, BIN or EXT */
} nr_item;

bool nr_get_item(nr_cursor *c, nr_item *item);

bool nr_skip(nr_cursor *c); /* one value of any type, at most 8 deep */

#endif
