/* Memory and errors: what everything else stands on.
 *
 * The allocator is the one piece of process-wide state beside the choice of
 * the instruction set. Passing it through every function was tried on paper
 * and rejected: a host has one allocator for its whole life (the Redis module
 * the server's, Python malloc), and an argument everywhere would say nothing. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

static void *(*allocator)(size_t) = malloc;
static void *(*resizer)(void *, size_t) = realloc;
static void (*releaser)(void *) = free;

void nr_set_allocator(void *(*alloc)(size_t), void *(*resize)(void *, size_t),
                      void (*release)(void *)) {
    allocator = alloc;
    resizer = resize;
    releaser = release;
}

void *nr_alloc(size_t size) { return allocator(size ? size : 1); }

void *nr_resize(void *memory, size_t size) {
    return resizer(memory, size ? size : 1);
}

void nr_release(void *memory) {
    if (memory) releaser(memory);
}

/* The distance to the block that the allocator gave lies just before the
 * aligned address, since a settable allocator need not know of alignment. */
enum { LINE = 64 };

void *nr_alloc_pages(size_t n, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) return NULL;
    if (__builtin_add_overflow(bytes, (size_t)LINE * 2, &bytes)) return NULL;
    unsigned char *block = nr_alloc(bytes);
    if (!block) return NULL;
    size_t shift = LINE - (uintptr_t)block % LINE;
    if (shift < sizeof(size_t)) shift += LINE;
    unsigned char *lines = block + shift;
    memcpy(lines - sizeof shift, &shift, sizeof shift);
    return lines;
}

void *nr_alloc_lines(size_t n, size_t size) {
    void *lines = nr_alloc_pages(n, size);
    if (lines) memset(lines, 0, n * size);
    return lines;
}

void nr_release_lines(void *memory) {
    if (!memory) return;
    size_t shift;
    memcpy(&shift, (unsigned char *)memory - sizeof shift, sizeof shift);
    nr_release((unsigned char *)memory - shift);
}

nr_status nr_fail(nr_error *err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return NR_ERR;
}

nr_status nr_nomem(nr_error *err) {
    nr_fail(err, "ERR out of memory");
    return NR_NOMEM;
}
