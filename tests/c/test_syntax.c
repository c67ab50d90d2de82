/* The grammar of the NR.* commands: what is accepted, and every error text.
 *
 * NR.CREATE and NR.CONFIGURE have test_create.c. Memory that runs out is tried
 * at each allocation in turn. */

#include <stdlib.h>
#include <string.h>

#include "parsing.h"

/* ------------------------------ Any command ------------------------------ */

static void test_unknown_commands_are_refused(void) {
    FAILS("", "ERR empty command");
    CHECK(nr_command_parse(&cmd, 0, NULL, NULL, &err) == NR_ERR);
    FAILS("NR.FOO", "ERR unknown command 'NR.FOO'");
    FAILS("FLUSHALL", "ERR unknown command 'FLUSHALL'");
    FAILS("''", "ERR unknown command ''");
    FAILS("NR.", "ERR unknown command 'NR.'");
    FAILS("\"\\x1b[2J\"", "ERR unknown command '\\x1b[2J'");
    FAILS("\"NR.RUN\\x00\" a b",
          "ERR unknown command 'NR.RUN\\x00', did you mean NR.RUN?");
    FAILS("nr.craete", "ERR unknown command 'nr.craete', did you mean "
                       "NR.CREATE?");
    FAILS("NR.OBSERV", "ERR unknown command 'NR.OBSERV', did you mean "
                       "NR.OBSERVE?");
    FAILS("train", "ERR unknown command 'train', did you mean NR.TRAIN?");
    char line[4096], text[512];
    memset(line, 'x', 4000);
    line[4000] = '\0';
    sprintf(text, "ERR unknown command '%.92s...'", line);
    FAILS(line, text);
}

static void test_the_wrong_number_of_arguments_is_refused(void) {
#define ARITY(line, name)                                                     \
    FAILS(line, "ERR wrong number of arguments for '" name "' command")
    ARITY("NR.CREATE", "nr.create");
    ARITY("NR.CREATE net CLASSIFIER", "nr.create");
    ARITY("NR.OBSERVE net", "nr.observe");
    ARITY("nr.class net", "nr.class");
    ARITY("NR.TRAIN", "nr.train");
    ARITY("NR.INFO", "nr.info");
    ARITY("NR.INFO a b", "nr.info");
    ARITY("NR.THREADS a", "nr.threads");
    ARITY("NR.RESET", "nr.reset");
    ARITY("NR.RESET a b", "nr.reset");
    ARITY("NR.GETDATA net TRAIN", "nr.getdata");
    ARITY("NR.GETDATA net TRAIN 1 2 3", "nr.getdata");
    ARITY("NR.CONFIGURE", "nr.configure");
    ARITY("NR.STOP", "nr.stop");
    ARITY("NR.STOP a b", "nr.stop");
    ARITY("NR.WAIT net", "nr.wait");
    ARITY("NR.WAIT net 1 2", "nr.wait");
    ARITY("NR.DUMP", "nr.dump");
    ARITY("NR.DUMP a b", "nr.dump");
    ARITY("NR.RESTORE net", "nr.restore");
    ARITY("NR.RESTORE net x REPLACE REPLACE", "nr.restore");
    ARITY("NR.DEL", "nr.del");
    ARITY("NR.LIST a b", "nr.list");
    ARITY("NR.HISTORY", "nr.history");
    ARITY("NR.HISTORY a b", "nr.history");
}

static void test_the_table_of_commands_is_whole(void) {
    for (int i = 0; i < NR_VERBS; i++) {
        const nr_spec *spec = nr_spec_of((nr_verb)i);
        CHECK(spec && !strncmp(spec->name, "NR.", 3));
        CHECK(spec->arguments && spec->summary[0]);
        CHECK((spec->scope == NR_ON_NOTHING) == (spec->first_key == 0));
        CHECK(spec->min_args >= (spec->first_key ? 2 : 1));
        CHECK(spec->max_args == -1 || spec->max_args >= spec->min_args);
        CHECK(!(spec->flags & NR_READS) != !(spec->flags & NR_WRITES));
    }
    CHECK(!nr_spec_of(NR_VERBS));
    CHECK(nr_spec_of(NR_OBSERVE)->flags & NR_CHANGES);
    CHECK(!nr_spec_of((nr_verb)99));
    CHECK(nr_spec_of(NR_WAIT)->flags == (NR_READS | NR_BLOCKS));
    CHECK(nr_spec_of(NR_DEL)->last_key == -1);
    CHECK(nr_spec_of(NR_LIST)->first_key == 0);
}

static bool contains(const nr_buf *buf, const char *text) {
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= buf->len; i++)
        if (!memcmp(buf->data + i, text, n)) return true;
    return false;
}

static void test_the_rows_of_options_are_whole(void) {
    for (size_t i = 0; i < NR_OPTIONS; i++) {
        const nr_option *o = &nr_network_options[i];
        char syntax[NR_OPTION_TEXT];
        CHECK(o->word && o->help && !o->of_command == (o->field != NULL));
        nr_option_syntax(o, syntax);
        CHECK((o->type == NR_SWITCH && !o->words[0]) == !*syntax);
        CHECK((o->type == NR_SWITCH && o->words[0] && (o->preset != 0 || o->off)) ||
              (o->type == NR_CHOICE) == (o->words[0] != NULL));
        CHECK(o->off || (o->automatic ? o->preset == NR_AUTO
                                     : o->preset >= o->least));
    }
}

static void test_the_table_is_packed(void) {
    nr_buf buf = {0};
    CHECK(nr_specs_pack(&buf, &err) == NR_OK);
    CHECK(buf.data[0] == 0xdc && buf.data[2] == NR_VERBS);
    CHECK(contains(&buf, "\x9b\xa9NR.CREATE"));
    CHECK(contains(&buf, "\x92\xa5TRAIN\xa4TEST\x90\xa5store\xa6sample\xc2"
                         "\x92\x04\x05\x91\xa8readonly\x92\x01\x01"
                         "\x9b\xacNR.CONFIGURE"));
    CHECK(contains(&buf, "\x9b\xaaNR.THREADS\xa0"));
    CHECK(contains(&buf, " [NORMALIZE [NO|YES]] [CLASSIC] [DATASET maxlen] "
                         "[TEST maxlen] [SEED n] [ACTIVATION SIGMOID|TANH|RELU|LEAKYRELU] "));
    CHECK(contains(&buf, "key [OPTIMIZER RPROP|ADAM|SGD] [LEARNRATE f|AUTO] "));
    CHECK(contains(&buf, "\x98\xa7THREADS\xa1n\xa5" "count\xc2\xc2\xa1" "1"));
    nr_buf_free(&buf);
}

/* --------------------- NR.OBSERVE, NR.RUN, NR.CLASS ---------------------- */

#define ARROW                                                                 \
    "ERR no '->' separator in the correct position between inputs and "       \
    "outputs: are you sure your training data is correct?"
#define INPUT                                                                 \
    "ERR invalid neural network input: must be a valid float precision "      \
    "floating point number, not "

static void test_observe_reads_values(void) {
    PARSES("NR.OBSERVE net 1 2.5 -> -3e1") {
        CHECK(cmd.verb == NR_OBSERVE && cmd.key == 1 && nr_changes(&cmd));
        CHECK(cmd.nvalues == 3 && cmd.arrow == 2 && !cmd.blob);
        CHECK(cmd.values == cmd.few && cmd.values[0] == 1 &&
              cmd.values[1] == 2.5f && cmd.values[2] == -30);
        CHECK(cmd.dataset == NR_DATASET_ANY);
    }
    PARSES("NR.OBSERVE -> 1 -> 2 train") { /* a key named -> */
        CHECK(cmd.dataset == NR_DATASET_TRAIN && cmd.nvalues == 2);
    }
    PARSES("NR.OBSERVE net 1 -> 2 3 Test") {
        CHECK(cmd.dataset == NR_DATASET_TEST && cmd.nvalues == 3);
        CHECK(cmd.arrow == 1);
    }
}

static void test_many_values_are_read(void) {
    enum { MOST = 1000 };
    char line[MOST * 8];
    for (size_t n = 62; n <= MOST; n = n < 68 ? n + 1 : n * 2) {
        char *at = line + sprintf(line, "NR.OBSERVE net");
        for (size_t i = 0; i < n; i++) at += sprintf(at, " %zu", i);
        strcpy(at, " -> -7");
        PARSES(line) {
            CHECK(cmd.nvalues == n + 1 && cmd.arrow == n);
            CHECK((cmd.values == cmd.few) == (n + 1 <= 64));
            CHECK(cmd.values[n - 1] == (float)(n - 1));
            CHECK(cmd.values[n] == -7);
        }
        strcpy(at, " -> x");
        FAILS(line, INPUT "'x'");
        *at = '\0';
        memcpy(line, "NR.RUN     net", 14);
        PARSES(line) {
            CHECK(cmd.nvalues == n && (cmd.values == cmd.few) == (n <= 64));
            CHECK(cmd.values[n - 1] == (float)(n - 1));
        }
    }
}

static void test_observe_refuses_a_misplaced_arrow(void) {
    FAILS("NR.OBSERVE net 1 2", ARROW);
    FAILS("NR.OBSERVE net 1", ARROW);
    FAILS("NR.OBSERVE net ->", ARROW);
    FAILS("NR.OBSERVE net -> 1", ARROW);
    FAILS("NR.OBSERVE net 1 ->", ARROW);
    FAILS("NR.OBSERVE net 1 -> TRAIN", ARROW);
    FAILS("NR.OBSERVE net TRAIN", ARROW);
    FAILS("NR.OBSERVE net 1 -> -> 2", ARROW);
    FAILS("NR.OBSERVE net 1 -> 2 -> 3", ARROW);
    FAILS("NR.OBSERVE net 1 -> 2 ->", ARROW);
    FAILS("NR.OBSERVE net 1->2", ARROW);
    FAILS("NR.OBSERVE net abc 2", ARROW);
}

static void test_bad_values_are_refused(void) {
    static const char *const bad[] = {"abc", "''", "1e400", "-1e400", "1e39",
                                      "nan", "inf", "-Infinity", "0x10",
                                      "' 1'", "'1 '", "1_0", "1,5", "TRAIN"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[128], text[256], plain[32];
        sprintf(plain, "%s", bad[i]);
        if (plain[0] == '\'') {
            sprintf(plain, "%s", bad[i] + 1);
            plain[strlen(plain) - 1] = '\0';
        }
        sprintf(text, INPUT "'%s'", plain);
        sprintf(line, "NR.OBSERVE net %s -> 1", bad[i]);
        FAILS(line, text);
        sprintf(line, "NR.OBSERVE net 1 -> %s 1", bad[i]);
        FAILS(line, text);
        sprintf(line, "NR.RUN net 1 %s", bad[i]);
        FAILS(line, text);
        sprintf(line, "NR.CLASS net %s", bad[i]);
        FAILS(line, text);
    }
    FAILS("NR.RUN net 1 -> 2", INPUT "'->'");
    FAILS("NR.RUN net \"\\x00\"", INPUT "'\\x00'");
}

static void test_run_reads_values(void) {
    PARSES("NR.RUN net 1 .5 -0") {
        CHECK(cmd.verb == NR_RUN && cmd.nvalues == 3 && !nr_changes(&cmd));
        CHECK(cmd.values[1] == 0.5f && 1 / cmd.values[2] < 0);
    }
    PARSES("nr.class net 1e-50 3.4028235e38") {
        CHECK(cmd.verb == NR_CLASS && cmd.values[0] == 0);
    }
}

static void test_blobs_are_taken_as_they_are(void) {
    PARSES("NR.OBSERVE net FP32 \"\\x00\\x00\\x80\\x3f\"") {
        CHECK(!cmd.values && cmd.bloblen == 4 && cmd.blob[3] == 0x3f);
        CHECK(cmd.dataset == NR_DATASET_ANY);
    }
    PARSES("NR.OBSERVE net fp32 12345678 TEST") {
        CHECK(cmd.bloblen == 8 && cmd.dataset == NR_DATASET_TEST);
    }
    PARSES("NR.OBSERVE net FP32 TEST") CHECK(cmd.bloblen == 4);
    PARSES("NR.OBSERVE net FP32 TEST TRAIN") {
        CHECK(cmd.bloblen == 4 && cmd.dataset == NR_DATASET_TRAIN);
    }
    PARSES("NR.RUN net FP32 1234") CHECK(cmd.bloblen == 4 && !cmd.values);
    PARSES("NR.CLASS net FP32 1234") CHECK(cmd.bloblen == 4);
    static const char *const verbs[] = {"NR.OBSERVE", "NR.RUN", "NR.CLASS"};
    for (size_t i = 0; i < 3; i++) {
        char line[128];
        sprintf(line, "%s net FP32 ''", verbs[i]);
        FAILS(line, "ERR invalid FP32 blob: it is empty");
        sprintf(line, "%s net FP32 12345", verbs[i]);
        FAILS(line, "ERR invalid FP32 blob: 5 bytes are not a whole number of "
                    "32-bit floats");
    }
    FAILS("NR.RUN net FP32",
          "ERR Syntax error in NR.RUN: FP32 takes one blob");
    FAILS("NR.CLASS net FP32 1234 TEST",
          "ERR Syntax error in NR.CLASS: FP32 takes one blob");
    const char *text = "ERR Syntax error in NR.OBSERVE: FP32 takes one blob, "
                       "and then TRAIN, TEST or nothing";
    FAILS("NR.OBSERVE net FP32", text);
    FAILS("NR.OBSERVE net FP32 1234 FOO", text);
    FAILS("NR.OBSERVE net FP32 1234 -> 1", text);
    FAILS("NR.OBSERVE net FP32 1234 TEST TEST", text);
}

/* ------------------------------- The others ------------------------------ */

static void test_train_reads_its_options(void) {
    PARSES("NR.TRAIN net") {
        CHECK(cmd.verb == NR_TRAIN && cmd.maxtime == 10000 && !cmd.maxcycles);
        CHECK(!cmd.autostop && !cmd.backtrack);
    }
    PARSES("NR.TRAIN net maxcycles 9007199254740992 MAXTIME 0 AUTOSTOP "
           "backtrack") {
        CHECK(cmd.maxcycles == UINT64_C(1) << 53 && cmd.maxtime == 0);
        CHECK(cmd.autostop && cmd.backtrack);
    }
    PARSES("NR.TRAIN net BACKTRACK") CHECK(cmd.backtrack && !cmd.autostop);
    FAILS("NR.TRAIN net MAXCYCLES x", "ERR invalid number of cycles: 'x'");
    FAILS("NR.TRAIN net MAXCYCLES -1", "ERR invalid number of cycles: '-1'");
    FAILS("NR.TRAIN net MAXTIME 1.5",
          "ERR invalid number of milliseconds of time: '1.5'");
    FAILS("NR.TRAIN net MAXTIME 9007199254740993",
          "ERR invalid number of milliseconds of time: '9007199254740993'");
#define TRAIN "ERR Syntax error in NR.TRAIN: "
    FAILS("NR.TRAIN net MAXTIME", TRAIN "MAXTIME wants a value");
    FAILS("NR.TRAIN net FOO", TRAIN "unknown option 'FOO'");
    FAILS("NR.TRAIN net autostp",
          TRAIN "unknown option 'autostp', did you mean AUTOSTOP?");
    FAILS("NR.TRAIN net AUTOSTOP AUTOSTOP", TRAIN "AUTOSTOP is given twice");
}

static void test_the_others_are_read(void) {
    PARSES("NR.GETDATA net test 9007199254740992") {
        CHECK(cmd.dataset == NR_DATASET_TEST);
        CHECK(cmd.number == UINT64_C(1) << 53);
    }
    FAILS("NR.GETDATA net FOO 1", "ERR Syntax error in NR.GETDATA: the dataset "
                                  "must be TRAIN or TEST, not 'FOO'");
    FAILS("NR.GETDATA net TRAIN -1", "ERR invalid row: '-1'");
    PARSES("NR.GETDATA net TRAIN 99999999999999999999")
        CHECK(cmd.number == UINT64_C(1) << 53);
    PARSES("NR.GETDATA net TRAIN 5") CHECK(cmd.until == 0);
    PARSES("NR.GETDATA net TRAIN 5 10004")
        CHECK(cmd.number == 5 && cmd.until == 10005);
    PARSES("NR.GETDATA net TRAIN 9007199254740992 99999999999999999999")
        CHECK(cmd.number == UINT64_C(1) << 53 && cmd.until == cmd.number + 1);
    FAILS("NR.GETDATA net TRAIN 5 4", "ERR Syntax error in NR.GETDATA: the last "
                                      "row, 4, is before the first one, 5");
    FAILS("NR.GETDATA net TRAIN 0 10000", "ERR Syntax error in NR.GETDATA: at "
                                          "most 10000 rows at once, not 10001");
    FAILS("NR.GETDATA net TRAIN 0 -1", "ERR invalid row: '-1'");
    PARSES("NR.WAIT net 250") CHECK(cmd.number == 250 && cmd.key == 1);
    FAILS("NR.WAIT net x",
          "ERR invalid number of milliseconds of time: 'x'");
    PARSES("NR.RESTORE net blob") {
        CHECK(!cmd.replace && cmd.bloblen == 4);
        CHECK(!memcmp(cmd.blob, "blob", 4));
    }
    PARSES("NR.RESTORE net '' replace") CHECK(cmd.replace && !cmd.bloblen);
    FAILS("NR.RESTORE net blob REPLACER",
          "ERR Syntax error in NR.RESTORE: unknown option 'REPLACER', did you "
          "mean REPLACE?");
    PARSES("NR.DEL a b c") CHECK(cmd.key == 1 && cmd.nkeys == 3);
    PARSES("NR.LIST") CHECK(!cmd.key && !cmd.nkeys && !cmd.pattern);
    PARSES("NR.LIST a*") CHECK(!cmd.key && cmd.pattern == 1);
    PARSES("NR.THREADS") CHECK(cmd.verb == NR_THREADS && !cmd.key);
    PARSES("NR.INFO ''") CHECK(cmd.verb == NR_INFO && cmd.nkeys == 1);
    PARSES("NR.RESET net") CHECK(cmd.verb == NR_RESET && nr_changes(&cmd));
    PARSES("NR.STOP net") CHECK(cmd.verb == NR_STOP && !nr_changes(&cmd));
    PARSES("NR.DUMP net") CHECK(cmd.verb == NR_DUMP && !nr_changes(&cmd));
    PARSES("NR.HISTORY net") CHECK(cmd.verb == NR_HISTORY);
}

/* -------------------------------- Memory --------------------------------- */

static long left; /* allocations until memory runs out; below 0: never */

static void *scarce_alloc(size_t size) {
    return left == 0 ? NULL : (left--, malloc(size));
}

static void *scarce_resize(void *memory, size_t size) {
    return left == 0 ? NULL : (left--, realloc(memory, size));
}

static void test_memory_that_runs_out_is_an_error(void) {
    char line[1024] = "NR.RUN net";
    for (int i = 0; i < 100; i++) strcat(line, " 1");
    nr_set_allocator(scarce_alloc, scarce_resize, free);
    for (long n = 0; n < 2; n++) {
        left = n;
        CHECK(run_bytes(line, strlen(line)) == NR_NOMEM);
        CHECK(!strcmp(err.text, "ERR out of memory"));
        release();
    }
    left = -1;
    PARSES(line) CHECK(cmd.nvalues == 100);
    nr_status status = NR_NOMEM;
    for (long n = 0; status == NR_NOMEM; n++) {
        nr_buf buf = {0};
        left = n;
        status = nr_specs_pack(&buf, &err);
        CHECK((status == NR_OK) == (buf.len > 0) && n < 100);
        nr_buf_free(&buf);
    }
    CHECK(status == NR_OK);
    nr_set_allocator(malloc, realloc, free);
}

static void test_joined_arguments_are_parsed_alike(void) {
    const char joined[] = "NR.OBSERVE\0net\0\x31\0->\0" "2.5";
    const size_t len[] = {10, 3, 1, 2, 3};
    const char *argv[5];
    CHECK(nr_command_parse_joined(&cmd, 5, joined, argv, len, &err) == NR_OK);
    CHECK(cmd.key == 1 && !strcmp(argv[1], "net") && cmd.arrow == 1);
    CHECK(cmd.nvalues == 2 && cmd.values[0] == 1 && cmd.values[1] == 2.5f);
    nr_command_release(&cmd);
    CHECK(nr_command_parse_joined(&cmd, 0, "", argv, len, &err) == NR_ERR);
}

int main(void) {
    test_unknown_commands_are_refused();
    test_the_wrong_number_of_arguments_is_refused();
    test_the_table_of_commands_is_whole();
    test_the_rows_of_options_are_whole();
    test_the_table_is_packed();
    test_observe_reads_values();
    test_many_values_are_read();
    test_observe_refuses_a_misplaced_arrow();
    test_bad_values_are_refused();
    test_run_reads_values();
    test_blobs_are_taken_as_they_are();
    test_train_reads_its_options();
    test_the_others_are_read();
    test_joined_arguments_are_parsed_alike();
    test_memory_that_runs_out_is_an_error();
    return summary();
}
