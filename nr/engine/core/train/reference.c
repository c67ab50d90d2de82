/* What a training leaves for NR.DRIFT to compare with: some of the losses on the
 * testing samples, measured before it learns from these as well, and bins of each
 * input in which equally many samples lie. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run/drift.h"
#include "run/report.h"
#include "run/run.h"
#include "train/train.h"

enum { BATCH = NR_LANES, MOST_TESTED = 8192, MOST_SORTED = 2048 };

typedef struct making {
    const nr_net *net; /* that learned */
    const nr_net *whole; /* that it is for */
    const nr_encoding *encoding;
    size_t tested, inputs, counted;
    double mean;
    float *losses, *x, *y, *values;
} making;

static size_t count_tested(const nr_net *net) {
    size_t n = net->h.len[NR_DATASET_TEST];
    return n < MOST_TESTED ? n : MOST_TESTED;
}

static size_t count_inputs(const nr_net *net, const nr_encoding *encoding) {
    size_t n = encoding ? encoding->schema->inputs : nr_inputs(net);
    return n <= NR_MOST_COMPARED ? n : 0;
}

uint64_t nr_reference_floats(const nr_net *net) {
    size_t in = nr_inputs(net);
    size_t inputs = in <= NR_MOST_COMPARED ? in : NR_MOST_COMPARED;
    return BATCH * (uint64_t)(in + nr_outputs(net)) + count_tested(net) +
           MOST_SORTED + NR_REF_HEAD + NR_MOST_LOSSES +
           (uint64_t)inputs * NR_DRIFT_INPUT;
}

/* ================================= Losses ================================ */

static int by_size(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* They are evenly apart where there are more. */
static const float *tested_row(const making *m, size_t i) {
    size_t n = m->net->h.len[NR_DATASET_TEST];
    return nr_dataset_row(m->net, NR_DATASET_TEST,
                          (size_t)((uint64_t)i * n / m->tested));
}

static bool measure_losses(making *m) {
    nr_error err;
    const nr_net *net = m->net;
    size_t in = nr_inputs(net), out = nr_outputs(net);
    const nr_array *weights = nr_net_ready(net, &err);
    if (!weights) return false;
    const float *scale = nr_factors_of(&net->h, weights->data).out_scale;
    for (size_t from = 0; from < m->tested; from += BATCH) {
        size_t some = m->tested - from < BATCH ? m->tested - from : BATCH;
        for (size_t i = 0; i < some; i++)
            memcpy(m->x + i * in, tested_row(m, from + i), in * sizeof *m->x);
        if (nr_net_outputs(net, NULL, m->x, some, m->y, &err) != NR_OK)
            return false;
        nr_report_bound(m->y, some * out);
        for (size_t i = 0; i < some; i++) {
            double loss = 0;
            nr_report_loss(net, m->y + i * out, tested_row(m, from + i) + in,
                           scale, &loss);
            m->losses[from + i] =
                nr_drift_flushed((float)(loss <= 1e30 ? loss : 1e30));
            m->mean += (double)m->losses[from + i] / (double)m->tested;
        }
    }
    qsort(m->losses, m->tested, sizeof *m->losses, by_size);
    return true;
}

/* Those in the middle of as many equal parts. */
static float *put_losses(const making *m, float *to) {
    size_t n = nr_reference_losses((double)m->tested);
    for (size_t i = 0; i < n; i++)
        *to++ = m->losses[(2 * i + 1) * m->tested / (2 * n)];
    return to;
}

/* ================================== Bins ================================= */

static size_t count_samples(const nr_net *net) {
    return net->h.len[NR_DATASET_TRAIN] + net->h.len[NR_DATASET_TEST];
}

static const float *any_row(const nr_net *net, size_t i) {
    size_t train = net->h.len[NR_DATASET_TRAIN];
    return i < train ? nr_dataset_row(net, NR_DATASET_TRAIN, i)
                     : nr_dataset_row(net, NR_DATASET_TEST, i - train);
}

/* The edges that leave equally many of some samples in each bin. */
static void put_edges(const making *m, size_t input, float *edges) {
    size_t all = count_samples(m->net), n = all < MOST_SORTED ? all : MOST_SORTED;
    bool compared = true;
    for (size_t i = 0; i < n && compared; i++)
        compared = nr_drift_value(
            m->encoding, any_row(m->net, (size_t)((uint64_t)i * all / n)), input,
            &m->values[i]);
    if (!compared) return;
    qsort(m->values, n, sizeof *m->values, by_size);
    for (size_t i = 0; i < NR_DRIFT_EDGES; i++)
        edges[i] = m->values[(i + 1) * n / NR_DRIFT_BINS];
}

static bool put_bins(making *m, float *bins) {
    size_t all = count_samples(m->net), every = nr_drift_every(all, m->inputs);
    uint32_t *counts =
        nr_alloc_lines(m->inputs + 1, NR_DRIFT_BINS * sizeof *counts);
    float value;
    if (!counts) return false;
    for (size_t i = 0; i < m->inputs; i++)
        put_edges(m, i, bins + i * NR_DRIFT_INPUT);
    for (size_t s = 0; s < all; s += every, m->counted++)
        for (size_t i = 0; i < m->inputs; i++)
            if (nr_drift_value(m->encoding, any_row(m->net, s), i, &value))
                counts[i * NR_DRIFT_BINS +
                       nr_drift_bin(bins + i * NR_DRIFT_INPUT, value)]++;
    for (size_t i = 0; i < m->inputs; i++)
        for (size_t b = 0; b < NR_DRIFT_BINS; b++)
            bins[i * NR_DRIFT_INPUT + NR_DRIFT_EDGES + b] =
                nr_count_store((double)counts[i * NR_DRIFT_BINS + b]);
    nr_release_lines(counts);
    return true;
}

/* ================================== All ================================== */

static void put_head(const making *m, float *head) {
    const nr_header *h = &m->whole->h;
    const uint64_t *len = m->net->h.len;
    uint64_t low = (UINT64_C(1) << 26) - 1;
    const double numbers[NR_REF_HEAD] = {
        [NR_REF_TESTED] = (double)m->tested,
        [NR_REF_TRAIN] = (double)len[NR_DATASET_TRAIN],
        [NR_REF_TEST] = (double)len[NR_DATASET_TEST],
        [NR_REF_COUNTED] = (double)m->counted,
        [NR_REF_OBSERVED] = (double)(h->observed >> 26 & low),
        [NR_REF_OBSERVED_LOW] = (double)(h->observed & low),
        [NR_REF_SCHEMA] = (double)(h->schema_revision & 0xffffff),
    };
    for (size_t i = 0; i < NR_REF_HEAD; i++) head[i] = nr_count_store(numbers[i]);
    head[NR_REF_MEAN] = nr_drift_flushed((float)m->mean);
}

static bool make(making *m, nr_array **reference) {
    size_t in = nr_inputs(m->net), out = nr_outputs(m->net);
    size_t kept = nr_reference_losses((double)m->tested);
    m->losses = nr_alloc_lines(m->tested + 1, sizeof *m->losses);
    m->values = nr_alloc_lines(MOST_SORTED, sizeof *m->values);
    m->x = nr_alloc_lines(BATCH, in * sizeof *m->x);
    m->y = nr_alloc_lines(BATCH, out * sizeof *m->y);
    *reference =
        nr_array_new(NR_REF_HEAD + kept + m->inputs * NR_DRIFT_INPUT);
    if (!m->losses || !m->values || !m->x || !m->y || !*reference) return false;
    if (!measure_losses(m)) return false;
    float *bins = put_losses(m, (*reference)->data + NR_REF_HEAD);
    if (!put_bins(m, bins)) return false;
    put_head(m, (*reference)->data);
    return true;
}

bool nr_reference_make(const nr_net *net, const nr_net *whole,
                       const nr_encoding *encoding, nr_array **reference) {
    making m = {.net = net, .whole = whole, .encoding = encoding,
                .tested = count_tested(net),
                .inputs = count_inputs(net, encoding)};
    bool ok = make(&m, reference);
    nr_release_lines(m.losses);
    nr_release_lines(m.values);
    nr_release_lines(m.x);
    nr_release_lines(m.y);
    return ok;
}
