/* Datasets: where a sample goes, what it replaces, and how samples lie.
 *
 * Rows lie in chunks of about 16 KB with a count of their holders. A clone (for
 * a training, a dump, a COPY) takes hold of the chunks, which costs a few
 * microseconds for any size, and whoever then writes copies the one chunk it
 * writes to. One array that doubles was rejected: growing and copying it stops
 * a server for as long as it is large. */

#include <math.h>
#include <string.h>

#include "net.h"
#include "syntax.h"

enum { CHUNK_BYTES = 16384, FIRST_ROWS = 8 };

/* ============================ Arrays of floats =========================== */

nr_array *nr_array_new(size_t n) {
    nr_array *array = nr_alloc(sizeof *array);
    if (!array) return NULL;
    array->data = nr_alloc_lines(n + 16, sizeof(float));
    if (!array->data) {
        nr_release(array);
        return NULL;
    }
    array->n = n;
    atomic_init(&array->refs, 1);
    return array;
}

nr_array *nr_array_hold(nr_array *array) {
    if (array)
        atomic_fetch_add_explicit(&array->refs, 1, memory_order_relaxed);
    return array;
}

void nr_array_drop(nr_array *array) {
    if (!array || atomic_fetch_sub_explicit(&array->refs, 1,
                                            memory_order_acq_rel) != 1)
        return;
    nr_release_lines(array->data);
    nr_release(array);
}

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

float *nr_dataset_row(const nr_net *net, nr_dataset_id which, size_t slot) {
    nr_chunk *chunk = net->data[which].chunks[slot >> net->shift];
    size_t mask = ((size_t)1 << net->shift) - 1;
    return chunk->rows + (slot & mask) * net->row;
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
    size_t full = (size_t)1 << net->shift, cap = FIRST_ROWS;
    while (cap < rows) cap *= 2;
    return cap < full ? cap : full;
}

/* Makes slot writable: its chunk there, large enough and ours alone. What the
 * dataset holds does not change, so it may fail halfway through many. */
static bool make_writable(nr_net *net, nr_dataset *data, size_t slot) {
    size_t index = slot >> net->shift;
    size_t at = slot & (((size_t)1 << net->shift) - 1);
    if (index == data->capchunks) {
        size_t cap = data->capchunks ? data->capchunks * 2 : 1;
        void *chunks = nr_resize(data->chunks, cap * sizeof *data->chunks);
        if (!chunks) return false;
        data->chunks = chunks;
        data->capchunks = cap;
    }
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
    data->chunks[index] = chunk;
    chunk_drop(old);
    return true;
}

/* =============================== Placement =============================== */

static nr_status check_room(const nr_net *net, nr_dataset_id which,
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
static nr_dataset_id choose(nr_header *h) {
    const uint64_t *len = h->len, *max = h->maxlen;
    if (len[0] < max[0] || len[1] < max[1]) {
        if (max[1] == 0) return NR_DATASET_TRAIN;
        if (max[0] == 0) return NR_DATASET_TEST;
        return len[0] * max[1] <= len[1] * max[0] ? NR_DATASET_TRAIN
                                                  : NR_DATASET_TEST;
    }
    return nr_random_below(&h->random, max[0] + max[1]) < max[0]
               ? NR_DATASET_TRAIN
               : NR_DATASET_TEST;
}

static uint64_t place_one(nr_header *h, nr_dataset_id which) {
    if (which == NR_DATASET_ANY) which = choose(h);
    uint64_t slot = h->len[which] < h->maxlen[which]
                        ? h->len[which]++
                        : nr_random_below(&h->random, h->maxlen[which]);
    return slot * 2 + which;
}

nr_status nr_net_place(nr_net *net, size_t n, nr_dataset_id which,
                       uint64_t *places, nr_error *err) {
    nr_status status = check_room(net, which, err);
    if (status != NR_OK) return status;
    for (size_t i = 0; i < n; i++) places[i] = place_one(&net->h, which);
    return NR_OK;
}

/* =============================== Observing =============================== */

/* Rows of a blob are only known to be floats: refuses NaN, infinities and
 * class ids that are none. */
nr_status nr_rows_check(const nr_net *net, const float *rows, size_t n,
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
        char got[NR_NUMBER];
        if (classifier && !(id >= 0 && id < (float)out && id == floorf(id)))
            return nr_fail(err, "ERR classifier network output must be an "
                                "integer in the range from 0 to outputs-1: "
                                "got %s, outputs are %zu",
                           nr_write_double(got, 6, (double)id), out);
    }
    return NR_OK;
}

/* Places first, on a copy of the header; then makes all of the slots
 * writable; only then changes anything. */
nr_status nr_net_observe(nr_net *net, const float *rows, size_t n,
                         nr_dataset_id which, nr_error *err) {
    nr_status status = check_room(net, which, err);
    if (status != NR_OK) return status;
    uint64_t few[8];
    uint64_t *places = n <= 8 ? few : nr_alloc(n * sizeof *places);
    if (!places) return nr_nomem(err);
    nr_header after = net->h;
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++) {
        places[i] = place_one(&after, which);
        ok = make_writable(net, &net->data[places[i] & 1], places[i] >> 1);
    }
    if (ok) {
        net->h = after;
        for (size_t i = 0; i < n; i++)
            memcpy(nr_dataset_row(net, places[i] & 1, places[i] >> 1),
                   rows + i * net->row, net->row * sizeof(float));
    }
    if (places != few) nr_release(places);
    return ok ? NR_OK : nr_nomem(err);
}

/* ======================== Whole datasets, as bytes ======================= */

nr_status nr_dataset_load(nr_net *net, nr_dataset_id which, nr_bytes bytes,
                          nr_error *err) {
    size_t row_bytes = net->row * sizeof(float), n = net->h.len[which];
    if (bytes.len != n * row_bytes)
        return nr_fail(err, "ERR invalid network: %zu bytes of samples where "
                            "%zu were expected",
                       bytes.len, n * row_bytes);
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

nr_status nr_net_rows(const nr_net *net, nr_dataset_id which, nr_buf *out,
                      nr_error *err) {
    size_t n = net->h.len[which], per = (size_t)1 << net->shift;
    if (!nr_buf_reserve(out, n * net->row * sizeof(float)))
        return nr_nomem(err);
    for (size_t slot = 0; slot < n; slot += per) {
        size_t rows = n - slot < per ? n - slot : per;
        nr_buf_append(out, nr_dataset_row(net, which, slot),
                      rows * net->row * sizeof(float));
    }
    return NR_OK;
}
