/* A team of threads that meets many thousand times a second.
 *
 * A small network's cycle takes microseconds, so members spin for a while before
 * they sleep: waking one costs more than the whole cycle. The spin is bounded,
 * so that a team on too few cores, or one whose host has paused, gives them
 * back. */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "internal.h"
#include "team.h"

enum { SPINS = 4000 };

typedef struct member {
    nr_team *team;
    pthread_t thread;
    size_t who;
} member;

struct nr_team {
    size_t size;
    nr_job *job;
    void *context;
    atomic_uint round;     /* grows when there is a job */
    atomic_size_t pending; /* members that have not finished it */
    atomic_bool over;
    atomic_size_t asleep;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    member members[];
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void await_round(nr_team *team, unsigned seen) {
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&team->round, memory_order_acquire) != seen)
            return;
        relax();
    }
    pthread_mutex_lock(&team->lock);
    atomic_fetch_add(&team->asleep, 1);
    while (atomic_load(&team->round) == seen)
        pthread_cond_wait(&team->wake, &team->lock);
    atomic_fetch_sub(&team->asleep, 1);
    pthread_mutex_unlock(&team->lock);
}

static void next_round(nr_team *team) {
    atomic_fetch_add(&team->round, 1);
    if (atomic_load(&team->asleep) == 0) return;
    pthread_mutex_lock(&team->lock);
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->lock);
}

static void *member_main(void *argument) {
    member *self = argument;
    nr_team *team = self->team;
    unsigned seen = 0;
    for (;;) {
        await_round(team, seen);
        seen++;
        if (atomic_load(&team->over)) return NULL;
        team->job(team->context, self->who, team->size);
        atomic_fetch_sub_explicit(&team->pending, 1, memory_order_release);
    }
}

/* Members take no signals: those are the host's. */
static size_t start_members(nr_team *team, size_t n) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    size_t i = 1;
    for (; i < n; i++) {
        team->members[i] = (member){.team = team, .who = i};
        if (pthread_create(&team->members[i].thread, NULL, member_main,
                           &team->members[i]) != 0)
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return i;
}

nr_team *nr_team_new(size_t n) {
    nr_team *team = nr_alloc(sizeof *team + n * sizeof(member));
    if (!team) return NULL;
    memset(team, 0, sizeof *team);
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->wake, NULL);
    team->size = start_members(team, n);
    return team;
}

size_t nr_team_size(const nr_team *team) { return team->size; }

void nr_team_run(nr_team *team, nr_job *job, void *context) {
    if (team->size == 1) {
        job(context, 0, 1);
        return;
    }
    team->job = job;
    team->context = context;
    atomic_store(&team->pending, team->size - 1);
    next_round(team);
    job(context, 0, team->size);
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
    next_round(team);
    for (size_t i = 1; i < team->size; i++)
        pthread_join(team->members[i].thread, NULL);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->lock);
    nr_release(team);
}
