/* NR.CREATE: a network from its command. */

#include <string.h>

#include "grammar/syntax.h"
#include "model/net.h"

/* Layers that are given read the sequences, where there are any. */
static nr_status check_recurrent(const nr_command *cmd,
                                 const nr_schema *schema, nr_error *err) {
    if (!schema || !nr_sequence_fields(schema))
        return nr_options_unread(cmd, err);
    if (cmd->nlayers - 2 <= NR_MAX_RECURRENT) return NR_OK;
    return nr_fail(err, "ERR %zu recurrent layers, at most %d",
                   cmd->nlayers - 2, NR_MAX_RECURRENT);
}

/* Language models learn with large steps of SGD what ADAM, which moves rare symbols
 * as far as frequent ones, does not (docs/sequences-quality.md). */
static void choose_for_sequences(nr_header *h, const nr_command *cmd,
                                 const nr_schema *schema) {
    static const double INIT = 0.1;
    if (!schema || !nr_sequence_fields(schema)) return;
    bool speaks = h->kind == NR_GENERATOR && !nr_schema_translates(schema);
    if (!(cmd->given & NR_GIVEN(optimizer)))
        h->options.optimizer = speaks ? NR_SGD : NR_ADAM; /* batches, of lengths alike */
    if (speaks && !(cmd->given & NR_GIVEN(init))) h->options.init = INIT;
}

/* The fields that an NR.CREATE names. */
static nr_status make_schema(const nr_command *cmd, nr_schema **out,
                             nr_error *err) {
    nr_schema *schema = nr_schema_new();
    nr_status status = schema ? NR_OK : nr_nomem(err);
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < cmd->count[side] && status == NR_OK; i++) {
            size_t at = cmd->first[side] + i;
            nr_text text = {cmd->argv[at], cmd->arglen[at]};
            status = nr_schema_add(schema, text, side == 1, err);
        }
    if (status == NR_OK) status = nr_schema_finish(schema, cmd->kind, err);
    if (status != NR_OK) {
        nr_schema_drop(schema);
        return status;
    }
    schema->layout = cmd->layout;
    schema->auto_members = !(cmd->given & NR_GIVEN(members));
    schema->auto_activation = !(cmd->given & NR_GIVEN(activation));
    *out = schema;
    return NR_OK;
}

/* DATASET is how many steps a series has, of which records have room for some. */
static nr_status take_steps(nr_header *h, const nr_command *cmd,
                            const nr_schema *schema, nr_error *err) {
    uint64_t most = nr_most_steps(schema), wanted = cmd->maxlen[0];
    bool given = cmd->given & NR_GIVEN(dataset);
    if (given && (wanted < 1 || wanted > most))
        return nr_fail(err, "ERR a forecaster with %zu fields keeps 1 to %llu "
                            "steps of a series, not DATASET %llu",
                       schema->n, (unsigned long long)most,
                       (unsigned long long)wanted);
    h->steps = wanted < most ? wanted : most;
    h->maxlen[NR_DATASET_TRAIN] = NR_MAX_SERIES;
    h->maxlen[NR_DATASET_TEST] = 0;
    return NR_OK;
}

nr_status nr_net_create(const nr_command *cmd, uint64_t id, uint64_t entropy,
                        nr_net **out, nr_error *err) {
    nr_schema *schema = NULL;
    nr_header h = {.id = id, .kind = cmd->kind, .nlayers = cmd->nlayers};
    memcpy(h.layers, cmd->layers, cmd->nlayers * sizeof *h.layers);
    memcpy(h.maxlen, cmd->maxlen, sizeof h.maxlen);
    h.maxbytes = NR_MAXBYTES;
    h.options = cmd->options;
    if (!(cmd->given & NR_GIVEN(seed))) h.options.seed = entropy & NR_MAX_SEED;
    if (cmd->kind == NR_GENERATOR) h.options.members = 1;
    nr_net_choose(&h, h.options.members < 0,
                  !(cmd->given & NR_GIVEN(activation)) && !h.options.classic);
    nr_random_seed(&h.random, h.options.seed);
    nr_outcome_set(&h, NR_NEVER, "");
    nr_status status = NR_OK;
    if (cmd->form == NR_FORM_NAMED) status = make_schema(cmd, &schema, err);
    if (status == NR_OK) status = check_recurrent(cmd, schema, err);
    if (status != NR_OK) {
        nr_schema_drop(schema);
        return status;
    }
    if (schema) h.records = NR_VARIABLE;
    if (cmd->kind == NR_FORECASTER) {
        status = take_steps(&h, cmd, schema, err);
        if (status != NR_OK) {
            nr_schema_drop(schema);
            return status;
        }
    }
    choose_for_sequences(&h, cmd, schema);
    *out = nr_net_new(&h);
    if (*out) nr_net_take_schema(*out, schema);
    nr_schema_drop(schema);
    return *out ? NR_OK : nr_nomem(err);
}
