/* Fields: what a network's samples are made of, by name.
 *
 * A schema is the list of a network's fields, inputs first, as NR.CREATE named
 * them. It knows nothing of how values become numbers: that is fitted when a
 * network is trained (encoding.h).
 *
 * Each field has a slot, its place in a record. Slots are never used again: so
 * NR.FIELDS can add and drop fields without touching the samples, whose
 * records are shorter than the newest ones or hold values that nobody reads. */

#ifndef NR_SCHEMA_H
#define NR_SCHEMA_H

#include <stdatomic.h>

#include "encode/field.h"

typedef struct nr_schema {
    atomic_size_t refs;
    size_t n, inputs; /* fields in all, and how many of them are inputs */
    nr_layout layout; /* of the hidden layers */
    bool auto_members, auto_activation; /* what a fresh training chooses */
    size_t slots;     /* given out so far; number 0 is a sample's weight */
    nr_field *fields; /* inputs first */
    uint32_t *index;  /* by hash of the name: a field's number + 1, or 0 */
    size_t mask;
    uint32_t *by_slot; /* a field's number + 1, or 0; after nr_schema_finish */
} nr_schema;

nr_schema *nr_schema_new(void); /* empty; NULL: out of memory */
nr_schema *nr_schema_hold(nr_schema *schema);
void nr_schema_drop(nr_schema *schema);
nr_schema *nr_schema_copy(const nr_schema *schema); /* to be finished */

/* Adds a field as NR.CREATE has it, "name:kind": all inputs, then outputs. */
nr_status nr_schema_add(nr_schema *schema, nr_text text, bool output,
                        nr_error *err);
/* After the last one: what must hold of all fields together. */
nr_status nr_schema_finish(nr_schema *schema, nr_kind kind, nr_error *err);

/* Another schema: with the fields that an NR.FIELDS adds, behind the inputs, and
 * without those that it drops. */
nr_status nr_schema_change(const nr_schema *schema, const nr_command *cmd,
                           nr_kind kind, nr_schema **out, nr_error *err);

const nr_field *nr_schema_find(const nr_schema *schema, nr_text name);
/* "ERR no field 'aeg' in club, did you mean age?" */
nr_status nr_no_field(const nr_schema *schema, nr_text name, nr_text key,
                      nr_error *err);

/* How many fields are sequences: inputs, or what a generator learns. */
size_t nr_sequence_fields(const nr_schema *schema);

/* Whether it goes from one sequence to another. */
static inline bool nr_schema_translates(const nr_schema *schema) {
    return schema->inputs &&
           schema->fields[schema->n - 1].kind == NR_FIELD_SEQUENCE;
}

bool nr_schema_same(const nr_schema *a, const nr_schema *b);

/* As msgpack: [slots, inputs, layout, what is automatic, [[slot, text] ...]].
 * Reading checks everything. */
bool nr_schema_put(const nr_schema *schema, nr_buf *out);
nr_status nr_schema_get(nr_cursor *c, nr_kind kind, nr_schema **out,
                        nr_error *err);

#endif
