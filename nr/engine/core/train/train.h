/* What the files of the trainer share; the tests look inside, too. */

#ifndef NR_TRAIN_H
#define NR_TRAIN_H

#include "platform.h"
#include "train/sums.h"

enum { NR_PARTS = 8 };
#define NR_SHARED_WORK 1e6 /* of a step that threads share: ten microseconds */
enum { NR_LEAST_LEAF = 2, NR_MOST_LEAF = 1024 }; /* of lists */

/* Lists one after the other: the i-th begins at entries[starts[i]]. */
typedef struct nr_lists {
    nr_entry *entries;
    size_t *starts;
} nr_lists;

/* A dataset as the kernels want it: its panels of inputs, scaled, and its
 * targets, class ids [panel][64] or outputs [panel][output][64]. Where inputs
 * are mostly zeros, lists in place of panels: by sample, and by input for each
 * block in turn, each block's with a start more than there are inputs. */
typedef struct nr_set {
    nr_dataset_id which;
    size_t n, panels, target_floats; /* of a panel */
    float *x, *targets;
    nr_lists by_sample, by_input;
    float *weights; /* what each sample counts, [panel][64]; NULL: 1 */
    bool *packed;   /* by panel: whether it has been asked for */
} nr_set;

/* Some panels of a set, or of a mini-batch, whose gradient is summed at once. */
typedef struct nr_block {
    const nr_set *set;
    size_t first, panels; /* 0: there is none here */
    size_t n;             /* samples of the whole set or mini-batch */
    nr_turn turn;
} nr_block;

/* Room for the passes over some blocks at once. What operation l of the plan
 * makes of a round's panel p, NR_BLOCK of each block, lies at
 * act[l] + p * out * 64, of the last one at delta[l]; so do its deltas. */
typedef struct nr_workspace {
    size_t size; /* blocks; the only one may have fewer panels */
    float *x, *targets, *weights; /* gathered for a mini-batch; NULL: none */
    float *act[NR_MAX_LAYERS], *delta[NR_MAX_LAYERS];
    float *rows, *sums; /* the first layer's deltas, where inputs are lists:
                           by sample, and each panel's sum; or NULL */
    float *frames, *joined; /* where there are sequences: what their steps keep,
                               and inputs with their last states; or NULL */
    float *back, *numbers;  /* deltas of these, and numbers of sequences */
    nr_losses *losses;  /* by panel */
    nr_block *blocks;   /* of a round */
    float *floats;      /* all floats in one piece */
} nr_workspace;

/* What lists need beside a dataset's own. */
typedef struct nr_sparse {
    float *zero; /* by input: what is not in its lists, and added to all */
    bool *whole; /* by input: it is listed where it is 0, too */
    nr_entry *constants, *factors; /* the zeros that are not 0, n of them: as
                                      a list of inputs, and as lists by input */
    size_t *starts; /* of the factors */
    size_t n, block; /* panels of a list by input */
    size_t leaf;     /* blocks of a leaf of the sums */
    double part;     /* of the inputs that are listed */
    float *biases; /* with the zeros' part */
    nr_lists turned;       /* a mini-batch's round by input */
} nr_sparse;

/* One step: the samples of a set, and of one more behind it or NULL; or n of the
 * order from `first` on, where both are NULL. */
typedef struct nr_step {
    const nr_set *set, *more;
    size_t first, n; /* n: samples of the step, whatever they are */
} nr_step;

/* One of the networks whose mean is the answer, while it is trained. */
typedef struct nr_member {
    float *w;           /* its layers, in the trainer's weights */
    float *start;       /* as they were at the beginning */
    float *best;        /* as they were at the best testing error */
    float *memory[2];   /* RPROP's last gradient and step, Adam's m and v */
    double power1, power2; /* Adam's betas to the number of its steps */
    uint64_t shuffle, best_cycle, progress_cycle;
    uint64_t left; /* cycles of the refit */
    double l2;
    double train_error, test_error, class_errors;
    double best_train, best_test, best_class;
    double progress_test; /* the testing error when there was progress last */
    double past_train, past_test;
    double began; /* the training error before the first step */
    unsigned alarms;
    bool over, overfitting, diverged;
} nr_member;

/* Where one stands, its weights aside, as it is told and kept (members.c). */
typedef struct nr_standing {
    uint64_t shuffle, best_cycle, progress_cycle, left, alarms;
    uint64_t over, overfitting, diverged;
    double l2, power1, power2, began;
    double train_error, test_error, class_errors;
    double best_train, best_test, best_class;
    double progress_test, past_train, past_test;
} nr_standing;
nr_standing nr_standing_of(const nr_member *m);
void nr_stand(nr_member *m, const nr_standing *standing);

typedef struct nr_point {
    float cycle, train_error, test_error, class_errors;
} nr_point;

typedef struct nr_language nr_language; /* language.c */
typedef struct nr_translation nr_translation; /* translate.c */

/* What trainers that share the members out have to tell each other before they
 * go on: what became of their own ones in a cycle, or these whole at the end of a
 * phase. */
typedef enum nr_meeting {
    NR_NO_MEETING,
    NR_CYCLE_MEETING,
    NR_PHASE_MEETING,
} nr_meeting;

struct nr_trainer {
    nr_net *net; /* a clone: samples, options, statistics so far */
    nr_net *fields;        /* without samples: of which it is a part, or NULL */
    nr_encoding *encoding; /* that made its samples of theirs, or NULL */
    nr_language *language; /* of a generator, which learns otherwise; or NULL */
    nr_translation *translation; /* of one from one sequence to another; or NULL */
    const nr_kernels *k;
    nr_team *team;
    nr_head head;

    /* What was asked for. */
    uint64_t maxcycles, maxtime;
    bool autostop, backtrack;
    bool goes_on; /* from the weights of an earlier training */
    double l2, rate, smoothing;
    double clip;   /* the most that a gradient may be; 0: anything */
    double dropout; /* of last states */
    double momentum; /* SGD's */
    size_t unroll; /* steps that a gradient goes back */
    size_t batch; /* 0: all samples at once */

    /* What it works on. */
    nr_array *weights;
    nr_factors f;
    const nr_plan *plan;
    size_t params; /* its weights */
    nr_member members[NR_MAX_MEMBERS], *now;
    size_t count;   /* of the members */
    float *keeping; /* what members keep of their weights, in one piece */
    size_t parts;   /* of the samples, which threads take one each */
    nr_sums sums[NR_PARTS]; /* what each part comes to */
    nr_sum *others;         /* what hosts have put beside them */
    size_t nothers;
    nr_sum **open, *root; /* all of them; that of the whole step */
    nr_join *joins;
    size_t njoins;
    size_t leaf;      /* blocks of a leaf of the sums: a power of two */
    unsigned leaf_bits; /* its logarithm */
    size_t count_sums; /* of all parts, of which each has a gradient */
    float *gradients, *more_gradients; /* these, in one piece or two */
    size_t sum_floats; /* of each: lists have more than weights */
    nr_set train, test;
    nr_sparse *sparse; /* NULL: panels */
    nr_workspace workspace;
    uint32_t *order;       /* of the samples, for mini-batches; and as many more */
    uint32_t *lengths;     /* steps of each sample; NULL: no sequences */
    bool weighed;         /* samples do not all count alike */
    float *class_weights; /* by class; NULL: the classes count alike */

    /* Where it stands. */
    size_t turn, done; /* the member that learns, after samples of a cycle */
    nr_losses sum;     /* of these */
    nr_step step;      /* that comes next */
    double rate_now;   /* of it */
    bool begun;        /* and is on its way */
    uint64_t group, groups; /* of the members this one learns every groups-th,
                               others the others; 0: all of them */
    nr_meeting meeting; /* that comes before the next step */
    bool lost;          /* the refit of a member of this group */
    bool joined;        /* the only sum among the others is that of all blocks */
    uint64_t cycles, refit_cycles;
    uint64_t steps; /* samples of all cycles; members are in step */
    double train_error, test_error, class_errors; /* means of the members */
    nr_ending ending;
    bool refitting, over, finalized, failed; /* failed: out of memory */
    nr_point history[NR_MAX_HISTORY];
    size_t points, stride;
    nr_buf report; /* nr_report_make's */
    nr_array *findings[NR_FINDINGS];

    /* What other threads see. */
    atomic_bool stop;
    atomic_uint_least64_t seen_cycles;
    _Atomic double seen_train, seen_test, seen_class;
};

/* A generator's trainer, of either kind, goes by steps and cycles of its own. */
static inline bool nr_is_generating(const nr_trainer *t) {
    return t->language || t->translation;
}

/* train.c: progress to be seen; samples of a step, 0: all of them at once; and
 * threads. */
void nr_trainer_show(nr_trainer *t);
size_t nr_batch_of(const nr_net *net);
size_t nr_threads_of(const nr_net *net);

/* memory.c: whether its bytes are at most half of the memory, for each of some ranks. */
nr_status nr_memory_check(const nr_net *net, const char *key, size_t keylen,
                          uint64_t memory, uint64_t ranks, double work,
                          nr_error *err);

/* scaling.c: factors by the training dataset; weights of an earlier training,
 * `trained`, are rewritten for them, so that the network stays the same
 * function. */
void nr_scale(const nr_net *net, float *weights, bool trained);

/* batches.c */
size_t nr_target_floats(const nr_header *h); /* of a panel */
bool nr_set_make(nr_trainer *t, nr_set *set, nr_dataset_id which,
                 bool panels);
void nr_set_free(nr_set *set);
/* Before a panel is looked at: one that never is takes no memory. */
void nr_set_pack(const nr_trainer *t, const nr_set *set, size_t panel);
bool nr_class_weights_make(nr_trainer *t);
/* n samples, at most 64, of those of both datasets in a row, as a panel. */
void nr_set_gather(const nr_trainer *t, const uint32_t *order, size_t n,
                   float *x, float *targets, float *weights);

/* listing.c, sparse.c: lists of inputs. Whether the layout allows them; whether
 * a training's samples want them, and their part in a training's making. */
enum { NR_SLICE = 64 }; /* inputs that are taken at once */
/* What the network takes for the inputs from `first` on, as panels do: the one
 * place where lists know of scaling. */
void nr_inputs_take(const nr_trainer *t, const float *const *inputs, size_t n,
                    size_t first, size_t count, float *panel);
bool nr_lists_may_be(const nr_header *h);
uint64_t nr_lists_floats(const nr_net *net); /* at most, but for panels' */
bool nr_sparse_choose(nr_trainer *t);
bool nr_lists_make(nr_trainer *t, nr_set *set);
bool nr_batch_lists_make(nr_trainer *t);
void nr_lists_free(nr_set *set);
void nr_sparse_free(nr_trainer *t);
/* Its part in a pass: before it; a panel forward, n samples from `first` of a
 * set or of an order, in the space's panel `at`, and backward; between the
 * halves of a round, `size` blocks; the gradient of inputs first..last by the
 * block at place `at` of the round; before they move. */
void nr_sparse_begin(nr_trainer *t);
void nr_sparse_forward(nr_trainer *t, const nr_set *set, const uint32_t *order,
                       size_t first, size_t n, size_t at, float *y);
void nr_sparse_backward(nr_trainer *t, size_t n, size_t at);
void nr_sparse_totals(nr_trainer *t, size_t size);
void nr_batch_turn(nr_trainer *t, const uint32_t *order, size_t n);
void nr_sparse_gradient(const nr_trainer *t, size_t at, size_t first,
                        size_t last);
void nr_sparse_join(nr_trainer *t);
void nr_sparse_finish(const nr_trainer *t, size_t first, size_t last);

/* workspace.c: what a pass needs, floats of a panel and panels at once; and how
 * many gradients wait to be summed. */
size_t nr_workspace_floats(const nr_net *net, bool lists);
size_t nr_workspace_panels(const nr_net *net, size_t threads);
size_t nr_gradients_of(const nr_net *net, size_t threads);
size_t nr_gradients_for(const nr_net *net, size_t leaf); /* of one thread */
bool nr_workspace_make(nr_trainer *t);
bool nr_gradients_make(nr_trainer *t);
bool nr_gradients_anywhere(nr_trainer *t);
void nr_workspace_free(nr_workspace *workspace);
static inline size_t nr_panels_for(size_t n) {
    return (n + NR_LANES - 1) / NR_LANES;
}
static inline size_t nr_blocks_for(size_t panels) {
    return (panels + NR_BLOCK - 1) / NR_BLOCK;
}

/* passes.c: all on the member `now`. false: stopped halfway. */
/* Losses over a set, without learning. */
bool nr_pass_test(nr_trainer *t, const nr_set *set, nr_losses *sum);
/* Moves the weights by a step. */
bool nr_pass_learn(nr_trainer *t, const nr_step *step, nr_losses *sum);
/* The same in pieces: how many leaves the tree has; the sums of some of them; and
 * when all are there, here or among the others, the move. */
uint64_t nr_pass_leaves(const nr_trainer *t, const nr_step *step);
bool nr_pass_some(nr_trainer *t, const nr_step *step, uint64_t first,
                  uint64_t last);
size_t nr_pass_collect(nr_trainer *t); /* the sums there are, into t->open */
void nr_pass_move(nr_trainer *t, const nr_step *step, nr_losses *sum);
/* The same up to where they would move. */
bool nr_pass_gradient(nr_trainer *t, const nr_step *step, nr_losses *sum);
static inline const float *nr_pass_result(const nr_trainer *t) {
    return t->root->g;
}
/* The last layer's sums of one panel, in the trainer's space. */
const float *nr_pass_sums(nr_trainer *t, const nr_set *set, size_t panel);

/* gradients.c: a step of n weights from `at` on, by their gradient. */
void nr_optimise(const nr_trainer *t, float *w, float *g, size_t at, size_t n);

/* steps.c: what others have summed. How a sum is handed on: this, and then its
 * floats. */
typedef struct nr_sent {
    uint64_t first, count;
    nr_losses losses;
} nr_sent;

void nr_others_free(nr_trainer *t);
void nr_others_drop(nr_trainer *t);
bool nr_others_reserve(nr_trainer *t, size_t more); /* for so many, and to join */
nr_status nr_not_begun(nr_error *err);
/* A sum that the tree of so many blocks has? */
static inline bool nr_is_node(const nr_sent *s, uint64_t blocks) {
    return s->count && !(s->count & (s->count - 1)) && s->count <= blocks &&
           s->first <= blocks - s->count && s->first % s->count == 0;
}

/* sharing.c: how ranks will share the training of this network, which has no fields
 * and generates nothing; and whether a member is this group's own. */
nr_share nr_share_of(const nr_net *net, uint64_t rank, uint64_t ranks, double work);
static inline bool nr_is_own(const nr_trainer *t, size_t member) {
    return t->groups < 2 || member % t->groups == t->group;
}

/* cycles.c: a cycle; or its steps one by one, of which each begins, ends with
 * its losses, and may be cut short. */
void nr_cycle(nr_trainer *t);
bool nr_step_begin(nr_trainer *t); /* false: there is none any more */
void nr_step_end(nr_trainer *t, const nr_losses *sum);
void nr_step_cut(nr_trainer *t);
bool nr_cycle_begins(const nr_trainer *t); /* with the next step */
bool nr_member_test(nr_trainer *t, nr_member *m);
void nr_meeting_ends(nr_trainer *t, nr_meeting meeting, bool lost);
void nr_summarise(nr_trainer *t); /* the members' mean errors */
void nr_course_add(nr_trainer *t); /* the cycle's, to the history */
void nr_phase_end(nr_trainer *t, nr_ending ending);
void nr_member_begin(nr_trainer *t, nr_member *m);
bool nr_far_off(const nr_trainer *t, const nr_member *m, double error);

/* stopping.c */
void nr_remember(nr_trainer *t, nr_member *m, uint64_t cycle);
void nr_judge(nr_trainer *t, nr_member *m); /* after a cycle, with AUTOSTOP */

/* l2_search.c: of L2, for that many samples. Sets the members', by t->l2; has
 * all of them go on as those of the best did; and fits it to all samples. */
double nr_l2_for(const nr_trainer *t, size_t samples);
void nr_l2_search_begin(nr_trainer *t);
void nr_l2_choose(nr_trainer *t);
void nr_l2_refit(const nr_trainer *t, nr_member *m);

/* residuals.c: a regressor's errors on the testing samples, by the weights that it
 * has; NULL where there are none. false: out of memory. And what that takes. */
bool nr_residuals_measure(const nr_net *net, nr_array **residuals);
uint64_t nr_residuals_floats(const nr_header *h);

/* background.c: rows for NR.EXPLAIN; NULL where there are none. */
bool nr_background_choose(const nr_net *net, nr_array **background);
size_t nr_background_floats(const nr_net *net);

/* reference.c: what NR.DRIFT compares with, of the network that learned for `whole`,
 * which is another one where there is an encoding. */
bool nr_reference_make(const nr_net *net, const nr_net *whole,
                       const nr_encoding *encoding, nr_array **reference);
uint64_t nr_reference_floats(const nr_net *net);

/* checkpoint.c: its first word, nrtrain2, which tells a byte order, too; and its
 * checksum, put right. */
#define NR_CHECKPOINT 0x326e696172746e72u
void nr_checkpoint_seal(unsigned char *data, size_t len);

/* digest.c: one that goes on by so many bytes. */
uint64_t nr_mixed(uint64_t digest, const void *data, size_t len);

/* result.c: the points of a history and the bytes of a report, as networks keep
 * them. */
nr_array *nr_course_make(const void *history, size_t points, const void *report,
                         size_t len);

/* finish.c: the weights to keep, probabilities calibrated, and the report. */
enum { NR_MOST_CALIBRATING = 64 }; /* panels */
void nr_finalize(nr_trainer *t);

#endif
