/* The samples of a command, as records. */

#ifndef NR_SAID_H
#define NR_SAID_H

#include "encode/record.h"

typedef struct nr_said {
    nr_buf *bytes; /* record after record, each behind its length, 32 bits */
    nr_buf own;    /* where they lie unless the caller said where */
    size_t start;  /* of the first one in them */
    size_t *ends;  /* of each in them */
    size_t one;    /* where that lies while there is one */
    size_t n, cap;
    bool many; /* an array of samples or columns: replies are rows */
} nr_said;

/* What NR.OBSERVE adds, or what NR.RUN and NR.CLASS ask about (`running`: without
 * outputs). All or none. They are appended to `out`, as stores keep them; NULL:
 * nr_said_free gives their memory back. */
nr_status nr_said_read(const nr_schema *schema, const nr_command *cmd,
                       bool running, nr_buf *out, nr_said *said, nr_error *err);
void nr_said_free(nr_said *said);
static inline nr_bytes nr_said_record(const nr_said *said, size_t i) {
    size_t from = (i ? said->ends[i - 1] : said->start) + sizeof(uint32_t);
    return (nr_bytes){said->bytes->data + from, said->ends[i] - from};
}

#endif
