/* NR.EXPLAIN: what an answer rests on, field by field.
 *
 * Shapley values (Shapley, 1953; Lundberg and Lee, 2017): what a field adds to the
 * answer when it joins others, on average over all orders in which they may join. Of
 * the answers to fields that are in and fields that are not, which then have the
 * values of background rows, the sum of all that is added is the difference between
 * the answer and the mean answer to the background, to the last digits. Occlusion and
 * integrated gradients were rejected, since on tables they name another field as the
 * largest in more than a third of the rows.
 *
 * Up to NR_MOST_EXACT fields all coalitions are asked. Of more, orders are drawn, by
 * the network's seed, and each is taken backwards as well, which cancels most of what
 * depends on who came first (antithetic permutations: Mitchell and others, 2022). */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "float_mode.h"
#include "run/execute.h"
#include "run/explain.h"
#include "run/fields.h"

/* ================================ The game =============================== */

static bool find_players(nr_game *g) {
    const nr_encoding *e = g->encoding;
    g->fields = e ? e->schema->inputs : nr_inputs(g->net);
    g->player = nr_alloc((g->fields + 1) * sizeof *g->player);
    g->shares = nr_alloc_lines(g->fields + 1, sizeof *g->shares);
    if (!g->player || !g->shares) return false;
    for (size_t i = 0; i < g->fields; i++)
        if (!e || e->codes[i].columns) g->player[g->players++] = (uint32_t)i;
    return true;
}

/* By how much a coalition of `size` counts where a player joins it: one of the
 * orders of all in so many. */
static void weigh_sizes(size_t players, double *weights) {
    double choose = 1;
    for (size_t s = 0; s < players; s++) {
        weights[s] = 1 / ((double)players * choose);
        choose = choose * (double)(players - 1 - s) / (double)(s + 1);
    }
}

static bool play_all(nr_game *g) {
    size_t all = (size_t)1 << g->players;
    double weights[NR_MOST_EXACT], *worth = nr_alloc(all * sizeof *worth);
    if (!worth) return false;
    weigh_sizes(g->players, weights);
    nr_worth_of_each(g->coalitions, worth);
    worth[0] = g->baseline;
    worth[all - 1] = g->prediction;
    for (size_t in = 0; in < all; in++)
        for (size_t i = 0; i < g->players; i++)
            if (!(in >> i & 1))
                g->shares[g->player[i]] +=
                    weights[(size_t)__builtin_popcountll(in)] *
                    (worth[in | (size_t)1 << i] - worth[in]);
    nr_release(worth);
    return true;
}

typedef struct drawing {
    uint32_t *order;
    double *worth, *added, *mean, *squares; /* by player */
} drawing;

static bool drawing_make(drawing *d, size_t n) {
    d->order = nr_alloc_lines(n, sizeof *d->order);
    d->worth = nr_alloc_lines(n, 4 * sizeof *d->worth);
    if (!d->order || !d->worth) return false;
    d->added = d->worth + n;
    d->mean = d->added + n;
    d->squares = d->mean + n;
    for (size_t i = 0; i < n; i++) d->order[i] = (uint32_t)i;
    return true;
}

static void shuffle(uint32_t *order, size_t n, nr_random *random) {
    for (size_t i = n; i > 1; i--) {
        size_t at = (size_t)nr_random_below(random, i);
        uint32_t last = order[i - 1];
        order[i - 1] = order[at];
        order[at] = last;
    }
}

static void reverse(uint32_t *order, size_t n) {
    for (size_t i = 0; i < n / 2; i++) {
        uint32_t first = order[i];
        order[i] = order[n - 1 - i];
        order[n - 1 - i] = first;
    }
}

/* Half of what each adds in one order. */
static void take_order(nr_game *g, drawing *d) {
    double before = g->baseline;
    nr_worth_in_order(g->coalitions, d->order, d->worth);
    d->worth[g->players - 1] = g->prediction;
    for (size_t i = 0; i < g->players; i++) {
        d->added[d->order[i]] += (d->worth[i] - before) / 2;
        before = d->worth[i];
    }
}

/* Mean and squared deviations so far, of `count` pairs with this one (Welford). */
static void tell_pair(drawing *d, size_t players, double count) {
    for (size_t i = 0; i < players; i++) {
        double off = d->added[i] - d->mean[i];
        d->mean[i] += off / count;
        d->squares[i] += off * (d->added[i] - d->mean[i]);
        d->added[i] = 0;
    }
}

static size_t choose_pairs(const nr_game *g);

static bool play_some(nr_game *g) {
    drawing d;
    nr_random random;
    size_t pairs = choose_pairs(g);
    bool ok = drawing_make(&d, g->players);
    nr_random_seed(&random, g->seed);
    for (size_t p = 1; p <= pairs && ok; p++) {
        shuffle(d.order, g->players, &random);
        take_order(g, &d);
        reverse(d.order, g->players);
        take_order(g, &d);
        tell_pair(&d, g->players, (double)p);
    }
    for (size_t i = 0; i < g->players && ok; i++) {
        double spread = d.squares[i] / (double)(pairs - 1) / (double)pairs;
        g->shares[g->player[i]] = d.mean[i];
        g->error = fmax(g->error, sqrt(spread));
    }
    nr_release_lines(d.order);
    nr_release_lines(d.worth);
    return ok;
}

bool nr_game_play(nr_game *g) {
    if (!find_players(g)) return false;
    g->coalitions = nr_coalitions_new(g);
    if (!g->coalitions) return false;
    g->baseline = nr_worth_of_none(g->coalitions);
    g->prediction = nr_worth_of_all(g->coalitions);
    return g->players <= NR_MOST_EXACT ? play_all(g) : play_some(g);
}

void nr_game_free(nr_game *g) {
    nr_coalitions_free(g->coalitions);
    nr_release(g->player);
    nr_release_lines(g->shares);
}

/* ================================== Cost ================================= */

/* Of one coalition's panel. */
static double work_of_one(const nr_net *net) {
    double units = (double)nr_plan_first(net->plan)->out;
    double behind = (double)net->params - (double)nr_inputs(net) * units;
    return NR_LANES * (units + behind) * (double)net->h.options.members;
}

/* Fewer orders where a large network of many inputs would hold a server up. */
static size_t pairs_for(const nr_net *net, size_t fields) {
    static const double MOST_WORK = 2e10;
    size_t pairs = NR_PERMUTATIONS;
    double one = 2 * (double)fields * work_of_one(net);
    while (pairs > 4 && one * (double)pairs > MOST_WORK) pairs /= 2;
    return pairs;
}

static size_t choose_pairs(const nr_game *g) {
    return pairs_for(g->net, g->players);
}

double nr_game_work(const nr_net *net, size_t fields) {
    double inputs = 3.0 * NR_LANES * (double)net->params *
                    (double)net->h.options.members;
    double coalitions =
        fields <= NR_MOST_EXACT
            ? (double)(1 << fields)
            : 2 * (double)fields * (double)pairs_for(net, fields);
    return inputs + coalitions * work_of_one(net);
}

uint64_t nr_game_bytes(const nr_net *net, size_t fields) {
    uint64_t units = (uint64_t)nr_plan_first(net->plan)->out *
                     (uint64_t)net->h.options.members;
    uint64_t floats = 2 * nr_inputs(net) + 2 * net->plan->widest +
                      nr_outputs(net) + units * (2 + NR_MOST_EXACT + fields);
    return floats * NR_LANES * sizeof(float);
}
