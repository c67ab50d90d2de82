/* Training: gradients against numerical ones, and the same bits whatever the
 * threads, the batches and the instruction set. */

#include "making.h"
#include "parsing.h"

/* =============================== Gradients =============================== */

/* The objective once more, plainly and in doubles: the kernels' floats are too
 * coarse for differences small enough not to step over a kink of RELU. */
static double activated(nr_activation f, double x) {
    switch (f) {
    case NR_SIGMOID: return 1 / (1 + exp(-x));
    case NR_TANH: return tanh(x);
    case NR_RELU: return x > 0 ? x : 0;
    default: return x > 0 ? x : 0.01 * x;
    }
}

static double sample_loss(const nr_trainer *t, const double *y,
                          const float *target, size_t out) {
    double most = y[0], powers = 0, loss = 0;
    for (size_t o = 0; o < out; o++) most = y[o] > most ? y[o] : most;
    for (size_t o = 0; o < out; o++) powers += exp(y[o] - most);
    for (size_t o = 0; o < out; o++) {
        bool classes = t->net->h.kind == NR_CLASSIFIER;
        double goal = classes ? *target == (float)o
                              : (double)target[o * NR_LANES];
        double sigmoid = 1 / (1 + exp(-y[o]));
        double d = (t->head == NR_LOGISTIC ? sigmoid : y[o]) - goal;
        goal = goal * (1 - t->smoothing) + t->smoothing / (double)out;
        loss += t->head == NR_SOFTMAX ? goal * (log(powers) + most - y[o])
                                      : d * d / 2;
    }
    return loss;
}

static double reference_objective(const nr_trainer *t, const double *w) {
    const nr_header *h = &t->net->h;
    double sum = 0, decay = 0, x[64], y[64];
    for (size_t s = 0; s < t->train.n; s++) {
        const float *panel = t->train.x + s / 64 * 64 * h->layers[0];
        for (size_t i = 0; i < h->layers[0]; i++)
            x[i] = panel[i * 64 + s % 64];
        for (size_t l = 1; l < h->nlayers; l++) {
            size_t in = h->layers[l - 1], out = h->layers[l];
            const double *wl = w + t->plan->ops[l - 1].at;
            for (size_t o = 0; o < out; o++) {
                y[o] = wl[o];
                for (size_t i = 0; i < in; i++) {
                    double weight = wl[(1 + i) * out + o];
                    y[o] += weight * x[i];
                    if (s == 0) decay += weight * weight;
                }
                if (l + 1 < h->nlayers)
                    y[o] = activated(h->options.activation, y[o]);
            }
            memcpy(x, y, sizeof x);
        }
        sum += sample_loss(t, y,
                           t->train.targets + s / 64 * t->train.target_floats +
                               s % 64,
                           nr_outputs(t->net));
    }
    return sum / (double)t->train.n + t->l2 * decay / 2;
}

/* The largest difference to central differences, in units of the largest
 * gradient. */
static double gradient_error(nr_trainer *t) {
    double worst = 0, largest = 0, *w = malloc(t->params * sizeof *w);
    nr_losses sum;
    for (size_t i = 0; i < t->params; i++) /* off the kink at 0, too */
        w[i] = t->now->w[i] += 0.1f * noise();
    nr_step step = {.set = &t->train, .n = t->train.n};
    CHECK(nr_pass_gradient(t, &step, &sum));
    const float *g = nr_pass_result(t);
    for (size_t i = 0; i < t->params; i++) {
        const double step = 1e-6, was = w[i];
        w[i] = was + step;
        double up = reference_objective(t, w);
        w[i] = was - step;
        double down = reference_objective(t, w);
        w[i] = was;
        double numeric = (up - down) / (2 * step);
        if (fabs(numeric - g[i]) > worst) worst = fabs(numeric - g[i]);
        if (fabs(numeric) > largest) largest = fabs(numeric);
    }
    free(w);
    return worst / largest;
}

static void check_gradient(const char *create) {
    nr_net *net = make(create);
    fill(net, 37, NR_DATASET_TRAIN);
    nr_trainer *t = trainer(net, "NR.TRAIN k");
    double error = gradient_error(t);
    if (!check(error < 1e-3, create, __LINE__))
        fprintf(stderr, "  error %g\n", error);
    nr_trainer_free(t);
    nr_net_free(net);
}

static void test_gradients(void) {
    const char *activations[] = {"SIGMOID", "TANH", "RELU", "LEAKYRELU"};
    const char *kinds[][2] = {{"CLASSIFIER", "CROSSENTROPY"},
                              {"CLASSIFIER", "MSE"},
                              {"REGRESSOR", "MSE"}};
    const char *hidden[] = {"", "7", "6 5", "5 7 4", "6 5 4 7"};
    char line[200];
    for (int a = 0; a < 4; a++)
        for (int k = 0; k < 3; k++)
            for (int d = 0; d < 5; d++) {
                snprintf(line, sizeof line,
                         "NR.CREATE k %s 5 %s -> 3 SEED 5 ACTIVATION %s LOSS "
                         "%s NORMALIZE L2 0.05",
                         kinds[k][0], hidden[d], activations[a], kinds[k][1]);
                check_gradient(line);
            }
    check_gradient("NR.CREATE k CLASSIFIER 5 7 -> 3 CLASSIC SEED 3");
    check_gradient("NR.CREATE k REGRESSOR 5 7 -> 2 CLASSIC NORMALIZE SEED 3");
    check_gradient("NR.CREATE k CLASSIFIER 40 30 -> 20 SEED 3 NORMALIZE");
}

/* ============================== Determinism ============================== */

static void expect_same_training(const char *create, const char *line,
                                 size_t samples, const char *isa,
                                 const char *other_isa, const char *threads) {
    nr_buf reply = {0};
    noise_state = 9;
    nr_net *net = make(create);
    fill(net, samples, NR_DATASET_TRAIN);
    fill(net, samples / 4, NR_DATASET_TEST);
    CHECK(nr_set_isa(isa) == NR_OK);
    nr_net *one = train(net, line);
    CHECK(nr_set_isa(other_isa) == NR_OK);
    if (threads) {
        CHECK(execute(net, threads, &reply) == NR_OK);
    }
    nr_net *other = train(net, line);
    expect_same_result(one, other, create);
    nr_buf_free(&reply);
    nr_net_free(net);
}

static const char *networks[] = {
    "NR.CREATE k REGRESSOR 2 3 -> 1 SEED 1 NORMALIZE DATASET 2000",
    "NR.CREATE k CLASSIFIER 9 15 -> 2 SEED 2 NORMALIZE DATASET 2000",
    "NR.CREATE k CLASSIFIER 64 100 -> 10 SEED 3 DATASET 2000",
    "NR.CREATE k CLASSIFIER 30 40 20 -> 5 SEED 4 OPTIMIZER ADAM BATCH 150 "
    "DATASET 2000",
    "NR.CREATE k REGRESSOR 13 -> 3 SEED 5 OPTIMIZER SGD DATASET 2000",
    "NR.CREATE k CLASSIFIER 5 9 -> 3 CLASSIC SEED 6 NORMALIZE DATASET 2000",
    /* Large enough for threads, like the third. */
    "NR.CREATE k REGRESSOR 50 40 20 -> 5 SEED 7 OPTIMIZER ADAM BATCH 1700 "
    "MEMBERS 1 DATASET 2000",
    "NR.CREATE k CLASSIFIER 100 31 -> 3 CLASSIC SEED 8 DATASET 2000",
};
enum { NETWORKS = sizeof networks / sizeof *networks };

static const char *lines[] = {"NR.TRAIN k MAXCYCLES 12",
                              "NR.TRAIN k MAXCYCLES 9 AUTOSTOP BACKTRACK"};

static void test_threads_change_no_bit(void) {
    const char *best = nr_isa();
    const char *threads[] = {"NR.CONFIGURE k THREADS 2",
                             "NR.CONFIGURE k THREADS 3",
                             "NR.CONFIGURE k THREADS 4"};
    for (int i = 0; i < NETWORKS; i++)
        for (int t = 0; t < 3; t++)
            expect_same_training(networks[i], lines[0], 1900, best, best,
                                 threads[t]);
    /* The second phase learns from both datasets, one of a single block. */
    expect_same_training(networks[2], lines[1], 1900, best, best, threads[0]);
    expect_same_training(networks[2], lines[1], 1900, best, best, threads[2]);
}

static void test_instruction_sets_change_no_bit(void) {
    const char *best = nr_isa();
    for (size_t s = 0; s < ISAS; s++) {
        if (!choose_isa(every_isa[s]) || !strcmp(every_isa[s], best)) continue;
        size_t samples = s + 1 < ISAS ? 700 : 300; /* it takes its time */
        for (int i = 0; i < NETWORKS; i++)
            expect_same_training(networks[i], lines[0], samples, best,
                                 every_isa[s], NULL);
    }
    nr_set_isa(best);
}

static void expect_same_alone(const char *create, const char *line) {
    nr_net *net = make(create);
    fill(net, 100, NR_DATASET_TRAIN);
    fill(net, 3, NR_DATASET_TEST);
    nr_net *trained = train(net, line);
    size_t in = nr_inputs(net), out = nr_outputs(net), n = 150;
    float *rows = malloc(n * in * sizeof *rows);
    float *y = malloc(n * out * sizeof *y), one[128];
    for (size_t j = 0; j < n * in; j++) rows[j] = noise();
    CHECK(nr_net_run(trained, rows, n, y, &err) == NR_OK);
    bool same = true;
    for (size_t r = 0; r < n; r++) {
        nr_net_run(trained, rows + r * in, 1, one, &err);
        same &= !memcmp(one, y + r * out, out * sizeof *one);
    }
    check(same, create, __LINE__);
    free(rows);
    free(y);
    nr_net_free(trained);
    nr_net_free(net);
}

/* Members are run in groups of eight where there are five or more of them. */
static const char *crowds[] = {
    "NR.CREATE k REGRESSOR 9 15 -> 2 SEED 1 NORMALIZE MEMBERS 4",
    "NR.CREATE k REGRESSOR 9 15 -> 2 SEED 1 NORMALIZE MEMBERS 5",
    "NR.CREATE k REGRESSOR 1 -> 1 SEED 2 MEMBERS 8",
    "NR.CREATE k CLASSIFIER 16 17 5 8 -> 3 SEED 3 MEMBERS 9 ACTIVATION RELU",
    "NR.CREATE k CLASSIFIER 33 7 -> 4 SEED 4 MEMBERS 16 LOSS MSE",
    "NR.CREATE k CLASSIFIER 5 4 -> 6 SEED 5 MEMBERS 64 ACTIVATION LEAKYRELU",
    "NR.CREATE k REGRESSOR 17 40 -> 19 SEED 6 MEMBERS 8 ACTIVATION SIGMOID",
    "NR.CREATE k CLASSIFIER 3 90 90 -> 2 SEED 7 MEMBERS 8", /* too large */
};

static void test_a_row_runs_the_same_in_any_company(void) {
    const char *best = nr_isa(), *line = "NR.TRAIN k MAXCYCLES 3";
    for (size_t s = 0; s < ISAS; s++) {
        if (!choose_isa(every_isa[s])) continue;
        for (int i = 0; i < NETWORKS; i++) expect_same_alone(networks[i], line);
        for (size_t i = 0; i < sizeof crowds / sizeof *crowds; i++)
            expect_same_alone(crowds[i], line);
    }
    nr_set_isa(best);
}

/* Few testing samples are run one by one, before the refit and after it. */
static void test_a_refit_network_runs_by_its_new_weights(void) {
    for (size_t i = 0; i < sizeof crowds / sizeof *crowds; i++)
        expect_same_alone(crowds[i],
                          "NR.TRAIN k MAXCYCLES 3 AUTOSTOP BACKTRACK");
}

/* ============================ Vector functions =========================== */

static double ulps_apart(float got, double want) {
    return fabs(((double)got - want) / want);
}

static void test_functions_are_accurate(void) {
    const char *best = nr_isa();
    for (size_t s = 0; s < ISAS; s++) {
        if (!choose_isa(every_isa[s])) continue;
        const nr_kernels *k = nr_kernels_now();
        double worst[3] = {0, 0, 0};
        for (int i = -160000; i < 160000; i += 16) {
            float x[16], y[3][16];
            for (int j = 0; j < 16; j++) x[j] = (float)(i + j) * 5e-4f;
            for (int f = 0; f < 3; f++) memcpy(y[f], x, sizeof x);
            k->activate(y[0], 1, 1, NR_SIGMOID);
            k->activate(y[1], 1, 1, NR_TANH);
            k->exp_row(y[2], 16);
            for (int j = 0; j < 16; j++) {
                double want[3] = {1 / (1 + exp(-(double)x[j])),
                                  tanh((double)x[j]), exp((double)x[j])};
                for (int f = 0; f < 3; f++) {
                    if (want[f] == 0) continue;
                    double d = ulps_apart(y[f][j], want[f]);
                    if (d > worst[f]) worst[f] = d;
                }
            }
        }
        for (int f = 0; f < 3; f++)
            if (!CHECK(worst[f] < 2.5e-7))
                fprintf(stderr, "  %s, function %d: %g\n", nr_isa(), f,
                        worst[f]);
        printf("%s: worst relative errors %.2g %.2g %.2g\n", nr_isa(),
               worst[0], worst[1], worst[2]);
    }
    nr_set_isa(best);
}

/* ================================ L2's AUTO ============================== */

static double refit_strength(const char *create, double *first) {
    nr_net *net = make(create);
    fill(net, 60, NR_DATASET_TRAIN);
    fill(net, 30, NR_DATASET_TEST);
    nr_trainer *t = trainer(net, "NR.TRAIN k MAXCYCLES 5 AUTOSTOP BACKTRACK");
    *first = t->members[0].l2;
    while (nr_trainer_step(t, 0)) {}
    CHECK(t->refitting && t->refit_cycles > 0);
    double refit = t->members[0].l2;
    nr_trainer_free(t);
    nr_net_free(net);
    return refit;
}

static void test_the_refit_has_l2_for_all_its_samples(void) {
    double first, refit;
    refit = refit_strength("NR.CREATE k CLASSIFIER 3 5 -> 2 SEED 1 MEMBERS 1",
                           &first);
    CHECK(fabs(first - 0.2 * 3 / 60) < 1e-12);
    CHECK(fabs(refit - 0.2 * 3 / 90) < 1e-12);
    refit = refit_strength(
        "NR.CREATE k CLASSIFIER 3 5 -> 2 SEED 1 MEMBERS 1 L2 0.5", &first);
    CHECK(first == 0.5 && refit == 0.5);
    refit = refit_strength(
        "NR.CREATE k CLASSIFIER 3 5 -> 2 SEED 1 MEMBERS 1 L2 0", &first);
    CHECK(first == 0 && refit == 0);
}

/* =============================== Defaults ================================ */

/* What NR.TRAIN means: limits that nobody gave go by the network's samples. */
static void test_a_training_is_limited_by_its_samples(void) {
    static const struct {
        const char *create, *train;
        size_t samples, tests;
        bool best; /* AUTOSTOP BACKTRACK */
        uint64_t maxtime;
    } cases[] = {
        {"NR.CREATE k REGRESSOR 1 -> 1", "NR.TRAIN k", 100, 50, true, 10000},
        {"NR.CREATE k REGRESSOR 1 -> 1", "NR.TRAIN k", 9000, 4500, true, 13500},
        {"NR.CREATE k REGRESSOR 1 -> 1", "NR.TRAIN k QUEUE", 9000, 4500, true, 13500},
        {"NR.CREATE k REGRESSOR 1 -> 1", "NR.TRAIN k", 9000, 0, false, 10000},
        {"NR.CREATE k REGRESSOR 1 -> 1",
         "NR.TRAIN k MAXCYCLES 9 AUTOSTOP BACKTRACK", 9000, 4500, true, 13500},
        {"NR.CREATE k REGRESSOR 1 -> 1",
         "NR.TRAIN k MAXTIME 7 AUTOSTOP BACKTRACK", 9000, 4500, true, 7},
        {"NR.CREATE k REGRESSOR 1 -> 1",
         "NR.TRAIN k MAXTIME 10000 AUTOSTOP BACKTRACK", 9000, 4500, true, 10000},
        {"NR.CREATE k REGRESSOR 1 -> 1", "NR.TRAIN k MAXCYCLES 9", 9000, 4500,
         false, 10000},
        {"NR.CREATE k REGRESSOR 1 -> 1 CLASSIC DATASET 9000 TEST 4500",
         "NR.TRAIN k", 9000, 4500, false, 10000},
        {"NR.CREATE k REGRESSOR 1 -> 1 CLASSIC DATASET 9000 TEST 4500",
         "NR.TRAIN k AUTOSTOP BACKTRACK", 9000, 4500, true, 10000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nr_net *net = make(cases[i].create);
        fill(net, cases[i].samples, NR_DATASET_TRAIN);
        if (cases[i].tests) fill(net, cases[i].tests, NR_DATASET_TEST);
        PARSES(cases[i].train) {
            nr_training_choose(net, &cmd);
            check(cmd.autostop == cases[i].best && cmd.backtrack == cases[i].best,
                  cases[i].train, __LINE__);
            check(cmd.maxtime == cases[i].maxtime, cases[i].train, __LINE__);
        }
        nr_net_free(net);
    }
}

/* They may have become so in the last step of all, after its loss was looked at. */
static void test_weights_that_are_not_finite_leave_a_dump_that_can_be_read(void) {
    nr_buf dump = {0};
    nr_net *trained = NULL, *read = NULL;
    nr_net *net = make("NR.CREATE k REGRESSOR 2 3 -> 1 SEED 1 MEMBERS 1");
    fill(net, 20, NR_DATASET_TRAIN);
    nr_trainer *t = trainer(net, "NR.TRAIN k MAXCYCLES 2");
    while (nr_trainer_step(t, 0)) {}
    t->members[0].w[0] = INFINITY;
    CHECK(nr_trainer_finish(t, 0, &trained, &err) == NR_OK && !trained->h.trained);
    CHECK(nr_net_dump(trained, &dump, &err) == NR_OK);
    CHECK(nr_net_load(dump.data, dump.len, 0, &read, &err) == NR_OK);
    nr_net_free(read);
    nr_buf_free(&dump);
    nr_net_free(trained);
    nr_trainer_free(t);
    nr_net_free(net);
}

int main(void) {
    test_weights_that_are_not_finite_leave_a_dump_that_can_be_read();
    test_a_training_is_limited_by_its_samples();
    test_gradients();
    test_threads_change_no_bit();
    test_instruction_sets_change_no_bit();
    test_a_row_runs_the_same_in_any_company();
    test_a_refit_network_runs_by_its_new_weights();
    test_functions_are_accurate();
    test_the_refit_has_l2_for_all_its_samples();
    return summary();
}
