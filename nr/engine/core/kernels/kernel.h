/* The numeric kernels: all the time of a training is spent in these.
 *
 * A panel holds up to 64 samples as [unit][64 lanes]; `nv` says how many
 * groups of sixteen lanes are in use. In lanes a layer of 15 units runs as near
 * to the processor's peak as one of 1500, since no vector is ever partly used
 * but the last samples'; rows of units, as BLAS would have them, waste most of
 * a register on small layers.
 *
 * Sums over units run in the order of units, sums over samples in fixed blocks
 * of NR_BLOCK panels: tiles, threads and batches may be cut anywhere else. */

#ifndef NR_KERNEL_H
#define NR_KERNEL_H

#include "model/net.h"

enum { NR_LANES = 64, NR_BLOCK = 8 };

/* The loss of a panel. `target` holds class ids in lanes, or [unit][lane]. */
typedef struct nr_target {
    const float *target;
    const float *weights; /* what each lane's sample counts; NULL: 1 */
    bool classes;
    float smoothing;
    size_t units, lanes; /* lanes: samples in the panel */
} nr_target;

typedef struct nr_losses {
    double error;     /* sum over samples: what is reported */
    double objective; /* what is minimised: with smoothing */
    double wrong;     /* samples put into the wrong class */
} nr_losses;

typedef struct nr_rprop_rule {
    float up, down, most, least;
    bool backtrack; /* RPROP+ takes a wrong step back; iRPROP- does not */
} nr_rprop_rule;

typedef struct nr_adam_rule {
    float rate, beta1, beta2, epsilon, correct1, correct2;
} nr_adam_rule;

/* Members that lie side by side, and the floats of so many units of theirs. */
enum { NR_INTERLEAVED = 8 };
static inline size_t nr_interleaved_step(size_t units) {
    return (units + 1) / 2 * 2 * NR_INTERLEAVED;
}

/* One number of a list, times a row; and a list of such. */
typedef struct nr_entry {
    uint32_t at; /* which row */
    float x;
} nr_entry;

typedef struct nr_list {
    const nr_entry *entries;
    size_t n;
} nr_list;

/* Floats from one of the lists' rows of units to the next: whole lines. */
static inline size_t nr_row_step(size_t units) {
    return (units + 15) / 16 * 16;
}

/* A step of a recurrent cell's units, [unit][lane] each, of nv * 16 lanes. What
 * the gates are, and `carry` on the way back, says recurrent.h. */
typedef struct nr_cell_step {
    size_t units, nv;
    const float *mask;          /* by lane, 0: not begun; NULL: all have */
    float *gates;               /* sums, then gates, then their deltas */
    const float *before;        /* the state that the step begins with */
    float *after, *out;         /* the state and the output behind it */
    const float *delta, *more;  /* of the output, in all; more: or NULL */
    float *carry;
} nr_cell_step;

/* A step of a cell for one row. x: what comes in, and behind it the output before,
 * which becomes that behind the step. `state` is an LSTM's, or room for the sums of
 * a GRU's own output, by state_w. All have a vector's room behind them. Where a
 * sequence begins, output and state before are 0, and not multiplied. */
typedef struct nr_cell_row {
    size_t in, units;
    const float *w, *state_w;
    float *x, *sums, *state;
} nr_cell_row;

/* c[i][lane] (+)= the sum of a(i, block, j) * b[block * k + j][lane] over blocks and j,
 * with a(i, block, j) = a[i * step_m + block * a_block + j * step_k]; rows of b and c
 * are b_step and c_step floats apart, and have nv vectors of lanes. */
typedef struct nr_product {
    float *c;
    const float *a, *b;
    size_t c_step, step_m, step_k, a_block, b_step;
    size_t m, blocks, k, nv;
    bool resume; /* adds to what c holds */
} nr_product;

/* A step of a cell with units in lanes, sixteen of them a group, for some rows. Of a
 * group a row has 64 floats of gates: an LSTM's four, or a GRU's three and nothing;
 * `sums` are as many of a GRU's state. A row's state and output lie in slots, of
 * which one is read and the next written. */
typedef struct nr_unit_step {
    size_t rows, groups;
    float *gates, *sums;
    size_t group, row;      /* floats from one to the next in gates */
    float *state, *out;     /* at the slot that the step begins with */
    size_t state_row, state_slot;
    const float *delta, *more; /* of the output, from the next step and above */
    float *carry;
    size_t delta_row, more_row; /* of delta and carry; of more */
} nr_unit_step;

/* The way back through a place that attention looks at (layers/attention.h): by its
 * odds and the delta of its product with the state, of each lane. notes, want_notes
 * and want_seen have two halves of so many units. */
typedef struct nr_match {
    size_t units, nv;
    const float *odds, *product, *notes, *state, *want_seen;
    float *want_notes, *want_state; /* are added to */
} nr_match;

typedef struct nr_kernels {
    const char *name;

    /* By lane the product of two panels, x[unit] (y[unit] + more[unit]), where more may
     * be NULL; to[unit] += part * x[unit]; and the way back. */
    void (*match)(float *to, const float *x, const float *y, const float *more,
                  size_t units, size_t nv);
    void (*add_part)(float *to, const float *part, const float *x, size_t units,
                     size_t nv);
    void (*match_back)(const nr_match *match);

    void (*product)(const nr_product *product);
    void (*lstm_units)(const nr_unit_step *step);
    void (*lstm_units_back)(const nr_unit_step *step);
    void (*gru_units)(const nr_unit_step *step);
    void (*gru_units_back)(const nr_unit_step *step);
    /* to[j * to_step + i] = from[i * from_step + j]. */
    void (*turn)(float *to, size_t to_step, const float *from,
                 size_t from_step, size_t rows, size_t columns);
    /* x[unit][64 lanes] becomes e^(x - less), which is added to the sums by lane. */
    void (*asked_powers)(float *x, size_t units, size_t nv,
                         const float *less, float *sums);
    void (*logs)(float *x, size_t nv);
    double (*squares)(const float *x, size_t n); /* their sum */

    /* out[m][lane] = init[m] + sum over k of a(m, k) * in[k][lane], with
     * a(m, k) = a[m * step_m + k * step_k]. init NULL: from 0. Forward
     * passes take weights as they lie, backward passes across. */
    void (*layer)(float *out, const float *a, size_t step_m, size_t step_k,
                  const float *in, const float *init, size_t m, size_t k,
                  size_t nv);

    /* For input units first..last of a layer and all its outputs:
     * g[1 + i][o] += sum over panels and lanes of in[i] * delta[o]. Unit 0's
     * caller also gets the biases' row g[0]. Panels lie in_step and
     * delta_step floats apart; nv_last is the last panel's. */
    void (*gradient)(float *g, const float *in, size_t in_step,
                     const float *delta, size_t delta_step, size_t panels,
                     size_t nv_last, size_t first, size_t last,
                     size_t outputs);

    /* The same for steps of a panel, which lie as panels do, of nv vectors
     * each; and cells forward and backward. */
    void (*step_gradient)(float *g, const float *in, size_t in_step,
                          const float *delta, size_t delta_step, size_t steps,
                          size_t nv, size_t first, size_t last,
                          size_t outputs);
    void (*lstm)(const nr_cell_step *step);
    void (*lstm_back)(const nr_cell_step *step);
    void (*gru)(const nr_cell_step *step);
    void (*gru_back)(const nr_cell_step *step);
    void (*lstm_row)(const nr_cell_row *row, bool begins);
    void (*gru_row)(const nr_cell_row *row, bool begins);

    /* The first layer's part of both, where inputs are lists of those that are
     * not 0. To a panel, by lists of n lanes' inputs and weights' rows w; its
     * `rows`, nr_row_step apart, are room for 64. The gradient of inputs
     * first..last by their lists of samples, of which `rows` are the deltas:
     * input i's begins with entries[starts[i]]. Sixteen more floats are read
     * behind init. */
    void (*list_layer)(float *out, float *rows, const nr_list *lists,
                       size_t n, const float *w, const float *init,
                       size_t units);
    void (*list_gradient)(float *g, const float *rows,
                          const nr_entry *entries, const size_t *starts,
                          size_t first, size_t last, size_t units);
    void (*delta_rows)(float *rows, const float *panel, size_t n,
                       size_t units);
    /* to = from + the list's sum of rows. */
    void (*weigh)(float *to, const float *from, nr_list list,
                  const float *rows, size_t units);

    /* x[unit][lane] through an activation; delta times its derivative, from
     * the activation's value. */
    void (*activate)(float *x, size_t units, size_t nv, nr_activation f);
    void (*derive)(float *delta, const float *x, size_t units, size_t nv,
                   nr_activation f);

    /* Sums of a layer before tanh or sigmoid as their powers (joins.h), in place;
     * powers, or their product with others unless y is NULL, through that
     * activation; sums of two added, or powers multiplied. All [unit][lane]. */
    void (*powers)(float *x, size_t units, size_t nv, nr_activation f);
    void (*squash)(float *to, const float *x, const float *y, size_t units,
                   size_t nv, nr_activation f);
    void (*join)(float *to, const float *x, const float *y, size_t units,
                 size_t nv, bool product);

    /* The head's outputs in place. */
    void (*head)(float *x, size_t units, size_t nv, nr_head head);

    /* Loss of a panel of sums (softmax) or outputs (others), which become the
     * deltas; lanes beyond the samples become 0. */
    nr_losses (*loss)(float *x, nr_head head, const nr_target *t);

    /* n rows of `units` floats from anywhere to a panel, taken as
     * (x - shift) * scale; and from a panel to rows that follow each other. */
    void (*pack)(float *panel, const float *const *rows, size_t n,
                 size_t units, const float *shift, const float *scale);
    void (*unpack)(float *rows, const float *panel, size_t n, size_t units);

    /* Is there neither NaN nor an infinity among n numbers? */
    bool (*finite)(const float *x, size_t n);

    /* One row through the network: where the members' last layers lie in
     * `workspace`, runner->each floats apart, activated but for the head's softmax; the
     * same bits as pack, layer and activate give. NULL: an input is not finite.
     * The workspace: inputs_floats floats and twice `each` for each member. */
    float *(*row)(const nr_runner *runner, const nr_factors *f, const float *inputs,
                  float *workspace);

    /* The same by weights that lie interleaved: outputs of eight members, one unit
     * after the other, then of the next eight, runner->group floats on. The workspace:
     * inputs_floats times eight floats, and `group` for each group and twice. */
    float *(*interleaved)(const nr_runner *runner, const nr_factors *f,
                      const float *weights, const float *inputs, float *workspace);
    void (*exp_row)(float *x, size_t n);

    /* The largest of n numbers; and by such a number what a softmax of them is made of:
     * to[i] = e^((x[i] - most) / temperature), by nr_exp's bits, with exponents of
     * -700 at least. Returns their sum, in their order. */
    float (*largest)(const float *x, size_t n);
    double (*soft_powers)(double *to, const float *x, size_t n, double most,
                          double temperature);

    /* Steps of the optimisers; n weights, gradients already with decay. */
    void (*decay)(float *g, const float *w, size_t n, float scale,
                  float decay); /* g = g * scale + decay * w */
    void (*rprop)(float *w, float *g, float *before, float *step, size_t n,
                  const nr_rprop_rule *rule);
    void (*adam)(float *w, const float *g, float *m, float *v, size_t n,
                 const nr_adam_rule *rule);
    void (*sgd)(float *w, const float *g, float *m, size_t n, float rate,
                float momentum);
} nr_kernels;

extern const nr_kernels nr_kernels_baseline;
#ifdef NR_X86
extern const nr_kernels nr_kernels_avx2, nr_kernels_avx512;
#endif

const nr_kernels *nr_kernels_now(void); /* isa.c */

/* members.c: the weights interleaved, made now where they are not there yet; NULL:
 * there are none, or no memory, and `row` does the same. Safe in threads. */
const float *nr_interleaved_ready(const nr_net *net, const nr_array *weights);
void nr_interleaved_drop(nr_array *weights); /* before these change */

#endif
