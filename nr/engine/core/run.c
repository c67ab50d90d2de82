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

/* Of the layers behind the inputs. */
static size_t widest(const nr_header *h) {
    size_t units = 0;
    for (size_t l = 1; l < h->nlayers; l++)
        if (h->layers[l] > units) units = h->layers[l];
    return units;
}

/* What a run needs: the network's parts, and room for the inputs, for two
 * layers, and for the members' sum, each a row or a panel. */
typedef struct runner {
    const nr_header *h;
    const nr_kernels *k;
    nr_factors f;
    size_t params;
    nr_head head;
    float *inputs, *x, *y, *sum;
} runner;

static nr_status inputs_fail(const nr_net *net, const float *rows,
                             nr_error *err) {
    size_t in = nr_inputs(net), i = 0;
    while (isfinite(rows[i])) i++;
    return nr_fail(err, "ERR invalid neural network input: row %zu holds NaN "
                        "or an infinity as number %zu",
                   i / in, i % in);
}

/* ================================ One row ================================ */

static void row_softmax(const runner *r, float *y, size_t n) {
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

/* One member's outputs, in x or y. */
static const float *member_row(const runner *r, const float *w) {
    const nr_header *h = r->h;
    const float *from = r->inputs;
    float *to = r->x, *other = r->y;
    for (size_t l = 1; l < h->nlayers; l++) {
        size_t in = h->layers[l - 1], out = h->layers[l];
        int f = (int)h->options.activation;
        if (l + 1 == h->nlayers)
            f = r->head == NR_LOGISTIC ? NR_SIGMOID : NR_NOT_ACTIVATED;
        r->k->row(to, w, from, in, out, f);
        w += (in + 1) * out;
        from = to, to = other, other = (float *)from;
    }
    if (r->head == NR_SOFTMAX)
        row_softmax(r, other, h->layers[h->nlayers - 1]);
    return from;
}

/* The mean of the members' outputs, in sum or where a single one left them.
 * NULL: an input is no number; so the next. */
static const float *run_row(const runner *r, const float *row) {
    const nr_header *h = r->h;
    size_t members = (size_t)h->options.members;
    size_t out = h->layers[h->nlayers - 1];
    if (!r->k->take_row(r->inputs, row, h->layers[0], r->f.in_shift,
                        r->f.in_scale))
        return NULL;
    float *sum = (float *)member_row(r, r->f.layers);
    if (members > 1) {
        memcpy(r->sum, sum, out * sizeof *sum);
        sum = r->sum;
    }
    for (size_t m = 1; m < members; m++) {
        const float *y = member_row(r, r->f.layers + m * r->params);
        for (size_t o = 0; o < out; o++) sum[o] += y[o];
    }
    if (members > 1)
        for (size_t o = 0; o < out; o++) sum[o] /= (float)members;
    if (h->kind == NR_REGRESSOR)
        for (size_t o = 0; o < out; o++)
            sum[o] = sum[o] * r->f.out_scale[o] + r->f.out_shift[o];
    return sum;
}

/* ================================ Panels ================================= */

static void panel_head(const runner *r, float *y, size_t units, size_t nv) {
    if (r->head == NR_SOFTMAX)
        for (size_t o = 0; o < units; o++)
            for (size_t l = 0; l < nv * 16; l++)
                y[o * NR_LANES + l] *= r->f.out_scale[o];
    r->k->head(y, units, nv, r->head);
}

static const float *member_panel(const runner *r, const float *w, size_t nv) {
    const nr_header *h = r->h;
    const float *from = r->inputs;
    float *to = r->x, *other = r->y;
    for (size_t l = 1; l < h->nlayers; l++) {
        size_t in = h->layers[l - 1], out = h->layers[l];
        r->k->layer(to, w + out, 1, out, from, w, out, in, nv);
        if (l + 1 < h->nlayers)
            r->k->activate(to, out, nv, h->options.activation);
        else
            panel_head(r, to, out, nv);
        w += (in + 1) * out;
        from = to, to = other, other = (float *)from;
    }
    return from;
}

/* Some rows at a time, so that they are in a cache when they are packed. */
static bool pack_panel(const runner *r, const float *rows, size_t n) {
    enum { SOME = 16 };
    size_t in = r->h->layers[0];
    for (size_t i = 0; i < n; i += SOME) {
        const float *at[SOME];
        size_t some = n - i < SOME ? n - i : SOME;
        for (size_t j = 0; j < some; j++) at[j] = rows + (i + j) * in;
        if (!r->k->finite(at[0], some * in)) return false;
        r->k->pack(r->inputs + i, at, some, in, r->f.in_shift, r->f.in_scale);
    }
    return true;
}

static const float *run_panel(const runner *r, const float *rows, size_t n) {
    const nr_header *h = r->h;
    size_t nv = (n + 15) / 16, members = (size_t)h->options.members;
    size_t out = h->layers[h->nlayers - 1];
    if (!pack_panel(r, rows, n)) return NULL;
    float *sum = (float *)member_panel(r, r->f.layers, nv);
    if (members > 1) {
        memcpy(r->sum, sum, out * NR_LANES * sizeof *sum);
        sum = r->sum;
    }
    for (size_t m = 1; m < members; m++) {
        const float *y = member_panel(r, r->f.layers + m * r->params, nv);
        for (size_t i = 0; i < out * NR_LANES; i++) sum[i] += y[i];
    }
    if (members > 1)
        for (size_t i = 0; i < out * NR_LANES; i++) sum[i] /= (float)members;
    for (size_t o = 0; o < out && h->kind == NR_REGRESSOR; o++)
        for (size_t l = o * NR_LANES; l < (o + 1) * NR_LANES; l++)
            sum[l] = sum[l] * r->f.out_scale[o] + r->f.out_shift[o];
    return sum;
}

/* ============================== Either way =============================== */

/* Where outputs go: one of the two. */
typedef struct results {
    float *outputs;
    uint32_t *classes;
} results;

static uint32_t largest(const float *y, size_t step, size_t units) {
    size_t best = 0;
    for (size_t o = 1; o < units; o++)
        if (y[o * step] > y[best * step]) best = o;
    return (uint32_t)best;
}

static bool run_rows(const runner *r, const float *rows, size_t n,
                     results to) {
    size_t in = r->h->layers[0], out = r->h->layers[r->h->nlayers - 1];
    for (size_t i = 0; i < n; i++) {
        const float *y = run_row(r, rows + i * in);
        if (!y) return false;
        if (to.classes)
            to.classes[i] = largest(y, 1, out);
        else
            memcpy(to.outputs + i * out, y, out * sizeof *y);
    }
    return true;
}

static bool run_panels(const runner *r, const float *rows, size_t n,
                       results to) {
    size_t in = r->h->layers[0], out = r->h->layers[r->h->nlayers - 1];
    for (size_t i = 0; i < n; i += NR_LANES) {
        size_t some = n - i < NR_LANES ? n - i : NR_LANES;
        const float *y = run_panel(r, rows + i * in, some);
        if (!y) return false;
        for (size_t j = 0; j < some && to.classes; j++)
            to.classes[i + j] = largest(y + j, NR_LANES, out);
        if (to.outputs) r->k->unpack(to.outputs + i * out, y, some, out);
    }
    return true;
}

static nr_status run(const nr_net *net, const float *rows, size_t n,
                     results to, nr_error *err) {
    _Alignas(64) float few[STACK_FLOATS];
    const nr_header *h = &net->h;
    const nr_array *weights = nr_net_ready(net, err);
    if (!weights) return NR_ERR;
    size_t lanes = n <= FEW_ROWS ? 1 : NR_LANES;
    size_t inputs = ((size_t)h->layers[0] + 15) / 16 * 16 * lanes;
    size_t each = (widest(h) + 31) / 16 * 16 * lanes;
    size_t room = inputs + 3 * each;
    float *space = few;
    if (room > STACK_FLOATS &&
        !(space = nr_alloc_lines(room, sizeof(float))))
        return nr_nomem(err);
    runner r = {h,
                nr_kernels_now(),
                nr_factors_of(h, weights->data),
                net->params,
                nr_net_head(h),
                space,
                space + inputs,
                space + inputs + each,
                space + inputs + 2 * each};
    bool ok = n <= FEW_ROWS ? run_rows(&r, rows, n, to)
                            : run_panels(&r, rows, n, to);
    if (space != few) nr_release_lines(space);
    return ok ? NR_OK : inputs_fail(net, rows, err);
}

nr_status nr_net_run(const nr_net *net, const float *rows, size_t n,
                     float *outputs, nr_error *err) {
    return run(net, rows, n, (results){.outputs = outputs}, err);
}

nr_status nr_net_classify(const nr_net *net, const float *rows, size_t n,
                          uint32_t *classes, nr_error *err) {
    if (net->h.kind != NR_CLASSIFIER)
        return nr_fail(err, "ERR you can't call NR.CLASS with a regressor "
                            "network. Use this command with a classifier "
                            "network");
    return run(net, rows, n, (results){.classes = classes}, err);
}
