/* Generators: gradients against differences of losses, the same bits everywhere, and
 * what damaged weights may say. */

#include "encode/symbols.h"
#include "layers/stream.h"
#include "making.h"
#include "train/language.h"

enum { PARTS = 90, STEPS = 6, ROWS = PARTS * STEPS };

static size_t below(size_t n) {
    noise_state = nr_mix(noise_state);
    return (size_t)(noise_state % n);
}

static void observe(nr_net *net, size_t n, const char *dataset) {
    for (size_t i = 0; i < n; i++) {
        char line[400];
        nr_buf reply = {0};
        size_t at = (size_t)sprintf(line, "NR.OBSERVE k -> \"s=");
        for (size_t steps = 2 + below(7), last = below(9); steps; steps--) {
            last = (last + 1 + below(2)) % 9;
            at += (size_t)sprintf(line + at, "w%zu ", last);
        }
        sprintf(line + at, "\" %s", dataset);
        CHECK(execute(net, line, &reply) == NR_OK);
        nr_buf_free(&reply);
    }
}

static nr_net *generator(const char *hidden, const char *options) {
    char line[300];
    noise_state = 4;
    sprintf(line, "NR.CREATE k GENERATOR %s -> s:sequence(word) DATASET 500 TEST "
                  "500 SEED 3 %s",
            hidden, options);
    nr_net *net = make(line);
    observe(net, 60, "TRAIN");
    observe(net, 25, "TEST");
    return net;
}

/* ================================ Gradients ============================== */

/* Steps of some parts, more rows than are asked at once, behind others whose state they
 * go on from. */
typedef struct probe {
    nr_trainer *t;
    nr_stream s;
    float *memory, *own, *g, *w, *state; /* own, g: as the stream has them */
    float *gradient;                     /* as the network has it */
    uint32_t ids[2 * ROWS], next[2 * ROWS], touched[100];
    float counts[2 * ROWS];
    bool touches[100];
    size_t floats;
} probe;

/* Steps from the first or the second half's rows on. */
static double loss_of(probe *p, size_t half, bool learn) {
    p->s.ids = p->ids + half * ROWS;
    p->s.next = p->next + half * ROWS;
    p->s.counts = p->counts;
    p->s.steps = STEPS;
    nr_stream_take(&p->s, p->w, p->own);
    return nr_stream_read(&p->s, p->own, learn ? p->g : NULL);
}

static double loss_at(probe *p) {
    memcpy(p->memory, p->state, p->floats * sizeof *p->memory);
    return loss_of(p, 1, false);
}

static probe *make_probe(const nr_net *net, bool tied, double dropout) {
    probe *p = calloc(1, sizeof *p);
    nr_trainer *t = p->t = trainer(net, "NR.TRAIN k MAXCYCLES 2");
    size_t symbols = nr_outputs(t->net), weights = t->weights->n;
    nr_stream *s = &p->s;
    CHECK(symbols <= 100);
    nr_stream_shape(s, t->plan, tied, PARTS, STEPS);
    p->floats = nr_stream_memory(s);
    p->memory = nr_alloc_lines(p->floats, sizeof(float));
    p->state = nr_alloc_lines(p->floats, sizeof(float));
    p->own = nr_alloc_lines(s->floats, sizeof(float));
    p->g = nr_alloc_lines(s->floats, sizeof(float));
    p->gradient = calloc(weights, sizeof(float));
    p->w = t->f.layers;
    for (size_t i = 0; i < t->plan->params; i++) p->w[i] *= 2; /* or little is felt */
    memset(p->g, 0, s->floats * sizeof(float));
    for (size_t i = 0; i < 2 * ROWS; i++) {
        p->ids[i] = (uint32_t)below(symbols);
        p->next[i] = (uint32_t)below(symbols);
        p->counts[i] = i / STEPS != 3;
    }
    nr_stream_place(s, p->memory, p->touched, p->touches);
    s->k = t->k, s->team = t->team;
    s->dropout = dropout, s->key = 7;
    nr_stream_begin(s, PARTS);
    loss_of(p, 0, false);
    nr_stream_carry(s);
    memcpy(p->state, p->memory, p->floats * sizeof(float));
    loss_of(p, 1, true);
    nr_stream_give(s, p->g, p->gradient);
    return p;
}

static void free_probe(probe *p) {
    nr_release_lines(p->memory);
    nr_release_lines(p->state);
    nr_release_lines(p->own);
    nr_release_lines(p->g);
    free(p->gradient);
    nr_trainer_free(p->t);
    free(p);
}

/* Of two differences, so that the third derivative does not count. */
static double slope_of(probe *p, float *w, const double *direction, size_t n) {
    double slopes[2], step = 0.015;
    float kept[20000];
    memcpy(kept, w, n * sizeof *w);
    for (int s = 0; s < 2; s++, step *= 2) {
        double sides[2];
        for (int side = 0; side < 2; side++) {
            double by = side ? -step : step;
            for (size_t i = 0; i < n; i++)
                w[i] = (float)((double)kept[i] + by * direction[i]);
            sides[side] = loss_at(p);
        }
        slopes[s] = (sides[0] - sides[1]) / (2 * step);
    }
    memcpy(w, kept, n * sizeof *w);
    return (4 * slopes[0] - slopes[1]) / 3;
}

/* Along the gradient itself, and along random directions. */
static void check_op(probe *p, const nr_op *op, const char *what) {
    static double direction[20000];
    const float *gradient = p->gradient + op->at;
    double length = 0;
    for (size_t i = 0; i < op->params; i++)
        length += (double)gradient[i] * (double)gradient[i];
    length = sqrt(length);
    for (int way = 0; way < 4; way++) {
        double wanted = 0, size = 0;
        for (size_t i = 0; i < op->params; i++) {
            direction[i] = way ? (double)noise() : (double)gradient[i];
            size += direction[i] * direction[i];
        }
        for (size_t i = 0; i < op->params; i++) {
            direction[i] /= sqrt(size);
            wanted += direction[i] * (double)gradient[i];
        }
        double slope = slope_of(p, p->w + op->at, direction, op->params);
        if (!check(fabs(slope - wanted) <= 1e-3 * length + 1e-6, what, __LINE__))
            fprintf(stderr, "  %s, direction %d: %g, by differences %g, of %g\n",
                    op->layer->name, way, wanted, slope, length);
    }
}

static void test_gradients_are_those_of_differences(void) {
    static const char *const hidden[] = {"5", "6 4", "4 5 3"};
    static const char *const cells[] = {"CELL LSTM INIT AUTO", "CELL GRU INIT AUTO"};
    for (size_t h = 0; h < 3; h++)
        for (size_t c = 0; c < 2; c++)
            for (int way = 0; way < 4; way++) {
                nr_net *net = generator(hidden[h], cells[c]);
                probe *p = make_probe(net, way & 1, way & 2 ? 0.3 : 0);
                for (size_t i = 0; i < p->t->plan->all; i++) {
                    const nr_op *op = &p->t->plan->ops[i];
                    bool used = !(way & 1) || i > 0; /* tied: but biases */
                    if (op->params && used) check_op(p, op, cells[c]);
                }
                free_probe(p);
                nr_net_free(net);
            }
}

/* ================================== Bits ================================= */

static void take_bits(const char *hidden, const char *options, nr_buf *out) {
    nr_net *net = generator(hidden, options);
    nr_net *done = train(net, "NR.TRAIN k MAXCYCLES 4 AUTOSTOP BACKTRACK");
    CHECK(nr_net_merge(net, done, &err) == NR_OK);
    nr_net_free(done);
    CHECK(nr_net_weights(net->inner, out, &err) == NR_OK);
    CHECK(nr_buf_append(out, &net->h.stats.test_error, sizeof(double)));
    CHECK(execute(net, "NR.RUN k 's=w1 w2 other'", out) == NR_OK);
    CHECK(execute(net, "NR.SCORE k 's=w1 w2 w4'", out) == NR_OK);
    CHECK(execute(net, "NR.GENERATE k TEMPERATURE 0.7 TOP 4 SEED 5", out) ==
          NR_OK);
    nr_net_free(net);
}

static void test_bits_are_the_same_everywhere(void) {
    static const char *const options[] = {"TIED DROPOUT 0.2 BATCH 70",
                                          "CELL GRU OPTIMIZER SGD BATCH 4 TIED NO INIT "
                                          "0.2"};
    const char *best = nr_isa();
    for (size_t o = 0; o < 2; o++) {
        nr_buf first = {0};
        for (size_t i = 0; i < ISAS; i++) {
            char line[100];
            nr_buf bits = {0};
            if (!choose_isa(every_isa[i])) continue;
            sprintf(line, "%s THREADS %d", options[o], 1 << i);
            take_bits("7 5", line, first.len ? &bits : &first);
            CHECK(!bits.len || same_bytes(first, bits));
            nr_buf_free(&bits);
        }
        nr_buf_free(&first);
    }
    nr_set_isa(best);
}

/* Wide layers are read by as many parts at once as a thread has, which here are 20, 10
 * and 5. */
static void test_bits_of_wide_layers_do_not_depend_on_threads(void) {
    nr_buf first = {0};
    for (int threads = 1; threads <= 4; threads *= 2) {
        char line[100];
        nr_buf bits = {0};
        sprintf(line, "BATCH 20 UNROLL 7 THREADS %d", threads);
        take_bits("370", line, first.len ? &bits : &first);
        CHECK(!bits.len || same_bytes(first, bits));
        nr_buf_free(&bits);
    }
    nr_buf_free(&first);
}

/* Of so many rows, terms and blocks of them, as one product and in pieces. */
static void expect_same_product(size_t m, size_t k, size_t blocks, bool resume) {
    nr_stream s = {.k = nr_kernels_now()};
    float *c[2], *a = malloc(blocks * m * k * sizeof *a);
    float *b = malloc(blocks * k * NR_LANES * sizeof *b);
    for (size_t i = 0; i < blocks * m * k; i++) a[i] = noise();
    for (size_t i = 0; i < blocks * k * NR_LANES; i++) b[i] = noise();
    for (int i = 0; i < 2; i++) {
        c[i] = malloc(m * NR_LANES * sizeof *c[i]);
        for (size_t j = 0; j < m * NR_LANES; j++) c[i][j] = (float)j;
        nr_product x = {.c = c[i], .c_step = NR_LANES, .a = a, .step_m = k,
                        .step_k = 1, .a_block = m * k, .b = b, .b_step = NR_LANES,
                        .m = m, .blocks = blocks, .k = k, .nv = 3,
                        .resume = resume};
        if (i) nr_stream_product(&s, &x);
        else s.k->product(&x);
    }
    CHECK(!memcmp(c[0], c[1], m * NR_LANES * sizeof *c[0]));
    free(a), free(b), free(c[0]), free(c[1]);
}

static void test_products_in_pieces_have_the_same_bits(void) {
    const char *best = nr_isa();
    for (size_t i = 0; i < ISAS; i++) {
        if (!choose_isa(every_isa[i])) continue;
        expect_same_product(13, 601, 1, false);
        expect_same_product(7, 70, 9, true);
        expect_same_product(3, 64, 9, false);
    }
    nr_set_isa(best);
}

/* ================================ Behaviour ============================== */

static double error_of(const char *options, const char *how) {
    nr_net *net = generator("8", options);
    nr_net *done = train(net, how);
    double error = done->h.stats.test_error;
    nr_net_free(done);
    nr_net_free(net);
    return error;
}

/* To read on from a state tells more than to begin anew each time; and each option
 * is one. */
static void test_it_learns(void) {
    double once = error_of("", "NR.TRAIN k MAXCYCLES 1");
    double often = error_of("", "NR.TRAIN k MAXCYCLES 40");
    if (!CHECK(once > 2 && often < once - 0.4))
        fprintf(stderr, "%g, then %g\n", once, often);
    CHECK(error_of("UNROLL 1", "NR.TRAIN k MAXCYCLES 1") != once);
    CHECK(error_of("BATCH 3", "NR.TRAIN k MAXCYCLES 1") != once);
    CHECK(error_of("L2 0.1", "NR.TRAIN k MAXCYCLES 1") != once);
    CHECK(error_of("CLIP 0.01", "NR.TRAIN k MAXCYCLES 1") != once);
    CHECK(error_of("TIED NO", "NR.TRAIN k MAXCYCLES 1") != once);
    CHECK(error_of("INIT 0.3", "NR.TRAIN k MAXCYCLES 1") != once);
    CHECK(error_of("DECAY 0.1", "NR.TRAIN k MAXCYCLES 3") !=
          error_of("", "NR.TRAIN k MAXCYCLES 3"));
}

/* The bytes that a training says it takes are no fewer than those it does. */
static void test_memory_is_told(void) {
    nr_net *net = generator("16 16", "VOCABULARY 20");
    CHECK(nr_trainer_bytes(net) > 100000 && nr_trainer_bytes(net) < 4000000);
    nr_net_free(net);
}

/* Every byte of the weights' part changed in turn: read, or refused. */
static void test_damaged_generators_are_read_or_refused(void) {
    nr_net *net = generator("4", "TIED");
    nr_net *done = train(net, "NR.TRAIN k MAXCYCLES 1");
    CHECK(nr_net_merge(net, done, &err) == NR_OK);
    nr_net_free(done);
    nr_buf weights = {0}, header = {0};
    CHECK(nr_net_weights(net, &weights, &err) == NR_OK &&
          nr_net_header(net, &header, &err) == NR_OK);
    for (size_t i = 0; i < weights.len; i++) {
        nr_net *read = NULL;
        nr_buf reply = {0};
        weights.data[i] ^= 0x55;
        nr_parts parts = {.header = {header.data, header.len},
                          .weights = {weights.data, weights.len}};
        if (nr_net_assemble(&parts, &read, &err) == NR_OK) {
            execute(read, "NR.RUN k s=w1", &reply);
            execute(read, "NR.GENERATE k LENGTH 3 TOP 2", &reply);
            execute(read, "NR.SCORE k 's=w1 w2'", &reply);
            CHECK(execute(read, "NR.METRICS k", &reply) == NR_OK);
            nr_net_free(read);
        }
        nr_buf_free(&reply);
        weights.data[i] ^= 0x55;
    }
    nr_buf_free(&weights);
    nr_buf_free(&header);
    nr_net_free(net);
}

int main(void) {
    test_gradients_are_those_of_differences();
    test_bits_are_the_same_everywhere();
    test_bits_of_wide_layers_do_not_depend_on_threads();
    test_products_in_pieces_have_the_same_bits();
    test_it_learns();
    test_memory_is_told();
    test_damaged_generators_are_read_or_refused();
    return summary();
}
