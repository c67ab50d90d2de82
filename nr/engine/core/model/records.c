/* Datasets of records of any length: of networks that have a schema.
 *
 * A record is bytes to whoever keeps it. Where several lie one after the other,
 * in a chunk, in a dump, on their way to a store, each has its length before it,
 * in four bytes: a frame. A chunk holds the frames of sixteen slots and where
 * each ends, so that a slot is found at once, a piece of a dataset goes out as
 * it lies, and a record of another length moves no more than one chunk. A
 * pointer a record was rejected: it takes more memory than a short record, and
 * as many steps as there are records to share them with a clone.
 *
 * Networks without a schema keep rows of floats, without lengths (samples.c). */

#include <string.h>

#include "model/net.h"

enum { PER = 16, FRAME = sizeof(uint32_t) };

typedef struct frames {
    uint32_t n, ends[PER];
    unsigned char bytes[];
} frames;

static frames *frames_of(const nr_chunk *chunk) {
    return (frames *)(void *)chunk->rows;
}

size_t nr_record_chunk_bytes(const nr_chunk *chunk) {
    return sizeof *chunk + sizeof(frames) + chunk->cap;
}

static size_t start_of(const frames *f, size_t at) {
    return at ? f->ends[at - 1] : 0;
}

/* ================================ Frames ================================= */

/* Takes the first record off the bytes; false where there is none, or where it
 * is not what a record can be. */
bool nr_record_next(nr_bytes *bytes, nr_bytes *record) {
    uint32_t len;
    if (bytes->len <= FRAME) return false;
    memcpy(&len, bytes->data, FRAME);
    if (len == 0 || len > NR_MAX_RECORD || len > bytes->len - FRAME)
        return false;
    *record = (nr_bytes){bytes->data + FRAME, len};
    bytes->data += FRAME + len;
    bytes->len -= FRAME + len;
    return true;
}

bool nr_record_put(nr_bytes record, nr_buf *out) {
    uint32_t len = (uint32_t)record.len;
    return nr_buf_append(out, &len, FRAME) &&
           nr_buf_append(out, record.data, record.len);
}

static nr_status count(nr_bytes bytes, size_t *n, nr_error *err) {
    nr_bytes record;
    for (*n = 0; bytes.len; ++*n)
        if (!nr_record_next(&bytes, &record))
            return nr_fail(err, "ERR invalid records: number %zu is not one of "
                                "1 to %u bytes behind its length",
                           *n, NR_MAX_RECORD);
    return NR_OK;
}

/* ================================ Chunks ================================= */

static nr_chunk *chunk_new(size_t cap) {
    nr_chunk *chunk = nr_alloc(sizeof *chunk + sizeof(frames) + cap);
    if (!chunk) return NULL;
    atomic_init(&chunk->refs, 1);
    chunk->cap = cap;
    return chunk;
}

/* Bytes that a chunk is given while it fills: as if all its records were like the
 * first, or where they are large as much again. */
static size_t room_for(const frames *f, size_t need) {
    enum { MUCH = 16384 };
    bool first = !f && need * PER <= MUCH;
    return first ? need * PER : need * 2;
}

/* A chunk with `size` bytes between the first `start` of the old one and those
 * from `stop` on; there is room for more while it fills. */
static nr_chunk *chunk_with(const nr_chunk *old, size_t start, size_t stop,
                            size_t size, bool fills) {
    const frames *f = old ? frames_of(old) : NULL;
    size_t used = f ? start_of(f, f->n) : 0;
    size_t need = used - (stop - start) + size;
    nr_chunk *chunk = chunk_new(fills ? room_for(f, need) : need);
    if (!chunk) return NULL;
    frames *to = frames_of(chunk);
    *to = (frames){0};
    if (!f) return chunk;
    to->n = f->n;
    memcpy(to->ends, f->ends, sizeof f->ends);
    memcpy(to->bytes, f->bytes, start);
    memcpy(to->bytes + start + size, f->bytes + stop, used - stop);
    return chunk;
}

/* Puts a record into a slot that is there, or the first that is not. */
bool nr_record_write(nr_dataset *data, size_t slot, nr_bytes record) {
    size_t index = slot / PER, at = slot % PER, size = FRAME + record.len;
    if (!nr_dataset_reserve(data, index)) return false;
    nr_chunk *old = index < data->nchunks ? data->chunks[index] : NULL;
    frames *f = old ? frames_of(old) : NULL;
    size_t have = f ? f->n : 0, used = f ? start_of(f, have) : 0;
    size_t start = f ? start_of(f, at) : 0;
    size_t stop = at < have ? f->ends[at] : start;
    bool ours = old && atomic_load_explicit(&old->refs,
                                            memory_order_acquire) == 1;
    if (!ours || used - (stop - start) + size > old->cap) {
        nr_chunk *chunk =
            chunk_with(old, start, stop, size, at >= have && at + 1 < PER);
        if (!chunk) return false;
        nr_dataset_swap(data, index, chunk);
        f = frames_of(chunk);
    } else if (size != stop - start) {
        memmove(f->bytes + start + size, f->bytes + stop, used - stop);
    }
    uint32_t len = (uint32_t)record.len;
    memcpy(f->bytes + start, &len, FRAME);
    memcpy(f->bytes + start + FRAME, record.data, record.len);
    if (at >= have) f->n = (uint32_t)at + 1, f->ends[at] = (uint32_t)start;
    for (size_t i = at; i < f->n; i++)
        f->ends[i] += (uint32_t)size - (uint32_t)(stop - start);
    return true;
}

nr_bytes nr_record_at(const nr_net *net, nr_dataset_id which, size_t slot) {
    const frames *f = frames_of(net->data[which].chunks[slot / PER]);
    size_t start = start_of(f, slot % PER) + FRAME;
    return (nr_bytes){f->bytes + start, f->ends[slot % PER] - start};
}

/* Has a record on its way to the cache: where its chunk says where it lies, and
 * about where that is. */
void nr_record_fetch(const nr_net *net, nr_dataset_id which, size_t slot) {
    enum { LINE = 64 };
    const nr_chunk *chunk = net->data[which].chunks[slot / PER];
    const unsigned char *head = (const unsigned char *)chunk;
    uint64_t mean = net->h.bytes[which] / net->h.len[which] + FRAME;
    const unsigned char *about = frames_of(chunk)->bytes + mean * (slot % PER);
    __builtin_prefetch(head);
    __builtin_prefetch(head + LINE, 1);
    __builtin_prefetch(about, 1);
    __builtin_prefetch(about + LINE, 1);
}

/* =============================== Observing =============================== */

nr_status nr_net_weigh(nr_net *net, nr_dataset_id which, uint64_t added,
                       uint64_t removed, nr_error *err) {
    nr_header *h = &net->h;
    uint64_t bytes = h->bytes[which] + added - removed;
    if (removed > h->bytes[which])
        return nr_fail(err, "ERR invalid network: the bytes of its samples");
    if (bytes > h->maxbytes && added > removed)
        return nr_fail(err, "ERR the %s samples would take %llu bytes, more "
                            "than BYTES %llu: give the network more BYTES, or "
                            "shorter samples",
                       which == NR_DATASET_TRAIN ? "training" : "testing",
                       (unsigned long long)bytes,
                       (unsigned long long)h->maxbytes);
    h->bytes[which] = bytes;
    return NR_OK;
}

/* One record: weighed before it is written, so that nothing has changed. */
static nr_status put_at(nr_net *net, nr_bytes record, uint64_t place,
                        bool replaces, nr_error *err) {
    nr_dataset_id d = place & 1;
    size_t slot = place >> 1;
    const uint64_t before = net->h.bytes[d];
    uint64_t removed = replaces ? nr_record_at(net, d, slot).len : 0;
    nr_status status = nr_net_weigh(net, d, record.len, removed, err);
    if (status != NR_OK || nr_record_write(&net->data[d], slot, record))
        return status;
    net->h.bytes[d] = before;
    return nr_nomem(err);
}

static nr_status put_one(nr_net *net, nr_bytes record, nr_dataset_id which,
                         nr_error *err) {
    nr_header *h = &net->h;
    uint64_t place;
    const uint64_t was[2] = {h->len[0], h->len[1]};
    const nr_random random = h->random;
    nr_status status = nr_check_capacity(net, which, err);
    if (status != NR_OK) return status;
    nr_net_draw(net, which, &place);
    status = put_at(net, record, place, place >> 1 < was[place & 1], err);
    if (status == NR_OK) return NR_OK;
    h->random = random;
    h->len[0] = was[0], h->len[1] = was[1];
    return status;
}

/* Several: the whole of them is weighed at the end, as stores do, who write
 * them in one step; so each may be more than there is room for on the way. */
static nr_status put_each(nr_net *net, nr_bytes bytes, nr_dataset_id which,
                          nr_error *err) {
    nr_bytes record;
    nr_status status = NR_OK;
    const uint64_t most = net->h.maxbytes;
    const uint64_t was[2] = {net->h.bytes[0], net->h.bytes[1]};
    net->h.maxbytes = UINT64_MAX;
    while (status == NR_OK && nr_record_next(&bytes, &record))
        status = put_one(net, record, which, err);
    net->h.maxbytes = most;
    for (int d = 0; d < 2 && status == NR_OK; d++) {
        uint64_t now = net->h.bytes[d];
        net->h.bytes[d] = was[d];
        status = now > was[d] ? nr_net_weigh(net, d, now - was[d], 0, err)
                              : nr_net_weigh(net, d, 0, was[d] - now, err);
    }
    return status;
}

static void put_back(nr_net *net, const nr_header *before, nr_dataset *data) {
    net->h = *before;
    for (int d = 0; d < 2; d++) {
        nr_dataset_free(&net->data[d]);
        net->data[d] = data[d];
        data[d] = (nr_dataset){0};
    }
}

/* What they replace is kept till the last is there. */
static nr_status put_many(nr_net *net, nr_bytes bytes, nr_dataset_id which,
                          nr_error *err) {
    nr_dataset data[2] = {{0}};
    const nr_header before = net->h;
    nr_status status = NR_OK;
    if (nr_dataset_clone(&data[0], &net->data[0]) &&
        nr_dataset_clone(&data[1], &net->data[1])) {
        status = put_each(net, bytes, which, err);
        if (status != NR_OK) put_back(net, &before, data);
    } else {
        status = nr_nomem(err);
    }
    nr_dataset_free(&data[0]);
    nr_dataset_free(&data[1]);
    return status;
}

/* A blob's floats need not be aligned. */
static nr_status put_rows(nr_net *net, nr_bytes bytes, nr_dataset_id which,
                          nr_error *err) {
    size_t row = net->row * sizeof(float), n = bytes.len / row;
    nr_buf rows = {0};
    if (bytes.len % row)
        return nr_fail(err, "ERR invalid rows: %zu bytes are not a whole "
                            "number of rows of %zu bytes",
                       bytes.len, row);
    if (!nr_buf_append(&rows, bytes.data, bytes.len)) return nr_nomem(err);
    const float *floats = (const void *)rows.data;
    nr_status status = nr_rows_check(net, floats, n, err);
    if (status == NR_OK) status = nr_net_observe(net, floats, n, which, err);
    nr_buf_free(&rows);
    return status;
}

nr_status nr_samples_put(nr_net *net, nr_bytes bytes, nr_dataset_id which,
                         nr_error *err) {
    size_t n;
    nr_bytes rest = bytes, record;
    if (net->partial)
        return nr_fail(err, "ERR samples for a network without its datasets");
    if (net->h.records == NR_FIXED) return put_rows(net, bytes, which, err);
    if (nr_is_forecaster(net)) return nr_series_put_all(net, bytes, err);
    nr_status status = count(bytes, &n, err);
    if (status != NR_OK) return status;
    status = n == 1 && nr_record_next(&rest, &record)
                 ? put_one(net, record, which, err)
                 : put_many(net, bytes, which, err);
    if (status != NR_OK) return status;
    nr_net_count(net, n);
    if (n == 1) nr_net_foresee(net, which);
    return NR_OK;
}

nr_status nr_records_keep(nr_net *net, nr_dataset_id which,
                          const uint32_t *slots, size_t n, nr_error *err) {
    nr_dataset kept = {0};
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        nr_bytes record = nr_record_at(net, which, slots[i]);
        if (!nr_record_write(&kept, i, record)) {
            nr_dataset_free(&kept);
            return nr_nomem(err);
        }
        bytes += record.len;
    }
    nr_net_clear(net, which);
    net->data[which] = kept;
    net->h.len[which] = n;
    net->h.bytes[which] = bytes;
    return NR_OK;
}

/* ========================= Whole datasets, pieces ======================== */

size_t nr_records_piece(const nr_net *net, nr_dataset_id which, size_t slot,
                        nr_bytes *piece) {
    const frames *f = frames_of(net->data[which].chunks[slot / PER]);
    size_t start = start_of(f, slot % PER);
    *piece = (nr_bytes){f->bytes + start, start_of(f, f->n) - start};
    return f->n - slot % PER;
}

nr_status nr_records_append(nr_net *net, nr_dataset_id which, nr_bytes bytes,
                            nr_error *err) {
    nr_header *h = &net->h;
    size_t n;
    nr_bytes record;
    nr_status status = count(bytes, &n, err);
    if (status != NR_OK) return status;
    if (n > h->maxlen[which] - h->len[which])
        return nr_fail(err, "ERR invalid network: %zu records do not fit the "
                            "dataset",
                       n);
    while (nr_record_next(&bytes, &record)) {
        if (!nr_sample_sound(net, record))
            return nr_fail(err, "ERR invalid network: a damaged sample");
        if (!nr_record_write(&net->data[which], h->len[which], record))
            return nr_nomem(err);
        h->len[which]++;
        h->bytes[which] += record.len;
    }
    return NR_OK;
}

/* The header knows how many they are, and how many bytes. */
nr_status nr_records_load(nr_net *net, nr_dataset_id which, nr_bytes bytes,
                          nr_error *err) {
    nr_header *h = &net->h;
    const uint64_t len = h->len[which], size = h->bytes[which];
    h->len[which] = h->bytes[which] = 0;
    nr_status status = nr_records_append(net, which, bytes, err);
    if (status == NR_OK && (h->len[which] != len || h->bytes[which] != size))
        status = nr_fail(err, "ERR invalid network: %llu records of %llu bytes "
                              "where %llu of %llu were expected",
                         (unsigned long long)h->len[which],
                         (unsigned long long)h->bytes[which],
                         (unsigned long long)len, (unsigned long long)size);
    return status;
}
