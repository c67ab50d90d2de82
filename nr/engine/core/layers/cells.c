/* The weights of recurrent layers: how they lie, which is as those of dense layers
 * do, and what they are at first. How they run says recurrent.c. */

#include <math.h>
#include <string.h>

#include "layers/layer.h"

static size_t params(const nr_op *op) {
    return nr_dense_params(op->in, op->out);
}

static void fill_normal(float *w, size_t n, double deviation, uint64_t *key) {
    for (size_t i = 0; i < n; i++)
        w[i] = (float)deviation * nr_normal(nr_mix((*key)++));
}

static double dot(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Rows of one gate, `step` apart: orthogonal, and of length 1 (Gram and
 * Schmidt). A state then neither grows nor shrinks by many steps (Saxe,
 * McClelland and Ganguli, 2014). Very wide ones are nearly so by chance. */
static void make_orthogonal(float *w, size_t n, size_t step) {
    enum { WIDE = 512 };
    for (size_t i = 0; i < n; i++) {
        float *row = w + i * step;
        for (size_t j = 0; j < i && n <= WIDE; j++) {
            const float *other = w + j * step;
            double part = dot(row, other, n);
            for (size_t k = 0; k < n; k++)
                row[k] = (float)((double)row[k] - part * (double)other[k]);
        }
        double length = sqrt(dot(row, row, n));
        for (size_t k = 0; k < n; k++)
            row[k] = (float)((double)row[k] / length);
    }
}

/* Of a state of n units to some gates; w is its first row. */
static void init_state(float *w, size_t n, size_t gates, uint64_t *key) {
    fill_normal(w, n * n * gates, 1, key);
    for (size_t g = 0; g < gates; g++) make_orthogonal(w + g * n, n, n * gates);
}

/* Glorot and Bengio (2010). */
static void init_input(const nr_op *op, float *w, size_t in, uint64_t *key) {
    memset(w, 0, op->out * sizeof *w);
    fill_normal(w + nr_dense_row(op->out, 0), in * op->out,
                sqrt(2.0 / (double)(in + op->out)), key);
}

/* The forget gate's biases are 1: what a state holds is kept at first (Gers,
 * Schmidhuber and Cummins, 2000). */
static void init_lstm(const nr_op *op, const nr_header *h, float *w,
                      uint64_t *key) {
    size_t units = op->out / 4, in = op->in - units;
    (void)h;
    init_input(op, w, in, key);
    for (size_t u = 0; u < units; u++) w[units + u] = 1;
    init_state(w + nr_dense_row(op->out, in), units, 4, key);
}

static void init_gru_input(const nr_op *op, const nr_header *h, float *w,
                           uint64_t *key) {
    (void)h;
    init_input(op, w, op->in, key);
}

static void init_gru_state(const nr_op *op, const nr_header *h, float *w,
                           uint64_t *key) {
    (void)h;
    memset(w, 0, op->out * sizeof *w);
    init_state(w + nr_dense_row(op->out, 0), op->in, 3, key);
}

/* The unknown symbol is 0 until a sample has one. */
static void init_embed(const nr_op *op, const nr_header *h, float *w,
                       uint64_t *key) {
    static const double DEVIATION = 0.5;
    (void)h;
    memset(w, 0, op->out * sizeof *w);
    fill_normal(w + op->out, op->in * op->out, DEVIATION, key);
}

const nr_layer nr_layer_embed = {
    .name = "embed", .params = params, .init = init_embed};
const nr_layer nr_layer_lstm = {
    .name = "lstm", .params = params, .init = init_lstm};
const nr_layer nr_layer_gru_input = {
    .name = "gru-input", .params = params, .init = init_gru_input};
const nr_layer nr_layer_gru_state = {
    .name = "gru-state", .params = params, .init = init_gru_state};
