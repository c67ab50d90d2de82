/* Control groups: how much memory and how many processors they leave. Knows of no server. */

#ifndef NR_MODULE_CGROUP_H
#define NR_MODULE_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/* The least of the limits, UINT64_MAX: there is none. `groups` is
 * /proc/self/cgroup, `mount` /sys/fs/cgroup, but for tests. */
uint64_t nr_group_memory(const char *groups, const char *mount); /* bytes */
uint64_t nr_group_processors(const char *groups, const char *mount);

#endif
