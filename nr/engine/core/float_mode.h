/* How the processor rounds while the core computes.
 *
 * Denormal numbers, those below 2^-126, cost an Intel processor far more than
 * others do, and the gradients of saturated units are full of them: trainings
 * took forty times as long. So the core's arithmetic takes them for 0 (FTZ and
 * DAZ; FZ on ARM), whatever its host has set, and its host finds its own mode
 * again afterwards. Leaving the mode to the host was rejected: a host that
 * flushes for its own sake would get other bits than one that does not.
 *
 * Reading and writing numbers, however, keeps every one of them: a sample is
 * kept as it was said. So what parses, prints or checks asks for exact mode.
 *
 * A compiler does not know that floating-point operations depend on the mode: it
 * may move them across a change of it. What a mode is meant for therefore lies
 * in a function of its own that is not inlined. */

#ifndef NR_FLOAT_MODE_H
#define NR_FLOAT_MODE_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is between begin and end runs in this mode: rounds to nearest, and no
 * exception stops the process. */
typedef enum nr_mode { NR_EXACT, NR_FLUSH } nr_mode;

#if defined(__x86_64__) || defined(__SSE2__)
#include <xmmintrin.h>

enum {
    NR_SSE_DENORMAL = 0x02, /* flags that stay up: an operand was denormal */
    NR_SSE_UNDERFLOW = 0x10, /* so was a result, before it was rounded */
    NR_SSE_FLAGS = 0x3f,
    NR_SSE_DEFAULT = 0x1f80,
    NR_SSE_FLUSH = 0x8040,
};
enum { NR_MODE_NOTES = 1 }; /* nr_mode_was_flush can tell */

static inline uint64_t nr_mode_begin(nr_mode mode) {
    unsigned before = _mm_getcsr();
    unsigned want = NR_SSE_DEFAULT | (mode == NR_FLUSH ? NR_SSE_FLUSH : 0);
    if ((before & ~(unsigned)NR_SSE_FLAGS) != want) _mm_setcsr(want);
    return before;
}

static inline void nr_mode_end(uint64_t before) {
    unsigned changed = _mm_getcsr() ^ (unsigned)before;
    if (changed & ~(unsigned)NR_SSE_FLAGS) _mm_setcsr((unsigned)before);
}

/* A change of the mode takes as long as a small network's row (15 ns on a
 * Sapphire Rapids). But in exact mode the processor notes it where an operand or
 * a result is denormal (a result that is exact only as the operand that it is
 * next), and where it noted none the bits are those of flushing. So: are they,
 * of all that was computed since what is noted was cleared? */
static inline bool nr_mode_was_flush(void) {
    unsigned others = NR_SSE_FLAGS & ~(NR_SSE_DENORMAL | NR_SSE_UNDERFLOW);
    unsigned mode = _mm_getcsr();
    return (mode & ~others) == NR_SSE_DEFAULT ||
           (mode & ~(unsigned)NR_SSE_FLAGS) == (NR_SSE_DEFAULT | NR_SSE_FLUSH);
}

/* The same mode, to end with, with nothing noted. */
static inline uint64_t nr_mode_cleared(uint64_t before) {
    return before & ~(uint64_t)(NR_SSE_DENORMAL | NR_SSE_UNDERFLOW);
}

#else

#if defined(__aarch64__)
static inline uint64_t nr_mode_get(void) {
    uint64_t value;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return value;
}

static inline void nr_mode_set(uint64_t value) {
    __asm__ volatile("msr fpcr, %0" : : "r"(value) : "memory");
}
enum { NR_MODE_FLUSH = 1 << 24 }; /* FZ */
#else /* no mode to set: kernels flush by themselves (kernels/vec_wasm.h) */
static inline uint64_t nr_mode_get(void) { return 0; }
static inline void nr_mode_set(uint64_t value) { (void)value; }
enum { NR_MODE_FLUSH = 0 };
#endif

static inline uint64_t nr_mode_begin(nr_mode mode) {
    uint64_t before = nr_mode_get();
    uint64_t want = mode == NR_FLUSH ? NR_MODE_FLUSH : 0;
    if (before != want) nr_mode_set(want);
    return before;
}

static inline void nr_mode_end(uint64_t before) {
    if (nr_mode_get() != before) nr_mode_set(before);
}

static inline bool nr_mode_was_flush(void) { return NR_MODE_FLUSH == 0; }
enum { NR_MODE_NOTES = NR_MODE_FLUSH == 0 };
static inline uint64_t nr_mode_cleared(uint64_t before) { return before; }

#endif

/* What is computed in scalars has to be flushed in the end where no mode does it. */
static inline void nr_mode_flush(float *x, size_t n) {
#if !defined(__x86_64__) && !defined(__SSE2__) && !defined(__aarch64__)
    for (size_t i = 0; i < n; i++)
        if (x[i] < FLT_MIN && x[i] > -FLT_MIN) x[i] = copysignf(0, x[i]);
#else
    (void)x, (void)n;
#endif
}

#endif
