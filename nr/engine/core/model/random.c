/* Randomness: one generator for samples, one hash for weights.
 *
 * Placement and eviction draw from L'Ecuyer's MRG32k3a (Operations Research
 * 47(1), 1999). It was made for doubles: none of its products reaches 2^53, so
 * that a script in Lua, whose only numbers are doubles, draws the same numbers
 * as this file. xoshiro and PCG are faster and need 64-bit integers.
 *
 * Initial weights are a pure function of the seed, the number of resets and
 * the weight's index (splitmix64 of a counter). So a network that was never
 * trained need not keep any, and they can be made in any order. Their normal
 * deviates are sums of four uniform ones: integers until the last step, the
 * same bits on every machine, where a logarithm and a cosine are not. */

#include "model/net.h"

static const uint64_t M1 = 4294967087, M2 = 4294944443;

uint64_t nr_mix(uint64_t z) {
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* All six numbers are at least 1, as neither triple may be all zero. */
void nr_random_seed(nr_random *random, uint64_t seed) {
    for (int i = 0; i < 6; i++) {
        seed = nr_mix(seed);
        random->s[i] = 1 + seed % ((i < 3 ? M1 : M2) - 1);
    }
}

bool nr_random_sound(const nr_random *random) {
    const uint64_t *s = random->s;
    for (int i = 0; i < 6; i++)
        if (s[i] >= (i < 3 ? M1 : M2)) return false;
    return (s[0] | s[1] | s[2]) && (s[3] | s[4] | s[5]);
}

/* A number from 0 to M1 - 1. */
static uint64_t next(nr_random *random) {
    uint64_t *s = random->s;
    uint64_t a = (1403580 * s[1] + (M1 - 810728 * s[0] % M1)) % M1;
    uint64_t b = (527612 * s[5] + (M2 - 1370589 * s[3] % M2)) % M2;
    s[0] = s[1], s[1] = s[2], s[2] = a;
    s[3] = s[4], s[4] = s[5], s[5] = b;
    return a >= b ? a - b : a + M1 - b;
}

/* Uniform from 0 to n - 1, exactly: what would favour some is drawn again. */
uint64_t nr_random_below(nr_random *random, uint64_t n) {
    uint32_t limit = (uint32_t)M1 - (uint32_t)M1 % (uint32_t)n, z;
    do z = (uint32_t)next(random);
    while (z >= limit);
    return z % (uint32_t)n;
}

/* Four uniform 16-bit numbers: mean 131070, deviation sqrt(4 (2^32 - 1) / 12),
 * never beyond 3.47 deviations. */
float nr_normal(uint64_t bits) {
    int64_t sum = (int64_t)((bits & 0xffff) + (bits >> 16 & 0xffff) +
                            (bits >> 32 & 0xffff) + (bits >> 48));
    return (float)((double)(sum - 131070) * (1.0 / 37837.22722615498));
}

float nr_uniform(uint64_t bits) { /* -1 to 1 */
    return (float)((double)((int64_t)(bits >> 11) - (INT64_C(1) << 52)) *
                   0x1p-52);
}

void nr_weights_init(const nr_net *net, float *weights) {
    const nr_header *h = &net->h;
    const nr_plan *plan = net->plan;
    uint64_t key = nr_mix(h->options.seed ^ nr_mix(h->resets));
    nr_factors f = nr_factors_of(h, weights);
    for (size_t i = 0; i < nr_inputs(net); i++) f.in_scale[i] = 1;
    for (size_t i = 0; i < nr_outputs(net); i++) f.out_scale[i] = 1;
    for (size_t m = 0; m < (size_t)h->options.members; m++)
        for (size_t i = 0; i < plan->all; i++)
            plan->ops[i].layer->init(&plan->ops[i], h,
                                     f.layers + nr_member_at(net, m) +
                                         plan->ops[i].at,
                                     &key);
}
