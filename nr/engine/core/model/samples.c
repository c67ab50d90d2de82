/* Datasets: where a sample goes, what it replaces, and how samples lie.
 *
 * Rows lie in chunks of about 16 KB with a count of their holders. A clone (for
 * a training, a dump, a COPY) takes hold of the chunks, which costs a few
 * microseconds for any size, and whoever then writes copies the one chunk it
 * writes to. One array that doubles was rejected: growing and copying it stops
 * a server for as long as it is large. */

#include <math.h>
#include <inttypes.h>
#include <string.h>

#include "float_mode.h"
#include "model/net.h"
#include "grammar/syntax.h"

enum { CHUNK_BYTES = 16384, FIRST_ROWS = 8 };

/* ================================ Chunks ================================= */

static void chunk_drop(nr_chunk *chunk) {
    if (atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) == 1)
        nr_release(chunk);
}

bool nr_dataset_clone(nr_dataset *to, const nr_dataset *from) {
    *to = (nr_dataset){0};
    if (from->nchunks == 0) return true;
    to->chunks = nr_alloc(from->nchunks * sizeof *to->chunks);
    if (!to->chunks) return false;
    to->nchunks = to->capchunks = from->nchunks;
    for (size_t i = 0; i < from->nchunks; i++) {
        to->chunks[i] = from->chunks[i];
        atomic_fetch_add_explicit(&to->chunks[i]->refs, 1,
                                  memory_order_relaxed);
    }
    return true;
}

void nr_dataset_free(nr_dataset *data) {
    for (size_t i = 0; i < data->nchunks; i++) chunk_drop(data->chunks[i]);
    nr_release(data->chunks);
    *data = (nr_dataset){0};
}

bool nr_dataset_reserve(nr_dataset *data, size_t index) {
    if (index < data->capchunks) return true;
    size_t cap = data->capchunks ? data->capchunks * 2 : 1;
    void *chunks = nr_resize(data->chunks, cap * sizeof *data->chunks);
    if (!chunks) return false;
    data->chunks = chunks;
    data->capchunks = cap;
    return true;
}

void nr_dataset_swap(nr_dataset *data, size_t index, nr_chunk *chunk) {
    if (index < data->nchunks)
        chunk_drop(data->chunks[index]);
    else
        data->nchunks++;
    data->chunks[index] = chunk;
}

float *nr_dataset_row(const nr_net *net, nr_dataset_id which, size_t slot) {
    uint32_t at = (uint32_t)slot; /* at most NR_MAX_SAMPLES */
    nr_chunk *chunk = net->data[which].chunks[at / net->per];
    return chunk->rows + at % net->per * net->row;
}

static nr_chunk *chunk_new(const nr_net *net, size_t rows) {
    nr_chunk *chunk =
        nr_alloc(sizeof *chunk + rows * net->row * sizeof(float));
    if (!chunk) return NULL;
    atomic_init(&chunk->refs, 1);
    chunk->cap = rows;
    return chunk;
}

/* Room for a row of one chunk: doubled while a chunk is small. */
static size_t chunk_cap(const nr_net *net, size_t rows) {
    size_t cap = FIRST_ROWS;
    while (cap < rows) cap *= 2;
    return cap < net->per ? cap : net->per;
}

/* Makes slot writable: its chunk there, large enough and ours alone. What the
 * dataset holds does not change, so it may fail halfway through many. */
static bool make_writable(nr_net *net, nr_dataset *data, size_t slot) {
    size_t index = (uint32_t)slot / net->per, at = (uint32_t)slot % net->per;
    if (!nr_dataset_reserve(data, index)) return false;
    if (index == data->nchunks) {
        nr_chunk *chunk = chunk_new(net, chunk_cap(net, at + 1));
        if (!chunk) return false;
        data->chunks[data->nchunks++] = chunk;
        return true;
    }
    nr_chunk *old = data->chunks[index];
    bool shared =
        atomic_load_explicit(&old->refs, memory_order_acquire) != 1;
    if (!shared && at < old->cap) return true;
    nr_chunk *chunk =
        chunk_new(net, at < old->cap ? old->cap : chunk_cap(net, at + 1));
    if (!chunk) return false;
    size_t bytes = old->cap * net->row * sizeof(float);
    memcpy(chunk->rows, old->rows, bytes);
    nr_dataset_swap(data, index, chunk);
    return true;
}

/* =============================== Placement =============================== */

nr_status nr_check_capacity(const nr_net *net, nr_dataset_id which,
                        nr_error *err) {
    const uint64_t *max = net->h.maxlen;
    if (which == NR_DATASET_ANY ? max[0] + max[1] > 0 : max[which] > 0)
        return NR_OK;
    if (which == NR_DATASET_ANY)
        return nr_fail(err, "ERR the network keeps no samples: it was created "
                            "with DATASET 0 and TEST 0");
    return nr_fail(err, "ERR the network keeps no %s samples: it was created "
                        "with %s 0",
                   which == NR_DATASET_TRAIN ? "training" : "testing",
                   which == NR_DATASET_TRAIN ? "DATASET" : "TEST");
}

/* The dataset that is less full in proportion, training on a tie; when both
 * are full, one drawn in proportion to the sizes. */
static nr_dataset_id choose(const nr_header *h, nr_random *random) {
    const uint64_t *len = h->len, *max = h->maxlen;
    if (len[0] < max[0] || len[1] < max[1]) {
        if (max[1] == 0) return NR_DATASET_TRAIN;
        if (max[0] == 0) return NR_DATASET_TEST;
        return len[0] * max[1] <= len[1] * max[0] ? NR_DATASET_TRAIN
                                                  : NR_DATASET_TEST;
    }
    return nr_random_below(random, max[0] + max[1]) < max[0]
               ? NR_DATASET_TRAIN
               : NR_DATASET_TEST;
}

static uint64_t place_one(nr_header *h, nr_random *random,
                          nr_dataset_id which) {
    if (which == NR_DATASET_ANY) which = choose(h, random);
    uint64_t slot = h->len[which] < h->maxlen[which]
                        ? h->len[which]++
                        : nr_random_below(random, h->maxlen[which]);
    return slot * 2 + which;
}

/* ============================ Looking ahead ============================== */

/* A large dataset does not stay in a cache, and a sample that goes anywhere in
 * it waits for memory: longer than all else there is to observing it. */
void nr_net_foresee(nr_net *net, nr_dataset_id which) {
    nr_header *h = &net->h;
    nr_foresight *next = &net->next;
    for (int d = 0; d < 2; d++)
        if ((which == NR_DATASET_ANY || which == (nr_dataset_id)d) &&
            h->len[d] < h->maxlen[d])
            return; /* the next one goes where the last one went, nearly */
    next->before = next->after = h->random;
    next->place = place_one(h, &next->after, which);
    next->which = which;
    next->len[0] = h->len[0], next->len[1] = h->len[1];
    next->known = true;
    if (h->records == NR_VARIABLE) {
        nr_record_fetch(net, next->place & 1, next->place >> 1);
        return;
    }
    const float *row = nr_dataset_row(net, next->place & 1, next->place >> 1);
    __builtin_prefetch(row, 1);
    __builtin_prefetch(row + net->row - 1, 1);
}

/* Full datasets stay full: what was foreseen holds while the generator stands
 * where it stood. */
static uint64_t place_next(nr_net *net, nr_dataset_id which) {
    const nr_foresight *next = &net->next;
    if (!next->known || next->which != which ||
        next->len[0] != net->h.len[0] || next->len[1] != net->h.len[1] ||
        !nr_random_same(&next->before, &net->h.random))
        return place_one(&net->h, &net->h.random, which);
    net->h.random = next->after;
    return next->place;
}

void nr_net_draw(nr_net *net, nr_dataset_id which, uint64_t *place) {
    *place = place_next(net, which);
}

nr_status nr_net_place(nr_net *net, size_t n, nr_dataset_id which,
                       uint64_t *places, nr_error *err) {
    nr_status status = nr_check_capacity(net, which, err);
    if (status != NR_OK) return status;
    for (size_t i = 0; i < n; i++) nr_net_draw(net, which, &places[i]);
    nr_net_count(net, n);
    return NR_OK;
}

/* =============================== Observing =============================== */

/* With more digits where six would make it an integer. */
nr_status nr_class_error(const nr_net *net, double id, nr_error *err) {
    char got[NR_NUMBER];
    double told;
    int digits = 6;
    do nr_parse_double((nr_text){nr_write_double(got, digits, id), strlen(got)},
                       &told);
    while (told == floor(told) && id != floor(id) && digits++ < 17);
    return nr_fail(err, "ERR classifier network output must be an integer in "
                        "the range from 0 to outputs-1: got %s, outputs are "
                        "%zu",
                   got, nr_outputs(net));
}

/* Rows of a blob are only known to be floats: refuses NaN, infinities and
 * class ids that are none. */
NOINLINE nr_status check_rows(const nr_net *net, const float *rows, size_t n,
                              nr_error *err) {
    size_t in = nr_inputs(net), out = nr_outputs(net);
    bool classifier = net->h.kind == NR_CLASSIFIER;
    for (size_t r = 0; r < n; r++, rows += net->row) {
        for (size_t i = 0; i < net->row; i++)
            if (!isfinite(rows[i]))
                return nr_fail(err, "ERR invalid neural network input: "
                                    "sample %zu holds NaN or an infinity as "
                                    "number %zu",
                               r, i);
        float id = rows[in];
        if (classifier && !(id >= 0 && id < (float)out && id == floorf(id)))
            return nr_class_error(net, (double)id, err);
    }
    return NR_OK;
}

nr_status nr_rows_check(const nr_net *net, const float *rows, size_t n,
                        nr_error *err) {
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = check_rows(net, rows, n, err);
    nr_mode_end(before);
    return status;
}

/* Places all first and makes their slots writable; only then writes. Where that
 * fails, the header is put back as it was. */
nr_status nr_net_observe(nr_net *net, const float *rows, size_t n,
                         nr_dataset_id which, nr_error *err) {
    nr_status status = nr_check_capacity(net, which, err);
    if (status != NR_OK) return status;
    uint64_t few[8];
    uint64_t *places = n <= 8 ? few : nr_alloc(n * sizeof *places);
    if (!places) return nr_nomem(err);
    const nr_random random = net->h.random;
    const uint64_t len[2] = {net->h.len[0], net->h.len[1]};
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++) {
        places[i] = place_next(net, which);
        ok = make_writable(net, &net->data[places[i] & 1], places[i] >> 1);
    }
    for (size_t i = 0; i < n && ok; i++)
        memcpy(nr_dataset_row(net, places[i] & 1, places[i] >> 1),
               rows + i * net->row, net->row * sizeof(float));
    if (!ok) {
        net->h.random = random;
        net->h.len[0] = len[0], net->h.len[1] = len[1];
    }
    if (ok) nr_net_count(net, n);
    if (n == 1) nr_net_foresee(net, which);
    if (places != few) nr_release(places);
    return ok ? NR_OK : nr_nomem(err);
}

void nr_net_clear(nr_net *net, nr_dataset_id which) {
    nr_dataset_free(&net->data[which]);
    net->h.len[which] = net->h.bytes[which] = 0;
    net->next.known = false; /* it foresaw a full dataset */
}

/* ======================== Whole datasets, as bytes ======================= */

nr_status nr_dataset_load(nr_net *net, nr_dataset_id which, nr_bytes bytes,
                          nr_error *err) {
    size_t row_bytes = net->row * sizeof(float);
    uint64_t n = net->h.len[which], expected = n * row_bytes;
    if (net->h.records == NR_VARIABLE)
        return nr_records_load(net, which, bytes, err);
    if (bytes.len != expected)
        return nr_fail(err, "ERR invalid network: %zu bytes of samples where "
                            "%" PRIu64 " were expected",
                       bytes.len, expected);
    nr_dataset *data = &net->data[which];
    for (size_t slot = 0; slot < n; slot++) {
        if (!make_writable(net, data, slot)) return nr_nomem(err);
        float *row = nr_dataset_row(net, which, slot);
        memcpy(row, bytes.data + slot * row_bytes, row_bytes);
        nr_status status = nr_rows_check(net, row, 1, err);
        if (status != NR_OK) return status;
    }
    return NR_OK;
}

size_t nr_rows_bytes(const nr_net *net, nr_dataset_id which) {
    const nr_header *h = &net->h;
    return h->records == NR_FIXED
               ? h->len[which] * net->row * sizeof(float)
               : h->len[which] * sizeof(uint32_t) + h->bytes[which];
}

nr_status nr_net_rows(const nr_net *net, nr_dataset_id which, nr_buf *out,
                      nr_error *err) {
    nr_bytes piece;
    if (!nr_buf_reserve(out, nr_rows_bytes(net, which))) return nr_nomem(err);
    for (size_t slot = 0, n; (n = nr_net_piece(net, which, slot, &piece));
         slot += n)
        nr_buf_append(out, piece.data, piece.len);
    return NR_OK;
}

/* ======================= Whole datasets, in pieces ======================= */

size_t nr_net_piece(const nr_net *net, nr_dataset_id which, size_t slot,
                    nr_bytes *piece) {
    size_t n = net->h.len[which];
    if (net->partial || slot >= n) return 0;
    if (net->h.records == NR_VARIABLE)
        return nr_records_piece(net, which, slot, piece);
    size_t rest = net->per - slot % net->per;
    if (rest > n - slot) rest = n - slot;
    *piece = (nr_bytes){(const void *)nr_dataset_row(net, which, slot),
                        rest * net->row * sizeof(float)};
    return rest;
}

nr_bytes nr_net_sample(const nr_net *net, nr_dataset_id which, size_t slot) {
    if (net->partial || slot >= net->h.len[which]) return (nr_bytes){NULL, 0};
    if (net->h.records == NR_VARIABLE) return nr_record_at(net, which, slot);
    return (nr_bytes){(const void *)nr_dataset_row(net, which, slot),
                      net->row * sizeof(float)};
}

static nr_status append_rows(nr_net *net, nr_dataset_id which,
                             const unsigned char *bytes, size_t len,
                             nr_error *err) {
    size_t row = net->row * sizeof(float), n = len / row;
    uint64_t first = net->h.len[which];
    if (len % row || n > net->h.maxlen[which] - first)
        return nr_fail(err, "ERR invalid network: %zu bytes of samples do "
                            "not fit the dataset",
                       len);
    for (size_t i = 0; i < n; i++) {
        float *at;
        if (!make_writable(net, &net->data[which], first + i))
            return nr_nomem(err);
        at = nr_dataset_row(net, which, first + i);
        memcpy(at, bytes + i * row, row);
        nr_status status = nr_rows_check(net, at, 1, err);
        if (status != NR_OK) return status;
    }
    net->h.len[which] += n;
    return NR_OK;
}

/* A header that never counted was read without its samples. */
nr_status nr_net_append(nr_net *net, nr_dataset_id which,
                        const unsigned char *bytes, size_t len,
                        nr_error *err) {
    nr_header *h = &net->h;
    nr_status status =
        h->records == NR_VARIABLE
            ? nr_records_append(net, which, (nr_bytes){bytes, len}, err)
            : append_rows(net, which, bytes, len, err);
    uint64_t kept = h->len[0] + h->len[1];
    if (h->observed < kept) h->observed = kept;
    return status;
}
