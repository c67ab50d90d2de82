/* One field: what NR.CREATE says of it, "country:category(max=8)". */

#ifndef NR_FIELD_H
#define NR_FIELD_H

#include <string.h>

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
    NR_MAX_SEQUENCES = 8,      /* fields of one network */
    NR_MAX_STEP = 100,         /* fields of a forecaster */
    /* Where max=n does not say another number. */
    NR_PRESET_CATEGORIES = NR_STUDY_CATEGORIES,
};

typedef enum nr_field_kind {
    NR_FIELD_NUMBER,
    NR_FIELD_FLAG,
    NR_FIELD_CATEGORY,
    NR_FIELD_TIME,
    NR_FIELD_TEXT,
    NR_FIELD_VECTOR,
    NR_FIELD_KEY,
    NR_FIELD_SEQUENCE,
    NR_FIELD_KINDS
} nr_field_kind;

extern const char *const nr_field_kind_words[NR_FIELD_KINDS + 1];

/* What a step is where it is a symbol: a text between blanks, the same called a
 * word, or a character. */
typedef enum nr_symbols { NR_SYMBOLS, NR_SYMBOL_WORDS, NR_SYMBOL_CHARS } nr_symbols;

typedef struct nr_field {
    char *text;   /* "country:category(max=8)", in one canonical form */
    nr_text name; /* leads into it */
    nr_field_kind kind;
    bool output;
    nr_symbols symbols; /* a sequence's, of size 0 */
    uint32_t slot;
    uint32_t size;    /* a vector's numbers, those of a sequence's step (0: it is
                         a symbol), the most categories to tell apart */
    nr_text *list;    /* a closed category's values; NULL: any */
    size_t listed;    /* how many there are */
    char *list_text;  /* where their bytes lie */
} nr_field;

static inline bool nr_same_text(nr_text a, nr_text b) {
    return a.n == b.n && (a.n == 0 || !memcmp(a.s, b.s, a.n));
}

/* Reads a description, "name:kind". What it takes goes with nr_field_free, which
 * is called after an error, too. */
nr_status nr_field_take(nr_field *field, nr_text text, nr_error *err);
void nr_field_free(nr_field *field);

/* A closed category's value, by its number in the list; -1: it has no such. */
long nr_field_listed(const nr_field *field, nr_text value);

#endif
