/* Samples as name=value: in the order of their fields, which is written as it is
 * read, and in any other, which is collected first. Both give the same. */

#include "encode/pairs.h"
#include "encode/said.h"
#include "making.h"

static nr_net *club(void) {
    return make("NR.CREATE club CLASSIFIER n:number f:flag c:category t:time "
                "x:text v:vector(2) l:category(a,b) -> y:category DATASET 4 "
                "TEST 2 SEED 1");
}

/* The record that a line says, with its length before it; whether in one pass. */
static nr_buf said_by(const nr_net *net, const char *line, bool *at_once) {
    nr_buf record = {0}, tried = {0};
    nr_said said;
    CHECK(run_bytes(line, strlen(line)) == NR_OK);
    bool running = cmd.verb == NR_RUN;
    *at_once = nr_pairs_put(net->schema, &cmd, running, &tried);
    if (nr_said_read(net->schema, &cmd, running, &record, &said, &err) == NR_OK)
        nr_said_free(&said);
    if (*at_once)
        CHECK(record.len == tried.len + 4 &&
              !memcmp(record.data + 4, tried.data, tried.len));
    nr_buf_free(&tried);
    release();
    return record;
}

static void expect_alike(const nr_net *net, const char *line,
                         const char *other, bool at_once, int at) {
    bool first, second;
    nr_buf a = said_by(net, line, &first), b = said_by(net, other, &second);
    check(a.len && a.len == b.len && !memcmp(a.data, b.data, a.len), other, at);
    check(first && second == at_once, other, at);
    nr_buf_free(&a);
    nr_buf_free(&b);
}

#define ALIKE(line, other, at_once)                                           \
    expect_alike(net, line, other, at_once, __LINE__)

static void test_any_order_gives_the_same_record(void) {
    nr_net *net = club();
    const char *whole = "NR.OBSERVE club n=33 f=yes c=5 t=2026-11-27 x=jazz "
                        "v=[1,2] l=a -> y=p";
    ALIKE(whole, "NR.OBSERVE club n=3.3e1 f=TRUE c=5 t=2026-11-27T00:00Z "
                 "x=jazz v=[1.0,2] l=a -> y=p", true);
    ALIKE(whole, "NR.OBSERVE club l=a v=[1,2] x=jazz t=2026-11-27 c=5 f=yes "
                 "n=33 -> y=p", false);
    ALIKE(whole, "NR.OBSERVE club n=33 c=5 f=yes t=2026-11-27 x=jazz v=[1,2] "
                 "l=a -> y=p", false);
    ALIKE("NR.OBSERVE club c=5 -> y=p",
          "NR.OBSERVE club n= f=NA c=5 t=null x= -> y=p", true);
    ALIKE("NR.OBSERVE club -> y=p", "NR.OBSERVE club l= n= -> y=p", false);
    ALIKE("NR.OBSERVE club n=0 -> y=p", "NR.OBSERVE club n=-0 -> y=p", true);
    ALIKE("NR.OBSERVE club n=1 -> y=p WEIGHT 2.5",
          "NR.OBSERVE club x= n=1 -> y=p WEIGHT 2.5", false);
    ALIKE("NR.OBSERVE club n=1 -> y=p",
          "NR.OBSERVE club n=1 -> y=p WEIGHT 1", true);
    ALIKE("NR.OBSERVE club n=1e-320 -> y=p", /* a denormal number */
          "NR.OBSERVE club f= n=1e-320 -> y=p", false);
    ALIKE("NR.RUN club n=1 l=b", "NR.RUN club l=b n=1", false);
    nr_net_free(net);
}

static void test_outputs_in_any_order(void) {
    nr_net *net = make("NR.CREATE club REGRESSOR a:number -> y:number z:number "
                       "SEED 1");
    ALIKE("NR.OBSERVE club a=1 -> y=2 z=3", "NR.OBSERVE club a=1 -> z=3 y=2",
          false);
    nr_net_free(net);
}

static void test_names_that_begin_alike_are_told_apart(void) {
    nr_net *net = make("NR.CREATE club CLASSIFIER a:number aa:number -> "
                       "aaa:category SEED 1");
    ALIKE("NR.OBSERVE club aa=1 -> aaa=p", "NR.OBSERVE club aa=1 a= -> aaa=p",
          false);
    ALIKE("NR.OBSERVE club a=1 aa=2 -> aaa=p",
          "NR.OBSERVE club aa=2 a=1 -> aaa=p", false);
    nr_net_free(net);
}

/* What was dropped has a slot, and what was added one behind the output's. */
static void test_fields_that_came_and_went(void) {
    nr_net *net = club();
    nr_buf reply = {0};
    CHECK(execute(net, "NR.FIELDS club DROP f", &reply) == NR_OK);
    ALIKE("NR.OBSERVE club n=1 c=5 -> y=p", "NR.OBSERVE club c=5 n=1 -> y=p",
          false);
    CHECK(execute(net, "NR.FIELDS club ADD z:number", &reply) == NR_OK);
    ALIKE("NR.OBSERVE club n=1 c=5 -> y=p",
          "NR.OBSERVE club n=1 c=5 z= -> y=p", true);
    ALIKE("NR.OBSERVE club n=1 c=5 z=3 -> y=p",
          "NR.OBSERVE club z=3 n=1 c=5 -> y=p", false);
    ALIKE("NR.RUN club n=1 z=3", "NR.RUN club z=3 n=1", false);
    nr_buf_free(&reply);
    nr_net_free(net);
}

/* Names come before values, and values in the order of their fields. */
static void test_the_first_error_is_told_in_any_order(void) {
    nr_net *net = club();
    nr_buf reply = {0};
    static const char *const lines[][2] = {
        {"NR.OBSERVE club n=old aeg=1 -> y=p", "ERR no field 'aeg' in club"},
        {"NR.OBSERVE club n=old n=1 -> y=p", "ERR field n is given twice"},
        {"NR.OBSERVE club n=old -> f=yes", "ERR field f belongs before '->'"},
        {"NR.OBSERVE club y=p -> n=old", "ERR field y belongs behind '->'"},
        {"NR.OBSERVE club n=old f=x -> y=p",
         "ERR field n: a number or nothing is needed, not 'old'"},
        {"NR.OBSERVE club f=x n=old -> y=p",
         "ERR field n: a number or nothing is needed, not 'old'"},
        {"NR.OBSERVE club n=1e999 -> y=p",
         "ERR field n: a number or nothing is needed, not '1e999'"},
        {"NR.OBSERVE club l=c -> y=p", "ERR field l: 'c' is none of a, b"},
        {"NR.OBSERVE club n=1 -> y=", "ERR field y: an output is needed"},
        {"NR.OBSERVE club n=1 -> n=1", "ERR field n belongs before '->'"},
        {"NR.OBSERVE club n=1 -> y=p y=p", "ERR field y is given twice"},
        {"NR.OBSERVE club n=1 -> y=p n=1", "ERR field n belongs before '->'"},
        {"NR.OBSERVE club -> n=1 y=p", "ERR field n belongs before '->'"},
        {"NR.RUN club n=old y=p",
         "ERR field y is an output: it is asked for, not given"},
        {"NR.RUN club y=", "ERR field y is an output: it is asked for, not "
                           "given"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        nr_status status = execute(net, lines[i][0], &reply);
        if (!check(status == NR_ERR && !strcmp(err.text, lines[i][1]),
                   lines[i][0], __LINE__))
            fprintf(stderr, "  got: %s\n", err.text);
        CHECK(!reply.len && !net->h.len[0] && !net->h.len[1]);
    }
    nr_buf_free(&reply);
    nr_net_free(net);
}

static void test_a_record_too_long_is_refused(void) {
    enum { TEXTS = 17, LONG = 65536 };
    char line[2048] = "NR.CREATE k CLASSIFIER", *long_line;
    for (int i = 0; i < TEXTS; i++)
        sprintf(line + strlen(line), " x%d:text", i);
    strcat(line, " -> y:category SEED 1");
    nr_net *net = make(line);
    nr_buf reply = {0};
    CHECK((long_line = malloc(TEXTS * (LONG + 9) + 99)) != NULL);
    char *at = long_line + sprintf(long_line, "NR.OBSERVE k");
    for (int i = 0; i < TEXTS; i++) {
        at += sprintf(at, " x%d=", i);
        memset(at, 'a', LONG);
        at += LONG;
    }
    strcpy(at, " -> y=p");
    CHECK(execute(net, long_line, &reply) == NR_ERR);
    CHECK(!strncmp(err.text, "ERR a sample of 1114", 20));
    CHECK(!reply.len && !net->h.len[0]);
    free(long_line);
    nr_buf_free(&reply);
    nr_net_free(net);
}

/* ============================ Without memory ============================= */

static void *none(size_t size) {
    (void)size;
    return NULL;
}

static void *none_again(void *memory, size_t size) {
    (void)memory, (void)size;
    return NULL;
}

static void test_a_usual_sample_takes_no_memory_of_its_own(void) {
    nr_net *net = club();
    nr_buf reply = {0};
    const char *line = "NR.OBSERVE club n=33 f=yes c=5 t=2026-11-27 x=jazz "
                       "l=a -> y=p";
    for (int i = 0; i < 12; i++) CHECK(execute(net, line, &reply) == NR_OK);
    CHECK(run_bytes(line, strlen(line)) == NR_OK);
    for (int i = 0; i < 20; i++) {
        reply.len = 0;
        nr_set_allocator(none, none_again, free);
        nr_status status = nr_net_execute(net, &cmd, false, &reply, &err);
        nr_set_allocator(malloc, realloc, free);
        CHECK(status == NR_OK);
        CHECK(reply.len == 3 && !memcmp(reply.data, "\x92\x04\x02", 3));
    }
    release();
    nr_buf_free(&reply);
    nr_net_free(net);
}

int main(void) {
    test_any_order_gives_the_same_record();
    test_outputs_in_any_order();
    test_names_that_begin_alike_are_told_apart();
    test_fields_that_came_and_went();
    test_the_first_error_is_told_in_any_order();
    test_a_record_too_long_is_refused();
    test_a_usual_sample_takes_no_memory_of_its_own();
    return summary();
}
