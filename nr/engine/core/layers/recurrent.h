/* Recurrent layers over the sequences of a panel.
 *
 * Samples lie in lanes, and end together: a shorter sequence begins later, so
 * the last states are there for all lanes at once, and a truncated gradient goes
 * back equally far for all of them. Lanes that have not begun have a state of 0,
 * and vectors of which no lane has begun are not computed.
 *
 * What a step computes is kept for the way back in a frame, a panel's own
 * memory, for the last `unroll` steps; earlier ones hand on their state alone.
 * Where nothing is learned, unroll is 0, and a frame has two steps in turn. */

#ifndef NR_RECURRENT_H
#define NR_RECURRENT_H

#include "kernels/kernel.h"

/* The sequences of one field in a panel's lanes. */
typedef struct nr_strand {
    size_t lanes, longest;
    nr_steps of[NR_LANES];
} nr_strand;

/* By their numbers, which the network's rows have. */
void nr_strand_take(nr_strand *strand, const nr_sequences *sequences,
                    size_t field, const float *numbers, size_t lanes);

size_t nr_frame_floats(const nr_plan *plan, size_t unroll);
/* One to run by, or NULL where there are no sequences; false: no memory. It is not
 * cleared, which would take as long as some steps of a small network. */
static inline bool nr_frame_take(const nr_plan *plan, float **frame) {
    *frame = plan->recurrent.fields
                 ? nr_alloc(nr_frame_floats(plan, 0) * sizeof **frame)
                 : NULL;
    return *frame || !plan->recurrent.fields;
}

/* One field's sequences to its last states, from the weights of a member to a
 * panel of inputs. */
void nr_recurrent_forward(const nr_kernels *k, const nr_plan *plan,
                          const float *w, size_t field, const nr_strand *strand,
                          size_t unroll, float *frame, float *inputs);
/* All fields' sequences, in place of what stood for them in the inputs; numbers
 * are those that nr_recurrent_numbers took from there, [field][lane]. */
void nr_recurrent_numbers(const nr_plan *plan, const float *inputs,
                          float *numbers);
void nr_recurrent_fill(const nr_kernels *k, const nr_plan *plan, const float *w,
                       const nr_sequences *sequences, const float *numbers,
                       size_t lanes, size_t unroll, float *frame,
                       float *inputs);
/* The same of one row: from its numbers, which lie where its states will, to a row of
 * inputs. The frame's floats: nr_row_frame_floats. */
size_t nr_row_frame_floats(const nr_plan *plan);
void nr_recurrent_row(const nr_kernels *k, const nr_plan *plan, const float *w,
                      const nr_sequences *sequences, const float *numbers,
                      float *frame, float *inputs);
/* The only field's symbols one by one, in a frame that was cleared: the next one,
 * or (begins) the first; the last layer's output behind it, in the frame. */
const float *nr_recurrent_next(const nr_kernels *k, const nr_plan *plan,
                               const float *w, float *frame, uint32_t id,
                               bool begins);
/* What the frame holds becomes deltas, from those of the inputs. */
void nr_recurrent_backward(const nr_kernels *k, const nr_plan *plan,
                           const float *w, size_t field,
                           const nr_strand *strand, size_t unroll, float *frame,
                           const float *deltas);
/* Adds an operation's gradient for rows first..last of its weights. */
void nr_recurrent_gradient(const nr_kernels *k, const nr_plan *plan,
                           const nr_op *op, float *g, const nr_strand *strand,
                           size_t unroll, const float *frame, size_t first,
                           size_t last);
/* The field that an operation of steps belongs to. */
size_t nr_recurrent_field(const nr_plan *plan, const nr_op *op);

#endif
