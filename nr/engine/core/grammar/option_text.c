/* What is told of an option, from its row: in errors, in the syntax, in help
 * and to hosts in other languages. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "grammar/syntax.h"

/* Puts a piece behind what is there. Rows are constants, which fit. */
static void add(char out[NR_OPTION_TEXT], const char *piece) {
    size_t used = strlen(out);
    snprintf(out + used, NR_OPTION_TEXT - used, "%s", piece);
}

/* The n-th of `all` words: "A", ", B", " or C". */
static void add_listed(char out[NR_OPTION_TEXT], const char *word, size_t i,
                       size_t all, const char *last) {
    if (i) add(out, i + 1 == all ? last : ", ");
    add(out, word);
}

static size_t count_words(const nr_option *o) {
    size_t n = 0;
    while (o->words[n]) n++;
    return n;
}

/* With all digits before the point, and as many behind it as it has. */
static const char *bound(double value, char out[NR_NUMBER]) {
    if (value != floor(value)) return nr_write_shortest(out, value);
    snprintf(out, NR_NUMBER, "%.0f", value);
    return out;
}

void nr_option_wants(const nr_option *o, char out[NR_OPTION_TEXT]) {
    size_t n = count_words(o);
    snprintf(out, NR_OPTION_TEXT, "%s", o->off         ? "AUTO, OFF or "
                                         : o->automatic ? "AUTO or "
                                                        : "");
    for (size_t i = 0; i < n; i++)
        add_listed(out, o->words[i], i, n, " or ");
    if (n) return;
    char least[NR_NUMBER], most[NR_NUMBER];
    size_t used = strlen(out);
    snprintf(out + used, NR_OPTION_TEXT - used,
             o->type == NR_COUNT ? "an integer from %s to %s"
             : o->above          ? "a number above %s and up to %s"
                                 : "a number from %s to %s",
             bound(o->least, least), bound(o->most, most));
}

void nr_option_syntax(const nr_option *o, char out[NR_OPTION_TEXT]) {
    const char *value = o->type == NR_REAL ? "f" : "n";
    out[0] = '\0';
    if (o->type == NR_SWITCH && !o->words[0]) return;
    if (o->type == NR_SWITCH) add(out, "[");
    for (size_t i = 0; o->words[i]; i++) {
        if (i) add(out, "|");
        add(out, o->words[i]);
    }
    if (o->type == NR_SWITCH) add(out, "]");
    if (!o->words[0]) add(out, o->value ? o->value : value);
    if (o->automatic) add(out, "|AUTO");
    if (o->off && o->type != NR_SWITCH) add(out, "|OFF");
}

static bool goes_with_classic(const nr_option *o, bool fixed) {
    bool fixed_switch = o->type == NR_SWITCH && o->fixed;
    return o->with_classic && !o->of_command && !fixed_switch &&
           (fixed || !o->fixed);
}

void nr_options_with_classic(bool fixed, char out[NR_OPTION_TEXT]) {
    size_t n = 0, at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < NR_OPTIONS; i++)
        n += goes_with_classic(&nr_network_options[i], fixed);
    for (size_t i = 0; i < NR_OPTIONS; i++) {
        const nr_option *o = &nr_network_options[i];
        if (goes_with_classic(o, fixed))
            add_listed(out, o->word, at++, n, " and ");
    }
}

/* ------------------------------- For hosts ------------------------------- */

static bool put_preset(const nr_option *o, nr_buf *out) {
    char number[NR_NUMBER];
    if (o->shown) return nr_put_str(out, o->shown);
    if (o->type == NR_SWITCH)
        return nr_put_str(out, o->preset != 0 ? "on" : "off");
    if (o->type == NR_CHOICE)
        return nr_put_str(out, o->words[(int)o->preset]);
    if (o->preset == NR_AUTO) return nr_put_str(out, "AUTO");
    if (o->off && o->preset == 0) return nr_put_str(out, "OFF");
    return nr_put_str(out, bound(o->preset, number));
}

static bool put_option(const nr_option *o, nr_buf *out) {
    static const char *const types[] = {"switch", "count", "real", "choice"};
    char value[NR_OPTION_TEXT];
    size_t n = count_words(o);
    nr_option_syntax(o, value);
    bool ok = nr_put_array(out, 8) && nr_put_str(out, o->word) &&
              nr_put_str(out, value) && nr_put_str(out, types[o->type]) &&
              nr_put_bool(out, o->fixed) && nr_put_bool(out, o->automatic) &&
              put_preset(o, out) && nr_put_str(out, o->help) &&
              nr_put_array(out, n + o->off);
    for (size_t i = 0; i < n && ok; i++) ok = nr_put_str(out, o->words[i]);
    return ok && (!o->off || nr_put_str(out, "OFF"));
}

bool nr_options_pack(nr_option_list list, nr_buf *out) {
    size_t n, some = 0;
    const nr_option *table = nr_options_of(list, &n);
    bool all = list != NR_CONFIGURE_OPTIONS;
    for (size_t i = 0; i < n; i++) some += all || !table[i].fixed;
    bool ok = nr_put_array(out, some);
    for (size_t i = 0; i < n && ok; i++)
        ok = (!all && table[i].fixed) || put_option(&table[i], out);
    return ok;
}
