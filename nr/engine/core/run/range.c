/* NR.GETDATA of many samples at once.
 *
 * A reply is made as a whole, here and by whoever reads it, so it is limited: in
 * rows, which the grammar sees, and in bytes of the samples, which are looked at
 * before any of them is copied. */

#include "float_mode.h"
#include "grammar/syntax.h"
#include "run/execute.h"

size_t nr_range_rows(const nr_net *net, const nr_command *cmd) {
    uint64_t len = net->h.len[cmd->dataset];
    uint64_t end = cmd->until < len ? cmd->until : len;
    return cmd->number < end ? (size_t)(end - cmd->number) : 0;
}

nr_status nr_range_check(const nr_command *cmd, uint64_t bytes,
                         nr_error *err) {
    if (bytes <= NR_MAX_RANGE_BYTES || cmd->until - cmd->number == 1)
        return NR_OK; /* one row is replied whatever its length */
    return nr_fail(err, "ERR rows %llu to %llu have %llu bytes, at most %d at "
                        "once: ask for fewer rows",
                   (unsigned long long)cmd->number,
                   (unsigned long long)cmd->until - 1,
                   (unsigned long long)bytes, NR_MAX_RANGE_BYTES);
}

NOINLINE nr_status put_range(const nr_net *net, const nr_command *cmd,
                             nr_buf *reply, nr_error *err) {
    size_t n = nr_range_rows(net, cmd);
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += nr_net_sample(net, cmd->dataset, cmd->number + i).len;
    nr_status status = nr_range_check(cmd, bytes, err);
    if (status == NR_OK && !nr_put_array(reply, n)) status = nr_nomem(err);
    for (size_t i = 0; i < n && status == NR_OK; i++)
        status = nr_sample_put(
            net, nr_net_sample(net, cmd->dataset, cmd->number + i), reply, err);
    return status;
}

nr_status nr_range_put(const nr_net *net, const nr_command *cmd, nr_buf *reply,
                       nr_error *err) {
    if (net->partial && nr_range_rows(net, cmd))
        return nr_fail(err, "ERR a sample of a network without its datasets");
    return put_range(net, cmd, reply, err);
}

/* ======================== From what stores have read ===================== */

static bool next_sample(const nr_net *net, nr_bytes *samples, nr_bytes *one) {
    size_t row = net->row * sizeof(float);
    if (net->schema) return nr_record_next(samples, one);
    if (samples->len < row) return false;
    *one = (nr_bytes){samples->data, row};
    samples->data += row;
    samples->len -= row;
    return true;
}

static bool count_samples(const nr_net *net, nr_bytes samples, size_t *n) {
    nr_bytes one;
    for (*n = 0; samples.len; ++*n)
        if (!next_sample(net, &samples, &one)) return false;
    return true;
}

NOINLINE nr_status put_samples(const nr_net *net, nr_bytes samples,
                               nr_buf *reply, nr_error *err) {
    size_t n;
    nr_bytes one;
    if (!count_samples(net, samples, &n))
        return nr_fail(err, "ERR invalid network: damaged samples");
    nr_status status = nr_put_array(reply, n) ? NR_OK : nr_nomem(err);
    while (n-- && status == NR_OK && next_sample(net, &samples, &one))
        status = nr_sample_put(net, one, reply, err);
    return status;
}

nr_status nr_net_range_reply(const nr_net *net, nr_bytes samples,
                             nr_buf *reply, nr_error *err) {
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = put_samples(net, samples, reply, err);
    nr_mode_end(before);
    return status;
}
