/* What the files of the trainer share; the tests look inside, too. */

#ifndef NR_TRAIN_H
#define NR_TRAIN_H

#include "kernel.h"
#include "team.h"

/* A dataset as the kernels want it: its panels of inputs, scaled, and its
 * targets, class ids [panel][64] or outputs [panel][output][64]. */
typedef struct nr_set {
    size_t n, panels, target_floats; /* of a panel */
    float *x, *targets;
} nr_set;

/* Room for the passes over some panels at once. Layer l's units of panel p
 * lie at act[l] + p * layers[l] * 64; so its deltas. */
typedef struct nr_space {
    size_t panels;
    float *x, *targets; /* panels gathered for a mini-batch; NULL: none */
    float *act[NR_MAX_LAYERS], *delta[NR_MAX_LAYERS];
    nr_losses *losses; /* by panel */
    float *block;      /* all of the above in one piece */
} nr_space;

/* A trained network while it is on the way: what BACKTRACK goes back to. */
typedef struct nr_mark {
    float *w;
    uint64_t cycle;
    double train_error, test_error, class_errors;
} nr_mark;

typedef struct nr_point {
    float cycle, train_error, test_error, class_errors;
} nr_point;

struct nr_trainer {
    nr_net *net; /* a clone: samples, options, statistics so far */
    const nr_kernels *k;
    nr_team *team;
    nr_head head;

    /* What was asked for. */
    uint64_t maxcycles, maxtime;
    bool autostop, backtrack;

    /* The weights and what the optimiser keeps of each. */
    nr_array *weights;
    nr_factors f;
    size_t params, offset[NR_MAX_LAYERS]; /* of layer l's row of biases */
    float *g, *memory[2]; /* gradient; RPROP's last and step, Adam's m, v */
    double power1, power2; /* Adam's betas to the number of its steps */
    double l2, rate, smoothing;
    size_t batch; /* 0: all samples at once */

    nr_set train, test;
    nr_space space;
    uint32_t *order; /* of the samples, for mini-batches */
    uint64_t shuffle;

    /* Where it stands. */
    uint64_t cycles;
    double train_error, test_error, class_errors;
    nr_ending ending;
    bool over, overfitting;
    nr_mark best; /* on the testing dataset */
    unsigned alarms;
    double past_train, past_test;
    nr_point history[NR_MAX_HISTORY];
    size_t points, stride;

    /* What other threads see. */
    atomic_bool stop;
    atomic_uint_least64_t seen_cycles;
    _Atomic double seen_train, seen_test, seen_class;
};

/* scaling.c: factors by the training dataset; weights of an earlier training
 * are rewritten for them, so that the network stays the same function. */
void nr_scale(const nr_net *net, float *weights);

/* sets.c */
bool nr_set_make(nr_trainer *t, nr_set *set, nr_dataset_id which,
                 bool panels);
void nr_set_free(nr_set *set);
void nr_set_gather(const nr_trainer *t, const uint32_t *order, size_t n,
                   float *x, float *targets);

/* passes.c */
bool nr_space_make(nr_trainer *t);
void nr_space_free(nr_space *space);
/* Losses over a set without learning. `logit_scale` multiplies a softmax'
 * sums first. false: stopped halfway. */
bool nr_pass_test(nr_trainer *t, const nr_set *set, float logit_scale,
                  nr_losses *sum);
/* One step of the optimiser on samples first..first + n of the order (or of
 * the set, without one). update false leaves the gradient in g. */
bool nr_pass_learn(nr_trainer *t, size_t first, size_t n, bool update,
                   nr_losses *sum);

/* stopping.c */
void nr_judge(nr_trainer *t); /* after every cycle, with AUTOSTOP */

#endif
