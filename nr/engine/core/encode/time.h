/* Times, as people write them and as records keep them: microseconds since
 * 1970 in UTC. */

#ifndef NR_TIME_H
#define NR_TIME_H

#include "grammar/syntax.h"

#define NR_SECOND INT64_C(1000000)
#define NR_DAY (86400 * NR_SECOND)
#define NR_FIRST_TIME INT64_C(-62135596800000000) /* year 1 */
#define NR_LAST_TIME INT64_C(253402300799999999)  /* the end of year 9999 */

/* ISO 8601 (2026-11-27, 2026-11-27T10:00Z, ... 10:00:30.5+02:00; no zone is
 * UTC), or seconds since 1970. */
bool nr_parse_time(nr_text text, int64_t *time);
/* From seconds; false where the year is none of 1 to 9999. */
bool nr_time_from(double seconds, int64_t *time);

#define NR_TIME_TEXT 40
/* As ISO 8601 with Z, as short as it can be. Returns out. */
const char *nr_time_text(char out[NR_TIME_TEXT], int64_t time);

#endif
