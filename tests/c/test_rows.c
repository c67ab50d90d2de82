/* Single rows: the bits of panels, whatever a layer's width, and softmaxes of one row
 * those of nr_exp. */

#include "functions.h"
#include "kernels/kernel.h"
#include "making.h"

enum { TOGETHER = 64 };

static void expect_same_rows(const char *create) {
    nr_net *net = make(create);
    size_t in = nr_inputs(net), out = nr_outputs(net);
    float *x = malloc(TOGETHER * in * sizeof *x);
    float *all = malloc(TOGETHER * out * sizeof *all), *one = malloc(out * sizeof *one);
    for (size_t i = 0; i < TOGETHER * in; i++) x[i] = noise();
    CHECK(nr_net_run(net, x, TOGETHER, all, &err) == NR_OK);
    for (size_t r = 0; r < TOGETHER; r++) {
        CHECK(nr_net_run(net, x + r * in, 1, one, &err) == NR_OK);
        if (!check(!memcmp(one, all + r * out, out * sizeof *one), create, __LINE__))
            break;
    }
    free(x), free(all), free(one);
    nr_net_free(net);
}

/* Up to seven vectors of outputs are one tile; more are taken some inputs at a time, of
 * which some are left. */
static void test_a_row_has_its_panels_bits(void) {
    static const int outputs[] = {7, 16, 17, 112, 113, 129, 300};
    char create[100];
    for (size_t o = 0; o < sizeof outputs / sizeof *outputs; o++)
        for (int inputs = 1; inputs < 19; inputs += outputs[o] > 112 ? 1 : 4) {
            sprintf(create, "NR.CREATE k REGRESSOR %d -> %d MEMBERS 1 SEED 2", inputs,
                    outputs[o]);
            expect_same_rows(create);
        }
    expect_same_rows("NR.CREATE k CLASSIFIER 5 130 150 -> 200 MEMBERS 2 SEED 3");
    expect_same_rows("NR.CREATE k REGRESSOR 9 150 -> 3 MEMBERS 3 SEED 3 ACTIVATION RELU");
}

static bool same_softmax(const float *x, size_t n, double temperature) {
    const nr_kernels *k = nr_kernels_now();
    double *to = malloc(n * sizeof *to), sum = 0, told;
    float most = x[0];
    for (size_t i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
    bool same = k->largest(x, n) == most;
    told = k->soft_powers(to, x, n, (double)most, temperature);
    for (size_t i = 0; i < n; i++) {
        double off = ((double)x[i] - (double)most) / temperature;
        double power = nr_exp(off < -700 ? -700 : off);
        same = same && !memcmp(&to[i], &power, sizeof power);
        sum += power;
    }
    free(to);
    return same && !memcmp(&told, &sum, sizeof sum);
}

static void test_a_softmax_has_the_bits_of_nr_exp(void) {
    static const double temperatures[] = {1, 0.3, 1e-3, 1e-300, 1e6};
    float x[1003];
    for (size_t n = 1; n < 1003; n += n < 40 ? 1 : 321)
        for (size_t t = 0; t < 5; t++) {
            float wide = t == 1 ? 3000.0f : 20.0f;
            for (size_t i = 0; i < n; i++) x[i] = noise() * wide;
            CHECK(same_softmax(x, n, temperatures[t]));
        }
    x[0] = 3.4e38f, x[1] = -3.4e38f, x[2] = 0;
    CHECK(same_softmax(x, 3, 1) && same_softmax(x, 3, 1e-9));
    x[0] = 1, x[1] = 1 - 0x1p-24f, x[2] = 1;
    CHECK(same_softmax(x, 3, 1) && same_softmax(x, 3, 1e9));
}

int main(void) {
    for (size_t isa = 0; isa < ISAS; isa++) {
        if (!choose_isa(every_isa[isa])) continue;
        test_a_row_has_its_panels_bits();
        test_a_softmax_has_the_bits_of_nr_exp();
    }
    return summary();
}
