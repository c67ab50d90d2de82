/* Fields, made ready to be learned from.
 *
 * A training of a network with fields is one of a network without: its columns
 * are what an encoding makes of the samples, and everything else, from members
 * to calibration, is the same. So the trainer knows nothing of fields, and what
 * is fitted is fitted once, from the snapshot, before the first cycle. */

#include <string.h>

#include "float_mode.h"
#include "grammar/syntax.h"
#include "train/learner.h"
#include "train/series.h"

/* Hidden units where nobody gave any, by the samples: one layer, since more of
 * them lose on tables; none where there are more columns than samples, as texts
 * have. */
static size_t choose_hidden(const nr_net *net, size_t columns) {
    size_t n = net->h.len[0];
    if (columns > n && columns > 100) return 0;
    return n < 5000 ? 16 : n < 50000 ? 32 : 64;
}

/* ============================ Recurrent layers =========================== */

/* Units of the layer where nobody gave any. */
static uint32_t choose_units(const nr_net *net) {
    return net->h.len[0] < 2000 ? 32 : 64;
}

/* Of a symbol's embedding: about what tells them apart. */
static uint32_t choose_width(size_t symbols) {
    uint32_t width = 8;
    while (width < 64 && (size_t)width * width < 4 * symbols) width += 8;
    return width;
}

/* How the fields that are sequences are read; of an estimate, e is NULL. */
static void choose_recurrent(const nr_net *net, const nr_encoding *e,
                             nr_recurrent *r) {
    const nr_schema *schema = net->schema;
    *r = (nr_recurrent){.cell = net->h.options.cell};
    for (size_t i = 0; i < schema->inputs; i++) {
        const nr_field *field = &schema->fields[i];
        if (field->kind != NR_FIELD_SEQUENCE) continue;
        size_t symbols = e ? e->codes[i].terms.n : (size_t)net->h.options.vocabulary;
        struct nr_recurrent_field *of = &r->of[r->fields++];
        of->symbols = field->size ? 0 : (uint32_t)(symbols ? symbols : 1);
        of->width = field->size ? field->size : choose_width(symbols);
    }
    if (!r->fields) return;
    size_t given = schema->layout == NR_LAYOUT_GIVEN ? net->h.nlayers - 2 : 0;
    r->layers = given ? given : 1;
    if (given > NR_MAX_RECURRENT) r->layers = NR_MAX_RECURRENT; /* is refused */
    r->units[0] = choose_units(net);
    for (size_t l = 0; l < r->layers && given; l++)
        r->units[l] = net->h.layers[1 + l];
}

static bool is_done(const nr_net *net) {
    return net->h.stats.ending == NR_ENDED_AUTOSTOP ||
           net->h.stats.ending == NR_ENDED_CYCLES;
}

static nr_bytes get_record(const void *context, size_t dataset, size_t i) {
    return nr_record_at(context, (nr_dataset_id)dataset, i);
}

/* Whether samples have a class that the encoding does not know. */
static bool has_new_class(const nr_net *net, const nr_encoding *e,
                          nr_value *row) {
    size_t at = e->schema->inputs;
    for (nr_dataset_id d = 0; d < 2 && e->classes.n; d++)
        for (size_t i = 0; i < net->h.len[d]; i++) {
            nr_record_read(e->schema, nr_record_at(net, d, i), row, NULL);
            nr_text class = {(const char *)row[at].bytes.data,
                             row[at].bytes.len};
            if (nr_terms_find(&e->classes, class) < 0) return true;
        }
    return false;
}

static bool begins_afresh(const nr_net *net, const nr_command *cmd,
                          nr_value *row) {
    return !net->inner || (cmd->backtrack && is_done(net)) ||
           !nr_schema_same(net->schema, net->encoding->schema) ||
           has_new_class(net, net->encoding, row);
}

/* The header of a network for the columns, which is yet to be trained. Where
 * there are sequences, the layers that were given are theirs. */
static nr_header header_for(const nr_net *net, const nr_encoding *e,
                            size_t columns, size_t outputs) {
    nr_header h = net->h;
    size_t hidden = choose_hidden(net, columns);
    choose_recurrent(net, e, &h.recurrent);
    if (h.recurrent.fields && !columns) hidden = 0;
    columns += h.recurrent.fields * nr_state_units(&h.recurrent);
    if (net->schema->layout != NR_LAYOUT_GIVEN || h.recurrent.fields)
        h.nlayers = 2;
    if (net->schema->layout == NR_LAYOUT_AUTO && hidden) {
        h.layers[1] = (uint32_t)hidden;
        h.nlayers = 3;
    }
    h.layers[0] = (uint32_t)columns;
    h.layers[h.nlayers - 1] = (uint32_t)outputs;
    nr_net_choose(&h, net->schema->auto_members, net->schema->auto_activation);
    if (net->schema->auto_members && h.nlayers == 2 &&
        h.options.members < NR_STUDY_LINEAR_MEMBERS)
        h.options.members = NR_STUDY_LINEAR_MEMBERS;
    h.records = NR_FIXED;
    h.bytes[0] = h.bytes[1] = 0;
    h.options.normalize = NR_STUDY_FIELDS_SCALED; /* encodings have a scale of their own */
    h.trained = false;
    for (int d = 0; d < 2; d++) h.maxlen[d] = net->h.len[d];
    h.len[0] = h.len[1] = 0;
    return h;
}

/* That of the network that a training goes on with. */
static nr_header header_of(const nr_net *net) {
    const nr_header *inner = &net->inner->h;
    nr_header h = header_for(net, net->encoding, net->encoding->columns,
                             inner->layers[inner->nlayers - 1]);
    h.recurrent = inner->recurrent;
    h.nlayers = inner->nlayers;
    memcpy(h.layers, inner->layers, sizeof h.layers);
    h.options.members = inner->options.members;
    h.options.activation = inner->options.activation;
    h.trained = true;
    return h;
}

/* What the training samples count in the mean; 0 where all count 1. */
static double mean_weight(const nr_net *net, const nr_encoding *e,
                          nr_value *values) {
    double sum = 0, weight;
    bool all_one = true;
    for (size_t i = 0; i < net->h.len[0]; i++) {
        nr_record_read(e->schema, nr_record_at(net, 0, i), values, &weight);
        sum += weight / (double)net->h.len[0];
        all_one = all_one && weight == 1;
    }
    return all_one ? 0 : sum;
}

/* Behind a row, where samples do not count alike, lies how much it counts beside
 * the mean: L2 and the learning rate are made for samples that count 1. */
static nr_status encode_samples(const nr_net *net, const nr_encoding *e,
                                nr_value *values, nr_net *learner,
                                nr_error *err) {
    double mean = mean_weight(net, e, values), weight;
    learner->weighed = mean > 0;
    learner->row += learner->weighed;
    size_t bytes = learner->row * sizeof(float);
    float *row = nr_alloc(bytes);
    nr_status status = row ? NR_OK : nr_nomem(err);
    size_t units = nr_state_units(&learner->h.recurrent);
    if (units && !(learner->sequences = nr_sequences_new(e)))
        status = nr_nomem(err);
    for (nr_dataset_id d = 0; d < 2; d++)
        for (size_t i = 0; i < net->h.len[d] && status == NR_OK; i++) {
            nr_record_read(e->schema, nr_record_at(net, d, i), values,
                           &weight);
            if (!nr_encode_row(e, values, learner->sequences, units, row,
                               row + nr_inputs(learner)))
                status = nr_nomem(err);
            if (learner->weighed)
                row[learner->row - 1] = (float)(weight / mean);
            if (status == NR_OK)
                status = nr_net_append(learner, d, (unsigned char *)row, bytes,
                                       err);
        }
    nr_release(row);
    return status;
}

static nr_status make(const nr_net *net, nr_encoding *e, bool afresh,
                      nr_value *values, nr_net **learner, nr_error *err) {
    nr_header h = afresh ? header_for(net, e, e->columns, nr_encoding_outputs(e))
                         : header_of(net);
    nr_status status = nr_shape_check(h.kind, h.nlayers, h.layers,
                                      h.options.members, h.maxlen, err);
    if (status == NR_OK) status = nr_recurrent_check(&h, err);
    if (status != NR_OK) return status;
    nr_net *made = nr_net_new(&h);
    if (!made) return nr_nomem(err);
    made->extent = nr_encoding_extent(e);
    status = encode_samples(net, e, values, made, err);
    if (status != NR_OK) {
        nr_net_free(made);
        return status;
    }
    if (!afresh) {
        nr_array *weights = atomic_load(&net->inner->weights);
        atomic_store(&made->weights, nr_array_hold(weights));
    }
    *learner = made;
    return NR_OK;
}

/* NR.FIELDS may have made layers that were given those of a sequence. */
static nr_status check_layers(const nr_net *net, nr_error *err) {
    if (!nr_sequence_fields(net->schema) ||
        net->h.nlayers - 2 <= NR_MAX_RECURRENT)
        return NR_OK;
    return nr_fail(err, "ERR Can't start training: %zu recurrent layers, at most "
                        "%d",
                   net->h.nlayers - 2, NR_MAX_RECURRENT);
}

NOINLINE nr_status make_all(const nr_net *net, const nr_command *cmd,
                            nr_encoding **encoding, nr_net **learner,
                            nr_error *err) {
    nr_status checked = check_layers(net, err);
    if (checked != NR_OK) return checked;
    nr_value *values = nr_alloc(net->schema->n * sizeof *values);
    if (!values) return nr_nomem(err);
    bool afresh = begins_afresh(net, cmd, values);
    nr_records records = {net->schema, {net->h.len[0], net->h.len[1]},
                          get_record, net,
                          (size_t)net->h.options.vocabulary,
                          cmd->autostop && cmd->backtrack &&
                              !net->h.options.classic};
    nr_status status = NR_OK;
    if (afresh)
        status = nr_encoding_fit(&records, net->h.kind, encoding, err);
    else
        *encoding = nr_encoding_hold(net->encoding);
    if (status == NR_OK)
        status = make(net, *encoding, afresh, values, learner, err);
    nr_release(values);
    return status;
}

/* As a network encodes what it runs on: with every number that there is. */
nr_status nr_learner_make(const nr_net *net, const nr_command *cmd,
                          nr_encoding **encoding, nr_net **learner,
                          nr_error *err) {
    if (nr_is_forecaster(net))
        return nr_windows_learner(net, encoding, learner, err);
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = make_all(net, cmd, encoding, learner, err);
    nr_mode_end(before);
    return status;
}

nr_net *nr_learner_done(const nr_net *net, nr_encoding *encoding,
                        const nr_net *trained) {
    nr_net *done = nr_net_bare(net), *inner = nr_net_bare(trained);
    if (!done || !inner) {
        nr_net_free(done);
        nr_net_free(inner);
        return NULL;
    }
    nr_array_drop(done->history);
    done->history = nr_array_hold(trained->history);
    nr_findings_hold(done, trained);
    done->h.stats = trained->h.stats;
    done->h.trained = trained->h.trained;
    strcpy(done->h.last_training, trained->h.last_training);
    inner->h.maxlen[0] = inner->h.maxlen[1] = 0;
    if (trained->h.trained)
        nr_net_take_inner(done, encoding, inner);
    else
        nr_net_free(inner);
    return done;
}

/* ================================ Estimate =============================== */

static uint64_t most_columns(const nr_field *field, uint64_t samples) {
    switch (field->kind) {
    case NR_FIELD_NUMBER: return NR_MOST_BINS + 2;
    case NR_FIELD_FLAG: return 2;
    case NR_FIELD_TIME: return 2 + 6 * NR_FINEST + NR_MOST_BINS;
    case NR_FIELD_KEY: return 0;
    case NR_FIELD_SEQUENCE: return 1;
    case NR_FIELD_TEXT: return nr_terms_most(samples) + 1;
    default: return field->size + 2;
    }
}

static uint64_t count_columns(const nr_net *net) {
    uint64_t columns = 0;
    for (size_t i = 0; i < net->schema->inputs; i++)
        columns += most_columns(&net->schema->fields[i], net->h.len[0]);
    return columns < NR_MOST_COLUMNS ? columns : NR_MOST_COLUMNS;
}

nr_net *nr_learner_like(const nr_net *net) {
    enum { CLASSES = 16 }; /* before they are counted */
    const nr_schema *schema = net->schema;
    if (nr_is_forecaster(net)) return nr_windows_like(net);
    size_t outputs = net->h.kind == NR_REGRESSOR ? schema->n - schema->inputs
                     : net->inner                ? nr_outputs(net->inner)
                                                 : CLASSES;
    nr_header h = header_for(net, NULL, count_columns(net), outputs);
    for (int d = 0; d < 2; d++) {
        h.len[d] = net->h.len[d];
        h.bytes[d] = net->h.bytes[d]; /* how long its sequences may be */
    }
    return nr_net_new(&h);
}
