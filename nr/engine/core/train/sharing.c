/* Members shared out to groups of ranks, which tell each other of them.
 *
 * Members learn by themselves: what is said of the testing samples is all that
 * decides for more than one of them, and that is a few numbers a cycle. So they
 * are shared out before steps are, whose sums are as large as the weights. Only at
 * the end of a phase everyone needs all members, to calibrate and to choose. */

#include <string.h>

#include "float_mode.h"
#include "train/recurrent.h"
#include "train/train.h"

/* What is said of a member; at the end of a phase its weights and its best ones
 * follow. */
typedef struct said {
    uint64_t member, lost;
    nr_standing standing;
} said;

/* ================================ Groups ================================= */

static uint64_t up(uint64_t n, uint64_t by) { return (n + by - 1) / by; }

/* The number of groups that takes the fewest blocks one after the other, and of
 * these the largest. */
static uint64_t choose_groups(uint64_t members, uint64_t ranks, uint64_t blocks) {
    uint64_t best = 1, least = UINT64_MAX;
    for (uint64_t groups = 1; groups <= ranks; groups++) {
        if (ranks % groups) continue;
        uint64_t time = up(members, groups) * up(blocks, ranks / groups);
        if (time > least) continue;
        least = time;
        best = groups;
    }
    return best;
}

/* Sequences that nobody has counted yet are of one step. */
static double steps_of(const nr_net *net) {
    return net->plan->recurrent.fields && !net->sequences ? 1 : nr_mean_steps(net);
}

nr_share nr_share_of(const nr_net *net, uint64_t rank, uint64_t ranks, double work) {
    size_t batch = nr_batch_of(net);
    size_t samples = batch ? batch : (size_t)net->h.len[NR_DATASET_TRAIN];
    uint64_t blocks = up(samples, NR_LANES * NR_BLOCK);
    double step = (double)samples * (double)net->plan->params * steps_of(net);
    bool steps = blocks > 1 && step >= work;
    uint64_t groups = choose_groups((uint64_t)net->h.options.members, ranks,
                                    steps ? blocks : 1);
    return (nr_share){.group = rank % groups,
                      .groups = groups,
                      .rank = rank / groups,
                      .ranks = ranks / groups,
                      .steps = steps && ranks > groups};
}

nr_status nr_trainer_share(nr_trainer *t, uint64_t rank, uint64_t ranks,
                           double work, nr_share *share, nr_error *err) {
    if (rank >= ranks || ranks > UINT32_MAX)
        return nr_fail(err, "ERR rank %llu of %llu", (unsigned long long)rank,
                       (unsigned long long)ranks);
    if (nr_is_generating(t)) {
        *share = (nr_share){.groups = 1, .ranks = 1, .alone = true};
        return NR_OK;
    }
    if (t->begun || t->done || t->turn || t->cycles || t->groups)
        return nr_fail(err, "ERR the training has begun");
    *share = nr_share_of(t->net, rank, ranks, work);
    t->groups = share->groups;
    t->group = share->group;
    return NR_OK;
}

/* ================================ Meetings =============================== */

bool nr_trainer_meets(const nr_trainer *t) { return t->meeting; }

static said say(const nr_trainer *t, size_t i) {
    return (said){i, t->lost, nr_standing_of(&t->members[i])};
}

/* Of the weights that follow, bytes of one piece. */
static size_t bytes_of(const nr_trainer *t) {
    return t->meeting == NR_PHASE_MEETING ? t->params * sizeof(float) : 0;
}

static nr_status not_met(nr_error *err) {
    return nr_fail(err, "ERR the ranks of the training have nothing to tell");
}

nr_status nr_trainer_members(const nr_trainer *t, nr_buf *out, nr_error *err) {
    size_t start = out->len, bytes = bytes_of(t);
    bool ok = true;
    if (!t->meeting) return not_met(err);
    for (size_t i = 0; i < t->count && ok; i++) {
        if (!nr_is_own(t, i)) continue;
        said s = say(t, i);
        ok = nr_buf_append(out, &s, sizeof s) &&
             nr_buf_append(out, t->members[i].w, bytes) &&
             nr_buf_append(out, t->members[i].best, bytes);
    }
    if (!ok) out->len = start;
    return ok ? NR_OK : nr_nomem(err);
}

/* Whether each member is there once. */
static bool all_there(const nr_trainer *t, const unsigned char *data, size_t len,
                      size_t each) {
    bool there[NR_MAX_MEMBERS] = {false};
    if (len != t->count * each) return false;
    for (size_t at = 0; at < len; at += each) {
        said s;
        memcpy(&s, data + at, sizeof s);
        if (s.member >= t->count || there[s.member]) return false;
        there[s.member] = true;
    }
    return true;
}

nr_status nr_trainer_meet(nr_trainer *t, const unsigned char *data, size_t len,
                          nr_error *err) {
    size_t bytes = bytes_of(t), each = sizeof(said) + 2 * bytes;
    bool lost = false;
    if (!t->meeting) return not_met(err);
    if (!all_there(t, data, len, each))
        return nr_fail(err, "ERR what was told of the members is not %zu times "
                            "%zu bytes, one for each",
                       t->count, each);
    for (size_t at = 0; at < len; at += each) {
        said s;
        memcpy(&s, data + at, sizeof s);
        lost = lost || s.lost;
        if (nr_is_own(t, (size_t)s.member)) continue;
        nr_member *m = &t->members[s.member];
        nr_stand(m, &s.standing);
        memcpy(m->w, data + at + sizeof s, bytes);
        memcpy(m->best, data + at + sizeof s + bytes, bytes);
    }
    uint64_t before = nr_mode_begin(NR_FLUSH);
    nr_meeting_ends(t, t->meeting, lost);
    nr_mode_end(before);
    nr_trainer_show(t);
    return NR_OK;
}
