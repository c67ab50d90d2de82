/* Where the fields lie that JavaScript reads and writes by itself, in the order in
 * which js/src/core.js names them. Numbers kept there by hand would be wrong as
 * soon as a struct gets another member. */

#include <stddef.h>

#include "nr.h"

#define FIELD(name) offsetof(nr_command, name)
static const uint32_t command[] = {
    FIELD(verb),     FIELD(key),       FIELD(nkeys),   FIELD(blob),
    FIELD(bloblen),  FIELD(number),    FIELD(maxtime), FIELD(maxcycles),
    FIELD(pattern),  FIELD(autostop),  FIELD(backtrack), FIELD(replace),
};
#undef FIELD

#define FIELD(name) offsetof(nr_training, name)
static const uint32_t training[] = {
    FIELD(id),      FIELD(key),      FIELD(keylen), FIELD(maxtime), FIELD(maxcycles),
    FIELD(attempt), FIELD(progress), FIELD(worker), FIELD(running),
    sizeof(nr_training),
};
#undef FIELD

NR_API const uint32_t *nr_layout_command(void) { return command; }
NR_API const uint32_t *nr_layout_training(void) { return training; }
NR_API size_t nr_layout_shape(void) { return sizeof(nr_shape); }
