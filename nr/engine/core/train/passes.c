/* Forward and backward over the samples of a step, shared out to a team.
 *
 * Blocks of NR_BLOCK panels are taken some at a time, as many as the workspace
 * holds. In the first half of a round panels run forward and, when learning,
 * backward; in the second gradients are summed, a unit of the job for some
 * inputs of a layer, and after the last round the weights they were summed for
 * are moved. No unit adds to what another one adds to, so it does not matter who
 * runs which; and blocks are summed by a tree of their own (sums.h), whatever
 * the workspace holds. Where inputs are mostly zeros, sparse.c does the first
 * layer's share.
 *
 * A small network's samples are in parts, one for each thread, and a round takes
 * blocks of all of them: so each thread sums over what it has just run, which is
 * in its own core's caches. Fetching it from another's took a tenth of the
 * time. */

#include <string.h>

#include "layers/layer.h"
#include "train/pass.h"
#include "train/recurrent.h"

static size_t blocks_of(size_t samples) {
    return nr_blocks_for(nr_panels_for(samples));
}

static size_t leaves_for(const nr_trainer *t, size_t blocks) {
    return (blocks + t->leaf - 1) >> t->leaf_bits;
}

/* ============================= A round's blocks ========================== */

/* The step's block of this number, and its turn to be summed. */
static nr_block take_block(const nr_pass *p, nr_sums *sums, size_t number) {
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
    b.turn = nr_sums_turn(sums, leaf, within == 0, ends,
                          t->leaf == 1 && !t->workspace.joined);
    return b;
}

/* Lays the round's blocks out, a part's one after the other; returns how many
 * panels there are, and places for some. */
static size_t take_blocks(const nr_pass *p) {
    nr_trainer *t = p->t;
    nr_block *b = t->workspace.blocks;
    for (size_t i = 0; i < t->parts; i++)
        for (size_t j = 0; j < p->each; j++, b++) {
            size_t number = p->start[i] + p->done + j;
            b->panels = 0;
            if (number < p->start[i + 1])
                *b = take_block(p, &t->sums[i], number);
        }
    return (size_t)(b - t->workspace.blocks - 1) * NR_BLOCK + b[-1].panels;
}

/* ========================== A panel, both ways =========================== */

/* The first of the panel's samples, among those of the cycle that learns. */
static size_t place_of(const nr_pass *p, const nr_block *b, size_t at) {
    return (p->learn ? p->step->first : 0) + (b->first + at % NR_BLOCK) * NR_LANES;
}

/* The round's panel `at`, one of block b's, up to the last layer's sums, which
 * it returns. */
static float *forward(const nr_pass *p, const nr_block *b, size_t at) {
    nr_trainer *t = p->t;
    size_t lanes = nr_lanes_of(b, at % NR_BLOCK), nv = (lanes + 15) / 16;
    const float *x = nr_inputs_of(p, b, at);
    float *y = NULL;
    if (t->workspace.joined)
        nr_strands_forward(t, p->learn, at, lanes, place_of(p, b, at),
                           nr_rows_at(p, b, at));
    for (size_t l = 0; l + 1 < t->plan->n; l++) {
        const nr_op *op = &t->plan->ops[l];
        bool last = op == nr_plan_last(t->plan);
        y = last ? t->workspace.delta[l] : t->workspace.act[l];
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

static void lose(const nr_pass *p, const nr_block *b, size_t at, float *y) {
    nr_trainer *t = p->t;
    const nr_set *set = b->set;
    size_t panel = b->first + at % NR_BLOCK, out = nr_outputs(t->net);
    nr_target target = {.classes = t->net->h.kind == NR_CLASSIFIER,
                        .units = out,
                        .lanes = nr_lanes_of(b, at % NR_BLOCK)};
    target.target = p->order ? t->workspace.targets + at * set->target_floats
                             : set->targets + panel * set->target_floats;
    if (p->learn && t->weighed)
        target.weights = p->order ? t->workspace.weights + at * NR_LANES
                                  : set->weights + panel * NR_LANES;
    if (p->learn) target.smoothing = (float)t->smoothing;
    if (t->head != NR_SOFTMAX)
        t->k->head(y, out, (target.lanes + 15) / 16, t->head);
    t->workspace.losses[at] = t->k->loss(y, t->head, &target);
}

static void backward(const nr_pass *p, const nr_block *b, size_t at) {
    nr_trainer *t = p->t;
    size_t lanes = nr_lanes_of(b, at % NR_BLOCK), nv = (lanes + 15) / 16;
    for (size_t l = t->plan->n - 2; l > 0; l--) {
        const nr_op *op = &t->plan->ops[l], *before = op - 1;
        float *from = t->workspace.delta[l] + at * op->out * NR_LANES;
        float *to = t->workspace.delta[l - 1] + at * op->in * NR_LANES;
        float *act = t->workspace.act[l - 1] + at * op->in * NR_LANES;
        nr_op_backward(t->k, op, t->now->w + op->at, from, to, nv);
        if (before->activation != NR_NOT_ACTIVATED)
            t->k->derive(to, act, op->in, nv,
                         (nr_activation)before->activation);
    }
    if (t->sparse) nr_sparse_backward(t, lanes, at);
    if (t->workspace.joined) nr_strands_backward(t, at, lanes, place_of(p, b, at));
}

static void gather(const nr_pass *p, const nr_block *b, size_t at) {
    nr_workspace *s = &p->t->workspace;
    size_t i = at % NR_BLOCK, floats = nr_inputs(p->t->net) * NR_LANES;
    nr_set_gather(p->t, p->order + (b->first + i) * NR_LANES, nr_lanes_of(b, i),
                  s->x ? s->x + at * floats : NULL,
                  s->targets + at * b->set->target_floats,
                  s->weights + at * NR_LANES);
}

static void panel_job(void *context, size_t at) {
    const nr_pass *p = context;
    const nr_block *b = &p->t->workspace.blocks[at / NR_BLOCK];
    if (at % NR_BLOCK >= b->panels) return;
    if (p->order)
        gather(p, b, at);
    else
        nr_set_pack(p->t, b->set, b->first + at % NR_BLOCK);
    lose(p, b, at, forward(p, b, at));
    if (p->learn) backward(p, b, at);
}

/* ================================ A pass ================================= */

static void add_losses(const nr_pass *p) {
    nr_trainer *t = p->t;
    for (size_t place = 0; place < t->parts * p->each; place++) {
        const nr_block *b = &t->workspace.blocks[place];
        const nr_losses *some = t->workspace.losses + place * NR_BLOCK;
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
static void join(const nr_pass *p) {
    nr_trainer *t = p->t;
    t->njoins = nr_sums_join(t->open, nr_pass_collect(t), t->joins);
    t->root = t->open[0];
    if (p->learn && t->sparse) nr_sparse_join(t);
}

/* Between the halves of a round, where inputs are lists. */
static void turn(const nr_pass *p) {
    size_t first = p->done * NR_BLOCK * NR_LANES, n = p->step->n - first;
    size_t most = p->each * NR_BLOCK * NR_LANES;
    if (p->order) nr_batch_turn(p->t, p->order + first, n < most ? n : most);
    nr_sparse_totals(p->t, p->each);
}

static bool run_round(nr_pass *p) {
    nr_trainer *t = p->t;
    if (atomic_load_explicit(&t->stop, memory_order_relaxed)) return false;
    nr_team_run(t->team, panel_job, p, take_blocks(p));
    add_losses(p);
    if (p->learn && t->sparse) turn(p);
    if (p->last) join(p);
    if (p->learn) nr_team_run(t->team, nr_gradient_job, p, t->parts * p->units);
    return true;
}

static void count_blocks(nr_pass *p) {
    const nr_step *s = p->step;
    p->blocks = blocks_of(s->set ? s->set->n : s->n);
    p->all = p->blocks + (s->more ? blocks_of(s->more->n) : 0);
}

/* The first part is not shorter than any other. A step of a few samples takes
 * little longer than some divisions, so one part does without. */
static void divide(nr_pass *p, size_t first, size_t last) {
    size_t parts = p->t->parts;
    p->start[0] = first;
    for (size_t i = 1; i < parts; i++)
        p->start[i] = first + ((last - first) * i + parts - 1) / parts;
    p->start[parts] = last;
}

static void count_units(nr_pass *p) {
    nr_trainer *t = p->t;
    bool shared = nr_team_size(t->team) > 1;
    p->inputs = shared ? 12 : NR_MAX_UNITS; /* tiles of all kernels divide 12 */
    p->units = 0;
    for (size_t l = 0; l < t->plan->all; l++)
        p->units += nr_units_of(p, &t->plan->ops[l]);
}

/* Blocks from the first to before the last; whole: there are no others. */
static bool run_blocks(nr_pass *p, size_t first, size_t last, bool whole) {
    nr_trainer *t = p->t;
    size_t most = t->parts == 1 ? t->workspace.size : t->workspace.size / t->parts;
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
static void move_all(nr_pass *p) {
    nr_trainer *t = p->t;
    if (p->move && t->clip > 0) {
        nr_team_run(t->team, nr_join_job, p, p->units);
        t->njoins = 0;
        p->clipped = nr_clip_factor(t, t->root->g, p->step->n);
    }
    nr_team_run(t->team, nr_move_job, p, p->units);
}

static bool run(nr_pass *p, nr_losses *sum) {
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
    nr_pass p = {.t = t, .step = &all};
    return run(&p, sum);
}

/* Field by field: a whole one that is cleared, filled and copied takes as long
 * as a tenth of a smallest network's step. */
static void learning(nr_pass *p, nr_trainer *t, const nr_step *step) {
    p->t = t;
    p->step = step;
    p->order = step->set ? NULL : t->order + step->first;
    p->learn = p->move = true;
    p->last = false;
    p->done = 0;
    p->clipped = 1;
    if (t->workspace.joined) t->rate_now = nr_rate_now(t);
    count_blocks(p);
}

static void next_powers(nr_trainer *t) {
    t->now->power1 *= 0.9;
    t->now->power2 *= 0.999;
}

bool nr_pass_gradient(nr_trainer *t, const nr_step *step, nr_losses *sum) {
    nr_pass p;
    learning(&p, t, step);
    p.move = false;
    return run(&p, sum);
}

bool nr_pass_learn(nr_trainer *t, const nr_step *step, nr_losses *sum) {
    nr_pass p;
    learning(&p, t, step);
    next_powers(t);
    return run(&p, sum);
}

/* ============================ A pass in pieces =========================== */

uint64_t nr_pass_leaves(const nr_trainer *t, const nr_step *step) {
    nr_pass p;
    learning(&p, (nr_trainer *)t, step);
    return leaves_for(t, p.blocks) + leaves_for(t, p.all - p.blocks);
}

/* The block that a leaf begins with; behind the last one: how many there are. */
static size_t block_of(const nr_pass *p, uint64_t leaf) {
    size_t own = leaves_for(p->t, p->blocks), at = (size_t)leaf;
    size_t block = at < own ? at * p->t->leaf
                            : p->blocks + (at - own) * p->t->leaf;
    return block < p->all ? block : p->all;
}

bool nr_pass_some(nr_trainer *t, const nr_step *step, uint64_t first,
                  uint64_t last) {
    nr_pass p;
    learning(&p, t, step);
    return run_blocks(&p, block_of(&p, first), block_of(&p, last), false);
}

void nr_pass_move(nr_trainer *t, const nr_step *step, nr_losses *sum) {
    nr_pass p;
    learning(&p, t, step);
    count_units(&p);
    next_powers(t);
    join(&p);
    move_all(&p);
    *sum = t->root->losses;
}

const float *nr_pass_sums(nr_trainer *t, const nr_set *set, size_t panel) {
    nr_pass p = {.t = t};
    nr_block only = {.set = set, .first = panel, .panels = 1, .n = set->n};
    if (t->sparse) nr_sparse_begin(t);
    nr_set_pack(t, set, panel);
    return forward(&p, &only, 0);
}
