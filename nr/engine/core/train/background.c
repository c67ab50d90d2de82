/* The rows that NR.EXPLAIN compares with: some of the training samples, as the network
 * sees them. One is drawn, by the seed, of each of as many stretches of the dataset, so
 * that none comes twice. Columns of encoded fields may be many; of these there are
 * fewer rows. */

#include <string.h>

#include "train/train.h"

size_t nr_background_floats(const nr_net *net) {
    size_t in = nr_inputs(net), n = net->h.len[NR_DATASET_TRAIN];
    size_t fit = NR_MOST_BACKGROUND / in;
    if (fit > NR_BACKGROUND_ROWS) fit = NR_BACKGROUND_ROWS;
    if (net->h.recurrent.fields) return 0;
    return in * (n < fit ? n : fit);
}

bool nr_background_choose(const nr_net *net, nr_array **background) {
    size_t in = nr_inputs(net), n = net->h.len[NR_DATASET_TRAIN];
    size_t rows = nr_background_floats(net) / in;
    nr_random random;
    *background = NULL;
    if (!rows) return true;
    *background = nr_array_new(rows * in);
    if (!*background) return false;
    nr_random_seed(&random, net->h.options.seed);
    for (size_t i = 0; i < rows; i++) {
        size_t first = n * i / rows, behind = n * (i + 1) / rows;
        size_t at = first + (size_t)nr_random_below(&random, behind - first);
        memcpy((*background)->data + i * in,
               nr_dataset_row(net, NR_DATASET_TRAIN, at),
               in * sizeof(float));
    }
    return true;
}
