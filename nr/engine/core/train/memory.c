/* How much memory a training takes, told before any of it is taken.
 *
 * A training that would fill the memory is refused when it is asked for, not
 * hours later, by a system that ends the whole host. What is counted here is
 * allocated in many files; a test in C holds the sum to what trainings take. */

#include <stdio.h>

#include "run/report.h"
#include "grammar/syntax.h"
#include "train/language.h"
#include "train/learner.h"
#include "train/recurrent.h"
#include "train/train.h"
#include "train/translate.h"

static uint64_t panels_of(const nr_header *h, nr_dataset_id which) {
    return nr_panels_for(h->len[which]);
}

/* Panels of training samples that each of some ranks packs: of the blocks that are its
 * own while it learns from these alone, and of others in the refit, when the blocks of
 * both datasets are shared out. Lists are nobody's own. */
static uint64_t packed_panels(const nr_net *net, uint64_t ranks) {
    uint64_t all = panels_of(&net->h, NR_DATASET_TRAIN);
    uint64_t blocks = nr_blocks_for(all);
    uint64_t tested = nr_blocks_for(panels_of(&net->h, NR_DATASET_TEST));
    if (ranks < 2 || nr_lists_may_be(&net->h)) return all;
    uint64_t own = ((2 * blocks + tested) / ranks + 2) * NR_BLOCK;
    return own < all ? own : all;
}

/* Inputs, targets and what samples count, in panels: lists of inputs are taken
 * where they take no more; a class's own is in `weights`. */
static uint64_t sets_floats(const nr_net *net, uint64_t ranks) {
    const nr_header *h = &net->h;
    bool weighed = h->options.class_weights == NR_BALANCED;
    uint64_t panel = NR_LANES * (nr_inputs(net) + (uint64_t)weighed) +
                     nr_target_floats(h);
    uint64_t weights = weighed ? nr_outputs(net) : 0;
    uint64_t test = panels_of(h, NR_DATASET_TEST) * panel;
    if (nr_batch_of(net)) return weights + test + h->len[0] + h->len[1];
    return weights + test + packed_panels(net, ranks) * panel;
}

/* Those it begins with, which may have to be made, those it changes, four more
 * of each member, and the gradients. */
static uint64_t weights_floats(const nr_net *net) {
    uint64_t all = nr_weights_len(&net->h);
    uint64_t members = (uint64_t)net->h.options.members;
    return (net->h.trained ? 1 : 2) * all +
           (4 * members + nr_gradients_of(net, nr_threads_of(net))) *
               (net->params + NR_LANES);
}

/* Lists' part of it is in place of panels, but for what threads add. */
static uint64_t workspace_floats(const nr_net *net) {
    uint64_t panels = nr_workspace_panels(net, nr_threads_of(net)), more = 0;
    uint64_t each = nr_workspace_floats(net, false);
    uint64_t lists = nr_workspace_floats(net, true);
    if (nr_lists_may_be(&net->h) && lists > each) {
        if (nr_batch_of(net))
            each = lists;
        else if (panels > NR_BLOCK)
            more = (panels - NR_BLOCK) * (lists - each);
    }
    return panels * (each + sizeof(nr_losses) / sizeof(float)) + more;
}

/* What is taken for a while at the end: to calibrate, and then to report. */
static uint64_t finalizing_floats(const nr_net *net) {
    const nr_header *h = &net->h;
    uint64_t in = nr_inputs(net), out = nr_outputs(net);
    uint64_t widest = net->plan->widest;
    uint64_t panels = panels_of(h, NR_DATASET_TEST);
    if (panels > NR_MOST_CALIBRATING) panels = NR_MOST_CALIBRATING;
    if (nr_net_head(h) != NR_SOFTMAX) panels = 0;
    uint64_t residuals = nr_residuals_floats(h); /* one after the other */
    uint64_t reference = nr_reference_floats(net);
    uint64_t calibrate =
        (panels * (uint64_t)h->options.members + 2) * out * NR_LANES;
    uint64_t report = NR_LANES * (2 * in + out + 3 * widest) +
                      2 * nr_report_len(h) + (h->len[0] > h->len[1]
                                                  ? h->len[0]
                                                  : h->len[1]) +
                      nr_background_floats(net) +
                      (residuals > reference ? residuals : reference);
    return calibrate > report ? calibrate : report;
}

uint64_t nr_trainer_bytes(const nr_net *net) {
    return nr_ranks_bytes(net, 1, NR_LONG_STEP);
}

/* With fields: of a network of as many columns as there may be, and its
 * samples. */
static uint64_t fields_bytes(const nr_net *net, uint64_t ranks, double work) {
    nr_net *like = nr_learner_like(net);
    if (!like) return 0; /* then there is no memory for the training either */
    uint64_t rows = net->h.len[0] + net->h.len[1];
    uint64_t bytes = nr_ranks_bytes(like, ranks, work) + rows * like->row * sizeof(float);
    if (like->plan->recurrent.fields) /* a symbol is two bytes or more */
        bytes += 2 * (net->h.bytes[0] + net->h.bytes[1]);
    nr_net_free(like);
    return bytes;
}

uint64_t nr_ranks_bytes(const nr_net *net, uint64_t ranks, double work) {
    if (nr_is_translator(net)) return nr_translate_bytes(net);
    if (nr_is_generator(net)) return nr_language_bytes(net);
    if (net->schema) return fields_bytes(net, ranks, work);
    nr_share share = nr_share_of(net, 0, ranks, work);
    return sizeof(nr_trainer) +
           sizeof(float) * (sets_floats(net, share.steps ? share.ranks : 1) +
                            weights_floats(net) +
                            workspace_floats(net) + finalizing_floats(net) +
                            nr_lists_floats(net) +
                            nr_strands_floats(net, nr_threads_of(net)));
}

/* How many ranks would do, as text: of these each takes no more than it may. */
static void advise(const nr_net *net, uint64_t memory, uint64_t ranks, double work,
                   char *text, size_t cap) {
    enum { MOST = 128 };
    *text = '\0';
    for (uint64_t n = ranks + 1; n <= MOST; n++) {
        uint64_t bytes = nr_ranks_bytes(net, n, work);
        if (bytes > memory / 2) continue;
        snprintf(text, cap, ", or share it among %llu ranks (mpirun -n %llu nr train), "
                            "of which each takes %llu bytes",
                 (unsigned long long)n, (unsigned long long)n,
                 (unsigned long long)bytes);
        return;
    }
}

nr_status nr_memory_check(const nr_net *net, const char *key, size_t keylen,
                          uint64_t memory, uint64_t ranks, double work,
                          nr_error *err) {
    char quoted[NR_QUOTED], advice[200];
    uint64_t bytes = nr_ranks_bytes(net, ranks, work);
    if (memory == 0 || bytes <= memory / 2) return NR_OK;
    advise(net, memory, ranks, work, advice, sizeof advice);
    return nr_fail(err,
                   "ERR Can't start training: with %llu samples and %llu "
                   "parameters, '%s' would take %llu bytes%s, more than half of "
                   "the memory of %llu: use fewer samples, units or MEMBERS, "
                   "or set memory to more%s",
                   (unsigned long long)(net->h.len[0] + net->h.len[1]),
                   (unsigned long long)net->params,
                   nr_quote(quoted, sizeof quoted, key, keylen),
                   (unsigned long long)bytes, ranks > 1 ? " on each rank" : "",
                   (unsigned long long)memory, advice);
}
