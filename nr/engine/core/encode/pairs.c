/* A sample as name=value.
 *
 * A program says its fields in the same order each time, mostly in that of
 * NR.CREATE. So the name that comes next is compared with the field whose slot
 * comes next, and its value is written where it stays: no name is looked up, and
 * nothing is collected first. Whatever is not so simple, errors above all, is read
 * once more by the general way: so each message is worded once, and the first of
 * several errors is the same one however a sample was said. */

#include <math.h>
#include <string.h>

#include "encode/pairs.h"
#include "encode/unknown.h"

static nr_text argument(const nr_command *cmd, size_t side, size_t i) {
    size_t at = cmd->first[side] + i;
    return (nr_text){cmd->argv[at], cmd->arglen[at]};
}

/* ============================ In their order ============================= */

enum { NIL = 0xc0 };

static const nr_field *field_at(const nr_schema *schema, size_t slot) {
    uint32_t number = schema->by_slot[slot];
    return number ? &schema->fields[number - 1] : NULL;
}

static bool is_of(const nr_field *field, nr_text pair) {
    size_t n = field->name.n;
    return pair.n > n && pair.s[n] == '=' &&
           memcmp(pair.s, field->name.s, n) == 0;
}

static bool put_value(const nr_field *field, nr_text value, bool needed,
                      nr_buf *record) {
    nr_error err; /* told by who reads it once more */
    double number;
    size_t at = record->len;
    if (field->kind == NR_FIELD_NUMBER && nr_parse_double(value, &number) &&
        isfinite(number))
        return nr_put_double(record, number + 0.0);
    return nr_value_text(field, value, record, &err) == NR_OK &&
           !(needed && record->data[at] == NIL);
}

/* Slots without a value, up to the field of a pair, or to the last: an output must
 * have one. NULL: there is no such field, or something is wrong. */
static bool skip_to(const nr_schema *schema, const nr_text *pair, bool running,
                    size_t *slot, nr_buf *record) {
    for (; *slot < schema->slots; ++*slot) {
        const nr_field *field = field_at(schema, *slot);
        if (field && pair && is_of(field, *pair)) return true;
        if ((field && field->output && !running) || !nr_put_nil(record))
            return false;
    }
    return !pair;
}

bool nr_pairs_put(const nr_schema *schema, const nr_command *cmd, bool running,
                  nr_buf *record) {
    size_t slot = 1, before = record->len;
    double weight = cmd->weight > 0 ? cmd->weight : 1;
    if (!nr_record_begin(schema, weight, record)) return false;
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < cmd->count[side]; i++) {
            nr_text pair = argument(cmd, side, i);
            if (!skip_to(schema, &pair, running, &slot, record)) return false;
            const nr_field *field = field_at(schema, slot++);
            size_t n = field->name.n + 1;
            nr_text value = {pair.s + n, pair.n - n};
            if (field->output != (side == 1) ||
                !put_value(field, value, field->output, record))
                return false;
        }
    return skip_to(schema, NULL, running, &slot, record) &&
           record->len - before <= NR_MAX_RECORD;
}

/* ============================== In any order ============================= */

static nr_text name_of(nr_text pair) {
    const char *equals = memchr(pair.s, '=', pair.n);
    return (nr_text){pair.s, (size_t)(equals - pair.s)};
}

/* Tells all names of a command that are no fields. */
static nr_status unknown_pairs(const nr_maker *m, const nr_command *cmd,
                               nr_error *err) {
    nr_unknown unknown = {.schema = m->schema};
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < cmd->count[side]; i++)
            nr_unknown_add(&unknown, name_of(argument(cmd, side, i)));
    return nr_unknown_tell(&unknown, m->key, err);
}

static nr_status take_pair(nr_maker *m, const nr_command *cmd, nr_text pair,
                           bool behind, nr_error *err) {
    nr_text name = name_of(pair);
    nr_text value = {name.s + name.n + 1, pair.n - name.n - 1};
    const nr_field *field = nr_maker_field(m, name);
    if (!field) return unknown_pairs(m, cmd, err);
    if (cmd->verb == NR_OBSERVE && field->output != behind)
        return nr_fail(err, "ERR field %.*s belongs %s '->'",
                       (int)name.n, name.s, behind ? "before" : "behind");
    return nr_maker_text(m, field, value, err);
}

nr_status nr_pairs_take(nr_maker *m, const nr_command *cmd, nr_error *err) {
    nr_status status = NR_OK;
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < cmd->count[side] && status == NR_OK; i++)
            status = take_pair(m, cmd, argument(cmd, side, i), side == 1, err);
    return status;
}
