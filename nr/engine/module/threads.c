/* Starting threads, and what comes back from them.
 *
 * Signals are for the server's own threads. So is the processor, whenever they
 * want it: without the lower priority the server's main thread waited up to
 * 5 ms for threads that train on all cores to be interrupted, with it 0.2 ms. */

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "module.h"

enum { NICER = 10 };

static void *begin(void *routine) {
#ifdef __linux__ /* elsewhere it is the process' priority */
    int first = getpriority(PRIO_PROCESS, (id_t)getpid()); /* thread's */
    setpriority(PRIO_PROCESS, 0, first + NICER);
#endif
    ((const nr_routine *)routine)->run();
    return NULL;
}

bool nr_thread_start(const nr_routine *routine) {
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&thread, NULL, begin, (void *)routine) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ok) pthread_detach(thread);
    return ok;
}

/* ============================ Back from threads ========================== */

static rm_ctx *own; /* a context for what no command asked for */

int nr_deliveries_begin(rm_ctx *ctx) {
    own = rm.GetDetachedThreadSafeContext(ctx);
    return own ? RM_OK : RM_ERR;
}

/* While clients are paused, as they are for a failover, the stream to replicas
 * must stand still: the server aborts otherwise. */
static void on_timer(rm_ctx *ctx, void *data) {
    nr_delivery *delivery = data;
    if (rm.AvoidReplicaTraffic())
        rm.CreateTimer(ctx, NR_PAUSE_MS, on_timer, data);
    else
        delivery->deliver(ctx, delivery);
}

/* Only timers and commands have a context whose changes are replicated. */
void nr_deliver(nr_delivery *delivery) {
    rm.CreateTimer(own, 0, on_timer, delivery);
}

static void arrive(void *data) { nr_deliver(data); }

/* Redis 6.2 cannot be woken for it: there it happens within 0.1 s. */
void nr_hand_over(nr_delivery *delivery) {
    if (rm.EventLoopAddOneShot) {
        rm.EventLoopAddOneShot(arrive, delivery);
        return;
    }
    rm.ThreadSafeContextLock(own);
    arrive(delivery);
    rm.ThreadSafeContextUnlock(own);
}
