/* What a checkpoint is for: a number of a network's snapshot and of the command that it
 * is trained by. */

#include <string.h>

#include "host.h"
#include "train/train.h"

uint64_t nr_mixed(uint64_t digest, const void *data, size_t len) {
    return nr_mix(digest ^ nr_checksum(data, len));
}

static uint64_t samples_digest(const nr_net *net, uint64_t digest) {
    size_t bytes = net->row * sizeof(float);
    for (nr_dataset_id d = 0; d < 2; d++)
        for (size_t i = 0; i < net->h.len[d]; i++)
            if (net->row) {
                digest = nr_mixed(digest, nr_dataset_row(net, d, i), bytes);
            } else {
                nr_bytes record = nr_record_at(net, d, i);
                digest = nr_mixed(digest, record.data, record.len);
            }
    return digest;
}

/* What samples that come and go, and trainings that end, leave in a header without a
 * change of what is learned. */
static void forget_counts(nr_header *h) {
    h->rounded = h->observed = h->fresh = h->ordered = h->coalesced = 0;
    h->trainings = 0;
    memset(&h->random, 0, sizeof h->random);
    strcpy(h->last_training, "never");
}

nr_status nr_training_digest(const nr_net *net, const nr_command *cmd,
                             uint64_t *digest, nr_error *err) {
    const uint64_t asked[] = {cmd->maxcycles, cmd->maxtime, cmd->autostop,
                              cmd->backtrack};
    nr_net *bare = nr_net_bare(net);
    nr_buf header = {0};
    if (!bare) return nr_nomem(err);
    for (int d = 0; d < 2; d++) {
        bare->h.len[d] = net->h.len[d];
        bare->h.bytes[d] = net->h.bytes[d];
    }
    forget_counts(&bare->h);
    nr_status status = nr_net_header(bare, &header, err);
    if (status == NR_OK) {
        *digest = nr_mixed(NR_CHECKPOINT, asked, sizeof asked);
        *digest = nr_mixed(*digest, header.data, header.len);
        *digest = samples_digest(net, *digest);
    }
    nr_buf_free(&header);
    nr_net_free(bare);
    return status;
}
