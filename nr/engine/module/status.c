/* NR.THREADS: the trainings that run or stand in line, one line each; and the
 * module's section of INFO, which counts them. */

#include <string.h>

#include "training.h"

static bool put_line(nr_buf *line, const nr_job *job) {
    nr_error err;
    nr_training t = {.id = job->id,
                     .db = (uint64_t)job->db,
                     .maxtime = job->cmd.maxtime,
                     .maxcycles = job->cmd.maxcycles,
                     .attempt = (uint64_t)job->attempt,
                     .progress = job->told_progress,
                     .worker = job->worker,
                     .running = job->started};
    t.key = rm.StringPtrLen(job->key, &t.keylen);
    if (job->trainer) nr_trainer_progress(job->trainer, &t.progress);
    return nr_training_line(&t, line, &err) == NR_OK &&
           nr_buf_append(line, "", 1);
}

int nr_job_list(rm_ctx *ctx) {
    nr_buf lines = {0};
    long n = 0;
    nr_jobs_lock();
    for (const nr_job *job = nr_jobs; job; job = job->next) {
        size_t before = lines.len;
        if (!nr_may_read(ctx, job->key)) continue;
        if (put_line(&lines, job))
            n++;
        else
            lines.len = before;
    }
    nr_jobs_unlock();
    rm.ReplyWithArray(ctx, n);
    const char *line = (const char *)lines.data;
    for (; n; n--, line += strlen(line) + 1)
        rm.ReplyWithSimpleString(ctx, line);
    nr_buf_free(&lines);
    return RM_OK;
}

typedef struct counts {
    unsigned long long running, waiting, outside, waiters;
} counts;

static counts count_jobs(void) {
    counts found = {0};
    nr_jobs_lock();
    for (const nr_job *job = nr_jobs; job; job = job->next) {
        if (job->started)
            found.running++;
        else
            found.waiting++;
        found.outside += job->outside;
        for (const nr_waiter *w = job->waiters; w; w = w->next)
            found.waiters++;
    }
    nr_jobs_unlock();
    return found;
}

/* A server that has crashed may hold any lock: it is told what needs none. */
void nr_tell_info(rm_info *info, int crash) {
    rm.InfoAddSection(info, "");
    rm.InfoAddFieldCString(info, "instruction_set", nr_isa());
    if (crash) return;
    counts found = count_jobs();
    rm.InfoAddFieldULongLong(info, "trainings_running", found.running);
    rm.InfoAddFieldULongLong(info, "trainings_waiting", found.waiting);
    rm.InfoAddFieldULongLong(info, "trainings_outside", found.outside);
    rm.InfoAddFieldULongLong(info, "clients_waiting", found.waiters);
    rm.InfoAddFieldULongLong(info, "memory_reserved",
                             nr_tasks_reserved() + nr_jobs_reserved());
}
