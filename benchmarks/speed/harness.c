/* What must be timed without Python between the calls: rows one by one, and
 * libfann, which has no Python of its own here. Built into a library that
 * contenders load through ctypes; the core's functions come as pointers. */

#include <floatfann.h>
#include <stddef.h>

typedef int run_fn(const void *net, const float *rows, size_t n,
                   float *outputs, void *err);

/* Runs `times` calls of n rows each; they walk over `rows`, which has
 * `distinct` calls' worth of `inputs` numbers a row. */
int repeat_run(run_fn *run, const void *net, const float *rows, size_t n,
               size_t inputs, size_t distinct, float *outputs, size_t times,
               void *err) {
    for (size_t i = 0; i < times; i++)
        if (run(net, rows + i % distinct * n * inputs, n, outputs, err) != 0)
            return -1;
    return 0;
}

struct fann *fann_make(const unsigned *layers, unsigned count) {
    struct fann *net = fann_create_standard_array(count, layers);
    if (!net) return NULL;
    fann_set_activation_function_hidden(net, FANN_SIGMOID);
    fann_set_activation_function_output(net, FANN_SIGMOID);
    fann_set_training_algorithm(net, FANN_TRAIN_RPROP);
    fann_randomize_weights(net, -0.05f, 0.05f);
    return net;
}

struct fann_train_data *fann_samples(unsigned n, unsigned inputs,
                                     unsigned outputs, const float *x,
                                     const float *y) {
    struct fann_train_data *data = fann_create_train(n, inputs, outputs);
    for (unsigned i = 0; data && i < n; i++) {
        for (unsigned j = 0; j < inputs; j++)
            data->input[i][j] = x[(size_t)i * inputs + j];
        for (unsigned j = 0; j < outputs; j++)
            data->output[i][j] = y[(size_t)i * outputs + j];
    }
    return data;
}

void fann_cycles(struct fann *net, struct fann_train_data *data,
                 size_t times) {
    for (size_t i = 0; i < times; i++) fann_train_epoch(net, data);
}

void fann_rows(struct fann *net, float *rows, size_t inputs, size_t distinct,
               size_t times) {
    for (size_t i = 0; i < times; i++)
        fann_run(net, rows + i % distinct * inputs);
}
