/* Trainings: a line of jobs, and a bounded number of threads that take them.
 *
 * NR.TRAIN clones the network, which costs microseconds, and everything that
 * takes longer (copying samples, cycles, the last measurements, the dump for
 * replicas) a worker does on its own. The result is merged when it is there,
 * in the server's main thread. Merging at the next NR.* command, as Neural
 * Redis does, was rejected: a SAVE before it would lose the training; merging
 * from the worker under the server's lock, too: Redis 8.0 aborts when another
 * thread causes a client to be written to (MONITOR, SUBSCRIBE, tracking).
 *
 * A job lies where it was made until it ends; the network's box and the job
 * point at each other. What becomes of the key (RENAME, MOVE, SWAPDB) is told
 * by events.c; that the network is gone, by its box being freed, on whatever
 * thread. So the mutex here guards all jobs, their boxes' pointers to them and
 * their waiting clients. */

#define _GNU_SOURCE /* gethostname */

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "training.h"

nr_job *nr_jobs;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static long long most_threads, threads, idle;
static uint64_t taken; /* bytes, by the trainings that run */
static char this_worker[160]; /* as NR.THREADS names it */

void nr_jobs_lock(void) { pthread_mutex_lock(&mutex); }
void nr_jobs_unlock(void) { pthread_mutex_unlock(&mutex); }

/* ========================= A job and its network ========================= */

static void job_free(nr_job *job) {
    nr_background_free(job->net);
    nr_background_free(job->trained);
    if (job->blob) rm.FreeString(NULL, job->blob);
    if (job->key) rm.FreeString(NULL, job->key);
    nr_release(job);
}

static void tell(nr_job *job, const char *kind, const char *why) {
    snprintf(job->told, sizeof job->told, "%s: %s", kind,
             strncmp(why, "ERR ", 4) == 0 ? why + 4 : why);
}

/* Parts a job from its network: to all who ask, the training has ended. */
static void part(nr_job *job) {
    nr_job **at = &nr_jobs;
    while (*at != job) at = &(*at)->next;
    *at = job->next;
    job->owner->job = NULL;
    job->owner = NULL;
    nr_job_wake(job);
}

/* Asks the worker to end. A job that still stands in line has none: it is
 * concluded as it is. */
static void stop(nr_job *job) {
    job->stopped = true;
    if (job->trainer) nr_trainer_stop(job->trainer);
    if (job->started) return; /* a worker outside hears of it when it renews */
    job->started = true;
    job->token[0] = '\0';
    job->trained = nr_net_unlearned(job->net, NR_KEPT,
                                    "stopped before its first cycle");
    nr_deliver(&job->delivery);
}

/* To its network the training has ended, whatever the worker still does. */
static void drop(nr_job *job, const char *why) {
    job->stopped = job->dropped = true;
    if (job->trainer) nr_trainer_stop(job->trainer);
    tell(job, "dropped", why);
    part(job);
    if (!job->started || job->outside) job_free(job);
}

void nr_job_drop(nr_box *box, const char *why) {
    nr_jobs_lock();
    if (box->job) drop(box->job, why);
    pthread_cond_broadcast(&more); /* the next in line may take its place */
    nr_jobs_unlock();
}

bool nr_job_stop(nr_box *box) {
    nr_jobs_lock();
    bool there = box->job != NULL;
    if (there) stop(box->job);
    pthread_cond_broadcast(&more);
    nr_jobs_unlock();
    return there;
}

void nr_job_adopted(nr_box *box) {
    nr_jobs_lock();
    if (box->job) box->job->owner = box;
    nr_jobs_unlock();
}

void nr_job_moved(rm_ctx *ctx, rm_string *key, nr_box *box) {
    size_t len;
    const char *text = rm.StringPtrLen(key, &len);
    rm_string *own = rm.CreateString(NULL, text, len);
    nr_jobs_lock();
    if (box->job) {
        rm_string *old = box->job->key;
        box->job->key = own;
        box->job->db = rm.GetSelectedDb(ctx);
        own = old;
    }
    nr_jobs_unlock();
    rm.FreeString(NULL, own);
}

void nr_jobs_swap(int first, int second) {
    nr_jobs_lock();
    for (nr_job *job = nr_jobs; job; job = job->next)
        job->db = job->db == first    ? second
                  : job->db == second ? first
                                      : job->db;
    nr_jobs_unlock();
}

void nr_jobs_flush(int db, const char *why) {
    nr_jobs_lock();
    for (nr_job *job = nr_jobs, *next; job; job = next) {
        next = job->next;
        if (db < 0 || job->db == db) drop(job, why);
    }
    pthread_cond_broadcast(&more);
    nr_jobs_unlock();
}

/* ================================ Workers ================================ */

uint64_t nr_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The first in line waits until there is memory for it beside those that run,
 * and so do all behind it: small ones would keep a large one waiting for ever. */
static nr_job *next_in_line(void) {
    nr_jobs_lock();
    for (;;) {
        nr_job *job = nr_jobs;
        while (job && job->started) job = job->next;
        if (job && (taken == 0 || !job->most || taken + job->needs <= job->most)) {
            job->started = true;
            job->attempt++;
            job->token[0] = '\0';
            memcpy(job->worker, this_worker, sizeof job->worker);
            taken += job->needs;
            nr_jobs_unlock();
            return job;
        }
        idle++;
        pthread_cond_wait(&more, &mutex);
        idle--;
    }
}

/* Shows the trainer to NR.THREADS and NR.STOP, or takes it away from them. */
static void show(nr_job *job, nr_trainer *trainer) {
    nr_jobs_lock();
    job->trainer = trainer;
    job->bytes = 0;
    if (trainer && job->stopped) nr_trainer_stop(trainer);
    nr_jobs_unlock();
}

/* Trains: the trained network, or NULL and the reason. */
static nr_net *train(nr_job *job) {
    nr_trainer *trainer;
    nr_net *trained = NULL;
    uint64_t start = nr_now_ms();
    if (nr_trainer_create(job->net, &job->cmd, &trainer, &job->err) != NR_OK) {
        show(job, NULL);
        return NULL;
    }
    show(job, trainer);
    while (nr_trainer_step(trainer, nr_now_ms() - start)) continue;
    show(job, NULL);
    if (nr_trainer_finish(trainer, nr_now_ms() - start, &trained, &job->err) !=
        NR_OK)
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

/* A server that has become a replica meanwhile must not change anything by
 * itself. */
static nr_status merge(rm_ctx *ctx, nr_job *job) {
    nr_status status = NR_STALE;
    nr_box *box = job->owner;
    const char *told;
    nr_net *before = nr_net_bare(box->net);
    rm.SelectDb(ctx, job->db);
    rm_key *key = rm.OpenKey(ctx, job->key, RM_READ | RM_WRITE);
    if (nr_box_in(key) == box && rm.GetContextFlags(ctx) & RM_FLAG_MASTER)
        status = nr_net_merge(box->net, job->trained, &job->err);
    else
        nr_fail(&job->err,
                "ERR its key has gone, or the server is a replica now");
    if (status == NR_OK && nr_net_outcome(job->trained, &told) == NR_MERGED) {
        rm.Replicate(ctx, "NR.REPLAY", "css", "MERGE", job->key, job->blob);
        rm.NotifyKeyspaceEvent(ctx, RM_NOTIFY_MODULE, "nr.trained", job->key);
    } else if (status == NR_OK) {
        nr_replicate_told(ctx, job->key, told);
    }
    rm.CloseKey(key);
    nr_background_free(before); /* the old weights */
    return status;
}

/* Ends a job: merges, if its network still wants it, and says what became of it.
 * There is nothing to merge where there was no memory even to say that it failed. */
bool nr_job_conclude(rm_ctx *ctx, nr_job *job) {
    const char *line = "failed: out of memory";
    nr_status status = NR_NOMEM;
    nr_jobs_lock();
    bool wanted = !job->dropped;
    nr_jobs_unlock();
    /* A box that another thread frees has lost its job in this one before. */
    if (wanted && job->trained) status = merge(ctx, job);
    if (status == NR_OK) nr_net_outcome(job->trained, &line);
    nr_jobs_lock();
    if (wanted && status == NR_STALE)
        tell(job, "dropped", job->err.text);
    else if (wanted)
        snprintf(job->told, sizeof job->told, "%s", line);
    if (strncmp(job->told, "failed", 6) == 0 ||
        strncmp(job->told, "dropped", 7) == 0)
        rm.Log(ctx, "warning", "the training of network %llu %s",
               (unsigned long long)job->id, job->told);
    if (!job->dropped) part(job);
    nr_jobs_unlock();
    job_free(job);
    return wanted && status == NR_OK;
}

static void conclude(rm_ctx *ctx, nr_delivery *delivery) {
    nr_job_conclude(ctx, (nr_job *)delivery); /* it comes first there */
}

void nr_job_deliver(nr_job *job) { nr_deliver(&job->delivery); }

void nr_job_offer(void) { pthread_cond_broadcast(&more); }

static void give_back(uint64_t bytes) {
    nr_jobs_lock();
    taken -= bytes;
    pthread_cond_broadcast(&more);
    nr_jobs_unlock();
}

static void work(void) {
    for (;;) {
        nr_job *job = next_in_line();
        const char *line;
        job->trained = train(job);
        bool learned = job->trained &&
                       nr_net_outcome(job->trained, &line) == NR_MERGED;
        if (learned) job->blob = dump(job->trained, &job->err);
        if (!job->trained || (learned && !job->blob)) {
            nr_net_free(job->trained);
            job->trained =
                nr_net_unlearned(job->net, NR_FAILED, job->err.text);
        }
        give_back(job->needs);
        nr_hand_over(&job->delivery);
    }
}

/* ============================ What commands do =========================== */

void nr_trainings_begin(long long most) {
    char host[128] = "";
    gethostname(host, sizeof host - 1);
    snprintf(this_worker, sizeof this_worker, "%s:%ld", host, (long)getpid());
    most_threads = most;
}

static nr_job *job_new(rm_ctx *ctx, rm_string *key, nr_box *box,
                       const nr_command *cmd) {
    size_t len;
    nr_shape shape;
    const char *text = rm.StringPtrLen(key, &len);
    nr_job *job = nr_alloc(sizeof *job);
    if (!job) return NULL;
    memset(job, 0, sizeof *job);
    job->delivery.deliver = conclude;
    job->cmd.verb = cmd->verb;
    job->cmd.maxcycles = cmd->maxcycles, job->cmd.maxtime = cmd->maxtime;
    job->cmd.autostop = cmd->autostop, job->cmd.backtrack = cmd->backtrack;
    job->owner = box;
    job->key = rm.CreateString(NULL, text, len);
    job->db = rm.GetSelectedDb(ctx);
    nr_net_shape(box->net, &shape);
    job->id = shape.id;
    job->needs = nr_trainer_bytes(box->net);
    job->most = nr_memory(ctx) / 2;
    job->net = nr_net_clone(box->net);
    if (job->net) return job;
    job_free(job);
    return NULL;
}

nr_status nr_job_start(rm_ctx *ctx, rm_string *key, nr_box *box,
                       const nr_command *cmd, nr_error *err) {
    static const nr_routine worker = {work};
    if (box->job)
        return nr_fail(err, NR_IN_TRAINING);
    size_t len;
    const char *name = rm.StringPtrLen(key, &len);
    nr_status status = nr_trainer_check(box->net, cmd, name, len,
                                        nr_memory(ctx), err);
    if (status != NR_OK) return status;
    uint64_t bytes = most_threads ? nr_trainer_bytes(box->net) : 0;
    if (!nr_has_memory(ctx, bytes)) return nr_fail(err, RM_OOM);
    nr_job *job = job_new(ctx, key, box, cmd);
    if (!job) return nr_nomem(err);
    job->bytes = bytes;
    nr_jobs_lock();
    if (idle == 0 && threads < most_threads)
        threads += nr_thread_start(&worker);
    if (threads == 0 && most_threads) {
        nr_jobs_unlock();
        job_free(job);
        return nr_fail(err, "ERR no thread can be started for the training");
    }
    nr_job **last = &nr_jobs;
    while (*last) last = &(*last)->next;
    *last = job;
    box->job = job;
    pthread_cond_signal(&more);
    nr_jobs_unlock();
    return NR_OK;
}

void nr_job_due(rm_ctx *ctx, rm_string *key, nr_box *box, uint64_t ordered) {
    static const char *const words[] = {"NR.TRAIN", "key"};
    static const size_t lens[] = {8, 3};
    const int loading = RM_FLAG_LOADING | RM_FLAG_ASYNC_LOADING;
    nr_command cmd;
    nr_error err;
    uint64_t due = nr_net_ordered(box->net) - ordered;
    if (!due) return; /* before the flags, which take their time */
    int flags = rm.GetContextFlags(ctx);
    if (!(flags & RM_FLAG_MASTER) || flags & loading) return;
    nr_replicate_coalesced(ctx, key, box, box->job ? due : due - 1);
    if (box->job) return;
    nr_identify(ctx, key, box);
    nr_status status = nr_command_parse(&cmd, 2, words, lens, &err);
    nr_training_choose(box->net, &cmd);
    if (status == NR_OK) status = nr_job_start(ctx, key, box, &cmd, &err);
    if (status != NR_OK)
        rm.Log(ctx, "warning", "a training that samples made due: %s",
               err.text);
}

/* Of those that are trained beside another one: the others in line begin when
 * these have ended. */
uint64_t nr_jobs_reserved(void) {
    uint64_t bytes = 0;
    nr_jobs_lock();
    long long n = 1;
    for (nr_job *job = nr_jobs; job && n < most_threads; job = job->next, n++)
        bytes += job->bytes;
    nr_jobs_unlock();
    return bytes;
}
