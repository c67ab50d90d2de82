/* See packed.h. */

#include "kernels/dense.h"
#include "layers/packed.h"

enum { AT_ONCE = 6 }; /* outputs, as kernels have tiles of 2 or 6 */

static size_t outputs_from(const nr_op *op, size_t first) {
    return op->out - first < AT_ONCE ? op->out - first : AT_ONCE;
}

void nr_pack_weights(const nr_op *op, const float *w, float *packed) {
    for (size_t o = 0; o < op->out; o += AT_ONCE) {
        size_t n = outputs_from(op, o);
        for (size_t i = 0; i < op->in; i++, packed += n)
            for (size_t j = 0; j < n; j++)
                packed[j] = w[nr_dense_row(op->out, i) + o + j];
    }
}

void nr_packed_forward(const nr_kernels *k, const nr_op *op, const float *w,
                       const float *packed, const float *x, float *y, size_t nv) {
    if (!packed) {
        k->layer(y, w + nr_dense_row(op->out, 0), 1, op->out, x, w, op->out,
                 op->in, nv);
        return;
    }
    for (size_t o = 0; o < op->out; o += AT_ONCE) {
        size_t n = outputs_from(op, o);
        k->layer(y + o * NR_LANES, packed + o * op->in, 1, n, x, w + o, n, op->in,
                 nv);
    }
}
