/* The table of the commands: what hosts register, help prints and completion
 * offers. The parser reads its counts from here too, so that what is told and
 * what is done are one. */

#include <string.h>

#include "grammar/syntax.h"

static const nr_spec specs[NR_VERBS] = {
    [NR_CREATE] = {"NR.CREATE",
                   "key CLASSIFIER|REGRESSOR inputs|field:kind ... "
                   "[hidden ...|AUTO|LINEAR] -> outputs|field:kind ... "
                   "[NORMALIZE] [DATASET maxlen] [TEST maxlen] [CLASSIC] "
                   "[SEED n] [ACTIVATION SIGMOID|TANH|RELU|LEAKYRELU] "
                   "[LOSS MSE|CROSSENTROPY] [OPTIMIZER RPROP|ADAM|SGD] "
                   "[LEARNRATE f|AUTO] [BATCH n|AUTO] [L2 f|AUTO] "
                   "[PATIENCE n|AUTO] [THREADS n] [MEMBERS n|AUTO] "
                   "[CLASSWEIGHTS NONE|BALANCED]",
                   "Creates a network and replies how many parameters it has.",
                   4, -1, NR_WRITES | NR_FAST, 1, 1},
    [NR_OBSERVE] = {"NR.OBSERVE",
                    "key input [input ...] -> output [output ...] "
                    "[TRAIN|TEST] | key FP32 blob [TRAIN|TEST] | "
                    "key [field=value ...] -> field=value ... [WEIGHT w] "
                    "[TRAIN|TEST] | key JSON|MSGPACK|COLUMNS samples "
                    "[WEIGHT w] [TRAIN|TEST]",
                    "Adds samples and replies how many the training and the "
                    "testing dataset hold.",
                    3, -1, NR_WRITES | NR_FAST, 1, 1},
    [NR_RUN] = {"NR.RUN",
                "key input [input ...] | key FP32 blob | key field=value ... "
                "| key JSON|MSGPACK|COLUMNS samples",
                "Runs a network and replies its outputs.", 3, -1, NR_READS, 1,
                1},
    [NR_CLASS] = {"NR.CLASS",
                  "key input [input ...] | key FP32 blob | key field=value "
                  "... | key JSON|MSGPACK|COLUMNS samples",
                  "Runs a classifier and replies the class id.", 3, -1,
                  NR_READS, 1, 1},
    [NR_TRAIN] = {"NR.TRAIN",
                  "key [MAXCYCLES n] [MAXTIME ms] [AUTOSTOP] [BACKTRACK]",
                  "Starts a training in the background.", 2, -1, NR_WRITES, 1,
                  1},
    [NR_INFO] = {"NR.INFO", "key",
                 "Replies what there is to know of a network.", 2, 2,
                 NR_READS | NR_FAST, 1, 1},
    [NR_THREADS] = {"NR.THREADS", "",
                    "Lists the trainings that run or wait.", 1, 1,
                    NR_READS | NR_FAST, 0, 0},
    [NR_RESET] = {"NR.RESET", "key",
                  "Gives a network new random weights; its samples stay.", 2,
                  2, NR_WRITES | NR_FAST, 1, 1},
    [NR_GETDATA] = {"NR.GETDATA", "key TRAIN|TEST row",
                    "Replies the inputs and outputs of one sample.", 4, 4,
                    NR_READS | NR_FAST, 1, 1},
    [NR_CONFIGURE] = {"NR.CONFIGURE",
                      "key [OPTIMIZER RPROP|ADAM|SGD] [LEARNRATE f|AUTO] "
                      "[BATCH n|AUTO] [L2 f|AUTO] [PATIENCE n|AUTO] "
                      "[THREADS n] [CLASSWEIGHTS NONE|BALANCED]",
                      "Sets options of a network; without any, lists them "
                      "all.",
                      2, -1, NR_WRITES | NR_FAST, 1, 1},
    [NR_STOP] = {"NR.STOP", "key",
                 "Stops a training, and keeps what it reached or, if that is "
                 "better, what was there.",
                 2, 2, NR_WRITES | NR_FAST, 1, 1},
    [NR_WAIT] = {"NR.WAIT", "key milliseconds",
                 "Waits for the end of a training, 0 milliseconds without a "
                 "limit.",
                 3, 3, NR_READS | NR_BLOCKS, 1, 1},
    [NR_DUMP] = {"NR.DUMP", "key", "Replies a whole network as one value.", 2,
                 2, NR_READS, 1, 1},
    [NR_RESTORE] = {"NR.RESTORE", "key blob [REPLACE]",
                    "Creates a network from what NR.DUMP replied.", 3, 4,
                    NR_WRITES, 1, 1},
    [NR_DEL] = {"NR.DEL", "key [key ...]",
                "Deletes networks and replies how many there were.", 2, -1,
                NR_WRITES, 1, -1},
    [NR_LIST] = {"NR.LIST", "[pattern]",
                 "Lists the keys of networks, those like a pattern or all.", 1,
                 2, NR_READS, 0, 0},
    [NR_HISTORY] = {"NR.HISTORY", "key",
                    "Replies the course of the last training, for plots.", 2,
                    2, NR_READS, 1, 1},
    [NR_METRICS] = {"NR.METRICS", "key",
                    "Replies how good the last training's network was on the "
                    "testing dataset.",
                    2, 2, NR_READS, 1, 1},
    [NR_IMPORTANCE] = {"NR.IMPORTANCE", "key",
                       "Replies how much the outputs depend on each input.", 2,
                       2, NR_READS, 1, 1},
    [NR_FIELDS] = {"NR.FIELDS", "key [ADD field:kind ...] [DROP field ...]",
                   "Adds fields to a network and drops others, its samples "
                   "stay; without either, replies the fields and the values "
                   "that it has learned of each.",
                   2, -1, NR_WRITES | NR_FAST, 1, 1},
};

/* What completion offers behind each command, one space between two. */
static const char *const words[NR_VERBS] = {
    [NR_CREATE] = "CLASSIFIER REGRESSOR LINEAR -> NORMALIZE DATASET TEST CLASSIC "
                  "SEED ACTIVATION SIGMOID TANH RELU LEAKYRELU LOSS MSE "
                  "CROSSENTROPY OPTIMIZER RPROP ADAM SGD LEARNRATE BATCH L2 "
                  "PATIENCE THREADS MEMBERS CLASSWEIGHTS NONE BALANCED AUTO",
    [NR_OBSERVE] = "-> TRAIN TEST FP32 JSON MSGPACK COLUMNS WEIGHT",
    [NR_RUN] = "FP32 JSON MSGPACK COLUMNS",
    [NR_CLASS] = "FP32 JSON MSGPACK COLUMNS",
    [NR_TRAIN] = "MAXCYCLES MAXTIME AUTOSTOP BACKTRACK",
    [NR_GETDATA] = "TRAIN TEST",
    [NR_CONFIGURE] = "OPTIMIZER RPROP ADAM SGD LEARNRATE BATCH L2 PATIENCE "
                     "THREADS CLASSWEIGHTS NONE BALANCED AUTO",
    [NR_RESTORE] = "REPLACE",
    [NR_FIELDS] = "ADD DROP",
};

const nr_spec *nr_spec_of(nr_verb verb) {
    return (unsigned)verb < NR_VERBS ? &specs[verb] : NULL;
}

static bool put_words(nr_buf *out, const char *list) {
    size_t n = list != NULL;
    for (const char *p = list; p && *p; p++) n += *p == ' ';
    bool ok = nr_put_array(out, n);
    while (ok && n--) {
        size_t len = strcspn(list, " ");
        ok = nr_put_text(out, list, len);
        list += len + (list[len] == ' ');
    }
    return ok;
}

nr_status nr_specs_pack(nr_buf *out, nr_error *err) {
    size_t before = out->len;
    bool ok = nr_put_array(out, NR_VERBS);
    for (size_t i = 0; ok && i < NR_VERBS; i++)
        ok = nr_put_array(out, 4) && nr_put_str(out, specs[i].name) &&
             nr_put_str(out, specs[i].syntax) &&
             nr_put_str(out, specs[i].summary) && put_words(out, words[i]);
    if (ok) return NR_OK;
    out->len = before;
    return nr_nomem(err);
}
