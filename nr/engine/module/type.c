/* The data type: how networks are saved, loaded, copied, counted and freed.
 *
 * Encoding 3 is the core's dump of the network without its samples, then the
 * samples piece by piece as they lie in memory, then a checksum of those: the
 * child that saves a gigabyte of samples needs no gigabyte for it. The name and
 * encoding 2 are Neural Redis' (legacy.c).
 *
 * The dump says which format it has, and so what comes behind it. A number of
 * its own for each format was rejected: a server with an older module could say
 * no more of such a file than that it cannot be loaded, where it can now say
 * that the network has a newer format. */

#include <stdlib.h>
#include <string.h>

#include "module.h"

enum { ENCODING = 3, LEGACY = 2 };

rm_type *nr_type;

nr_box *nr_box_new(nr_net *net) {
    nr_box *box = nr_alloc(sizeof *box);
    if (box)
        *box = (nr_box){.net = net};
    else
        nr_net_free(net);
    return box;
}

/* On whatever thread: large values go in the server's background one. */
void nr_box_free(void *value) {
    nr_box *box = value;
    nr_job_drop(box, "its network was deleted or replaced");
    nr_net_free(box->net);
    nr_release(box);
}

/* ============================ Saving and loading ========================= */

nr_status nr_dump_bare(const nr_net *net, nr_buf *dump, nr_error *err) {
    nr_net *bare = nr_net_bare(net);
    if (!bare) return nr_nomem(err);
    nr_status status = nr_net_dump(bare, dump, err);
    nr_net_free(bare);
    return status;
}

static void save_rows(rm_io *io, const nr_net *net, nr_dataset_id which) {
    nr_bytes piece;
    uint64_t sum = 0;
    nr_shape shape;
    nr_net_shape(net, &shape);
    rm.SaveUnsigned(io, shape.len[which]);
    for (size_t slot = 0, n; (n = nr_net_piece(net, which, slot, &piece));
         slot += n) {
        sum = nr_mix(sum ^ nr_checksum(piece.data, piece.len));
        rm.SaveStringBuffer(io, (const char *)piece.data, piece.len);
    }
    rm.SaveUnsigned(io, sum);
}

/* There is no way to tell the server that saving failed, and a file without
 * the network must not take the place of one with it: the server itself
 * aborts, too, when it has no memory to save with. */
void nr_dump_to_save(rm_io *io, const nr_net *net, nr_buf *dump) {
    nr_error err;
    if (nr_dump_bare(net, dump, &err) == NR_OK) return;
    rm.LogIOError(io, "warning", "cannot save a network: %s", err.text);
    abort();
}

static void save(rm_io *io, void *value) {
    const nr_box *box = value;
    nr_buf dump = {0};
    nr_dump_to_save(io, box->net, &dump);
    rm.SaveStringBuffer(io, (const char *)dump.data, dump.len);
    nr_buf_free(&dump);
    save_rows(io, box->net, NR_DATASET_TRAIN);
    save_rows(io, box->net, NR_DATASET_TEST);
}

static nr_status load_rows(rm_io *io, nr_net *net, nr_dataset_id which,
                           nr_error *err) {
    uint64_t n = rm.LoadUnsigned(io), sum = 0;
    nr_shape shape;
    nr_status status = NR_OK;
    nr_net_shape(net, &shape);
    while (status == NR_OK && shape.len[which] < n) {
        size_t len = 0;
        char *rows = rm.LoadStringBuffer(io, &len);
        if (!rows || len == 0) {
            status = nr_fail(err, "ERR invalid network: its samples");
        } else {
            const unsigned char *bytes = (const unsigned char *)rows;
            sum = nr_mix(sum ^ nr_checksum(bytes, len));
            status = nr_net_append(net, which, bytes, len, err);
        }
        if (rows) rm.Free(rows);
        nr_net_shape(net, &shape);
    }
    if (status != NR_OK) return status;
    if (shape.len[which] != n || rm.LoadUnsigned(io) != sum ||
        rm.IsIOError(io))
        return nr_fail(err, "ERR invalid network: its samples");
    return NR_OK;
}

static nr_net *load_net(rm_io *io) {
    size_t len = 0;
    nr_error err;
    nr_net *net = NULL;
    char *dump = rm.LoadStringBuffer(io, &len);
    if (!dump) return NULL;
    nr_status status =
        nr_net_load((const unsigned char *)dump, len, 0, &net, &err);
    rm.Free(dump);
    if (status == NR_OK) status = load_rows(io, net, NR_DATASET_TRAIN, &err);
    if (status == NR_OK) status = load_rows(io, net, NR_DATASET_TEST, &err);
    if (status == NR_OK) return net;
    rm.LogIOError(io, "warning", "%s", err.text);
    nr_net_free(net);
    return NULL;
}

/* The server's RESTORE brings a network's id along with it, and there may be
 * that network still; a file that is loaded brings back those that were. */
static bool from_restore(rm_io *io) {
    return !(rm.GetContextFlags(rm.GetContextFromIO(io)) &
             (RM_FLAG_LOADING | RM_FLAG_ASYNC_LOADING));
}

static void *load(rm_io *io, int encoding) {
    nr_net *net = encoding == ENCODING ? load_net(io)
                  : encoding == LEGACY ? nr_legacy_load(io)
                                       : NULL;
    if (encoding > ENCODING)
        rm.LogIOError(io, "warning",
                      "ERR the network has encoding %d, newer than the %d that "
                      "this version reads",
                      encoding, ENCODING);
    nr_box *box = net ? nr_box_new(net) : NULL;
    if (box) box->borrowed = from_restore(io);
    return box;
}

/* ================================ The rest =============================== */

static void *copy(rm_string *from, rm_string *to, const void *value) {
    (void)from, (void)to;
    const nr_box *box = value;
    nr_net *net = nr_net_clone(box->net);
    nr_box *made = net ? nr_box_new(net) : NULL;
    if (made) made->borrowed = true;
    return made;
}

static size_t mem_usage(const void *value) {
    const nr_box *box = value;
    return sizeof *box + nr_net_memory(box->net);
}

/* A network in training is freed where it is deleted, so that the training
 * ends with it; most of its memory is the training's by then. */
static size_t free_effort(rm_string *key, const void *value) {
    (void)key;
    const nr_box *box = value;
    return box->job ? 1 : 1 + nr_net_memory(box->net) / 16384;
}

static void digest(rm_digest *md, void *value) {
    const nr_box *box = value;
    nr_buf dump = {0};
    nr_error err;
    nr_shape shape;
    nr_bytes sample;
    if (nr_dump_bare(box->net, &dump, &err) == NR_OK)
        rm.DigestAddStringBuffer(md, (const char *)dump.data, dump.len);
    nr_buf_free(&dump);
    nr_net_shape(box->net, &shape);
    for (int which = 0; which < 2; which++)
        for (size_t slot = 0; slot < shape.len[which]; slot++) {
            sample = nr_net_sample(box->net, which, slot);
            rm.DigestAddStringBuffer(md, (const char *)sample.data,
                                     sample.len);
        }
    rm.DigestAddStringBuffer(md, (const char *)shape.len, sizeof shape.len);
    rm.DigestEndSequence(md);
}

/* What threads may hold stays where it is: only the box moves. */
static int defrag(rm_defrag *ctx, rm_string *key, void **value) {
    (void)key;
    nr_box *moved = rm.DefragAlloc(ctx, *value);
    if (moved) {
        *value = moved;
        nr_job_adopted(moved);
    }
    return 0;
}

int nr_type_create(rm_ctx *ctx) {
    static const rm_methods methods = {
        .version = 3,
        .rdb_load = load,
        .rdb_save = save,
        .aof_rewrite = nr_aof_rewrite,
        .mem_usage = mem_usage,
        .digest = digest,
        .free = nr_box_free,
        .free_effort = free_effort,
        .copy = copy,
        .defrag = defrag,
    };
    nr_type = rm.CreateDataType(ctx, "neural-NN", ENCODING, &methods);
    return nr_type ? RM_OK : RM_ERR;
}
