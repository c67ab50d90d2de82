/* See sequence.h. */

#include <math.h>
#include <string.h>

#include "encode/sequence.h"
#include "grammar/json.h"

static nr_status refuse(const nr_field *field, nr_text got, nr_error *err) {
    char quoted[NR_QUOTED];
    return nr_fail(err, "ERR field %.*s: a list of steps or nothing is needed, "
                        "not '%s'",
                   (int)field->name.n, field->name.s,
                   nr_quote(quoted, sizeof quoted, got.s, got.n));
}

/* ================================ The kind =============================== */

nr_status nr_sequence_kind(nr_field *field, nr_text inside, bool given,
                           nr_error *err) {
    char quoted[NR_QUOTED];
    static const char *const symbols[] = {"CATEGORY", "WORD", "CHAR", NULL};
    int found = nr_find_word(inside, symbols);
    uint64_t n;
    field->size = 1;
    if (!given) return NR_OK;
    if (found >= 0) {
        field->size = 0;
        field->symbols = (nr_symbols)found;
        return NR_OK;
    }
    if (nr_parse_uint(inside, &n) && n && n <= NR_MAX_VECTOR) {
        field->size = (uint32_t)n;
        return NR_OK;
    }
    nr_quote(quoted, sizeof quoted, inside.s, inside.n);
    return nr_fail(err, "ERR field %.*s: sequence takes how many numbers a step "
                        "has, 1 to %d, or category, word or char, not '%s'",
                   (int)field->name.n, field->name.s, NR_MAX_VECTOR, quoted);
}

/* ================================= Limits ================================ */

static nr_status check_steps(const nr_field *field, uint64_t steps,
                             nr_error *err) {
    if (steps == 0)
        return nr_fail(err, "ERR field %.*s: an empty sequence, of which there "
                            "are none: leave the field out",
                       (int)field->name.n, field->name.s);
    if (steps > NR_MAX_STEPS)
        return nr_fail(err, "ERR field %.*s: %llu steps, at most %d: give the "
                            "latest ones, or fewer",
                       (int)field->name.n, field->name.s,
                       (unsigned long long)steps, NR_MAX_STEPS);
    if (steps * field->size > NR_MAX_RECORD / sizeof(float))
        return nr_fail(err, "ERR field %.*s: %llu steps of %u numbers, but a "
                            "sample has at most %d bytes: give the latest ones, "
                            "or fewer",
                       (int)field->name.n, field->name.s,
                       (unsigned long long)steps, field->size, NR_MAX_RECORD);
    return NR_OK;
}

static nr_status wrong_width(const nr_field *field, size_t step, uint64_t n,
                             nr_error *err) {
    return nr_fail(err, "ERR field %.*s: step %zu has %llu numbers where %u are "
                        "needed",
                   (int)field->name.n, field->name.s, step,
                   (unsigned long long)n, field->size);
}

/* ================================ Numbers ================================ */

static bool is_list(const nr_item *item) {
    return item->type == NR_ITEM_ARRAY;
}

static nr_status not_finite(const nr_field *field, size_t step, nr_error *err) {
    return nr_fail(err, "ERR field %.*s: step %zu has what is no finite 32-bit "
                        "number",
                   (int)field->name.n, field->name.s, step);
}

static nr_status put_float(const nr_field *field, const nr_item *item,
                           size_t step, nr_buf *out, nr_error *err) {
    bool number = item->type == NR_ITEM_INT || item->type == NR_ITEM_REAL;
    float x = number ? (float)item->real + 0.0f : NAN;
    if (!isfinite(x)) return not_finite(field, step, err);
    return nr_buf_append(out, &x, sizeof x) ? NR_OK : nr_nomem(err);
}

static float float_in(nr_bytes bytes, size_t i) {
    float x;
    memcpy(&x, bytes.data + i * sizeof x, sizeof x);
    return x;
}

/* So many bytes of float32, whole steps from this one on. */
static nr_status put_floats(const nr_field *field, nr_bytes bytes, size_t step,
                            nr_buf *out, nr_error *err) {
    if (!nr_buf_reserve(out, bytes.len)) return nr_nomem(err);
    for (size_t i = 0; i < bytes.len / sizeof(float); i++) {
        float x = float_in(bytes, i) + 0.0f; /* -0 is 0 */
        if (!isfinite(x)) return not_finite(field, step + i / field->size, err);
        memcpy(out->data + out->len, &x, sizeof x);
        out->len += sizeof x;
    }
    return NR_OK;
}

/* The bytes of as many float32. */
static nr_status put_packed_step(const nr_field *field, nr_bytes bytes,
                                 size_t step, nr_buf *out, nr_error *err) {
    if (bytes.len != field->size * sizeof(float))
        return wrong_width(field, step, bytes.len / sizeof(float), err);
    return put_floats(field, bytes, step, out, err);
}

/* A list of as many numbers as a step has; of one, the number itself, too. */
static nr_status put_step(const nr_field *field, nr_cursor *c, size_t step,
                          nr_buf *out, nr_error *err) {
    nr_item item;
    if (!nr_get_item(c, &item)) return nr_fail(err, "ERR invalid msgpack");
    if (item.type == NR_ITEM_BIN)
        return put_packed_step(field, item.bytes, step, out, err);
    if (!is_list(&item)) {
        if (field->size != 1) return wrong_width(field, step, 1, err);
        return put_float(field, &item, step, out, err);
    }
    if (item.number != field->size)
        return wrong_width(field, step, item.number, err);
    nr_status status = NR_OK;
    for (size_t i = 0; i < field->size && status == NR_OK; i++) {
        if (!nr_get_item(c, &item)) return nr_fail(err, "ERR invalid msgpack");
        status = put_float(field, &item, step, out, err);
    }
    return status;
}

static nr_status put_list(const nr_field *field, nr_cursor *c, uint64_t steps,
                          nr_buf *out, nr_error *err) {
    nr_status status = check_steps(field, steps, err);
    if (status != NR_OK) return status;
    size_t bytes = (size_t)steps * field->size * sizeof(float);
    if (!nr_put_bin_head(out, bytes) || !nr_buf_reserve(out, bytes))
        return nr_nomem(err);
    for (size_t i = 0; i < steps && status == NR_OK; i++)
        status = put_step(field, c, i, out, err);
    return status;
}

/* The bytes of float32. */
static nr_status put_packed(const nr_field *field, nr_bytes bytes, nr_buf *out,
                            nr_error *err) {
    size_t each = field->size * sizeof(float), steps = bytes.len / each;
    if (bytes.len % each)
        return nr_fail(err, "ERR field %.*s: %zu bytes of float32 are no steps "
                            "of %u numbers",
                       (int)field->name.n, field->name.s, bytes.len,
                       field->size);
    nr_status status = check_steps(field, steps, err);
    if (status != NR_OK) return status;
    if (!nr_put_bin_head(out, bytes.len)) return nr_nomem(err);
    return put_floats(field, bytes, 0, out, err);
}

/* ================================ Symbols ================================ */

/* As the value of a category, which takes numbers, too; an empty one, or none,
 * is no symbol. */
static nr_status put_symbol(const nr_field *field, const nr_item *item,
                            nr_cursor *c, size_t step, nr_buf *out,
                            nr_error *err) {
    nr_field category = {.name = field->name, .kind = NR_FIELD_CATEGORY};
    size_t from = out->len;
    nr_status status = nr_value_item(&category, item, c, out, err);
    if (status != NR_OK || out->data[from] != 0xc0) return status;
    return nr_fail(err, "ERR field %.*s: step %zu is empty, and no symbol",
                   (int)field->name.n, field->name.s, step);
}

static nr_status put_symbols(const nr_field *field, nr_cursor *c,
                             uint64_t steps, nr_buf *out, nr_error *err) {
    nr_item item;
    nr_status status = check_steps(field, steps, err);
    if (status != NR_OK) return status;
    if (!nr_put_array(out, (size_t)steps)) return nr_nomem(err);
    for (size_t i = 0; i < steps && status == NR_OK; i++) {
        if (!nr_get_item(c, &item)) return nr_fail(err, "ERR invalid msgpack");
        status = put_symbol(field, &item, c, i, out, err);
    }
    return status;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The text up to the next blank, behind the blanks before it. */
static bool next_word(nr_text *rest, nr_text *word) {
    while (rest->n && is_blank(*rest->s)) rest->s++, rest->n--;
    *word = (nr_text){rest->s, 0};
    while (rest->n && !is_blank(*rest->s)) rest->s++, rest->n--, word->n++;
    return word->n > 0;
}

/* A character in UTF-8, whatever it is; of bytes that are none, one of them. */
static bool next_char(nr_text *rest, nr_text *symbol) {
    size_t n = rest->n > 0;
    while (n && n < rest->n && n < 4 && ((unsigned char)rest->s[n] & 0xc0) == 0x80)
        n++;
    *symbol = (nr_text){rest->s, n};
    rest->s += n, rest->n -= n;
    return n > 0;
}

static bool next_symbol(const nr_field *field, nr_text *rest, nr_text *symbol) {
    return (field->symbols == NR_SYMBOL_CHARS ? next_char : next_word)(rest,
                                                                     symbol);
}

static nr_status put_words(const nr_field *field, nr_text text, nr_buf *out,
                           nr_error *err) {
    nr_text rest = text, word;
    size_t steps = 0;
    while (next_symbol(field, &rest, &word)) steps++;
    nr_status status = check_steps(field, steps, err);
    if (status != NR_OK) return status;
    if (!nr_put_array(out, steps)) return nr_nomem(err);
    for (size_t i = 0; i < steps && status == NR_OK; i++) {
        next_symbol(field, &text, &word);
        nr_item item = {.type = NR_ITEM_STR,
                        .bytes = {(const unsigned char *)word.s, word.n}};
        status = put_symbol(field, &item, NULL, i, out, err);
    }
    return status;
}

/* ================================= Values ================================ */

/* A text of words or characters is taken as it is, whatever it begins with. */
static bool begins_list(const nr_field *field, nr_text text) {
    if (!field->size && field->symbols != NR_SYMBOLS) return false;
    while (text.n && is_blank(*text.s)) text.s++, text.n--;
    return text.n && *text.s == '[';
}

nr_status nr_sequence_text(const nr_field *field, nr_text text, nr_buf *out,
                           nr_error *err) {
    nr_buf list = {0};
    nr_item item;
    if (!begins_list(field, text))
        return field->size ? refuse(field, text, err)
                           : put_words(field, text, out, err);
    nr_status status = nr_json_read(text, &list, err);
    if (status == NR_ERR) status = refuse(field, text, err);
    if (status == NR_OK) {
        nr_cursor c = {list.data, list.data + list.len, false};
        nr_get_item(&c, &item);
        status = nr_sequence_item(field, &item, &c, out, err);
    }
    nr_buf_free(&list);
    return status;
}

nr_status nr_sequence_item(const nr_field *field, const nr_item *item,
                           nr_cursor *c, nr_buf *out, nr_error *err) {
    if (is_list(item))
        return field->size ? put_list(field, c, item->number, out, err)
                           : put_symbols(field, c, item->number, out, err);
    if (item->type == NR_ITEM_BIN && field->size)
        return put_packed(field, item->bytes, out, err);
    if (item->type == NR_ITEM_BIN)
        return nr_fail(err, "ERR field %.*s: its steps are symbols, not numbers "
                            "with fractions: give them as texts",
                       (int)field->name.n, field->name.s);
    return refuse(field, (nr_text){"bytes", 5}, err);
}

/* ================================ Reading ================================ */

bool nr_symbol_next(nr_cursor *c, nr_text *symbol) {
    nr_bytes text;
    if (c->at == c->end || !nr_get_str(c, &text)) return false;
    *symbol = (nr_text){(const char *)text.data, text.len};
    return true;
}

static bool read_symbols(const nr_item *item, nr_cursor *c, nr_value *value) {
    nr_text symbol;
    value->steps = (size_t)item->number;
    value->bytes.data = c->at;
    for (size_t i = 0; i < value->steps; i++)
        if (!nr_symbol_next(c, &symbol) || !symbol.n) return false;
    value->bytes.len = (size_t)(c->at - value->bytes.data);
    return true;
}

bool nr_sequence_read(const nr_field *field, const nr_item *item, nr_cursor *c,
                      nr_value *value) {
    if (field->size) {
        size_t each = field->size * sizeof(float);
        value->bytes = item->bytes;
        value->steps = item->bytes.len / each;
        if (item->type != NR_ITEM_BIN || item->bytes.len % each) return false;
    } else if (!is_list(item) || item->number > NR_MAX_STEPS ||
               !read_symbols(item, c, value)) {
        return false;
    }
    return value->steps > 0 && value->steps <= NR_MAX_STEPS;
}

nr_cursor nr_symbols_of(const nr_value *value) {
    const unsigned char *at = value->bytes.data; /* NULL: missing */
    return (nr_cursor){at, at ? at + value->bytes.len : NULL, false};
}

bool nr_sequence_sound(const nr_field *field, const nr_value *value) {
    nr_cursor c = nr_symbols_of(value);
    nr_text symbol;
    for (size_t i = 0; i < value->steps * field->size; i++)
        if (!isfinite(float_in(value->bytes, i))) return false;
    for (size_t i = 0; i < value->steps && !field->size; i++)
        if (!nr_symbol_next(&c, &symbol) || symbol.n > NR_MAX_TEXT ||
            !nr_utf8(symbol))
            return false;
    return true;
}

bool nr_sequence_put(const nr_field *field, const nr_value *value,
                     nr_buf *out) {
    size_t width = field->size;
    nr_cursor c = nr_symbols_of(value);
    nr_text symbol;
    bool ok = nr_put_array(out, value->steps);
    for (size_t i = 0; i < value->steps && ok && !width; i++)
        ok = nr_symbol_next(&c, &symbol) &&
             nr_put_bin(out, symbol.s, symbol.n);
    for (size_t i = 0; i < value->steps * width && ok; i++) {
        if (width > 1 && i % width == 0) ok = nr_put_array(out, width);
        ok = ok && nr_put_double(out, (double)float_in(value->bytes, i));
    }
    return ok;
}
