/* What the server tells clients of a command: COMMAND INFO's keys, and COMMAND
 * DOCS with the arguments, of which redis-cli makes its hints.
 *
 * They are made of the command's row and of those of its options. The
 * arguments before the options are one behind the key, named as the syntax has
 * them: blocks and choices of theirs would be a second grammar, and of a name
 * redis-cli 7.0 makes its hints, which knows of no other text. */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "grammar/syntax.h"
#include "module.h"

enum { ARGS = NR_OPTIONS + 8, TEXT = 512 };

/* The arguments of one command, and the texts that they point to. The server
 * copies all of them. */
typedef struct args {
    rm_arg arg[ARGS];
    size_t n;
    char rest[TEXT];
    char name[ARGS][32];
    char value[ARGS][NR_OPTION_TEXT];
} args;

static rm_arg *add(args *a, const char *name, rm_arg_type type) {
    rm_arg *arg = &a->arg[a->n++];
    *arg = (rm_arg){.name = name, .type = type, .keyspec = -1};
    return arg;
}

/* A syntax of several forms names the key in each: here once is enough. */
static void copy_rest(char rest[TEXT], const char *syntax) {
    static const char again[] = " | key ";
    const char *next;
    size_t len = 0;
    while ((next = strstr(syntax, again))) {
        len += (size_t)snprintf(rest + len, TEXT - len, "%.*s | ",
                                (int)(next - syntax), syntax);
        syntax = next + sizeof again - 1;
    }
    snprintf(rest + len, TEXT - len, "%s", syntax);
}

/* "[TRAIN|TEST]" is optional, and told without its brackets. */
static void add_rest(args *a, const char *syntax) {
    copy_rest(a->rest, syntax);
    size_t len = strlen(a->rest);
    if (!len) return;
    bool optional =
        a->rest[0] == '[' && strchr(a->rest, ']') == a->rest + len - 1;
    if (optional) a->rest[len - 1] = '\0';
    rm_arg *arg = add(a, a->rest + optional, RM_ARG_STRING);
    arg->flags = optional ? RM_ARG_OPTIONAL : 0;
}

static void add_arguments(args *a, const nr_spec *spec) {
    const char *syntax = spec->arguments;
    if (spec->first_key) {
        rm_arg *key = add(a, "key", RM_ARG_KEY);
        key->keyspec = 0;
        syntax += strlen("key");
        if (spec->last_key < 0) {
            key->flags = RM_ARG_MULTIPLE;
            return;
        }
    }
    add_rest(a, syntax + (*syntax == ' '));
}

static rm_arg_type type_of(const nr_option *o, const char *value) {
    if (!*value) return RM_ARG_PURE_TOKEN;
    if (strchr(value, '|') || strchr(value, '[')) return RM_ARG_STRING;
    return o->type == NR_COUNT ? RM_ARG_INTEGER : RM_ARG_DOUBLE;
}

static void add_option(args *a, const nr_option *o) {
    char *value = a->value[a->n], *name = a->name[a->n];
    for (size_t i = 0; o->word[i] && i < sizeof a->name[0] - 1; i++)
        name[i] = (char)tolower((unsigned char)o->word[i]);
    nr_option_syntax(o, value);
    rm_arg *arg = add(a, name, type_of(o, value));
    arg->token = o->word;
    arg->summary = o->help;
    arg->flags = RM_ARG_OPTIONAL;
    arg->shown = *value ? value : NULL;
}

static void add_options(args *a, const nr_spec *spec) {
    size_t n;
    const nr_option *table = nr_options_of(spec->options, &n);
    for (const nr_option *o = table; o < table + n; o++)
        if (spec->options != NR_CONFIGURE_OPTIONS || !o->fixed)
            add_option(a, o);
}

static void set_info(rm_ctx *ctx, const char *name, const nr_spec *spec,
                     args *a) {
    static const rm_info_version version = {
        1, 2 * sizeof(char *), sizeof(rm_keyspec), sizeof(rm_arg)};
    uint64_t access = spec->flags & NR_WRITES
                          ? RM_KEY_RW | RM_KEY_ACCESS | RM_KEY_UPDATE
                          : RM_KEY_RO | RM_KEY_ACCESS;
    int span = spec->last_key < 0 ? -1 : spec->last_key - spec->first_key;
    rm_keyspec keys[2] = {{
        .flags = access,
        .begin_search = RM_SEARCH_INDEX,
        .begin.index.pos = spec->first_key,
        .find_keys = RM_FIND_RANGE,
        .find.range = {span, 1, 0},
    }};
    rm_command_info info = {
        .version = &version,
        .summary = spec->summary,
        .arity = spec->min_args == spec->max_args ? spec->min_args
                                                  : -spec->min_args,
        .keys = spec->first_key ? keys : NULL,
        .args = a->n ? a->arg : NULL,
    };
    rm.SetCommandInfo(rm.GetCommand(ctx, name), &info);
}

void nr_describe(rm_ctx *ctx, const char *name, const nr_spec *spec) {
    if (!rm.GetCommand || !rm.SetCommandInfo) return;
    args *a = nr_alloc(sizeof *a);
    if (!a) return;
    memset(a, 0, sizeof *a);
    add_arguments(a, spec);
    add_options(a, spec);
    set_info(ctx, name, spec, a);
    nr_release(a);
}
