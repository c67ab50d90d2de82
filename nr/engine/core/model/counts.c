/* What is counted of samples: how many there ever were, and of TRAINEVERY
 * how many are new and how many trainings they have asked for. Stores that keep a
 * header as columns move these on alone, for each sample: so they have a form
 * without msgpack. */
#include <string.h>

#include "encode/series.h"
#include "model/net.h"

/* How many new samples make a training due; 0: none do. Without a training
 * sample there is nothing to learn from yet. */
static uint64_t due_after(const nr_net *net) {
    enum { FEWEST = 10 };
    const nr_header *h = &net->h;
    int64_t every = h->options.trainevery;
    if (!h->len[0]) return 0;
    if (every >= 0) return (uint64_t)every;
    uint64_t kept = h->len[0] + h->len[1];
    if (nr_is_forecaster(net)) kept = h->bytes[0] / nr_step_bytes(net->schema);
    uint64_t fifth = kept / 5;
    return fifth > FEWEST ? fifth : FEWEST;
}

/* Samples of one command, that all have their place. With AUTO an alarm that they
 * have raised makes a training due, too. due.lua has it again. */
void nr_net_count(nr_net *net, size_t n) {
    nr_header *h = &net->h;
    bool raised = net->raised;
    net->raised = false;
    h->observed += n;
    if (!h->options.trainevery) return;
    h->fresh += n;
    uint64_t due = due_after(net);
    if (due && h->fresh >= due) {
        h->ordered += h->fresh / due;
        h->fresh %= due;
    } else if (due && raised && h->options.trainevery < 0) {
        h->ordered++;
        h->fresh = 0;
    }
}

enum { EXACT = 1 << 24 }; /* counts up to here are exact as float32 */

float nr_count_store(double count) {
    uint32_t bits = (uint32_t)count;
    float stored = (float)count;
    if (bits > EXACT) memcpy(&stored, &bits, sizeof stored);
    return stored;
}

double nr_count_read(float stored) {
    uint32_t bits;
    memcpy(&bits, &stored, sizeof bits);
    return bits > EXACT && bits <= NR_MAX_SAMPLES ? (double)bits
                                                  : (double)stored;
}

uint64_t nr_net_ordered(const nr_net *net) { return net->h.ordered; }

void nr_net_coalesce(nr_net *net, uint64_t n) { net->h.coalesced += n; }

void nr_net_counts(const nr_net *net, nr_counts *counts) {
    const nr_header *h = &net->h;
    *counts = (nr_counts){
        .len = {h->len[0], h->len[1]},
        .observed = h->observed,
        .fresh = h->fresh,
        .ordered = h->ordered,
        .rounded = h->rounded,
        .losses = {h->losses.revision, h->losses.scored, h->losses.late,
                   h->losses.sum, h->losses.alarm},
    };
    memcpy(counts->random, h->random.s, sizeof counts->random);
}
