/* The tables of the commands and their options, as hosts get them: what they
 * register, help prints and completion offers. The parser reads its counts from
 * here too, so that what is told and what is done are one. */

#include <string.h>

#include "grammar/syntax.h"

#define ROW(verb, ...) [verb] = {__VA_ARGS__},
static const nr_spec specs[NR_VERBS] = {NR_COMMAND_ROWS(ROW)};

const nr_spec *nr_spec_of(nr_verb verb) {
    return (unsigned)verb < NR_VERBS ? &specs[verb] : NULL;
}

static bool add(nr_buf *out, const char *text) {
    return nr_buf_append(out, text, strlen(text));
}

/* The arguments, and then " [WORD value]" for each option. */
static bool write_syntax(const nr_spec *spec, nr_buf *out) {
    size_t n;
    char value[NR_OPTION_TEXT];
    const nr_option *table = nr_options_of(spec->options, &n);
    bool ok = add(out, spec->arguments);
    for (size_t i = 0; i < n && ok; i++) {
        if (spec->options == NR_CONFIGURE_OPTIONS && table[i].fixed) continue;
        nr_option_syntax(&table[i], value);
        ok = add(out, " [") && add(out, table[i].word) &&
             add(out, *value ? " " : "") && add(out, value) && add(out, "]");
    }
    return ok;
}

/* Completion offers what the syntax has in capitals, and "->". */
static bool is_offered(nr_text word) {
    if (word.n == 2 && !memcmp(word.s, "->", 2)) return true;
    for (size_t i = 0; i < word.n; i++) {
        char c = word.s[i];
        if (!(c >= 'A' && c <= 'Z') && !(i && c >= '0' && c <= '9'))
            return false;
    }
    return word.n > 1;
}

/* The next word of a syntax, from *at on; no more: of length 0. */
static nr_text next_word(nr_text syntax, size_t *at) {
    size_t from = *at;
    while (from < syntax.n && strchr(" []|", syntax.s[from])) from++;
    *at = from;
    while (*at < syntax.n && !strchr(" []|", syntax.s[*at])) ++*at;
    return (nr_text){syntax.s + from, *at - from};
}

static bool is_among(nr_text word, const nr_text *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (words[i].n == word.n && !memcmp(words[i].s, word.s, word.n))
            return true;
    return false;
}

static bool put_words(nr_text syntax, nr_buf *out) {
    enum { MOST = 100 };
    nr_text words[MOST], word;
    size_t n = 0, at = 0;
    while (n < MOST && (word = next_word(syntax, &at)).n)
        if (is_offered(word) && !is_among(word, words, n)) words[n++] = word;
    bool ok = nr_put_array(out, n);
    for (size_t i = 0; i < n && ok; i++)
        ok = nr_put_text(out, words[i].s, words[i].n);
    return ok;
}

/* As Redis calls them. */
static bool put_flags(const nr_spec *spec, nr_buf *out) {
    static const struct {
        int flag;
        const char *word;
    } words[] = {{NR_FAST, "fast"}, {NR_BLOCKS, "blocking"}, {NR_GROWS, "denyoom"}};
    size_t n = 1;
    for (size_t i = 0; i < 3; i++) n += (spec->flags & words[i].flag) != 0;
    bool ok = nr_put_array(out, n) &&
              nr_put_str(out, spec->flags & NR_WRITES ? "write" : "readonly");
    for (size_t i = 0; i < 3 && ok; i++)
        if (spec->flags & words[i].flag) ok = nr_put_str(out, words[i].word);
    return ok;
}

static bool put_two(nr_buf *out, int first, int second) {
    return nr_put_array(out, 2) && nr_put_int(out, first) &&
           nr_put_int(out, second);
}

/* syntax is memory that serves one row after the other. */
static bool put_spec(const nr_spec *spec, nr_buf *syntax, nr_buf *out) {
    static const char *const scopes[] = {
        [NR_ON_NOTHING] = "nothing",   [NR_ON_HEADER] = "header",
        [NR_ON_WEIGHTS] = "weights",   [NR_ON_SNAPSHOT] = "snapshot",
        [NR_ON_STORE] = "store",
    };
    static const char *const shapes[NR_SHAPES] = {
        [NR_INTEGERS] = "integers", [NR_TEXTS] = "texts",
        [NR_BYTES] = "bytes",       [NR_CLASSES] = "classes",
        [NR_OUTPUTS] = "outputs",   [NR_SAMPLE] = "sample",
        [NR_PAIRS] = "pairs",       [NR_DOUBLES] = "doubles",
        [NR_NAMES] = "names",
    };
    syntax->len = 0;
    if (!nr_buf_reserve(syntax, 512) || !write_syntax(spec, syntax))
        return false;
    nr_text text = {(const char *)syntax->data, syntax->len};
    return nr_put_array(out, 11) && nr_put_str(out, spec->name) &&
           nr_put_text(out, text.s, text.n) &&
           nr_put_str(out, spec->summary) && put_words(text, out) &&
           nr_options_pack(spec->options, out) &&
           nr_put_str(out, scopes[spec->scope]) &&
           nr_put_str(out, shapes[spec->reply]) &&
           nr_put_bool(out, spec->flags & NR_CHANGES) &&
           put_two(out, spec->min_args, spec->max_args) &&
           put_flags(spec, out) &&
           put_two(out, spec->first_key, spec->last_key);
}

nr_status nr_specs_pack(nr_buf *out, nr_error *err) {
    size_t before = out->len;
    nr_buf syntax = {0};
    bool ok = nr_put_array(out, NR_VERBS);
    for (size_t i = 0; ok && i < NR_VERBS; i++)
        ok = put_spec(&specs[i], &syntax, out);
    nr_buf_free(&syntax);
    if (ok) return NR_OK;
    out->len = before;
    return nr_nomem(err);
}
