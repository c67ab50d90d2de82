/* What nr_net_execute is made of, beside running. */

#ifndef NR_EXECUTE_H
#define NR_EXECUTE_H

#include "model/net.h"

extern const char *const nr_count_error; /* execute.c */
/* observe.c. How many rows an FP32 blob has, and whether a network without
 * fields was given numbers. */
nr_status nr_blob_rows(const nr_command *cmd, size_t row, size_t *n,
                       nr_error *err);
nr_status nr_numbers_check(const nr_command *cmd, nr_error *err);
nr_status nr_observe(nr_net *net, const nr_command *cmd, nr_buf *reply,
                     nr_error *err);

/* info.c */
bool nr_info_reply(const nr_net *net, bool training, nr_buf *reply);
bool nr_history_reply(const nr_net *net, nr_buf *reply);
nr_status nr_getdata(const nr_net *net, const nr_command *cmd, nr_buf *reply,
                     nr_error *err);
/* One sample, in the float mode of its caller. */
nr_status nr_sample_put(const nr_net *net, nr_bytes sample, nr_buf *reply,
                        nr_error *err);
/* range.c: those of a command's range. */
nr_status nr_range_put(const nr_net *net, const nr_command *cmd, nr_buf *reply,
                       nr_error *err);
/* Rows of the range that there are. */
size_t nr_range_rows(const nr_net *net, const nr_command *cmd);

#endif
