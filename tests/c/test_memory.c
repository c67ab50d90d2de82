/* What is told of a training's memory before it starts is what it then takes. */

#include "listing/listing.h"
#include "making.h"

enum { HEAD = 64 }; /* before each block: its size */

static size_t taken, most;

static void *count(void *block, size_t size) {
    if (!block) return NULL;
    memcpy(block, &size, sizeof size);
    taken += size;
    if (taken > most) most = taken;
    return (char *)block + HEAD;
}

static size_t forget(void *memory) {
    size_t size;
    memcpy(&size, (char *)memory - HEAD, sizeof size);
    taken -= size;
    return size;
}

static void *counted(size_t size) { return count(malloc(size + HEAD), size); }

static void counted_release(void *memory) {
    forget(memory);
    free((char *)memory - HEAD);
}

/* The old block is there until the new one has its bytes. */
static void *counted_again(void *memory, size_t size) {
    void *block = counted(size);
    if (!memory || !block) return block;
    size_t before;
    memcpy(&before, (char *)memory - HEAD, sizeof before);
    memcpy(block, memory, before < size ? before : size);
    counted_release(memory);
    return block;
}

static void test_what_is_told_is_what_is_taken(void) {
    static const struct {
        const char *create;
        size_t train, test;
    } cases[] = {
        {"NR.CREATE k REGRESSOR 2 3 -> 1 CLASSIC DATASET 9000", 9000, 0},
        {"NR.CREATE k CLASSIFIER 9 15 -> 2 DATASET 9000 TEST 5000", 9000, 5000},
        {"NR.CREATE k CLASSIFIER 50 20 -> 10 CLASSWEIGHTS BALANCED", 1000, 500},
        {"NR.CREATE k CLASSIFIER 300 200 -> 10 THREADS 2 MEMBERS 2", 900, 400},
        {"NR.CREATE k REGRESSOR 60 50 -> 40 OPTIMIZER ADAM DATASET 5000", 5000,
         500},
        {"NR.CREATE k REGRESSOR 60 -> 3 OPTIMIZER SGD BATCH 400 THREADS 2", 900,
         0},
        {"NR.CREATE k REGRESSOR 500 600 500 -> 1 MEMBERS 1 SEED 1", 10, 1},
        {"NR.CREATE k REGRESSOR 10 -> 2000 MEMBERS 2", 100, 100},
        {"NR.CREATE k CLASSIFIER 10 -> 2000 MEMBERS 4", 100, 500},
    };
    nr_set_allocator(counted, counted_again, counted_release);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nr_net *net = make(cases[i].create);
        fill(net, cases[i].train, NR_DATASET_TRAIN);
        fill(net, cases[i].test, NR_DATASET_TEST);
        for (int again = 0; again < 2; again++) {
            size_t before = taken, told = nr_trainer_bytes(net);
            most = taken;
            nr_net *trained = train(net, "NR.TRAIN k MAXCYCLES 2");
            size_t took = most - before;
            if (!CHECK(took < told + told / 50 + 10000 &&
                       told < took + took / 10 + 100000))
                fprintf(stderr, "  %s: told %zu, took %zu\n", cases[i].create,
                        told, took);
            CHECK(nr_net_merge(net, trained, &err) == NR_OK);
            nr_net_free(trained);
        }
        nr_net_free(net);
    }
    CHECK(taken == 0);
    nr_set_allocator(malloc, realloc, free);
}

/* The same network trained on samples of which one number in `every` is not 0;
 * what it took at most, beside what was told. */
static size_t take_sparse(const char *create, size_t every, size_t *told) {
    nr_set_allocator(counted, counted_again, counted_release);
    nr_net *net = make(create);
    size_t in = nr_inputs(net);
    float row[4096];
    for (size_t r = 0; r < 1500; r++) {
        for (size_t i = 0; i < in; i++)
            row[i] = (r + i) % every ? 0 : noise();
        row[in] = (float)(r % 2);
        nr_dataset_id which = r % 3 ? NR_DATASET_TRAIN : NR_DATASET_TEST;
        CHECK(nr_net_observe(net, row, 1, which, &err) == NR_OK);
    }
    size_t before = most = taken;
    *told = nr_trainer_bytes(net);
    nr_net_free(train(net, "NR.TRAIN k MAXCYCLES 2"));
    nr_net_free(net);
    CHECK(taken == 0);
    nr_set_allocator(malloc, realloc, free);
    return most - before;
}

static void test_lists_take_no_more_than_panels(void) {
    static const char *creates[] = {
        "NR.CREATE k CLASSIFIER 900 20 -> 2 NORMALIZE SEED 1 MEMBERS 2",
        "NR.CREATE k CLASSIFIER 900 20 -> 2 NORMALIZE SEED 1 THREADS 2",
        "NR.CREATE k CLASSIFIER 70 50 -> 2 SEED 1 THREADS 3",
        "NR.CREATE k CLASSIFIER 900 20 -> 2 OPTIMIZER ADAM SEED 1 BATCH 200",
        "NR.CREATE k CLASSIFIER 900 20 -> 2 OPTIMIZER SGD SEED 1 BATCH 999",
    };
    for (size_t i = 0; i < sizeof creates / sizeof *creates; i++)
        for (size_t every = 6; every < 100; every *= 3) {
            size_t told, dense, sparse = take_sparse(creates[i], every, &told);
            forced_listing = NEVER_LISTS;
            dense = take_sparse(creates[i], every, &told);
            forced_listing = BY_SAMPLES;
            bool batch = strstr(creates[i], "BATCH") != NULL;
            if (!CHECK(sparse < told + told / 50 + 10000 &&
                       (batch || sparse < dense || every == 6)))
                fprintf(stderr, "  %s: told %zu, lists %zu, panels %zu\n",
                        creates[i], told, sparse, dense);
        }
}

static nr_status ask(const nr_net *net, const char *key, uint64_t memory) {
    static const char line[] = "NR.TRAIN k";
    nr_status status = run_bytes(line, sizeof line - 1);
    if (status == NR_OK)
        status = nr_trainer_check(net, &cmd, key, strlen(key), memory, &err);
    release();
    return status;
}

static void test_more_than_half_of_the_memory_is_refused(void) {
    nr_net *net = make("NR.CREATE k REGRESSOR 2 3 -> 1 SEED 1");
    CHECK(ask(net, "k", 1) == NR_ERR);
    CHECK(strstr(err.text, "the training dataset is empty") != NULL);
    fill(net, 7, NR_DATASET_TRAIN);
    uint64_t bytes = nr_trainer_bytes(net);
    CHECK(ask(net, "k", 0) == NR_OK);
    CHECK(ask(net, "k", 2 * bytes) == NR_OK);
    CHECK(ask(net, "k", UINT64_MAX) == NR_OK);
    CHECK(ask(net, "a\nb", 2 * bytes - 1) == NR_ERR);
    char wanted[512];
    snprintf(wanted, sizeof wanted,
             "ERR Can't start training: with 7 samples and 13 parameters, "
             "'a\\x0ab' would take %llu bytes, more than half of the memory of "
             "%llu: use fewer samples, units or MEMBERS, or set memory to more",
             (unsigned long long)bytes, (unsigned long long)(2 * bytes - 1));
    if (!CHECK(!strcmp(err.text, wanted)))
        fprintf(stderr, "  %s\n", err.text);
    nr_net_free(net);
}

/* Only where ranks divide what is counted. */
static void test_how_many_ranks_would_do_is_told(void) {
    char wanted[200];
    nr_net *net = make("NR.CREATE k REGRESSOR 30 40 -> 2 SEED 1 MEMBERS 1 DATASET 20000");
    fill(net, 20000, NR_DATASET_TRAIN);
    uint64_t three = nr_ranks_bytes(net, 3, NR_LONG_STEP);
    CHECK(ask(net, "k", 2 * three) == NR_ERR);
    snprintf(wanted, sizeof wanted,
             "or set memory to more, or share it among 3 ranks (mpirun -n 3 nr train), "
             "of which each takes %llu bytes",
             (unsigned long long)three);
    if (!CHECK(strstr(err.text, wanted) != NULL)) fprintf(stderr, "  %s\n", err.text);
    CHECK(ask(net, "k", 1000) == NR_ERR && !strstr(err.text, "ranks"));
    nr_net_free(net);
}

/* A command on `rows` rows of inputs, or of values where that is 0. */
static void expect_told(nr_net *net, nr_verb verb, size_t rows) {
    size_t in = nr_inputs(net), n = rows ? rows : 1;
    float *inputs = calloc(n * in, sizeof *inputs);
    nr_command run = {.verb = verb};
    if (rows) run.blob = (unsigned char *)inputs, run.bloblen = n * in * 4;
    else run.values = inputs, run.nvalues = in;
    nr_buf reply = {0};
    nr_cost cost = nr_net_cost(net, &run);
    size_t before = taken, had = nr_net_memory(net);
    most = taken;
    CHECK(nr_net_execute(net, &run, false, &reply, &err) == NR_OK);
    if (!CHECK(most - before <= cost.bytes + 4096))
        fprintf(stderr, "  %zu taken, %llu told\n", most - before,
                (unsigned long long)cost.bytes);
    size_t kept = nr_net_memory(net) - had;
    CHECK(kept <= cost.kept + 4096 && cost.kept <= kept + 4096);
    CHECK(nr_net_cost(net, &run).kept == 0 || verb == NR_IMPORTANCE);
    nr_buf_free(&reply);
    free(inputs);
}

static void test_what_a_run_takes_is_told(void) {
    static const char *const creates[] = {
        "NR.CREATE k CLASSIFIER 9 15 -> 2",
        "NR.CREATE k REGRESSOR 1000 200 -> 1 MEMBERS 1",
        "NR.CREATE k REGRESSOR 1 -> 100000 MEMBERS 3",
        "NR.CREATE k CLASSIFIER 3 5000 -> 3000 MEMBERS 6",
    };
    nr_set_allocator(counted, counted_again, counted_release);
    for (size_t i = 0; i < sizeof creates / sizeof *creates; i++)
        for (size_t rows = 0; rows <= 200; rows = rows * 10 + 2) {
            nr_net *net = make(creates[i]);
            expect_told(net, NR_RUN, rows);
            if (net->h.kind == NR_CLASSIFIER) expect_told(net, NR_CLASS, rows);
            nr_net_free(net);
        }
    nr_net *net = make("NR.CREATE k REGRESSOR 50 80 -> 40 MEMBERS 5 SEED 1");
    fill(net, 200, NR_DATASET_TRAIN);
    nr_net *trained = train(net, "NR.TRAIN k MAXCYCLES 2 MAXTIME 0");
    nr_net_free(net);
    expect_told(trained, NR_IMPORTANCE, 0);
    nr_net_free(trained);
    nr_set_allocator(malloc, realloc, free);
}

/* It runs as the other does, and leaves nothing in it. */
static void test_a_sparing_clone_leaves_nothing(void) {
    const char *line = "NR.RUN k 1 2 3 4 5 6 7 8 9";
    nr_buf spared = {0}, reply = {0};
    nr_net *net = make("NR.CREATE k REGRESSOR 9 15 -> 2 MEMBERS 8");
    nr_net *sparing = nr_net_sparing(net);
    size_t had = nr_net_memory(net);
    CHECK(execute(sparing, line, &spared) == NR_OK);
    nr_net_free(sparing);
    CHECK(nr_net_memory(net) == had);
    CHECK(execute(net, line, &reply) == NR_OK);
    CHECK(nr_net_memory(net) > had);
    CHECK(same_bytes(spared, reply));
    nr_buf_free(&spared);
    nr_buf_free(&reply);
    nr_net_free(net);
}

int main(void) {
    test_what_is_told_is_what_is_taken();
    test_lists_take_no_more_than_panels();
    test_more_than_half_of_the_memory_is_refused();
    test_how_many_ranks_would_do_is_told();
    test_what_a_run_takes_is_told();
    test_a_sparing_clone_leaves_nothing();
    return summary();
}
