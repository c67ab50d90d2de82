/* The serialised form: the header as a map, and the whole as one value.
 *
 * One table names the header's fields for writing and for reading, so that the
 * two cannot come apart. A map, though an array would be shorter: stores keep
 * its fields as columns and hash fields that people read, in any order.
 * Reading takes nothing on trust: every field exactly once, every number in its
 * range, every size equal to what the others imply. */

#include <math.h>
#include <string.h>

#include "model/net.h"
#include "grammar/syntax.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "floats are written as they lie in memory");

/* ============================== The header =============================== */

typedef enum field_type {
    VERSION,
    UINT,
    COUNT, /* grows by itself: what is written can be read however large */
    BOOL,
    REAL,
    AUTO_REAL, /* nil: AUTO */
    AUTO_INT,
    WORD, /* an enum, by its words */
    OUTCOME,
    LAYOUT,
    RANDOM,
} field_type;

typedef struct field {
    const char *name;
    field_type type;
    size_t at;
    const char *const *words;
} field;

#define AT(member) offsetof(nr_header, member)
static const field fields[] = {
    {"format", VERSION, 0, NULL},
    {"id", UINT, AT(id), NULL},
    {"revision", COUNT, AT(revision), NULL},
    {"resets", COUNT, AT(resets), NULL},
    {"kind", WORD, AT(kind), nr_kind_words},
    {"layout", LAYOUT, AT(layers), NULL},
    {"normalize", BOOL, AT(options.normalize), NULL},
    {"classic", BOOL, AT(options.classic), NULL},
    {"seed", UINT, AT(options.seed), NULL},
    {"activation", WORD, AT(options.activation), nr_activation_words},
    {"loss", WORD, AT(options.loss), nr_loss_words},
    {"optimizer", WORD, AT(options.optimizer), nr_optimizer_words},
    {"learnrate", AUTO_REAL, AT(options.learnrate), NULL},
    {"l2", AUTO_REAL, AT(options.l2), NULL},
    {"batch", AUTO_INT, AT(options.batch), NULL},
    {"patience", AUTO_INT, AT(options.patience), NULL},
    {"threads", AUTO_INT, AT(options.threads), NULL},
    {"members", AUTO_INT, AT(options.members), NULL},
    {"class_weights", WORD, AT(options.class_weights), nr_class_weights_words},
    {"train_maxlen", UINT, AT(maxlen[0]), NULL},
    {"test_maxlen", UINT, AT(maxlen[1]), NULL},
    {"train_len", UINT, AT(len[0]), NULL},
    {"test_len", UINT, AT(len[1]), NULL},
    {"random", RANDOM, AT(random), NULL},
    {"trained", BOOL, AT(trained), NULL},
    {"total_steps", COUNT, AT(stats.steps), NULL},
    {"total_cycles", COUNT, AT(stats.cycles), NULL},
    {"total_ms", COUNT, AT(stats.ms), NULL},
    {"train_error", REAL, AT(stats.train_error), NULL},
    {"test_error", REAL, AT(stats.test_error), NULL},
    {"class_errors", REAL, AT(stats.class_errors), NULL},
    {"overfitting", BOOL, AT(stats.overfitting), NULL},
    {"ended_by", WORD, AT(stats.ending), nr_ending_words},
    {"trainings", COUNT, AT(trainings), NULL},
    {"last_training", OUTCOME, 0, NULL},
};
enum { FIELDS = sizeof fields / sizeof *fields };
_Static_assert(FIELDS <= 64, "a bit for each field that was read");

bool nr_put_lower(nr_buf *out, const char *word) {
    char lower[32];
    size_t i = 0;
    for (; word[i] && i < sizeof lower - 1; i++) {
        bool upper = word[i] >= 'A' && word[i] <= 'Z';
        lower[i] = (char)(upper ? word[i] + ('a' - 'A') : word[i]);
    }
    lower[i] = '\0';
    return nr_put_str(out, lower);
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

static bool put_layout(nr_buf *out, const nr_header *h) {
    bool ok = nr_put_array(out, h->nlayers);
    for (size_t i = 0; i < h->nlayers && ok; i++)
        ok = nr_put_uint(out, h->layers[i]);
    return ok;
}

static bool put_field(nr_buf *out, const nr_header *h, const field *f) {
    const void *p = (const char *)h + f->at;
    if (!nr_put_str(out, f->name)) return false;
    switch (f->type) {
    case VERSION: return nr_put_uint(out, NR_FORMAT);
    case UINT: return nr_put_uint(out, *(const uint64_t *)p);
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
    case OUTCOME: return nr_put_str(out, h->last_training);
    case LAYOUT: return put_layout(out, h);
    case RANDOM: return put_uints(out, h->random.s, 6);
    }
    return false;
}

bool nr_header_put(const nr_header *h, nr_buf *out) {
    bool ok = nr_put_map(out, FIELDS);
    for (size_t i = 0; i < FIELDS && ok; i++)
        ok = put_field(out, h, &fields[i]);
    return ok;
}

static bool get_layout(nr_cursor *c, nr_header *h) {
    uint64_t units;
    if (!nr_get_array(c, &h->nlayers) || h->nlayers < 2 ||
        h->nlayers > NR_MAX_LAYERS)
        return false;
    for (size_t i = 0; i < h->nlayers; i++) {
        if (!nr_get_uint(c, &units) || units == 0 || units > NR_MAX_UNITS)
            return false;
        h->layers[i] = (uint32_t)units;
    }
    return true;
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

static bool get_outcome(nr_cursor *c, nr_header *h) {
    nr_bytes text;
    if (!nr_get_str(c, &text) ||
        !nr_outcome_sound((const char *)text.data, text.len))
        return false;
    memcpy(h->last_training, text.data, text.len);
    return true;
}

static bool is_nil(nr_cursor *c) {
    if (c->bad || c->at == c->end || *c->at != 0xc0) return false;
    c->at++;
    return true;
}

static bool get_field(nr_cursor *c, nr_header *h, const field *f,
                      uint64_t *version) {
    void *p = (char *)h + f->at;
    uint64_t number;
    switch (f->type) {
    case VERSION: return nr_get_uint(c, version);
    case UINT:
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
    case OUTCOME: return get_outcome(c, h);
    case LAYOUT: return get_layout(c, h);
    case RANDOM: return get_random(c, p);
    }
    return false;
}

static int find_field(nr_bytes name) {
    for (int i = 0; i < FIELDS; i++)
        if (strlen(fields[i].name) == name.len &&
            memcmp(fields[i].name, name.data, name.len) == 0)
            return i;
    return -1;
}

/* What fields say together. */
static nr_status check_together(const nr_header *h, nr_error *err) {
    const nr_options *o = &h->options;
    nr_status status =
        nr_shape_check(h->kind, h->nlayers, h->layers, o->members, h->maxlen,
                       err);
    if (status != NR_OK) return status;
    bool sound = h->len[0] <= h->maxlen[0] && h->len[1] <= h->maxlen[1] &&
                 o->seed <= NR_MAX_SEED && o->learnrate != 0 &&
                 o->learnrate <= NR_MAX_REAL && o->l2 <= NR_MAX_REAL &&
                 o->batch != 0 && o->batch <= NR_MAX_SAMPLES &&
                 o->patience != 0 && o->patience <= NR_MAX_PATIENCE &&
                 o->threads >= 1 && o->threads <= NR_MAX_THREADS &&
                 o->members >= 1 && o->members <= NR_MAX_MEMBERS &&
                 ((o->loss == NR_MSE && o->class_weights == NR_EQUAL) ||
                  h->kind == NR_CLASSIFIER);
    if (o->classic)
        sound = sound && o->activation == NR_SIGMOID && o->loss == NR_MSE &&
                o->optimizer == NR_RPROP && o->members == 1;
    return sound ? NR_OK
                 : nr_fail(err, "ERR invalid network: the fields of its "
                                "header contradict each other");
}

nr_status nr_header_get(nr_cursor *c, nr_header *h, nr_error *err) {
    uint64_t seen = 0, version = 0;
    bool unknown = false;
    size_t n;
    *h = (nr_header){0};
    if (!nr_get_map(c, &n) || n > 1000)
        return nr_fail(err, "ERR invalid network: no header");
    while (n--) {
        nr_bytes name;
        if (!nr_get_str(c, &name))
            return nr_fail(err, "ERR invalid network: a damaged header");
        int i = find_field(name);
        if (i < 0 && nr_skip(c)) {
            unknown = true;
        } else if (i < 0 || seen >> i & 1 ||
                   !get_field(c, h, &fields[i], &version)) {
            return nr_fail(err, "ERR invalid network: the header's %s",
                           i < 0 ? "end" : fields[i].name);
        } else {
            seen |= UINT64_C(1) << i;
        }
    }
    if (version > NR_FORMAT)
        return nr_fail(err, "ERR the network has format %llu, newer than "
                            "the %d that this version reads",
                       (unsigned long long)version, NR_FORMAT);
    if (unknown || version != NR_FORMAT ||
        seen != UINT64_MAX >> (64 - FIELDS))
        return nr_fail(err, "ERR invalid network: the header's fields are "
                            "not those of format %d",
                       NR_FORMAT);
    return check_together(h, err);
}

nr_status nr_net_header(const nr_net *net, nr_buf *out, nr_error *err) {
    return nr_header_put(&net->h, out) ? NR_OK : nr_nomem(err);
}

/* =============================== The parts =============================== */

static nr_status load_weights(nr_net *net, nr_bytes bytes, nr_error *err) {
    size_t n = nr_weights_len(&net->h);
    if (bytes.len != n * sizeof(float))
        return nr_fail(err, "ERR invalid network: %zu bytes of weights where "
                            "%zu were expected",
                       bytes.len, n * sizeof(float));
    nr_array *array = nr_array_new(n);
    if (!array) return nr_nomem(err);
    atomic_store(&net->weights, array);
    memcpy(array->data, bytes.data, bytes.len);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(array->data[i]))
            return nr_fail(err, "ERR invalid network: a weight that is not "
                                "finite");
    return NR_OK;
}

/* What is counted in a report, its number of samples and a classifier's cells,
 * are whole numbers. */
static bool classes_sound(const nr_net *net, const float *report) {
    size_t n = nr_report_len(&net->h);
    for (size_t i = 0; i < n; i++) {
        bool cell = net->h.kind == NR_CLASSIFIER && i >= NR_REPORT_HEAD;
        bool counted = i == 0 || cell;
        if (counted && !(report[i] >= 0 && report[i] < 0x1p63f)) return false;
    }
    return true;
}

/* Of a point's four numbers only the testing dataset's two may be NaN; in the
 * report any may, that has no value. */
static bool course_sound(const nr_net *net) {
    const nr_array *course = net->course;
    float points = course->data[0];
    if (!(points >= 0 && points <= NR_MAX_HISTORY)) return false;
    size_t report = 1 + 4 * (size_t)points, n = course->n;
    if (points != (float)(size_t)points || n < report ||
        (n != report && n != report + nr_report_len(&net->h)))
        return false;
    for (size_t i = 1; i < n; i++) {
        float x = course->data[i];
        bool cycle = i < report && i % 4 == 1;
        bool may_lack = i >= report || (i - 1) % 4 >= 2;
        if (isnan(x) ? !may_lack : !isfinite(x)) return false;
        if (i < report && x < 0) return false;
        if (cycle && x >= 0x1p63f) return false;
    }
    return n == report || classes_sound(net, course->data + report);
}

static nr_status load_course(nr_net *net, nr_bytes bytes, nr_error *err) {
    if (bytes.len == 0) return NR_OK;
    if (bytes.len % sizeof(float) == 0)
        net->course = nr_array_new(bytes.len / sizeof(float));
    else
        return nr_fail(err, "ERR invalid network: its history");
    if (!net->course) return nr_nomem(err);
    memcpy(net->course->data, bytes.data, bytes.len);
    return course_sound(net)
               ? NR_OK
               : nr_fail(err, "ERR invalid network: its history");
}

static nr_status load_parts(nr_net *net, const nr_parts *parts,
                            nr_error *err) {
    nr_status status = NR_OK;
    if (net->h.trained && parts->weights.data)
        status = load_weights(net, parts->weights, err);
    else if (net->h.trained)
        net->partial = true;
    else if (parts->weights.len)
        status = nr_fail(err, "ERR invalid network: weights that were never "
                              "trained");
    if (status == NR_OK) status = load_course(net, parts->history, err);
    for (int d = 0; d < 2 && status == NR_OK; d++)
        if (parts->rows[d].data || net->h.len[d] == 0)
            status = nr_dataset_load(net, d, parts->rows[d], err);
        else
            net->partial = true;
    return status;
}

nr_status nr_net_assemble(const nr_parts *parts, nr_net **out,
                          nr_error *err) {
    nr_cursor c = {parts->header.data,
                   parts->header.data + parts->header.len, false};
    nr_header h;
    nr_status status = nr_header_get(&c, &h, err);
    if (status != NR_OK) return status;
    if (c.at != c.end)
        return nr_fail(err, "ERR invalid network: more after its header");
    nr_net *net = nr_net_new(&h);
    if (!net) return nr_nomem(err);
    status = load_parts(net, parts, err);
    if (status == NR_OK)
        *out = net;
    else
        nr_net_free(net);
    return status;
}

static nr_status put_array(const nr_array *array, nr_buf *out,
                           nr_error *err) {
    if (!array) return NR_OK;
    return nr_buf_append(out, array->data, array->n * sizeof(float))
               ? NR_OK
               : nr_nomem(err);
}

nr_status nr_net_weights(const nr_net *net, nr_buf *out, nr_error *err) {
    nr_net *self = (nr_net *)net;
    return net->h.trained ? put_array(atomic_load(&self->weights), out, err)
                          : NR_OK;
}

nr_status nr_net_history(const nr_net *net, nr_buf *out, nr_error *err) {
    return put_array(net->course, out, err);
}

/* =============================== The whole =============================== */

/* Detects every change within one word of eight bytes for sure (each step is a
 * bijection of the state and of the word), any other but once in 2^64. */
uint64_t nr_checksum(const unsigned char *data, size_t len) {
    uint64_t h = len, word;
    for (; len >= 8; data += 8, len -= 8) {
        memcpy(&word, data, 8);
        h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, data, len);
    return nr_mix(h ^ word);
}

static bool put_checksum(nr_buf *out, size_t start) {
    uint64_t sum = nr_checksum(out->data + start, out->len - start);
    unsigned char bytes[9] = {0xcf};
    for (int i = 0; i < 8; i++)
        bytes[1 + i] = (unsigned char)(sum >> (56 - 8 * i));
    return nr_buf_append(out, bytes, sizeof bytes);
}

static size_t floats_bytes(const nr_array *array) {
    return array ? array->n * sizeof(float) : 0;
}

nr_status nr_net_dump(const nr_net *net, nr_buf *out, nr_error *err) {
    nr_net *self = (nr_net *)net;
    const nr_array *weights = atomic_load(&self->weights);
    size_t start = out->len;
    if (net->partial)
        return nr_fail(err, "ERR a network without its samples was asked for "
                            "all of it");
    bool ok = nr_put_array(out, 8) && nr_put_str(out, "nr") &&
              nr_put_uint(out, NR_FORMAT) && nr_header_put(&net->h, out);
    if (ok && net->h.trained)
        ok = nr_put_bin(out, weights->data, floats_bytes(weights));
    else if (ok)
        ok = nr_put_nil(out);
    ok = ok && nr_put_bin(out, net->course ? net->course->data : NULL,
                          floats_bytes(net->course));
    for (int d = 0; d < 2 && ok; d++)
        ok = nr_put_bin_head(out, net->h.len[d] * net->row * sizeof(float)) &&
             nr_net_rows(net, d, out, err) == NR_OK;
    if (ok && put_checksum(out, start)) return NR_OK;
    out->len = start;
    return nr_fail(err, "ERR out of memory, or a dataset of more than 4 GB, "
                        "which a dump cannot hold");
}

static nr_status read_dump(nr_cursor *c, nr_parts *parts, nr_error *err) {
    size_t n;
    nr_bytes magic;
    uint64_t version;
    if (!nr_get_array(c, &n) || n != 8 || !nr_get_str(c, &magic) ||
        magic.len != 2 || memcmp(magic.data, "nr", 2) != 0 ||
        !nr_get_uint(c, &version))
        return nr_fail(err, "ERR invalid network: not a dump of one");
    if (version > NR_FORMAT)
        return nr_fail(err, "ERR the network has format %llu, newer than "
                            "the %d that this version reads",
                       (unsigned long long)version, NR_FORMAT);
    parts->header.data = c->at;
    if (!nr_skip(c)) return nr_fail(err, "ERR invalid network: its header");
    parts->header.len = (size_t)(c->at - parts->header.data);
    if (!nr_get_bin(c, &parts->weights) || !nr_get_bin(c, &parts->history) ||
        !nr_get_bin(c, &parts->rows[0]) || !nr_get_bin(c, &parts->rows[1]))
        return nr_fail(err, "ERR invalid network: its arrays");
    return NR_OK;
}

nr_status nr_net_load(const unsigned char *blob, size_t len, uint64_t id,
                      nr_net **out, nr_error *err) {
    enum { SUM = 9 };
    nr_parts parts = {0};
    if (len < SUM || blob[len - SUM] != 0xcf)
        return nr_fail(err, "ERR invalid network: not a dump of one");
    nr_cursor c = {blob, blob + len - SUM, false};
    nr_cursor sum = {blob + len - SUM, blob + len, false};
    uint64_t written;
    nr_get_uint(&sum, &written);
    if (written != nr_checksum(blob, len - SUM))
        return nr_fail(err, "ERR invalid network: the checksum does not "
                            "match, the dump is damaged");
    nr_status status = read_dump(&c, &parts, err);
    if (status != NR_OK) return status;
    if (c.at != c.end || !parts.rows[0].data || !parts.rows[1].data)
        return nr_fail(err, "ERR invalid network: its arrays");
    nr_net *net;
    status = nr_net_assemble(&parts, &net, err);
    if (status != NR_OK) return status;
    if (net->partial) {
        nr_net_free(net);
        return nr_fail(err, "ERR invalid network: its weights are missing");
    }
    if (id) net->h.id = id;
    *out = net;
    return NR_OK;
}
