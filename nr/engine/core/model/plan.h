/* A network as a list of operations, worked out once from its header.
 *
 * Everything that walks a network walks this list: weights' layout and making,
 * running, training, importance, and what each takes of memory and time. What an
 * operation does is in a row of its kind, in a file of its own (layers/): a new
 * kind is one file and one row. Nothing but the plan says where weights lie, and
 * it is asked for a member's: those may come to have plans of their own. */

#ifndef NR_PLAN_H
#define NR_PLAN_H

#include "encode/sequences.h"

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

/* How sequences are read: the same cells, one layer on the other, for each field
 * that is one, with weights of their own. */
enum { NR_MAX_RECURRENT = 8 }; /* layers */
typedef struct nr_recurrent {
    nr_cell cell;
    size_t fields, layers; /* 0: none */
    uint32_t units[NR_MAX_RECURRENT];
    struct nr_recurrent_field {
        uint32_t symbols; /* known ones; 0: steps are numbers */
        uint32_t width;   /* numbers of a step, or units of an embedding */
    } of[NR_MAX_SEQUENCES];
} nr_recurrent;

/* Of a generator from one sequence to another: three of them, which read forwards and
 * backwards, and tell (translator.h). */
enum { NR_READS_ON, NR_READS_BACK, NR_TELLS, NR_TRANSLATING };

/* Operations of a field's steps: an embedding, and up to two a cell. */
enum { NR_MAX_STEP_OPS = NR_MAX_SEQUENCES * (1 + 2 * NR_MAX_RECURRENT) };

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
/* Of steps; they run by recurrent.h, and have but weights in the table: an
 * embedding's rows, the first of the unknown symbol; an LSTM's, of a step's
 * input and state to its gates; a GRU's, of either. */
extern const nr_layer nr_layer_embed, nr_layer_lstm, nr_layer_gru_input,
    nr_layer_gru_state;

/* The operations in their order, the head last; behind it those of the steps of
 * sequences, field by field, whose last states are the last inputs of the first
 * one. Shared by clones. */
typedef struct nr_plan {
    atomic_size_t refs;
    size_t n, all; /* operations up to the head, and with those of steps */
    size_t params, widest; /* weights of a member; units behind the inputs */
    nr_recurrent recurrent;
    nr_op ops[NR_MAX_LAYERS + NR_MAX_STEP_OPS]; /* there is memory for all */
} nr_plan;

/* By its shape and options, into a plan with memory for all operations. */
void nr_plan_make(const struct nr_header *h, nr_plan *plan);
nr_plan *nr_plan_new(const struct nr_header *h); /* NULL: out of memory */
nr_plan *nr_plan_hold(nr_plan *plan);
void nr_plan_drop(nr_plan *plan);

/* Inputs of the first operation that are the last states of one field. */
static inline size_t nr_state_units(const nr_recurrent *r) {
    return r->fields ? r->units[r->layers - 1] : 0;
}
static inline size_t nr_state_place(const nr_recurrent *r, size_t inputs,
                                    size_t field) {
    return inputs - (r->fields - field) * nr_state_units(r);
}

static inline const nr_op *nr_plan_first(const nr_plan *plan) {
    return &plan->ops[0];
}
/* The last one that has weights, before the head. */
static inline const nr_op *nr_plan_last(const nr_plan *plan) {
    return &plan->ops[plan->n - 2];
}

#endif
