/* NR.EXPLAIN's row, and its reply: the class or output that is explained, the
 * prediction and the baseline, what each field adds, and how nearly so. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "float_mode.h"
#include "run/execute.h"
#include "run/explain.h"
#include "run/fields.h"

static const nr_net *judged(const nr_net *net) {
    return net->inner ? net->inner : net;
}

static const char *key_of(const nr_command *cmd, char quoted[NR_QUOTED]) {
    return nr_quote(quoted, NR_QUOTED, cmd->argv[cmd->key],
                    cmd->arglen[cmd->key]);
}

/* ================================ Refusals =============================== */

static nr_status check(const nr_net *net, const nr_command *cmd, nr_error *err) {
    char key[NR_QUOTED];
    const nr_array *background = net->findings[NR_BACKGROUND];
    key_of(cmd, key);
    if (!net->h.trained)
        return nr_fail(err, "ERR net has not been trained yet: NR.TRAIN %s comes "
                            "first",
                       key);
    if (judged(net)->h.recurrent.fields)
        return nr_fail(err, "ERR a field of %s is a sequence, which NR.EXPLAIN "
                            "does not take apart: NR.IMPORTANCE tells what its "
                            "answers rest on",
                       key);
    if (nr_inputs(judged(net)) > NR_MOST_BACKGROUND)
        return nr_fail(err, "ERR NR.EXPLAIN is for up to %d inputs, and the "
                            "network has %zu",
                       NR_MOST_BACKGROUND, nr_inputs(judged(net)));
    if (!background || background->n % nr_inputs(judged(net)))
        return nr_fail(err, "ERR NR.EXPLAIN takes background samples, which a "
                            "training keeps, and NR.CLEAR and NR.FORGET drop: "
                            "train %s again",
                       key);
    return NR_OK;
}

/* ================================= The row =============================== */

nr_status nr_one_row(size_t n, nr_error *err) {
    return nr_fail(err, "ERR NR.EXPLAIN explains one row at a time, not %zu", n);
}

static nr_status plain_row(const nr_net *net, const nr_command *cmd, float **x,
                           nr_error *err) {
    size_t in = nr_inputs(net), n = 1;
    nr_status status = nr_numbers_check(cmd, err);
    if (status == NR_OK && !cmd->values) status = nr_blob_rows(cmd, in, &n, err);
    if (status != NR_OK) return status;
    if (cmd->values && cmd->nvalues != in)
        return nr_fail(err, nr_count_error, cmd->nvalues, in);
    if (n != 1) return nr_one_row(n, err);
    if (!(*x = nr_alloc(in * sizeof **x))) return nr_nomem(err);
    memcpy(*x, cmd->values ? (const void *)cmd->values : cmd->blob,
           in * sizeof **x);
    return NR_OK;
}

/* ============================ What is explained ========================== */

static nr_status no_such(const nr_net *net, const nr_command *cmd,
                         nr_error *err) {
    char key[NR_QUOTED], said[NR_QUOTED];
    const char *what = net->h.kind == NR_CLASSIFIER ? "class" : "output";
    nr_quote(said, sizeof said, cmd->argv[cmd->aspect],
             cmd->arglen[cmd->aspect]);
    if (net->encoding)
        return nr_fail(err, "ERR no %s '%s' in %s", what, said,
                       key_of(cmd, key));
    return nr_fail(err, "ERR no %s '%s' in %s: they are numbers from 0 to %zu",
                   what, said, key_of(cmd, key), nr_outputs(net) - 1);
}

/* Of a network with fields by its name; -1: there is none. */
static long find_named(const nr_encoding *e, nr_text name) {
    if (e->classes.n) return nr_terms_find(&e->classes, name);
    const nr_schema *schema = e->schema;
    for (size_t i = schema->inputs; i < schema->n; i++)
        if (schema->fields[i].name.n == name.n &&
            !memcmp(schema->fields[i].name.s, name.s, name.n))
            return (long)(i - schema->inputs);
    return -1;
}

static nr_status take_aspect(const nr_net *net, const nr_command *cmd,
                             size_t *output, nr_error *err) {
    nr_text said = {cmd->argv[cmd->aspect], cmd->arglen[cmd->aspect]};
    uint64_t number;
    if (cmd->by_class != (net->h.kind == NR_CLASSIFIER))
        return nr_fail(err, cmd->by_class
                                ? "ERR CLASS is for classifiers: OUTPUT says "
                                  "which output of a regressor is explained"
                                : "ERR OUTPUT is for regressors: CLASS says "
                                  "which class of a classifier is explained");
    long found = -1;
    if (net->encoding)
        found = find_named(net->encoding, said);
    else if (nr_parse_uint(said, &number) && number < nr_outputs(net))
        found = (long)number;
    if (found < 0) return no_such(net, cmd, err);
    *output = (size_t)found;
    return NR_OK;
}

/* The class as predicted, the only output, or the one that is named. It also says
 * what is wrong with the row, as NR.RUN does. */
static nr_status choose_output(const nr_net *net, const nr_command *cmd,
                               const float *x, size_t *output, nr_error *err) {
    const nr_net *runs = judged(net);
    size_t out = nr_outputs(runs);
    float *y = nr_alloc(out * sizeof *y);
    if (!y) return nr_nomem(err);
    nr_status status = nr_net_run(runs, x, 1, y, err);
    *output = 0;
    if (status == NR_OK && net->h.kind == NR_CLASSIFIER)
        *output = nr_largest(y, 1, out);
    nr_release(y);
    if (status != NR_OK) return status;
    if (cmd->aspect) return take_aspect(net, cmd, output, err);
    if (net->h.kind == NR_CLASSIFIER || out == 1) return NR_OK;
    return nr_fail(err, "ERR the network has %zu outputs: OUTPUT says which is "
                        "explained",
                   out);
}

/* ================================= Reply ================================= */

typedef struct share {
    size_t field;
    double value;
} share;

static int largest_first(const void *a, const void *b) {
    const share *x = a, *y = b;
    double p = fabs(x->value), q = fabs(y->value);
    return p != q ? (p < q) - (p > q) : (x->field > y->field) - (x->field < y->field);
}

static bool put_field(const nr_game *g, size_t field, nr_buf *b) {
    if (!g->encoding) return nr_put_uint(b, field);
    nr_text name = g->encoding->schema->fields[field].name;
    return nr_put_bin(b, name.s, name.n);
}

static bool put_shares(const nr_game *g, const share *shares, size_t top,
                       nr_buf *b) {
    double others = 0;
    for (size_t i = top; i < g->fields; i++) others += shares[i].value;
    bool ok = nr_put_str(b, "attributions") && nr_put_array(b, 2 * top);
    for (size_t i = 0; i < top && ok; i++)
        ok = put_field(g, shares[i].field, b) &&
             nr_put_double(b, shares[i].value);
    return ok && nr_put_str(b, "others") && nr_put_double(b, others);
}

static bool put_aspect(const nr_game *g, nr_buf *b) {
    const nr_encoding *e = g->encoding;
    bool classes = g->net->h.kind == NR_CLASSIFIER;
    if (!nr_put_str(b, classes ? "class" : "output")) return false;
    if (!e) return nr_put_uint(b, g->output);
    nr_text name = classes
                       ? nr_terms_text(&e->classes, g->output)
                       : e->schema->fields[e->schema->inputs + g->output].name;
    return nr_put_bin(b, name.s, name.n);
}

static nr_status put_all(const nr_game *g, uint64_t top, nr_buf *b,
                         nr_error *err) {
    share *shares = nr_alloc((g->fields + 1) * sizeof *shares);
    double sum = g->prediction + g->baseline;
    if (!shares) return nr_nomem(err);
    for (size_t i = 0; i < g->fields; i++) {
        shares[i] = (share){i, g->shares[i]};
        sum += g->shares[i];
    }
    qsort(shares, g->fields, sizeof *shares, largest_first);
    size_t told = top && top < g->fields ? (size_t)top : g->fields;
    bool ok = isfinite(sum) && nr_put_array(b, 12) && put_aspect(g, b) &&
              nr_put_str(b, "prediction") && nr_put_double(b, g->prediction) &&
              nr_put_str(b, "baseline") && nr_put_double(b, g->baseline) &&
              put_shares(g, shares, told, b) &&
              nr_put_str(b, "error") && nr_put_double(b, g->error);
    nr_release(shares);
    if (!isfinite(sum))
        return nr_fail(err, "ERR the network's outputs for these inputs and "
                            "others are beyond the range of 32-bit floats");
    return ok ? NR_OK : nr_nomem(err);
}

static nr_status explain(const nr_net *net, const nr_command *cmd,
                         const float *x, nr_buf *reply, nr_error *err) {
    const nr_array *background = net->findings[NR_BACKGROUND];
    nr_game g = {.net = judged(net),
                 .encoding = net->encoding,
                 .row = x,
                 .background = background->data,
                 .rows = background->n / nr_inputs(judged(net)),
                 .seed = net->h.options.seed};
    nr_status status = choose_output(net, cmd, x, &g.output, err);
    if (status != NR_OK) return status;
    uint64_t before = nr_mode_begin(NR_FLUSH);
    bool ok = nr_game_play(&g);
    nr_mode_end(before);
    status = ok ? put_all(&g, (uint64_t)cmd->top, reply, err) : nr_nomem(err);
    nr_game_free(&g);
    return status;
}

nr_status nr_explain_reply(const nr_net *net, const nr_command *cmd,
                           nr_buf *reply, nr_error *err) {
    float *x = NULL;
    size_t start = reply->len;
    nr_status status = check(net, cmd, err);
    if (status == NR_OK)
        status = net->schema ? nr_fields_row(net, cmd, &x, err)
                             : plain_row(net, cmd, &x, err);
    if (status == NR_OK) status = explain(net, cmd, x, reply, err);
    if (status != NR_OK) reply->len = start;
    nr_release(x);
    return status;
}
