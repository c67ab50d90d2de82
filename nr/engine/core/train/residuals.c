/* How far a regressor is off on the testing samples, measured before it learns from
 * these as well: what is left of the errors after that is too small to tell how far
 * it will be off. */

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "float_mode.h"
#include "run/report.h"
#include "run/run.h"
#include "train/train.h"

enum { BATCH = NR_LANES };

/* Which samples are measured: so many, `every` apart. */
typedef struct choice {
    size_t n, every;
} choice;

static choice choose(const nr_header *h) {
    size_t n = h->len[NR_DATASET_TEST], out = h->layers[h->nlayers - 1];
    if (h->kind != NR_REGRESSOR || out > NR_MOST_INTERVALS || !n)
        return (choice){0, 1};
    size_t most = NR_MOST_MEASURED / out;
    size_t every = (n + most - 1) / most;
    return (choice){(n + every - 1) / every, every};
}

uint64_t nr_residuals_floats(const nr_header *h) {
    uint64_t out = h->layers[h->nlayers - 1];
    size_t n = choose(h).n;
    return n ? out * (n + nr_residuals_kept(n, out)) : 0;
}

static int largest_first(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

/* An error that is no number is as large as one can be. */
static float error_of(float y, float target) {
    float from[] = {y, target}, error;
    nr_mode_flush(from, 2);
    double off = fabs((double)from[0] - (double)from[1]);
    error = off <= (double)FLT_MAX ? (float)off : FLT_MAX;
    nr_mode_flush(&error, 1);
    return error;
}

/* The errors of all outputs: [output][sample]. */
static bool run_all(const nr_net *net, choice c, float *x, float *y,
                    float *errors) {
    nr_error err;
    size_t in = nr_inputs(net), out = nr_outputs(net);
    for (size_t from = 0; from < c.n; from += BATCH) {
        const float *rows[BATCH];
        size_t some = c.n - from < BATCH ? c.n - from : BATCH;
        for (size_t i = 0; i < some; i++) {
            rows[i] = nr_dataset_row(net, NR_DATASET_TEST,
                                     (from + i) * c.every);
            memcpy(x + i * in, rows[i], in * sizeof *x);
        }
        if (nr_net_outputs(net, NULL, x, some, y, &err) != NR_OK) return false;
        for (size_t i = 0; i < some; i++)
            for (size_t o = 0; o < out; o++)
                errors[o * c.n + from + i] =
                    error_of(y[i * out + o], rows[i][in + o]);
    }
    return true;
}

static nr_array *thin(choice c, size_t out, float *errors) {
    size_t kept = nr_residuals_kept(c.n, out);
    nr_array *residuals = nr_array_new(1 + out * kept);
    if (!residuals) return NULL;
    residuals->data[0] = (float)c.n;
    for (size_t o = 0; o < out; o++) {
        qsort(errors + o * c.n, c.n, sizeof *errors, largest_first);
        nr_residuals_thin(errors + o * c.n, c.n, out,
                          residuals->data + 1 + o * kept);
    }
    return residuals;
}

bool nr_residuals_measure(const nr_net *net, nr_array **residuals) {
    choice c = choose(&net->h);
    size_t in = nr_inputs(net), out = nr_outputs(net);
    *residuals = NULL;
    if (!c.n) return true;
    float *x = nr_alloc_lines(BATCH, in * sizeof *x);
    float *y = nr_alloc_lines(BATCH, out * sizeof *y);
    float *errors = nr_alloc_lines(c.n, out * sizeof *errors);
    if (x && y && errors && run_all(net, c, x, y, errors))
        *residuals = thin(c, out, errors);
    nr_release_lines(x);
    nr_release_lines(y);
    nr_release_lines(errors);
    return *residuals != NULL;
}
