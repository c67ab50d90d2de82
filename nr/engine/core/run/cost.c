/* What a command takes of time and memory, told before it is run.
 *
 * A server that does everything in one thread asks it of every command: so it
 * is cheap, and about right. Memory is told where a short command can take a lot
 * of it (weights that are made at the first run, one row for a network of a
 * million outputs), and not where the command brings as much along, or replies
 * what is there already. */

#include "encode/phrases.h"
#include "grammar/syntax.h"
#include "kernels/kernel.h"
#include "run/drift.h"
#include "run/execute.h"
#include "run/explain.h"
#include "run/report.h"

enum {
    MAKING = 8,   /* a weight takes as long to make as so many products */
    TELLING = 500 /* a number to reply */
};

static double numbers_replied(const nr_net *net, const nr_command *cmd,
                              size_t rows) {
    size_t out = nr_outputs(net);
    switch (cmd->verb) {
    case NR_RUN: return cmd->values ? (double)out : 0;
    case NR_CLASS: return (double)rows;
    case NR_GETDATA:
        return net->schema ? 2 * (double)net->schema->n
                           : (double)nr_inputs(net) + (double)out;
    case NR_METRICS: return nr_report_of(net) ? 4 * (double)out : 0;
    default: return 0;
    }
}

/* Weights, and the copy of them that small networks run a row by (members.c). */
static uint64_t made_bytes(const nr_net *net, size_t rows) {
    const nr_header *h = &net->h;
    uint64_t floats = nr_net_made(net) ? 0 : nr_weights_len(h);
    if (rows <= NR_FEW_ROWS && net->runner.groups && !nr_net_interleaved(net))
        floats += nr_interleaved_len(net);
    return floats * sizeof(float);
}

/* Inputs, two layers and the members' mean, of each row at once or of a panel of
 * them (run.c); and what is replied, as floats and as bytes of the reply. */
static uint64_t run_bytes(const nr_net *net, const nr_command *cmd,
                          size_t rows) {
    const nr_runner *runner = &net->runner;
    bool panels = rows > NR_FEW_ROWS;
    bool lanes = panels || (runner->members > 1 && runner->head == NR_SOFTMAX);
    uint64_t at_once = panels        ? NR_LANES
                       : runner->groups ? runner->groups * NR_INTERLEAVED
                                     : runner->members;
    uint64_t floats = at_once * (runner->inputs_floats + 2 * (uint64_t)runner->each) +
                      (uint64_t)runner->each * (lanes ? NR_LANES + 1 : 2);
    uint64_t outputs = cmd->verb == NR_RUN ? nr_outputs(net) : 1;
    return sizeof(float) * (floats + 4 * rows * outputs);
}

static nr_cost run_cost(const nr_net *net, const nr_command *cmd) {
    double params = (double)net->params * (double)net->h.options.members;
    size_t rows = cmd->values ? 1
                              : cmd->bloblen / sizeof(float) / nr_inputs(net);
    nr_cost cost = {.kept = made_bytes(net, rows)};
    cost.work = params * (double)rows +
                TELLING * numbers_replied(net, cmd, rows);
    if (cost.kept && !nr_net_made(net)) cost.work += params * MAKING;
    cost.bytes = cost.kept + run_bytes(net, cmd, rows);
    return cost;
}

static double count_bytes(const nr_command *cmd) {
    double bytes = (double)cmd->bloblen;
    for (size_t i = 0; i < cmd->count[0] && cmd->form == NR_FORM_NAMED; i++)
        bytes += (double)cmd->arglen[cmd->first[0] + i];
    return bytes;
}

/* Of samples by name nothing is known but how long they are: a row is at least
 * a few bytes. */
static nr_cost fields_cost(const nr_net *net, const nr_command *cmd) {
    enum { SHORTEST_ROW = 16, SHORTEST_STEP = 2 };
    nr_cost cost = {0};
    if (!net->inner) return cost;
    double rows = 1 + (double)cmd->bloblen / SHORTEST_ROW;
    double columns = (double)nr_inputs(net->inner);
    double params = (double)net->inner->params;
    double steps = net->inner->h.recurrent.fields
                       ? count_bytes(cmd) / SHORTEST_STEP
                       : 0;
    cost.kept = made_bytes(net->inner, 1);
    cost.work = (rows + steps) * params *
                (double)net->inner->h.options.members;
    cost.bytes = cost.kept + (uint64_t)(rows * columns * sizeof(float));
    return cost;
}

/* Of texts: a symbol takes two bytes or more. */
static nr_cost generated_cost(const nr_net *net, const nr_command *cmd) {
    nr_cost cost = {0};
    enum { LANES = 8, TIMES = 3, SPARE = 20 };
    double symbols = count_bytes(cmd) / 2 + (double)cmd->length;
    if (net->inner) cost.work = (symbols + 1) * (double)net->inner->params;
    if (!net->inner || !nr_is_translator(net)) return cost;
    double read = count_bytes(cmd) + (double)cmd->bloblen;
    cost.work = (read * TIMES + SPARE + symbols) * LANES *
                (double)net->inner->params;
    cost.bytes = (uint64_t)(read < NR_MOST_TRANSLATED ? read : NR_MOST_TRANSLATED) *
                 2 * NR_LANES * sizeof(float) * nr_inputs(net->inner);
    return cost;
}

/* Of the samples that NR.GETDATA replies, whose numbers take twice as much there. */
static nr_cost getdata_cost(const nr_net *net, const nr_command *cmd) {
    nr_cost cost = {0};
    size_t rows = cmd->until ? nr_range_rows(net, cmd) : 1;
    uint64_t bytes = net->schema ? net->h.bytes[cmd->dataset]
                                 : rows * (uint64_t)net->row * sizeof(float);
    cost.work = TELLING * (double)rows * numbers_replied(net, cmd, 1);
    if (cmd->until)
        cost.bytes = 3 * (bytes < NR_MAX_RANGE_BYTES ? bytes
                                                     : NR_MAX_RANGE_BYTES);
    return cost;
}

nr_cost nr_net_cost(const nr_net *net, const nr_command *cmd) {
    nr_cost cost = {0};
    if (cmd->verb == NR_GENERATE || cmd->verb == NR_SCORE)
        return generated_cost(net, cmd);
    bool runs = cmd->verb == NR_RUN || cmd->verb == NR_CLASS;
    if (net->schema && runs) return fields_cost(net, cmd);
    switch (cmd->verb) {
    case NR_RUN:
    case NR_CLASS: return run_cost(net, cmd);
    case NR_GETDATA: return getdata_cost(net, cmd);
    case NR_METRICS:
        cost.work = TELLING * numbers_replied(net, cmd, 1);
        return cost;
    case NR_DUMP:
        cost.work = (double)nr_net_memory(net) / sizeof(float);
        return cost;
    case NR_EXPLAIN: {
        const nr_net *runs = net->inner ? net->inner : net;
        size_t fields = net->inner ? net->encoding->schema->inputs
                                   : nr_inputs(net);
        if (!net->findings[NR_BACKGROUND] || nr_is_forecaster(net)) return cost;
        cost.work = nr_game_work(runs, fields);
        cost.bytes = nr_game_bytes(runs, fields);
        return cost;
    }
    case NR_DRIFT: cost.work = nr_drift_work(net); return cost;
    case NR_IMPORTANCE:
        cost.work = nr_importance_work(net);
        cost.bytes = cost.work > 0 ? nr_importance_bytes(net) : 0;
        return cost;
    default: return cost;
    }
}
