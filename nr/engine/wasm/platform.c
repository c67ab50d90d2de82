/* A team without threads: what nr/engine/core/platform.c is elsewhere.
 *
 * WebAssembly has no threads that every page may use, nor signals. Who is asked
 * for a team of any size is the team, and runs all units: their bits do not depend
 * on who runs them. A training is in the background as a whole, in a worker with
 * a memory of its own (js/src). */

#include "base.h"
#include "platform.h"

struct nr_team {
    size_t size;
};

nr_team *nr_team_new(size_t n) {
    (void)n;
    nr_team *team = nr_alloc_lines(1, sizeof *team);
    if (team) team->size = 1;
    return team;
}

size_t nr_team_size(const nr_team *team) { return team->size; }

void nr_team_run(nr_team *team, nr_job *job, void *context, size_t units) {
    (void)team;
    for (size_t i = 0; i < units; i++) job(context, i);
}

void nr_team_free(nr_team *team) { nr_release_lines(team); }
