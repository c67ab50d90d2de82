/* What the two files of translators share (translator.c, translator_back.c). */

#ifndef NR_TRANSLATING_H
#define NR_TRANSLATING_H

#include "layers/attention.h"
#include "layers/translator.h"

/* Where what is told has the state before step t. */
static inline size_t nr_telling_slot(const nr_translator *s, size_t t) {
    return s->learn ? t + 1 : t & 1;
}

/* By which the inputs of a layer are left out. */
static inline size_t nr_dropped(size_t which, size_t layer) {
    return which * (NR_MAX_RECURRENT + 1) + layer;
}
void nr_translator_drop(const nr_translator *s, float *x, size_t units,
                        size_t layer, size_t t);

/* Of a step of reading: which lanes have begun, and their symbols; and at which place a
 * lane is that is read backwards. */
bool nr_reading_lanes(const nr_translator *s, size_t t, nr_track_lanes *lanes);
void nr_reading_ids(const nr_translator *s, size_t which, size_t t,
                    uint32_t ids[NR_LANES]);
size_t nr_reading_place(const nr_translator *s, size_t lane, size_t t);

nr_attention nr_translator_attention(const nr_translator *s,
                                     size_t first[NR_LANES]);

#endif
