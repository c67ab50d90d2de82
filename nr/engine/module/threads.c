/* Starting threads.
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
