/* The kernels, compiled once for each instruction set (NR_ISA names it).
 *
 * Forward and backward passes are one routine, `layer`: a tile of MR outputs by
 * NV vectors of samples stays in registers while all inputs pass by; only the
 * strides at which it reads the weights differ. `gradient` keeps a tile of
 * weights' sums in registers, each a vector over samples that is folded once a
 * block. Packing weights into panels, as BLAS does, was rejected: networks are
 * small enough for broadcasts from where weights lie. */

#include "kernels/kernel.h"
#include "kernels/sparse.h"
#include "kernels/panels.h"
#include "kernels/recurrent.h"
#include "kernels/vec.h"
#include "kernels/dense.h"

/* Sizes of tiles, and how many inputs a layer takes at once (KBLOCK): fewer stay
 * in the first cache, but sums are taken up again more often, which for tiles
 * of 64 lanes costs more than it saves. */
#if defined(__AVX512F__)
enum { MR = 6, NV = 4, GI = 6, GO = 4, KBLOCK = 1024 };
#elif defined(__AVX2__)
enum { MR = 6, NV = 1, GI = 2, GO = 3, KBLOCK = 256 };
#else
enum { MR = 2, NV = 1, GI = 1, GO = 2, KBLOCK = 256 };
#endif

/* Floats that do not stay in the second cache. */
enum { FAR = 1 << 18 };

static inline size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* ============================ Layers, both ways ========================== */

typedef void tile_fn(float *out, const float *a, size_t step_m, size_t step_k,
                     const float *in, const float *init, bool resume,
                     size_t k);

INLINE void tile(float *out, const float *a, size_t step_m, size_t step_k,
                 const float *in, const float *init, const bool resume,
                 size_t k, const int mr, const int nv) {
    v16 sum[MR][NV], x[NV];
    for (int r = 0; r < mr; r++)
        for (int v = 0; v < nv; v++)
            sum[r][v] = resume ? v_load(out + r * NR_LANES + v * 16)
                               : v_set(init ? init[r] : 0);
    for (size_t i = 0; i < k; i++, a += step_k, in += NR_LANES) {
        for (int v = 0; v < nv; v++) x[v] = v_load(in + v * 16);
        for (int r = 0; r < mr; r++) {
            v16 w = v_set(a[(size_t)r * step_m]);
            for (int v = 0; v < nv; v++) sum[r][v] = v_fma(w, x[v], sum[r][v]);
        }
    }
    for (int r = 0; r < mr; r++)
        for (int v = 0; v < nv; v++)
            v_store(out + r * NR_LANES + v * 16, sum[r][v]);
}

#define TILE(mr, nv)                                                          \
    static void tile_##mr##_##nv(float *out, const float *a, size_t step_m,   \
                                 size_t step_k, const float *in,              \
                                 const float *init, bool resume, size_t k) {  \
        if (resume)                                                           \
            tile(out, a, step_m, step_k, in, init, true, k, mr, nv);          \
        else                                                                  \
            tile(out, a, step_m, step_k, in, init, false, k, mr, nv);         \
    }
#if defined(__AVX512F__)
#define TILES(mr) TILE(mr, 1) TILE(mr, 2) TILE(mr, 3) TILE(mr, 4)
#define TILE_ROW(mr)                                                          \
    { NULL, tile_##mr##_1, tile_##mr##_2, tile_##mr##_3, tile_##mr##_4 }
#else
#define TILES(mr) TILE(mr, 1)
#define TILE_ROW(mr) { NULL, tile_##mr##_1 }
#endif

TILES(1)
TILES(2)
#if defined(__AVX2__)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
#endif

static tile_fn *const tiles[MR + 1][NV + 1] = {
    {NULL},
    TILE_ROW(1),
    TILE_ROW(2),
#if defined(__AVX2__)
    TILE_ROW(3),
    TILE_ROW(4),
    TILE_ROW(5),
    TILE_ROW(6),
#endif
};

static void layer(float *out, const float *a, size_t step_m, size_t step_k,
                  const float *in, const float *init, size_t m, size_t k,
                  size_t nv) {
    for (size_t k0 = 0; k0 < k; k0 += KBLOCK) {
        size_t depth = least(k - k0, KBLOCK);
        for (size_t m0 = 0; m0 < m; m0 += MR)
            for (size_t v = 0; v < nv; v += NV)
                tiles[least(m - m0, MR)][least(nv - v, NV)](
                    out + m0 * NR_LANES + v * 16,
                    a + m0 * step_m + k0 * step_k, step_m, step_k,
                    in + k0 * NR_LANES + v * 16, init ? init + m0 : NULL,
                    k0 > 0, depth);
    }
}

/* ============================ Weights' gradient ========================== */

/* Where the two operands of a gradient lie. */
typedef struct operands {
    const float *in, *delta;
    size_t in_step, delta_step, panels, nv, nv_last; /* nv: of all others */
} operands;

INLINE void dots(float *g, size_t outputs, const operands *x, const int ni,
                 const int no) {
    v16 sum[GI][GO], d[GO];
    const float *in = x->in, *delta = x->delta;
    for (int i = 0; i < ni; i++)
        for (int o = 0; o < no; o++) sum[i][o] = v_set(0);
    for (size_t p = 0; p < x->panels; p++) {
        size_t lanes = (p + 1 < x->panels ? x->nv : x->nv_last) * 16;
        for (size_t l = 0; l < lanes; l += 16) {
            for (int o = 0; o < no; o++)
                d[o] = v_load(delta + (size_t)o * NR_LANES + l);
            for (int i = 0; i < ni; i++) {
                v16 a = v_load(in + (size_t)i * NR_LANES + l);
                for (int o = 0; o < no; o++)
                    sum[i][o] = v_fma(a, d[o], sum[i][o]);
            }
        }
        in += x->in_step;
        delta += x->delta_step;
    }
    int done = 0;
#if defined(__AVX512F__)
    for (; no == 4 && done + 4 <= ni; done += 4, g += 4 * outputs)
        v_add_sums4(g, outputs, sum + done);
#endif
    for (int i = done; i < ni; i++, g += outputs)
        if (GO == 4 && no == 4)
            v_add_sums(g, sum[i][0], sum[i][1 % GO], sum[i][2 % GO],
                       sum[i][3 % GO]);
        else
            for (int o = 0; o < no; o++) g[o] += v_sum(sum[i][o]);
}

typedef void dots_fn(float *g, size_t outputs, const operands *x);

#define DOTS(ni, no)                                                          \
    static void dots_##ni##_##no(float *g, size_t outputs,                    \
                                 const operands *x) {                         \
        dots(g, outputs, x, ni, no);                                          \
    }
#if defined(__AVX512F__)
#define DOTS_ROW(ni) DOTS(ni, 1) DOTS(ni, 2) DOTS(ni, 3) DOTS(ni, 4)
#define DOTS_NAMES(ni)                                                        \
    { NULL, dots_##ni##_1, dots_##ni##_2, dots_##ni##_3, dots_##ni##_4 }
#elif defined(__AVX2__)
#define DOTS_ROW(ni) DOTS(ni, 1) DOTS(ni, 2) DOTS(ni, 3)
#define DOTS_NAMES(ni) { NULL, dots_##ni##_1, dots_##ni##_2, dots_##ni##_3 }
#else
#define DOTS_ROW(ni) DOTS(ni, 1) DOTS(ni, 2)
#define DOTS_NAMES(ni) { NULL, dots_##ni##_1, dots_##ni##_2 }
#endif

DOTS_ROW(1)
#if defined(__AVX2__)
DOTS_ROW(2)
#endif
#if defined(__AVX512F__)
DOTS_ROW(3)
DOTS_ROW(4)
DOTS_ROW(5)
DOTS_ROW(6)
#endif

static dots_fn *const all_dots[GI + 1][GO + 1] = {
    {NULL},
    DOTS_NAMES(1),
#if defined(__AVX2__)
    DOTS_NAMES(2),
#endif
#if defined(__AVX512F__)
    DOTS_NAMES(3),
    DOTS_NAMES(4),
    DOTS_NAMES(5),
    DOTS_NAMES(6),
#endif
};

static void bias_gradient(float *g, const operands *x, size_t outputs) {
    for (size_t o = 0; o < outputs; o++) {
        const float *delta = x->delta + o * NR_LANES;
        v16 sum = v_set(0);
        for (size_t p = 0; p < x->panels; p++, delta += x->delta_step) {
            size_t lanes = (p + 1 < x->panels ? x->nv : x->nv_last) * 16;
            for (size_t l = 0; l < lanes; l += 16)
                sum = v_add(sum, v_load(delta + l));
        }
        g[o] += v_sum(sum);
    }
}

/* Brings the next inputs nearer, the o-th of their outputs' share. */
static void fetch_ahead(const operands *x, size_t o, size_t outputs) {
    enum { LINES = GI * NR_LANES / 16 };
    size_t first = o * LINES / outputs;
    size_t last = least(o + GO, outputs) * LINES / outputs;
    const float *next = x->in + GI * NR_LANES;
    for (size_t p = 0; p < x->panels; p++, next += x->in_step)
        for (size_t l = first; l < last; l++)
            __builtin_prefetch(next + l * 16);
}

/* Inputs in the outer loop: their tile stays in the first cache while all
 * deltas, which fit the second, pass by. */
static void gradient_of(float *g, operands x, size_t first, size_t last,
                        size_t outputs) {
    const float *in = x.in, *delta = x.delta;
    bool far = x.in_step * x.panels > FAR;
    if (first == 0) bias_gradient(g, &x, outputs);
    for (size_t i = first; i < last; i += GI)
        for (size_t o = 0; o < outputs; o += GO) {
            x.in = in + i * NR_LANES;
            x.delta = delta + o * NR_LANES;
            if (far) fetch_ahead(&x, o, outputs);
            all_dots[least(last - i, GI)][least(outputs - o, GO)](
                g + nr_dense_row(outputs, i) + o, outputs, &x);
        }
}

static void gradient(float *g, const float *in, size_t in_step,
                     const float *delta, size_t delta_step, size_t panels,
                     size_t nv_last, size_t first, size_t last,
                     size_t outputs) {
    operands x = {in, delta, in_step, delta_step, panels, NR_LANES / 16,
                  nv_last};
    gradient_of(g, x, first, last, outputs);
}

/* The same of steps, which have nv vectors each. */
static void step_gradient(float *g, const float *in, size_t in_step,
                          const float *delta, size_t delta_step, size_t steps,
                          size_t nv, size_t first, size_t last,
                          size_t outputs) {
    operands x = {in, delta, in_step, delta_step, steps, nv, nv};
    gradient_of(g, x, first, last, outputs);
}

/* ============================== Activations ============================== */

INLINE v16 leaky(v16 x) {
    return v_if_gt(x, v_set(0), x, v_mul(x, v_set(0.01f)));
}

INLINE v16 apply(v16 x, const nr_activation f) {
    switch (f) {
    case NR_SIGMOID: return v_sigmoid(x);
    case NR_TANH: return v_tanh(x);
    case NR_RELU: return v_max(x, v_set(0));
    default: return leaky(x);
    }
}

/* The derivative, by the activation's value. */
INLINE v16 slope(v16 y, const nr_activation f) {
    const v16 one = v_set(1), zero = v_set(0);
    switch (f) {
    case NR_SIGMOID: return v_mul(y, v_sub(one, y));
    case NR_TANH: return v_fma(v_sub(zero, y), y, one);
    case NR_RELU: return v_if_gt(y, zero, one, zero);
    default: return v_if_gt(y, zero, one, v_set(0.01f));
    }
}

INLINE void apply_all(float *x, size_t units, size_t lanes,
                      const nr_activation f) {
    for (size_t u = 0; u < units; u++, x += NR_LANES)
        for (size_t l = 0; l < lanes; l += 16)
            v_store(x + l, apply(v_load(x + l), f));
}

INLINE void slope_all(float *delta, const float *x, size_t units, size_t lanes,
                      const nr_activation f) {
    for (size_t u = 0; u < units; u++, x += NR_LANES, delta += NR_LANES)
        for (size_t l = 0; l < lanes; l += 16)
            v_store(delta + l,
                    v_mul(v_load(delta + l), slope(v_load(x + l), f)));
}

/* The switch outside of the loops: a body for each activation. */
#define EACH_ACTIVATION_CASE(call)                                            \
    case NR_SIGMOID: call(NR_SIGMOID); break;                                 \
    case NR_TANH: call(NR_TANH); break;                                       \
    case NR_RELU: call(NR_RELU); break;                                       \
    case NR_LEAKYRELU: call(NR_LEAKYRELU); break;
#define EACH_ACTIVATION(f, call)                                              \
    switch (f) { EACH_ACTIVATION_CASE(call) }

static void activate(float *x, size_t units, size_t nv, nr_activation f) {
#define CALL(F) apply_all(x, units, nv * 16, F)
    EACH_ACTIVATION(f, CALL)
#undef CALL
}

static void derive(float *delta, const float *x, size_t units, size_t nv,
                   nr_activation f) {
#define CALL(F) slope_all(delta, x, units, nv * 16, F)
    EACH_ACTIVATION(f, CALL)
#undef CALL
}

#include "kernels/row.h"
#include "kernels/members.h"

/* ============================= Heads and losses ========================== */

/* x becomes e^(x - max); returns the sum over units. */
INLINE v16 softmax_powers(float *x, size_t units, v16 *max) {
    v16 most = v_load(x), sum = v_set(0);
    for (size_t u = 1; u < units; u++)
        most = v_max(most, v_load(x + u * NR_LANES));
    for (size_t u = 0; u < units; u++) {
        v16 e = v_exp(v_sub(v_load(x + u * NR_LANES), most));
        v_store(x + u * NR_LANES, e);
        sum = v_add(sum, e);
    }
    *max = most;
    return sum;
}

static void head_outputs(float *x, size_t units, size_t nv, nr_head kind) {
    v16 max;
    if (kind == NR_LOGISTIC) activate(x, units, nv, NR_SIGMOID);
    if (kind != NR_SOFTMAX) return;
    for (size_t v = 0; v < nv; v++, x += 16) {
        v16 sum = softmax_powers(x, units, &max);
        for (size_t u = 0; u < units; u++)
            v_store(x + u * NR_LANES, v_div(v_load(x + u * NR_LANES), sum));
    }
}

/* Ones where the largest unit is not the class. */
INLINE v16 misses(const float *x, size_t units, v16 class) {
    v16 most = v_load(x), which = v_set(0);
    for (size_t u = 1; u < units; u++) {
        v16 y = v_load(x + u * NR_LANES);
        which = v_if_gt(y, most, v_set((float)u), which);
        most = v_max(most, y);
    }
    return v_if_eq(which, class, v_set(0), v_set(1));
}

/* Cross-entropy of sixteen samples: x, the logits, become the deltas p - t,
 * where t shares `smoothing` among all classes. */
INLINE void cross_entropy(float *x, const nr_target *t, v16 class, v16 mask,
                          nr_losses *sum) {
    size_t units = t->units;
    float share = t->smoothing / (float)units;
    const v16 off = v_set(share), on = v_set(1 - t->smoothing + share);
    v16 wrong = misses(x, units, class), own = v_set(0), all = v_set(0), max;
    for (size_t u = 0; u < units; u++) {
        v16 z = v_load(x + u * NR_LANES);
        own = v_if_eq(class, v_set((float)u), z, own);
        all = v_add(all, z);
    }
    v16 total = softmax_powers(x, units, &max);
    v16 inverse = v_div(v_set(1), total), log_total = v_log(total);
    for (size_t u = 0; u < units; u++) {
        v16 p = v_mul(v_load(x + u * NR_LANES), inverse);
        v16 goal = v_if_eq(class, v_set((float)u), on, off);
        v_store(x + u * NR_LANES, v_mul(v_sub(p, goal), mask));
    }
    own = v_sub(own, max);
    all = v_sub(all, v_mul(v_set((float)units), max));
    v16 goal = v_fma(v_set(1 - t->smoothing), own, v_mul(off, all));
    sum->error += (double)v_sum(v_mul(v_sub(log_total, own), mask));
    sum->objective += (double)v_sum(v_mul(v_sub(log_total, goal), mask));
    sum->wrong += (double)v_sum(v_mul(wrong, mask));
}

/* Half the summed squared error; x, the outputs, become the deltas. */
INLINE void squared(float *x, nr_head kind, const nr_target *t,
                    const float *target, v16 mask, nr_losses *sum) {
    v16 loss = v_set(0), class = v_load(target), wrong = v_set(0);
    if (t->classes) wrong = misses(x, t->units, class);
    for (size_t u = 0; u < t->units; u++) {
        float *at = x + u * NR_LANES;
        v16 y = v_load(at);
        v16 goal = t->classes ? v_if_eq(class, v_set((float)u), v_set(1),
                                        v_set(0))
                              : v_load(target + u * NR_LANES);
        v16 off = v_sub(y, goal), d = v_mul(off, mask);
        loss = v_fma(d, off, loss);
        if (kind == NR_LOGISTIC) d = v_mul(d, slope(y, NR_SIGMOID));
        v_store(at, d);
    }
    double half = 0.5 * (double)v_sum(loss);
    sum->error += half;
    sum->objective += half;
    sum->wrong += (double)v_sum(v_mul(wrong, mask));
}

static nr_losses loss(float *x, nr_head kind, const nr_target *t) {
    nr_losses sum = {0, 0, 0};
    for (size_t l = 0; l < t->lanes; l += 16) {
        v16 mask = v_first(t->lanes - l);
        if (t->weights) mask = v_mul(mask, v_load(t->weights + l));
        if (kind == NR_SOFTMAX)
            cross_entropy(x + l, t, v_load(t->target + l), mask, &sum);
        else
            squared(x + l, kind, t, t->target + l, mask, &sum);
    }
    return sum;
}

/* =============================== Optimisers ============================== */

/* Runs `step` on sixteen weights at a time: numbers of `count` arrays, of which
 * those in the bits of `kept` are written back. */
typedef void step_fn(v16 *x, const void *rule);

INLINE void each_sixteen(float *const *arrays, int count, unsigned kept,
                         size_t n, step_fn *step, const void *rule) {
    v16 x[4];
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        for (int a = 0; a < count; a++) x[a] = v_load(arrays[a] + i);
        step(x, rule);
        for (int a = 0; a < count; a++)
            if (kept >> a & 1) v_store(arrays[a] + i, x[a]);
    }
    if (i == n) return;
    for (int a = 0; a < count; a++) x[a] = v_load_some(arrays[a] + i, n - i);
    step(x, rule);
    for (int a = 0; a < count; a++)
        if (kept >> a & 1) v_store_some(arrays[a] + i, x[a], n - i);
}

INLINE void decay_step(v16 *x, const void *rule) {
    const float *r = rule;
    x[0] = v_fma(v_set(r[1]), x[1], v_mul(x[0], v_set(r[0])));
}

static void decay(float *g, const float *w, size_t n, float scale,
                  float factor) {
    float rule[2] = {scale, factor};
    float *arrays[2] = {g, (float *)w};
    each_sixteen(arrays, 2, 0x1, n, decay_step, rule);
}

/* Riedmiller and Braun (1993); Igel and Huesken (2000) for iRPROP-. By signs
 * alone: a product of two small gradients would be taken for zero. */
INLINE void rprop_step(v16 *x, const void *rule) {
    const nr_rprop_rule *r = rule;
    const v16 zero = v_set(0);
    v16 g = x[1], step = x[3], sign = v_sign(g), past = v_sign(x[2]);
    v16 same = v_mul(sign, past);
    v16 longer = v_min(v_mul(step, v_set(r->up)), v_set(r->most));
    v16 shorter = v_max(v_mul(step, v_set(r->down)), v_set(r->least));
    v16 next = v_if_gt(same, zero, longer, v_if_gt(zero, same, shorter, step));
    v16 back = r->backtrack ? v_mul(past, step) : zero;
    v16 move = v_if_gt(zero, same, back, v_sub(zero, v_mul(sign, next)));
    x[0] = v_add(x[0], move);
    x[2] = v_if_gt(zero, same, zero, g);
    x[3] = next;
}

static void rprop(float *w, float *g, float *before, float *step, size_t n,
                  const nr_rprop_rule *rule) {
    float *arrays[4] = {w, g, before, step};
    each_sixteen(arrays, 4, 0xd, n, rprop_step, rule);
}

/* Kingma and Ba (2015). */
INLINE void adam_step(v16 *x, const void *rule) {
    const nr_adam_rule *r = rule;
    v16 g = x[1];
    v16 m = v_fma(v_set(r->beta1), x[2], v_mul(v_set(1 - r->beta1), g));
    v16 v = v_fma(v_set(r->beta2), x[3],
                  v_mul(v_set(1 - r->beta2), v_mul(g, g)));
    v16 root = v_sqrt(v_mul(v, v_set(r->correct2)));
    v16 move = v_div(v_mul(m, v_set(r->rate * r->correct1)),
                     v_add(root, v_set(r->epsilon)));
    x[0] = v_sub(x[0], move);
    x[2] = m;
    x[3] = v;
}

static void adam(float *w, const float *g, float *m, float *v, size_t n,
                 const nr_adam_rule *rule) {
    float *arrays[4] = {w, (float *)g, m, v};
    each_sixteen(arrays, 4, 0xd, n, adam_step, rule);
}

INLINE void sgd_step(v16 *x, const void *rule) {
    const float *r = rule;
    x[2] = v_fma(v_set(r[1]), x[2], x[1]);
    x[0] = v_fma(v_set(-r[0]), x[2], x[0]);
}

static void sgd(float *w, const float *g, float *m, size_t n, float rate,
                float momentum) {
    float rule[2] = {rate, momentum};
    float *arrays[3] = {w, (float *)g, m};
    each_sixteen(arrays, 3, 0x5, n, sgd_step, rule);
}

/* ================================= Table ================================= */

#define NAME(isa) NAME_(isa)
#define NAME_(isa) nr_kernels_##isa
#define TEXT(isa) TEXT_(isa)
#define TEXT_(isa) #isa

const nr_kernels NAME(NR_ISA) = {
    .name = TEXT(NR_ISA),
    .layer = layer,
    .gradient = gradient,
    .step_gradient = step_gradient,
    .lstm = lstm,
    .lstm_back = lstm_back,
    .gru = gru,
    .gru_back = gru_back,
    .list_layer = list_layer,
    .list_gradient = list_gradient,
    .delta_rows = delta_rows,
    .weigh = weigh,
    .activate = activate,
    .derive = derive,
    .head = head_outputs,
    .loss = loss,
    .pack = pack,
    .unpack = unpack,
    .finite = all_finite,
    .row = row,
    .abreast = abreast,
    .exp_row = exp_row,
    .decay = decay,
    .rprop = rprop,
    .adam = adam,
    .sgd = sgd,
};
