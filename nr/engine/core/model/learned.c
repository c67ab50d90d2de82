/* What a training of a network with fields has chosen, in the header.
 *
 * The network behind the encoding lies with the weights, which NR.INFO does not
 * read: so the header has its layers and parameters, too. Where both are there, the
 * weights are right. */

#include <string.h>

#include "model/net.h"

bool nr_units_put(nr_buf *out, const uint32_t *units, size_t n) {
    bool ok = nr_put_array(out, n);
    for (size_t i = 0; i < n && ok; i++) ok = nr_put_uint(out, units[i]);
    return ok;
}

bool nr_units_get(nr_cursor *c, size_t least, size_t most, uint32_t *units,
                  size_t *n) {
    uint64_t number;
    if (!nr_get_array(c, n) || *n < least || *n > most) return false;
    for (size_t i = 0; i < *n; i++) {
        if (!nr_get_uint(c, &number) || number == 0 || number > NR_MAX_UNITS)
            return false;
        units[i] = (uint32_t)number;
    }
    return true;
}

bool nr_learned_put(const nr_learned *learned, nr_buf *out) {
    if (!learned->nlayers) return nr_put_nil(out);
    return nr_put_array(out, 3) && nr_put_uint(out, learned->params) &&
           nr_units_put(out, learned->layers, learned->nlayers) &&
           nr_units_put(out, learned->recurrent, learned->nrecurrent);
}

bool nr_learned_get(nr_cursor *c, nr_learned *learned) {
    size_t three;
    return nr_get_array(c, &three) && three == 3 &&
           nr_get_uint(c, &learned->params) &&
           learned->params <= NR_MAX_PARAMS &&
           nr_units_get(c, 2, NR_MAX_LAYERS, learned->layers,
                        &learned->nlayers) &&
           nr_units_get(c, 0, NR_MAX_RECURRENT, learned->recurrent,
                        &learned->nrecurrent);
}

nr_learned nr_learned_of(const nr_net *inner) {
    nr_learned learned = {0};
    if (!inner) return learned;
    const nr_recurrent *r = &inner->h.recurrent;
    learned.params = inner->params;
    learned.nlayers = inner->h.nlayers;
    memcpy(learned.layers, inner->h.layers, sizeof learned.layers);
    learned.nrecurrent = r->fields ? r->layers : 0;
    memcpy(learned.recurrent, r->units, sizeof learned.recurrent);
    return learned;
}
