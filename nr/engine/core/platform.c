/* A team of threads that meets many thousand times a second.
 *
 * Each member has its share of a job's units, the same units of like jobs, so
 * that what one of them leaves in its core's caches is there for the next. Who
 * is through with that helps the others, unit by unit: on a machine that has
 * other things to do, everybody would otherwise wait for the member that is not
 * on a core.
 *
 * A network's cycle takes microseconds, so members spin for a while before they
 * sleep: waking one costs more than the whole cycle. The spin is bounded, so
 * that a team whose host has paused gives the cores back. */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "base.h"
#include "float_mode.h"
#include "platform.h"

enum { SPINS = 4000 };

/* A member's place, in a cache line of its own. */
typedef struct seat {
    _Alignas(64) atomic_size_t left; /* of its share: units nobody has taken */
    nr_team *team;
    pthread_t thread;
} seat;

struct nr_team {
    size_t size;
    /* What a job is may change only when no unit of it is left or under way,
     * so whoever has taken a unit can read it. */
    nr_job *job;
    void *context;
    size_t units;
    _Alignas(64) atomic_size_t pending; /* units that are not done */
    atomic_bool over;
    atomic_size_t asleep;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    seat seats[]; /* the caller's first */
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Where the share of seat i begins. */
static size_t share(const nr_team *team, size_t i) {
    return i * team->units / team->size;
}

/* Takes and runs units of seat i's share while there are any; how many. */
static size_t work_on(nr_team *team, size_t i) {
    seat *s = &team->seats[i];
    size_t done = 0, left = atomic_load(&s->left);
    while (left > 0) {
        if (!atomic_compare_exchange_weak(&s->left, &left, left - 1)) continue;
        team->job(team->context, share(team, i + 1) - left);
        done++;
        left = atomic_load(&s->left);
    }
    return done;
}

static void work(nr_team *team, const seat *own) {
    size_t done = 0, first = (size_t)(own - team->seats);
    for (size_t i = 0; i < team->size; i++)
        done += work_on(team, (first + i) % team->size);
    if (done)
        atomic_fetch_sub_explicit(&team->pending, done, memory_order_release);
}

static bool awaited(seat *own) {
    return atomic_load(&own->left) > 0 || atomic_load(&own->team->over);
}

static void await(seat *own) {
    nr_team *team = own->team;
    for (int i = 0; i < SPINS; i++) {
        if (awaited(own)) return;
        relax();
    }
    pthread_mutex_lock(&team->lock);
    atomic_fetch_add(&team->asleep, 1);
    while (!awaited(own)) pthread_cond_wait(&team->wake, &team->lock);
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
    seat *own = argument;
    nr_mode_begin(NR_FLUSH); /* for all of its life */
    while (!atomic_load(&own->team->over)) {
        await(own);
        work(own->team, own);
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
        seat *s = &team->seats[i];
        s->team = team;
        if (pthread_create(&s->thread, NULL, member_main, s) != 0) break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return i;
}

nr_team *nr_team_new(size_t n) {
    size_t size = sizeof(nr_team) + n * sizeof(seat);
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
    for (size_t i = 0; i < team->size; i++)
        atomic_store(&team->seats[i].left, share(team, i + 1) - share(team, i));
    wake(team);
    work(team, team->seats);
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
        pthread_join(team->seats[i].thread, NULL);
    pthread_cond_destroy(&team->wake);
    pthread_mutex_destroy(&team->lock);
    nr_release_lines(team);
}
