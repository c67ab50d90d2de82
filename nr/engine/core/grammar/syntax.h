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
/* With the fewest digits that read back as the same. */
const char *nr_write_shortest(char out[NR_NUMBER], double value);

/* ---------------------------- Words (words.c) ---------------------------- */

/* The words of the grammar by the value of their enum, NULL at the end. */
extern const char *const nr_kind_words[];    /* "CLASSIFIER" ... */
extern const char *const nr_dataset_words[]; /* "TRAIN", "TEST" */

bool nr_same_word(nr_text text, const char *word); /* whatever the case */
int nr_find_word(nr_text text, const char *const *words); /* -1: none */
bool nr_put_lower(nr_buf *out, const char *word); /* of the grammar's words */

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
    size_t from; /* the first one that says something of a sample */
    nr_error *err;
} nr_parser;

static inline nr_text nr_argument(const nr_parser *p, size_t i) {
    return (nr_text){p->argv[i], p->len[i]};
}

/* The rows of options.h, and which of them a command takes. */
extern const nr_option nr_network_options[NR_OPTIONS];
const nr_option *nr_options_of(nr_option_list list, size_t *n);

/* Parses all arguments from p->at on. */
nr_status nr_options_parse(nr_parser *p, nr_option_list list);
/* The same of NR.CREATE, and what they must be together. */
nr_status nr_options_create(nr_parser *p);
/* Whether an NR.TRAIN says anything of how to train: QUEUE says where. */
bool nr_train_limited(const nr_command *cmd);
bool nr_train_timed(const nr_command *cmd); /* MAXTIME is given */
/* One option's value: false, with the error written, where it is not one. */
bool nr_option_take(nr_parser *p, const nr_option *o, nr_text text);

/* ------------------- Their values (option_values.c) ---------------------- */

/* As a number, whatever the type; `options` is what `at` is in. */
double nr_option_get(const nr_option *o, const void *options);
void nr_option_set(const nr_option *o, void *options, double value);
bool nr_option_read(const nr_option *o, void *options, nr_text text);

nr_options nr_options_preset(nr_kind kind);
bool nr_options_sound(const nr_options *options, nr_kind kind);
/* NR.CONFIGURE's two replies: all of them, or those that are given, taken. */
bool nr_options_list(const nr_options *options, nr_kind kind, bool sequences,
                     nr_buf *reply);
/* Whether networks of a kind, with sequences or without, have an option. */
bool nr_option_is_of(const nr_option *o, nr_kind kind, bool sequences);
/* Refuses options that only a network with sequences has. */
nr_status nr_options_unread(const nr_command *cmd, nr_error *err);
/* A generator's has the end, too. */
nr_status nr_vocabulary_check(const nr_command *cmd, nr_error *err);
nr_status nr_options_change(nr_options *options, nr_kind kind,
                            const nr_command *cmd, nr_error *err);

/* --------------------- What is told of them (option_text.c) -------------- */

enum { NR_OPTION_TEXT = 128 };
/* "AUTO or an integer from 1 to 64", for an error. */
void nr_option_wants(const nr_option *o, char out[NR_OPTION_TEXT]);
/* "n|AUTO", for the syntax; "" where there is none. */
void nr_option_syntax(const nr_option *o, char out[NR_OPTION_TEXT]);
/* "SEED and THREADS": those that go with CLASSIC, fixed ones among them or
 * not. */
void nr_options_with_classic(bool fixed, char out[NR_OPTION_TEXT]);
bool nr_options_pack(nr_option_list list, nr_buf *out); /* nr_specs_pack's */

/* ------------------- What is peculiar to a command ----------------------- */

nr_status nr_create_parse(nr_parser *p);  /* create.c */
nr_status nr_observe_parse(nr_parser *p); /* samples.c */
nr_status nr_run_parse(nr_parser *p);     /* samples.c: NR.CLASS, too */
nr_status nr_explain_parse(nr_parser *p); /* samples.c */
nr_status nr_forget_parse(nr_parser *p);  /* samples.c */
nr_status nr_generate_parse(nr_parser *p); /* generate.c: NR.SCORE, too */
nr_status nr_fields_parse(nr_parser *p);  /* fields.c */

/* samples.c: whether an argument is name=value; those up to `end`. */
bool nr_is_named(nr_text text);
nr_status nr_named_take(nr_parser *p, size_t side, size_t end);
/* generate.c: where TOP k, BEAM b and LENGTH n begin, in any order before the end of an
 * NR.RUN, but not before the argument `least`; and takes them. */
size_t nr_wishes_from(const nr_parser *p, size_t least, size_t end);
nr_status nr_wishes_take(nr_parser *p, size_t from, size_t end);

/* NR.GETDATA: samples of one reply, and bytes of theirs. */
enum { NR_MAX_RANGE = 10000, NR_MAX_RANGE_BYTES = 16 << 20 };

bool nr_is_arrow(nr_text text);
/* The first "->" from an argument on, or argc. */
size_t nr_find_arrow(const nr_parser *p, size_t from);


/* "ERR Syntax error in NR.FOO: " and the rest, always NR_ERR. */
nr_status nr_syntax_error(nr_parser *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether a network of this shape may exist; checks every number of it. */
nr_status nr_shape_check(nr_kind kind, size_t nlayers, const uint32_t *layers,
                         int64_t members, const uint64_t maxlen[2],
                         nr_error *err);

#endif
