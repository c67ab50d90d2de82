/* NR.REPLAY: outcomes, for replicas, the AOF and its rewriting.
 *
 * What a command did that the same command elsewhere would not do again (the
 * id and the seed that chance gave, the weights that a training reached)
 * travels as what came out of it:
 *
 *     NR.REPLAY PUT key dump      this network, its id included
 *     NR.REPLAY TRAIN key rows    samples behind those of a dataset
 *     NR.REPLAY TEST key rows
 *     NR.REPLAY MERGE key dump    what a training reached
 *     NR.REPLAY TOLD key text     the end of one that left all as it was
 *     NR.REPLAY ID key id         another id
 *     NR.REPLAY COALESCED key n   trainings that found an order standing
 *
 * It takes nothing on trust all the same: whoever may run admin commands may
 * send it. */

#include <string.h>
#include <strings.h>

#include "module.h"

/* The rest of the arguments: a key that is open, and what is to be done. */
typedef struct outcome {
    rm_key *key;
    nr_box *box; /* NULL: no network there */
    const unsigned char *data;
    size_t len;
    nr_error *err;
} outcome;

static nr_status put(outcome *o) {
    nr_net *net;
    nr_status status = nr_net_load(o->data, o->len, 0, &net, o->err);
    if (status != NR_OK) return status;
    nr_box *box = nr_box_new(net);
    if (!box) return nr_nomem(o->err);
    rm.ModuleTypeSetValue(o->key, nr_type, box);
    return NR_OK;
}

/* On a clone, since samples that turn out unsound spoil what they are put
 * into; it shares all but the chunk that is written. */
static nr_status append(outcome *o, nr_dataset_id which) {
    nr_net *net = nr_net_clone(o->box->net);
    if (!net) return nr_nomem(o->err);
    nr_status status = nr_net_append(net, which, o->data, o->len, o->err);
    if (status == NR_OK) {
        nr_net *old = o->box->net;
        o->box->net = net;
        net = old;
    }
    nr_net_free(net);
    return status;
}

static nr_status append_train(outcome *o) {
    return append(o, NR_DATASET_TRAIN);
}

static nr_status append_test(outcome *o) { return append(o, NR_DATASET_TEST); }

static nr_status merge(outcome *o) {
    nr_net *trained;
    nr_status status = nr_net_load(o->data, o->len, 0, &trained, o->err);
    if (status != NR_OK) return status;
    status = nr_net_merge(o->box->net, trained, o->err);
    nr_net_free(trained);
    return status;
}

static nr_status told(outcome *o) {
    return nr_net_tell(o->box->net, (const char *)o->data, o->len, o->err);
}

static nr_status name(outcome *o) {
    uint64_t id = UINT64_MAX;
    if (o->len == sizeof id) memcpy(&id, o->data, sizeof id);
    if (id > NR_MAX_SEED) return nr_fail(o->err, "ERR not an id");
    nr_job_drop(o->box, "its network was given another id");
    nr_net_name(o->box->net, id);
    o->box->borrowed = false;
    return NR_OK;
}

static nr_status coalesced(outcome *o) {
    uint64_t n;
    if (o->len != sizeof n) return nr_fail(o->err, "ERR not a count");
    memcpy(&n, o->data, sizeof n);
    nr_net_coalesce(o->box->net, n);
    return NR_OK;
}

static const struct {
    const char *word;
    nr_status (*run)(outcome *);
    bool makes; /* and wants no network there */
} outcomes[] = {
    {"PUT", put, true},           {"TRAIN", append_train, false},
    {"TEST", append_test, false}, {"MERGE", merge, false},
    {"TOLD", told, false},        {"ID", name, false},
    {"COALESCED", coalesced, false},
};
enum { OUTCOMES = sizeof outcomes / sizeof *outcomes };

int nr_replay(rm_ctx *ctx, rm_string **argv, int argc) {
    static const char *const categories[] = {"all", "admin", "dangerous",
                                             NULL};
    nr_error err;
    outcome o = {.err = &err};
    size_t which = 0, len;
    if (!nr_may_run(ctx, "nr.replay", categories))
        return rm.ReplyWithError(ctx, "NOPERM this user has no permissions to "
                                      "run the 'nr.replay' command");
    if (argc != 4)
        return rm.ReplyWithError(
            ctx, "ERR wrong number of arguments for 'nr.replay' command");
    const char *word = rm.StringPtrLen(argv[1], &len);
    while (which < OUTCOMES && strcasecmp(word, outcomes[which].word) != 0)
        which++;
    if (which == OUTCOMES)
        return rm.ReplyWithError(ctx, "ERR Syntax error in NR.REPLAY");
    o.data = (const unsigned char *)rm.StringPtrLen(argv[3], &o.len);
    o.key = rm.OpenKey(ctx, argv[2], RM_READ | RM_WRITE);
    o.box = nr_box_in(o.key);
    nr_status status = NR_ERR;
    if (o.box || outcomes[which].makes)
        status = outcomes[which].run(&o);
    else
        nr_fail(&err, NR_NO_SUCH_KEY);
    rm.CloseKey(o.key);
    if (status != NR_OK) {
        rm.Log(ctx, "warning", "NR.REPLAY %s: %s", word, err.text);
        return nr_reply_error(ctx, &err);
    }
    rm.ReplicateVerbatim(ctx);
    return rm.ReplyWithSimpleString(ctx, "OK");
}

nr_status nr_replicate_put(rm_ctx *ctx, rm_string *key, const nr_box *box,
                           nr_error *err) {
    nr_buf dump = {0};
    nr_status status = nr_net_dump(box->net, &dump, err);
    if (status == NR_OK)
        rm.Replicate(ctx, "NR.REPLAY", "csb", "PUT", key, dump.data,
                     dump.len);
    nr_buf_free(&dump);
    return status;
}

void nr_replicate_id(rm_ctx *ctx, rm_string *key, uint64_t id) {
    rm.Replicate(ctx, "NR.REPLAY", "csb", "ID", key, &id, sizeof id);
}

void nr_replicate_told(rm_ctx *ctx, rm_string *key, const char *told) {
    rm.Replicate(ctx, "NR.REPLAY", "csc", "TOLD", key, told);
}

void nr_replicate_coalesced(rm_ctx *ctx, rm_string *key, nr_box *box,
                            uint64_t n) {
    if (!n) return;
    nr_net_coalesce(box->net, n);
    rm.Replicate(ctx, "NR.REPLAY", "csb", "COALESCED", key, &n, sizeof n);
}

static void emit_rows(rm_io *aof, rm_string *key, const nr_net *net,
                      nr_dataset_id which, const char *word) {
    nr_bytes piece;
    for (size_t slot = 0, n; (n = nr_net_piece(net, which, slot, &piece));
         slot += n)
        rm.EmitAOF(aof, "NR.REPLAY", "csb", word, key, piece.data, piece.len);
}

void nr_aof_rewrite(rm_io *aof, rm_string *key, void *value) {
    const nr_box *box = value;
    nr_buf dump = {0};
    nr_dump_to_save(aof, box->net, &dump);
    rm.EmitAOF(aof, "NR.REPLAY", "csb", "PUT", key, dump.data, dump.len);
    nr_buf_free(&dump);
    emit_rows(aof, key, box->net, NR_DATASET_TRAIN, "TRAIN");
    emit_rows(aof, key, box->net, NR_DATASET_TEST, "TEST");
}
