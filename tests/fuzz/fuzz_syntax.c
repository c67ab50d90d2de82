/* Any bytes as a line: split, parsed, and what must hold of the outcome.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -I nr/engine/core \
 *         tests/fuzz/fuzz_syntax.c nr/engine/core/{base,msgpack}.c \
 *         nr/engine/core/grammar/?*.c -lm -o fuzz_syntax
 *     ./fuzz_syntax -dict=tests/fuzz/syntax.dict tests/fuzz/corpus_syntax
 *
 * With -DNR_FUZZ_MAIN any compiler makes a program of it that runs the files
 * it is given. A broken promise aborts. */

#include <math.h>

#include "grammar/syntax.h"
#include "fuzz.h"

static void check_error(nr_status status, const nr_error *err) {
    MUST(status == NR_ERR);
    const char *end = memchr(err->text, '\0', sizeof err->text);
    MUST(end && end > err->text + 4 && !memcmp(err->text, "ERR ", 4));
    for (const char *p = err->text; p < end; p++) MUST(*p >= ' ' && *p <= '~');
}

/* A number is what strtod takes it for, and not what strtod alone accepts. */
static void check_number(nr_text word) {
    double got, want;
    float narrow;
    if (!nr_parse_double(word, &got)) {
        MUST(!nr_parse_float(word, &narrow));
        return;
    }
    for (size_t i = 0; i < word.n; i++)
        MUST(word.s[i] && strchr("+-.0123456789eE", word.s[i]));
    char *copy = malloc(word.n + 1), *end;
    MUST(copy);
    memcpy(copy, word.s, word.n);
    copy[word.n] = '\0';
    want = strtod(copy, &end);
    MUST(end == copy + word.n && !memcmp(&want, &got, sizeof got));
    MUST(nr_parse_float(word, &narrow) == (isfinite((float)want) != 0));
    free(copy);
}

/* Words that are quoted byte by byte come back as they were. */
static void check_quoting(const nr_args *args) {
    static const char hex[] = "0123456789abcdef";
    size_t size = 1;
    for (size_t i = 0; i < args->argc; i++) size += args->len[i] * 4 + 3;
    char *line = malloc(size), *at = line;
    MUST(line);
    for (size_t i = 0; i < args->argc; i++) {
        *at++ = '"';
        for (size_t j = 0; j < args->len[i]; j++) {
            unsigned char c = (unsigned char)args->argv[i][j];
            *at++ = '\\', *at++ = 'x', *at++ = hex[c >> 4], *at++ = hex[c & 15];
        }
        *at++ = '"', *at++ = ' ';
    }
    nr_args again;
    nr_error err;
    MUST(nr_split(line, (size_t)(at - line), &again, &err) == NR_OK);
    MUST(again.argc == args->argc);
    for (size_t i = 0; i < args->argc; i++) {
        MUST(again.len[i] == args->len[i]);
        MUST(!memcmp(again.argv[i], args->argv[i], args->len[i]));
    }
    nr_buf_free(&again.memory);
    free(line);
}

static void check_network(const nr_command *cmd) {
    const nr_options *o = &cmd->options;
    nr_error err;
    if (cmd->verb == NR_CREATE) {
        MUST(nr_shape_check(cmd->kind, cmd->nlayers, cmd->layers,
                            cmd->options.members, cmd->maxlen, &err) == NR_OK);
        MUST(o->threads >= 1 && o->threads <= NR_MAX_THREADS);
        MUST(cmd->kind == NR_CLASSIFIER || o->loss == NR_MSE);
        MUST(!o->classic || (o->loss == NR_MSE && o->activation == NR_SIGMOID));
    }
    MUST(o->seed <= NR_MAX_SEED);
    MUST(o->learnrate == NR_AUTO || (o->learnrate >= 0 && o->learnrate <= 1e6));
    MUST(o->l2 == NR_AUTO || (o->l2 >= 0 && o->l2 <= 1e6));
    MUST(o->batch >= -1 && o->batch <= NR_MAX_SAMPLES && o->patience >= -1);
}

static void check_command(const nr_command *cmd, const nr_args *args) {
    const nr_spec *spec = nr_spec_of(cmd->verb);
    MUST(spec && args->argc >= (size_t)spec->min_args);
    MUST(cmd->key + cmd->nkeys <= args->argc);
    MUST((cmd->nkeys > 0) == (spec->first_key > 0));
    MUST(!(nr_changes(cmd) && !(spec->flags & NR_WRITES)));
    MUST(!cmd->values || !cmd->blob);
    for (size_t i = 0; i < cmd->nvalues; i++) MUST(isfinite(cmd->values[i]));
    if (cmd->verb == NR_OBSERVE && cmd->values)
        MUST(cmd->arrow > 0 && cmd->arrow < cmd->nvalues);
    if (cmd->blob && cmd->verb != NR_RESTORE)
        MUST(cmd->bloblen && cmd->bloblen % 4 == 0);
    check_network(cmd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    nr_args args;
    nr_error err;
    static nr_command cmd;
    nr_status status = nr_split((const char *)data, size, &args, &err);
    if (status != NR_OK) {
        check_error(status, &err);
        MUST(!args.argc && !args.memory.data);
        return 0;
    }
    check_quoting(&args);
    for (size_t i = 0; i < args.argc; i++)
        check_number((nr_text){args.argv[i], args.len[i]});
    status = nr_command_parse(&cmd, args.argc, args.argv, args.len, &err);
    if (status == NR_OK)
        check_command(&cmd, &args);
    else
        check_error(status, &err);
    nr_command_release(&cmd);
    nr_buf_free(&args.memory);
    return 0;
}
