/* nr: neural networks as a data type, the core.
 *
 * This header is the manual. The core decides everything that must come out
 * the same wherever a network rests: the grammar of the NR.* commands, where a
 * sample goes, what is evicted, training, stopping, outputs, replies and the
 * serialised form. It knows of no host: no clock, no I/O, no store, and threads
 * only inside a training that asks for them. Its hosts (Python through ctypes,
 * the Redis module) keep networks, lock them, and carry replies.
 *
 * A host runs a command in four steps:
 *
 *     nr_command_parse      argv -> a command, or the error's text
 *     (the host)            finds the network under the command's key
 *     nr_net_execute        network + command -> a reply in msgpack
 *     (the host)            sends the reply
 *
 * and NR.TRAIN in four of its own: nr_trainer_create on the network at hand,
 * nr_trainer_step in a thread until it says so, nr_trainer_finish, and
 * nr_net_merge into the network that rests under the key by then.
 *
 * Conventions. A function that can fail returns an nr_status and writes a
 * sentence for the user into *err ("ERR ..." as Redis words errors); it has
 * then changed nothing. err is never NULL. Every size that comes from outside is
 * a checked product, every loaded byte is validated before it is used.
 * Functions that take a const network may run in several threads at once;
 * all others want the host's lock. Process-wide state is confined to the
 * allocator and the choice of the instruction set, both set at load. */

#ifndef NR_H
#define NR_H

#include "commands.h" /* one row a command */
#include "options.h"  /* one row an option of a network */

#define NR_API __attribute__((visibility("default")))

/* ============================== Limits =================================== */

#define NR_MAX_LAYERS 64          /* inputs and outputs included */
#define NR_MAX_UNITS (1u << 24)   /* of a layer: class ids stay exact floats */
#define NR_MAX_PARAMS (1u << 27)  /* 512 MB, the longest string of Redis */
#define NR_MAX_DATASET_BYTES (UINT64_C(1) << 36)
#define NR_MAX_RECORD (1u << 20) /* bytes of a sample of any length */
#define NR_MAXBYTES (UINT64_C(1) << 28) /* of a dataset of those, by default */
#define NR_MAX_HISTORY 1000 /* points kept of a training's course */
#define NR_OUTCOME_TEXT 256 /* bytes of nr_net_outcome's, the 0 counted */
#define NR_FORMAT 2         /* version of the serialised form */

/* ======================= Status, errors, memory ========================== */

typedef enum nr_status {
    NR_OK = 0,
    NR_ERR = -1,   /* refused: err holds the text */
    NR_NOMEM = -2, /* out of memory: err holds the text */
    NR_STALE = -3, /* nr_net_merge: not the network it was trained from */
} nr_status;

typedef struct nr_error {
    char text[512]; /* one line without a newline, bytes outside printable
                       ASCII quoted as \xHH */
} nr_error;

/* All memory of the core comes from here. Set before any other call; the
 * functions must be safe in threads. */
NR_API void nr_set_allocator(void *(*alloc)(size_t),
                             void *(*resize)(void *, size_t),
                             void (*release)(void *));

/* A growing array of bytes, for whatever the core writes. Zeroed is empty. */
typedef struct nr_buf {
    unsigned char *data;
    size_t len, cap;
} nr_buf;

NR_API void nr_buf_free(nr_buf *buf);

/* A double as C's %.17g writes it, which reads back as the same one: its length
 * without the 0 at the end. For hosts whose protocol has doubles as text. */
enum { NR_DOUBLE_TEXT = 32 };
NR_API size_t nr_format_double(double value, char text[NR_DOUBLE_TEXT]);

/* The instruction set in use: "avx512", "avx2" or "baseline". The best one of
 * the processor is chosen at load; nr_set_isa is for tests and benchmarks and
 * returns NR_ERR for one that is unknown or not available. */
NR_API const char *nr_isa(void);
NR_API nr_status nr_set_isa(const char *name);

/* ============================== Grammar ================================== */

NR_API const nr_spec *nr_spec_of(nr_verb verb);

/* The tables as msgpack, for help, completion and dispatchers: an array of
 * [name, syntax, summary, [words for completion], [options], scope, reply,
 * whether it may change a network, [least, most arguments or -1], [flags],
 * [first, last key]]; scope, reply and flags by their words. An option is [word, value, type,
 * fixed, automatic, default, help, [words that it may be]], value "" where its
 * word alone turns it on, type "switch", "count", "real" or "choice". */
NR_API nr_status nr_specs_pack(nr_buf *out, nr_error *err);

typedef enum nr_kind {
    NR_CLASSIFIER,
    NR_REGRESSOR,
    NR_FORECASTER,
    NR_GENERATOR
} nr_kind;
typedef enum nr_dataset_id { NR_DATASET_TRAIN, NR_DATASET_TEST, NR_DATASET_ANY }
    nr_dataset_id;

/* How a command says its samples: as numbers in their order, as a blob of them,
 * or by the names of fields. */
typedef enum nr_form {
    NR_FORM_NUMBERS,
    NR_FORM_FP32,
    NR_FORM_JSON,    /* an object, or an array of them */
    NR_FORM_MSGPACK, /* the same as msgpack */
    NR_FORM_COLUMNS, /* msgpack: a map of names and arrays of values */
    NR_FORM_NAMED,   /* name=value ... */
    NR_FORM_SERIES,  /* none: NR.RUN of a series that was observed */
} nr_form;

/* Which hidden layers a network with fields has. */
typedef enum nr_layout {
    NR_LAYOUT_GIVEN,
    NR_LAYOUT_AUTO, /* what a fresh training chooses */
    NR_LAYOUT_LINEAR
} nr_layout;

/* What float32s did not keep of numbers given as text: how many from 2^24 on
 * became others, and the last number as it was said. */
typedef struct nr_exactness {
    uint64_t rounded;
    double last;
} nr_exactness;

/* A parsed command. Pointers lead into argv, which must outlive it, and to
 * memory of its own, which nr_command_release gives back. */
typedef struct nr_command {
    /* What hosts read, some of them in another language. */
    nr_verb verb;
    nr_dataset_id dataset;
    nr_form form; /* of NR.OBSERVE's, NR.RUN's and NR.CLASS' samples */
    size_t key;   /* index in argv of the (first) key; 0: none */
    size_t nkeys; /* NR.DEL has several */
    const unsigned char *blob; /* FP32's, and NR.RESTORE's */
    size_t bloblen;
    nr_exactness exact; /* of the values */
    uint64_t number;    /* NR.GETDATA's row, NR.WAIT's milliseconds */
    uint64_t until;     /* NR.GETDATA's range ends before this one; 0: one row */
    uint64_t maxcycles, maxtime; /* NR.TRAIN; 0: no limit; milliseconds */
    size_t pattern;              /* NR.LIST: index in argv; 0: none */
    bool autostop, backtrack;    /* NR.TRAIN */
    bool queue;                  /* NR.TRAIN: left to workers */
    bool replace;                /* NR.RESTORE */

    /* The rest is for the core: nr_command_head is the size of what precedes.
     * NR.CREATE, NR.CONFIGURE: */
    nr_kind kind;
    size_t nlayers;
    uint64_t maxlen[2]; /* by nr_dataset_id */
    nr_options options;
    unsigned given;

    /* NR.OBSERVE, NR.RUN, NR.CLASS */
    const float *values; /* NULL where a blob was given */
    size_t nvalues;
    size_t arrow; /* how many values precede "->" */
    double weight; /* what a sample with fields counts; 0: not given */
    size_t series; /* index in argv of what stands behind FOR; 0: nothing */
    double interval; /* NR.RUN: how sure an interval is to be; 0: none */
    uint64_t likeliest; /* NR.RUN, NR.GENERATE: symbols at most; 0: not given */
    uint64_t beam; /* NR.RUN: sequences at most; 0: not given */
    uint64_t length; /* NR.RUN, NR.GENERATE: symbols at most; 0: not given, */
    double temperature; /* by what their odds are divided, */
    uint64_t draw;      /* and which of the texts it is */
    double sure; /* NR.CLASS: the least probability of a class; 0: any */
    int64_t top; /* NR.EXPLAIN: so many fields; 0: all */
    size_t aspect; /* NR.EXPLAIN: index in argv of a class or an output; 0: none */
    bool by_class; /* which of these */
    size_t weights; /* what each of several counts, float32 in this argument; 0 */

    /* All arguments, and those of them that are fields: NR.CREATE's inputs and
     * outputs, what precedes and follows NR.OBSERVE's "->", or those that
     * NR.FIELDS adds and drops. */
    const char *const *argv;
    const size_t *arglen;
    size_t first[2], count[2];
    nr_layout layout;

    /* Only as much of these as the command has. */
    float few[64];                  /* where values rest while they are few */
    uint32_t layers[NR_MAX_LAYERS]; /* inputs first */
} nr_command;

/* Parses argc arguments, the command's name first. All that can be said
 * without seeing the network is checked here. */
NR_API nr_status nr_command_parse(nr_command *cmd, size_t argc,
                                  const char *const *argv,
                                  const size_t *argvlen, nr_error *err);
/* The same of arguments that lie one behind the other with a zero byte between
 * them, for hosts to which an array of pointers is dear. It is made in argv,
 * which has room for argc of them. */
NR_API nr_status nr_command_parse_joined(nr_command *cmd, size_t argc,
                                         const char *joined, const char **argv,
                                         const size_t *argvlen, nr_error *err);
NR_API void nr_command_release(nr_command *cmd);

/* sizeof(nr_command), and of what hosts read of it: for those that describe it
 * in another language. */
NR_API size_t nr_command_size(void);
NR_API size_t nr_command_head(void);

/* Splits a line as redis-cli does: words, "double quotes" with \n \r \t \b \a
 * \\ \" \xHH, 'single quotes' with \'. The words and their table lie in *out:
 * args->argv and args->len are argc entries each. An empty line has none.
 * nr_buf_free(&args->memory) gives all of it back. */
typedef struct nr_args {
    size_t argc;
    const char **argv;
    size_t *len;
    nr_buf memory;
} nr_args;

NR_API nr_status nr_split(const char *line, size_t len, nr_args *args,
                          nr_error *err);

/* A number of bytes with a unit as in redis.conf (512mb, 1GB), 0: none, or more
 * than 64 bits hold. */
NR_API uint64_t nr_parse_bytes(const char *text, size_t len);

/* ============================== Networks ================================= */

/* A network is one small header and arrays of float32: weights, training
 * samples, testing samples, the course of the last training.
 *
 * Weights are never changed in place and datasets lie in chunks that copies
 * share until one of them writes: nr_net_clone costs next to nothing whatever
 * the network's size, and what a thread holds does not change under it.
 *
 * A network that was never trained has no weights at all: they follow from its
 * seed and the number of its resets, and are made when first needed. So
 * creating and resetting cost the same for any size, and in any store.
 *
 * A sample (a "row") is inputs then outputs; a classifier's outputs are one
 * number, the class id. In a network with a schema it is a record: bytes, 1 to
 * NR_MAX_RECORD of them. Where this header speaks of rows that lie one after
 * the other, these are then records with the length of each before it, as 32
 * bits, little-endian. */
typedef struct nr_net nr_net;

/* What a host needs to know of a network. */
typedef struct nr_shape {
    uint64_t id;
    uint64_t revision; /* grows with every change of the weights */
    uint64_t inputs, outputs;
    uint64_t row;    /* floats in a sample; 0: it has fields, and samples are
                        records of any length */
    uint64_t params; /* weights and biases, of one member */
    uint64_t len[2]; /* samples, by nr_dataset_id */
    uint64_t kind;
    uint64_t trainings; /* that have ended, whatever came of them */
    uint64_t schema_revision; /* grows with every change of the fields, and where
                                 samples are dropped */
    uint64_t step, steps, window; /* of series: bytes of a step, how many are kept,
                                     and read to forecast; 0: samples are none */
} nr_shape;

/* From NR.CREATE. The host gives an id that was never used and, for networks
 * without SEED, 64 random bits. */
NR_API nr_status nr_net_create(const nr_command *cmd, uint64_t id,
                               uint64_t entropy, nr_net **out, nr_error *err);
NR_API nr_net *nr_net_clone(const nr_net *net); /* NULL: out of memory */
NR_API nr_net *nr_net_bare(const nr_net *net); /* a clone without samples */
NR_API void nr_net_name(nr_net *net, uint64_t id); /* gives another id */
NR_API void nr_net_free(nr_net *net);
NR_API void nr_net_shape(const nr_net *net, nr_shape *shape);
NR_API size_t nr_net_memory(const nr_net *net); /* bytes, shared ones too */

/* How many trainings TRAINEVERY has asked for. Where samples made it grow, the host
 * orders one, unless one stands already. */
NR_API uint64_t nr_net_ordered(const nr_net *net);
/* So many of those got no order of their own: one stood, or several were due. */
NR_API void nr_net_coalesce(nr_net *net, uint64_t n);

/* All of the header that observing changes, of networks without fields. */
typedef struct nr_counts {
    uint64_t len[2]; /* samples, by nr_dataset_id */
    uint64_t observed, fresh, ordered, rounded; /* fresh: "new" in the header */
    uint64_t random[6];
    uint64_t losses[5]; /* "losses" in the header */
} nr_counts;
NR_API void nr_net_counts(const nr_net *net, nr_counts *counts);

/* Runs a command on the network it names and writes the reply as msgpack:
 * NR.OBSERVE, NR.RUN, NR.CLASS, NR.INFO, NR.RESET, NR.GETDATA, NR.CONFIGURE,
 * NR.DUMP, NR.HISTORY, NR.METRICS, NR.IMPORTANCE, NR.EXPLAIN, NR.DRIFT, NR.FIELDS,
 * NR.CLEAR and NR.FORGET. `training` is what NR.INFO says of it. Does the command change the
 * network? nr_changes tells, without running it; those that do not take a const
 * network in all but the type. */
NR_API nr_status nr_net_execute(nr_net *net, const nr_command *cmd,
                                bool training, nr_buf *reply, nr_error *err);
NR_API bool nr_changes(const nr_command *cmd);

/* What a command takes, about, beyond what any command takes: for hosts that
 * must not stand still, and may not take more memory than they have. One that
 * is much work can be executed on a clone, by another thread. */
typedef struct nr_cost {
    double work;    /* in multiply-adds */
    uint64_t bytes; /* of memory, where few arguments can take much of it */
    uint64_t kept;  /* as many of these stay with the network, for later runs */
} nr_cost;

NR_API nr_cost nr_net_cost(const nr_net *net, const nr_command *cmd);

/* Makes the weights of a network that was never trained, if they are not made
 * yet: for itself and for those it was cloned from. */
NR_API nr_status nr_net_prepare(const nr_net *net, nr_error *err);

/* A clone for hosts that are short of memory: what it makes to run goes when it
 * is freed. NULL: out of memory. */
NR_API nr_net *nr_net_sparing(const nr_net *net);

/* nr_net_execute for NR.RUN and NR.CLASS on rows of float32 that are already
 * in memory: n rows of `inputs` floats to n rows of `outputs` floats, or to n
 * class ids. */
NR_API nr_status nr_net_run(const nr_net *net, const float *rows, size_t n,
                            float *outputs, nr_error *err);
NR_API nr_status nr_net_classify(const nr_net *net, const float *rows,
                                 size_t n, uint32_t *classes, nr_error *err);

/* Of a trained network with fields the same for one sample, a msgpack map of
 * names and values. Who is asked, and where the answer goes, is said once and for
 * many samples, and the length is an int: Python pays for each argument of a call,
 * and for each that is of another type. What an output or a class is called
 * nr_net_names tells, as a msgpack array; none where there is nothing to run yet. */
typedef struct nr_question {
    const nr_net *net;
    double *outputs; /* where they go; NULL: the class is asked for */
    uint32_t class;  /* its number */
    nr_error err;
} nr_question;
NR_API nr_status nr_net_ask(nr_question *question, const unsigned char *map,
                            int len);
NR_API nr_status nr_net_names(const nr_net *net, nr_buf *out, nr_error *err);

/* ---- For stores that keep a network in parts ----
 *
 * The header is a msgpack map; its keys are docs/design.md's. A network
 * assembled without its datasets (NULL) knows their lengths but not their
 * samples: it runs, informs, places and configures, and refuses the rest. */
NR_API nr_status nr_net_header(const nr_net *net, nr_buf *out, nr_error *err);

typedef struct nr_bytes {
    const unsigned char *data; /* NULL: left out */
    size_t len;
} nr_bytes;

/* What a training finds out beside the weights, which goes with them: arrays that
 * a network may lack. */
typedef enum nr_finding {
    NR_RESIDUALS, /* how far a regressor was off on the testing samples */
    NR_BACKGROUND, /* some of the training samples, as the network sees them */
    NR_REFERENCE, /* held-out losses and where inputs lay, to see drift by */
    NR_FINDINGS
} nr_finding;

typedef struct nr_parts {
    nr_bytes header;
    nr_bytes weights; /* empty: not trained yet */
    nr_bytes history;
    nr_bytes rows[2]; /* by nr_dataset_id */
    nr_bytes kept;    /* all other parts, one behind the other in any order */
    nr_bytes findings[NR_FINDINGS]; /* empty: none */
} nr_parts;

NR_API nr_status nr_net_assemble(const nr_parts *parts, nr_net **out,
                                 nr_error *err);
/* The arrays as they are assembled from, appended to *out. */
NR_API nr_status nr_net_weights(const nr_net *net, nr_buf *out, nr_error *err);
NR_API nr_status nr_net_history(const nr_net *net, nr_buf *out, nr_error *err);
NR_API nr_status nr_net_finding(const nr_net *net, nr_finding which,
                                nr_buf *out, nr_error *err);
NR_API nr_status nr_net_rows(const nr_net *net, nr_dataset_id dataset,
                             nr_buf *out, nr_error *err);

/* The parts that are none of these: a msgpack map of
 * their names to the bytes to assemble them from. The schema is one of them, and
 * what a newer version put there for itself. A merge and a reset leave them. */
NR_API nr_status nr_net_kept(const nr_net *net, nr_buf *out, nr_error *err);

/* The samples of an NR.OBSERVE, checked against the network, as rows. */
NR_API nr_status nr_net_samples(const nr_net *net, const nr_command *cmd,
                                nr_buf *rows, nr_error *err);

/* Drift. Whether samples are to be scored before they are kept (the network has
 * learned, and is watched), as nr_net_execute and nr_net_put do by themselves. Stores
 * that place samples hold the weights apart from the header: where its revision is
 * that of the weights, nr_net_judge scores samples by them and counts that in the
 * header, before it places the samples. Stores that count elsewhere take the scores
 * themselves: pairs of 64-bit integers, a step of the test's sum, and the ratio to
 * the held-out losses, in millionths. There may be fewer of them than samples, and
 * none where there is nothing to compare with. */
NR_API bool nr_net_watched(const nr_net *net);
NR_API nr_status nr_net_judge(nr_net *net, const nr_net *weights,
                              const void *samples, size_t len, nr_error *err);
NR_API nr_status nr_net_score(const nr_net *net, nr_bytes samples,
                              nr_buf *scores, nr_error *err);
/* The same of one row: whether there is a score, 0 or 1, or what went wrong. */
NR_API int nr_net_score_row(const nr_net *net, const void *row, size_t len,
                            int64_t *score);

/* Decides where n samples go: places[i] is slot * 2 + dataset. Changes the
 * lengths, the counts and the generator in the header as observing them would. */
NR_API nr_status nr_net_place(nr_net *net, size_t n, nr_dataset_id dataset,
                              uint64_t *places, nr_error *err);

/* Counts what was rounded of a command's numbers in the header, as observing
 * them does: for stores that place samples. */
NR_API void nr_net_count_rounded(nr_net *net, const nr_command *cmd);

/* Where samples are records, their bytes are counted as well: those that go into
 * a dataset, and those that they replace. Refused where there is no room. */
NR_API nr_status nr_net_weigh(nr_net *net, nr_dataset_id dataset,
                              uint64_t added, uint64_t removed,
                              nr_error *err);

/* All of it, and keeps the samples, rows or records: every one, or none. */
NR_API nr_status nr_net_put(nr_net *net, nr_bytes samples,
                            nr_dataset_id dataset, nr_error *err);

/* Where the samples are that NR.FORGET is to forget: slot * 2 + dataset each, 64
 * bits. The highest slots of each dataset come first, and the last sample takes
 * the place of each that goes: so stores that keep samples apart do the same. */
NR_API nr_status nr_net_matching(const nr_net *net, const nr_command *cmd,
                                 nr_buf *places, nr_error *err);

/* A forecaster's samples are series. How the record of the one that a command
 * names begins; what a record becomes by the steps that nr_net_samples has made of
 * an NR.OBSERVE (behind their length there; none: an empty record); room for one
 * more series, counted in the header; steps that were added, counted there; and
 * NR.RUN from the record of a series. Stores find it by how it begins. */
NR_API nr_status nr_net_series(const nr_net *net, const nr_command *cmd,
                               nr_buf *head, nr_error *err);
NR_API nr_status nr_net_extend(const nr_net *net, nr_bytes record,
                               nr_bytes steps, nr_buf *out, nr_error *err);
NR_API nr_status nr_net_begin_series(nr_net *net, nr_error *err);
NR_API void nr_net_count_steps(nr_net *net, uint64_t n);
NR_API nr_status nr_net_forecast(const nr_net *net, const nr_command *cmd,
                                 nr_bytes record, nr_buf *reply,
                                 nr_error *err);

/* NR.GETDATA's reply from the row or the record itself. */
NR_API nr_status nr_net_sample_reply(const nr_net *net, nr_bytes sample,
                                     nr_buf *reply, nr_error *err);
/* That of a range, from its samples as nr_net_rows has them; and whether so many
 * bytes of them are not too many for one reply. */
NR_API nr_status nr_net_range_reply(const nr_net *net, nr_bytes samples,
                                    nr_buf *reply, nr_error *err);
NR_API nr_status nr_range_check(const nr_command *cmd, uint64_t bytes,
                                nr_error *err);

/* ---- The serialised form ----
 *
 * A msgpack array ["nr", format, header, [[name, version, bytes] ...],
 * checksum]; what format 1 wrote is read, too. Loading validates every byte;
 * the network gets the id that the host gives, or keeps its own where that is
 * 0. A dump of a newer format is told as such. */
NR_API nr_status nr_net_dump(const nr_net *net, nr_buf *out, nr_error *err);
NR_API nr_status nr_net_load(const unsigned char *blob, size_t len,
                             uint64_t id, nr_net **out, nr_error *err);

/* ---- For hosts that write a network in pieces ----
 *
 * A dump needs room for all samples at once; nr_net_bare's dump and then the
 * samples as they lie, piece by piece, need none. nr_net_piece sets *piece to the
 * samples that lie together from `slot` on and returns how many there are, 0
 * behind the last. nr_net_append puts samples behind the last of a dataset
 * without drawing a place for them: for reading back such pieces, in their
 * order, and nothing else. On an error the network is of no more use. */
NR_API size_t nr_net_piece(const nr_net *net, nr_dataset_id dataset,
                           size_t slot, nr_bytes *piece);
NR_API nr_bytes nr_net_sample(const nr_net *net, nr_dataset_id dataset,
                              size_t slot); /* one, its length aside */
NR_API nr_status nr_net_append(nr_net *net, nr_dataset_id dataset,
                               const unsigned char *bytes, size_t len,
                               nr_error *err);

/* ============================== Training ================================= */

typedef struct nr_trainer nr_trainer;

typedef struct nr_progress {
    uint64_t cycles;
    double train_error, test_error; /* mean loss a sample */
    double class_errors;            /* per cent of the testing samples */
} nr_progress;

/* ---- What all hosts say alike ----
 *
 * A key as one word, appended: other bytes than plain ones as \xHH. Whether a
 * key is like a pattern, as Redis' KEYS has them. NR.THREADS' line of a training,
 * appended. */
NR_API nr_status nr_key_word(const char *key, size_t len, nr_buf *out,
                             nr_error *err);
NR_API bool nr_glob(const char *pattern, size_t plen, const char *text,
                    size_t len);

/* The words of a text in sound UTF-8, as a field of kind text has them, each behind
 * a blank, which no word has. */
NR_API nr_status nr_words(const char *text, size_t len, nr_buf *out,
                          nr_error *err);

typedef struct nr_training {
    uint64_t id; /* of the network */
    const char *key;
    size_t keylen;
    uint64_t db, maxtime, maxcycles, attempt;
    nr_progress progress;
    const char *worker; /* who carries it out; "": nobody yet */
    bool running;       /* and does not wait */
} nr_training;

NR_API nr_status nr_training_line(const nr_training *training, nr_buf *out,
                                  nr_error *err);

/* NR.TRAIN key, without any option, trains as is best for what there is: with
 * AUTOSTOP BACKTRACK where there are testing samples. These two have, where no
 * MAXTIME is given, a millisecond a sample, 10 s at least. CLASSIC trains as it
 * always did. Fills that in, before the command is checked, placed as an order
 * or carried out. */
NR_API void nr_training_choose(const nr_net *net, nr_command *cmd);

/* Says whether NR.TRAIN can start at all: cheap, for use under the lock, and on
 * a network without its samples, before they are read. `memory` is the machine's
 * or what the host may have of it, in bytes, 0: no matter; a training that would
 * take more than half of it is refused. */
NR_API nr_status nr_trainer_check(const nr_net *net, const nr_command *cmd,
                                  const char *key, size_t keylen,
                                  uint64_t memory, nr_error *err);

/* Bytes that a training takes beside its network, for hosts that run several at
 * once: together they are to take no more than one alone may. */
NR_API uint64_t nr_trainer_bytes(const nr_net *net);

/* The same of each of some ranks that share it (nr_trainer_share), which have such a
 * memory each. What is divided is what ranks make of the samples of long steps. */
#define NR_LONG_STEP 2.5e7 /* multiply-adds: some milliseconds */
NR_API nr_status nr_ranks_check(const nr_net *net, const nr_command *cmd,
                                const char *key, size_t keylen,
                                uint64_t memory, uint64_t ranks, double work,
                                nr_error *err);
NR_API uint64_t nr_ranks_bytes(const nr_net *net, uint64_t ranks, double work);

/* Takes what it needs of the network, which may change and go afterwards. */
NR_API nr_status nr_trainer_create(const nr_net *net, const nr_command *cmd,
                                   nr_trainer **out, nr_error *err);

/* Trains for some milliseconds: 1 while there is more to do, 0 at the end. The
 * host says how long the training has run so far. */
NR_API int nr_trainer_step(nr_trainer *trainer, uint64_t elapsed_ms);

/* In place of nr_trainer_step, for hosts that come between: gradient, reduce,
 * apply. Trainers of the same network and command, wherever they are, share its
 * steps and stay alike to the bit, as if each had done everything alone:
 *
 *     while ((blocks = nr_trainer_begin(t, elapsed)))
 *         nr_trainer_gradient   some of the step's blocks of samples
 *         nr_trainer_sums       what they came to, for the others
 *         nr_trainer_put        what the others' came to, as it comes
 *         nr_trainer_apply      when all blocks are there: moves the weights
 *
 * begin returns the blocks of the next step, 0 at the end; its time counts
 * against MAXTIME, so all have to be told the same one, and of a stop, too.
 * gradient sums blocks first to last - 1, in place of those it summed before. The
 * bytes of sums are for trainers of this version on processors of this byte
 * order; put refuses what is not wanted, and has then taken what came before it.
 */
NR_API uint64_t nr_trainer_begin(nr_trainer *trainer, uint64_t elapsed_ms);
NR_API nr_status nr_trainer_gradient(nr_trainer *trainer, uint64_t first,
                                     uint64_t last, nr_error *err);
NR_API nr_status nr_trainer_sums(const nr_trainer *trainer, nr_buf *out,
                                 nr_error *err);
NR_API nr_status nr_trainer_put(nr_trainer *trainer, const unsigned char *sums,
                                size_t len, nr_error *err);
NR_API nr_status nr_trainer_apply(nr_trainer *trainer, nr_error *err);

/* Of large sums everyone adds up a part of the floats, in place of sums and put:
 *
 *         nr_trainer_piece      of the floats of the sums, those that are another's
 *         nr_trainer_join       the pieces of one's own floats, of all blocks in
 *                               any order: what they come to
 *         nr_trainer_total      what everyone's came to, one after the other
 */
NR_API uint64_t nr_trainer_floats(const nr_trainer *trainer); /* of a sum */
NR_API nr_status nr_trainer_piece(const nr_trainer *trainer, uint64_t from,
                                  uint64_t to, nr_buf *out, nr_error *err);
NR_API nr_status nr_trainer_join(nr_trainer *trainer,
                                 const unsigned char *pieces, size_t len,
                                 uint64_t from, uint64_t to, nr_buf *out,
                                 nr_error *err);
NR_API nr_status nr_trainer_total(nr_trainer *trainer, const unsigned char *floats,
                                  size_t len, nr_error *err);

/* Ranks share a training in groups, each of which learns some of the members, and
 * shares their steps where these are long. Before the first step each says which
 * of how many it is, and how many multiply-adds make a step long (0: any is), and
 * is told the same of its group. From then on begin also returns 0 at the end of
 * each cycle and of each phase, where all have to meet:
 *
 *     nr_trainer_meets          whether that is so; if not, it is the end
 *     nr_trainer_members        what there is to say of this group's members
 *     nr_trainer_meet           takes what all groups have said, in any order
 */
typedef struct nr_share {
    uint64_t group, groups; /* which of how many */
    uint64_t rank, ranks;   /* within the group */
    bool steps;             /* are shared */
    bool alone; /* it is a generator's: one rank makes it, by nr_trainer_step */
} nr_share;

NR_API nr_status nr_trainer_share(nr_trainer *trainer, uint64_t rank,
                                  uint64_t ranks, double work, nr_share *share,
                                  nr_error *err);
NR_API bool nr_trainer_meets(const nr_trainer *trainer);
NR_API nr_status nr_trainer_members(const nr_trainer *trainer, nr_buf *out,
                                    nr_error *err);
NR_API nr_status nr_trainer_meet(nr_trainer *trainer, const unsigned char *members,
                                 size_t len, nr_error *err);

/* Where a training stands, so that another trainer of the same snapshot and command
 * may go on from there, here or elsewhere, to the same bits: `digest` says which they
 * are. Between two calls of nr_trainer_step. A training that ranks share, a generator's,
 * and a forecaster's once it has been measured, cannot be saved: its bytes are 0. load is for a
 * trainer that has not begun, refuses what is not sound or is another training's, and
 * has then changed nothing; it tells how long the training had run. The bytes are
 * for this version on processors of this byte order. */
NR_API nr_status nr_training_digest(const nr_net *net, const nr_command *cmd,
                                    uint64_t *digest, nr_error *err);
NR_API uint64_t nr_trainer_save_bytes(const nr_trainer *trainer);
NR_API nr_status nr_trainer_save(const nr_trainer *trainer, uint64_t digest,
                                 uint64_t elapsed_ms, nr_buf *out, nr_error *err);
NR_API nr_status nr_trainer_load(nr_trainer *trainer, uint64_t digest,
                                 const unsigned char *data, size_t len,
                                 uint64_t *elapsed_ms, nr_error *err);

/* From any thread, at any time of the trainer's life. */
NR_API void nr_trainer_stop(nr_trainer *trainer);
NR_API void nr_trainer_progress(const nr_trainer *trainer,
                                nr_progress *progress);

/* The trained network: weights, statistics and history are new, its id and
 * revision those it was trained from. After the last step.
 *
 * A network that works is never made worse. A training that began afresh takes
 * the place of the weights when it ended by itself (AUTOSTOP or MAXCYCLES), or
 * when its testing error is at most the one on record for them; one that was
 * cut short with less, diverged or never came to a cycle leaves all as it was.
 * That is then what the trained network says (nr_net_outcome), and merges. */
NR_API nr_status nr_trainer_finish(nr_trainer *trainer, uint64_t elapsed_ms,
                                   nr_net **trained, nr_error *err);
NR_API void nr_trainer_free(nr_trainer *trainer);

/* What became of a network's last training, for whoever looks later and from
 * elsewhere; *text is the line that NR.INFO has for it. */
typedef enum nr_outcome {
    NR_NEVER,  /* none has ended since it was made or reset */
    NR_MERGED, /* its weights are the network's */
    NR_KEPT,   /* the weights in place have stayed */
    NR_FAILED,
    NR_DROPPED,
} nr_outcome;

NR_API nr_outcome nr_net_outcome(const nr_net *net, const char **text);

/* In place of the trained network where there is none: what the training began
 * with, and why it came to nothing (the text of an error, perhaps). Of the network it wants no samples. NULL: not
 * even for that is there memory. */
NR_API nr_net *nr_net_unlearned(const nr_net *net, nr_outcome outcome,
                                const char *why);

/* Puts what was trained into the network that is there now; samples, options
 * and the generator stay. Where the weights are to stay, it takes over what became of the
 * training and nothing else, and the revision stays, too. NR_STALE, and nothing
 * changed, where the network was reset or another one put in its place. */
NR_API nr_status nr_net_merge(nr_net *net, const nr_net *trained,
                              nr_error *err);

/* Merges the end of a training that left the weights as they were: its line. */
NR_API nr_status nr_net_tell(nr_net *net, const char *text, size_t len,
                             nr_error *err);

/* ========================== Redis' protocol ============================== */

/* For hosts that answer clients of Redis: a client's bytes in, its commands and
 * replies out. One thread at a time. */
typedef struct nr_resp nr_resp;

/* What every nr_resp begins with. */
typedef struct nr_resp_head {
    size_t argc; /* the command that was found last, 0: none; until more is */
    const char **argv; /* asked for or fed */
    size_t *arglen;
    nr_buf replies; /* grows; the host sends it, and sets its len to 0 */
    size_t ran;     /* commands that nr_resp_run has run so far */
    size_t pending; /* bytes that came behind that command, or are a part of it */
    int protocol;   /* the version that replies are of, 2 or 3: the host says it */
    nr_error error; /* why nr_resp_run or nr_resp_take returned -1 */
} nr_resp_head;

NR_API nr_resp *nr_resp_create(void); /* NULL: out of memory */
NR_API void nr_resp_free(nr_resp *resp);

/* A client that has not said who it is may send little at once: 16 words, 16 KB
 * each. All others 2^20 words of 512 MB, 1 GB in all. */
NR_API void nr_resp_trust(nr_resp *resp, bool trusted);

/* Takes bytes that have come. */
NR_API nr_status nr_resp_feed(nr_resp *resp, const void *bytes, size_t len,
                              nr_error *err);

/* The next command: 1, or 0 where its end has not come yet, or -1 where there is
 * none: the client is to hear the error, and nothing more of it is read. */
NR_API int nr_resp_next(nr_resp *resp, nr_error *err);

/* On what nr_resp_run runs from now on: a network and its key, which is copied;
 * the network is the host's to keep. NULL, or a forecaster: on nothing. */
NR_API nr_status nr_resp_on(nr_resp *resp, const char *key, size_t keylen,
                            const nr_net *net, nr_error *err);

/* Runs the commands that come next, as long as they are NR.RUN or NR.CLASS on
 * that key, and little work; their replies, errors too, go behind the others.
 * With `again` the one that was found last comes first. As nr_resp_next of the
 * first one that is not run; 2: as much is done as is good at once. */
NR_API int nr_resp_run(nr_resp *resp, bool again);

/* Forgets the replies so far, which were sent, feeds, and runs: in one call what
 * there is to do most often. */
NR_API int nr_resp_take(nr_resp *resp, const void *bytes, size_t len);

/* A reply in msgpack, as the protocol has it: that of a command, or -1 of none of
 * these. What is names and values is a map in version 3 (commands.h: the shapes). */
NR_API nr_status nr_resp_reply(nr_resp *resp, const void *reply, size_t len,
                               int verb, nr_error *err);
NR_API nr_status nr_resp_error(nr_resp *resp, const char *text, size_t len,
                               nr_error *err); /* one line */
NR_API size_t nr_resp_memory(const nr_resp *resp); /* bytes */

#endif
