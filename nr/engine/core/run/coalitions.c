/* What coalitions of fields are worth (explain.h): the network's answers to rows that
 * are partly the one at hand and partly a background row, a panel of these at once.
 *
 * The first layer's sums are sums over fields. So what a field changes of them is
 * worked out once, or where that would take much memory when it is wanted, and a
 * coalition costs an addition and the layers behind the first one: before tanh and
 * sigmoid a product of powers, which leaves a division of the activation
 * (kernels/joins.h). Members go together, since the answer is made of the mean of their
 * outputs. */

#include <math.h>
#include <string.h>

#include "functions.h"
#include "layers/layer.h"
#include "run/behind.h"
#include "run/explain.h"

enum { MOST_CHANGES = 1 << 24 /* floats */ };
static const double TINY = 1e-30; /* the least probability */

typedef struct nr_coalitions {
    const nr_game *game;
    nr_behind behind;
    size_t units, sums; /* of the first layer; floats of all members' panels */
    size_t nv;
    float *own, *change; /* the row beside the background; what its inputs change */
    float *none;    /* sums of the background */
    float *changes; /* [player] what each changes of the sums; or NULL */
    float *some;    /* what one changes, where they are not kept */
    float *levels;  /* [depth] sums of coalitions on their way */
} nr_coalitions;

static bool keeps_changes(const nr_game *game, size_t sums) {
    return game->players * sums <= MOST_CHANGES;
}

static float *panels_new(size_t units) {
    return nr_alloc_lines(units, NR_LANES * sizeof(float));
}

/* Sums of the first layer over inputs first .. first + n of a panel. */
static void add_inputs(const nr_coalitions *c, const float *panel, size_t first,
                       size_t n, bool biases, float *to) {
    size_t units = c->units;
    for (size_t m = 0; m < c->behind.members; m++, to += units * NR_LANES) {
        const float *w = nr_behind_member(&c->behind, m);
        c->behind.k->layer(to, w + nr_dense_row(units, first), 1, units,
                           panel + first * NR_LANES, biases ? w : NULL, units, n,
                           c->nv);
    }
}

static const float *change_of(const nr_coalitions *c, uint32_t player,
                              float *to) {
    const nr_encoding *e = c->game->encoding;
    uint32_t field = c->game->player[player];
    size_t first = e ? e->codes[field].first : field;
    size_t n = e ? e->codes[field].columns : 1;
    if (c->changes && !to) return c->changes + player * c->sums;
    if (!to) to = c->some;
    add_inputs(c, c->change, first, n, false, to);
    return to;
}

static void pack_rows(nr_coalitions *c) {
    const nr_game *game = c->game;
    const float *own[NR_LANES], *others[NR_LANES];
    const nr_factors *f = &c->behind.f;
    size_t in = nr_inputs(game->net);
    for (size_t i = 0; i < game->rows; i++) {
        own[i] = game->row;
        others[i] = game->background + i * in;
    }
    c->behind.k->pack(c->own, own, game->rows, in, f->in_shift, f->in_scale);
    c->behind.k->pack(c->change, others, game->rows, in, f->in_shift,
                      f->in_scale);
    add_inputs(c, c->change, 0, in, true, c->none);
    for (size_t i = 0; i < in * NR_LANES; i++)
        c->change[i] = c->own[i] - c->change[i];
}

/* ================================= Powers ================================ */

/* Does no unit's sum go further in any coalition, up or down? */
static bool stays_within(const nr_coalitions *c, float most) {
    for (size_t i = 0; i < c->sums; i++) {
        float sum = fabsf(c->none[i]);
        for (size_t p = 0; p < c->game->players; p++)
            sum += fabsf(c->changes[p * c->sums + i]);
        if (!(sum <= most)) return false;
    }
    return true;
}

/* Where tanh or sigmoid follows, and no product of powers leaves the range of
 * floats, which networks hardly ever come near. */
static bool takes_powers(const nr_coalitions *c) {
    int f = nr_plan_first(c->game->net->plan)->activation;
    if (!c->changes || (f != NR_TANH && f != NR_SIGMOID)) return false;
    return stays_within(c, f == NR_TANH ? 40 : 80);
}

static void take_powers(nr_coalitions *c) {
    const nr_op *first = nr_plan_first(c->game->net->plan);
    nr_activation f = (nr_activation)first->activation;
    size_t units = c->sums / NR_LANES;
    c->behind.powers = true;
    c->behind.k->powers(c->none, units, c->nv, f);
    c->behind.k->powers(c->changes, units * c->game->players, c->nv, f);
}

nr_coalitions *nr_coalitions_new(const nr_game *game) {
    nr_coalitions *c = nr_alloc(sizeof *c);
    if (!c) return NULL;
    *c = (nr_coalitions){.game = game};
    size_t in = nr_inputs(game->net), depth = game->players + 1;
    c->units = nr_plan_first(game->net->plan)->out;
    c->nv = (game->rows + 15) / 16;
    bool ok = nr_behind_make(&c->behind, game->net, c->nv);
    size_t panels = c->units * c->behind.members;
    c->sums = panels * NR_LANES;
    if (depth > NR_MOST_EXACT + 1) depth = 1;
    c->own = panels_new(in);
    c->change = panels_new(in);
    c->none = panels_new(panels);
    c->levels = panels_new(panels * depth);
    if (keeps_changes(game, c->sums))
        c->changes = panels_new(panels * game->players + 1);
    else
        c->some = panels_new(panels);
    if (!ok || !c->own || !c->change || !c->none || !c->levels ||
        (!c->changes && !c->some)) {
        nr_coalitions_free(c);
        return NULL;
    }
    pack_rows(c);
    for (uint32_t i = 0; c->changes && i < game->players; i++)
        change_of(c, i, c->changes + i * c->sums);
    if (takes_powers(c)) take_powers(c);
    return c;
}

void nr_coalitions_free(nr_coalitions *c) {
    if (!c) return;
    nr_behind_free(&c->behind);
    nr_release_lines(c->own);
    nr_release_lines(c->change);
    nr_release_lines(c->none);
    nr_release_lines(c->levels);
    nr_release_lines(c->changes);
    nr_release_lines(c->some);
    nr_release(c);
}

/* ================================= Worth ================================= */

static double at_least_tiny(double p) { return p > TINY ? p : TINY; }

/* The sum of the logarithms of a class's odds: one logarithm of their product, whose
 * exponent is taken out before it is too large. The others' probabilities are summed,
 * since 1 - p has no digits left where p is nearly 1. */
static double log_odds(const nr_game *game, const float *mean) {
    enum { AT_ONCE = 8 };
    static const double LN2 = 0.69314718055994530942;
    size_t out = nr_outputs(game->net);
    double product = 1;
    int exponent = 0, more;
    for (size_t l = 0; l < game->rows;) {
        double own = 1, others = 1;
        for (size_t i = 0; i < AT_ONCE && l < game->rows; i++, l++) {
            double p = (double)mean[game->output * NR_LANES + l], q = 0;
            for (size_t o = 0; o < out; o++)
                if (o != game->output) q += (double)mean[o * NR_LANES + l];
            own *= at_least_tiny(p);
            others *= at_least_tiny(out == 1 ? 1 - p : q);
        }
        product = frexp(product * (own / others), &more);
        exponent += more;
    }
    return nr_log(product) + exponent * LN2;
}

static double output_of(const nr_game *game, const float *mean,
                        const nr_factors *f, size_t lane) {
    size_t o = game->output;
    float y = mean[o * NR_LANES + lane] * f->out_scale[o] + f->out_shift[o];
    return game->encoding ? nr_decode(game->encoding, o, y) : (double)y;
}

/* The mean over the background, of sums and what is joined to them, or NULL. */
static double worth(nr_coalitions *c, const float *sums, const float *more) {
    const nr_game *game = c->game;
    bool classes = game->net->h.kind == NR_CLASSIFIER;
    const float *mean = nr_behind_mean(&c->behind, sums, more);
    double sum = 0;
    if (classes) sum = log_odds(game, mean);
    for (size_t l = 0; l < game->rows && !classes; l++)
        sum += output_of(game, mean, &c->behind.f, l);
    return sum / (double)game->rows;
}

double nr_worth_of_none(nr_coalitions *c) { return worth(c, c->none, NULL); }

double nr_worth_of_all(nr_coalitions *c) {
    bool powers = c->behind.powers;
    add_inputs(c, c->own, 0, nr_inputs(c->game->net), true, c->levels);
    c->behind.powers = false; /* once is seldom */
    double all = worth(c, c->levels, NULL);
    c->behind.powers = powers;
    return all;
}

/* to = from and what a player changes. */
static void join(const nr_coalitions *c, uint32_t player, const float *from,
                 float *to) {
    c->behind.k->join(to, from, change_of(c, player, NULL), c->sums / NR_LANES,
                      c->nv, c->behind.powers);
}

/* All coalitions of the players from `next` on with those that are in: a tree, in
 * which sums are made of no more additions than there are players. */
static void branch(nr_coalitions *c, const float *sums, uint32_t next, size_t in,
                   double *to) {
    size_t with = in | (size_t)1 << next;
    if (next + 1 >= c->game->players) {
        to[in] = worth(c, sums, NULL);
        to[with] = worth(c, sums, change_of(c, next, NULL));
        return;
    }
    float *level = c->levels + next * c->sums;
    branch(c, sums, next + 1, in, to);
    join(c, next, sums, level);
    branch(c, level, next + 1, with, to);
}

void nr_worth_of_each(nr_coalitions *c, double *to) {
    if (c->game->players) branch(c, c->none, 0, 0, to);
}

void nr_worth_in_order(nr_coalitions *c, const uint32_t *order, double *to) {
    const float *from = c->none;
    for (size_t i = 0; i + 1 < c->game->players; i++) {
        join(c, order[i], from, c->levels);
        from = c->levels;
        to[i] = worth(c, from, NULL);
    }
}
