/* Datasets of records: samples of any length, of networks with fields.
 *
 * Each record is one object that is never changed, with a count of its holders,
 * and chunks of 256 of them are shared among clones as chunks of rows are
 * (samples.c): whoever writes copies one chunk of pointers. Bytes one after
 * the other with offsets were rejected: an evicted record leaves a hole of
 * another size than the next one needs, and closing it copies a chunk at each
 * sample.
 *
 * A dataset as bytes is each record's length, in four bytes with the lowest
 * first, and the record. */

#include <string.h>

#include "encode/said.h"
#include "grammar/syntax.h"
#include "model/net.h"

enum { PER = NR_RECORDS_A_CHUNK, HEAD = 4 };

/* ================================ Records ================================ */

static nr_record *record_new(nr_bytes bytes) {
    nr_record *record = nr_alloc(sizeof *record + bytes.len);
    if (!record) return NULL;
    atomic_init(&record->refs, 1);
    record->len = (uint32_t)bytes.len; /* at most NR_MAX_RECORD */
    memcpy(record->bytes, bytes.data, bytes.len);
    return record;
}

static void record_drop(nr_record *record) {
    if (record && atomic_fetch_sub_explicit(&record->refs, 1,
                                            memory_order_acq_rel) == 1)
        nr_release(record);
}

/* ================================= Chunks ================================ */

static nr_record_chunk *chunk_new(void) {
    nr_record_chunk *chunk = nr_alloc(sizeof *chunk);
    if (!chunk) return NULL;
    memset(chunk, 0, sizeof *chunk);
    atomic_init(&chunk->refs, 1);
    return chunk;
}

static void chunk_drop(nr_record_chunk *chunk) {
    if (atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < PER; i++) record_drop(chunk->records[i]);
    nr_release(chunk);
}

bool nr_records_clone(nr_record_set *to, const nr_record_set *from) {
    *to = (nr_record_set){.bytes = from->bytes};
    if (from->n == 0) return true;
    to->chunks = nr_alloc(from->n * sizeof *to->chunks);
    if (!to->chunks) return false;
    to->n = to->cap = from->n;
    for (size_t i = 0; i < from->n; i++) {
        to->chunks[i] = from->chunks[i];
        atomic_fetch_add_explicit(&to->chunks[i]->refs, 1,
                                  memory_order_relaxed);
    }
    return true;
}

void nr_records_free(nr_record_set *set) {
    for (size_t i = 0; i < set->n; i++) chunk_drop(set->chunks[i]);
    nr_release(set->chunks);
    *set = (nr_record_set){0};
}

static nr_record *record_at(const nr_record_set *set, size_t slot) {
    return slot / PER < set->n ? set->chunks[slot / PER]->records[slot % PER]
                               : NULL;
}

nr_bytes nr_net_record(const nr_net *net, nr_dataset_id which, size_t slot) {
    const nr_record *record = record_at(&net->records[which], slot);
    return (nr_bytes){record->bytes, record->len};
}

/* Makes the chunk of a slot one that is there and ours alone. */
static bool make_writable(nr_record_set *set, size_t slot) {
    size_t index = slot / PER;
    if (index == set->cap) {
        size_t cap = set->cap ? set->cap * 2 : 1;
        void *chunks = nr_resize(set->chunks, cap * sizeof *set->chunks);
        if (!chunks) return false;
        set->chunks = chunks;
        set->cap = cap;
    }
    if (index < set->n && atomic_load_explicit(&set->chunks[index]->refs,
                                               memory_order_acquire) == 1)
        return true;
    nr_record_chunk *chunk = chunk_new();
    if (!chunk) return false;
    if (index == set->n) {
        set->chunks[set->n++] = chunk;
        return true;
    }
    nr_record_chunk *old = set->chunks[index];
    for (size_t i = 0; i < PER; i++) {
        nr_record *record = chunk->records[i] = old->records[i];
        if (record)
            atomic_fetch_add_explicit(&record->refs, 1, memory_order_relaxed);
    }
    set->chunks[index] = chunk;
    chunk_drop(old);
    return true;
}

/* In a chunk that is writable. */
static void put(nr_record_set *set, size_t slot, nr_record *record) {
    nr_record **place = &set->chunks[slot / PER]->records[slot % PER];
    if (*place) set->bytes -= (*place)->len;
    record_drop(*place);
    set->bytes += record->len;
    *place = record;
}

/* =============================== Observing =============================== */

static nr_status check_bytes(const uint64_t bytes[2], nr_error *err) {
    for (int d = 0; d < 2; d++)
        if (bytes[d] > NR_MAX_RECORD_BYTES)
            return nr_fail(err, "ERR the %s samples would take %llu bytes, at "
                                "most %llu",
                           d ? "testing" : "training",
                           (unsigned long long)bytes[d],
                           (unsigned long long)NR_MAX_RECORD_BYTES);
    return NR_OK;
}

/* Places all, makes their slots writable and counts the bytes; only then can
 * nothing fail any more. */
static nr_status make_places(nr_net *net, const nr_said *said,
                             nr_dataset_id which, uint64_t *places,
                             nr_error *err) {
    uint64_t bytes[2] = {net->records[0].bytes, net->records[1].bytes};
    nr_status status = nr_net_place(net, said->n, which, places, err);
    for (size_t i = 0; i < said->n && status == NR_OK; i++) {
        nr_record_set *set = &net->records[places[i] & 1];
        const nr_record *old = record_at(set, places[i] >> 1);
        bytes[places[i] & 1] += nr_said_record(said, i).len;
        if (old) bytes[places[i] & 1] -= old->len;
        if (!make_writable(set, places[i] >> 1)) status = nr_nomem(err);
    }
    return status == NR_OK ? check_bytes(bytes, err) : status;
}

nr_status nr_net_observe_records(nr_net *net, const nr_said *said,
                                 nr_dataset_id which, nr_error *err) {
    const nr_random random = net->h.random;
    const uint64_t len[2] = {net->h.len[0], net->h.len[1]};
    uint64_t *places = nr_alloc(said->n * sizeof *places);
    nr_record **made = nr_alloc(said->n * sizeof *made);
    nr_status status = places && made ? NR_OK : nr_nomem(err);
    size_t n = 0;
    for (; n < said->n && status == NR_OK; n++)
        if (!(made[n] = record_new(nr_said_record(said, n))))
            status = nr_nomem(err);
    if (status == NR_OK) status = make_places(net, said, which, places, err);
    for (size_t i = 0; i < said->n && status == NR_OK; i++)
        put(&net->records[places[i] & 1], places[i] >> 1, made[i]);
    if (status != NR_OK) {
        while (n--) record_drop(made[n]);
        net->h.random = random;
        net->h.len[0] = len[0], net->h.len[1] = len[1];
    }
    nr_release(places);
    nr_release(made);
    return status;
}

/* ============================ As bytes, whole ============================ */

static nr_status damaged(nr_error *err) {
    return nr_fail(err, "ERR invalid network: its samples");
}

static uint32_t get_length(const unsigned char *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
           (uint32_t)at[3] << 24;
}

bool nr_record_pack(nr_bytes record, nr_buf *out) {
    unsigned char head[HEAD];
    for (int i = 0; i < HEAD; i++)
        head[i] = (unsigned char)(record.len >> (8 * i));
    return nr_buf_append(out, head, HEAD) &&
           nr_buf_append(out, record.data, record.len);
}

/* The next of packed records; false: what is left is none. */
static bool unpack(nr_bytes *bytes, nr_bytes *record) {
    if (bytes->len < HEAD) return false;
    size_t len = get_length(bytes->data);
    if (len > bytes->len - HEAD) return false;
    *record = (nr_bytes){bytes->data + HEAD, len};
    *bytes = (nr_bytes){record->data + len, bytes->len - HEAD - len};
    return true;
}

/* Sets one slot; for those of a dataset that is loaded in their order. */
static nr_status load_one(nr_net *net, nr_dataset_id which, size_t slot,
                          nr_bytes bytes, nr_error *err) {
    if (!nr_record_sound(net->schema, bytes)) return damaged(err);
    nr_record *record = record_new(bytes);
    if (!record || !make_writable(&net->records[which], slot)) {
        record_drop(record);
        return nr_nomem(err);
    }
    put(&net->records[which], slot, record);
    return NR_OK;
}

nr_status nr_records_load(nr_net *net, nr_dataset_id which, nr_bytes bytes,
                          nr_error *err) {
    nr_status status = NR_OK;
    nr_bytes record;
    for (size_t slot = 0; slot < net->h.len[which] && status == NR_OK; slot++)
        status = unpack(&bytes, &record)
                     ? load_one(net, which, slot, record, err)
                     : damaged(err);
    if (status == NR_OK && bytes.len) status = damaged(err);
    uint64_t all[2] = {net->records[0].bytes, net->records[1].bytes};
    return status == NR_OK ? check_bytes(all, err) : status;
}

nr_status nr_records_append(nr_net *net, nr_dataset_id which, nr_bytes bytes,
                            nr_error *err) {
    nr_bytes record;
    while (bytes.len) {
        uint64_t slot = net->h.len[which];
        if (slot == net->h.maxlen[which] || !unpack(&bytes, &record))
            return damaged(err);
        nr_status status = load_one(net, which, slot, record, err);
        if (status != NR_OK) return status;
        net->h.len[which]++;
    }
    uint64_t all[2] = {net->records[0].bytes, net->records[1].bytes};
    return check_bytes(all, err);
}

nr_status nr_records_pack(const nr_net *net, nr_dataset_id which, nr_buf *out,
                          nr_error *err) {
    bool ok = nr_buf_reserve(out, nr_records_bytes(net, which));
    for (size_t slot = 0; slot < net->h.len[which] && ok; slot++)
        ok = nr_record_pack(nr_net_record(net, which, slot), out);
    return ok ? NR_OK : nr_nomem(err);
}

size_t nr_records_bytes(const nr_net *net, nr_dataset_id which) {
    return net->records[which].bytes + net->h.len[which] * HEAD;
}

size_t nr_records_memory(const nr_net *net) {
    size_t bytes = 0;
    for (int d = 0; d < 2; d++)
        bytes += net->records[d].n * sizeof(nr_record_chunk) +
                 net->h.len[d] * sizeof(nr_record) + net->records[d].bytes;
    return bytes;
}
