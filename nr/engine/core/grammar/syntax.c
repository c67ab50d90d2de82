/* The grammar of the NR.* commands: argv in, a parsed command or the text of
 * an error out.
 *
 * It lives here, once, so that every host refuses the same with the same
 * words. What can be said without the network is said here; whether the count
 * of inputs fits, say, is nr_net_execute's. A parser generator was not
 * needed: no command has a structure that a loop over its arguments does not
 * follow.
 *
 * Arguments are any bytes of any length and number. Nothing of them is
 * copied; only values are read into memory of the command's own, and only
 * where there are more than a handful of them. */

#include <string.h>

#include "float_mode.h"
#include "grammar/syntax.h"

/* ------------------------------ What they share -------------------------- */

bool nr_is_arrow(nr_text text) {
    return text.n == 2 && text.s[0] == '-' && text.s[1] == '>';
}

size_t nr_find_arrow(const nr_parser *p, size_t from) {
    while (from < p->argc && !nr_is_arrow(nr_argument(p, from))) from++;
    return from;
}

/* ------------------------------- The others ------------------------------ */

static const uint64_t MOST = UINT64_C(1) << 53; /* that hosts carry exactly */

static nr_status take_number(nr_parser *p, size_t i, const char *invalid,
                             uint64_t max) {
    nr_text text = nr_argument(p, i);
    if (nr_parse_uint(text, &p->cmd->number) && p->cmd->number <= max)
        return NR_OK;
    char quoted[NR_QUOTED];
    return nr_fail(p->err, "ERR invalid %s: '%s'", invalid,
                   nr_quote(quoted, sizeof quoted, text.s, text.n));
}

static nr_status take_dataset(nr_parser *p, nr_text text) {
    int dataset = nr_find_word(text, nr_dataset_words);
    char quoted[NR_QUOTED];
    p->cmd->dataset = (nr_dataset_id)dataset;
    if (dataset >= 0) return NR_OK;
    return nr_syntax_error(p, "the dataset must be TRAIN or TEST, not '%s'",
                           nr_quote(quoted, sizeof quoted, text.s, text.n));
}

static nr_status parse_clear(nr_parser *p) {
    p->cmd->dataset = NR_DATASET_ANY;
    return p->argc > 2 ? take_dataset(p, nr_argument(p, 2)) : NR_OK;
}

/* The last row of a range, which is one of them. */
static nr_status take_last(nr_parser *p) {
    uint64_t first = p->cmd->number, last = MOST;
    nr_status status = take_number(p, 4, "row", UINT64_MAX);
    if (status != NR_OK) return status;
    if (p->cmd->number < last) last = p->cmd->number;
    p->cmd->number = first;
    p->cmd->until = last + 1;
    if (last < first)
        return nr_syntax_error(p, "the last row, %llu, is before the first "
                                  "one, %llu",
                               (unsigned long long)last,
                               (unsigned long long)first);
    if (last - first < NR_MAX_RANGE) return NR_OK;
    return nr_syntax_error(p, "at most %d rows at once, not %llu", NR_MAX_RANGE,
                           (unsigned long long)(last - first + 1));
}

static nr_status parse_getdata(nr_parser *p) {
    nr_status status = take_dataset(p, nr_argument(p, 2));
    if (status == NR_OK) status = take_number(p, 3, "row", UINT64_MAX);
    if (p->cmd->number > MOST) p->cmd->number = MOST; /* nil all the same */
    return status == NR_OK && p->argc > 4 ? take_last(p) : status;
}

static nr_status parse_wait(nr_parser *p) {
    return take_number(p, 2, "number of milliseconds of time", MOST);
}

/* A key, and options alone. */
static nr_status parse_options(nr_parser *p) {
    p->at = 2;
    return nr_options_parse(p, nr_spec_of(p->cmd->verb)->options);
}

static nr_status parse_restore(nr_parser *p) {
    p->at = 3;
    p->cmd->blob = (const unsigned char *)p->argv[2];
    p->cmd->bloblen = p->len[2];
    return nr_options_parse(p, NR_RESTORE_OPTIONS);
}

static nr_status parse_list(nr_parser *p) {
    p->cmd->pattern = p->argc > 1;
    return NR_OK;
}

/* ------------------------------ Any command ------------------------------ */

/* Those without a row take keys alone. */
static nr_status (*const parsers[NR_VERBS])(nr_parser *) = {
    [NR_CREATE] = nr_create_parse,  [NR_OBSERVE] = nr_observe_parse,
    [NR_RUN] = nr_run_parse,        [NR_CLASS] = nr_run_parse,
    [NR_TRAIN] = parse_options,     [NR_GETDATA] = parse_getdata,
    [NR_CONFIGURE] = parse_options, [NR_WAIT] = parse_wait,
    [NR_RESTORE] = parse_restore,   [NR_LIST] = parse_list,
    [NR_FIELDS] = nr_fields_parse,  [NR_CLEAR] = parse_clear,
    [NR_FORGET] = nr_forget_parse,  [NR_EXPLAIN] = nr_explain_parse,
    [NR_GENERATE] = nr_generate_parse, [NR_SCORE] = nr_generate_parse,
};

enum { PREFIX = 3 }; /* "NR." */

static bool has_prefix(nr_text text) {
    return text.n >= PREFIX && nr_same_word((nr_text){text.s, PREFIX}, "NR.");
}

static nr_text behind_prefix(nr_text text) {
    return (nr_text){text.s + PREFIX, text.n - PREFIX};
}

static nr_status unknown_command(nr_parser *p) {
    nr_text text = nr_argument(p, 0);
    nr_text tail = has_prefix(text) ? behind_prefix(text) : text;
    char quoted[NR_QUOTED];
    nr_guess guess = {0};
    for (int i = 0; i < NR_VERBS; i++)
        nr_guess_try(&guess, tail, nr_spec_of((nr_verb)i)->name + PREFIX);
    if (guess.word) guess.word -= PREFIX; /* it leads into the whole name */
    return nr_fail(p->err, "ERR unknown command '%s'%s",
                   nr_quote(quoted, sizeof quoted, text.s, text.n),
                   nr_guess_text(&guess));
}

static nr_status wrong_arity(nr_parser *p) {
    char name[32] = {0};
    for (size_t i = 0; p->name[i] && i < sizeof name - 1; i++) {
        char c = p->name[i];
        name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return nr_fail(p->err, "ERR wrong number of arguments for '%s' command",
                   name);
}

static const nr_spec *find_spec(nr_text text, nr_verb *verb) {
    if (!has_prefix(text)) return NULL;
    text = behind_prefix(text);
    for (int i = 0; i < NR_VERBS; i++) {
        const nr_spec *spec = nr_spec_of((nr_verb)i);
        *verb = (nr_verb)i;
        if (nr_same_word(text, spec->name + PREFIX)) return spec;
    }
    return NULL;
}

NOINLINE nr_status parse(nr_command *cmd, size_t argc,
                         const char *const *argv, const size_t *argvlen,
                         nr_error *err) {
    nr_parser p = {.cmd = cmd, .argc = argc, .argv = argv, .len = argvlen,
                   .err = err};
    memset(cmd, 0, offsetof(nr_command, few));
    cmd->argv = argv;
    cmd->arglen = argvlen;
    if (!argc) return nr_fail(err, "ERR empty command");
    const nr_spec *spec = find_spec(nr_argument(&p, 0), &cmd->verb);
    if (!spec) return unknown_command(&p);
    p.name = spec->name;
    if (argc < (size_t)spec->min_args ||
        (spec->max_args >= 0 && argc > (size_t)spec->max_args))
        return wrong_arity(&p);
    if (spec->first_key) {
        cmd->key = (size_t)spec->first_key;
        cmd->nkeys = spec->last_key < 0 ? argc - cmd->key : 1;
    }
    nr_status status =
        parsers[cmd->verb] ? parsers[cmd->verb](&p) : NR_OK;
    if (status != NR_OK) nr_command_release(cmd);
    return status;
}

nr_status nr_command_parse(nr_command *cmd, size_t argc,
                           const char *const *argv, const size_t *argvlen,
                           nr_error *err) {
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = parse(cmd, argc, argv, argvlen, err);
    nr_mode_end(before);
    return status;
}

nr_status nr_command_parse_joined(nr_command *cmd, size_t argc,
                                  const char *joined, const char **argv,
                                  const size_t *argvlen, nr_error *err) {
    for (size_t i = 0; i < argc; i++) {
        argv[i] = joined;
        joined += argvlen[i] + 1;
    }
    return nr_command_parse(cmd, argc, argv, argvlen, err);
}

void nr_command_release(nr_command *cmd) {
    if (cmd->values != cmd->few) nr_release((void *)(uintptr_t)cmd->values);
    cmd->values = NULL;
    cmd->nvalues = 0;
}

bool nr_changes(const nr_command *cmd) {
    int flags = nr_spec_of(cmd->verb)->flags;
    bool lists = flags & NR_LISTS && !cmd->given && !cmd->count[0] &&
                 !cmd->count[1];
    return flags & NR_CHANGES && !lists;
}

size_t nr_command_size(void) { return sizeof(nr_command); }

size_t nr_command_head(void) {
    return offsetof(nr_command, replace) + sizeof(bool);
}
