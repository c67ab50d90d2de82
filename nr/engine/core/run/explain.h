/* NR.EXPLAIN: what an answer rests on. */

#ifndef NR_EXPLAIN_H
#define NR_EXPLAIN_H

#include "run/runner.h"

/* The game that is explained: fields are its players, and what a coalition of them is
 * worth is what the network answers on average, where they have the row's values and
 * the others those of each background row. explain.c says what is made of it. */
typedef struct nr_game {
    const nr_net *net;           /* without fields */
    const nr_encoding *encoding; /* of the network around it; or NULL */
    const float *row;            /* that is explained */
    const float *background;     /* rows of as many inputs */
    size_t rows;
    size_t output; /* which is explained */
    uint64_t seed;

    size_t fields, players; /* players have columns */
    uint32_t *player;       /* which field each is */
    double prediction, baseline;
    double *shares; /* of each field */
    double error;
    struct nr_coalitions *coalitions;
} nr_game;

/* Fills in all from `fields` on. false: out of memory. */
bool nr_game_play(nr_game *game);
void nr_game_free(nr_game *game);
double nr_game_work(const nr_net *net, size_t fields); /* multiply-adds, about */
uint64_t nr_game_bytes(const nr_net *net, size_t fields);

/* coalitions.c: what each is worth. */
enum { NR_MOST_EXACT = 10, NR_PERMUTATIONS = 32 /* and as many turned round */ };
struct nr_coalitions *nr_coalitions_new(const nr_game *game);
void nr_coalitions_free(struct nr_coalitions *c);
double nr_worth_of_none(struct nr_coalitions *c);
double nr_worth_of_all(struct nr_coalitions *c);
/* Of all 2^players, by the bits of their players. */
void nr_worth_of_each(struct nr_coalitions *c, double *worth);
/* Of the first one to all but the last in this order. */
void nr_worth_in_order(struct nr_coalitions *c, const uint32_t *order,
                       double *worth);

nr_status nr_one_row(size_t n, nr_error *err); /* not several */
/* The reply. */
nr_status nr_explain_reply(const nr_net *net, const nr_command *cmd,
                           nr_buf *reply, nr_error *err);

#endif
