/* Forward and backward over a set of samples, shared out to a team.
 *
 * Panels are taken some at a time, as many as the space holds. In the first
 * half of a round panels run forward and, when learning, backward; in the
 * second gradients are summed, a unit of the job for some inputs of a layer,
 * and after the last round the weights they were summed for are moved. No unit
 * adds to what another one adds to, so it does not matter who runs which;
 * panels are summed in blocks of NR_BLOCK whatever the space holds. Where
 * inputs are mostly zeros, sparse.c does the first layer's share.
 *
 * A small network's samples are in two parts, each with a gradient of its own,
 * and a round takes panels of both: so each of two members sums over what it
 * has just run, which is in its own core's caches. Fetching it from another's
 * took a tenth of the time. */

#include <string.h>

#include "train/tuning.h"
#include "train/train.h"

/* A pass on its way: what the members need to know. */
typedef struct pass {
    nr_trainer *t;
    const nr_set *set;
    const uint32_t *order; /* gather samples by it; NULL: the set's panels */
    const nr_step *step;   /* NULL: without learning */
    size_t n;              /* samples of the whole pass */
    size_t start[NR_PARTS + 1]; /* a panel; where the last part ends */
    size_t part, parts;    /* of this round */
    size_t done, each;     /* panels of a part: before this round, in it */
    bool last;             /* round: there is the gradient then */
    size_t inputs, units;  /* of a layer that make a unit; units of all */
} pass;

static const float *layer_weights(const nr_trainer *t, size_t l) {
    return t->now->w + t->offset[l];
}

static size_t lanes_of(const pass *p, size_t panel) {
    size_t left = p->n - panel * NR_LANES;
    return left < NR_LANES ? left : NR_LANES;
}

/* Panels of the round's i-th part in this round: `each`, or, where the second
 * part is shorter, what is left of it. */
static size_t count_of(const pass *p, size_t i) {
    size_t first = p->start[p->part + i] + p->done;
    size_t end = p->start[p->part + i + 1];
    size_t left = first < end ? end - first : 0;
    return left < p->each ? left : p->each;
}

/* Which panel lies at a place of the space. (A division here, and a network of
 * 2-3-1 takes a tenth more.) */
static size_t panel_at(const pass *p, size_t at) {
    const size_t *start = p->start + p->part;
    for (; at >= p->each; at -= p->each) start++;
    return *start + p->done + at;
}

static const float *inputs_of(const pass *p, size_t at) {
    size_t floats = nr_inputs(p->t->net) * NR_LANES;
    if (p->t->sparse) return NULL;
    return p->order ? p->t->space.x + at * floats
                    : p->set->x + panel_at(p, at) * floats;
}

/* ========================== A panel, both ways =========================== */

/* Up to the last layer's sums, which it returns. */
static float *forward(const pass *p, size_t at) {
    nr_trainer *t = p->t;
    const nr_header *h = &t->net->h;
    size_t panel = panel_at(p, at), nv = (lanes_of(p, panel) + 15) / 16;
    const float *x = inputs_of(p, at);
    float *y = NULL;
    for (size_t l = 1; l < h->nlayers; l++) {
        size_t in = h->layers[l - 1], out = h->layers[l];
        const float *w = layer_weights(t, l);
        bool last = l + 1 == h->nlayers;
        y = (last ? t->space.delta[l] : t->space.act[l]) + at * out * NR_LANES;
        if (l == 1 && t->sparse)
            nr_sparse_forward(t, p->set, p->order, panel * NR_LANES,
                              lanes_of(p, panel), at, y);
        else
            t->k->layer(y, w + out, 1, out, x, w, out, in, nv);
        if (!last) t->k->activate(y, out, nv, h->options.activation);
        x = y;
    }
    return y;
}

static void lose(const pass *p, size_t at, float *y) {
    nr_trainer *t = p->t;
    const nr_set *set = p->set;
    size_t panel = panel_at(p, at), out = nr_outputs(t->net);
    nr_target target = {.classes = t->net->h.kind == NR_CLASSIFIER,
                        .units = out,
                        .lanes = lanes_of(p, panel)};
    target.target = p->order ? t->space.targets + at * set->target_floats
                             : set->targets + panel * set->target_floats;
    if (p->step && t->class_weights)
        target.weights = p->order ? t->space.weights + at * NR_LANES
                                  : set->weights + panel * NR_LANES;
    if (p->step) target.smoothing = (float)t->smoothing;
    if (t->head != NR_SOFTMAX)
        t->k->head(y, out, (target.lanes + 15) / 16, t->head);
    t->space.losses[at] = t->k->loss(y, t->head, &target);
}

static void backward(const pass *p, size_t at) {
    nr_trainer *t = p->t;
    const nr_header *h = &t->net->h;
    size_t nv = (lanes_of(p, panel_at(p, at)) + 15) / 16;
    for (size_t l = h->nlayers - 1; l > 1; l--) {
        size_t in = h->layers[l - 1], out = h->layers[l];
        float *from = t->space.delta[l] + at * out * NR_LANES;
        float *to = t->space.delta[l - 1] + at * in * NR_LANES;
        float *act = t->space.act[l - 1] + at * in * NR_LANES;
        t->k->layer(to, layer_weights(t, l) + out, out, 1, from, NULL, in,
                    out, nv);
        t->k->derive(to, act, in, nv, h->options.activation);
    }
    if (t->sparse) nr_sparse_backward(t, lanes_of(p, panel_at(p, at)), at);
}

static void panel_job(void *context, size_t at) {
    const pass *p = context;
    nr_space *s = &p->t->space;
    size_t panel = panel_at(p, at);
    if (p->order)
        nr_set_gather(p->t, p->order + panel * NR_LANES, lanes_of(p, panel),
                      s->x ? s->x + at * nr_inputs(p->t->net) * NR_LANES : NULL,
                      s->targets + at * p->set->target_floats,
                      s->weights + at * NR_LANES);
    lose(p, at, forward(p, at));
    if (p->step) backward(p, at);
}

/* ====================== Gradients, and moving weights ==================== */

static void optimise(const nr_trainer *t, float *w, float *g, size_t at,
                     size_t n) {
    const nr_options *o = &t->net->h.options;
    float *m = t->now->memory[0] + at, *v = t->now->memory[1] + at;
    nr_rprop_rule rprop = {1.2f, 0.5f, NR_STUDY_MOST, 1e-6f, NR_STUDY_BACK};
    if (o->classic) rprop = (nr_rprop_rule){1.2f, 0.5f, 50, 1e-6f, true};
    nr_adam_rule adam = {(float)t->rate, 0.9f, 0.999f, 1e-8f, 1, 1};
    switch (o->optimizer) {
    case NR_RPROP: t->k->rprop(w, g, m, v, n, &rprop); break;
    case NR_ADAM:
        adam.correct1 = (float)(1 / (1 - t->now->power1));
        adam.correct2 = (float)(1 / (1 - t->now->power2));
        t->k->adam(w, g, m, v, n, &adam);
        break;
    case NR_SGD: t->k->sgd(w, g, m, n, (float)t->rate, 0.9f); break;
    }
}

/* Of layer l's weights. */
static size_t units_of(const pass *p, size_t l) {
    size_t in = p->t->net->h.layers[l - 1];
    return in <= p->inputs ? 1 : (in + p->inputs - 1) / p->inputs;
}

/* What makes a unit: some inputs of a layer, and the rows of their weights;
 * with the first goes that of the biases. */
typedef struct rows {
    size_t l, first, last; /* inputs */
    size_t at, n, biases;  /* floats: the first, how many, of them biases */
} rows;

static rows rows_of(const pass *p, size_t unit) {
    const uint32_t *layers = p->t->net->h.layers;
    rows r = {.l = 1};
    for (; unit >= units_of(p, r.l); r.l++) unit -= units_of(p, r.l);
    size_t in = layers[r.l - 1], out = layers[r.l];
    r.first = unit * p->inputs;
    r.last = r.first + p->inputs < in ? r.first + p->inputs : in;
    r.biases = unit == 0 ? out : 0;
    r.at = p->t->offset[r.l] + (1 + r.first) * out - r.biases;
    r.n = (r.last - r.first) * out + r.biases;
    return r;
}

/* Of the round's i-th part. */
static void sum_rows(const pass *p, size_t i, const rows *r) {
    nr_trainer *t = p->t;
    size_t in = t->net->h.layers[r->l - 1], out = t->net->h.layers[r->l];
    size_t in_step = in * NR_LANES, out_step = out * NR_LANES;
    size_t begin = i * p->each, end = begin + count_of(p, i);
    if (r->l == 1 && t->sparse) {
        nr_sparse_gradient(t, p->order ? NULL : p->set, p->done, p->each,
                           r->first, r->last);
        return;
    }
    for (size_t b = begin; b < end; b += NR_BLOCK) {
        size_t some = end - b < NR_BLOCK ? end - b : NR_BLOCK;
        size_t nv = (lanes_of(p, panel_at(p, b + some - 1)) + 15) / 16;
        const float *x = r->l == 1 ? inputs_of(p, b)
                                   : t->space.act[r->l - 1] + b * in_step;
        t->k->gradient(t->g[p->part + i] + t->offset[r->l], x, in_step,
                       t->space.delta[r->l] + b * out_step, out_step, some,
                       nv, r->first, r->last, out);
    }
}

static void move_rows(const pass *p, const rows *r) {
    nr_trainer *t = p->t;
    float *w = t->now->w + r->at, *g = t->g[0] + r->at;
    size_t free = t->l2 == 0 ? r->n : r->biases; /* do not decay */
    float scale = 1 / (float)p->step->total;
    if (r->l == 1 && t->sparse) nr_sparse_finish(t, r->first, r->last);
    for (size_t i = 1; i < t->parts; i++)
        t->k->decay(g, t->g[i] + r->at, r->n, 1, 1);
    t->k->decay(g, w, free, scale, 0);
    t->k->decay(g + free, w + free, r->n - free, scale, (float)t->l2);
    if (p->step->move) optimise(t, w, g, r->at, r->n);
}

static void gradient_job(void *context, size_t unit) {
    const pass *p = context;
    size_t i = 0;
    for (; unit >= p->units; unit -= p->units) i++;
    rows r = rows_of(p, unit);
    if (p->step->begin && p->done == 0)
        memset(p->t->g[p->part + i] + r.at, 0, r.n * sizeof(float));
    sum_rows(p, i, &r);
    if (p->last && p->step->end) move_rows(p, &r);
}

/* Where the gradient is in parts. */
static void move_job(void *context, size_t unit) {
    rows r = rows_of(context, unit);
    move_rows(context, &r);
}

/* ================================ A pass ================================= */

static void add_losses(nr_losses *sum, const nr_losses *some) {
    sum->error += some->error;
    sum->objective += some->objective;
    sum->wrong += some->wrong;
}

/* Between the halves of a round, where inputs are lists. */
static void turn(const pass *p) {
    nr_trainer *t = p->t;
    size_t first = p->done * NR_LANES, n = p->n - first;
    if (n > p->each * NR_LANES) n = p->each * NR_LANES;
    if (p->order) nr_batch_turn(t, p->order + first, n);
    nr_sparse_total(t, p->each, p->step->begin && p->done == 0);
}

static bool run_round(pass *p, nr_losses *sums) {
    nr_trainer *t = p->t;
    size_t last = p->parts - 1;
    if (atomic_load_explicit(&t->stop, memory_order_relaxed)) return false;
    nr_team_run(t->team, panel_job, p, last * p->each + count_of(p, last));
    for (size_t i = 0; i < p->parts; i++)
        for (size_t j = 0; j < count_of(p, i); j++)
            add_losses(&sums[p->part + i], &t->space.losses[i * p->each + j]);
    if (p->step && t->sparse) turn(p);
    if (p->step) nr_team_run(t->team, gradient_job, p, p->parts * p->units);
    return true;
}

/* Of whole blocks, the first not shorter than the second. */
static void divide(pass *p, size_t panels) {
    size_t blocks = nr_blocks_for(panels), parts = p->t->parts;
    p->start[parts] = panels;
    for (size_t i = 1; i < parts; i++) {
        size_t first = (blocks * i + parts - 1) / parts * NR_BLOCK;
        p->start[i] = first < panels ? first : panels;
    }
}

/* All parts at once, or one after the other where there is nobody to share
 * with: a block then stays in the second cache. */
static bool run(pass *p, size_t panels, nr_losses *sum) {
    nr_trainer *t = p->t;
    nr_losses sums[NR_PARTS] = {{0, 0, 0}};
    bool shared = nr_team_size(t->team) > 1;
    p->parts = shared ? t->parts : 1;
    p->inputs = shared ? 12 : NR_MAX_UNITS; /* tiles of all kernels divide 12 */
    for (size_t l = 1; l < t->net->h.nlayers; l++) p->units += units_of(p, l);
    divide(p, panels);
    if (t->sparse) nr_sparse_begin(t);
    for (; p->part < t->parts; p->part += p->parts) {
        size_t room = shared ? t->space.panels / p->parts : t->space.panels;
        size_t left = p->start[p->part + 1] - p->start[p->part];
        p->done = 0;
        do { /* even where there are none: gradients begin with 0 */
            p->each = left < room ? left : room;
            p->last = t->parts == 1 && p->each == left;
            if (!run_round(p, sums)) return false;
            p->done += p->each;
            left -= p->each;
        } while (left > 0);
    }
    if (p->step && p->step->end && !p->last)
        nr_team_run(t->team, move_job, p, p->units);
    *sum = sums[0];
    for (size_t i = 1; i < t->parts; i++) add_losses(sum, &sums[i]);
    return true;
}

bool nr_pass_test(nr_trainer *t, const nr_set *set, nr_losses *sum) {
    pass p = {.t = t, .set = set, .n = set->n};
    return run(&p, set->panels, sum);
}

bool nr_pass_learn(nr_trainer *t, const nr_step *step, nr_losses *sum) {
    const nr_set *set = step->set;
    size_t n = set ? set->n : step->n;
    pass p = {.t = t, .set = set ? set : &t->train, .step = step, .n = n};
    if (!set) p.order = t->order + step->first;
    if (step->end) {
        t->now->power1 *= 0.9;
        t->now->power2 *= 0.999;
    }
    return run(&p, nr_panels_for(n), sum);
}

const float *nr_pass_sums(nr_trainer *t, const nr_set *set, size_t panel) {
    pass p = {.t = t, .set = set, .n = set->n, .each = 1};
    p.start[0] = panel;
    if (t->sparse) nr_sparse_begin(t);
    return forward(&p, 0);
}
