/* What exp, sigmoid and tanh of many floats come to, as a number, for tests/test_floats.py.
 *
 * The kernels' own functions (vec.h), compiled for a processor with fused sums, which
 * computes them as they are written, and for WebAssembly without relaxed SIMD, which
 * computes them by doubles and does not look whether a sum was half way between floats. */

#include "float_mode.h"
#include "kernels/vec.h"

__attribute__((noinline)) static uint32_t
digested(int which, uint32_t first, uint32_t count) {
    uint32_t sums[16] = {0}, bits[16], all = 0;
    float x[16];
    for (uint32_t i = 0; i < count; i += 16) {
        for (uint32_t l = 0; l < 16; l++) bits[l] = first + i + l;
        memcpy(x, bits, sizeof x);
        v16 v = v_load(x);
        v_store(x, which == 0 ? v_exp(v) : which == 1 ? v_sigmoid(v) : v_tanh(v));
        memcpy(bits, x, sizeof x);
        for (int l = 0; l < 16; l++) sums[l] = (sums[l] ^ bits[l]) * 16777619u;
    }
    for (int l = 0; l < 16; l++) all = (all ^ sums[l]) * 16777619u;
    return all;
}

/* `which` is 0, 1 or 2; `first` the bits of the first float. */
__attribute__((visibility("default"))) uint32_t digest(int which, uint32_t first,
                                                       uint32_t count) {
    uint64_t before = nr_mode_begin(NR_FLUSH);
    uint32_t all = digested(which, first, count);
    nr_mode_end(before);
    return all;
}
