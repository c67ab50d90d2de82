/* Any bytes as what a trained network with fields is asked, by commands in each of
 * their forms, and by nr_net_ask, which knows no command: refused, or answered
 * with numbers; and whatever nr_net_ask answers NR.RUN and NR.CLASS answer alike,
 * to the bit. The network stays as it is.
 *
 *     make fuzz
 *
 * The first byte says how it is asked and which network, the rest is the question.
 * With -DNR_FUZZ_MAIN any compiler makes a program of it that runs the files it is
 * given. A broken promise aborts. */

#include "model/net.h"
#include "fuzz.h"

enum { NETS = 3, WORDS = 24 };

/* A classifier, a regressor, and one that reads sequences. */
static const char *const CREATE[NETS][WORDS] = {
    {"NR.CREATE", "k", "CLASSIFIER", "n:number", "f:flag", "c:category",
     "t:time", "x:text", "v:vector(2)", "l:category(a,b)", "i:key", "3", "->",
     "y:category", "MEMBERS", "2", "SEED", "1"},
    {"NR.CREATE", "k", "REGRESSOR", "n:number", "c:category", "x:text",
     "LINEAR", "->", "a:number", "b:number", "MEMBERS", "1", "SEED", "1"},
    {"NR.CREATE", "k", "CLASSIFIER", "n:number", "q:sequence(category)",
     "m:sequence(2)", "o:sequence", "2", "->", "y:category", "MEMBERS", "1",
     "SEED", "1"},
};
static const char SAMPLES[NETS][600] = {
    "[{\"n\":1,\"f\":true,\"c\":\"r\",\"t\":\"2026-11-27\",\"x\":\"a b c\","
    "\"v\":[1,2],\"l\":\"a\",\"i\":\"z\",\"y\":\"p\"},"
    "{\"n\":2.5,\"f\":false,\"c\":\"s\",\"t\":7e8,\"x\":\"a b\",\"v\":[0,5],"
    "\"l\":\"b\",\"y\":\"q\"},{\"n\":3,\"c\":\"r\",\"x\":\"b c\",\"y\":\"p\"},"
    "{\"y\":\"q\"},{\"n\":1,\"c\":\"s\",\"v\":[2,2],\"y\":\"q\"},"
    "{\"n\":-4,\"f\":true,\"c\":\"r\",\"t\":9e8,\"x\":\"c a b\",\"y\":\"p\"}]",
    "[{\"n\":1,\"c\":\"r\",\"x\":\"a b\",\"a\":1,\"b\":2},"
    "{\"n\":2,\"c\":\"s\",\"x\":\"b c\",\"a\":3,\"b\":-5},"
    "{\"c\":\"r\",\"a\":2,\"b\":7},{\"n\":7,\"x\":\"c a\",\"a\":4,\"b\":0}]",
    "[{\"n\":1,\"q\":[\"a\",\"b\"],\"m\":[[1,2],[3,4]],\"o\":[1],\"y\":\"p\"},"
    "{\"q\":\"a c b\",\"o\":[2,3,4],\"y\":\"q\"},{\"n\":2,\"m\":[[0,1]],"
    "\"y\":\"p\"},{\"q\":[\"b\",\"a\",\"a\"],\"y\":\"q\"}]",
};

static void execute(nr_net *net, size_t n, const char *const *argv,
                    const size_t *len) {
    nr_command cmd;
    nr_error err;
    nr_buf reply = {0};
    MUST(nr_command_parse(&cmd, n, argv, len, &err) == NR_OK);
    MUST(nr_net_execute(net, &cmd, false, &reply, &err) == NR_OK);
    nr_command_release(&cmd);
    nr_buf_free(&reply);
}

static nr_net *created(size_t which) {
    nr_command cmd;
    nr_error err;
    nr_net *net = NULL;
    size_t len[WORDS], n = 0;
    for (; n < WORDS && CREATE[which][n]; n++) len[n] = strlen(CREATE[which][n]);
    MUST(nr_command_parse(&cmd, n, CREATE[which], len, &err) == NR_OK);
    MUST(nr_net_create(&cmd, 7, 42, &net, &err) == NR_OK);
    nr_command_release(&cmd);
    return net;
}

static void train(nr_net *net) {
    const char *const argv[] = {"NR.TRAIN", "k", "MAXCYCLES", "5"};
    const size_t len[] = {8, 1, 9, 1};
    nr_command cmd;
    nr_error err;
    nr_trainer *trainer = NULL;
    nr_net *trained = NULL;
    MUST(nr_command_parse(&cmd, 4, argv, len, &err) == NR_OK);
    MUST(nr_trainer_create(net, &cmd, &trainer, &err) == NR_OK);
    while (nr_trainer_step(trainer, 0) == 1) continue;
    MUST(nr_trainer_finish(trainer, 0, &trained, &err) == NR_OK);
    MUST(nr_net_merge(net, trained, &err) == NR_OK);
    nr_net_free(trained);
    nr_trainer_free(trainer);
    nr_command_release(&cmd);
}

static nr_net *net_of(size_t which) {
    static nr_net *nets[NETS]; /* until the process ends */
    if (nets[which]) return nets[which];
    const char *argv[] = {"NR.OBSERVE", "k", "JSON", SAMPLES[which], "TRAIN"};
    const size_t len[] = {10, 1, 4, strlen(SAMPLES[which]), 5};
    nr_net *net = created(which);
    execute(net, 5, argv, len);
    train(net);
    nets[which] = net;
    return net;
}

/* The reply to a question in one of its forms; empty: it was refused. */
static nr_status asked(nr_net *net, const char *verb, const char *form,
                       const uint8_t *data, size_t size, nr_buf *reply) {
    const char *argv[] = {verb, "k", form, (const char *)data};
    const size_t len[] = {strlen(verb), 1, strlen(form), size};
    nr_command cmd;
    nr_error err;
    MUST(nr_command_parse(&cmd, 4, argv, len, &err) == NR_OK);
    nr_status status = nr_net_execute(net, &cmd, false, reply, &err);
    MUST(status == NR_OK || !memcmp(err.text, "ERR ", 4));
    nr_command_release(&cmd);
    return status;
}

/* The numbers behind the names of one row. */
static size_t read_outputs(const nr_buf *reply, double *outputs) {
    nr_cursor c = {reply->data, reply->data + reply->len, false};
    size_t n = 0;
    nr_bytes name;
    MUST(nr_get_array(&c, &n) && n % 2 == 0 && n <= 8);
    for (size_t i = 0; i < n / 2; i++)
        MUST(nr_get_bin(&c, &name) && nr_get_double(&c, &outputs[i]) &&
             outputs[i] - outputs[i] == 0);
    MUST(c.at == c.end);
    return n / 2;
}

static void compare(nr_net *net, const uint8_t *data, size_t size) {
    double ours[4] = {0}, theirs[4] = {0};
    nr_question question = {.net = net, .outputs = ours};
    nr_buf reply = {0};
    bool classifier = net->h.kind == NR_CLASSIFIER;
    nr_status status = nr_net_ask(&question, data, (int)size);
    if (status == NR_OK) {
        MUST(asked(net, "NR.RUN", "MSGPACK", data, size, &reply) == NR_OK);
        size_t n = read_outputs(&reply, theirs);
        MUST(!memcmp(ours, theirs, n * sizeof *ours));
        if (classifier) {
            question.outputs = NULL;
            MUST(nr_net_ask(&question, data, (int)size) == NR_OK);
            for (size_t i = 0; i < n; i++)
                MUST(ours[i] <= ours[question.class]);
        }
    } else if (size && (data[0] & 0xf0) == 0x80 &&
               !net->inner->h.recurrent.fields) {
        MUST(asked(net, "NR.RUN", "MSGPACK", data, size, &reply) != NR_OK);
    }
    nr_buf_free(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const forms[] = {"JSON", "MSGPACK", "COLUMNS"};
    if (size < 1) return 0;
    nr_net *net = net_of(data[0] / 4 % NETS);
    nr_buf reply = {0};
    if (data[0] % 4 == 3) {
        compare(net, data + 1, size - 1);
    } else {
        const char *form = forms[data[0] % 4];
        asked(net, "NR.RUN", form, data + 1, size - 1, &reply);
        reply.len = 0;
        asked(net, "NR.CLASS", form, data + 1, size - 1, &reply);
    }
    nr_buf_free(&reply);
    return 0;
}
