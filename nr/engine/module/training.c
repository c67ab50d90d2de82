/* Trainings: a line of jobs, and a bounded number of threads that take them.
 *
 * NR.TRAIN clones the network, which costs microseconds, and everything that
 * takes longer (copying samples, cycles, the last measurements, the dump for
 * replicas) a worker does without the server's lock. It takes the lock once, at
 * the end, to merge. Merging at the next NR.* command, as Neural Redis does,
 * was rejected: a SAVE before it would lose the training.
 *
 * A job lies where it was made until it ends; the network's box and the job
 * point at each other. What becomes of the key (RENAME, MOVE, SWAPDB) is told
 * by events.c; that the network is gone, by its box being freed, on whatever
 * thread. So the mutex here guards all jobs, their boxes' pointers to them and
 * their waiting clients. Whoever holds it never asks for the server's lock. */

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../core/internal.h"
#include "module.h"

typedef struct waiter {
    struct waiter *next;
    uint64_t number; /* from 1 */
    rm_blocked *client;
} waiter;

struct nr_job {
    nr_job *next;
    nr_box *owner;
    rm_string *key;
    int db;
    uint64_t id;
    nr_net *net;    /* a clone, as it was when the training was asked for */
    nr_command cmd; /* its limits */
    nr_trainer *trainer; /* NULL: in line, or not any more */
    bool started, stopped, dropped, failed;
    waiter *waiters;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static nr_job *jobs; /* oldest first: running ones and those in line */
static long long most_threads, threads, idle;
static rm_ctx *merging; /* for use under the server's lock */

static void lock(void) { pthread_mutex_lock(&mutex); }
static void unlock(void) { pthread_mutex_unlock(&mutex); }

/* ========================= A job and its network ========================= */

static void job_free(nr_job *job) {
    nr_trainer_free(job->trainer);
    nr_net_free(job->net);
    if (job->key) rm.FreeString(NULL, job->key);
    nr_release(job);
}

/* What a client that waited is told; nothing: time passed first. */
static char ended, failed;

static void wake(nr_job *job) {
    while (job->waiters) {
        waiter *w = job->waiters;
        job->waiters = w->next;
        rm.UnblockClient(w->client, job->failed ? &failed : &ended);
        nr_release(w);
    }
}

/* Parts a job from its network: to all who ask, the training has ended. */
static void part(nr_job *job) {
    nr_job **at = &jobs;
    while (*at != job) at = &(*at)->next;
    *at = job->next;
    job->owner->job = NULL;
    job->owner = NULL;
    wake(job);
}

/* Asks the worker to end; a job that still stands in line ends here. */
static void end(nr_job *job, bool drop) {
    job->stopped = true;
    job->dropped = drop;
    if (job->trainer) nr_trainer_stop(job->trainer);
    if (drop || !job->started) part(job);
    if (!job->started) job_free(job);
}

void nr_job_drop(nr_box *box) {
    lock();
    if (box->job) end(box->job, true);
    unlock();
}

bool nr_job_stop(nr_box *box) {
    lock();
    bool there = box->job != NULL;
    if (there) end(box->job, false);
    unlock();
    return there;
}

void nr_job_adopted(nr_box *box) {
    lock();
    if (box->job) box->job->owner = box;
    unlock();
}

void nr_job_moved(rm_ctx *ctx, rm_string *key, nr_box *box) {
    size_t len;
    const char *text = rm.StringPtrLen(key, &len);
    rm_string *own = rm.CreateString(NULL, text, len);
    lock();
    if (box->job) {
        rm_string *old = box->job->key;
        box->job->key = own;
        box->job->db = rm.GetSelectedDb(ctx);
        own = old;
    }
    unlock();
    rm.FreeString(NULL, own);
}

void nr_jobs_swap(int first, int second) {
    lock();
    for (nr_job *job = jobs; job; job = job->next)
        job->db = job->db == first    ? second
                  : job->db == second ? first
                                      : job->db;
    unlock();
}

void nr_jobs_flush(int db) {
    lock();
    for (nr_job *job = jobs, *next; job; job = next) {
        next = job->next;
        if (db < 0 || job->db == db) end(job, true);
    }
    unlock();
}

/* ================================ Workers ================================ */

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static nr_job *next_in_line(void) {
    lock();
    for (;;) {
        nr_job *job = jobs;
        while (job && job->started) job = job->next;
        if (job) {
            job->started = true;
            unlock();
            return job;
        }
        idle++;
        pthread_cond_wait(&more, &mutex);
        idle--;
    }
}

/* Shows the trainer to NR.THREADS and NR.STOP, or takes it away from them. */
static void show(nr_job *job, nr_trainer *trainer) {
    lock();
    job->trainer = trainer;
    if (trainer && job->stopped) nr_trainer_stop(trainer);
    unlock();
}

/* Trains: the trained network, or NULL and the reason. */
static nr_net *train(nr_job *job, nr_error *err) {
    nr_trainer *trainer;
    nr_net *trained = NULL;
    uint64_t start = now_ms();
    if (nr_trainer_create(job->net, &job->cmd, &trainer, err) != NR_OK)
        return NULL;
    show(job, trainer);
    while (nr_trainer_step(trainer, now_ms() - start)) continue;
    show(job, NULL);
    if (nr_trainer_finish(trainer, now_ms() - start, &trained, err) != NR_OK)
        trained = NULL;
    nr_trainer_free(trainer);
    return trained;
}

/* What replicas and the AOF get: the trained network without its samples. */
static rm_string *dump(const nr_net *trained, nr_error *err) {
    nr_buf blob = {0};
    rm_string *text = NULL;
    if (nr_dump_bare(trained, &blob, err) == NR_OK)
        text = rm.CreateString(NULL, (const char *)blob.data, blob.len);
    nr_buf_free(&blob);
    return text;
}

/* Under the server's lock, with the box alive. A server that has become a
 * replica meanwhile must not change anything by itself. */
static nr_status merge(nr_job *job, nr_box *box, const nr_net *trained,
                       rm_string *blob, nr_error *err) {
    nr_status status = NR_STALE;
    nr_net *before = nr_net_bare(box->net);
    rm.SelectDb(merging, job->db);
    rm_key *key = rm.OpenKey(merging, job->key, RM_READ | RM_WRITE);
    if (nr_box_in(key) == box &&
        rm.GetContextFlags(merging) & RM_FLAG_MASTER)
        status = nr_net_merge(box->net, trained, err);
    else
        nr_fail(err, "ERR its key has gone, or the server is a replica now");
    if (status == NR_OK) {
        rm.Replicate(merging, "NR.REPLAY", "css", "MERGE", job->key, blob);
        rm.NotifyKeyspaceEvent(merging, RM_NOTIFY_MODULE, "nr.trained",
                               job->key);
    }
    rm.CloseKey(key);
    nr_free_aside(before); /* the old weights */
    return status;
}

/* Ends a job: merges, if its network still wants it. Where it failed, what is
 * merged says so, and is nothing where there is no memory even for that. */
static void conclude(nr_job *job, const nr_net *trained, rm_string *blob,
                     bool failed_to, nr_error *err) {
    rm.ThreadSafeContextLock(merging);
    lock();
    bool wanted = !job->dropped;
    nr_box *box = job->owner;
    job->failed = failed_to || !blob;
    unlock();
    /* A box is freed by this thread's leave, or dropped its job before. */
    nr_status status = NR_NOMEM;
    if (wanted && blob) status = merge(job, box, trained, blob, err);
    if (wanted && (failed_to || status != NR_OK))
        rm.Log(merging, "warning", "the training of network %llu is lost: %s",
               (unsigned long long)job->id, err->text);
    lock();
    if (!job->dropped) part(job);
    unlock();
    if (blob) rm.FreeString(NULL, blob);
    rm.FreeString(NULL, job->key);
    job->key = NULL;
    rm.ThreadSafeContextUnlock(merging);
}

static void work(void) {
    for (;;) {
        nr_job *job = next_in_line();
        nr_error err = {""};
        nr_net *trained = train(job, &err);
        bool failed_to = !trained;
        if (failed_to) trained = nr_net_unlearned(job->net);
        rm_string *blob = trained ? dump(trained, &err) : NULL;
        conclude(job, trained, blob, failed_to, &err);
        nr_net_free(trained);
        job_free(job);
    }
}

/* ============================ What commands do =========================== */

int nr_trainings_begin(rm_ctx *ctx, long long most) {
    most_threads = most;
    merging = rm.GetDetachedThreadSafeContext(ctx);
    return merging ? RM_OK : RM_ERR;
}

static nr_job *job_new(rm_ctx *ctx, rm_string *key, nr_box *box,
                       const nr_command *cmd) {
    size_t len;
    nr_shape shape;
    const char *text = rm.StringPtrLen(key, &len);
    nr_job *job = nr_alloc(sizeof *job);
    if (!job) return NULL;
    memset(job, 0, sizeof *job);
    job->cmd.verb = cmd->verb;
    job->cmd.maxcycles = cmd->maxcycles, job->cmd.maxtime = cmd->maxtime;
    job->cmd.autostop = cmd->autostop, job->cmd.backtrack = cmd->backtrack;
    job->owner = box;
    job->key = rm.CreateString(NULL, text, len);
    job->db = rm.GetSelectedDb(ctx);
    nr_net_shape(box->net, &shape);
    job->id = shape.id;
    job->net = nr_net_clone(box->net);
    if (job->net) return job;
    job_free(job);
    return NULL;
}

nr_status nr_job_start(rm_ctx *ctx, rm_string *key, nr_box *box,
                       const nr_command *cmd, nr_error *err) {
    static const nr_routine worker = {work};
    if (box->job)
        return nr_fail(err, "ERR neural network training already in progress");
    size_t len;
    const char *name = rm.StringPtrLen(key, &len);
    nr_status status = nr_trainer_check(box->net, cmd, name, len,
                                        nr_memory(ctx), err);
    if (status != NR_OK) return status;
    nr_job *job = job_new(ctx, key, box, cmd);
    if (!job) return nr_nomem(err);
    lock();
    if (idle == 0 && threads < most_threads)
        threads += nr_thread_start(&worker);
    if (threads == 0) {
        unlock();
        job_free(job);
        return nr_fail(err, "ERR no thread can be started for the training");
    }
    nr_job **last = &jobs;
    while (*last) last = &(*last)->next;
    *last = job;
    box->job = job;
    pthread_cond_signal(&more);
    unlock();
    return NR_OK;
}

static bool put_key(nr_buf *line, rm_string *name) {
    char text[8];
    size_t len;
    const char *key = rm.StringPtrLen(name, &len);
    bool ok = true;
    for (size_t i = 0; i < len && ok; i++) {
        unsigned char b = (unsigned char)key[i];
        bool plain = b > 0x20 && b < 0x7f && b != '\\';
        int n = snprintf(text, sizeof text, plain ? "%c" : "\\x%02x", b);
        ok = nr_buf_append(line, text, (size_t)n);
    }
    return ok;
}

static bool put_line(nr_buf *line, const nr_job *job) {
    char text[512];
    nr_progress p = {0};
    if (job->trainer) nr_trainer_progress(job->trainer, &p);
    int n = snprintf(text, sizeof text, "nn_id=%llu cycle=%llu key=",
                     (unsigned long long)job->id,
                     (unsigned long long)p.cycles);
    bool ok = nr_buf_append(line, text, (size_t)n) && put_key(line, job->key);
    n = snprintf(text, sizeof text,
                 " db=%d maxtime=%llu maxcycles=%llu trainerr=%f testerr=%f "
                 "classerr=%f",
                 job->db, (unsigned long long)job->cmd.maxtime,
                 (unsigned long long)job->cmd.maxcycles, p.train_error,
                 p.test_error, p.class_errors);
    return ok && n > 0 && (size_t)n < sizeof text &&
           nr_buf_append(line, text, (size_t)n + 1);
}

int nr_job_list(rm_ctx *ctx) {
    nr_buf lines = {0};
    long n = 0;
    lock();
    for (const nr_job *job = jobs; job; job = job->next) {
        size_t before = lines.len;
        if (!nr_may_read(ctx, job->key)) continue;
        if (put_line(&lines, job))
            n++;
        else
            lines.len = before;
    }
    unlock();
    rm.ReplyWithArray(ctx, n);
    const char *line = (const char *)lines.data;
    for (; n; n--, line += strlen(line) + 1)
        rm.ReplyWithSimpleString(ctx, line);
    nr_buf_free(&lines);
    return RM_OK;
}

/* ================================ Waiting ================================ */

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
static waiter *take_waiter(uint64_t number, rm_blocked *client, bool take) {
    for (nr_job *job = jobs; job; job = job->next)
        for (waiter **at = &job->waiters; *at; at = &(*at)->next) {
            waiter *w = *at;
            if (w->number != number && w->client != client) continue;
            if (take) *at = w->next;
            return w;
        }
    return NULL;
}

/* The server wants each client's handle back just once. */
static void forget(uint64_t number, rm_blocked *client) {
    lock();
    waiter *w = take_waiter(number, client, true);
    if (w) rm.UnblockClient(w->client, NULL);
    unlock();
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
    lock();
    bool waits = take_waiter(a->number, NULL, false) != NULL;
    unlock();
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

static int reply_failed(rm_ctx *ctx, rm_string *key) {
    static const char before[] = "ERR the training of ";
    static const char after[] = " failed: out of memory";
    nr_buf text = {0};
    bool ok = nr_buf_append(&text, before, sizeof before - 1) &&
              put_key(&text, key) && nr_buf_append(&text, after, sizeof after);
    rm.ReplyWithError(ctx, ok ? (const char *)text.data : "ERR out of memory");
    nr_buf_free(&text);
    return RM_OK;
}

static int on_unblocked(rm_ctx *ctx, rm_string **argv, int argc) {
    (void)argc;
    const void *told = rm.GetBlockedClientPrivateData(ctx);
    if (told == &failed) return reply_failed(ctx, argv[1]);
    return rm.ReplyWithLongLong(ctx, told != NULL);
}

int nr_job_wait(rm_ctx *ctx, rm_string *key, nr_box *box, uint64_t ms) {
    static uint64_t last;
    int flags = rm.GetContextFlags(ctx);
    if (!box->job && nr_net_failed(box->net)) return reply_failed(ctx, key);
    if (!box->job) return rm.ReplyWithLongLong(ctx, 1);
    if (flags & (RM_FLAG_LUA | RM_FLAG_MULTI | RM_FLAG_DENY_BLOCKING))
        return rm.ReplyWithLongLong(ctx, 0); /* as BLPOP there */
    waiter *w = nr_alloc(sizeof *w);
    alarm *a = ms ? nr_alloc(sizeof *a) : NULL;
    if (!w || (ms && !a)) {
        nr_release(w);
        nr_release(a);
        return rm.ReplyWithError(ctx, "ERR out of memory");
    }
    w->number = ++last;
    w->client = rm.BlockClient(ctx, on_unblocked, NULL, NULL, 0);
    rm.SetDisconnectCallback(w->client, on_disconnect);
    lock();
    /* A worker needs the server's lock to end the job: it is still there. */
    w->next = box->job->waiters;
    box->job->waiters = w;
    unlock();
    if (!a) return RM_OK;
    *a = (alarm){w->number, ms};
    set_alarm(ctx, a);
    return RM_OK;
}
