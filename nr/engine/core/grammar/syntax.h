/* What the files of the grammar share, and what the rest of the core uses of
 * them: words and quoting for its own messages, and the check of a shape. */

#ifndef NR_SYNTAX_H
#define NR_SYNTAX_H

#include "msgpack.h"

/* An argument, or a part of one: bytes that may be anything. */
typedef struct nr_text {
    const char *s;
    size_t n;
} nr_text;

/* --------------------------- Numbers (number.c) -------------------------- */

/* What the whole of a text stands for: false where it is no number at all.
 * Too large a one becomes infinite, or UINT64_MAX. */
bool nr_parse_double(nr_text text, double *value);
bool nr_parse_uint(nr_text text, uint64_t *value);

/* As nr_parse_double, rounded once more; false for what a float32 cannot
 * hold, too. */
bool nr_parse_float(nr_text text, float *value);

/* As many of n texts as are numbers, one after the other; returns how many, and
 * adds to *exact what float32s did not keep of them. */
size_t nr_parse_floats(const char *const *texts, const size_t *len, size_t n,
                       float *values, nr_exactness *exact);

/* A finite number with so many digits, 17 at most, as "%.*g" writes it in the
 * C locale. Returns out. */
#define NR_NUMBER 32
const char *nr_write_double(char out[NR_NUMBER], int digits, double value);

/* ---------------------------- Words (words.c) ---------------------------- */

/* The words of the grammar by the value of their enum, NULL at the end. */
extern const char *const nr_kind_words[];       /* "CLASSIFIER" ... */
extern const char *const nr_activation_words[]; /* "SIGMOID" ... */
extern const char *const nr_loss_words[];       /* "MSE" ... */
extern const char *const nr_optimizer_words[];  /* "RPROP" ... */
extern const char *const nr_class_weights_words[]; /* "NONE", "BALANCED" */
extern const char *const nr_dataset_words[];    /* "TRAIN", "TEST" */

bool nr_same_word(nr_text text, const char *word); /* whatever the case */
int nr_find_word(nr_text text, const char *const *words); /* -1: none */

/* Writes bytes for a message: those outside printable ASCII as \xHH, and as
 * many as fit, "..." after them if that is not all. cap is 8 or more. Returns
 * out. */
#define NR_QUOTED 96
const char *nr_quote(char *out, size_t cap, const char *bytes, size_t len);

bool nr_utf8(nr_text text); /* whether it is UTF-8, as RFC 3629 has it */

/* The closest word so far to one that is not known. Zeroed is none yet. */
typedef struct nr_guess {
    const char *word;
    size_t distance;
    char text[64]; /* room for nr_guess_text */
    char kept[32]; /* room for a word that does not outlive the next one */
} nr_guess;

void nr_guess_try(nr_guess *guess, nr_text text, const char *word);
/* ", did you mean WORD?", or nothing where no word is close. */
const char *nr_guess_text(nr_guess *guess);

/* -------------------------- Options (options.c) -------------------------- */

/* A command on its way through the parser. */
typedef struct nr_parser {
    nr_command *cmd;
    const char *name; /* "NR.CREATE", for messages */
    size_t argc;
    const char *const *argv;
    const size_t *len;
    size_t at; /* the next argument */
    nr_error *err;
} nr_parser;

static inline nr_text nr_argument(const nr_parser *p, size_t i) {
    return (nr_text){p->argv[i], p->len[i]};
}

/* Each parses all arguments from p->at on. */
nr_status nr_options_create(nr_parser *p);
nr_status nr_options_configure(nr_parser *p);
nr_status nr_options_train(nr_parser *p);
nr_status nr_options_restore(nr_parser *p);

nr_status nr_fields_parse(nr_parser *p); /* fields.c: all of NR.FIELDS */

/* "ERR Syntax error in NR.FOO: " and the rest, always NR_ERR. */
nr_status nr_syntax_error(nr_parser *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether a network of this shape may exist; checks every number of it. */
nr_status nr_shape_check(nr_kind kind, size_t nlayers, const uint32_t *layers,
                         int64_t members, const uint64_t maxlen[2],
                         nr_error *err);

#endif
