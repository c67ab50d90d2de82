/* A network as a list of operations, worked out once from its header.
 *
 * Everything that walks a network walks this list: weights' layout and making,
 * running, training, importance, and what each takes of memory and time. What an
 * operation does is in a row of its kind, in a file of its own (layers/): a new
 * kind is one file and one row. Nothing but the plan says where weights lie, and
 * it is asked for a member's: those may come to have plans of their own. */

#ifndef NR_PLAN_H
#define NR_PLAN_H

#include "base.h"

struct nr_header;
struct nr_kernels;
struct nr_layer;

/* What becomes of the last layer's sums. */
typedef enum nr_head { NR_LINEAR, NR_SOFTMAX, NR_LOGISTIC } nr_head;
enum { NR_NOT_ACTIVATED = -1 };

/* One operation: from `in` units to `out` of them, by weights of its own. */
typedef struct nr_op {
    const struct nr_layer *layer;
    size_t in, out;
    size_t at, params; /* its weights: the first one in a member's, how many */
    int activation;    /* of its outputs, or NR_NOT_ACTIVATED */
    nr_head head;      /* the head's */
} nr_op;

/* Where a gradient's operands lie: panels of inputs and of deltas, so many
 * floats apart, of which the last one has nv_last vectors; and for which of the
 * inputs it is wanted, with the first of which the biases' comes. */
typedef struct nr_operands {
    const float *in, *delta;
    size_t in_step, delta_step, panels, nv_last, first, last;
} nr_operands;

/* A kind of operation. Panels are [unit][64 lanes], of which nv * 16 are in use;
 * w and g are an operation's own weights, and their gradient. What has no
 * weights has no gradient; deltas behind the head come from the loss. */
typedef struct nr_layer {
    const char *name;
    size_t (*params)(const nr_op *op);
    void (*init)(const nr_op *op, const struct nr_header *h, float *w,
                 uint64_t *key);
    void (*forward)(const struct nr_kernels *k, const nr_op *op,
                    const float *w, const float *x, float *y, size_t nv);
    void (*backward)(const struct nr_kernels *k, const nr_op *op,
                     const float *w, const float *delta, float *to, size_t nv);
    void (*gradient)(const struct nr_kernels *k, const nr_op *op, float *g,
                     const nr_operands *o);
} nr_layer;

extern const nr_layer nr_layer_dense, nr_layer_head;

/* The operations in their order, the head last. Shared by clones. */
typedef struct nr_plan {
    atomic_size_t refs;
    size_t n, params, widest; /* weights of a member; units behind the inputs */
    nr_op ops[NR_MAX_LAYERS]; /* memory is there for n of them */
} nr_plan;

/* By its shape and options, into a plan with memory for all operations. */
void nr_plan_make(const struct nr_header *h, nr_plan *plan);
nr_plan *nr_plan_new(const struct nr_header *h); /* NULL: out of memory */
nr_plan *nr_plan_hold(nr_plan *plan);
void nr_plan_drop(nr_plan *plan);

static inline const nr_op *nr_plan_first(const nr_plan *plan) {
    return &plan->ops[0];
}
/* The last one that has weights, before the head. */
static inline const nr_op *nr_plan_last(const nr_plan *plan) {
    return &plan->ops[plan->n - 2];
}

#endif
