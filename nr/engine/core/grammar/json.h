/* JSON, turned into msgpack: so that what people send is read in one place,
 * whichever of the two they send it in. */

#ifndef NR_JSON_H
#define NR_JSON_H

#include "grammar/syntax.h"

enum { NR_JSON_DEPTH = 8 };

/* RFC 8259 to the letter, at most NR_JSON_DEPTH levels deep; one value, and
 * blanks around it. Numbers that are written as integers and fit 64 bits stay
 * integers, all others become doubles. Appends to *out. */
nr_status nr_json_read(nr_text text, nr_buf *out, nr_error *err);

#endif
