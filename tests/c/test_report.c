/* What a report keeps of the testing samples: counts to the last one, and a
 * spread that is not lost where targets are far from 0. */

#include <math.h>

#include "making.h"
#include "run/report.h"

static void test_counts_are_exact(void) {
    const double counts[] = {0,        1,        100,      16777215, 16777216,
                             16777217, 33554431, 67108863, 67108864};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        float stored = nr_count_store(counts[i]);
        CHECK(nr_count_read(stored) == counts[i]);
        if (counts[i] <= 16777216) CHECK(stored == (float)counts[i]);
    }
}

/* A network whose last training reported so. */
static nr_net *reported(const char *create, const float *report, size_t n) {
    nr_net *net = make(create);
    net->history = nr_array_new(1 + n);
    memcpy(net->history->data + 1, report, n * sizeof *report);
    return net;
}

static void test_metrics_tell_counts_beyond_24_bits(void) {
    float many = nr_count_store(20000001), few = nr_count_store(3);
    const float report[] = {many, 0.5f, 0.5f, NAN, 0, many, few, 0, 0};
    const unsigned char told[] = {0xce, 0x01, 0x31, 0x2d, 0x01};
    nr_net *net = reported("NR.CREATE k CLASSIFIER 1 -> 2", report,
                           sizeof report / sizeof *report);
    nr_buf reply = {0}, dump = {0};
    CHECK(nr_report_reply(net, &reply));
    size_t found = 0;
    for (size_t i = 0; i + sizeof told <= reply.len; i++)
        found += memcmp(reply.data + i, told, sizeof told) == 0;
    CHECK(found == 2); /* samples, and the matrix' first cell */
    CHECK(nr_net_dump(net, &dump, &err) == NR_OK);
    nr_net *back = NULL;
    CHECK(nr_net_load(dump.data, dump.len, 0, &back, &err) == NR_OK);
    CHECK(back && nr_count_read(nr_report_of(back)[0]) == 20000001);
    nr_net_free(back);
    nr_net_free(net);
    nr_buf_free(&reply);
    nr_buf_free(&dump);
}

/* R2 of targets from `first` on, a step of 64 apart. */
static float r2_of(float first, float step) {
    nr_net *net = make("NR.CREATE k REGRESSOR 1 -> 1 NORMALIZE SEED 1");
    for (int i = 0; i < 100; i++) {
        float row[2] = {(float)i, first + step * (float)i};
        CHECK(nr_net_observe(net, row, 1, i % 2, &err) == NR_OK);
    }
    nr_net *trained = train(net, "NR.TRAIN k MAXCYCLES 200");
    float r2 = nr_report_of(trained)[3];
    nr_net_free(trained);
    nr_net_free(net);
    return r2;
}

static void test_r2_is_of_the_spread_however_far_from_0(void) {
    CHECK(r2_of(0, 64) > 0.99f);
    CHECK(r2_of(1e12f, 65536) > 0.99f);
    CHECK(r2_of(1e12f, 65536) <= 1);
    CHECK(isnan(r2_of(1e12f, 0)));
    CHECK(isnan(r2_of(0.1f, 0)));
}

/* Errors from n - 1 down to 0 for each output, as they are kept. */
static nr_array *residuals_of(size_t n, size_t outputs) {
    size_t kept = nr_residuals_kept(n, outputs);
    float *sorted = nr_alloc(n * sizeof *sorted);
    nr_array *residuals = nr_array_new(1 + outputs * kept);
    for (size_t i = 0; i < n; i++) sorted[i] = (float)(n - 1 - i);
    residuals->data[0] = (float)n;
    for (size_t o = 0; o < outputs; o++)
        nr_residuals_thin(sorted, n, outputs, residuals->data + 1 + o * kept);
    nr_release(sorted);
    return residuals;
}

/* Never narrower than the (n + 1) p-th error says, and hardly wider. */
static void test_few_residuals_tell_every_quantile(void) {
    const size_t counts[] = {1, 2, 9, 127, 255, 256, 257, 511, 512, 1000, 54321,
                             NR_MOST_MEASURED};
    const double shares[] = {1e-4, 0.1, 0.5, 0.8, 0.9, 0.99, 0.999, 0.9999};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        size_t n = counts[i];
        nr_array *residuals = residuals_of(n, 1);
        CHECK(residuals->n < 2200);
        for (size_t j = 0; j < sizeof shares / sizeof *shares; j++) {
            double p = shares[j], found = nr_residual(residuals, 1, 0, p);
            double rank = fmax(ceil(((double)n + 1) * p - 1e-9), 1);
            CHECK(isnan(found) == (rank > (double)n));
            CHECK(isnan(found) == ((double)n < nr_residuals_least(p)));
            if (isnan(found)) continue;
            double tail = (double)n + 1 - rank, kept = (double)n - found;
            CHECK(kept <= tail && kept >= tail - tail / 128);
        }
        nr_array_drop(residuals);
    }
}

static void test_residuals_of_many_outputs_are_bounded(void) {
    nr_array *residuals = residuals_of(1024, NR_MOST_INTERVALS);
    CHECK(residuals->n <= (1 << 17) + 1);
    CHECK(nr_residual(residuals, NR_MOST_INTERVALS, 4095, 0.9) >= 921);
    CHECK(nr_residual(residuals, NR_MOST_INTERVALS, 4095, 0.9999) !=
          nr_residual(residuals, NR_MOST_INTERVALS, 4095, 0.9999));
    nr_array_drop(residuals);
}

int main(void) {
    test_few_residuals_tell_every_quantile();
    test_residuals_of_many_outputs_are_bounded();
    test_counts_are_exact();
    test_metrics_tell_counts_beyond_24_bits();
    test_r2_is_of_the_spread_however_far_from_0();
    return summary();
}
