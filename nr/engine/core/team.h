/* Threads of one training. */

#ifndef NR_TEAM_H
#define NR_TEAM_H

#include <stddef.h>

typedef struct nr_team nr_team;

/* What each member runs: `who` of `of`, 0 being the caller. */
typedef void nr_job(void *context, size_t who, size_t of);

/* A team of n, the caller included; as many as could be started, so never
 * NULL for n == 1 but where memory is short. */
nr_team *nr_team_new(size_t n);
size_t nr_team_size(const nr_team *team);

/* Runs the job in all members and returns when all are through. */
void nr_team_run(nr_team *team, nr_job *job, void *context);
void nr_team_free(nr_team *team);

#endif
