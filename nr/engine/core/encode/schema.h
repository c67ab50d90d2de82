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

#include "encode/tuning.h"
#include "grammar/syntax.h"

enum {
    NR_MAX_FIELDS = 10000,
    NR_MAX_SLOTS = 65535,
    NR_MAX_NAME = 64,          /* bytes of a field's name */
    NR_MAX_CLASSES = 1000,
    NR_MAX_CATEGORIES = 1000,  /* of one field */
    NR_MAX_VECTOR = 65536,     /* numbers of one value */
    NR_MAX_TEXT = 65536,       /* bytes of one value */
    NR_EVERYDAY_CATEGORIES = NR_STUDY_CATEGORIES, /* where max=n does not say another number */
};

typedef enum nr_field_kind {
    NR_FIELD_NUMBER,
    NR_FIELD_FLAG,
    NR_FIELD_CATEGORY,
    NR_FIELD_TIME,
    NR_FIELD_TEXT,
    NR_FIELD_VECTOR,
    NR_FIELD_KEY,
    NR_FIELD_KINDS
} nr_field_kind;

extern const char *const nr_field_kind_words[NR_FIELD_KINDS + 1];

typedef struct nr_field {
    char *text;   /* "country:category(max=8)", in one canonical form */
    nr_text name; /* leads into it */
    nr_field_kind kind;
    bool output;
    uint32_t slot;
    uint32_t size;    /* a vector's numbers, the most categories to tell apart */
    nr_text *list;    /* a closed category's values; NULL: any */
    size_t listed;    /* how many there are */
    char *list_text;  /* where their bytes lie */
} nr_field;

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
nr_schema *nr_schema_copy(const nr_schema *schema); /* of its own, to change */

/* Adds a field as NR.CREATE has it, "name:kind". Inputs before outputs. */
nr_status nr_schema_add(nr_schema *schema, nr_text text, bool output,
                        nr_error *err);
/* Drops an input. */
nr_status nr_schema_remove(nr_schema *schema, nr_text name, nr_error *err);
/* After the last change: what must hold of all fields together. */
nr_status nr_schema_finish(nr_schema *schema, nr_kind kind, nr_error *err);

const nr_field *nr_schema_find(const nr_schema *schema, nr_text name);
/* "ERR no field 'aeg' in club, did you mean age?" */
nr_status nr_no_field(const nr_schema *schema, nr_text name, nr_text key,
                      nr_error *err);

/* A closed category's value, by its number in the list; -1: it has no such. */
long nr_field_listed(const nr_field *field, nr_text value);

bool nr_schema_same(const nr_schema *a, const nr_schema *b);

/* As msgpack: [slots, inputs, layout, what is automatic, [[slot, text] ...]].
 * Reading checks everything. */
bool nr_schema_put(const nr_schema *schema, nr_buf *out);
nr_status nr_schema_get(nr_cursor *c, nr_kind kind, nr_schema **out,
                        nr_error *err);

#endif
