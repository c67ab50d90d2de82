/* The kernels, compiled once for each instruction set (NR_ISA names it).
 *
 * Forward and backward passes are one routine, `layer`: a tile of MR outputs by
 * NV vectors of samples stays in registers while all inputs pass by; only the
 * strides at which it reads the weights differ. `gradient` keeps a tile of
 * weights' sums in registers, each a vector over samples that is folded once a
 * block. Packing weights into panels, as BLAS does, was rejected: networks are
 * small enough for broadcasts from where weights lie. */

#include "kernels/kernel.h"
#include "kernels/panels.h"
#include "kernels/recurrent.h"
#include "kernels/vec.h"
#include "kernels/dense.h"

#if defined(__wasm_simd128__)
#include "kernels/sums_wasm.h" /* its layer and gradient_of */
#else

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

/* Floats that do not stay in the second cache, and those of deltas that do, with the
 * inputs that pass by them. */
enum { FAR = 1 << 18, NEAR = 1 << 16 };

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

/* Brings the next inputs nearer, the o-th of some outputs' share. */
static void fetch_ahead(const operands *x, size_t o, size_t outputs) {
    enum { LINES = GI * NR_LANES / 16 };
    size_t first = o * LINES / outputs;
    size_t last = least(o + GO, outputs) * LINES / outputs;
    const float *next = x->in + GI * NR_LANES;
    for (size_t p = 0; p < x->panels; p++, next += x->in_step)
        for (size_t l = first; l < last; l++)
            __builtin_prefetch(next + l * 16);
}

/* So many outputs that their deltas fit the second cache. */
static size_t outputs_at_once(const operands *x, size_t outputs) {
    size_t fit = NEAR / (x->panels * NR_LANES + 1) / GO * GO;
    return least(fit > GO ? fit : GO, outputs);
}

/* Inputs in the outer loop: their tile stays in the first cache while the deltas of
 * some outputs pass by. */
static void gradient_of(float *g, operands x, size_t first, size_t last,
                        size_t outputs) {
    const float *in = x.in, *delta = x.delta;
    bool far = x.in_step * x.panels > FAR;
    size_t some = outputs_at_once(&x, outputs);
    if (first == 0) bias_gradient(g, &x, outputs);
    for (size_t o0 = 0; o0 < outputs; o0 += some) {
        size_t end = least(o0 + some, outputs);
        for (size_t i = first; i < last; i += GI)
            for (size_t o = o0; o < end; o += GO) {
                x.in = in + i * NR_LANES;
                x.delta = delta + o * NR_LANES;
                if (far) fetch_ahead(&x, o - o0, end - o0);
                all_dots[least(last - i, GI)][least(end - o, GO)](
                    g + nr_dense_row(outputs, i) + o, outputs, &x);
            }
    }
}

#endif

static void gradient(float *g, const float *in, size_t in_step,
                     const float *delta, size_t delta_step, size_t panels,
                     size_t nv_last, size_t first, size_t last,
                     size_t outputs) {
    operands x = {.in = in, .delta = delta, .in_step = in_step,
                  .delta_step = delta_step, .panels = panels,
                  .nv = NR_LANES / 16, .nv_last = nv_last};
    gradient_of(g, x, first, last, outputs);
}

/* The same of steps, which have nv vectors each. */
static void step_gradient(float *g, const float *in, size_t in_step,
                          const float *delta, size_t delta_step, size_t steps,
                          size_t nv, size_t first, size_t last,
                          size_t outputs) {
    operands x = {.in = in, .delta = delta, .in_step = in_step,
                  .delta_step = delta_step, .panels = steps, .nv = nv,
                  .nv_last = nv};
    gradient_of(g, x, first, last, outputs);
}

#include "kernels/activations.h"
/* What few networks need is small where it is loaded over a network. */
#if defined(__wasm__)
#pragma clang attribute push(__attribute__((minsize)), apply_to = function)
#endif
#include "kernels/sparse.h"
#include "kernels/attention.h"
#include "kernels/soft_row.h"
#if defined(__wasm__)
#pragma clang attribute pop
#endif
#include "kernels/row.h"
#include "kernels/cell_rows.h"
#include "kernels/members.h"
#include "kernels/losses.h"
#include "kernels/joins.h"
#include "kernels/optimizers.h"
#include "kernels/products.h"
#include "kernels/unit_cells.h"

/* ================================= Table ================================= */

#define NAME(isa) NAME_(isa)
#define NAME_(isa) nr_kernels_##isa
#define TEXT(isa) TEXT_(isa)
#define TEXT_(isa) #isa

const nr_kernels NAME(NR_ISA) = {
    .name = TEXT(NR_ISA),
    .match = match,
    .add_part = add_part,
    .match_back = match_back,
    .product = product,
    .lstm_units = lstm_units,
    .lstm_units_back = lstm_units_back,
    .gru_units = gru_units,
    .gru_units_back = gru_units_back,
    .turn = turned,
    .asked_powers = asked_powers,
    .logs = logs,
    .squares = squares,
    .layer = layer,
    .gradient = gradient,
    .step_gradient = step_gradient,
    .lstm = lstm,
    .lstm_back = lstm_back,
    .gru = gru,
    .gru_back = gru_back,
    .lstm_row = lstm_row,
    .gru_row = gru_row,
    .list_layer = list_layer,
    .list_gradient = list_gradient,
    .delta_rows = delta_rows,
    .weigh = weigh,
    .activate = activate,
    .derive = derive,
    .powers = powers,
    .squash = squash,
    .join = join,
    .head = head_outputs,
    .loss = loss,
    .pack = pack,
    .unpack = unpack,
    .finite = all_finite,
    .row = row,
    .interleaved = interleaved,
    .exp_row = exp_row,
    .largest = largest,
    .soft_powers = soft_powers,
    .decay = decay,
    .rprop = rprop,
    .adam = adam,
    .sgd = sgd,
};
