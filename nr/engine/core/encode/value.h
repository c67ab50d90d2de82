/* Values of fields.
 *
 * However a value was said, as text, JSON or msgpack, there is one form of it in
 * a record. What a value must be for its field's kind is said here alone. */

#ifndef NR_VALUE_H
#define NR_VALUE_H

#include "encode/schema.h"

/* msgpack's extension types that values may come in. */
enum { NR_EXT_TIME = 4 };

/* A field's value, read. */
typedef struct nr_value {
    bool missing;
    double number; /* a number; a flag as 0 or 1 */
    int64_t time;
    nr_bytes bytes; /* a category, text or key; a vector's or a sequence's
                       floats, or its symbols as msgpack */
    size_t steps;   /* of a sequence */
} nr_value;

/* Appends a value as it is kept, of what stands behind "name=". */
nr_status nr_value_text(const nr_field *field, nr_text text, nr_buf *out,
                        nr_error *err);
/* Of msgpack; the cursor stands behind the item, before the items of a list. */
nr_status nr_value_item(const nr_field *field, const nr_item *item,
                        nr_cursor *c, nr_buf *out, nr_error *err);

/* A value for people: a number as a double, a flag as yes or no, a time in ISO
 * 8601, a vector or a sequence as an array, nil where it is missing. */
bool nr_value_put(const nr_field *field, const nr_value *value, nr_buf *out);

#endif
