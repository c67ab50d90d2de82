/* Fetching the module API: the server passes GetApi as the context's first
 * word, and all else is asked for by name. */

#include "api.h"

rm_api rm;

typedef int (*get_api)(const char *name, void *to);

const char *rm_fetch(rm_ctx *ctx) {
    get_api get;
    __builtin_memcpy(&get, ctx, sizeof get);
    const char *missing = NULL;
#define NEEDED(result, name, arguments)                       \
    if (get("RedisModule_" #name, (void *)&rm.name) != RM_OK) \
        missing = missing ? missing : #name;
#define OPTIONAL(result, name, arguments)                     \
    if (get("RedisModule_" #name, (void *)&rm.name) != RM_OK) \
        rm.name = NULL;
    RM_API(NEEDED)
    RM_API_OPTIONAL(OPTIONAL)
    return missing;
}
