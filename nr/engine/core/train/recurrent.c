/* See recurrent.h. */

#include <math.h>
#include <string.h>

#include "functions.h"
#include "layers/layer.h"
#include "layers/recurrent.h"
#include "train/recurrent.h"

enum {
    MOST_UNROLLED = 1024,   /* steps that a gradient goes back */
    MOST_FRAME = 1 << 24,   /* floats of a frame, where that leaves some steps */
    LEAST_UNROLLED = 32,
    GROUP = 8,              /* mini-batches among which lengths are sorted */
    NORM_BLOCK = 4096       /* floats whose squares are summed at once */
};

/* =============================== The memory ============================== */

static size_t longest_of(const nr_sequences *s) {
    size_t longest = 0;
    for (size_t f = 0; f < s->n; f++)
        for (size_t i = 0; i < s->lists[f].n; i++) {
            size_t n = nr_sequences_get(s, f, i).n;
            if (n > longest) longest = n;
        }
    return longest;
}

/* The whole of a sequence, or as much as memory has a place for: it follows from
 * the network and its samples alone. */
static size_t choose_unroll(const nr_net *net, size_t longest) {
    const nr_plan *plan = net->plan;
    size_t each = nr_frame_floats(plan, 2) - nr_frame_floats(plan, 1);
    size_t most = MOST_FRAME / each;
    if (most < LEAST_UNROLLED) most = LEAST_UNROLLED;
    if (most > MOST_UNROLLED) most = MOST_UNROLLED;
    if (net->h.options.unroll > 0) most = (size_t)net->h.options.unroll;
    if (longest < 1) longest = 1;
    return longest < most ? longest : most;
}

static size_t panels_learned(const nr_net *net, size_t panels) {
    size_t batch = nr_batch_of(net);
    size_t some = nr_panels_for(batch ? batch : net->h.len[NR_DATASET_TRAIN]);
    return some <= NR_BLOCK && some < panels ? some : panels;
}

static size_t frames_floats(const nr_net *net, size_t unroll, size_t panels) {
    size_t learn = nr_frame_floats(net->plan, unroll) *
                   panels_learned(net, panels);
    size_t test = nr_frame_floats(net->plan, 0) * panels;
    return learn > test ? learn : test;
}

/* Beside frames: a panel's inputs and their deltas, and numbers of sequences. */
static size_t panel_floats(const nr_net *net) {
    return (2 * nr_inputs(net) + net->plan->recurrent.fields) * NR_LANES;
}

/* Lengths of all samples, by their number in the order. */
static bool make_lengths(nr_trainer *t) {
    const nr_sequences *s = t->net->sequences;
    size_t all = t->net->h.len[0] + t->net->h.len[1];
    t->lengths = nr_alloc((all + 1) * sizeof *t->lengths);
    for (size_t i = 0; i < all && t->lengths; i++) {
        t->lengths[i] = 0;
        for (size_t f = 0; f < s->n; f++) {
            size_t n = nr_sequences_get(s, f, i).n;
            if (n > t->lengths[i]) t->lengths[i] = (uint32_t)n;
        }
    }
    return t->lengths != NULL;
}

bool nr_strands_make(nr_trainer *t) {
    nr_workspace *s = &t->workspace;
    size_t in = nr_inputs(t->net) * NR_LANES;
    size_t panels = nr_workspace_panels(t->net, nr_team_size(t->team));
    if (!nr_is_recurrent(t)) return true;
    t->unroll = choose_unroll(t->net, longest_of(t->net->sequences));
    s->frames = nr_alloc_lines(frames_floats(t->net, t->unroll, panels),
                               sizeof(float));
    s->joined = nr_alloc_lines(panels * panel_floats(t->net), sizeof(float));
    if (!s->frames || !s->joined) return false;
    s->back = s->joined + panels * in;
    s->numbers = s->back + panels * in;
    return make_lengths(t);
}

void nr_strands_free(nr_trainer *t) {
    nr_release_lines(t->workspace.frames);
    nr_release_lines(t->workspace.joined);
    nr_release(t->lengths);
}

/* Of an estimate, whose header has the bytes of the records: a step takes two or
 * more, and a long sequence has some times the mean's steps. */
static size_t guess_longest(const nr_header *h) {
    enum { TIMES = 8, SHORTEST_STEP = 2 };
    size_t n = h->len[NR_DATASET_TRAIN];
    size_t mean = n ? h->bytes[NR_DATASET_TRAIN] / n : 0;
    return mean * TIMES / SHORTEST_STEP;
}

uint64_t nr_strands_floats(const nr_net *net, size_t threads) {
    size_t panels = nr_workspace_panels(net, threads);
    if (!net->plan->recurrent.fields) return 0;
    size_t longest = net->sequences ? longest_of(net->sequences)
                                    : guess_longest(&net->h);
    size_t unroll = choose_unroll(net, longest);
    return frames_floats(net, unroll, panels) + panels * panel_floats(net);
}

double nr_mean_steps(const nr_net *net) {
    const nr_sequences *s = net->sequences;
    double steps = 0;
    for (size_t f = 0; s && f < s->n; f++)
        steps += (double)s->lists[f].steps / ((double)s->lists[f].n + 1);
    return steps > 1 ? steps : 1;
}

/* ================================ A panel ================================ */

static float *numbers_of(const nr_trainer *t, size_t at, size_t field) {
    return t->workspace.numbers +
           (at * t->plan->recurrent.fields + field) * NR_LANES;
}

static float *frame_of(const nr_trainer *t, bool learn, size_t at) {
    return t->workspace.frames +
           at * nr_frame_floats(t->plan, learn ? t->unroll : 0);
}

static void take_strand(const nr_trainer *t, size_t at, size_t field,
                        size_t lanes, nr_strand *strand) {
    nr_strand_take(strand, t->net->sequences, field,
                   numbers_of(t, at, field), lanes);
}

/* Some last states count as 0 in a step, and the others the more (Srivastava et
 * al., 2014); on the way back their deltas. Which follows from the sample's place in
 * the cycle's order, whoever runs it. */
static void drop_out(const nr_trainer *t, size_t place, float *panel) {
    size_t in = nr_inputs(t->net);
    size_t first = nr_state_place(&t->plan->recurrent, in, 0);
    uint64_t cycle = t->now->shuffle ^ nr_mix(t->cycles + t->refit_cycles);
    uint64_t out = (uint64_t)(t->dropout * 0x1p32);
    float kept = (float)(1 / (1 - t->dropout));
    for (size_t l = 0; l < NR_LANES && out; l++) {
        uint64_t sample = nr_mix(cycle + place + l);
        for (size_t i = first; i < in; i++)
            panel[i * NR_LANES + l] *=
                nr_mix(sample + i) >> 32 < out ? 0 : kept;
    }
}

void nr_strands_forward(nr_trainer *t, bool learn, size_t at, size_t lanes,
                        size_t place, const float *from) {
    size_t in = nr_inputs(t->net);
    float *to = t->workspace.joined + at * in * NR_LANES;
    float *numbers = numbers_of(t, at, 0);
    memcpy(to, from, in * NR_LANES * sizeof *to);
    nr_recurrent_numbers(t->plan, from, numbers);
    nr_recurrent_fill(t->k, t->plan, t->now->w, t->net->sequences, numbers,
                      lanes, learn ? t->unroll : 0, frame_of(t, learn, at), to);
    if (learn) drop_out(t, place, to);
}

void nr_strands_backward(nr_trainer *t, size_t at, size_t lanes, size_t place) {
    const nr_op *op = &t->plan->ops[0];
    size_t first = nr_state_place(&t->plan->recurrent, op->in, 0);
    float *back = t->workspace.back + at * op->in * NR_LANES;
    const float *delta = t->workspace.delta[0] + at * op->out * NR_LANES;
    nr_strand strand;
    t->k->layer(back + first * NR_LANES,
                t->now->w + op->at + nr_dense_row(op->out, first), op->out, 1,
                delta, NULL, op->in - first, op->out, (lanes + 15) / 16);
    drop_out(t, place, back);
    for (size_t f = 0; f < t->plan->recurrent.fields; f++) {
        take_strand(t, at, f, lanes, &strand);
        nr_recurrent_backward(t->k, t->plan, t->now->w, f, &strand, t->unroll,
                              frame_of(t, true, at), back);
    }
}

void nr_strands_gradient(nr_trainer *t, const nr_op *op, float *g, size_t at,
                         size_t panels, size_t lanes_last, size_t first,
                         size_t last) {
    size_t field = nr_recurrent_field(t->plan, op);
    nr_strand strand;
    for (size_t i = 0; i < panels; i++) {
        size_t lanes = i + 1 < panels ? NR_LANES : lanes_last;
        take_strand(t, at + i, field, lanes, &strand);
        nr_recurrent_gradient(t->k, t->plan, op, g, &strand, t->unroll,
                              frame_of(t, true, at + i), first, last);
    }
}

/* ================================= Order ================================= */

/* Longest first; those of one length stay in their order. */
static void sort_lengths(const nr_trainer *t, uint32_t *order, size_t n,
                         uint32_t *spare) {
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t i = 0; i < n; i += 2 * width) {
            size_t a = i, middle = i + width < n ? i + width : n, b = middle;
            size_t end = i + 2 * width < n ? i + 2 * width : n;
            for (size_t k = i; k < end; k++) {
                bool left = a < middle &&
                            (b == end || t->lengths[order[a]] >=
                                             t->lengths[order[b]]);
                spare[k] = order[left ? a++ : b++];
            }
        }
        memcpy(order, spare, n * sizeof *order);
    }
}

static void swap_batches(uint32_t *a, uint32_t *b, size_t n) {
    for (size_t i = 0; i < n && a != b; i++) {
        uint32_t moved = a[i];
        a[i] = b[i];
        b[i] = moved;
    }
}

void nr_strands_order(nr_trainer *t, size_t n) {
    uint32_t *spare = t->order + t->net->h.len[0] + t->net->h.len[1];
    size_t each = t->batch * GROUP;
    if (!nr_is_recurrent(t)) return;
    for (size_t i = 0; i < n; i += each) {
        uint32_t *order = t->order + i;
        size_t some = n - i < each ? n - i : each;
        sort_lengths(t, order, some, spare);
        for (size_t left = some / t->batch; left > 1; left--) {
            t->now->shuffle = nr_mix(t->now->shuffle);
            size_t other = (size_t)(t->now->shuffle % left);
            swap_batches(order + (left - 1) * t->batch,
                         order + other * t->batch, t->batch);
        }
    }
}

/* ================================== Rate ================================= */

/* By multiplications alone, whose bits are the same everywhere. */
static double power(double x, uint64_t n) {
    double found = 1;
    for (; n; n /= 2, x *= x)
        if (n & 1) found *= x;
    return found;
}

double nr_rate_now(const nr_trainer *t) {
    static const double PI = 3.141592653589793;
    const nr_options *o = &t->net->h.options;
    double n = (double)(t->train.n + (t->refitting ? t->test.n : 0));
    uint64_t cycle = t->refitting ? t->refit_cycles : t->cycles;
    uint64_t whole = (uint64_t)o->after;
    if (!nr_is_recurrent(t)) return 1;
    if (o->decay > 0)
        return power(o->decay, cycle < whole ? 0 : cycle + 1 - whole);
    if (!t->maxcycles) return 1;
    double over = ((double)cycle + (double)t->done / n) / (double)t->maxcycles;
    return over < 1 ? (1 + nr_cos(PI * over)) / 2 : 0;
}

/* In doubles, block by block. */
float nr_clip_factor(const nr_trainer *t, const float *g, size_t n) {
    double sum = 0, most = t->clip * (double)n;
    for (size_t i = 0; i < t->params; i += NORM_BLOCK) {
        double block = 0;
        for (size_t k = i; k < i + NORM_BLOCK && k < t->params; k++)
            block += (double)g[k] * (double)g[k];
        sum += block;
    }
    double length = sqrt(sum);
    return length > most ? (float)(most / length) : 1;
}
