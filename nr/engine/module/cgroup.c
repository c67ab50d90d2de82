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

/* What a limit is, in a directory of either version; UINT64_MAX: none. */
typedef uint64_t read_limit(const char *directory, bool first);

static bool read_text(const char *directory, const char *name, char text[64]) {
    char path[PATH + 64];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    if (!file) return false;
    size_t len = fread(text, 1, 63, file);
    fclose(file);
    text[len] = '\0';
    return true;
}

/* The number at *text, and *text behind it; UINT64_MAX for anything else, and
 * for 0: "max", or -1, is no limit. */
static uint64_t number(const char **text) {
    if (**text < '0' || **text > '9') return UINT64_MAX;
    char *end;
    uint64_t limit = strtoull(*text, &end, 10);
    *text = end;
    bool whole = *end == '\n' || *end == '\0' || *end == ' ';
    return limit && whole ? limit : UINT64_MAX;
}

static uint64_t number_in(const char *directory, const char *name) {
    char text[64];
    const char *at = text;
    return read_text(directory, name, text) ? number(&at) : UINT64_MAX;
}

static uint64_t memory_limit(const char *directory, bool first) {
    return number_in(directory, first ? "memory.limit_in_bytes" : "memory.max");
}

/* Processors: a quota of time in each period, rounded up. */
static uint64_t processor_limit(const char *directory, bool first) {
    char text[64] = "";
    const char *at = text;
    uint64_t quota, period;
    if (first) {
        quota = number_in(directory, "cpu.cfs_quota_us");
        period = number_in(directory, "cpu.cfs_period_us");
    } else {
        if (!read_text(directory, "cpu.max", text)) return UINT64_MAX;
        quota = number(&at);
        if (*at == ' ') at++;
        period = number(&at);
    }
    if (quota == UINT64_MAX || period == UINT64_MAX) return UINT64_MAX;
    return quota / period + (quota % period != 0);
}

static uint64_t least_upwards(char *directory, size_t root, bool first,
                              read_limit *read) {
    uint64_t least = UINT64_MAX;
    for (size_t len = strlen(directory); len >= root; len--) {
        if (directory[len] != '/' && directory[len] != '\0') continue;
        directory[len] = '\0';
        uint64_t limit = read(directory, first);
        if (limit < least) least = limit;
    }
    return least;
}

/* Whether "a,memory,b" names memory; nothing does for version 2. */
static bool controls(const char *controllers, const char *name) {
    for (const char *at = controllers; at; at = strchr(at, ',')) {
        at += *at == ',';
        size_t len = strcspn(at, ",");
        if (len == strlen(name) && strncmp(at, name, len) == 0) return true;
    }
    return *controllers == '\0';
}

static uint64_t least_limit(const char *groups, const char *mount,
                            const char *name, read_limit *read) {
    char line[PATH], directory[2 * PATH];
    uint64_t least = UINT64_MAX;
    FILE *file = fopen(groups, "r");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(++controllers, ':') : NULL;
        if (!path) continue;
        *path++ = '\0';
        if (!controls(controllers, name)) continue;
        bool first = *controllers != '\0'; /* version 1 */
        int n = snprintf(directory, sizeof directory, "%s%s%s", mount,
                         first ? "/" : "", first ? name : "");
        if (n < 0 || (size_t)n + strlen(path) + 1 > PATH) continue;
        strcat(directory, path);
        uint64_t limit = least_upwards(directory, (size_t)n, first, read);
        if (limit < least) least = limit;
    }
    if (file) fclose(file);
    return least;
}

uint64_t nr_group_memory(const char *groups, const char *mount) {
    return least_limit(groups, mount, "memory", memory_limit);
}

uint64_t nr_group_processors(const char *groups, const char *mount) {
    return least_limit(groups, mount, "cpu", processor_limit);
}
