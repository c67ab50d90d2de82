/* What became of the last training: one line of text in the header.
 *
 * Whoever waits for a training, in whatever process, reads there what came of
 * it. A text, and not a number with a reason beside it, because people read it
 * too, in a column and in NR.INFO; its first word says which kind it is.
 *
 *     never            none has ended since the network was made or reset
 *     merged           its weights are those of the network
 *     kept: why        the weights in place were better, and stayed
 *     failed: why      it could not be carried out
 *     dropped: why     another one was asked for in its place
 */

#include <string.h>

#include "grammar/syntax.h"
#include "model/net.h"

static const char *const outcomes[] = {
    [NR_NEVER] = "never", [NR_MERGED] = "merged",   [NR_KEPT] = "kept",
    [NR_FAILED] = "failed", [NR_DROPPED] = "dropped",
};
enum { OUTCOMES = sizeof outcomes / sizeof *outcomes };

/* Which one a text is; OUTCOMES: none of them. */
static int outcome_of(const char *text, size_t len) {
    for (int i = 0; i < OUTCOMES; i++) {
        size_t n = strlen(outcomes[i]);
        bool reason = i > NR_MERGED;
        if (len < n || memcmp(text, outcomes[i], n) != 0) continue;
        if (reason ? len > n + 2 && memcmp(text + n, ": ", 2) == 0 : len == n)
            return i;
    }
    return OUTCOMES;
}

bool nr_outcome_sound(const char *text, size_t len) {
    if (len >= NR_OUTCOME_TEXT) return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~') return false;
    return outcome_of(text, len) < OUTCOMES;
}

/* What a header that lacks it is taken for. */
void nr_outcome_derive(nr_header *h) {
    const char *text = "merged";
    if (h->stats.ending == NR_ENDED_NOT && !h->trained) text = "never";
    if (h->stats.ending == NR_ENDED_MEMORY) text = "failed: out of memory";
    strcpy(h->last_training, text);
}

void nr_outcome_set(nr_header *h, nr_outcome outcome, const char *why) {
    char *to = h->last_training;
    size_t n = strlen(outcomes[outcome]);
    memcpy(to, outcomes[outcome], n + 1);
    if (outcome <= NR_MERGED) return;
    if (strncmp(why, "ERR ", 4) == 0) why += 4;
    memcpy(to + n, ": ", 3);
    n += 2;
    nr_quote(to + n, NR_OUTCOME_TEXT - n, why, strlen(why));
}

nr_outcome nr_net_outcome(const nr_net *net, const char **text) {
    const char *line = net->h.last_training;
    *text = line;
    return (nr_outcome)outcome_of(line, strlen(line));
}

nr_status nr_net_tell(nr_net *net, const char *text, size_t len,
                      nr_error *err) {
    if (!nr_outcome_sound(text, len))
        return nr_fail(err, "ERR not what becomes of a training");
    memcpy(net->h.last_training, text, len);
    net->h.last_training[len] = '\0';
    net->h.trainings++;
    return NR_OK;
}

nr_net *nr_net_unlearned(const nr_net *net, nr_outcome outcome,
                         const char *why) {
    nr_net *copy = nr_net_bare(net);
    if (copy) nr_outcome_set(&copy->h, outcome, why);
    return copy;
}
