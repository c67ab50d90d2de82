/* Inputs as lists: the same learning as with panels but for rounding, the same
 * bits whatever the threads and the instruction set, and the samples alone say
 * which it is. */

#include "listing/listing.h"
#include "making.h"

/* ================================= Samples =============================== */

typedef enum quirk { PLAIN, HUGE_VALUES, OFFSETS, EMPTY_ROWS, NOTHING } quirk;

/* A part of the inputs is not 0; every fifth never is, by which a column is
 * always 0. */
static void fill_sparse(nr_net *net, size_t n, nr_dataset_id which,
                        double part, quirk q) {
    size_t in = nr_inputs(net);
    float *row = calloc(net->row, sizeof *row);
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i < net->row; i++) {
            bool zero = ((double)noise() + 1) / 2 >= part || i % 5 == 4;
            if (q == NOTHING || (q == EMPTY_ROWS && r % 3)) zero = true;
            row[i] = zero && i < in ? 0 : noise();
            if (q == HUGE_VALUES && i < in) row[i] *= 3e38f;
            if (q == OFFSETS && i % 7 == 0 && i < in)
                row[i] = 3000 + noise(); /* a column of years */
            if (q == OFFSETS && i % 7 == 1 && i < in) row[i] = 8;
        }
        if (net->h.kind == NR_CLASSIFIER)
            row[in] = (float)(nr_mix(noise_state) % nr_outputs(net));
        CHECK(nr_net_observe(net, row, 1, which, &err) == NR_OK);
    }
    free(row);
}

static nr_trainer *trainer_by(const nr_net *net, const char *line,
                              listing how) {
    forced_listing = how;
    nr_trainer *t = trainer(net, line);
    forced_listing = BY_SAMPLES;
    return t;
}

/* ============================== As with panels =========================== */

/* One gradient over both datasets, as a refit takes it, or of a mini-batch; the
 * sum of losses. */
static double gradient_of_both(nr_trainer *t) {
    nr_losses sum;
    nr_step all = {.set = &t->train, .n = t->train.n + t->test.n};
    if (t->test.n) all.more = &t->test;
    if (t->batch) all = (nr_step){.n = t->batch};
    CHECK(nr_pass_gradient(t, &all, &sum));
    return sum.objective;
}

/* The largest difference of two gradients, in units of the largest. */
static double apart(const float *a, const float *b, size_t n) {
    double worst = 0, largest = 1e-30;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= worst)) worst = d; /* NaN, too */
        if (fabs((double)b[i]) > largest) largest = fabs((double)b[i]);
    }
    return worst / largest;
}

static bool near(double a, double b, double tolerance) {
    return fabs(a - b) <= tolerance * (fabs(a) + fabs(b) + 1e-9);
}

static void expect_agreement(const char *create, size_t train, size_t test,
                             double part, quirk q) {
    noise_state = 5;
    nr_net *net = make(create);
    fill_sparse(net, train, NR_DATASET_TRAIN, part, q);
    fill_sparse(net, test, NR_DATASET_TEST, part, q);
    nr_trainer *panels = trainer_by(net, "NR.TRAIN k", NEVER_LISTS);
    nr_trainer *lists = trainer_by(net, "NR.TRAIN k", ALWAYS_LISTS);
    CHECK(!panels->sparse && lists->sparse);
    double a = gradient_of_both(panels), b = gradient_of_both(lists);
    double off = apart(nr_pass_result(lists), nr_pass_result(panels),
                        panels->params);
    bool same = near(a, b, 1e-5) && off < 2e-5;
    for (int i = 0; i < 3; i++) nr_cycle(panels), nr_cycle(lists);
    same &= near(panels->train_error, lists->train_error, 1e-3);
    nr_member_test(panels, panels->now);
    nr_member_test(lists, lists->now);
    same &= near(panels->now->test_error, lists->now->test_error, 1e-3);
    if (!check(same, create, __LINE__))
        fprintf(stderr, "  quirk %d: losses %g %g, gradients %g apart, errors "
                        "%g %g, %g %g\n", (int)q, a, b, off,
                panels->train_error, lists->train_error,
                panels->now->test_error, lists->now->test_error);
    nr_trainer_free(panels);
    nr_trainer_free(lists);
    nr_net_free(net);
}

static const char *networks[] = {
    "NR.CREATE k CLASSIFIER 300 20 -> 3 SEED 1 NORMALIZE NO MEMBERS 2",
    "NR.CREATE k CLASSIFIER 300 20 -> 3 SEED 1 NORMALIZE MEMBERS 1",
    "NR.CREATE k CLASSIFIER 300 -> 4 SEED 2 NORMALIZE CLASSWEIGHTS BALANCED",
    "NR.CREATE k CLASSIFIER 70 130 9 -> 3 CLASSIC SEED 3 NORMALIZE",
    "NR.CREATE k REGRESSOR 120 33 17 -> 2 SEED 4 NORMALIZE L2 0.1 MEMBERS 1 "
    "ACTIVATION RELU",
    "NR.CREATE k REGRESSOR 65 16 -> 1 SEED 5 OPTIMIZER ADAM BATCH 50 "
    "NORMALIZE MEMBERS 1",
    "NR.CREATE k CLASSIFIER 200 48 -> 3 SEED 6 OPTIMIZER SGD BATCH 700 "
    "NORMALIZE NO MEMBERS 1",
    "NR.CREATE k REGRESSOR 1 3 -> 1 SEED 7 NORMALIZE MEMBERS 1",
    /* Large enough for threads. */
    "NR.CREATE k CLASSIFIER 900 31 -> 3 SEED 8 NORMALIZE MEMBERS 1",
    "NR.CREATE k CLASSIFIER 900 40 -> 3 SEED 9 OPTIMIZER ADAM BATCH 300 "
    "NORMALIZE MEMBERS 1",
};
enum { NETWORKS = sizeof networks / sizeof *networks };

static void test_lists_learn_as_panels_do(void) {
    static const size_t sizes[][2] = {{1, 1}, {64, 3}, {511, 65}, {513, 520}};
    for (int i = 0; i < NETWORKS; i++)
        for (int s = 0; s < 4; s++)
            for (quirk q = PLAIN; q <= NOTHING; q++)
                if (q != HUGE_VALUES)
                    expect_agreement(networks[i], sizes[s][0], sizes[s][1],
                                     0.1, q);
    expect_agreement(networks[0], 600, 100, 1, PLAIN);
    expect_agreement(networks[1], 600, 100, 1, PLAIN);
}

/* To the end: best weights, the refit, the temperature, the errors told. */
static void test_whole_trainings_agree(void) {
    const char *create = "NR.CREATE k CLASSIFIER 300 12 -> 3 SEED 2 NORMALIZE "
                         "OPTIMIZER SGD BATCH 90 MEMBERS 4";
    float outputs[2][70 * 3];
    double errors[2];
    nr_net *net = make(create);
    fill_sparse(net, 300, NR_DATASET_TRAIN, 0.1, OFFSETS);
    fill_sparse(net, 70, NR_DATASET_TEST, 0.1, OFFSETS);
    for (int i = 0; i < 2; i++) {
        forced_listing = i ? ALWAYS_LISTS : NEVER_LISTS;
        nr_net *trained =
            train(net, "NR.TRAIN k MAXCYCLES 8 AUTOSTOP BACKTRACK");
        forced_listing = BY_SAMPLES;
        errors[i] = trained->h.stats.test_error;
        for (size_t r = 0; r < 70; r++)
            CHECK(nr_net_run(trained, nr_dataset_row(net, NR_DATASET_TEST, r),
                             1, outputs[i] + r * 3, &err) == NR_OK);
        nr_net_free(trained);
    }
    CHECK(near(errors[0], errors[1], 1e-4));
    CHECK(apart(outputs[1], outputs[0], 70 * 3) < 1e-3);
    nr_net_free(net);
}

/* Panels and lists take the largest numbers alike, and end by the same word. */
static void test_huge_values_do_no_harm(void) {
    for (int i = 0; i < NETWORKS; i++) {
        nr_net *net = make(networks[i]);
        fill_sparse(net, 200, NR_DATASET_TRAIN, 0.1, HUGE_VALUES);
        for (listing how = NEVER_LISTS; how <= ALWAYS_LISTS;
             how++) {
            forced_listing = how;
            nr_net *trained = train(net, "NR.TRAIN k MAXCYCLES 5");
            forced_listing = BY_SAMPLES;
            const nr_array *w = nr_net_ready(trained, &err);
            bool finite = true;
            for (size_t j = 0; j < w->n; j++) finite &= isfinite(w->data[j]);
            check(finite, networks[i], __LINE__);
            nr_net_free(trained);
        }
        nr_net_free(net);
    }
}

/* Where nothing goes into the biases, 0 times a weight changes no sum. */
static void test_forward_sums_are_the_same_to_the_bit(void) {
    const char *best = nr_isa();
    for (size_t s = 0; s < ISAS; s++) {
        if (!choose_isa(every_isa[s])) continue;
        nr_net *net = make("NR.CREATE k CLASSIFIER 300 77 -> 3 SEED 1 "
                           "NORMALIZE NO");
        fill_sparse(net, 70, NR_DATASET_TRAIN, 0.1, PLAIN);
        nr_trainer *a = trainer_by(net, "NR.TRAIN k", NEVER_LISTS);
        nr_trainer *b = trainer_by(net, "NR.TRAIN k", ALWAYS_LISTS);
        for (size_t p = 0; p < 2; p++) {
            const float *x = nr_pass_sums(a, &a->train, p);
            const float *y = nr_pass_sums(b, &b->train, p);
            size_t lanes = p ? 6 : 64;
            for (size_t o = 0; o < 3; o++)
                CHECK(!memcmp(x + o * 64, y + o * 64, lanes * sizeof *x));
        }
        nr_trainer_free(a);
        nr_trainer_free(b);
        nr_net_free(net);
    }
    nr_set_isa(best);
}

/* ============================== Determinism ============================== */

static void expect_same_training(const char *create, const char *line,
                                 const char *isa, const char *threads) {
    nr_buf reply = {0};
    const char *best = nr_isa();
    noise_state = 9;
    nr_net *net = make(create);
    fill_sparse(net, 1100, NR_DATASET_TRAIN, 0.06, OFFSETS);
    fill_sparse(net, 600, NR_DATASET_TEST, 0.06, OFFSETS);
    forced_listing = ALWAYS_LISTS;
    nr_net *one = train(net, line);
    CHECK(nr_set_isa(isa) == NR_OK);
    CHECK(execute(net, threads, &reply) == NR_OK);
    nr_net *other = train(net, line);
    forced_listing = BY_SAMPLES;
    nr_set_isa(best);
    expect_same_result(one, other, create);
    nr_buf_free(&reply);
    nr_net_free(net);
}

static void test_neither_threads_nor_instructions_change_a_bit(void) {
    const char *best = nr_isa(), *line = "NR.TRAIN k MAXCYCLES 6";
    for (int i = 0; i < NETWORKS; i++) {
        expect_same_training(networks[i], line, best, "NR.CONFIGURE k THREADS 2");
        expect_same_training(networks[i], line, best, "NR.CONFIGURE k THREADS 4");
    }
    for (size_t s = 0; s < ISAS; s++) {
        if (!choose_isa(every_isa[s])) continue;
        nr_set_isa(best);
        int step = s + 1 < ISAS ? 1 : 3; /* the baseline takes its time */
        for (int i = 0; i < NETWORKS; i += step)
            expect_same_training(networks[i], line, every_isa[s],
                                 "NR.CONFIGURE k THREADS 3");
    }
    /* Testing, choosing a strength of L2, the refit, the temperature. */
    expect_same_training("NR.CREATE k CLASSIFIER 300 8 -> 3 SEED 1 MEMBERS 4",
                         "NR.TRAIN k AUTOSTOP BACKTRACK MAXCYCLES 20", best,
                         "NR.CONFIGURE k THREADS 2");
}

/* ============================== The decision ============================= */

static bool chosen(const nr_net *net) {
    nr_trainer *t = trainer(net, "NR.TRAIN k");
    bool sparse = t->sparse != NULL;
    nr_trainer_free(t);
    return sparse;
}

static bool chosen_of(const char *create, double part) {
    nr_net *net = make(create);
    fill_sparse(net, 200, NR_DATASET_TRAIN, part, PLAIN);
    bool sparse = chosen(net);
    nr_net_free(net);
    return sparse;
}

static void test_samples_say_which(void) {
    const char *create = "NR.CREATE k CLASSIFIER 300 40 -> 3 SEED 1 NORMALIZE";
    CHECK(chosen_of(create, 0));
    CHECK(chosen_of(create, 0.01));
    CHECK(!chosen_of(create, 0.6));
    CHECK(!chosen_of(create, 1));
    /* Few units leave vectors empty; deltas take more than panels did. */
    CHECK(chosen_of(create, 0.15) && !chosen_of("NR.CREATE k CLASSIFIER 300 2 "
                                                "-> 3 SEED 1", 0.15));
    CHECK(!chosen_of("NR.CREATE k CLASSIFIER 70 900 -> 3 SEED 1", 0.01));
    CHECK(!chosen_of("NR.CREATE k CLASSIFIER 9 15 -> 2 SEED 1", 0.01));
}

/* A column that is hardly ever 0, and far from it, is listed whole: where there
 * are many, lists are not worth it, however few numbers are not 0. */
static void test_columns_far_from_zero_are_listed_whole(void) {
    nr_net *net = make("NR.CREATE k CLASSIFIER 70 9 -> 2 SEED 1 NORMALIZE");
    fill_sparse(net, 100, NR_DATASET_TRAIN, 0.01, OFFSETS);
    nr_trainer *t = trainer_by(net, "NR.TRAIN k", ALWAYS_LISTS);
    for (size_t i = 0; i < 70; i++) CHECK(t->sparse->whole[i] == (i % 7 == 0));
    for (size_t i = 0; i < t->sparse->n; i++)
        CHECK(fabsf(t->sparse->constants[i].x) <= 4);
    nr_trainer_free(t);
    nr_net_free(net);
}

static void test_wide_networks(void) {
    nr_net *net = make("NR.CREATE k CLASSIFIER 100000 100 -> 2 SEED 1 "
                       "CLASSIC");
    fill_sparse(net, 70, NR_DATASET_TRAIN, 0.001, PLAIN);
    CHECK(chosen(net));
    nr_net *trained = train(net, "NR.TRAIN k MAXCYCLES 12");
    CHECK(trained->h.stats.train_error < 0.05);
    nr_net_free(trained);
    nr_net_free(net);
}

int main(void) {
    test_lists_learn_as_panels_do();
    test_whole_trainings_agree();
    test_huge_values_do_no_harm();
    test_forward_sums_are_the_same_to_the_bit();
    test_neither_threads_nor_instructions_change_a_bit();
    test_samples_say_which();
    test_columns_far_from_zero_are_listed_whole();
    test_wide_networks();
    return summary();
}
