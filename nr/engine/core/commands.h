/* The commands, one row each.
 *
 * A row says what there is to know of a command without running it: what hosts
 * register, help prints and completion offers, how many arguments the parser
 * takes, and what a host has to bring. The Redis module and the Python
 * dispatcher run whatever needs a network's header, weights or samples by its
 * scope alone; they have functions of their own only for what the store itself
 * must do. What a command does is in run/execute.c, what is peculiar to its
 * arguments in grammar/. */

#ifndef NR_COMMANDS_H
#define NR_COMMANDS_H

#include "options.h"

enum {
    NR_READS = 1,
    NR_WRITES = 2,
    NR_FAST = 4,
    NR_BLOCKS = 8,
    NR_GROWS = 16,  /* takes memory for good: refused where there is none */
    NR_MAKES = 32,  /* makes the network that it names */
    NR_CHANGES = 64, /* changes the network that it names, by nr_net_execute */
    NR_LISTS = 128   /* but for the key alone, of which it replies what there is */
};

/* What of a network a command wants, for hosts that keep it in parts. */
typedef enum nr_scope {
    NR_ON_NOTHING,  /* no network in particular */
    NR_ON_HEADER,   /* nr_net_execute, on the header alone */
    NR_ON_WEIGHTS,  /* the same, on a network without its samples */
    NR_ON_SNAPSHOT, /* the same, on all of it; to change it, the first do */
    NR_ON_STORE,    /* something of the store: the host knows what */
} nr_scope;

/* What its reply is made of, for hosts that read one of another protocol. */
typedef enum nr_reply_shape {
    NR_INTEGERS, /* one, or an array of them */
    NR_TEXTS,    /* a simple string, or an array of them */
    NR_BYTES,    /* a blob, or an array of keys */
    NR_CLASSES,  /* class ids; with fields names, or values in arrays */
    NR_OUTPUTS,  /* doubles or a blob; with fields names and doubles */
    NR_SAMPLE,   /* inputs and outputs; with fields names and values; or an
                    array of these */
    NR_PAIRS,    /* name, value, name, value, or nil */
    NR_DOUBLES,  /* in arrays of any depth, with integers and names */
    NR_NAMES,    /* a simple string, or arrays of names and values */
    NR_SHAPES
} nr_reply_shape;

/* Which options a command ends with. */
typedef enum nr_option_list {
    NR_NO_OPTIONS,
    NR_CREATE_OPTIONS,
    NR_CONFIGURE_OPTIONS, /* those that are not fixed */
    NR_TRAIN_OPTIONS,
    NR_RESTORE_OPTIONS,
    NR_GENERATE_OPTIONS,
    NR_OPTION_LISTS
} nr_option_list;

typedef struct nr_spec {
    const char *name;      /* "NR.CREATE" */
    const char *arguments; /* those before the options: "key ..." */
    nr_option_list options;
    const char *summary; /* one sentence */
    int min_args;        /* the name counted; fewer is the wrong number */
    int max_args;        /* -1: any number */
    int flags;
    int first_key, last_key; /* as Redis has them; 0, 0: no key */
    nr_scope scope;
    nr_reply_shape reply;
} nr_spec;

#define NR_KEY .first_key = 1, .last_key = 1
#define NR_KEYS .first_key = 1, .last_key = -1
#define NR_ARGUMENTS(least, ...) .min_args = least, .max_args = __VA_ARGS__
#define NR_ANY_NUMBER (-1)

#define NR_COMMAND_ROWS(COMMAND)                                              \
    COMMAND(NR_CREATE, .name = "NR.CREATE",                                   \
            .arguments = "key CLASSIFIER|REGRESSOR|FORECASTER|GENERATOR "     \
                         "inputs|field:kind ... [hidden ...|AUTO|LINEAR] -> " \
                         "outputs|field:kind ...",                            \
            .options = NR_CREATE_OPTIONS,                                     \
            .summary = "Creates a network and replies how many parameters "   \
                       "it has.",                                             \
            NR_ARGUMENTS(4, NR_ANY_NUMBER), NR_KEY,                           \
            .flags = NR_WRITES | NR_FAST | NR_GROWS | NR_MAKES,               \
            .scope = NR_ON_STORE, .reply = NR_INTEGERS)                       \
    COMMAND(NR_OBSERVE, .name = "NR.OBSERVE",                                 \
            .arguments = "key input [input ...] -> output [output ...] "      \
                         "[TRAIN|TEST] | key FP32 blob [TRAIN|TEST] | "       \
                         "key [field=value ...] -> field=value ... "          \
                         "[WEIGHT w] [TRAIN|TEST] | "                         \
                         "key JSON|MSGPACK|COLUMNS samples "                  \
                         "[WEIGHT w|WEIGHTS blob] [TRAIN|TEST] | "            \
                         "key [FOR series] fields as above, of a forecaster", \
            .summary = "Adds samples and replies how many the training and "  \
                       "the testing dataset hold.",                           \
            NR_ARGUMENTS(3, NR_ANY_NUMBER), NR_KEY,                           \
            .flags = NR_WRITES | NR_FAST | NR_GROWS | NR_CHANGES,             \
            .scope = NR_ON_STORE, .reply = NR_INTEGERS)                       \
    COMMAND(NR_RUN, .name = "NR.RUN",                                         \
            .arguments = "key input [input ...] [INTERVAL p] | "              \
                         "key FP32 blob [INTERVAL p] | "                      \
                         "key field=value ... [INTERVAL p] | "                \
                         "key JSON|MSGPACK|COLUMNS samples [INTERVAL p] | "   \
                         "key [FOR series] [INTERVAL p] | "                   \
                         "key [field=value] [TOP k] | "                       \
                         "key field=value [BEAM b] [LENGTH n]",               \
            .summary = "Runs a network and replies its outputs.",             \
            NR_ARGUMENTS(2, NR_ANY_NUMBER), NR_KEY, .flags = NR_READS,        \
            .scope = NR_ON_STORE, .reply = NR_OUTPUTS)                        \
    COMMAND(NR_CLASS, .name = "NR.CLASS",                                     \
            .arguments = "key input [input ...] [SURE p] | "                  \
                         "key FP32 blob [SURE p] | "                          \
                         "key field=value ... [SURE p] | "                    \
                         "key JSON|MSGPACK|COLUMNS samples [SURE p]",         \
            .summary = "Runs a classifier and replies the class id, or nil "  \
                       "where it is less sure than asked for.",               \
            NR_ARGUMENTS(3, NR_ANY_NUMBER), NR_KEY, .flags = NR_READS,        \
            .scope = NR_ON_WEIGHTS, .reply = NR_CLASSES)                      \
    COMMAND(NR_TRAIN, .name = "NR.TRAIN", .arguments = "key",                 \
            .options = NR_TRAIN_OPTIONS,                                      \
            .summary = "Starts a training in the background: without an "     \
                       "option AUTOSTOP BACKTRACK, where there are testing "  \
                       "samples.",                                            \
            NR_ARGUMENTS(2, NR_ANY_NUMBER), NR_KEY,                           \
            .flags = NR_WRITES | NR_GROWS, .scope = NR_ON_STORE,              \
            .reply = NR_TEXTS)                                                \
    COMMAND(NR_INFO, .name = "NR.INFO", .arguments = "key",                   \
            .summary = "Replies what there is to know of a network.",         \
            NR_ARGUMENTS(2, 2), NR_KEY, .flags = NR_READS | NR_FAST,          \
            .scope = NR_ON_HEADER, .reply = NR_PAIRS)                         \
    COMMAND(NR_THREADS, .name = "NR.THREADS", .arguments = "",                \
            .summary = "Lists the trainings that run or wait.",               \
            NR_ARGUMENTS(1, 1), .flags = NR_READS | NR_FAST,                  \
            .scope = NR_ON_NOTHING, .reply = NR_TEXTS)                        \
    COMMAND(NR_RESET, .name = "NR.RESET", .arguments = "key",                 \
            .summary = "Gives a network new random weights; its samples "     \
                       "stay.",                                               \
            NR_ARGUMENTS(2, 2), NR_KEY,                                       \
            .flags = NR_WRITES | NR_FAST | NR_CHANGES,                        \
            .scope = NR_ON_HEADER, .reply = NR_TEXTS)                         \
    COMMAND(NR_GETDATA, .name = "NR.GETDATA",                                 \
            .arguments = "key TRAIN|TEST row | key TRAIN|TEST first last",    \
            .summary = "Replies the inputs and outputs of one sample, or of " \
                       "each from the first row to the last.",                \
            NR_ARGUMENTS(4, 5), NR_KEY, .flags = NR_READS,                    \
            .scope = NR_ON_STORE, .reply = NR_SAMPLE)                         \
    COMMAND(NR_CONFIGURE, .name = "NR.CONFIGURE", .arguments = "key",         \
            .options = NR_CONFIGURE_OPTIONS,                                  \
            .summary = "Sets options of a network; without any, lists them "  \
                       "all.",                                                \
            NR_ARGUMENTS(2, NR_ANY_NUMBER), NR_KEY,                           \
            .flags = NR_WRITES | NR_FAST | NR_CHANGES | NR_LISTS,             \
            .scope = NR_ON_HEADER, .reply = NR_TEXTS)                         \
    COMMAND(NR_STOP, .name = "NR.STOP", .arguments = "key",                   \
            .summary = "Stops a training, and keeps what it reached or, if "  \
                       "that is better, what was there.",                     \
            NR_ARGUMENTS(2, 2), NR_KEY, .flags = NR_WRITES | NR_FAST,         \
            .scope = NR_ON_STORE, .reply = NR_INTEGERS)                       \
    COMMAND(NR_WAIT, .name = "NR.WAIT", .arguments = "key milliseconds",      \
            .summary = "Waits for the end of a training, 0 milliseconds "     \
                       "without a limit.",                                    \
            NR_ARGUMENTS(3, 3), NR_KEY, .flags = NR_READS | NR_BLOCKS,        \
            .scope = NR_ON_STORE, .reply = NR_INTEGERS)                       \
    COMMAND(NR_DUMP, .name = "NR.DUMP", .arguments = "key",                   \
            .summary = "Replies a whole network as one value.",               \
            NR_ARGUMENTS(2, 2), NR_KEY, .flags = NR_READS,                    \
            .scope = NR_ON_SNAPSHOT, .reply = NR_BYTES)                       \
    COMMAND(NR_RESTORE, .name = "NR.RESTORE", .arguments = "key blob",        \
            .options = NR_RESTORE_OPTIONS,                                    \
            .summary = "Creates a network from what NR.DUMP replied.",        \
            NR_ARGUMENTS(3, 4), NR_KEY,                                       \
            .flags = NR_WRITES | NR_GROWS | NR_MAKES, .scope = NR_ON_STORE,   \
            .reply = NR_TEXTS)                                                \
    COMMAND(NR_DEL, .name = "NR.DEL", .arguments = "key [key ...]",           \
            .summary = "Deletes networks and replies how many there were.",   \
            NR_ARGUMENTS(2, NR_ANY_NUMBER), NR_KEYS, .flags = NR_WRITES,      \
            .scope = NR_ON_STORE, .reply = NR_INTEGERS)                       \
    COMMAND(NR_LIST, .name = "NR.LIST", .arguments = "[pattern]",             \
            .summary = "Lists the keys of networks, those like a pattern or " \
                       "all.",                                                \
            NR_ARGUMENTS(1, 2), .flags = NR_READS, .scope = NR_ON_NOTHING,    \
            .reply = NR_BYTES)                                                \
    COMMAND(NR_HISTORY, .name = "NR.HISTORY", .arguments = "key",             \
            .summary = "Replies the course of the last training, for plots.", \
            NR_ARGUMENTS(2, 2), NR_KEY, .flags = NR_READS,                    \
            .scope = NR_ON_WEIGHTS, .reply = NR_DOUBLES)                      \
    COMMAND(NR_METRICS, .name = "NR.METRICS", .arguments = "key",             \
            .summary = "Replies how good the last training's network was on " \
                       "the testing dataset.",                                \
            NR_ARGUMENTS(2, 2), NR_KEY, .flags = NR_READS,                    \
            .scope = NR_ON_WEIGHTS, .reply = NR_PAIRS)                        \
    COMMAND(NR_IMPORTANCE, .name = "NR.IMPORTANCE", .arguments = "key",       \
            .summary = "Replies how much the outputs depend on each input.",  \
            NR_ARGUMENTS(2, 2), NR_KEY, .flags = NR_READS,                    \
            .scope = NR_ON_SNAPSHOT, .reply = NR_DOUBLES)                     \
    COMMAND(NR_FIELDS, .name = "NR.FIELDS",                                   \
            .arguments = "key [ADD field:kind ...] [DROP field ...]",         \
            .summary = "Adds fields to a network and drops others, its "      \
                       "samples stay; without either, replies the fields "    \
                       "and the values that it has learned of each.",         \
            NR_ARGUMENTS(2, NR_ANY_NUMBER), NR_KEY,                           \
            .flags = NR_WRITES | NR_FAST | NR_GROWS | NR_CHANGES | NR_LISTS,  \
            .scope = NR_ON_WEIGHTS, .reply = NR_NAMES)                        \
    COMMAND(NR_CLEAR, .name = "NR.CLEAR", .arguments = "key [TRAIN|TEST]",    \
            .summary = "Drops the samples of both datasets or of one, and "   \
                       "replies how many; the weights stay.",                 \
            NR_ARGUMENTS(2, 3), NR_KEY, .flags = NR_WRITES | NR_CHANGES,      \
            .scope = NR_ON_STORE, .reply = NR_INTEGERS)                       \
    COMMAND(NR_FORGET, .name = "NR.FORGET",                                   \
            .arguments = "key field=value [field=value ...]",                 \
            .summary = "Drops the samples that have these values, and "       \
                       "replies how many; the weights stay.",                 \
            NR_ARGUMENTS(3, NR_ANY_NUMBER), NR_KEY,                           \
            .flags = NR_WRITES | NR_CHANGES, .scope = NR_ON_STORE,            \
            .reply = NR_INTEGERS)                                             \
    COMMAND(NR_EXPLAIN, .name = "NR.EXPLAIN",                                 \
            .arguments = "key input [input ...] [TOP k] [CLASS c|OUTPUT o] | "\
                         "key FP32 blob [TOP k] [CLASS c|OUTPUT o] | "        \
                         "key field=value ... [TOP k] [CLASS c|OUTPUT o] | "  \
                         "key JSON|MSGPACK|COLUMNS sample [TOP k] "           \
                         "[CLASS c|OUTPUT o]",                                \
            .summary = "Replies what each field adds to the answer to a row.",\
            NR_ARGUMENTS(3, NR_ANY_NUMBER), NR_KEY, .flags = NR_READS,        \
            .scope = NR_ON_WEIGHTS, .reply = NR_PAIRS)                        \
    COMMAND(NR_GENERATE, .name = "NR.GENERATE",                               \
            .arguments = "key [field=value]",                                 \
            .options = NR_GENERATE_OPTIONS,                                   \
            .summary = "Replies a text as a generator has learned them, "     \
                       "behind the one that is given.",                       \
            NR_ARGUMENTS(2, NR_ANY_NUMBER), NR_KEY, .flags = NR_READS,        \
            .scope = NR_ON_WEIGHTS, .reply = NR_BYTES)                        \
    COMMAND(NR_SCORE, .name = "NR.SCORE",                                     \
            .arguments = "key [field=value] field=value",                     \
            .summary = "Replies how likely a text is to a generator.",        \
            NR_ARGUMENTS(3, 4), NR_KEY, .flags = NR_READS,                    \
            .scope = NR_ON_WEIGHTS, .reply = NR_PAIRS)                        \
    COMMAND(NR_DRIFT, .name = "NR.DRIFT", .arguments = "key",                 \
            .summary = "Replies the loss on new samples beside that of the "  \
                       "last training, and how far their inputs moved.",      \
            NR_ARGUMENTS(2, 2), NR_KEY, .flags = NR_READS,                    \
            .scope = NR_ON_SNAPSHOT, .reply = NR_PAIRS)

#define NR_VERB_(verb, ...) verb,
typedef enum nr_verb { NR_COMMAND_ROWS(NR_VERB_) NR_VERBS } nr_verb;
#undef NR_VERB_

#endif
