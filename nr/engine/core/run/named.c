/* One sample by name, for hosts that run networks themselves: a map in, numbers
 * out, and no command, record or reply between. It knows neither key nor form:
 * whoever is refused asks again by a command, which says what was wrong. */

#include "encode/record.h"
#include "float_mode.h"
#include "run/fields.h"
#include "run/run.h"

enum { FEW_COLUMNS = 512 };

static nr_status read_map(nr_maker *m, nr_bytes map, nr_error *err) {
    nr_cursor c = {map.data, map.data + map.len, false};
    nr_status status = nr_maker_map(m, &c, err);
    if (status == NR_OK && c.at != c.end)
        return nr_fail(err, "ERR invalid msgpack: more behind its value");
    return status;
}

/* The map as a row of the inner network, and its sequences. */
static nr_status encode(const nr_net *net, nr_bytes map, nr_value *values,
                        nr_sequences *sequences, float *x, nr_error *err) {
    const nr_recurrent *recurrent = &net->inner->h.recurrent;
    nr_maker m;
    nr_text key = {"", 0};
    nr_status status = nr_maker_init(&m, net->schema, key, true, err);
    if (status != NR_OK) return status;
    status = read_map(&m, map, err);
    if (status == NR_OK &&
        !nr_maker_values(&m, net->encoding->schema, values))
        status = nr_fail(err, "ERR a value that is none");
    if (status == NR_OK && !nr_encode_row(net->encoding, values, sequences,
                                          nr_state_units(recurrent), x, NULL))
        status = nr_nomem(err);
    nr_maker_free(&m);
    return status;
}

static nr_status run(nr_question *q, const nr_sequences *sequences,
                     const float *x) {
    const nr_net *net = q->net;
    const nr_encoding *e = net->encoding;
    bool class = !q->outputs;
    size_t n = class ? 0 : nr_encoding_outputs(e);
    float few[64], *y = n <= 64 ? few : nr_alloc(n * sizeof *y);
    if (class && net->h.kind != NR_CLASSIFIER) /* says why not */
        return nr_net_classify(net->inner, x, 1, &q->class, &q->err);
    if (!y) return nr_nomem(&q->err);
    nr_status status = nr_net_run_sequences(net->inner, sequences, x, 1,
                                            class ? NULL : y,
                                            class ? &q->class : NULL, &q->err);
    for (size_t i = 0; i < n && status == NR_OK; i++)
        q->outputs[i] = e->classes.n ? (double)y[i] : nr_decode(e, i, y[i]);
    if (y != few) nr_release(y);
    return status;
}

static nr_status ask(nr_question *q, nr_bytes map, nr_value *values, float *x) {
    bool some = q->net->inner->h.recurrent.fields > 0;
    nr_sequences own, *sequences = some ? &own : NULL;
    if (some) nr_sequences_begin(&own, q->net->encoding);
    nr_status status = encode(q->net, map, values, sequences, x, &q->err);
    if (status == NR_OK) status = run(q, sequences, x);
    if (some) nr_sequences_end(&own);
    return status;
}

/* In memory of its own where there is much of it. */
static nr_status ask_large(nr_question *q, nr_bytes map) {
    nr_value *values = nr_alloc(q->net->encoding->schema->n * sizeof *values);
    float *x = nr_alloc((nr_inputs(q->net->inner) + 1) * sizeof *x);
    nr_status status = values && x ? ask(q, map, values, x) : nr_nomem(&q->err);
    nr_release(values);
    nr_release(x);
    return status;
}

static nr_status ask_few(nr_question *q, nr_bytes map) {
    nr_value values[NR_FEW_FIELDS];
    float x[FEW_COLUMNS];
    return ask(q, map, values, x);
}

nr_status nr_net_ask(nr_question *q, const unsigned char *bytes, int len) {
    nr_bytes map = {bytes, len > 0 ? (size_t)len : 0};
    const nr_net *net = q->net;
    const nr_encoding *e = net->encoding;
    if (!e || !net->inner)
        return nr_fail(&q->err,
                       "ERR a network without fields, or not trained yet");
    if (e->forecast || nr_is_generator(net))
        return nr_fail(&q->err, "ERR a network of series or of texts");
    bool few = e->schema->n <= NR_FEW_FIELDS &&
               nr_inputs(net->inner) <= FEW_COLUMNS;
    uint64_t before = nr_mode_begin(NR_EXACT);
    nr_status status = few ? ask_few(q, map) : ask_large(q, map);
    nr_mode_end(before);
    return status;
}

nr_status nr_net_names(const nr_net *net, nr_buf *out, nr_error *err) {
    bool named = !nr_is_generator(net);
    bool ok = net->encoding && !net->encoding->forecast && named
                  ? nr_fields_outputs(net, out)
                  : nr_put_array(out, 0);
    return ok ? NR_OK : nr_nomem(err);
}
