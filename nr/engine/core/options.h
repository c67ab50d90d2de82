/* The options of a network, one row each.
 *
 * A row drives all there is of an option: NR.CREATE's and NR.CONFIGURE's
 * parsing, the texts of their errors, NR.CONFIGURE's reply, the header's field,
 * NR.INFO where it shows it, the syntax that help prints, and completion. What
 * the option does is written where it is done, and finds its value in
 * nr_options. Hosts in other languages read the rows with nr_specs_pack.
 *
 * The rows are a macro because the struct is made of them, too; a table beside
 * the struct was rejected, since each new option would have to be in both. */

#ifndef NR_OPTIONS_H
#define NR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NR_MAX_SAMPLES (1u << 26) /* of a dataset: len * maxlen stays < 2^53 */
#define NR_MAX_SEED ((UINT64_C(1) << 53) - 1) /* exact as a double, too */
#define NR_MAX_REAL 1e6 /* LEARNRATE and L2 */
#define NR_MAX_PATIENCE (INT64_C(1) << 31)
#define NR_MAX_THREADS 256
#define NR_MAX_MEMBERS 64
#define NR_MAX_UNROLL 65536
#define NR_MAX_DROPOUT 0.9
#define NR_MAX_SYMBOLS 10000 /* of a sequence's vocabulary */
#define NR_MAX_HORIZON 1000
#define NR_MAX_STEPS_MADE 65536 /* symbols of a text that is generated */
#define NR_MAX_BEAM 64 /* sequences that are searched at once */
#define NR_MAX_WINDOW 10000

/* Leaves the choice to the core, which makes it by network and data. */
#define NR_AUTO (-1.0)

typedef enum nr_activation {
    NR_SIGMOID,
    NR_TANH,
    NR_RELU,
    NR_LEAKYRELU,
} nr_activation;
typedef enum nr_loss { NR_MSE, NR_CROSSENTROPY } nr_loss;
typedef enum nr_optimizer { NR_RPROP, NR_ADAM, NR_SGD } nr_optimizer;
typedef enum nr_class_weights { NR_EQUAL, NR_BALANCED } nr_class_weights;
typedef enum nr_cell { NR_LSTM, NR_GRU } nr_cell; /* of recurrent layers */

typedef enum nr_option_type {
    NR_SWITCH, /* its word alone turns it on, NO behind it off where it has
                  words: bool */
    NR_COUNT,  /* an integer from `least` to `most`: 64 bits */
    NR_REAL,   /* a number from `least` to `most`: double */
    NR_CHOICE, /* one of `words`, by its number: an enum */
} nr_option_type;

/* Whatever is left out of a row is 0, false or NULL. */
typedef struct nr_option {
    const char *word;  /* "LEARNRATE" */
    const char *field; /* of the header: "learnrate" */
    nr_option_type type;
    const char *value; /* what the syntax calls it; NULL: "n" or "f" */
    double least, most;
    bool above;     /* `least` itself is not allowed */
    bool unchecked; /* any integer: nr_shape_check has more to say of it */
    bool automatic; /* AUTO is allowed, which is NR_AUTO */
    bool off;       /* OFF is allowed, which is 0: of a count, or a switch that
                       is ON and OFF and not yes and no */
    const char *words[8]; /* NULL behind the last */
    double preset;      /* where it is not given, with CLASSIC: options.c */
    const char *shown;  /* how help calls that; NULL: by its value */
    bool fixed;         /* for NR.CREATE alone */
    bool with_classic;  /* may be given with CLASSIC */
    const char *for_classifiers; /* what a regressor has not: where that is not
                                    NULL, it has 0 */
    bool for_sequences; /* what only networks with such a field have */
    bool for_forecasters, for_generators;
    bool for_samples; /* what neither of these has */
    const char *help; /* one sentence */
    const char *info; /* its name in NR.INFO; NULL: not there */
    unsigned since;   /* the format that brought the header's field; 0: 1 */
    double missing;   /* what it is where an older header lacks it */
    const char *invalid; /* an error's text of its own for a bad value */
    bool of_command; /* `at` is in nr_command, as a rule in nr_options */
    size_t at;
} nr_option;

/* OPTION is a member of nr_options, of this type and name. SIZE is kept beside
 * them: a member of nr_command. The order is that of the header and of
 * NR.CONFIGURE's reply; a new row comes last. */
#define NR_OPTION_ROWS(OPTION, SIZE)                                          \
    OPTION(bool, normalize, .word = "NORMALIZE", .field = "normalize",        \
           .type = NR_SWITCH, .words = {"NO", "YES"}, .preset = true,         \
           .fixed = true, .with_classic = true,                               \
           .info = "auto-normalization",                                      \
           .help = "Scales inputs by the training samples' mean and spread.") \
    OPTION(bool, classic, .word = "CLASSIC", .field = "classic",              \
           .type = NR_SWITCH, .fixed = true, .with_classic = true,            \
           .help = "Neural Redis as it was published, to reproduce it.")      \
    SIZE(dataset, maxlen[NR_DATASET_TRAIN], .word = "DATASET",                \
         .type = NR_COUNT, .value = "maxlen", .most = NR_MAX_SAMPLES,         \
         .unchecked = true, .preset = 10000, .fixed = true,                   \
         .with_classic = true,                                                \
         .help = "How many samples are kept to learn from.")                  \
    SIZE(test, maxlen[NR_DATASET_TEST], .word = "TEST",                       \
         .type = NR_COUNT, .value = "maxlen", .most = NR_MAX_SAMPLES,         \
         .unchecked = true, .preset = 5000, .fixed = true,                    \
         .with_classic = true,                                                \
         .help = "How many samples are kept to be tested with.")              \
    OPTION(uint64_t, seed, .word = "SEED", .field = "seed", .type = NR_COUNT, \
           .most = NR_MAX_SEED, .shown = "random", .fixed = true,             \
           .with_classic = true,                                              \
           .help = "The same commands then give the same network.")           \
    OPTION(nr_activation, activation, .word = "ACTIVATION",                   \
           .field = "activation", .type = NR_CHOICE,                          \
           .words = {"SIGMOID", "TANH", "RELU", "LEAKYRELU"},                 \
           .preset = NR_TANH, .fixed = true,                                  \
           .help = "What hidden units compute; RELU above 20000 parameters.") \
    OPTION(nr_loss, loss, .word = "LOSS", .field = "loss", .type = NR_CHOICE, \
           .words = {"MSE", "CROSSENTROPY"}, .preset = NR_CROSSENTROPY,       \
           .fixed = true, .for_classifiers = "CROSSENTROPY",                  \
           .help = "What training makes small; MSE for a regressor.")         \
    OPTION(nr_optimizer, optimizer, .word = "OPTIMIZER",                      \
           .field = "optimizer", .type = NR_CHOICE,                           \
           .words = {"RPROP", "ADAM", "SGD"}, .preset = NR_RPROP,             \
           .help = "How training makes the loss small.")                      \
    OPTION(double, learnrate, .word = "LEARNRATE", .field = "learnrate",      \
           .type = NR_REAL, .most = NR_MAX_REAL, .above = true,               \
           .automatic = true, .preset = NR_AUTO,                              \
           .help = "The length of a step, for RPROP of the first one.")       \
    OPTION(double, l2, .word = "L2", .field = "l2", .type = NR_REAL,          \
           .most = NR_MAX_REAL, .automatic = true, .preset = NR_AUTO,         \
           .help = "How strongly large weights are pulled to zero.")          \
    OPTION(int64_t, batch, .word = "BATCH", .field = "batch",                 \
           .type = NR_COUNT, .least = 1, .most = NR_MAX_SAMPLES,              \
           .automatic = true, .preset = NR_AUTO,                              \
           .help = "Samples a step of ADAM and SGD.")                         \
    OPTION(int64_t, patience, .word = "PATIENCE", .field = "patience",        \
           .type = NR_COUNT, .least = 1, .most = NR_MAX_PATIENCE,             \
           .automatic = true, .preset = NR_AUTO,                              \
           .help = "Cycles without progress until AUTOSTOP stops.")           \
    OPTION(int64_t, threads, .word = "THREADS", .field = "threads",           \
           .type = NR_COUNT, .least = 1, .most = NR_MAX_THREADS, .preset = 1, \
           .with_classic = true,                                              \
           .help = "Threads of one training; the result is the same.")        \
    OPTION(int64_t, members, .word = "MEMBERS", .field = "members",           \
           .type = NR_COUNT, .least = 1, .most = NR_MAX_MEMBERS,              \
           .automatic = true, .preset = NR_AUTO, .fixed = true,               \
           .help = "Networks that are trained, whose mean is the answer.")    \
    OPTION(nr_class_weights, class_weights, .word = "CLASSWEIGHTS",           \
           .field = "class_weights", .type = NR_CHOICE,                       \
           .words = {"NONE", "BALANCED"}, .preset = NR_EQUAL,                 \
           .for_classifiers = "CLASSWEIGHTS",                                 \
           .help = "BALANCED makes all classes count the same in training.") \
    OPTION(int64_t, trainevery, .word = "TRAINEVERY", .field = "trainevery",  \
           .type = NR_COUNT, .least = 1, .most = NR_MAX_SAMPLES,              \
           .automatic = true, .off = true, .with_classic = true, .since = 2,  \
           .help = "New samples after which a training is ordered.")          \
    OPTION(nr_cell, cell, .word = "CELL", .field = "cell",                    \
           .type = NR_CHOICE, .words = {"LSTM", "GRU"}, .fixed = true,        \
           .for_sequences = true, .since = 2,                                 \
           .help = "What reads sequences, step by step.")                     \
    OPTION(int64_t, unroll, .word = "UNROLL", .field = "unroll",              \
           .type = NR_COUNT, .least = 1, .most = NR_MAX_UNROLL,               \
           .automatic = true, .preset = NR_AUTO, .for_sequences = true,       \
           .since = 2, .missing = NR_AUTO,                                    \
           .help = "Steps that a gradient goes back in a sequence.")          \
    OPTION(double, clip, .word = "CLIP", .field = "clip", .type = NR_REAL,    \
           .most = NR_MAX_REAL, .above = true, .automatic = true,             \
           .preset = NR_AUTO, .for_sequences = true, .since = 2,              \
           .missing = NR_AUTO,                                                \
           .help = "The most that a gradient may be, with sequences.")        \
    OPTION(int64_t, vocabulary, .word = "VOCABULARY", .field = "vocabulary",  \
           .type = NR_COUNT, .least = 1, .most = NR_MAX_SYMBOLS,              \
           .preset = NR_MAX_SYMBOLS, .for_sequences = true, .since = 2,       \
           .missing = NR_MAX_SYMBOLS,                                         \
           .help = "Symbols that a field may have, the most frequent ones.")  \
    OPTION(double, dropout, .word = "DROPOUT", .field = "dropout",            \
           .type = NR_REAL, .most = NR_MAX_DROPOUT, .automatic = true,        \
           .preset = NR_AUTO, .for_sequences = true, .since = 2,              \
           .missing = NR_AUTO,                                                \
           .help = "The part of last states that a step of training leaves "  \
                   "out.")                                                    \
    OPTION(int64_t, horizon, .word = "HORIZON", .field = "horizon",           \
           .type = NR_COUNT, .least = 1, .most = NR_MAX_HORIZON,              \
           .preset = 12, .missing = 12, .fixed = true, .since = 2,            \
           .for_forecasters = true,                                           \
           .help = "Steps of a series that are forecast.")                    \
    OPTION(int64_t, window, .word = "WINDOW", .field = "window",              \
           .type = NR_COUNT, .least = 4, .most = NR_MAX_WINDOW, .preset = 60, \
           .missing = 60, .fixed = true, .since = 2, .for_forecasters = true, \
           .help = "Steps of a series that a forecast is made from.")         \
    OPTION(int64_t, season, .word = "SEASON", .field = "season",              \
           .type = NR_COUNT, .least = 1, .most = NR_MAX_WINDOW - 2,           \
           .automatic = true, .preset = NR_AUTO, .missing = NR_AUTO,          \
           .fixed = true, .since = 2, .for_forecasters = true,                \
           .help = "Steps after which a series is about the same; 1: none.")  \
    OPTION(double, decay, .word = "DECAY", .field = "decay",                  \
           .type = NR_REAL, .most = 1, .above = true, .automatic = true,      \
           .preset = NR_AUTO, .for_sequences = true, .since = 2,              \
           .missing = NR_AUTO,                                                \
           .help = "What the rate is multiplied by at each epoch behind "     \
                   "AFTER; AUTO: a cosine.")                                  \
    OPTION(int64_t, after, .word = "AFTER", .field = "after",                 \
           .type = NR_COUNT, .value = "epochs", .least = 1,                   \
           .most = NR_MAX_SAMPLES, .preset = 1, .missing = 1,                 \
           .for_sequences = true, .since = 2,                                 \
           .help = "Epochs at the whole rate, before DECAY.")                 \
    OPTION(bool, tied, .word = "TIED", .field = "tied", .type = NR_SWITCH,    \
           .words = {"NO", "YES"}, .preset = true, .fixed = true,             \
           .for_generators = true, .since = 2,                                \
           .help = "Symbols are told by the weights that they are read by.")  \
    OPTION(double, init, .word = "INIT", .field = "init", .type = NR_REAL,    \
           .most = 1, .above = true, .automatic = true, .preset = NR_AUTO,    \
           .missing = NR_AUTO, .fixed = true, .for_generators = true,         \
           .since = 2,                                                        \
           .help = "Weights are drawn from -f to f at first; AUTO: by layer.")\
    OPTION(bool, drift, .word = "DRIFT", .field = "drift",                    \
           .type = NR_SWITCH, .words = {"OFF", "ON"}, .off = true,            \
           .with_classic = true, .for_samples = true, .since = 2,             \
           .help = "Samples are scored before they are kept, for NR.DRIFT.")

#define NR_MEMBER_(type, name, ...) type name;
#define NR_NUMBER_(type, name, ...) NR_OPTION_##name,
#define NR_BESIDE_(name, ...) NR_OPTION_##name,
#define NR_NOTHING_(...)

/* What a network has of them. A count that is AUTO is -1. */
typedef struct nr_options {
    NR_OPTION_ROWS(NR_MEMBER_, NR_NOTHING_)
} nr_options;

/* Their numbers, and how many there are. */
enum { NR_OPTION_ROWS(NR_NUMBER_, NR_BESIDE_) NR_OPTIONS };

/* Which of them a command names: bits of nr_command.given. */
#define NR_GIVEN(name) (1u << NR_OPTION_##name)

#undef NR_MEMBER_
#undef NR_NUMBER_
#undef NR_BESIDE_
#undef NR_NOTHING_

#endif
