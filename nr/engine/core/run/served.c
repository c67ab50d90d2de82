/* Runs of clients of Redis that come one behind the other, in one call.
 *
 * A host in another language pays for each call into the core about as much as
 * for the run of a small network. So what can be run without it is run here: the
 * commands that only read the weights, of a network that the host has looked up
 * for the first of them. Where a run is much work, or a command a long one, it is
 * the host's, which has threads for that. */

#include <string.h>

#include "grammar/resp.h"
#include "run/run.h"

enum {
    AT_ONCE = 256,       /* commands */
    ENOUGH = 1 << 16,    /* bytes of replies */
    FEW_WORDS = 4096,    /* of a command */
    LITTLE = 1 << 16,    /* multiply-adds of a run */
    SMALL = 1 << 22      /* bytes that it takes */
};

static bool is_ours(const nr_resp *r) {
    const nr_resp_head *h = &r->head;
    if (!r->net || h->argc < 3 || h->argc > FEW_WORDS) return false;
    if (h->arglen[1] != r->key.len) return false;
    if (memcmp(h->argv[1], r->key.data, r->key.len) != 0) return false;
    nr_text name = {h->argv[0], h->arglen[0]};
    return nr_same_word(name, "NR.CLASS") || nr_same_word(name, "NR.RUN");
}

/* Its reply is in scratch: false where the host is to run it. */
static bool ran(nr_resp *r, nr_verb *verb, nr_error *err, nr_status *status) {
    nr_command cmd;
    *status = nr_command_parse(&cmd, r->head.argc, r->head.argv,
                               r->head.arglen, err);
    if (*status != NR_OK) return *status == NR_ERR;
    *verb = cmd.verb;
    nr_cost cost = nr_net_cost(r->net, &cmd);
    bool little = cost.work < LITTLE && cost.bytes < SMALL;
    /* An NR.RUN does not change the network, nor does an NR.CLASS. */
    if (little)
        *status = nr_net_execute((nr_net *)(uintptr_t)r->net, &cmd, false,
                                 &r->scratch, err);
    nr_command_release(&cmd);
    return little && *status != NR_NOMEM;
}

/* Runs the command that was found, and puts its reply: false for the host's. */
static bool answer(nr_resp *r) {
    nr_error err;
    nr_status status;
    nr_verb verb;
    r->scratch.len = 0;
    if (!ran(r, &verb, &err, &status)) return false;
    if (status == NR_OK)
        status = nr_resp_reply(r, r->scratch.data, r->scratch.len, (int)verb,
                               &err);
    return status == NR_OK ||
           nr_resp_error(r, err.text, strlen(err.text), &err) == NR_OK;
}

nr_status nr_resp_on(nr_resp *r, const char *key, size_t keylen,
                     const nr_net *net, nr_error *err) {
    r->net = NULL, r->key.len = 0;
    /* A forecast is made of the steps that there are now: the store has them. */
    if (!net || nr_is_forecaster(net) || nr_is_generator(net)) return NR_OK;
    if (!nr_buf_append(&r->key, key, keylen)) return nr_nomem(err);
    r->net = net;
    return NR_OK;
}

int nr_resp_run(nr_resp *r, bool again) {
    for (int i = 0; i < AT_ONCE && r->head.replies.len < ENOUGH; i++) {
        int found = again && !i ? r->head.argc > 0
                                : nr_resp_next(r, &r->head.error);
        if (found != 1 || !is_ours(r) || !answer(r)) return found;
        r->head.ran++;
    }
    return 2;
}

int nr_resp_take(nr_resp *r, const void *bytes, size_t len) {
    r->head.replies.len = 0;
    if (nr_resp_feed(r, bytes, len, &r->head.error) != NR_OK) return -1;
    return nr_resp_run(r, false);
}
