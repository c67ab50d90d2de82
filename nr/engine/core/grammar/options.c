/* Options: WORD value ..., in any order, after what each command has fixed.
 *
 * One table a command and one loop over it; those of networks are in
 * options.h, and NR.CREATE and NR.CONFIGURE share them. Nothing is forgiven, an
 * option given twice as little as an unknown one: a misspelt SEED that is
 * silently ignored costs more than an error. */

#include <stdarg.h>
#include <stdio.h>

#include "grammar/syntax.h"

nr_status nr_syntax_error(nr_parser *p, const char *format, ...) {
    char what[sizeof p->err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return nr_fail(p->err, "ERR Syntax error in %s: %s", p->name, what);
}

/* ------------------------------ The tables ------------------------------- */

#define OPTION(type_, name, ...) {.at = offsetof(nr_options, name), __VA_ARGS__},
#define SIZE(name, member, ...)                                               \
    {.at = offsetof(nr_command, member), .of_command = true, __VA_ARGS__},

const nr_option nr_network_options[NR_OPTIONS] = {
    NR_OPTION_ROWS(OPTION, SIZE)
};
_Static_assert(NR_OPTIONS <= 32, "a bit for each in nr_command.given");

#define OF_COMMAND(member) .of_command = true, .at = offsetof(nr_command, member)
#define MOST 9007199254740992.0 /* 2^53, that hosts carry exactly */

static const nr_option train_options[] = {
    {.word = "MAXCYCLES",
     .type = NR_COUNT,
     .most = MOST,
     .invalid = "ERR invalid number of cycles",
     .help = "Most cycles, each over all training samples; 0: no limit.",
     OF_COMMAND(maxcycles)},
    {.word = "MAXTIME",
     .type = NR_COUNT,
     .value = "ms",
     .most = MOST,
     .preset = 10000,
     .invalid = "ERR invalid number of milliseconds of time",
     .help = "Most milliseconds; 0: no limit.",
     OF_COMMAND(maxtime)},
    {.word = "AUTOSTOP",
     .type = NR_SWITCH,
     .help = "Ends where the testing error gets no better.",
     OF_COMMAND(autostop)},
    {.word = "BACKTRACK",
     .type = NR_SWITCH,
     .help = "Keeps the best network that the training came by.",
     OF_COMMAND(backtrack)},
    {.word = "QUEUE",
     .type = NR_SWITCH,
     .help = "Leaves it to workers.",
     OF_COMMAND(queue)},
};

static const nr_option generate_options[] = {
    {.word = "LENGTH",
     .type = NR_COUNT,
     .least = 1,
     .most = NR_MAX_STEPS_MADE,
     .preset = 100,
     .help = "Symbols at most; the end of a text comes before.",
     OF_COMMAND(length)},
    {.word = "TEMPERATURE",
     .type = NR_REAL,
     .most = 100,
     .preset = 1,
     .help = "Below 1 likely symbols are likelier; 0: the likeliest alone.",
     OF_COMMAND(temperature)},
    {.word = "TOP",
     .type = NR_COUNT,
     .least = 1,
     .most = NR_MAX_SYMBOLS,
     .preset = NR_MAX_SYMBOLS,
     .help = "Of the likeliest symbols so many alone.",
     OF_COMMAND(likeliest)},
    {.word = "SEED",
     .type = NR_COUNT,
     .most = NR_MAX_SEED,
     .help = "Another number, another text; the same one, the same.",
     OF_COMMAND(draw)},
};

static const nr_option restore_options[] = {
    {.word = "REPLACE",
     .type = NR_SWITCH,
     .help = "Takes the place of a network that is there.",
     OF_COMMAND(replace)},
};

#define ROWS(table) (sizeof(table) / sizeof(table)[0])

const nr_option *nr_options_of(nr_option_list list, size_t *n) {
    static const struct {
        const nr_option *rows;
        size_t n;
    } lists[NR_OPTION_LISTS] = {
        [NR_CREATE_OPTIONS] = {nr_network_options, NR_OPTIONS},
        [NR_CONFIGURE_OPTIONS] = {nr_network_options, NR_OPTIONS},
        [NR_TRAIN_OPTIONS] = {train_options, ROWS(train_options)},
        [NR_RESTORE_OPTIONS] = {restore_options, ROWS(restore_options)},
        [NR_GENERATE_OPTIONS] = {generate_options, ROWS(generate_options)},
    };
    *n = lists[list].n;
    return lists[list].rows;
}

/* ------------------------------- The loop -------------------------------- */

static const nr_option *find(nr_text text, const nr_option *table, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (nr_same_word(text, table[i].word)) return &table[i];
    return NULL;
}

static nr_status unknown_option(nr_parser *p, nr_text text,
                                const nr_option *table, size_t n) {
    char quoted[NR_QUOTED];
    nr_guess guess = {0};
    for (size_t i = 0; i < n; i++) nr_guess_try(&guess, text, table[i].word);
    return nr_syntax_error(p, "unknown option '%s'%s",
                           nr_quote(quoted, sizeof quoted, text.s, text.n),
                           nr_guess_text(&guess));
}

static nr_status bad_value(nr_parser *p, const nr_option *o, nr_text text) {
    char quoted[NR_QUOTED], wants[NR_OPTION_TEXT];
    nr_guess guess = {0};
    nr_quote(quoted, sizeof quoted, text.s, text.n);
    if (o->invalid) return nr_fail(p->err, "%s: '%s'", o->invalid, quoted);
    for (size_t i = 0; o->words[i]; i++)
        nr_guess_try(&guess, text, o->words[i]);
    nr_option_wants(o, wants);
    return nr_syntax_error(p, "%s must be %s, not '%s'%s", o->word, wants,
                           quoted, nr_guess_text(&guess));
}

static void *home(nr_command *cmd, const nr_option *o) {
    return o->of_command ? (void *)cmd : (void *)&cmd->options;
}

bool nr_option_take(nr_parser *p, const nr_option *o, nr_text text) {
    if (nr_option_read(o, home(p->cmd, o), text)) return true;
    bad_value(p, o, text);
    return false;
}

/* Whether the next argument is the option's value. */
static bool has_value(nr_parser *p, const nr_option *o) {
    return o->type != NR_SWITCH ||
           (o->words[0] && p->at < p->argc &&
            nr_find_word(nr_argument(p, p->at), o->words) >= 0);
}

/* An option and its value; *seen are those before it, by their place. */
static nr_status parse_one(nr_parser *p, nr_option_list list, unsigned *seen) {
    size_t n;
    const nr_option *table = nr_options_of(list, &n);
    nr_text text = nr_argument(p, p->at++), value = {0};
    const nr_option *o = find(text, table, n);
    if (!o) return unknown_option(p, text, table, n);
    if (list == NR_CONFIGURE_OPTIONS && o->fixed)
        return nr_syntax_error(p, "%s is fixed when the network is created",
                               o->word);
    unsigned bit = 1u << (o - table);
    if (*seen & bit) return nr_syntax_error(p, "%s is given twice", o->word);
    *seen |= bit;
    if (has_value(p, o)) {
        if (p->at == p->argc)
            return nr_syntax_error(p, "%s wants a value", o->word);
        value = nr_argument(p, p->at++);
    }
    return nr_option_take(p, o, value) ? NR_OK : NR_ERR;
}

nr_status nr_options_parse(nr_parser *p, nr_option_list list) {
    size_t n;
    unsigned seen = 0;
    const nr_option *table = nr_options_of(list, &n);
    nr_status status = NR_OK;
    for (size_t i = 0; i < n; i++)
        if (table[i].of_command)
            nr_option_set(&table[i], p->cmd, table[i].preset);
    while (p->at < p->argc && status == NR_OK)
        status = parse_one(p, list, &seen);
    p->cmd->given = seen;
    return status;
}

/* The bit in nr_command.given of NR.TRAIN's option that has this member. */
static unsigned train_bit(size_t member) {
    for (size_t i = 0; i < ROWS(train_options); i++)
        if (train_options[i].at == member) return 1u << i;
    return 0;
}

bool nr_train_limited(const nr_command *cmd) {
    return (cmd->given & ~train_bit(offsetof(nr_command, queue))) != 0;
}

bool nr_train_timed(const nr_command *cmd) {
    return (cmd->given & train_bit(offsetof(nr_command, maxtime))) != 0;
}

/* ------------------------------- NR.CREATE ------------------------------- */

enum { CLASSIC_DATASET = 1000, CLASSIC_TEST = 500 };

static nr_status check_classic(nr_parser *p) {
    char others[NR_OPTION_TEXT];
    for (size_t i = 0; i < NR_OPTIONS; i++) {
        const nr_option *o = &nr_network_options[i];
        if (o->with_classic || !(p->cmd->given >> i & 1)) continue;
        nr_options_with_classic(true, others);
        return nr_syntax_error(p, "CLASSIC has no %s: it goes with %s alone",
                               o->word, others);
    }
    if (!(p->cmd->given & NR_GIVEN(normalize)))
        p->cmd->options.normalize = false;
    if (!(p->cmd->given & NR_GIVEN(dataset)))
        p->cmd->maxlen[NR_DATASET_TRAIN] = CLASSIC_DATASET;
    if (!(p->cmd->given & NR_GIVEN(test)))
        p->cmd->maxlen[NR_DATASET_TEST] = CLASSIC_TEST;
    p->cmd->options.activation = NR_SIGMOID;
    p->cmd->options.loss = NR_MSE;
    p->cmd->options.l2 = 0;
    p->cmd->options.members = 1;
    return NR_OK;
}

/* What a forecaster reads must hold a season, and what changes over it. */
static nr_status check_forecaster(nr_parser *p) {
    const nr_options *o = &p->cmd->options;
    if (p->cmd->kind != NR_FORECASTER) return NR_OK;
    if (p->cmd->given & NR_GIVEN(test))
        return nr_syntax_error(p, "a forecaster has no TEST: it is tested with "
                                  "the latest steps of each series");
    if (o->window >= o->season + 2) return NR_OK;
    return nr_syntax_error(p, "SEASON %lld takes a WINDOW of at least %lld",
                           (long long)o->season, (long long)o->season + 2);
}

/* Of its symbols two are there always: the unknown one, and the end. */
static nr_status check_generator(nr_parser *p) {
    nr_options *o = &p->cmd->options;
    if (p->cmd->kind != NR_GENERATOR) return NR_OK;
    if (nr_vocabulary_check(p->cmd, p->err) != NR_OK) return NR_ERR;
    if (o->members > 1)
        return nr_syntax_error(p, "a generator is one network: it takes no "
                                  "MEMBERS");
    if (p->cmd->count[0] && o->tied && p->cmd->given & NR_GIVEN(tied))
        return nr_syntax_error(p, "TIED is for generators of one sequence");
    if (p->cmd->count[0] && p->cmd->given & NR_GIVEN(init))
        return nr_syntax_error(p, "INIT is for generators of one sequence");
    if (p->cmd->count[0]) o->tied = false;
    if (p->cmd->layout != NR_LAYOUT_LINEAR) return NR_OK;
    return nr_syntax_error(p, "a generator is recurrent, and never LINEAR");
}

nr_status nr_options_create(nr_parser *p) {
    nr_command *cmd = p->cmd;
    cmd->options = nr_options_preset(cmd->kind);
    nr_status status = nr_options_parse(p, NR_CREATE_OPTIONS);
    if (status == NR_OK && cmd->options.classic) status = check_classic(p);
    for (size_t i = 0; i < NR_OPTIONS && status == NR_OK; i++) {
        const nr_option *o = &nr_network_options[i];
        if (o->for_classifiers && cmd->kind != NR_CLASSIFIER &&
            nr_option_get(o, &cmd->options) != 0)
            status = nr_syntax_error(p, "%s is for classifiers",
                                     o->for_classifiers);
        if (o->for_forecasters && cmd->kind != NR_FORECASTER &&
            cmd->given >> i & 1)
            status = nr_syntax_error(p, "%s is for forecasters", o->word);
        if (o->for_generators && cmd->kind != NR_GENERATOR &&
            cmd->given >> i & 1)
            status = nr_syntax_error(p, "%s is for generators", o->word);
        if (o->for_samples && cmd->given >> i & 1 &&
            !nr_option_is_of(o, cmd->kind, true))
            status = nr_syntax_error(p, "%s is for classifiers and regressors",
                                     o->word);
    }
    if (status == NR_OK) status = check_generator(p);
    return status == NR_OK ? check_forecaster(p) : status;
}
