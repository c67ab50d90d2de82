/* What the tests of networks share: a network from a command, samples in it. */

#ifndef MAKING_H
#define MAKING_H

#include <math.h>
#include <stdlib.h>

#include "parsing.h"
#include "train/train.h"

static inline nr_net *make(const char *line) {
    nr_net *net = NULL;
    if (run_bytes(line, strlen(line)) != NR_OK ||
        nr_net_create(&cmd, 7, 42, &net, &err) != NR_OK)
        fprintf(stderr, "%s: %s\n", line, err.text);
    release();
    return net;
}

static inline nr_status execute(nr_net *net, const char *line, nr_buf *reply) {
    nr_status status = run_bytes(line, strlen(line));
    if (status == NR_OK)
        status = nr_net_execute(net, &cmd, false, reply, &err);
    release();
    return status;
}

/* All, the best first. */
static const char *const every_isa[] = {
#ifdef __x86_64__
    "avx512", "avx2",
#endif
    "baseline"};
enum { ISAS = sizeof every_isa / sizeof *every_isa };

/* What follows is done by this one. pytest's summary tells of one that this
 * processor lacks, and that was not tested. */
static inline bool choose_isa(const char *name) {
    bool there = nr_set_isa(name) == NR_OK;
    if (!there) printf("not tested: %s, which this processor lacks\n", name);
    return there;
}

/* Uniform from -1 to 1, the same at every run. */
static uint64_t noise_state = 1;
static inline float noise(void) {
    noise_state = nr_mix(noise_state);
    return (float)((double)(noise_state >> 40) / (double)(1 << 23) - 1);
}

static inline void fill(nr_net *net, size_t n, nr_dataset_id which) {
    float row[4096];
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i < net->row; i++) row[i] = noise();
        if (net->h.kind == NR_CLASSIFIER)
            row[nr_inputs(net)] =
                (float)(nr_mix(noise_state) % nr_outputs(net));
        CHECK(nr_net_observe(net, row, 1, which, &err) == NR_OK);
    }
}

static inline nr_trainer *trainer(const nr_net *net, const char *line) {
    nr_trainer *t = NULL;
    if (run_bytes(line, strlen(line)) != NR_OK ||
        nr_trainer_create(net, &cmd, &t, &err) != NR_OK)
        fprintf(stderr, "%s: %s\n", line, err.text);
    release();
    return t;
}

static inline nr_net *train(const nr_net *net, const char *line) {
    nr_net *trained = NULL;
    nr_trainer *t = trainer(net, line);
    while (nr_trainer_step(t, 0)) {}
    CHECK(nr_trainer_finish(t, 0, &trained, &err) == NR_OK);
    nr_trainer_free(t);
    return trained;
}

static inline bool same_bytes(nr_buf a, nr_buf b) {
    return a.len == b.len && (a.len == 0 || !memcmp(a.data, b.data, a.len));
}

/* Frees them. */
static inline void expect_same_result(nr_net *one, nr_net *other,
                                      const char *what) {
    nr_buf a = {0}, b = {0};
    nr_net_weights(one, &a, &err);
    nr_net_weights(other, &b, &err);
    CHECK(a.len > 0);
    check(same_bytes(a, b), what, __LINE__);
    CHECK(one->h.stats.train_error == other->h.stats.train_error);
    CHECK(one->h.stats.test_error == other->h.stats.test_error);
    nr_buf_free(&a);
    nr_buf_free(&b);
    nr_net_free(one);
    nr_net_free(other);
}

#endif
