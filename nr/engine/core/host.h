/* What the core gives to hosts in C that are built with it, the Redis module,
 * beside nr.h: memory and errors (base.h), replies to read and bytes to write
 * (msgpack.h), networks that Neural Redis saved, and sentences that more than one
 * place says. */

#ifndef NR_HOST_H
#define NR_HOST_H

#include "msgpack.h"

#define NR_BUSY "ERR the key name is busy"
#define NR_IN_TRAINING "ERR neural network training already in progress"
#define NR_NO_SUCH_KEY "ERR no such key"

/* A checksum of bytes, and one number mixed into another that looks like
 * chance. */
uint64_t nr_checksum(const unsigned char *data, size_t len);
uint64_t nr_mix(uint64_t state);

/* The numbers of a file that the host reads one by one. What comes after its end,
 * or where it cannot be read, is 0, and ended. */
typedef struct nr_numbers {
    void *host;
    uint64_t (*number)(void *host);
    float (*real)(void *host);
    bool (*ended)(void *host);
} nr_numbers;

/* A network as Neural Redis saved it. Its checks are those of nr_net_load. */
nr_status nr_legacy_read(const nr_numbers *from, nr_net **net, nr_error *err);

#endif
