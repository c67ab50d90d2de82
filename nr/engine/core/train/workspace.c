/* What a pass has at hand: units of some panels, and their samples where they
 * are gathered or lists. */

#include "train/train.h"

enum { SMALL = 16384 }; /* parameters; twice that many stay in any cache */

/* Of one panel: its units twice, its samples where they are gathered, and what
 * lists take. */
size_t nr_space_floats(const nr_net *net, bool lists) {
    const nr_header *h = &net->h;
    size_t units = 0, in = lists ? 0 : nr_inputs(net);
    for (size_t l = 1; l < h->nlayers; l++) units += 2 * (size_t)h->layers[l];
    size_t gathered =
        nr_batch_of(net) ? (in + 1) * NR_LANES + nr_target_floats(h) : 0;
    if (lists) gathered += nr_row_step(h->layers[1]) * (NR_LANES + 1);
    return units * NR_LANES + gathered;
}

static size_t samples_of_step(const nr_net *net) {
    size_t batch = nr_batch_of(net);
    return batch ? batch : net->h.len[0];
}

size_t nr_parts_of(const nr_net *net) {
    bool small = net->params <= SMALL;
    return small && nr_panels_for(samples_of_step(net)) > NR_BLOCK ? NR_PARTS : 1;
}

/* How many panels at once: one block where there is one thread, since that
 * stays in the second cache, and of each part what stays there where there are
 * parts; else as many blocks as 32 MB hold. */
size_t nr_space_panels(const nr_net *net, size_t threads) {
    size_t test = nr_panels_for(net->h.len[1]);
    size_t most = nr_panels_for(samples_of_step(net));
    size_t parts = threads > 1 ? nr_parts_of(net) : 1, panels = NR_BLOCK;
    if (most < test) most = test;
    if (threads > 1) {
        size_t least = parts > 1 ? 1 : 4;
        size_t room = (size_t)(parts > 1 ? 1 : 64) << 19;
        size_t fit = room / (nr_space_floats(net, false) * sizeof(float)) /
                     NR_BLOCK;
        panels *= fit > least ? fit : least;
    }
    size_t longest = (nr_blocks_for(most) + parts - 1) / parts * NR_BLOCK;
    if (longest > most) longest = most;
    return parts * (panels < longest ? panels : longest);
}

bool nr_space_make(nr_trainer *t) {
    const nr_header *h = &t->net->h;
    nr_space *s = &t->space;
    size_t in = t->sparse ? 0 : nr_inputs(t->net);
    size_t floats = nr_space_floats(t->net, t->sparse);
    s->panels = nr_space_panels(t->net, nr_team_size(t->team));
    s->losses = nr_alloc(s->panels * sizeof *s->losses);
    s->block = nr_alloc_lines(s->panels * floats, sizeof(float));
    if (!s->losses || !s->block) return false;
    float *at = s->block;
    if (t->sparse) { /* first, since rows want whole lines */
        size_t step = nr_row_step(h->layers[1]);
        s->rows = at;
        s->sums = at + s->panels * step * NR_LANES;
        at = s->sums + s->panels * step;
    }
    for (size_t l = 1; l < h->nlayers; l++) {
        size_t size = s->panels * h->layers[l] * NR_LANES;
        s->act[l] = at;
        s->delta[l] = at + size;
        at += 2 * size;
    }
    if (t->batch) {
        s->x = in ? at : NULL;
        s->targets = at + s->panels * in * NR_LANES;
        s->weights = s->targets + s->panels * t->train.target_floats;
    }
    return true;
}

void nr_space_free(nr_space *space) {
    nr_release(space->losses);
    nr_release_lines(space->block);
    *space = (nr_space){0};
}
