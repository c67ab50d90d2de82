/* NR.IMPORTANCE: how much a network's answers rest on each input.
 *
 * Permutation importance (Breiman, 2001): an input's values are shuffled among
 * the samples of the testing dataset (of the training dataset where that is
 * empty), which leaves them plausible and makes them meaningless, and what the
 * mean loss grows by is the input's importance. The shuffle is a rotation by a
 * third of the samples: the same at every call. Where samples times inputs
 * times weights would hold a server up, fewer samples are looked at. */

#include <string.h>

#include "kernel.h"
#include "report.h"

static const double MOST_WORK = 5e8; /* multiply-adds */

static nr_dataset_id choose_dataset(const nr_net *net) {
    return net->h.len[NR_DATASET_TEST] ? NR_DATASET_TEST : NR_DATASET_TRAIN;
}

/* Of one sample. */
static double work(const nr_net *net) {
    return (double)net->params * (double)net->h.options.members *
           (double)nr_inputs(net);
}

static size_t choose_samples(const nr_net *net) {
    size_t n = net->h.len[choose_dataset(net)];
    double fit = MOST_WORK / work(net);
    if (fit < 16) fit = 16;
    return (double)n <= fit ? n : (size_t)fit;
}

double nr_importance_work(const nr_net *net) {
    return net->h.trained ? work(net) * (double)choose_samples(net) : 0;
}

/* A network of its own that holds the first n samples, changed at will. */
static nr_net *copy_samples(const nr_net *net, nr_dataset_id which, size_t n,
                            nr_error *err) {
    nr_net *copy = nr_net_new(&net->h);
    nr_net *self = (nr_net *)net;
    if (!copy) return NULL;
    atomic_store(&copy->weights, nr_array_hold(atomic_load(&self->weights)));
    copy->h.len[0] = copy->h.len[1] = 0;
    for (size_t i = 0; i < n; i++)
        if (nr_net_observe(copy, nr_dataset_row(net, which, i), 1, which,
                           err) != NR_OK) {
            nr_net_free(copy);
            return NULL;
        }
    return copy;
}

static bool importances(const nr_net *net, nr_net *copy, nr_dataset_id which,
                        nr_buf *reply) {
    size_t in = nr_inputs(net), n = copy->h.len[which];
    double base, loss, wrong;
    bool ok = nr_report_make(copy, which, NULL, &base, &wrong) &&
              nr_put_array(reply, in);
    for (size_t i = 0; i < in && ok; i++) {
        for (size_t s = 0; s < n; s++)
            nr_dataset_row(copy, which, s)[i] =
                nr_dataset_row(net, which, (s + (n + 2) / 3) % n)[i];
        ok = nr_report_make(copy, which, NULL, &loss, &wrong) &&
             nr_put_double(reply, loss - base);
        for (size_t s = 0; s < n; s++)
            nr_dataset_row(copy, which, s)[i] =
                nr_dataset_row(net, which, s)[i];
    }
    return ok;
}

nr_status nr_importance_reply(const nr_net *net, nr_buf *reply,
                              nr_error *err) {
    nr_dataset_id which = choose_dataset(net);
    size_t start = reply->len;
    if (net->h.len[which] == 0 || !net->h.trained)
        return nr_put_nil(reply) ? NR_OK : nr_nomem(err);
    if (net->partial)
        return nr_fail(err, "ERR the importance of a network without its "
                            "datasets");
    size_t n = choose_samples(net);
    nr_net *copy = copy_samples(net, which, n, err);
    bool ok = copy && importances(net, copy, which, reply);
    nr_net_free(copy);
    if (ok) return NR_OK;
    reply->len = start;
    return nr_nomem(err);
}
