/* NR.IMPORTANCE: how much a network's answers rest on each input.
 *
 * Permutation importance (Breiman, 2001): an input's values are shuffled among
 * the samples of the testing dataset (of the training dataset where that is
 * empty), which leaves them plausible and makes them meaningless, and what the
 * mean loss grows by is the input's importance. The shuffle is a rotation by a
 * third of the samples: the same at every call. Where that would hold a server
 * up, fewer samples are looked at. Losses that are no numbers (weights times
 * extreme inputs may be as large as that) say nothing: nil.
 *
 * Another value of one input changes the first layer's sums by its weights
 * times the difference, so that layer, most of a network with many inputs, runs
 * once for all of them. */

#include <math.h>
#include <string.h>

#include "float_mode.h"
#include "kernels/kernel.h"
#include "layers/layer.h"
#include "layers/recurrent.h"
#include "run/fields.h"
#include "run/report.h"

static const double MOST_WORK = 5e8; /* multiply-adds */

static nr_dataset_id choose_dataset(const nr_net *net) {
    return net->h.len[NR_DATASET_TEST] ? NR_DATASET_TEST : NR_DATASET_TRAIN;
}

/* Of one sample: the network once, and for each input what lies behind the
 * first layer's weights. */
static double work(const nr_net *net) {
    double in = (double)nr_inputs(net), params = (double)net->params;
    double behind = params - in * (double)nr_plan_first(net->plan)->out;
    return (params + in * behind) * (double)net->h.options.members;
}

/* Of a network that may have fields: by the one behind them, and by how long its
 * sequences may be, a step of which takes two bytes or more. */
static double work_of(const nr_net *net) {
    nr_dataset_id which = choose_dataset(net);
    if (!net->inner) return work(net);
    if (!net->inner->h.recurrent.fields || !net->h.len[which])
        return work(net->inner);
    return work(net->inner) *
           (1 + (double)net->h.bytes[which] / (double)net->h.len[which] / 2);
}

/* How many of the samples. */
static size_t choose_samples(const nr_net *net) {
    size_t n = net->h.len[choose_dataset(net)];
    double fit = MOST_WORK / work_of(net);
    if (fit < 16) fit = 16;
    return (double)n <= fit ? n : (size_t)fit;
}

double nr_importance_work(const nr_net *net) {
    return net->h.trained ? work_of(net) * (double)choose_samples(net) : 0;
}

/* Panels: of inputs twice, of each member's first layer, of the layers behind
 * and of the outputs. */
uint64_t nr_importance_bytes(const nr_net *net) {
    const nr_runner *runner = &net->runner;
    uint64_t units = runner->members * nr_plan_first(net->plan)->out;
    units += 2 * (nr_inputs(net) + runner->each + nr_outputs(net));
    return units * NR_LANES * sizeof(float);
}

/* ================================ A panel ================================ */

/* Some samples, run again and again. Panels are [unit][lane]. */
typedef struct probe {
    const nr_net *net;
    const nr_encoding *encoding; /* columns of one field go together */
    size_t inputs;               /* fields, or else columns */
    const nr_kernels *k;
    nr_head head;
    nr_factors f;
    size_t in, out, units, members; /* units: of the first layer */
    size_t samples, nv;
    const float *rows[NR_LANES];
    float *x, *other;   /* inputs, and those that take their places; where there
                           are sequences, a panel for each member */
    float *frame, *numbers; /* for sequences, or NULL */
    float *sums;        /* the first layer's, of each member */
    float *from, *to;   /* layers */
    float *mean, *y;    /* of the members; as rows */
    double *losses;     /* of each input shuffled, and of none */
} probe;

static void probe_free(probe *p) {
    nr_release_lines(p->x);
    nr_release_lines(p->other);
    nr_release_lines(p->frame);
    nr_release_lines(p->numbers);
    nr_release_lines(p->sums);
    nr_release_lines(p->from);
    nr_release_lines(p->to);
    nr_release_lines(p->mean);
    nr_release_lines(p->y);
    nr_release_lines(p->losses);
}

static float *panel_new(size_t units) {
    return nr_alloc_lines(units, NR_LANES * sizeof(float));
}

static bool probe_make(probe *p, const nr_net *net, const nr_array *weights,
                       const nr_encoding *encoding) {
    const nr_header *h = &net->h;
    size_t widest = net->plan->widest;
    *p = (probe){.net = net,
                 .encoding = encoding,
                 .inputs = encoding ? encoding->schema->inputs : nr_inputs(net),
                 .k = nr_kernels_now(),
                 .head = nr_net_head(h),
                 .f = nr_factors_of(h, weights->data),
                 .in = nr_inputs(net),
                 .out = nr_outputs(net),
                 .units = nr_plan_first(net->plan)->out,
                 .members = (size_t)h->options.members};
    size_t fields = net->plan->recurrent.fields;
    size_t panels = fields ? p->members : 1;
    if (fields) {
        p->frame = nr_alloc_lines(nr_frame_floats(net->plan, 0), sizeof(float));
        p->numbers = panel_new(fields);
        if (!p->frame || !p->numbers) return false;
    }
    p->x = panel_new(p->in * panels);
    p->other = panel_new(p->in * panels);
    p->sums = panel_new(p->units * p->members); /* below NR_MAX_PARAMS */
    p->from = panel_new(widest);
    p->to = panel_new(widest);
    p->mean = panel_new(p->out);
    p->y = panel_new(p->out);
    p->losses = nr_alloc_lines(p->inputs + 1, sizeof *p->losses);
    return p->x && p->other && p->sums && p->from && p->to && p->mean &&
           p->y && p->losses;
}

static const float *member_weights(const probe *p, size_t m) {
    return p->f.layers + nr_member_at(p->net, m);
}

/* A member's inputs, of those or of the others. */
static float *inputs_of(const probe *p, float *x, size_t m) {
    return p->frame ? x + m * p->in * NR_LANES : x;
}

/* Each member has states of its own of what the first one's panel has the numbers
 * of, which goes last. */
static void run_sequences(const probe *p, float *x) {
    if (!p->frame) return;
    nr_recurrent_numbers(p->net->plan, x, p->numbers);
    for (size_t m = p->members; m-- > 0;) {
        float *to = inputs_of(p, x, m);
        if (m) memcpy(to, x, p->in * NR_LANES * sizeof *x);
        nr_recurrent_fill(p->k, p->net->plan, member_weights(p, m),
                          p->net->sequences, p->numbers, p->samples, 0,
                          p->frame, to);
    }
}

/* Takes samples from `first` on; those a third further on lend their inputs. */
static void take_samples(probe *p, nr_dataset_id which, size_t first,
                         size_t n) {
    const float *lenders[NR_LANES];
    p->samples = n - first < NR_LANES ? n - first : NR_LANES;
    p->nv = (p->samples + 15) / 16;
    for (size_t s = 0; s < p->samples; s++) {
        size_t lender = (first + s + (n + 2) / 3) % n;
        p->rows[s] = nr_dataset_row(p->net, which, first + s);
        lenders[s] = nr_dataset_row(p->net, which, lender);
    }
    p->k->pack(p->x, p->rows, p->samples, p->in, p->f.in_shift,
               p->f.in_scale);
    p->k->pack(p->other, lenders, p->samples, p->in, p->f.in_shift,
               p->f.in_scale);
    run_sequences(p, p->x);
    run_sequences(p, p->other);
    for (size_t m = 0; m < p->members; m++) {
        const float *w = member_weights(p, m);
        p->k->layer(p->sums + m * p->units * NR_LANES,
                    w + nr_dense_row(p->units, 0), 1, p->units, inputs_of(p, p->x, m), w,
                    p->units, p->in, p->nv);
    }
}

/* Adds to the first layer's sums what another value of a column changes. */
static void change_column(const probe *p, size_t m, size_t column, float *to) {
    const float *w = member_weights(p, m) + nr_dense_row(p->units, column);
    const float *old = inputs_of(p, p->x, m) + column * NR_LANES;
    const float *new = inputs_of(p, p->other, m) + column * NR_LANES;
    float change[NR_LANES];
    for (size_t l = 0; l < p->nv * 16; l++) change[l] = new[l] - old[l];
    for (size_t u = 0; u < p->units; u++, to += NR_LANES)
        for (size_t l = 0; l < p->nv * 16; l++) to[l] += w[u] * change[l];
}

/* Of a field that is a sequence. */
static void shuffle_states(const probe *p, size_t m, size_t input) {
    const nr_recurrent *r = &p->net->plan->recurrent;
    const nr_field *fields = p->encoding->schema->fields;
    size_t field = 0;
    if (fields[input].kind != NR_FIELD_SEQUENCE) return;
    for (size_t i = 0; i < input; i++)
        field += fields[i].kind == NR_FIELD_SEQUENCE;
    size_t place = nr_state_place(r, p->in, field);
    for (size_t i = 0; i < nr_state_units(r); i++)
        change_column(p, m, place + i, p->from);
}

/* The first layer's sums with an input's values shuffled; the number behind the
 * last one: with none. */
static void shuffle(probe *p, size_t m, size_t input) {
    const float *sums = p->sums + m * p->units * NR_LANES;
    size_t first = input, n = 1;
    memcpy(p->from, sums, p->units * NR_LANES * sizeof *p->from);
    if (input == p->inputs) return;
    if (p->encoding) {
        first = p->encoding->codes[input].first;
        n = p->encoding->codes[input].columns;
    }
    for (size_t i = 0; i < n; i++) change_column(p, m, first + i, p->from);
    if (p->frame) shuffle_states(p, m, input);
}

/* The layers behind the first one's sums. */
static const float *run_member(const probe *p, size_t m) {
    const nr_plan *plan = p->net->plan;
    const nr_op *op = nr_plan_first(plan);
    float *x = p->from, *y = p->to;
    nr_dense_activate(p->k, op, x, p->nv);
    for (size_t i = 1; i + 1 < plan->n; i++) {
        op = &plan->ops[i];
        nr_op_forward(p->k, op, member_weights(p, m) + op->at, x, y, p->nv);
        float *last = x;
        x = y, y = last;
    }
    for (size_t o = 0; o < p->out && p->head == NR_SOFTMAX; o++)
        for (size_t l = 0; l < p->nv * 16; l++)
            x[o * NR_LANES + l] *= p->f.out_scale[o];
    p->k->head(x, p->out, p->nv, p->head);
    return x;
}

/* Adds the samples' losses, with one input shuffled or with none. */
static void add_losses(probe *p, size_t input) {
    size_t floats = p->out * NR_LANES;
    bool regressor = p->net->h.kind == NR_REGRESSOR;
    memset(p->mean, 0, floats * sizeof *p->mean);
    for (size_t m = 0; m < p->members; m++) {
        shuffle(p, m, input);
        const float *y = run_member(p, m);
        for (size_t i = 0; i < floats; i++) p->mean[i] += y[i];
    }
    for (size_t o = 0; o < p->out; o++)
        for (size_t l = 0; l < p->nv * 16; l++) {
            float *y = p->mean + o * NR_LANES + l;
            *y /= (float)p->members;
            if (regressor) *y = *y * p->f.out_scale[o] + p->f.out_shift[o];
        }
    p->k->unpack(p->y, p->mean, p->samples, p->out);
    nr_report_bound(p->y, p->samples * p->out);
    for (size_t s = 0; s < p->samples; s++)
        nr_report_loss(p->net, p->y + s * p->out, p->rows[s] + p->in,
                       p->f.out_scale, p->losses + input);
}

/* ================================= Reply ================================= */

/* Behind each field's name, where there are fields. */
static bool put_importance(const probe *p, size_t i, size_t n, nr_buf *reply) {
    double grown = p->losses[i] / (double)n - p->losses[p->inputs] / (double)n;
    if (p->encoding) {
        nr_text name = p->encoding->schema->fields[i].name;
        if (!nr_put_bin(reply, name.s, name.n)) return false;
    }
    return isfinite(grown) ? nr_put_double(reply, grown) : nr_put_nil(reply);
}

NOINLINE bool importances(const nr_net *net, const nr_encoding *encoding,
                          nr_buf *reply, nr_error *err) {
    probe p;
    nr_dataset_id which = choose_dataset(net);
    size_t n = choose_samples(net);
    const nr_array *weights = nr_net_ready(net, err);
    if (!weights) return false;
    bool ok = probe_make(&p, net, weights, encoding) &&
              nr_put_array(reply, p.inputs * (encoding ? 2 : 1));
    for (size_t first = 0; first < n && ok; first += NR_LANES) {
        take_samples(&p, which, first, n);
        for (size_t i = 0; i <= p.inputs; i++) add_losses(&p, i);
    }
    for (size_t i = 0; i < p.inputs && ok; i++)
        ok = put_importance(&p, i, n, reply);
    probe_free(&p);
    return ok;
}

static nr_status reply_with(const nr_net *net, const nr_encoding *encoding,
                            nr_buf *reply, nr_error *err) {
    size_t start = reply->len;
    uint64_t before = nr_mode_begin(NR_FLUSH);
    bool ok = importances(net, encoding, reply, err);
    nr_mode_end(before);
    if (ok) return NR_OK;
    reply->len = start;
    return nr_nomem(err);
}

nr_status nr_importance_reply(const nr_net *net, nr_buf *reply,
                              nr_error *err) {
    nr_dataset_id which = choose_dataset(net);
    if (net->h.len[which] == 0 || !net->h.trained)
        return nr_put_nil(reply) ? NR_OK : nr_nomem(err);
    if (net->partial)
        return nr_fail(err, "ERR the importance of a network without its "
                            "datasets");
    if (!net->schema) return reply_with(net, NULL, reply, err);
    nr_net *encoded = NULL;
    nr_status status = nr_fields_encoded(net, which, choose_samples(net),
                                         &encoded, err);
    if (status == NR_OK)
        status = reply_with(encoded, net->encoding, reply, err);
    nr_net_free(encoded);
    return status;
}
