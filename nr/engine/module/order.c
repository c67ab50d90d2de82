/* NR.ORDER: trainings that are carried out outside of the server.
 *
 * A worker elsewhere takes an order that waits, gets the network by NR.DUMP,
 * trains it with the same core, and hands over what came of it:
 *
 *     NR.ORDER TAKE key token worker     id, revision, how many have ended, attempt,
 *                                        cycles, milliseconds, AUTOSTOP, BACKTRACK; or nil
 *     NR.ORDER RENEW key token cycles trainerr testerr classerr
 *                                        1: go on, 2: stop, 0: it is not yours any more
 *     NR.ORDER MERGE key token dump      1, or 0: nothing was done
 *     NR.ORDER FAIL key token line       the same, of one that left all as it was
 *     NR.ORDER GIVE key token            lets it wait again; the attempt does not count
 *
 * Who holds an order says so once a second; after nine seconds of silence it
 * waits again, for whoever takes it, three times at most. Until somebody has,
 * the holder may come back, which its token tells. What MERGE and FAIL
 * change reaches replicas and the AOF as the end of any training does; orders
 * themselves do not.
 *
 * It takes nothing on trust all the same: whoever may run dangerous commands may
 * send it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "training.h"

enum { LEASE_MS = 9000, LOOK_MS = 1000, ATTEMPTS = 10 };

typedef struct call {
    rm_ctx *ctx;
    rm_string **argv;
    nr_box *box;
    nr_job *job; /* NULL: there is no order */
    nr_error err;
} call;

static const char *text_of(const call *c, int i, size_t *len) {
    return rm.StringPtrLen(c->argv[i], len);
}

static int number(const call *c, long long n) {
    return rm.ReplyWithLongLong(c->ctx, n);
}

/* Printable, without blanks, and as much as there is room for. */
static void copy_word(char *to, size_t room, const char *from, size_t len) {
    size_t n = len < room ? len : room - 1;
    for (size_t i = 0; i < n; i++)
        to[i] = from[i] > ' ' && from[i] < 0x7f ? from[i] : '?';
    to[n] = '\0';
}

/* ================================ Leases ================================= */

static bool watched; /* a timer looks after those that are outside */

static bool has_run_out(const nr_job *job) {
    return job->outside && nr_now_ms() >= job->deadline;
}

/* Lets it wait again; its token stays until another takes it. */
static void let_wait(nr_job *job) {
    job->outside = job->started = false;
    nr_job_offer();
}

static void abandon(nr_job *job) {
    job->outside = false;
    job->token[0] = '\0';
    job->trained =
        job->stopped
            ? nr_net_unlearned(job->net, NR_KEPT, "stopped by its worker's loss")
            : nr_net_unlearned(job->net, NR_FAILED,
                               "its worker was lost 10 times: it may be this "
                               "training that ends them");
    nr_job_deliver(job);
}

/* The lock is held while jobs are looked at, and not while one is concluded. */
static void look(rm_ctx *ctx, void *unused) {
    bool any = false;
    nr_jobs_lock();
    for (nr_job *job = nr_jobs; job; job = job->next) {
        if (has_run_out(job)) {
            if (job->attempt < ATTEMPTS && !job->stopped)
                let_wait(job);
            else
                abandon(job);
        }
        any = any || job->outside;
    }
    nr_jobs_unlock();
    watched = any;
    if (any) rm.CreateTimer(ctx, LOOK_MS, look, unused);
}

static void hold(call *c) {
    c->job->started = c->job->outside = true;
    c->job->bytes = 0; /* its memory is elsewhere */
    c->job->deadline = nr_now_ms() + LEASE_MS;
    if (watched) return;
    watched = true;
    rm.CreateTimer(c->ctx, LOOK_MS, look, NULL);
}

/* Whether the caller has the order, or may have it back. */
static bool is_mine(const call *c) {
    size_t len;
    const char *token = text_of(c, 3, &len);
    const nr_job *job = c->job;
    return job && len && len == strlen(job->token) &&
           !memcmp(token, job->token, len) && (job->outside || !job->started);
}

/* ============================== Subcommands ============================== */

static int reply_order(call *c) {
    nr_shape shape;
    const nr_command *cmd = &c->job->cmd;
    nr_net_shape(c->box->net, &shape);
    const uint64_t values[] = {shape.id, shape.revision, shape.trainings,
                               (uint64_t)c->job->attempt, cmd->maxcycles,
                               cmd->maxtime, cmd->autostop, cmd->backtrack};
    enum { VALUES = sizeof values / sizeof *values };
    rm.ReplyWithArray(c->ctx, VALUES);
    for (int i = 0; i < VALUES; i++) number(c, (long long)values[i]);
    return RM_OK;
}

static int take(call *c) {
    size_t len, worker_len;
    const char *token = text_of(c, 3, &len);
    const char *worker = text_of(c, 4, &worker_len);
    if (!len || len >= sizeof ((nr_job *)0)->token)
        return rm.ReplyWithError(c->ctx, "ERR a token has 1 to 63 bytes");
    nr_jobs_lock();
    bool waits = c->job && !c->job->started;
    if (waits) {
        hold(c);
        c->job->attempt++;
        memcpy(c->job->token, token, len);
        c->job->token[len] = '\0';
        copy_word(c->job->worker, sizeof c->job->worker, worker, worker_len);
        c->job->told_progress = (nr_progress){0};
    }
    nr_jobs_unlock();
    return waits ? reply_order(c) : rm.ReplyWithNull(c->ctx);
}

static double real(const call *c, int i) {
    double value = atof(text_of(c, i, NULL));
    return value >= 0 && value < 1e300 ? value : 0;
}

static int renew(call *c) {
    int state = 0;
    long long cycles;
    nr_jobs_lock();
    if (is_mine(c)) {
        hold(c);
        bool counted = rm.StringToLongLong(c->argv[4], &cycles) == RM_OK;
        c->job->told_progress = (nr_progress){
            counted && cycles > 0 ? (uint64_t)cycles : 0, real(c, 5),
            real(c, 6), real(c, 7)};
        state = c->job->stopped ? 2 : 1;
    }
    nr_jobs_unlock();
    return number(c, state);
}

static int give(call *c) {
    nr_jobs_lock();
    bool mine = is_mine(c) && c->job->outside;
    if (mine && c->job->stopped) {
        abandon(c->job);
    } else if (mine) {
        c->job->attempt--;
        c->job->token[0] = '\0';
        let_wait(c->job);
    }
    nr_jobs_unlock();
    return number(c, mine);
}

/* What was trained elsewhere ends as what was trained here. */
static int end(call *c, nr_net *trained, rm_string *blob) {
    nr_job *job = c->job;
    nr_jobs_lock();
    bool mine = is_mine(c); /* a thread may have taken it meanwhile */
    if (mine) {
        job->started = true;
        job->outside = false;
        job->token[0] = '\0';
    }
    nr_jobs_unlock();
    if (!mine) {
        nr_net_free(trained);
        if (blob) rm.FreeString(NULL, blob);
        return number(c, 0);
    }
    job->trained = trained;
    job->blob = blob;
    return number(c, nr_job_conclude(c->ctx, job));
}

static int merge(call *c) {
    size_t len;
    const char *line, *dump = text_of(c, 4, &len);
    nr_net *trained;
    if (!is_mine(c)) return number(c, 0);
    if (nr_net_load((const unsigned char *)dump, len, 0, &trained, &c->err) !=
        NR_OK)
        return nr_reply_error(c->ctx, &c->err);
    rm_string *blob = nr_net_outcome(trained, &line) == NR_MERGED
                          ? rm.CreateString(NULL, dump, len)
                          : NULL;
    return end(c, trained, blob);
}

static int fail(call *c) {
    size_t len;
    const char *line = text_of(c, 4, &len);
    if (!is_mine(c)) return number(c, 0);
    nr_net *told = nr_net_bare(c->job->net);
    if (!told) {
        nr_nomem(&c->err);
        return nr_reply_error(c->ctx, &c->err);
    }
    if (nr_net_tell(told, line, len, &c->err) != NR_OK) {
        nr_net_free(told);
        return nr_reply_error(c->ctx, &c->err);
    }
    return end(c, told, NULL);
}

/* ================================ One way in ============================= */

static const struct {
    const char *word;
    int argc;
    int (*run)(call *);
} subcommands[] = {
    {"TAKE", 5, take},   {"RENEW", 8, renew}, {"MERGE", 5, merge},
    {"FAIL", 5, fail},   {"GIVE", 4, give},
};
enum { SUBCOMMANDS = sizeof subcommands / sizeof *subcommands };

static int run(rm_ctx *ctx, rm_string **argv, int which) {
    call c = {.ctx = ctx, .argv = argv};
    rm_key *key = rm.OpenKey(ctx, argv[2], RM_READ | RM_WRITE);
    c.box = nr_box_in(key);
    bool other = key && !c.box && rm.KeyType(key) != RM_KEYTYPE_EMPTY;
    if (c.box) nr_identify(ctx, argv[2], c.box);
    if (key) rm.CloseKey(key); /* a merge opens it itself */
    if (!c.box)
        return rm.ReplyWithError(ctx, other ? RM_WRONGTYPE : "ERR no such key");
    c.job = c.box->job;
    return subcommands[which].run(&c);
}

int nr_order(rm_ctx *ctx, rm_string **argv, int argc) {
    static const char *const categories[] = {"all", "admin", "dangerous",
                                             NULL};
    if (!nr_may_run(ctx, "nr.order", categories))
        return rm.ReplyWithError(ctx, "NOPERM this user has no permissions to "
                                      "run the 'nr.order' command");
    const char *word = argc > 1 ? rm.StringPtrLen(argv[1], NULL) : "";
    for (int i = 0; i < SUBCOMMANDS; i++)
        if (strcasecmp(word, subcommands[i].word) == 0)
            return argc == subcommands[i].argc
                       ? run(ctx, argv, i)
                       : rm.ReplyWithError(ctx, "ERR wrong number of arguments "
                                                "for 'nr.order' command");
    return rm.ReplyWithError(ctx, "ERR Syntax error in NR.ORDER");
}
