/* The core's own functions, and the arithmetic below them: how exact they are,
 * on every instruction set, and that hosts find their rounding mode again. */

#include <fenv.h>

#include "float_mode.h"
#include "functions.h"
#include "making.h"

/* ======================= Exponential, logarithm, sine ==================== */

/* How far apart, in units of the last place of what is wanted. */
static double places(double got, long double want) {
    int e;
    frexpl(want, &e);
    return (double)fabsl(((long double)got - want) / ldexpl(1, e - 53));
}

static void expect_near(double got, long double want, double *worst) {
    double d = places(got, want);
    if (!(d <= *worst)) *worst = d;
}

static double between(double low, double high) {
    noise_state = nr_mix(noise_state);
    return low + (high - low) * (double)(noise_state >> 11) * 0x1p-53;
}

static void test_functions_are_exact_to_two_places(void) {
    double worst[4] = {0, 0, 0, 0};
    for (int i = 0; i < 100000; i++) {
        double wide = between(-707, 709), near = between(-1, 1);
        double turns = between(-1e6, 1e6), some = between(0, 1e3);
        expect_near(nr_exp(wide), expl(wide), &worst[0]);
        expect_near(nr_exp(near), expl(near), &worst[0]);
        expect_near(nr_log(some), logl(some), &worst[1]);
        expect_near(nr_log(1 + near / 2), logl(1 + near / 2), &worst[1]);
        expect_near(nr_log(exp(wide)), logl(exp(wide)), &worst[1]);
        expect_near(nr_sin(near * 7), sinl(near * 7), &worst[2]);
        expect_near(nr_cos(near * 7), cosl(near * 7), &worst[3]);
        expect_near(nr_sin(turns), sinl(turns), &worst[2]);
        expect_near(nr_cos(turns), cosl(turns), &worst[3]);
    }
    for (int f = 0; f < 4; f++) CHECK(worst[f] < 2);
    printf("exp, log, sin, cos: off by %.2f %.2f %.2f %.2f at most\n",
           worst[0], worst[1], worst[2], worst[3]);
}

static void test_functions_at_their_limits(void) {
    CHECK(nr_exp(0) == 1 && nr_exp(-0.0) == 1);
    CHECK(nr_exp(710) == INFINITY && nr_exp(INFINITY) == INFINITY);
    CHECK(nr_exp(-709) == 0 && nr_exp(-INFINITY) == 0 && isnan(nr_exp(NAN)));
    CHECK(isfinite(nr_exp(709.7)) && nr_exp(-708) >= 0x1p-1022);
    CHECK(nr_log(1) == 0 && nr_log(INFINITY) == INFINITY);
    CHECK(nr_log(0) == -INFINITY && nr_log(-0.0) == -INFINITY);
    CHECK(nr_log(5e-324) == -INFINITY && isnan(nr_log(-1)));
    CHECK(isnan(nr_log(NAN)) && fabs(nr_log(0x1p-1022) + 708.4) < 0.01);
    CHECK(nr_sin(0) == 0 && nr_cos(0) == 1 && isnan(nr_sin(NAN)));
    CHECK(isnan(nr_sin(1e7)) && isnan(nr_cos(-INFINITY)));
}

/* ============================= Fused products ============================ */

static float bits_as_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t float_as_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Any numbers; every second time the sum is near a product that it all but
 * cancels, or is lost behind, since there a second rounding shows. */
static void hard_numbers(float a, float *b, float *c) {
    for (int i = 0; i < 16; i++) {
        uint64_t bits = noise_state = nr_mix(noise_state);
        b[i] = bits_as_float((uint32_t)bits);
        c[i] = bits_as_float((uint32_t)(bits >> 32));
        if (bits >> 63) continue;
        uint32_t near = float_as_bits(a * b[i]) ^ (uint32_t)(bits >> 32 & 3);
        near ^= (uint32_t)(bits >> 34 & 1) << 31;
        c[i] = bits_as_float(near + ((uint32_t)(bits >> 35) % 60 << 23) -
                             (30u << 23));
    }
}

static bool same_number(float a, float b) {
    return float_as_bits(a) == float_as_bits(b) || (isnan(a) && isnan(b));
}

/* decay's g * 1 + a * w is one v_fma. */
static void test_a_fused_product_is_rounded_once(void) {
    const char *best = nr_isa();
    for (size_t s = 0; s < ISAS; s++) {
        int wrong = 0;
        if (!choose_isa(every_isa[s])) continue;
        for (int n = 0; n < 100000; n++) {
            float b[16], c[16], got[16];
            noise_state = nr_mix(noise_state);
            float a = bits_as_float((uint32_t)noise_state);
            hard_numbers(a, b, c);
            memcpy(got, c, sizeof got);
            nr_kernels_now()->decay(got, b, 16, 1, a);
            for (int i = 0; i < 16; i++)
                wrong += !same_number(got[i], fmaf(a, b[i], c[i]));
        }
        if (!CHECK(wrong == 0))
            fprintf(stderr, "  %s: %d\n", every_isa[s], wrong);
    }
    nr_set_isa(best);
}

/* All instruction sets flush the same. */
static void test_flushed_products_agree(void) {
    const char *best = nr_isa();
    uint64_t before = nr_mode_begin(NR_FLUSH);
    int wrong = 0;
    for (int n = 0; n < 100000; n++) {
        float b[16], c[16], got[2][16];
        float a = 1 + noise() / 2;
        hard_numbers(a, b, c);
        for (int i = 0; i < 16; i++) { /* near the least normal number */
            b[i] = bits_as_float((float_as_bits(b[i]) & 0x80ffffff) | 0x800000);
            c[i] = bits_as_float((float_as_bits(c[i]) & 0x80ffffff) | 0x800000);
        }
        memcpy(got[0], c, sizeof c);
        memcpy(got[1], c, sizeof c);
        nr_kernels_now()->decay(got[0], b, 16, 1, a);
        nr_set_isa("baseline");
        nr_kernels_now()->decay(got[1], b, 16, 1, a);
        nr_set_isa(best);
        for (int i = 0; i < 16; i++) wrong += !same_number(got[0][i], got[1][i]);
    }
    nr_mode_end(before);
    CHECK(wrong == 0);
}

/* ========================= The host's rounding mode ====================== */

/* A training on samples that make denormal numbers, its dump, and the replies
 * of its network. */
static void work(const char *create, nr_buf *out) {
    nr_buf reply = {0};
    noise_state = 3;
    nr_net *net = make(create);
    fill(net, 300, NR_DATASET_TRAIN);
    fill(net, 100, NR_DATASET_TEST);
    CHECK(execute(net, "NR.OBSERVE k 1e-40 -1e-41 0.5 -> 1 TRAIN", &reply) ==
          NR_OK);
    nr_net *trained = train(net, "NR.TRAIN k MAXCYCLES 80 AUTOSTOP BACKTRACK");
    CHECK(nr_net_merge(net, trained, &err) == NR_OK);
    CHECK(execute(net, "NR.RUN k 1e-40 2e-39 1", &reply) == NR_OK);
    CHECK(execute(net, "NR.RUN k 3 -1e-38 0", &reply) == NR_OK);
    CHECK(execute(net, "NR.GETDATA k TRAIN 300", &reply) == NR_OK);
    CHECK(execute(net, "NR.METRICS k", &reply) == NR_OK);
    CHECK(execute(net, "NR.IMPORTANCE k", &reply) == NR_OK);
    CHECK(nr_net_dump(net, out, &err) == NR_OK);
    CHECK(nr_buf_append(out, reply.data, reply.len));
    nr_buf_free(&reply);
    nr_net_free(trained);
    nr_net_free(net);
}

static const char *mode_networks[] = {
    "NR.CREATE k CLASSIFIER 3 20 -> 2 CLASSIC SEED 1",
    "NR.CREATE k REGRESSOR 3 5 -> 1 SEED 2 THREADS 2",
    "NR.CREATE k CLASSIFIER 3 9 -> 2 SEED 3 OPTIMIZER ADAM LEARNRATE 1e-300",
};

#if defined(__x86_64__)
static const unsigned modes[] = {
    0x1f80, 0x9fc0, /* FTZ and DAZ */ 0x9f80, 0x1fc0, /* one of them */
    0x5f80, /* rounds up */ 0x0e80 /* stops at divisions by 0 and no number */};

static unsigned mode_now(void) { return _mm_getcsr() & 0xffc0; }
static void mode_set(unsigned mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
static const unsigned modes[] = {0, 1 << 24 /* FZ */, 1 << 22 /* up */};

static unsigned mode_now(void) { return (unsigned)nr_mode_get(); }
static void mode_set(unsigned mode) { nr_mode_set(mode); }
#else
static const unsigned modes[] = {0};
static unsigned mode_now(void) { return 0; }
static void mode_set(unsigned mode) { (void)mode; }
#endif

static void test_a_host_has_its_mode_and_no_say_in_the_bits(void) {
    unsigned own = mode_now();
    for (int i = 0; i < 3; i++) {
        nr_buf dumps[2] = {{0}, {0}};
        for (size_t m = 0; m < sizeof modes / sizeof *modes; m++) {
            nr_buf *dump = &dumps[m > 0];
            dump->len = 0;
            mode_set(modes[m]);
            work(mode_networks[i], dump);
            check(mode_now() == modes[m], mode_networks[i], __LINE__);
            mode_set(own);
            if (m && !check(same_bytes(dumps[0], dumps[1]), mode_networks[i],
                            __LINE__))
                fprintf(stderr, "  mode %x\n", modes[m]);
        }
        nr_buf_free(&dumps[0]);
        nr_buf_free(&dumps[1]);
    }
}

/* Single rows are run in the host's mode where that makes no difference. */
static void test_denormal_rows_do_not_depend_on_the_mode(void) {
    static const char *creates[] = {
        "NR.CREATE k REGRESSOR 4 3 -> 2 SEED 1 MEMBERS 1",
        "NR.CREATE k CLASSIFIER 4 3 -> 2 SEED 1 MEMBERS 4",
        "NR.CREATE k CLASSIFIER 4 -> 2 SEED 1 CLASSIC"};
    float outputs[2][4];
    for (int i = 0; i < 3; i++) {
        nr_net *net = make(creates[i]);
        for (int n = 0; n < 3000; n++) {
            float row[4];
            for (int j = 0; j < 4; j++) {
                noise_state = nr_mix(noise_state);
                row[j] = ldexpf(noise(), (int)(noise_state % 160) - 149);
            }
            for (int m = 0; m < 2; m++) {
                uint64_t before = nr_mode_begin(m ? NR_FLUSH : NR_EXACT);
                CHECK(nr_net_run(net, row, 1, outputs[m], &err) == NR_OK);
                nr_mode_end(before);
            }
            check(!memcmp(outputs[0], outputs[1], 2 * sizeof(float)),
                  creates[i], __LINE__);
        }
        nr_net_free(net);
    }
}

int main(void) {
    test_functions_are_exact_to_two_places();
    test_functions_at_their_limits();
    test_a_fused_product_is_rounded_once();
    test_flushed_products_agree();
    test_a_host_has_its_mode_and_no_say_in_the_bits();
    test_denormal_rows_do_not_depend_on_the_mode();
    return summary();
}
