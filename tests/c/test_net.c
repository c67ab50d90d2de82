/* Networks at rest: placement, sharing, replies, and the serialised form in
 * the hands of chance and malice. */

#include "making.h"

static nr_buf reply;

static nr_status does(nr_net *net, const char *line) {
    reply.len = 0;
    return execute(net, line, &reply);
}

static void refuses(nr_net *net, const char *line, const char *text, int at) {
    nr_buf before = {0}, after = {0};
    nr_error ignored;
    nr_net_dump(net, &before, &ignored);
    nr_status status = does(net, line);
    if (!check(status == NR_ERR && !strcmp(err.text, text), line, at))
        fprintf(stderr, "  wanted: %s\n  got:    %s\n", text, err.text);
    nr_net_dump(net, &after, &ignored);
    check(same_bytes(before, after), "nothing changed", at);
    nr_buf_free(&before);
    nr_buf_free(&after);
}

#define REFUSES(net, line, text) refuses(net, line, text, __LINE__)

static bool replies(const char *bytes, size_t n) {
    return reply.len == n && !memcmp(reply.data, bytes, n);
}

/* =============================== Placement =============================== */

static void test_samples_go_where_the_contract_says(void) {
    nr_net *net = make("NR.CREATE k REGRESSOR 2 3 -> 1 DATASET 50 TEST 10");
    CHECK(does(net, "NR.OBSERVE k 1 2 -> 3") == NR_OK);
    CHECK(replies("\x92\x01\x00", 3));
    fill(net, 7, NR_DATASET_ANY);
    CHECK(net->h.len[0] == 6 && net->h.len[1] == 2);
    nr_net_free(net);
    net = make("NR.CREATE k REGRESSOR 2 3 -> 1 DATASET 1000 TEST 500");
    fill(net, 601, NR_DATASET_ANY);
    CHECK(net->h.len[0] == 401 && net->h.len[1] == 200);
    fill(net, 899 + 300, NR_DATASET_ANY);
    CHECK(net->h.len[0] == 1000 && net->h.len[1] == 500);
    nr_net_free(net);
}

/* Twenty thousand samples into full datasets of 20 and 10: each of the thirty
 * slots is hit about as often as any other. */
static void test_eviction_is_uniform(void) {
    nr_net *net =
        make("NR.CREATE k REGRESSOR 1 -> 1 DATASET 20 TEST 10 SEED 8");
    enum { DRAWS = 60000 };
    uint64_t *places = malloc(DRAWS * sizeof *places);
    size_t hits[2][20] = {{0}};
    fill(net, 30, NR_DATASET_ANY);
    CHECK(nr_net_place(net, DRAWS, NR_DATASET_ANY, places, &err) == NR_OK);
    for (size_t i = 0; i < DRAWS; i++) hits[places[i] & 1][places[i] >> 1]++;
    for (size_t d = 0; d < 2; d++)
        for (size_t s = 0; s < (d ? 10 : 20); s++)
            CHECK(hits[d][s] > 1700 && hits[d][s] < 2300);
    free(places);
    nr_net_free(net);
}

static void test_placing_is_observing(void) {
    nr_net *a = make("NR.CREATE k CLASSIFIER 3 -> 2 DATASET 9 TEST 4 SEED 2");
    nr_net *b = nr_net_clone(a);
    uint64_t places[40];
    for (int i = 0; i < 5; i++) {
        fill(a, 8, NR_DATASET_ANY);
        CHECK(nr_net_place(b, 8, NR_DATASET_ANY, places, &err) == NR_OK);
        CHECK(!memcmp(&a->h.random, &b->h.random, sizeof a->h.random));
        CHECK(a->h.len[0] == b->h.len[0] && a->h.len[1] == b->h.len[1]);
    }
    nr_net_free(a);
    nr_net_free(b);
}

/* Whatever was asked for before: places are drawn ahead. */
static void test_a_sample_lies_where_it_was_placed(void) {
    nr_net *a = make("NR.CREATE k REGRESSOR 3 -> 2 DATASET 90 TEST 40 SEED 3");
    nr_net *b = nr_net_clone(a);
    for (int i = 0; i < 1000; i++) {
        uint64_t place;
        float row[5];
        nr_dataset_id which = i % 5 == 4   ? NR_DATASET_TRAIN
                              : i % 7 == 6 ? NR_DATASET_TEST
                                           : NR_DATASET_ANY;
        for (int k = 0; k < 5; k++) row[k] = noise();
        CHECK(nr_net_observe(a, row, 1, which, &err) == NR_OK);
        CHECK(nr_net_place(b, 1, which, &place, &err) == NR_OK);
        CHECK(!memcmp(row, nr_dataset_row(a, place & 1, place >> 1),
                      sizeof row));
    }
    nr_net_free(a);
    nr_net_free(b);
}

static void test_datasets_that_keep_nothing(void) {
    nr_net *net = make("NR.CREATE k REGRESSOR 1 -> 1 DATASET 3 TEST 0");
    REFUSES(net, "NR.OBSERVE k 1 -> 1 TEST",
            "ERR the network keeps no testing samples: it was created with "
            "TEST 0");
    for (int i = 0; i < 9; i++)
        CHECK(does(net, "NR.OBSERVE k 1 -> 1") == NR_OK);
    CHECK(net->h.len[0] == 3 && net->h.len[1] == 0);
    nr_net_free(net);
    net = make("NR.CREATE k REGRESSOR 1 -> 1 DATASET 0 TEST 0");
    REFUSES(net, "NR.OBSERVE k 1 -> 1",
            "ERR the network keeps no samples: it was created with DATASET 0 "
            "and TEST 0");
    nr_net_free(net);
}

/* ================================ Sharing ================================ */

static void test_a_clone_does_not_change_with_its_original(void) {
    nr_net *net = make("NR.CREATE k CLASSIFIER 5 4 -> 3 DATASET 3000 SEED 1");
    nr_buf before = {0}, after = {0};
    fill(net, 2500, NR_DATASET_TRAIN);
    nr_net *copy = nr_net_clone(net);
    CHECK(nr_net_dump(copy, &before, &err) == NR_OK);
    fill(net, 2000, NR_DATASET_TRAIN);
    size_t params = net->params;
    CHECK(does(net, "NR.RESET k") == NR_OK && net->params == params);
    CHECK(nr_net_dump(copy, &after, &err) == NR_OK);
    CHECK(same_bytes(before, after));
    after.len = 0;
    CHECK(nr_net_dump(net, &after, &err) == NR_OK);
    CHECK(!same_bytes(before, after));
    nr_net_free(net);
    nr_net_free(copy);
    nr_buf_free(&before);
    nr_buf_free(&after);
}

/* ================================ Errors ================================= */

static void test_errors_of_the_network(void) {
    nr_net *c = make("NR.CREATE k CLASSIFIER 2 -> 3");
    nr_net *r = make("NR.CREATE k REGRESSOR 2 -> 2");
    nr_net *classic = make("NR.CREATE k REGRESSOR 2 -> 2 CLASSIC");
    REFUSES(c, "NR.OBSERVE k 1 -> 1",
            "ERR number of arguments does not match the number of inputs and "
            "outputs in the neural network: 1 -> 1 given, 2 -> 1 expected");
    REFUSES(r, "NR.OBSERVE k 1 -> 1 2 3",
            "ERR no '->' separator in the correct position between inputs and "
            "outputs: are you sure your training data is correct? 1 -> 3 "
            "given, 2 -> 2 expected");
    REFUSES(c, "NR.OBSERVE k 1 2 -> 3",
            "ERR classifier network output must be an integer in the range "
            "from 0 to outputs-1: got 3, outputs are 3");
    REFUSES(c, "NR.OBSERVE k 1 2 -> 0.5",
            "ERR classifier network output must be an integer in the range "
            "from 0 to outputs-1: got 0.5, outputs are 3");
    REFUSES(c, "NR.OBSERVE k 1 2 -> -1",
            "ERR classifier network output must be an integer in the range "
            "from 0 to outputs-1: got -1, outputs are 3");
    REFUSES(c, "NR.OBSERVE k FP32 12345678",
            "ERR invalid FP32 blob: 8 bytes are not a whole number of rows of "
            "12 bytes (3 32-bit floats)");
    REFUSES(r, "NR.OBSERVE k FP32 \"123456781234\\x00\\x00\\xc0\\x7f\"",
            "ERR invalid neural network input: sample 0 holds NaN or an "
            "infinity as number 3");
    REFUSES(r, "NR.RUN k FP32 \"1234\\x00\\x00\\x80\\xff\"",
            "ERR invalid neural network input: row 0 holds NaN or an infinity "
            "as number 1");
    REFUSES(r, "NR.RUN k 1",
            "ERR number of arguments does not match the number of inputs in "
            "the neural network: 1 given, 2 expected");
    REFUSES(r, "NR.CLASS k 1 2",
            "ERR you can't call NR.CLASS with a regressor network. Use this "
            "command with a classifier network");
    REFUSES(classic, "NR.CONFIGURE k L2 0.5",
            "ERR Syntax error in NR.CONFIGURE: a CLASSIC network has no "
            "options but THREADS, TRAINEVERY and DRIFT");
    CHECK(does(r, "NR.GETDATA k TRAIN 0") == NR_OK && replies("\xc0", 1));
    CHECK(does(r, "NR.GETDATA k TEST 99999999") == NR_OK);
    CHECK(replies("\xc0", 1));
    nr_net_free(c);
    nr_net_free(r);
    nr_net_free(classic);
}

/* ========================= Short of memory, always ======================= */

static size_t allowed;

static void *scarce(size_t size) {
    return allowed && allowed-- ? malloc(size) : NULL;
}

static void *scarce_again(void *memory, size_t size) {
    return allowed && allowed-- ? realloc(memory, size) : NULL;
}

/* Everything once with 0, 1, 2 ... allocations granted: each ends with the
 * result or an error, and leaves what was there. */
static void test_a_failed_allocation_is_an_error(void) {
    nr_net *net = make("NR.CREATE k CLASSIFIER 4 5 -> 3 SEED 1 THREADS 2");
    nr_buf before = {0}, after = {0};
    fill(net, 30, NR_DATASET_ANY);
    CHECK(nr_net_dump(net, &before, &err) == NR_OK);
    bool done = false;
    size_t granted = 0;
    for (; !done && granted < 200; granted++) {
        nr_set_allocator(scarce, scarce_again, free);
        allowed = granted;
        nr_trainer *t = NULL;
        nr_net *trained = NULL, *loaded = NULL;
        nr_buf out = {0}, info = {0};
        const char *line = "NR.TRAIN k MAXCYCLES 2";
        bool ok = run_bytes(line, strlen(line)) == NR_OK &&
                  nr_trainer_create(net, &cmd, &t, &err) == NR_OK;
        release();
        while (ok && nr_trainer_step(t, 0)) {}
        ok = ok && nr_trainer_finish(t, 0, &trained, &err) == NR_OK;
        nr_trainer_free(t);
        ok = ok && execute(trained, "NR.RUN k 1 2 3 4", &info) == NR_OK &&
             execute(trained, "NR.INFO k", &info) == NR_OK &&
             nr_net_dump(trained, &out, &err) == NR_OK &&
             nr_net_load(out.data, out.len, 0, &loaded, &err) == NR_OK &&
             execute(loaded, "NR.OBSERVE k 1 2 3 4 -> 0", &info) == NR_OK;
        done = ok;
        if (!ok && !CHECK(!strncmp(err.text, "ERR out of memory", 17)))
            fprintf(stderr, "  %zu: %s\n", granted, err.text);
        nr_net_free(trained);
        nr_net_free(loaded);
        nr_buf_free(&out);
        nr_buf_free(&info);
        nr_set_allocator(malloc, realloc, free);
    }
    CHECK(done && granted > 20);
    CHECK(nr_net_dump(net, &after, &err) == NR_OK);
    CHECK(same_bytes(before, after));
    nr_net_free(net);
    nr_buf_free(&before);
    nr_buf_free(&after);
}

/* ============================ Serialised form ============================ */

static nr_net *trained_network(void) {
    nr_net *net = make("NR.CREATE k CLASSIFIER 3 4 -> 2 DATASET 9 TEST 5 "
                       "NORMALIZE SEED 1 LEARNRATE 0.02");
    fill(net, 20, NR_DATASET_ANY);
    nr_net *trained = train(net, "NR.TRAIN k MAXCYCLES 5");
    CHECK(nr_net_merge(net, trained, &err) == NR_OK);
    nr_net_free(trained);
    return net;
}

static void test_a_dump_comes_back_the_same(void) {
    nr_buf a = {0}, b = {0};
    nr_net *nets[] = {trained_network(),
                      make("NR.CREATE k REGRESSOR 2 -> 1 CLASSIC SEED 9")};
    for (int i = 0; i < 2; i++) {
        nr_net *back = NULL;
        a.len = b.len = 0;
        CHECK(nr_net_dump(nets[i], &a, &err) == NR_OK);
        CHECK(nr_net_load(a.data, a.len, 0, &back, &err) == NR_OK);
        CHECK(nr_net_dump(back, &b, &err) == NR_OK);
        CHECK(same_bytes(a, b));
        nr_net_free(back);
        CHECK(nr_net_load(a.data, a.len, 99, &back, &err) == NR_OK);
        CHECK(back->h.id == 99);
        nr_net_free(back);
        nr_net_free(nets[i]);
    }
    nr_buf_free(&a);
    nr_buf_free(&b);
}

/* What NR.CREATE takes comes back; what it would refuse does not come in. */
static void test_a_header_has_the_limits_of_the_grammar(void) {
    nr_net *net = make("NR.CREATE k REGRESSOR 2 -> 1 SEED 9007199254740991 "
                       "LEARNRATE 1e6 L2 1e6 BATCH 67108864 PATIENCE "
                       "2147483648 THREADS 256 DATASET 67108864");
    const nr_header sound = net->h;
    enum { WRONG = 8 };
    nr_header wrong[WRONG];
    for (int i = 0; i < WRONG; i++) wrong[i] = sound;
    wrong[0].options.learnrate = 1000001;
    wrong[1].options.l2 = 1e300;
    wrong[2].options.batch++;
    wrong[3].options.patience++;
    wrong[4].options.threads++;
    wrong[5].options.seed++;
    wrong[6].maxlen[1] = NR_MAX_SAMPLES + 1;
    wrong[7].id = (UINT64_C(1) << 53) + 1;
    nr_buf dump = {0};
    nr_net *back = NULL;
    CHECK(nr_net_dump(net, &dump, &err) == NR_OK);
    CHECK(nr_net_load(dump.data, dump.len, 0, &back, &err) == NR_OK);
    nr_net_free(back);
    for (int i = 0; i < WRONG; i++) {
        net->h = wrong[i];
        dump.len = 0;
        CHECK(nr_net_dump(net, &dump, &err) == NR_OK);
        CHECK(nr_net_load(dump.data, dump.len, 0, &back, &err) == NR_ERR);
    }
    nr_buf_free(&dump);
    nr_net_free(net);
}

/* A dump may say that a network was reset 2^53 times. It is reset once more,
 * trained, saved, and must come back. */
static void test_counts_without_end_come_back(void) {
    const uint64_t most = UINT64_C(1) << 53;
    nr_net *net = trained_network(), *back = NULL;
    nr_buf dump = {0}, again = {0};
    net->h.revision = net->h.resets = net->h.stats.steps = most;
    net->h.stats.cycles = net->h.stats.ms = most;
    CHECK(does(net, "NR.RESET k") == NR_OK);
    CHECK(net->h.revision > most && net->h.resets > most);
    net->h.stats.steps = net->h.stats.cycles = net->h.stats.ms = UINT64_MAX;
    CHECK(nr_net_dump(net, &dump, &err) == NR_OK);
    CHECK(nr_net_load(dump.data, dump.len, 0, &back, &err) == NR_OK);
    CHECK(back->h.revision == most && back->h.stats.cycles == most);
    CHECK(nr_net_dump(back, &again, &err) == NR_OK);
    CHECK(same_bytes(dump, again));
    nr_buf_free(&dump);
    nr_buf_free(&again);
    nr_net_free(net);
    nr_net_free(back);
}

/* The header's map with one number in the place of its format. */
static nr_status header_of_format(const nr_net *net, unsigned format) {
    nr_buf out = {0};
    nr_header h;
    CHECK(nr_header_put(&net->h, NULL, &out));
    unsigned char *at = memchr(out.data, 'f', 8);
    CHECK(at && !memcmp(at, "format\x02", 7));
    at[6] = (unsigned char)format;
    nr_cursor c = {out.data, out.data + out.len, false};
    nr_status status = nr_header_get(&c, &h, &err);
    CHECK(status != NR_OK || !memcmp(h.layers, net->h.layers, sizeof h.layers));
    nr_buf_free(&out);
    return status;
}

static void test_formats_of_a_header(void) {
    nr_net *net = trained_network();
    CHECK(header_of_format(net, 1) == NR_ERR);
    CHECK(!strcmp(err.text, "ERR invalid network: the header's fields are not "
                            "those of format 1"));
    CHECK(header_of_format(net, 2) == NR_OK);
    CHECK(header_of_format(net, 3) == NR_ERR);
    CHECK(!strcmp(err.text, "ERR the network has format 3, newer than the 2 "
                            "that this version reads"));
    CHECK(header_of_format(net, 0) == NR_ERR);
    nr_net_free(net);
}

static void test_any_changed_or_missing_byte_is_noticed(void) {
    nr_buf dump = {0};
    nr_net *net = trained_network(), *back = NULL;
    CHECK(nr_net_dump(net, &dump, &err) == NR_OK);
    bool refused = true;
    for (size_t i = 0; i < dump.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            dump.data[i] ^= (unsigned char)(1 << bit);
            refused &= nr_net_load(dump.data, dump.len, 0, &back, &err) ==
                       NR_ERR;
            dump.data[i] ^= (unsigned char)(1 << bit);
        }
    for (size_t len = 0; len < dump.len; len++) {
        unsigned char *cut = malloc(len ? len : 1); /* for the sanitizer */
        memcpy(cut, dump.data, len);
        refused &= nr_net_load(cut, len, 0, &back, &err) == NR_ERR;
        free(cut);
    }
    CHECK(refused && !back);
    nr_buf_free(&dump);
    nr_net_free(net);
}

/* Damage with a checksum to match: refused, or a network that works. */
static void test_hostile_dumps_do_no_harm(void) {
    nr_buf dump = {0}, info = {0};
    nr_net *net = trained_network();
    CHECK(nr_net_dump(net, &dump, &err) == NR_OK);
    unsigned char *blob = malloc(dump.len);
    size_t loaded = 0, refused = 0;
    for (int i = 0; i < 60000; i++) {
        memcpy(blob, dump.data, dump.len);
        noise_state = nr_mix(noise_state);
        size_t at = noise_state % (dump.len - 9);
        blob[at] = (unsigned char)(noise_state >> 32);
        if (i % 2) blob[at / 2] = (unsigned char)(noise_state >> 40);
        uint64_t sum = nr_checksum(blob, dump.len - 9);
        for (int b = 0; b < 8; b++)
            blob[dump.len - 8 + (size_t)b] =
                (unsigned char)(sum >> (56 - 8 * b));
        nr_net *back;
        if (nr_net_load(blob, dump.len, 0, &back, &err) != NR_OK) {
            refused++;
            continue;
        }
        loaded++;
        info.len = 0;
        execute(back, "NR.RUN k 1 2 3", &info);
        execute(back, "NR.INFO k", &info);
        execute(back, "NR.HISTORY k", &info);
        execute(back, "NR.OBSERVE k 1 2 3 -> 1", &info);
        if (loaded % 16 == 0) nr_net_free(train(back, "NR.TRAIN k MAXCYCLES 2"));
        nr_net_free(back);
    }
    CHECK(loaded > 1000 && refused > 1000);
    printf("hostile dumps: %zu loaded, %zu refused\n", loaded, refused);
    free(blob);
    nr_buf_free(&dump);
    nr_buf_free(&info);
    nr_net_free(net);
}

int main(void) {
    test_samples_go_where_the_contract_says();
    test_eviction_is_uniform();
    test_placing_is_observing();
    test_a_sample_lies_where_it_was_placed();
    test_datasets_that_keep_nothing();
    test_a_clone_does_not_change_with_its_original();
    test_errors_of_the_network();
    test_a_failed_allocation_is_an_error();
    test_a_dump_comes_back_the_same();
    test_a_header_has_the_limits_of_the_grammar();
    test_counts_without_end_come_back();
    test_formats_of_a_header();
    test_any_changed_or_missing_byte_is_noticed();
    test_hostile_dumps_do_no_harm();
    nr_buf_free(&reply);
    return summary();
}
