/* Rows to panels and back, and numbers checked on the way; a part of kernel.c,
 * which is compiled once for each instruction set.
 *
 * Turned in registers, eight by eight: one number at a time, the way in and out
 * took a third of a batch run's time. */

#ifndef NR_PACKING_H
#define NR_PACKING_H

#include "kernels/kernel.h"
#include "kernels/vec.h"

/* One number as v_taken, to the bit: NaN becomes the lower limit. */
#if defined(__wasm_simd128__) /* no mode flushes what scalars come to */
INLINE float taken(float x, float shift, float scale) {
    v16 y = v_taken(v_set(x), v_set(shift), v_set(scale));
    return wasm_f32x4_extract_lane(y.q[0], 0);
}
#else
INLINE float taken(float x, float shift, float scale) {
    x = (x - shift) * scale;
    x = x > -NR_MOST_INPUT ? x : -NR_MOST_INPUT;
    return x < NR_MOST_INPUT ? x : NR_MOST_INPUT;
}
#endif

#if defined(__AVX2__)
/* Eight rows by eight units, turned, to a panel. */
INLINE void turn8(__m256 *r) {
    __m256 t[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int h = 0; h < 2; h++) {
            r[i + 2 * h] = _mm256_shuffle_ps(t[i + h], t[i + h + 2], 0x44);
            r[i + 2 * h + 1] = _mm256_shuffle_ps(t[i + h], t[i + h + 2], 0xee);
        }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
        t[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
    }
    for (int i = 0; i < 8; i++) r[i] = t[i];
}

/* Eight rows by eight units to a panel. */
INLINE void turn(float *panel, const float *const *rows, size_t unit,
                 const float *shift, const float *scale) {
    __m256 r[8], by = _mm256_loadu_ps(shift + unit);
    __m256 times = _mm256_loadu_ps(scale + unit);
    const __m256 most = _mm256_set1_ps(NR_MOST_INPUT);
    const __m256 least = _mm256_set1_ps(-NR_MOST_INPUT);
    for (int i = 0; i < 8; i++) {
        __m256 x = _mm256_sub_ps(_mm256_loadu_ps(rows[i] + unit), by);
        x = _mm256_max_ps(_mm256_mul_ps(x, times), least);
        r[i] = _mm256_min_ps(x, most);
    }
    turn8(r);
    for (int i = 0; i < 8; i++)
        _mm256_storeu_ps(panel + (unit + (size_t)i) * NR_LANES, r[i]);
}
#endif

/* to[j * to_step + i] = from[i * from_step + j], of so many rows i, columns j. */
static void turned(float *to, size_t to_step, const float *from,
                   size_t from_step, size_t rows, size_t columns) {
    size_t whole = 0, part = 0;
#if defined(__AVX2__)
    whole = rows / 8 * 8, part = columns / 8 * 8;
    for (size_t j = 0; j < part; j += 8)
        for (size_t i = 0; i < whole; i += 8) {
            __m256 r[8];
            for (size_t n = 0; n < 8; n++)
                r[n] = _mm256_loadu_ps(from + (i + n) * from_step + j);
            turn8(r);
            for (size_t n = 0; n < 8; n++)
                _mm256_storeu_ps(to + (j + n) * to_step + i, r[n]);
        }
#endif
    for (size_t i = 0; i < rows; i++)
        for (size_t j = i < whole ? part : 0; j < columns; j++)
            to[j * to_step + i] = from[i * from_step + j];
}

/* A panel's first n lanes to rows `step` floats apart. */
static void to_rows(float *rows, size_t step, const float *panel, size_t n,
                    size_t units) {
    turned(rows, step, panel, NR_LANES, units, n);
}

/* The other way. */
static void to_panel(float *panel, const float *rows, size_t step, size_t n,
                     size_t units) {
    turned(panel, NR_LANES, rows, step, n, units);
}

static void unpack(float *rows, const float *panel, size_t n, size_t units) {
    to_rows(rows, units, panel, n, units);
}

static void pack(float *panel, const float *const *rows, size_t n,
                 size_t units, const float *shift, const float *scale) {
    size_t lane = 0, lanes = (n + 15) / 16 * 16;
#if defined(__AVX2__)
    for (; lane + 8 <= n; lane += 16) {
        size_t u = 0, end = lane + 16 <= n ? lane + 16 : lane + 8;
        for (; u + 8 <= units; u += 8) /* whole lines of the cache */
            for (size_t i = lane; i < end; i += 8)
                turn(panel + i, rows + i, u, shift, scale);
        for (; u < units; u++)
            for (size_t i = lane; i < end; i++)
                panel[u * NR_LANES + i] = taken(rows[i][u], shift[u], scale[u]);
    }
    lane = n / 8 * 8;
#endif
    for (size_t u = 0; u < units; u++) {
        float *at = panel + u * NR_LANES;
        for (size_t i = lane; i < n; i++)
            at[i] = taken(rows[i][u], shift[u], scale[u]);
        for (size_t i = n; i < lanes; i++) at[i] = 0;
    }
}

/* Infinities and NaN times 0 are NaN, and stay it in a sum. */
static bool all_finite(const float *x, size_t n) {
    v16 sum[4] = {v_set(0), v_set(0), v_set(0), v_set(0)}, zero = v_set(0);
    float rest = 0;
    size_t i = 0;
    for (; i + 64 <= n; i += 64)
        for (int v = 0; v < 4; v++)
            sum[v] = v_fma(v_load(x + i + v * 16), zero, sum[v]);
    for (; i < n; i++) rest += x[i] * 0;
    return rest == 0 && v_finite(v_add(v_add(sum[0], sum[1]),
                                       v_add(sum[2], sum[3])));
}

#endif
