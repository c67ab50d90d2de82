/* What training.c and waiting.c share: jobs, and the mutex that guards them. */

#ifndef NR_MODULE_TRAINING_H
#define NR_MODULE_TRAINING_H

#include "module.h"

typedef struct nr_waiter {
    struct nr_waiter *next;
    uint64_t number; /* from 1 */
    rm_blocked *client;
    char told[NR_OUTCOME_TEXT]; /* what became of the training, at its end */
} nr_waiter;

struct nr_job {
    nr_delivery delivery; /* to the main thread, at its end */
    nr_job *next;
    nr_box *owner;
    rm_string *key;
    int db;
    uint64_t id;
    nr_net *net;    /* a clone, as it was when the training was asked for */
    nr_command cmd; /* its limits */
    nr_trainer *trainer; /* NULL: in line, or not any more */
    nr_net *trained;     /* what came of it, NULL: not even a failure */
    rm_string *blob;     /* trained weights for replicas and the AOF, or NULL */
    nr_error err;
    uint64_t bytes; /* reserved for its trainer, until that is made */
    uint64_t needs, most; /* bytes of its trainer; of all that run together */
    char told[NR_OUTCOME_TEXT]; /* what became of it */
    bool started, stopped, dropped;
    int attempt; /* how often it was taken */
    bool outside; /* a worker elsewhere holds it: order.c */
    uint64_t deadline; /* of that, as nr_now_ms tells the time */
    char token[64], worker[160]; /* that one's; "": nobody's */
    nr_progress told_progress;
    nr_waiter *waiters;
};

extern nr_job *nr_jobs; /* oldest first: running ones and those in line */
void nr_jobs_lock(void);
void nr_jobs_unlock(void);

uint64_t nr_now_ms(void);
/* Under the lock: an order waits, and a thread of the server may take it; or it
 * is to be concluded by a timer. */
void nr_job_offer(void);
void nr_job_deliver(nr_job *job);
/* Merges job->trained, if its network still wants it, and frees the job; whether
 * it was merged. In the main thread. */
bool nr_job_conclude(rm_ctx *ctx, nr_job *job);
/* Under the lock: tells all who wait for a job that it has ended. */
void nr_job_wake(nr_job *job);

#endif
