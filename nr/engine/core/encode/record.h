/* Records: samples of networks with fields, as stores keep them.
 *
 * A record is a msgpack array of values by slot, nil where one is missing. The
 * first is what the sample counts, a double, or nil where that is 1. Then a
 * number is a double, a flag a bool, a time microseconds since 1970 as an
 * integer, a category, text or key a string, a vector its float32 as bytes; of
 * a sequence, see sequence.h.
 * It holds what was said, not what a network sees: that is fitted when the
 * network is trained, and may be another one next time. However a value was
 * said, as text, JSON or msgpack, there is one form of it. */

#ifndef NR_RECORD_H
#define NR_RECORD_H

#include "encode/value.h"

struct nr_span {
    bool taken;       /* there is a value */
    const char *text; /* n bytes that are yet to be read; NULL: */
    size_t from, n;   /* it is in `scratch` */
};

/* Collects the values of one sample after the other, in any order. */
enum { NR_FEW_FIELDS = 32 };
typedef struct nr_maker {
    const nr_schema *schema;
    nr_text key; /* of the network, for messages */
    bool running; /* outputs are asked for, not told */
    double weight; /* what the sample counts; 1 after nr_maker_begin */
    struct nr_span *spans; /* by field */
    struct nr_span few[NR_FEW_FIELDS]; /* where they lie while they are few */
    size_t next; /* where the next field is looked for first */
    nr_buf scratch;
} nr_maker;

nr_status nr_maker_init(nr_maker *m, const nr_schema *schema, nr_text key,
                        bool running, nr_error *err);
void nr_maker_free(nr_maker *m);
void nr_maker_begin(nr_maker *m);
/* The field of a name, quickly where fields come in their order; NULL: there is
 * none. */
const nr_field *nr_maker_field(nr_maker *m, nr_text name);
/* NR_ERR, with a message of all names in a map that are no fields: from this one
 * on, behind which the cursor stands, and `left` more pairs. */
nr_status nr_maker_unknown(const nr_maker *m, nr_text name, nr_cursor *c,
                           size_t left, nr_error *err);
/* One value, as text: what stands behind "name=". It is read by nr_maker_end,
 * and must still be there. */
nr_status nr_maker_text(nr_maker *m, const nr_field *field, nr_text value,
                        nr_error *err);
/* One value as msgpack; the cursor stands behind it, before the items of a
 * list. */
nr_status nr_maker_item(nr_maker *m, const nr_field *field,
                        const nr_item *item, nr_cursor *c, nr_error *err);
/* A whole map of names and values. */
nr_status nr_maker_map(nr_maker *m, nr_cursor *c, nr_error *err);
/* Bytes that most records need, with their length before them. */
size_t nr_record_room(const nr_schema *schema);
/* How a record begins: how many values, and what the sample counts. */
bool nr_record_begin(const nr_schema *schema, double weight, nr_buf *record);
/* Appends the record; refuses one that lacks an output. */
nr_status nr_maker_end(nr_maker *m, nr_buf *record, nr_error *err);
/* Or, in its place, the values by field of another generation of the schema, as
 * nr_record_read would find them in the record. Of items alone, not of texts. */
bool nr_maker_values(const nr_maker *m, const nr_schema *schema,
                     nr_value *values);

/* The values by field, whatever else a record of a newer schema holds, and,
 * unless weight is NULL, what the sample counts. false: it is damaged. */
bool nr_record_read(const nr_schema *schema, nr_bytes record, nr_value *values,
                    double *weight);
/* Of a loaded one: whether it could have been made by the above. */
bool nr_record_sound(const nr_schema *schema, nr_bytes record);

#endif
