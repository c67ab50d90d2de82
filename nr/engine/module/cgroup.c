/* The limits of the process' control groups, version 1 or 2, and of those
 * around them: nr/limits.py has the same for Python.
 *
 * Within a container the paths may be the machine's, and the group itself what
 * is mounted: so every directory from the group's up to the mount is looked at. */

#include "cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 4096 };

/* The number in a file; anything else ("max", or no file) is no limit. */
static uint64_t read_limit(const char *directory, const char *name) {
    char path[PATH + 64], text[32] = "";
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    if (!file) return UINT64_MAX;
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    char *end = text;
    if (len && *text >= '0' && *text <= '9') {
        uint64_t limit = strtoull(text, &end, 10);
        if (limit && (*end == '\n' || *end == '\0')) return limit;
    }
    return UINT64_MAX;
}

static uint64_t least_upwards(char *directory, size_t root, const char *name) {
    uint64_t least = UINT64_MAX;
    for (size_t len = strlen(directory); len >= root; len--) {
        if (directory[len] != '/' && directory[len] != '\0') continue;
        directory[len] = '\0';
        uint64_t limit = read_limit(directory, name);
        if (limit < least) least = limit;
    }
    return least;
}

/* Whether "a,memory,b" names memory; nothing does for version 2. */
static bool controls_memory(const char *controllers) {
    for (const char *at = controllers; at; at = strchr(at, ',')) {
        at += *at == ',';
        size_t len = strcspn(at, ",");
        if (len == 6 && strncmp(at, "memory", 6) == 0) return true;
    }
    return *controllers == '\0';
}

uint64_t nr_group_limit(const char *groups, const char *mount) {
    char line[PATH], directory[2 * PATH];
    uint64_t least = UINT64_MAX;
    FILE *file = fopen(groups, "r");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(++controllers, ':') : NULL;
        if (!path) continue;
        *path++ = '\0';
        if (!controls_memory(controllers)) continue;
        bool first = *controllers != '\0'; /* version 1 */
        int n = snprintf(directory, sizeof directory, "%s%s", mount,
                         first ? "/memory" : "");
        if (n < 0 || (size_t)n + strlen(path) + 1 > PATH) continue;
        size_t root = (size_t)n;
        strcat(directory, path);
        uint64_t limit = least_upwards(
            directory, root,
            first ? "memory.limit_in_bytes" : "memory.max");
        if (limit < least) least = limit;
    }
    if (file) fclose(file);
    return least;
}
