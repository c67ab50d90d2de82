/* Loading the module: `loadmodule neuralredis.so [THREADS n]`.
 *
 * All memory is the server's, so that it counts for used_memory and maxmemory.
 * The server's own allocation ends the process when there is none left; where
 * it has another that says so instead (from 7.0 on) that is taken, and large
 * blocks are tried first where it has not. */

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

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

static long long default_threads(void) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 2 ? cores - 1 : 1;
}

static int read_arguments(rm_ctx *ctx, rm_string **argv, int argc,
                          long long *threads) {
    *threads = default_threads();
    if (argc == 0) return RM_OK;
    size_t len;
    const char *word = rm.StringPtrLen(argv[0], &len);
    if (argc == 2 && strcasecmp(word, "threads") == 0 &&
        rm.StringToLongLong(argv[1], threads) == RM_OK && *threads >= 1 &&
        *threads <= NR_MAX_THREADS)
        return RM_OK;
    rm.Log(ctx, "warning",
           "the module takes no arguments but: THREADS n, from 1 to %d, for "
           "how many networks are trained at once",
           NR_MAX_THREADS);
    return RM_ERR;
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
    rm.SetModuleOptions(ctx, RM_HANDLE_IO_ERRORS);
    if (read_arguments(ctx, argv, argc, &threads) != RM_OK ||
        nr_type_create(ctx) != RM_OK || nr_commands_create(ctx) != RM_OK ||
        nr_events_subscribe(ctx) != RM_OK ||
        nr_trainings_begin(ctx, threads) != RM_OK)
        return RM_ERR;
    nr_asides_begin(threads);
    return RM_OK;
}
