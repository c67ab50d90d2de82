/* NR.DRIFT: the loss of late beside that at the last training, the alarm, and how far
 * each input has moved since.
 *
 * An input has moved by its population stability index: the values that the training
 * saw fill ten bins, and the index compares how many samples came to each since then.
 * New samples replace old ones at random, so the samples that are kept are a mixture.
 * How many of the old ones have stayed is known in the mean, and these are taken off,
 * bin by bin. To count every sample as it comes was rejected: each NR.OBSERVE would
 * write as many counts as there are inputs. What chance alone would come to is taken
 * off the index, so that few new samples do not look like a move.
 *
 * A field is compared by one number: a category by its place among those that the
 * training knew, a text by how many words of it are known, a vector by its length. */

#include <float.h>
#include <math.h>
#include <string.h>

#include "functions.h"
#include "run/drift.h"
#include "run/execute.h"

enum { FEWEST_NEW = 50, MOST_COUNTED = 1 << 22 };

/* ================================= Values ================================ */

static float place_of_largest(const float *x, size_t n) {
    size_t at = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[at]) at = i;
    return (float)at;
}

static float count_known(const float *x, size_t n) {
    size_t known = 0;
    for (size_t i = 0; i < n; i++) known += x[i] != 0;
    return (float)known;
}

static float squares(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return (float)fmin(sum, (double)FLT_MAX);
}

/* What is missing, and a category that was never seen, lies beyond all others. */
static bool value_of_field(const nr_code *code, const float *x, float *value) {
    size_t n = code->columns;
    if (!n || code->field->kind == NR_FIELD_KEY ||
        code->field->kind == NR_FIELD_SEQUENCE)
        return false;
    size_t bytes = n * sizeof *x;
    if ((code->gap && x[--n] == 1) || !memcmp(x, code->missing, bytes)) {
        *value = FLT_MAX;
        return true;
    }
    switch (code->field->kind) {
    case NR_FIELD_CATEGORY: *value = place_of_largest(x, n); break;
    case NR_FIELD_TEXT: *value = count_known(x, n); break;
    case NR_FIELD_VECTOR: *value = squares(x, n); break;
    default: *value = x[0]; break;
    }
    return true;
}

bool nr_drift_value(const nr_encoding *encoding, const float *row, size_t input,
                    float *value) {
    const nr_code *code = encoding ? &encoding->codes[input] : NULL;
    bool compared = !code || value_of_field(code, row + code->first, value);
    if (!code) *value = row[input];
    if (compared) *value = nr_drift_flushed(*value);
    return compared;
}

size_t nr_drift_every(size_t samples, size_t inputs) {
    size_t all = samples * inputs; /* of a network that is there */
    return all / MOST_COUNTED + 1;
}

/* ================================= Counts ================================ */

typedef struct counts {
    const nr_net *net;
    const nr_encoding *encoding;
    const nr_array *reference;
    size_t inputs, counted;
    uint32_t *bins; /* [input][bin]: samples that are kept */
    float *row;
    nr_value *values;
} counts;

static void count_row(counts *c, const float *row) {
    float value;
    for (size_t i = 0; i < c->inputs; i++)
        if (nr_drift_value(c->encoding, row, i, &value))
            c->bins[i * NR_DRIFT_BINS +
                    nr_drift_bin(nr_reference_bins(c->reference, i), value)]++;
    c->counted++;
}

static void count_sample(counts *c, nr_dataset_id which, size_t slot) {
    if (!c->encoding) {
        count_row(c, nr_dataset_row(c->net, which, slot));
        return;
    }
    if (!nr_record_read(c->encoding->schema,
                        nr_record_at(c->net, which, slot), c->values, NULL))
        return;
    nr_encode(c->encoding, c->values, c->row, NULL);
    count_row(c, c->row);
}

static bool counts_make(counts *c, const nr_net *net) {
    *c = (counts){.net = net, .encoding = net->encoding,
                  .reference = net->findings[NR_REFERENCE]};
    c->inputs = c->reference ? nr_reference_inputs(c->reference) : 0;
    c->bins = nr_alloc_lines(c->inputs + 1, NR_DRIFT_BINS * sizeof *c->bins);
    if (!c->encoding) return c->bins != NULL;
    c->row = nr_alloc_lines(c->encoding->columns + 1, sizeof *c->row);
    c->values = nr_alloc(c->encoding->schema->n * sizeof *c->values);
    return c->bins && c->row && c->values;
}

static void counts_free(counts *c) {
    nr_release_lines(c->bins);
    nr_release_lines(c->row);
    nr_release(c->values);
}

static void count_all(counts *c) {
    const uint64_t *len = c->net->h.len;
    size_t every = nr_drift_every(len[0] + len[1], c->inputs);
    for (size_t i = 0; i < len[0] + len[1] && c->inputs; i += every)
        if (i < len[0])
            count_sample(c, NR_DATASET_TRAIN, i);
        else
            count_sample(c, NR_DATASET_TEST, i - len[0]);
}

/* ================================= Moves ================================= */

/* How many samples there are and were, how many of the old ones have stayed in the
 * mean, as a part and in all, and so how many are new. */
typedef struct mixture {
    double now, then, stayed, old, fresh;
} mixture;

/* Where samples were dropped, nobody knows which: then all are new. */
static mixture mixture_of(const nr_net *net, const nr_array *reference) {
    const float *head = reference->data;
    const nr_header *h = &net->h;
    mixture m = {.now = (double)(h->len[0] + h->len[1])};
    m.then = nr_count_read(head[NR_REF_TRAIN]) + nr_count_read(head[NR_REF_TEST]);
    double came = (double)h->observed - nr_reference_observed(reference);
    double replaced = came - (m.now - m.then);
    bool dropped = (double)(h->schema_revision & 0xffffff) !=
                   nr_count_read(head[NR_REF_SCHEMA]);
    if (!dropped && came >= 0 && m.now >= m.then && m.now > 0)
        m.stayed = replaced > 0 && m.now > 1
                       ? nr_exp(replaced * nr_log(1 - 1 / m.now))
                       : 1;
    m.old = m.then * m.stayed;
    m.fresh = m.now - m.old;
    return m;
}

/* The index of one input, less what chance comes to; NaN: nothing is known. */
static double moved(const counts *c, const mixture *m, size_t input) {
    const float *then = nr_reference_bins(c->reference, input) + NR_DRIFT_EDGES;
    const uint32_t *now = c->bins + input * NR_DRIFT_BINS;
    double counted = nr_count_read(c->reference->data[NR_REF_COUNTED]);
    double fresh[NR_DRIFT_BINS], sum = 0, index = 0, chance = 0, bins = 0;
    if (!(m->fresh >= FEWEST_NEW) || !c->counted || !(counted > 0)) return NAN;
    double here = m->now / (double)c->counted, there = m->then / counted;
    for (size_t i = 0; i < NR_DRIFT_BINS; i++) {
        double old = nr_count_read(then[i]) * there * m->stayed;
        fresh[i] = fmax(now[i] * here - old, 0);
        sum += fresh[i];
        bins += now[i] || then[i] > 0;
    }
    for (size_t i = 0; i < NR_DRIFT_BINS; i++) {
        double old = nr_count_read(then[i]);
        if (!now[i] && !(old > 0)) continue;
        double p = (fresh[i] + 0.5) / (sum + bins / 2);
        double q = (old + 0.5) / (counted + bins / 2);
        index += (p - q) * nr_log(p / q);
    }
    chance = 1 / m->fresh + 1 / counted +
             m->old * (1 - m->stayed) / (m->fresh * m->fresh);
    if (here > 1) chance += m->now * here / (m->fresh * m->fresh);
    if (there > 1) chance += m->old * m->stayed * there / (m->fresh * m->fresh);
    return fmax(index - (bins - 1) * chance, 0);
}

/* Behind its name, or its number. */
static bool put_moved(const counts *c, const mixture *m, size_t i, nr_buf *b) {
    float value;
    bool compared = i < c->inputs;
    if (c->encoding) {
        const nr_code *code = &c->encoding->codes[i];
        nr_text name = code->field->name;
        if (!nr_put_bin(b, name.s, name.n)) return false;
        compared = compared && code->columns &&
                   value_of_field(code, c->row, &value);
    } else if (!nr_put_uint(b, i)) {
        return false;
    }
    double index = compared ? moved(c, m, i) : (double)NAN;
    return isnan(index) ? nr_put_nil(b) : nr_put_double(b, index);
}

static size_t inputs_told(const nr_net *net) {
    if (net->schema) return net->inner ? net->encoding->schema->inputs : 0;
    return nr_inputs(net);
}

static bool put_moves(counts *c, nr_buf *b) {
    size_t n = inputs_told(c->net);
    mixture m = {0};
    if (c->reference) m = mixture_of(c->net, c->reference);
    count_all(c);
    bool ok = nr_put_str(b, "new-samples") &&
              nr_put_uint(b, (uint64_t)fmax(m.fresh + 0.5, 0)) &&
              nr_put_str(b, "moved") &&
              nr_put_array(b, 2 * n);
    for (size_t i = 0; i < n && ok; i++) ok = put_moved(c, &m, i, b);
    return ok;
}

/* ================================= Reply ================================= */

static bool put_uint_or_nil(nr_buf *b, const char *name, uint64_t value) {
    return nr_put_str(b, name) &&
           (value ? nr_put_uint(b, value) : nr_put_nil(b));
}

static bool put_real_or_nil(nr_buf *b, const char *name, double value) {
    return nr_put_str(b, name) &&
           (isnan(value) ? nr_put_nil(b) : nr_put_double(b, value));
}

static bool put_losses(const nr_net *net, nr_buf *b) {
    const nr_array *reference = net->findings[NR_REFERENCE];
    nr_scored l = nr_scored_now(&net->h);
    bool tested = reference && nr_count_read(reference->data[NR_REF_TESTED]) > 0;
    double mean = tested ? (double)reference->data[NR_REF_MEAN] : (double)NAN;
    double late = (double)l.late / NR_MILLION * (mean > 0 ? mean : 1);
    return nr_put_str(b, "watched") &&
           nr_put_str(b, nr_header_watched(&net->h) ? "yes" : "no") &&
           nr_put_str(b, "alarm") && nr_put_str(b, l.alarm ? "yes" : "no") &&
           put_uint_or_nil(b, "alarm-after", l.alarm) &&
           put_real_or_nil(b, "level", (double)l.sum / NR_DRIFT_ALARM) &&
           nr_put_str(b, "scored") && nr_put_uint(b, l.scored) &&
           put_real_or_nil(b, "loss", l.scored ? late : (double)NAN) &&
           put_real_or_nil(b, "loss-at-training", mean);
}

static nr_status check(const nr_net *net, const nr_command *cmd,
                       nr_error *err) {
    char key[NR_QUOTED];
    nr_quote(key, sizeof key, cmd->argv[cmd->key], cmd->arglen[cmd->key]);
    if (nr_is_forecaster(net) || nr_is_generator(net))
        return nr_fail(err, "ERR %s is a %s, whose samples are not scored before "
                            "they are kept: NR.METRICS tells how good it is",
                       key, nr_is_forecaster(net) ? "forecaster" : "generator");
    if (net->partial)
        return nr_fail(err, "ERR the drift of a network without its datasets");
    return NR_OK;
}

nr_status nr_drift_reply(const nr_net *net, const nr_command *cmd,
                         nr_buf *reply, nr_error *err) {
    counts c = {0};
    size_t start = reply->len;
    nr_status status = check(net, cmd, err);
    if (status != NR_OK) return status;
    bool ok = counts_make(&c, net) && nr_put_array(reply, 18) &&
              put_losses(net, reply) && put_moves(&c, reply);
    counts_free(&c);
    if (ok) return NR_OK;
    reply->len = start;
    return nr_nomem(err);
}

double nr_drift_work(const nr_net *net) {
    const nr_array *reference = net->findings[NR_REFERENCE];
    size_t inputs = reference ? nr_reference_inputs(reference) : 0;
    size_t samples = net->h.len[0] + net->h.len[1];
    double each = NR_DRIFT_EDGES;
    if (net->inner) each += (double)nr_inputs(net->inner) / (double)(inputs + 1);
    return each * (double)(samples * inputs) /
           (double)nr_drift_every(samples, inputs);
}
