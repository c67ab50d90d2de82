/* Networks: making, copying, and the array of weights.
 *
 * A network that was never trained holds no weights until one asks for them
 * (nr_net_ready): creating 100 MB of weights inside a server would stop it for
 * as long as it takes to write 100 MB. They are then kept, by whichever thread
 * was first, and still left out of the serialised form. Clones share them
 * although they are not there yet (a draft): a host can have them made by
 * another thread, on a clone, and finds them in its own network. */

#include <string.h>

#include "model/net.h"
#include "grammar/syntax.h"

enum { CHUNK_BYTES = 16384 };

const char *const nr_ending_words[NR_ENDINGS + 1] = {
    "NEVER", "CYCLES", "TIME", "AUTOSTOP", "STOP", "DIVERGED",
    "MEMORY", NULL,
};

/* ============================ Weights' layout ============================ */

static size_t count_params(const nr_header *h) {
    nr_plan plan;
    nr_plan_make(h, &plan);
    return plan.params;
}

size_t nr_weights_len(const nr_header *h) {
    return count_params(h) * (size_t)h->options.members +
           2 * ((size_t)h->layers[0] + h->layers[h->nlayers - 1]);
}

/* As many members as make a small network's mean steady, fewer of larger ones,
 * which vary less and cost more. */
static int64_t choose_members(const nr_header *h) {
    size_t params = count_params(h);
    if (h->recurrent.fields) return params <= 200000 ? 4 : 1;
    return params <= 4000 ? 8 : params <= 50000 ? 4 : params <= 100000 ? 2 : 1;
}

/* Smooth units for small networks; larger ones generalise better by straight
 * ones. */
static nr_activation choose_activation(const nr_header *h) {
    return count_params(h) <= 20000 ? NR_TANH : NR_RELU;
}

/* ================================= Drafts ================================ */

static void draft_drop(nr_draft *draft) {
    if (!draft || atomic_fetch_sub_explicit(&draft->refs, 1,
                                            memory_order_acq_rel) != 1)
        return;
    nr_array_drop(atomic_load(&draft->weights));
    nr_release(draft);
}

/* The weights, or those that a clone has made meanwhile; NULL: none yet. */
static nr_array *made_weights(nr_net *net) {
    nr_array *weights = atomic_load(&net->weights);
    nr_draft *draft = atomic_load(&net->draft);
    return weights || !draft ? weights : atomic_load(&draft->weights);
}

/* Has a copy share what there is of weights, or will be. */
static bool share_weights(nr_net *copy, nr_net *net) {
    nr_array *weights = made_weights(net);
    atomic_store(&copy->weights, nr_array_hold(weights));
    if (weights || net->h.trained) return true;
    nr_draft *draft = atomic_load(&net->draft);
    if (!draft) {
        nr_draft *made = nr_alloc(sizeof *made);
        if (!made) return false;
        atomic_init(&made->refs, 1);
        atomic_init(&made->weights, NULL);
        if (atomic_compare_exchange_strong(&net->draft, &draft, made))
            draft = made;
        else
            nr_release(made);
    }
    atomic_fetch_add_explicit(&draft->refs, 1, memory_order_relaxed);
    atomic_store(&copy->draft, draft);
    return true;
}

/* Gives the place an array unless it has one, and returns which it has. */
static nr_array *publish(_Atomic(nr_array *) *place, nr_array *array) {
    nr_array *have = NULL;
    nr_array_hold(array);
    if (atomic_compare_exchange_strong(place, &have, array)) return array;
    nr_array_drop(array);
    return have;
}

const nr_array *nr_weights_make(const nr_net *net, nr_error *err) {
    nr_net *self = (nr_net *)net; /* a cache: the network stays the same */
    if (net->schema) {
        nr_fail(err, "ERR the network has fields: give their values by name");
        return NULL;
    }
    if (net->h.trained) {
        nr_fail(err, "ERR a network without its weights was asked to run");
        return NULL;
    }
    nr_array *have = made_weights(self);
    if (have) return publish(&self->weights, have);
    nr_array *made = nr_array_new(nr_weights_len(&net->h));
    if (!made) {
        nr_nomem(err);
        return NULL;
    }
    nr_weights_init(net, made->data);
    nr_draft *draft = atomic_load(&self->draft);
    have = draft ? publish(&draft->weights, made) : made;
    have = publish(&self->weights, have);
    nr_array_drop(made);
    return have;
}

bool nr_net_made(const nr_net *net) {
    return made_weights((nr_net *)net) != NULL;
}

bool nr_net_interleaved(const nr_net *net) {
    nr_array *weights = made_weights((nr_net *)net);
    return weights && atomic_load(&weights->interleaved);
}

nr_status nr_net_prepare(const nr_net *net, nr_error *err) {
    return nr_net_ready(net, err) ? NR_OK : NR_NOMEM;
}

void nr_net_forget(nr_net *net) {
    nr_array_drop(atomic_exchange(&net->weights, NULL));
    draft_drop(atomic_exchange(&net->draft, NULL));
}

/* ============================ Making and freeing ========================= */

void nr_findings_hold(nr_net *net, const nr_net *from) {
    for (int i = 0; i < NR_FINDINGS; i++) {
        nr_array *before = net->findings[i];
        net->findings[i] = from ? nr_array_hold(from->findings[i]) : NULL;
        nr_array_drop(before);
    }
}

void nr_background_drop(nr_net *net) {
    nr_array_drop(net->findings[NR_BACKGROUND]);
    net->findings[NR_BACKGROUND] = NULL;
}

/* Takes the plan. */
static nr_net *make_net(const nr_header *header, nr_plan *plan) {
    nr_net *net = plan ? nr_alloc(sizeof *net) : NULL;
    if (!net) {
        nr_plan_drop(plan);
        return NULL;
    }
    memset(net, 0, sizeof *net);
    net->h = *header;
    net->plan = plan;
    net->params = plan->params;
    size_t floats = header->layers[0];
    floats += header->kind == NR_CLASSIFIER
                  ? 1
                  : header->layers[header->nlayers - 1];
    net->row = header->records == NR_FIXED ? floats : 0;
    atomic_init(&net->weights, NULL);
    atomic_init(&net->draft, NULL);
    size_t fit = (CHUNK_BYTES - sizeof(nr_chunk)) / (floats * sizeof(float));
    net->per = fit ? (uint32_t)fit : 1;
    nr_net_runner(net);
    return net;
}

nr_net *nr_net_new(const nr_header *header) {
    return make_net(header, nr_plan_new(header));
}

void nr_net_choose(nr_header *h, bool members, bool activation) {
    if (members) h->options.members = choose_members(h);
    if (activation) h->options.activation = choose_activation(h);
}

void nr_net_take_schema(nr_net *net, nr_schema *schema) {
    nr_schema_hold(schema);
    nr_schema_drop(net->schema);
    net->schema = schema;
    if (schema) net->params = net->inner ? net->inner->params : 0;
}

void nr_net_take_inner(nr_net *net, nr_encoding *encoding, nr_net *inner) {
    nr_encoding_hold(encoding);
    nr_encoding_drop(net->encoding);
    nr_net_free(net->inner);
    net->encoding = encoding;
    net->inner = inner;
    net->h.learned = nr_learned_of(inner);
    if (net->schema) net->params = inner ? inner->params : 0;
}

/* What a network with fields has more. */
static bool share_fields(nr_net *copy, const nr_net *net) {
    nr_net_take_schema(copy, net->schema);
    if (!net->inner) return true;
    nr_net *inner = nr_net_bare(net->inner);
    if (inner) nr_net_take_inner(copy, net->encoding, inner);
    return inner != NULL;
}

nr_net *nr_net_clone(const nr_net *net) {
    nr_net *copy = make_net(&net->h, nr_plan_hold(net->plan));
    if (!copy) return NULL;
    copy->partial = net->partial;
    copy->weighed = net->weighed;
    copy->sequences = nr_sequences_hold(net->sequences);
    copy->extent = net->extent;
    copy->row = net->row;
    copy->history = nr_array_hold(net->history);
    nr_findings_hold(copy, net);
    copy->kept = nr_kept_hold(net->kept);
    if (!share_weights(copy, (nr_net *)net) || !share_fields(copy, net) ||
        !nr_dataset_clone(&copy->data[0], &net->data[0]) ||
        !nr_dataset_clone(&copy->data[1], &net->data[1])) {
        nr_net_free(copy);
        return NULL;
    }
    return copy;
}

nr_net *nr_net_bare(const nr_net *net) {
    nr_net *bare = make_net(&net->h, nr_plan_hold(net->plan));
    if (!bare) return NULL;
    bare->history = nr_array_hold(net->history);
    nr_findings_hold(bare, net);
    bare->kept = nr_kept_hold(net->kept);
    bare->h.len[0] = bare->h.len[1] = 0;
    bare->h.bytes[0] = bare->h.bytes[1] = 0;
    if (!share_weights(bare, (nr_net *)net) || !share_fields(bare, net)) {
        nr_net_free(bare);
        return NULL;
    }
    return bare;
}

nr_net *nr_net_sparing(const nr_net *net) {
    nr_net *copy = nr_net_clone(net);
    if (!copy) return NULL;
    draft_drop(atomic_exchange(&copy->draft, NULL));
    copy->runner.groups = 0;
    return copy;
}

void nr_net_name(nr_net *net, uint64_t id) { net->h.id = id; }

void nr_net_free(nr_net *net) {
    if (!net) return;
    nr_net_forget(net);
    nr_plan_drop(net->plan);
    nr_net_take_inner(net, NULL, NULL);
    nr_schema_drop(net->schema);
    nr_sequences_drop(net->sequences);
    nr_array_drop(net->history);
    for (int i = 0; i < NR_FINDINGS; i++) nr_array_drop(net->findings[i]);
    nr_kept_drop(net->kept);
    nr_dataset_free(&net->data[0]);
    nr_dataset_free(&net->data[1]);
    nr_release(net);
}

void nr_net_shape(const nr_net *net, nr_shape *shape) {
    *shape = (nr_shape){
        .id = net->h.id,
        .revision = net->h.revision,
        .inputs = nr_inputs(net),
        .outputs = nr_outputs(net),
        .row = net->schema ? 0 : net->row,
        .params = net->params,
        .len = {net->h.len[0], net->h.len[1]},
        .kind = net->h.kind,
        .trainings = net->h.trainings,
        .schema_revision = net->h.schema_revision,
        .step = nr_is_forecaster(net) ? nr_step_bytes(net->schema) : 0,
        .steps = net->h.steps,
        .window = nr_is_forecaster(net) ? (uint64_t)net->h.options.window : 0,
    };
}

size_t nr_net_memory(const nr_net *net) {
    nr_array *weights = made_weights((nr_net *)net);
    size_t bytes = sizeof *net;
    if (weights) bytes += sizeof *weights + weights->n * sizeof(float);
    if (weights && atomic_load(&weights->interleaved))
        bytes += nr_interleaved_len(net) * sizeof(float);
    if (net->history) bytes += net->history->n * sizeof(float);
    for (int i = 0; i < NR_FINDINGS; i++)
        if (net->findings[i]) bytes += net->findings[i]->n * sizeof(float);
    bytes += nr_kept_bytes(net->kept).len;
    if (net->inner) bytes += nr_net_memory(net->inner);
    for (int d = 0; d < 2; d++) {
        const nr_dataset *data = &net->data[d];
        bytes += data->capchunks * sizeof *data->chunks;
        for (size_t i = 0; i < data->nchunks; i++)
            bytes += net->h.records == NR_VARIABLE
                         ? nr_record_chunk_bytes(data->chunks[i])
                         : sizeof(nr_chunk) + data->chunks[i]->cap * net->row *
                                                  sizeof(float);
    }
    return bytes;
}

/* ============================ Merge and reset ============================ */

/* An id and a revision can be made up (NR.REPLAY), and weights of another layout
 * would be read beyond their end. */
static bool same_network(const nr_header *a, const nr_header *b) {
    return a->id == b->id && a->revision == b->revision &&
           a->kind == b->kind && a->nlayers == b->nlayers &&
           a->options.members == b->options.members &&
           !memcmp(a->layers, b->layers, a->nlayers * sizeof *a->layers);
}

nr_status nr_net_merge(nr_net *net, const nr_net *trained, nr_error *err) {
    if (!same_network(&net->h, &trained->h)) {
        nr_fail(err, "ERR the network was reset or replaced in the meantime");
        return NR_STALE;
    }
    nr_net *source = (nr_net *)trained;
    const char *text;
    nr_outcome outcome = nr_net_outcome(trained, &text);
    bool learned = outcome == NR_MERGED;
    nr_net *inner =
        learned && trained->inner ? nr_net_bare(trained->inner) : NULL;
    if (learned && trained->inner && !inner) return nr_nomem(err);
    net->h.trainings++;
    strcpy(net->h.last_training, text);
    if (!learned) return NR_OK;
    if (inner) nr_net_take_inner(net, trained->encoding, inner);
    nr_net_forget(net);
    atomic_store(&net->weights, nr_array_hold(atomic_load(&source->weights)));
    nr_array_drop(net->history);
    net->history = nr_array_hold(trained->history);
    nr_findings_hold(net, trained);
    /* Of samples that were dropped meanwhile some may be among them. */
    if (net->h.schema_revision != trained->h.schema_revision)
        nr_background_drop(net);
    net->h.stats = trained->h.stats;
    net->h.trained = trained->h.trained;
    net->h.revision++;
    return NR_OK;
}

size_t nr_report_len(const nr_header *h) {
    size_t out = h->layers[h->nlayers - 1];
    if (h->kind == NR_REGRESSOR) return 1 + 3 * out;
    return NR_REPORT_HEAD + (out <= NR_MAX_CONFUSION ? out * out : 3 * out);
}
