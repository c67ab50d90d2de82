/* Ranks that share a training, its members and the sums of its steps, come to the
 * bits of one trainer; and what they tell each other is not trusted. */

#include "making.h"

enum { MOST_RANKS = 8 };

typedef struct party {
    size_t ranks;
    bool pieces; /* sums are added up in pieces */
    nr_trainer *t[MOST_RANKS];
    nr_share shares[MOST_RANKS];
} party;

static void fill_some(nr_net *net, size_t n, nr_dataset_id which, double part) {
    float row[256];
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i < net->row; i++)
            row[i] = i >= nr_inputs(net) || ((double)noise() + 1) / 2 < part
                         ? noise()
                         : 0;
        if (net->h.kind == NR_CLASSIFIER)
            row[nr_inputs(net)] =
                (float)(nr_mix(noise_state) % nr_outputs(net));
        CHECK(nr_net_observe(net, row, 1, which, &err) == NR_OK);
    }
}

/* ============================== All together ============================= */

static void exchange_sums(nr_trainer **t, size_t n) {
    nr_buf sums[MOST_RANKS] = {{0}};
    for (size_t r = 0; r < n; r++)
        CHECK(nr_trainer_sums(t[r], &sums[r], &err) == NR_OK);
    for (size_t r = 0; r < n; r++)
        for (size_t i = 1; i < n; i++) {
            const nr_buf *b = &sums[(r + i) % n];
            CHECK(nr_trainer_put(t[r], b->data, b->len, &err) == NR_OK);
        }
    for (size_t r = 0; r < n; r++) nr_buf_free(&sums[r]);
}

/* All pieces are taken before the first one is joined, which drops them. */
static void exchange_pieces(nr_trainer **t, size_t n) {
    nr_buf pieces[MOST_RANKS] = {{0}}, total = {0};
    uint64_t floats = nr_trainer_floats(t[0]);
    for (size_t r = 0; r < n; r++)
        for (size_t from = n; from-- > 0;)
            CHECK(nr_trainer_piece(t[from], floats * r / n,
                                   floats * (r + 1) / n, &pieces[r],
                                   &err) == NR_OK);
    for (size_t r = 0; r < n; r++) {
        CHECK(nr_trainer_join(t[r], pieces[r].data, pieces[r].len,
                              floats * r / n, floats * (r + 1) / n, &total,
                              &err) == NR_OK);
        nr_buf_free(&pieces[r]);
    }
    for (size_t r = 0; r < n; r++)
        CHECK(nr_trainer_total(t[r], total.data, total.len, &err) == NR_OK);
    nr_buf_free(&total);
}

/* A step of the ranks of one group; false at their meeting. */
static bool step_together(party *p, size_t group) {
    nr_trainer *t[MOST_RANKS];
    size_t n = 0;
    uint64_t blocks = 0;
    for (size_t r = group; r < p->ranks; r += p->shares[0].groups) {
        uint64_t own = nr_trainer_begin(p->t[r], 0);
        CHECK(n == 0 || own == blocks);
        blocks = own;
        t[n++] = p->t[r];
    }
    if (blocks == 0) return false;
    bool shared = p->shares[0].steps;
    for (size_t i = 0; i < n; i++) {
        uint64_t first = shared ? blocks * i / n : 0;
        uint64_t last = shared ? blocks * (i + 1) / n : blocks;
        CHECK(nr_trainer_gradient(t[i], first, last, &err) == NR_OK);
    }
    if (shared) p->pieces ? exchange_pieces(t, n) : exchange_sums(t, n);
    for (size_t i = 0; i < n; i++) CHECK(nr_trainer_apply(t[i], &err) == NR_OK);
    return true;
}

/* A cycle, and what is told behind it; false at the end. */
static bool cycle_together(party *p) {
    size_t groups = p->shares[0].groups, meet = 0;
    nr_buf told = {0};
    for (size_t g = 0; g < groups; g++)
        while (step_together(p, g)) {}
    for (size_t r = 0; r < p->ranks; r++) meet += nr_trainer_meets(p->t[r]);
    CHECK(meet == 0 || meet == p->ranks);
    for (size_t g = groups; g-- > 0 && meet;)
        CHECK(nr_trainer_members(p->t[g], &told, &err) == NR_OK);
    for (size_t r = 0; r < meet; r++)
        CHECK(nr_trainer_meet(p->t[r], told.data, told.len, &err) == NR_OK);
    nr_buf_free(&told);
    return meet;
}

static void begin(party *p, nr_net *net, const char *line) {
    for (size_t r = 0; r < p->ranks; r++) {
        p->t[r] = trainer(net, line);
        CHECK(nr_trainer_share(p->t[r], r, p->ranks, 0, &p->shares[r], &err) ==
              NR_OK);
    }
}

static nr_net *finish(nr_trainer *t) {
    nr_net *trained = NULL;
    CHECK(nr_trainer_finish(t, 0, &trained, &err) == NR_OK);
    nr_trainer_free(t);
    return trained;
}

static void expect_same_dump(nr_net *one, nr_net *other, const char *what) {
    nr_buf a = {0}, b = {0};
    CHECK(nr_net_dump(one, &a, &err) == NR_OK);
    CHECK(nr_net_dump(other, &b, &err) == NR_OK);
    check(same_bytes(a, b) && a.len, what, __LINE__);
    nr_buf_free(&a);
    nr_buf_free(&b);
    nr_net_free(one);
    nr_net_free(other);
}

static void expect_same_together(nr_net *net, const char *line, size_t ranks,
                                 bool pieces, const char *what) {
    party p = {.ranks = ranks, .pieces = pieces};
    begin(&p, net, line);
    while (cycle_together(&p)) {}
    for (size_t r = 0; r < ranks; r++)
        expect_same_dump(train(net, line), finish(p.t[r]), what);
}

static void test_ranks_are_as_one(void) {
    static const struct {
        size_t train, test;
        double part;
        const char *create, *line;
    } cases[] = {
        {2900, 600, 1, "NR.CREATE k CLASSIFIER 9 15 -> 2 SEED 1 MEMBERS 6 "
         "DATASET 9000", "NR.TRAIN k MAXCYCLES 6 AUTOSTOP BACKTRACK"},
        {3400, 9, 1, "NR.CREATE k REGRESSOR 60 40 -> 2 SEED 2 MEMBERS 1 "
         "DATASET 9000", "NR.TRAIN k MAXCYCLES 5"},
        {2500, 0, 1, "NR.CREATE k REGRESSOR 20 30 -> 1 SEED 3 MEMBERS 2 "
         "OPTIMIZER ADAM BATCH 1700 DATASET 9000", "NR.TRAIN k MAXCYCLES 3"},
        {300, 80, 1, "NR.CREATE k CLASSIFIER 5 4 -> 3 SEED 4 OPTIMIZER SGD "
         "MEMBERS 5", "NR.TRAIN k MAXCYCLES 3 AUTOSTOP BACKTRACK"},
        {300, 80, 1, "NR.CREATE k CLASSIFIER 5 4 -> 3 SEED 4 MEMBERS 8",
         "NR.TRAIN k MAXCYCLES 400 AUTOSTOP BACKTRACK"},
        {200, 60, 1, "NR.CREATE k REGRESSOR 5 4 -> 1 SEED 7 OPTIMIZER SGD "
         "LEARNRATE 900 MEMBERS 3", "NR.TRAIN k MAXCYCLES 9 AUTOSTOP "
         "BACKTRACK"}, /* diverges */
        {3000, 1100, 0.05, "NR.CREATE k CLASSIFIER 90 20 -> 2 SEED 5 NORMALIZE "
         "MEMBERS 2 DATASET 9000", "NR.TRAIN k MAXCYCLES 4 AUTOSTOP "
         "BACKTRACK"},
        {700, 90, 1, "NR.CREATE k REGRESSOR 9 15 -> 2 SEED 6 CLASSIC",
         "NR.TRAIN k MAXCYCLES 9 AUTOSTOP"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        noise_state = 23;
        nr_net *net = make(cases[i].create);
        fill_some(net, cases[i].train, NR_DATASET_TRAIN, cases[i].part);
        fill_some(net, cases[i].test, NR_DATASET_TEST, cases[i].part);
        for (size_t ranks = 1; ranks <= MOST_RANKS; ranks += ranks > 3 ? 2 : 1)
            expect_same_together(net, cases[i].line, ranks, ranks % 2 == 0,
                                 cases[i].create);
        nr_net_free(net);
    }
}

/* ================================= Groups ================================ */

static void expect_groups(nr_net *net, size_t ranks, double work,
                          uint64_t groups, bool steps) {
    nr_share share;
    nr_trainer *t = trainer(net, "NR.TRAIN k MAXCYCLES 1");
    CHECK(nr_trainer_share(t, 0, ranks, work, &share, &err) == NR_OK);
    CHECK(share.groups == groups && share.steps == steps);
    CHECK(share.ranks == ranks / groups);
    nr_trainer_free(t);
}

static void test_members_are_shared_out_first(void) {
    nr_net *net = make("NR.CREATE k REGRESSOR 3 4 -> 1 MEMBERS 6 DATASET 9000");
    fill(net, 6000, NR_DATASET_TRAIN); /* twelve blocks */
    expect_groups(net, 1, 0, 1, false);
    expect_groups(net, 2, 0, 2, false);
    expect_groups(net, 4, 0, 2, true); /* three members and two ranks each */
    expect_groups(net, 5, 0, 1, true);
    expect_groups(net, 6, 0, 6, false);
    expect_groups(net, 4, 1e12, 4, false); /* short steps are not shared */
    nr_net_free(net);
}

/* ================================ Bad input ============================== */

static void expect_refused(nr_status status, const char *text, int at) {
    if (!check(status == NR_ERR && !strncmp(err.text, text, strlen(text)),
               text, at))
        fprintf(stderr, "  got: %s\n", err.text);
}

#define REFUSED(call, text) expect_refused(call, text, __LINE__)

static void test_pieces_are_not_trusted(void) {
    nr_buf piece = {0}, out = {0};
    nr_net *net = make("NR.CREATE k REGRESSOR 3 4 -> 1 SEED 1 DATASET 9000");
    fill(net, 2700, NR_DATASET_TRAIN); /* six blocks */
    nr_trainer *t = trainer(net, "NR.TRAIN k MAXCYCLES 3");
    uint64_t n = nr_trainer_floats(t), wrong = 1;
    REFUSED(nr_trainer_piece(t, 0, 1, &piece, &err), "ERR no step");
    REFUSED(nr_trainer_join(t, NULL, 0, 0, 1, &out, &err), "ERR no step");
    REFUSED(nr_trainer_total(t, NULL, 0, &err), "ERR no step");
    CHECK(nr_trainer_begin(t, 0) == 6);
    CHECK(nr_trainer_gradient(t, 0, 6, &err) == NR_OK);
    REFUSED(nr_trainer_piece(t, 2, 1, &piece, &err), "ERR floats 2 to 1");
    REFUSED(nr_trainer_piece(t, 0, n + 1, &piece, &err), "ERR floats 0 to");
    CHECK(nr_trainer_piece(t, 0, n, &piece, &err) == NR_OK);
    REFUSED(nr_trainer_join(t, piece.data, 0, 0, n, &out, &err), "ERR pieces");
    REFUSED(nr_trainer_join(t, piece.data, piece.len - 1, 0, n, &out, &err),
            "ERR pieces of");
    REFUSED(nr_trainer_join(t, piece.data, piece.len / 2, 0, n, &out, &err),
            "ERR pieces that");
    memcpy(piece.data, &wrong, sizeof wrong);
    REFUSED(nr_trainer_join(t, piece.data, piece.len, 0, n, &out, &err),
            "ERR pieces that");
    CHECK(out.len == 0);
    REFUSED(nr_trainer_total(t, piece.data, n * sizeof(float), &err),
            "ERR no step");
    wrong = 0;
    memcpy(piece.data, &wrong, sizeof wrong);
    CHECK(nr_trainer_join(t, piece.data, piece.len, 0, n, &out, &err) == NR_OK);
    REFUSED(nr_trainer_total(t, out.data, out.len - 1, &err), "ERR a sum of");
    CHECK(nr_trainer_total(t, out.data, out.len, &err) == NR_OK);
    CHECK(nr_trainer_apply(t, &err) == NR_OK);
    while (nr_trainer_step(t, 0)) {}
    expect_same_dump(train(net, "NR.TRAIN k MAXCYCLES 3"), finish(t), "pieces");
    nr_net_free(net);
    nr_buf_free(&piece);
    nr_buf_free(&out);
}

static void test_what_is_told_of_members_is_not_trusted(void) {
    nr_net *net = make("NR.CREATE k REGRESSOR 3 4 -> 1 SEED 1 MEMBERS 2");
    fill(net, 70, NR_DATASET_TRAIN);
    party p = {.ranks = 2};
    nr_buf told = {0};
    nr_trainer *t = trainer(net, "NR.TRAIN k MAXCYCLES 3");
    nr_share share;
    REFUSED(nr_trainer_share(t, 2, 2, 0, &share, &err), "ERR rank 2 of 2");
    REFUSED(nr_trainer_members(t, &told, &err), "ERR the ranks");
    CHECK(nr_trainer_begin(t, 0) == 1);
    REFUSED(nr_trainer_share(t, 0, 2, 0, &share, &err), "ERR the training");
    nr_trainer_free(t);
    begin(&p, net, "NR.TRAIN k MAXCYCLES 3");
    while (step_together(&p, 0) | step_together(&p, 1)) {}
    REFUSED(nr_trainer_meet(p.t[0], NULL, 0, &err), "ERR what was told");
    CHECK(nr_trainer_members(p.t[0], &told, &err) == NR_OK);
    size_t each = told.len;
    CHECK(nr_trainer_members(p.t[0], &told, &err) == NR_OK); /* twice */
    REFUSED(nr_trainer_meet(p.t[0], told.data, told.len, &err),
            "ERR what was told");
    uint64_t wrong = UINT64_MAX;
    memcpy(told.data + each, &wrong, sizeof wrong);
    REFUSED(nr_trainer_meet(p.t[0], told.data, told.len, &err),
            "ERR what was told");
    for (size_t r = 0; r < 2; r++) nr_trainer_free(p.t[r]);
    nr_buf_free(&told);
    nr_net_free(net);
}

/* What each rank is told to save it saves: the panels of blocks that others have. */
static void test_ranks_pack_their_own_panels(void) {
    enum { RANKS = 8 };
    party p = {.ranks = RANKS};
    nr_net *net = make("NR.CREATE k REGRESSOR 9 10 -> 1 SEED 1 MEMBERS 1 DATASET 9000 "
                       "TEST 1000");
    fill(net, 9000, NR_DATASET_TRAIN);
    fill(net, 1000, NR_DATASET_TEST);
    uint64_t told = nr_trainer_bytes(net) - nr_ranks_bytes(net, RANKS, 0);
    begin(&p, net, "NR.TRAIN k MAXCYCLES 3 AUTOSTOP BACKTRACK");
    while (cycle_together(&p)) {}
    for (size_t r = 0; r < RANKS; r++) {
        nr_trainer *t = p.t[r];
        size_t unpacked = 0, floats = 9 * NR_LANES + t->train.target_floats;
        CHECK(t->refit_cycles > 0);
        for (size_t i = 0; i < t->train.panels; i++) unpacked += !t->train.packed[i];
        CHECK(unpacked < t->train.panels && unpacked * floats * sizeof(float) >= told);
        CHECK(told >= t->train.panels * floats * sizeof(float) / 2);
        nr_trainer_free(t);
    }
    CHECK(nr_ranks_bytes(net, RANKS, 1e9) == nr_trainer_bytes(net));
    nr_net_free(net);
}

int main(void) {
    test_ranks_pack_their_own_panels();
    test_ranks_are_as_one();
    test_members_are_shared_out_first();
    test_pieces_are_not_trusted();
    test_what_is_told_of_members_is_not_trusted();
    return summary();
}
