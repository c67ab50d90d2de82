/* See translate.h. */

#include "encode/said.h"
#include "functions.h"
#include "run/beam.h"
#include "run/translate.h"

static nr_status done(bool ok, nr_error *err) {
    return ok ? NR_OK : nr_nomem(err);
}

static const char *key_of(const nr_command *cmd, char quoted[NR_QUOTED]) {
    return nr_quote(quoted, NR_QUOTED, cmd->argv[cmd->key],
                    cmd->arglen[cmd->key]);
}

/* ================================ Refusals =============================== */

static nr_status refuse_option(const nr_net *net, const nr_command *cmd,
                               nr_error *err) {
    bool translates = nr_is_translator(net);
    if (!translates && (cmd->beam || cmd->length))
        return nr_fail(err, "ERR %s is for generators from one sequence to "
                            "another",
                       cmd->beam ? "BEAM" : "LENGTH");
    if (translates && cmd->likeliest)
        return nr_fail(err, "ERR TOP is for generators of one sequence, which "
                            "tell what comes next: BEAM says how many "
                            "sequences are wanted");
    return NR_OK;
}

nr_status nr_translate_refuse(const nr_net *net, const nr_command *cmd,
                              nr_error *err) {
    char key[NR_QUOTED];
    if (cmd->verb == NR_RUN) return refuse_option(net, cmd, err);
    if (!nr_is_translator(net)) return NR_OK;
    if (cmd->verb != NR_GENERATE && cmd->verb != NR_CLASS) return NR_OK;
    return nr_fail(err, "ERR %s goes from one sequence to another: NR.RUN "
                        "replies the likeliest ones",
                   key_of(cmd, key));
}

static nr_status refuse_untrained(const nr_net *net, const nr_command *cmd,
                                  nr_error *err) {
    char key[NR_QUOTED];
    if (net->inner) return NR_OK;
    return nr_fail(err, "ERR net has not been trained yet: NR.TRAIN %s comes "
                        "first",
                   key_of(cmd, key));
}

/* ================================= NR.RUN ================================ */

static nr_status beam_of(const nr_net *net, const nr_command *cmd, nr_beam *b,
                         nr_error *err) {
    const nr_array *weights = nr_net_ready(net->inner, err);
    if (!weights) return NR_ERR;
    *b = (nr_beam){.k = nr_kernels_now(),
                   .plan = net->inner->plan,
                   .w = nr_factors_of(&net->inner->h, weights->data).layers,
                   .width = cmd->beam ? (size_t)cmd->beam : NR_USUAL_BEAM,
                   .length = (size_t)cmd->length};
    return NR_OK;
}

/* Of a text of characters these are not apart. */
static bool put_text(const nr_encoding *e, const nr_telling *told,
                     nr_buf *reply) {
    nr_buf text = {0};
    bool ok = true;
    bool apart = e->schema->fields[1].symbols != NR_SYMBOL_CHARS;
    for (size_t i = 0; i < told->n && ok; i++) {
        nr_text symbol = nr_terms_text(&e->classes, told->ids[i]);
        ok = (!apart || !i || nr_buf_append(&text, " ", 1)) &&
             nr_buf_append(&text, symbol.s, symbol.n);
    }
    ok = ok && nr_put_bin(reply, text.data, text.len);
    nr_buf_free(&text);
    return ok;
}

static bool put_found(const nr_encoding *e, const nr_telling *found, size_t n,
                      nr_buf *reply) {
    bool ok = nr_put_array(reply, 2 * n);
    for (size_t i = 0; i < n && ok; i++)
        ok = put_text(e, &found[i], reply) &&
             nr_put_double(reply, found[i].log_probability);
    return ok;
}

/* The input of a record, which must be there to be read. */
static nr_status read_input(const nr_net *net, nr_bytes record, nr_phrases *p,
                            nr_error *err) {
    const nr_encoding *e = net->encoding;
    nr_value values[2];
    if (nr_record_read(e->schema, record, values, NULL) && values[0].missing)
        return nr_fail(err, "ERR field %.*s: there is nothing to go from: give "
                            "it at least one symbol",
                       (int)e->schema->fields[0].name.n,
                       e->schema->fields[0].name.s);
    return nr_phrases_read_one(e, record, p, err);
}

/* As many rows as there are lanes for, side by side: each for itself would leave most
 * of them empty. */
static nr_status run_some(const nr_net *net, const nr_beam *b, const nr_said *said,
                          size_t first, size_t n, nr_buf *reply, nr_error *err) {
    nr_phrases read[NR_LANES] = {{0}};
    nr_phrase in[NR_LANES] = {{0}};
    nr_telling found[NR_LANES];
    size_t count[NR_LANES];
    nr_status status = NR_OK;
    for (size_t i = 0; i < n && status == NR_OK; i++) {
        status = read_input(net, nr_said_record(said, first + i), &read[i], err);
        if (status == NR_OK) in[i] = nr_phrase_of(&read[i], 0, 0);
    }
    if (status == NR_OK) status = nr_beam_search(b, in, n, found, count, err);
    if (status == NR_OK) {
        bool ok = true;
        for (size_t i = 0; i < n && ok; i++)
            ok = put_found(net->encoding, found + i * b->width, count[i], reply);
        nr_tellings_free(found, n * b->width);
        status = done(ok, err);
    }
    for (size_t i = 0; i < n; i++) nr_phrases_free(&read[i]);
    return status;
}

static nr_status run_said(const nr_net *net, const nr_command *cmd,
                          nr_buf *reply, nr_error *err) {
    nr_said said;
    nr_beam b;
    nr_status status = beam_of(net, cmd, &b, err);
    if (status == NR_OK)
        status = nr_said_read(net->schema, cmd, true, NULL, &said, err);
    if (status != NR_OK) return status;
    if (said.many) status = done(nr_put_array(reply, said.n), err);
    size_t each = NR_LANES / b.width;
    for (size_t i = 0; i < said.n && status == NR_OK; i += each)
        status = run_some(net, &b, &said, i, said.n - i < each ? said.n - i : each,
                          reply, err);
    nr_said_free(&said);
    return status;
}

nr_status nr_translate_run(const nr_net *net, const nr_command *cmd,
                           nr_buf *reply, nr_error *err) {
    nr_status status = nr_series_check(net, cmd, err);
    if (status == NR_OK && cmd->form == NR_FORM_SERIES)
        status = nr_fail(err, "ERR field %.*s: there is nothing to go from: give "
                              "it at least one symbol",
                         (int)net->schema->fields[0].name.n,
                         net->schema->fields[0].name.s);
    if (status == NR_OK && cmd->interval > 0)
        status = nr_fail(err, "ERR INTERVAL is for regressors and forecasters");
    if (status == NR_OK) status = refuse_untrained(net, cmd, err);
    return status == NR_OK ? run_said(net, cmd, reply, err) : status;
}

/* ================================ NR.SCORE =============================== */

static bool put_score(double sum, uint64_t count, nr_buf *reply) {
    return nr_put_array(reply, 6) && nr_put_str(reply, "log-probability") &&
           nr_put_double(reply, sum) && nr_put_str(reply, "symbols") &&
           nr_put_uint(reply, count) && nr_put_str(reply, "perplexity") &&
           nr_put_double(reply, nr_exp(-sum / (double)count));
}

static nr_status score_one(const nr_net *net, const nr_command *cmd,
                           nr_bytes record, nr_buf *reply, nr_error *err) {
    nr_beam b;
    nr_phrases p = {0};
    double sum = 0;
    nr_status status = beam_of(net, cmd, &b, err);
    b.width = 1;
    if (status == NR_OK) status = read_input(net, record, &p, err);
    if (status != NR_OK) return status;
    nr_phrase told = nr_phrase_of(&p, 0, 1);
    status = nr_beam_score(&b, nr_phrase_of(&p, 0, 0), told, &sum, err);
    if (status == NR_OK) status = done(put_score(sum, told.n + 1, reply), err);
    nr_phrases_free(&p);
    return status;
}

nr_status nr_translate_score(const nr_net *net, const nr_command *cmd,
                             nr_buf *reply, nr_error *err) {
    nr_said said;
    nr_status status = refuse_untrained(net, cmd, err);
    if (status == NR_OK)
        status = nr_said_read(net->schema, cmd, false, NULL, &said, err);
    if (status != NR_OK) return status;
    status = score_one(net, cmd, nr_said_record(&said, 0), reply, err);
    nr_said_free(&said);
    return status;
}

/* =============================== NR.METRICS ============================== */

static bool put_share(nr_buf *b, const char *name, double value) {
    return nr_put_str(b, name) && nr_put_double(b, value);
}

bool nr_translate_report(const nr_net *net, nr_buf *b) {
    const nr_encoding *e = net->encoding;
    double loss = net->h.stats.test_error;
    if (!e || !e->tested) return nr_put_nil(b);
    return nr_put_array(b, 14) && nr_put_str(b, "samples") &&
           nr_put_uint(b, e->tested) &&
           put_share(b, "exact-matches", e->exact) &&
           put_share(b, "symbol-errors", e->errors) &&
           put_share(b, "naive-exact-matches", e->naive_exact) &&
           put_share(b, "naive-symbol-errors", e->naive_errors) &&
           put_share(b, "log-loss", loss) &&
           put_share(b, "perplexity", nr_exp(loss < 700 ? loss : 700));
}
