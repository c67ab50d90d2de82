/* Fields: the list of them, and the list as bytes. */

#include <stdio.h>
#include <string.h>

#include "encode/schema.h"

/* ================================ Memory ================================= */

nr_schema *nr_schema_new(void) {
    nr_schema *schema = nr_alloc(sizeof *schema);
    if (!schema) return NULL;
    memset(schema, 0, sizeof *schema);
    atomic_init(&schema->refs, 1);
    schema->slots = 1; /* the first one is the sample's weight */
    return schema;
}

nr_schema *nr_schema_hold(nr_schema *schema) {
    if (schema)
        atomic_fetch_add_explicit(&schema->refs, 1, memory_order_relaxed);
    return schema;
}

void nr_schema_drop(nr_schema *schema) {
    if (!schema || atomic_fetch_sub_explicit(&schema->refs, 1,
                                             memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < schema->n; i++) nr_field_free(&schema->fields[i]);
    nr_release(schema->fields);
    nr_release(schema->index);
    nr_release(schema->by_slot);
    nr_release(schema);
}

/* ================================= Index ================================= */

/* FNV-1a. */
static uint64_t hash(nr_text text) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (unsigned char)text.s[i]) * UINT64_C(0x100000001b3);
    return h;
}

static void index_put(nr_schema *schema, size_t field) {
    size_t at = hash(schema->fields[field].name) & schema->mask;
    while (schema->index[at]) at = (at + 1) & schema->mask;
    schema->index[at] = (uint32_t)field + 1;
}

/* For at least n fields. */
static bool index_make(nr_schema *schema, size_t n) {
    size_t size = 8;
    while (size < 2 * n) size *= 2;
    uint32_t *index = nr_alloc(size * sizeof *index);
    if (!index) return false;
    memset(index, 0, size * sizeof *index);
    nr_release(schema->index);
    schema->index = index;
    schema->mask = size - 1;
    for (size_t i = 0; i < schema->n; i++) index_put(schema, i);
    return true;
}

const nr_field *nr_schema_find(const nr_schema *schema, nr_text name) {
    if (!schema->index) return NULL;
    size_t at = hash(name) & schema->mask;
    for (; schema->index[at]; at = (at + 1) & schema->mask) {
        const nr_field *field = &schema->fields[schema->index[at] - 1];
        if (nr_same_text(field->name, name)) return field;
    }
    return NULL;
}

/* ================================= Making ================================ */

static nr_status make_place(nr_schema *schema, nr_error *err) {
    size_t n = schema->n + 1;
    if (n > NR_MAX_FIELDS)
        return nr_fail(err, "ERR too many fields: at most %d", NR_MAX_FIELDS);
    if (schema->slots == NR_MAX_SLOTS)
        return nr_fail(err, "ERR too many fields were added and dropped: at "
                            "most %d in a network's life",
                       NR_MAX_SLOTS);
    if ((n & (n - 1)) == 0 || n == 1) { /* room doubles */
        nr_field *fields = nr_resize(schema->fields, 2 * n * sizeof *fields);
        if (!fields) return nr_nomem(err);
        schema->fields = fields;
    }
    if ((!schema->index || 2 * n > schema->mask) && !index_make(schema, 2 * n))
        return nr_nomem(err);
    return NR_OK;
}

nr_status nr_schema_add(nr_schema *schema, nr_text text, bool output,
                        nr_error *err) {
    nr_field field = {.output = output};
    nr_status status = nr_field_take(&field, text, err);
    if (status == NR_OK && nr_schema_find(schema, field.name))
        status = nr_fail(err, "ERR field %s is given twice, as %s",
                         nr_schema_find(schema, field.name)->text, field.text);
    if (status == NR_OK) status = make_place(schema, err);
    if (status != NR_OK) {
        nr_field_free(&field);
        return status;
    }
    field.slot = (uint32_t)schema->slots++;
    schema->fields[schema->n] = field;
    index_put(schema, schema->n++);
    schema->inputs += !output;
    return NR_OK;
}

static bool is_of_symbols(const nr_field *field) {
    return field->kind == NR_FIELD_SEQUENCE && !field->size;
}

static nr_status check_generated(const nr_field *field, nr_error *err) {
    if (is_of_symbols(field)) return NR_OK;
    return nr_fail(err, "ERR field %s: the output of a generator is of kind "
                        "sequence(word), sequence(char) or sequence(category)",
                   field->text);
}

static nr_status check_generator(const nr_schema *schema, nr_error *err) {
    if (schema->inputs > 1)
        return nr_fail(err, "ERR a generator has one field before '->', or none, "
                            "not %zu",
                       schema->inputs);
    if (schema->inputs && !is_of_symbols(&schema->fields[0]))
        return nr_fail(err, "ERR field %s: the input of a generator is of kind "
                            "sequence(word), sequence(char) or "
                            "sequence(category)",
                       schema->fields[0].text);
    if (schema->n - schema->inputs == 1) return NR_OK;
    return nr_fail(err, "ERR a generator has one output, a sequence, not %zu",
                   schema->n - schema->inputs);
}

static nr_status check_output(const nr_schema *schema, nr_kind kind, size_t i,
                              nr_error *err) {
    const nr_field *field = &schema->fields[i];
    static const char *const kinds[] = {"classifier", "regressor",
                                        "forecaster"};
    bool right = kind == NR_CLASSIFIER ? field->kind == NR_FIELD_CATEGORY
                                       : field->kind == NR_FIELD_NUMBER;
    if (kind == NR_GENERATOR) return check_generated(field, err);
    if (right) return NR_OK;
    return nr_fail(err, "ERR field %s: the output of a %s is of kind %s",
                   field->text, kinds[kind],
                   kind == NR_CLASSIFIER ? "category" : "number");
}

static nr_status index_slots(nr_schema *schema, nr_error *err) {
    uint32_t *by_slot = nr_alloc(schema->slots * sizeof *by_slot);
    if (!by_slot) return nr_nomem(err);
    memset(by_slot, 0, schema->slots * sizeof *by_slot);
    for (size_t i = 0; i < schema->n; i++)
        by_slot[schema->fields[i].slot] = (uint32_t)i + 1;
    nr_release(schema->by_slot);
    schema->by_slot = by_slot;
    return NR_OK;
}

size_t nr_sequence_fields(const nr_schema *schema) {
    size_t n = 0;
    for (size_t i = 0; i < schema->n; i++)
        n += schema->fields[i].kind == NR_FIELD_SEQUENCE;
    return n;
}

static bool is_of_a_step(const nr_field *field) {
    return field->kind == NR_FIELD_NUMBER || field->kind == NR_FIELD_FLAG;
}

nr_status nr_schema_finish(nr_schema *schema, nr_kind kind, nr_error *err) {
    size_t outputs = schema->n - schema->inputs, learned = 0;
    for (size_t i = 0; i < schema->inputs; i++)
        learned += schema->fields[i].kind != NR_FIELD_KEY;
    if (!learned && kind != NR_FORECASTER && kind != NR_GENERATOR)
        return nr_fail(err, "ERR no field before '->' to learn from");
    if (!outputs) return nr_fail(err, "ERR no field after '->' to learn");
    if (nr_sequence_fields(schema) > NR_MAX_SEQUENCES)
        return nr_fail(err, "ERR %zu fields are sequences, at most %d may be",
                       nr_sequence_fields(schema), NR_MAX_SEQUENCES);
    if (kind == NR_CLASSIFIER && outputs > 1)
        return nr_fail(err, "ERR a classifier has one output, a category, not "
                            "%zu",
                       outputs);
    nr_status status = kind == NR_GENERATOR ? check_generator(schema, err)
                                            : NR_OK;
    for (size_t i = 0; i < schema->inputs && kind == NR_FORECASTER; i++)
        if (!is_of_a_step(&schema->fields[i]))
            return nr_fail(err, "ERR field %s: a step of a forecaster has "
                                "numbers and flags: say a category as a flag "
                                "for each of its values, and leave times out",
                           schema->fields[i].text);
    if (kind == NR_FORECASTER && schema->n > NR_MAX_STEP)
        return nr_fail(err, "ERR %zu fields of a forecaster, at most %d",
                       schema->n, NR_MAX_STEP);
    for (size_t i = schema->inputs; i < schema->n && status == NR_OK; i++)
        status = check_output(schema, kind, i, err);
    return status == NR_OK ? index_slots(schema, err) : status;
}

/* ================================ Looking ================================ */

nr_status nr_no_field(const nr_schema *schema, nr_text name, nr_text key,
                      nr_error *err) {
    char quoted[NR_QUOTED], network[NR_QUOTED], word[NR_MAX_NAME + 1];
    nr_guess guess = {0};
    for (size_t i = 0; i < schema->n; i++) {
        nr_text other = schema->fields[i].name;
        for (size_t k = 0; k < other.n; k++) {
            char c = other.s[k];
            word[k] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        }
        word[other.n] = '\0';
        nr_guess_try(&guess, name, word);
        if (guess.word == word) { /* for the message, as it is spelt */
            memcpy(guess.kept, other.s, other.n);
            guess.kept[other.n] = '\0';
            guess.word = guess.kept;
        }
    }
    return nr_fail(err, "ERR no field '%s' in %s%s",
                   nr_quote(quoted, sizeof quoted, name.s, name.n),
                   nr_quote(network, sizeof network, key.s, key.n),
                   nr_guess_text(&guess));
}

bool nr_schema_same(const nr_schema *a, const nr_schema *b) {
    if (a == b) return true;
    if (a->n != b->n || a->inputs != b->inputs || a->layout != b->layout)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->fields[i].slot != b->fields[i].slot ||
            strcmp(a->fields[i].text, b->fields[i].text))
            return false;
    return true;
}

/* =============================== As msgpack ============================== */

bool nr_schema_put(const nr_schema *schema, nr_buf *out) {
    bool ok = nr_put_array(out, 6) && nr_put_uint(out, schema->slots) &&
              nr_put_uint(out, schema->inputs) &&
              nr_put_uint(out, schema->layout) &&
              nr_put_bool(out, schema->auto_members) &&
              nr_put_bool(out, schema->auto_activation) &&
              nr_put_array(out, schema->n);
    for (size_t i = 0; i < schema->n && ok; i++)
        ok = nr_put_array(out, 2) && nr_put_uint(out, schema->fields[i].slot) &&
             nr_put_text(out, schema->fields[i].text,
                         strlen(schema->fields[i].text));
    return ok;
}

static nr_status damaged(nr_error *err) {
    return nr_fail(err, "ERR invalid network: a damaged list of fields");
}

static nr_status get_field(nr_schema *schema, nr_cursor *c, bool output,
                           uint64_t slots, bool *taken, nr_error *err) {
    size_t pair;
    uint64_t slot;
    nr_bytes text;
    if (!nr_get_array(c, &pair) || pair != 2 || !nr_get_uint(c, &slot) ||
        !nr_get_str(c, &text) || !slot || slot >= slots || taken[slot])
        return damaged(err);
    nr_status status = nr_schema_add(
        schema, (nr_text){(const char *)text.data, text.len}, output, err);
    if (status != NR_OK) return status;
    size_t at = output ? schema->n - 1 : schema->inputs - 1;
    const nr_field *field = &schema->fields[at];
    if (strlen(field->text) != text.len ||
        memcmp(field->text, text.data, text.len))
        return damaged(err); /* not the one form that is written */
    schema->fields[at].slot = (uint32_t)slot;
    taken[slot] = true;
    return NR_OK;
}

nr_status nr_schema_get(nr_cursor *c, nr_kind kind, nr_schema **out,
                        nr_error *err) {
    size_t six, n;
    uint64_t slots, inputs, layout;
    bool members, activation;
    if (!nr_get_array(c, &six) || six != 6 || !nr_get_uint(c, &slots) ||
        !nr_get_uint(c, &inputs) || !nr_get_uint(c, &layout) ||
        !nr_get_bool(c, &members) || !nr_get_bool(c, &activation) ||
        !nr_get_array(c, &n) || layout > NR_LAYOUT_LINEAR || slots > NR_MAX_SLOTS || n > NR_MAX_FIELDS || n >= slots || inputs > n)
        return damaged(err);
    bool *taken = nr_alloc(slots);
    nr_schema *schema = nr_schema_new();
    nr_status status = taken && schema ? NR_OK : nr_nomem(err);
    if (status == NR_OK) memset(taken, 0, slots);
    for (size_t i = 0; i < n && status == NR_OK; i++)
        status = get_field(schema, c, i >= inputs, slots, taken, err);
    if (status == NR_OK) {
        schema->slots = slots;
        schema->layout = (nr_layout)layout;
        schema->auto_members = members;
        schema->auto_activation = activation;
    }
    if (status == NR_OK) status = nr_schema_finish(schema, kind, err);
    nr_release(taken);
    if (status == NR_OK)
        *out = schema;
    else
        nr_schema_drop(schema);
    return status;
}
