/* Samples of any length, and parts that are kept as they are. */

#include "making.h"
#include "msgpack.h"

enum { ONES = 40, TESTS = 17, LONG = 3000 };

/* A part as it is written. */
static void part(nr_buf *out, const char *name, uint64_t version,
                 const char *data) {
    nr_bytes text = {(const void *)name, strlen(name)};
    nr_bytes bytes = {(const void *)data, strlen(data)};
    CHECK(nr_part_put(out, text, version, bytes));
}

static nr_net *keeper(void) {
    return make("NR.CREATE k REGRESSOR note:text -> y:number DATASET 40 TEST "
                "17 SEED 5");
}

static void frame(nr_buf *out, const void *data, size_t len) {
    uint32_t size = (uint32_t)len;
    nr_buf_append(out, &size, sizeof size);
    nr_buf_append(out, data, len);
}

/* A record with a note of n letters. */
static size_t record(unsigned char *to, size_t n) {
    nr_buf out = {0};
    char note[LONG];
    for (size_t i = 0; i < n; i++)
        note[i] = (char)('a' + (noise_state >> i % 50) % 26);
    note[n] = '\0';
    CHECK(nr_put_array(&out, 3) && nr_put_nil(&out) && nr_put_str(&out, note) &&
          nr_put_double(&out, (double)noise()));
    memcpy(to, out.data, out.len);
    size_t len = out.len;
    nr_buf_free(&out);
    return len;
}

/* One of chance, mostly short. */
static size_t chance(unsigned char *to) {
    noise_state = nr_mix(noise_state);
    return record(to, 1 + noise_state % (noise_state >> 60 ? 40 : LONG - 20));
}

static nr_bytes bytes_of(nr_buf buf) { return (nr_bytes){buf.data, buf.len}; }

static nr_buf dumped(const nr_net *net) {
    nr_buf out = {0};
    CHECK(nr_net_dump(net, &out, &err) == NR_OK);
    return out;
}

static void same_dumps(const nr_net *a, const nr_net *b, int line) {
    nr_buf x = dumped(a), y = dumped(b);
    check(same_bytes(x, y), "the same dump", line);
    nr_buf_free(&x);
    nr_buf_free(&y);
}

#define SAME_DUMPS(a, b) same_dumps(a, b, __LINE__)

/* ================================ Records ================================ */

/* What each slot should hold, written down the simple way. */
typedef struct model {
    nr_net *places; /* says where the next one goes */
    unsigned char data[2][ONES][LONG];
    size_t len[2][ONES];
    uint64_t bytes[2];
} model;

static void expect(model *m, const unsigned char *data, size_t len,
                   nr_dataset_id which) {
    uint64_t place;
    CHECK(nr_net_place(m->places, 1, which, &place, &err) == NR_OK);
    size_t d = place & 1, slot = place >> 1;
    m->bytes[d] += len - m->len[d][slot];
    m->len[d][slot] = len;
    memcpy(m->data[d][slot], data, len);
}

static void agrees(const model *m, const nr_net *net) {
    for (size_t d = 0; d < 2; d++) {
        bool same = net->h.len[d] == m->places->h.len[d] &&
                    net->h.bytes[d] == m->bytes[d];
        for (size_t s = 0; s < net->h.len[d]; s++) {
            nr_bytes record = nr_net_sample(net, d, s);
            same &= record.len == m->len[d][s] &&
                    !memcmp(record.data, m->data[d][s], record.len);
        }
        CHECK(same);
    }
}

static void test_records_lie_where_rows_would(void) {
    static model m;
    unsigned char data[LONG];
    nr_net *net = keeper();
    m = (model){.places = nr_net_clone(net)};
    for (int round = 0; round < 300; round++) {
        nr_dataset_id which = round % 5 == 4   ? NR_DATASET_TRAIN
                              : round % 7 == 6 ? NR_DATASET_TEST
                                               : NR_DATASET_ANY;
        nr_buf frames = {0};
        nr_net *before = round % 3 ? nr_net_clone(net) : NULL;
        for (int i = round % 9; i >= 0; i--) {
            size_t len = chance(data);
            frame(&frames, data, len);
            expect(&m, data, len, which);
        }
        CHECK(nr_net_put(net, bytes_of(frames), which, &err) == NR_OK);
        if (round % 10 == 0 || round > 290) agrees(&m, net);
        nr_buf_free(&frames);
        nr_net_free(before);
    }
    CHECK(net->h.len[0] == ONES && net->h.len[1] == TESTS);
    nr_net_free(m.places);
    nr_net_free(net);
}

static void put(nr_net *net, int n) {
    unsigned char data[LONG];
    for (int i = 0; i < n; i++) {
        nr_buf frames = {0};
        frame(&frames, data, chance(data));
        CHECK(nr_net_put(net, bytes_of(frames), NR_DATASET_ANY, &err) == NR_OK);
        nr_buf_free(&frames);
    }
}

static void test_a_clone_keeps_its_records(void) {
    nr_net *net = keeper();
    put(net, 50);
    nr_net *copy = nr_net_clone(net);
    nr_buf before = dumped(net);
    put(net, 200);
    nr_buf after = dumped(copy), changed = dumped(net);
    CHECK(same_bytes(before, after) && !same_bytes(before, changed));
    nr_buf_free(&before);
    nr_buf_free(&after);
    nr_buf_free(&changed);
    nr_net_free(net);
    nr_net_free(copy);
}

static void test_records_come_back_whole_and_in_pieces(void) {
    for (int n = 0; n < 70; n += 23) {
        nr_net *net = keeper(), *back = NULL, *pieced = NULL;
        put(net, n);
        nr_buf dump = dumped(net), bare = {0};
        CHECK(nr_net_load(dump.data, dump.len, 0, &back, &err) == NR_OK);
        SAME_DUMPS(net, back);
        nr_net *without = nr_net_bare(net);
        bare = dumped(without);
        CHECK(nr_net_load(bare.data, bare.len, 0, &pieced, &err) == NR_OK);
        for (int d = 0; d < 2; d++) {
            nr_bytes piece;
            for (size_t slot = 0, k; (k = nr_net_piece(net, d, slot, &piece));
                 slot += k)
                CHECK(nr_net_append(pieced, d, piece.data, piece.len, &err) ==
                      NR_OK);
        }
        SAME_DUMPS(net, pieced);
        put(net, 30); /* and both go on alike */
        nr_net_free(net);
        nr_net_free(back);
        nr_net_free(pieced);
        nr_net_free(without);
        nr_buf_free(&dump);
        nr_buf_free(&bare);
    }
}

static void test_what_is_no_record_is_refused(void) {
    nr_net *net = keeper(), *rows = make("NR.CREATE k REGRESSOR 1 -> 1");
    put(net, 60);
    nr_buf before = dumped(net);
    const struct {
        const char *bytes;
        size_t len;
    } wrong[] = {
        {"\0\0\0\0", 4},        {"\1\0\0\0", 4},       {"\2\0\0\0a", 5},
        {"\1\0\0\0a\0", 6},     {"\xff\xff\xff\xff", 4}, {"\0\0\x20\0abc", 7},
        {"\1\0\0\0a\0\0\0\0", 9}, {"\1\0\0", 3},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        unsigned char *exact = malloc(wrong[i].len); /* for the sanitizer */
        memcpy(exact, wrong[i].bytes, wrong[i].len);
        nr_bytes bytes = {exact, wrong[i].len};
        CHECK(nr_net_put(net, bytes, NR_DATASET_ANY, &err) == NR_ERR);
        CHECK(!strncmp(err.text, "ERR invalid records: number ", 28));
        CHECK(nr_net_append(net, 0, exact, wrong[i].len, &err) == NR_ERR);
        free(exact);
    }
    nr_bytes good = {(const void *)"\1\0\0\0a", 5};
    CHECK(nr_net_put(rows, good, NR_DATASET_ANY, &err) == NR_ERR);
    good = (nr_bytes){(const void *)"\0\0\0\0\0\0\0\x80", 8};
    CHECK(nr_net_put(rows, good, NR_DATASET_ANY, &err) == NR_OK);
    CHECK(rows->h.len[0] == 1);
    nr_buf after = dumped(net);
    CHECK(same_bytes(before, after));
    nr_buf_free(&before);
    nr_buf_free(&after);
    nr_net_free(net);
    nr_net_free(rows);
}

static void test_bytes_are_limited(void) {
    nr_net *net = keeper();
    nr_buf frames = {0};
    unsigned char data[LONG];
    net->h.maxbytes = 100;
    frame(&frames, data, record(data, 28)); /* of 40 bytes */
    for (int i = 0; i < 2; i++)
        CHECK(nr_net_put(net, bytes_of(frames), NR_DATASET_TRAIN, &err) ==
              NR_OK);
    nr_buf before = dumped(net);
    for (int i = 0; i < 2; i++) { /* alone, and in company */
        CHECK(nr_net_put(net, bytes_of(frames), NR_DATASET_TRAIN, &err) ==
              NR_ERR);
        CHECK(!strcmp(err.text,
                      i ? "ERR the training samples would take 133 bytes, more "
                          "than BYTES 100: give the network more BYTES, or "
                          "shorter samples"
                        : "ERR the training samples would take 120 bytes, more "
                          "than BYTES 100: give the network more BYTES, or "
                          "shorter samples"));
        nr_buf after = dumped(net);
        CHECK(same_bytes(before, after));
        nr_buf_free(&after);
        frame(&frames, data, record(data, 1));
    }
    nr_buf_free(&before);
    nr_buf_free(&frames);
    frame(&frames, data, record(data, 8));
    CHECK(nr_net_put(net, bytes_of(frames), NR_DATASET_TRAIN, &err) == NR_OK);
    CHECK(net->h.bytes[0] == 100);
    nr_buf_free(&frames);
    nr_net_free(net);
}

/* Everything about the records of a network must agree, or it is refused. */
static void test_a_header_that_contradicts_its_records_is_refused(void) {
    nr_net *net = keeper(), *back = NULL;
    put(net, 20);
    const nr_header sound = net->h;
    for (int i = 0; i < 6; i++) {
        net->h = sound;
        if (i == 1) net->h.bytes[0]++;
        if (i == 2) net->h.bytes[1]--;
        if (i == 3) net->h.maxbytes = 0;
        if (i == 4) net->h.len[0]++;
        if (i == 5) net->h.records = NR_FIXED;
        nr_buf header = {0}, rows[2] = {{0}};
        CHECK(nr_header_put(&net->h, net->schema, &header));
        net->h = sound;
        for (int d = 0; d < 2; d++)
            CHECK(nr_net_rows(net, d, &rows[d], &err) == NR_OK);
        nr_parts parts = {.header = bytes_of(header),
                          .rows = {bytes_of(rows[0]), bytes_of(rows[1])},
                          .kept = nr_kept_bytes(net->kept)};
        nr_status status = nr_net_assemble(&parts, &back, &err);
        CHECK(status == (i ? NR_ERR : NR_OK));
        if (status == NR_OK) SAME_DUMPS(net, back);
        if (status == NR_OK) nr_net_free(back);
        nr_buf_free(&header);
        nr_buf_free(&rows[0]);
        nr_buf_free(&rows[1]);
    }
    nr_net_free(net);
}

/* ================================= Parts ================================= */

static void test_parts_are_kept_through_everything(void) {
    nr_buf parts = {0}, reply = {0};
    part(&parts, "tomorrow", 7, "new");
    part(&parts, "embedding", 1, "");
    nr_net *net = make("NR.CREATE k REGRESSOR 2 -> 1 SEED 5");
    CHECK(nr_kept_load(bytes_of(parts), &net->kept, &err) == NR_OK);
    nr_buf_free(&parts);
    nr_bytes kept = nr_kept_bytes(net->kept);
    CHECK(kept.len && !memcmp(kept.data, "\x93\xa9"
                                         "embedding",
                              11)); /* by name */
    fill(net, 12, NR_DATASET_ANY);
    nr_net *trained = train(net, "NR.TRAIN k MAXCYCLES 2");
    CHECK(nr_net_merge(net, trained, &err) == NR_OK);
    nr_net_free(trained);
    CHECK(execute(net, "NR.RESET k", &reply) == NR_OK);
    nr_net *copy = nr_net_clone(net), *back = NULL;
    nr_net_free(net);
    nr_buf dump = dumped(copy);
    CHECK(nr_net_load(dump.data, dump.len, 0, &back, &err) == NR_OK);
    SAME_DUMPS(copy, back);
    nr_bytes data = nr_net_part(back, "tomorrow");
    CHECK(data.len == 3 && !memcmp(data.data, "new", 3));
    CHECK(nr_net_part(back, "embedding").data);
    CHECK(!nr_net_part(back, "tomorro").data);
    nr_net_free(copy);
    nr_net_free(back);
    nr_buf_free(&dump);
    nr_buf_free(&reply);
}

static void test_parts_that_are_none_are_refused(void) {
    const char *names[] = {"",       "Upper",          "9",   "a b",
                           "twice",  "seventeen_signs_", "_"};
    for (size_t i = 0; i < 7; i++) {
        nr_buf parts = {0};
        nr_kept *kept = NULL;
        char name[20];
        snprintf(name, sizeof name, "%s", names[i]);
        if (i == 5)
            CHECK(nr_put_array(&parts, 3) &&
                  nr_put_str(&parts, "seventeen_signs__") &&
                  nr_put_uint(&parts, 1) && nr_put_bin(&parts, "", 0));
        else
            part(&parts, name, 1, "x");
        if (i == 4) part(&parts, name, 2, "y");
        CHECK(nr_kept_load(bytes_of(parts), &kept, &err) == NR_ERR && !kept);
        CHECK(!strncmp(err.text, "ERR invalid network: ", 21));
        nr_buf_free(&parts);
    }
    nr_buf many = {0};
    nr_kept *kept = NULL;
    char name[20];
    for (int i = 0; i < 65; i++) {
        snprintf(name, sizeof name, "p%d", i);
        part(&many, name, 1, "x");
        nr_status status = nr_kept_load(bytes_of(many), &kept, &err);
        CHECK(status == (i < 64 ? NR_OK : NR_ERR));
        nr_kept_drop(kept);
    }
    nr_buf_free(&many);
}

/* ============================ Short of memory ============================ */

static size_t allowed;

static void *scarce(size_t size) {
    return allowed && allowed-- ? malloc(size) : NULL;
}

static void *scarce_again(void *memory, size_t size) {
    return allowed && allowed-- ? realloc(memory, size) : NULL;
}

static void test_records_without_memory_change_nothing(void) {
    nr_net *net = keeper();
    put(net, 45);
    nr_net *shared = nr_net_clone(net);
    nr_buf before = dumped(net), frames = {0};
    unsigned char data[LONG];
    for (int i = 0; i < 30; i++) {
        frame(&frames, data, chance(data));
        bool done = false;
        for (size_t granted = 0; !done && granted < 200; granted++) {
            nr_set_allocator(scarce, scarce_again, free);
            allowed = granted;
            done = nr_net_put(net, bytes_of(frames), NR_DATASET_ANY, &err) ==
                   NR_OK;
            nr_set_allocator(malloc, realloc, free);
            if (done) break;
            nr_buf after = dumped(net);
            CHECK(same_bytes(before, after));
            nr_buf_free(&after);
        }
        CHECK(done);
        nr_buf_free(&before);
        before = dumped(net);
    }
    nr_buf_free(&before);
    nr_buf_free(&frames);
    nr_net_free(net);
    nr_net_free(shared);
}

int main(void) {
    test_records_lie_where_rows_would();
    test_a_clone_keeps_its_records();
    test_records_come_back_whole_and_in_pieces();
    test_what_is_no_record_is_refused();
    test_bytes_are_limited();
    test_a_header_that_contradicts_its_records_is_refused();
    test_parts_are_kept_through_everything();
    test_parts_that_are_none_are_refused();
    test_records_without_memory_change_nothing();
    return summary();
}
