/* A team of threads that meets many thousand times a second.
 *
 * Members take units of a job, one after the other, until none is left. Giving
 * each an equal share was rejected: on a machine that has other things to do,
 * everybody would wait for the member that is not on a core, where now the
 * others do its part and wait for one unit at most.
 *
 * A network's cycle takes microseconds, so members spin for a while before they
 * sleep: waking one costs more than the whole cycle. The spin is bounded, so
 * that a team whose host has paused gives the cores back. */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "internal.h"
#include "team.h"

enum { SPINS = 4000 };

struct nr_team {
    size_t size;
    /* What a job is may change only when no unit of it is left or under way,
     * so whoever has taken a unit can read it. */
    nr_job *job;
    void *context;
    size_t units;
    _Alignas(64) atomic_size_t left; /* units that nobody has taken */
    _Alignas(64) atomic_size_t pending; /* units that are not done */
    atomic_bool over;
    atomic_size_t asleep;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t threads[];
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Takes and runs units while there are any. */
static void work(nr_team *team) {
    size_t left = atomic_load(&team->left);
    while (left > 0) {
        if (!atomic_compare_exchange_weak(&team->left, &left, left - 1))
            continue;
        team->job(team->context, team->units - left);
        atomic_fetch_sub_explicit(&team->pending, 1, memory_order_release);
        left = atomic_load(&team->left);
    }
}

static bool awaited(nr_team *team) {
    return atomic_load(&team->left) > 0 || atomic_load(&team->over);
}

static void await(nr_team *team) {
    for (int i = 0; i < SPINS; i++) {
        if (awaited(team)) return;
        relax();
    }
    pthread_mutex_lock(&team->lock);
    atomic_fetch_add(&team->asleep, 1);
    while (!awaited(team)) pthread_cond_wait(&team->wake, &team->lock);
    atomic_fetch_sub(&team->asleep, 1);
    pthread_mutex_unlock(&team->lock);
}

static void wake(nr_team *team) {
    if (atomic_load(&team->asleep) == 0) return;
    pthread_mutex_lock(&team->lock);
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->lock);
}

static void *member_main(void *argument) {
    nr_team *team = argument;
    while (!atomic_load(&team->over)) {
        await(team);
        work(team);
    }
    return NULL;
}

/* Members take no signals: those are the host's. */
static size_t start_members(nr_team *team, size_t n) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    size_t i = 1;
    for (; i < n; i++) {
        if (pthread_create(&team->threads[i], NULL, member_main, team) != 0)
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return i;
}

nr_team *nr_team_new(size_t n) {
    size_t size = sizeof(nr_team) + n * sizeof(pthread_t);
    nr_team *team = nr_alloc_lines(size, 1);
    if (!team) return NULL;
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->wake, NULL);
    team->size = start_members(team, n);
    return team;
}

size_t nr_team_size(const nr_team *team) { return team->size; }

void nr_team_run(nr_team *team, nr_job *job, void *context, size_t units) {
    if (team->size == 1) {
        for (size_t i = 0; i < units; i++) job(context, i);
        return;
    }
    team->job = job;
    team->context = context;
    team->units = units;
    atomic_store(&team->pending, units);
    atomic_store(&team->left, units);
    wake(team);
    work(team);
    for (int i = 0; atomic_load_explicit(&team->pending,
                                         memory_order_acquire) > 0;
         i++)
        if (i < SPINS)
            relax();
        else
            sched_yield();
}

void nr_team_free(nr_team *team) {
    if (!team) return;
    atomic_store(&team->over, true);
    wake(team);
    for (size_t i = 1; i < team->size; i++)
        pthread_join(team->threads[i], NULL);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->lock);
    nr_release_lines(team);
}
