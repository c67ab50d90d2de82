/* Any bytes as JSON and as msgpack, to the readers alone: nothing is read past the
 * end, what is accepted has one meaning, and what is refused leaves nothing.
 *
 *     make fuzz
 *     build/fuzz/readers -runs=10000000 -max_len=256 build/fuzz/corpus_readers
 *
 * No network is made, so some 50,000 inputs and more are read in a second: ten
 * million take minutes. The first byte says by which reader the rest is read. With
 * -DNR_FUZZ_MAIN any compiler makes a program of it that runs the files it is
 * given. A broken promise aborts. */

#include <math.h>

#include "encode/said.h"
#include "grammar/json.h"
#include "fuzz.h"

static void check_error(const nr_error *err, const char *begins) {
    const char *end = memchr(err->text, '\0', sizeof err->text);
    MUST(end && !strncmp(err->text, begins, strlen(begins)));
    for (const char *p = err->text; p < end; p++) MUST(*p >= ' ' && *p <= '~');
}

/* ================================= JSON ================================== */

static void put(nr_buf *out, const char *text) {
    MUST(nr_buf_append(out, text, strlen(text)));
}

static bool is_plain(unsigned char c) {
    return c >= ' ' && c != '"' && c != '\\';
}

static void write_string(nr_buf *out, nr_bytes bytes) {
    const unsigned char *at = bytes.data, *end = at + bytes.len;
    char escape[8];
    MUST(nr_utf8((nr_text){(const char *)at, bytes.len}));
    put(out, "\"");
    while (at < end) {
        const unsigned char *from = at;
        while (at < end && is_plain(*at)) at++;
        MUST(nr_buf_append(out, from, (size_t)(at - from)));
        if (at == end) break;
        snprintf(escape, sizeof escape, "\\u%04x", *at++);
        put(out, escape);
    }
    put(out, "\"");
}

static void write_number(nr_buf *out, const nr_item *item) {
    char text[NR_NUMBER + 2];
    if (item->type == NR_ITEM_INT) {
        MUST(item->number <= INT64_MAX);
        snprintf(text, sizeof text, "%s%llu", item->negative ? "-" : "",
                 (unsigned long long)item->number);
    } else {
        MUST(isfinite(item->real));
        nr_write_double(text, 17, item->real);
        if (!strpbrk(text, ".e")) strcat(text, ".0");
    }
    put(out, text);
}

/* What the reader made of a text, as a text again. */
static void write_json(nr_buf *out, nr_cursor *c, int depth) {
    nr_item item;
    MUST(nr_get_item(c, &item));
    bool object = item.type == NR_ITEM_MAP;
    switch (item.type) {
    case NR_ITEM_NIL: put(out, "null"); return;
    case NR_ITEM_BOOL: put(out, item.number ? "true" : "false"); return;
    case NR_ITEM_INT:
    case NR_ITEM_REAL: write_number(out, &item); return;
    case NR_ITEM_STR: write_string(out, item.bytes); return;
    default: MUST(object || item.type == NR_ITEM_ARRAY);
    }
    MUST(depth > 0);
    put(out, object ? "{" : "[");
    for (uint64_t i = 0; i < item.number; i++) {
        if (i) put(out, ",");
        if (object) write_json(out, c, 0); /* a name */
        if (object) put(out, ":");
        write_json(out, c, depth - 1);
    }
    put(out, object ? "}" : "]");
}

static void check_json(nr_text text) {
    nr_buf first = {0}, again = {0}, written = {0};
    nr_error err;
    put(&first, "before");
    if (nr_json_read(text, &first, &err) != NR_OK) {
        check_error(&err, "ERR invalid JSON: ");
        MUST(first.len == 6);
    } else {
        nr_cursor c = {first.data + 6, first.data + first.len, false};
        write_json(&written, &c, NR_JSON_DEPTH);
        MUST(c.at == c.end);
        nr_text same = {(const char *)written.data, written.len};
        MUST(nr_json_read(same, &again, &err) == NR_OK);
        MUST(again.len == first.len - 6 &&
             !memcmp(again.data, first.data + 6, again.len));
    }
    nr_buf_free(&first);
    nr_buf_free(&again);
    nr_buf_free(&written);
}

/* ================================ msgpack ================================ */

/* One value, item by item. */
static bool walk(nr_cursor *c, int depth) {
    nr_item item;
    const unsigned char *from = c->at;
    if (!depth || !nr_get_item(c, &item)) return false;
    MUST(c->at > from && c->at <= c->end);
    if (item.bytes.data)
        MUST(item.bytes.data > from && item.bytes.data + item.bytes.len <= c->at);
    size_t n = item.type == NR_ITEM_ARRAY ? item.number
               : item.type == NR_ITEM_MAP ? 2 * item.number
                                          : 0;
    while (n--)
        if (!walk(c, depth - 1)) return false;
    return true;
}

static void check_msgpack(const uint8_t *data, size_t size) {
    nr_cursor c = {data, data + size, false}, other = c;
    while (nr_skip(&c)) {
        MUST(walk(&other, 9));
        MUST(c.at == other.at && !other.bad);
    }
    MUST(c.bad && !walk(&other, 9));
    MUST(!nr_skip(&c)); /* and stays so */
}

/* ================================ Samples ================================ */

static const nr_schema *schema(void) {
    static const char *const fields[] = {
        "n:number", "f:flag", "c:category", "t:time", "x:text", "v:vector(2)",
        "l:category(a,b)", "i:key", "q:sequence(category)", "m:sequence(2)",
        "o:sequence", "y:category"};
    enum { N = sizeof fields / sizeof *fields };
    static nr_schema *made;
    nr_error err;
    if (made) return made;
    MUST((made = nr_schema_new()) != NULL);
    for (size_t i = 0; i < N; i++) {
        nr_text text = {fields[i], strlen(fields[i])};
        MUST(nr_schema_add(made, text, i == N - 1, &err) == NR_OK);
    }
    MUST(nr_schema_finish(made, NR_CLASSIFIER, &err) == NR_OK);
    return made;
}

/* As an NR.OBSERVE says them; records that are sound, or nothing. */
static nr_buf read_samples(nr_form form, const uint8_t *data, size_t size) {
    static const char *const argv[] = {"NR.OBSERVE", "k"};
    static const size_t len[] = {10, 1};
    nr_command cmd = {.verb = NR_OBSERVE, .key = 1, .argv = argv,
                      .arglen = len, .form = form, .blob = data,
                      .bloblen = size};
    nr_buf records = {0};
    nr_said said;
    nr_error err;
    if (nr_said_read(schema(), &cmd, false, &records, &said, &err) != NR_OK) {
        check_error(&err, "ERR ");
        MUST(!records.len);
        return records;
    }
    MUST(said.n > 0 && said.ends[said.n - 1] == records.len);
    for (size_t i = 0; i < said.n; i++)
        MUST(nr_record_sound(schema(), nr_said_record(&said, i)));
    nr_said_free(&said);
    return records;
}

/* Samples in JSON are those in the msgpack that it is turned into. */
static void check_alike(const uint8_t *data, size_t size) {
    nr_buf packed = {0};
    nr_error err;
    nr_text text = {(const char *)data, size};
    nr_buf first = read_samples(NR_FORM_JSON, data, size);
    if (nr_json_read(text, &packed, &err) == NR_OK) {
        nr_buf again = read_samples(NR_FORM_MSGPACK, packed.data, packed.len);
        MUST(first.len == again.len);
        MUST(!first.len || !memcmp(first.data, again.data, first.len));
        nr_buf_free(&again);
    }
    nr_buf_free(&packed);
    nr_buf_free(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { JSON, MSGPACK, SAMPLES, MAPS, COLUMNS, READERS };
    if (size < 1) return 0;
    int reader = *data++ % READERS;
    size--;
    nr_buf records = {0};
    if (reader == JSON) check_json((nr_text){(const char *)data, size});
    if (reader == MSGPACK) check_msgpack(data, size);
    if (reader == SAMPLES) check_alike(data, size);
    if (reader == MAPS) records = read_samples(NR_FORM_MSGPACK, data, size);
    if (reader == COLUMNS) records = read_samples(NR_FORM_COLUMNS, data, size);
    nr_buf_free(&records);
    return 0;
}
