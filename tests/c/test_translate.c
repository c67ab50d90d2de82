/* Generators from one sequence to another: gradients against differences of losses, the
 * same bits everywhere, beams, and what damaged weights may say. */

#include "layers/translator.h"
#include "making.h"
#include "run/beam.h"
#include "train/translate.h"

enum { LANES = 21, LONGEST = 6 };

static size_t below(size_t n) {
    noise_state = nr_mix(noise_state);
    return (size_t)(noise_state % n);
}

/* A word of eight letters, and it backwards, in capitals. */
static size_t spell(char *line, size_t at, size_t n, const size_t *letters) {
    at += (size_t)sprintf(line + at, "a=");
    for (size_t i = 0; i < n; i++) line[at++] = (char)('a' + letters[i]);
    return at;
}

static void observe(nr_net *net, size_t samples, const char *dataset) {
    for (size_t i = 0; i < samples; i++) {
        char line[400];
        size_t letters[LONGEST], n = 1 + below(LONGEST);
        nr_buf reply = {0};
        for (size_t k = 0; k < n; k++) letters[k] = below(8);
        size_t at = spell(line, (size_t)sprintf(line, "NR.OBSERVE k "), n, letters);
        at += (size_t)sprintf(line + at, " -> \"b=");
        for (size_t k = n; k-- > 0;)
            at += (size_t)sprintf(line + at, "%c%zu ", (char)('A' + letters[k]), k % 2);
        sprintf(line + at, "\" %s", dataset);
        CHECK(execute(net, line, &reply) == NR_OK);
        nr_buf_free(&reply);
    }
}

static nr_net *generator(const char *hidden, const char *options) {
    char line[300];
    noise_state = 4;
    sprintf(line, "NR.CREATE k GENERATOR a:sequence(char) %s -> b:sequence(word) "
                  "DATASET 500 TEST 500 SEED 3 %s",
            hidden, options);
    nr_net *net = make(line);
    observe(net, 150, "TRAIN");
    observe(net, 40, "TEST");
    return net;
}

/* ================================ Gradients ============================== */

typedef struct probe {
    nr_trainer *t;
    nr_translator s;
    float *memory, *g, *w;
    uint32_t ids[NR_LANES][LONGEST], told[NR_LANES][LONGEST];
    nr_phrase in[NR_LANES];
    size_t n[NR_LANES], steps;
    uint32_t before[(LONGEST + 1) * NR_LANES];
} probe;

/* Losses by the deltas p - 1 of what was told, in doubles: differences of single ones
 * would be those of their rounding. */
static double loss_at(probe *p, bool learn) {
    double loss = 0;
    nr_translator_read(&p->s, p->w, p->in, LANES);
    for (size_t i = 0; i < p->steps; i++) {
        float next[NR_LANES], counts[NR_LANES];
        uint32_t *before = p->before + i * NR_LANES;
        for (size_t l = 0; l < NR_LANES; l++) {
            counts[l] = l < LANES && i <= p->n[l];
            next[l] = counts[l] > 0 && i < p->n[l] ? (float)p->told[l][i]
                                                   : (float)NR_END_SYMBOL;
            before[l] = counts[l] > 0 && i ? p->told[l][i - 1] : NR_END_SYMBOL;
        }
        nr_target target = {.target = next, .weights = counts, .classes = true,
                            .units = nr_outputs(p->t->net), .lanes = LANES};
        nr_translator_step(&p->s, p->w, i, before);
        nr_translator_loss(&p->s, &target);
        for (size_t l = 0; l < LANES; l++)
            if (counts[l] > 0)
                loss -= log(1 + (double)p->s.y[(size_t)next[l] * NR_LANES + l]);
        if (learn) nr_translator_ask(&p->s, p->w, p->g, i);
    }
    if (learn) nr_translator_backward(&p->s, p->w, p->g, p->steps, p->before);
    return loss;
}

static void make_phrases(probe *p) {
    size_t told = nr_outputs(p->t->net), read = p->t->plan->recurrent.of[0].symbols;
    for (size_t l = 0; l < LANES; l++) {
        size_t n = 1 + below(LONGEST);
        for (size_t i = 0; i < n; i++) p->ids[l][i] = (uint32_t)below(read + 1);
        p->in[l] = (nr_phrase){p->ids[l], n};
        p->n[l] = below(LONGEST + 1);
        for (size_t i = 0; i < p->n[l]; i++) p->told[l][i] = (uint32_t)below(told);
        if (p->n[l] + 1 > p->steps) p->steps = p->n[l] + 1;
    }
}

static probe *make_probe(const nr_net *net, double dropout) {
    probe *p = calloc(1, sizeof *p);
    nr_trainer *t = p->t = trainer(net, "NR.TRAIN k MAXCYCLES 2");
    size_t floats = nr_translator_floats(t->plan, LONGEST, LONGEST + 1);
    p->memory = nr_alloc_lines(floats, sizeof(float));
    p->g = nr_alloc_lines(t->params + NR_LANES, sizeof(float));
    p->w = t->now->w;
    for (size_t i = 0; i < t->params; i++) p->w[i] *= 1.5f; /* or little is felt */
    memset(p->memory, 0, floats * sizeof(float));
    memset(p->g, 0, t->params * sizeof(float));
    nr_translator_make(&p->s, t->k, t->plan, LONGEST, LONGEST + 1, p->memory);
    p->s.dropout = dropout, p->s.key = 7;
    make_phrases(p);
    loss_at(p, true);
    return p;
}

static void free_probe(probe *p) {
    nr_release_lines(p->memory);
    nr_release_lines(p->g);
    nr_trainer_free(p->t);
    free(p);
}

/* Of two differences, so that the third derivative does not count. Where the loss is
 * flat they are further apart: less is felt there of what it is rounded by. */
static double slope_of(probe *p, float *w, const double *direction, size_t n,
                       double length) {
    double slopes[2], step = length > 1 ? 0.015 : 0.04;
    float kept[20000];
    memcpy(kept, w, n * sizeof *w);
    for (int s = 0; s < 2; s++, step *= 2) {
        double sides[2];
        for (int side = 0; side < 2; side++) {
            double by = side ? -step : step;
            for (size_t i = 0; i < n; i++)
                w[i] = (float)((double)kept[i] + by * direction[i]);
            sides[side] = loss_at(p, false);
        }
        slopes[s] = (sides[0] - sides[1]) / (2 * step);
    }
    memcpy(w, kept, n * sizeof *w);
    return (4 * slopes[0] - slopes[1]) / 3;
}

/* Along the gradient itself, and along random directions. */
static void check_op(probe *p, const nr_op *op, const char *what) {
    static double direction[20000];
    const float *gradient = p->g + op->at;
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
        double slope = slope_of(p, p->w + op->at, direction, op->params,
                                length);
        if (!check(fabs(slope - wanted) <= 1e-3 * length + 1e-6, what, __LINE__))
            fprintf(stderr, "  %s, direction %d: %g, by differences %g, of %g\n",
                    op->layer->name, way, wanted, slope, length);
    }
}

static void test_gradients_are_those_of_differences(void) {
    static const char *const hidden[] = {"5", "6 4", "4 5 3"};
    static const char *const cells[] = {"CELL LSTM", "CELL GRU"};
    for (size_t h = 0; h < 3; h++)
        for (size_t c = 0; c < 2; c++)
            for (int dropped = 0; dropped < 2; dropped++) {
                nr_net *net = generator(hidden[h], cells[c]);
                probe *p = make_probe(net, dropped ? 0.3 : 0);
                CHECK(nr_translates(p->t->plan));
                for (size_t i = 0; i < p->t->plan->all; i++)
                    if (p->t->plan->ops[i].params)
                        check_op(p, &p->t->plan->ops[i], cells[c]);
                free_probe(p);
                nr_net_free(net);
            }
}

/* ================================== Bits ================================= */

static void take_bits(const char *options, nr_buf *out) {
    nr_net *net = generator("7 5", options);
    nr_net *done = train(net, "NR.TRAIN k MAXCYCLES 3 AUTOSTOP BACKTRACK");
    CHECK(nr_net_merge(net, done, &err) == NR_OK);
    nr_net_free(done);
    CHECK(nr_net_weights(net->inner, out, &err) == NR_OK);
    CHECK(nr_buf_append(out, &net->h.stats.test_error, sizeof(double)));
    CHECK(execute(net, "NR.RUN k a=abc", out) == NR_OK);
    CHECK(execute(net, "NR.RUN k a=xgfab BEAM 20 LENGTH 9", out) == NR_OK);
    CHECK(execute(net, "NR.SCORE k a=hg 'b=G1 H0'", out) == NR_OK);
    CHECK(execute(net, "NR.METRICS k", out) == NR_OK);
    nr_net_free(net);
}

/* Of a batch of three panels, of which threads take one each. */
static void test_bits_are_the_same_everywhere(void) {
    static const char *const options[] = {"DROPOUT 0.2 BATCH 150",
                                          "CELL GRU OPTIMIZER SGD BATCH 7"};
    const char *best = nr_isa();
    for (size_t o = 0; o < 2; o++) {
        nr_buf first = {0};
        for (size_t i = 0; i < ISAS; i++)
            for (int threads = 1; threads <= 4; threads *= 2) {
                char line[100];
                nr_buf bits = {0};
                if (!choose_isa(every_isa[i])) continue;
                sprintf(line, "%s THREADS %d", options[o], threads);
                take_bits(line, first.len ? &bits : &first);
                CHECK(!bits.len || same_bytes(first, bits));
                nr_buf_free(&bits);
            }
        nr_buf_free(&first);
    }
    nr_set_isa(best);
}

/* ================================= Beams ================================= */

static double number_of(const nr_telling *told, const nr_beam *b, nr_phrase in) {
    double sum = 0;
    nr_phrase phrase = {told->ids, told->n};
    CHECK(nr_beam_score(b, in, phrase, &sum, &err) == NR_OK);
    return sum;
}

/* The likeliest come first, each as likely as it is by itself; a wider beam finds none
 * that is less likely; and inputs beside each other change nothing. */
static void test_beams_find_what_is_likely(void) {
    nr_net *net = generator("12", "LEARNRATE 0.02");
    nr_net *done = train(net, "NR.TRAIN k MAXCYCLES 15");
    CHECK(nr_net_merge(net, done, &err) == NR_OK);
    const nr_net *inner = net->inner;
    const nr_array *weights = nr_net_ready(inner, &err);
    const uint32_t ids[2][4] = {{1, 2, 3, 4}, {5, 0}};
    const nr_phrase in[2] = {{ids[0], 4}, {ids[1], 2}};
    double before = -INFINITY;
    for (size_t width = 1; width <= 16; width *= 4) {
        nr_beam b = {nr_kernels_now(), inner->plan,
                     nr_factors_of(&inner->h, weights->data).layers, width, 0};
        nr_telling alone[16], both[32];
        size_t count[2], counts[2];
        CHECK(nr_beam_search(&b, in, 1, alone, count, &err) == NR_OK);
        CHECK(nr_beam_search(&b, in, 2, both, counts, &err) == NR_OK);
        CHECK(count[0] == width && counts[0] == width && counts[1] == width);
        for (size_t i = 0; i < count[0]; i++) {
            double sum = number_of(&alone[i], &b, in[0]);
            CHECK(fabs(sum - alone[i].log_probability) < 1e-9);
            CHECK(!i || alone[i].log_probability <= alone[i - 1].log_probability);
            CHECK(alone[i].n == both[i].n && alone[i].n > 0 &&
                  !memcmp(alone[i].ids, both[i].ids, alone[i].n * sizeof(uint32_t)));
            CHECK(alone[i].log_probability >= both[i].log_probability &&
                  alone[i].log_probability <= both[i].log_probability);
        }
        CHECK(alone[0].log_probability >= before);
        before = alone[0].log_probability;
        nr_tellings_free(alone, width);
        nr_tellings_free(both, 2 * width);
    }
    nr_net_free(done);
    nr_net_free(net);
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

static bool differ(double a, double b) { return a < b || a > b; }

/* Each option is one. */
static void test_it_learns(void) {
    double once = error_of("", "NR.TRAIN k MAXCYCLES 1");
    double often = error_of("LEARNRATE 0.02", "NR.TRAIN k MAXCYCLES 30");
    if (!CHECK(once > 2 && often < once - 1))
        fprintf(stderr, "%g, then %g\n", once, often);
    CHECK(differ(error_of("DROPOUT 0.5", "NR.TRAIN k MAXCYCLES 1"), once));
    CHECK(differ(error_of("BATCH 3", "NR.TRAIN k MAXCYCLES 1"), once));
    CHECK(differ(error_of("L2 0.1", "NR.TRAIN k MAXCYCLES 1"), once));
    CHECK(differ(error_of("CLIP 0.01", "NR.TRAIN k MAXCYCLES 1"), once));
    CHECK(differ(error_of("CELL GRU", "NR.TRAIN k MAXCYCLES 1"), once));
}

static void test_distances(void) {
    const uint32_t a[] = {1, 2, 3, 4}, b[] = {2, 3, 5, 4, 4};
    size_t row[8];
    CHECK(nr_phrase_distance((nr_phrase){a, 4}, (nr_phrase){a, 4}, row) == 0);
    CHECK(nr_phrase_distance((nr_phrase){a, 4}, (nr_phrase){b, 5}, row) == 3);
    CHECK(nr_phrase_distance((nr_phrase){a, 0}, (nr_phrase){b, 5}, row) == 5);
    CHECK(nr_phrase_distance((nr_phrase){a, 3}, (nr_phrase){b, 0}, row) == 3);
}

/* The bytes that a training says it takes are no fewer than those it does. */
static void test_memory_is_told(void) {
    nr_net *net = generator("16 16", "VOCABULARY 20");
    CHECK(nr_trainer_bytes(net) > 400000 && nr_trainer_bytes(net) < 8000000);
    nr_net_free(net);
}

/* Every byte of the weights' part changed in turn: read, or refused. */
static void test_damaged_generators_are_read_or_refused(void) {
    nr_net *net = generator("3", "");
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
            execute(read, "NR.RUN k a=ab BEAM 3 LENGTH 3", &reply);
            execute(read, "NR.SCORE k a=b 'b=A0 B1'", &reply);
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
    test_beams_find_what_is_likely();
    test_it_learns();
    test_distances();
    test_memory_is_told();
    test_damaged_generators_are_read_or_refused();
    return summary();
}
