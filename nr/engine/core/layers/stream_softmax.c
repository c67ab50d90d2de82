/* The softmax of a stream, with its loss and gradient: see stream.h. */

#include <string.h>

#include "layers/stream.h"

/* Symbols that are taken at once: their weights stay in the second cache. */
enum { SOME = 160, SOME_GRADIENTS = 96 };

/* A panel of the rows that are asked. */
typedef struct panel {
    size_t first, n, nv; /* its first row, how many, and vectors of them */
    float *powers, *y, *want, *less, *total, *factors;
} panel;

static panel panel_of(const nr_stream *s, size_t unit) {
    size_t first = s->block * NR_ASKED + unit * NR_LANES;
    size_t left = nr_stream_rows(s) - first, n = left < NR_LANES ? left : NR_LANES;
    return (panel){first, n, (n + 15) / 16,
                   s->powers + unit * s->symbols * NR_LANES,
                   s->y_turned + unit * (s->top + 1) * NR_LANES,
                   s->want_turned + unit * s->top * NR_LANES,
                   s->less + unit * NR_LANES, s->total + unit * NR_LANES,
                   s->factors + unit * NR_LANES};
}

/* Rows of the block that is asked. */
static size_t block_rows(const nr_stream *s) {
    size_t left = nr_stream_rows(s) - s->block * NR_ASKED;
    return left < NR_ASKED ? left : NR_ASKED;
}

static const float *weights_of(const nr_stream *s, size_t symbol) {
    return s->w + s->softmax + symbol * s->row_step;
}

static nr_product sums_of(const nr_stream *s, const panel *p, size_t symbol,
                          size_t n, float *to) {
    return (nr_product){.c = to, .c_step = NR_LANES, .a = weights_of(s, symbol),
                        .step_m = s->row_step, .step_k = 1, .b = p->y,
                        .b_step = NR_LANES, .m = n, .blocks = 1,
                        .k = s->top + 1, .nv = p->nv};
}

/* The sums of the symbols that came. */
static void find_less(const nr_stream *s, const panel *p) {
    float sums[NR_LANES];
    for (size_t i = 0; i < p->n; i++) {
        nr_product x = sums_of(s, p, s->next[p->first + i], 1, sums);
        nr_stream_product(s, &x);
        p->less[i] = sums[i];
    }
}

static void sum_powers(const nr_stream *s, const panel *p) {
    memset(p->total, 0, NR_LANES * sizeof *p->total);
    for (size_t v = 0; v < s->symbols; v += SOME) {
        size_t n = s->symbols - v < SOME ? s->symbols - v : SOME;
        float *powers = p->powers + v * NR_LANES;
        nr_product x = sums_of(s, p, v, n, powers);
        nr_stream_product(s, &x);
        s->k->asked_powers(powers, n, p->nv, p->less, p->total);
        if (!s->learn) continue;
        nr_product back = {.c = p->want, .c_step = NR_LANES,
                           .a = weights_of(s, v), .step_m = 1,
                           .step_k = s->row_step, .b = powers,
                           .b_step = NR_LANES, .m = s->top, .blocks = 1,
                           .k = n, .nv = p->nv, .resume = v > 0};
        nr_stream_product(s, &back);
    }
}

/* A row's deltas are the mean of the symbols' weights less those of the one that came;
 * `scaled` is what the weights' gradient is made of, and the power of that one
 * becomes as much less. */
static void learn_row(const nr_stream *s, const panel *p, size_t i) {
    size_t row = p->first + i, in_block = row - s->block * NR_ASKED;
    const float *y = s->y + row * s->row_step;
    uint32_t next = s->next[row];
    s->k->decay(s->want + row * s->row_step, weights_of(s, next), s->top,
                p->factors[i], -s->counts[row]);
    p->powers[(size_t)next * NR_LANES + i] -= p->total[i];
    for (size_t u = 0; u < nr_unit_panels(s->top + 1); u++) {
        size_t n = nr_panel_vectors(s->top + 1, u) * 16;
        float *to = s->scaled + (u * NR_ASKED + in_block) * NR_LANES;
        memcpy(to, y + nr_unit_panel(s->top + 1, u), n * sizeof *to);
        s->k->decay(to, to, n, p->factors[i], 0);
    }
}

static void ask_job(void *context, size_t unit) {
    const nr_stream *s = context;
    panel p = panel_of(s, unit);
    float logs[NR_LANES];
    s->k->turn(p.y, NR_LANES, s->y + p.first * s->row_step, s->row_step, p.n,
               s->top + 1);
    find_less(s, &p);
    sum_powers(s, &p);
    memcpy(logs, p.total, sizeof logs);
    s->k->logs(logs, p.nv);
    for (size_t i = 0; i < p.n; i++) {
        float count = s->counts[p.first + i];
        s->losses[p.first + i] = count > 0 ? logs[i] * count : 0;
        p.factors[i] = count / p.total[i];
    }
    if (!s->learn) return;
    s->k->turn(s->want + p.first * s->row_step, s->row_step, p.want, NR_LANES,
               s->top, p.n);
    for (size_t i = 0; i < p.n; i++) learn_row(s, &p, i);
}

/* Adds to the gradient of some symbols' weights what the block's rows want. */
static void gradient_job(void *context, size_t unit) {
    const nr_stream *s = context;
    size_t first = unit * SOME_GRADIENTS, left = s->symbols - first;
    size_t rows = block_rows(s), whole = rows / NR_LANES;
    nr_product x = {.c_step = s->row_step, .step_m = NR_LANES, .step_k = 1,
                    .a_block = s->symbols * NR_LANES, .b_step = NR_LANES,
                    .m = left < SOME_GRADIENTS ? left : SOME_GRADIENTS};
    for (size_t u = 0; u < nr_unit_panels(s->top + 1); u++) {
        x.c = s->g + s->softmax + first * s->row_step +
              nr_unit_panel(s->top + 1, u);
        x.nv = nr_panel_vectors(s->top + 1, u);
        x.a = s->powers + first * NR_LANES;
        x.b = s->scaled + u * NR_ASKED * NR_LANES;
        x.resume = s->block > 0;
        x.blocks = whole, x.k = NR_LANES;
        if (whole) nr_stream_product(s, &x);
        if (rows == whole * NR_LANES) continue;
        x.resume = x.resume || whole > 0;
        x.a += whole * x.a_block;
        x.b += whole * NR_LANES * NR_LANES;
        x.blocks = 1, x.k = rows - whole * NR_LANES;
        nr_stream_product(s, &x);
    }
}

void nr_stream_ask(nr_stream *s) {
    size_t rows = nr_stream_rows(s);
    for (s->block = 0; s->block * NR_ASKED < rows; s->block++) {
        size_t panels = (block_rows(s) + NR_LANES - 1) / NR_LANES;
        nr_team_run(s->team, ask_job, s, panels);
        if (s->learn)
            nr_team_run(s->team, gradient_job, s,
                        (s->symbols + SOME_GRADIENTS - 1) / SOME_GRADIENTS);
    }
}
