/* What a header must be, whoever wrote it: of a format that is known, and of
 * fields that go together. */

#include "model/net.h"

nr_status nr_format_check(uint64_t format, nr_error *err) {
    if (format <= NR_FORMAT) return NR_OK;
    return nr_fail(err, "ERR the network has format %llu, newer than the %d "
                        "that this version reads",
                   (unsigned long long)format, NR_FORMAT);
}

/* What fields say together. */
nr_status nr_header_check(const nr_header *h, nr_error *err) {
    const nr_options *o = &h->options;
    nr_status status =
        nr_shape_check(h->kind, h->nlayers, h->layers, o->members, h->maxlen,
                       err);
    if (status != NR_OK) return status;
    bool sound = h->len[0] <= h->maxlen[0] && h->len[1] <= h->maxlen[1] &&
                 nr_options_sound(o, h->kind);
    for (int d = 0; d < 2; d++)
        sound = sound && (h->records == NR_VARIABLE
                              ? h->len[d] <= h->bytes[d] &&
                                    h->bytes[d] <= NR_MAX_DATASET_BYTES
                              : h->bytes[d] == 0);
    if (h->kind == NR_FORECASTER)
        sound = sound && h->records == NR_VARIABLE && !o->classic &&
                h->steps > 0 && h->steps <= NR_MAX_RECORD &&
                h->maxlen[0] <= NR_MAX_SERIES && !h->maxlen[1];
    else
        sound = sound && !h->steps;
    if (h->kind == NR_GENERATOR)
        sound = sound && h->records == NR_VARIABLE && !o->classic &&
                o->members == 1 && o->vocabulary > 1;
    sound = sound && h->maxbytes > 0 && h->maxbytes <= NR_MAX_DATASET_BYTES;
    if (o->classic)
        sound = sound && o->activation == NR_SIGMOID && o->loss == NR_MSE &&
                o->optimizer == NR_RPROP && o->members == 1;
    return sound ? NR_OK
                 : nr_fail(err, "ERR invalid network: the fields of its "
                                "header contradict each other");
}
