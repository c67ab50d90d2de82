/* The grammar of NR.CREATE and NR.CONFIGURE: what is accepted, and every error
 * text. */

#include <stdlib.h>
#include <string.h>

#include "parsing.h"

/* ------------------------------- NR.CREATE ------------------------------- */

static void test_create_reads_the_layout(void) {
    PARSES("NR.CREATE net REGRESSOR 2 3 -> 1") {
        CHECK(cmd.verb == NR_CREATE && cmd.key == 1 && cmd.nkeys == 1);
        CHECK(cmd.kind == NR_REGRESSOR && cmd.nlayers == 3);
        CHECK(cmd.layers[0] == 2 && cmd.layers[1] == 3 && cmd.layers[2] == 1);
        CHECK(cmd.maxlen[0] == 10000 && cmd.maxlen[1] == 5000 && !cmd.given);
        CHECK(cmd.options.normalize && !cmd.options.classic);
        CHECK(cmd.options.activation == NR_TANH &&
              cmd.options.loss == NR_MSE && cmd.options.optimizer == NR_RPROP);
        CHECK(cmd.options.learnrate == NR_AUTO && cmd.options.l2 == NR_AUTO);
        CHECK(cmd.options.batch == -1 && cmd.options.patience == -1 &&
              cmd.options.threads == 1);
        CHECK(nr_changes(&cmd) == false);
    }
    PARSES("nr.create net classifier 5 -> 3") {
        CHECK(cmd.kind == NR_CLASSIFIER && cmd.nlayers == 2);
        CHECK(cmd.options.loss == NR_CROSSENTROPY);
    }
    PARSES("NR.CREATE net CLASSIFIER 16777216 -> 1") {
        CHECK(cmd.layers[0] == 1 << 24);
    }
    PARSES("NR.CREATE net CLASSIFIER 8191 -> 16384") { /* 2^27 parameters */
        CHECK(cmd.layers[1] == 16384);
    }
    char line[512] = "NR.CREATE net REGRESSOR";
    for (int i = 0; i < 63; i++) strcat(line, " 4");
    strcat(line, " -> 2");
    PARSES(line) CHECK(cmd.nlayers == 64 && cmd.layers[63] == 2);
}

/* Inputs are scaled unless they have a scale of their own, or CLASSIC says that
 * all is as it was; NO and YES have the last word. */
static void test_create_normalizes_where_nothing_else_is_said(void) {
    static const struct {
        const char *line;
        bool normalizes;
    } cases[] = {
        {"NR.CREATE net REGRESSOR 2 -> 2 NORMALIZE", true},
        {"NR.CREATE net REGRESSOR 2 -> 2 NORMALIZE no SEED 1", false},
        {"NR.CREATE net REGRESSOR 2 -> 2 SEED 1 Normalize NO", false},
        {"NR.CREATE net REGRESSOR 2 -> 2 NORMALIZE YES", true},
        {"NR.CREATE net REGRESSOR 2 -> 2 CLASSIC", false},
        {"NR.CREATE net REGRESSOR 2 -> 2 CLASSIC NORMALIZE", true},
        {"NR.CREATE net REGRESSOR 2 -> 2 NORMALIZE NO CLASSIC", false},
        {"NR.CREATE net REGRESSOR a:number -> b:number", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        PARSES(cases[i].line)
            CHECK(cmd.options.normalize == cases[i].normalizes);
}

/* 64 GB hold 256 samples of 2^24 inputs and as many outputs less one. */
static void test_create_makes_datasets_that_fit(void) {
    PARSES("NR.CREATE net REGRESSOR 2 -> 2 CLASSIC TEST 7") {
        CHECK(cmd.maxlen[0] == 1000 && cmd.maxlen[1] == 7);
    }
    PARSES("NR.CREATE net REGRESSOR 2 -> 2 CLASSIC DATASET 7") {
        CHECK(cmd.maxlen[0] == 7 && cmd.maxlen[1] == 500);
    }
    PARSES("NR.CREATE net REGRESSOR 16777216 -> 1") {
        CHECK(cmd.maxlen[0] == 1023 && cmd.maxlen[1] == 1023);
    }
    PARSES("NR.CREATE net CLASSIFIER 3000000 -> 2 TEST 5") {
        CHECK(cmd.maxlen[0] == 5726 && cmd.maxlen[1] == 5);
    }
    FAILS("NR.CREATE net REGRESSOR 16777216 -> 1 DATASET 1024",
          "ERR too large a dataset: DATASET 1024 takes 68719480832 bytes, at "
          "most 68719476736");
}

static void test_create_reads_the_options(void) {
    PARSES("NR.CREATE net CLASSIFIER 2 -> 2 normalize DATASET 50 TEST 0 SEED 7 "
           "ACTIVATION relu LOSS mse OPTIMIZER adam LEARNRATE 1e-3 BATCH 32 "
           "L2 0.5 PATIENCE 10 THREADS 2") {
        CHECK(cmd.options.normalize && !cmd.options.classic);
        CHECK(cmd.maxlen[0] == 50 && cmd.maxlen[1] == 0);
        CHECK(cmd.options.seed == 7 && cmd.options.activation == NR_RELU);
        CHECK(cmd.options.loss == NR_MSE && cmd.options.optimizer == NR_ADAM);
        CHECK(cmd.options.learnrate == 1e-3 && cmd.options.batch == 32);
        CHECK(cmd.options.l2 == 0.5 && cmd.options.patience == 10);
        CHECK(cmd.options.threads == 2 && cmd.given == (0x1fff & ~NR_GIVEN(classic)));
    }
    PARSES("NR.CREATE net REGRESSOR 2 -> 2 ACTIVATION SIGMOID OPTIMIZER "
           "RPROP") {
        CHECK(cmd.options.activation == NR_SIGMOID);
        CHECK(cmd.options.optimizer == NR_RPROP);
    }
    PARSES("NR.CREATE net REGRESSOR 2 -> 2 TEST 7") {
        CHECK(cmd.maxlen[0] == 10000 && cmd.maxlen[1] == 7);
    }
    PARSES("NR.CREATE net REGRESSOR 2 -> 2 DATASET 7") {
        CHECK(cmd.maxlen[0] == 7 && cmd.maxlen[1] == 5000);
    }
    PARSES("NR.CREATE net CLASSIFIER 2 -> 2 CLASSIC SEED 9007199254740991 "
           "THREADS 256 NORMALIZE") {
        CHECK(cmd.options.classic && cmd.options.normalize);
        CHECK(cmd.options.activation == NR_SIGMOID);
        CHECK(cmd.options.loss == NR_MSE && cmd.options.l2 == 0);
        CHECK(cmd.options.optimizer == NR_RPROP);
        CHECK(cmd.options.seed == NR_MAX_SEED && cmd.options.threads == 256);
    }
    PARSES("NR.CREATE net REGRESSOR 2 -> 2 LEARNRATE auto L2 Auto BATCH AUTO "
           "PATIENCE aUTO") {
        CHECK(cmd.options.learnrate == NR_AUTO && cmd.options.l2 == NR_AUTO);
        CHECK(cmd.options.batch == -1 && cmd.options.patience == -1);
    }
    PARSES("NR.CREATE net REGRESSOR 2 -> 2 BATCH 67108864 PATIENCE 2147483648 "
           "L2 -0 LEARNRATE 1e6 SEED 0") {
        CHECK(cmd.options.batch == 67108864);
        CHECK(cmd.options.patience == INT64_C(2147483648));
        CHECK(cmd.options.learnrate == 1e6 && cmd.options.l2 == 0);
        CHECK(1 / cmd.options.l2 > 0);
    }
}

static void test_create_refuses_bad_types(void) {
    const char *text = "ERR invalid neural network type. Must be CLASSIFIER, "
                       "REGRESSOR, FORECASTER or GENERATOR";
    FAILS("NR.CREATE net FOO 2 -> 1", text);
    FAILS("NR.CREATE net '' 2 -> 1", text);
    FAILS("NR.CREATE net 2 3 -> 1", text);
}

#define CREATE "NR.CREATE net REGRESSOR "
#define UNITS "ERR invalid units count: "

static void test_create_refuses_bad_layouts(void) {
    FAILS(CREATE "2 3", UNITS "no '->' before the outputs");
    FAILS(CREATE "2->1", UNITS "no '->' before the outputs");
    FAILS(CREATE "2 3 NORMALIZE", UNITS "no '->' before the outputs");
    FAILS(CREATE "2 -> -> 1", UNITS "more than one '->'");
    FAILS(CREATE "2 -> 3 -> 1", UNITS "more than one '->'");
    FAILS(CREATE "-> 1", UNITS "nothing before '->'");
    FAILS(CREATE "->", UNITS "nothing before '->'");
    FAILS(CREATE "2 ->", UNITS "nothing after '->'");
    FAILS(CREATE "2 -> NORMALIZE", UNITS "'NORMALIZE'");
    FAILS(CREATE "2 -> 1 2", UNITS "more than one number after '->'");
    FAILS(CREATE "2 -> 1 -2.5", UNITS "more than one number after '->'");
    FAILS(CREATE "2 abc -> 1", UNITS "'abc'");
    FAILS(CREATE "0 -> 1", UNITS "'0'");
    FAILS(CREATE "2 -> 0", UNITS "'0'");
    FAILS(CREATE "-2 -> 1", UNITS "'-2'");
    FAILS(CREATE "+2 -> 1", UNITS "'+2'");
    FAILS(CREATE "2.0 -> 1", UNITS "'2.0'");
    FAILS(CREATE "0x10 -> 1", UNITS "'0x10'");
    FAILS(CREATE "' 2' -> 1", UNITS "' 2'");
    FAILS(CREATE "02 -> 1", UNITS "'02'");
    FAILS(CREATE "'' -> 1", UNITS "''");
    FAILS(CREATE "\"\\xff\\x00\" -> 1", UNITS "'\\xff\\x00'");
}

static void test_create_refuses_what_is_too_large(void) {
    FAILS(CREATE "16777217 -> 1",
          "ERR too many units in a layer: 16777217, at most 16777216");
    FAILS(CREATE "9223372036854775808 -> 1",
          "ERR too many units in a layer: 9223372036854775808, at most "
          "16777216");
    FAILS(CREATE "2 -> 1000000000000000000000000000000",
          "ERR too many units in a layer: 1000000000000000000000000000000, at "
          "most 16777216");
    FAILS(CREATE "65536 65536 -> 1",
          "ERR too many parameters: 4295098369, at most 134217728");
    FAILS(CREATE "16777216 16777216 -> 16777216",
          "ERR too many parameters: 562949986975744, at most 134217728");
    FAILS(CREATE "2 -> 1 DATASET 1000000000000",
          "ERR too large a dataset: DATASET 1000000000000, at most 67108864 "
          "samples");
    FAILS(CREATE "2 -> 1 TEST 100000000000000000000",
          "ERR too large a dataset: TEST 18446744073709551615 or more, at most "
          "67108864 samples");
    FAILS(CREATE "1000 -> 1 TEST 67108864",
          "ERR too large a dataset: TEST 67108864 takes 268703891456 bytes, at "
          "most 68719476736");
    PARSES("NR.CREATE net CLASSIFIER 255 -> 9 DATASET 67108864") {
        CHECK(cmd.maxlen[0] == NR_MAX_SAMPLES);
    }
    FAILS("NR.CREATE net REGRESSOR 255 -> 9 DATASET 67108864",
          "ERR too large a dataset: DATASET 67108864 takes 70866960384 bytes, "
          "at most 68719476736");
    char line[512] = "NR.CREATE net REGRESSOR";
    for (int i = 0; i < 64; i++) strcat(line, " 4");
    strcat(line, " -> 2");
    FAILS(line, "ERR too many layers: 65, at most 64 with inputs and outputs");
}

#define SYNTAX "ERR Syntax error in NR.CREATE: "

static void test_create_refuses_bad_options(void) {
    FAILS(CREATE "2 -> 1 FOO", SYNTAX "unknown option 'FOO'");
    FAILS(CREATE "2 -> 1 ''", SYNTAX "unknown option ''");
    FAILS(CREATE "2 -> 1 NORMALISE",
          SYNTAX "unknown option 'NORMALISE', did you mean NORMALIZE?");
    FAILS(CREATE "2 -> 1 CLASSIC NO", SYNTAX "unknown option 'NO'");
    FAILS(CREATE "2 -> 1 NORMALIZE NO YES", SYNTAX "unknown option 'YES'");
    FAILS(CREATE "2 -> 1 NORMALIZE 5", SYNTAX "unknown option '5'");
    FAILS(CREATE "2 -> 1 SEED", SYNTAX "SEED wants a value");
    FAILS(CREATE "2 -> 1 SEED 1 SEED 1", SYNTAX "SEED is given twice");
    FAILS(CREATE "2 -> 1 NORMALIZE normalize",
          SYNTAX "NORMALIZE is given twice");
    const char *seed = SYNTAX "SEED must be an integer from 0 to "
                              "9007199254740991, not 'x'";
    FAILS(CREATE "2 -> 1 SEED x", seed);
    FAILS(CREATE "2 -> 1 SEED 9007199254740992",
          SYNTAX "SEED must be an integer from 0 to 9007199254740991, not "
                 "'9007199254740992'");
    FAILS(CREATE "2 -> 1 DATASET -1",
          SYNTAX "DATASET must be an integer from 0 to 67108864, not '-1'");
    FAILS(CREATE "2 -> 1 TEST 1.5",
          SYNTAX "TEST must be an integer from 0 to 67108864, not '1.5'");
    FAILS(CREATE "2 -> 1 ACTIVATION TAHN",
          SYNTAX "ACTIVATION must be SIGMOID, TANH, RELU or LEAKYRELU, not "
                 "'TAHN', did you mean TANH?");
    FAILS(CREATE "2 -> 1 LOSS x",
          SYNTAX "LOSS must be MSE or CROSSENTROPY, not 'x'");
    FAILS(CREATE "2 -> 1 OPTIMIZER x",
          SYNTAX "OPTIMIZER must be RPROP, ADAM or SGD, not 'x'");
    FAILS(CREATE "2 -> 1 LOSS CROSSENTROPY",
          SYNTAX "CROSSENTROPY is for classifiers");
    static const char *const numbers[][3] = {
        {"LEARNRATE", "AUTO or a number above 0 and up to 1000000",
         "0 -0 -1 1e7 1e400 nan inf x 1e-400"},
        {"L2", "AUTO or a number from 0 to 1000000",
         "-1 -1e-300 1000001 1e400 nan inf 0x1"},
        {"BATCH", "AUTO or an integer from 1 to 67108864",
         "0 -1 67108865 1.5 1e3 99999999999999999999"},
        {"PATIENCE", "AUTO or an integer from 1 to 2147483648",
         "0 -1 2147483649 x"},
        {"THREADS", "an integer from 1 to 256", "0 257 -1 AUTO"},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char values[128], line[256], text[256];
        strcpy(values, numbers[i][2]);
        for (char *v = strtok(values, " "); v; v = strtok(NULL, " ")) {
            sprintf(line, CREATE "2 -> 1 %s %s", numbers[i][0], v);
            sprintf(text, SYNTAX "%s must be %s, not '%s'", numbers[i][0],
                    numbers[i][1], v);
            FAILS(line, text);
        }
    }
}

static void test_classic_goes_with_seed_and_threads_alone(void) {
    static const char *const alien[] = {
        "ACTIVATION SIGMOID", "LOSS MSE", "OPTIMIZER RPROP", "LEARNRATE AUTO",
        "BATCH 1",            "L2 0",     "PATIENCE 5",
    };
    for (size_t i = 0; i < sizeof alien / sizeof *alien; i++) {
        char line[128], text[256];
        sprintf(line, CREATE "2 -> 1 %s CLASSIC", alien[i]);
        sprintf(text,
                SYNTAX "CLASSIC has no %.*s: it goes with SEED, THREADS, "
                       "TRAINEVERY and DRIFT alone",
                (int)strcspn(alien[i], " "), alien[i]);
        FAILS(line, text);
    }
}

static void test_shapes_from_elsewhere_are_checked(void) {
    const uint64_t none[2] = {0, 0};
    uint32_t layers[65];
    for (size_t i = 0; i < 65; i++) layers[i] = 1;
    CHECK(nr_shape_check(NR_REGRESSOR, 64, layers, 1, none, &err) == NR_OK);
    CHECK(nr_shape_check(NR_REGRESSOR, 65, layers, 1, none, &err) == NR_ERR);
    CHECK(!strcmp(err.text, "ERR invalid number of layers: 65"));
    CHECK(nr_shape_check(NR_REGRESSOR, 1, layers, 1, none, &err) == NR_ERR);
    layers[1] = 0;
    CHECK(nr_shape_check(NR_REGRESSOR, 2, layers, 1, none, &err) == NR_ERR);
    CHECK(!strcmp(err.text, "ERR invalid units count: '0'"));
    layers[1] = UINT32_MAX;
    CHECK(nr_shape_check(NR_REGRESSOR, 2, layers, 1, none, &err) == NR_ERR);
    CHECK(!strcmp(err.text, "ERR invalid units count: '4294967295'"));
}

/* ----------------------------- NR.CONFIGURE ------------------------------ */

static void test_configure_lists_and_sets(void) {
    PARSES("NR.CONFIGURE net") CHECK(!cmd.given && !nr_changes(&cmd));
    PARSES("NR.CONFIGURE net L2 0.1 optimizer SGD threads 3") {
        CHECK(cmd.given == (NR_GIVEN(l2) | NR_GIVEN(optimizer) |
                            NR_GIVEN(threads)));
        CHECK(cmd.options.l2 == 0.1 && cmd.options.optimizer == NR_SGD);
        CHECK(cmd.options.threads == 3 && nr_changes(&cmd));
    }
#define CONFIGURE "ERR Syntax error in NR.CONFIGURE: "
    static const char *const fixed[] = {"NORMALIZE", "CLASSIC", "DATASET",
                                        "TEST", "SEED", "ACTIVATION", "LOSS"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        char line[128], text[256];
        sprintf(line, "NR.CONFIGURE net L2 0 %s 5", fixed[i]);
        sprintf(text, CONFIGURE "%s is fixed when the network is created",
                fixed[i]);
        FAILS(line, text);
    }
    FAILS("NR.CONFIGURE net FOO 1", CONFIGURE "unknown option 'FOO'");
    FAILS("NR.CONFIGURE net L2", CONFIGURE "L2 wants a value");
    FAILS("NR.CONFIGURE net L2 0 L2 0", CONFIGURE "L2 is given twice");
    FAILS("NR.CONFIGURE net BATHC 1",
          CONFIGURE "unknown option 'BATHC', did you mean BATCH?");
}

int main(void) {
    test_create_reads_the_layout();
    test_create_reads_the_options();
    test_create_normalizes_where_nothing_else_is_said();
    test_create_makes_datasets_that_fit();
    test_create_refuses_bad_types();
    test_create_refuses_bad_layouts();
    test_create_refuses_what_is_too_large();
    test_create_refuses_bad_options();
    test_classic_goes_with_seed_and_threads_alone();
    test_shapes_from_elsewhere_are_checked();
    test_configure_lists_and_sets();
    return summary();
}
