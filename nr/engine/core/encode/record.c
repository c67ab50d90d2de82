/* Records: made of a sample's values, and read again. */

#include <math.h>
#include <string.h>

#include "encode/record.h"
#include "encode/sequence.h"
#include "encode/time.h"
#include "encode/unknown.h"

/* ============================== One sample in ============================ */

enum { HEAD = 20 }; /* bytes: its length, how many values, and its weight */

nr_status nr_maker_init(nr_maker *m, const nr_schema *schema, nr_text key,
                        bool running, nr_error *err) {
    m->schema = schema, m->key = key, m->running = running;
    m->scratch = (nr_buf){0};
    m->spans = schema->n <= NR_FEW_FIELDS
                   ? m->few
                   : nr_alloc(schema->n * sizeof *m->spans);
    if (!m->spans) return nr_nomem(err);
    nr_maker_begin(m);
    return NR_OK;
}

void nr_maker_free(nr_maker *m) {
    if (m->spans != m->few) nr_release(m->spans);
    nr_buf_free(&m->scratch);
}

void nr_maker_begin(nr_maker *m) {
    memset(m->spans, 0, m->schema->n * sizeof *m->spans);
    m->scratch.len = 0;
    m->weight = 1;
    m->next = 0;
}

const nr_field *nr_maker_field(nr_maker *m, nr_text name) {
    const nr_schema *schema = m->schema;
    const nr_field *found = schema->fields + m->next;
    if (m->next == schema->n || !nr_same_text(found->name, name))
        found = nr_schema_find(schema, name);
    if (found) m->next = (size_t)(found - schema->fields) + 1;
    return found;
}

/* The field's place, where a value may go there. */
static nr_status take_span(nr_maker *m, const nr_field *field,
                           struct nr_span **span, nr_error *err) {
    *span = &m->spans[field - m->schema->fields];
    if ((*span)->taken)
        return nr_fail(err, "ERR field %.*s is given twice",
                       (int)field->name.n, field->name.s);
    if (m->running && field->output)
        return nr_fail(err, "ERR field %.*s is an output: it is asked for, "
                            "not given",
                       (int)field->name.n, field->name.s);
    (*span)->taken = true;
    return NR_OK;
}

nr_status nr_maker_text(nr_maker *m, const nr_field *field, nr_text value,
                        nr_error *err) {
    struct nr_span *span;
    nr_status status = take_span(m, field, &span, err);
    if (status == NR_OK) span->text = value.s, span->n = value.n;
    return status;
}

nr_status nr_maker_item(nr_maker *m, const nr_field *field,
                        const nr_item *item, nr_cursor *c, nr_error *err) {
    struct nr_span *span;
    nr_status status = take_span(m, field, &span, err);
    if (status != NR_OK) return status;
    span->from = m->scratch.len;
    status = nr_value_item(field, item, c, &m->scratch, err);
    span->n = m->scratch.len - span->from;
    return status;
}

nr_status nr_maker_unknown(const nr_maker *m, nr_text name, nr_cursor *c,
                           size_t left, nr_error *err) {
    nr_unknown unknown = {.schema = m->schema};
    nr_item next;
    nr_unknown_add(&unknown, name);
    while (left-- && nr_skip(c) && nr_get_item(c, &next) &&
           next.type == NR_ITEM_STR) {
        nr_text text = {(const char *)next.bytes.data, next.bytes.len};
        nr_unknown_add(&unknown, text);
    }
    return nr_unknown_tell(&unknown, m->key, err);
}

nr_status nr_maker_map(nr_maker *m, nr_cursor *c, nr_error *err) {
    nr_item head, name, value;
    if (!nr_get_item(c, &head) || head.type != NR_ITEM_MAP)
        return nr_fail(err, "ERR a sample is a map of fields and values");
    for (size_t i = 0; i < head.number; i++) {
        if (!nr_get_item(c, &name) || name.type != NR_ITEM_STR)
            return nr_fail(err, "ERR a sample is a map of fields and values");
        nr_text text = {(const char *)name.bytes.data, name.bytes.len};
        const nr_field *field = nr_maker_field(m, text);
        if (!field)
            return nr_maker_unknown(m, text, c, head.number - i - 1, err);
        if (!nr_get_item(c, &value)) return nr_fail(err, "ERR invalid msgpack");
        nr_status status = nr_maker_item(m, field, &value, c, err);
        if (status != NR_OK) return status;
    }
    return NR_OK;
}

static nr_status put_span(const nr_maker *m, const nr_field *field,
                          const struct nr_span *span, nr_buf *record,
                          nr_error *err) {
    nr_text text = {span->text, span->n};
    if (span->text) return nr_value_text(field, text, record, err);
    bool ok = span->taken ? nr_buf_append(record, m->scratch.data + span->from,
                                          span->n)
                          : nr_put_nil(record);
    return ok ? NR_OK : nr_nomem(err);
}

static nr_status put_slot(const nr_maker *m, size_t slot, nr_buf *record,
                          nr_error *err) {
    uint32_t number = m->schema->by_slot[slot];
    size_t at = record->len;
    if (!number) return nr_put_nil(record) ? NR_OK : nr_nomem(err);
    const nr_field *field = &m->schema->fields[number - 1];
    nr_status status = put_span(m, field, &m->spans[number - 1], record, err);
    if (status != NR_OK || !field->output || m->running ||
        record->data[at] != 0xc0)
        return status;
    return nr_fail(err, "ERR field %.*s: an output is needed",
                   (int)field->name.n, field->name.s);
}

size_t nr_record_room(const nr_schema *schema) {
    return 9 * schema->slots + HEAD;
}

bool nr_record_begin(const nr_schema *schema, double weight, nr_buf *record) {
    return nr_put_array(record, schema->slots) &&
           (weight == 1 ? nr_put_nil(record) : nr_put_double(record, weight));
}

static nr_status put_record(const nr_maker *m, nr_buf *record, nr_error *err) {
    size_t before = record->len, slots = m->schema->slots;
    size_t room = m->scratch.len + nr_record_room(m->schema);
    if (!nr_buf_reserve(record, room) ||
        !nr_record_begin(m->schema, m->weight, record))
        return nr_nomem(err);
    nr_status status = NR_OK;
    for (size_t slot = 1; slot < slots && status == NR_OK; slot++)
        status = put_slot(m, slot, record, err);
    size_t len = record->len - before;
    if (status != NR_OK || len <= NR_MAX_RECORD) return status;
    return nr_fail(err, "ERR a sample of %zu bytes, at most %d", len,
                   NR_MAX_RECORD);
}

nr_status nr_maker_end(nr_maker *m, nr_buf *record, nr_error *err) {
    size_t before = record->len;
    nr_status status = put_record(m, record, err);
    if (status != NR_OK) record->len = before;
    return status;
}

/* ================================ Reading ================================ */

static bool read_value(const nr_field *field, nr_cursor *c, nr_value *value) {
    nr_item item;
    if (!nr_get_item(c, &item)) return false;
    *value = (nr_value){.missing = item.type == NR_ITEM_NIL};
    if (value->missing) return true;
    switch (field->kind) {
    case NR_FIELD_NUMBER:
        value->number = item.real;
        return item.type == NR_ITEM_REAL && isfinite(item.real);
    case NR_FIELD_FLAG:
        value->number = (double)item.number;
        return item.type == NR_ITEM_BOOL;
    case NR_FIELD_TIME:
        value->time = (int64_t)item.number;
        if (item.negative) value->time = -value->time;
        return item.type == NR_ITEM_INT && value->time >= NR_FIRST_TIME &&
               value->time <= NR_LAST_TIME && item.number <= INT64_MAX;
    case NR_FIELD_VECTOR:
        value->bytes = item.bytes;
        return item.type == NR_ITEM_BIN &&
               item.bytes.len == field->size * sizeof(float);
    case NR_FIELD_SEQUENCE: return nr_sequence_read(field, &item, c, value);
    default:
        value->bytes = item.bytes;
        return item.type == NR_ITEM_STR && item.bytes.len > 0;
    }
}

bool nr_maker_values(const nr_maker *m, const nr_schema *schema,
                     nr_value *values) {
    for (size_t i = 0; i < schema->n; i++) {
        const nr_field *field = &schema->fields[i];
        uint32_t own = field->slot < m->schema->slots
                           ? m->schema->by_slot[field->slot]
                           : 0;
        const struct nr_span *span = own ? &m->spans[own - 1] : NULL;
        values[i] = (nr_value){.missing = true};
        if (!span || !span->taken) continue;
        if (span->text) return false;
        const unsigned char *at = m->scratch.data + span->from;
        nr_cursor c = {at, at + span->n, false};
        if (!read_value(field, &c, &values[i])) return false;
    }
    return true;
}

static bool read_weight(nr_cursor *c, double *weight) {
    nr_item item;
    if (!nr_get_item(c, &item)) return false;
    bool given = item.type == NR_ITEM_REAL;
    if (weight) *weight = given ? item.real : 1;
    return given ? item.real > 0 && isfinite(item.real)
                 : item.type == NR_ITEM_NIL;
}

bool nr_record_read(const nr_schema *schema, nr_bytes record, nr_value *values,
                    double *weight) {
    nr_cursor c = {record.data, record.data + record.len, false};
    size_t slots;
    for (size_t i = 0; i < schema->n; i++)
        values[i] = (nr_value){.missing = true};
    if (!nr_get_array(&c, &slots) || !slots || !read_weight(&c, weight))
        return false;
    for (size_t slot = 1; slot < slots; slot++) {
        uint32_t field = slot < schema->slots ? schema->by_slot[slot] : 0;
        bool ok = field ? read_value(&schema->fields[field - 1], &c,
                                     &values[field - 1])
                        : nr_skip(&c);
        if (!ok) return false;
    }
    return c.at == c.end;
}

static bool vector_sound(nr_bytes bytes) {
    for (size_t i = 0; i < bytes.len; i += sizeof(float)) {
        float x;
        memcpy(&x, bytes.data + i, sizeof x);
        if (!isfinite(x)) return false;
    }
    return true;
}

static bool value_sound(const nr_field *field, const nr_value *value) {
    if (value->missing) return !field->output;
    if (field->kind == NR_FIELD_VECTOR) return vector_sound(value->bytes);
    if (field->kind == NR_FIELD_SEQUENCE)
        return nr_sequence_sound(field, value);
    if (!value->bytes.data) return true;
    nr_text text = {(const char *)value->bytes.data, value->bytes.len};
    return text.n <= NR_MAX_TEXT && nr_utf8(text) &&
           (!field->list || nr_field_listed(field, text) >= 0);
}

bool nr_record_sound(const nr_schema *schema, nr_bytes record) {
    nr_value few[64], *values = few;
    nr_cursor c = {record.data, record.data + record.len, false};
    size_t slots;
    if (record.len > NR_MAX_RECORD || !nr_get_array(&c, &slots) ||
        slots > schema->slots)
        return false;
    if (schema->n > 64 && !(values = nr_alloc(schema->n * sizeof *values)))
        return false;
    bool ok = nr_record_read(schema, record, values, NULL);
    for (size_t i = 0; i < schema->n && ok; i++)
        ok = value_sound(&schema->fields[i], &values[i]);
    if (values != few) nr_release(values);
    return ok;
}
