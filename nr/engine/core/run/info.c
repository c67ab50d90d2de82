/* What there is to know of a network: NR.INFO, NR.GETDATA, NR.HISTORY. */

#include "float_mode.h"
#include "grammar/syntax.h"
#include "run/drift.h"
#include "run/execute.h"
#include "run/fields.h"

static nr_status done(bool ok, nr_error *err) {
    return ok ? NR_OK : nr_nomem(err);
}

static bool put_pair(nr_buf *b, const char *name, uint64_t value) {
    return nr_put_str(b, name) && nr_put_uint(b, value);
}

static bool put_real(nr_buf *b, const char *name, double value) {
    return nr_put_str(b, name) && nr_put_double(b, value);
}

static bool put_word(nr_buf *b, const char *name, const char *value) {
    return nr_put_str(b, name) && nr_put_str(b, value);
}

static bool put_lower(nr_buf *b, const char *name, const char *value) {
    return nr_put_str(b, name) && nr_put_lower(b, value);
}

/* Those of options.h that say how they are called here. */
static size_t count_shown(void) {
    size_t n = 0;
    for (size_t i = 0; i < NR_OPTIONS; i++)
        n += nr_network_options[i].info != NULL;
    return n;
}

static bool put_options(const nr_options *options, nr_buf *b) {
    bool ok = true;
    for (size_t i = 0; i < NR_OPTIONS && ok; i++) {
        const nr_option *o = &nr_network_options[i];
        ok = !o->info || put_pair(b, o->info,
                                  (uint64_t)nr_option_get(o, options));
    }
    return ok;
}

/* The datasets whose next sample replaces another; a forecaster's series do
 * not, they only move on. */
static const char *full_datasets(const nr_header *h) {
    static const char *const words[] = {"no", "training", "testing", "both"};
    size_t full = 0;
    for (size_t d = 0; d < 2 && h->kind != NR_FORECASTER; d++)
        full |= (size_t)(h->maxlen[d] && h->len[d] == h->maxlen[d]) << d;
    return words[full];
}

static bool put_units(nr_buf *b, const char *name, const uint32_t *units,
                      size_t n) {
    return nr_put_str(b, name) && nr_units_put(b, units, n);
}

/* The layers in use: of a network with fields those of its last training. */
static bool put_layout(nr_buf *b, const nr_header *h) {
    const nr_learned *l = &h->learned;
    return l->nlayers ? put_units(b, "layout", l->layers, l->nlayers)
                      : put_units(b, "layout", h->layers, h->nlayers);
}

/* What networks with fields have besides. */
static bool put_fields(nr_buf *b, const nr_net *net) {
    const nr_learned *l = &net->h.learned;
    return (!l->nrecurrent || put_units(b, "recurrent-layers", l->recurrent,
                                        l->nrecurrent)) &&
           (!net->schema ||
            (nr_put_str(b, "fields") && nr_fields_list(net->schema, b)));
}

/* Of networks whose samples are scored before they are kept. */
static bool put_drift(nr_buf *b, const nr_header *h) {
    if (!nr_header_watched(h)) return put_word(b, "drift", "off");
    return put_word(b, "drift", nr_scored_now(h).alarm ? "alarm" : "none");
}

bool nr_info_reply(const nr_net *net, bool training, nr_buf *b) {
    const nr_header *h = &net->h;
    const nr_statistics *s = &h->stats;
    bool classifier = h->kind == NR_CLASSIFIER;
    size_t pairs = 25 + count_shown() + (size_t)classifier +
                   (net->schema != NULL) + (h->learned.nrecurrent > 0);
    bool ok = nr_put_array(b, 2 * pairs) &&
              put_pair(b, "id", h->id) &&
              put_lower(b, "type", nr_kind_words[h->kind]) &&
              put_options(&h->options, b) &&
              put_pair(b, "training", training) && put_layout(b, h) &&
              put_pair(b, "training-dataset-maxlen", h->maxlen[0]) &&
         put_pair(b, "training-dataset-len", h->len[0]) &&
         put_pair(b, "test-dataset-maxlen", h->maxlen[1]) &&
         put_pair(b, "test-dataset-len", h->len[1]) &&
         put_word(b, "datasets-full", full_datasets(h)) &&
         put_pair(b, "training-total-steps", s->steps) &&
         put_pair(b, "training-total-cycles", s->cycles) &&
         put_real(b, "training-total-seconds", (double)s->ms / 1000) &&
         put_real(b, "dataset-error", s->train_error) &&
         put_real(b, "test-error", s->test_error);
    if (classifier)
        ok = ok &&
             put_real(b, "classification-errors-perc", s->class_errors);
    return ok &&
           put_word(b, "overfitting-detected", s->overfitting ? "yes" : "no") &&
           put_lower(b, "training-ended-by", nr_ending_words[s->ending]) &&
           put_word(b, "last-training", h->last_training) &&
           put_pair(b, "trainings", h->trainings) &&
           put_pair(b, "parameters",
                    h->learned.nlayers ? h->learned.params : net->params) &&
           put_pair(b, "rounded", h->rounded) &&
           put_pair(b, "observed", h->observed) &&
           put_pair(b, "new", h->fresh) &&
           put_pair(b, "ordered", h->ordered) &&
           put_pair(b, "coalesced", h->coalesced) && put_drift(b, h) &&
           put_fields(b, net);
}

nr_status nr_sample_put(const nr_net *net, nr_bytes sample, nr_buf *reply,
                        nr_error *err) {
    size_t in = nr_inputs(net), out = nr_outputs(net);
    const float *row = (const void *)sample.data;
    bool classifier = net->h.kind == NR_CLASSIFIER;
    if (net->schema) return nr_fields_sample(net, sample, reply, err);
    if (sample.len != net->row * sizeof(float))
        return nr_fail(err, "ERR invalid network: a sample of %zu bytes where "
                            "%zu belong",
                       sample.len, net->row * sizeof(float));
    bool ok = nr_put_array(reply, 2) && nr_put_array(reply, in);
    for (size_t i = 0; i < in && ok; i++)
        ok = nr_put_double(reply, (double)row[i]);
    ok = ok && nr_put_array(reply, out);
    for (size_t i = 0; i < out && ok; i++)
        ok = nr_put_double(reply, classifier ? row[in] == (float)i
                                             : (double)row[in + i]);
    return done(ok, err);
}

nr_status nr_net_sample_reply(const nr_net *net, nr_bytes sample,
                              nr_buf *reply, nr_error *err) {
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = nr_sample_put(net, sample, reply, err);
    nr_mode_end(before);
    return status;
}

nr_status nr_getdata(const nr_net *net, const nr_command *cmd, nr_buf *reply,
                     nr_error *err) {
    if (cmd->until) return nr_range_put(net, cmd, reply, err);
    if (cmd->number >= net->h.len[cmd->dataset])
        return done(nr_put_nil(reply), err);
    if (net->partial)
        return nr_fail(err, "ERR a sample of a network without its datasets");
    nr_bytes sample = nr_net_sample(net, cmd->dataset, cmd->number);
    return nr_sample_put(net, sample, reply, err);
}

/* One row a point: cycle, training error, testing error and classification
 * errors in per cent, the last two nil where there was nothing to test. */
bool nr_history_reply(const nr_net *net, nr_buf *b) {
    size_t n = net->history ? (size_t)net->history->data[0] : 0;
    bool ok = nr_put_array(b, n);
    for (size_t i = 0; i < n && ok; i++) {
        const float *point = net->history->data + 1 + i * 4;
        ok = nr_put_array(b, 4) && nr_put_uint(b, (uint64_t)point[0]);
        for (int k = 1; k < 4 && ok; k++)
            ok = point[k] == point[k] ? nr_put_double(b, (double)point[k])
                                      : nr_put_nil(b);
    }
    return ok;
}
