/* Scores: what the losses of samples come to that the network does not have yet.
 *
 * Of a large network only some samples are scored, so that observing never takes much
 * longer for it; which ones follows from their bytes, and is the same in every store. */

#include <math.h>
#include <string.h>

#include "float_mode.h"
#include "run/drift.h"
#include "run/report.h"
#include "run/run.h"

enum {
    BATCH = 64,   /* samples that are run at once */
    MOST = 1 << 16, /* inputs of a batch, or one sample */
    WORK = 16384, /* weights for each sample that is passed over */
    STEPS = 8,   /* of a sequence, about */
    FEW = 1024
};

static const double WORST = 1e30; /* loss */
static const double UNKNOWN = 70; /* that of a class which it does not know */

typedef struct batch {
    const nr_net *net, *runs;
    const nr_encoding *encoding;
    const nr_array *reference;
    nr_sequences *sequences;
    nr_value *values;
    size_t in, out, targets, n, most;
    float *x, *y, *wanted; /* rows of inputs, outputs and targets */
    bool unknown[BATCH];   /* its class */
    nr_buf *scores;
} batch;

static uint64_t passed_over(const nr_net *runs) {
    uint64_t work = (uint64_t)runs->params * (uint64_t)runs->h.options.members;
    if (runs->h.recurrent.fields) work *= STEPS;
    return work / WORK + 1;
}

static double loss_of(const batch *b, const float *scale, size_t i) {
    double loss = 0;
    if (b->unknown[i]) return UNKNOWN;
    nr_report_loss(b->runs, b->y + i * b->out, b->wanted + i * b->targets,
                   scale, &loss);
    return loss <= WORST ? loss : WORST;
}

static nr_status run_batch(batch *b, nr_error *err) {
    const nr_array *weights = nr_net_ready(b->runs, err);
    if (!weights) return NR_ERR;
    const float *scale = nr_factors_of(&b->runs->h, weights->data).out_scale;
    nr_status status =
        nr_net_outputs(b->runs, b->sequences, b->x, b->n, b->y, err);
    if (status != NR_OK) return status;
    nr_report_bound(b->y, b->n * b->out);
    for (size_t i = 0; i < b->n; i++) {
        nr_score score = nr_score_of(b->reference, loss_of(b, scale, i));
        if (!nr_buf_append(b->scores, &score, sizeof score))
            return nr_nomem(err);
    }
    b->n = 0;
    nr_sequences_drop(b->sequences);
    b->sequences = NULL;
    return NR_OK;
}

/* ================================ Samples ================================ */

static bool take_row(batch *b, nr_bytes sample) {
    float *target = b->wanted + b->n * b->targets;
    size_t bytes = b->in * sizeof(float);
    memcpy(b->x + b->n * b->in, sample.data, bytes);
    memcpy(target, sample.data + bytes, b->targets * sizeof(float));
    b->unknown[b->n] = b->net->h.kind == NR_CLASSIFIER &&
                       !(*target >= 0 && *target < (float)b->out);
    return true;
}

/* A class that the encoding does not know, or an output that it does not have. */
static bool has_outputs(const batch *b, bool *unknown) {
    const nr_schema *schema = b->encoding->schema;
    const nr_value *outputs = b->values + schema->inputs;
    for (size_t i = 0; i < schema->n - schema->inputs; i++)
        if (outputs[i].missing) return false;
    nr_text class = {(const char *)outputs->bytes.data, outputs->bytes.len};
    *unknown = b->encoding->classes.n &&
               nr_terms_find(&b->encoding->classes, class) < 0;
    return true;
}

/* false: out of memory; a record that cannot be scored is left out. */
static bool take_record(batch *b, nr_bytes record, bool *scored) {
    size_t units = nr_state_units(&b->runs->h.recurrent);
    if (units && !b->sequences &&
        !(b->sequences = nr_sequences_new(b->encoding)))
        return false;
    *scored = nr_record_read(b->encoding->schema, record, b->values, NULL) &&
              has_outputs(b, &b->unknown[b->n]);
    return !*scored ||
           nr_encode_row(b->encoding, b->values, b->sequences, units,
                         b->x + b->n * b->in, b->wanted + b->n * b->targets);
}

static nr_status take(batch *b, nr_bytes sample, nr_error *err) {
    bool scored = true;
    bool ok = b->encoding ? take_record(b, sample, &scored)
                          : take_row(b, sample);
    if (!ok) return nr_nomem(err);
    b->n += scored;
    return b->n == b->most ? run_batch(b, err) : NR_OK;
}

static nr_status take_all(batch *b, nr_bytes samples, nr_error *err) {
    size_t row = b->net->row * sizeof(float);
    uint64_t every = passed_over(b->runs);
    nr_status status = NR_OK;
    nr_bytes one;
    while (samples.len && status == NR_OK) {
        if (b->encoding) {
            if (!nr_record_next(&samples, &one))
                return nr_fail(err, "ERR invalid records");
        } else {
            one = (nr_bytes){samples.data, row};
            samples.data += row;
            samples.len -= row;
        }
        if (every == 1 || nr_checksum(one.data, one.len) % every == 0)
            status = take(b, one, err);
    }
    return status == NR_OK && b->n ? run_batch(b, err) : status;
}

/* ================================== All ================================== */

static bool is_comparable(const nr_net *net) {
    const nr_array *reference = net->findings[NR_REFERENCE];
    return nr_net_watched(net) && reference &&
           (!net->schema || net->inner) &&
           nr_count_read(reference->data[NR_REF_TESTED]) >= NR_FEWEST_LOSSES;
}

/* One sample takes no memory of its own. */
static nr_status score(const nr_net *net, nr_bytes samples, nr_buf *scores,
                       nr_error *err) {
    float few[FEW], *room = few;
    nr_value some[32];
    batch b = {.net = net, .runs = net->inner ? net->inner : net,
               .encoding = net->inner ? net->encoding : NULL,
               .reference = net->findings[NR_REFERENCE], .scores = scores};
    b.in = nr_inputs(b.runs);
    b.out = nr_outputs(b.runs);
    b.targets = net->h.kind == NR_CLASSIFIER ? 1 : b.out;
    size_t each = b.in + b.out + b.targets;
    size_t fields = b.encoding ? b.encoding->schema->n : 0;
    b.most = samples.len == net->row * sizeof(float) ? 1 : MOST / each + 1;
    if (b.most > BATCH) b.most = BATCH;
    if (b.most > 1 && b.most * each > FEW && each <= FEW && b.encoding)
        b.most = FEW / each; /* records come one by one, as a rule */
    if (b.most * each > FEW) room = nr_alloc(b.most * each * sizeof *room);
    b.values = fields <= 32 ? some : nr_alloc(fields * sizeof *b.values);
    b.x = room;
    b.y = room ? room + b.most * b.in : NULL;
    b.wanted = room ? b.y + b.most * b.out : NULL;
    nr_status status =
        room && b.values ? take_all(&b, samples, err) : nr_nomem(err);
    nr_sequences_drop(b.sequences);
    if (b.values != some) nr_release(b.values);
    if (room != few) nr_release(room);
    return status;
}

nr_status nr_net_score(const nr_net *net, nr_bytes samples, nr_buf *scores,
                       nr_error *err) {
    size_t start = scores->len;
    if (!is_comparable(net)) return NR_OK;
    if (net->row && samples.len % (net->row * sizeof(float)))
        return nr_fail(err, "ERR invalid rows: %zu bytes", samples.len);
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = score(net, samples, scores, err);
    nr_mode_end(before);
    if (status != NR_OK) scores->len = start;
    return status;
}

int nr_net_score_row(const nr_net *net, const void *row, size_t len,
                     int64_t *score) {
    nr_error err;
    nr_score found;
    nr_buf one = {0};
    nr_status status = nr_net_score(net, (nr_bytes){row, len}, &one, &err);
    int scored = one.len == sizeof found;
    if (scored) memcpy(&found, one.data, sizeof found);
    nr_buf_free(&one);
    if (status != NR_OK) return status;
    if (!scored) return 0;
    score[0] = found.step;
    score[1] = found.ratio;
    return 1;
}

nr_status nr_net_judge(nr_net *net, const nr_net *weights, const void *samples,
                       size_t len, nr_error *err) {
    nr_buf scores = {0};
    nr_status status = nr_net_score(weights, (nr_bytes){samples, len}, &scores, err);
    if (status == NR_OK)
        status = nr_scores_count(net, (nr_bytes){scores.data, scores.len}, err);
    nr_buf_free(&scores);
    return status;
}
