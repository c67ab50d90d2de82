/* Lines into words as redis-cli has it, and words in messages. */

#include <string.h>

#include "check.h"
#include "syntax.h"

/* -------------------------------- Words ---------------------------------- */

static void test_quoting_is_safe_and_short(void) {
    char out[64];
    CHECK(!strcmp(nr_quote(out, 64, "abc ~", 5), "abc ~"));
    CHECK(!strcmp(nr_quote(out, 64, "", 0), ""));
    CHECK(!strcmp(nr_quote(out, 64, NULL, 0), ""));
    CHECK(!strcmp(nr_quote(out, 64, "\0\n\x1b[\xff", 5),
                  "\\x00\\x0a\\x1b[\\xff"));
    CHECK(!strcmp(nr_quote(out, 8, "1234567", 7), "1234567"));
    CHECK(!strcmp(nr_quote(out, 8, "12345678", 8), "1234..."));
    CHECK(!strcmp(nr_quote(out, 8, "123\xff", 4), "123\\xff"));
    CHECK(!strcmp(nr_quote(out, 8, "1234\xff", 5), "1234..."));
    CHECK(!strcmp(nr_quote(out, 8, "\xff\xff", 2), "\\xff..."));
    CHECK(!strcmp(nr_quote(out, 8, "1\xff\xff", 3), "1..."));
}

static void test_words_are_found_whatever_their_case(void) {
    CHECK(nr_find_word((nr_text){"leakyRelu", 9}, nr_activation_words) ==
          NR_LEAKYRELU);
    CHECK(nr_find_word((nr_text){"REL", 3}, nr_activation_words) == -1);
    CHECK(nr_find_word((nr_text){"RELUX", 5}, nr_activation_words) == -1);
    CHECK(nr_find_word((nr_text){"", 0}, nr_activation_words) == -1);
    CHECK(nr_find_word((nr_text){"RELU\0", 5}, nr_activation_words) == -1);
    CHECK(!strcmp(nr_activation_words[NR_TANH], "TANH"));
    CHECK(!strcmp(nr_loss_words[NR_CROSSENTROPY], "CROSSENTROPY"));
    CHECK(!strcmp(nr_optimizer_words[NR_SGD], "SGD"));
    CHECK(!strcmp(nr_kind_words[NR_REGRESSOR], "REGRESSOR"));
    CHECK(!strcmp(nr_dataset_words[NR_DATASET_TEST], "TEST"));
}

/* ------------------------------- Splitting ------------------------------- */

/* The words one after the other, a '|' behind each. */
static const char *split(const char *line, size_t n) {
    static nr_error err;
    static char out[256];
    nr_args args;
    size_t at = 0;
    if (nr_split(line, n, &args, &err) != NR_OK) return err.text;
    for (size_t i = 0; i < args.argc; i++) {
        memcpy(out + at, args.argv[i], args.len[i]);
        at += args.len[i];
        out[at++] = '|';
    }
    out[at] = '\0';
    nr_buf_free(&args.memory);
    return out;
}

#define SPLITS(line, words) CHECK(!strcmp(split(line, strlen(line)), words))

static void test_lines_split_as_in_redis_cli(void) {
    SPLITS("", "");
    CHECK(!strcmp(split(NULL, 0), ""));
    SPLITS(" \t\r\n\v\f ", "");
    SPLITS("NR.RUN net 1 -> 2", "NR.RUN|net|1|->|2|");
    SPLITS("  a \t b\r\nc  ", "a|b|c|");
    SPLITS("a\vb", "a\vb|");
    SPLITS("\"a\"\vb", "a|b|");
    SPLITS("\"a b\" 'c d'", "a b|c d|");
    SPLITS("\"\" ''", "||");
    SPLITS("a\"b c\" d", "ab c|d|");
    SPLITS("a'b \"c' d", "ab \"c|d|");
    SPLITS("\"\\n\\r\\t\\b\\a\\\\\\\"\"", "\n\r\t\b\a\\\"|");
    SPLITS("\"\\x41\\x4a\\xfF\"", "AJ\xff|");
    SPLITS("\"\\x4 \\xg1 \\x\"", "x4 xg1 x|");
    SPLITS("\"\\q\\'\"", "q'|");
    SPLITS("'\\'\\n\\\\ '", "'\\n\\\\ |");
    SPLITS("a\\nb", "a\\nb|");
    SPLITS("\xff\x80 \xc3\xa9", "\xff\x80|\xc3\xa9|");
}

static void test_unbalanced_quotes_are_refused(void) {
    static const char *const bad[] = {
        "\"",     "'",         "\"a",    "'a",      "a \"b",    "\"a\"b",
        "'a'b",   "\"a\"\"b\"", "'a''b'", "\"a\\\"", "'a\\'",    "\"\\",
        "'\\",    "\"\\x4",    "a b c'", "\"a\"'b'", "x\"y\"z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        SPLITS(bad[i], "ERR unbalanced quotes");
}

static void test_zero_bytes_stay_in_their_words(void) {
    nr_args args;
    nr_error err;
    static const char line[] = "a\0b \"\\x00\" '\0' \"\\\0\"";
    CHECK(nr_split(line, sizeof line - 1, &args, &err) == NR_OK);
    if (!CHECK(args.argc == 4)) return;
    CHECK(args.len[0] == 3 && !memcmp(args.argv[0], "a\0b", 3));
    for (size_t i = 1; i < 4; i++)
        CHECK(args.len[i] == 1 && args.argv[i][0] == '\0');
    nr_buf_free(&args.memory);
}

int main(void) {
    test_quoting_is_safe_and_short();
    test_words_are_found_whatever_their_case();
    test_lines_split_as_in_redis_cli();
    test_unbalanced_quotes_are_refused();
    test_zero_bytes_stay_in_their_words();
    return summary();
}
