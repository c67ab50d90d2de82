/* What generators are asked: NR.GENERATE and NR.SCORE, and of NR.RUN TOP k, BEAM b and
 * LENGTH n. */

#include "grammar/syntax.h"

static const nr_option run_options[] = {
    {.word = "TOP",
     .type = NR_COUNT,
     .least = 1,
     .most = NR_MAX_SYMBOLS,
     .of_command = true,
     .at = offsetof(nr_command, likeliest)},
    {.word = "BEAM",
     .type = NR_COUNT,
     .least = 1,
     .most = NR_MAX_BEAM,
     .of_command = true,
     .at = offsetof(nr_command, beam)},
    {.word = "LENGTH",
     .type = NR_COUNT,
     .least = 1,
     .most = NR_MAX_STEPS_MADE,
     .of_command = true,
     .at = offsetof(nr_command, length)},
};

static const nr_option *find(nr_text text) {
    for (size_t i = 0; i < sizeof run_options / sizeof run_options[0]; i++)
        if (nr_same_word(text, run_options[i].word)) return &run_options[i];
    return NULL;
}

size_t nr_wishes_from(const nr_parser *p, size_t least, size_t end) {
    while (end > least + 1 && find(nr_argument(p, end - 2))) end -= 2;
    return end;
}

nr_status nr_wishes_take(nr_parser *p, size_t from, size_t end) {
    unsigned seen = 0;
    for (; from < end; from += 2) {
        const nr_option *o = find(nr_argument(p, from));
        unsigned bit = 1u << (o - run_options);
        if (seen & bit) return nr_syntax_error(p, "%s is given twice", o->word);
        if (!nr_option_take(p, o, nr_argument(p, from + 1))) return NR_ERR;
        seen |= bit;
    }
    return NR_OK;
}

/* [field=value] [option ...] */
nr_status nr_generate_parse(nr_parser *p) {
    size_t end = 2;
    p->at = 2;
    while (end < p->argc && nr_is_named(nr_argument(p, end))) end++;
    if (p->cmd->verb == NR_SCORE) end = p->argc;
    nr_status status = nr_named_take(p, 0, end);
    return status == NR_OK
               ? nr_options_parse(p, nr_spec_of(p->cmd->verb)->options)
               : status;
}
