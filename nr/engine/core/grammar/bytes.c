/* A number of bytes as people write it, and as redis.conf has it: 512MB, 1gb.
 *
 * k, m and g are thousands, kb, mb and gb those of 1024, in any case; no unit or b
 * are bytes. For NR_MEMORY and the module's argument MEMORY. */

#include <string.h>
#include <strings.h>

#include "grammar/syntax.h"

static const struct {
    const char *name;
    uint64_t bytes;
} units[] = {
    {"", 1},
    {"b", 1},
    {"k", 1000},
    {"kb", 1 << 10},
    {"m", 1000 * 1000},
    {"mb", 1 << 20},
    {"g", 1000 * 1000 * 1000},
    {"gb", 1 << 30},
};

uint64_t nr_parse_bytes(const char *text, size_t len) {
    uint64_t n = 0, digits = 0;
    for (; len && *text >= '0' && *text <= '9'; text++, len--, digits++)
        if (__builtin_mul_overflow(n, 10u, &n) ||
            __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
            return 0;
    for (size_t i = 0; i < sizeof units / sizeof *units && digits; i++)
        if (len == strlen(units[i].name) &&
            strncasecmp(text, units[i].name, len) == 0)
            return __builtin_mul_overflow(n, units[i].bytes, &n) ? 0 : n;
    return 0;
}
