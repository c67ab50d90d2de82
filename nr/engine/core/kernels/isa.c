/* Which kernels: those of the best instruction set that this processor has,
 * looked up once, and another one where a test asks for it. */

#include <stdlib.h>
#include <string.h>

#include "kernels/kernel.h"

static const nr_kernels *candidates(size_t i) {
    const nr_kernels *all[] = {
#ifdef NR_X86
        __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") &&
                __builtin_cpu_supports("fma")
            ? &nr_kernels_avx512
            : NULL,
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
            ? &nr_kernels_avx2
            : NULL,
#endif
        &nr_kernels_baseline,
    };
    enum { COUNT = sizeof all / sizeof *all };
    while (i < COUNT && !all[i]) i++;
    return i < COUNT ? all[i] : NULL;
}

static _Atomic(const nr_kernels *) chosen;

const nr_kernels *nr_kernels_now(void) {
    const nr_kernels *k = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (!k) atomic_store(&chosen, k = candidates(0));
    return k;
}

const char *nr_isa(void) { return nr_kernels_now()->name; }

nr_status nr_set_isa(const char *name) {
    const nr_kernels *k;
    for (size_t i = 0; (k = candidates(i)); i++)
        if (strcmp(k->name, name) == 0) {
            atomic_store(&chosen, k);
            return NR_OK;
        }
    return NR_ERR;
}
