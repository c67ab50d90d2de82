/* NR.METRICS: how good a network was on the testing dataset when its training
 * ended.
 *
 * Measured then and kept, not when one asks: after a training that ends with a
 * pass over all samples (cycles.c) the testing dataset is no test any more. So
 * it costs nothing to ask, and every store answers the same.
 *
 * A classifier's report is n, log-loss, Brier score, area under the ROC curve
 * (NaN but for two classes), calibration error, then for up to
 * NR_MAX_CONFUSION classes the matrix [class][taken for], for more of them
 * [class] right, [class] taken for it, [class] in all. A regressor's is n, then
 * root mean squared error, mean absolute error and R2 of each output.
 *
 * Counts are float32s as all else, up to 2^24; a larger one would not be exact
 * and lies there as the bits of the integer itself. There are 2^26 samples at
 * most, and no float32 of a whole number has bits as small as that. */

#include "run/language.h"
#include "run/report.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "functions.h"
#include "kernels/kernel.h"
#include "run/fields.h"
#include "run/forecast.h"
#include "run/run.h"

enum { HEAD = NR_REPORT_HEAD, BINS = 10, BATCH = NR_LANES };

static bool has_matrix(const nr_header *h) {
    return h->layers[h->nlayers - 1] <= NR_MAX_CONFUSION;
}

/* What is summed up over the samples. */
typedef struct tally {
    const nr_net *net;
    size_t n, out;
    double loss, log_loss, brier, wrong;
    double bin_n[BINS], bin_sure[BINS], bin_right[BINS];
    double *counts; /* the matrix or the three rows */
    double *sums;   /* a regressor's: the targets' mean, their squared
                       deviations from it, squared errors, |errors| */
    float *scores;  /* two classes: class 1's probability; negative: class 0 */
} tally;

static const double TINY = 1e-30; /* the least probability */

/* In deviations of the training samples' outputs; what never changed there has
 * none, and counts in its own unit. */
static double regression_loss(const float *y, const float *target,
                              const float *scale, size_t out) {
    double sum = 0;
    for (size_t o = 0; o < out; o++) {
        double unit = (double)y[o] - (double)target[o];
        if (scale[o] != 0) unit /= (double)scale[o];
        sum += unit * unit / 2;
    }
    return sum;
}

void nr_report_loss(const nr_net *net, const float *y, const float *target,
                    const float *scale, double *sum) {
    double squares = 0;
    if (net->h.kind == NR_REGRESSOR) {
        *sum += regression_loss(y, target, scale, nr_outputs(net));
        return;
    }
    size_t class = (size_t)*target;
    for (size_t o = 0; o < nr_outputs(net); o++) {
        double off = (double)y[o] - (o == class);
        squares += off * off;
    }
    *sum += net->h.options.loss == NR_CROSSENTROPY
                ? -nr_log(fmax((double)y[class], TINY))
                : squares / 2;
}

/* ============================== Classifiers ============================== */

static void count(tally *t, size_t class, size_t taken) {
    if (has_matrix(&t->net->h)) {
        t->counts[class * t->out + taken] += 1;
        return;
    }
    t->counts[class] += class == taken;
    t->counts[t->out + taken] += 1;
    t->counts[2 * t->out + class] += 1;
}

static void add_class(tally *t, const float *y, float target) {
    size_t class = (size_t)target, best = 0;
    double squares = 0;
    for (size_t o = 0; o < t->out; o++) {
        double off = (double)y[o] - (o == class);
        squares += off * off;
        if (y[o] > y[best]) best = o;
    }
    double sure = fmin(fmax((double)y[best], 0), 1);
    size_t bin = (size_t)fmin(sure * BINS, BINS - 1);
    double log_loss = -nr_log(fmax((double)y[class], TINY));
    t->log_loss += log_loss;
    t->brier += squares;
    t->wrong += best != class;
    t->bin_n[bin] += 1;
    t->bin_sure[bin] += sure;
    t->bin_right[bin] += best == class;
    if (t->scores) t->scores[t->n] = class ? 1 + y[1] : -1 - y[1];
    count(t, class, best);
}

static int by_score(const void *a, const void *b) {
    float x = fabsf(*(const float *)a), y = fabsf(*(const float *)b);
    return (x > y) - (x < y);
}

/* By ranks (Mann and Whitney), ties sharing theirs. */
static double area(float *scores, size_t n) {
    double ranks = 0, ones = 0;
    qsort(scores, n, sizeof *scores, by_score);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && fabsf(scores[j]) == fabsf(scores[i]); j++) {}
        for (size_t k = i; k < j; k++)
            if (scores[k] > 0) {
                ranks += (double)(i + j + 1) / 2;
                ones += 1;
            }
    }
    double zeros = (double)n - ones;
    if (ones == 0 || zeros == 0) return NAN;
    return (ranks - ones * (ones + 1) / 2) / (ones * zeros);
}

static double bounded(double value) {
    const double most = (double)FLT_MAX;
    return value > most ? most : value < -most ? -most : value;
}

void nr_report_bound(float *y, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = (float)bounded((double)y[i]);
}

/* NaN is no value, and has the same bits everywhere, which narrowing would not give
 * it; an infinity would be refused when the network is read. */
static bool put_float(nr_buf *b, double value) {
    float x = isnan(value) ? NAN : (float)bounded(value);
    return nr_buf_append(b, &x, sizeof x);
}

static bool put_count(nr_buf *b, double count) {
    float stored = nr_count_store(count);
    return nr_buf_append(b, &stored, sizeof stored);
}

static bool report_classes(tally *t, nr_buf *b) {
    double n = (double)t->n, off = 0;
    size_t cells = nr_report_len(&t->net->h) - HEAD;
    for (size_t i = 0; i < BINS; i++)
        off += fabs(t->bin_right[i] - t->bin_sure[i]);
    bool ok = put_count(b, n) && put_float(b, t->log_loss / n) &&
              put_float(b, t->brier / n) &&
              put_float(b, t->scores ? area(t->scores, t->n) : NAN) &&
              put_float(b, off / n);
    for (size_t i = 0; i < cells && ok; i++) ok = put_count(b, t->counts[i]);
    return ok;
}

/* =============================== Regressors ============================== */

/* Mean and squared deviations by Welford's way: the difference of two sums of
 * squares would be noise where targets are far from 0, and it is exactly 0 for
 * those that are all the same. */
static void add_values(tally *t, const float *y, const float *target) {
    for (size_t o = 0; o < t->out; o++) {
        double want = (double)target[o], e = (double)y[o] - want;
        double *sums = t->sums + 4 * o, off = want - sums[0];
        sums[0] += off / (double)(t->n + 1);
        sums[1] += off * (want - sums[0]);
        sums[2] += e * e;
        sums[3] += fabs(e);
    }
}

static bool report_values(const tally *t, nr_buf *b) {
    double n = (double)t->n;
    bool ok = put_count(b, n);
    for (size_t o = 0; o < t->out && ok; o++) {
        const double *sums = t->sums + 4 * o;
        double spread = sums[1];
        ok = put_float(b, sqrt(sums[2] / n)) && put_float(b, sums[3] / n) &&
             put_float(b, spread > 0 ? 1 - sums[2] / spread : NAN);
    }
    return ok;
}

/* ================================= Both ================================== */

static bool tally_make(tally *t) {
    bool classes = t->net->h.kind == NR_CLASSIFIER;
    size_t cells = classes ? nr_report_len(&t->net->h) - HEAD : 4 * t->out;
    double *made = nr_alloc_lines(cells, sizeof *made);
    *(classes ? &t->counts : &t->sums) = made;
    if (!made || !classes || t->out != 2) return made != NULL;
    size_t n = t->net->h.len[0] > t->net->h.len[1] ? t->net->h.len[0]
                                                   : t->net->h.len[1];
    t->scores = nr_alloc(n * sizeof *t->scores);
    return t->scores != NULL;
}

static bool run_dataset(tally *t, nr_dataset_id which, float *x, float *y) {
    const nr_net *net = t->net;
    nr_error err;
    size_t in = nr_inputs(net), n = net->h.len[which];
    const nr_array *weights = nr_net_ready(net, &err);
    if (!weights) return false;
    const float *scale = nr_factors_of(&net->h, weights->data).out_scale;
    for (size_t at = 0; at < n; at += BATCH) {
        size_t some = n - at < BATCH ? n - at : BATCH;
        for (size_t i = 0; i < some; i++)
            memcpy(x + i * in, nr_dataset_row(net, which, at + i),
                   in * sizeof *x);
        if (nr_net_outputs(net, NULL, x, some, y, &err) != NR_OK) return false;
        nr_report_bound(y, some * t->out);
        for (size_t i = 0; i < some; i++, t->n++) {
            const float *target = nr_dataset_row(net, which, at + i) + in;
            nr_report_loss(net, y + i * t->out, target, scale, &t->loss);
            if (net->h.kind == NR_CLASSIFIER)
                add_class(t, y + i * t->out, *target);
            else
                add_values(t, y + i * t->out, target);
        }
    }
    return true;
}

bool nr_report_make(const nr_net *net, nr_dataset_id which, nr_buf *report,
                    double *error, double *wrong) {
    tally t = {.net = net, .out = nr_outputs(net)};
    size_t in = nr_inputs(net);
    float *x = nr_alloc_lines(BATCH, in * sizeof *x);
    float *y = nr_alloc_lines(BATCH, t.out * sizeof *y);
    bool ok = x && y && tally_make(&t) && run_dataset(&t, which, x, y);
    if (ok) {
        *error = t.loss / (double)t.n;
        *wrong = 100 * t.wrong / (double)t.n;
        if (report)
            ok = t.counts ? report_classes(&t, report)
                          : report_values(&t, report);
    }
    nr_release_lines(x);
    nr_release_lines(y);
    nr_release_lines(t.counts);
    nr_release_lines(t.sums);
    nr_release(t.scores);
    return ok;
}

const float *nr_report_of(const nr_net *net) {
    if (!net->history) return NULL;
    size_t at = 1 + 4 * (size_t)net->history->data[0];
    return at < net->history->n ? net->history->data + at : NULL;
}

/* ============================== NR.METRICS =============================== */

static bool put_real(nr_buf *b, double value) {
    return isnan(value) ? nr_put_nil(b) : nr_put_double(b, value);
}

static bool put_named(nr_buf *b, const char *name, double value) {
    return nr_put_str(b, name) && put_real(b, value);
}

/* Of one class: how often it was right, was taken for it, was there. */
typedef struct hits {
    double right, taken, all;
} hits;

static hits hits_of(const float *cells, size_t out, bool matrix, size_t c) {
    hits h = {0, 0, 0};
    if (!matrix)
        return (hits){nr_count_read(cells[c]), nr_count_read(cells[out + c]),
                      nr_count_read(cells[2 * out + c])};
    h.right = nr_count_read(cells[c * out + c]);
    for (size_t i = 0; i < out; i++) {
        h.taken += nr_count_read(cells[i * out + c]);
        h.all += nr_count_read(cells[c * out + i]);
    }
    return h;
}

enum { PRECISION, RECALL, F1, SUPPORT, PER_CLASS };

static bool put_per_class(nr_buf *b, const float *cells, size_t out,
                          bool matrix) {
    static const char *const names[] = {"precision", "recall", "f1",
                                        "support"};
    for (int what = 0; what < PER_CLASS; what++) {
        bool ok = nr_put_str(b, names[what]) && nr_put_array(b, out);
        for (size_t c = 0; c < out && ok; c++) {
            hits h = hits_of(cells, out, matrix, c);
            double by = what == PRECISION ? h.taken
                        : what == RECALL  ? h.all
                                          : (h.taken + h.all) / 2;
            ok = what == SUPPORT ? nr_put_uint(b, (uint64_t)h.all)
                                 : put_real(b, by > 0 ? h.right / by : NAN);
        }
        if (!ok) return false;
    }
    return true;
}

static bool put_matrix(nr_buf *b, const float *cells, size_t out) {
    bool ok = nr_put_str(b, "confusion-matrix") && nr_put_array(b, out);
    for (size_t c = 0; c < out && ok; c++) {
        ok = nr_put_array(b, out);
        for (size_t i = 0; i < out && ok; i++)
            ok = nr_put_uint(b, (uint64_t)nr_count_read(cells[c * out + i]));
    }
    return ok;
}

/* Of networks with fields: which classes, or outputs, the others are of. */
static bool put_names(const nr_net *net, nr_buf *b) {
    if (!net->encoding) return true;
    return nr_put_str(b, net->h.kind == NR_CLASSIFIER ? "classes" : "outputs") &&
           nr_fields_outputs(net, b);
}

/* The network whose outputs these are. */
static const nr_net *judged(const nr_net *net) {
    return net->inner ? net->inner : net;
}

static bool reply_classes(const nr_net *net, const float *r, nr_buf *b) {
    bool matrix = has_matrix(&judged(net)->h);
    size_t out = nr_outputs(judged(net));
    double right = 0;
    for (size_t c = 0; c < out; c++)
        right += hits_of(r + HEAD, out, matrix, c).right;
    size_t pairs = 10 + (size_t)matrix + (net->encoding != NULL);
    return nr_put_array(b, 2 * pairs) && nr_put_str(b, "samples") &&
           nr_put_uint(b, (uint64_t)nr_count_read(r[0])) &&
           put_named(b, "accuracy", right / nr_count_read(r[0])) &&
           put_named(b, "log-loss", (double)r[1]) &&
           put_named(b, "brier", (double)r[2]) &&
           put_named(b, "auc", (double)r[3]) &&
           put_named(b, "calibration-error", (double)r[4]) &&
           (!matrix || put_matrix(b, r + HEAD, out)) &&
           put_per_class(b, r + HEAD, out, matrix) && put_names(net, b);
}

/* Errors are in the output's own unit, whatever the encoding made of it. */
static double in_units(const nr_net *net, size_t output, size_t what,
                       double value) {
    bool unit = net->encoding && what < 2;
    return unit ? value * nr_output_unit(net->encoding, output) : value;
}

static bool reply_values(const nr_net *net, const float *r, nr_buf *b) {
    static const char *const names[] = {"rmse", "mae", "r2"};
    size_t out = nr_outputs(judged(net));
    bool ok = nr_put_array(b, net->encoding ? 10 : 8) &&
              nr_put_str(b, "samples") &&
              nr_put_uint(b, (uint64_t)nr_count_read(r[0]));
    for (size_t what = 0; what < 3 && ok; what++) {
        ok = nr_put_str(b, names[what]) && nr_put_array(b, out);
        for (size_t o = 0; o < out && ok; o++)
            ok = put_real(b, in_units(net, o, what, (double)r[1 + 3 * o + what]));
    }
    return ok && put_names(net, b);
}

bool nr_report_reply(const nr_net *net, nr_buf *reply) {
    const float *r = nr_report_of(net);
    if (nr_is_forecaster(net)) return nr_forecast_report(net, reply);
    if (nr_is_generator(net)) return nr_language_report(net, reply);
    if (!r) return nr_put_nil(reply);
    return net->h.kind == NR_CLASSIFIER ? reply_classes(net, r, reply)
                                        : reply_values(net, r, reply);
}
