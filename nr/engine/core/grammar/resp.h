/* The protocol of Redis: what clients send becomes commands (resp.c), and
 * replies what they read (resp_reply.c). */

#ifndef NR_RESP_H
#define NR_RESP_H

#include "grammar/syntax.h"

struct nr_resp {
    nr_resp_head head; /* what hosts read */

    nr_buf in;       /* what came and was not yet run */
    size_t start;    /* where the command begins in it */
    size_t at;       /* how far it was read */
    nr_buf places;   /* size_t each: where the words are, then pointers */
    nr_buf lengths;  /* size_t each */
    size_t words;    /* there already */
    size_t wanted;   /* how many its array has; 0: no array was begun */
    size_t awaited;  /* bytes of the next word */
    bool awaits;     /* whether these were told */
    nr_args line;    /* the words of an inline command */
    nr_buf scratch;  /* a reply before it is put */
    nr_buf key;      /* of the network that is run on */
    const nr_net *net;
    size_t most_words, most_bytes, most; /* of a command, of a word, of all */
};

#endif
