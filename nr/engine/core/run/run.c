/* Running a network on rows of inputs.
 *
 * A few rows go one by one, with outputs in lanes; more go in panels of 64,
 * with samples in lanes. Both sum over the inputs in their order, so that a
 * row's outputs are the same bits whatever rows it comes with. */

#include <math.h>
#include <string.h>

#include "float_mode.h"
#include "layers/layer.h"
#include "layers/recurrent.h"
#include "run/run.h"

enum { STACK_FLOATS = 4096 };

nr_head nr_net_head(const nr_header *h) {
    if (h->kind == NR_REGRESSOR)
        return h->options.classic ? NR_LOGISTIC : NR_LINEAR;
    return h->options.loss == NR_CROSSENTROPY ? NR_SOFTMAX : NR_LOGISTIC;
}

static size_t sixteens(size_t units) { return (units + 15) / 16 * 16; }

void nr_net_runner(nr_net *net) {
    const nr_header *h = &net->h;
    nr_head head = nr_net_head(h);
    size_t widest = net->plan->widest;
    size_t members = (size_t)h->options.members;
    size_t groups = (members + NR_INTERLEAVED - 1) / NR_INTERLEAVED;
    net->runner = (nr_runner){
        .layers = h->layers,
        .nlayers = h->nlayers,
        .members = members,
        .params = net->params,
        .head = head,
        .hidden = (int)h->options.activation,
        .last = head == NR_LOGISTIC ? (int)NR_SIGMOID : NR_NOT_ACTIVATED,
        .inputs_floats = sixteens(h->layers[0]),
        .each = sixteens(widest),
        .groups = nr_interleaved_len(net) ? groups : 0,
        .group = nr_interleaved_step(sixteens(widest)),
    };
}

/* What a run needs: the network's parts, and floats for the inputs, for two
 * layers, for the members' mean, each a row's or a panel's, and for the last
 * row of outputs. */
typedef struct runner {
    const nr_header *h;
    const nr_kernels *k;
    const nr_plan *plan;
    const nr_runner *runner;
    const nr_sequences *sequences; /* of the rows; or NULL */
    const float *interleaved; /* NULL: one member after the other */
    nr_factors f;
    size_t members, out;
    nr_head head;
    bool lenient; /* sums may be infinite */
    float *inputs, *x, *y, *sum, *last;
    float *numbers, *frame; /* of the panel's sequences, and for their steps */
} runner;

/* Why a run came to nothing. */
static nr_status explain(const nr_net *net, const float *rows, size_t n,
                         nr_error *err) {
    size_t in = nr_inputs(net);
    for (size_t i = 0; i < n * in; i++)
        if (!isfinite(rows[i]))
            return nr_fail(err, "ERR invalid neural network input: row %zu "
                                "holds NaN or an infinity as number %zu",
                           i / in, i % in);
    return nr_fail(err, "ERR the network's outputs for these inputs are beyond "
                        "the range of 32-bit floats");
}

static bool sound(const runner *r, const float *sums, size_t n) {
    return r->lenient || r->k->finite(sums, n);
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

/* Where a member's first output lies, and how far its outputs are apart. */
static const float *member_outputs(const runner *r, const float *y, size_t m,
                                   size_t *step) {
    *step = r->interleaved ? NR_INTERLEAVED : 1;
    return r->interleaved ? y + m / NR_INTERLEAVED * r->runner->group + m % NR_INTERLEAVED
                      : y + m * r->runner->each;
}

/* The members' logits go into a panel, a sample each; the mean of their
 * probabilities takes its place. */
static bool members_softmax(const runner *r, const float *y) {
    size_t nv = (r->members + 15) / 16, step;
    float *z = r->sum;
    for (size_t m = 0; m < r->members; m++) {
        const float *from = member_outputs(r, y, m, &step);
        for (size_t o = 0; o < r->out; o++)
            z[o * NR_LANES + m] = from[o * step] * r->f.out_scale[o];
    }
    for (size_t o = 0; o < r->out; o++) {
        float *at = z + o * NR_LANES;
        for (size_t m = r->members; m < nv * 16; m++) at[m] = 0;
        if (!sound(r, at, nv * 16)) return false;
    }
    r->k->head(z, r->out, nv, NR_SOFTMAX);
    for (size_t o = 0; o < r->out; o++) {
        float sum = z[o * NR_LANES];
        for (size_t m = 1; m < r->members; m++) sum += z[o * NR_LANES + m];
        z[o] = sum / (float)r->members;
    }
    return true;
}

static void members_mean(const runner *r, const float *y) {
    memcpy(r->sum, y, r->out * sizeof *y);
    for (size_t m = 1; m < r->members; m++) {
        y += r->runner->each;
        for (size_t o = 0; o < r->out; o++) r->sum[o] += y[o];
    }
    for (size_t o = 0; o < r->out; o++) r->sum[o] /= (float)r->members;
}

/* The same sums, of outputs as they lie interleaved. */
static void interleaved_mean(const runner *r, const float *y) {
    for (size_t o = 0; o < r->out; o++, y += NR_INTERLEAVED) {
        const float *at = y;
        float sum = at[0];
        for (size_t m = 1; m < r->members; m++) {
            if (m % NR_INTERLEAVED == 0) at += r->runner->group;
            sum += at[m % NR_INTERLEAVED];
        }
        r->sum[o] = sum / (float)r->members;
    }
}

/* A regressor's outputs as its samples were. */
static bool unscale(const runner *r, const float *y, float *restrict to) {
    float sum = 0;
    for (size_t o = 0; o < r->out; o++) {
        to[o] = y[o] * r->f.out_scale[o] + r->f.out_shift[o];
        sum += to[o] * 0;
    }
    return r->lenient || sum == 0;
}

/* The mean of the members' outputs. false: an input is no number, or outputs
 * are none; so the next. */
static bool run_row(const runner *r, const float *row, float *restrict to) {
    bool softmax = r->head == NR_SOFTMAX;
    float *y = r->interleaved ? r->k->interleaved(r->runner, &r->f, r->interleaved, row,
                                          r->inputs)
                          : r->k->row(r->runner, &r->f, row, r->inputs);
    if (!y) return false;
    if (r->members > 1) {
        if (!softmax) (r->interleaved ? interleaved_mean : members_mean)(r, y);
        if (softmax && !members_softmax(r, y)) return false;
        y = r->sum;
    } else if (softmax) {
        if (!sound(r, y, r->out)) return false;
        row_softmax(r, y, r->out);
    }
    if (r->h->kind == NR_REGRESSOR) return unscale(r, y, to);
    for (size_t o = 0; o < r->out; o++) to[o] = y[o];
    if (r->members == 1 && !softmax) return true;
    float sum = 0; /* of 0, but it notes a quotient that is denormal */
    for (size_t o = 0; o < r->out; o++) sum += y[o] * 0;
    return r->lenient || sum == 0;
}

/* ================================ Panels ================================= */

static bool panel_sound(const runner *r, const float *y, size_t nv) {
    for (size_t o = 0; o < r->out; o++)
        if (!sound(r, y + o * NR_LANES, nv * 16)) return false;
    return true;
}

static bool panel_head(const runner *r, float *y, size_t nv) {
    if (r->head == NR_SOFTMAX) {
        for (size_t o = 0; o < r->out; o++)
            for (size_t l = 0; l < nv * 16; l++)
                y[o * NR_LANES + l] *= r->f.out_scale[o];
        if (!panel_sound(r, y, nv)) return false;
    }
    r->k->head(y, r->out, nv, r->head);
    return true;
}

static const float *member_panel(const runner *r, const float *w, size_t nv) {
    const nr_plan *plan = r->plan;
    const float *from = r->inputs;
    float *to = r->x, *other = r->y;
    for (size_t i = 0; i + 1 < plan->n; i++) {
        const nr_op *op = &plan->ops[i];
        nr_op_forward(r->k, op, w + op->at, from, to, nv);
        from = to, to = other, other = (float *)from;
    }
    return panel_head(r, (float *)from, nv) ? from : NULL;
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
        r->k->pack(r->inputs + i, at, some, in, r->f.in_shift,
                   r->f.in_scale);
    }
    return true;
}

static const float *run_panel(const runner *r, const float *rows, size_t n) {
    size_t nv = (n + 15) / 16, floats = r->out * NR_LANES;
    if (!pack_panel(r, rows, n)) return NULL;
    nr_recurrent_numbers(r->plan, r->inputs, r->numbers);
    float *sum = r->sum;
    for (size_t m = 0; m < r->members; m++) {
        const float *w = r->f.layers + m * r->plan->params;
        nr_recurrent_fill(r->k, r->plan, w, r->sequences, r->numbers, n, 0,
                          r->frame, r->inputs);
        const float *y = member_panel(r, w, nv);
        if (!y) return NULL;
        if (m == 0)
            memcpy(sum, y, floats * sizeof *sum);
        else
            for (size_t i = 0; i < floats; i++) sum[i] += y[i];
    }
    if (r->members > 1)
        for (size_t i = 0; i < floats; i++) sum[i] /= (float)r->members;
    for (size_t o = 0; o < r->out && r->h->kind == NR_REGRESSOR; o++)
        for (size_t l = o * NR_LANES; l < (o + 1) * NR_LANES; l++)
            sum[l] = sum[l] * r->f.out_scale[o] + r->f.out_shift[o];
    if (r->h->kind == NR_REGRESSOR && !panel_sound(r, sum, nv)) return NULL;
    return sum;
}

/* ============================== Either way =============================== */

/* Where outputs go: one of the two. Lenient: whatever they are. */
typedef struct results {
    float *outputs;
    uint32_t *classes;
    bool lenient;
    const nr_sequences *sequences; /* of the rows; NULL: the network's own */
} results;

static uint32_t largest(const float *y, size_t step, size_t units) {
    size_t best = 0;
    for (size_t o = 1; o < units; o++)
        if (y[o * step] > y[best * step]) best = o;
    return (uint32_t)best;
}

static bool run_rows(const runner *r, const float *rows, size_t n,
                     const results *to) {
    float *y = to->classes ? r->last : to->outputs;
    for (size_t i = 0; i < n; i++) {
        if (!run_row(r, rows + i * r->h->layers[0], y)) return false;
        if (to->classes)
            to->classes[i] = largest(y, 1, r->out);
        else
            y += r->out;
    }
    return true;
}

/* Not a part of what runs a row: it would cost a small network a fifth. */
NOINLINE bool run_panels(runner *r, const float *rows, size_t n, const results *to,
                         bool *nomem) {
    size_t in = r->h->layers[0], out = r->out;
    *nomem = !nr_frame_take(r->plan, &r->frame);
    bool ok = !*nomem;
    for (size_t i = 0; i < n && ok; i += NR_LANES) {
        size_t some = n - i < NR_LANES ? n - i : NR_LANES;
        const float *y = run_panel(r, rows + i * in, some);
        ok = y != NULL;
        for (size_t j = 0; j < some && ok && to->classes; j++)
            to->classes[i + j] = largest(y + j, NR_LANES, out);
        if (ok && to->outputs) r->k->unpack(to->outputs + i * out, y, some, out);
    }
    nr_release(r->frame);
    return ok;
}

NOINLINE bool run_all(runner *r, const float *rows, size_t n, const results *to,
                      bool *nomem) {
    _Alignas(64) float few[STACK_FLOATS];
    size_t fields = r->plan->recurrent.fields;
    bool alone = n <= NR_FEW_ROWS && !fields;
    size_t inputs = r->runner->inputs_floats, units = r->runner->each;
    size_t each = units * NR_LANES, sum = each;
    if (alone) {
        each = units * r->members;
        if (r->interleaved) {
            each = r->runner->group;
            inputs = inputs * NR_INTERLEAVED + r->runner->groups * each;
        }
        if (r->head != NR_SOFTMAX || r->members == 1) sum = units;
    } else {
        inputs *= NR_LANES;
    }
    size_t floats = inputs + 2 * each + sum + units + fields * NR_LANES;
    float *workspace = few;
    if (floats > STACK_FLOATS) workspace = nr_alloc_lines(floats, sizeof(float));
    *nomem = !workspace;
    if (!workspace) return false;
    r->inputs = workspace;
    r->x = workspace + inputs;
    r->y = r->x + each;
    r->sum = r->y + each;
    r->last = r->sum + sum;
    r->numbers = r->last + units;
    bool ok = alone ? run_rows(r, rows, n, to) : run_panels(r, rows, n, to, nomem);
    if (workspace != few) nr_release_lines(workspace);
    return ok;
}

static nr_status run_now(const nr_net *net, const float *rows, size_t n,
                         const results *to, nr_error *err) {
    const nr_header *h = &net->h;
    const nr_array *weights = nr_net_ready(net, err);
    if (!weights) return NR_ERR;
    runner r; /* clearing it first would cost a small network a tenth */
    r.h = h;
    r.k = nr_kernels_now();
    r.plan = net->plan;
    r.runner = &net->runner;
    r.f = nr_factors_of(h, weights->data);
    r.head = net->runner.head;
    r.lenient = to->lenient;
    r.sequences = to->sequences ? to->sequences : net->sequences;
    r.out = nr_outputs(net);
    r.members = net->runner.members;
    r.interleaved = n <= NR_FEW_ROWS && r.runner->groups
                    ? nr_interleaved_ready(net, weights)
                    : NULL;
    bool nomem;
    if (run_all(&r, rows, n, to, &nomem)) return NR_OK;
    return nomem ? nr_nomem(err) : explain(net, rows, n, err);
}

/* A few rows take less time than a change of the mode: they are run without one,
 * and once more with it where a number was denormal on the way. */
static nr_status run(const nr_net *net, const float *rows, size_t n,
                     const results *to, nr_error *err) {
    nr_status status;
    if (NR_MODE_NOTES && n <= NR_FEW_ROWS) {
        status = run_now(net, rows, n, to, err);
        if (nr_mode_was_flush()) return status;
    }
    uint64_t before = nr_mode_begin(NR_FLUSH);
    status = run_now(net, rows, n, to, err);
    nr_mode_end(nr_mode_cleared(before));
    return status;
}

nr_status nr_net_run(const nr_net *net, const float *rows, size_t n,
                     float *outputs, nr_error *err) {
    return run(net, rows, n, &(results){.outputs = outputs}, err);
}

nr_status nr_net_run_sequences(const nr_net *net,
                               const nr_sequences *sequences, const float *rows,
                               size_t n, float *outputs, uint32_t *classes,
                               nr_error *err) {
    return run(net, rows, n, &(results){outputs, classes, false, sequences},
               err);
}

nr_status nr_net_outputs(const nr_net *net, const float *rows, size_t n,
                         float *outputs, nr_error *err) {
    return run(net, rows, n, &(results){.outputs = outputs, .lenient = true},
               err);
}

nr_status nr_net_classify(const nr_net *net, const float *rows, size_t n,
                          uint32_t *classes, nr_error *err) {
    if (net->h.kind != NR_CLASSIFIER)
        return nr_fail(err, "ERR you can't call NR.CLASS with a regressor "
                            "network. Use this command with a classifier "
                            "network");
    return run(net, rows, n, &(results){.classes = classes}, err);
}
