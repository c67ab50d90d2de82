/* What becomes of the network that is there when a training ends: which results
 * are merged, which weights stay in place, and what is told of it. */

#include "making.h"

/* ================================ Merging ================================ */

static void test_a_reset_network_refuses_the_old_training(void) {
    nr_buf reply = {0};
    nr_net *net = make("NR.CREATE k CLASSIFIER 3 4 -> 2 SEED 1");
    fill(net, 20, NR_DATASET_TRAIN);
    nr_net *trained = train(net, "NR.TRAIN k MAXCYCLES 5");
    CHECK(execute(net, "NR.RESET k", &reply) == NR_OK);
    CHECK(nr_net_merge(net, trained, &err) == NR_STALE);
    CHECK(net->h.stats.cycles == 0 && !net->h.trained);
    nr_net *again = train(net, "NR.TRAIN k MAXCYCLES 5");
    fill(net, 3, NR_DATASET_TRAIN);
    CHECK(nr_net_merge(net, again, &err) == NR_OK);
    CHECK(net->h.stats.cycles == 5 && net->h.len[0] == 23);
    CHECK(nr_net_merge(net, again, &err) == NR_STALE);
    nr_net_free(trained);
    nr_net_free(again);
    nr_net_free(net);
    nr_buf_free(&reply);
}

/* The id and the revision are the same: someone made them up. */
static void test_weights_of_another_layout_are_refused(void) {
    static const char *others[] = {
        "NR.CREATE k CLASSIFIER 3 4 -> 2 SEED 1 MEMBERS 4",
        "NR.CREATE k CLASSIFIER 3 5 -> 2 SEED 1 MEMBERS 5",
        "NR.CREATE k REGRESSOR 3 4 -> 2 SEED 1 MEMBERS 5",
    };
    nr_net *net = make("NR.CREATE k CLASSIFIER 3 4 -> 2 SEED 1 MEMBERS 5");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        nr_net *other = make(others[i]);
        fill(other, 20, NR_DATASET_TRAIN);
        nr_net *trained = train(other, "NR.TRAIN k MAXCYCLES 1");
        CHECK(nr_net_merge(net, trained, &err) == NR_STALE);
        nr_net_free(trained);
        nr_net_free(other);
    }
    nr_net_free(net);
}

/* A second training sees other factors and must start from the same function:
 * trained for no time at all it gives the same outputs. */
static void test_new_factors_keep_the_function(void) {
    const char *creates[] = {
        "NR.CREATE k CLASSIFIER 4 6 -> 3 NORMALIZE SEED 1 DATASET 100",
        "NR.CREATE k REGRESSOR 4 6 -> 2 NORMALIZE SEED 1 DATASET 100",
        "NR.CREATE k REGRESSOR 4 -> 2 SEED 1 DATASET 100"};
    for (int i = 0; i < 3; i++) {
        nr_net *net = make(creates[i]);
        fill(net, 60, NR_DATASET_TRAIN);
        nr_net *trained = train(net, "NR.TRAIN k MAXCYCLES 40");
        CHECK(nr_net_merge(net, trained, &err) == NR_OK);
        float x[4] = {0.3f, -0.2f, 0.9f, 0.1f}, before[3], after[3];
        CHECK(nr_net_run(net, x, 1, before, &err) == NR_OK);
        fill(net, 40, NR_DATASET_TRAIN);
        nr_trainer *t = trainer(net, "NR.TRAIN k");
        nr_net *copy = nr_net_clone(net);
        nr_array_drop(atomic_exchange(&copy->weights,
                                      nr_array_hold(t->weights)));
        CHECK(nr_net_run(copy, x, 1, after, &err) == NR_OK);
        for (size_t o = 0; o < nr_outputs(net); o++)
            CHECK(fabsf(before[o] - after[o]) < 2e-5f);
        nr_trainer_free(t);
        nr_net_free(copy);
        nr_net_free(trained);
        nr_net_free(net);
    }
}

/* ====================== Which weights stay in place ====================== */

static const char AUTO[] = "NR.TRAIN k MAXTIME 50 AUTOSTOP BACKTRACK";

static void merge_to_the_end(nr_net *net) {
    nr_net *trained = train(net, AUTO);
    CHECK(nr_net_merge(net, trained, &err) == NR_OK);
    nr_net_free(trained);
}

/* Ends a trainer after some cycles, and merges what it says. */
static void cut(nr_net *net, nr_trainer *t, int cycles, bool stop) {
    nr_net *trained = NULL;
    while (cycles--) nr_cycle(t);
    if (stop) nr_trainer_stop(t);
    while (nr_trainer_step(t, stop ? 0 : 60)) {}
    CHECK(nr_trainer_finish(t, 60, &trained, &err) == NR_OK);
    CHECK(nr_net_merge(net, trained, &err) == NR_OK);
    nr_trainer_free(t);
    nr_net_free(trained);
}

static void expect_outcome(const nr_net *net, nr_outcome outcome,
                           const char *begins) {
    const char *text;
    check(nr_net_outcome(net, &text) == outcome, begins, __LINE__);
    if (!check(!strncmp(text, begins, strlen(begins)), begins, __LINE__))
        fprintf(stderr, "  %s\n", text);
}

/* All that is known of it but how many trainings have ended, and how. */
static void expect_as_it_was(const nr_net *net, const nr_net *before) {
    CHECK(!memcmp(&net->h.stats, &before->h.stats, sizeof net->h.stats));
    CHECK(net->h.revision == before->h.revision && net->h.trained);
    CHECK(net->history == before->history);
    CHECK(atomic_load(&((nr_net *)net)->weights) ==
          atomic_load(&((nr_net *)before)->weights));
}

/* A class that two inputs tell, together. */
static void fill_learnable(nr_net *net, size_t n, nr_dataset_id which) {
    for (size_t r = 0; r < n; r++) {
        float row[4] = {noise(), noise(), noise(), 0};
        row[3] = row[0] * row[1] > 0;
        CHECK(nr_net_observe(net, row, 1, which, &err) == NR_OK);
    }
}

static void test_a_network_that_works_is_never_made_worse(void) {
    nr_net *net = make("NR.CREATE k CLASSIFIER 3 9 -> 2 SEED 4 MEMBERS 3");
    fill_learnable(net, 300, NR_DATASET_TRAIN);
    fill_learnable(net, 100, NR_DATASET_TEST);
    expect_outcome(net, NR_NEVER, "never");
    cut(net, trainer(net, AUTO), 0, true);
    expect_outcome(net, NR_KEPT, "kept: stopped before its first cycle");
    CHECK(!net->h.trained && net->h.stats.ending == NR_ENDED_NOT);
    cut(net, trainer(net, AUTO), 3, true); /* nothing is in place yet */
    expect_outcome(net, NR_MERGED, "merged");
    CHECK(net->h.stats.cycles == 3 && net->h.stats.ending == NR_ENDED_STOP);
    merge_to_the_end(net); /* goes on */
    merge_to_the_end(net); /* begins afresh */
    CHECK(net->h.stats.ending == NR_ENDED_AUTOSTOP && net->h.trainings == 4);

    nr_net *before = nr_net_clone(net);
    for (int i = 0; i < 3; i++) {
        static const char *const texts[] = {
            "kept: stopped before its first cycle",
            "kept: stopped at a testing error of 0.",
            "kept: out of time at a testing error of 0."};
        cut(net, trainer(net, AUTO), i, i < 2);
        expect_outcome(net, NR_KEPT, texts[i]);
        expect_as_it_was(net, before);
        CHECK(net->h.trainings == 5 + (uint64_t)i);
    }
    merge_to_the_end(net); /* by itself, and so it is what it was */
    expect_outcome(net, NR_MERGED, "merged");
    CHECK(net->h.stats.test_error == before->h.stats.test_error);

    net->h.stats.test_error = 1e9;
    cut(net, trainer(net, AUTO), 2, true);
    expect_outcome(net, NR_MERGED, "merged");
    nr_net_free(before);
    nr_net_free(net);
}

static void test_a_diverged_training_leaves_what_works(void) {
    nr_net *net = make("NR.CREATE k REGRESSOR 2 4 -> 1 SEED 4");
    fill(net, 60, NR_DATASET_TRAIN);
    fill(net, 40, NR_DATASET_TEST);
    merge_to_the_end(net);
    nr_net *before = nr_net_clone(net);
    nr_trainer *t = trainer(net, AUTO);
    for (size_t i = 0; i < t->count; i++) t->members[i].w[0] = NAN;
    cut(net, t, 1, true);
    expect_outcome(net, NR_KEPT, "kept: diverged");
    expect_as_it_was(net, before);
    nr_net_free(before);
    nr_net_free(net);
}

static void test_a_failure_is_told_in_one_line(void) {
    nr_net *net = make("NR.CREATE k REGRESSOR 2 4 -> 1 SEED 4");
    char whole[NR_OUTCOME_TEXT];
    memset(whole, 'x', sizeof whole);
    nr_net *failed = nr_net_unlearned(net, NR_FAILED, "ERR no\nroom");
    CHECK(nr_net_merge(net, failed, &err) == NR_OK && net->h.revision == 0);
    expect_outcome(net, NR_FAILED, "failed: no\\x0aroom");
    CHECK(nr_net_tell(net, "kept: so", 8, &err) == NR_OK);
    expect_outcome(net, NR_KEPT, "kept: so");
    CHECK(nr_net_tell(net, "kept: \n", 7, &err) == NR_ERR);
    CHECK(nr_net_tell(net, "kept", 4, &err) == NR_ERR);
    CHECK(nr_net_tell(net, "merged: x", 9, &err) == NR_ERR);
    CHECK(nr_net_tell(net, whole, sizeof whole, &err) == NR_ERR);
    CHECK(net->h.trainings == 2);
    nr_net_free(failed);
    nr_net_free(net);
}

int main(void) {
    test_a_reset_network_refuses_the_old_training();
    test_weights_of_another_layout_are_refused();
    test_new_factors_keep_the_function();
    test_a_network_that_works_is_never_made_worse();
    test_a_diverged_training_leaves_what_works();
    test_a_failure_is_told_in_one_line();
    return summary();
}
