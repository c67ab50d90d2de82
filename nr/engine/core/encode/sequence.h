/* Sequences: values of a field that has many steps.
 *
 * A step is a number (`sequence`), n numbers (`sequence(n)`) or a symbol
 * (`sequence(category)`). A record holds numbers as the bytes of their float32,
 * step after step, and symbols as an array of texts. A sequence has 1 to 65536
 * steps; where there is none, the field is left out. */

#ifndef NR_SEQUENCE_H
#define NR_SEQUENCE_H

#include "encode/value.h"

enum { NR_MAX_STEPS = 65536 }; /* of one sequence */

/* What stands in the brackets of the kind; nothing is one number a step. */
nr_status nr_sequence_kind(nr_field *field, nr_text inside, bool given,
                           nr_error *err);

/* A value as text (a JSON list, or symbols between blanks), or an array or bytes
 * of msgpack, whose items come from the cursor; appends it as records have it. */
nr_status nr_sequence_text(const nr_field *field, nr_text text, nr_buf *out,
                           nr_error *err);
nr_status nr_sequence_item(const nr_field *field, const nr_item *item,
                           nr_cursor *c, nr_buf *out, nr_error *err);

/* The value of a record, of which the item was read; false: it is damaged. */
bool nr_sequence_read(const nr_field *field, const nr_item *item, nr_cursor *c,
                      nr_value *value);
/* Of a loaded one: whether it could have been made by the above. */
bool nr_sequence_sound(const nr_field *field, const nr_value *value);
/* For people: an array of numbers, of arrays or of texts. */
bool nr_sequence_put(const nr_field *field, const nr_value *value,
                     nr_buf *out);

/* The next symbol of a value; the cursor begins at its bytes. */
nr_cursor nr_symbols_of(const nr_value *value);
bool nr_symbol_next(nr_cursor *c, nr_text *symbol);

#endif
