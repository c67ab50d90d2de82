/* Any bytes as a dump, with the checksum put right: refused, or a network that
 * runs, informs, observes, trains and dumps to the same bytes again.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -DNR_ISA=baseline \
 *         -ffp-contract=off -I nr/engine/core tests/fuzz/fuzz_dump.c \
 *         $(find nr/engine/core -name '*.c') -lm -lpthread -o fuzz_dump
 *     ./fuzz_dump -max_len=4096 -rss_limit_mb=4096 tests/fuzz/corpus_dump
 *
 * With -DNR_FUZZ_MAIN any compiler makes a program of it that runs the files
 * it is given. A broken promise aborts. */

#include "model/net.h"
#include "fuzz.h"

enum { SUM = 9, SMALL = 20000 };

static void execute(nr_net *net, const char *const *argv, size_t argc) {
    nr_command cmd;
    nr_error err;
    nr_buf reply = {0};
    size_t len[8];
    for (size_t i = 0; i < argc; i++) len[i] = strlen(argv[i]);
    MUST(nr_command_parse(&cmd, argc, argv, len, &err) == NR_OK);
    nr_status status = nr_net_execute(net, &cmd, false, &reply, &err);
    MUST(status == NR_OK ? reply.len > 0 : !strncmp(err.text, "ERR ", 4));
    nr_command_release(&cmd);
    nr_buf_free(&reply);
}

static void train(const nr_net *net) {
    const char *argv[] = {"NR.TRAIN", "k", "MAXCYCLES", "2"};
    const size_t len[] = {8, 1, 9, 1};
    nr_command cmd;
    nr_error err;
    nr_trainer *trainer = NULL;
    nr_net *trained = NULL;
    MUST(nr_command_parse(&cmd, 4, argv, len, &err) == NR_OK);
    if (nr_trainer_create(net, &cmd, &trainer, &err) == NR_OK) {
        while (nr_trainer_step(trainer, 0)) {}
        MUST(nr_trainer_finish(trainer, 0, &trained, &err) == NR_OK);
    }
    nr_trainer_free(trainer);
    nr_net_free(trained);
    nr_command_release(&cmd);
}

/* More samples, of any bytes and of some that are records: all or none. */
static void keep(nr_net *net, const uint8_t *data, size_t size) {
    nr_buf before = {0}, after = {0}, frames = {0};
    uint32_t len = size < 300 ? (uint32_t)size : 300;
    nr_error err;
    for (int i = 0; i < 20 && net->h.records == NR_VARIABLE; i++) {
        uint32_t n = 1 + (len + (uint32_t)i * 7) % len;
        MUST(nr_buf_append(&frames, &n, sizeof n));
        MUST(nr_buf_append(&frames, data, n));
    }
    MUST(nr_net_dump(net, &before, &err) == NR_OK);
    for (int i = 0; i < 2; i++) {
        nr_bytes bytes = i ? (nr_bytes){frames.data, frames.len}
                           : (nr_bytes){data, size};
        nr_status status = nr_net_put(net, bytes, NR_DATASET_ANY, &err);
        MUST(status == NR_OK || !strncmp(err.text, "ERR ", 4));
        after.len = 0;
        MUST(nr_net_dump(net, &after, &err) == NR_OK);
        MUST(status == NR_OK || (before.len == after.len &&
                                 !memcmp(before.data, after.data, after.len)));
        before.len = 0;
        MUST(nr_buf_append(&before, after.data, after.len));
    }
    nr_buf_free(&before);
    nr_buf_free(&after);
    nr_buf_free(&frames);
}

static void use(nr_net *net) {
    const char *const commands[][3] = {{"NR.INFO", "k"},
                                       {"NR.HISTORY", "k"},
                                       {"NR.CONFIGURE", "k"},
                                       {"NR.DUMP", "k"},
                                       {"NR.RESET", "k"}};
    const char *const run[] = {"NR.RUN", "k", "1"};
    const char *const ahead[] = {"NR.RUN", "k", "INTERVAL", "0.5"};
    const char *const read[] = {"NR.RUN", "k", "s=a b c a", "v=[[1,2],[3,4]]"};
    const char *const score[] = {"NR.SCORE", "k", "s=a b c a"};
    const char *const text[] = {"NR.GENERATE", "k", "s=a", "LENGTH", "3"};
    const char *const told[] = {"NR.RUN", "k", "w=ab", "BEAM", "3", "LENGTH", "4"};
    const char *const pair[] = {"NR.SCORE", "k", "w=ab", "s=B0 A1"};
    nr_buf dump = {0}, again = {0};
    nr_net *copy = NULL;
    nr_error err;
    MUST(nr_net_dump(net, &dump, &err) == NR_OK);
    MUST(nr_net_load(dump.data, dump.len, 0, &copy, &err) == NR_OK);
    MUST(nr_net_dump(copy, &again, &err) == NR_OK);
    MUST(dump.len == again.len && !memcmp(dump.data, again.data, dump.len));
    if (net->params < SMALL && net->h.options.threads == 1) {
        execute(net, run, 3);
        execute(net, read, 4);
        execute(net, ahead, 4);
        execute(net, score, 3);
        execute(net, text, 5);
        execute(net, told, 7);
        execute(net, pair, 4);
        train(net);
    }
    for (size_t i = 0; i < 5; i++) execute(copy, commands[i], 2);
    nr_net_free(copy);
    nr_buf_free(&dump);
    nr_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    nr_net *net;
    nr_error err;
    if (size < SUM) {
        MUST(nr_net_load(data, size, 0, &net, &err) == NR_ERR);
        return 0;
    }
    unsigned char *blob = malloc(size);
    MUST(blob);
    memcpy(blob, data, size);
    uint64_t sum = nr_checksum(blob, size - SUM);
    blob[size - SUM] = 0xcf;
    for (size_t i = 0; i < 8; i++)
        blob[size - 8 + i] = (unsigned char)(sum >> (56 - 8 * i));
    nr_status status = nr_net_load(blob, size, 0, &net, &err);
    free(blob);
    if (status == NR_OK) {
        use(net);
        keep(net, data, size);
        nr_net_free(net);
    } else {
        MUST(!strncmp(err.text, "ERR ", 4));
    }
    return 0;
}
