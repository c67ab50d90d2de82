/* Where a training stands, as bytes from which another trainer goes on.
 *
 * A trainer is made of its network's snapshot and its command, and all but what it
 * has learned follows from these. So that is all that is saved: weights, what the
 * optimiser remembers of them, the best ones so far, where generators of random
 * numbers are, and counters. Saved is between two cycles. A digest of snapshot and command says what the bytes are for, and a checksum
 * that they are whole; everything else is looked at before any of it is taken, since
 * bytes that rest in a store are anybody's. */

#include <string.h>

#include "float_mode.h"
#include "host.h"
#include "train/train.h"

static const uint64_t VERSION = 0x316e696172746e72; /* nrtrain1; tells a byte order */

typedef struct saved_member {
    uint64_t shuffle, best_cycle, progress_cycle, left, alarms;
    uint64_t over, overfitting, diverged;
    double l2, power1, power2, began;
    double train_error, test_error, class_errors;
    double best_train, best_test, best_class;
    double progress_test, past_train, past_test;
} saved_member;

typedef struct saved {
    uint64_t version, digest, elapsed, checksum; /* of all but itself */
    uint64_t cycles, refit_cycles, steps, ending, points, stride;
    uint64_t refitting, over, finalized;
    uint64_t report, findings[NR_FINDINGS]; /* bytes */
    double train_error, test_error, class_errors;
} saved;

/* ================================= Digest ================================ */

static uint64_t mixed(uint64_t digest, const void *data, size_t len) {
    return nr_mix(digest ^ nr_checksum(data, len));
}

static uint64_t samples_digest(const nr_net *net, uint64_t digest) {
    size_t bytes = net->row * sizeof(float);
    for (nr_dataset_id d = 0; d < 2; d++)
        for (size_t i = 0; i < net->h.len[d]; i++)
            if (net->row) {
                digest = mixed(digest, nr_dataset_row(net, d, i), bytes);
            } else {
                nr_bytes record = nr_record_at(net, d, i);
                digest = mixed(digest, record.data, record.len);
            }
    return digest;
}

/* What samples that come and go, and trainings that end, leave in a header without a
 * change of what is learned. */
static void forget_counts(nr_header *h) {
    h->rounded = h->observed = h->fresh = h->ordered = h->coalesced = 0;
    h->trainings = 0;
    memset(&h->random, 0, sizeof h->random);
    strcpy(h->last_training, "never");
}

nr_status nr_training_digest(const nr_net *net, const nr_command *cmd,
                             uint64_t *digest, nr_error *err) {
    const uint64_t asked[] = {cmd->maxcycles, cmd->maxtime, cmd->autostop,
                              cmd->backtrack};
    nr_net *bare = nr_net_bare(net);
    nr_buf header = {0};
    if (!bare) return nr_nomem(err);
    for (int d = 0; d < 2; d++) {
        bare->h.len[d] = net->h.len[d];
        bare->h.bytes[d] = net->h.bytes[d];
    }
    forget_counts(&bare->h);
    nr_status status = nr_net_header(bare, &header, err);
    if (status == NR_OK) {
        *digest = mixed(VERSION, asked, sizeof asked);
        *digest = mixed(*digest, header.data, header.len);
        *digest = samples_digest(net, *digest);
    }
    nr_buf_free(&header);
    nr_net_free(bare);
    return status;
}

/* ================================== Parts ================================ */

/* The arrays behind the two structs, in their order. */
typedef struct part {
    void *at;
    size_t bytes;
} part;

enum { MOST_PARTS = 3 + 3 * NR_MAX_MEMBERS };

static size_t parts_of(const nr_trainer *t, size_t points, part *parts) {
    size_t n = 0, floats = t->params * sizeof(float);
    parts[n++] = (part){t->weights->data, t->weights->n * sizeof(float)};
    for (size_t i = 0; i < t->count; i++) {
        const nr_member *m = &t->members[i];
        parts[n++] = (part){m->best, floats};
        parts[n++] = (part){m->memory[0], floats};
        parts[n++] = (part){m->memory[1], floats};
    }
    if (t->order)
        parts[n++] = (part){t->order, (t->train.n + t->test.n) * sizeof *t->order};
    parts[n++] = (part){(void *)t->history, points * sizeof *t->history};
    return n;
}

static size_t bytes_of(const nr_trainer *t, const saved *s) {
    part parts[MOST_PARTS];
    size_t n = parts_of(t, (size_t)s->points, parts);
    size_t bytes = sizeof *s + t->count * sizeof(saved_member) + (size_t)s->report;
    for (size_t i = 0; i < n; i++) bytes += parts[i].bytes;
    for (int i = 0; i < NR_FINDINGS; i++) bytes += (size_t)s->findings[i];
    return bytes;
}

/* The checksum of the head, in which there is none yet, and of what follows. */
static uint64_t sealed(const saved *s, const unsigned char *rest, size_t len) {
    saved head = *s;
    head.checksum = 0;
    return mixed(nr_checksum((const unsigned char *)&head, sizeof head), rest, len);
}

/* ================================== Save ================================= */

static saved_member save_member(const nr_member *m) {
    return (saved_member){.shuffle = m->shuffle,
                          .best_cycle = m->best_cycle,
                          .progress_cycle = m->progress_cycle,
                          .left = m->left,
                          .alarms = m->alarms,
                          .over = m->over,
                          .overfitting = m->overfitting,
                          .diverged = m->diverged,
                          .l2 = m->l2,
                          .power1 = m->power1,
                          .power2 = m->power2,
                          .began = m->began,
                          .train_error = m->train_error,
                          .test_error = m->test_error,
                          .class_errors = m->class_errors,
                          .best_train = m->best_train,
                          .best_test = m->best_test,
                          .best_class = m->best_class,
                          .progress_test = m->progress_test,
                          .past_train = m->past_train,
                          .past_test = m->past_test};
}

static saved save(const nr_trainer *t, uint64_t digest, uint64_t elapsed_ms) {
    saved s = {.version = VERSION,
               .digest = digest,
               .elapsed = elapsed_ms,
               .cycles = t->cycles,
               .refit_cycles = t->refit_cycles,
               .steps = t->steps,
               .ending = t->ending,
               .points = t->points,
               .stride = t->stride,
               .refitting = t->refitting,
               .over = t->over,
               .finalized = t->finalized,
               .report = t->report.len,
               .train_error = t->train_error,
               .test_error = t->test_error,
               .class_errors = t->class_errors};
    for (int i = 0; i < NR_FINDINGS; i++)
        s.findings[i] = t->findings[i] ? t->findings[i]->n * sizeof(float) : 0;
    return s;
}

/* A forecaster's scores lie in its encoding, once it has been measured; a language
 * model's streams have states of their own. */
static bool can_be_saved(const nr_trainer *t) {
    bool between = !t->language && t->done == 0 && nr_cycle_begins(t);
    bool measured = t->finalized && t->encoding && t->encoding->forecast;
    return between && !t->over && !t->failed && !t->groups && !measured;
}

uint64_t nr_trainer_save_bytes(const nr_trainer *t) {
    if (!can_be_saved(t)) return 0;
    saved s = save(t, 0, 0);
    return bytes_of(t, &s);
}

nr_status nr_trainer_save(const nr_trainer *t, uint64_t digest,
                          uint64_t elapsed_ms, nr_buf *out, nr_error *err) {
    part parts[MOST_PARTS];
    size_t start = out->len;
    if (!can_be_saved(t))
        return nr_fail(err, "ERR the training cannot be saved as it stands");
    saved s = save(t, digest, elapsed_ms);
    size_t n = parts_of(t, t->points, parts);
    bool ok = nr_buf_append(out, &s, sizeof s);
    for (size_t i = 0; i < t->count && ok; i++) {
        saved_member m = save_member(&t->members[i]);
        ok = nr_buf_append(out, &m, sizeof m);
    }
    for (size_t i = 0; i < n && ok; i++)
        ok = nr_buf_append(out, parts[i].at, parts[i].bytes);
    ok = ok && nr_buf_append(out, t->report.data, t->report.len);
    for (int i = 0; i < NR_FINDINGS && ok; i++)
        if (t->findings[i])
            ok = nr_buf_append(out, t->findings[i]->data, (size_t)s.findings[i]);
    if (!ok) {
        out->len = start;
        return nr_nomem(err);
    }
    s.checksum = sealed(&s, out->data + start + sizeof s, out->len - start - sizeof s);
    memcpy(out->data + start, &s, sizeof s);
    return NR_OK;
}

/* ================================== Load ================================= */

static bool is_flag(uint64_t value) { return value <= 1; }

static bool head_is_sound(const nr_trainer *t, const saved *s) {
    uint64_t report = nr_report_len(&t->net->h) * sizeof(float);
    return s->points <= NR_MAX_HISTORY && s->stride &&
           !(s->stride & (s->stride - 1)) && s->ending < NR_ENDINGS &&
           is_flag(s->refitting) && !s->over && is_flag(s->finalized) &&
           s->refitting <= s->finalized && (s->report == 0 || s->report == report);
}

static bool member_is_sound(const saved_member *m) {
    return is_flag(m->over) && is_flag(m->overfitting) && is_flag(m->diverged) &&
           m->alarms <= UINT32_MAX;
}

/* Each of n numbers once; NULL memory counts as not. */
static bool is_order(const unsigned char *data, size_t n) {
    unsigned char *seen = nr_alloc(n + 1);
    bool ok = seen != NULL;
    if (ok) memset(seen, 0, n + 1);
    for (size_t i = 0; i < n && ok; i++) {
        uint32_t number;
        memcpy(&number, data + i * sizeof number, sizeof number);
        ok = number < n && !seen[number];
        if (ok) seen[number] = 1;
    }
    nr_release(seen);
    return ok;
}

/* A finding's array, sound; *ok is false where it is not. */
static nr_array *load_finding(const nr_trainer *t, int which,
                              const unsigned char *data, size_t bytes, bool *ok) {
    nr_array *found = NULL;
    if (bytes == 0 || !*ok) return NULL;
    *ok = bytes % sizeof(float) == 0 && (found = nr_array_new(bytes / sizeof(float)));
    if (*ok) memcpy(found->data, data, bytes);
    if (*ok)
        *ok = which == NR_RESIDUALS ? nr_residuals_sound(t->net, found)
                                    : nr_background_sound(t->net, found);
    return found;
}

static void load_member(nr_member *m, const saved_member *s) {
    m->shuffle = s->shuffle;
    m->best_cycle = s->best_cycle;
    m->progress_cycle = s->progress_cycle;
    m->left = s->left;
    m->alarms = (unsigned)s->alarms;
    m->over = s->over;
    m->overfitting = s->overfitting;
    m->diverged = s->diverged;
    m->l2 = s->l2;
    m->power1 = s->power1;
    m->power2 = s->power2;
    m->began = s->began;
    m->train_error = s->train_error;
    m->test_error = s->test_error;
    m->class_errors = s->class_errors;
    m->best_train = s->best_train;
    m->best_test = s->best_test;
    m->best_class = s->best_class;
    m->progress_test = s->progress_test;
    m->past_train = s->past_train;
    m->past_test = s->past_test;
}

static void load_head(nr_trainer *t, const saved *s) {
    t->cycles = s->cycles;
    t->refit_cycles = s->refit_cycles;
    t->steps = s->steps;
    t->ending = (nr_ending)s->ending;
    t->points = (size_t)s->points;
    t->stride = (size_t)s->stride;
    t->refitting = s->refitting;
    t->finalized = s->finalized;
    t->train_error = s->train_error;
    t->test_error = s->test_error;
    t->class_errors = s->class_errors;
}

/* The first member that has more to learn; as many as there are: none. */
static size_t first_learner(const nr_trainer *t, const saved *s,
                            const saved_member *members) {
    size_t i = 0;
    while (i < t->count && !(s->refitting ? members[i].left > 0 : !members[i].over))
        i++;
    return i;
}

/* All has been looked at but what lies behind `data`: order, report and findings. */
static nr_status load(nr_trainer *t, const saved *s, const saved_member *members,
                      const unsigned char *data, nr_error *err) {
    part parts[MOST_PARTS];
    nr_array *findings[NR_FINDINGS];
    size_t n = parts_of(t, (size_t)s->points, parts);
    const unsigned char *behind = data;
    bool ok = true;
    for (size_t i = 0; i < n; behind += parts[i++].bytes)
        if (t->order && parts[i].at == (void *)t->order)
            ok = ok && is_order(behind, t->train.n + t->test.n);
    const unsigned char *report = behind;
    behind += s->report;
    for (int i = 0; i < NR_FINDINGS; behind += s->findings[i++])
        findings[i] = load_finding(t, i, behind, (size_t)s->findings[i], &ok);
    ok = ok && nr_buf_append(&t->report, report, (size_t)s->report);
    if (!ok) {
        for (int i = 0; i < NR_FINDINGS; i++) nr_array_drop(findings[i]);
        return nr_fail(err, "ERR a training that was saved is damaged");
    }
    for (int i = 0; i < NR_FINDINGS; i++) t->findings[i] = findings[i];
    for (size_t i = 0; i < n; data += parts[i++].bytes)
        memcpy(parts[i].at, data, parts[i].bytes);
    for (size_t i = 0; i < t->count; i++) load_member(&t->members[i], &members[i]);
    load_head(t, s);
    t->turn = first_learner(t, s, members);
    nr_trainer_show(t);
    return NR_OK;
}

nr_status nr_trainer_load(nr_trainer *t, uint64_t digest, const unsigned char *data,
                          size_t len, uint64_t *elapsed_ms, nr_error *err) {
    saved s;
    saved_member members[NR_MAX_MEMBERS];
    size_t head = sizeof s + t->count * sizeof *members;
    if (t->language || t->begun || t->cycles || t->done || t->groups || t->report.len)
        return nr_fail(err, "ERR the training has begun, or cannot be saved");
    if (len < head) return nr_fail(err, "ERR a training that was saved is cut short");
    memcpy(&s, data, sizeof s);
    if (s.version != VERSION || s.digest != digest)
        return nr_fail(err, "ERR the training that was saved is another one");
    bool ok = head_is_sound(t, &s);
    for (int i = 0; i < NR_FINDINGS; i++) ok = ok && s.findings[i] < len;
    for (size_t i = 0; i < t->count && ok; i++) {
        memcpy(&members[i], data + sizeof s + i * sizeof *members, sizeof *members);
        ok = member_is_sound(&members[i]);
    }
    ok = ok && bytes_of(t, &s) == len && first_learner(t, &s, members) < t->count;
    if (!ok || s.checksum != sealed(&s, data + sizeof s, len - sizeof s))
        return nr_fail(err, "ERR a training that was saved is damaged");
    nr_status status = load(t, &s, members, data + head, err);
    if (status == NR_OK) *elapsed_ms = s.elapsed;
    return status;
}
