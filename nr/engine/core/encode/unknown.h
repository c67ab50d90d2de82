/* Names that are no fields of a network, for one message that tells them all. */

#ifndef NR_UNKNOWN_H
#define NR_UNKNOWN_H

#include "encode/schema.h"

typedef struct nr_unknown {
    const nr_schema *schema;
    size_t n, shown;
    nr_text first; /* in what was given */
    char text[256]; /* 'colour', 'extra' */
} nr_unknown;

/* Counts a name, unless there is such a field. */
void nr_unknown_add(nr_unknown *unknown, nr_text name);
/* NR_ERR: "ERR no fields 'colour', 'extra' and 3 more in club", or of one that
 * of nr_no_field. */
nr_status nr_unknown_tell(const nr_unknown *unknown, nr_text key,
                          nr_error *err);

#endif
