/* The values of options: read from text, checked, listed and changed, each by
 * the row of its option alone. */

#include <stdio.h>

#include "grammar/syntax.h"

/* --------------------------- Getting and setting ------------------------- */

double nr_option_get(const nr_option *o, const void *options) {
    const void *p = (const char *)options + o->at;
    switch (o->type) {
    case NR_SWITCH: return *(const bool *)p;
    case NR_COUNT: return (double)*(const int64_t *)p;
    case NR_CHOICE: return *(const unsigned *)p;
    case NR_REAL: break;
    }
    return *(const double *)p;
}

void nr_option_set(const nr_option *o, void *options, double value) {
    void *p = (char *)options + o->at;
    switch (o->type) {
    case NR_SWITCH: *(bool *)p = value != 0; break;
    case NR_COUNT: *(int64_t *)p = (int64_t)value; break;
    case NR_CHOICE: *(unsigned *)p = (unsigned)value; break;
    case NR_REAL: *(double *)p = value; break;
    }
}

static bool in_range(const nr_option *o, double value) {
    if (o->automatic && value == NR_AUTO) return true;
    if (o->off && value == 0) return true;
    return o->above ? value > o->least && value <= o->most
                    : value >= o->least && value <= o->most;
}

static bool read_count(const nr_option *o, void *options, nr_text text) {
    uint64_t found;
    if (!nr_parse_uint(text, &found)) return false;
    if (o->unchecked) {
        *(uint64_t *)((char *)options + o->at) = found;
        return true;
    }
    if (found > (uint64_t)o->most || found < (uint64_t)o->least) return false;
    nr_option_set(o, options, (double)found);
    return true;
}

/* Adding 0 makes one zero of two. */
static bool read_real(const nr_option *o, void *options, nr_text text) {
    double found;
    if (!nr_parse_double(text, &found) || found == NR_AUTO ||
        !in_range(o, found))
        return false;
    nr_option_set(o, options, found + 0.0);
    return true;
}

bool nr_option_read(const nr_option *o, void *options, nr_text text) {
    int word;
    if (o->automatic && nr_same_word(text, "AUTO")) {
        nr_option_set(o, options, NR_AUTO);
        return true;
    }
    if (o->off && nr_same_word(text, "OFF")) {
        nr_option_set(o, options, 0);
        return true;
    }
    switch (o->type) {
    case NR_SWITCH:
        nr_option_set(o, options, !nr_same_word(text, "NO"));
        return true;
    case NR_COUNT: return read_count(o, options, text);
    case NR_REAL: return read_real(o, options, text);
    case NR_CHOICE: break;
    }
    if ((word = nr_find_word(text, o->words)) < 0) return false;
    nr_option_set(o, options, word);
    return true;
}

/* ------------------------------ All of them ------------------------------ */

nr_options nr_options_preset(nr_kind kind) {
    nr_options options = {0};
    for (size_t i = 0; i < NR_OPTIONS; i++) {
        const nr_option *o = &nr_network_options[i];
        bool has = kind == NR_CLASSIFIER || !o->for_classifiers;
        if (o->type == NR_SWITCH && o->for_generators)
            has = kind == NR_GENERATOR; /* in no other's header */
        if (!o->of_command) nr_option_set(o, &options, has ? o->preset : 0);
    }
    return options;
}

bool nr_options_sound(const nr_options *options, nr_kind kind) {
    bool sound = options->members >= 1; /* AUTO has been chosen by then */
    for (size_t i = 0; i < NR_OPTIONS; i++) {
        const nr_option *o = &nr_network_options[i];
        if (o->of_command) continue;
        double value = nr_option_get(o, options);
        if (o->type == NR_COUNT || o->type == NR_REAL)
            sound = sound && in_range(o, value);
        if (o->for_classifiers && kind != NR_CLASSIFIER)
            sound = sound && value == 0;
    }
    return sound;
}

static bool put_value(const nr_option *o, const nr_options *options,
                      nr_buf *reply) {
    char text[NR_NUMBER];
    double value = nr_option_get(o, options);
    if (o->type == NR_SWITCH && o->off)
        return nr_put_str(reply, o->words[(int)value]);
    if (o->type == NR_SWITCH) return nr_put_str(reply, value ? "yes" : "no");
    if (o->type == NR_CHOICE) return nr_put_str(reply, o->words[(int)value]);
    if (value < 0) return nr_put_str(reply, "AUTO");
    if (o->off && value == 0) return nr_put_str(reply, "OFF");
    if (o->type == NR_REAL)
        nr_write_shortest(text, value);
    else
        snprintf(text, sizeof text, "%.0f", value);
    return nr_put_str(reply, text);
}

bool nr_option_is_of(const nr_option *o, nr_kind kind, bool sequences) {
    return (sequences || !o->for_sequences) &&
           (kind == NR_FORECASTER || !o->for_forecasters) &&
           (kind == NR_GENERATOR || !o->for_generators) &&
           (kind == NR_CLASSIFIER || kind == NR_REGRESSOR || !o->for_samples);
}

/* A generator's loss is the softmax's, whatever its header says: it has no other. */
static bool is_its_loss(const nr_option *o, nr_kind kind) {
    return kind == NR_GENERATOR && o == &nr_network_options[NR_OPTION_loss];
}

static bool is_listed(const nr_option *o, nr_kind kind, bool sequences) {
    return !o->of_command && nr_option_is_of(o, kind, sequences);
}

bool nr_options_list(const nr_options *options, nr_kind kind, bool sequences,
                     nr_buf *reply) {
    size_t n = 0;
    for (size_t i = 0; i < NR_OPTIONS; i++)
        n += is_listed(&nr_network_options[i], kind, sequences);
    bool ok = nr_put_array(reply, 2 * n);
    for (size_t i = 0; i < NR_OPTIONS && ok; i++) {
        const nr_option *o = &nr_network_options[i];
        if (!is_listed(o, kind, sequences)) continue;
        ok = nr_put_str(reply, o->word) &&
             (is_its_loss(o, kind)
                  ? nr_put_str(reply, o->words[NR_CROSSENTROPY])
                  : put_value(o, options, reply));
    }
    return ok;
}

nr_status nr_options_unread(const nr_command *cmd, nr_error *err) {
    for (size_t i = 0; i < NR_OPTIONS; i++) {
        const nr_option *o = &nr_network_options[i];
        if (o->for_sequences && cmd->given >> i & 1)
            return nr_fail(err, "ERR Syntax error in %s: %s is for networks with "
                                "a field that is a sequence",
                           cmd->verb == NR_CREATE ? "NR.CREATE"
                                                  : "NR.CONFIGURE",
                           o->word);
    }
    return NR_OK;
}

nr_status nr_vocabulary_check(const nr_command *cmd, nr_error *err) {
    bool given = cmd->given & NR_GIVEN(vocabulary);
    if (!given || cmd->options.vocabulary > 1) return NR_OK;
    return nr_fail(err, "ERR Syntax error in %s: VOCABULARY of a generator is at "
                        "least 2: one of its symbols is the end",
                   nr_spec_of(cmd->verb)->name);
}

/* What a network of this kind, or a classic one, does not take. */
static nr_status refuse(const nr_options *options, nr_kind kind,
                        const nr_command *cmd, nr_error *err) {
    char others[NR_OPTION_TEXT];
    for (size_t i = 0; i < NR_OPTIONS && options->classic; i++) {
        const nr_option *o = &nr_network_options[i];
        if (o->with_classic || !(cmd->given >> i & 1)) continue;
        nr_options_with_classic(false, others);
        return nr_fail(err, "ERR Syntax error in NR.CONFIGURE: a CLASSIC "
                            "network has no options but %s", others);
    }
    for (size_t i = 0; i < NR_OPTIONS && kind != NR_CLASSIFIER; i++) {
        const nr_option *o = &nr_network_options[i];
        if (o->for_classifiers && cmd->given >> i & 1 &&
            nr_option_get(o, &cmd->options) != 0)
            return nr_fail(err, "ERR Syntax error in NR.CONFIGURE: %s is for "
                                "classifiers", o->for_classifiers);
        if (o->for_samples && cmd->given >> i & 1 &&
            !nr_option_is_of(o, kind, true))
            return nr_fail(err, "ERR Syntax error in NR.CONFIGURE: %s is for "
                                "classifiers and regressors", o->word);
    }
    return NR_OK;
}

nr_status nr_options_change(nr_options *options, nr_kind kind,
                            const nr_command *cmd, nr_error *err) {
    nr_status status = refuse(options, kind, cmd, err);
    if (status == NR_OK && kind == NR_GENERATOR)
        status = nr_vocabulary_check(cmd, err);
    for (size_t i = 0; i < NR_OPTIONS && status == NR_OK; i++) {
        const nr_option *o = &nr_network_options[i];
        if (cmd->given >> i & 1)
            nr_option_set(o, options, nr_option_get(o, &cmd->options));
    }
    return status;
}
