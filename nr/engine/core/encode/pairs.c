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

/* A record on its way, up to a slot. */
typedef struct writer {
    const nr_schema *schema;
    const nr_command *cmd;
    bool running;
    size_t slot, outputs; /* outputs: how many are written */
    nr_buf *record;
} writer;

static nr_text behind_name(const nr_field *field, nr_text pair) {
    size_t n = field->name.n + 1;
    return (nr_text){pair.s + n, pair.n - n};
}

/* The next of those behind "->". A field that was added later has its slot behind
 * those of outputs. */
static bool put_output(writer *w, const nr_field *field) {
    if (w->outputs == w->cmd->count[1]) return false;
    nr_text pair = argument(w->cmd, 1, w->outputs++);
    return is_of(field, pair) &&
           put_value(field, behind_name(field, pair), true, w->record);
}

/* The slots up to the field of an input, or without one to the last: nil where
 * there is no value. false: no such field comes, or an output is missing. */
static bool skip_to(writer *w, const nr_text *pair) {
    for (; w->slot < w->schema->slots; w->slot++) {
        const nr_field *field = field_at(w->schema, w->slot);
        bool output = field && field->output;
        if (pair && field && !output && is_of(field, *pair)) return true;
        if (output && !w->running ? !put_output(w, field)
                                  : !nr_put_nil(w->record))
            return false;
    }
    return !pair;
}

bool nr_pairs_put(const nr_schema *schema, const nr_command *cmd, bool running,
                  nr_buf *record) {
    writer w = {schema, cmd, running, 1, 0, record};
    size_t before = record->len;
    double weight = cmd->weight > 0 ? cmd->weight : 1;
    if (!nr_record_begin(schema, weight, record)) return false;
    for (size_t i = 0; i < cmd->count[0]; i++) {
        nr_text pair = argument(cmd, 0, i);
        if (!skip_to(&w, &pair)) return false;
        const nr_field *field = field_at(schema, w.slot++);
        if (!put_value(field, behind_name(field, pair), false, record))
            return false;
    }
    return skip_to(&w, NULL) && w.outputs == cmd->count[1] &&
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
