/* See sure.h. */

#include <float.h>
#include <math.h>

#include "grammar/syntax.h"
#include "run/report.h"
#include "run/run.h"
#include "run/runner.h"
#include "run/sure.h"

/* ================================ INTERVAL =============================== */

static nr_status too_few(const nr_net *net, double p, nr_error *err) {
    size_t there = nr_residuals_samples(net->findings[NR_RESIDUALS]);
    char said[NR_NUMBER];
    return nr_fail(err, "ERR INTERVAL %s takes at least %.0f testing samples at "
                        "the last training, there were %zu",
                   nr_write_shortest(said, p), nr_residuals_least(p), there);
}

/* How many outputs; 0, and err says why, where there are no intervals. */
static size_t check_interval(const nr_net *net, double p, nr_error *err) {
    const nr_net *judged = net->inner ? net->inner : net;
    size_t outputs = nr_outputs(judged);
    if (net->h.kind != NR_REGRESSOR)
        nr_fail(err, "ERR INTERVAL is for regressors and forecasters: NR.CLASS "
                     "has SURE p for classifiers");
    else if (outputs > NR_MOST_INTERVALS)
        nr_fail(err, "ERR INTERVAL is for up to %d outputs, and the network has "
                     "%zu",
                NR_MOST_INTERVALS, outputs);
    else if (!net->findings[NR_RESIDUALS] && nr_report_of(net))
        nr_fail(err, "ERR INTERVAL takes what trainings keep since INTERVAL is "
                     "there: train the network again");
    else if (isnan(nr_residual(net->findings[NR_RESIDUALS], outputs, 0, p)))
        too_few(net, p, err);
    else
        return outputs;
    return 0;
}

nr_status nr_interval_take(const nr_net *net, double p, double **off,
                           nr_error *err) {
    *off = NULL;
    if (!(p > 0)) return NR_OK;
    size_t outputs = check_interval(net, p, err);
    if (!outputs) return NR_ERR;
    *off = nr_alloc(outputs * sizeof **off);
    if (!*off) return nr_nomem(err);
    for (size_t o = 0; o < outputs; o++) {
        double residual = nr_residual(net->findings[NR_RESIDUALS], outputs, o, p);
        double unit = net->inner ? nr_output_unit(net->encoding, o) : 1;
        (*off)[o] = residual * unit;
    }
    return NR_OK;
}

static double bounded(double x) {
    return fmax(fmin(x, DBL_MAX), -DBL_MAX);
}

bool nr_interval_put(double value, double off, nr_buf *b) {
    return nr_put_array(b, 3) && nr_put_double(b, bounded(value - off)) &&
           nr_put_double(b, value) && nr_put_double(b, bounded(value + off));
}

static float single(double x) {
    const double most = (double)FLT_MAX;
    return (float)fmax(fmin(x, most), -most);
}

void nr_interval_floats(const float *y, const double *off, size_t outputs,
                        float *to) {
    for (size_t o = 0; o < outputs; o++) {
        *to++ = single((double)y[o] - off[o]);
        *to++ = y[o];
        *to++ = single((double)y[o] + off[o]);
    }
}

/* ================================== SURE ================================= */

static nr_status check_sure(const nr_net *net, nr_error *err) {
    if (nr_net_head(&net->h) == NR_SOFTMAX) return NR_OK;
    return nr_fail(err, "ERR SURE takes probabilities, which LOSS MSE does not "
                        "give: LOSS CROSSENTROPY does");
}

/* So many rows at once: their outputs are few floats, whatever n is. */
enum { AT_ONCE = 1024 };

nr_status nr_classify_sure(const nr_net *net, const nr_sequences *sequences,
                           const float *rows, size_t n, double sure,
                           uint32_t *classes, nr_error *err) {
    size_t in = nr_inputs(net), out = nr_outputs(net);
    if (!(sure > 0) || net->h.kind != NR_CLASSIFIER)
        return nr_net_run_sequences(net, sequences, rows, n, NULL, classes, err);
    nr_status status = check_sure(net, err);
    if (status != NR_OK) return status;
    float *y = nr_alloc_lines(n < AT_ONCE ? n : AT_ONCE, out * sizeof *y);
    if (!y) return nr_nomem(err);
    for (size_t from = 0; from < n && status == NR_OK; from += AT_ONCE) {
        size_t some = n - from < AT_ONCE ? n - from : AT_ONCE;
        status = nr_net_run_sequences(net, sequences, rows + from * in, some, y,
                                      NULL, err);
        for (size_t i = 0; i < some && status == NR_OK; i++) {
            const float *of = y + i * out;
            uint32_t class = nr_largest(of, 1, out);
            classes[from + i] = (double)of[class] >= sure ? class : NR_UNSURE;
        }
    }
    nr_release_lines(y);
    return status;
}
