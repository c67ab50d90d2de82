/* Any bytes as a client of Redis sends them: in pieces of any size, what is found must not depend
 * on the pieces, nothing may be kept beyond what came, and replies must be one a command.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -I nr/engine/core \
 *         tests/fuzz/fuzz_resp.c ... -lm -o fuzz_resp
 *
 * With -DNR_FUZZ_MAIN any compiler makes a program of it that runs the files
 * it is given. A broken promise aborts. */

#include "grammar/resp.h"
#include "fuzz.h"

static nr_resp *made(bool trusted) {
    nr_resp *r = nr_resp_create();
    MUST(r);
    nr_resp_trust(r, trusted);
    return r;
}

/* All words of all commands, each with its length before it, and how it ended. */
static void note(nr_buf *notes, const nr_resp *r) {
    const nr_resp_head *h = &r->head;
    MUST(h->argc > 0);
    MUST(nr_put_array(notes, h->argc));
    for (size_t i = 0; i < h->argc; i++)
        MUST(nr_put_bin(notes, h->argv[i], h->arglen[i]));
}

static void check_error(const nr_error *err) {
    const char *end = memchr(err->text, '\0', sizeof err->text);
    MUST(end && !strncmp(err->text, "ERR Protocol error: ", 20));
    for (const char *p = err->text; p < end; p++) MUST(*p >= ' ' && *p <= '~');
}

/* Feeds pieces of `step` bytes, and takes what is found after each. */
static int all(nr_resp *r, const uint8_t *data, size_t size, size_t step,
               nr_buf *notes) {
    nr_error err;
    int found = 0;
    for (size_t at = 0; at < size && found >= 0; at += step) {
        size_t n = size - at < step ? size - at : step;
        MUST(nr_resp_feed(r, data + at, n, &err) == NR_OK);
        while ((found = nr_resp_next(r, &err)) > 0) note(notes, r);
        MUST(r->head.pending <= at + n);
        /* The bytes, twice as many at most, and two numbers a word. */
        MUST(nr_resp_memory(r) <= 2 * (at + n) + 64 + 2 * 2 * 8 * (at + n) + 256);
    }
    if (found < 0) check_error(&err);
    return found;
}

static void check_pieces(const uint8_t *data, size_t size, size_t step,
                         bool trusted) {
    nr_buf whole = {0}, parts = {0};
    nr_resp *one = made(trusted), *two = made(trusted);
    int first = all(one, data, size, size, &whole);
    int second = all(two, data, size, step, &parts);
    MUST(first == second);
    MUST(whole.len == parts.len);
    MUST(!whole.len || !memcmp(whole.data, parts.data, whole.len));
    nr_resp_free(one);
    nr_resp_free(two);
    nr_buf_free(&whole);
    nr_buf_free(&parts);
}

/* With a network to run on, and replies in either version. */
static void check_running(const uint8_t *data, size_t size, int protocol) {
    static nr_net *net;
    nr_error err;
    if (!net) {
        static const char *const argv[] = {"NR.CREATE", "net", "CLASSIFIER", "2",
                                           "->", "2", "SEED", "1"};
        static const size_t len[] = {9, 3, 10, 1, 2, 1, 4, 1};
        nr_command cmd;
        MUST(nr_command_parse(&cmd, 8, argv, len, &err) == NR_OK);
        MUST(nr_net_create(&cmd, 1, 1, &net, &err) == NR_OK);
        nr_command_release(&cmd);
    }
    nr_resp *r = made(true);
    MUST(nr_resp_feed(r, data, size, &err) == NR_OK);
    r->head.protocol = protocol;
    MUST(nr_resp_on(r, "net", 3, net, &err) == NR_OK);
    while (nr_resp_run(r, false) > 0)
        if (r->head.replies.len > 1 << 16) r->head.replies.len = 0;
    if (r->head.ran) {
        MUST(r->head.replies.len >= 2);
        MUST(!memcmp(r->head.replies.data + r->head.replies.len - 2, "\r\n", 2));
    }
    nr_resp_free(r);
}

/* What is no reply of ours is refused, and leaves nothing. */
static void check_reply(const uint8_t *data, size_t size, int protocol) {
    nr_error err;
    nr_resp *r = made(true);
    r->head.protocol = protocol;
    int verb = protocol == 3 ? NR_RUN : NR_INFO;
    if (nr_resp_reply(r, data, size, verb, &err) != NR_OK)
        MUST(!r->head.replies.len);
    nr_resp_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    size_t step = 1 + data[0] % 17;
    int protocol = 2 + data[1] % 2;
    data += 2, size -= 2;
    check_pieces(data, size, step, protocol == 3);
    check_running(data, size, protocol);
    check_reply(data, size, protocol);
    return 0;
}
