/* A training that is saved and goes on elsewhere is the same to the bit as one that
 * was not disturbed; and what was saved is not trusted. */

#include "making.h"
#include "train/language.h"
#include "train/translate.h"

static const uint64_t DIGEST = 7, ELAPSED = 1234;

static void observe_series(nr_net *net, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char line[100];
        nr_buf reply = {0};
        sprintf(line, "NR.OBSERVE k -> y=%zu", i % 7 + i / 30);
        CHECK(execute(net, line, &reply) == NR_OK);
        nr_buf_free(&reply);
    }
}

static void observe_texts(nr_net *net, size_t n, const char *dataset) {
    for (size_t i = 0; i < n; i++) {
        char line[200];
        nr_buf reply = {0};
        if (nr_is_translator(net))
            sprintf(line, "NR.OBSERVE k a=a%zu -> \"b=A B%zu %zu\" %s", i % 30, i % 5,
                    i % 7, dataset);
        else
            sprintf(line, "NR.OBSERVE k -> \"s=the %zu cat sat on %zu mats\" %s", i % 5,
                    i % 7, dataset);
        CHECK(execute(net, line, &reply) == NR_OK);
        nr_buf_free(&reply);
    }
}

static void fill_any(nr_net *net, size_t train, size_t test) {
    if (nr_is_forecaster(net)) {
        observe_series(net, train);
    } else if (nr_is_generator(net)) {
        observe_texts(net, train, "TRAIN");
        observe_texts(net, test, "TEST");
    } else {
        fill(net, train, NR_DATASET_TRAIN);
        fill(net, test, NR_DATASET_TEST);
    }
}

/* A cycle, or a step of a generator's; false at the end. */
static bool go_on(nr_trainer *t) {
    if (t->language)
        nr_language_chunk(t);
    else if (t->translation)
        nr_translate_batch(t);
    else
        nr_cycle(t);
    return !t->over;
}

static nr_net *finish(nr_trainer *t) {
    nr_net *trained = NULL;
    CHECK(nr_trainer_finish(t, 0, &trained, &err) == NR_OK);
    nr_trainer_free(t);
    return trained;
}

static nr_buf dump_of(nr_net *net) {
    nr_buf dump = {0};
    CHECK(nr_net_dump(net, &dump, &err) == NR_OK && dump.len);
    nr_net_free(net);
    return dump;
}

/* Goes on from what was saved, to the end. */
static void expect_same(const nr_net *net, const char *line, const nr_buf *saved,
                        const nr_buf *wanted) {
    uint64_t elapsed = 0;
    nr_trainer *t = trainer(net, line);
    if (!check(nr_trainer_load(t, DIGEST, saved->data, saved->len, &elapsed,
                               &err) == NR_OK, line, __LINE__))
        fprintf(stderr, "  %s\n", err.text);
    CHECK(elapsed == ELAPSED);
    while (go_on(t)) {}
    nr_buf dump = dump_of(finish(t));
    check(same_bytes(dump, *wanted), line, __LINE__);
    nr_buf_free(&dump);
}

/* Saved at each moment; returns how often that was possible. */
static int expect_same_from_anywhere(const char *create, const char *line,
                                     size_t train_n, size_t test_n) {
    noise_state = 9;
    int times = 0;
    nr_net *net = make(create);
    fill_any(net, train_n, test_n);
    nr_buf wanted = dump_of(train(net, line));
    nr_trainer *t = trainer(net, line);
    do {
        nr_buf saved = {0};
        if (!nr_trainer_save_bytes(t)) continue;
        CHECK(nr_trainer_save(t, DIGEST, ELAPSED, &saved, &err) == NR_OK);
        CHECK(saved.len == nr_trainer_save_bytes(t));
        expect_same(net, line, &saved, &wanted);
        nr_buf_free(&saved);
        times++;
    } while (go_on(t));
    CHECK(nr_trainer_save_bytes(t) == 0);
    nr_trainer_free(t);
    nr_buf_free(&wanted);
    nr_net_free(net);
    return times;
}

static void test_any_training_goes_on_to_the_same_bits(void) {
    static const struct {
        const char *create, *line;
        size_t train, test;
        int times; /* at least */
    } cases[] = {
        {"NR.CREATE k CLASSIFIER 4 5 -> 3 SEED 1 MEMBERS 8",
         "NR.TRAIN k MAXCYCLES 9 AUTOSTOP BACKTRACK", 150, 70, 10},
        {"NR.CREATE k REGRESSOR 4 5 -> 2 SEED 2 MEMBERS 2 OPTIMIZER ADAM",
         "NR.TRAIN k MAXCYCLES 7 AUTOSTOP BACKTRACK", 150, 70, 8},
        {"NR.CREATE k REGRESSOR 4 5 -> 2 SEED 2 OPTIMIZER SGD BATCH 20 NORMALIZE",
         "NR.TRAIN k MAXCYCLES 6", 150, 0, 6},
        {"NR.CREATE k CLASSIFIER 4 5 -> 2 SEED 3 CLASSIC",
         "NR.TRAIN k MAXCYCLES 9 AUTOSTOP", 150, 70, 9},
        {"NR.CREATE k FORECASTER -> y:number HORIZON 2 WINDOW 5 SEED 5",
         "NR.TRAIN k MAXCYCLES 5 AUTOSTOP BACKTRACK", 80, 0, 5},
        {"NR.CREATE k GENERATOR 6 4 -> s:sequence(word) SEED 6 CELL LSTM BATCH 5 "
         "UNROLL 9",
         "NR.TRAIN k MAXCYCLES 3 AUTOSTOP BACKTRACK", 40, 10, 12},
        {"NR.CREATE k GENERATOR 6 -> s:sequence(word) SEED 6 CELL GRU BATCH 5 "
         "OPTIMIZER ADAM",
         "NR.TRAIN k MAXCYCLES 3", 40, 0, 5},
        {"NR.CREATE k GENERATOR a:sequence(char) 8 -> b:sequence(word) SEED 7 BATCH 16",
         "NR.TRAIN k MAXCYCLES 3 AUTOSTOP BACKTRACK", 50, 10, 12},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(expect_same_from_anywhere(cases[i].create, cases[i].line,
                                        cases[i].train,
                                        cases[i].test) >= cases[i].times);
}

/* ================================= Digest ================================ */

static uint64_t digest_of(const nr_net *net, const char *line) {
    uint64_t digest = 0;
    CHECK(run_bytes(line, strlen(line)) == NR_OK);
    CHECK(nr_training_digest(net, &cmd, &digest, &err) == NR_OK);
    release();
    return digest;
}

static void test_a_digest_is_of_samples_options_and_command(void) {
    const char *line = "NR.TRAIN k MAXCYCLES 9";
    nr_buf reply = {0};
    nr_net *net = make("NR.CREATE k REGRESSOR 2 3 -> 1 SEED 1 DATASET 5");
    fill(net, 4, NR_DATASET_TRAIN);
    uint64_t before = digest_of(net, line);
    net->h.trainings++;
    CHECK(digest_of(net, line) == before);
    CHECK(digest_of(net, "NR.TRAIN k MAXCYCLES 8") != before);
    CHECK(execute(net, "NR.CONFIGURE k L2 0.5", &reply) == NR_OK);
    uint64_t other = digest_of(net, line);
    CHECK(other != before);
    for (int i = 0; i < 3; i++) { /* then they take each other's places */
        fill(net, 1, NR_DATASET_TRAIN);
        before = digest_of(net, line);
        CHECK(before != other);
        other = before;
    }
    nr_buf_free(&reply);
    nr_net_free(net);
}

/* ================================ Bad input ============================== */

/* Refused, or a training that ends. */
static void expect_harmless(const nr_net *net, const char *line,
                            const nr_buf *saved, uint64_t digest, bool taken) {
    uint64_t elapsed;
    nr_net *trained = NULL;
    nr_trainer *t = trainer(net, line);
    nr_status status = nr_trainer_load(t, digest, saved->data, saved->len,
                                       &elapsed, &err);
    CHECK(status == NR_OK || !strncmp(err.text, "ERR ", 4));
    CHECK(taken || status != NR_OK);
    for (int i = 0; i < 3 && go_on(t); i++) {}
    nr_trainer_stop(t);
    while (nr_trainer_step(t, 0)) {}
    CHECK(nr_trainer_finish(t, 0, &trained, &err) == NR_OK);
    nr_net_free(trained);
    nr_trainer_free(t);
}

static void try_everything(const nr_net *net, const char *line, nr_buf *saved) {
    static const uint64_t words[] = {0, 1, 3, 1u << 31, UINT64_MAX,
                                     0x7ff8000000000000};
    size_t step = saved->len > 1600 ? saved->len / 200 / 8 * 8 + 8 : 8;
    for (size_t at = 0; at + 8 <= saved->len; at += at < 600 ? 8 : step)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            unsigned char before[8];
            memcpy(before, saved->data + at, 8);
            memcpy(saved->data + at, &words[i], 8);
            bool same = !memcmp(before, saved->data + at, 8);
            if (i == 0) expect_harmless(net, line, saved, DIGEST, same);
            nr_checkpoint_seal(saved->data, saved->len);
            expect_harmless(net, line, saved, DIGEST, true);
            memcpy(saved->data + at, before, 8);
            nr_checkpoint_seal(saved->data, saved->len);
        }
    for (size_t len = saved->len; len--; len -= len < 600 ? 0 : len / 50) {
        nr_buf cut = {saved->data, len, len};
        expect_harmless(net, line, &cut, DIGEST, false);
    }
    expect_harmless(net, line, saved, DIGEST + 1, false);
    expect_harmless(net, line, saved, DIGEST, true);
}

static void test_what_was_saved_is_not_trusted(void) {
    static const struct {
        const char *create, *line;
        size_t train, test;
        int cycles;
    } cases[] = {
        {"NR.CREATE k REGRESSOR 2 3 -> 1 SEED 2 MEMBERS 2 OPTIMIZER ADAM",
         "NR.TRAIN k MAXCYCLES 4 AUTOSTOP BACKTRACK", 40, 20, 5},
        {"NR.CREATE k CLASSIFIER 2 3 -> 2 SEED 2 MEMBERS 1",
         "NR.TRAIN k MAXCYCLES 4 AUTOSTOP BACKTRACK", 40, 20, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nr_buf saved = {0};
        noise_state = 9;
        nr_net *net = make(cases[i].create);
        fill_any(net, cases[i].train, cases[i].test);
        nr_trainer *t = trainer(net, cases[i].line);
        for (int c = 0; c < cases[i].cycles; c++) go_on(t);
        CHECK(nr_trainer_save(t, DIGEST, ELAPSED, &saved, &err) == NR_OK);
        nr_trainer_free(t);
        try_everything(net, cases[i].line, &saved);
        nr_buf_free(&saved);
        nr_net_free(net);
    }
}

static void test_only_what_stands_still_is_saved(void) {
    nr_buf saved = {0};
    uint64_t elapsed;
    nr_net *net = make("NR.CREATE k REGRESSOR 2 3 -> 1 SEED 2 BATCH 5 OPTIMIZER ADAM");
    fill(net, 20, NR_DATASET_TRAIN);
    nr_trainer *t = trainer(net, "NR.TRAIN k MAXCYCLES 4");
    CHECK(nr_trainer_save(t, DIGEST, ELAPSED, &saved, &err) == NR_OK);
    CHECK(nr_trainer_begin(t, 0) == 1);
    CHECK(nr_trainer_save_bytes(t) == 0);
    CHECK(nr_trainer_save(t, DIGEST, ELAPSED, &saved, &err) == NR_ERR);
    CHECK(nr_trainer_load(t, DIGEST, saved.data, saved.len, &elapsed, &err) == NR_ERR);
    nr_trainer_free(t);
    nr_buf_free(&saved);
    nr_net_free(net);
}

int main(void) {
    test_any_training_goes_on_to_the_same_bits();
    test_a_digest_is_of_samples_options_and_command();
    test_what_was_saved_is_not_trusted();
    test_only_what_stands_still_is_saved();
    return summary();
}
