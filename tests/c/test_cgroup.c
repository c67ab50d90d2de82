/* The limits of control groups, as the module reads them. */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../nr/engine/module/cgroup.c"
#include "check.h"

static char root[] = "/tmp/nr-cgroup-XXXXXX";
static char groups[64], mount[64];

static void put(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *slash = strchr(path + sizeof root, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    if (!file) return;
    fputs(text, file);
    fclose(file);
}

static uint64_t processors(const char *lines) {
    put("cgroup", lines);
    return nr_group_processors(groups, mount);
}

static void test_quotas_are_processors(void) {
    CHECK(processors("0::/a/b\n4:cpu:/a\n") == UINT64_MAX);
    put("fs/a/cpu.max", "max 100000\n");
    put("fs/a/b/cpu.max", "250000 100000\n");
    put("fs/a/c/cpu.max", "40000 100000");
    CHECK(processors("0::/a\n") == UINT64_MAX);
    CHECK(processors("0::/a/b\n") == 3);
    CHECK(processors("0::/a/b/none\n0::/a/c\n") == 1);
    const char *const bad[] = {"", "max", "100000", "100000 0", "1x 2", "-1 5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put("fs/a/cpu.max", bad[i]);
        CHECK(processors("0::/a\n") == UINT64_MAX);
    }
    put("fs/cpu/d/cpu.cfs_quota_us", "-1\n");
    put("fs/cpu/d/cpu.cfs_period_us", "100000\n");
    put("fs/cpu/d/e/cpu.cfs_quota_us", "400000\n");
    put("fs/cpu/d/e/cpu.cfs_period_us", "100000\n");
    CHECK(processors("5:cpu,cpuacct:/d\n4:cpuset:/d/e\n") == UINT64_MAX);
    CHECK(processors("5:cpu,cpuacct:/d/e\n4:cpuset:/d\n") == 4);
}

static uint64_t limit(const char *lines) {
    put("cgroup", lines);
    return nr_group_memory(groups, mount);
}

int main(void) {
    if (!CHECK(mkdtemp(root) != NULL)) return summary();
    snprintf(groups, sizeof groups, "%s/cgroup", root);
    snprintf(mount, sizeof mount, "%s/fs", root);
    CHECK(nr_group_memory(groups, mount) == UINT64_MAX);
    put("memory.max", "1\n"); /* beside the mount */
    put("fs/a/b/memory.max", "max\n");
    put("fs/a/memory.max", "5000\n");
    put("fs/a/c/memory.max", "70\n");
    CHECK(limit("0::/a/b\n") == 5000);
    CHECK(limit("0::/a/c\n") == 70);
    CHECK(limit("0::/a/none/at/all\n") == 5000);
    CHECK(limit("0::/\n") == UINT64_MAX);
    CHECK(limit("nonsense\n0:\n") == UINT64_MAX);
    put("fs/memory/memory.limit_in_bytes", "7000\n"); /* the container's own */
    put("fs/memory/d/memory.limit_in_bytes", "9223372036854771712\n");
    put("fs/cpu/a/memory.limit_in_bytes", "1\n");
    CHECK(limit("5:cpu,cpuacct:/a\n4:hugetlb,memory:/d/x\n1:name=x:/y\n") ==
          7000);
    CHECK(limit("4:memory:/d\n0::/a/c\n") == 70);
    put("fs/a/c/memory.max", "12x\n");
    CHECK(limit("0::/a/c\n") == 5000);
    test_quotas_are_processors();
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", root);
    CHECK(system(command) == 0);
    return summary();
}
