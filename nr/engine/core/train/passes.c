/* Forward and backward over the samples of a step, shared out to a team.
 *
 * Blocks of NR_BLOCK panels are taken some at a time, as many as the space
 * holds. In the first half of a round panels run forward and, when learning,
 * backward; in the second gradients are summed, a unit of the job for some
 * inputs of a layer, and after the last round the weights they were summed for
 * are moved. No unit adds to what another one adds to, so it does not matter who
 * runs which; and blocks are summed by a tree of their own (sums.h), whatever
 * the space holds. Where inputs are mostly zeros, sparse.c does the first
 * layer's share.
 *
 * A small network's samples are in parts, one for each thread, and a round takes
 * blocks of all of them: so each thread sums over what it has just run, which is
 * in its own core's caches. Fetching it from another's took a tenth of the
 * time. */

#include <string.h>

#include "layers/layer.h"
#include "train/recurrent.h"
#include "train/tuning.h"
#include "train/train.h"

/* A pass on its way: what the members need to know. */
typedef struct pass {
    nr_trainer *t;
    const nr_step *step;
    const uint32_t *order; /* gather samples by it; NULL: panels of sets */
    bool learn, move;
    size_t blocks, all; /* of the step's first set or the order; of the step */
    size_t start[NR_PARTS + 1]; /* a block; where the last part ends */
    size_t done, each;     /* blocks of a part: before this round, in it */
    bool last;             /* round: there is the gradient then */
    size_t inputs, units;  /* of a layer that make a unit; units of all */
    float clipped;         /* what the gradient is multiplied by */
} pass;

static size_t blocks_of(size_t samples) {
    return nr_blocks_for(nr_panels_for(samples));
}

static size_t leaves_for(const nr_trainer *t, size_t blocks) {
    return (blocks + t->leaf - 1) >> t->leaf_bits;
}

/* Samples of the block's i-th panel. */
static size_t lanes_of(const nr_block *b, size_t i) {
    size_t left = b->n - (b->first + i) * NR_LANES;
    return left < NR_LANES ? left : NR_LANES;
}

/* ============================= A round's blocks ========================== */

/* The step's block of this number, and its turn to be summed. */
static nr_block take_block(const pass *p, nr_sums *sums, size_t number) {
    nr_trainer *t = p->t;
    bool more = number >= p->blocks;
    size_t at = more ? number - p->blocks : number;
    size_t leaf = at >> t->leaf_bits, within = at & (t->leaf - 1);
    const nr_set *set = more ? p->step->more : p->step->set;
    nr_block b = {.set = set ? set : &t->train,
                  .first = at * NR_BLOCK,
                  .n = set ? set->n : p->step->n};
    size_t left = nr_panels_for(b.n) - b.first;
    b.panels = left < NR_BLOCK ? left : NR_BLOCK;
    bool ends = within + 1 == t->leaf || left <= NR_BLOCK;
    if (more) leaf += leaves_for(t, p->blocks);
    b.turn = nr_sums_turn(sums, leaf, within == 0, ends, t->leaf == 1);
    return b;
}

/* Lays the round's blocks out, a part's one after the other; returns how many
 * panels there are, and places for some. */
static size_t take_blocks(const pass *p) {
    nr_trainer *t = p->t;
    nr_block *b = t->space.blocks;
    for (size_t i = 0; i < t->parts; i++)
        for (size_t j = 0; j < p->each; j++, b++) {
            size_t number = p->start[i] + p->done + j;
            b->panels = 0;
            if (number < p->start[i + 1])
                *b = take_block(p, &t->sums[i], number);
        }
    return (size_t)(b - t->space.blocks - 1) * NR_BLOCK + b[-1].panels;
}

/* As samples have them. */
static const float *rows_at(const pass *p, const nr_block *b, size_t at) {
    size_t floats = nr_inputs(p->t->net) * NR_LANES;
    if (p->t->sparse) return NULL;
    return p->order ? p->t->space.x + at * floats
                    : b->set->x + (b->first + at % NR_BLOCK) * floats;
}

/* As the first operation has them: with the last states of sequences. */
static const float *inputs_of(const pass *p, const nr_block *b, size_t at) {
    size_t floats = nr_inputs(p->t->net) * NR_LANES;
    const float *joined = p->t->space.joined;
    return joined ? joined + at * floats : rows_at(p, b, at);
}

/* ========================== A panel, both ways =========================== */

/* The round's panel `at`, one of block b's, up to the last layer's sums, which
 * it returns. */
static float *forward(const pass *p, const nr_block *b, size_t at) {
    nr_trainer *t = p->t;
    size_t lanes = lanes_of(b, at % NR_BLOCK), nv = (lanes + 15) / 16;
    const float *x = inputs_of(p, b, at);
    float *y = NULL;
    if (t->space.joined)
        nr_strands_forward(t, p->learn, at, lanes, rows_at(p, b, at));
    for (size_t l = 0; l + 1 < t->plan->n; l++) {
        const nr_op *op = &t->plan->ops[l];
        bool last = op == nr_plan_last(t->plan);
        y = last ? t->space.delta[l] : t->space.act[l];
        y += at * op->out * NR_LANES;
        if (l == 0 && t->sparse)
            nr_sparse_forward(t, b->set, p->order,
                              (b->first + at % NR_BLOCK) * NR_LANES, lanes, at,
                              y);
        else
            nr_op_forward(t->k, op, t->now->w + op->at, x, y, nv);
        x = y;
    }
    return y;
}

static void lose(const pass *p, const nr_block *b, size_t at, float *y) {
    nr_trainer *t = p->t;
    const nr_set *set = b->set;
    size_t panel = b->first + at % NR_BLOCK, out = nr_outputs(t->net);
    nr_target target = {.classes = t->net->h.kind == NR_CLASSIFIER,
                        .units = out,
                        .lanes = lanes_of(b, at % NR_BLOCK)};
    target.target = p->order ? t->space.targets + at * set->target_floats
                             : set->targets + panel * set->target_floats;
    if (p->learn && t->weighed)
        target.weights = p->order ? t->space.weights + at * NR_LANES
                                  : set->weights + panel * NR_LANES;
    if (p->learn) target.smoothing = (float)t->smoothing;
    if (t->head != NR_SOFTMAX)
        t->k->head(y, out, (target.lanes + 15) / 16, t->head);
    t->space.losses[at] = t->k->loss(y, t->head, &target);
}

static void backward(const pass *p, const nr_block *b, size_t at) {
    nr_trainer *t = p->t;
    size_t lanes = lanes_of(b, at % NR_BLOCK), nv = (lanes + 15) / 16;
    for (size_t l = t->plan->n - 2; l > 0; l--) {
        const nr_op *op = &t->plan->ops[l], *before = op - 1;
        float *from = t->space.delta[l] + at * op->out * NR_LANES;
        float *to = t->space.delta[l - 1] + at * op->in * NR_LANES;
        float *act = t->space.act[l - 1] + at * op->in * NR_LANES;
        nr_op_backward(t->k, op, t->now->w + op->at, from, to, nv);
        if (before->activation != NR_NOT_ACTIVATED)
            t->k->derive(to, act, op->in, nv,
                         (nr_activation)before->activation);
    }
    if (t->sparse) nr_sparse_backward(t, lanes, at);
    if (t->space.joined) nr_strands_backward(t, at, lanes);
}

static void gather(const pass *p, const nr_block *b, size_t at) {
    nr_space *s = &p->t->space;
    size_t i = at % NR_BLOCK, floats = nr_inputs(p->t->net) * NR_LANES;
    nr_set_gather(p->t, p->order + (b->first + i) * NR_LANES, lanes_of(b, i),
                  s->x ? s->x + at * floats : NULL,
                  s->targets + at * b->set->target_floats,
                  s->weights + at * NR_LANES);
}

static void panel_job(void *context, size_t at) {
    const pass *p = context;
    const nr_block *b = &p->t->space.blocks[at / NR_BLOCK];
    if (at % NR_BLOCK >= b->panels) return;
    if (p->order) gather(p, b, at);
    lose(p, b, at, forward(p, b, at));
    if (p->learn) backward(p, b, at);
}

/* ====================== Gradients, and moving weights ==================== */

static void optimise(const nr_trainer *t, float *w, float *g, size_t at,
                     size_t n) {
    const nr_options *o = &t->net->h.options;
    float *m = t->now->memory[0] + at, *v = t->now->memory[1] + at;
    nr_rprop_rule rprop = {1.2f, 0.5f, NR_STUDY_MOST, 1e-6f, NR_STUDY_BACK};
    if (o->classic) rprop = (nr_rprop_rule){1.2f, 0.5f, 50, 1e-6f, true};
    float rate = (float)(t->rate * t->rate_now);
    nr_adam_rule adam = {rate, 0.9f, 0.999f, 1e-8f, 1, 1};
    switch (o->optimizer) {
    case NR_RPROP: t->k->rprop(w, g, m, v, n, &rprop); break;
    case NR_ADAM:
        adam.correct1 = (float)(1 / (1 - t->now->power1));
        adam.correct2 = (float)(1 / (1 - t->now->power2));
        t->k->adam(w, g, m, v, n, &adam);
        break;
    case NR_SGD: t->k->sgd(w, g, m, n, rate, 0.9f); break;
    }
}

/* Of an operation's weights. */
static size_t units_of(const pass *p, const nr_op *op) {
    if (op->params == 0) return 0;
    return op->in <= p->inputs ? 1 : (op->in + p->inputs - 1) / p->inputs;
}

/* What makes a unit: some inputs of an operation, and the rows of their weights;
 * with the first goes that of the biases. */
typedef struct rows {
    const nr_op *op;
    size_t first, last;   /* inputs */
    size_t at, n, biases; /* floats: the first, how many, of them biases */
} rows;

INLINE rows rows_of(const pass *p, size_t unit) {
    const nr_op *op = p->t->plan->ops;
    for (; unit >= units_of(p, op); op++) unit -= units_of(p, op);
    rows r = {.op = op, .first = unit * p->inputs};
    r.last = r.first + p->inputs < op->in ? r.first + p->inputs : op->in;
    r.biases = unit == 0 ? nr_dense_row(op->out, 0) : 0;
    r.at = op->at + nr_dense_row(op->out, r.first) - r.biases;
    r.n = (r.last - r.first) * op->out + r.biases;
    return r;
}

static void add_rows(const nr_trainer *t, const rows *r, const nr_sum *to,
                     const nr_sum *from) {
    t->k->decay(to->g + r->at, from->g + r->at, r->n, 1, 1);
}

/* Of the round's block at a place, and of what is complete with it. */
static void sum_rows(const pass *p, size_t place, const rows *r) {
    nr_trainer *t = p->t;
    const nr_op *op = r->op;
    const nr_block *b = &t->space.blocks[place];
    const nr_sum *sum = b->turn.sum;
    size_t l = (size_t)(op - t->plan->ops), at = place * NR_BLOCK;
    nr_operands o = {.in_step = op->in * NR_LANES,
                     .delta_step = op->out * NR_LANES,
                     .panels = b->panels,
                     .first = r->first,
                     .last = r->last};
    if (b->panels == 0) return;
    if (b->turn.fresh) memset(sum->g + r->at, 0, r->n * sizeof(float));
    if (l >= t->plan->n) {
        nr_strands_gradient(t, op, sum->g + op->at, at, b->panels,
                            lanes_of(b, b->panels - 1), r->first, r->last);
    } else if (l == 0 && t->sparse) {
        nr_sparse_gradient(t, place, r->first, r->last);
    } else {
        o.in = l ? t->space.act[l - 1] + at * o.in_step : inputs_of(p, b, at);
        o.delta = t->space.delta[l] + at * o.delta_step;
        o.nv_last = (lanes_of(b, b->panels - 1) + 15) / 16;
        nr_op_gradient(t->k, op, sum->g + op->at, &o);
    }
    for (unsigned i = 0; i < b->turn.merges; i++, sum--)
        add_rows(t, r, sum - 1, sum);
}

static void move_rows(const pass *p, const rows *r) {
    nr_trainer *t = p->t;
    for (size_t i = 0; i < t->njoins; i++)
        add_rows(t, r, t->joins[i].to, t->joins[i].from);
    float *w = t->now->w + r->at, *g = t->root->g + r->at;
    size_t free = t->l2 == 0 ? r->n : r->biases; /* do not decay */
    float scale = p->clipped / (float)p->step->n;
    if (r->op == t->plan->ops && t->sparse)
        nr_sparse_finish(t, r->first, r->last);
    t->k->decay(g, w, free, scale, 0);
    t->k->decay(g + free, w + free, r->n - free, scale, (float)t->l2);
    if (p->move) optimise(t, w, g, r->at, r->n);
}

static void gradient_job(void *context, size_t unit) {
    const pass *p = context;
    size_t part = 0;
    for (; unit >= p->units; unit -= p->units) part++;
    rows r = rows_of(p, unit);
    for (size_t i = 0; i < p->each; i++) sum_rows(p, part * p->each + i, &r);
    if (p->last) move_rows(p, &r);
}

static void join_job(void *context, size_t unit) {
    const pass *p = context;
    rows r = rows_of(p, unit);
    for (size_t i = 0; i < p->t->njoins; i++)
        add_rows(p->t, &r, p->t->joins[i].to, p->t->joins[i].from);
}

/* Where the gradient is in parts. */
static void move_job(void *context, size_t unit) {
    rows r = rows_of(context, unit);
    move_rows(context, &r);
}

/* ================================ A pass ================================= */

static void add_losses(const pass *p) {
    nr_trainer *t = p->t;
    for (size_t place = 0; place < t->parts * p->each; place++) {
        const nr_block *b = &t->space.blocks[place];
        const nr_losses *some = t->space.losses + place * NR_BLOCK;
        nr_sum *sum = b->turn.sum;
        nr_losses own = {0, 0, 0};
        if (b->panels == 0) continue;
        for (size_t i = 0; i < b->panels; i++) nr_losses_add(&own, &some[i]);
        if (b->turn.fresh) sum->losses = (nr_losses){0, 0, 0};
        nr_losses_add(&sum->losses, &own);
        for (unsigned i = 0; i < b->turn.merges; i++, sum--)
            nr_losses_add(&sum[-1].losses, &sum->losses);
    }
}

/* The sums of all parts, and others', in the order of their leaves. */
size_t nr_pass_collect(nr_trainer *t) {
    size_t n = 0;
    for (size_t i = 0; i < t->parts; i++)
        for (size_t j = 0; j < t->sums[i].n; j++)
            t->open[n++] = &t->sums[i].sums[j];
    for (size_t i = 0; i < t->nothers; i++, n++) {
        size_t at = n;
        for (; at && t->open[at - 1]->first > t->others[i].first; at--)
            t->open[at] = t->open[at - 1];
        t->open[at] = &t->others[i];
    }
    return n;
}

/* The tree's last sums, when all of its leaves are there. */
static void join(const pass *p) {
    nr_trainer *t = p->t;
    t->njoins = nr_sums_join(t->open, nr_pass_collect(t), t->joins);
    t->root = t->open[0];
    if (p->learn && t->sparse) nr_sparse_join(t);
}

/* Between the halves of a round, where inputs are lists. */
static void turn(const pass *p) {
    size_t first = p->done * NR_BLOCK * NR_LANES, n = p->step->n - first;
    size_t most = p->each * NR_BLOCK * NR_LANES;
    if (p->order) nr_batch_turn(p->t, p->order + first, n < most ? n : most);
    nr_sparse_totals(p->t, p->each);
}

static bool run_round(pass *p) {
    nr_trainer *t = p->t;
    if (atomic_load_explicit(&t->stop, memory_order_relaxed)) return false;
    nr_team_run(t->team, panel_job, p, take_blocks(p));
    add_losses(p);
    if (p->learn && t->sparse) turn(p);
    if (p->last) join(p);
    if (p->learn) nr_team_run(t->team, gradient_job, p, t->parts * p->units);
    return true;
}

static void count_blocks(pass *p) {
    const nr_step *s = p->step;
    p->blocks = blocks_of(s->set ? s->set->n : s->n);
    p->all = p->blocks + (s->more ? blocks_of(s->more->n) : 0);
}

/* The first part is not shorter than any other. A step of a few samples takes
 * little longer than some divisions, so one part does without. */
static void divide(pass *p, size_t first, size_t last) {
    size_t parts = p->t->parts;
    p->start[0] = first;
    for (size_t i = 1; i < parts; i++)
        p->start[i] = first + ((last - first) * i + parts - 1) / parts;
    p->start[parts] = last;
}

static void count_units(pass *p) {
    nr_trainer *t = p->t;
    bool shared = nr_team_size(t->team) > 1;
    p->inputs = shared ? 12 : NR_MAX_UNITS; /* tiles of all kernels divide 12 */
    p->units = 0;
    for (size_t l = 0; l < t->plan->all; l++)
        p->units += units_of(p, &t->plan->ops[l]);
}

/* Blocks from the first to before the last; whole: there are no others. */
static bool run_blocks(pass *p, size_t first, size_t last, bool whole) {
    nr_trainer *t = p->t;
    size_t most = t->parts == 1 ? t->space.size : t->space.size / t->parts;
    count_units(p);
    divide(p, first, last);
    if (t->sparse) nr_sparse_begin(t);
    for (size_t i = 0; i < t->parts; i++) t->sums[i].n = 0;
    for (size_t left = p->start[1] - first; left; left -= p->each) {
        p->each = left < most ? left : most;
        p->last = whole && t->parts == 1 && p->each == left;
        if (!run_round(p)) return false;
        p->done += p->each;
    }
    return true;
}

/* The whole gradient is there before any weight moves where its length counts. */
static void move_all(pass *p) {
    nr_trainer *t = p->t;
    if (p->move && t->clip > 0) {
        nr_team_run(t->team, join_job, p, p->units);
        t->njoins = 0;
        p->clipped = nr_clip_factor(t, t->root->g, p->step->n);
    }
    nr_team_run(t->team, move_job, p, p->units);
}

static bool run(pass *p, nr_losses *sum) {
    bool clips = p->learn && p->t->clip > 0;
    count_blocks(p);
    if (!run_blocks(p, 0, p->all, !clips)) return false;
    if (!p->last) join(p);
    if (!p->last && p->learn) move_all(p);
    *sum = p->t->root->losses;
    return true;
}

bool nr_pass_test(nr_trainer *t, const nr_set *set, nr_losses *sum) {
    nr_step all = {.set = set, .n = set->n};
    pass p = {.t = t, .step = &all};
    return run(&p, sum);
}

/* Field by field: a whole one that is cleared, filled and copied takes as long
 * as a tenth of a smallest network's step. */
static void learning(pass *p, nr_trainer *t, const nr_step *step) {
    p->t = t;
    p->step = step;
    p->order = step->set ? NULL : t->order + step->first;
    p->learn = p->move = true;
    p->last = false;
    p->done = 0;
    p->clipped = 1;
    if (t->space.joined) t->rate_now = nr_rate_now(t);
    count_blocks(p);
}

static void next_powers(nr_trainer *t) {
    t->now->power1 *= 0.9;
    t->now->power2 *= 0.999;
}

bool nr_pass_gradient(nr_trainer *t, const nr_step *step, nr_losses *sum) {
    pass p;
    learning(&p, t, step);
    p.move = false;
    return run(&p, sum);
}

bool nr_pass_learn(nr_trainer *t, const nr_step *step, nr_losses *sum) {
    pass p;
    learning(&p, t, step);
    next_powers(t);
    return run(&p, sum);
}

/* ============================ A pass in pieces =========================== */

uint64_t nr_pass_leaves(const nr_trainer *t, const nr_step *step) {
    pass p;
    learning(&p, (nr_trainer *)t, step);
    return leaves_for(t, p.blocks) + leaves_for(t, p.all - p.blocks);
}

/* The block that a leaf begins with; behind the last one: how many there are. */
static size_t block_of(const pass *p, uint64_t leaf) {
    size_t own = leaves_for(p->t, p->blocks), at = (size_t)leaf;
    size_t block = at < own ? at * p->t->leaf
                            : p->blocks + (at - own) * p->t->leaf;
    return block < p->all ? block : p->all;
}

bool nr_pass_some(nr_trainer *t, const nr_step *step, uint64_t first,
                  uint64_t last) {
    pass p;
    learning(&p, t, step);
    return run_blocks(&p, block_of(&p, first), block_of(&p, last), false);
}

void nr_pass_move(nr_trainer *t, const nr_step *step, nr_losses *sum) {
    pass p;
    learning(&p, t, step);
    count_units(&p);
    next_powers(t);
    join(&p);
    move_all(&p);
    *sum = t->root->losses;
}

const float *nr_pass_sums(nr_trainer *t, const nr_set *set, size_t panel) {
    pass p = {.t = t};
    nr_block only = {.set = set, .first = panel, .panels = 1, .n = set->n};
    if (t->sparse) nr_sparse_begin(t);
    return forward(&p, &only, 0);
}
