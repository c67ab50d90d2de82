/* Encoding 2: what Neural Redis saved. The core knows what it means; here its
 * numbers are read from the server's file. */

#include "module.h"

static uint64_t number(void *io) { return rm.LoadUnsigned(io); }
static float real(void *io) { return rm.LoadFloat(io); }
static bool ended(void *io) { return rm.IsIOError(io); }

nr_net *nr_legacy_load(rm_io *io) {
    nr_error err;
    nr_net *net;
    nr_numbers from = {io, number, real, ended};
    if (nr_legacy_read(&from, &net, &err) != NR_OK)
        rm.LogIOError(io, "warning", "a network of encoding 2: %s", err.text);
    return net;
}
