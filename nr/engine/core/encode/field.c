/* A field's description, read from text and written in one form. */

#include <stdio.h>
#include <string.h>

#include "encode/sequence.h"

const char *const nr_field_kind_words[NR_FIELD_KINDS + 1] = {
    "NUMBER", "FLAG", "CATEGORY", "TIME", "TEXT", "VECTOR", "KEY",
    "SEQUENCE", NULL,
};

void nr_field_free(nr_field *field) {
    nr_release(field->text);
    nr_release(field->list);
    nr_release(field->list_text);
    *field = (nr_field){0};
}

long nr_field_listed(const nr_field *field, nr_text value) {
    for (size_t i = 0; i < field->listed; i++)
        if (nr_same_text(field->list[i], value)) return (long)i;
    return -1;
}

/* ================================ Reading ================================ */

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_';
}

static size_t name_length(nr_text text) {
    size_t n = 0;
    while (n < text.n && is_name_char(text.s[n])) n++;
    return n;
}

static nr_status bad_field(const nr_field *field, nr_error *err,
                           const char *why, nr_text what) {
    char quoted[NR_QUOTED];
    return nr_fail(err, "ERR field %.*s: %s, not '%s'", (int)field->name.n,
                   field->name.s, why,
                   nr_quote(quoted, sizeof quoted, what.s, what.n));
}

static nr_status take_name(nr_field *field, nr_text text, nr_error *err) {
    char quoted[NR_QUOTED];
    size_t n = name_length(text);
    if (n && n <= NR_MAX_NAME && n < text.n && text.s[n] == ':' &&
        !memchr(text.s, '\0', text.n) && nr_utf8(text)) {
        field->name = (nr_text){text.s, n};
        return NR_OK;
    }
    return nr_fail(err,
                   "ERR invalid field '%s': name:kind is needed, the name of "
                   "up to %d letters, digits and _",
                   nr_quote(quoted, sizeof quoted, text.s, text.n),
                   NR_MAX_NAME);
}

static nr_status take_kind(nr_field *field, nr_text kind, nr_error *err) {
    char quoted[NR_QUOTED];
    int found = nr_find_word(kind, nr_field_kind_words);
    if (found >= 0) {
        field->kind = (nr_field_kind)found;
        return NR_OK;
    }
    nr_guess guess = {0};
    for (int i = 0; i < NR_FIELD_KINDS; i++)
        nr_guess_try(&guess, kind, nr_field_kind_words[i]);
    return nr_fail(err,
                   "ERR field %.*s: a kind is number, flag, category, time, "
                   "text, vector(n), sequence or key, not '%s'%s",
                   (int)field->name.n, field->name.s,
                   nr_quote(quoted, sizeof quoted, kind.s, kind.n),
                   nr_guess_text(&guess));
}

static bool take_count(nr_text text, uint64_t most, uint32_t *size) {
    uint64_t n;
    if (!nr_parse_uint(text, &n) || !n || n > most) return false;
    *size = (uint32_t)n;
    return true;
}

/* One value of a list, its escapes taken out, to *to; false where a \ stands
 * before anything else than what it is for. */
static bool take_value(const char **at, const char *end, char **to,
                       nr_text *value) {
    value->s = *to;
    for (; *at < end && **at != ','; ++*at) {
        if (**at == '\\') {
            if (end - *at < 2 || !memchr(",)\\", (*at)[1], 3)) return false;
            ++*at;
        }
        *(*to)++ = **at;
    }
    value->n = (size_t)(*to - value->s);
    return true;
}

static nr_status take_list(nr_field *field, nr_text text, nr_error *err) {
    size_t most = 1;
    for (size_t i = 0; i < text.n; i++) most += text.s[i] == ',';
    if (most > NR_MAX_CATEGORIES)
        return nr_fail(err, "ERR field %.*s: a list of more than %d categories",
                       (int)field->name.n, field->name.s, NR_MAX_CATEGORIES);
    field->list = nr_alloc(most * sizeof *field->list);
    field->list_text = nr_alloc(text.n);
    if (!field->list || !field->list_text) return nr_nomem(err);
    const char *at = text.s, *end = text.s + text.n;
    char *to = field->list_text;
    for (bool more = true; more;) {
        nr_text value;
        if (!take_value(&at, end, &to, &value))
            return bad_field(field, err, "\\ stands before , ) or \\ alone",
                             text);
        if (!value.n || nr_field_listed(field, value) >= 0)
            return bad_field(field, err,
                             "categories are some text each, and different",
                             text);
        field->list[field->listed++] = value;
        more = at < end;
        at += more;
    }
    field->size = (uint32_t)field->listed;
    return NR_OK;
}

/* What stands in a kind's brackets. */
static nr_status take_size(nr_field *field, nr_text inside, bool given,
                           nr_error *err) {
    static const char most[] = "max=";
    size_t n = sizeof most - 1;
    if (field->kind == NR_FIELD_VECTOR) {
        if (given && take_count(inside, NR_MAX_VECTOR, &field->size))
            return NR_OK;
        return bad_field(field, err,
                         "vector(n) takes how many numbers it has, 1 to 65536",
                         inside);
    }
    if (field->kind == NR_FIELD_SEQUENCE)
        return nr_sequence_kind(field, inside, given, err);
    if (!given) {
        field->size = NR_PRESET_CATEGORIES;
        return NR_OK;
    }
    if (field->kind != NR_FIELD_CATEGORY)
        return bad_field(field, err, "this kind takes nothing in brackets",
                         inside);
    if (inside.n < n || memcmp(inside.s, most, n))
        return take_list(field, inside, err);
    if (take_count((nr_text){inside.s + n, inside.n - n}, NR_MAX_CATEGORIES,
                   &field->size))
        return NR_OK;
    return bad_field(field, err, "max= takes a number from 1 to 1000", inside);
}

/* ================================ Writing ================================ */

static bool write_list(const nr_field *field, nr_buf *out) {
    bool ok = true;
    for (size_t i = 0; i < field->listed && ok; i++) {
        if (i) ok = nr_buf_append(out, ",", 1);
        for (size_t k = 0; k < field->list[i].n && ok; k++) {
            char c = field->list[i].s[k];
            if (memchr(",)\\", c, 3)) ok = nr_buf_append(out, "\\", 1);
            ok = ok && nr_buf_append(out, &c, 1);
        }
    }
    return ok;
}

/* The description as it is kept and shown: kinds in lower case, and nothing that
 * goes without saying. */
static bool write_field(nr_field *field) {
    static const char *const symbols[] = {"category", "word", "char"};
    char number[32] = "";
    nr_buf out = {0};
    const char *word = nr_field_kind_words[field->kind];
    bool ok = nr_buf_append(&out, field->name.s, field->name.n) &&
              nr_buf_append(&out, ":", 1);
    for (const char *p = word; *p && ok; p++) {
        char c = (char)(*p - 'A' + 'a');
        ok = nr_buf_append(&out, &c, 1);
    }
    bool sequence = field->kind == NR_FIELD_SEQUENCE;
    if (sequence && field->size == 0)
        snprintf(number, sizeof number, "(%s)", symbols[field->symbols]);
    else if (field->kind == NR_FIELD_VECTOR || (sequence && field->size > 1))
        snprintf(number, sizeof number, "(%u)", field->size);
    else if (field->kind == NR_FIELD_CATEGORY && !field->list &&
             field->size != NR_PRESET_CATEGORIES)
        snprintf(number, sizeof number, "(max=%u)", field->size);
    ok = ok && nr_buf_append(&out, number, strlen(number));
    if (field->list)
        ok = ok && nr_buf_append(&out, "(", 1) && write_list(field, &out) &&
             nr_buf_append(&out, ")", 1);
    ok = ok && nr_buf_append(&out, "", 1);
    if (!ok) {
        nr_buf_free(&out);
        return false;
    }
    field->text = (char *)out.data;
    field->name.s = field->text;
    return true;
}

/* ================================== Both ================================= */

nr_status nr_field_take(nr_field *field, nr_text text, nr_error *err) {
    nr_status status = take_name(field, text, err);
    if (status != NR_OK) return status;
    nr_text kind = {text.s + field->name.n + 1, text.n - field->name.n - 1};
    nr_text inside = {kind.s, 0};
    const char *open = kind.n ? memchr(kind.s, '(', kind.n) : NULL;
    if (open) {
        if (kind.s[kind.n - 1] != ')')
            return bad_field(field, err, "a bracket is open", kind);
        inside.s = open + 1;
        inside.n = (size_t)(kind.s + kind.n - 1 - inside.s);
        kind.n = (size_t)(open - kind.s);
    }
    status = take_kind(field, kind, err);
    if (status == NR_OK) status = take_size(field, inside, open != NULL, err);
    if (status != NR_OK) return status;
    return write_field(field) ? NR_OK : nr_nomem(err);
}
