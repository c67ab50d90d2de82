/* Recurrent layers: gradients against differences of losses, states that do not
 * depend on the company a sequence is in, and the same bits everywhere. */

#include "layers/recurrent.h"
#include "making.h"
#include "train/learner.h"
#include "train/recurrent.h"

/* ================================ Samples ================================ */

static size_t below(size_t n) {
    noise_state = nr_mix(noise_state);
    return (size_t)(noise_state % n);
}

static size_t put_symbols(char *to, size_t steps) {
    size_t n = 0;
    for (size_t i = 0; i < steps; i++)
        n += (size_t)sprintf(to + n, "%ss%zu", i ? " " : "", below(7));
    return n;
}

static size_t put_numbers(char *to, size_t steps, size_t width) {
    size_t n = (size_t)sprintf(to, "[");
    for (size_t i = 0; i < steps; i++) {
        n += (size_t)sprintf(to + n, "%s[", i ? "," : "");
        for (size_t k = 0; k < width; k++)
            n += (size_t)sprintf(to + n, "%s%.3f", k ? "," : "",
                                 (double)noise());
        n += (size_t)sprintf(to + n, "]");
    }
    return n + (size_t)sprintf(to + n, "]");
}

/* s: symbols, v: three numbers a step, n: one number; each missing at times. */
static void observe(nr_net *net, const char *fields, size_t longest, bool test,
                    bool classes) {
    char line[20000];
    size_t n = (size_t)sprintf(line, "NR.OBSERVE k \"x=%.3f\"", (double)noise());
    for (; *fields; fields++) {
        size_t steps = 1 + below(longest);
        if (below(9) == 0) continue;
        n += (size_t)sprintf(line + n, " '%c=", *fields);
        n += *fields == 's'   ? put_symbols(line + n, steps)
             : *fields == 'v' ? put_numbers(line + n, steps, 3)
                              : put_numbers(line + n, steps, 1);
        n += (size_t)sprintf(line + n, "'");
    }
    n += classes ? (size_t)sprintf(line + n, " -> y=c%zu", below(3))
                 : (size_t)sprintf(line + n, " -> y=%.3f", (double)noise());
    sprintf(line + n, test ? " TEST" : " TRAIN");
    nr_buf reply = {0};
    if (!CHECK(execute(net, line, &reply) == NR_OK))
        fprintf(stderr, "%s: %s\n", line, err.text);
    nr_buf_free(&reply);
}

/* "sv", hidden units, and options: a network with samples of it. */
static nr_net *network(const char *fields, const char *hidden, bool classes,
                       const char *options, size_t train, size_t test) {
    char line[400];
    size_t n = (size_t)sprintf(line, "NR.CREATE k %s x:number",
                               classes ? "CLASSIFIER" : "REGRESSOR");
    for (const char *f = fields; *f; f++)
        n += (size_t)sprintf(line + n, " %c:sequence%s", *f,
                             *f == 's'   ? "(category)"
                             : *f == 'v' ? "(3)"
                                         : "");
    sprintf(line + n, " %s -> y:%s DATASET 1000 TEST 1000 SEED 3 %s", hidden,
            classes ? "category" : "number", options);
    nr_net *net = make(line);
    for (size_t i = 0; i < train + test; i++)
        observe(net, fields, 9, i >= train, classes);
    return net;
}

/* What a training of it works on, with other cells. */
static nr_net *learner_of(const nr_net *net, nr_cell cell) {
    nr_encoding *encoding = NULL;
    nr_net *learner = NULL;
    CHECK(run_bytes("NR.TRAIN k", 10) == NR_OK);
    CHECK(nr_learner_make(net, &cmd, &encoding, &learner, &err) == NR_OK);
    release();
    nr_encoding_drop(encoding);
    nr_header h = learner->h;
    h.recurrent.cell = cell;
    h.len[0] = h.len[1] = 0;
    nr_net *other = nr_net_new(&h);
    other->row = learner->row;
    other->sequences = nr_sequences_hold(learner->sequences);
    for (nr_dataset_id d = 0; d < 2; d++)
        for (size_t i = 0; i < learner->h.len[d]; i++)
            CHECK(nr_net_append(other, d,
                                (void *)nr_dataset_row(learner, d, i),
                                other->row * sizeof(float), &err) == NR_OK);
    nr_net_free(learner);
    return other;
}

/* =============================== Gradients =============================== */

static double loss_at(nr_trainer *t) {
    nr_losses sum;
    CHECK(nr_pass_gradient(t, &t->step, &sum));
    return sum.objective / (double)t->step.n;
}

/* Of two differences, so that the third derivative does not count. */
static double slope_of(nr_trainer *t, const float *at, const double *direction,
                       size_t n) {
    double slopes[2], step = 0.04;
    float *w = t->now->w + (at - t->now->w), kept[20000];
    memcpy(kept, w, n * sizeof *w);
    for (int s = 0; s < 2; s++, step *= 2) {
        double moved = 0;
        for (size_t i = 0; i < n; i++)
            w[i] = (float)((double)kept[i] + step * direction[i]);
        double up = loss_at(t);
        for (size_t i = 0; i < n; i++)
            w[i] = (float)((double)kept[i] - step * direction[i]);
        moved = up - loss_at(t);
        slopes[s] = moved / (2 * step);
        memcpy(w, kept, n * sizeof *w);
    }
    return (4 * slopes[0] - slopes[1]) / 3;
}

/* Along the gradient itself, and along random directions. */
static void check_op(nr_trainer *t, const nr_op *op, const float *gradient,
                     const char *what) {
    static double direction[20000];
    double length = 0;
    for (size_t i = 0; i < op->params; i++)
        length += (double)gradient[i] * (double)gradient[i];
    length = sqrt(length);
    for (int way = 0; way < 6; way++) {
        double wanted = 0, size = 0;
        for (size_t i = 0; i < op->params; i++) {
            direction[i] = way ? (double)noise() : (double)gradient[i];
            size += direction[i] * direction[i];
        }
        for (size_t i = 0; i < op->params; i++) {
            direction[i] /= sqrt(size);
            wanted += direction[i] * (double)gradient[i];
        }
        double slope = slope_of(t, t->now->w + op->at, direction, op->params);
        if (!check(fabs(slope - wanted) <= 1e-3 * length + 1e-6, what,
                   __LINE__))
            fprintf(stderr, "  %s, direction %d: %g, by differences %g, of %g\n",
                    op->layer->name, way, wanted, slope, length);
    }
}

static void check_gradient(const char *fields, const char *hidden, bool classes,
                           nr_cell cell) {
    noise_state = 5;
    nr_net *net = network(fields, hidden, classes,
                          "BATCH 90 MEMBERS 1 OPTIMIZER ADAM", 90, 0);
    nr_net *learner = learner_of(net, cell);
    nr_trainer *t = trainer(learner, "NR.TRAIN k MAXCYCLES 2");
    CHECK(nr_step_begin(t));
    loss_at(t);
    float *gradient = malloc(t->params * sizeof *gradient);
    memcpy(gradient, nr_pass_result(t), t->params * sizeof *gradient);
    for (size_t i = 0; i < t->plan->all; i++)
        if (t->plan->ops[i].params)
            check_op(t, &t->plan->ops[i], gradient + t->plan->ops[i].at,
                     fields);
    free(gradient);
    nr_trainer_free(t);
    nr_net_free(learner);
    nr_net_free(net);
}

static void test_gradients_are_those_of_differences(void) {
    static const char *const fields[] = {"s", "v", "n", "sv"};
    static const char *const hidden[] = {"5", "6 4", "4 5 3"};
    for (size_t f = 0; f < 4; f++)
        for (size_t l = 0; l < 3; l++)
            for (int classes = 0; classes < 2; classes++)
                for (int cell = NR_LSTM; cell <= NR_GRU; cell++)
                    check_gradient(fields[f], hidden[l], classes,
                                   (nr_cell)cell);
}

/* ================================ Unrolling ============================== */

/* However far the gradient goes back, the way forward is the same. */
static void test_a_truncated_gradient_carries_the_state_on(void) {
    for (int cell = NR_LSTM; cell <= NR_GRU; cell++) {
        noise_state = 6;
        nr_net *net = network("sv", "5 4", true,
                              "BATCH 90 MEMBERS 1 OPTIMIZER ADAM", 90, 0);
        nr_net *learner = learner_of(net, (nr_cell)cell);
        nr_trainer *t = trainer(learner, "NR.TRAIN k MAXCYCLES 2");
        CHECK(t->unroll == 9);
        CHECK(nr_step_begin(t));
        double whole = loss_at(t);
        float last = nr_pass_result(t)[0];
        for (t->unroll = 1; t->unroll < 9; t->unroll++) {
            CHECK(loss_at(t) == whole);
            CHECK(nr_pass_result(t)[0] == last); /* of the layer behind */
        }
        nr_trainer_free(t);
        nr_net_free(learner);
        nr_net_free(net);
    }
}

/* =========================== Together, and room ========================== */

/* Two trainers, of which each sums one of a step's two blocks. */
static void test_a_training_is_shared_to_the_bit(void) {
    noise_state = 7;
    nr_net *net = network("s", "5", true, "BATCH 600 MEMBERS 1", 600, 0);
    const char *line = "NR.TRAIN k MAXCYCLES 3";
    nr_trainer *t[2] = {trainer(net, line), trainer(net, line)};
    while (nr_trainer_begin(t[0], 0) == 2) {
        nr_buf sums[2] = {{0}};
        CHECK(nr_trainer_begin(t[1], 0) == 2);
        for (size_t r = 0; r < 2; r++) {
            CHECK(nr_trainer_gradient(t[r], r, r + 1, &err) == NR_OK);
            CHECK(nr_trainer_sums(t[r], &sums[r], &err) == NR_OK);
        }
        for (size_t r = 0; r < 2; r++) {
            CHECK(nr_trainer_put(t[r], sums[!r].data, sums[!r].len, &err) ==
                  NR_OK);
            CHECK(nr_trainer_apply(t[r], &err) == NR_OK);
        }
        nr_buf_free(&sums[0]);
        nr_buf_free(&sums[1]);
    }
    for (size_t r = 0; r < 2; r++) {
        nr_net *done = NULL, *alone = train(net, line);
        CHECK(nr_trainer_finish(t[r], 0, &done, &err) == NR_OK);
        nr_trainer_free(t[r]);
        nr_buf a = {0}, b = {0};
        CHECK(nr_net_weights(done->inner, &a, &err) == NR_OK);
        CHECK(nr_net_weights(alone->inner, &b, &err) == NR_OK);
        CHECK(same_bytes(a, b) && a.len);
        nr_buf_free(&a);
        nr_buf_free(&b);
        nr_net_free(done);
        nr_net_free(alone);
    }
    nr_net_free(net);
}

enum { HEAD = 64 }; /* before each block: its size */
static size_t taken, most;

static void *counted(size_t size) {
    char *block = malloc(size + HEAD);
    memcpy(block, &size, sizeof size);
    taken += size;
    if (taken > most) most = taken;
    return block + HEAD;
}

static void counted_release(void *memory) {
    size_t size;
    memcpy(&size, (char *)memory - HEAD, sizeof size);
    taken -= size;
    free((char *)memory - HEAD);
}

static void *counted_again(void *memory, size_t size) {
    void *block = counted(size);
    size_t before = 0;
    if (memory) memcpy(&before, (char *)memory - HEAD, sizeof before);
    if (memory) memcpy(block, memory, before < size ? before : size);
    if (memory) counted_release(memory);
    return block;
}

/* Before it is known how long sequences are, more may be told than is taken. */
static void test_no_more_memory_is_taken_than_is_told(void) {
    static const char *const options[] = {
        "MEMBERS 2", "MEMBERS 1 OPTIMIZER RPROP THREADS 3",
        "MEMBERS 1 BATCH 300 THREADS 2 CELL GRU", "MEMBERS 3 UNROLL 2"};
    for (size_t i = 0; i < 4; i++) {
        noise_state = 9;
        nr_set_allocator(counted, counted_again, counted_release);
        nr_net *net = network("sv", "20 10", true, options[i], 700, 200);
        size_t before = taken, told = nr_trainer_bytes(net);
        most = taken;
        nr_net_free(train(net, "NR.TRAIN k MAXCYCLES 2 AUTOSTOP BACKTRACK"));
        if (!CHECK(most - before < told + told / 20 + 10000))
            fprintf(stderr, "  %s: told %zu, took %zu\n", options[i], told,
                    most - before);
        nr_net_free(net);
        CHECK(taken == 0);
        nr_set_allocator(malloc, realloc, free);
    }
}

/* ================================== Bits ================================= */

static uint64_t hash(uint64_t h, const void *data, size_t n) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < n; i++)
        h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    return h;
}

typedef struct golden {
    uint64_t bits;
    const char *fields, *hidden;
    bool classes;
    const char *options, *train, *run;
} golden;

static const golden goldens[] = {
    {UINT64_C(0xa3dc1242d67bb093), "s", "20", true, "MEMBERS 2", "NR.TRAIN k MAXCYCLES 4",
     "NR.RUN k x=1 's=s1 s2 other'"},
    {UINT64_C(0x9f522da588c93917), "v", "17 9", false, "MEMBERS 1", "NR.TRAIN k MAXCYCLES 3",
     "NR.RUN k x=1 'v=[[1,2,3],[0,1,0]]'"},
    {UINT64_C(0x40e95a2d18c8e3d4), "nsv", "8", true, "MEMBERS 3 BATCH 100",
     "NR.TRAIN k MAXCYCLES 4 AUTOSTOP BACKTRACK", "NR.RUN k n=[1,2] 's=s1 s1 s1'"},
    {UINT64_C(0x6df6fd6f74f8ab3f), "sv", "6", true, "MEMBERS 1 OPTIMIZER RPROP L2 0.01",
     "NR.TRAIN k MAXCYCLES 3", "NR.RUN k s=s5"},
    {UINT64_C(0xc3831cb5b266d1db), "sn", "10 7", true, "MEMBERS 2 CELL GRU UNROLL 5 CLIP 0.2",
     "NR.TRAIN k MAXCYCLES 4 AUTOSTOP", "NR.RUN k s=s5 n=[1]"},
};

static uint64_t reply_bits(nr_net *net, uint64_t h, const char *line) {
    nr_buf reply = {0};
    if (!CHECK(execute(net, line, &reply) == NR_OK))
        fprintf(stderr, "%s: %s\n", line, err.text);
    h = hash(h, reply.data, reply.len);
    nr_buf_free(&reply);
    return h;
}

static uint64_t bits_of(const golden *g, const char *threads) {
    char options[200];
    noise_state = 8;
    snprintf(options, sizeof options, "%s THREADS %s", g->options, threads);
    nr_net *net = network(g->fields, g->hidden, g->classes, options, 300, 150);
    nr_net *trained = train(net, g->train);
    CHECK(nr_net_merge(net, trained, &err) == NR_OK);
    nr_net_free(trained);
    const nr_statistics *s = &net->h.stats;
    double errors[3] = {s->train_error, s->test_error, s->class_errors};
    nr_buf weights = {0};
    uint64_t h = hash(UINT64_C(0xcbf29ce484222325), errors, sizeof errors);
    CHECK(nr_net_weights(net->inner, &weights, &err) == NR_OK);
    h = hash(h, weights.data, weights.len);
    nr_buf_free(&weights);
    h = reply_bits(net, h, g->run);
    nr_net_free(net);
    return h;
}

static void expect_bits(const golden *g, const char *threads) {
    uint64_t bits = bits_of(g, threads);
    if (!check(bits == g->bits, g->fields, __LINE__))
        fprintf(stderr, "  %s, THREADS %s: 0x%016llx\n", nr_isa(), threads,
                (unsigned long long)bits);
}

static void test_bits_are_what_they_were(void) {
    static const char *threads[] = {"1", "2", "4"};
    const char *best = nr_isa(), *all[] = {best, "avx2", "baseline"};
    for (size_t g = 0; g < sizeof goldens / sizeof *goldens; g++)
        for (int s = 0; s < 3; s++) {
            if (nr_set_isa(all[s]) != NR_OK) continue;
            expect_bits(&goldens[g], threads[s]);
            if (s) continue;
            expect_bits(&goldens[g], threads[1]);
            expect_bits(&goldens[g], threads[2]);
        }
    nr_set_isa(best);
}

int main(void) {
    test_gradients_are_those_of_differences();
    test_a_truncated_gradient_carries_the_state_on();
    test_a_training_is_shared_to_the_bit();
    test_no_more_memory_is_taken_than_is_told();
    test_bits_are_what_they_were();
    return summary();
}
