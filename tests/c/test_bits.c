/* The bits of trained networks, for good: the same on every instruction set and
 * processor, with any number of threads, in every version. Where one of these
 * changes, networks that were trained with SEED come out differently from then
 * on, everywhere: that wants a reason, and a line in CHANGELOG.md. */

#include "making.h"

/* FNV-1a, 64 bits. */
static uint64_t hash(uint64_t h, const void *data, size_t n) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < n; i++)
        h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* Samples of which a part of the inputs is not 0. */
static void fill_some(nr_net *net, size_t n, nr_dataset_id which, double part) {
    float row[1024];
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i < net->row; i++) {
            row[i] = ((double)noise() + 1) / 2 < part ? noise() : 0;
            if (i >= nr_inputs(net)) row[i] = noise() + row[0];
        }
        if (net->h.kind == NR_CLASSIFIER)
            row[nr_inputs(net)] =
                (float)(nr_mix(noise_state) % nr_outputs(net));
        CHECK(nr_net_observe(net, row, 1, which, &err) == NR_OK);
    }
}

/* Options are given where a default of theirs may change some day. */
typedef struct golden {
    uint64_t bits;
    size_t train, test;
    double part; /* of inputs that are not 0 */
    const char *create, *train_line, *again; /* again: NULL, or once more */
} golden;

static const golden goldens[] = {
    {UINT64_C(0x9ca90807c8171fa0), 1300, 600, 1,
     "REGRESSOR 2 3 -> 1 SEED 1 MEMBERS 1 L2 0.001 NORMALIZE",
     "MAXCYCLES 20",
     NULL},
    {UINT64_C(0x1dc0f73bfed993bc), 1300, 0, 1,
     "CLASSIFIER 9 15 -> 2 SEED 2 CLASSIC NORMALIZE",
     "MAXCYCLES 30",
     "MAXCYCLES 30"},
    {UINT64_C(0xffdb8cb0514bc7e0), 1300, 300, 1,
     "REGRESSOR 9 15 5 -> 2 SEED 3 CLASSIC",
     "MAXCYCLES 30 AUTOSTOP",
     NULL},
    {UINT64_C(0x70a6b53cd784aba1), 1100, 601, 1,
     "CLASSIFIER 64 100 -> 10 SEED 4 NORMALIZE MEMBERS 1 L2 0.01",
     "MAXCYCLES 6",
     "MAXCYCLES 3"},
    {UINT64_C(0x181f60547347cda5), 2200, 601, 1,
     "CLASSIFIER 64 40 -> 10 SEED 5 NORMALIZE MEMBERS 4 LOSS MSE",
     "MAXCYCLES 6 AUTOSTOP BACKTRACK",
     NULL},
    {UINT64_C(0x9e372129353c66c2), 700, 400, 1,
     "REGRESSOR 30 25 -> 3 SEED 6 NORMALIZE MEMBERS 5 L2 0.001",
     "MAXCYCLES 8 AUTOSTOP BACKTRACK",
     "MAXCYCLES 5 AUTOSTOP BACKTRACK"},
    {UINT64_C(0x89780cbe0e9bfe3f), 900, 200, 1,
     "CLASSIFIER 8 12 -> 3 SEED 7 NORMALIZE L2 0.01 MEMBERS 8 "
     "CLASSWEIGHTS BALANCED ACTIVATION SIGMOID",
     "MAXCYCLES 15 AUTOSTOP BACKTRACK",
     NULL},
    {UINT64_C(0xafbf7600d7821fd0), 1100, 100, 1,
     "CLASSIFIER 20 30 20 -> 5 SEED 8 NORMALIZE OPTIMIZER ADAM MEMBERS 2 "
     "L2 0.01 ACTIVATION LEAKYRELU",
     "MAXCYCLES 3",
     "MAXCYCLES 2"},
    {UINT64_C(0xd3b6c2f4991d9acf), 1900, 100, 1,
     "REGRESSOR 50 40 20 -> 5 SEED 9 NORMALIZE OPTIMIZER ADAM BATCH 1700 "
     "MEMBERS 1 L2 0.1",
     "MAXCYCLES 5",
     NULL},
    {UINT64_C(0x3b8b6c2ca7e5f934), 1900, 0, 1,
     "REGRESSOR 13 -> 3 SEED 10 NORMALIZE NO OPTIMIZER SGD MEMBERS 3",
     "MAXCYCLES 4",
     NULL},
    {UINT64_C(0xf10760cc5c10ca11), 700, 99, 1,
     "CLASSIFIER 100 170 -> 3 SEED 11 NORMALIZE MEMBERS 1 ACTIVATION RELU "
     "L2 0.01",
     "MAXCYCLES 5 AUTOSTOP BACKTRACK",
     NULL},
    {UINT64_C(0xf4a48b6915cdfca2), 5000, 700, 0.05,
     "CLASSIFIER 100 31 -> 3 SEED 12 CLASSIC",
     "MAXCYCLES 5",
     NULL},
    {UINT64_C(0x318da263a430816e), 5000, 700, 0.05,
     "REGRESSOR 90 16 -> 2 SEED 13 NORMALIZE MEMBERS 2 L2 0.01",
     "MAXCYCLES 4 AUTOSTOP BACKTRACK",
     "MAXCYCLES 3"},
    {UINT64_C(0x1e7382d81a8b1a7b), 900, 100, 0.05,
     "CLASSIFIER 120 33 -> 4 SEED 14 NORMALIZE OPTIMIZER ADAM BATCH 300 "
     "MEMBERS 1 L2 0.01",
     "MAXCYCLES 3",
     NULL},
};

static nr_net *observed(const golden *g, const char *threads) {
    char line[300];
    noise_state = 17;
    snprintf(line, sizeof line, "NR.CREATE k %s DATASET 6000 TEST 6000 "
             "THREADS %s", g->create, threads);
    nr_net *net = make(line);
    fill_some(net, g->train, NR_DATASET_TRAIN, g->part);
    fill_some(net, g->test, NR_DATASET_TEST, g->part);
    return net;
}

static void learn(nr_net *net, const char *options) {
    char line[300];
    snprintf(line, sizeof line, "NR.TRAIN k %s", options);
    nr_net *trained = train(net, line);
    CHECK(nr_net_merge(net, trained, &err) == NR_OK);
    nr_net_free(trained);
}

/* Of what was learned and told, and of what it replies. */
static uint64_t bits_of(const golden *g, const char *threads) {
    nr_net *net = observed(g, threads);
    learn(net, g->train_line);
    if (g->again) learn(net, g->again);
    nr_buf weights = {0};
    const nr_statistics *s = &net->h.stats;
    double errors[3] = {s->train_error, s->test_error, s->class_errors};
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    CHECK(nr_net_weights(net, &weights, &err) == NR_OK);
    h = hash(h, errors, sizeof errors);
    h = hash(h, weights.data, weights.len);
    nr_buf_free(&weights);
    float rows[100 * 128], outputs[100 * 10];
    size_t in = nr_inputs(net), out = nr_outputs(net);
    for (size_t i = 0; i < 100 * in; i++) rows[i] = noise();
    CHECK(nr_net_run(net, rows, 100, outputs, &err) == NR_OK);
    h = hash(h, outputs, 100 * out * sizeof *outputs);
    for (size_t i = 0; i < 9; i++) {
        CHECK(nr_net_run(net, rows + i * in, 1, outputs, &err) == NR_OK);
        h = hash(h, outputs, out * sizeof *outputs);
    }
    nr_net_free(net);
    return h;
}

static void expect_bits(const golden *g, const char *threads) {
    uint64_t bits = bits_of(g, threads);
    if (!check(bits == g->bits, g->create, __LINE__))
        fprintf(stderr, "  %s, THREADS %s: 0x%016llx\n", nr_isa(), threads,
                (unsigned long long)bits);
}

static void test_bits_are_what_they_were(void) {
    static const char *threads[] = {"1", "2", "4"};
    const char *best = nr_isa();
    for (size_t s = 0; s < ISAS; s++) {
        if (!choose_isa(every_isa[s])) continue;
        bool all_threads = strcmp(every_isa[s], best) == 0;
        for (size_t g = 0; g < sizeof goldens / sizeof *goldens; g++)
            for (size_t t = 0; t < 3; t++)
                if (all_threads || t == s) expect_bits(&goldens[g], threads[t]);
    }
    nr_set_isa(best);
}

int main(void) {
    test_bits_are_what_they_were();
    return summary();
}
