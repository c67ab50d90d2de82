/* The serialised form of a whole network: its header, then parts.
 *
 * Format 2 is a msgpack array of five: "nr", 2, the header, the parts, a
 * checksum. A part is an array of three: its name, its version, its bytes. So a
 * reader can tell how far each one goes before it looks into it, and a part that
 * comes later does not move the others. Parts that would be empty are left out.
 *
 * Format 1 was an array of eight, in which the place said what a value is. It
 * is read for ever, and never written. */

#include <string.h>

#include "float_mode.h"
#include "model/net.h"
#include "grammar/syntax.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "floats are written as they lie in memory");

/* The parts that there are, in the order in which they are written. */
enum { WEIGHTS, HISTORY, TRAIN, TEST, FINDINGS, PARTS = FINDINGS + NR_FINDINGS };
static const struct {
    const char *name;
    uint64_t version; /* the latest; all from 1 on are read */
} kinds[PARTS] = {
    [WEIGHTS] = {"weights", 1},
    [HISTORY] = {"history", 1},
    [TRAIN] = {"train", 1},
    [TEST] = {"test", 1},
    [FINDINGS + NR_RESIDUALS] = {"residuals", 1},
    [FINDINGS + NR_BACKGROUND] = {"background", 1},
    [FINDINGS + NR_REFERENCE] = {"reference", 1},
};

static const unsigned char nothing[1]; /* a part that is there, and empty */

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
    case HISTORY: return array_bytes(net->history);
    case TRAIN:
    case TEST: return nr_rows_bytes(net, part - TRAIN);
    default: return array_bytes(net->findings[part - FINDINGS]);
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
    nr_status status = nr_net_weights(net, &inner, err);
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
    case TRAIN:
    case TEST: return nr_net_rows(net, part - TRAIN, out, err);
    default: return nr_net_finding(net, part - FINDINGS, out, err);
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
    for (int i = 0; i < NR_FINDINGS; i++)
        places[FINDINGS + i] = &parts->findings[i];
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
