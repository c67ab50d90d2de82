/* NR.OBSERVE, NR.RUN, NR.CLASS and NR.FORGET: samples as numbers, as a blob, or
 * by the names of fields. */

#include <math.h>
#include <string.h>

#include "grammar/syntax.h"

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
bool nr_is_named(nr_text text) {
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
    if (p->from >= p->argc) return false;
    int found = nr_find_word(nr_argument(p, p->from), form_words);
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
nr_status nr_named_take(nr_parser *p, size_t side, size_t end) {
    p->cmd->form = NR_FORM_NAMED;
    p->cmd->first[side] = p->at;
    for (; p->at < end; p->at++) {
        nr_text text = nr_argument(p, p->at);
        if (nr_is_named(text)) continue;
        char quoted[NR_QUOTED];
        return nr_syntax_error(p, "name=value is needed, not '%s'",
                               nr_quote(quoted, sizeof quoted, text.s, text.n));
    }
    p->cmd->count[side] = end - p->cmd->first[side];
    return NR_OK;
}

nr_status nr_forget_parse(nr_parser *p) {
    p->at = 2;
    return nr_named_take(p, 0, p->argc);
}

/* FOR series: what follows is of that one. */
static void take_series(nr_parser *p) {
    bool named = p->argc > 3 && nr_same_word(nr_argument(p, 2), "FOR");
    p->cmd->series = named ? 3 : 0;
    p->from = p->at = named ? 4 : 2;
}

static const nr_option interval_option = {
    .word = "INTERVAL",
    .type = NR_REAL,
    .least = 0,
    .most = 0.9999,
    .above = true,
    .of_command = true,
    .at = offsetof(nr_command, interval),
};

static const nr_option sure_option = {
    .word = "SURE",
    .type = NR_REAL,
    .most = 1,
    .above = true,
    .of_command = true,
    .at = offsetof(nr_command, sure),
};

static bool is_interval(const nr_parser *p) {
    return p->at < p->argc && nr_same_word(nr_argument(p, p->at), "INTERVAL");
}

/* Whether nothing is given but what else is wanted of a series or a text. */
static bool goes_on(const nr_parser *p) {
    return p->cmd->series || p->argc == 2 || is_interval(p) ||
           nr_wishes_from(p, 2, p->argc) == 2;
}

/* [FOR series] [INTERVAL p] */
static nr_status run_series(nr_parser *p) {
    p->cmd->form = NR_FORM_SERIES;
    if (!p->cmd->series && p->argc > 2 && nr_wishes_from(p, 2, p->argc) == 2)
        return nr_wishes_take(p, 2, p->argc);
    bool interval = is_interval(p);
    if (interval && ++p->at == p->argc)
        return nr_syntax_error(p, "INTERVAL wants a value");
    if (interval &&
        !nr_option_take(p, &interval_option, nr_argument(p, p->at++)))
        return NR_ERR;
    if (p->at == p->argc) return NR_OK;
    char quoted[NR_QUOTED];
    nr_text text = nr_argument(p, p->at);
    return nr_syntax_error(p, "a series takes [FOR series] [INTERVAL p], and "
                              "not '%s'",
                           nr_quote(quoted, sizeof quoted, text.s, text.n));
}

/* INTERVAL p of NR.RUN, SURE p of NR.CLASS, behind the inputs, of which the first
 * stands at `from`: the last two arguments, which are then none of *end. */
static nr_status take_sureness(nr_parser *p, size_t from, size_t *end) {
    const nr_option *o =
        p->cmd->verb == NR_RUN ? &interval_option : &sure_option;
    *end = p->argc;
    if (p->argc > from + 1 && nr_same_word(nr_argument(p, p->argc - 1), o->word))
        return nr_syntax_error(p, "%s wants a value", o->word);
    if (p->argc < from + 3 ||
        !nr_same_word(nr_argument(p, p->argc - 2), o->word))
        return NR_OK;
    *end = p->argc - 2;
    return nr_option_take(p, o, nr_argument(p, p->argc - 1)) ? NR_OK : NR_ERR;
}

nr_status nr_run_parse(nr_parser *p) {
    take_series(p);
    if (p->argc == 3 && nr_same_word(nr_argument(p, 2), "FOR"))
        return nr_syntax_error(p, "FOR wants the name of a series");
    if (p->cmd->verb == NR_RUN && goes_on(p)) return run_series(p);
    p->cmd->series = 0;
    p->from = p->at = 2;
    size_t end;
    bool blob = take_form(p);
    nr_status status = take_sureness(p, blob ? 3 : 2, &end);
    if (status != NR_OK) return status;
    bool named = nr_is_named(nr_argument(p, 2)), wishes = p->cmd->verb == NR_RUN;
    wishes = wishes && (named || (blob && p->cmd->form > NR_FORM_FP32));
    size_t from = wishes ? nr_wishes_from(p, named ? 3 : 4, end) : end;
    if (from < end) status = nr_wishes_take(p, from, end);
    if (status != NR_OK) return status;
    end = from;
    if (named) return nr_named_take(p, 0, end);
    if (!blob) return take_values(p, end, end);
    if (end != 4)
        return nr_syntax_error(p, "%s takes one blob", form_word(p));
    return take_bytes(p, nr_argument(p, 3));
}

static const nr_option top_option = {
    .word = "TOP",
    .type = NR_COUNT,
    .least = 1,
    .most = NR_MAX_UNITS,
    .of_command = true,
    .at = offsetof(nr_command, top),
};

/* TOP k, CLASS c and OUTPUT o, each once, in any order, behind the inputs, of which
 * the last stands at `least` or behind it. */
static nr_status take_aspects(nr_parser *p, size_t least, size_t *end) {
    static const char *const words[] = {"TOP", "CLASS", "OUTPUT", NULL};
    nr_command *cmd = p->cmd;
    for (*end = p->argc; *end > least + 2; *end -= 2) {
        int found = nr_find_word(nr_argument(p, *end - 2), words);
        if (found < 0) break;
        if (found ? cmd->aspect > 0 : cmd->top > 0)
            return nr_syntax_error(p, found ? "CLASS or OUTPUT is given twice"
                                            : "TOP is given twice");
        if (!found && !nr_option_take(p, &top_option, nr_argument(p, *end - 1)))
            return NR_ERR;
        if (found) cmd->aspect = *end - 1;
        if (found == 1) cmd->by_class = true;
    }
    int last = nr_find_word(nr_argument(p, *end - 1), words);
    if (*end > least + 1 && last >= 0)
        return nr_syntax_error(p, "%s wants a value", words[last]);
    return NR_OK;
}

nr_status nr_explain_parse(nr_parser *p) {
    size_t end;
    p->from = p->at = 2;
    bool blob = take_form(p);
    nr_status status = take_aspects(p, blob ? 3 : 2, &end);
    if (status != NR_OK) return status;
    if (nr_is_named(nr_argument(p, 2))) return nr_named_take(p, 0, end);
    if (!blob) return take_values(p, end, end);
    if (end != 4)
        return nr_syntax_error(p, "%s takes one blob", form_word(p));
    return take_bytes(p, nr_argument(p, 3));
}

static bool is_weight(nr_text text) {
    return nr_same_word(text, "WEIGHT") || nr_same_word(text, "WEIGHTS");
}

/* WEIGHT w or WEIGHTS blob, TRAIN or TEST, at the end of an NR.OBSERVE with names:
 * each once, in any order. Returns where they begin. The bytes of a blob may be
 * those of a word, so what is behind WEIGHTS is never one. */
static size_t options_from(const nr_parser *p) {
    size_t end = p->argc, from = p->from;
    for (;;) {
        if (end > from + 3 && nr_same_word(nr_argument(p, end - 2), "WEIGHTS"))
            end -= 2;
        else if (end > from + 2 && nr_find_word(nr_argument(p, end - 1),
                                    nr_dataset_words) >= 0)
            end--;
        else if (end > from + 3 && nr_same_word(nr_argument(p, end - 2), "WEIGHT"))
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

static nr_status wrong_weight(nr_parser *p, size_t i, float weight) {
    char number[NR_NUMBER] = "no finite one", wants[NR_OPTION_TEXT];
    nr_option_wants(&weight_option, wants);
    if (isfinite(weight)) nr_write_double(number, 9, (double)weight);
    return nr_syntax_error(p, "WEIGHTS, sample %zu: %s is needed, not %s", i,
                           wants, number);
}

static nr_status take_weights(nr_parser *p, size_t at) {
    nr_text blob = nr_argument(p, at);
    float weight;
    if (p->cmd->form == NR_FORM_NAMED)
        return nr_syntax_error(p, "WEIGHTS is for JSON, MSGPACK and COLUMNS: "
                                  "one sample takes WEIGHT w");
    if (!blob.n || blob.n % sizeof weight)
        return nr_syntax_error(p, "WEIGHTS takes a 32-bit float for each sample, "
                                  "not %zu bytes",
                               blob.n);
    for (size_t i = 0; i < blob.n / sizeof weight; i++) {
        memcpy(&weight, blob.s + i * sizeof weight, sizeof weight);
        if (!(weight > 0 && (double)weight <= NR_MAX_REAL))
            return wrong_weight(p, i, weight);
    }
    p->cmd->weights = at;
    return NR_OK;
}

/* WEIGHT w or WEIGHTS blob, at p->at. */
static nr_status take_weight(nr_parser *p) {
    nr_command *cmd = p->cmd;
    bool many = nr_same_word(nr_argument(p, p->at), "WEIGHTS");
    if (cmd->weight != 0 || cmd->weights)
        return nr_syntax_error(p, "WEIGHT or WEIGHTS is given twice");
    p->at += 2;
    if (many) return take_weights(p, p->at - 1);
    nr_text text = nr_argument(p, p->at - 1);
    return nr_option_take(p, &weight_option, text) ? NR_OK : NR_ERR;
}

static nr_status take_sample_options(nr_parser *p) {
    nr_command *cmd = p->cmd;
    nr_status status = NR_OK;
    while (p->at < p->argc && status == NR_OK) {
        nr_text text = nr_argument(p, p->at);
        if (is_weight(text)) {
            status = take_weight(p);
            continue;
        }
        if (cmd->dataset != NR_DATASET_ANY)
            return nr_syntax_error(p, "TRAIN or TEST is given twice");
        cmd->dataset = (nr_dataset_id)nr_find_word(text, nr_dataset_words);
        p->at++;
    }
    return status;
}

/* [name=value ...] -> name=value ..., or a blob of names and values; and then
 * options. */
static nr_status parse_observe_named(nr_parser *p) {
    size_t end = options_from(p);
    nr_status status = NR_OK;
    if (p->cmd->form == NR_FORM_NUMBERS) {
        size_t arrow = nr_find_arrow(p, p->from);
        if (arrow >= end)
            return nr_fail(p->err, "ERR no '->' separator between inputs and "
                                   "outputs");
        status = nr_named_take(p, 0, arrow);
        p->at = arrow + 1;
        if (status == NR_OK) status = nr_named_take(p, 1, end);
    } else if (end != p->from + 2) {
        return nr_syntax_error(p, "%s takes one argument, and then WEIGHT w, "
                                  "WEIGHTS blob, TRAIN, TEST or nothing",
                               form_word(p));
    } else {
        status = take_bytes(p, nr_argument(p, p->from + 1));
    }
    p->at = end;
    return status == NR_OK ? take_sample_options(p) : status;
}

/* Whether names come first, or behind "->" where there is nothing before it. */
static bool begins_named(const nr_parser *p) {
    size_t at = p->from;
    if (at + 1 < p->argc && nr_is_arrow(nr_argument(p, at))) at++;
    return at < p->argc && nr_is_named(nr_argument(p, at));
}

nr_status nr_observe_parse(nr_parser *p) {
    size_t end = p->argc;
    int dataset = nr_find_word(nr_argument(p, end - 1), nr_dataset_words);
    take_series(p);
    p->cmd->dataset = NR_DATASET_ANY;
    take_form(p);
    bool fp32 = p->cmd->form == NR_FORM_FP32;
    if (p->cmd->form > NR_FORM_FP32 || begins_named(p) || p->cmd->series)
        return parse_observe_named(p);
    if (dataset >= 0 && !(fp32 && end == 4)) { /* there it is the blob */
        p->cmd->dataset = (nr_dataset_id)dataset;
        end--;
    }
    if (fp32 && end != 4)
        return nr_syntax_error(p, "FP32 takes one blob, and then TRAIN, TEST "
                                  "or nothing");
    if (fp32) return take_blob(p, nr_argument(p, 3));

    size_t arrow = nr_find_arrow(p, 2);
    if (arrow == 2 || arrow + 1 >= end || nr_find_arrow(p, arrow + 1) < end)
        return nr_fail(p->err, "ERR no '->' separator in the correct position "
                               "between inputs and outputs: are you sure your "
                               "training data is correct?");
    p->cmd->arrow = arrow - 2;
    return take_values(p, end, arrow);
}
