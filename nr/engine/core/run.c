/* Running a network on rows of inputs.
 *
 * A few rows go one by one, with outputs in lanes; more go in panels of 64,
 * with samples in lanes. Both sum over the inputs in their order, so that a
 * row's outputs are the same bits whatever rows it comes with. */

#include <math.h>
#include <string.h>

#include "kernel.h"
#include "net.h"

enum { FEW_ROWS = 6, STACK_FLOATS = 4096 };

nr_head nr_net_head(const nr_header *h) {
    if (h->kind == NR_REGRESSOR)
        return h->options.classic ? NR_LOGISTIC : NR_LINEAR;
    return h->options.loss == NR_CROSSENTROPY ? NR_SOFTMAX : NR_LOGISTIC;
}

static size_t widest(const nr_header *h) {
    size_t units = 0;
    for (size_t l = 0; l < h->nlayers; l++)
        if (h->layers[l] > units) units = h->layers[l];
    return units;
}

/* What a run needs: the network's parts and two buffers for its layers. */
typedef struct runner {
    const nr_header *h;
    const nr_kernels *k;
    nr_factors f;
    nr_head head;
    float *x, *y; /* of the widest layer, as row or panel */
} runner;

static nr_status inputs_check(const nr_net *net, const float *rows, size_t n,
                              nr_error *err) {
    size_t in = nr_inputs(net);
    for (size_t i = 0; i < n * in; i++)
        if (!isfinite(rows[i]))
            return nr_fail(err, "ERR invalid neural network input: row %zu "
                                "holds NaN or an infinity as number %zu",
                           i / in, i % in);
    return NR_OK;
}

/* ================================ One row ================================ */

static void row_head(const runner *r, float *y, size_t n) {
    if (r->head == NR_LOGISTIC) r->k->activate_row(y, n, NR_SIGMOID);
    if (r->head != NR_SOFTMAX) return;
    float max, sum = 0;
    for (size_t o = 0; o < n; o++) y[o] *= r->f.out_scale[o];
    max = y[0];
    for (size_t o = 1; o < n; o++)
        if (y[o] > max) max = y[o];
    for (size_t o = 0; o < n; o++) y[o] -= max;
    r->k->exp_row(y, n);
    for (size_t o = 0; o < n; o++) sum += y[o];
    for (size_t o = 0; o < n; o++) y[o] /= sum;
}

/* Leaves the outputs in *out, in x or y. */
static const float *run_row(const runner *r, const float *row) {
    const nr_header *h = r->h;
    const float *w = r->f.layers;
    float *x = r->x, *y = r->y, *t;
    for (size_t i = 0; i < h->layers[0]; i++)
        x[i] = (row[i] - r->f.in_shift[i]) * r->f.in_scale[i];
    for (size_t l = 1; l < h->nlayers; l++) {
        size_t in = h->layers[l - 1], out = h->layers[l];
        r->k->row(y, w, x, in, out);
        if (l + 1 < h->nlayers)
            r->k->activate_row(y, out, h->options.activation);
        w += (in + 1) * out;
        t = x, x = y, y = t;
    }
    size_t out = h->layers[h->nlayers - 1];
    row_head(r, x, out);
    if (h->kind == NR_REGRESSOR)
        for (size_t o = 0; o < out; o++)
            x[o] = x[o] * r->f.out_scale[o] + r->f.out_shift[o];
    return x;
}

/* ================================ Panels ================================= */

static void panel_head(const runner *r, float *y, size_t units, size_t nv) {
    if (r->head == NR_SOFTMAX)
        for (size_t o = 0; o < units; o++)
            for (size_t l = 0; l < nv * 16; l++)
                y[o * NR_LANES + l] *= r->f.out_scale[o];
    r->k->head(y, units, nv, r->head);
    if (r->h->kind == NR_REGRESSOR)
        for (size_t o = 0; o < units; o++)
            for (size_t l = 0; l < nv * 16; l++)
                y[o * NR_LANES + l] =
                    y[o * NR_LANES + l] * r->f.out_scale[o] +
                    r->f.out_shift[o];
}

static const float *run_panel(const runner *r, const float *rows, size_t n) {
    const nr_header *h = r->h;
    const float *w = r->f.layers, *at[NR_LANES];
    float *x = r->x, *y = r->y, *t;
    size_t nv = (n + 15) / 16;
    for (size_t i = 0; i < n; i++) at[i] = rows + i * h->layers[0];
    r->k->pack(x, at, n, h->layers[0], r->f.in_shift, r->f.in_scale);
    for (size_t l = 1; l < h->nlayers; l++) {
        size_t in = h->layers[l - 1], out = h->layers[l];
        r->k->layer(y, w + out, 1, out, x, w, out, in, nv);
        if (l + 1 < h->nlayers)
            r->k->activate(y, out, nv, h->options.activation);
        w += (in + 1) * out;
        t = x, x = y, y = t;
    }
    panel_head(r, x, h->layers[h->nlayers - 1], nv);
    return x;
}

/* ============================== Either way =============================== */

/* What happens to the outputs of row `at`: unit o's is y[o * step]. */
typedef void taker(void *to, size_t at, const float *y, size_t step,
                   size_t units);

static void take_outputs(void *to, size_t at, const float *y, size_t step,
                         size_t units) {
    float *out = (float *)to + at * units;
    for (size_t o = 0; o < units; o++) out[o] = y[o * step];
}

static void take_class(void *to, size_t at, const float *y, size_t step,
                       size_t units) {
    size_t best = 0;
    for (size_t o = 1; o < units; o++)
        if (y[o * step] > y[best * step]) best = o;
    ((uint32_t *)to)[at] = (uint32_t)best;
}

static void run_all(const runner *r, const float *rows, size_t n, taker *take,
                    void *to) {
    size_t in = r->h->layers[0], out = r->h->layers[r->h->nlayers - 1];
    if (n <= FEW_ROWS) {
        for (size_t i = 0; i < n; i++)
            take(to, i, run_row(r, rows + i * in), 1, out);
        return;
    }
    for (size_t i = 0; i < n; i += NR_LANES) {
        size_t some = n - i < NR_LANES ? n - i : NR_LANES;
        const float *y = run_panel(r, rows + i * in, some);
        for (size_t j = 0; j < some; j++)
            take(to, i + j, y + j, NR_LANES, out);
    }
}

static nr_status run(const nr_net *net, const float *rows, size_t n,
                     taker *take, void *to, nr_error *err) {
    _Alignas(64) float few[STACK_FLOATS];
    const nr_header *h = &net->h;
    nr_status status = inputs_check(net, rows, n, err);
    if (status != NR_OK) return status;
    const nr_array *weights = nr_net_ready(net, err);
    if (!weights) return NR_ERR;
    size_t each = (widest(h) + 16) * (n <= FEW_ROWS ? 1 : NR_LANES);
    float *space = few;
    if (each * 2 > STACK_FLOATS &&
        !(space = nr_alloc_lines(each * 2, sizeof(float))))
        return nr_nomem(err);
    runner r = {h, nr_kernels_now(), nr_factors_of(h, weights->data),
                nr_net_head(h), space, space + each};
    run_all(&r, rows, n, take, to);
    if (space != few) nr_release_lines(space);
    return NR_OK;
}

nr_status nr_net_run(const nr_net *net, const float *rows, size_t n,
                     float *outputs, nr_error *err) {
    return run(net, rows, n, take_outputs, outputs, err);
}

nr_status nr_net_classify(const nr_net *net, const float *rows, size_t n,
                          uint32_t *classes, nr_error *err) {
    if (net->h.kind != NR_CLASSIFIER)
        return nr_fail(err, "ERR you can't call NR.CLASS with a regressor "
                            "network. Use this command with a classifier "
                            "network");
    return run(net, rows, n, take_class, classes, err);
}
