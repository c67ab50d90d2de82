/* Options: WORD value ..., in any order, after what each command has fixed.
 *
 * One table a command and one loop over it: a new option is a row. NR.CREATE
 * and NR.CONFIGURE share theirs. Nothing is forgiven, an option given twice
 * as little as an unknown one: a misspelt SEED that is silently ignored costs
 * more than an error. */

#include <stdarg.h>
#include <stdio.h>

#include "grammar/syntax.h"

typedef struct option {
    const char *word;
    const char *wants; /* what its value must be; NULL: there is none */
    bool (*take)(nr_command *cmd, nr_text value); /* false: not that */
    const char *const *values; /* the words it may be, to guess from */
    const char *invalid;       /* a message of its own for a bad value */
    unsigned given;
    bool fixed;
} option;

nr_status nr_syntax_error(nr_parser *p, const char *format, ...) {
    char what[sizeof p->err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return nr_fail(p->err, "ERR Syntax error in %s: %s", p->name, what);
}

/* ------------------------------- Values ---------------------------------- */

static bool take_uint(nr_text text, uint64_t max, uint64_t *value) {
    uint64_t found;
    if (!nr_parse_uint(text, &found) || found > max) return false;
    *value = found;
    return true;
}

static bool take_count(nr_text text, uint64_t max, int64_t *value) {
    uint64_t found;
    if (!take_uint(text, max, &found) || !found) return false;
    *value = (int64_t)found;
    return true;
}

static bool take_count_or_auto(nr_text text, uint64_t max, int64_t *value) {
    if (!nr_same_word(text, "AUTO")) return take_count(text, max, value);
    *value = (int64_t)NR_AUTO;
    return true;
}

/* 0 to NR_MAX_REAL; adding 0 makes one zero of two. */
static bool take_float_or_auto(nr_text text, double *value) {
    double found;
    if (nr_same_word(text, "AUTO")) {
        *value = NR_AUTO;
        return true;
    }
    if (!nr_parse_double(text, &found) || !(found >= 0 && found <= NR_MAX_REAL))
        return false;
    *value = found + 0.0;
    return true;
}

/* ------------------------ NR.CREATE, NR.CONFIGURE ------------------------ */

static bool take_normalize(nr_command *cmd, nr_text value) {
    (void)value;
    return cmd->options.normalize = true;
}

static bool take_classic(nr_command *cmd, nr_text value) {
    (void)value;
    return cmd->options.classic = true;
}

/* Any integer: nr_shape_check has more to say of one that is too large. */
static bool take_dataset(nr_command *cmd, nr_text value) {
    return nr_parse_uint(value, &cmd->maxlen[NR_DATASET_TRAIN]);
}

static bool take_test(nr_command *cmd, nr_text value) {
    return nr_parse_uint(value, &cmd->maxlen[NR_DATASET_TEST]);
}

static bool take_seed(nr_command *cmd, nr_text value) {
    return take_uint(value, NR_MAX_SEED, &cmd->options.seed);
}

static bool take_activation(nr_command *cmd, nr_text value) {
    int found = nr_find_word(value, nr_activation_words);
    if (found >= 0) cmd->options.activation = (nr_activation)found;
    return found >= 0;
}

static bool take_loss(nr_command *cmd, nr_text value) {
    int found = nr_find_word(value, nr_loss_words);
    if (found >= 0) cmd->options.loss = (nr_loss)found;
    return found >= 0;
}

static bool take_optimizer(nr_command *cmd, nr_text value) {
    int found = nr_find_word(value, nr_optimizer_words);
    if (found >= 0) cmd->options.optimizer = (nr_optimizer)found;
    return found >= 0;
}

static bool take_learnrate(nr_command *cmd, nr_text value) {
    double *rate = &cmd->options.learnrate;
    return take_float_or_auto(value, rate) && *rate != 0;
}

static bool take_l2(nr_command *cmd, nr_text value) {
    return take_float_or_auto(value, &cmd->options.l2);
}

static bool take_batch(nr_command *cmd, nr_text value) {
    return take_count_or_auto(value, NR_MAX_SAMPLES, &cmd->options.batch);
}

static bool take_patience(nr_command *cmd, nr_text value) {
    return take_count_or_auto(value, NR_MAX_PATIENCE, &cmd->options.patience);
}

static bool take_threads(nr_command *cmd, nr_text value) {
    return take_count(value, NR_MAX_THREADS, &cmd->options.threads);
}

static bool take_members(nr_command *cmd, nr_text value) {
    return take_count_or_auto(value, NR_MAX_MEMBERS, &cmd->options.members);
}

static bool take_class_weights(nr_command *cmd, nr_text value) {
    int found = nr_find_word(value, nr_class_weights_words);
    if (found >= 0) cmd->options.class_weights = (nr_class_weights)found;
    return found >= 0;
}

static const option network_options[] = {
    {.word = "NORMALIZE", .take = take_normalize, .fixed = true},
    {.word = "CLASSIC", .take = take_classic, .fixed = true},
    {.word = "DATASET",
     .wants = "an integer from 0 to 67108864",
     .take = take_dataset,
     .fixed = true},
    {.word = "TEST",
     .wants = "an integer from 0 to 67108864",
     .take = take_test,
     .fixed = true},
    {.word = "SEED",
     .wants = "an integer from 0 to 9007199254740991",
     .take = take_seed,
     .given = NR_GIVEN_SEED,
     .fixed = true},
    {.word = "ACTIVATION",
     .wants = "SIGMOID, TANH, RELU or LEAKYRELU",
     .take = take_activation,
     .values = nr_activation_words,
     .given = NR_GIVEN_ACTIVATION,
     .fixed = true},
    {.word = "LOSS",
     .wants = "MSE or CROSSENTROPY",
     .take = take_loss,
     .values = nr_loss_words,
     .given = NR_GIVEN_LOSS,
     .fixed = true},
    {.word = "OPTIMIZER",
     .wants = "RPROP, ADAM or SGD",
     .take = take_optimizer,
     .values = nr_optimizer_words,
     .given = NR_GIVEN_OPTIMIZER},
    {.word = "LEARNRATE",
     .wants = "AUTO or a number above 0 and up to 1000000",
     .take = take_learnrate,
     .given = NR_GIVEN_LEARNRATE},
    {.word = "L2",
     .wants = "AUTO or a number from 0 to 1000000",
     .take = take_l2,
     .given = NR_GIVEN_L2},
    {.word = "BATCH",
     .wants = "AUTO or an integer from 1 to 67108864",
     .take = take_batch,
     .given = NR_GIVEN_BATCH},
    {.word = "PATIENCE",
     .wants = "AUTO or an integer from 1 to 2147483648",
     .take = take_patience,
     .given = NR_GIVEN_PATIENCE},
    {.word = "THREADS",
     .wants = "an integer from 1 to 256",
     .take = take_threads,
     .given = NR_GIVEN_THREADS},
    {.word = "MEMBERS",
     .wants = "AUTO or an integer from 1 to 64",
     .take = take_members,
     .given = NR_GIVEN_MEMBERS,
     .fixed = true},
    {.word = "CLASSWEIGHTS",
     .wants = "NONE or BALANCED",
     .take = take_class_weights,
     .values = nr_class_weights_words,
     .given = NR_GIVEN_CLASSWEIGHTS},
};

/* -------------------------- NR.TRAIN, NR.RESTORE ------------------------- */

static bool take_maxcycles(nr_command *cmd, nr_text value) {
    return take_uint(value, UINT64_C(1) << 53, &cmd->maxcycles);
}

static bool take_maxtime(nr_command *cmd, nr_text value) {
    return take_uint(value, UINT64_C(1) << 53, &cmd->maxtime);
}

static bool take_autostop(nr_command *cmd, nr_text value) {
    (void)value;
    return cmd->autostop = true;
}

static bool take_backtrack(nr_command *cmd, nr_text value) {
    (void)value;
    return cmd->backtrack = true;
}

static bool take_replace(nr_command *cmd, nr_text value) {
    (void)value;
    return cmd->replace = true;
}

static const option train_options[] = {
    {.word = "MAXCYCLES",
     .wants = "an integer",
     .take = take_maxcycles,
     .invalid = "ERR invalid number of cycles"},
    {.word = "MAXTIME",
     .wants = "an integer",
     .take = take_maxtime,
     .invalid = "ERR invalid number of milliseconds of time"},
    {.word = "AUTOSTOP", .take = take_autostop},
    {.word = "BACKTRACK", .take = take_backtrack},
};

static const option restore_options[] = {
    {.word = "REPLACE", .take = take_replace},
};

/* ------------------------------- The loop -------------------------------- */

#define ROWS(table) (sizeof(table) / sizeof(table)[0])

static const option *find(nr_text text, const option *table, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (nr_same_word(text, table[i].word)) return &table[i];
    return NULL;
}

static nr_status unknown_option(nr_parser *p, nr_text text,
                                const option *table, size_t n) {
    char quoted[NR_QUOTED];
    nr_guess guess = {0};
    for (size_t i = 0; i < n; i++) nr_guess_try(&guess, text, table[i].word);
    return nr_syntax_error(p, "unknown option '%s'%s",
                           nr_quote(quoted, sizeof quoted, text.s, text.n),
                           nr_guess_text(&guess));
}

static nr_status bad_value(nr_parser *p, const option *o, nr_text text) {
    char quoted[NR_QUOTED];
    nr_guess guess = {0};
    nr_quote(quoted, sizeof quoted, text.s, text.n);
    if (o->invalid) return nr_fail(p->err, "%s: '%s'", o->invalid, quoted);
    for (size_t i = 0; o->values && o->values[i]; i++)
        nr_guess_try(&guess, text, o->values[i]);
    return nr_syntax_error(p, "%s must be %s, not '%s'%s", o->word, o->wants,
                           quoted, nr_guess_text(&guess));
}

static nr_status parse(nr_parser *p, const option *table, size_t n,
                       bool created) {
    unsigned seen = 0;
    while (p->at < p->argc) {
        nr_text text = nr_argument(p, p->at++), value = {0};
        const option *o = find(text, table, n);
        if (!o) return unknown_option(p, text, table, n);
        if (created && o->fixed)
            return nr_syntax_error(
                p, "%s is fixed when the network is created", o->word);
        unsigned bit = 1u << (o - table);
        if (seen & bit)
            return nr_syntax_error(p, "%s is given twice", o->word);
        seen |= bit;
        if (o->wants) {
            if (p->at == p->argc)
                return nr_syntax_error(p, "%s wants a value", o->word);
            value = nr_argument(p, p->at++);
        }
        if (!o->take(p->cmd, value)) return bad_value(p, o, value);
        p->cmd->given |= o->given;
    }
    return NR_OK;
}

/* What CLASSIC and the kind of the network have to say of the options. */
static nr_status fit_together(nr_parser *p) {
    nr_command *cmd = p->cmd;
    unsigned alien = cmd->given & ~(unsigned)(NR_GIVEN_SEED | NR_GIVEN_THREADS);
    if (cmd->options.classic && alien) {
        size_t i = 0;
        while (!(network_options[i].given & alien)) i++;
        return nr_syntax_error(
            p, "CLASSIC has no %s: it goes with SEED and THREADS alone",
            network_options[i].word);
    }
    if (cmd->options.classic) {
        cmd->options.activation = NR_SIGMOID;
        cmd->options.loss = NR_MSE;
        cmd->options.l2 = 0;
        cmd->options.members = 1;
    }
    if (cmd->kind == NR_REGRESSOR && cmd->options.loss == NR_CROSSENTROPY)
        return nr_syntax_error(p, "CROSSENTROPY is for classifiers");
    if (cmd->kind == NR_REGRESSOR && cmd->options.class_weights)
        return nr_syntax_error(p, "CLASSWEIGHTS is for classifiers");
    return NR_OK;
}

nr_status nr_options_create(nr_parser *p) {
    nr_command *cmd = p->cmd;
    cmd->maxlen[NR_DATASET_TRAIN] = 1000;
    cmd->maxlen[NR_DATASET_TEST] = 500;
    cmd->options = (nr_options){
        .activation = NR_TANH,
        .loss = cmd->kind == NR_CLASSIFIER ? NR_CROSSENTROPY : NR_MSE,
        .optimizer = NR_RPROP,
        .learnrate = NR_AUTO,
        .l2 = NR_AUTO,
        .batch = (int64_t)NR_AUTO,
        .patience = (int64_t)NR_AUTO,
        .threads = 1,
        .members = (int64_t)NR_AUTO,
    };
    nr_status status = parse(p, network_options, ROWS(network_options), false);
    return status == NR_OK ? fit_together(p) : status;
}

nr_status nr_options_configure(nr_parser *p) {
    return parse(p, network_options, ROWS(network_options), true);
}

nr_status nr_options_train(nr_parser *p) {
    p->cmd->maxtime = 10000;
    return parse(p, train_options, ROWS(train_options), false);
}

nr_status nr_options_restore(nr_parser *p) {
    return parse(p, restore_options, ROWS(restore_options), false);
}
