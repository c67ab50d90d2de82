/* See language.h. A text is read symbol by symbol from the state of an empty one,
 * behind the end of another; what comes next is a softmax over all symbols. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encode/said.h"
#include "encode/sequence.h"
#include "encode/symbols.h"
#include "functions.h"
#include "kernels/kernel.h"
#include "layers/recurrent.h"
#include "run/language.h"
#include "run/translate.h"

enum { SHOWN = 10 }; /* symbols of NR.RUN, where TOP says no other number */

static nr_status done(bool ok, nr_error *err) {
    return ok ? NR_OK : nr_nomem(err);
}

static const char *key_of(const nr_command *cmd, char quoted[NR_QUOTED]) {
    return nr_quote(quoted, NR_QUOTED, cmd->argv[cmd->key],
                    cmd->arglen[cmd->key]);
}

/* ================================ Refusals =============================== */

static nr_status refuse_others(const nr_net *net, const nr_command *cmd,
                               nr_error *err) {
    char key[NR_QUOTED];
    if (!nr_is_generator(net))
        return nr_fail(err, "ERR %s is no generator: NR.GENERATE and NR.SCORE "
                            "are for those",
                       key_of(cmd, key));
    if (net->inner) return NR_OK;
    return nr_fail(err, "ERR net has not been trained yet: NR.TRAIN %s comes "
                        "first",
                   key_of(cmd, key));
}

nr_status nr_language_refuse(const nr_net *net, const nr_command *cmd,
                             nr_error *err) {
    char key[NR_QUOTED];
    nr_status status = nr_translate_refuse(net, cmd, err);
    if (status != NR_OK || !nr_is_generator(net)) return status;
    if (cmd->verb == NR_FIELDS && nr_changes(cmd))
        return nr_fail(err, "ERR the texts of %s have the field that it was "
                            "created with: a generator takes no others",
                       key_of(cmd, key));
    if (cmd->verb == NR_IMPORTANCE)
        return nr_fail(err, "ERR %s is a generator, which knows no importance: "
                            "NR.METRICS tells how good it is",
                       key_of(cmd, key));
    if (cmd->verb == NR_EXPLAIN)
        return nr_fail(err, "ERR %s is a generator, whose answers NR.EXPLAIN "
                            "does not take apart: NR.SCORE tells how likely "
                            "they are",
                       key_of(cmd, key));
    if (cmd->verb != NR_CLASS) return NR_OK;
    return nr_fail(err, "ERR %s is a generator, which knows no classes: NR.RUN "
                        "tells what comes next, NR.GENERATE goes on",
                   key_of(cmd, key));
}

/* ================================= A walk ================================ */

/* Through a text, with what may come next: sums, and of these the largest, and (weigh)
 * the logarithm of what all come to beside it. */
typedef struct walk {
    const nr_net *inner;
    const nr_kernels *k;
    nr_factors f;
    float *frame, *state, *workspace;
    const float *z;
    double most, all, *powers;
    size_t n;
} walk;

static nr_status begin(walk *w, const nr_net *net, nr_error *err) {
    const nr_net *inner = net->inner;
    const nr_runner *runner = &inner->runner;
    const nr_array *weights = nr_net_ready(inner, err);
    if (!weights) return NR_ERR;
    size_t frame = nr_row_frame_floats(inner->plan);
    size_t own = runner->inputs_floats;
    *w = (walk){.inner = inner, .k = nr_kernels_now(),
                .f = nr_factors_of(&inner->h, weights->data),
                .n = nr_outputs(inner)};
    w->powers = nr_alloc(w->n * sizeof *w->powers);
    w->frame = nr_alloc_lines(frame + 2 * own + 2 * runner->each, sizeof(float));
    if (!w->frame || !w->powers) return nr_nomem(err);
    memset(w->frame, 0, frame * sizeof(float));
    w->state = w->frame + frame;
    w->workspace = w->state + own;
    return NR_OK;
}

static void end(walk *w) {
    nr_release_lines(w->frame);
    nr_release(w->powers);
}

/* Reads a symbol. */
static void step(walk *w, uint32_t id, bool begins) {
    const float *top = nr_recurrent_next(w->k, w->inner->plan, w->f.layers,
                                         w->frame, id, begins);
    memcpy(w->state, top, w->inner->h.layers[0] * sizeof *top);
}

/* What may come next, which takes longer than reading where there are many symbols. */
static nr_status ask(walk *w, nr_error *err) {
    w->z = w->k->row(&w->inner->runner, &w->f, w->state, w->workspace);
    if (!w->z || !w->k->finite(w->z, w->n))
        return nr_fail(err, "ERR the outputs are no finite numbers");
    w->most = (double)w->k->largest(w->z, w->n);
    return NR_OK;
}

/* What probabilities are told by; a draw does without. */
static void weigh(walk *w) {
    w->all = nr_log(w->k->soft_powers(w->powers, w->z, w->n, w->most, 1));
}

static double log_probability(const walk *w, uint32_t id) {
    return (double)w->z[id] - w->most - w->all;
}

typedef struct score {
    double sum;
    uint64_t count;
} score;

/* Through the symbols of a record; NULL: none. `score` gets their log-probability; where
 * that is NULL, what may come behind them is known then. */
static nr_status through(walk *w, const nr_net *net, const nr_bytes *record,
                         score *score, nr_error *err) {
    const nr_encoding *e = net->encoding;
    nr_value value = {.missing = true};
    nr_text symbol;
    nr_status status = NR_OK;
    if (score) *score = (struct score){0};
    if (record && !nr_record_read(e->schema, *record, &value, NULL))
        return nr_fail(err, "ERR invalid network: a damaged sample");
    nr_cursor c = nr_symbols_of(&value);
    step(w, NR_END_SYMBOL, true);
    while (status == NR_OK && nr_symbol_next(&c, &symbol)) {
        uint32_t id = nr_symbol_number(e, symbol);
        if (score) {
            status = ask(w, err);
            if (status != NR_OK) break;
            weigh(w);
            score->sum += log_probability(w, id);
            score->count++;
        }
        step(w, id, false);
    }
    return status == NR_OK && !score ? ask(w, err) : status;
}

/* ================================== NR.RUN =============================== */

typedef struct likely {
    float z;
    uint32_t id;
} likely;

static int by_likelihood(const void *a, const void *b) {
    const likely *x = a, *y = b;
    if (x->z != y->z) return x->z < y->z ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

/* The n likeliest symbols in their order; a heap holds the least likely on top. */
static void sink(likely *heap, size_t n, size_t i) {
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && by_likelihood(&heap[child], &heap[child + 1]) < 0)
            child++;
        if (by_likelihood(&heap[i], &heap[child]) >= 0) return;
        likely moved = heap[i];
        heap[i] = heap[child], heap[child] = moved;
    }
}

static bool sorted(const walk *w, size_t n, likely **out) {
    likely *heap = *out = nr_alloc((n + 1) * sizeof **out);
    if (!heap) return false;
    for (size_t i = 0; i < n; i++) heap[i] = (likely){w->z[i], (uint32_t)i};
    for (size_t i = n / 2; i-- > 0;) sink(heap, n, i);
    for (size_t i = n; i < w->n && n; i++)
        if (w->z[i] > heap[0].z) { /* of several alike the first ones stay */
            heap[0] = (likely){w->z[i], (uint32_t)i};
            sink(heap, n, 0);
        }
    qsort(heap, n, sizeof *heap, by_likelihood);
    return true;
}

static bool put_next(walk *w, const nr_encoding *e, uint64_t top,
                     nr_buf *reply) {
    likely *all;
    size_t n = top < w->n ? (size_t)top : w->n;
    bool ok = sorted(w, n, &all) && nr_put_array(reply, 2 * n);
    weigh(w);
    for (size_t i = 0; i < n && ok; i++) {
        nr_text text = nr_terms_text(&e->classes, all[i].id);
        ok = nr_put_bin(reply, text.s, text.n) &&
             nr_put_double(reply, nr_exp(log_probability(w, all[i].id)));
    }
    nr_release(all);
    return ok;
}

static nr_status run_one(const nr_net *net, const nr_bytes *record,
                         uint64_t top, nr_buf *reply, nr_error *err) {
    walk w = {0};
    nr_status status = begin(&w, net, err);
    if (status == NR_OK) status = through(&w, net, record, NULL, err);
    if (status == NR_OK)
        status = done(put_next(&w, net->encoding, top ? top : SHOWN, reply), err);
    end(&w);
    return status;
}

static nr_status run_said(const nr_net *net, const nr_command *cmd,
                          nr_buf *reply, nr_error *err) {
    nr_said said;
    nr_status status = nr_said_read(net->schema, cmd, false, NULL, &said, err);
    if (status != NR_OK) return status;
    if (said.many) status = done(nr_put_array(reply, said.n), err);
    for (size_t i = 0; i < said.n && status == NR_OK; i++) {
        nr_bytes record = nr_said_record(&said, i);
        status = run_one(net, &record, cmd->likeliest, reply, err);
    }
    nr_said_free(&said);
    return status;
}

nr_status nr_language_run(const nr_net *net, const nr_command *cmd,
                          nr_buf *reply, nr_error *err) {
    if (nr_is_translator(net)) return nr_translate_run(net, cmd, reply, err);
    nr_status status = nr_series_check(net, cmd, err);
    if (status == NR_OK && cmd->interval > 0)
        status = nr_fail(err, "ERR INTERVAL is for regressors and forecasters");
    if (status == NR_OK) status = refuse_others(net, cmd, err);
    if (status != NR_OK) return status;
    return cmd->form == NR_FORM_SERIES
               ? run_one(net, NULL, cmd->likeliest, reply, err)
               : run_said(net, cmd, reply, err);
}

/* The one text of a command, or none. */
static nr_status read_text(const nr_net *net, const nr_command *cmd,
                           nr_said *said, nr_bytes *record, bool *given,
                           nr_error *err) {
    *given = cmd->count[0] > 0;
    if (!*given) return NR_OK;
    nr_status status = nr_said_read(net->schema, cmd, false, NULL, said, err);
    if (status == NR_OK) *record = nr_said_record(said, 0);
    return status;
}

/* ================================= NR.SCORE ============================== */

static bool put_score(double sum, uint64_t count, nr_buf *reply) {
    return nr_put_array(reply, 6) && nr_put_str(reply, "log-probability") &&
           nr_put_double(reply, sum) && nr_put_str(reply, "symbols") &&
           nr_put_uint(reply, count) && nr_put_str(reply, "perplexity") &&
           nr_put_double(reply, nr_exp(-sum / (double)count));
}

nr_status nr_language_score(const nr_net *net, const nr_command *cmd,
                            nr_buf *reply, nr_error *err) {
    nr_said said;
    nr_bytes record;
    walk w = {0};
    bool given;
    score found;
    if (nr_is_translator(net)) return nr_translate_score(net, cmd, reply, err);
    nr_status status = refuse_others(net, cmd, err);
    if (status == NR_OK)
        status = read_text(net, cmd, &said, &record, &given, err);
    if (status != NR_OK) return status;
    status = begin(&w, net, err);
    if (status == NR_OK) status = through(&w, net, &record, &found, err);
    end(&w);
    if (status == NR_OK)
        status = done(put_score(found.sum, found.count, reply), err);
    nr_said_free(&said);
    return status;
}

/* =============================== NR.GENERATE ============================= */

/* From the first on, which may be any but the unknown one; `u` of all. */
static uint32_t draw(const walk *w, const likely *from, size_t n,
                     double temperature, double u) {
    double sum = 0, at = 0;
    w->k->soft_powers(w->powers, w->z, w->n, w->most, temperature);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++) {
            uint32_t id = from ? from[i].id : (uint32_t)i;
            if (id == NR_UNKNOWN_SYMBOL) continue;
            if (!pass) sum += w->powers[id];
            if (pass && (at += w->powers[id]) > u * sum) return id;
        }
    return from ? from[0].id : NR_END_SYMBOL;
}

static uint32_t likeliest(const walk *w) {
    uint32_t best = NR_END_SYMBOL;
    for (uint32_t i = 0; i < w->n; i++)
        if (i != NR_UNKNOWN_SYMBOL && w->z[i] > w->z[best]) best = i;
    return best;
}

/* The next symbol, of the `top` likeliest; which, its number in the text says. */
static bool choose(const walk *w, const nr_command *cmd, uint64_t number,
                   uint32_t *id) {
    likely *all = NULL;
    double u = (double)(nr_mix(nr_mix(cmd->draw) + number) >> 11) * 0x1p-53;
    if (cmd->temperature == 0) {
        *id = likeliest(w);
        return true;
    }
    size_t n = cmd->likeliest + 1 < w->n ? (size_t)cmd->likeliest : w->n;
    if (n < w->n) { /* with one more, which may be the unknown one's place */
        if (!sorted(w, n + 1, &all)) return false;
        for (size_t i = 0; i < n; i++) n += all[i].id == NR_UNKNOWN_SYMBOL;
    }
    *id = draw(w, all, n, cmd->temperature, u);
    nr_release(all);
    return true;
}

static bool add_symbol(const nr_encoding *e, uint32_t id, nr_buf *text) {
    bool apart = e->schema->fields[0].symbols != NR_SYMBOL_CHARS;
    nr_text symbol = nr_terms_text(&e->classes, id);
    return (!apart || !text->len || nr_buf_append(text, " ", 1)) &&
           nr_buf_append(text, symbol.s, symbol.n);
}

static nr_status go_on(walk *w, const nr_net *net, const nr_command *cmd,
                       nr_buf *text, nr_error *err) {
    nr_status status = NR_OK;
    for (uint64_t i = 0; i < cmd->length && status == NR_OK; i++) {
        uint32_t id;
        if (!choose(w, cmd, i, &id)) return nr_nomem(err);
        if (id == NR_END_SYMBOL) break;
        if (!add_symbol(net->encoding, id, text)) return nr_nomem(err);
        step(w, id, false);
        if (i + 1 < cmd->length) status = ask(w, err);
    }
    return status;
}

nr_status nr_language_generate(const nr_net *net, const nr_command *cmd,
                               nr_buf *reply, nr_error *err) {
    nr_said said;
    nr_bytes record;
    nr_buf text = {0};
    walk w = {0};
    bool given;
    nr_status status = refuse_others(net, cmd, err);
    if (status == NR_OK)
        status = read_text(net, cmd, &said, &record, &given, err);
    if (status != NR_OK) return status;
    status = begin(&w, net, err);
    if (status == NR_OK)
        status = through(&w, net, given ? &record : NULL, NULL, err);
    if (status == NR_OK) status = go_on(&w, net, cmd, &text, err);
    end(&w);
    if (status == NR_OK)
        status = done(nr_put_bin(reply, text.data, text.len), err);
    nr_buf_free(&text);
    if (given) nr_said_free(&said);
    return status;
}

/* ================================ NR.METRICS ============================= */

bool nr_language_report(const nr_net *net, nr_buf *b) {
    const nr_encoding *e = net->encoding;
    if (nr_is_translator(net)) return nr_translate_report(net, b);
    if (!e || !e->tested) return nr_put_nil(b);
    double loss = net->h.stats.test_error;
    return nr_put_array(b, 8) && nr_put_str(b, "samples") &&
           nr_put_uint(b, e->tested) && nr_put_str(b, "log-loss") &&
           nr_put_double(b, loss) && nr_put_str(b, "perplexity") &&
           nr_put_double(b, nr_exp(loss < 700 ? loss : 700)) &&
           nr_put_str(b, "naive-perplexity") &&
           nr_put_double(b, nr_exp(e->baseline < 700 ? e->baseline : 700));
}
