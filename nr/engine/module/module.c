/* Loading the module: `loadmodule neuralredis.so [THREADS n] [MEMORY n]`.
 *
 * All memory is the server's, so that it counts for used_memory and maxmemory.
 * The server's own allocation ends the process when there is none left; where
 * it has another that says so instead (from 7.0 on) that is taken, and large
 * blocks are tried first where it has not. */

#define _GNU_SOURCE /* sched_getaffinity */

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cgroup.h"
#include "module.h"

enum { VERSION = 1, LARGE = 1 << 16 };

static void *allocate(size_t size) {
    if (rm.TryAlloc) return rm.TryAlloc(size);
    if (size >= LARGE) {
        void *probe = malloc(size);
        if (!probe) return NULL;
        free(probe);
    }
    return rm.Alloc(size);
}

static void *reallocate(void *memory, size_t size) {
    if (size >= LARGE) {
        void *probe = allocate(size);
        if (!probe) return NULL;
        rm.Free(probe);
    }
    return rm.Realloc(memory, size);
}

/* Under AddressSanitizer memory is malloc's, which is what it watches. */
static void use_memory_of_the_server(void) {
#ifndef __SANITIZE_ADDRESS__
    nr_set_allocator(allocate, reallocate, rm.Free);
#else
    (void)reallocate;
#endif
}

static const char GROUPS[] = "/proc/self/cgroup", MOUNT[] = "/sys/fs/cgroup";

/* Those of the machine's that the process may run on. */
static long long allowed(void) {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return sysconf(_SC_NPROCESSORS_ONLN);
}

/* As many as its control groups leave it the time of. */
static long long processors(void) {
    uint64_t quota = nr_group_processors(GROUPS, MOUNT);
    long long most = allowed();
    return quota < (uint64_t)most ? (long long)quota : most;
}

static long long default_threads(void) {
    long long cores = processors();
    return cores > 2 ? cores - 1 : 1;
}

static uint64_t memory; /* 0: the server's own limit, or the machine's */
static uint64_t group;  /* the limit of its control group */

static uint64_t info_number(rm_ctx *ctx, const char *field) {
    rm_server_info *info = rm.GetServerInfo(ctx, "memory");
    uint64_t number = rm.ServerInfoGetFieldUnsigned(info, field, NULL);
    rm.FreeServerInfo(ctx, info);
    return number;
}

uint64_t nr_memory(rm_ctx *ctx) {
    if (memory) return memory;
    uint64_t bytes = info_number(ctx, "maxmemory");
    if (bytes) return bytes;
    bytes = info_number(ctx, "total_system_memory");
    return bytes < group ? bytes : group;
}

/* What is reserved is not taken yet, so the server does not know of it. A server
 * that evicts keys does so before the next command: here it is enough that it
 * has managed to until now, and that there could be room. */
bool nr_has_memory(rm_ctx *ctx, uint64_t bytes) {
    int flags = rm.GetContextFlags(ctx);
    if (!(flags & RM_FLAG_MAXMEMORY)) return true;
    if (flags & RM_FLAG_OOM) return false;
    double most = (double)info_number(ctx, "maxmemory");
    double used = most * (double)rm.GetUsedMemoryRatio();
    if (flags & RM_FLAG_EVICT) used = 0;
    double reserved = (double)(nr_tasks_reserved() + nr_jobs_reserved());
    return used + reserved + (double)bytes <= most;
}

static bool read_argument(const char *name, rm_string *value,
                          long long *threads) {
    if (strcasecmp(name, "threads") == 0)
        return rm.StringToLongLong(value, threads) == RM_OK &&
               *threads >= 0 && *threads <= NR_MAX_THREADS;
    if (strcasecmp(name, "memory") != 0) return false;
    size_t len;
    const char *text = rm.StringPtrLen(value, &len);
    memory = nr_parse_bytes(text, len);
    return memory > 0;
}

static int read_arguments(rm_ctx *ctx, rm_string **argv, int argc,
                          long long *threads) {
    *threads = default_threads();
    bool ok = argc % 2 == 0;
    for (int i = 0; i < argc && ok; i += 2)
        ok = read_argument(rm.StringPtrLen(argv[i], NULL), argv[i + 1],
                           threads);
    if (ok) return RM_OK;
    rm.Log(ctx, "warning",
           "the module takes no arguments but: THREADS n, from 0 to %d, for "
           "how many networks are trained at once (0: by workers outside); MEMORY n, bytes or as 512mb, "
           "1GB, of which a training takes at most half",
           NR_MAX_THREADS);
    return RM_ERR;
}

static void tell_limits(rm_ctx *ctx, long long threads) {
    rm.Log(ctx, "notice",
           "processors that the server may use: %lld; networks that are trained "
           "at once: %lld; bytes of memory, of which a training takes at most "
           "half: %llu",
           processors(), threads, (unsigned long long)nr_memory(ctx));
}

NR_API int RedisModule_OnLoad(rm_ctx *ctx, rm_string **argv, int argc) {
    long long threads;
    const char *missing = rm_fetch(ctx);
    if (!rm.SetModuleAttribs) return RM_ERR;
    rm.SetModuleAttribs(ctx, "neuralredis", VERSION, RM_APIVER);
    if (missing) {
        if (rm.Log)
            rm.Log(ctx, "warning",
                   "the server lacks %s: Redis 6.2 or later is needed",
                   missing);
        return RM_ERR;
    }
    use_memory_of_the_server();
    group = nr_group_memory(GROUPS, MOUNT);
    rm.SetModuleOptions(ctx, RM_HANDLE_IO_ERRORS);
    if (read_arguments(ctx, argv, argc, &threads) != RM_OK ||
        nr_type_create(ctx) != RM_OK || nr_commands_create(ctx) != RM_OK ||
        nr_events_subscribe(ctx) != RM_OK ||
        nr_deliveries_begin(ctx) != RM_OK ||
        rm.RegisterInfoFunc(ctx, nr_tell_info) != RM_OK)
        return RM_ERR;
    nr_trainings_begin(threads);
    nr_background_begin(threads);
    tell_limits(ctx, threads);
    return RM_OK;
}
