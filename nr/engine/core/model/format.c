/* The serialised form of a whole network: its header, then parts.
 *
 * Format 2 is a msgpack array of five: "nr", 2, the header, the parts, a
 * checksum. A part is an array of three: its name, its version, its bytes. So a
 * reader can tell how far each one goes before it looks into it, and a part that
 * comes later does not move the others. Parts that would be empty are left out.
 *
 * Format 1 was an array of eight, in which the place said what a value is. It
 * is read for ever, and never written. */

#include <math.h>
#include <string.h>

#include "float_mode.h"
#include "model/net.h"
#include "grammar/syntax.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "floats are written as they lie in memory");

/* The parts that there are, in the order in which they are written. */
enum { WEIGHTS, HISTORY, TRAIN, TEST, PARTS };
static const struct {
    const char *name;
    uint64_t version; /* the latest; all from 1 on are read */
} kinds[PARTS] = {
    [WEIGHTS] = {"weights", 1},
    [HISTORY] = {"history", 1},
    [TRAIN] = {"train", 1},
    [TEST] = {"test", 1},
};

static const unsigned char nothing[1]; /* a part that is there, and empty */

/* =============================== The parts =============================== */

static nr_status load_weights(nr_net *net, nr_bytes bytes, nr_error *err) {
    size_t n = nr_weights_len(&net->h);
    if (bytes.len != n * sizeof(float))
        return nr_fail(err, "ERR invalid network: %zu bytes of weights where "
                            "%zu were expected",
                       bytes.len, n * sizeof(float));
    nr_array *array = nr_array_new(n);
    if (!array) return nr_nomem(err);
    atomic_store(&net->weights, array);
    memcpy(array->data, bytes.data, bytes.len);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(array->data[i]))
            return nr_fail(err, "ERR invalid network: a weight that is not "
                                "finite");
    return NR_OK;
}

/* What is counted in a report, its number of samples and a classifier's cells,
 * are whole numbers. */
static bool classes_sound(const nr_net *net, const float *report, size_t n) {
    for (size_t i = 0; i < n; i++) {
        bool cell = net->h.kind == NR_CLASSIFIER && i >= NR_REPORT_HEAD;
        bool counted = i == 0 || cell;
        if (counted && !(report[i] >= 0 && report[i] < 0x1p63f)) return false;
    }
    return true;
}

/* Of a network with fields it goes by the one behind them, which may not have
 * been read. */
static bool report_fits(const nr_net *net, size_t n) {
    if (net->schema && !net->inner) return n <= NR_MAX_UNITS;
    return n == nr_report_len(net->inner ? &net->inner->h : &net->h);
}

/* Of a point's four numbers only the testing dataset's two may be NaN; in the
 * report any may, that has no value. */
static bool course_sound(const nr_net *net) {
    const nr_array *course = net->course;
    float points = course->data[0];
    if (!(points >= 0 && points <= NR_MAX_HISTORY)) return false;
    size_t report = 1 + 4 * (size_t)points, n = course->n;
    if (points != (float)(size_t)points || n < report ||
        (n != report && !report_fits(net, n - report)))
        return false;
    for (size_t i = 1; i < n; i++) {
        float x = course->data[i];
        bool cycle = i < report && i % 4 == 1;
        bool may_lack = i >= report || (i - 1) % 4 >= 2;
        if (isnan(x) ? !may_lack : !isfinite(x)) return false;
        if (i < report && x < 0) return false;
        if (cycle && x >= 0x1p63f) return false;
    }
    return n == report || classes_sound(net, course->data + report, n - report);
}

static nr_status load_course(nr_net *net, nr_bytes bytes, nr_error *err) {
    if (bytes.len == 0) return NR_OK;
    if (bytes.len % sizeof(float) == 0)
        net->course = nr_array_new(bytes.len / sizeof(float));
    else
        return nr_fail(err, "ERR invalid network: its history");
    if (!net->course) return nr_nomem(err);
    memcpy(net->course->data, bytes.data, bytes.len);
    return course_sound(net)
               ? NR_OK
               : nr_fail(err, "ERR invalid network: its history");
}

/* Samples are records where there is a schema to make them by. */
static nr_status load_kept(nr_net *net, nr_bytes bytes, nr_error *err) {
    nr_status status = nr_kept_load(bytes, &net->kept, err);
    if (status != NR_OK) return status;
    return (net->schema != NULL) == (net->h.records == NR_VARIABLE)
               ? NR_OK
               : nr_fail(err, "ERR invalid network: its schema");
}

/* Of a network with fields the encoding lies with the weights, and how the
 * network behind it is made: [encoding, header, weights], and behind these how
 * sequences are read, where a field is one. */
static nr_status load_inner(nr_net *net, nr_bytes bytes, nr_error *err) {
    nr_cursor c = {bytes.data, bytes.data + bytes.len, false};
    nr_encoding *encoding = NULL;
    nr_net *inner = NULL;
    nr_header h;
    nr_bytes weights;
    size_t n;
    if (!nr_get_array(&c, &n) || n < 3 || n > 4)
        return nr_fail(err, "ERR invalid network: its weights");
    nr_status status = nr_encoding_get(&c, net->h.kind, &encoding, err);
    if (status == NR_OK) status = nr_header_get(&c, &h, err);
    if (status == NR_OK &&
        (!nr_get_bin(&c, &weights) ||
         (n == 4) != (nr_sequence_fields(encoding->schema) > 0) ||
         (n == 4 && !nr_recurrent_get(&c, encoding, &h)) || c.at != c.end ||
         h.schema.data ||
         h.records != NR_FIXED ||
         !h.trained || h.len[0] || h.len[1] || h.kind != net->h.kind ||
         h.layers[0] != encoding->columns + nr_state_units(&h.recurrent) *
                                                h.recurrent.fields ||
         h.layers[h.nlayers - 1] != nr_encoding_outputs(encoding)))
        status = nr_fail(err, "ERR invalid network: its weights");
    if (status == NR_OK) status = nr_recurrent_check(&h, err);
    if (status == NR_OK && !(inner = nr_net_new(&h))) status = nr_nomem(err);
    if (status == NR_OK) status = load_weights(inner, weights, err);
    if (status == NR_OK)
        nr_net_take_inner(net, encoding, inner);
    else
        nr_net_free(inner);
    nr_encoding_drop(encoding);
    return status;
}

/* Its id and its times are those of the network around it. */
static nr_status put_inner(const nr_net *net, nr_buf *out, nr_error *err) {
    const nr_array *weights = atomic_load(&net->inner->weights);
    nr_header h = net->inner->h;
    h.id = h.stats.ms = 0;
    bool recurrent = h.recurrent.fields > 0;
    bool ok = nr_put_array(out, recurrent ? 4 : 3) &&
              nr_encoding_put(net->encoding, out) &&
              nr_header_put(&h, NULL, out) &&
              nr_put_bin(out, weights->data, weights->n * sizeof(float)) &&
              (!recurrent || nr_recurrent_put(&h.recurrent, out));
    return ok ? NR_OK : nr_nomem(err);
}

static nr_status load_parts(nr_net *net, const nr_parts *parts,
                            nr_error *err) {
    nr_status status = load_kept(net, parts->kept, err);
    if (status != NR_OK) return status;
    if (net->h.trained && parts->weights.data)
        status = net->schema ? load_inner(net, parts->weights, err)
                             : load_weights(net, parts->weights, err);
    else if (net->h.trained)
        net->partial = true;
    else if (parts->weights.len)
        status = nr_fail(err, "ERR invalid network: weights that were never "
                              "trained");
    if (status == NR_OK) status = load_course(net, parts->history, err);
    for (int d = 0; d < 2 && status == NR_OK; d++)
        if (parts->rows[d].data || net->h.len[d] == 0)
            status = nr_dataset_load(net, d, parts->rows[d], err);
        else
            net->partial = true;
    return status;
}

static nr_status load_schema(nr_net *net, nr_bytes bytes, nr_error *err) {
    nr_schema *schema = NULL;
    if (!bytes.data) return NR_OK;
    nr_cursor c = {bytes.data, bytes.data + bytes.len, false};
    nr_status status = nr_schema_get(&c, net->h.kind, &schema, err);
    if (status == NR_OK) nr_net_take_schema(net, schema);
    nr_schema_drop(schema);
    return status;
}

NOINLINE nr_status assemble(const nr_parts *parts, nr_net **out,
                            nr_error *err) {
    nr_cursor c = {parts->header.data,
                   parts->header.data + parts->header.len, false};
    nr_header h;
    nr_status status = nr_header_get(&c, &h, err);
    if (status != NR_OK) return status;
    if (c.at != c.end)
        return nr_fail(err, "ERR invalid network: more after its header");
    nr_bytes schema = h.schema;
    h.schema = (nr_bytes){0};
    nr_net *net = nr_net_new(&h);
    if (!net) return nr_nomem(err);
    status = load_schema(net, schema, err);
    if (status == NR_OK) status = load_parts(net, parts, err);
    if (status == NR_OK)
        *out = net;
    else
        nr_net_free(net);
    return status;
}

nr_status nr_net_assemble(const nr_parts *parts, nr_net **out,
                          nr_error *err) {
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = assemble(parts, out, err);
    nr_mode_end(before);
    return status;
}

static nr_status put_array(const nr_array *array, nr_buf *out,
                           nr_error *err) {
    if (!array) return NR_OK;
    return nr_buf_append(out, array->data, array->n * sizeof(float))
               ? NR_OK
               : nr_nomem(err);
}

nr_status nr_net_weights(const nr_net *net, nr_buf *out, nr_error *err) {
    nr_net *self = (nr_net *)net;
    if (net->inner) return put_inner(net, out, err);
    return net->h.trained ? put_array(atomic_load(&self->weights), out, err)
                          : NR_OK;
}

nr_status nr_net_history(const nr_net *net, nr_buf *out, nr_error *err) {
    return put_array(net->course, out, err);
}

/* ============================ Writing the whole ========================== */

/* Detects every change within one word of eight bytes for sure (each step is a
 * bijection of the state and of the word), any other but once in 2^64. */
uint64_t nr_checksum(const unsigned char *data, size_t len) {
    uint64_t h = len, word;
    for (; len >= 8; data += 8, len -= 8) {
        memcpy(&word, data, 8);
        h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, data, len);
    return nr_mix(h ^ word);
}

static bool put_checksum(nr_buf *out, size_t start) {
    uint64_t sum = nr_checksum(out->data + start, out->len - start);
    unsigned char bytes[9] = {0xcf};
    for (int i = 0; i < 8; i++)
        bytes[1 + i] = (unsigned char)(sum >> (56 - 8 * i));
    return nr_buf_append(out, bytes, sizeof bytes);
}

static size_t array_bytes(const nr_array *array) {
    return array ? array->n * sizeof(float) : 0;
}

static size_t part_bytes(const nr_net *net, int part) {
    nr_net *self = (nr_net *)net;
    switch (part) {
    case WEIGHTS: /* at least, where there is an encoding with them */
        if (net->inner) return 1;
        return net->h.trained ? array_bytes(atomic_load(&self->weights)) : 0;
    case HISTORY: return array_bytes(net->course);
    default: return nr_rows_bytes(net, part - TRAIN);
    }
}

static bool put_part_head(int part, size_t bytes, nr_buf *out) {
    return nr_put_array(out, 3) && nr_put_str(out, kinds[part].name) &&
           nr_put_uint(out, kinds[part].version) &&
           nr_put_bin_head(out, bytes);
}

/* How long it is shows when it is written. */
static nr_status put_inner_part(const nr_net *net, nr_buf *out,
                                nr_error *err) {
    nr_buf inner = {0};
    nr_status status = put_inner(net, &inner, err);
    if (status == NR_OK && inner.len > UINT32_MAX)
        status = nr_fail(err, "ERR a dump cannot hold a part of more than 4 GB: "
                              "'weights' takes %zu bytes",
                         inner.len);
    if (status == NR_OK && !(put_part_head(WEIGHTS, inner.len, out) &&
                             nr_buf_append(out, inner.data, inner.len)))
        status = nr_nomem(err);
    nr_buf_free(&inner);
    return status;
}

static nr_status put_part(const nr_net *net, int part, nr_buf *out,
                          nr_error *err) {
    if (part == WEIGHTS && net->inner) return put_inner_part(net, out, err);
    size_t bytes = part_bytes(net, part);
    if (bytes > UINT32_MAX)
        return nr_fail(err, "ERR a dump cannot hold a part of more than 4 GB: "
                            "'%s' takes %zu bytes",
                       kinds[part].name, bytes);
    if (!put_part_head(part, bytes, out)) return nr_nomem(err);
    switch (part) {
    case WEIGHTS: return nr_net_weights(net, out, err);
    case HISTORY: return nr_net_history(net, out, err);
    default: return nr_net_rows(net, part - TRAIN, out, err);
    }
}

static nr_status put_parts(const nr_net *net, nr_buf *out, nr_error *err) {
    size_t n = nr_kept_count(net->kept);
    nr_bytes kept = nr_kept_bytes(net->kept);
    for (int p = 0; p < PARTS; p++) n += part_bytes(net, p) > 0;
    nr_status status = nr_put_array(out, n) ? NR_OK : nr_nomem(err);
    for (int p = 0; p < PARTS && status == NR_OK; p++)
        if (part_bytes(net, p)) status = put_part(net, p, out, err);
    if (status == NR_OK && !nr_buf_append(out, kept.data, kept.len))
        status = nr_nomem(err);
    return status;
}

nr_status nr_net_dump(const nr_net *net, nr_buf *out, nr_error *err) {
    size_t start = out->len;
    if (net->partial)
        return nr_fail(err, "ERR a network without its samples was asked for "
                            "all of it");
    nr_status status = nr_put_array(out, 5) && nr_put_str(out, "nr") &&
                               nr_put_uint(out, NR_FORMAT) &&
                               nr_header_put(&net->h, net->schema, out)
                           ? put_parts(net, out, err)
                           : nr_nomem(err);
    if (status == NR_OK && !put_checksum(out, start)) status = nr_nomem(err);
    if (status != NR_OK) out->len = start;
    return status;
}

/* ============================ Reading the whole ========================== */

/* Which of the kinds it is, PARTS for one of none. */
static int kind_of(nr_bytes name) {
    int p = 0;
    while (p < PARTS && !nr_same_name(name, kinds[p].name)) p++;
    return p;
}

/* One part to its place, or behind those that are kept as they are. */
static nr_status read_part(nr_cursor *c, nr_bytes *places[PARTS], nr_buf *kept,
                           nr_error *err) {
    const unsigned char *start = c->at;
    uint64_t version;
    nr_bytes name, data;
    if (!nr_part_get(c, &name, &version, &data))
        return nr_fail(err, "ERR invalid network: its parts");
    int p = kind_of(name);
    if (p < PARTS && version > kinds[p].version)
        return nr_fail(err, "ERR the network has format %d with '%s' of "
                            "version %llu, newer than the %llu that this "
                            "version reads",
                       NR_FORMAT, kinds[p].name, (unsigned long long)version,
                       (unsigned long long)kinds[p].version);
    if (p >= PARTS)
        return nr_buf_append(kept, start, (size_t)(c->at - start))
                   ? NR_OK
                   : nr_nomem(err);
    if (places[p]->len)
        return nr_fail(err, "ERR invalid network: '%s' twice", kinds[p].name);
    *places[p] = data;
    return NR_OK;
}

static nr_status read_parts(nr_cursor *c, nr_parts *parts, nr_buf *kept,
                            nr_error *err) {
    size_t n;
    nr_bytes *places[PARTS] = {&parts->weights, &parts->history,
                             &parts->rows[0], &parts->rows[1]};
    parts->rows[0].data = parts->rows[1].data = nothing;
    if (!nr_get_array(c, &n))
        return nr_fail(err, "ERR invalid network: its parts");
    nr_status status = NR_OK;
    while (n-- && status == NR_OK) status = read_part(c, places, kept, err);
    return status;
}

static nr_status read_arrays(nr_cursor *c, nr_parts *parts, nr_error *err) {
    return nr_get_bin(c, &parts->weights) && nr_get_bin(c, &parts->history) &&
                   nr_get_bin(c, &parts->rows[0]) && parts->rows[0].data &&
                   nr_get_bin(c, &parts->rows[1]) && parts->rows[1].data
               ? NR_OK
               : nr_fail(err, "ERR invalid network: its arrays");
}

static nr_status read_dump(nr_cursor *c, nr_parts *parts, nr_buf *kept,
                           nr_error *err) {
    size_t n;
    nr_bytes magic;
    uint64_t format;
    if (!nr_get_array(c, &n) || !nr_get_str(c, &magic) || magic.len != 2 ||
        memcmp(magic.data, "nr", 2) != 0 || !nr_get_uint(c, &format))
        return nr_fail(err, "ERR invalid network: not a dump of one");
    nr_status status = nr_format_check(format, err);
    if (status != NR_OK) return status;
    if (format == 0 || n != (format == 1 ? 8 : 5))
        return nr_fail(err, "ERR invalid network: not a dump of one");
    parts->header.data = c->at;
    if (!nr_skip(c)) return nr_fail(err, "ERR invalid network: its header");
    parts->header.len = (size_t)(c->at - parts->header.data);
    return format == 1 ? read_arrays(c, parts, err)
                       : read_parts(c, parts, kept, err);
}

nr_status nr_net_load(const unsigned char *blob, size_t len, uint64_t id,
                      nr_net **out, nr_error *err) {
    enum { SUM = 9 };
    nr_parts parts = {0};
    if (len < SUM || memcmp(blob + 1, "\xa2nr", 3) != 0)
        return nr_fail(err, "ERR invalid network: not a dump of one");
    nr_cursor c = {blob, blob + len - SUM, false};
    nr_cursor sum = {blob + len - SUM, blob + len, false};
    uint64_t written;
    if (blob[len - SUM] != 0xcf || !nr_get_uint(&sum, &written) ||
        written != nr_checksum(blob, len - SUM))
        return nr_fail(err, "ERR invalid network: the checksum does not "
                            "match, the dump is damaged");
    nr_net *net = NULL;
    nr_buf kept = {0};
    nr_status status = read_dump(&c, &parts, &kept, err);
    if (status == NR_OK && c.at != c.end)
        status = nr_fail(err, "ERR invalid network: more after its parts");
    parts.kept = (nr_bytes){kept.len ? kept.data : nothing, kept.len};
    if (status == NR_OK) status = nr_net_assemble(&parts, &net, err);
    nr_buf_free(&kept);
    if (status != NR_OK) return status;
    if (net->partial) {
        nr_net_free(net);
        return nr_fail(err, "ERR invalid network: its weights are missing");
    }
    if (id) net->h.id = id;
    *out = net;
    return NR_OK;
}
