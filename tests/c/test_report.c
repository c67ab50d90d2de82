/* What a report keeps of the testing samples: counts to the last one, and a
 * spread that is not lost where targets are far from 0. */

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

int main(void) {
    test_counts_are_exact();
    test_metrics_tell_counts_beyond_24_bits();
    test_r2_is_of_the_spread_however_far_from_0();
    return summary();
}
