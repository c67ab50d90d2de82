/* Threads of one training. */

#ifndef NR_TEAM_H
#define NR_TEAM_H

#include <stddef.h>

typedef struct nr_team nr_team;

/* One unit of a job. Units are run in any order by any member, so what one does
 * must not depend on the others. */
typedef void nr_job(void *context, size_t unit);

/* A team of n, the caller included; as many as could be started, so never
 * NULL for n == 1 but where memory is short. */
nr_team *nr_team_new(size_t n);
size_t nr_team_size(const nr_team *team);

/* Runs all units of a job and returns when they are through. */
void nr_team_run(nr_team *team, nr_job *job, void *context, size_t units);
void nr_team_free(nr_team *team);

#endif
