/* Forecasters: records of series, windows, the season, and what is hostile. */

#include "making.h"
#include "run/forecast.h"
#include "train/series.h"

enum { STEPS = 80 };

static const double PATTERN[4] = {0, 5, 2, 8};

static double value_of(size_t i) { return (double)i + PATTERN[i % 4]; }

static nr_net *forecaster(const char *more) {
    char line[256];
    snprintf(line, sizeof line,
             "NR.CREATE f FORECASTER x:number -> y:number HORIZON 4 WINDOW 16 "
             "SEED 1 MEMBERS 1 %s",
             more);
    return make(line);
}

static void observe(nr_net *net, const char *series, size_t from, size_t n) {
    char line[256];
    nr_buf reply = {0};
    for (size_t i = from; i < from + n; i++) {
        snprintf(line, sizeof line, "NR.OBSERVE f FOR %s x=%zu -> y=%.17g",
                 series, i % 3, value_of(i));
        CHECK(execute(net, line, &reply) == NR_OK);
    }
    nr_buf_free(&reply);
}

static nr_series series_at(const nr_net *net, size_t slot) {
    nr_series series = {0};
    CHECK(nr_series_read(net->schema, nr_record_at(net, 0, slot), &series));
    return series;
}

static void test_series_keep_their_latest_steps(void) {
    nr_net *net = forecaster("DATASET 10");
    observe(net, "a", 0, 25);
    observe(net, "b", 0, 3);
    observe(net, "a", 25, 1);
    CHECK(net->h.len[0] == 2 && net->h.len[1] == 0 && net->h.observed == 29);
    nr_series a = series_at(net, 0), b = series_at(net, 1);
    CHECK(a.n == 10 && b.n == 3 && a.width == 2);
    for (size_t i = 0; i < 10; i++)
        CHECK(nr_series_at(&a, i, 1) == value_of(16 + i) &&
              nr_series_at(&a, i, 0) == (double)((16 + i) % 3));
    CHECK(net->h.bytes[0] == 2 * 3 + 13 * 2 * sizeof(double));
    nr_net_free(net);
}

static void test_clones_do_not_see_later_steps(void) {
    nr_net *net = forecaster("");
    observe(net, "a", 0, 5);
    nr_net *clone = nr_net_clone(net);
    observe(net, "a", 5, 5);
    CHECK(series_at(clone, 0).n == 5 && series_at(net, 0).n == 10);
    nr_net_free(clone);
    nr_net_free(net);
}

/* What is said without names in the header, or with too many bytes. */
static void test_records_that_are_none_are_refused(void) {
    nr_net *net = forecaster("DATASET 2");
    double step[2] = {1, 2}, more[6] = {1, 2, 3, 4, 5, 6};
    unsigned char bytes[64] = {1, 1, 'a'};
    memcpy(bytes + 3, step, sizeof step);
    size_t len = 3 + sizeof step;
    CHECK(nr_sample_sound(net, (nr_bytes){bytes, len}));
    for (size_t n = 0; n < len; n++)
        CHECK(!nr_sample_sound(net, (nr_bytes){bytes, n}));
    CHECK(!nr_sample_sound(net, (nr_bytes){bytes, len + 1}));
    bytes[0] = 2;
    CHECK(!nr_sample_sound(net, (nr_bytes){bytes, len}));
    bytes[0] = 1, bytes[1] = 200;
    CHECK(!nr_sample_sound(net, (nr_bytes){bytes, len}));
    bytes[1] = 1, bytes[2] = 0xff;
    CHECK(!nr_sample_sound(net, (nr_bytes){bytes, len}));
    bytes[2] = 'a', step[1] = (double)NAN; /* an output */
    memcpy(bytes + 3, step, sizeof step);
    CHECK(!nr_sample_sound(net, (nr_bytes){bytes, len}));
    step[1] = (double)INFINITY;
    memcpy(bytes + 3, step, sizeof step);
    CHECK(!nr_sample_sound(net, (nr_bytes){bytes, len}));
    memcpy(bytes + 3, more, sizeof more);
    CHECK(!nr_sample_sound(net, (nr_bytes){bytes, 3 + sizeof more}));
    nr_net_free(net);
}

static void test_the_season_is_found(void) {
    double sums[9] = {0}, flat[9] = {0};
    nr_windows w = {1, 16, 4, 1, 1};
    nr_net *net = forecaster("");
    observe(net, "a", 0, STEPS);
    nr_series series = series_at(net, 0);
    double weight = nr_series_correlate(&w, &series, 8, sums);
    CHECK(weight > 0 && nr_season_find(sums, 8, weight) == 4);
    CHECK(nr_season_find(flat, 8, 1) == 1);
    nr_net_free(net);
}

/* Twice as large and higher by some: the same columns and targets. */
static void test_a_window_is_scaled_by_itself(void) {
    enum { COLUMNS = 64 };
    nr_windows w = {4, 16, 4, 0, 1};
    double one[40], other[40], scales[2];
    float x[2][COLUMNS], y[2][4];
    for (size_t i = 0; i < 40; i++) {
        one[i] = value_of(i) + (double)(i * i % 7);
        other[i] = 1000 + 2 * one[i];
    }
    nr_series a = {.at = (unsigned char *)one, .n = 40, .width = 1};
    nr_series b = {.at = (unsigned char *)other, .n = 40, .width = 1};
    size_t n = nr_windows_columns(&w);
    CHECK(n == 4 + 2 * 6 && n <= COLUMNS && nr_windows_least(&w) == 5);
    for (size_t end = 5; end <= 36; end++) {
        nr_window_encode(&w, &a, end, x[0], &scales[0]);
        nr_window_encode(&w, &b, end, x[1], &scales[1]);
        nr_window_targets(&w, &a, end, &scales[0], y[0]);
        nr_window_targets(&w, &b, end, &scales[1], y[1]);
        CHECK(fabs(scales[1] - 2 * scales[0]) < 1e-9);
        for (size_t i = 0; i < n; i++)
            CHECK(fabsf(x[0][i] - x[1][i]) < 1e-4f);
        for (size_t i = 0; i < 4; i++)
            CHECK(fabsf(y[0][i] - y[1][i]) < 1e-4f);
    }
    CHECK(nr_window_naive(&w, &a, 40, 0, 1) == one[36]);
    CHECK(nr_window_naive(&w, &a, 40, 0, 4) == one[39]);
    CHECK(nr_window_naive(&w, &a, 40, 0, 5) == one[36]);
}

/* Numbers whose differences are beyond doubles, and windows that are flat. */
static void test_extreme_windows_have_finite_columns(void) {
    nr_windows w = {2, 16, 2, 1, 1};
    double steps[40];
    float x[64], y[2];
    double scale;
    for (size_t kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < 40; i++)
            steps[i] = kind == 0 ? 7 : kind == 1 ? 0 : i % 4 < 2 ? 1e308 : -1e308;
        if (kind == 1) steps[4] = (double)NAN; /* an input */
        nr_series s = {.at = (unsigned char *)steps, .n = 20, .width = 2};
        nr_window_encode(&w, &s, 18, x, &scale);
        nr_window_targets(&w, &s, 18, &scale, y);
        CHECK(isfinite(scale) && scale > 0);
        for (size_t i = 0; i < nr_windows_columns(&w); i++)
            CHECK(isfinite(x[i]));
        CHECK(isfinite(y[0]) && isfinite(y[1]));
    }
}

static nr_net *trained_one(void) {
    nr_net *net = forecaster("");
    observe(net, "a", 0, STEPS);
    nr_net *done = train(net, "NR.TRAIN f MAXCYCLES 30 AUTOSTOP BACKTRACK");
    CHECK(nr_net_merge(net, done, &err) == NR_OK);
    nr_net_free(done);
    return net;
}

static void test_a_forecast_goes_on(void) {
    nr_net *net = trained_one();
    nr_buf reply = {0}, whole = {0};
    CHECK(execute(net, "NR.RUN f FOR a INTERVAL 0.5", &reply) == NR_OK);
    nr_cursor c = {reply.data, reply.data + reply.len, false};
    size_t n;
    CHECK(nr_get_array(&c, &n) && n == 4);
    for (size_t h = 0; h < 4; h++) {
        nr_bytes name;
        double low, value, high;
        CHECK(nr_get_array(&c, &n) && n == 2 && nr_get_bin(&c, &name) &&
              nr_get_array(&c, &n) && n == 3 && nr_get_double(&c, &low) && nr_get_double(&c, &value) &&
              nr_get_double(&c, &high));
        CHECK(low <= value && value <= high);
        CHECK(fabs(value - value_of(STEPS + h)) < 1);
    }
    nr_net *bare = nr_net_bare(net); /* as stores have it that keep parts */
    CHECK(run_bytes("NR.RUN f FOR a INTERVAL 0.5", 27) == NR_OK);
    CHECK(nr_net_forecast(bare, &cmd, nr_record_at(net, 0, 0), &whole, &err) ==
          NR_OK);
    release();
    CHECK(whole.len == reply.len && !memcmp(whole.data, reply.data, whole.len));
    nr_buf_free(&reply);
    nr_buf_free(&whole);
    nr_net_free(bare);
    nr_net_free(net);
}

/* Every byte of the weights' part changed in turn: read, or refused. */
static void test_damaged_forecasts_are_read_or_refused(void) {
    nr_net *net = trained_one();
    nr_buf weights = {0}, header = {0};
    CHECK(nr_net_weights(net, &weights, &err) == NR_OK &&
          nr_net_header(net, &header, &err) == NR_OK);
    for (size_t i = 0; i < weights.len; i += 1 + i / 600) {
        nr_net *read = NULL;
        nr_buf reply = {0};
        weights.data[i] ^= 0x55;
        nr_parts parts = {.header = {header.data, header.len},
                          .weights = {weights.data, weights.len}};
        if (nr_net_assemble(&parts, &read, &err) == NR_OK) {
            CHECK(run_bytes("NR.RUN f FOR a INTERVAL 0.5", 27) == NR_OK);
            nr_net_forecast(read, &cmd, nr_record_at(net, 0, 0), &reply, &err);
            release();
            CHECK(execute(read, "NR.METRICS f", &reply) == NR_OK);
            nr_net_free(read);
        }
        nr_buf_free(&reply);
        weights.data[i] ^= 0x55;
    }
    nr_buf_free(&weights);
    nr_buf_free(&header);
    nr_net_free(net);
}

static void test_trainings_are_alike_on_all_instruction_sets(void) {
    nr_buf first = {0};
    for (size_t i = 0; i < ISAS; i++) {
        if (!choose_isa(every_isa[i])) continue;
        nr_buf reply = {0};
        nr_net *net = trained_one();
        CHECK(execute(net, "NR.RUN f FOR a", &reply) == NR_OK);
        if (first.len)
            CHECK(first.len == reply.len &&
                  !memcmp(first.data, reply.data, first.len));
        else
            nr_buf_append(&first, reply.data, reply.len);
        nr_buf_free(&reply);
        nr_net_free(net);
    }
    nr_buf_free(&first);
}

int main(void) {
    test_series_keep_their_latest_steps();
    test_clones_do_not_see_later_steps();
    test_records_that_are_none_are_refused();
    test_the_season_is_found();
    test_a_window_is_scaled_by_itself();
    test_extreme_windows_have_finite_columns();
    test_a_forecast_goes_on();
    test_damaged_forecasts_are_read_or_refused();
    test_trainings_are_alike_on_all_instruction_sets();
    return summary();
}
