/* Series: what forecasters learn from.
 *
 * A forecaster's sample is a whole series, its steps one after the other, under
 * the name that FOR gives. A record holds:
 *
 *     1               the form of what follows
 *     length          of the name, one byte
 *     name            up to 64 bytes of UTF-8; none where there was no FOR
 *     steps           of each the fields in their order, inputs first, as
 *                     doubles, little-endian; NaN where an input is missing
 *
 * So a record begins as its name says (its head), which is how a store finds the
 * series among those that it has, and it grows at its end. What an NR.OBSERVE adds
 * is such a record itself, a piece: a series is extended by the steps of a piece
 * with the same head, and its oldest steps go. To keep each step as a sample was
 * rejected: each store would need an index of its own to find the latest steps
 * of one series, and a place for the next one of each. */

#ifndef NR_SERIES_H
#define NR_SERIES_H

#include "encode/record.h"

enum {
    NR_MAX_SERIES = 1000, /* of one network */
    NR_MAX_SERIES_NAME = 64,
    NR_SERIES_HEAD = 2 + NR_MAX_SERIES_NAME, /* bytes, at most */
};

/* The bytes of a step, and how many steps a record has room for. */
static inline size_t nr_step_bytes(const nr_schema *schema) {
    return schema->n * sizeof(double);
}
static inline size_t nr_most_steps(const nr_schema *schema) {
    return (NR_MAX_RECORD - NR_SERIES_HEAD) / nr_step_bytes(schema);
}

/* A record, read. */
typedef struct nr_series {
    nr_text name;
    const unsigned char *at; /* its steps */
    size_t n, width;         /* how many, of so many doubles */
} nr_series;

bool nr_series_read(const nr_schema *schema, nr_bytes record,
                    nr_series *series);
/* Of a loaded one: whether it could have been made here. */
bool nr_series_sound(const nr_schema *schema, uint64_t most, nr_bytes record);
double nr_series_at(const nr_series *series, size_t step, size_t field);

/* How the record of a name begins. */
nr_status nr_series_head(nr_text name, nr_buf *out, nr_error *err);
/* The piece that an NR.OBSERVE adds, of `most` steps at most, the latest. */
nr_status nr_series_piece(const nr_schema *schema, const nr_command *cmd,
                          uint64_t most, nr_buf *out, nr_error *err);
/* The head of a record, as its bytes. */
nr_bytes nr_series_head_of(nr_bytes record);
/* What the record becomes with a piece behind it; an empty one: there was none. */
nr_status nr_series_extend(nr_bytes record, nr_bytes piece, size_t most_bytes,
                           nr_buf *out, nr_error *err);

/* As NR.GETDATA replies it: "series", its name, field, array of values ... */
bool nr_series_put(const nr_schema *schema, const nr_series *series,
                   nr_buf *reply);

#endif
