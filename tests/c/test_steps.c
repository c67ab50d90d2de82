/* A training shared by several trainers, step by step, is the same to the bit as
 * one alone; and what they hand on is not trusted. */

#include "making.h"

enum { MOST_RANKS = 5 };

static void fill_some(nr_net *net, size_t n, nr_dataset_id which, double part) {
    float row[256];
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i < net->row; i++)
            row[i] = i >= nr_inputs(net) || ((double)noise() + 1) / 2 < part
                         ? noise()
                         : 0;
        if (net->h.kind == NR_CLASSIFIER)
            row[nr_inputs(net)] =
                (float)(nr_mix(noise_state) % nr_outputs(net));
        CHECK(nr_net_observe(net, row, 1, which, &err) == NR_OK);
    }
}

/* Each has its share of the blocks; what they send arrives in any order. */
static bool step_together(nr_trainer **t, size_t ranks) {
    nr_buf sums[MOST_RANKS] = {{0}};
    uint64_t blocks = 0;
    for (size_t r = 0; r < ranks; r++) {
        uint64_t own = nr_trainer_begin(t[r], 0);
        CHECK(r == 0 || own == blocks);
        blocks = own;
    }
    for (size_t r = 0; r < ranks && blocks; r++) {
        uint64_t first = blocks * r / ranks, last = blocks * (r + 1) / ranks;
        CHECK(nr_trainer_gradient(t[r], first, last, &err) == NR_OK);
        CHECK(nr_trainer_sums(t[r], &sums[r], &err) == NR_OK);
    }
    for (size_t r = 0; r < ranks && blocks; r++) {
        for (size_t i = 1; i < ranks; i++) {
            const nr_buf *b = &sums[(r + ranks - i) % ranks];
            CHECK(nr_trainer_put(t[r], b->data, b->len, &err) == NR_OK);
        }
        CHECK(nr_trainer_apply(t[r], &err) == NR_OK);
    }
    for (size_t r = 0; r < ranks; r++) nr_buf_free(&sums[r]);
    return blocks > 0;
}

static nr_net *finish(nr_trainer *t) {
    nr_net *trained = NULL;
    CHECK(nr_trainer_finish(t, 0, &trained, &err) == NR_OK);
    nr_trainer_free(t);
    return trained;
}

static void expect_same_together(nr_net *net, const char *line, size_t ranks,
                                 const char *what) {
    static const char *threads[] = {"THREADS 1", "THREADS 3"};
    nr_trainer *t[MOST_RANKS];
    char configure[64];
    for (size_t r = 0; r < ranks; r++) {
        nr_buf reply = {0};
        snprintf(configure, sizeof configure, "NR.CONFIGURE k %s",
                 threads[r % 2]);
        CHECK(execute(net, configure, &reply) == NR_OK);
        nr_buf_free(&reply);
        t[r] = trainer(net, line);
    }
    while (step_together(t, ranks)) {}
    for (size_t r = 0; r < ranks; r++)
        expect_same_result(train(net, line), finish(t[r]), what);
}

static void test_together_is_as_alone(void) {
    static const struct {
        size_t train, test;
        double part;
        const char *create, *line;
    } cases[] = {
        {5000, 1300, 1, "NR.CREATE k CLASSIFIER 9 15 -> 2 SEED 1 MEMBERS 4 "
         "DATASET 9000", "NR.TRAIN k MAXCYCLES 6 AUTOSTOP BACKTRACK"},
        {3400, 9, 1, "NR.CREATE k REGRESSOR 60 40 -> 2 SEED 2 MEMBERS 1 "
         "DATASET 9000", "NR.TRAIN k MAXCYCLES 5"},
        {2500, 0, 1, "NR.CREATE k REGRESSOR 20 30 -> 1 SEED 3 MEMBERS 2 "
         "OPTIMIZER ADAM BATCH 1700 DATASET 9000", "NR.TRAIN k MAXCYCLES 3"},
        {300, 80, 1, "NR.CREATE k CLASSIFIER 5 4 -> 3 SEED 4 OPTIMIZER SGD "
         "MEMBERS 2", "NR.TRAIN k MAXCYCLES 3 AUTOSTOP BACKTRACK"},
        {9000, 1100, 0.05, "NR.CREATE k CLASSIFIER 90 20 -> 2 SEED 5 NORMALIZE "
         "MEMBERS 2 DATASET 9000", "NR.TRAIN k MAXCYCLES 4 AUTOSTOP "
         "BACKTRACK"},
        {700, 90, 1, "NR.CREATE k REGRESSOR 9 15 -> 2 SEED 6 CLASSIC",
         "NR.TRAIN k MAXCYCLES 9 AUTOSTOP"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        noise_state = 23;
        nr_net *net = make(cases[i].create);
        fill_some(net, cases[i].train, NR_DATASET_TRAIN, cases[i].part);
        fill_some(net, cases[i].test, NR_DATASET_TEST, cases[i].part);
        for (size_t ranks = 1; ranks <= MOST_RANKS; ranks += 2)
            expect_same_together(net, cases[i].line, ranks, cases[i].create);
        expect_same_together(net, cases[i].line, 2, cases[i].create);
        nr_net_free(net);
    }
}

/* A host may change its mind, and go on as usual. */
static void test_steps_and_cycles_mix(void) {
    noise_state = 5;
    nr_net *net = make("NR.CREATE k CLASSIFIER 9 15 -> 2 SEED 1 MEMBERS 3");
    fill_some(net, 900, NR_DATASET_TRAIN, 1);
    fill_some(net, 100, NR_DATASET_TEST, 1);
    const char *line = "NR.TRAIN k MAXCYCLES 7 AUTOSTOP BACKTRACK";
    nr_trainer *t = trainer(net, line);
    for (int i = 0; i < 5; i++) step_together(&t, 1);
    CHECK(nr_trainer_begin(t, 0) == 2);
    CHECK(nr_trainer_gradient(t, 0, 1, &err) == NR_OK); /* and leaves it there */
    while (nr_trainer_step(t, 0)) {}
    expect_same_result(train(net, line), finish(t), line);
    nr_net_free(net);
}

static void expect_refused(nr_status status, const char *text, int at) {
    if (!check(status == NR_ERR && !strncmp(err.text, text, strlen(text)),
               text, at))
        fprintf(stderr, "  got: %s\n", err.text);
}

#define REFUSED(call, text) expect_refused(call, text, __LINE__)

/* A sum that says so many blocks from `first` on. */
static nr_status put_as(nr_trainer *t, nr_buf *sum, uint64_t first,
                        uint64_t count) {
    memcpy(sum->data, &first, sizeof first);
    memcpy(sum->data + sizeof first, &count, sizeof count);
    return nr_trainer_put(t, sum->data, sum->len, &err);
}

static void test_what_is_put_is_not_trusted(void) {
    nr_buf sum = {0};
    nr_net *net = make("NR.CREATE k REGRESSOR 3 4 -> 1 SEED 1 DATASET 9000");
    fill(net, 2700, NR_DATASET_TRAIN); /* six blocks */
    nr_trainer *t = trainer(net, "NR.TRAIN k MAXCYCLES 3");
    REFUSED(nr_trainer_gradient(t, 0, 1, &err), "ERR no step");
    REFUSED(nr_trainer_sums(t, &sum, &err), "ERR no step");
    REFUSED(nr_trainer_put(t, NULL, 0, &err), "ERR no step");
    REFUSED(nr_trainer_apply(t, &err), "ERR no step");
    CHECK(nr_trainer_begin(t, 0) == 6 && nr_trainer_begin(t, 0) == 6);
    REFUSED(nr_trainer_gradient(t, 3, 2, &err), "ERR blocks 3 to 2 of a step");
    REFUSED(nr_trainer_gradient(t, 0, 7, &err), "ERR blocks 0 to 7 of a step");
    CHECK(nr_trainer_gradient(t, 4, 5, &err) == NR_OK);
    CHECK(nr_trainer_sums(t, &sum, &err) == NR_OK);
    REFUSED(nr_trainer_put(t, sum.data, sum.len - 1, &err), "ERR sums of");
    static const uint64_t wrong[][2] = {
        {4, 1}, {4, 2}, {6, 1}, {0, 8}, {0, 0}, {1, 2}, {0, 3}, {3, 1u << 31},
        {UINT64_MAX, 1}, {0, UINT64_C(1) << 63}, {UINT64_MAX - 1, 2}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        REFUSED(put_as(t, &sum, wrong[i][0], wrong[i][1]), "ERR a sum of");
    CHECK(put_as(t, &sum, 5, 1) == NR_OK);
    REFUSED(put_as(t, &sum, 5, 1), "ERR a sum of");
    CHECK(put_as(t, &sum, 2, 2) == NR_OK);
    REFUSED(nr_trainer_apply(t, &err), "ERR block 0 of 6 is in none");
    CHECK(put_as(t, &sum, 0, 1) == NR_OK);
    REFUSED(nr_trainer_apply(t, &err), "ERR block 1 of 6 is in none");
    CHECK(put_as(t, &sum, 1, 1) == NR_OK);
    CHECK(nr_trainer_apply(t, &err) == NR_OK);
    CHECK(nr_trainer_begin(t, 0) == 6);
    nr_trainer_stop(t);
    REFUSED(nr_trainer_gradient(t, 0, 6, &err), "ERR the training was stopped");
    CHECK(nr_trainer_begin(t, 0) == 0);
    nr_net *trained = finish(t);
    const char *why; /* members that were not through a cycle are not merged */
    CHECK(nr_net_outcome(trained, &why) == NR_KEPT);
    nr_net_free(trained);
    nr_net_free(net);
    nr_buf_free(&sum);
}

int main(void) {
    test_together_is_as_alone();
    test_steps_and_cycles_mix();
    test_what_is_put_is_not_trusted();
    return summary();
}
