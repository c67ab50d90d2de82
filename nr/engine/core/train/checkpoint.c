/* Where a training stands, as bytes from which another trainer goes on.
 *
 * A trainer is made of its network's snapshot and its command, and all but what it
 * has learned follows from these. So that is all that is saved: weights, what the
 * optimiser remembers of them, the best ones so far, where generators of random
 * numbers are, and counters. It is saved between two cycles; of generators, whose cycles
 * are long, between two steps, with the states that these end in. A digest of snapshot
 * and command (digest.c) says what the bytes are for, and a checksum that they are whole;
 * everything else is looked at before any of it is taken, since bytes that rest in a
 * store are anybody's. */

#include <stddef.h>
#include <string.h>

#include "float_mode.h"
#include "host.h"
#include "model/drift.h"
#include "train/language.h"
#include "train/train.h"
#include "train/translate.h"

#define MOST_COUNTED (UINT64_C(1) << 62) /* cycles and steps: room for more of them */

typedef struct saved {
    uint64_t version, digest, elapsed, checksum; /* of all but itself */
    uint64_t cycles, refit_cycles, steps, ending, points, stride;
    uint64_t refitting, over, finalized;
    uint64_t report, findings[NR_FINDINGS]; /* bytes */
    double train_error, test_error, class_errors;
    uint64_t at, chunks; /* of a generator's cycle; and of all */
    double loss;         /* of this cycle */
} saved;

/* ================================== Parts ================================ */

/* The arrays behind the two structs, in their order: so many pieces of them, a stride
 * apart. */
typedef struct part {
    void *at;
    size_t bytes, times, stride;
} part;

enum { MOST_PARTS = 3 + 3 * NR_MAX_MEMBERS + 2 * NR_MAX_RECURRENT };

static part whole(void *at, size_t bytes) { return (part){at, bytes, 1, 0}; }

/* The order of samples, and of how many; NULL: there is none. */
static uint32_t *order_of(const nr_trainer *t, size_t *n) {
    *n = t->train.n + (t->translation ? 0 : t->test.n);
    return t->translation ? t->translation->order : t->order;
}

/* The states that a language model's parts go on from. */
static size_t states_of(const nr_language *lm, part *parts) {
    const nr_stream *s = &lm->stream;
    size_t n = 0;
    for (size_t l = 0; l < s->n; l++) {
        const nr_stream_layer *c = &s->layers[l];
        size_t bytes = c->h_step * sizeof *c->h, stride = (s->unroll + 1) * bytes;
        parts[n++] = (part){c->h, bytes, s->parts, stride};
        if (c->lstm) parts[n++] = (part){c->c, bytes, s->parts, stride};
    }
    return n;
}

static size_t parts_of(const nr_trainer *t, size_t points, part *parts) {
    size_t n = 0, floats = t->params * sizeof(float), samples;
    uint32_t *order = order_of(t, &samples);
    parts[n++] = t->language
                     ? whole(t->language->w, floats)
                     : whole(t->weights->data, t->weights->n * sizeof(float));
    for (size_t i = 0; i < t->count; i++) {
        const nr_member *m = &t->members[i];
        parts[n++] = whole(m->best, floats);
        parts[n++] = whole(m->memory[0], floats);
        parts[n++] = whole(m->memory[1], floats);
    }
    if (order) parts[n++] = whole(order, samples * sizeof *order);
    if (t->language) n += states_of(t->language, parts + n);
    parts[n++] = whole((void *)t->history, points * sizeof *t->history);
    return n;
}

static size_t part_bytes(const part *p) { return p->bytes * p->times; }

static size_t bytes_of(const nr_trainer *t, const saved *s) {
    part parts[MOST_PARTS];
    size_t n = parts_of(t, (size_t)s->points, parts);
    size_t bytes = sizeof *s + t->count * sizeof(nr_standing) + (size_t)s->report;
    for (size_t i = 0; i < n; i++) bytes += part_bytes(&parts[i]);
    for (int i = 0; i < NR_FINDINGS; i++) bytes += (size_t)s->findings[i];
    return bytes;
}

/* The checksum of the head, in which there is none yet, and of what follows. */
static uint64_t sum_of(const unsigned char *data, size_t len) {
    saved head;
    memcpy(&head, data, sizeof head);
    head.checksum = 0;
    return nr_mixed(nr_checksum((const unsigned char *)&head, sizeof head),
                    data + sizeof head, len - sizeof head);
}

void nr_checkpoint_seal(unsigned char *data, size_t len) {
    if (len < sizeof(saved)) return;
    uint64_t sum = sum_of(data, len);
    memcpy(data + offsetof(saved, checksum), &sum, sizeof sum);
}

/* ================================== Save ================================= */

static saved save(const nr_trainer *t, uint64_t digest, uint64_t elapsed_ms) {
    saved s = {.version = NR_CHECKPOINT,
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
    if (t->language) {
        s.at = t->language->reader.at;
        s.chunks = t->language->chunks;
        s.loss = t->language->loss;
    } else if (t->translation) {
        s.at = t->translation->at;
        s.loss = t->translation->loss;
    }
    for (int i = 0; i < NR_FINDINGS; i++)
        s.findings[i] = t->findings[i] ? t->findings[i]->n * sizeof(float) : 0;
    return s;
}

/* A forecaster's scores lie in its encoding, once it has been measured. */
static bool can_be_saved(const nr_trainer *t) {
    bool between = nr_is_generating(t) || (t->done == 0 && nr_cycle_begins(t));
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
        nr_standing m = nr_standing_of(&t->members[i]);
        ok = nr_buf_append(out, &m, sizeof m);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < parts[i].times && ok; k++)
            ok = nr_buf_append(out, (unsigned char *)parts[i].at + k * parts[i].stride,
                               parts[i].bytes);
    ok = ok && nr_buf_append(out, t->report.data, t->report.len);
    for (int i = 0; i < NR_FINDINGS && ok; i++)
        if (t->findings[i])
            ok = nr_buf_append(out, t->findings[i]->data, (size_t)s.findings[i]);
    if (!ok) {
        out->len = start;
        return nr_nomem(err);
    }
    nr_checkpoint_seal(out->data + start, out->len - start);
    return NR_OK;
}

/* ================================== Load ================================= */

static bool is_flag(uint64_t value) { return value <= 1; }

/* Losses are not below 0; they may be no numbers, and infinite. The last one is a part
 * of the samples, in per cent. */
static bool errors_are_sound(const double *errors, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (errors[i] < 0) return false;
    return !(errors[n - 1] > 100);
}

/* How far a cycle may have come. */
static size_t most_at(const nr_trainer *t) {
    if (t->language) return t->language->reader.each - 1;
    return t->translation ? t->train.n - 1 : 0;
}

/* What a training finds out it knows once it learns from the testing samples, too. */
static bool head_is_sound(const nr_trainer *t, const saved *s) {
    bool refits = t->autostop && t->backtrack && !nr_is_generating(t) &&
                  !(t->encoding && t->encoding->forecast);
    uint64_t found = s->report;
    const double errors[] = {s->loss, s->train_error, s->test_error, s->class_errors};
    for (int i = 0; i < NR_FINDINGS; i++) found |= s->findings[i];
    return errors_are_sound(errors, 4) && s->cycles < MOST_COUNTED &&
           s->refit_cycles < MOST_COUNTED && s->steps < MOST_COUNTED &&
           s->points <= NR_MAX_HISTORY && s->stride &&
           !(s->stride & (s->stride - 1)) && s->ending < NR_ENDINGS &&
           s->refitting <= refits && s->finalized == s->refitting && !s->over &&
           (s->finalized || !found) && s->report % sizeof(float) == 0 &&
           s->at <= most_at(t) && (t->language || !s->chunks) &&
           (nr_is_generating(t) || s->loss == 0);
}

static bool member_is_sound(const nr_standing *m) {
    const double now[] = {m->train_error, m->test_error, m->class_errors};
    const double best[] = {m->best_train, m->best_test, m->best_class};
    return errors_are_sound(now, 3) && errors_are_sound(best, 3) &&
           is_flag(m->over) && is_flag(m->overfitting) && is_flag(m->diverged) &&
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

/* As the network will be asked that the training is for. */
static bool finding_fits(const nr_trainer *t, nr_finding which, const nr_array *found) {
    const nr_net *net = which == NR_REFERENCE && t->fields ? t->fields : t->net;
    if (!nr_finding_sound(net, which, found)) return false;
    size_t inputs = which == NR_REFERENCE ? nr_reference_inputs(found) : 0;
    return !inputs || !t->encoding || inputs == t->encoding->schema->inputs;
}

/* A finding's array, sound; *ok is false where it is not. */
static nr_array *load_finding(const nr_trainer *t, nr_finding which,
                              const unsigned char *data, size_t bytes, bool *ok) {
    nr_array *found = NULL;
    if (bytes == 0 || !*ok) return NULL;
    *ok = bytes % sizeof(float) == 0 && (found = nr_array_new(bytes / sizeof(float)));
    if (*ok) memcpy(found->data, data, bytes);
    *ok = *ok && finding_fits(t, which, found);
    return found;
}

/* Of such points and such a report. */
static bool course_is_sound(const nr_trainer *t, const saved *s,
                            const unsigned char *history,
                            const unsigned char *report) {
    nr_array *course = nr_course_make(history, (size_t)s->points, report,
                                      (size_t)s->report);
    bool ok = course && nr_history_sound(t->net, course);
    nr_array_drop(course);
    return ok;
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

static void load_place(nr_trainer *t, const saved *s) {
    if (t->language) {
        nr_language *lm = t->language;
        lm->reader.at = (size_t)s->at;
        lm->chunks = s->chunks;
        lm->loss = s->loss;
        t->done = nr_language_done(t);
    } else if (t->translation) {
        t->translation->at = (size_t)s->at;
        t->translation->loss = s->loss;
    }
}

/* The first member that has more to learn; as many as there are: none. */
static size_t first_learner(const nr_trainer *t, const saved *s,
                            const nr_standing *members) {
    size_t i = 0;
    while (i < t->count && !(s->refitting ? members[i].left > 0 : !members[i].over))
        i++;
    return i;
}

/* Before the layers lie the factors, which follow from the samples: all but those by
 * which a classifier's sums are calibrated, once it is. */
static bool factors_are_own(const nr_trainer *t, const saved *s,
                            const unsigned char *weights) {
    const float *own = t->weights->data;
    bool calibrated = t->head == NR_SOFTMAX && s->finalized;
    const float *end = calibrated ? t->f.out_scale : t->f.layers;
    return t->language || !memcmp(weights, own, (size_t)(end - own) * sizeof *own);
}

static void copy_in(const part *p, const unsigned char *data) {
    for (size_t k = 0; k < p->times; k++, data += p->bytes)
        memcpy((unsigned char *)p->at + k * p->stride, data, p->bytes);
}

/* All has been looked at but what lies behind `data`: order, history, report and
 * findings. */
static nr_status load(nr_trainer *t, const saved *s, const nr_standing *members,
                      const unsigned char *data, nr_error *err) {
    part parts[MOST_PARTS];
    nr_array *findings[NR_FINDINGS];
    size_t samples, n = parts_of(t, (size_t)s->points, parts);
    const uint32_t *order = order_of(t, &samples);
    const unsigned char *behind = data, *history = data;
    bool ok = factors_are_own(t, s, data);
    for (size_t i = 0; i < n; behind += part_bytes(&parts[i++])) {
        if (order && parts[i].at == (const void *)order)
            ok = ok && is_order(behind, samples);
        history = behind; /* the last one */
    }
    const unsigned char *report = behind;
    ok = ok && course_is_sound(t, s, history, report);
    behind += s->report;
    for (int i = 0; i < NR_FINDINGS; behind += s->findings[i++])
        findings[i] = load_finding(t, (nr_finding)i, behind, (size_t)s->findings[i], &ok);
    ok = ok && nr_buf_append(&t->report, report, (size_t)s->report);
    if (!ok) {
        for (int i = 0; i < NR_FINDINGS; i++) nr_array_drop(findings[i]);
        return nr_fail(err, "ERR a training that was saved is damaged");
    }
    for (int i = 0; i < NR_FINDINGS; i++) t->findings[i] = findings[i];
    for (size_t i = 0; i < n; data += part_bytes(&parts[i++])) copy_in(&parts[i], data);
    for (size_t i = 0; i < t->count; i++) nr_stand(&t->members[i], &members[i]);
    load_head(t, s);
    load_place(t, s);
    t->turn = first_learner(t, s, members);
    nr_trainer_show(t);
    return NR_OK;
}

/* A trainer that has just been made. */
static bool is_new(const nr_trainer *t) {
    saved s = save(t, 0, 0);
    return !t->begun && !t->cycles && !t->done && !t->groups && !t->report.len && !s.at;
}

nr_status nr_trainer_load(nr_trainer *t, uint64_t digest, const unsigned char *data,
                          size_t len, uint64_t *elapsed_ms, nr_error *err) {
    saved s;
    nr_standing members[NR_MAX_MEMBERS];
    size_t head = sizeof s + t->count * sizeof *members;
    if (!is_new(t))
        return nr_fail(err, "ERR the training has begun, or cannot be saved");
    if (len < head) return nr_fail(err, "ERR a training that was saved is cut short");
    memcpy(&s, data, sizeof s);
    if (s.version != NR_CHECKPOINT || s.digest != digest)
        return nr_fail(err, "ERR the training that was saved is another one");
    bool ok = s.report < len && head_is_sound(t, &s);
    for (int i = 0; i < NR_FINDINGS; i++) ok = ok && s.findings[i] < len;
    for (size_t i = 0; i < t->count && ok; i++) {
        memcpy(&members[i], data + sizeof s + i * sizeof *members, sizeof *members);
        ok = member_is_sound(&members[i]);
    }
    ok = ok && bytes_of(t, &s) == len && first_learner(t, &s, members) < t->count;
    if (!ok || s.checksum != sum_of(data, len))
        return nr_fail(err, "ERR a training that was saved is damaged");
    nr_status status = load(t, &s, members, data + head, err);
    if (status == NR_OK) *elapsed_ms = s.elapsed;
    return status;
}
