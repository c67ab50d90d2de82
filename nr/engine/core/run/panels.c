/* Rows in panels of 64, with samples in lanes. */

#include <string.h>

#include "layers/layer.h"
#include "layers/recurrent.h"
#include "run/runner.h"

static bool panel_sound(const nr_run *r, const float *y, size_t nv) {
    for (size_t o = 0; o < r->out; o++)
        if (!nr_sound(r, y + o * NR_LANES, nv * 16)) return false;
    return true;
}

static bool panel_head(const nr_run *r, float *y, size_t nv) {
    if (r->head == NR_SOFTMAX) {
        for (size_t o = 0; o < r->out; o++)
            for (size_t l = 0; l < nv * 16; l++)
                y[o * NR_LANES + l] *= r->f.out_scale[o];
        if (!panel_sound(r, y, nv)) return false;
    }
    r->k->head(y, r->out, nv, r->head);
    return true;
}

static const float *member_panel(const nr_run *r, const float *w, size_t nv) {
    const nr_plan *plan = r->plan;
    const float *from = r->inputs;
    float *to = r->x, *other = r->y;
    for (size_t i = 0; i + 1 < plan->n; i++) {
        const nr_op *op = &plan->ops[i];
        nr_op_forward(r->k, op, w + op->at, from, to, nv);
        from = to, to = other, other = (float *)from;
    }
    return panel_head(r, (float *)from, nv) ? from : NULL;
}

/* Some rows at a time, so that they are in a cache when they are packed. */
static bool pack_panel(const nr_run *r, const float *rows, size_t n) {
    enum { SOME = 16 };
    size_t in = r->h->layers[0];
    for (size_t i = 0; i < n; i += SOME) {
        const float *at[SOME];
        size_t some = n - i < SOME ? n - i : SOME;
        for (size_t j = 0; j < some; j++) at[j] = rows + (i + j) * in;
        if (!r->k->finite(at[0], some * in)) return false;
        r->k->pack(r->inputs + i, at, some, in, r->f.in_shift,
                   r->f.in_scale);
    }
    return true;
}

static const float *run_panel(const nr_run *r, const float *rows, size_t n) {
    size_t nv = (n + 15) / 16, floats = r->out * NR_LANES;
    if (!pack_panel(r, rows, n)) return NULL;
    nr_recurrent_numbers(r->plan, r->inputs, r->numbers);
    float *sum = r->sum;
    for (size_t m = 0; m < r->members; m++) {
        const float *w = r->f.layers + m * r->plan->params;
        nr_recurrent_fill(r->k, r->plan, w, r->sequences, r->numbers, n, 0,
                          r->frame, r->inputs);
        const float *y = member_panel(r, w, nv);
        if (!y) return NULL;
        if (m == 0)
            memcpy(sum, y, floats * sizeof *sum);
        else
            for (size_t i = 0; i < floats; i++) sum[i] += y[i];
    }
    if (r->members > 1)
        for (size_t i = 0; i < floats; i++) sum[i] /= (float)r->members;
    for (size_t o = 0; o < r->out && r->h->kind == NR_REGRESSOR; o++)
        for (size_t l = o * NR_LANES; l < (o + 1) * NR_LANES; l++)
            sum[l] = sum[l] * r->f.out_scale[o] + r->f.out_shift[o];
    if (r->h->kind == NR_REGRESSOR && !panel_sound(r, sum, nv)) return NULL;
    return sum;
}

bool nr_run_panels(const nr_run *r, const float *rows, size_t n,
                         nr_results to) {
    size_t in = r->h->layers[0], out = r->out;
    for (size_t i = 0; i < n; i += NR_LANES) {
        size_t some = n - i < NR_LANES ? n - i : NR_LANES;
        const float *y = run_panel(r, rows + i * in, some);
        if (!y) return false;
        for (size_t j = 0; j < some && to.classes; j++)
            to.classes[i + j] = nr_largest(y + j, NR_LANES, out);
        if (to.outputs) r->k->unpack(to.outputs + i * out, y, some, out);
    }
    return true;
}
