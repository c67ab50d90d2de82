/* All names of a table that are no fields, in one message.
 *
 * Whoever leaves out one column after the other, each time for the next one that
 * an error names, asks as often as there are columns. As many are named as the
 * message has room for; the others are counted. */

#include <stdio.h>
#include <string.h>

#include "encode/unknown.h"

enum { MOST_SHOWN = 10 };

void nr_unknown_add(nr_unknown *unknown, nr_text name) {
    char quoted[NR_QUOTED];
    if (nr_schema_find(unknown->schema, name)) return;
    if (!unknown->n++) unknown->first = name;
    if (unknown->shown + 1 < unknown->n || unknown->shown == MOST_SHOWN)
        return; /* after one that is not shown none is */
    nr_quote(quoted, sizeof quoted, name.s, name.n);
    size_t used = strlen(unknown->text), more = strlen(quoted) + 4;
    if (used + more >= sizeof unknown->text) return;
    snprintf(unknown->text + used, sizeof unknown->text - used, "%s'%s'",
             unknown->shown++ ? ", " : "", quoted);
}

nr_status nr_unknown_tell(const nr_unknown *unknown, nr_text key,
                          nr_error *err) {
    char network[NR_QUOTED], others[40] = "";
    if (unknown->n == 1)
        return nr_no_field(unknown->schema, unknown->first, key, err);
    if (unknown->n > unknown->shown)
        snprintf(others, sizeof others, " and %zu more",
                 unknown->n - unknown->shown);
    return nr_fail(err, "ERR no fields %s%s in %s", unknown->text, others,
                   nr_quote(network, sizeof network, key.s, key.n));
}
