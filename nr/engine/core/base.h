/* Memory and errors: what every file of the core stands on. */

#ifndef NR_BASE_H
#define NR_BASE_H

#include <stdatomic.h>

#include "nr.h"

/* A function whose body stays out of its caller's: for what runs in a mode of its
 * own (float_mode.h), or would cost its caller registers. */
#define NOINLINE static __attribute__((noinline))

/* One whose body belongs into its callers': for kernels, and where a struct that
 * is returned would go through memory. */
#define INLINE static inline __attribute__((always_inline))

/* ------------------------------ Memory (base.c) -------------------------- */

void *nr_alloc(size_t size); /* NULL: out of memory */
void *nr_resize(void *memory, size_t size);
void nr_release(void *memory);

/* Aligned to a cache line and zeroed; n * size is checked. */
void *nr_alloc_lines(size_t n, size_t size);
/* The same, of anything in place of zeros: a system gives its pages where they are
 * written first. */
void *nr_alloc_pages(size_t n, size_t size);
void nr_release_lines(void *memory);

/* ------------------------------ Errors (base.c) -------------------------- */

nr_status nr_fail(nr_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
nr_status nr_nomem(nr_error *err);

#endif
