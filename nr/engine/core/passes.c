/* Forward and backward over a set of samples, shared out to a team.
 *
 * Panels are taken some at a time, as many as the space holds. In the first
 * half of a round panels run forward and, when learning, backward; in the
 * second gradients are summed, a unit of the job for some inputs of a layer,
 * and after the last round the weights they were summed for are moved. No unit
 * adds to what another one adds to, so it does not matter who runs which;
 * panels are summed in blocks of NR_BLOCK whatever the space holds. */

#include <string.h>

#include "study.h"
#include "train.h"

/* A pass on its way: what the members need to know. */
typedef struct pass {
    nr_trainer *t;
    const nr_set *set;
    const uint32_t *order; /* gather samples by it; NULL: the set's panels */
    const nr_step *step;   /* NULL: without learning */
    size_t n, panels;      /* of the whole pass */
    size_t first, count;   /* panels of this round */
} pass;

static const float *layer_weights(const nr_trainer *t, size_t l) {
    return t->now->w + t->offset[l];
}

static size_t lanes_of(const pass *p, size_t panel) {
    size_t left = p->n - panel * NR_LANES;
    return left < NR_LANES ? left : NR_LANES;
}

static const float *inputs_of(const pass *p, size_t panel) {
    size_t floats = nr_inputs(p->t->net) * NR_LANES;
    if (p->t->sparse) return NULL;
    return p->order ? p->t->space.x + (panel - p->first) * floats
                    : p->set->x + panel * floats;
}

/* ========================== A panel, both ways =========================== */

/* Up to the last layer's sums, which it returns. */
static float *forward(const pass *p, size_t panel) {
    nr_trainer *t = p->t;
    const nr_header *h = &t->net->h;
    size_t at = panel - p->first, nv = (lanes_of(p, panel) + 15) / 16;
    const float *x = inputs_of(p, panel);
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

static void lose(const pass *p, size_t panel, float *y) {
    nr_trainer *t = p->t;
    const nr_set *set = p->set;
    size_t at = panel - p->first, out = nr_outputs(t->net);
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

static void backward(const pass *p, size_t panel) {
    nr_trainer *t = p->t;
    const nr_header *h = &t->net->h;
    size_t at = panel - p->first, nv = (lanes_of(p, panel) + 15) / 16;
    for (size_t l = h->nlayers - 1; l > 1; l--) {
        size_t in = h->layers[l - 1], out = h->layers[l];
        float *from = t->space.delta[l] + at * out * NR_LANES;
        float *to = t->space.delta[l - 1] + at * in * NR_LANES;
        float *act = t->space.act[l - 1] + at * in * NR_LANES;
        t->k->layer(to, layer_weights(t, l) + out, out, 1, from, NULL, in,
                    out, nv);
        t->k->derive(to, act, in, nv, h->options.activation);
    }
    if (t->sparse) nr_sparse_backward(t, lanes_of(p, panel), at);
}

static void panel_job(void *context, size_t i) {
    const pass *p = context;
    nr_space *s = &p->t->space;
    size_t panel = p->first + i;
    if (p->order)
        nr_set_gather(p->t, p->order + panel * NR_LANES, lanes_of(p, panel),
                      s->x ? s->x + i * nr_inputs(p->t->net) * NR_LANES : NULL,
                      s->targets + i * p->set->target_floats,
                      s->weights + i * NR_LANES);
    lose(p, panel, forward(p, panel));
    if (p->step) backward(p, panel);
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

/* Rows first..last of layer l's weights; row 0 is the biases', which do not
 * decay. */
static void move_rows(const pass *p, size_t l, size_t first, size_t last) {
    nr_trainer *t = p->t;
    size_t out = t->net->h.layers[l], at = t->offset[l] + first * out;
    size_t n = (last - first) * out, free = first == 0 ? out : 0;
    if (t->l2 == 0) free = n;
    float *w = t->now->w + at, *g = t->g + at;
    float scale = 1 / (float)p->step->total;
    t->k->decay(g, w, free, scale, 0);
    t->k->decay(g + free, w + free, n - free, scale, (float)t->l2);
    if (p->step->move) optimise(t, w, g, at, n);
}

static void sum_layer(const pass *p, size_t l, size_t first, size_t last) {
    nr_trainer *t = p->t;
    size_t in = t->net->h.layers[l - 1], out = t->net->h.layers[l];
    size_t in_step = in * NR_LANES, out_step = out * NR_LANES;
    if (l == 1 && t->sparse) {
        nr_sparse_gradient(t, p->order ? NULL : p->set, p->first, p->count,
                           first, last);
        return;
    }
    for (size_t b = 0; b < p->count; b += NR_BLOCK) {
        size_t some = p->count - b < NR_BLOCK ? p->count - b : NR_BLOCK;
        size_t nv = (lanes_of(p, p->first + b + some - 1) + 15) / 16;
        const float *x = l == 1 ? inputs_of(p, p->first + b)
                                : t->space.act[l - 1] + b * in_step;
        t->k->gradient(t->g + t->offset[l], x, in_step,
                       t->space.delta[l] + b * out_step, out_step, some, nv,
                       first, last, out);
    }
}

/* Inputs of a layer that make a unit: a dozen, which the tiles of all kernels
 * divide, or all of them where there is nobody to share with. */
static size_t inputs_each(const nr_trainer *t) {
    return nr_team_size(t->team) > 1 ? 12 : NR_MAX_UNITS;
}

static size_t units_of(const nr_trainer *t, size_t l) {
    size_t each = inputs_each(t);
    return (t->net->h.layers[l - 1] + each - 1) / each;
}

static void gradient_job(void *context, size_t unit) {
    const pass *p = context;
    nr_trainer *t = p->t;
    const uint32_t *layers = t->net->h.layers;
    size_t l = 1;
    for (; unit >= units_of(t, l); l++) unit -= units_of(t, l);
    size_t out = layers[l], first = unit * inputs_each(t);
    size_t last = first + inputs_each(t), row = first == 0 ? 0 : first + 1;
    if (last > layers[l - 1]) last = layers[l - 1];
    float *g = t->g + t->offset[l];
    if (p->step->begin && p->first == 0)
        memset(g + row * out, 0, (last + 1 - row) * out * sizeof *g);
    sum_layer(p, l, first, last);
    if (!p->step->end || p->first + p->count < p->panels) return;
    if (l == 1 && t->sparse) nr_sparse_finish(t, first, last);
    move_rows(p, l, row, last + 1);
}

/* ================================ A pass ================================= */

/* Between the halves of a round, where inputs are lists. */
static void turn(const pass *p) {
    nr_trainer *t = p->t;
    size_t first = p->first * NR_LANES, n = p->n - first;
    if (n > p->count * NR_LANES) n = p->count * NR_LANES;
    if (p->order) nr_batch_turn(t, p->order + first, n);
    nr_sparse_total(t, p->count, p->step->begin && p->first == 0);
}

static bool run(pass *p, nr_losses *sum) {
    nr_trainer *t = p->t;
    size_t units = 0;
    for (size_t l = 1; l < t->net->h.nlayers; l++) units += units_of(t, l);
    *sum = (nr_losses){0, 0, 0};
    if (t->sparse) nr_sparse_begin(t);
    for (p->first = 0; p->first < p->panels; p->first += p->count) {
        if (atomic_load_explicit(&t->stop, memory_order_relaxed)) return false;
        p->count = p->panels - p->first;
        if (p->count > t->space.panels) p->count = t->space.panels;
        nr_team_run(t->team, panel_job, p, p->count);
        for (size_t i = 0; i < p->count; i++) {
            sum->error += t->space.losses[i].error;
            sum->objective += t->space.losses[i].objective;
            sum->wrong += t->space.losses[i].wrong;
        }
        if (p->step && t->sparse) turn(p);
        if (p->step) nr_team_run(t->team, gradient_job, p, units);
    }
    return true;
}

static size_t panels_for(size_t n) { return (n + NR_LANES - 1) / NR_LANES; }

bool nr_pass_test(nr_trainer *t, const nr_set *set, nr_losses *sum) {
    pass p = {.t = t, .set = set, .n = set->n, .panels = set->panels};
    return run(&p, sum);
}

bool nr_pass_learn(nr_trainer *t, const nr_step *step, nr_losses *sum) {
    const nr_set *set = step->set;
    size_t n = set ? set->n : step->n;
    pass p = {.t = t, .set = set ? set : &t->train, .step = step, .n = n};
    p.panels = panels_for(n);
    if (!set) p.order = t->order + step->first;
    if (step->end) {
        t->now->power1 *= 0.9;
        t->now->power2 *= 0.999;
    }
    return run(&p, sum);
}

const float *nr_pass_sums(nr_trainer *t, const nr_set *set, size_t panel) {
    pass p = {.t = t, .set = set, .n = set->n, .panels = set->panels};
    p.first = panel;
    if (t->sparse) nr_sparse_begin(t);
    return forward(&p, panel);
}

/* ================================= Space ================================= */

/* Of one panel: its units twice, its samples where they are gathered, and what
 * lists take. */
size_t nr_space_floats(const nr_net *net, bool lists) {
    const nr_header *h = &net->h;
    size_t units = 0, in = lists ? 0 : nr_inputs(net);
    for (size_t l = 1; l < h->nlayers; l++) units += 2 * (size_t)h->layers[l];
    size_t gathered =
        nr_batch_of(net) ? (in + 1) * NR_LANES + nr_target_floats(h) : 0;
    if (lists) gathered += nr_row_step(h->layers[1]) * (NR_LANES + 1);
    return units * NR_LANES + gathered;
}

/* How many panels at once: one block where there is one thread, since that
 * stays in the second cache; as many blocks as 32 MB hold where members must
 * meet between the halves. */
size_t nr_space_panels(const nr_net *net, size_t threads) {
    size_t batch = nr_batch_of(net), test = panels_for(net->h.len[1]);
    size_t most = panels_for(batch ? batch : net->h.len[0]);
    size_t panels = NR_BLOCK;
    if (threads > 1) {
        size_t bytes = nr_space_floats(net, false) * sizeof(float);
        size_t fit = ((size_t)32 << 20) / bytes;
        panels = fit / NR_BLOCK * NR_BLOCK;
        if (panels < 4 * NR_BLOCK) panels = 4 * NR_BLOCK;
    }
    if (most < test) most = test;
    return panels < most ? panels : most;
}

bool nr_space_make(nr_trainer *t) {
    const nr_header *h = &t->net->h;
    nr_space *s = &t->space;
    size_t in = t->sparse ? 0 : nr_inputs(t->net);
    size_t floats = nr_space_floats(t->net, t->sparse);
    s->panels = nr_space_panels(t->net, nr_team_size(t->team));
    s->losses = nr_alloc(s->panels * sizeof *s->losses);
    s->block = nr_alloc_lines(s->panels * floats, sizeof(float));
    if (!s->losses || !s->block) return false;
    float *at = s->block;
    if (t->sparse) { /* first, since rows want whole lines */
        size_t step = nr_row_step(h->layers[1]);
        s->rows = at;
        s->sums = at + s->panels * step * NR_LANES;
        at = s->sums + s->panels * step;
    }
    for (size_t l = 1; l < h->nlayers; l++) {
        size_t size = s->panels * h->layers[l] * NR_LANES;
        s->act[l] = at;
        s->delta[l] = at + size;
        at += 2 * size;
    }
    if (t->batch) {
        s->x = in ? at : NULL;
        s->targets = at + s->panels * in * NR_LANES;
        s->weights = s->targets + s->panels * t->train.target_floats;
    }
    return true;
}

void nr_space_free(nr_space *space) {
    nr_release(space->losses);
    nr_release_lines(space->block);
    *space = (nr_space){0};
}
