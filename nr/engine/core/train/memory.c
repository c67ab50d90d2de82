/* How much memory a training takes, told before any of it is taken.
 *
 * A training that would fill the memory is refused when it is asked for, not
 * hours later, by a system that ends the whole host. What is counted here is
 * allocated in many files; a test in C holds the sum to what trainings take. */

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

/* Inputs, targets and what samples count, in panels: lists of inputs are taken
 * where they take no more; a class's own is in `weights`. */
static uint64_t sets_floats(const nr_net *net) {
    const nr_header *h = &net->h;
    bool weighed = h->options.class_weights == NR_BALANCED;
    uint64_t panel = NR_LANES * (nr_inputs(net) + (uint64_t)weighed) +
                     nr_target_floats(h);
    uint64_t weights = weighed ? nr_outputs(net) : 0;
    uint64_t test = panels_of(h, NR_DATASET_TEST) * panel;
    if (nr_batch_of(net)) return weights + test + h->len[0] + h->len[1];
    return weights + test + panels_of(h, NR_DATASET_TRAIN) * panel;
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

/* With fields: of a network of as many columns as there may be, and its
 * samples. */
static uint64_t fields_bytes(const nr_net *net) {
    nr_net *like = nr_learner_like(net);
    if (!like) return 0; /* then there is no memory for the training either */
    uint64_t rows = net->h.len[0] + net->h.len[1];
    uint64_t bytes = nr_trainer_bytes(like) + rows * like->row * sizeof(float);
    if (like->plan->recurrent.fields) /* a symbol is two bytes or more */
        bytes += 2 * (net->h.bytes[0] + net->h.bytes[1]);
    nr_net_free(like);
    return bytes;
}

uint64_t nr_trainer_bytes(const nr_net *net) {
    if (nr_is_translator(net)) return nr_translate_bytes(net);
    if (nr_is_generator(net)) return nr_language_bytes(net);
    if (net->schema) return fields_bytes(net);
    return sizeof(nr_trainer) +
           sizeof(float) * (sets_floats(net) + weights_floats(net) +
                            workspace_floats(net) + finalizing_floats(net) +
                            nr_lists_floats(net) +
                            nr_strands_floats(net, nr_threads_of(net)));
}

nr_status nr_memory_check(const nr_net *net, const char *key, size_t keylen,
                        uint64_t memory, nr_error *err) {
    char quoted[NR_QUOTED];
    uint64_t bytes = nr_trainer_bytes(net);
    if (memory == 0 || bytes <= memory / 2) return NR_OK;
    return nr_fail(err,
                   "ERR Can't start training: with %llu samples and %llu "
                   "parameters, '%s' would take %llu bytes, more than half of "
                   "the memory of %llu: use fewer samples, units or MEMBERS, "
                   "or set memory to more",
                   (unsigned long long)(net->h.len[0] + net->h.len[1]),
                   (unsigned long long)net->params,
                   nr_quote(quoted, sizeof quoted, key, keylen),
                   (unsigned long long)bytes, (unsigned long long)memory);
}
