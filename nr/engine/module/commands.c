/* The commands: parse, find the network, let the core answer, replicate.
 *
 * Every command comes in through one function, is parsed by the core, and has
 * its key opened and checked by one helper before its handler, a few lines
 * each, sees it. What a handler changed on a network reaches replicas and the
 * AOF as the same command wherever its outcome follows from the network's state
 * (the generator is part of it), and as NR.REPLAY where it does not. */

#include <ctype.h>
#include <string.h>

#include "module.h"

enum { FEW_WORDS = 64 };

/* A command on its way. */
typedef struct call {
    rm_ctx *ctx;
    rm_string **argv;
    int argc;
    nr_command cmd;
    rm_key *key;      /* NULL: the command has none, or it is not there */
    rm_string *name;  /* of the key */
    nr_box *box;      /* NULL: none there, or of another type */
    bool other_type;
    nr_error err;
    const char **words; /* the arguments, which cmd points to: the next two, or */
    size_t *lens;       /* memory of their own */
    const char *few[FEW_WORDS];
    size_t few_lens[FEW_WORDS];
} call;

static int refuse(call *c, const char *text) {
    return rm.ReplyWithError(c->ctx, text);
}

/* The entropy of a network without SEED; ids are 53 bits, exact as doubles,
 * and never 0. */
static uint64_t random_bits(void) {
    uint64_t bits;
    rm.GetRandomBytes((unsigned char *)&bits, sizeof bits);
    return bits;
}

uint64_t nr_new_id(void) { return 1 + random_bits() % NR_MAX_SEED; }

/* ============================ On one network ============================= */

/* Bytes that any command may take for a while, however full the server is. */
enum { SPARE = 1 << 20 };

/* Where memory is scarce a command leaves nothing behind for later ones. */
static nr_status execute(call *c, bool scarce, nr_buf *reply) {
    bool training = c->box->job != NULL;
    if (!scarce)
        return nr_net_execute(c->box->net, &c->cmd, training, reply, &c->err);
    nr_net *sparing = nr_net_sparing(c->box->net);
    if (!sparing) return nr_nomem(&c->err);
    nr_status status =
        nr_net_execute(sparing, &c->cmd, training, reply, &c->err);
    nr_net_free(sparing);
    return status;
}

/* Holds what takes long to give back: old weights, or samples. NULL: nothing. */
static nr_net *what_goes(call *c) {
    switch (c->cmd.verb) {
    case NR_RESET: return nr_net_bare(c->box->net);
    case NR_CLEAR:
    case NR_FORGET: return nr_net_clone(c->box->net);
    default: return NULL;
    }
}

/* Whatever nr_net_execute does: what reads a network, and the writes that
 * replicas can repeat (NR.OBSERVE, NR.CONFIGURE, NR.RESET). */
static int on_network(call *c) {
    enum { KEPT = 4096 };
    static nr_buf reply; /* its memory serves the next command, too */
    nr_box *box = c->box;
    if (c->cmd.verb == NR_OBSERVE &&
        nr_write(c->ctx, c->argv, c->argc, &c->cmd))
        return RM_OK;
    nr_cost cost = nr_net_cost(box->net, &c->cmd);
    if (cost.kept && nr_tasks_make(box->net))
        cost.bytes -= cost.kept, cost.kept = 0;
    bool scarce = (cost.kept || cost.bytes > SPARE) &&
                  !nr_has_memory(c->ctx, cost.bytes);
    if (scarce && cost.bytes > SPARE) return refuse(c, RM_OOM);
    if (nr_background(c->ctx, box, c->argv, c->argc, &c->cmd, cost, scarce))
        return RM_OK;
    reply.len = 0;
    nr_net *before = what_goes(c);
    uint64_t ordered = nr_net_ordered(box->net);
    nr_status status = execute(c, scarce, &reply);
    nr_background_free(before);
    if (status != NR_OK) return nr_reply_error(c->ctx, &c->err);
    if (nr_changes(&c->cmd)) {
        if (c->cmd.verb == NR_RESET)
            nr_job_drop(box, "its network was reset");
        rm.ReplicateVerbatim(c->ctx);
    }
    if (c->cmd.verb == NR_OBSERVE) nr_job_due(c->ctx, c->name, box, ordered);
    if (nr_typed_by_the_server(box->net, &c->cmd))
        nr_reply_in(c->ctx, c->cmd.verb, &reply, true);
    else
        nr_reply(c->ctx, c->cmd.verb, &reply);
    if (reply.cap > KEPT) nr_buf_free(&reply);
    return RM_OK;
}

static int train(call *c) {
    nr_identify(c->ctx, c->name, c->box);
    nr_training_choose(c->box->net, &c->cmd);
    if (nr_job_start(c->ctx, c->name, c->box, &c->cmd, &c->err) != NR_OK)
        return nr_reply_error(c->ctx, &c->err);
    return rm.ReplyWithSimpleString(c->ctx, c->cmd.queue
                                                ? "Training has been queued"
                                                : "Training has started");
}

static int stop(call *c) {
    return rm.ReplyWithLongLong(c->ctx, nr_job_stop(c->box));
}

static int wait(call *c) {
    return nr_job_wait(c->ctx, c->name, c->box, c->cmd.number);
}

/* ========================== Making and deleting ========================== */

/* Puts a new network under the key, and on its way to replicas. */
static bool put(call *c, nr_net *net) {
    nr_box *box = nr_box_new(net);
    if (!box) {
        nr_nomem(&c->err);
        return false;
    }
    if (nr_replicate_put(c->ctx, c->name, box, &c->err) != NR_OK) {
        nr_box_free(box);
        return false;
    }
    if (!c->key) c->key = rm.OpenKey(c->ctx, c->name, RM_READ | RM_WRITE);
    rm.ModuleTypeSetValue(c->key, nr_type, box);
    return true;
}

static int create(call *c) {
    nr_net *net;
    nr_shape shape;
    if (c->box || c->other_type) return refuse(c, NR_BUSY);
    if (nr_net_create(&c->cmd, nr_new_id(), random_bits(), &net, &c->err) !=
        NR_OK)
        return nr_reply_error(c->ctx, &c->err);
    nr_net_shape(net, &shape);
    if (!put(c, net)) return nr_reply_error(c->ctx, &c->err);
    return rm.ReplyWithLongLong(c->ctx, (long long)shape.params);
}

nr_status nr_restore(rm_ctx *ctx, rm_key *key, rm_string **argv,
                     const nr_command *cmd, nr_net *net, nr_error *err) {
    nr_box *old = nr_box_in(key);
    nr_shape shape;
    bool other = !old && key && rm.KeyType(key) != RM_KEYTYPE_EMPTY;
    const char *busy = cmd->replace ? NULL : NR_BUSY;
    if ((other && cmd->replace)) busy = RM_WRONGTYPE;
    if ((old || other) && busy) {
        nr_background_free(net);
        return nr_fail(err, "%s", busy);
    }
    nr_net_shape(net, &shape);
    nr_box *box = nr_box_new(net);
    if (!box) return nr_nomem(err);
    nr_net *bare = old ? nr_net_bare(old->net) : NULL;
    if (bare) { /* many samples take long to give back */
        nr_background_free(old->net);
        old->net = bare;
    }
    rm.ModuleTypeSetValue(key, nr_type, box);
    rm.Replicate(ctx, "NR.REPLAY", "css", "PUT", argv[1], argv[2]);
    nr_replicate_id(ctx, argv[1], shape.id);
    return NR_OK;
}

static int restore(call *c) {
    nr_net *net;
    if (nr_write(c->ctx, c->argv, c->argc, &c->cmd)) return RM_OK;
    if (nr_net_load(c->cmd.blob, c->cmd.bloblen, nr_new_id(), &net,
                    &c->err) != NR_OK ||
        nr_restore(c->ctx, c->key, c->argv, &c->cmd, net, &c->err) != NR_OK)
        return nr_reply_error(c->ctx, &c->err);
    return rm.ReplyWithSimpleString(c->ctx, "OK");
}

static int del(call *c) {
    long long deleted = 0;
    for (size_t i = 0; i < c->cmd.nkeys; i++) {
        rm_key *key = rm.OpenKey(c->ctx, c->argv[c->cmd.key + i],
                                 RM_READ | RM_WRITE);
        if (nr_box_in(key)) deleted += rm.UnlinkKey(key) == RM_OK;
        rm.CloseKey(key);
    }
    if (deleted) rm.ReplicateVerbatim(c->ctx);
    return rm.ReplyWithLongLong(c->ctx, deleted);
}

static int threads(call *c) { return nr_job_list(c->ctx); }

static int list(call *c) { return nr_list(c->ctx, c->argv, &c->cmd); }

/* =============================== One way in ============================== */

/* Those that the server itself has to do something for, or the trainings; all
 * others are executed by the core on the network that they name. */
static int (*const own[NR_VERBS])(call *) = {
    [NR_CREATE] = create, [NR_TRAIN] = train,     [NR_THREADS] = threads,
    [NR_STOP] = stop,     [NR_WAIT] = wait,       [NR_RESTORE] = restore,
    [NR_DEL] = del,       [NR_LIST] = list,
};

nr_box *nr_box_in(rm_key *key) {
    return key && rm.ModuleTypeGetType(key) == nr_type
               ? rm.ModuleTypeGetValue(key)
               : NULL;
}

/* Opens the key for as much as the command does to it. */
static void open_key(call *c) {
    bool writes = nr_changes(&c->cmd) ||
                  nr_spec_of(c->cmd.verb)->flags & NR_MAKES;
    c->name = c->argv[c->cmd.key];
    c->key = rm.OpenKey(c->ctx, c->name,
                        writes ? RM_READ | RM_WRITE : RM_READ);
    c->box = nr_box_in(c->key);
    c->other_type =
        c->key && !c->box && rm.KeyType(c->key) != RM_KEYTYPE_EMPTY;
}

/* A command with several keys opens them itself. */
static int dispatch(call *c) {
    const nr_spec *spec = nr_spec_of(c->cmd.verb);
    int (*run)(call *) = own[c->cmd.verb] ? own[c->cmd.verb] : on_network;
    if (spec->first_key != 1 || spec->last_key != 1) return run(c);
    open_key(c);
    if (spec->flags & NR_MAKES || c->box) return run(c);
    return refuse(c, c->other_type ? RM_WRONGTYPE : NR_NO_SUCH_KEY);
}

static int parse(call *c) {
    size_t n = (size_t)c->argc, i = 0;
    c->words = c->few, c->lens = c->few_lens;
    if (n > FEW_WORDS) {
        const char **words = nr_alloc(n * (sizeof *words + sizeof *c->lens));
        if (!words) return nr_nomem(&c->err);
        c->words = words, c->lens = (size_t *)(words + n);
    }
    do c->words[i] = rm.StringPtrLen(c->argv[i], &c->lens[i]);
    while (++i < n);
    return nr_command_parse(&c->cmd, n, c->words, c->lens, &c->err);
}

static int run_command(rm_ctx *ctx, rm_string **argv, int argc) {
    call c;
    c.ctx = ctx;
    c.argv = argv;
    c.argc = argc;
    c.key = NULL, c.name = NULL, c.box = NULL, c.other_type = false;
    if (parse(&c) == NR_OK) {
        dispatch(&c);
        if (c.key) rm.CloseKey(c.key);
        nr_command_release(&c.cmd);
    } else {
        nr_reply_error(ctx, &c.err);
    }
    if (c.words != c.few) nr_release(c.words);
    return RM_OK;
}

/* ============================== Registering ============================== */

/* Registered, and then named in errors, in lower case, as Redis' own are. */
static const char *lower_name(const nr_spec *spec, char name[32]) {
    size_t i = 0;
    for (; spec->name[i] && i < 31; i++)
        name[i] = (char)tolower((unsigned char)spec->name[i]);
    name[i] = '\0';
    return name;
}

static void categorise(rm_ctx *ctx, const char *name, const nr_spec *spec,
                       const char *own) {
    char text[64] = "";
    if (!rm.GetCommand || !rm.SetCommandACLCategories) return;
    strcat(text, spec->flags & NR_WRITES ? "write" : "read");
    if (spec->flags & NR_FAST) strcat(text, " fast");
    if (spec->flags & NR_BLOCKS) strcat(text, " blocking");
    strcat(text, own);
    rm.SetCommandACLCategories(rm.GetCommand(ctx, name), text);
}

static int create_command(rm_ctx *ctx, const char *name, const nr_spec *spec) {
    char flags[64] = "";
    strcat(flags, spec->flags & NR_WRITES ? "write" : "readonly");
    if (spec->flags & NR_FAST) strcat(flags, " fast");
    if (spec->flags & NR_GROWS) strcat(flags, " deny-oom");
    return rm.CreateCommand(ctx, name, run_command, flags, spec->first_key,
                            spec->last_key, spec->first_key ? 1 : 0);
}

int nr_commands_create(rm_ctx *ctx) {
    bool category = rm.AddACLCategory && rm.AddACLCategory(ctx, "nr") == RM_OK;
    for (int verb = 0; verb < NR_VERBS; verb++) {
        char lower[32];
        const nr_spec *spec = nr_spec_of(verb);
        const char *name = lower_name(spec, lower);
        if (create_command(ctx, name, spec) != RM_OK)
            return RM_ERR;
        nr_describe(ctx, name, spec);
        categorise(ctx, name, spec, category ? " nr" : "");
    }
    if (rm.CreateCommand(ctx, "nr.replay", nr_replay, "write admin", 2, 2,
                         1) != RM_OK)
        return RM_ERR;
    if (rm.CreateCommand(ctx, "nr.order", nr_order, "write admin", 2, 2, 1) !=
        RM_OK)
        return RM_ERR;
    if (rm.GetCommand && rm.SetCommandACLCategories) {
        rm.SetCommandACLCategories(rm.GetCommand(ctx, "nr.replay"),
                                   "admin dangerous");
        rm.SetCommandACLCategories(rm.GetCommand(ctx, "nr.order"),
                                   "admin dangerous");
    }
    return RM_OK;
}
