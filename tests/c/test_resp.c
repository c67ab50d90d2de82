/* The protocol of Redis: what is found in what clients send, and what is refused. */

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "grammar/resp.h"
#include "making.h"


static nr_resp *fed(const char *text, size_t len) {
    nr_resp *r = nr_resp_create();
    nr_resp_trust(r, true);
    CHECK(nr_resp_feed(r, text, len, &err) == NR_OK);
    return r;
}

#define FED(text) fed(text, sizeof text - 1)

static bool is(const nr_resp *r, size_t i, const char *word) {
    return r->head.argc > i && r->head.arglen[i] == strlen(word) &&
           !memcmp(r->head.argv[i], word, strlen(word));
}

/* ------------------------------- Commands -------------------------------- */

static void test_arrays_and_lines_are_commands(void) {
    nr_resp *r = FED("*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\nPING 'a b'\r\nQUIT\n");
    CHECK(nr_resp_next(r, &err) == 1);
    CHECK(r->head.argc == 2 && is(r, 0, "ECHO") && is(r, 1, "a\r\n"));
    CHECK(r->head.pending == strlen("PING 'a b'\r\nQUIT\n"));
    CHECK(nr_resp_next(r, &err) == 1);
    CHECK(r->head.argc == 2 && is(r, 0, "PING") && is(r, 1, "a b"));
    CHECK(nr_resp_next(r, &err) == 1 && is(r, 0, "QUIT"));
    CHECK(nr_resp_next(r, &err) == 0 && !r->head.argc && !r->head.pending);
    nr_resp_free(r);
}

static void test_empty_commands_are_passed_over(void) {
    nr_resp *r = FED("\r\n*0\r\n*-1\r\n  \r\n*1\r\n$0\r\n\r\n");
    CHECK(nr_resp_next(r, &err) == 1);
    CHECK(r->head.argc == 1 && is(r, 0, ""));
    CHECK(nr_resp_next(r, &err) == 0);
    nr_resp_free(r);
}

static void test_a_command_may_come_byte_by_byte(void) {
    static const char text[] = "*3\r\n$3\r\nabc\r\n$0\r\n\r\n$12\r\n0123456789\r\n\r\n";
    nr_resp *r = nr_resp_create();
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        CHECK(nr_resp_next(r, &err) == 0 && r->head.pending == i);
        CHECK(nr_resp_feed(r, text + i, 1, &err) == NR_OK);
    }
    CHECK(nr_resp_next(r, &err) == 1 && r->head.argc == 3);
    CHECK(is(r, 0, "abc") && is(r, 1, "") && is(r, 2, "0123456789\r\n"));
    nr_resp_free(r);
}

static const char *broken(const char *text) {
    nr_resp *r = fed(text, strlen(text));
    CHECK(nr_resp_next(r, &err) == -1);
    nr_resp_free(r);
    return err.text;
}

static void test_what_is_no_command_is_told(void) {
#define TOLD(text, why) \
    CHECK(!strcmp(broken(text), "ERR Protocol error: " why))
    TOLD("*a\r\n", "invalid multibulk length");
    TOLD("*\r\n", "invalid multibulk length");
    TOLD("*1048577\r\n", "invalid multibulk length");
    TOLD("*3333333333\r\n", "invalid multibulk length");
    TOLD("*99999999999999999999\r\n", "invalid multibulk length");
    TOLD("*1\r\n$a\r\n", "invalid bulk length");
    TOLD("*1\r\n$-1\r\n", "invalid bulk length");
    TOLD("*1\r\n$1073741824\r\n", "invalid bulk length");
    TOLD("*1\r\n$536870913\r\n", "invalid bulk length");
    TOLD("*1\r\nPING\r\n", "expected '$', got 'P'");
    TOLD("*1\r\n\x01\r\n", "expected '$', got '\\x01'");
    TOLD("*1\r\n$1\r\nab\r\n", "expected the end of a line behind an argument");
    TOLD("PING 'a\r\n", "unbalanced quotes in request");
#undef TOLD
}

static void test_lines_are_bounded(void) {
    enum { SIZE = 1 << 17 };
    char *text = malloc(SIZE);
    static const struct {
        const char *head, *why;
    } cases[] = {{"a", "too big inline request"},
                 {"*", "too big mbulk count string"},
                 {"*1\r\n$", "too big bulk count string"}};
    for (size_t i = 0; i < 3; i++) {
        memset(text, '1', SIZE);
        memcpy(text, cases[i].head, strlen(cases[i].head));
        nr_resp *r = fed(text, SIZE);
        CHECK(nr_resp_next(r, &err) == -1);
        CHECK(!strcmp(err.text + strlen("ERR Protocol error: "), cases[i].why));
        nr_resp_free(r);
    }
    free(text);
}

static void test_a_command_is_bounded_as_a_whole(void) {
    nr_resp *r = nr_resp_create(); /* which is not trusted */
    char word[1 << 14], head[32];
    memset(word, 'a', sizeof word);
    CHECK(nr_resp_feed(r, "*16\r\n", 5, &err) == NR_OK);
    int found = 0, words = 0;
    for (; words < 16 && !found; words++) {
        int n = snprintf(head, sizeof head, "$%zu\r\n", sizeof word);
        CHECK(nr_resp_feed(r, head, (size_t)n, &err) == NR_OK);
        CHECK(nr_resp_feed(r, word, sizeof word, &err) == NR_OK);
        CHECK(nr_resp_feed(r, "\r\n", 2, &err) == NR_OK);
        found = nr_resp_next(r, &err);
    }
    CHECK(found == -1 && words == 4);
    CHECK(!strcmp(err.text, "ERR Protocol error: too big a command"));
    nr_resp_free(r);
}

static void test_who_is_not_trusted_sends_little(void) {
    for (int trusted = 0; trusted < 2; trusted++) {
        static const char *const text[] = {"*17\r\n", "*1\r\n$16385\r\n"};
        for (size_t i = 0; i < 2; i++) {
            nr_resp *r = fed(text[i], strlen(text[i]));
            nr_resp_trust(r, trusted);
            CHECK(nr_resp_next(r, &err) == (trusted ? 0 : -1));
            nr_resp_free(r);
        }
    }
}

static void test_memory_follows_what_came_and_not_what_was_announced(void) {
    nr_resp *r = FED("*1048576\r\n$536870912\r\nabc");
    CHECK(nr_resp_next(r, &err) == 0);
    CHECK(nr_resp_memory(r) < 1024);
    nr_resp_free(r);
}

static void test_nothing_is_kept_of_a_large_command(void) {
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    nr_resp *r = FED("*1\r\n$1048576\r\n");
    memset(text, 'a', SIZE);
    CHECK(nr_resp_feed(r, text, SIZE, &err) == NR_OK);
    CHECK(nr_resp_feed(r, "\r\n", 2, &err) == NR_OK);
    CHECK(nr_resp_next(r, &err) == 1 && r->head.arglen[0] == SIZE);
    CHECK(nr_resp_memory(r) > SIZE);
    CHECK(nr_resp_next(r, &err) == 0);
    CHECK(nr_resp_memory(r) < 1024);
    nr_resp_free(r);
    free(text);
}

/* -------------------------------- Replies -------------------------------- */

static nr_status reply(nr_resp *r, const nr_buf *packed, size_t len,
                       int protocol, int verb) {
    r->head.protocol = protocol;
    return nr_resp_reply(r, packed->data, len, verb, &err);
}

static bool replied(nr_resp *r, const char *text) {
    nr_buf *replies = &r->head.replies;
    bool same = replies->len == strlen(text) &&
                !memcmp(replies->data, text, replies->len);
    replies->len = 0;
    return same;
}

static void test_replies_are_of_the_version_asked_for(void) {
    nr_buf packed = {0};
    nr_resp *r = nr_resp_create();
    nr_put_array(&packed, 7);
    nr_put_int(&packed, -7), nr_put_uint(&packed, UINT64_MAX);
    nr_put_str(&packed, "OK"), nr_put_bin(&packed, "a\r\n", 3);
    nr_put_double(&packed, 0.5), nr_put_nil(&packed);
    nr_put_map(&packed, 1), nr_put_bool(&packed, true), nr_put_array(&packed, 0);
    CHECK(reply(r, &packed, packed.len, 2, -1) == NR_OK);
    CHECK(replied(r, "*7\r\n:-7\r\n:18446744073709551615\r\n+OK\r\n"
                     "$3\r\na\r\n\r\n$3\r\n0.5\r\n$-1\r\n*2\r\n:1\r\n*0\r\n"));
    CHECK(reply(r, &packed, packed.len, 3, -1) == NR_OK);
    CHECK(replied(r, "*7\r\n:-7\r\n:18446744073709551615\r\n+OK\r\n"
                     "$3\r\na\r\n\r\n,0.5\r\n_\r\n%1\r\n#t\r\n*0\r\n"));
    CHECK(reply(r, &packed, packed.len - 1, 3, -1) ==
          NR_ERR);
    CHECK(!strcmp(err.text, "ERR the reply cannot be told"));
    CHECK(replied(r, ""));
    nr_resp_free(r);
    nr_buf_free(&packed);
}

static void test_a_text_of_several_lines_is_no_simple_string(void) {
    nr_buf packed = {0};
    nr_resp *r = nr_resp_create();
    nr_put_str(&packed, "a\nb");
    CHECK(reply(r, &packed, packed.len, 2, -1) == NR_OK);
    CHECK(replied(r, "$3\r\na\nb\r\n"));
    CHECK(nr_resp_error(r, "ERR no", 6, &err) == NR_OK);
    CHECK(replied(r, "-ERR no\r\n"));
    nr_resp_free(r);
    nr_buf_free(&packed);
}

static void test_names_and_values_are_a_map(void) {
    nr_buf pairs = {0}, rows = {0};
    nr_resp *r = nr_resp_create();
    nr_put_array(&pairs, 2), nr_put_bin(&pairs, "a", 1);
    nr_put_array(&pairs, 2), nr_put_uint(&pairs, 1), nr_put_uint(&pairs, 2);
    CHECK(reply(r, &pairs, pairs.len, 3, NR_INFO) == NR_OK);
    CHECK(replied(r, "%1\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n"));
    CHECK(reply(r, &pairs, pairs.len, 2, NR_INFO) == NR_OK);
    CHECK(replied(r, "*2\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n"));
    CHECK(reply(r, &pairs, pairs.len, 3, NR_GETDATA) == NR_OK);
    CHECK(replied(r, "*2\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n"));
    nr_put_array(&rows, 1), nr_put_array(&rows, 2);
    nr_put_bin(&rows, "a", 1), nr_put_double(&rows, 1);
    CHECK(reply(r, &rows, rows.len, 3, NR_RUN) == NR_OK);
    CHECK(replied(r, "*1\r\n%1\r\n$1\r\na\r\n,1\r\n"));
    nr_resp_free(r);
    nr_buf_free(&pairs);
    nr_buf_free(&rows);
}

/* --------------------------------- Runs ---------------------------------- */

static int run(nr_resp *r, const nr_net *net, bool again) {
    CHECK(nr_resp_on(r, "net", 3, net, &err) == NR_OK);
    return nr_resp_run(r, again);
}

static void test_runs_that_come_together_are_run_together(void) {
    nr_net *net = make("NR.CREATE net CLASSIFIER 2 -> 2 SEED 1");
    nr_resp *r = FED("NR.CLASS net 1 2\nnr.class net 1\nNR.CLASS net 2 1\n"
                     "NR.CLASS other 2 1\nNR.CLASS net 3 3\n");
    CHECK(run(r, net, false) == 1 && r->head.ran == 3);
    CHECK(is(r, 1, "other"));
    CHECK(r->head.replies.len > 12 && r->head.replies.data[0] == ':');
    CHECK(strstr((const char *)r->head.replies.data, "\r\n-ERR number of"));
    CHECK(run(r, net, true) == 1 && is(r, 1, "other")); /* still not ours */
    CHECK(run(r, net, false) == 0 && r->head.ran == 4);
    nr_resp_free(r);
    nr_net_free(net);
}

static void test_without_a_network_nothing_is_run(void) {
    nr_resp *r = FED("NR.CLASS net 1 2\nPING\n");
    CHECK(run(r, NULL, false) == 1 && is(r, 0, "NR.CLASS"));
    nr_net *net = make("NR.CREATE net CLASSIFIER 2 -> 2 SEED 1");
    CHECK(run(r, net, true) == 1 && is(r, 0, "PING") && r->head.ran == 1);
    nr_resp_free(r);
    nr_net_free(net);
}

static void test_much_work_is_left_to_the_host(void) {
    nr_net *net = make("NR.CREATE net CLASSIFIER 2 2000 2000 -> 2 SEED 1");
    nr_resp *r = FED("NR.CLASS net 1 2\n");
    CHECK(run(r, net, false) == 1 && !r->head.ran && !r->head.replies.len);
    nr_resp_free(r);
    nr_net_free(net);
}

static void test_forecasts_are_left_to_the_host(void) {
    nr_net *net = make("NR.CREATE net FORECASTER -> demand:number");
    nr_resp *r = FED("NR.RUN net FOR a\n");
    CHECK(net && run(r, net, false) == 1 && !r->head.ran);
    nr_resp_free(r);
    nr_net_free(net);
}

static void test_what_comes_is_run_in_one_call(void) {
    static const char text[] = "NR.CLASS net 1 2\nNR.CLASS net";
    nr_net *net = make("NR.CREATE net CLASSIFIER 2 -> 2 SEED 1");
    nr_resp *r = nr_resp_create();
    CHECK(nr_resp_on(r, "net", 3, net, &err) == NR_OK);
    for (int i = 0; i < 3; i++) {
        CHECK(nr_resp_take(r, text, sizeof text - 1) == 0);
        CHECK(r->head.replies.len == 4);
        CHECK(nr_resp_take(r, " 1 2\n*0\r\n", 9) == 0);
        CHECK(r->head.replies.len == 4 && r->head.ran == 2u * (unsigned)i + 2);
    }
    CHECK(nr_resp_take(r, "*a\r\n", 4) == -1);
    CHECK(strstr(r->head.error.text, "invalid multibulk length"));
    nr_resp_free(r);
    nr_net_free(net);
}

static void test_others_have_their_turn(void) {
    nr_net *net = make("NR.CREATE net CLASSIFIER 2 -> 2 SEED 1");
    nr_resp *r = nr_resp_create();
    for (int i = 0; i < 300; i++)
        nr_resp_feed(r, "NR.CLASS net 1 2\n", 17, &err);
    CHECK(run(r, net, false) == 2 && r->head.ran == 256);
    CHECK(run(r, net, false) == 0 && r->head.ran == 300);
    nr_resp_free(r);
    nr_net_free(net);
}

int main(void) {
    test_arrays_and_lines_are_commands();
    test_empty_commands_are_passed_over();
    test_a_command_may_come_byte_by_byte();
    test_what_is_no_command_is_told();
    test_lines_are_bounded();
    test_a_command_is_bounded_as_a_whole();
    test_who_is_not_trusted_sends_little();
    test_memory_follows_what_came_and_not_what_was_announced();
    test_nothing_is_kept_of_a_large_command();
    test_replies_are_of_the_version_asked_for();
    test_a_text_of_several_lines_is_no_simple_string();
    test_names_and_values_are_a_map();
    test_runs_that_come_together_are_run_together();
    test_without_a_network_nothing_is_run();
    test_much_work_is_left_to_the_host();
    test_forecasts_are_left_to_the_host();
    test_what_comes_is_run_in_one_call();
    test_others_have_their_turn();
    return summary();
}
