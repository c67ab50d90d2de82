/* Weights of many members put side by side, for members.h.
 *
 * Made from a network's weights when it first runs, kept with them and never
 * saved. Groups of eight members follow each other; in each there are, layer by
 * layer, the biases and then a row for each input unit: the first unit's weight
 * of each member, the second unit's, and so on, one more where the units are
 * odd. Members that there are not, and such units, weigh 0. */

#include "kernels/kernel.h"
#include "kernels/dense.h"

/* Small: within the second cache. Few members would leave lanes empty. */
enum { LEAST_MEMBERS = 5, MOST_FLOATS = 1 << 15 };

static size_t groups_of(const nr_header *h) {
    return ((size_t)h->options.members + NR_INTERLEAVED - 1) / NR_INTERLEAVED;
}

/* The plan's dense layers: others have no such weights, and then none have. */
size_t nr_interleaved_len(const nr_net *net) {
    size_t n = 0;
    if (net->h.options.members < LEAST_MEMBERS || net->plan->all > net->plan->n)
        return 0;
    for (size_t i = 0; i + 1 < net->plan->n; i++) {
        const nr_op *op = &net->plan->ops[i];
        if (op->layer != &nr_layer_dense || op->in >= MOST_FLOATS ||
            op->out >= MOST_FLOATS)
            return 0;
        n += nr_dense_params(op->in, nr_interleaved_step(op->out));
    }
    n *= groups_of(&net->h);
    return n <= MOST_FLOATS ? n : 0;
}

/* One member's weights into its lane. */
static void put_member(const nr_net *net, const float *w, float *to) {
    for (size_t l = 0; l + 1 < net->plan->n; l++) {
        const nr_op *op = &net->plan->ops[l];
        for (size_t i = 0; i < op->params / op->out; i++) {
            for (size_t o = 0; o < op->out; o++) to[o * NR_INTERLEAVED] = *w++;
            to += nr_interleaved_step(op->out);
        }
    }
}

static float *make(const nr_net *net, const nr_array *weights) {
    size_t n = nr_interleaved_len(net), each = n / groups_of(&net->h);
    float *made = nr_alloc_lines(n, sizeof *made); /* zeroed */
    if (!made) return NULL;
    nr_factors f = nr_factors_of(&net->h, weights->data);
    for (size_t m = 0; m < (size_t)net->h.options.members; m++)
        put_member(net, f.layers + nr_member_at(net, m),
                   made + m / NR_INTERLEAVED * each + m % NR_INTERLEAVED);
    return made;
}

const float *nr_interleaved_ready(const nr_net *net, const nr_array *weights) {
    nr_array *array = (nr_array *)weights; /* a cache: they stay the same */
    float *have = atomic_load(&array->interleaved);
    if (have || !nr_interleaved_len(net)) return have;
    float *made = make(net, weights);
    if (atomic_compare_exchange_strong(&array->interleaved, &have, made))
        return made;
    nr_release_lines(made);
    return have;
}

void nr_interleaved_drop(nr_array *weights) {
    nr_release_lines(atomic_exchange(&weights->interleaved, NULL));
}
