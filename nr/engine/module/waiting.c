/* NR.WAIT: clients that wait for a training to end. */

#include <string.h>

#include "training.h"

/* A waiter is what its client is told with; nothing: time passed first. */
void nr_job_wake(nr_job *job) {
    while (job->waiters) {
        nr_waiter *w = job->waiters;
        job->waiters = w->next;
        memcpy(w->told, job->told, sizeof w->told);
        rm.UnblockClient(w->client, w);
    }
}

static void waiter_free(rm_ctx *ctx, void *waiter) {
    (void)ctx;
    nr_release(waiter);
}

/* The server has time limits for blocked clients, but up to 7.0 a client whose
 * limit passes just as it is unblocked is never answered. So the limit is a
 * timer of the module's. It looks again every second whether its client still
 * waits: it is not known to threads, and cannot be stopped by them. */
enum { LOOK_AGAIN_MS = 1000 };

typedef struct alarm {
    uint64_t number; /* of the waiter */
    uint64_t left;   /* milliseconds */
} alarm;

/* Takes a waiter from its job: found by its number or its client. */
static nr_waiter *take_waiter(uint64_t number, rm_blocked *client, bool take) {
    for (nr_job *job = nr_jobs; job; job = job->next)
        for (nr_waiter **at = &job->waiters; *at; at = &(*at)->next) {
            nr_waiter *w = *at;
            if (w->number != number && w->client != client) continue;
            if (take) *at = w->next;
            return w;
        }
    return NULL;
}

/* The server wants each client's handle back just once. */
static void forget(uint64_t number, rm_blocked *client) {
    nr_jobs_lock();
    nr_waiter *w = take_waiter(number, client, true);
    if (w) rm.UnblockClient(w->client, NULL);
    nr_jobs_unlock();
    nr_release(w);
}

static void on_alarm(rm_ctx *ctx, void *data);

static void set_alarm(rm_ctx *ctx, alarm *a) {
    uint64_t ms = a->left < LOOK_AGAIN_MS ? a->left : LOOK_AGAIN_MS;
    a->left -= ms;
    rm.CreateTimer(ctx, (long long)ms, on_alarm, a);
}

static void on_alarm(rm_ctx *ctx, void *data) {
    alarm *a = data;
    nr_jobs_lock();
    bool waits = take_waiter(a->number, NULL, false) != NULL;
    nr_jobs_unlock();
    if (waits && a->left) {
        set_alarm(ctx, a);
        return;
    }
    if (waits) forget(a->number, NULL);
    nr_release(a);
}

static void on_disconnect(rm_ctx *ctx, rm_blocked *client) {
    (void)ctx;
    forget(0, client);
}

static bool put_text(nr_buf *line, const char *text) {
    return nr_buf_append(line, text, strlen(text));
}

/* An error where the training failed or was dropped, which its line begins
 * with; else 1. */
static int reply_told(rm_ctx *ctx, rm_string *key, const char *told) {
    bool failed = strncmp(told, "failed", 6) == 0;
    nr_buf text = {0};
    nr_error err;
    size_t len;
    const char *name = rm.StringPtrLen(key, &len);
    if (!failed && strncmp(told, "dropped", 7) != 0)
        return rm.ReplyWithLongLong(ctx, 1);
    bool ok = put_text(&text, "ERR the training of ") &&
              nr_key_word(name, len, &text, &err) == NR_OK &&
              put_text(&text, failed ? " " : " was ") &&
              put_text(&text, told) && nr_buf_append(&text, "", 1);
    rm.ReplyWithError(ctx, ok ? (const char *)text.data : "ERR out of memory");
    nr_buf_free(&text);
    return RM_OK;
}

static int on_unblocked(rm_ctx *ctx, rm_string **argv, int argc) {
    (void)argc;
    const nr_waiter *w = rm.GetBlockedClientPrivateData(ctx);
    if (!w) return rm.ReplyWithLongLong(ctx, 0);
    return reply_told(ctx, argv[1], w->told);
}

int nr_job_wait(rm_ctx *ctx, rm_string *key, nr_box *box, uint64_t ms) {
    static uint64_t last;
    int flags = rm.GetContextFlags(ctx);
    const char *told;
    if (!box->job)
        return nr_net_outcome(box->net, &told) == NR_FAILED
                   ? reply_told(ctx, key, told)
                   : rm.ReplyWithLongLong(ctx, 1);
    if (flags & (RM_FLAG_LUA | RM_FLAG_MULTI | RM_FLAG_DENY_BLOCKING))
        return rm.ReplyWithLongLong(ctx, 0); /* as BLPOP there */
    nr_waiter *w = nr_alloc(sizeof *w);
    alarm *a = ms ? nr_alloc(sizeof *a) : NULL;
    if (!w || (ms && !a)) {
        nr_release(w);
        nr_release(a);
        return rm.ReplyWithError(ctx, "ERR out of memory");
    }
    w->number = ++last;
    w->client = rm.BlockClient(ctx, on_unblocked, NULL, waiter_free, 0);
    rm.SetDisconnectCallback(w->client, on_disconnect);
    nr_jobs_lock();
    /* Jobs end in this thread: it is still there. */
    w->next = box->job->waiters;
    box->job->waiters = w;
    nr_jobs_unlock();
    if (!a) return RM_OK;
    *a = (alarm){w->number, ms};
    set_alarm(ctx, a);
    return RM_OK;
}
