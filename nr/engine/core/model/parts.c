/* Parts of a network that are kept as they are.
 *
 * A newer version with the same format may write parts that this one has no
 * use for. They come back out of whatever this version does with the network:
 * a dump, a file, a store, a training. So does the schema, which the samples are
 * made by and the core only reads.
 *
 * They lie as they are written, one behind the other, by their names, so that
 * equal networks have equal bytes whatever store they come from. Whoever has a
 * copy of the network shares them. */

#include <string.h>

#include "model/net.h"
#include "grammar/syntax.h"

enum { MOST = 64, NAME = 16 };

struct nr_kept {
    atomic_size_t refs;
    size_t n;
    nr_buf packed;
};

typedef struct entry {
    nr_bytes name, data;
    uint64_t version;
} entry;

nr_kept *nr_kept_hold(nr_kept *kept) {
    if (kept) atomic_fetch_add_explicit(&kept->refs, 1, memory_order_relaxed);
    return kept;
}

void nr_kept_drop(nr_kept *kept) {
    if (!kept || atomic_fetch_sub_explicit(&kept->refs, 1,
                                           memory_order_acq_rel) != 1)
        return;
    nr_buf_free(&kept->packed);
    nr_release(kept);
}

size_t nr_kept_count(const nr_kept *kept) { return kept ? kept->n : 0; }

nr_bytes nr_kept_bytes(const nr_kept *kept) {
    return kept ? (nr_bytes){kept->packed.data, kept->packed.len}
                : (nr_bytes){NULL, 0};
}

bool nr_part_get(nr_cursor *c, nr_bytes *name, uint64_t *version,
                 nr_bytes *data) {
    size_t n;
    return nr_get_array(c, &n) && n == 3 && nr_get_str(c, name) &&
           nr_get_uint(c, version) && *version > 0 && nr_get_bin(c, data) &&
           data->data;
}

bool nr_same_name(nr_bytes name, const char *word) {
    return strlen(word) == name.len && !memcmp(word, name.data, name.len);
}

nr_bytes nr_net_part(const nr_net *net, const char *word) {
    nr_bytes all = nr_kept_bytes(net->kept), name, data;
    nr_cursor c = {all.data, all.data + all.len, false};
    uint64_t version;
    for (size_t i = nr_kept_count(net->kept); i > 0; i--)
        if (nr_part_get(&c, &name, &version, &data) && nr_same_name(name, word))
            return data;
    return (nr_bytes){NULL, 0};
}

/* ================================ Loading ================================ */

/* Small letters, digits and _, so that it is a field or a row anywhere. */
static bool name_sound(nr_bytes name) {
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = name.data[i];
        bool letter = c >= 'a' && c <= 'z';
        if (!letter && !(i && ((c >= '0' && c <= '9') || c == '_')))
            return false;
    }
    return name.len > 0 && name.len <= NAME;
}

static int by_name(nr_bytes a, nr_bytes b) {
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* All entries, each in its place by name. */
static nr_status sort(nr_bytes bytes, entry *entries, size_t *n,
                      nr_error *err) {
    nr_cursor c = {bytes.data, bytes.data + bytes.len, false};
    char quoted[NR_QUOTED];
    for (*n = 0; c.at != c.end; ++*n) {
        entry e;
        if (*n == MOST || !nr_part_get(&c, &e.name, &e.version, &e.data))
            return nr_fail(err, "ERR invalid network: its parts");
        size_t at = *n;
        for (; at && by_name(entries[at - 1].name, e.name) > 0; at--)
            entries[at] = entries[at - 1];
        entries[at] = e;
        nr_quote(quoted, sizeof quoted, (const char *)e.name.data, e.name.len);
        if (!name_sound(e.name))
            return nr_fail(err, "ERR invalid network: a part named '%s'",
                           quoted);
        if (at && by_name(entries[at - 1].name, e.name) == 0)
            return nr_fail(err, "ERR invalid network: '%s' twice", quoted);
    }
    return NR_OK;
}

bool nr_part_put(nr_buf *out, nr_bytes name, uint64_t version, nr_bytes data) {
    char text[NAME + 1] = {0};
    memcpy(text, name.data, name.len);
    return nr_put_array(out, 3) && nr_put_str(out, text) &&
           nr_put_uint(out, version) && nr_put_bin(out, data.data, data.len);
}

nr_status nr_kept_load(nr_bytes bytes, nr_kept **out, nr_error *err) {
    entry entries[MOST];
    size_t n;
    *out = NULL;
    if (bytes.len == 0) return NR_OK;
    nr_status status = sort(bytes, entries, &n, err);
    if (status != NR_OK) return status;
    nr_kept *kept = nr_alloc(sizeof *kept);
    if (!kept) return nr_nomem(err);
    *kept = (nr_kept){.n = n};
    atomic_init(&kept->refs, 1);
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++)
        ok = nr_part_put(&kept->packed, entries[i].name, entries[i].version,
                         entries[i].data);
    if (ok)
        *out = kept;
    else
        nr_kept_drop(kept);
    return ok ? NR_OK : nr_nomem(err);
}

/* ============================== For stores =============================== */

nr_status nr_net_kept(const nr_net *net, nr_buf *out, nr_error *err) {
    nr_bytes all = nr_kept_bytes(net->kept), name, data;
    nr_cursor c = {all.data, all.data + all.len, false};
    uint64_t version;
    size_t n = nr_kept_count(net->kept);
    bool ok = nr_put_map(out, n);
    for (size_t i = 0; i < n && ok; i++) {
        const unsigned char *start = c.at;
        char text[NAME + 1] = {0};
        ok = nr_part_get(&c, &name, &version, &data);
        if (ok) memcpy(text, name.data, name.len);
        ok = ok && nr_put_str(out, text) &&
             nr_put_bin(out, start, (size_t)(c.at - start));
    }
    return ok ? NR_OK : nr_nomem(err);
}
