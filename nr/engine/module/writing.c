/* NR.OBSERVE of many samples and NR.RESTORE of a large dump, done by threads.
 *
 * What takes long (checking the bytes, copying them, drawing places) a thread
 * does on a clone of the network, or on none yet. The main thread then puts what
 * it made in place of what is there, in microseconds. That is the moment at
 * which the command happens, for all clients, replicas and the AOF: until then
 * the key holds what it held.
 *
 * Whoever else wrote to the network in the meantime came first, and then the
 * work was in vain: it is done again on a new clone, and the second time at
 * once, by the main thread, so that it ends. Other clients' NR.OBSERVE for the
 * same key wait behind it instead. That the network is as it was cloned is seen
 * by its header, in which every change shows.
 *
 * The commands of one client are in order, since it waits. */

#include <string.h>

#include "background.h"

enum {
    MANY = 1 << 20, /* bytes: about a millisecond */
    MOST_TRIES = 2
};

static nr_task *writes; /* that threads are at */

static const char *key_of(const nr_task *t, size_t *len) {
    return rm.StringPtrLen(t->argv[t->cmd.key], len);
}

static bool same_key(rm_ctx *ctx, rm_string *name, const nr_task *t) {
    size_t len, other;
    if (rm.GetSelectedDb(ctx) != t->db) return false;
    const char *text = rm.StringPtrLen(name, &len), *key = key_of(t, &other);
    return len == other && memcmp(text, key, len) == 0;
}

static nr_task *writer_of(rm_ctx *ctx, rm_string *name) {
    nr_task *t = writes;
    while (t && !same_key(ctx, name, t)) t = t->writing;
    return t;
}

/* ============================ Ending a write ============================= */

static void begin(rm_ctx *ctx, nr_task *t);

/* Replies, and lets those begin that have waited for it; behind the first of
 * them that a thread takes up, the others wait again. */
static void end(rm_ctx *ctx, nr_task *t) {
    nr_task **at = &writes, *next = t->behind;
    while (*at && *at != t) at = &(*at)->writing;
    if (*at) *at = t->writing;
    rm.UnblockClient(t->client, t);
    while (next) {
        nr_task *one = next;
        next = one->next;
        one->next = NULL;
        begin(ctx, one);
    }
}

static void refuse(rm_ctx *ctx, nr_task *t, const char *why) {
    t->status = nr_fail(&t->err, "%s", why);
    end(ctx, t);
}

/* ============================== NR.OBSERVE =============================== */

static bool unchanged(const nr_task *t, const nr_net *net) {
    nr_buf now = {0};
    nr_error err;
    bool same = nr_net_header(net, &now, &err) == NR_OK &&
                now.len == t->header.len &&
                memcmp(now.data, t->header.data, now.len) == 0;
    nr_buf_free(&now);
    return same;
}

static void replicate(rm_ctx *ctx, const nr_task *t) {
    rm.Replicate(ctx, "NR.OBSERVE", "v", t->argv + 1, (size_t)t->argc - 1);
}

/* By the main thread: few samples, or the last try. */
static void observe_now(rm_ctx *ctx, nr_task *t, nr_box *box) {
    uint64_t ordered = nr_net_ordered(box->net);
    t->reply.len = 0;
    t->status =
        nr_net_execute(box->net, &t->cmd, false, &t->reply, &t->err);
    if (t->status == NR_OK) replicate(ctx, t);
    if (t->status == NR_OK) nr_job_due(ctx, t->argv[t->cmd.key], box, ordered);
    end(ctx, t);
}

static void observe_on_clone(nr_task *t) {
    t->status = nr_net_execute(t->net, &t->cmd, false, &t->reply, &t->err);
    nr_hand_over(&t->delivery);
}

static void begin_observing(rm_ctx *ctx, nr_task *t, nr_box *box) {
    t->header.len = t->reply.len = 0;
    nr_task_refresh(t);
    bool few = t->cmd.values || t->cmd.bloblen < MANY;
    if (!few && t->tries++ < MOST_TRIES) t->net = nr_net_clone(box->net);
    if (!t->net ||
        nr_net_header(t->net, &t->header, &t->err) != NR_OK) {
        observe_now(ctx, t, box);
        return;
    }
    t->writing = writes;
    writes = t;
    nr_task_line(ctx, t);
}

static void deliver_samples(rm_ctx *ctx, nr_task *t, nr_box *box) {
    bool current = unchanged(t, box->net);
    nr_net *old = t->net;
    t->net = NULL;
    if (current && t->status == NR_OK) {
        nr_net *made = old;
        old = box->net;
        box->net = made;
        replicate(ctx, t);
        nr_job_due(ctx, t->argv[t->cmd.key], box, nr_net_ordered(old));
    }
    nr_background_free(old);
    if (current) {
        end(ctx, t);
        return;
    }
    nr_task **at = &writes;
    while (*at != t) at = &(*at)->writing;
    *at = t->writing;
    begin_observing(ctx, t, box);
}

/* ============================== NR.RESTORE =============================== */

static void load(nr_task *t) {
    t->status = nr_net_load(t->cmd.blob, t->cmd.bloblen, t->id, &t->net,
                            &t->err);
    nr_hand_over(&t->delivery);
}

static void deliver_network(rm_ctx *ctx, nr_task *t, rm_key *key) {
    static const char ok[] = "\xa2OK"; /* in msgpack */
    if (t->status == NR_OK) {
        nr_net *net = t->net;
        t->net = NULL;
        t->status = nr_restore(ctx, key, t->argv, &t->cmd, net, &t->err);
    }
    if (t->status == NR_OK && !nr_buf_append(&t->reply, ok, sizeof ok - 1))
        t->status = nr_nomem(&t->err);
    end(ctx, t);
}

/* ================================= Both ================================== */

/* The key as it is now; it is the one that the command would find. */
static void at_key(rm_ctx *ctx, nr_task *t, bool delivers) {
    rm_string *name = t->argv[t->cmd.key];
    rm.SelectDb(ctx, t->db);
    rm_key *key = rm.OpenKey(ctx, name, RM_READ | RM_WRITE);
    nr_box *box = nr_box_in(key);
    if (!(rm.GetContextFlags(ctx) & RM_FLAG_MASTER))
        refuse(ctx, t, "ERR the server is a replica now"); /* it was told */
    else if (t->cmd.verb == NR_RESTORE)
        deliver_network(ctx, t, key);
    else if (!box)
        refuse(ctx, t, rm.KeyType(key) == RM_KEYTYPE_EMPTY ? NR_NO_SUCH_KEY
                                                           : RM_WRONGTYPE);
    else if (delivers)
        deliver_samples(ctx, t, box);
    else
        begin_observing(ctx, t, box);
    if (key) rm.CloseKey(key);
}

static void deliver(rm_ctx *ctx, nr_delivery *delivery) {
    at_key(ctx, (nr_task *)delivery, true);
}

static void begin(rm_ctx *ctx, nr_task *t) {
    nr_task *before = writer_of(ctx, t->argv[t->cmd.key]);
    if (!before) {
        at_key(ctx, t, false);
        return;
    }
    *before->at_end = t;
    before->at_end = &t->next;
}

static nr_task *write_new(rm_ctx *ctx, rm_string **argv, int argc,
                          nr_command *cmd, int flags) {
    nr_task *t = nr_task_new(argv, argc, cmd, flags);
    if (!t) return NULL;
    t->db = rm.GetSelectedDb(ctx);
    t->delivery.deliver = deliver;
    t->work = cmd->verb == NR_RESTORE ? load : observe_on_clone;
    return t;
}

static bool may_wait(int flags) {
    const int direct = NR_NOT_BLOCKED | RM_FLAG_REPLICATED | RM_FLAG_LOADING |
                       RM_FLAG_ASYNC_LOADING;
    return !(flags & direct) && flags & RM_FLAG_MASTER && nr_task_threads();
}

bool nr_write(rm_ctx *ctx, rm_string **argv, int argc, nr_command *cmd) {
    bool many = !cmd->values && cmd->bloblen >= MANY;
    nr_task *before = NULL;
    if (cmd->verb == NR_OBSERVE && writes)
        before = writer_of(ctx, argv[cmd->key]);
    if (!many && !before) return false;
    int flags = rm.GetContextFlags(ctx);
    if (!may_wait(flags)) return false;
    nr_task *t = write_new(ctx, argv, argc, cmd, flags);
    if (!t) return false;
    nr_task_block(t, ctx);
    if (cmd->verb == NR_RESTORE) {
        t->id = nr_new_id();
        nr_task_line(ctx, t);
    } else {
        begin(ctx, t);
    }
    return true;
}
