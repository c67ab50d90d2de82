/* Any bytes as samples of a network with fields, of generators of one sequence and from
 * one to another, or as steps of a forecaster, in each form that they may have: refused, and
 * nothing has changed, or kept as records that are sound, the same when they are said
 * again, and learned from.
 *
 *     make fuzz
 *
 * The first byte says which form and which network, the rest are the samples. With -DNR_FUZZ_MAIN
 * any compiler makes a program of it that runs the files it is given. A broken
 * promise aborts. */

#include "encode/sequences.h"
#include "encode/said.h"
#include "encode/sequence.h"
#include "model/net.h"
#include "fuzz.h"

enum { FORMS = 3, NETS = 4, WORDS = 24, STATE = 3 };
static const char *const CREATE[NETS][WORDS] = {
    {"NR.CREATE", "k", "CLASSIFIER", "n:number", "f:flag", "c:category",
     "t:time", "x:text", "v:vector(2)", "l:category(a,b)", "i:key",
     "q:sequence(category)", "m:sequence(2)", "o:sequence", "->", "y:category",
     "DATASET", "8", "TEST", "4", "SEED", "1"},
    {"NR.CREATE", "k", "FORECASTER", "n:number", "f:flag", "->", "y:number",
     "z:number", "DATASET", "9", "HORIZON", "1", "SEED", "1"},
    {"NR.CREATE", "k", "GENERATOR", "w:sequence(char)", "3", "->",
     "s:sequence(category)", "DATASET", "8", "TEST", "4", "SEED", "1"},
    {"NR.CREATE", "k", "GENERATOR", "3", "->", "s:sequence(category)", "DATASET",
     "8", "TEST", "4", "SEED", "1"},
};

static nr_net *made(size_t which) {
    const char *const *argv = CREATE[which];
    nr_command cmd;
    nr_error err;
    nr_net *net = NULL;
    size_t len[WORDS], n = 0;
    for (; n < WORDS && argv[n]; n++) len[n] = strlen(argv[n]);
    MUST(nr_command_parse(&cmd, n, argv, len, &err) == NR_OK);
    MUST(nr_net_create(&cmd, 7, 42, &net, &err) == NR_OK);
    nr_command_release(&cmd);
    return net;
}

/* What was kept, encoded by an encoding of its own, which reads back. */
static nr_bytes record_of(const void *context, size_t dataset, size_t i) {
    return nr_record_at(context, (nr_dataset_id)dataset, i);
}

/* Every step is a number, or of the vocabulary. */
static void look_at(const nr_sequences *s, size_t field, size_t number) {
    nr_steps steps = nr_sequences_get(s, field, number);
    size_t width = s->lists[field].width;
    MUST(steps.n <= NR_MAX_STEPS);
    for (size_t i = 0; i < steps.n * width; i++)
        MUST(steps.x[i] - steps.x[i] == 0);
    for (size_t i = 0; i < steps.n && !width; i++)
        MUST(steps.ids[i] <= NR_MAX_SYMBOLS);
}

static void encode(const nr_net *net) {
    nr_records records = {net->schema, {net->h.len[0], net->h.len[1]},
                          record_of, net, NR_MAX_SYMBOLS, true};
    nr_encoding *encoding = NULL, *back = NULL;
    nr_error err;
    nr_buf packed = {0};
    MUST(nr_encoding_fit(&records, NR_CLASSIFIER, &encoding, &err) == NR_OK);
    MUST(nr_encoding_put(encoding, &packed));
    nr_cursor c = {packed.data, packed.data + packed.len, false};
    MUST(nr_encoding_get(&c, NR_CLASSIFIER, &back, &err) == NR_OK);
    size_t n = back->columns + 3 * STATE;
    float *row = malloc(n * sizeof *row), target;
    nr_value values[13];
    nr_sequences *sequences = nr_sequences_new(back);
    MUST(row && sequences && sequences->n == 3);
    for (size_t i = 0; i < net->h.len[0]; i++) {
        MUST(nr_record_read(back->schema, record_of(net, 0, i), values, NULL));
        MUST(nr_encode_row(back, values, sequences, STATE, row, &target));
        for (size_t k = 0; k < n; k++) MUST(row[k] - row[k] == 0);
        for (size_t f = 0; f < 3; f++) look_at(sequences, f, i);
    }
    nr_sequences_drop(sequences);
    free(row);
    nr_encoding_drop(encoding);
    nr_encoding_drop(back);
    nr_buf_free(&packed);
}

/* The others, too, learn from what was kept, and go on from it. */
static void learn(nr_net *net) {
    const char *const train[] = {"NR.TRAIN", "k", "MAXCYCLES", "2"};
    const char *const run[] = {"NR.RUN", "k",
                               net->schema->inputs ? "w=ab" : "s=ab"};
    const size_t len[] = {8, 1, 9, 1}, run_len[] = {6, 1, 4};
    size_t words = net->h.kind == NR_GENERATOR ? 3 : 2;
    nr_command cmd;
    nr_error err;
    nr_buf reply = {0};
    nr_trainer *trainer = NULL;
    nr_net *trained = NULL;
    MUST(nr_command_parse(&cmd, 4, train, len, &err) == NR_OK);
    if (nr_trainer_create(net, &cmd, &trainer, &err) == NR_OK) {
        while (nr_trainer_step(trainer, 0)) {}
        MUST(nr_trainer_finish(trainer, 0, &trained, &err) == NR_OK);
        MUST(nr_net_merge(net, trained, &err) == NR_OK);
        MUST(nr_command_parse(&cmd, words, run, run_len, &err) == NR_OK);
        nr_status status = nr_net_execute(net, &cmd, false, &reply, &err);
        MUST(status == NR_OK || !net->inner);
        nr_command_release(&cmd);
    }
    nr_trainer_free(trainer);
    nr_net_free(trained);
    nr_buf_free(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const forms[FORMS] = {"JSON", "MSGPACK", "COLUMNS"};
    if (size < 1) return 0;
    const char *form = forms[data[0] % FORMS];
    size_t which = data[0] / FORMS % NETS;
    const char *argv[] = {"NR.OBSERVE", "k", form, (const char *)data + 1};
    const size_t len[] = {10, 1, strlen(form), size - 1};
    nr_command cmd;
    nr_error err;
    nr_buf reply = {0}, before = {0}, after = {0};
    nr_net *net = made(which);
    MUST(nr_command_parse(&cmd, 4, argv, len, &err) == NR_OK);
    MUST(nr_net_dump(net, &before, &err) == NR_OK);
    nr_status status = nr_net_execute(net, &cmd, false, &reply, &err);
    MUST(nr_net_dump(net, &after, &err) == NR_OK || status == NR_OK);
    if (status != NR_OK) {
        MUST(before.len == after.len &&
             !memcmp(before.data, after.data, after.len));
    } else {
        nr_net *copy = NULL; /* loading looks at each record */
        MUST(nr_net_load(after.data, after.len, 0, &copy, &err) == NR_OK);
        nr_net_free(copy);
        if (which)
            learn(net);
        else if (net->h.len[0])
            encode(net);
    }
    nr_command_release(&cmd);
    nr_buf_free(&reply);
    nr_buf_free(&before);
    nr_buf_free(&after);
    nr_net_free(net);
    return 0;
}
