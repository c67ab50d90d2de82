/* Weights of dense and recurrent layers in the order in which a forward pass takes them.
 *
 * As they lie, [input][output], a tile of a few outputs takes a few numbers out of each
 * row, and a row of a thousand outputs is longer than a page: most of the time went
 * into waiting for them. Where the same weights read many panels, they are laid out
 * once for all of these, some outputs at a time, input by input; a layer's in as much
 * room as it has weights, without its biases. Sums are the same to the bit. */

#ifndef NR_PACKED_H
#define NR_PACKED_H

#include "kernels/kernel.h"

void nr_pack_weights(const nr_op *op, const float *w, float *packed);
/* The sums of a layer; w and packed are its own, and packed may be NULL. */
void nr_packed_forward(const nr_kernels *k, const nr_op *op, const float *w,
                       const float *packed, const float *x, float *y, size_t nv);

#endif
