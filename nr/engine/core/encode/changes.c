/* Changes of a network's fields.
 *
 * A schema that others may hold is never changed: there is another one then. A
 * new field takes a slot that no field had before, so every sample lacks it, and
 * what samples hold in a slot that was given up nobody reads any more. */

#include <string.h>

#include "encode/schema.h"

/* Adds copies of the fields from `first` on, but for those that are gone. They
 * keep their slots, and take none. */
static nr_status add_copies(nr_schema *to, const nr_schema *from, size_t first,
                            size_t end, const bool *gone, nr_error *err) {
    nr_status status = NR_OK;
    size_t slots = to->slots;
    for (size_t i = first; i < end && status == NR_OK; i++) {
        const nr_field *field = &from->fields[i];
        nr_text text = {field->text, strlen(field->text)};
        if (gone && gone[i]) continue;
        to->slots = 1;
        status = nr_schema_add(to, text, field->output, err);
        if (status == NR_OK) to->fields[to->n - 1].slot = field->slot;
    }
    to->slots = slots;
    return status;
}

static void copy_choices(nr_schema *to, const nr_schema *from) {
    to->slots = from->slots;
    to->layout = from->layout;
    to->auto_members = from->auto_members;
    to->auto_activation = from->auto_activation;
}

nr_schema *nr_schema_copy(const nr_schema *schema) {
    nr_error err;
    nr_schema *copy = nr_schema_new();
    if (!copy) return NULL;
    copy_choices(copy, schema);
    if (add_copies(copy, schema, 0, schema->n, NULL, &err) == NR_OK)
        return copy;
    nr_schema_drop(copy);
    return NULL;
}

static nr_text argument(const nr_command *cmd, size_t i) {
    return (nr_text){cmd->argv[i], cmd->arglen[i]};
}

/* ================================ NR.FIELDS ============================== */

static nr_status mark_gone(const nr_schema *schema, const nr_command *cmd,
                           bool *gone, nr_error *err) {
    for (size_t i = 0; i < cmd->count[1]; i++) {
        nr_text name = argument(cmd, cmd->first[1] + i);
        const nr_field *field = nr_schema_find(schema, name);
        if (!field)
            return nr_no_field(schema, name, argument(cmd, cmd->key), err);
        if (field->output)
            return nr_fail(err, "ERR field %.*s is an output: inputs alone can "
                                "be dropped",
                           (int)name.n, name.s);
        if (gone[field - schema->fields])
            return nr_fail(err, "ERR field %.*s is given twice", (int)name.n,
                           name.s);
        gone[field - schema->fields] = true;
    }
    return NR_OK;
}

static nr_status is_there(const nr_field *field, nr_text key, nr_error *err) {
    char quoted[NR_QUOTED];
    nr_quote(quoted, sizeof quoted, key.s, key.n);
    if (field->output)
        return nr_fail(err, "ERR %s has a field %s already, as an output",
                       quoted, field->text);
    return nr_fail(err, "ERR %s has a field %s already: with DROP %.*s in the "
                        "same command another one takes its place",
                   quoted, field->text, (int)field->name.n, field->name.s);
}

static nr_status add_new(nr_schema *to, const nr_schema *from,
                         const nr_command *cmd, const bool *gone,
                         nr_error *err) {
    nr_status status = NR_OK;
    for (size_t i = 0; i < cmd->count[0] && status == NR_OK; i++) {
        nr_text text = argument(cmd, cmd->first[0] + i);
        const char *colon = text.n ? memchr(text.s, ':', text.n) : NULL;
        nr_text name = {text.s, colon ? (size_t)(colon - text.s) : 0};
        const nr_field *had = nr_schema_find(from, name);
        if (had && !gone[had - from->fields])
            return is_there(had, argument(cmd, cmd->key), err);
        status = nr_schema_add(to, text, false, err);
    }
    return status;
}

static bool can_learn(const nr_schema *schema) {
    size_t i = 0;
    while (i < schema->inputs && schema->fields[i].kind == NR_FIELD_KEY) i++;
    return i < schema->inputs;
}

static nr_status change(nr_schema *to, const nr_schema *from,
                        const nr_command *cmd, bool *gone, nr_kind kind,
                        nr_error *err) {
    memset(gone, 0, from->n * sizeof *gone);
    copy_choices(to, from);
    nr_status status = mark_gone(from, cmd, gone, err);
    if (status == NR_OK)
        status = add_copies(to, from, 0, from->inputs, gone, err);
    if (status == NR_OK) status = add_new(to, from, cmd, gone, err);
    if (status == NR_OK && !can_learn(to))
        return nr_fail(err, "ERR no field would be left to learn from: ADD "
                            "another one first, or in the same command");
    if (status == NR_OK)
        status = add_copies(to, from, from->inputs, from->n, NULL, err);
    return status == NR_OK ? nr_schema_finish(to, kind, err) : status;
}

nr_status nr_schema_change(const nr_schema *schema, const nr_command *cmd,
                           nr_kind kind, nr_schema **out, nr_error *err) {
    bool *gone = nr_alloc(schema->n * sizeof *gone);
    nr_schema *made = nr_schema_new();
    nr_status status = gone && made
                           ? change(made, schema, cmd, gone, kind, err)
                           : nr_nomem(err);
    nr_release(gone);
    if (status == NR_OK)
        *out = made;
    else
        nr_schema_drop(made);
    return status;
}
