/* A network behind its first layer, on a panel: for those who make the first layer's
 * sums themselves, since they change a little at a time. */

#ifndef NR_BEHIND_H
#define NR_BEHIND_H

#include "run/runner.h"

typedef struct nr_behind {
    const nr_net *net;
    const nr_kernels *k;
    nr_head head;
    nr_factors f;
    size_t members, nv;
    bool powers; /* of the first layer's sums come, not these */
    float *from, *to, *mean; /* panels of layers, and of the outputs */
} nr_behind;

/* Of a network that has its weights. false: out of memory. */
bool nr_behind_make(nr_behind *b, const nr_net *net, size_t nv);
void nr_behind_free(nr_behind *b);
static inline const float *nr_behind_member(const nr_behind *b, size_t m) {
    return b->f.layers + nr_member_at(b->net, m);
}
/* The mean of the members' outputs, as the head makes them: a panel, from panels of
 * sums of each, and of what is to be joined to these; or NULL. */
const float *nr_behind_mean(nr_behind *b, const float *sums, const float *more);

#endif
