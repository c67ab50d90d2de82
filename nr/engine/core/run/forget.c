/* Samples dropped on request: all of a dataset, or those of a person.
 *
 * What is to be forgotten is named by values of fields, which are brought into
 * the form of records and compared byte by byte: a value has one form, however it
 * was said. The last sample takes the place of one that goes. To close the gaps
 * by moving all that follow was rejected: a store would write half of its samples
 * anew to forget one. */

#include <string.h>

#include "encode/value.h"
#include "float_mode.h"
#include "run/forecast.h"
#include "run/forget.h"

/* Hosts that keep the weights look again, and what a training has taken meanwhile
 * does not come back (nr_net_merge). */
static void forget_background(nr_net *net) {
    nr_background_drop(net);
    net->h.schema_revision++;
}

nr_status nr_clear(nr_net *net, const nr_command *cmd, uint64_t *gone,
                   nr_error *err) {
    (void)err;
    *gone = 0;
    for (int d = 0; d < 2; d++) {
        if (cmd->dataset != NR_DATASET_ANY && cmd->dataset != (unsigned)d)
            continue;
        *gone += net->h.len[d];
        nr_net_clear(net, (nr_dataset_id)d);
    }
    forget_background(net);
    return NR_OK;
}

/* ============================== What matches ============================= */

/* The values that a record must have. */
typedef struct wanted {
    uint32_t *slots; /* in the command's order */
    size_t *ends;    /* of each one's value in the bytes */
    size_t n;
    nr_buf bytes;
} wanted;

static void wanted_free(wanted *w) {
    nr_release(w->slots);
    nr_release(w->ends);
    nr_buf_free(&w->bytes);
}

static nr_status no_fields(nr_text key, nr_error *err) {
    char quoted[NR_QUOTED];
    return nr_fail(err, "ERR %s has no fields to find samples by: NR.CLEAR "
                        "drops all of them",
                   nr_quote(quoted, sizeof quoted, key.s, key.n));
}

static bool is_wanted(const wanted *w, uint32_t slot) {
    for (size_t i = 0; i < w->n; i++)
        if (w->slots[i] == slot) return true;
    return false;
}

static nr_status want(wanted *w, const nr_schema *schema, nr_text pair,
                      nr_text key, nr_error *err) {
    const char *equals = memchr(pair.s, '=', pair.n);
    nr_text name = {pair.s, (size_t)(equals - pair.s)};
    nr_text value = {equals + 1, pair.n - name.n - 1};
    const nr_field *field = nr_schema_find(schema, name);
    if (!field) return nr_no_field(schema, name, key, err);
    if (is_wanted(w, field->slot))
        return nr_fail(err, "ERR field %.*s is given twice", (int)name.n,
                       name.s);
    nr_status status = nr_value_text(field, value, &w->bytes, err);
    if (status != NR_OK) return status;
    w->slots[w->n] = field->slot;
    w->ends[w->n++] = w->bytes.len;
    return NR_OK;
}

static nr_status want_all(wanted *w, const nr_schema *schema,
                          const nr_command *cmd, nr_error *err) {
    nr_text key = {cmd->argv[cmd->key], cmd->arglen[cmd->key]};
    size_t n = cmd->count[0];
    nr_status status = NR_OK;
    if (!schema) return no_fields(key, err);
    if (n > schema->n) n = schema->n + 1; /* one of them is there twice */
    w->slots = nr_alloc(n * sizeof *w->slots);
    w->ends = nr_alloc(n * sizeof *w->ends);
    if (!w->slots || !w->ends) return nr_nomem(err);
    for (size_t i = 0; i < n && status == NR_OK; i++) {
        size_t at = cmd->first[0] + i;
        nr_text pair = {cmd->argv[at], cmd->arglen[at]};
        status = want(w, schema, pair, key, err);
    }
    return status;
}

/* A slot's value as it lies in a record; an older one may lack it. */
static nr_bytes value_at(nr_bytes record, uint32_t slot) {
    static const unsigned char nil = 0xc0;
    nr_cursor c = {record.data, record.data + record.len, false};
    size_t n;
    if (!nr_get_array(&c, &n) || slot >= n) return (nr_bytes){&nil, 1};
    for (uint32_t i = 0; i < slot; i++) nr_skip(&c);
    const unsigned char *from = c.at;
    nr_skip(&c);
    return (nr_bytes){from, (size_t)(c.at - from)};
}

static bool matches(const wanted *w, nr_bytes record) {
    for (size_t i = 0, from = 0; i < w->n; from = w->ends[i++]) {
        nr_bytes value = value_at(record, w->slots[i]);
        if (value.len != w->ends[i] - from ||
            memcmp(value.data, w->bytes.data + from, value.len) != 0)
            return false;
    }
    return true;
}

static nr_status find(const nr_net *net, const wanted *w, nr_buf *places,
                      nr_error *err) {
    size_t before = places->len;
    for (uint64_t d = 0; d < 2; d++)
        for (size_t slot = net->h.len[d]; slot-- > 0;) {
            uint64_t place = slot * 2 + d;
            if (!matches(w, nr_record_at(net, (nr_dataset_id)d, slot)))
                continue;
            if (nr_buf_append(places, &place, sizeof place)) continue;
            places->len = before;
            return nr_nomem(err);
        }
    return NR_OK;
}

NOINLINE nr_status matching(const nr_net *net, const nr_command *cmd,
                            nr_buf *places, nr_error *err) {
    wanted w = {0};
    if (nr_is_forecaster(net) && !net->partial)
        return nr_forecast_matching(net, cmd, places, err);
    nr_status status = want_all(&w, net->schema, cmd, err);
    if (status == NR_OK && net->partial)
        status = nr_fail(err, "ERR samples of a network without its datasets");
    if (status == NR_OK) status = find(net, &w, places, err);
    wanted_free(&w);
    return status;
}

nr_status nr_net_matching(const nr_net *net, const nr_command *cmd,
                          nr_buf *places, nr_error *err) {
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = matching(net, cmd, places, err);
    nr_mode_end(before);
    return status;
}

/* ================================= Dropped =============================== */

/* Which slot's sample comes to lie in which, when those at `places` go. */
static size_t close_gaps(uint32_t *slots, size_t n, const nr_buf *places,
                         uint64_t dataset) {
    for (size_t i = 0; i < n; i++) slots[i] = (uint32_t)i;
    for (size_t at = 0; at < places->len; at += sizeof(uint64_t)) {
        uint64_t place;
        memcpy(&place, places->data + at, sizeof place);
        if ((place & 1) == dataset) slots[place >> 1] = slots[--n];
    }
    return n;
}

static nr_status drop(nr_net *net, const nr_buf *places, nr_error *err) {
    nr_status status = NR_OK;
    for (uint64_t d = 0; d < 2 && status == NR_OK; d++) {
        size_t n = net->h.len[d];
        uint32_t *slots = nr_alloc((n + 1) * sizeof *slots);
        if (!slots) return nr_nomem(err);
        size_t left = close_gaps(slots, n, places, d);
        if (left < n)
            status = nr_records_keep(net, (nr_dataset_id)d, slots, left, err);
        nr_release(slots);
    }
    return status;
}

/* On a clone, since the second dataset may fail when the first is done. */
nr_status nr_forget(nr_net *net, const nr_command *cmd, uint64_t *gone,
                    nr_error *err) {
    nr_buf places = {0};
    nr_status status = matching(net, cmd, &places, err);
    nr_net *copy = NULL;
    *gone = places.len / sizeof(uint64_t);
    if (status == NR_OK && *gone && !(copy = nr_net_clone(net)))
        status = nr_nomem(err);
    if (status == NR_OK && *gone) status = drop(copy, &places, err);
    for (int d = 0; d < 2 && status == NR_OK && copy; d++) {
        nr_dataset data = net->data[d];
        net->data[d] = copy->data[d];
        copy->data[d] = data;
        net->h.len[d] = copy->h.len[d];
        net->h.bytes[d] = copy->h.bytes[d];
        net->next.known = false;
    }
    if (status == NR_OK) forget_background(net); /* also of samples that are gone */
    nr_net_free(copy);
    nr_buf_free(&places);
    return status;
}
