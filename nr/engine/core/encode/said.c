/* The samples of a command, in each of the forms it may have.
 *
 * JSON is turned into msgpack first, so maps are read in one place. Columns are
 * for frames of many rows: an array of values a name, or the bytes of one
 * type, which cost no more to read than they take:
 *
 *     extension 1   float64, of which NaN is missing
 *     extension 2   float32, alike
 *     extension 3   int64
 *     extension 4   microseconds since 1970 as int64, the least one is missing
 *     extension 5   bytes of 0 and 1, others are missing
 *     [extension 6, [text ...]]   int32, each the number of a text, below 0
 *                   where one is missing */

#include <math.h>
#include <string.h>

#include "encode/pairs.h"
#include "encode/said.h"
#include "float_mode.h"
#include "grammar/json.h"

enum { FLOAT64 = 1, FLOAT32 = 2, INT64 = 3, TIME = NR_EXT_TIME, BOOL = 5,
       CODES = 6 };

static nr_status invalid(nr_error *err) {
    return nr_fail(err, "ERR invalid msgpack: it is cut, or no value of it");
}

static bool grow(nr_said *said) {
    bool own = said->ends != &said->one;
    size_t cap = said->cap > 1 ? 2 * said->cap : 64, bytes;
    if (__builtin_mul_overflow(cap, sizeof *said->ends, &bytes)) return false;
    size_t *ends = nr_resize(own ? said->ends : NULL, bytes);
    if (!ends) return false;
    if (!own) *ends = said->one;
    said->ends = ends;
    said->cap = cap;
    return true;
}

/* The record behind `at`, where there is room for its length. */
static void count_record(nr_said *said, size_t at) {
    uint32_t len = (uint32_t)(said->bytes->len - at - sizeof len);
    memcpy(said->bytes->data + at, &len, sizeof len);
    said->ends[said->n++] = said->bytes->len;
}

static nr_status add_record(nr_said *said, nr_maker *m, nr_error *err) {
    uint32_t len = 0;
    size_t at = said->bytes->len;
    if ((said->n == said->cap && !grow(said)) ||
        !nr_buf_append(said->bytes, &len, sizeof len))
        return nr_nomem(err);
    nr_status status = nr_maker_end(m, said->bytes, err);
    if (status == NR_OK) count_record(said, at);
    return status;
}

static size_t count_weights(const nr_command *cmd) {
    return cmd->weights ? cmd->arglen[cmd->weights] / sizeof(float) : 0;
}

static void begin(nr_maker *m, const nr_command *cmd, size_t sample) {
    float weight;
    nr_maker_begin(m);
    if (cmd->weight > 0) m->weight = cmd->weight;
    if (sample >= count_weights(cmd)) return;
    memcpy(&weight, cmd->argv[cmd->weights] + sample * sizeof weight,
           sizeof weight);
    m->weight = (double)weight;
}

/* =============================== name=value ============================== */

static bool put_pairs(const nr_schema *schema, const nr_command *cmd,
                      bool running, nr_said *said) {
    uint32_t len = 0;
    size_t at = said->bytes->len;
    if (!nr_buf_reserve(said->bytes, nr_record_room(schema)) ||
        !nr_buf_append(said->bytes, &len, sizeof len) ||
        !nr_pairs_put(schema, cmd, running, said->bytes)) {
        said->bytes->len = at;
        return false;
    }
    count_record(said, at);
    return true;
}

static nr_status read_pairs(nr_maker *m, const nr_command *cmd, nr_said *said,
                            nr_error *err) {
    begin(m, cmd, 0);
    nr_status status = nr_pairs_take(m, cmd, err);
    return status == NR_OK ? add_record(said, m, err) : status;
}

/* ================================== Maps ================================= */

static nr_status read_map(nr_maker *m, const nr_command *cmd, nr_cursor *c,
                          nr_said *said, nr_error *err) {
    begin(m, cmd, said->n);
    nr_status status = nr_maker_map(m, c, err);
    return status == NR_OK ? add_record(said, m, err) : status;
}

/* Which of several samples a message speaks of. */
static nr_status in_row(nr_status status, size_t row, nr_error *err) {
    nr_error of = *err;
    if (status != NR_ERR) return status;
    const char *text = of.text + (memcmp(of.text, "ERR ", 4) ? 0 : 4);
    return nr_fail(err, "ERR sample %zu: %.400s", row, text);
}

static nr_status read_maps(nr_maker *m, const nr_command *cmd, nr_cursor *c,
                           nr_said *said, nr_error *err) {
    nr_cursor ahead = *c;
    nr_item head;
    if (!nr_get_item(&ahead, &head)) return invalid(err);
    if (head.type != NR_ITEM_ARRAY) return read_map(m, cmd, c, said, err);
    said->many = true;
    *c = ahead;
    nr_status status = NR_OK;
    for (size_t i = 0; i < head.number && status == NR_OK; i++)
        status = in_row(read_map(m, cmd, c, said, err), i, err);
    return status;
}

/* ================================ Columns ================================ */

typedef struct column {
    const nr_field *field;
    nr_cursor at;    /* before the next value of an array */
    nr_item typed;   /* an extension; its type is 0 for an array */
    nr_bytes *texts; /* of codes */
    size_t n, ntexts;
} column;

static size_t width_of(uint64_t type) {
    return type == FLOAT64 || type == INT64 || type == TIME ? 8
           : type == FLOAT32 || type == CODES               ? 4
           : type == BOOL                                   ? 1
                                                            : 0;
}

static nr_status bad_column(const nr_field *field, nr_error *err) {
    return nr_fail(err, "ERR field %.*s: an array of values is needed, or "
                        "their bytes",
                   (int)field->name.n, field->name.s);
}

/* The texts behind codes. */
static nr_status take_texts(column *column, nr_cursor *c, nr_error *err) {
    nr_item head, text;
    if (!nr_get_item(c, &head) || head.type != NR_ITEM_ARRAY)
        return bad_column(column->field, err);
    column->texts = nr_alloc((head.number + 1) * sizeof *column->texts);
    if (!column->texts) return nr_nomem(err);
    for (; column->ntexts < head.number; column->ntexts++) {
        if (!nr_get_item(c, &text) || text.type != NR_ITEM_STR)
            return bad_column(column->field, err);
        column->texts[column->ntexts] = text.bytes;
    }
    return NR_OK;
}

static bool is_codes(const nr_cursor *c) {
    nr_cursor ahead = *c;
    nr_item item;
    return nr_get_item(&ahead, &item) && item.type == NR_ITEM_EXT &&
           item.number == CODES;
}

static nr_status take_column(column *column, nr_cursor *c, nr_error *err) {
    nr_item head;
    nr_status status = NR_OK;
    if (!nr_get_item(c, &head)) return invalid(err);
    if (head.type == NR_ITEM_ARRAY && head.number == 2 && is_codes(c)) {
        nr_get_item(c, &head);
        status = take_texts(column, c, err);
    } else if (head.type == NR_ITEM_ARRAY) {
        column->at = *c;
        column->n = head.number;
        for (size_t i = 0; i < head.number; i++)
            if (!nr_skip(c)) return invalid(err);
        return NR_OK;
    }
    if (status != NR_OK) return status;
    size_t width = head.type == NR_ITEM_EXT ? width_of(head.number) : 0;
    if (!width || head.bytes.len % width ||
        (head.number == CODES) != (column->texts != NULL))
        return bad_column(column->field, err);
    column->typed = head;
    column->n = head.bytes.len / width;
    return NR_OK;
}

/* The number of bytes at one place, as another type's item. */
static nr_item number_at(const nr_item *typed, size_t i) {
    nr_item item = {.type = NR_ITEM_REAL};
    const unsigned char *at = typed->bytes.data + i * width_of(typed->number);
    int64_t whole;
    float single;
    switch (typed->number) {
    case FLOAT64: memcpy(&item.real, at, sizeof item.real); break;
    case FLOAT32:
        memcpy(&single, at, sizeof single);
        item.real = (double)single;
        break;
    case INT64:
        memcpy(&whole, at, sizeof whole);
        item.type = NR_ITEM_INT;
        item.negative = whole < 0;
        item.number = whole < 0 ? 0 - (uint64_t)whole : (uint64_t)whole;
        item.real = (double)whole;
        break;
    case BOOL:
        item.type = *at <= 1 ? NR_ITEM_BOOL : NR_ITEM_NIL;
        item.number = *at;
        break;
    default: /* a time */
        item.type = NR_ITEM_EXT;
        item.number = typed->number;
        item.bytes = (nr_bytes){at, sizeof whole};
    }
    return item;
}

static nr_item text_at(const column *column, size_t i) {
    int32_t code;
    memcpy(&code, column->typed.bytes.data + i * sizeof code, sizeof code);
    if (code < 0 || (size_t)code >= column->ntexts)
        return (nr_item){.type = NR_ITEM_NIL};
    return (nr_item){.type = NR_ITEM_STR, .bytes = column->texts[code]};
}

static nr_status take_cell(nr_maker *m, column *column, size_t row,
                           nr_error *err) {
    nr_item item;
    if (column->texts)
        item = text_at(column, row);
    else if (column->typed.number)
        item = number_at(&column->typed, row);
    else if (!nr_get_item(&column->at, &item))
        return invalid(err);
    return nr_maker_item(m, column->field, &item, &column->at, err);
}

static nr_status take_columns(nr_maker *m, nr_cursor *c, column *columns,
                              size_t n, nr_error *err) {
    for (size_t i = 0; i < n; i++) {
        nr_item name;
        if (!nr_get_item(c, &name) || name.type != NR_ITEM_STR)
            return invalid(err);
        nr_text text = {(const char *)name.bytes.data, name.bytes.len};
        columns[i].field = nr_schema_find(m->schema, text);
        if (!columns[i].field)
            return nr_maker_unknown(m, text, c, n - i - 1, err);
        nr_status status = take_column(&columns[i], c, err);
        if (status != NR_OK) return status;
        if (columns[i].n != columns[0].n)
            return nr_fail(err, "ERR field %.*s has %zu values, %.*s has %zu",
                           (int)text.n, text.s, columns[i].n,
                           (int)columns[0].field->name.n,
                           columns[0].field->name.s, columns[0].n);
    }
    return NR_OK;
}

static nr_status read_columns(nr_maker *m, const nr_command *cmd, nr_cursor *c,
                              nr_said *said, nr_error *err) {
    nr_item head;
    if (!nr_get_item(c, &head) || head.type != NR_ITEM_MAP)
        return nr_fail(err, "ERR COLUMNS takes a map of fields and their "
                            "values");
    size_t n = head.number;
    column *columns = nr_alloc((n + 1) * sizeof *columns);
    if (!columns) return nr_nomem(err);
    memset(columns, 0, (n + 1) * sizeof *columns);
    nr_status status = take_columns(m, c, columns, n, err);
    said->many = true;
    for (size_t row = 0; row < columns[0].n && status == NR_OK; row++) {
        begin(m, cmd, row);
        for (size_t i = 0; i < n && status == NR_OK; i++)
            status = take_cell(m, &columns[i], row, err);
        if (status == NR_OK) status = add_record(said, m, err);
        status = in_row(status, row, err);
    }
    for (size_t i = 0; i < n; i++) nr_release(columns[i].texts);
    nr_release(columns);
    return status;
}

/* ================================== All ================================== */

static nr_status read_packed(nr_maker *m, const nr_command *cmd,
                             nr_bytes packed, nr_said *said, nr_error *err) {
    if (!packed.len) return invalid(err);
    nr_cursor c = {packed.data, packed.data + packed.len, false};
    nr_status status = cmd->form == NR_FORM_COLUMNS
                           ? read_columns(m, cmd, &c, said, err)
                           : read_maps(m, cmd, &c, said, err);
    if (status == NR_OK && c.at != c.end)
        return nr_fail(err, "ERR invalid msgpack: more behind its value");
    return status;
}

static nr_status read_blob(nr_maker *m, const nr_command *cmd, nr_said *said,
                           nr_error *err) {
    nr_buf packed = {0};
    nr_text text = {(const char *)cmd->blob, cmd->bloblen};
    if (cmd->form != NR_FORM_JSON)
        return read_packed(m, cmd, (nr_bytes){cmd->blob, cmd->bloblen}, said,
                           err);
    nr_status status = nr_json_read(text, &packed, err);
    if (status == NR_OK)
        status = read_packed(m, cmd, (nr_bytes){packed.data, packed.len}, said,
                             err);
    nr_buf_free(&packed);
    return status;
}

static nr_status ask_for_names(const nr_schema *schema, nr_text key,
                               nr_error *err) {
    char quoted[NR_QUOTED];
    return nr_fail(err, "ERR %s has fields: give their values by name, as "
                        "%.*s=value, or as JSON",
                   nr_quote(quoted, sizeof quoted, key.s, key.n),
                   (int)schema->fields[0].name.n, schema->fields[0].name.s);
}

static nr_status read_any(const nr_schema *schema, const nr_command *cmd,
                          bool running, nr_said *said, nr_error *err) {
    nr_maker m;
    nr_text key = {cmd->argv[cmd->key], cmd->arglen[cmd->key]};
    if (cmd->form <= NR_FORM_FP32) return ask_for_names(schema, key, err);
    nr_status status = nr_maker_init(&m, schema, key, running, err);
    if (status != NR_OK) return status;
    status = cmd->form == NR_FORM_NAMED ? read_pairs(&m, cmd, said, err)
                                        : read_blob(&m, cmd, said, err);
    nr_maker_free(&m);
    if (status == NR_OK && !said->n)
        status = nr_fail(err, "ERR no samples were given");
    size_t weights = count_weights(cmd);
    if (status == NR_OK && weights && weights != said->n)
        status = nr_fail(err, "ERR WEIGHTS has %zu numbers for %zu samples",
                         weights, said->n);
    return status;
}

NOINLINE nr_status read(const nr_schema *schema, const nr_command *cmd,
                        bool running, nr_said *said, nr_error *err) {
    if (cmd->form == NR_FORM_NAMED && put_pairs(schema, cmd, running, said))
        return NR_OK;
    return read_any(schema, cmd, running, said, err);
}

nr_status nr_said_read(const nr_schema *schema, const nr_command *cmd,
                       bool running, nr_buf *out, nr_said *said, nr_error *err) {
    *said = (nr_said){.bytes = out ? out : &said->own,
                      .start = out ? out->len : 0,
                      .ends = &said->one,
                      .cap = 1};
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = read(schema, cmd, running, said, err);
    nr_mode_end(before);
    if (status == NR_OK) return NR_OK;
    said->bytes->len = said->start;
    nr_said_free(said);
    return status;
}

void nr_said_free(nr_said *said) {
    nr_buf_free(&said->own);
    if (said->ends != &said->one) nr_release(said->ends);
    *said = (nr_said){0};
}
