/* The series of a forecaster: which there are, and how they grow.
 *
 * A series is found by how its record begins, by looking at one after the other:
 * there are few of them, and a table of their names would have to be kept by
 * every store, too, in one step with the records. */

#include <string.h>

#include "model/net.h"

nr_status nr_series_check(const nr_net *net, const nr_command *cmd,
                          nr_error *err) {
    char key[NR_QUOTED];
    if (!cmd->series || nr_is_forecaster(net)) return NR_OK;
    return nr_fail(err, "ERR %s is no forecaster: FOR names a series of one",
                   nr_quote(key, sizeof key, cmd->argv[cmd->key],
                            cmd->arglen[cmd->key]));
}

bool nr_sample_sound(const nr_net *net, nr_bytes record) {
    return nr_is_forecaster(net)
               ? nr_series_sound(net->schema, net->h.steps, record)
               : nr_record_sound(net->schema, record);
}

long nr_series_slot(const nr_net *net, nr_bytes record) {
    nr_bytes head = nr_series_head_of(record);
    for (size_t i = 0; i < net->h.len[NR_DATASET_TRAIN]; i++) {
        nr_bytes other = nr_record_at(net, NR_DATASET_TRAIN, i);
        if (other.len >= head.len && !memcmp(other.data, head.data, head.len))
            return (long)i;
    }
    return -1;
}

nr_status nr_net_series(const nr_net *net, const nr_command *cmd, nr_buf *head,
                        nr_error *err) {
    nr_text name = {"", 0};
    nr_status status = nr_series_check(net, cmd, err);
    if (cmd->series)
        name = (nr_text){cmd->argv[cmd->series], cmd->arglen[cmd->series]};
    return status == NR_OK ? nr_series_head(name, head, err) : status;
}

nr_status nr_net_extend(const nr_net *net, nr_bytes record, nr_bytes piece,
                        nr_buf *out, nr_error *err) {
    size_t most = (size_t)net->h.steps * nr_step_bytes(net->schema);
    return nr_series_extend(record, piece, most, out, err);
}

nr_status nr_net_begin_series(nr_net *net, nr_error *err) {
    uint64_t *n = &net->h.len[NR_DATASET_TRAIN];
    if (*n >= net->h.maxlen[NR_DATASET_TRAIN])
        return nr_fail(err, "ERR a forecaster has %llu series at most: "
                            "NR.FORGET drops one",
                       (unsigned long long)*n);
    ++*n;
    return NR_OK;
}

void nr_net_count_steps(nr_net *net, uint64_t n) {
    nr_net_count(net, (size_t)n);
}

/* ================================ In memory ============================== */

static size_t steps_of(const nr_net *net, nr_bytes piece) {
    return (piece.len - nr_series_head_of(piece).len) /
           nr_step_bytes(net->schema);
}

/* Weighed before it is written, so that nothing has changed where it fails. */
static nr_status put_grown(nr_net *net, size_t slot, nr_bytes old,
                           nr_bytes record, nr_error *err) {
    nr_status status = nr_net_weigh(net, NR_DATASET_TRAIN, record.len, old.len,
                                    err);
    if (status == NR_OK &&
        !nr_record_write(&net->data[NR_DATASET_TRAIN], slot, record))
        status = nr_nomem(err);
    return status;
}

static nr_status put_piece(nr_net *net, nr_bytes piece, nr_error *err) {
    const nr_header before = net->h;
    long found = nr_series_slot(net, piece);
    size_t slot = found < 0 ? net->h.len[NR_DATASET_TRAIN] : (size_t)found;
    nr_bytes old = {0};
    nr_buf record = {0};
    nr_status status = NR_OK;
    if (found < 0)
        status = nr_net_begin_series(net, err);
    else
        old = nr_record_at(net, NR_DATASET_TRAIN, slot);
    if (status == NR_OK) status = nr_net_extend(net, old, piece, &record, err);
    if (status == NR_OK)
        status = put_grown(net, slot, old,
                           (nr_bytes){record.data, record.len}, err);
    if (status == NR_OK)
        nr_net_count_steps(net, steps_of(net, piece));
    else
        net->h = before;
    nr_buf_free(&record);
    return status;
}

/* One piece is all that a command has. */
nr_status nr_series_put_all(nr_net *net, nr_bytes pieces, nr_error *err) {
    nr_bytes piece;
    if (!nr_record_next(&pieces, &piece) || pieces.len ||
        !nr_series_sound(net->schema, net->h.steps, piece))
        return nr_fail(err, "ERR invalid records: no steps of one series");
    return put_piece(net, piece, err);
}
