/* Which kernels: those of the best instruction set that this processor has,
 * looked up once, and another one where a test asks for it.
 *
 * The processor is asked here. Compilers have __builtin_cpu_supports, but it rests
 * on a runtime library of theirs, and where that is another one (zig's) it says that
 * there is nothing. */

#include <stdlib.h>
#include <string.h>

#include "kernels/kernel.h"

#ifdef NR_X86
#include <cpuid.h>

/* Which registers the system keeps for each thread (XCR0); 0: it does not say. */
static uint32_t kept_registers(void) {
    uint32_t a, b, c, d, kept, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
    __asm__("xgetbv" : "=a"(kept), "=d"(high) : "c"(0));
    return kept;
}

static bool has_all(uint32_t have, uint32_t wanted) {
    return (have & wanted) == wanted;
}

/* AVX2 and FMA, or with them AVX-512 as kernel.c is compiled for it. */
static bool supports(bool avx512) {
    uint32_t a, b, c, d, one = 0, wanted = bit_AVX2, registers = 0x06;
    if (avx512) {
        wanted |= bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | (uint32_t)bit_AVX512VL;
        registers |= 0xe0;
    }
    if (!has_all(kept_registers(), registers)) return false;
    if (__get_cpuid(1, &a, &b, &c, &d)) one = c;
    return has_all(one, bit_AVX | bit_FMA) &&
           __get_cpuid_count(7, 0, &a, &b, &c, &d) && has_all(b, wanted);
}
#endif

static const nr_kernels *candidates(size_t i) {
    const nr_kernels *all[] = {
#ifdef NR_X86
        supports(true) ? &nr_kernels_avx512 : NULL,
        supports(false) ? &nr_kernels_avx2 : NULL,
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
