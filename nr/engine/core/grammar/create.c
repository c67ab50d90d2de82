/* NR.CREATE: layers or fields, and the check of a shape. */

#include <string.h>

#include "grammar/syntax.h"

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

/* In place of hidden layers. */
static const char *const layout_words[] = {"AUTO", "LINEAR", NULL};

static nr_status add_plain_layer(nr_parser *p, nr_text text) {
    int word = nr_find_word(text, layout_words);
    if (word < 0) return add_layer(p, text);
    return nr_syntax_error(p, "%s is for networks with fields, others take "
                              "counts of units",
                           layout_words[word]);
}

/* inputs [hidden ...] -> outputs */
static nr_status parse_layers(nr_parser *p) {
    size_t first = p->at, arrow = nr_find_arrow(p, first);
    double number;
    if (arrow == p->argc) return bad_units(p, "no '->' before the outputs");
    if (nr_find_arrow(p, arrow + 1) < p->argc)
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
        nr_status status = add_plain_layer(p, nr_argument(p, i));
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

/* What of the datasets nobody asked for has to fit, however long a row is. */
static void fit_datasets(nr_command *cmd) {
    uint64_t row = (uint64_t)cmd->layers[0] +
                   (cmd->kind == NR_CLASSIFIER
                        ? 1
                        : cmd->layers[cmd->nlayers - 1]);
    uint64_t most = NR_MAX_DATASET_BYTES / (row * sizeof(float));
    const unsigned given[2] = {NR_GIVEN(dataset), NR_GIVEN(test)};
    for (int d = 0; d < 2; d++)
        if (!(cmd->given & given[d]) && cmd->maxlen[d] > most)
            cmd->maxlen[d] = most;
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

/* AUTO or LINEAR, in place of layers: none of what else is there before "->". */
static nr_status take_layout(nr_parser *p, size_t arrow, nr_layout *layout) {
    for (size_t i = p->at; i < arrow; i++) {
        int found = nr_find_word(nr_argument(p, i), layout_words);
        if (found < 0) continue;
        *layout = found ? NR_LAYOUT_LINEAR : NR_LAYOUT_AUTO;
        if (arrow - p->at == 1) continue;
        char quoted[NR_QUOTED];
        nr_text other = nr_argument(p, i == p->at ? i + 1 : p->at);
        return nr_syntax_error(p, "%s stands alone, in place of hidden layers, "
                                  "and not beside '%s'",
                               layout_words[found],
                               nr_quote(quoted, sizeof quoted, other.s, other.n));
    }
    return NR_OK;
}

/* [hidden ...|AUTO|LINEAR], up to "->". How many units there are before and
 * behind shows when the network is trained; until then one stands for them. */
static nr_status take_hidden(nr_parser *p, size_t arrow) {
    nr_command *cmd = p->cmd;
    cmd->layers[cmd->nlayers++] = 1;
    cmd->layout = p->at == arrow ? NR_LAYOUT_AUTO : NR_LAYOUT_GIVEN;
    nr_status status = take_layout(p, arrow, &cmd->layout);
    if (status != NR_OK) return status;
    if (cmd->layout != NR_LAYOUT_GIVEN) p->at = arrow;
    if (arrow - p->at > NR_MAX_LAYERS - 2)
        return nr_fail(p->err, "ERR too many layers: %zu, at most %d with "
                               "inputs and outputs",
                       arrow - p->at + 2, NR_MAX_LAYERS);
    for (; p->at < arrow; p->at++) {
        status = add_layer(p, nr_argument(p, p->at));
        if (status != NR_OK) return status;
    }
    p->at++;
    return NR_OK;
}

/* field:kind ... [hidden ...|AUTO|LINEAR] -> output:kind ... */
static nr_status parse_fields(nr_parser *p) {
    nr_command *cmd = p->cmd;
    size_t arrow = nr_find_arrow(p, p->at);
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

nr_status nr_create_parse(nr_parser *p) {
    nr_command *cmd = p->cmd;
    int kind = nr_find_word(nr_argument(p, 2), nr_kind_words);
    if (kind < 0)
        return nr_fail(p->err, "ERR invalid neural network type. Must be "
                               "CLASSIFIER, REGRESSOR, FORECASTER or "
                               "GENERATOR");
    cmd->kind = (nr_kind)kind;
    p->at = 3;
    bool fields = (p->argc > 3 && is_field(nr_argument(p, 3))) ||
                  cmd->kind == NR_FORECASTER || cmd->kind == NR_GENERATOR;
    nr_status status = fields ? parse_fields(p) : parse_layers(p);
    if (status == NR_OK) status = nr_options_create(p);
    if (status == NR_OK && fields && cmd->options.classic)
        status = nr_syntax_error(p, "CLASSIC has no fields: it takes numbers");
    if (status != NR_OK) return status;
    if (fields && !(cmd->given & NR_GIVEN(normalize)))
        cmd->options.normalize = false; /* encodings have a scale of their own */
    fit_datasets(cmd);
    return nr_shape_check(cmd->kind, cmd->nlayers, cmd->layers,
                          cmd->options.members, cmd->maxlen, p->err);
}
