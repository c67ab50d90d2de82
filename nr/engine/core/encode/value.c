/* Values of fields: from what people say to the one form in a record, and back. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "encode/sequence.h"
#include "encode/time.h"
#include "encode/value.h"
#include "grammar/json.h"

/* ================================ Refusals =============================== */

static nr_status refuse(const nr_field *field, const char *needed, nr_text got,
                        nr_error *err) {
    char quoted[NR_QUOTED];
    return nr_fail(err, "ERR field %.*s: %s is needed, not '%s'",
                   (int)field->name.n, field->name.s, needed,
                   nr_quote(quoted, sizeof quoted, got.s, got.n));
}

static const char *const needed[NR_FIELD_KINDS] = {
    [NR_FIELD_NUMBER] = "a number or nothing",
    [NR_FIELD_FLAG] = "yes, no or nothing",
    [NR_FIELD_CATEGORY] = "text or nothing",
    [NR_FIELD_TIME] = "a time as 2026-11-27T10:00Z, seconds since 1970 or "
                      "nothing",
    [NR_FIELD_TEXT] = "text or nothing",
    [NR_FIELD_VECTOR] = "a list of numbers or nothing",
    [NR_FIELD_KEY] = "text or nothing",
    [NR_FIELD_SEQUENCE] = "a list of steps or nothing",
};

/* For a message: what an item is, as text. */
static nr_text described(const nr_item *item, char text[NR_NUMBER]) {
    static const char *const types[] = {"null",  "true or false", "an integer",
                                        "a number", "text",       "bytes",
                                        "a list", "a map", "an extension"};
    if (item->type == NR_ITEM_STR || item->type == NR_ITEM_BIN)
        return (nr_text){(const char *)item->bytes.data, item->bytes.len};
    if (item->type == NR_ITEM_REAL || item->type == NR_ITEM_INT) {
        if (isfinite(item->real))
            nr_write_double(text, 17, item->real);
        else
            snprintf(text, NR_NUMBER, isnan(item->real) ? "NaN" : "infinity");
        return (nr_text){text, strlen(text)};
    }
    if (item->type == NR_ITEM_BOOL)
        return item->number ? (nr_text){"true", 4} : (nr_text){"false", 5};
    return (nr_text){types[item->type], strlen(types[item->type])};
}

static nr_status refuse_item(const nr_field *field, const nr_item *item,
                             nr_error *err) {
    char text[NR_NUMBER];
    return refuse(field, needed[field->kind], described(item, text), err);
}

/* ============================== One value in ============================= */

static nr_status done(bool ok, nr_error *err) {
    return ok ? NR_OK : nr_nomem(err);
}

/* Words that mean nothing, but for what may be named so. */
static bool says_nothing(const nr_field *field, nr_text text) {
    static const char *const words[] = {"NULL", "NAN", "NA", "NONE", NULL};
    bool may = field->kind == NR_FIELD_NUMBER || field->kind == NR_FIELD_FLAG ||
               field->kind == NR_FIELD_TIME;
    if (text.n == 0) return true;
    bool begins_so = (*text.s | 32) == 'n'; /* most do not: not looked up */
    return may && begins_so && nr_find_word(text, words) >= 0;
}

/* The values of a closed list, for a message. */
static const char *listing(const nr_field *field, char *out, size_t cap) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < field->listed; i++) {
        char quoted[NR_QUOTED];
        nr_text value = field->list[i];
        nr_quote(quoted, sizeof quoted, value.s, value.n);
        int n = snprintf(out + used, cap - used, "%s%s", i ? ", " : "", quoted);
        if (n < 0 || (size_t)n >= cap - used) {
            snprintf(out + used, cap - used, "%s", cap - used > 5 ? ", ..." : "");
            return out;
        }
        used += (size_t)n;
    }
    return out;
}

static nr_status not_listed(const nr_field *field, nr_text text,
                            nr_error *err) {
    char quoted[NR_QUOTED], list[256];
    nr_quote(quoted, sizeof quoted, text.s, text.n);
    listing(field, list, sizeof list);
    if (field->output)
        return nr_fail(err, "ERR class '%s' of %.*s is none of %s", quoted,
                       (int)field->name.n, field->name.s, list);
    return nr_fail(err, "ERR field %.*s: '%s' is none of %s",
                   (int)field->name.n, field->name.s, quoted, list);
}

static nr_status put_string(const nr_field *field, nr_text text, nr_buf *out,
                            nr_error *err) {
    if (text.n > NR_MAX_TEXT)
        return nr_fail(err, "ERR field %.*s: %zu bytes of text, at most %d",
                       (int)field->name.n, field->name.s, text.n, NR_MAX_TEXT);
    if (!nr_utf8(text)) return refuse(field, "text in UTF-8", text, err);
    if (field->list && nr_field_listed(field, text) < 0)
        return not_listed(field, text, err);
    return done(nr_put_text(out, text.s, text.n), err);
}

static bool parse_flag(nr_text text, bool *flag) {
    static const char *const words[] = {"NO",  "FALSE", "0",
                                        "YES", "TRUE",  "1", NULL};
    int found = nr_find_word(text, words);
    *flag = found >= 3;
    return found >= 0;
}

/* A vector is said as a list in JSON. */
static nr_status put_list(const nr_field *field, nr_text text, nr_buf *out,
                          nr_error *err) {
    nr_buf list = {0};
    nr_item item;
    nr_status status = nr_json_read(text, &list, err);
    if (status == NR_ERR) status = refuse(field, needed[field->kind], text, err);
    if (status == NR_OK) {
        nr_cursor c = {list.data, list.data + list.len, false};
        nr_get_item(&c, &item);
        status = nr_value_item(field, &item, &c, out, err);
    }
    nr_buf_free(&list);
    return status;
}

nr_status nr_value_text(const nr_field *field, nr_text text, nr_buf *out,
                        nr_error *err) {
    double number;
    bool flag;
    int64_t time;
    if (says_nothing(field, text)) return done(nr_put_nil(out), err);
    switch (field->kind) {
    case NR_FIELD_NUMBER:
        if (nr_parse_double(text, &number) && isfinite(number))
            return done(nr_put_double(out, number + 0.0), err);
        break;
    case NR_FIELD_FLAG:
        if (parse_flag(text, &flag)) return done(nr_put_bool(out, flag), err);
        break;
    case NR_FIELD_TIME:
        if (nr_parse_time(text, &time)) return done(nr_put_int(out, time), err);
        break;
    case NR_FIELD_VECTOR: return put_list(field, text, out, err);
    case NR_FIELD_SEQUENCE: return nr_sequence_text(field, text, out, err);
    default: return put_string(field, text, out, err);
    }
    return refuse(field, needed[field->kind], text, err);
}

/* A number in place of text, as few digits as tell it: 5.0 is "5". */
static nr_text number_text(const nr_item *item, char text[NR_NUMBER]) {
    double x = item->real, back = NAN;
    if (item->type == NR_ITEM_INT || (fabs(x) < 0x1p53 && x == floor(x))) {
        uint64_t number = item->type == NR_ITEM_INT ? item->number
                                                    : (uint64_t)fabs(x);
        bool negative = item->type == NR_ITEM_INT ? item->negative : x < 0;
        snprintf(text, NR_NUMBER, "%s%llu", negative && number ? "-" : "",
                 (unsigned long long)number);
    } else {
        for (int digits = 1; digits <= 17 && back != x; digits++) {
            nr_write_double(text, digits, x);
            nr_parse_double((nr_text){text, strlen(text)}, &back);
        }
    }
    return (nr_text){text, strlen(text)};
}

static nr_status put_number_item(const nr_field *field, const nr_item *item,
                                 nr_buf *out, nr_error *err) {
    char text[NR_NUMBER];
    int64_t time;
    double x = item->real;
    if (isnan(x)) return done(nr_put_nil(out), err);
    if (!isfinite(x)) return refuse_item(field, item, err);
    switch (field->kind) {
    case NR_FIELD_NUMBER: return done(nr_put_double(out, x + 0.0), err);
    case NR_FIELD_FLAG:
        if (x == 0 || x == 1) return done(nr_put_bool(out, x == 1), err);
        return refuse_item(field, item, err);
    case NR_FIELD_TIME:
        if (nr_time_from(x, &time)) return done(nr_put_int(out, time), err);
        return refuse_item(field, item, err);
    case NR_FIELD_SEQUENCE:
    case NR_FIELD_VECTOR: return refuse_item(field, item, err);
    default: return put_string(field, number_text(item, text), out, err);
    }
}

/* A vector's numbers, from a list or from the bytes of its float32. */
static nr_status put_floats(const nr_field *field, nr_cursor *c,
                            const nr_item *head, nr_buf *out, nr_error *err) {
    size_t bytes = field->size * sizeof(float);
    bool packed = head->type == NR_ITEM_BIN;
    if (packed ? head->bytes.len != bytes : head->number != field->size)
        return nr_fail(err, "ERR field %.*s: %u numbers are needed, not %llu",
                       (int)field->name.n, field->name.s, field->size,
                       (unsigned long long)(packed ? head->bytes.len / 4
                                                   : head->number));
    if (!nr_put_bin_head(out, bytes)) return nr_nomem(err);
    for (size_t i = 0; i < field->size; i++) {
        float x = NAN;
        nr_item item;
        if (packed)
            memcpy(&x, head->bytes.data + i * sizeof x, sizeof x);
        else if (nr_get_item(c, &item) &&
                 (item.type == NR_ITEM_INT || item.type == NR_ITEM_REAL))
            x = (float)item.real;
        if (!isfinite(x))
            return nr_fail(err, "ERR field %.*s: number %zu of its list is no "
                                "finite 32-bit number",
                           (int)field->name.n, field->name.s, i);
        x += 0.0f;
        if (!nr_buf_append(out, &x, sizeof x)) return nr_nomem(err);
    }
    return NR_OK;
}

/* A time of a column's own type: microseconds since 1970 in eight bytes, of
 * which the least number stands for none. */
static nr_status put_time(const nr_field *field, const nr_item *item,
                          nr_buf *out, nr_error *err) {
    int64_t time;
    if (item->number != NR_EXT_TIME || item->bytes.len != sizeof time ||
        field->kind != NR_FIELD_TIME)
        return refuse_item(field, item, err);
    memcpy(&time, item->bytes.data, sizeof time);
    if (time == INT64_MIN) return done(nr_put_nil(out), err);
    if (time < NR_FIRST_TIME || time > NR_LAST_TIME)
        return refuse_item(field, item, err);
    return done(nr_put_int(out, time), err);
}

static nr_status put_flag(const nr_field *field, const nr_item *item,
                          nr_buf *out, nr_error *err) {
    char text[NR_NUMBER];
    switch (field->kind) {
    case NR_FIELD_FLAG: return done(nr_put_bool(out, item->number != 0), err);
    case NR_FIELD_NUMBER:
        return done(nr_put_double(out, (double)item->number), err);
    case NR_FIELD_CATEGORY:
        return put_string(field, described(item, text), out, err);
    default: return refuse_item(field, item, err);
    }
}

/* A value; the items of a list come from the cursor. */
nr_status nr_value_item(const nr_field *field, const nr_item *item,
                        nr_cursor *c, nr_buf *out, nr_error *err) {
    nr_text text = {(const char *)item->bytes.data, item->bytes.len};
    bool list = item->type == NR_ITEM_ARRAY || item->type == NR_ITEM_BIN;
    switch (item->type) {
    case NR_ITEM_NIL: return done(nr_put_nil(out), err);
    case NR_ITEM_STR: return nr_value_text(field, text, out, err);
    case NR_ITEM_INT:
    case NR_ITEM_REAL: return put_number_item(field, item, out, err);
    case NR_ITEM_BOOL: return put_flag(field, item, out, err);
    case NR_ITEM_EXT: return put_time(field, item, out, err);
    default:
        if (list && field->kind == NR_FIELD_VECTOR)
            return put_floats(field, c, item, out, err);
        if (list && field->kind == NR_FIELD_SEQUENCE)
            return nr_sequence_item(field, item, c, out, err);
        return refuse_item(field, item, err);
    }
}

/* =============================== One value out =========================== */

bool nr_value_put(const nr_field *field, const nr_value *value, nr_buf *out) {
    char text[NR_TIME_TEXT];
    if (value->missing) return nr_put_nil(out);
    switch (field->kind) {
    case NR_FIELD_NUMBER: return nr_put_double(out, value->number);
    case NR_FIELD_FLAG:
        return nr_put_bin(out, value->number != 0 ? "yes" : "no",
                          value->number != 0 ? 3 : 2);
    case NR_FIELD_TIME:
        nr_time_text(text, value->time);
        return nr_put_bin(out, text, strlen(text));
    case NR_FIELD_VECTOR: break;
    case NR_FIELD_SEQUENCE: return nr_sequence_put(field, value, out);
    default: return nr_put_bin(out, value->bytes.data, value->bytes.len);
    }
    bool ok = nr_put_array(out, field->size);
    for (size_t i = 0; i < field->size && ok; i++) {
        float x;
        memcpy(&x, value->bytes.data + i * sizeof x, sizeof x);
        ok = nr_put_double(out, (double)x);
    }
    return ok;
}
