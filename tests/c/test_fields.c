/* Fields: descriptions, values however they are said, and how they are
 * encoded. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "encode/encoding.h"
#include "encode/time.h"
#include "encode/tokens.h"
#include "grammar/json.h"

static nr_error err;

static nr_text text(const char *s) { return (nr_text){s, strlen(s)}; }


/* ------------------------------- Schemas --------------------------------- */

/* Descriptions between blanks; those behind "->" are outputs. */
static nr_schema *schema_of(const char *line, nr_kind kind) {
    nr_schema *schema = nr_schema_new();
    bool output = false;
    nr_status status = NR_OK;
    while (*line && status == NR_OK) {
        size_t n = strcspn(line, " ");
        if (n == 2 && !memcmp(line, "->", 2))
            output = true;
        else
            status = nr_schema_add(schema, (nr_text){line, n}, output, &err);
        line += n + (line[n] == ' ');
    }
    if (status == NR_OK) status = nr_schema_finish(schema, kind, &err);
    if (status == NR_OK) return schema;
    nr_schema_drop(schema);
    return NULL;
}

static void expect_refused(const char *line, nr_kind kind, const char *why,
                           int at) {
    nr_schema *schema = schema_of(line, kind);
    if (!check(!schema && !strcmp(err.text, why), line, at))
        fprintf(stderr, "  got: %s\n", err.text);
    nr_schema_drop(schema);
}

#define REFUSED(line, kind, why) expect_refused(line, kind, why, __LINE__)

static void test_descriptions_have_one_form(void) {
    nr_schema *s = schema_of("age:NUMBER c:Category(max=100) d:category(max=8) "
                             "l:category(a,b\\,c,d\\\\\\)) v:vector(3) "
                             "t:time f:flag n:text id:key -> y:category",
                             NR_CLASSIFIER);
    static const char *const wanted[] = {
        "age:number",       "c:category", "d:category(max=8)",
        "l:category(a,b\\,c,d\\\\\\))", "v:vector(3)", "t:time", "f:flag",
        "n:text", "id:key", "y:category"};
    CHECK(s && s->n == 10 && s->inputs == 9 && s->slots == 11);
    for (size_t i = 0; s && i < 10; i++)
        CHECK(!strcmp(s->fields[i].text, wanted[i]));
    CHECK(s->fields[3].listed == 3);
    CHECK(nr_field_listed(&s->fields[3], text("b,c")) == 1);
    CHECK(nr_field_listed(&s->fields[3], text("d\\)")) == 2);
    CHECK(nr_schema_find(s, text("t")) == &s->fields[5]);
    CHECK(!nr_schema_find(s, text("T")));
    nr_buf packed = {0};
    CHECK(nr_schema_put(s, &packed));
    nr_cursor c = {packed.data, packed.data + packed.len, false};
    nr_schema *back = NULL;
    CHECK(nr_schema_get(&c, NR_CLASSIFIER, &back, &err) == NR_OK);
    CHECK(back && nr_schema_same(s, back));
    nr_schema_drop(back);
    for (size_t cut = 0; cut < packed.len; cut++) {
        c = (nr_cursor){packed.data, packed.data + cut, false};
        back = NULL;
        CHECK(nr_schema_get(&c, NR_CLASSIFIER, &back, &err) == NR_ERR);
    }
    nr_buf_free(&packed);
    nr_schema_drop(s);
}

static void test_bad_descriptions_are_told(void) {
    REFUSED("age -> y:category", NR_CLASSIFIER,
            "ERR invalid field 'age': name:kind is needed, the name of up to "
            "64 letters, digits and _");
    REFUSED("a:numbr -> y:category", NR_CLASSIFIER,
            "ERR field a: a kind is number, flag, category, time, text, "
            "vector(n), sequence or key, not 'numbr', did you mean NUMBER?");
    REFUSED("a:number a:text -> y:category", NR_CLASSIFIER,
            "ERR field a:number is given twice, as a:text");
    REFUSED("a:vector -> y:category", NR_CLASSIFIER,
            "ERR field a: vector(n) takes how many numbers it has, 1 to "
            "65536, not ''");
    REFUSED("a:number(3) -> y:category", NR_CLASSIFIER,
            "ERR field a: this kind takes nothing in brackets, not '3'");
    REFUSED("a:category(max=0) -> y:category", NR_CLASSIFIER,
            "ERR field a: max= takes a number from 1 to 1000, not 'max=0'");
    REFUSED("a:category(x,x) -> y:category", NR_CLASSIFIER,
            "ERR field a: categories are some text each, and different, not "
            "'x,x'");
    REFUSED("a:key -> y:category", NR_CLASSIFIER,
            "ERR no field before '->' to learn from");
    REFUSED("a:number -> y:number", NR_CLASSIFIER,
            "ERR field y:number: the output of a classifier is of kind "
            "category");
    REFUSED("a:number -> y:category", NR_REGRESSOR,
            "ERR field y:category: the output of a regressor is of kind "
            "number");
    REFUSED("a:number -> y:category z:category", NR_CLASSIFIER,
            "ERR a classifier has one output, a category, not 2");
}

/* What an NR.FIELDS makes of a schema; NULL: err says why not. */
static nr_schema *changed(const nr_schema *from, const char *line) {
    nr_args args;
    nr_command cmd;
    nr_schema *made = NULL;
    CHECK(nr_split(line, strlen(line), &args, &err) == NR_OK);
    if (nr_command_parse(&cmd, args.argc, args.argv, args.len, &err) == NR_OK) {
        CHECK(nr_changes(&cmd));
        nr_schema_change(from, &cmd, NR_CLASSIFIER, &made, &err);
        nr_command_release(&cmd);
    }
    nr_buf_free(&args.memory);
    return made;
}

static void expect_no_change(const nr_schema *from, const char *line,
                             const char *why, int at) {
    nr_schema *made = changed(from, line);
    if (!check(!made && !strcmp(err.text, why), line, at))
        fprintf(stderr, "  got: %s\n", err.text);
    nr_schema_drop(made);
}

#define NO_CHANGE(from, line, why) expect_no_change(from, line, why, __LINE__)

static void test_fields_come_and_go(void) {
    nr_schema *s = schema_of("a:number b:text -> y:category", NR_CLASSIFIER);
    nr_schema *t = changed(s, "NR.FIELDS club DROP a ADD a:flag drop:number");
    CHECK(t && t->n == 4 && t->inputs == 3 && t->slots == 6);
    CHECK(nr_schema_find(t, text("b"))->slot == 2);
    CHECK(nr_schema_find(t, text("a"))->slot == 4);
    CHECK(nr_schema_find(t, text("y"))->output);
    CHECK(t->by_slot[1] == 0 && t->by_slot[3] == 4 && t->by_slot[5] == 3);
    CHECK(!nr_schema_same(s, t));
    nr_schema *u = changed(t, "NR.FIELDS club add add:number DROP drop b");
    CHECK(u && u->n == 3 && u->slots == 7);
    CHECK(nr_schema_find(u, text("add")) && !nr_schema_find(u, text("b")));
    nr_schema_drop(t);
    t = changed(u, "NR.FIELDS club DROP add a ADD add:text");
    CHECK(t && t->n == 2 && t->fields[0].kind == NR_FIELD_TEXT);
    nr_schema_drop(u);
    CHECK(nr_no_field(t, text("bb"), text("club"), &err) == NR_ERR);
    CHECK(!strcmp(err.text, "ERR no field 'bb' in club"));
    nr_schema_drop(t);
    t = schema_of("age:number -> y:category", NR_CLASSIFIER);
    nr_no_field(t, text("aeg"), text("club"), &err);
    CHECK(!strcmp(err.text, "ERR no field 'aeg' in club, did you mean age?"));
    nr_schema_drop(t);
    nr_schema_drop(s);
}

static void test_bad_changes_are_told(void) {
    static const char syntax[] = "ERR Syntax error in NR.FIELDS: ";
    char why[160];
    nr_schema *s = schema_of("age:number id:key -> y:category", NR_CLASSIFIER);
    NO_CHANGE(s, "NR.FIELDS club ADD age:text",
              "ERR club has a field age:number already: with DROP age in the "
              "same command another one takes its place");
    NO_CHANGE(s, "NR.FIELDS club DROP age ADD y:text",
              "ERR club has a field y:category already, as an output");
    NO_CHANGE(s, "NR.FIELDS club ADD b:text b:text",
              "ERR field b:text is given twice, as b:text");
    NO_CHANGE(s, "NR.FIELDS club ADD b:txt",
              "ERR field b: a kind is number, flag, category, time, text, "
              "vector(n), sequence or key, not 'txt', did you mean TEXT?");
    NO_CHANGE(s, "NR.FIELDS club DROP agee",
              "ERR no field 'agee' in club, did you mean age?");
    NO_CHANGE(s, "NR.FIELDS club DROP y",
              "ERR field y is an output: inputs alone can be dropped");
    NO_CHANGE(s, "NR.FIELDS club DROP id id", "ERR field id is given twice");
    NO_CHANGE(s, "NR.FIELDS club DROP age",
              "ERR no field would be left to learn from: ADD another one "
              "first, or in the same command");
    snprintf(why, sizeof why, "%sADD field:kind ... or DROP field ... is "
                              "needed, not 'age'", syntax);
    NO_CHANGE(s, "NR.FIELDS club age", why);
    snprintf(why, sizeof why, "%sADD takes field:kind ...", syntax);
    NO_CHANGE(s, "NR.FIELDS club ADD", why);
    snprintf(why, sizeof why, "%sDROP takes field ...", syntax);
    NO_CHANGE(s, "NR.FIELDS club DROP ADD b:text", why);
    snprintf(why, sizeof why, "%sADD is given twice", syntax);
    NO_CHANGE(s, "NR.FIELDS club ADD b:text ADD c:text", why);
    nr_schema_drop(s);
}

/* -------------------------------- Times ---------------------------------- */

static void expect_time(const char *said, const char *shown, int line) {
    int64_t time;
    char out[NR_TIME_TEXT];
    bool ok = nr_parse_time(text(said), &time);
    if (!check(ok == (shown != NULL) &&
                   (!ok || !strcmp(nr_time_text(out, time), shown)),
               said, line) &&
        ok)
        fprintf(stderr, "  got: %s\n", out);
}

#define TIME(said, shown) expect_time(said, shown, __LINE__)

static void test_times(void) {
    TIME("2026-11-27T10:00Z", "2026-11-27T10:00:00Z");
    TIME("2026-11-27", "2026-11-27T00:00:00Z");
    TIME("2026-11-27 10:00:30.25+02:00", "2026-11-27T08:00:30.250000Z");
    TIME("2024-02-29T23:59:60-0030", "2024-03-01T00:30:00Z");
    TIME("0", "1970-01-01T00:00:00Z");
    TIME("-1.5", "1969-12-31T23:59:58.500000Z");
    TIME("1795773600.000001", "2026-11-27T10:00:00.000001Z");
    TIME("0001-01-01", "0001-01-01T00:00:00Z");
    TIME("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z");
    TIME("1900-03-01", "1900-03-01T00:00:00Z");
    TIME("2023-02-29", NULL);
    TIME("2026-13-01", NULL);
    TIME("2026-11-27T24:00", NULL);
    TIME("2026-11-27T10", NULL);
    TIME("2026-11-27T10:00Zx", NULL);
    TIME("1e300", NULL);
    TIME("yesterday", NULL);
    TIME("9999-12-31T23:59:59-01:00", NULL);
}

/* -------------------------------- Records -------------------------------- */

static nr_schema *things(void) {
    return schema_of("n:number f:flag c:category t:time x:text v:vector(2) "
                     "l:category(a,b) -> y:category(no,yes)",
                     NR_CLASSIFIER);
}

/* One sample from JSON. */
static nr_status make_json(const nr_schema *s, const char *json, nr_buf *out) {
    nr_buf packed = {0};
    nr_maker m;
    nr_status status = nr_json_read(text(json), &packed, &err);
    if (status == NR_OK)
        status = nr_maker_init(&m, s, text("net"), false, &err);
    if (status == NR_OK) {
        nr_cursor c = {packed.data, packed.data + packed.len, false};
        status = nr_maker_map(&m, &c, &err);
        if (status == NR_OK) status = nr_maker_end(&m, out, &err);
        nr_maker_free(&m);
    }
    nr_buf_free(&packed);
    return status;
}

/* One from name=value words. */
static nr_status make_words(const nr_schema *s, const char *line,
                            nr_buf *out) {
    nr_maker m;
    nr_status status = nr_maker_init(&m, s, text("net"), false, &err);
    while (*line && status == NR_OK) {
        size_t n = strcspn(line, "|"), name = strcspn(line, "=");
        const nr_field *field = nr_schema_find(s, (nr_text){line, name});
        nr_text value = {line + name + 1, n - name - 1};
        status = nr_maker_text(&m, field, value, &err);
        line += n + (line[n] == '|');
    }
    if (status == NR_OK) status = nr_maker_end(&m, out, &err);
    nr_maker_free(&m);
    return status;
}

static void test_a_value_has_one_form_however_it_is_said(void) {
    nr_schema *s = things();
    static const char *const json[] = {
        "{\"n\":33,\"f\":true,\"c\":5.0,\"t\":\"2026-11-27T10:00Z\","
        "\"x\":\"likes jazz\",\"v\":[1,2.5],\"l\":\"a\",\"y\":\"yes\"}",
        "{\"y\":\"yes\",\"v\":[1.0,2.5],\"t\":1795773600,\"n\":\"33.0\","
        "\"c\":\"5\",\"f\":1,\"l\":\"a\",\"x\":\"likes \\u006aazz\"}",
    };
    nr_buf a = {0}, b = {0};
    CHECK(make_json(s, json[0], &a) == NR_OK);
    CHECK(make_json(s, json[1], &b) == NR_OK);
    CHECK(a.len == b.len && !memcmp(a.data, b.data, a.len));
    b.len = 0;
    CHECK(make_words(s, "n=3.3e1|f=Yes|c=5|t=2026-11-27 11:00+01:00|x=likes "
                        "jazz|v=[1,2.5]|l=a|y=yes",
                     &b) == NR_OK);
    CHECK(a.len == b.len && !memcmp(a.data, b.data, a.len));
    CHECK(nr_record_sound(s, (nr_bytes){a.data, a.len}));
    for (size_t cut = 0; cut < a.len; cut++)
        CHECK(!nr_record_sound(s, (nr_bytes){a.data, cut}));
    nr_buf_free(&a);
    nr_buf_free(&b);
    nr_schema_drop(s);
}

static void test_what_is_missing_is_nil(void) {
    nr_schema *s = things();
    nr_buf a = {0}, b = {0};
    CHECK(make_json(s, "{\"y\":\"no\"}", &a) == NR_OK);
    CHECK(make_json(s, "{\"n\":null,\"f\":\"NaN\",\"t\":\"NA\",\"x\":\"\","
                       "\"v\":null,\"y\":\"no\"}",
                    &b) == NR_OK);
    CHECK(a.len == b.len && !memcmp(a.data, b.data, a.len));
    nr_value values[8];
    CHECK(nr_record_read(s, (nr_bytes){a.data, a.len}, values, NULL));
    for (int i = 0; i < 7; i++) CHECK(values[i].missing);
    CHECK(!values[7].missing && values[7].bytes.len == 2);
    b.len = 0; /* NA is Namibia, too */
    CHECK(make_json(s, "{\"c\":\"NA\",\"y\":\"no\"}", &b) == NR_OK);
    CHECK(nr_record_read(s, (nr_bytes){b.data, b.len}, values, NULL));
    CHECK(!values[2].missing);
    nr_buf_free(&a);
    nr_buf_free(&b);
    nr_schema_drop(s);
}

static void expect_no_record(const char *json, const char *why, int line) {
    nr_schema *s = things();
    nr_buf out = {0};
    nr_status status = make_json(s, json, &out);
    if (!check(status == NR_ERR && !strcmp(err.text, why), json, line))
        fprintf(stderr, "  got: %s\n", err.text);
    CHECK(out.len == 0);
    nr_buf_free(&out);
    nr_schema_drop(s);
}

#define NO_RECORD(json, why) expect_no_record(json, why, __LINE__)

static void test_bad_values_are_told(void) {
    NO_RECORD("{\"n\":\"old\",\"y\":\"no\"}",
              "ERR field n: a number or nothing is needed, not 'old'");
    NO_RECORD("{\"n\":[1],\"y\":\"no\"}",
              "ERR field n: a number or nothing is needed, not 'a list'");
    NO_RECORD("{\"f\":2,\"y\":\"no\"}",
              "ERR field f: yes, no or nothing is needed, not '2'");
    NO_RECORD("{\"t\":\"soon\",\"y\":\"no\"}",
              "ERR field t: a time as 2026-11-27T10:00Z, seconds since 1970 "
              "or nothing is needed, not 'soon'");
    NO_RECORD("{\"v\":[1],\"y\":\"no\"}",
              "ERR field v: 2 numbers are needed, not 1");
    NO_RECORD("{\"v\":[1,\"2\"],\"y\":\"no\"}",
              "ERR field v: number 1 of its list is no finite 32-bit number");
    NO_RECORD("{\"l\":\"c\",\"y\":\"no\"}",
              "ERR field l: 'c' is none of a, b");
    NO_RECORD("{\"y\":\"yess\"}", "ERR class 'yess' of y is none of no, yes");
    NO_RECORD("{}", "ERR field y: an output is needed");
    NO_RECORD("{\"y\":null}", "ERR field y: an output is needed");
    NO_RECORD("{\"n\":1,\"n\":2,\"y\":\"no\"}", "ERR field n is given twice");
    NO_RECORD("{\"nn\":1}", "ERR no field 'nn' in net");
    NO_RECORD("[1]", "ERR a sample is a map of fields and values");
}

/* --------------------------------- JSON ---------------------------------- */

static void expect_json(const char *json, const char *why, int line) {
    nr_buf out = {0};
    nr_status status = nr_json_read(text(json), &out, &err);
    bool ok = why ? status == NR_ERR && !strcmp(err.text, why)
                  : status == NR_OK;
    if (!check(ok, json, line)) fprintf(stderr, "  got: %s\n", err.text);
    nr_buf_free(&out);
}

#define JSON(json, why) expect_json(json, why, __LINE__)

static void test_json_to_the_letter(void) {
    JSON(" [1, -0, 0.5e+3, \"a\\n\\ud83d\\ude00\", {}, [], true, null] ", NULL);
    JSON("[[[[[[[[1]]]]]]]]", NULL);
    JSON("[[[[[[[[[1]]]]]]]]]",
         "ERR invalid JSON: it is nested too deep, at byte 9");
    JSON("", "ERR invalid JSON: a value is missing, at byte 0");
    JSON("[1,]", "ERR invalid JSON: a value is missing, at byte 3");
    JSON("[1 2]", "ERR invalid JSON: a , or ] is missing, at byte 3");
    JSON("{\"a\" 1}", "ERR invalid JSON: a : is missing, at byte 5");
    JSON("{a:1}", "ERR invalid JSON: a name in quotes is missing, at byte 1");
    JSON("01", "ERR invalid JSON: a number is cut, at byte 2");
    JSON("1.", "ERR invalid JSON: a number is cut, at byte 2");
    JSON("1e999", "ERR invalid JSON: a number is too large, at byte 5");
    JSON("NaN", "ERR invalid JSON: a value is missing, at byte 0");
    JSON("1 2", "ERR invalid JSON: something stands behind it, at byte 2");
    JSON("\"\\ud83d\"",
         "ERR invalid JSON: half a character is escaped, at byte 7");
    JSON("\"\\x\"", "ERR invalid JSON: an unknown escape, at byte 3");
    JSON("\"a", "ERR invalid JSON: a string is open, at byte 2");
    JSON("\"\xff\"", "ERR invalid JSON: a string is not UTF-8, at byte 3");
    JSON("\"\n\"",
         "ERR invalid JSON: a control character in a string, at byte 2");
}

/* --------------------------------- Words --------------------------------- */

static void test_words_of_a_text(void) {
    const char *said = "It's 2 Ünïcode\u2014WORDS, \u0416\u0443\u043a; "
                       "\u732b\u304c \xce\xa3";
    static const char *const wanted[] = {
        "it", "s", "2", "ünïcode", "words", "\u0436\u0443\u043a",
        "\u732b", "\u304c", "\xcf\x83"};
    nr_tokens t = {.at = (const unsigned char *)said,
                   .end = (const unsigned char *)said + strlen(said)};
    size_t i = 0;
    for (; nr_tokens_next(&t); i++)
        CHECK(i < 9 && t.n == strlen(wanted[i]) &&
              !memcmp(t.word, wanted[i], t.n));
    CHECK(i == 9);
}

/* ------------------------------- Encodings ------------------------------- */

typedef struct store {
    nr_buf bytes;
    size_t from[64], n;
} store;

static nr_bytes stored(const void *context, size_t dataset, size_t i) {
    const store *s = context;
    (void)dataset;
    return (nr_bytes){s->bytes.data + s->from[i], s->from[i + 1] - s->from[i]};
}

static void test_an_encoding_follows_from_the_samples(void) {
    nr_schema *s = schema_of("n:number c:category x:text t:time -> y:category",
                             NR_CLASSIFIER);
    store all = {0};
    char json[256];
    for (int i = 0; i < 48; i++) {
        snprintf(json, sizeof json,
                 "{\"n\":%s,\"c\":\"%s\",\"x\":\"red %s\",\"t\":%d,"
                 "\"y\":\"%s\"}",
                 i == 7 ? "null" : (char[]){(char)('0' + i / 10),
                                            (char)('0' + i % 10), '\0'} +
                                       (i < 10),
                 i % 4 ? "often" : i ? "some" : "once",
                 i % 2 ? "apple" : "fire truck", i * 86400,
                 i % 3 ? "no" : "yes");
        CHECK(make_json(s, json, &all.bytes) == NR_OK);
        all.from[++all.n] = all.bytes.len;
    }
    nr_records records = {s, {all.n, 0}, stored, &all, 0, false};
    nr_encoding *e = NULL;
    CHECK(nr_encoding_fit(&records, NR_CLASSIFIER, &e, &err) == NR_OK);
    CHECK(e->codes[0].bins == 8 && e->codes[0].gap);
    CHECK(e->codes[1].terms.n == 2 && e->codes[1].other && !e->codes[1].gap);
    CHECK(e->codes[2].terms.n == 7);
    CHECK(e->codes[3].circles == (NR_HOURS | NR_WEEKDAYS | NR_FINER));
    CHECK(e->codes[3].bins == 8 && e->codes[3].columns == 1 + 12 + 8);
    CHECK(e->columns == 10 + 3 + 7 + 21 && nr_encoding_outputs(e) == 2);
    nr_value values[5];
    float row[41], target;
    CHECK(nr_record_read(s, stored(&all, 0, 7), values, NULL));
    nr_encode(e, values, row, &target);
    CHECK(row[9] == 1 && fabsf(row[0]) < 1e-6f && target == 0);
    CHECK(row[10] == 1 && row[11] == 0 && row[12] == 0);
    nr_buf packed = {0}, again = {0};
    CHECK(nr_encoding_put(e, &packed));
    nr_cursor c = {packed.data, packed.data + packed.len, false};
    nr_encoding *back = NULL;
    CHECK(nr_encoding_get(&c, NR_CLASSIFIER, &back, &err) == NR_OK);
    CHECK(back && nr_encoding_put(back, &again));
    CHECK(packed.len == again.len &&
          !memcmp(packed.data, again.data, packed.len));
    nr_encoding_drop(back);
    for (size_t cut = 0; cut < packed.len; cut += 7) {
        c = (nr_cursor){packed.data, packed.data + cut, false};
        CHECK(nr_encoding_get(&c, NR_CLASSIFIER, &back, &err) == NR_ERR);
    }
    nr_buf_free(&packed);
    nr_buf_free(&again);
    nr_encoding_drop(e);
    nr_buf_free(&all.bytes);
    nr_schema_drop(s);
}

int main(void) {
    test_descriptions_have_one_form();
    test_bad_descriptions_are_told();
    test_fields_come_and_go();
    test_bad_changes_are_told();
    test_times();
    test_a_value_has_one_form_however_it_is_said();
    test_what_is_missing_is_nil();
    test_bad_values_are_told();
    test_json_to_the_letter();
    test_words_of_a_text();
    test_an_encoding_follows_from_the_samples();
    return summary();
}
