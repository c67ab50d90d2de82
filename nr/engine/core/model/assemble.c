/* Networks from their parts, and the parts of networks: what stores keep, and a
 * dump is made of (format.c). Nothing is taken on trust. */

#include <math.h>
#include <string.h>

#include "float_mode.h"
#include "model/drift.h"

static nr_status load_weights(nr_net *net, nr_bytes bytes, nr_error *err) {
    size_t n = nr_weights_len(&net->h);
    if (bytes.len != n * sizeof(float))
        return nr_fail(err, "ERR invalid network: %zu bytes of weights where "
                            "%zu were expected",
                       bytes.len, n * sizeof(float));
    nr_array *array = nr_array_new(n);
    if (!array) return nr_nomem(err);
    atomic_store(&net->weights, array);
    memcpy(array->data, bytes.data, bytes.len);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(array->data[i]))
            return nr_fail(err, "ERR invalid network: a weight that is not "
                                "finite");
    return NR_OK;
}

/* What is counted in a report, its number of samples and a classifier's cells,
 * are whole numbers. */
static bool classes_sound(const nr_net *net, const float *report, size_t n) {
    for (size_t i = 0; i < n; i++) {
        bool cell = net->h.kind == NR_CLASSIFIER && i >= NR_REPORT_HEAD;
        bool counted = i == 0 || cell;
        if (counted && !(report[i] >= 0 && report[i] < 0x1p63f)) return false;
    }
    return true;
}

/* Of a network with fields it goes by the one behind them, which may not have
 * been read. */
static bool report_fits(const nr_net *net, size_t n) {
    if (net->schema && !net->inner) return n <= NR_MAX_UNITS;
    return n == nr_report_len(net->inner ? &net->inner->h : &net->h);
}

/* Of a point's four numbers only the testing dataset's two may be NaN; in the
 * report any may, that has no value. */
bool nr_history_sound(const nr_net *net, const nr_array *history) {
    float points = history->data[0];
    if (!(points >= 0 && points <= NR_MAX_HISTORY)) return false;
    size_t report = 1 + 4 * (size_t)points, n = history->n;
    if (points != (float)(size_t)points || n < report ||
        (n != report && !report_fits(net, n - report)))
        return false;
    for (size_t i = 1; i < n; i++) {
        float x = history->data[i];
        bool cycle = i < report && i % 4 == 1;
        bool may_lack = i >= report || (i - 1) % 4 >= 2;
        if (isnan(x) ? !may_lack : !isfinite(x)) return false;
        if (i < report && x < 0) return false;
        if (cycle && x >= 0x1p63f) return false;
    }
    return n == report || classes_sound(net, history->data + report, n - report);
}

static nr_status load_history(nr_net *net, nr_bytes bytes, nr_error *err) {
    if (bytes.len == 0) return NR_OK;
    if (bytes.len % sizeof(float) == 0)
        net->history = nr_array_new(bytes.len / sizeof(float));
    else
        return nr_fail(err, "ERR invalid network: its history");
    if (!net->history) return nr_nomem(err);
    memcpy(net->history->data, bytes.data, bytes.len);
    return nr_history_sound(net, net->history)
               ? NR_OK
               : nr_fail(err, "ERR invalid network: its history");
}

bool nr_background_sound(const nr_net *net, const nr_array *background) {
    const nr_net *runs = net->inner ? net->inner : net;
    size_t n = background->n, in = nr_inputs(runs);
    if (n > NR_MOST_BACKGROUND || nr_is_forecaster(net)) return false;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(background->data[i])) return false;
    /* Of a network whose weights are elsewhere nobody knows how long a row is. */
    if (net->schema && !net->inner) return true;
    return n % in == 0 && n / in <= NR_BACKGROUND_ROWS;
}

bool nr_finding_sound(const nr_net *net, nr_finding which, const nr_array *found) {
    static bool (*const sound[])(const nr_net *, const nr_array *) = {
        [NR_RESIDUALS] = nr_residuals_sound,
        [NR_BACKGROUND] = nr_background_sound,
        [NR_REFERENCE] = nr_reference_sound,
    };
    return sound[which](net, found);
}

/* What a network that was never trained, or one whose weights are elsewhere, has
 * none of. */
static nr_status load_finding(nr_net *net, nr_finding which, nr_bytes bytes,
                              nr_error *err) {
    if (bytes.len == 0) return NR_OK;
    bool whole = bytes.len % sizeof(float) == 0 && net->h.trained;
    nr_array *found = whole ? nr_array_new(bytes.len / sizeof(float)) : NULL;
    if (whole && !found) return nr_nomem(err);
    if (found) memcpy(found->data, bytes.data, bytes.len);
    net->findings[which] = found;
    return found && nr_finding_sound(net, which, found)
               ? NR_OK
               : nr_fail(err, "ERR invalid network: what its training found out");
}

/* Samples are records where there is a schema to make them by. */
static nr_status load_kept(nr_net *net, nr_bytes bytes, nr_error *err) {
    nr_status status = nr_kept_load(bytes, &net->kept, err);
    if (status != NR_OK) return status;
    return (net->schema != NULL) == (net->h.records == NR_VARIABLE)
               ? NR_OK
               : nr_fail(err, "ERR invalid network: its schema");
}

/* Numbers of sequences, which are inputs until there are states in their places,
 * must be taken as they are. */
static bool numbers_sound(const nr_net *net) {
    const nr_recurrent *r = &net->h.recurrent;
    nr_factors f = nr_factors_of(&net->h, atomic_load(&net->weights)->data);
    if (!r->fields) return true;
    for (size_t i = nr_state_place(r, nr_inputs(net), 0); i < nr_inputs(net);
         i++)
        if (f.in_shift[i] != 0 || f.in_scale[i] != 1) return false;
    return true;
}

/* A forecaster's learns residuals, as a regressor; a generator's which symbol comes
 * next, as a classifier. */
static nr_kind kind_behind(const nr_net *net) {
    if (nr_is_generator(net)) return NR_CLASSIFIER;
    return nr_is_forecaster(net) ? NR_REGRESSOR : net->h.kind;
}

/* Of a network with fields the encoding lies with the weights, and how the
 * network behind it is made: [encoding, header, weights], and behind these how
 * sequences are read, where a field is one. */
static nr_status load_inner(nr_net *net, nr_bytes bytes, nr_error *err) {
    nr_cursor c = {bytes.data, bytes.data + bytes.len, false};
    nr_encoding *encoding = NULL;
    nr_net *inner = NULL;
    nr_header h;
    nr_bytes weights;
    size_t n;
    if (!nr_get_array(&c, &n) || n < 3 || n > 4)
        return nr_fail(err, "ERR invalid network: its weights");
    nr_status status = nr_encoding_get(&c, net->h.kind, &encoding, err);
    if (status == NR_OK) status = nr_header_get(&c, &h, err);
    if (status == NR_OK &&
        (!nr_get_bin(&c, &weights) ||
         (n == 4) != (nr_sequence_fields(encoding->schema) > 0) ||
         (n == 4 && !nr_recurrent_get(&c, encoding, &h)) || c.at != c.end ||
         h.schema.data ||
         h.records != NR_FIXED ||
         !h.trained || h.len[0] || h.len[1] || h.kind != kind_behind(net) ||
         h.layers[0] != encoding->columns + nr_state_units(&h.recurrent) *
                                                h.recurrent.fields ||
         h.layers[h.nlayers - 1] != nr_encoding_outputs(encoding)))
        status = nr_fail(err, "ERR invalid network: its weights");
    bool fixed = nr_is_forecaster(net) || nr_is_generator(net);
    if (status == NR_OK && fixed &&
        !nr_schema_same(encoding->schema, net->schema))
        status = nr_fail(err, "ERR invalid network: its weights");
    if (status == NR_OK) status = nr_recurrent_check(&h, err);
    if (status == NR_OK && !(inner = nr_net_new(&h))) status = nr_nomem(err);
    if (status == NR_OK) status = load_weights(inner, weights, err);
    if (status == NR_OK && !numbers_sound(inner))
        status = nr_fail(err, "ERR invalid network: its weights");
    if (status == NR_OK)
        nr_net_take_inner(net, encoding, inner);
    else
        nr_net_free(inner);
    nr_encoding_drop(encoding);
    return status;
}

static nr_status load_parts(nr_net *net, const nr_parts *parts,
                            nr_error *err) {
    nr_status status = load_kept(net, parts->kept, err);
    if (status != NR_OK) return status;
    if (!net->h.trained || !net->schema) net->h.learned = (nr_learned){0};
    if (net->h.trained && parts->weights.data)
        status = net->schema ? load_inner(net, parts->weights, err)
                             : load_weights(net, parts->weights, err);
    else if (net->h.trained)
        net->partial = true;
    else if (parts->weights.len)
        status = nr_fail(err, "ERR invalid network: weights that were never "
                              "trained");
    if (status == NR_OK) status = load_history(net, parts->history, err);
    for (int i = 0; i < NR_FINDINGS && status == NR_OK; i++)
        status = load_finding(net, (nr_finding)i, parts->findings[i], err);
    for (int d = 0; d < 2 && status == NR_OK; d++)
        if (parts->rows[d].data || net->h.len[d] == 0)
            status = nr_dataset_load(net, d, parts->rows[d], err);
        else
            net->partial = true;
    return status;
}

static nr_status load_schema(nr_net *net, nr_bytes bytes, nr_error *err) {
    nr_schema *schema = NULL;
    if (!bytes.data && !nr_is_forecaster(net) && !nr_is_generator(net))
        return NR_OK;
    nr_cursor c = {bytes.data, bytes.data + bytes.len, false};
    nr_status status = nr_schema_get(&c, net->h.kind, &schema, err);
    if (status == NR_OK && nr_is_forecaster(net) &&
        net->h.steps > nr_most_steps(schema))
        status = nr_fail(err, "ERR invalid network: its schema");
    if (status == NR_OK) nr_net_take_schema(net, schema);
    nr_schema_drop(schema);
    return status;
}

NOINLINE nr_status assemble(const nr_parts *parts, nr_net **out,
                            nr_error *err) {
    nr_cursor c = {parts->header.data,
                   parts->header.data + parts->header.len, false};
    nr_header h;
    nr_status status = nr_header_get(&c, &h, err);
    if (status != NR_OK) return status;
    if (c.at != c.end)
        return nr_fail(err, "ERR invalid network: more after its header");
    nr_bytes schema = h.schema;
    h.schema = (nr_bytes){0};
    nr_net *net = nr_net_new(&h);
    if (!net) return nr_nomem(err);
    status = load_schema(net, schema, err);
    if (status == NR_OK) status = load_parts(net, parts, err);
    if (status == NR_OK)
        *out = net;
    else
        nr_net_free(net);
    return status;
}

nr_status nr_net_assemble(const nr_parts *parts, nr_net **out,
                          nr_error *err) {
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = assemble(parts, out, err);
    nr_mode_end(before);
    return status;
}

/* ============================ Parts of a network ========================= */

/* Its id and its times are those of the network around it. */
static nr_status put_inner(const nr_net *net, nr_buf *out, nr_error *err) {
    const nr_array *weights = atomic_load(&net->inner->weights);
    nr_header h = net->inner->h;
    h.id = h.stats.ms = 0;
    bool recurrent = h.recurrent.fields > 0;
    bool ok = nr_put_array(out, recurrent ? 4 : 3) &&
              nr_encoding_put(net->encoding, out) &&
              nr_header_put(&h, NULL, out) &&
              nr_put_bin(out, weights->data, weights->n * sizeof(float)) &&
              (!recurrent || nr_recurrent_put(&h.recurrent, out));
    return ok ? NR_OK : nr_nomem(err);
}

static nr_status put_array(const nr_array *array, nr_buf *out,
                           nr_error *err) {
    if (!array) return NR_OK;
    return nr_buf_append(out, array->data, array->n * sizeof(float))
               ? NR_OK
               : nr_nomem(err);
}

nr_status nr_net_weights(const nr_net *net, nr_buf *out, nr_error *err) {
    nr_net *self = (nr_net *)net;
    if (net->inner) return put_inner(net, out, err);
    return net->h.trained ? put_array(atomic_load(&self->weights), out, err)
                          : NR_OK;
}

nr_status nr_net_history(const nr_net *net, nr_buf *out, nr_error *err) {
    return put_array(net->history, out, err);
}

nr_status nr_net_finding(const nr_net *net, nr_finding which, nr_buf *out,
                         nr_error *err) {
    return put_array(net->findings[which], out, err);
}
