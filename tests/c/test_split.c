/* Lines into words as redis-cli has it, and words in messages. */

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "grammar/syntax.h"

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
    const nr_option *o = &nr_network_options[NR_OPTION_activation];
    CHECK(nr_find_word((nr_text){"leakyRelu", 9}, o->words) == NR_LEAKYRELU);
    CHECK(nr_find_word((nr_text){"REL", 3}, o->words) == -1);
    CHECK(nr_find_word((nr_text){"RELUX", 5}, o->words) == -1);
    CHECK(nr_find_word((nr_text){"", 0}, o->words) == -1);
    CHECK(nr_find_word((nr_text){"RELU\0", 5}, o->words) == -1);
    CHECK(!strcmp(nr_kind_words[NR_REGRESSOR], "REGRESSOR"));
    CHECK(!strcmp(nr_dataset_words[NR_DATASET_TEST], "TEST"));
}

static void test_a_guess_is_close_and_the_first_of_equals(void) {
    nr_guess guess = {0};
    CHECK(!strcmp(nr_guess_text(&guess), ""));
    nr_guess_try(&guess, (nr_text){"", 0}, "SGD");
    nr_guess_try(&guess, (nr_text){"L", 1}, "L2");
    nr_guess_try(&guess, (nr_text){"LOGS", 4}, "LOSSES");
    CHECK(!guess.word);
    nr_guess_try(&guess, (nr_text){"tets", 4}, "TEXT");
    CHECK(!guess.word);
    nr_guess_try(&guess, (nr_text){"tets", 4}, "TETE");
    nr_guess_try(&guess, (nr_text){"tets", 4}, "TEST");
    CHECK(!strcmp(nr_guess_text(&guess), ", did you mean TETE?"));
    nr_guess_try(&guess, (nr_text){"tets", 4}, "TETS");
    CHECK(!strcmp(nr_guess_text(&guess), ", did you mean TETS?"));
}

/* ------------------------------- Splitting ------------------------------- */

/* The words one after the other, a '|' behind each. The line is copied into
 * memory of its size, so that reading past its end is noticed. */
static const char *split(const char *line, size_t n) {
    static nr_error err;
    static char out[256];
    nr_args args;
    size_t at = 0;
    char *copy = malloc(n ? n : 1);
    if (n) memcpy(copy, line, n);
    nr_status status = nr_split(copy, n, &args, &err);
    free(copy);
    if (status != NR_OK) return err.text;
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
    SPLITS("\"\\x09\\x90\\xA0\\xF\"", "\x09\x90\xa0xF|");
    SPLITS("\"\\xAg\\xgA\\x0/\\x:0\\x@0\\x`0\"", "xAgxgAx0/x:0x@0x`0|");
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
    test_a_guess_is_close_and_the_first_of_equals();
    test_lines_split_as_in_redis_cli();
    test_unbalanced_quotes_are_refused();
    test_zero_bytes_stay_in_their_words();
    return summary();
}
