/* Any bytes as what was saved of a training: refused, and the training is then as if
 * nothing had been offered; or taken, and saved again it is the same bytes, and ends as
 * a network that can be dumped and read again.
 *
 *     make fuzz
 *     build/fuzz/checkpoint -runs=500000 -max_len=4096 build/fuzz/corpus_checkpoint
 *
 * The first byte says of which training; the second whether the rest is all of what was
 * saved, or edits of what it has really saved, and whether version, digest and checksum
 * are then put right. With -DNR_FUZZ_MAIN any compiler makes a program of it that runs
 * the files it is given. A broken promise aborts. */

#include "grammar/syntax.h"
#include "train/language.h"
#include "train/translate.h"
#include "fuzz.h"

enum {
    SAVED = 6, /* of each training: as it stands after so many cycles */
    EDIT = 10, /* bytes: where, and eight to put there */
    STEPS = 3, /* that a training takes after what it was offered */
    OFTEN = 32 /* after so many that it refused it is trained to its end */
};
static const uint64_t DIGEST = 7, ELAPSED = 1234;

/* A training: what it is of, observed with a digit in place of each #; what was saved
 * of it; and what came of it where nothing was offered. */
typedef struct sample {
    const char *create, *line, *train, *test;
    nr_net *net;
    nr_buf saved[SAVED], trained;
    size_t nsaved, refused;
    nr_trainer *fresh; /* that nothing was taken by */
} sample;

static sample samples[] = {
    {.create = "NR.CREATE k REGRESSOR 2 3 -> 1 SEED 2 MEMBERS 2 OPTIMIZER ADAM",
     .line = "NR.TRAIN k MAXCYCLES 4 AUTOSTOP BACKTRACK",
     .train = "NR.OBSERVE k # 2 -> 3 TRAIN",
     .test = "NR.OBSERVE k 1 # -> 2 TEST"},
    {.create = "NR.CREATE k CLASSIFIER 2 3 -> 2 SEED 2 MEMBERS 1",
     .line = "NR.TRAIN k MAXCYCLES 4 AUTOSTOP BACKTRACK",
     .train = "NR.OBSERVE k # 2 -> 1 TRAIN",
     .test = "NR.OBSERVE k 1 # -> 0 TEST"},
    {.create = "NR.CREATE k CLASSIFIER n:number c:category 2 -> y:category SEED 3 MEMBERS 1",
     .line = "NR.TRAIN k MAXCYCLES 3 AUTOSTOP BACKTRACK",
     .train = "NR.OBSERVE k n=# c=a -> y=p TRAIN",
     .test = "NR.OBSERVE k n=# c=b -> y=q TEST"},
    {.create = "NR.CREATE k FORECASTER -> y:number HORIZON 1 WINDOW 4 SEED 5 MEMBERS 1",
     .line = "NR.TRAIN k MAXCYCLES 3 AUTOSTOP BACKTRACK",
     .train = "NR.OBSERVE k -> y=#"},
    {.create = "NR.CREATE k GENERATOR 2 -> s:sequence(word) SEED 3 CELL LSTM BATCH 3 UNROLL 5",
     .line = "NR.TRAIN k MAXCYCLES 3 AUTOSTOP BACKTRACK",
     .train = "NR.OBSERVE k -> \"s=a b a #\" TRAIN",
     .test = "NR.OBSERVE k -> \"s=a b #\" TEST"},
    {.create = "NR.CREATE k GENERATOR a:sequence(char) 2 -> b:sequence(word) SEED 3 BATCH 6",
     .line = "NR.TRAIN k MAXCYCLES 3 AUTOSTOP BACKTRACK",
     .train = "NR.OBSERVE k a=a# -> \"b=A #\" TRAIN",
     .test = "NR.OBSERVE k a=b# -> \"b=B #\" TEST"},
};
enum { TRAININGS = sizeof samples / sizeof *samples };


static void parse(nr_command *cmd, nr_args *args, const char *line) {
    nr_error err;
    memset(args, 0, sizeof *args);
    MUST(nr_split(line, strlen(line), args, &err) == NR_OK);
    nr_status status = nr_command_parse(cmd, args->argc, args->argv, args->len, &err);
    if (status != NR_OK) fprintf(stderr, "%s\n", err.text);
    MUST(status == NR_OK);
}

static void observe(nr_net *net, const char *template, char digit) {
    char line[100];
    nr_command cmd;
    nr_args args;
    nr_error err;
    nr_buf reply = {0};
    strcpy(line, template);
    for (char *p = line; *p; p++)
        if (*p == '#') *p = digit;
    parse(&cmd, &args, line);
    MUST(nr_net_execute(net, &cmd, false, &reply, &err) == NR_OK);
    nr_buf_free(&reply);
    nr_command_release(&cmd);
    nr_buf_free(&args.memory);
}

static nr_trainer *begin(const sample *s) {
    nr_trainer *t = NULL;
    nr_command cmd;
    nr_args args;
    nr_error err;
    parse(&cmd, &args, s->line);
    MUST(nr_trainer_create(s->net, &cmd, &t, &err) == NR_OK);
    nr_command_release(&cmd);
    nr_buf_free(&args.memory);
    return t;
}

static bool go_on(nr_trainer *t) {
    if (t->language)
        nr_language_chunk(t);
    else if (t->translation)
        nr_translate_batch(t);
    else
        nr_cycle(t);
    return !t->over;
}

/* A few steps, and then stopped: the dump of what came of it, which can be read. */
static nr_buf finish(nr_trainer *t) {
    nr_net *trained = NULL, *read = NULL;
    nr_error err;
    nr_buf dump = {0};
    for (int i = 0; i < STEPS && go_on(t); i++) {}
    nr_trainer_stop(t);
    while (nr_trainer_step(t, 0)) {}
    MUST(nr_trainer_finish(t, 0, &trained, &err) == NR_OK);
    MUST(nr_net_dump(trained, &dump, &err) == NR_OK);
    nr_status status = nr_net_load(dump.data, dump.len, 0, &read, &err);
    if (status != NR_OK) fprintf(stderr, "%s\n", err.text);
    MUST(status == NR_OK);
    nr_net_free(read);
    nr_net_free(trained);
    nr_trainer_free(t);
    return dump;
}

static nr_buf save(const nr_trainer *t) {
    nr_buf saved = {0};
    nr_error err;
    if (nr_trainer_save_bytes(t))
        MUST(nr_trainer_save(t, DIGEST, ELAPSED, &saved, &err) == NR_OK);
    return saved;
}

static void make(sample *s) {
    enum { TRAIN = 12, TEST = 4 };
    nr_command cmd;
    nr_args args;
    nr_error err;
    parse(&cmd, &args, s->create);
    MUST(nr_net_create(&cmd, 7, 42, &s->net, &err) == NR_OK);
    nr_command_release(&cmd);
    nr_buf_free(&args.memory);
    for (char i = 0; i < TRAIN; i++) observe(s->net, s->train, (char)('0' + i % 10));
    for (char i = 0; i < TEST && s->test; i++) observe(s->net, s->test, (char)('0' + i));
    nr_trainer *t = begin(s);
    do {
        nr_buf saved = save(t);
        if (saved.len && s->nsaved < SAVED) s->saved[s->nsaved++] = saved;
        else nr_buf_free(&saved);
    } while (go_on(t));
    MUST(s->nsaved > 2);
    nr_trainer_free(t);
    s->trained = finish(begin(s));
}

/* ================================= Offers ================================ */

static bool same(nr_buf a, nr_buf b) {
    return a.len == b.len && !memcmp(a.data, b.data, a.len);
}

/* A trainer that refuses is as new, and is offered the next one, too. */
static void offer(sample *s, const unsigned char *data, size_t len) {
    uint64_t elapsed = 0;
    nr_error err;
    if (!s->fresh) s->fresh = begin(s);
    nr_status status = nr_trainer_load(s->fresh, DIGEST, data, len, &elapsed, &err);
    nr_buf now = save(s->fresh);
    if (status == NR_OK) {
        memcpy(now.data + 2 * sizeof elapsed, &elapsed, sizeof elapsed);
        nr_checkpoint_seal(now.data, now.len);
        MUST(same(now, (nr_buf){(unsigned char *)data, len, len}));
    } else {
        MUST(!strncmp(err.text, "ERR ", 4));
        MUST(same(now, s->saved[0]));
    }
    nr_buf_free(&now);
    if (status != NR_OK && ++s->refused % OFTEN) return;
    nr_buf trained = finish(s->fresh);
    s->fresh = NULL;
    MUST(status == NR_OK || same(trained, s->trained));
    nr_buf_free(&trained);
}

/* What was really saved, with other bytes here and there, and then cut. */
static void edit(nr_buf *out, const sample *s, const uint8_t *data, size_t size) {
    const nr_buf *saved = &s->saved[size ? *data % s->nsaved : 0];
    MUST(nr_buf_append(out, saved->data, saved->len));
    if (!size) return;
    for (data++, size--; size >= EDIT; data += EDIT, size -= EDIT) {
        size_t at = (size_t)(data[0] | data[1] << 8) % saved->len;
        size_t n = saved->len - at < 8 ? saved->len - at : 8;
        memcpy(out->data + at, data + 2, n);
    }
    if (size > 1) out->len -= (size_t)(data[0] | data[1] << 8) % saved->len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { EDITED = 1, RIGHT = 2 };
    const uint64_t words[] = {NR_CHECKPOINT, DIGEST};
    if (size < 2) return 0;
    sample *s = &samples[data[0] % TRAININGS];
    int mode = data[1];
    nr_buf bytes = {0};
    if (!s->net) make(s);
    if (mode & EDITED)
        edit(&bytes, s, data + 2, size - 2);
    else
        MUST(nr_buf_append(&bytes, data + 2, size - 2));
    if (mode & RIGHT && bytes.len >= sizeof words) {
        memcpy(bytes.data, words, sizeof words);
        nr_checkpoint_seal(bytes.data, bytes.len);
    }
    /* Memory of its size, so that reading past its end is noticed. */
    unsigned char *exact = malloc(bytes.len ? bytes.len : 1);
    MUST(exact);
    if (bytes.len) memcpy(exact, bytes.data, bytes.len);
    offer(s, exact, bytes.len);
    free(exact);
    nr_buf_free(&bytes);
    return 0;
}
