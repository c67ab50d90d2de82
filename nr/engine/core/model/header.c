/* The header as a map, and a map as the header.
 *
 * One table names the fields for writing and for reading, so that the two
 * cannot come apart. A map, though an array would be shorter: stores keep its
 * fields as columns and hash fields that people read, in any order.
 *
 * Each field says which format it came with. Those of format 1 are always
 * there. A later one may be missing, also from a header of its own format, and
 * is then what the table says: a store may hold a network that was written
 * before the field was thought of, and it may write a part of a header alone.
 * So a new field is one row here. It takes the next number where a version with
 * the last one was released, since older versions have to refuse it.
 *
 * Reading takes nothing on trust: every field at most once, every number in its
 * range, every size equal to what the others imply. */

#include <math.h>
#include <string.h>

#include "model/net.h"
#include "grammar/syntax.h"

typedef enum field_type {
    VERSION,
    UINT,
    COUNT, /* grows by itself: what is written can be read however large */
    BOOL,
    REAL,
    AUTO_REAL, /* nil: AUTO */
    AUTO_INT,
    WORD, /* an enum, by its words */
    OUTCOME, /* outcome.c's line */
    LAYOUT,
    RANDOM,
    SCHEMA, /* nil: none */
    LEARNED, /* nil: nothing yet */
    OBSERVED, /* a count that is at least that of the samples */
    LOSSES, /* nr_scored, number by number */
} field_type;

typedef struct field {
    const char *name;
    field_type type;
    size_t at;
    const char *const *words;
    unsigned since; /* the format it came with */
    double missing; /* its value where an older header lacks it */
    const nr_option *option; /* of which these follow; NULL: of none */
} field;

static const char *const nr_record_words[] = {"FIXED", "VARIABLE", NULL};

#define AT(member) offsetof(nr_header, member)
#define OPTION(type_, name, ...)                                              \
    {.at = AT(options.name), .option = &nr_network_options[NR_OPTION_##name]},
#define SIZE(name, ...) /* the length of a dataset: below */

static const field rows[] = {
    {"format", VERSION, 0, NULL, 1, 0, NULL},
    {"id", UINT, AT(id), NULL, 1, 0, NULL},
    {"revision", COUNT, AT(revision), NULL, 1, 0, NULL},
    {"resets", COUNT, AT(resets), NULL, 1, 0, NULL},
    {"kind", WORD, AT(kind), nr_kind_words, 1, 0, NULL},
    {"layout", LAYOUT, AT(layers), NULL, 1, 0, NULL},
    NR_OPTION_ROWS(OPTION, SIZE)
    {"train_maxlen", UINT, AT(maxlen[0]), NULL, 1, 0, NULL},
    {"test_maxlen", UINT, AT(maxlen[1]), NULL, 1, 0, NULL},
    {"train_len", UINT, AT(len[0]), NULL, 1, 0, NULL},
    {"test_len", UINT, AT(len[1]), NULL, 1, 0, NULL},
    {"records", WORD, AT(records), nr_record_words, 2, NR_FIXED, NULL},
    {"max_bytes", UINT, AT(maxbytes), NULL, 2, NR_MAXBYTES, NULL},
    {"train_bytes", UINT, AT(bytes[0]), NULL, 2, 0, NULL},
    {"test_bytes", UINT, AT(bytes[1]), NULL, 2, 0, NULL},
    {"random", RANDOM, AT(random), NULL, 1, 0, NULL},
    {"trained", BOOL, AT(trained), NULL, 1, 0, NULL},
    {"total_steps", COUNT, AT(stats.steps), NULL, 1, 0, NULL},
    {"total_cycles", COUNT, AT(stats.cycles), NULL, 1, 0, NULL},
    {"total_ms", COUNT, AT(stats.ms), NULL, 1, 0, NULL},
    {"train_error", REAL, AT(stats.train_error), NULL, 1, 0, NULL},
    {"test_error", REAL, AT(stats.test_error), NULL, 1, 0, NULL},
    {"class_errors", REAL, AT(stats.class_errors), NULL, 1, 0, NULL},
    {"overfitting", BOOL, AT(stats.overfitting), NULL, 1, 0, NULL},
    {"ended_by", WORD, AT(stats.ending), nr_ending_words, 1, 0, NULL},
    {"trainings", COUNT, AT(trainings), NULL, 2, 0, NULL},
    {"last_training", OUTCOME, AT(last_training), NULL, 2, 0, NULL},
    {"schema", SCHEMA, 0, NULL, 2, 0, NULL},
    {"learned", LEARNED, AT(learned), NULL, 2, 0, NULL},
    {"schema_revision", COUNT, AT(schema_revision), NULL, 2, 0, NULL},
    {"rounded", COUNT, AT(rounded), NULL, 2, 0, NULL},
    {"observed", OBSERVED, AT(observed), NULL, 2, 0, NULL},
    {"new", COUNT, AT(fresh), NULL, 2, 0, NULL},
    {"ordered", COUNT, AT(ordered), NULL, 2, 0, NULL},
    {"coalesced", COUNT, AT(coalesced), NULL, 2, 0, NULL},
    {"steps", UINT, AT(steps), NULL, 2, 0, NULL},
    {"losses", LOSSES, AT(losses), NULL, 2, 0, NULL},
};
enum { FIELDS = sizeof rows / sizeof *rows };
_Static_assert(FIELDS <= 64, "a bit for each field that was read");

static field_type type_of(const nr_option *o) {
    switch (o->type) {
    case NR_SWITCH: return BOOL;
    case NR_COUNT: return o->automatic ? AUTO_INT : UINT;
    case NR_REAL: return o->automatic ? AUTO_REAL : REAL;
    case NR_CHOICE: break;
    }
    return WORD;
}

static field field_at(size_t i) {
    field f = rows[i];
    const nr_option *o = f.option;
    if (!o) return f;
    f.name = o->field;
    f.type = type_of(o);
    f.words = o->words;
    f.since = o->since ? o->since : 1;
    f.missing = o->missing;
    return f;
}

static const char *name_of(size_t i) {
    return rows[i].option ? rows[i].option->field : rows[i].name;
}

static bool put_uints(nr_buf *out, const uint64_t *values, size_t n) {
    bool ok = nr_put_array(out, n);
    for (size_t i = 0; i < n && ok; i++) ok = nr_put_uint(out, values[i]);
    return ok;
}

/* Numbers up to here are exact as doubles and fit every store's integers. */
static const uint64_t MOST = UINT64_C(1) << 53;

static bool put_count(nr_buf *out, uint64_t value) {
    return nr_put_uint(out, value < MOST ? value : MOST);
}

static bool put_losses(const nr_scored *l, nr_buf *out) {
    return nr_put_array(out, 5) && put_count(out, l->revision) &&
           put_count(out, l->scored) && put_count(out, l->late) &&
           put_count(out, l->sum) && put_count(out, l->alarm);
}

static bool put_field(nr_buf *out, const nr_header *h,
                      const nr_schema *schema, const field *f) {
    const void *p = (const char *)h + f->at;
    if (!nr_put_str(out, f->name)) return false;
    switch (f->type) {
    case VERSION: return nr_put_uint(out, NR_FORMAT);
    case UINT: return nr_put_uint(out, *(const uint64_t *)p);
    case OBSERVED:
    case COUNT: return put_count(out, *(const uint64_t *)p);
    case BOOL: return nr_put_bool(out, *(const bool *)p);
    case REAL: return nr_put_double(out, *(const double *)p);
    case AUTO_REAL: {
        double value = *(const double *)p;
        return value < 0 ? nr_put_nil(out) : nr_put_double(out, value);
    }
    case AUTO_INT: {
        int64_t value = *(const int64_t *)p;
        return value < 0 ? nr_put_nil(out) : nr_put_int(out, value);
    }
    case WORD: return nr_put_lower(out, f->words[*(const unsigned *)p]);
    case OUTCOME: return nr_put_str(out, *(const char *)p ? p : "never");
    case LAYOUT: return nr_units_put(out, h->layers, h->nlayers);
    case RANDOM: return put_uints(out, h->random.s, 6);
    case SCHEMA:
        return schema ? nr_schema_put(schema, out) : nr_put_nil(out);
    case LEARNED: return nr_learned_put(p, out);
    case LOSSES: return put_losses(p, out);
    }
    return false;
}

/* What only networks with fields have, or with sequences, or forecasters, lies in
 * their headers alone. */
static bool is_written(size_t i, const nr_header *h, const nr_schema *schema) {
    const nr_option *o = rows[i].option;
    bool sequences = schema && nr_sequence_fields(schema);
    if (rows[i].type == LEARNED) return schema != NULL;
    if (rows[i].at == AT(steps)) return h->kind == NR_FORECASTER;
    if (rows[i].type == LOSSES)
        return h->kind == NR_CLASSIFIER || h->kind == NR_REGRESSOR;
    return !o || nr_option_is_of(o, h->kind, sequences);
}

bool nr_header_put(const nr_header *h, const nr_schema *schema, nr_buf *out) {
    size_t n = 0;
    for (size_t i = 0; i < FIELDS; i++) n += is_written(i, h, schema);
    bool ok = nr_put_map(out, n);
    for (size_t i = 0; i < FIELDS && ok; i++) {
        field f = field_at(i);
        ok = !is_written(i, h, schema) || put_field(out, h, schema, &f);
    }
    return ok;
}

static bool get_random(nr_cursor *c, nr_random *random) {
    size_t n;
    if (!nr_get_array(c, &n) || n != 6) return false;
    for (size_t i = 0; i < 6; i++)
        if (!nr_get_uint(c, &random->s[i])) return false;
    return nr_random_sound(random);
}

static bool get_count(nr_cursor *c, uint64_t *value) {
    return nr_get_uint(c, value) && *value <= MOST;
}

static bool get_losses(nr_cursor *c, nr_scored *l) {
    size_t n;
    return nr_get_array(c, &n) && n == 5 && get_count(c, &l->revision) &&
           get_count(c, &l->scored) && get_count(c, &l->late) &&
           get_count(c, &l->sum) && get_count(c, &l->alarm);
}

static bool get_real(nr_cursor *c, double *value) {
    return nr_get_double(c, value) && isfinite(*value) && *value >= 0;
}

static bool get_word(nr_cursor *c, const field *f, unsigned *value) {
    nr_bytes text;
    if (!nr_get_str(c, &text)) return false;
    int found =
        nr_find_word((nr_text){(const char *)text.data, text.len}, f->words);
    *value = (unsigned)found;
    return found >= 0;
}

static bool get_outcome(nr_cursor *c, char *line) {
    nr_bytes text;
    if (!nr_get_str(c, &text) ||
        !nr_outcome_sound((const char *)text.data, text.len))
        return false;
    memcpy(line, text.data, text.len);
    return true;
}

static bool is_nil(nr_cursor *c) {
    if (c->bad || c->at == c->end || *c->at != 0xc0) return false;
    c->at++;
    return true;
}

/* Its bytes, for nr_net_assemble to read. */
static bool get_schema(nr_cursor *c, nr_header *h) {
    const unsigned char *from = c->at;
    if (is_nil(c)) return true;
    if (!nr_skip(c)) return false;
    h->schema = (nr_bytes){from, (size_t)(c->at - from)};
    return true;
}

static bool get_field(nr_cursor *c, nr_header *h, const field *f,
                      uint64_t *version) {
    void *p = (char *)h + f->at;
    uint64_t number;
    switch (f->type) {
    case VERSION: return nr_get_uint(c, version);
    case UINT:
    case OBSERVED:
    case COUNT: return get_count(c, p);
    case BOOL: return nr_get_bool(c, p);
    case REAL: return get_real(c, p);
    case AUTO_REAL:
        *(double *)p = NR_AUTO;
        return is_nil(c) || get_real(c, p);
    case AUTO_INT:
        *(int64_t *)p = -1;
        if (is_nil(c)) return true;
        if (!get_count(c, &number)) return false;
        *(int64_t *)p = (int64_t)number;
        return true;
    case WORD: return get_word(c, f, p);
    case OUTCOME: return get_outcome(c, p);
    case LAYOUT:
        return nr_units_get(c, 2, NR_MAX_LAYERS, h->layers, &h->nlayers);
    case RANDOM: return get_random(c, p);
    case SCHEMA: return get_schema(c, h);
    case LEARNED: return is_nil(c) || nr_learned_get(c, p);
    case LOSSES: return get_losses(c, p);
    }
    return false;
}

/* Looks first where the next one is, as headers are written. */
static int find_field(nr_bytes name, int next) {
    for (int n = 0; n < FIELDS; n++) {
        int i = (next + n) % FIELDS;
        if (nr_same_name(name, name_of((size_t)i))) return i;
    }
    return -1;
}

/* What fields that an older header lacks are taken for. */
static void fill_in(nr_header *h, uint64_t seen) {
    for (size_t i = 0; i < FIELDS; i++) {
        field f = field_at(i);
        void *p = (char *)h + f.at;
        if (f.since == 1 || seen >> i & 1) continue;
        switch (f.type) {
        case UINT:
        case COUNT: *(uint64_t *)p = (uint64_t)f.missing; break;
        case BOOL: *(bool *)p = f.missing != 0; break;
        case REAL:
        case AUTO_REAL: *(double *)p = f.missing; break;
        case AUTO_INT: *(int64_t *)p = (int64_t)f.missing; break;
        case WORD: *(unsigned *)p = (unsigned)f.missing; break;
        case OUTCOME: nr_outcome_derive(h); break;
        case OBSERVED: *(uint64_t *)p = h->len[0] + h->len[1]; break;
        default: break; /* the others are 0, or in every header */
        }
    }
}

/* The format first, wherever it stands in the map: what a newer one says
 * elsewhere need make no sense here. */
static nr_status find_format(nr_cursor c, size_t n, uint64_t *format,
                             nr_error *err) {
    *format = 0;
    while (n--) {
        nr_bytes name;
        if (!nr_get_str(&c, &name))
            return nr_fail(err, "ERR invalid network: a damaged header");
        if (name.len == 6 && !memcmp(name.data, "format", 6)) {
            if (nr_get_uint(&c, format)) return nr_format_check(*format, err);
            return nr_fail(err, "ERR invalid network: the header's format");
        }
        if (!nr_skip(&c))
            return nr_fail(err, "ERR invalid network: the header's end");
    }
    return NR_OK;
}

static nr_status refuse_unknown(nr_bytes name, uint64_t format,
                                nr_error *err) {
    char quoted[40];
    if (format == NR_FORMAT)
        return nr_fail(err, "ERR the network has format %d with '%s' in its "
                            "header, which a newer version wrote and this one "
                            "does not know",
                       NR_FORMAT,
                       nr_quote(quoted, sizeof quoted,
                                (const char *)name.data, name.len));
    return nr_fail(err, "ERR invalid network: the header's fields are not "
                        "those of format %llu",
                   (unsigned long long)format);
}

/* All fields that the map has, and which they are. */
static nr_status get_fields(nr_cursor *c, size_t n, nr_header *h,
                            uint64_t format, uint64_t *seen, nr_error *err) {
    nr_bytes name, unknown = {0};
    int last = -1;
    while (n--) {
        if (!nr_get_str(c, &name))
            return nr_fail(err, "ERR invalid network: a damaged header");
        int i = find_field(name, last + 1);
        field f = i < 0 ? (field){0} : field_at((size_t)i);
        if ((i < 0 || f.since > format) && nr_skip(c)) {
            unknown = name;
        } else if (i < 0 || *seen >> i & 1 ||
                   !get_field(c, h, &f, &format)) {
            return nr_fail(err, "ERR invalid network: the header's %s",
                           i < 0 ? "end" : f.name);
        } else {
            *seen |= UINT64_C(1) << i;
            last = i;
        }
    }
    return unknown.data ? refuse_unknown(unknown, format, err) : NR_OK;
}

nr_status nr_header_get(nr_cursor *c, nr_header *h, nr_error *err) {
    uint64_t seen = 0, format;
    size_t n;
    *h = (nr_header){0};
    if (!nr_get_map(c, &n) || n > 1000)
        return nr_fail(err, "ERR invalid network: no header");
    nr_status status = find_format(*c, n, &format, err);
    if (status == NR_OK) status = get_fields(c, n, h, format, &seen, err);
    if (status != NR_OK) return status;
    for (size_t i = 0; i < FIELDS; i++)
        if (format == 0 || (field_at(i).since == 1 && !(seen >> i & 1)))
            return nr_fail(err, "ERR invalid network: the header's fields are "
                                "not those of format %llu",
                           (unsigned long long)(format ? format : NR_FORMAT));
    fill_in(h, seen);
    return nr_header_check(h, err);
}

nr_status nr_net_header(const nr_net *net, nr_buf *out, nr_error *err) {
    return nr_header_put(&net->h, net->schema, out) ? NR_OK : nr_nomem(err);
}
