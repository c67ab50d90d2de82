/* How a dense layer's weights lie, for all who read them: a row of biases, then a
 * row of weights for each input: [1 + inputs][outputs]. */

#ifndef NR_DENSE_H
#define NR_DENSE_H

#include <stddef.h>

static inline size_t nr_dense_params(size_t in, size_t out) {
    return (1 + in) * out;
}

/* Where an input's row begins; the biases' is at 0. */
static inline size_t nr_dense_row(size_t out, size_t input) {
    return (1 + input) * out;
}

#endif
