/* NORMALIZE: the scale on which a network sees its inputs and outputs.
 *
 * Inputs are taken as deviations from the training dataset's mean, in units of
 * its standard deviation; a regressor's targets are always, NORMALIZE or not,
 * since a linear output has to learn their size otherwise. An input that never
 * changes becomes 0; an output that never changes is replied as it is, since
 * whatever the network computes is multiplied by 0. Only a column whose values
 * are all the same counts as one without spread: values that differ in their
 * last place have a spread, whatever their size. CLASSIC divides by 1.2 times
 * the largest magnitude.
 *
 * The factors change with the samples, from one training to the next. Weights
 * trained under the old ones are rewritten first: W (x - s) c + b is the same
 * function under any s and c that are paid for in W and b. */

#include <float.h>
#include <math.h>
#include <string.h>

#include "layers/layer.h"
#include "train/train.h"

/* ============================== Statistics =============================== */

typedef struct column {
    double mean, deviation, least, largest;
} column;

static column measure(const nr_net *net, size_t index) {
    size_t n = net->h.len[NR_DATASET_TRAIN];
    double sum = 0, squares = 0;
    column c = {.least = INFINITY, .largest = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        double x = nr_dataset_row(net, NR_DATASET_TRAIN, i)[index];
        sum += x;
        if (x < c.least) c.least = x;
        if (x > c.largest) c.largest = x;
    }
    c.mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        double d = nr_dataset_row(net, NR_DATASET_TRAIN, i)[index] - c.mean;
        squares += d * d;
    }
    c.deviation = sqrt(squares / (double)n);
    return c;
}

static double most_of(column c) { return fmax(-c.least, c.largest); }

/* Denormal deviations count as none: they are 0 to the kernels. */
static bool constant(column c) {
    return c.least == c.largest || c.deviation < (double)FLT_MIN;
}

/* The mean, or the number next to it that no value is further from than a
 * float32 can say. */
static float shift_of(column c) {
    const double most = (double)FLT_MAX;
    if (c.least == c.largest) return (float)c.least;
    return (float)fmin(fmax(c.mean, c.largest - most), c.least + most);
}

/* Not so small that it would be a denormal, which are 0 to the kernels. */
static float inverse(double spread) {
    return fmaxf((float)(1 / spread), FLT_MIN);
}

static void scale_input(const nr_options *o, column c, float *shift,
                        float *scale) {
    *shift = 0;
    *scale = 1;
    if (!o->normalize) return;
    if (o->classic) {
        double most = most_of(c);
        *scale = most > 1 ? inverse(1.2 * most) : 1;
        return;
    }
    *shift = shift_of(c);
    *scale = constant(c) ? 0 : inverse(c.deviation);
}

static void scale_output(const nr_header *h, column c, float *shift,
                         float *scale) {
    *shift = 0;
    *scale = 1;
    if (h->options.classic) {
        double most = most_of(c);
        if (h->options.normalize && most > 1)
            *scale = (float)fmin(1.2 * most, (double)FLT_MAX);
        return;
    }
    *shift = shift_of(c);
    *scale = constant(c) ? 0 : (float)c.deviation;
}

/* =============================== Rewriting =============================== */

/* One input's row of weights w, and the biases b, from the old shift and scale
 * to the new. */
static void rewrite_input(float *w, float *b, size_t outputs, double s0,
                          double c0, double s1, double c1) {
    double factor = c1 != 0 ? c0 / c1 : 1;
    for (size_t o = 0; o < outputs; o++) {
        b[o] = (float)(b[o] + w[o] * c0 * (s1 - s0));
        w[o] = (float)(w[o] * factor);
    }
}

static void rewrite_output(float *layer, size_t inputs, size_t outputs,
                           size_t o, double shift, double factor) {
    for (size_t i = o; i < nr_dense_params(inputs, outputs); i += outputs)
        layer[i] = (float)(layer[i] * factor);
    layer[o] = (float)(layer[o] + shift);
}

/* A member's first and last layer are all that sees the factors. */
typedef struct edges {
    float *first, *last;
} edges;

static edges edges_of(const nr_net *net, float *layers, size_t member) {
    float *own = layers + nr_member_at(net, member);
    return (edges){own + nr_plan_first(net->plan)->at,
                   own + nr_plan_last(net->plan)->at};
}

/* ================================= Both ================================== */

void nr_scale(const nr_net *net, float *weights, bool trained) {
    const nr_header *h = &net->h;
    nr_factors f = nr_factors_of(h, weights);
    size_t in = nr_inputs(net), first = nr_plan_first(net->plan)->out;
    size_t before = nr_plan_last(net->plan)->in, out = nr_outputs(net);
    bool rewrite = trained && !h->options.classic;
    size_t members = rewrite ? (size_t)h->options.members : 0;
    float shift, scale;
    for (size_t i = 0; i < in; i++) {
        column c = h->options.normalize ? measure(net, i) : (column){0};
        scale_input(&h->options, c, &shift, &scale);
        for (size_t m = 0; m < members; m++) {
            float *b = edges_of(net, f.layers, m).first;
            rewrite_input(b + nr_dense_row(first, i), b, first, f.in_shift[i],
                          f.in_scale[i], shift, scale);
        }
        f.in_shift[i] = shift;
        f.in_scale[i] = scale;
    }
    for (size_t o = 0; o < out; o++) {
        shift = 0;
        scale = 1;
        if (h->kind == NR_REGRESSOR)
            scale_output(h, measure(net, in + o), &shift, &scale);
        for (size_t m = 0; m < members && scale != 0; m++)
            rewrite_output(edges_of(net, f.layers, m).last, before, out, o,
                           ((double)f.out_shift[o] - shift) / scale,
                           (double)f.out_scale[o] / scale);
        f.out_shift[o] = shift;
        f.out_scale[o] = scale;
    }
}
