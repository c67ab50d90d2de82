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

/* ------------------------------- NR.CREATE ------------------------------- */

static bool is_arrow(nr_text text) {
    return text.n == 2 && text.s[0] == '-' && text.s[1] == '>';
}

/* The first "->" from an argument on, or argc. */
static size_t find_arrow(const nr_parser *p, size_t from) {
    while (from < p->argc && !is_arrow(nr_argument(p, from))) from++;
    return from;
}

static nr_status bad_units(nr_parser *p, const char *why) {
    return nr_fail(p->err, "ERR invalid units count: %s", why);
}

static nr_status add_layer(nr_parser *p, nr_text text) {
    char quoted[NR_QUOTED];
    uint64_t units;
    nr_quote(quoted, sizeof quoted, text.s, text.n);
    if (!nr_parse_uint(text, &units) || !units)
        return nr_fail(p->err, "ERR invalid units count: '%s'", quoted);
    if (units > NR_MAX_UNITS)
        return nr_fail(p->err,
                       "ERR too many units in a layer: %s, at most %u", quoted,
                       NR_MAX_UNITS);
    p->cmd->layers[p->cmd->nlayers++] = (uint32_t)units;
    return NR_OK;
}

/* inputs [hidden ...] -> outputs */
static nr_status parse_layers(nr_parser *p) {
    size_t first = p->at, arrow = find_arrow(p, first);
    double number;
    if (arrow == p->argc) return bad_units(p, "no '->' before the outputs");
    if (find_arrow(p, arrow + 1) < p->argc)
        return bad_units(p, "more than one '->'");
    if (arrow == first) return bad_units(p, "nothing before '->'");
    if (arrow + 1 == p->argc) return bad_units(p, "nothing after '->'");
    if (arrow + 2 < p->argc &&
        nr_parse_double(nr_argument(p, arrow + 2), &number))
        return bad_units(p, "more than one number after '->'");
    size_t layers = arrow - first + 1;
    if (layers > NR_MAX_LAYERS)
        return nr_fail(p->err,
                       "ERR too many layers: %zu, at most %d with inputs and "
                       "outputs",
                       layers, NR_MAX_LAYERS);
    for (size_t i = first; i <= arrow + 1; i++) {
        if (i == arrow) continue;
        nr_status status = add_layer(p, nr_argument(p, i));
        if (status != NR_OK) return status;
    }
    p->at = arrow + 2;
    return NR_OK;
}

static nr_status check_dataset(const char *option, uint64_t maxlen,
                               uint64_t row, nr_error *err) {
    if (maxlen > NR_MAX_SAMPLES)
        return nr_fail(err,
                       "ERR too large a dataset: %s %llu%s, at most %u samples",
                       option, (unsigned long long)maxlen,
                       maxlen == UINT64_MAX ? " or more" : "", NR_MAX_SAMPLES);
    /* Below 2^26 samples of 2^25 numbers of 4 bytes. */
    uint64_t bytes = maxlen * row * sizeof(float);
    if (bytes > NR_MAX_DATASET_BYTES)
        return nr_fail(err,
                       "ERR too large a dataset: %s %llu takes %llu bytes, at "
                       "most %llu",
                       option, (unsigned long long)maxlen,
                       (unsigned long long)bytes,
                       (unsigned long long)NR_MAX_DATASET_BYTES);
    return NR_OK;
}

nr_status nr_shape_check(nr_kind kind, size_t nlayers, const uint32_t *layers,
                         int64_t members, const uint64_t maxlen[2],
                         nr_error *err) {
    uint64_t params = 0; /* 63 products below 2^49: no overflow */
    if (nlayers < 2 || nlayers > NR_MAX_LAYERS)
        return nr_fail(err, "ERR invalid number of layers: %zu", nlayers);
    for (size_t i = 0; i < nlayers; i++) {
        if (!layers[i] || layers[i] > NR_MAX_UNITS)
            return nr_fail(err, "ERR invalid units count: '%lu'",
                           (unsigned long)layers[i]);
        if (i) params += ((uint64_t)layers[i - 1] + 1) * layers[i];
    }
    if (members > 1) params *= (uint64_t)members; /* of 64 at most */
    if (params > NR_MAX_PARAMS)
        return nr_fail(err, "ERR too many parameters: %llu, at most %u",
                       (unsigned long long)params, NR_MAX_PARAMS);
    uint64_t row = (uint64_t)layers[0] +
                   (kind == NR_CLASSIFIER ? 1 : layers[nlayers - 1]);
    nr_status status = check_dataset("DATASET", maxlen[0], row, err);
    if (status != NR_OK) return status;
    return check_dataset("TEST", maxlen[1], row, err);
}

/* Whether an argument describes a field, "age:number". */
static bool is_field(nr_text text) {
    return text.n && memchr(text.s, ':', text.n) != NULL;
}

/* Takes the arguments from p->at on that describe fields: inputs, outputs. */
static void take_fields(nr_parser *p, size_t side) {
    p->cmd->first[side] = p->at;
    while (p->at < p->argc && is_field(nr_argument(p, p->at))) p->at++;
    p->cmd->count[side] = p->at - p->cmd->first[side];
}

/* [hidden ...|AUTO|LINEAR], up to "->". How many units there are before and
 * behind shows when the network is trained; until then one stands for them. */
static nr_status take_hidden(nr_parser *p, size_t arrow) {
    nr_command *cmd = p->cmd;
    nr_text word = nr_argument(p, p->at);
    cmd->layers[cmd->nlayers++] = 1;
    cmd->layout = p->at == arrow ? NR_LAYOUT_AUTO : NR_LAYOUT_GIVEN;
    if (nr_same_word(word, "AUTO")) cmd->layout = NR_LAYOUT_AUTO, p->at++;
    if (nr_same_word(word, "LINEAR")) cmd->layout = NR_LAYOUT_LINEAR, p->at++;
    if (arrow - p->at > NR_MAX_LAYERS - 2)
        return nr_fail(p->err, "ERR too many layers: %zu, at most %d with "
                               "inputs and outputs",
                       arrow - p->at + 2, NR_MAX_LAYERS);
    for (; p->at < arrow; p->at++) {
        nr_status status = add_layer(p, nr_argument(p, p->at));
        if (status != NR_OK) return status;
    }
    p->at++;
    return NR_OK;
}

/* field:kind ... [hidden ...|AUTO|LINEAR] -> output:kind ... */
static nr_status parse_fields(nr_parser *p) {
    nr_command *cmd = p->cmd;
    size_t arrow = find_arrow(p, p->at);
    cmd->form = NR_FORM_NAMED;
    if (arrow == p->argc)
        return nr_fail(p->err, "ERR no '->' between the fields that are known "
                               "and those that are to be learned");
    take_fields(p, 0);
    nr_status status = take_hidden(p, arrow);
    if (status != NR_OK) return status;
    take_fields(p, 1);
    if (!cmd->count[1])
        return nr_fail(p->err, "ERR no field after '->' to learn");
    cmd->layers[cmd->nlayers++] = 1;
    return NR_OK;
}

static nr_status parse_create(nr_parser *p) {
    nr_command *cmd = p->cmd;
    int kind = nr_find_word(nr_argument(p, 2), nr_kind_words);
    if (kind < 0)
        return nr_fail(p->err, "ERR invalid neural network type. Must be "
                               "CLASSIFIER or REGRESSOR");
    cmd->kind = (nr_kind)kind;
    p->at = 3;
    bool fields = p->argc > 3 && is_field(nr_argument(p, 3));
    nr_status status = fields ? parse_fields(p) : parse_layers(p);
    if (status == NR_OK) status = nr_options_create(p);
    if (status == NR_OK && fields && cmd->options.classic)
        status = nr_syntax_error(p, "CLASSIC has no fields: it takes numbers");
    if (status != NR_OK) return status;
    return nr_shape_check(cmd->kind, cmd->nlayers, cmd->layers,
                          cmd->options.members, cmd->maxlen, p->err);
}

/* --------------------- NR.OBSERVE, NR.RUN, NR.CLASS ---------------------- */

static nr_status take_blob(nr_parser *p, nr_text text) {
    if (!text.n) return nr_fail(p->err, "ERR invalid FP32 blob: it is empty");
    if (text.n % sizeof(float))
        return nr_fail(p->err,
                       "ERR invalid FP32 blob: %zu bytes are not a whole "
                       "number of 32-bit floats",
                       text.n);
    p->cmd->blob = (const unsigned char *)text.s;
    p->cmd->bloblen = text.n;
    return NR_OK;
}

static nr_status no_number(nr_parser *p, size_t i) {
    char quoted[NR_QUOTED];
    return nr_fail(p->err,
                   "ERR invalid neural network input: must be a valid float "
                   "precision floating point number, not '%s'",
                   nr_quote(quoted, sizeof quoted, p->argv[i], p->len[i]));
}

/* The arguments from p->at to `end`, but for the one at `arrow`. */
static nr_status take_values(nr_parser *p, size_t end, size_t arrow) {
    nr_command *cmd = p->cmd;
    size_t n = end - p->at - (arrow < end), bytes;
    float *values = cmd->few;
    if (n > sizeof cmd->few / sizeof cmd->few[0]) {
        if (__builtin_mul_overflow(n, sizeof *values, &bytes) ||
            !(values = nr_alloc(bytes)))
            return nr_nomem(p->err);
    }
    cmd->values = values;
    for (size_t i = p->at; i < end;) {
        size_t stop = i <= arrow && arrow < end ? arrow : end;
        size_t read = nr_parse_floats(p->argv + i, p->len + i, stop - i,
                                      values + cmd->nvalues, &cmd->exact);
        cmd->nvalues += read;
        if (i + read < stop) return no_number(p, i + read);
        i = stop + 1;
    }
    return NR_OK;
}

/* Whether an argument is a field's name and its value, "age=33". */
static bool is_named(nr_text text) {
    const char *equals = text.n ? memchr(text.s, '=', text.n) : NULL;
    if (!equals || equals == text.s) return false;
    char c = *text.s;
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (c >= '0' && c <= '9');
}

/* The forms in which samples come as one argument, from NR_FORM_FP32 on. */
static const char *const form_words[] = {"FP32", "JSON", "MSGPACK", "COLUMNS",
                                         NULL};

static const char *form_word(const nr_parser *p) {
    return form_words[p->cmd->form - NR_FORM_FP32];
}

/* FP32 blob and its like: true where the command begins so. */
static bool take_form(nr_parser *p) {
    int found = nr_find_word(nr_argument(p, 2), form_words);
    if (found < 0) return false;
    p->cmd->form = (nr_form)(NR_FORM_FP32 + found);
    return true;
}

static nr_status take_bytes(nr_parser *p, nr_text text) {
    if (p->cmd->form == NR_FORM_FP32) return take_blob(p, text);
    p->cmd->blob = (const unsigned char *)text.s;
    p->cmd->bloblen = text.n;
    return NR_OK;
}

/* The arguments that are name=value, from p->at up to `end`. */
static nr_status take_named(nr_parser *p, size_t side, size_t end) {
    p->cmd->form = NR_FORM_NAMED;
    p->cmd->first[side] = p->at;
    for (; p->at < end; p->at++) {
        nr_text text = nr_argument(p, p->at);
        if (is_named(text)) continue;
        char quoted[NR_QUOTED];
        return nr_syntax_error(p, "name=value is needed, not '%s'",
                               nr_quote(quoted, sizeof quoted, text.s, text.n));
    }
    p->cmd->count[side] = end - p->cmd->first[side];
    return NR_OK;
}

static nr_status parse_run(nr_parser *p) {
    p->at = 2;
    if (is_named(nr_argument(p, 2))) return take_named(p, 0, p->argc);
    if (!take_form(p)) return take_values(p, p->argc, p->argc);
    if (p->argc != 4)
        return nr_syntax_error(p, "%s takes one blob", form_word(p));
    return take_bytes(p, nr_argument(p, 3));
}

/* WEIGHT w, TRAIN or TEST, at the end of an NR.OBSERVE with names: each once,
 * in any order. Returns where they begin. */
static size_t options_from(const nr_parser *p) {
    size_t end = p->argc;
    for (;;) {
        if (end > 4 && nr_find_word(nr_argument(p, end - 1),
                                    nr_dataset_words) >= 0)
            end--;
        else if (end > 5 && nr_same_word(nr_argument(p, end - 2), "WEIGHT"))
            end -= 2;
        else
            return end;
    }
}

static const nr_option weight_option = {
    .word = "WEIGHT",
    .type = NR_REAL,
    .most = NR_MAX_REAL,
    .above = true,
    .of_command = true,
    .at = offsetof(nr_command, weight),
};

static nr_status take_sample_options(nr_parser *p) {
    nr_command *cmd = p->cmd;
    while (p->at < p->argc) {
        nr_text text = nr_argument(p, p->at++);
        int dataset = nr_find_word(text, nr_dataset_words);
        if (dataset >= 0) {
            if (cmd->dataset != NR_DATASET_ANY)
                return nr_syntax_error(p, "TRAIN or TEST is given twice");
            cmd->dataset = (nr_dataset_id)dataset;
            continue;
        }
        text = nr_argument(p, p->at++);
        if (cmd->weight != 0)
            return nr_syntax_error(p, "WEIGHT is given twice");
        if (!nr_option_take(p, &weight_option, text)) return NR_ERR;
    }
    return NR_OK;
}

/* [name=value ...] -> name=value ..., or a blob of names and values; and then
 * options. */
static nr_status parse_observe_named(nr_parser *p) {
    size_t end = options_from(p);
    nr_status status = NR_OK;
    if (p->cmd->form == NR_FORM_NUMBERS) {
        size_t arrow = find_arrow(p, 2);
        if (arrow >= end)
            return nr_fail(p->err, "ERR no '->' separator between inputs and "
                                   "outputs");
        status = take_named(p, 0, arrow);
        p->at = arrow + 1;
        if (status == NR_OK) status = take_named(p, 1, end);
    } else if (end != 4) {
        return nr_syntax_error(p, "%s takes one argument, and then WEIGHT w, "
                                  "TRAIN, TEST or nothing",
                               form_word(p));
    } else {
        status = take_bytes(p, nr_argument(p, 3));
    }
    p->at = end;
    return status == NR_OK ? take_sample_options(p) : status;
}

static nr_status parse_observe(nr_parser *p) {
    size_t end = p->argc;
    int dataset = nr_find_word(nr_argument(p, end - 1), nr_dataset_words);
    p->at = 2;
    p->cmd->dataset = NR_DATASET_ANY;
    take_form(p);
    bool fp32 = p->cmd->form == NR_FORM_FP32;
    bool bare = is_arrow(nr_argument(p, 2)) && end > 3;
    if (p->cmd->form > NR_FORM_FP32 || is_named(nr_argument(p, 2 + bare)))
        return parse_observe_named(p);
    if (dataset >= 0 && !(fp32 && end == 4)) { /* there it is the blob */
        p->cmd->dataset = (nr_dataset_id)dataset;
        end--;
    }
    if (fp32 && end != 4)
        return nr_syntax_error(p, "FP32 takes one blob, and then TRAIN, TEST "
                                  "or nothing");
    if (fp32) return take_blob(p, nr_argument(p, 3));

    size_t arrow = find_arrow(p, 2);
    if (arrow == 2 || arrow + 1 >= end || find_arrow(p, arrow + 1) < end)
        return nr_fail(p->err, "ERR no '->' separator in the correct position "
                               "between inputs and outputs: are you sure your "
                               "training data is correct?");
    p->cmd->arrow = arrow - 2;
    return take_values(p, end, arrow);
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

static nr_status parse_getdata(nr_parser *p) {
    nr_text text = nr_argument(p, 2);
    int dataset = nr_find_word(text, nr_dataset_words);
    if (dataset < 0) {
        char quoted[NR_QUOTED];
        return nr_syntax_error(p,
                               "the dataset must be TRAIN or TEST, not '%s'",
                               nr_quote(quoted, sizeof quoted, text.s, text.n));
    }
    p->cmd->dataset = (nr_dataset_id)dataset;
    nr_status status = take_number(p, 3, "row", UINT64_MAX);
    if (p->cmd->number > MOST) p->cmd->number = MOST; /* nil all the same */
    return status;
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
    [NR_CREATE] = parse_create,     [NR_OBSERVE] = parse_observe,
    [NR_RUN] = parse_run,           [NR_CLASS] = parse_run,
    [NR_TRAIN] = parse_options,     [NR_GETDATA] = parse_getdata,
    [NR_CONFIGURE] = parse_options, [NR_WAIT] = parse_wait,
    [NR_RESTORE] = parse_restore,   [NR_LIST] = parse_list,
    [NR_FIELDS] = nr_fields_parse,
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
