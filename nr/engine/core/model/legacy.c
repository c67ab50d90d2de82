/* Encoding 2: what Neural Redis saved, so that its users can move over.
 *
 * It holds, in this order: the layers' units from the output to the input;
 * flags, id, and the statistics; layer by layer towards the input the weights,
 * then RPROP's steps and last gradients, which are of no use after a training;
 * the factors of inputs and outputs; the two datasets, a classifier's outputs
 * one-hot. A layer's weights are grouped by the unit they lead to, the bias
 * (of a unit that is always 1) being the last of each group.
 *
 * It becomes a CLASSIC network, put together by the same checks as any other.
 * Nothing in the file is trusted: counts are checked before they are used, and
 * buffers grow only by what was really read. The file is the host's, which reads
 * it number by number. */

#include <math.h>
#include <string.h>

#include "grammar/syntax.h"
#include "host.h"
#include "model/net.h"

enum { CLASSIFIER = 1 << 2, NORMALIZE = 1 << 3, OVERFITTING = 1 << 5 };

typedef struct legacy {
    const nr_numbers *from;
    nr_header h;
    uint64_t maxcycles;
    nr_buf weights, rows[2];
    nr_error err;
} legacy;

static uint64_t get_number(legacy *l) { return l->from->number(l->from->host); }
static float get_float(legacy *l) { return l->from->real(l->from->host); }
static bool ended(legacy *l) { return l->from->ended(l->from->host); }

static bool get_floats(legacy *l, size_t n, nr_buf *out) {
    for (size_t i = 0; i < n; i++) {
        float value = get_float(l);
        if (ended(l) || !nr_buf_append(out, &value, sizeof value))
            return false;
    }
    return true;
}

static bool skip_floats(legacy *l, size_t n) {
    for (size_t i = 0; i < n; i++) {
        get_float(l);
        if (ended(l)) return false;
    }
    return true;
}

static bool get_layout(legacy *l) {
    uint64_t n = get_number(l);
    if (ended(l) || n < 2 || n > NR_MAX_LAYERS) return false;
    l->h.nlayers = n;
    l->h.options.members = 1;
    while (n--) {
        uint64_t units = get_number(l);
        if (units == 0 || units > NR_MAX_UNITS) return false;
        l->h.layers[n] = (uint32_t)units;
    }
    return !ended(l) &&
           nr_shape_check(NR_REGRESSOR, l->h.nlayers, l->h.layers, 1, l->h.maxlen,
                          &l->err) == NR_OK;
}

static double get_error(legacy *l) {
    double value = (double)get_float(l);
    return isfinite(value) && value >= 0 ? value : 0;
}

static bool get_statistics(legacy *l) {
    nr_header *h = &l->h;
    uint64_t flags = get_number(l);
    h->kind = flags & CLASSIFIER ? NR_CLASSIFIER : NR_REGRESSOR;
    h->options.normalize = flags & NORMALIZE;
    h->stats.overfitting = flags & OVERFITTING;
    h->id = get_number(l);
    h->stats.steps = get_number(l);
    h->stats.ms = get_number(l);
    l->maxcycles = get_number(l);
    get_number(l); /* the limit in milliseconds */
    h->stats.train_error = get_error(l);
    h->stats.test_error = get_error(l);
    h->stats.class_errors = get_error(l);
    return !ended(l);
}

/* One layer, to the core's order: biases, then a row for each unit that the
 * weights come from. Hidden layers' bias units have a group, too, that was
 * never used. */
static bool get_layer(legacy *l, size_t to, float *w) {
    size_t out = l->h.layers[to], in = l->h.layers[to - 1] + 1;
    size_t saved = in * (out + (to + 1 < l->h.nlayers));
    nr_buf groups = {0};
    bool ok = get_floats(l, saved, &groups) && skip_floats(l, 2 * saved);
    const float *from = (const float *)groups.data;
    for (size_t o = 0; o < out && ok; o++)
        for (size_t i = 0; i < in; i++)
            w[(i + 1) % in * out + o] = from[o * in + i];
    nr_buf_free(&groups);
    return ok;
}

static bool get_weights(legacy *l) {
    nr_header *h = &l->h;
    nr_buf layers[NR_MAX_LAYERS] = {{0}};
    bool ok = true;
    for (size_t to = h->nlayers - 1; to > 0 && ok; to--) {
        size_t n = ((size_t)h->layers[to - 1] + 1) * h->layers[to];
        ok = nr_buf_reserve(&layers[to], n * sizeof(float));
        if (ok) ok = get_layer(l, to, (float *)layers[to].data);
        layers[to].len = n * sizeof(float);
    }
    ok = ok && nr_buf_reserve(&l->weights, nr_weights_len(h) * sizeof(float));
    if (ok) {
        size_t in = h->layers[0], out = h->layers[h->nlayers - 1];
        l->weights.len = 2 * (in + out) * sizeof(float);
        memset(l->weights.data, 0, l->weights.len);
        for (size_t to = 1; to < h->nlayers; to++)
            nr_buf_append(&l->weights, layers[to].data, layers[to].len);
    }
    for (size_t to = 1; to < h->nlayers; to++) nr_buf_free(&layers[to]);
    return ok;
}

static bool get_factors(legacy *l) {
    size_t in = l->h.layers[0], out = l->h.layers[l->h.nlayers - 1];
    nr_factors f = nr_factors_of(&l->h, (float *)l->weights.data);
    for (size_t i = 0; i < in; i++) f.in_scale[i] = 1 / get_float(l);
    for (size_t o = 0; o < out; o++) {
        float scale = get_float(l);
        f.out_scale[o] = l->h.kind == NR_REGRESSOR ? scale : 1;
    }
    return !ended(l);
}

/* All inputs come first, then all outputs: rows need both. */
static bool get_dataset(legacy *l, nr_dataset_id which) {
    nr_header *h = &l->h;
    size_t in = h->layers[0], out = h->layers[h->nlayers - 1];
    nr_buf inputs = {0}, outputs = {0};
    uint64_t n = h->len[which] = get_number(l);
    h->maxlen[which] = get_number(l);
    if (ended(l) || n > h->maxlen[which] ||
        nr_shape_check(h->kind, h->nlayers, h->layers, 1, h->maxlen,
                       &l->err) != NR_OK)
        return false;
    bool ok = get_floats(l, n * in, &inputs) && get_floats(l, n * out, &outputs);
    for (size_t r = 0; r < n && ok; r++) {
        const float *x = (const float *)inputs.data + r * in;
        const float *y = (const float *)outputs.data + r * out;
        float id = 0;
        for (size_t o = 0; o < out; o++)
            if (y[o] > y[(size_t)id]) id = (float)o;
        ok = nr_buf_append(&l->rows[which], x, in * sizeof *x) &&
             (h->kind == NR_CLASSIFIER
                  ? nr_buf_append(&l->rows[which], &id, sizeof id)
                  : nr_buf_append(&l->rows[which], y, out * sizeof *y));
    }
    nr_buf_free(&inputs);
    nr_buf_free(&outputs);
    return ok;
}

/* What Neural Redis did not have follows from what is there, so that a replica
 * or a second reading of the same file makes the same network. Its ids started
 * from 1 with every server; here they are never used twice. */
static void complete(legacy *l) {
    nr_header *h = &l->h;
    uint64_t sum = nr_checksum(l->weights.data, l->weights.len);
    bool normalize = h->options.normalize;
    h->options = nr_options_preset(h->kind);
    h->options.normalize = normalize;
    h->options.classic = true;
    h->options.activation = NR_SIGMOID;
    h->options.loss = NR_MSE;
    h->options.members = 1;
    h->maxbytes = NR_MAXBYTES;
    h->options.seed = sum & NR_MAX_SEED;
    nr_random_seed(&h->random, h->options.seed);
    h->id = 1 + nr_mix(sum ^ nr_mix(h->id)) % NR_MAX_SEED;
    h->trained = true;
    if (h->len[0]) h->stats.cycles = h->stats.steps / h->len[0];
    if (h->stats.steps)
        h->stats.ending = h->stats.overfitting ? NR_ENDED_AUTOSTOP
                          : l->maxcycles       ? NR_ENDED_CYCLES
                                               : NR_ENDED_TIME;
    nr_outcome_derive(h);
}

static nr_net *assemble(legacy *l) {
    nr_buf header = {0};
    nr_net *net = NULL;
    static const unsigned char none[1];
    if (nr_header_put(&l->h, NULL, &header)) {
        nr_parts parts = {
            .header = {header.data, header.len},
            .weights = {l->weights.data, l->weights.len},
        };
        for (int d = 0; d < 2; d++) {
            const unsigned char *rows = l->rows[d].data;
            parts.rows[d] = (nr_bytes){rows ? rows : none, l->rows[d].len};
        }
        if (nr_net_assemble(&parts, &net, &l->err) != NR_OK) net = NULL;
    }
    nr_buf_free(&header);
    return net;
}

nr_status nr_legacy_read(const nr_numbers *from, nr_net **net, nr_error *err) {
    legacy l = {.from = from, .err = {"damaged, or out of memory"}};
    *net = NULL;
    if (get_layout(&l) && get_statistics(&l) && get_weights(&l) &&
        get_factors(&l) && get_dataset(&l, NR_DATASET_TRAIN) &&
        get_dataset(&l, NR_DATASET_TEST)) {
        complete(&l);
        *net = assemble(&l);
    }
    if (!*net && err) *err = l.err;
    nr_buf_free(&l.weights);
    nr_buf_free(&l.rows[0]);
    nr_buf_free(&l.rows[1]);
    return *net ? NR_OK : NR_ERR;
}
