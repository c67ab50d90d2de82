/* What generators are asked: NR.GENERATE and NR.SCORE, and TOP k of NR.RUN. */

#include "grammar/syntax.h"

static const nr_option likeliest_option = {
    .word = "TOP",
    .type = NR_COUNT,
    .least = 1,
    .most = NR_MAX_SYMBOLS,
    .of_command = true,
    .at = offsetof(nr_command, likeliest),
};

/* TOP k at the end of an NR.RUN by names; returns where it begins. */
size_t nr_likeliest_from(const nr_parser *p) {
    bool given = p->argc > 3 && nr_same_word(nr_argument(p, p->argc - 2), "TOP");
    return given ? p->argc - 2 : p->argc;
}

nr_status nr_likeliest_take(nr_parser *p, size_t from) {
    if (from == p->argc) return NR_OK;
    nr_text text = nr_argument(p, from + 1);
    return nr_option_take(p, &likeliest_option, text) ? NR_OK : NR_ERR;
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
