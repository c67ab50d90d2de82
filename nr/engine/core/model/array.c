/* Arrays of floats that several networks share: weights, and what is made of
 * them. Whoever drops the last hold of one frees it. */

#include "model/net.h"

nr_array *nr_array_new(size_t n) {
    nr_array *array = nr_alloc(sizeof *array);
    if (!array) return NULL;
    array->data = nr_alloc_lines(n + 16, sizeof(float));
    if (!array->data) {
        nr_release(array);
        return NULL;
    }
    array->n = n;
    atomic_init(&array->refs, 1);
    atomic_init(&array->interleaved, NULL);
    return array;
}

nr_array *nr_array_hold(nr_array *array) {
    if (array)
        atomic_fetch_add_explicit(&array->refs, 1, memory_order_relaxed);
    return array;
}

void nr_array_drop(nr_array *array) {
    if (!array || atomic_fetch_sub_explicit(&array->refs, 1,
                                            memory_order_acq_rel) != 1)
        return;
    nr_release_lines(array->data);
    nr_release_lines(atomic_load(&array->interleaved));
    nr_release(array);
}
