/* A sample as name=value, one argument each. */

#ifndef NR_PAIRS_H
#define NR_PAIRS_H

#include "encode/record.h"

/* Appends the record where the fields come in the order of their slots, as nearly
 * always, and nothing is wrong. false: it is left to nr_pairs_take, which reads
 * any order and says what is wrong; what was appended counts for nothing. */
bool nr_pairs_put(const nr_schema *schema, const nr_command *cmd, bool running,
                  nr_buf *record);
/* Has the maker collect them, in any order. */
nr_status nr_pairs_take(nr_maker *m, const nr_command *cmd, nr_error *err);

#endif
